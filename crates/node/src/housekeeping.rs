//! What is in shared memory, and output that stays whole.

use std::os::fd::BorrowedFd;

use napi::bindgen_prelude::{Either, Function, Null};
use napi::{Env, Result};
use napi_derive::napi;
use tsdsm_core::janitor;
use tsdsm_core::sys::output;

use crate::args::descriptor;
use crate::error::OrThrow;
use crate::session::Session;

/// A segment of a cluster, alive or not.
#[napi(object, object_from_js = false)]
pub struct SegmentInfo {
    /// Its name.
    pub segment: String,
    /// The cluster's name.
    pub cluster: String,
    /// The array's name; `null` for the control segment.
    pub array: Either<String, Null>,
    /// Its size in bytes.
    pub bytes: f64,
    /// `segmentsPrune` would remove it.
    pub stale: bool,
    /// The process of the cluster's main, where it lives.
    pub owner_pid: Either<u32, Null>,
}

/// All segments of all clusters.
#[napi(catch_unwind)]
pub fn segments_list(env: &Env) -> Result<Vec<SegmentInfo>> {
    let info = |found: janitor::SegmentInfo| SegmentInfo {
        segment: found.segment,
        cluster: found.cluster,
        array: found.array.map_or(Either::B(Null), Either::A),
        bytes: found.bytes as f64,
        stale: found.stale,
        owner_pid: found.owner_pid.map_or(Either::B(Null), Either::A),
    };
    Ok(janitor::list().or_throw(env)?.into_iter().map(info).collect())
}

/// Removes every segment of every cluster that nobody lives in, persistent arrays excepted. Their names.
#[napi(catch_unwind)]
pub fn segments_prune(env: &Env) -> Result<Vec<String>> {
    janitor::prune().or_throw(env)
}

/// Calls `write` while no other process of the cluster is inside this call: for output that must not be torn apart.
/// Blocks.
#[napi(catch_unwind)]
pub fn with_output_lock(env: &Env, session: Session, write: Function<(), ()>) -> Result<()> {
    session.control.with_output_lock(|| write.call(())).or_throw(env)?
}

/// Writes all bytes to a descriptor, and blocks until they are taken.
#[napi(catch_unwind)]
pub fn raw_write(env: &Env, fd: f64, bytes: &[u8]) -> Result<()> {
    let fd = descriptor(env, fd)?;
    // SAFETY: borrowed for the write, which refuses a descriptor that is closed.
    output::write_all(unsafe { BorrowedFd::borrow_raw(fd) }, bytes).or_throw(env)
}
