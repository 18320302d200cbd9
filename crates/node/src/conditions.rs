//! Condition variables, as JavaScript sees them. Waiting is in [`crate::operations`].

use napi::{Env, Result};
use napi_derive::napi;

use crate::args::count;
use crate::error::OrThrow;
use crate::session::Session;

/// Begins a wait, while the lock is still held: its ticket, which is the argument of its operation. Whoever does not wait
/// after that abandons it.
#[napi(catch_unwind)]
pub fn condition_begin(env: &Env, session: Session, index: f64) -> Result<u32> {
    Ok(session.control.condition(count(env, "an index", index)?).or_throw(env)?.begin())
}

/// Lets the first so many of those who wait pass: how many.
#[napi(catch_unwind)]
pub fn condition_notify(env: &Env, session: Session, index: f64, number: f64) -> Result<u32> {
    let condition = session.control.condition(count(env, "an index", index)?).or_throw(env)?;
    Ok(condition.notify(count(env, "a number to notify", number)?))
}

/// How a condition stands.
#[napi(object, object_from_js = false)]
pub struct ConditionInfo {
    /// How many wait.
    pub waiting: u32,
    /// The name of the lock that it goes with.
    pub lock: String,
}

/// How a condition stands now.
#[napi(catch_unwind)]
pub fn condition_info(env: &Env, session: Session, index: f64) -> Result<ConditionInfo> {
    let condition = session.control.condition(count(env, "an index", index)?).or_throw(env)?;
    let lock = session.control.name_of(condition.lock()).or_throw(env)?;
    Ok(ConditionInfo { waiting: condition.waiting(), lock })
}
