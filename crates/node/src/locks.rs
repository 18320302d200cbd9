//! Locks and reader-writer locks, as JavaScript sees them: how they stand. Taking and giving back is in [`crate::operations`].

use napi::{Env, Result};
use napi_derive::napi;

use crate::args::{NONE, count};
use crate::error::OrThrow;
use crate::session::Session;

/// Declares what a lock guards sound again: 1, or 0 where this thread does not hold it.
#[napi(catch_unwind)]
pub fn lock_clear_poison(env: &Env, session: Session, index: f64) -> Result<u32> {
    let lock = session.control.mutex(count(env, "an index", index)?).or_throw(env)?;
    Ok(lock.clear_poison(session.owner).into())
}

/// How a lock stands. -1 where there is none, or where that is not known.
#[napi(object, object_from_js = false)]
pub struct LockInfo {
    /// The holder's slot.
    pub owner_slot: f64,
    /// The holder's worker id.
    pub owner_worker: f64,
    /// The holder's process.
    pub owner_pid: f64,
    /// A holder died, or left, without releasing.
    pub poisoned: bool,
    /// Somebody may be waiting.
    pub waiters: bool,
    /// The worker that died, or left, while it held the lock.
    pub last_dead_worker: f64,
    /// How many threads wait for a fair lock.
    pub waiting: f64,
}

/// How a lock stands now.
#[napi(catch_unwind)]
pub fn lock_info(env: &Env, session: Session, index: f64) -> Result<LockInfo> {
    let index = count(env, "an index", index)?;
    let lock = session.control.mutex(index).or_throw(env)?;
    let holder = lock.holder();
    let occupant = holder.and_then(|owner| session.control.occupant(owner.slot()).filter(|found| found.owner == owner));
    Ok(LockInfo {
        owner_slot: holder.map_or(NONE, |owner| owner.slot().into()),
        owner_worker: occupant.and_then(|occupant| occupant.worker).map_or(NONE, f64::from),
        owner_pid: occupant.map_or(NONE, |occupant| occupant.pid.into()),
        poisoned: lock.is_poisoned(),
        waiters: lock.has_waiters(),
        last_dead_worker: lock.last_dead().map_or(NONE, f64::from),
        waiting: session.control.fair_lock(index).or_throw(env)?.map_or(NONE, |lock| lock.waiting().into()),
    })
}

/// How a reader-writer lock stands. -1 where there is none.
#[napi(object, object_from_js = false)]
pub struct RwLockInfo {
    /// How many participants read.
    pub readers: f64,
    /// A writer died, or left, without releasing.
    pub poisoned: bool,
    /// The worker that died, or left, while it wrote.
    pub last_dead_worker: f64,
}

/// How a reader-writer lock stands now.
#[napi(catch_unwind)]
pub fn rw_lock_info(env: &Env, session: Session, index: f64) -> Result<RwLockInfo> {
    let info = session.control.rwlock(count(env, "an index", index)?).or_throw(env)?.info();
    Ok(RwLockInfo {
        readers: info.readers.into(),
        poisoned: info.is_poisoned,
        last_dead_worker: info.last_dead.map_or(NONE, f64::from),
    })
}

/// Declares what a reader-writer lock guards sound again: 1, or 0 where this thread does not write.
#[napi(catch_unwind)]
pub fn rw_lock_clear_poison(env: &Env, session: Session, index: f64) -> Result<u32> {
    let lock = session.control.rwlock(count(env, "an index", index)?).or_throw(env)?;
    Ok(lock.clear_poison(session.owner).into())
}
