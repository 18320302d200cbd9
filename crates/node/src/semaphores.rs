//! Semaphores, as JavaScript sees them: how they stand. Taking and giving back is in [`crate::operations`].

use napi::{Env, Result};
use napi_derive::napi;

use crate::args::count;
use crate::error::OrThrow;
use crate::session::Session;

/// How a semaphore stands.
#[napi(object, object_from_js = false)]
pub struct SemaphoreInfo {
    /// Permits that are free.
    pub free: f64,
    /// Permits in all; 0 for an unowned one.
    pub capacity: f64,
}

/// How a semaphore stands now.
#[napi(catch_unwind)]
pub fn semaphore_info(env: &Env, session: Session, index: f64) -> Result<SemaphoreInfo> {
    let info = session.control.semaphore(count(env, "an index", index)?).or_throw(env)?.info();
    Ok(SemaphoreInfo { free: info.free.into(), capacity: info.capacity.into() })
}
