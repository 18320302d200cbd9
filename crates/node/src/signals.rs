//! Events, latches and what is done once, as JavaScript sees them. Waiting is in [`crate::operations`].

use napi::{Env, Result};
use napi_derive::napi;

use crate::args::{NONE, count};
use crate::error::OrThrow;
use crate::session::Session;

/// An event has happened.
#[napi(catch_unwind)]
pub fn event_set(env: &Env, session: Session, index: f64) -> Result<()> {
    session.control.event(count(env, "an index", index)?).or_throw(env)?.set();
    Ok(())
}

/// An event has not happened any more.
#[napi(catch_unwind)]
pub fn event_reset(env: &Env, session: Session, index: f64) -> Result<()> {
    session.control.event(count(env, "an index", index)?).or_throw(env)?.reset();
    Ok(())
}

/// How an event stands.
#[napi(object, object_from_js = false)]
pub struct EventInfo {
    /// It has happened.
    pub set: bool,
    /// It resets itself.
    pub automatic: bool,
    /// What a wait begins with: its argument.
    pub generation: f64,
}

/// How an event stands now.
#[napi(catch_unwind)]
pub fn event_info(env: &Env, session: Session, index: f64) -> Result<EventInfo> {
    let event = session.control.event(count(env, "an index", index)?).or_throw(env)?;
    Ok(EventInfo { set: event.is_set(), automatic: event.is_automatic(), generation: event.generation().into() })
}

/// Counts a latch down. How it stands then: 0 closed, 1 open, 2 broken.
#[napi(catch_unwind)]
pub fn latch_count_down(env: &Env, session: Session, index: f64, by: f64) -> Result<u32> {
    let latch = session.control.latch(count(env, "an index", index)?).or_throw(env)?;
    Ok(latch.count_down(session.worker, count(env, "a number to count", by)?) as u32)
}

/// Begins a latch anew: whoever waits is told.
#[napi(catch_unwind)]
pub fn latch_reset(env: &Env, session: Session, index: f64) -> Result<()> {
    session.control.latch(count(env, "an index", index)?).or_throw(env)?.reset();
    Ok(())
}

/// Breaks a latch that is closed.
#[napi(catch_unwind)]
pub fn latch_break(env: &Env, session: Session, index: f64) -> Result<()> {
    session.control.latch(count(env, "an index", index)?).or_throw(env)?.break_now(None);
    Ok(())
}

/// How a latch stands. -1 where there is none.
#[napi(object, object_from_js = false)]
pub struct LatchInfo {
    /// 0 closed, 1 open, 2 broken.
    pub stand: u32,
    /// What is left to count.
    pub left: f64,
    /// What a wait begins with: its argument.
    pub epoch: f64,
    /// The worker whose death broke it.
    pub by_worker: f64,
}

/// How a latch stands now.
#[napi(catch_unwind)]
pub fn latch_info(env: &Env, session: Session, index: f64) -> Result<LatchInfo> {
    let info = session.control.latch(count(env, "an index", index)?).or_throw(env)?.info();
    let by_worker = info.broken_by.map_or(NONE, f64::from);
    Ok(LatchInfo { stand: info.stand as u32, left: info.left.into(), epoch: info.epoch.into(), by_worker })
}

/// Whether it is done, what is done once.
#[napi(catch_unwind)]
pub fn once_is_done(env: &Env, session: Session, index: f64) -> Result<bool> {
    Ok(session.control.once(count(env, "an index", index)?).or_throw(env)?.is_done())
}

/// It is done: 1, or 0 where this thread is not the one to do it.
#[napi(catch_unwind)]
pub fn once_finish(env: &Env, session: Session, index: f64) -> Result<u32> {
    Ok(session.control.once(count(env, "an index", index)?).or_throw(env)?.finish(session.owner).into())
}
