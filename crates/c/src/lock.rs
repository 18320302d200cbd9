//! Locks.

use std::ffi::c_char;
use std::sync::Arc;

use tsdsm_core::cluster::{Cluster, Lock};
use tsdsm_core::objects::Spec;

use crate::cluster::ClusterHandle;
use crate::status::{Status, check, give, known, status_of, time};
use crate::text::text;

/// A lock of a cluster, as one participant has found it.
pub struct LockHandle {
    /// Before what it borrows from.
    lock: Lock<'static>,
    _cluster: Arc<Cluster>,
}

/// Makes the lock `name`, for all participants.
///
/// # Safety
/// `cluster` comes from tsdsm_join(), and `name` ends in NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_lock_create(cluster: *const ClusterHandle, name: *const c_char) -> Status {
    status_of(|| {
        // SAFETY: the caller's promise.
        let (cluster, name) = unsafe { (known(cluster, "the cluster")?, text(name, "a lock's name")?) };
        cluster.0.create(name, &Spec::Lock)
    })
}

/// Finds the lock `name`, made by anybody. `*lock` is to be given to tsdsm_lock_free().
///
/// # Safety
/// `cluster` comes from tsdsm_join(), `name` ends in NUL, and there is room at `lock`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_lock_find(
    cluster: *const ClusterHandle,
    name: *const c_char,
    lock: *mut *mut LockHandle,
) -> Status {
    status_of(|| {
        check(lock, "the lock")?;
        // SAFETY: the caller's promise.
        let (cluster, name) = unsafe { (known(cluster, "the cluster")?, text(name, "a lock's name")?) };
        let found = cluster.0.lock(name)?;
        // SAFETY: it borrows from what the Arc beside it keeps, at the same place, and is dropped first.
        let found = unsafe { std::mem::transmute::<Lock<'_>, Lock<'static>>(found) };
        let handle = LockHandle { lock: found, _cluster: Arc::clone(&cluster.0) };
        // SAFETY: the caller's promise.
        unsafe { give(lock, Box::into_raw(Box::new(handle))) };
        Ok(())
    })
}

/// Waits for the lock. `recover`: take it over from a holder that died, and say so in `*recovered` (may be null): what the
/// lock guards may be half written then.
///
/// TSDSM_OWNER_DIED when a holder died and `recover` is false; TSDSM_TIMEOUT; TSDSM_DEADLOCK for whoever holds it.
///
/// # Safety
/// `lock` comes from tsdsm_lock_find(); there is room at `recovered`, or it is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_lock_acquire(
    lock: *const LockHandle,
    timeout_ms: i64,
    recover: bool,
    recovered: *mut bool,
) -> Status {
    status_of(|| {
        // SAFETY: the caller's promise.
        let lock = &unsafe { known(lock, "the lock") }?.lock;
        let timeout = time(timeout_ms);
        let guard = if recover { lock.acquire_recovering(timeout)? } else { lock.acquire(timeout)? };
        if !recovered.is_null() {
            // SAFETY: the caller's promise.
            unsafe { give(recovered, guard.recovered()) };
        }
        guard.keep();
        Ok(())
    })
}

/// Gives the lock back. One that was taken over stays poisoned unless tsdsm_lock_clear_poison() was called.
///
/// TSDSM_NOT_OWNER when this participant does not hold it.
///
/// # Safety
/// `lock` comes from tsdsm_lock_find().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_lock_release(lock: *const LockHandle) -> Status {
    // SAFETY: the caller's promise.
    status_of(|| unsafe { known(lock, "the lock") }?.lock.release())
}

/// Declares what the lock guards whole again; it is held.
///
/// TSDSM_NOT_OWNER when this participant does not hold it.
///
/// # Safety
/// `lock` comes from tsdsm_lock_find().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_lock_clear_poison(lock: *const LockHandle) -> Status {
    // SAFETY: the caller's promise.
    status_of(|| unsafe { known(lock, "the lock") }?.lock.clear_poison())
}

/// Forgets what tsdsm_lock_find() has found; the lock itself stays, and whoever holds it. Null does nothing.
///
/// # Safety
/// `lock` comes from tsdsm_lock_find() and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_lock_free(lock: *mut LockHandle) {
    if !lock.is_null() {
        // SAFETY: the caller's promise.
        drop(unsafe { Box::from_raw(lock) });
    }
}
