//! Barriers.

use std::ffi::c_char;
use std::sync::Arc;

use tsdsm_core::cluster::{Barrier, Cluster};
use tsdsm_core::objects::Spec;

use crate::cluster::ClusterHandle;
use crate::status::{Status, check, give, known, status_of, time};
use crate::text::text;

/// A barrier of a cluster, as one participant has found it.
pub struct BarrierHandle {
    /// Before what it borrows from.
    barrier: Barrier<'static>,
    _cluster: Arc<Cluster>,
}

/// Makes the barrier `name` for so many parties, whoever they are.
///
/// # Safety
/// `cluster` comes from tsdsm_join(), and `name` ends in NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_barrier_create(
    cluster: *const ClusterHandle,
    name: *const c_char,
    parties: u32,
) -> Status {
    status_of(|| {
        // SAFETY: the caller's promise.
        let (cluster, name) = unsafe { (known(cluster, "the cluster")?, text(name, "a barrier's name")?) };
        cluster.0.create(name, &Spec::Barrier { parties })
    })
}

/// Finds the barrier `name`, made by anybody. `*barrier` is to be given to tsdsm_barrier_free().
///
/// # Safety
/// `cluster` comes from tsdsm_join(), `name` ends in NUL, and there is room at `barrier`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_barrier_find(
    cluster: *const ClusterHandle,
    name: *const c_char,
    barrier: *mut *mut BarrierHandle,
) -> Status {
    status_of(|| {
        check(barrier, "the barrier")?;
        // SAFETY: the caller's promise.
        let (cluster, name) = unsafe { (known(cluster, "the cluster")?, text(name, "a barrier's name")?) };
        let found = cluster.0.barrier(name)?;
        // SAFETY: it borrows from what the Arc beside it keeps, at the same place, and is dropped first.
        let found = unsafe { std::mem::transmute::<Barrier<'_>, Barrier<'static>>(found) };
        let handle = BarrierHandle { barrier: found, _cluster: Arc::clone(&cluster.0) };
        // SAFETY: the caller's promise.
        unsafe { give(barrier, Box::into_raw(Box::new(handle))) };
        Ok(())
    })
}

/// Waits until all have come. `*index` (may be null) is how many had come before in this round. What each did before it
/// came is seen by all after it. From its first arrival on a participant is counted on: its death breaks the barrier.
///
/// TSDSM_BROKEN_BARRIER; TSDSM_TIMEOUT, which breaks it for all.
///
/// # Safety
/// `barrier` comes from tsdsm_barrier_find(); there is room at `index`, or it is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_barrier_wait(barrier: *const BarrierHandle, timeout_ms: i64, index: *mut u32) -> Status {
    status_of(|| {
        // SAFETY: the caller's promise.
        let arrival = unsafe { known(barrier, "the barrier") }?.barrier.wait(time(timeout_ms))?;
        if !index.is_null() {
            // SAFETY: the caller's promise.
            unsafe { give(index, arrival) };
        }
        Ok(())
    })
}

/// Makes a broken barrier sound again. Whoever waits in it gets TSDSM_BROKEN_BARRIER.
///
/// # Safety
/// `barrier` comes from tsdsm_barrier_find().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_barrier_reset(barrier: *const BarrierHandle) -> Status {
    // SAFETY: the caller's promise.
    status_of(|| unsafe { known(barrier, "the barrier") }?.barrier.reset())
}

/// Forgets what tsdsm_barrier_find() has found; the barrier itself stays. Null does nothing.
///
/// # Safety
/// `barrier` comes from tsdsm_barrier_find() and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tsdsm_barrier_free(barrier: *mut BarrierHandle) {
    if !barrier.is_null() {
        // SAFETY: the caller's promise.
        drop(unsafe { Box::from_raw(barrier) });
    }
}
