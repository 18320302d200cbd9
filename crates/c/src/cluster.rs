//! Joining, and leaving.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use tsdsm_core::cluster::Cluster;
use tsdsm_core::layout;

use crate::status::{Status, check, give, known, status_of};
use crate::text::text;

/// A cluster that this thread has joined.
// What was found through it counts as a reference to it, and may be freed on any thread, as by a garbage collector.
pub struct ClusterHandle(pub(crate) Arc<Cluster>);

/// The version of this library, as "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn tsdsm_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The version of the layout that this library shares with the clusters that it can join.
#[unsafe(no_mangle)]
pub extern "C" fn tsdsm_abi() -> u32 {
    layout::ABI
}

/// Takes part in the running cluster `name`. `*cluster` is to be given to tsdsm_leave().
///
/// TSDSM_NOT_FOUND when no such cluster runs; TSDSM_INCOMPATIBLE_SEGMENT when it is of another version; TSDSM_CAPACITY
/// when it has no place left; TSDSM_CLOSED when it is about to end; TSDSM_UNSUPPORTED after a fork without exec.
///
/// # Safety
/// As C has it: `name` ends in NUL, and there is room at `cluster`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_join(name: *const c_char, cluster: *mut *mut ClusterHandle) -> Status {
    status_of(|| {
        check(cluster, "the cluster")?;
        // SAFETY: the caller's promise.
        let joined = Cluster::join(unsafe { text(name, "a cluster's name") }?)?;
        #[allow(clippy::arc_with_non_send_sync, reason = "may be dropped on any thread, and is used on one")]
        let joined = Arc::new(joined);
        // SAFETY: the caller's promise.
        unsafe { give(cluster, Box::into_raw(Box::new(ClusterHandle(joined)))) };
        Ok(())
    })
}

/// Leaves in order: locks that are still held become poisoned, and a barrier that it waits in breaks. What was found
/// through the cluster answers TSDSM_CLOSED from then on; arrays stay mapped. Null does nothing.
///
/// A process that ends without it is as dead as one that was killed.
///
/// # Safety
/// `cluster` comes from tsdsm_join() and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_leave(cluster: *mut ClusterHandle) {
    if !cluster.is_null() {
        // SAFETY: the caller's promise.
        let cluster = unsafe { Box::from_raw(cluster) };
        // Now, whoever still has a part of it.
        cluster.0.leave();
    }
}

/// Whether the cluster has ended: then everything but arrays that are mapped answers TSDSM_CLOSED.
///
/// # Safety
/// `cluster` comes from tsdsm_join().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_has_ended(cluster: *const ClusterHandle) -> bool {
    // SAFETY: the caller's promise.
    unsafe { cluster.as_ref() }.is_some_and(|cluster| cluster.0.has_ended())
}

/// How many workers the cluster has.
///
/// # Safety
/// `cluster` comes from tsdsm_join().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_workers(cluster: *const ClusterHandle) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { cluster.as_ref() }.map_or(0, |cluster| cluster.0.workers())
}

/// What is given to a hook, and may be sent with the cluster.
struct Data(*mut c_void);
// SAFETY: only the hook's owner looks at it, on the thread that waits.
unsafe impl Send for Data {}

/// `hook` is asked during waits, between two sleeps (of half a second at most, and after each signal that this thread
/// handles): true ends the wait with TSDSM_INTERRUPTED, and breaks a barrier. For languages whose signal handlers want to
/// run. It must not use the cluster. `data` is passed on to it.
///
/// # Safety
/// `cluster` comes from tsdsm_join(); `hook` can be called with `data` as long as the cluster is joined.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_set_interrupt(
    cluster: *const ClusterHandle,
    hook: Option<unsafe extern "C" fn(data: *mut c_void) -> bool>,
    data: *mut c_void,
) -> Status {
    status_of(|| {
        // SAFETY: the caller's promise.
        let cluster = unsafe { known(cluster, "the cluster") }?;
        let data = Data(data);
        cluster.0.set_interrupt(move || {
            let data = &data;
            // SAFETY: the caller's promise.
            hook.is_some_and(|hook| unsafe { hook(data.0) })
        });
        Ok(())
    })
}
