//! Locks, as JavaScript sees them. The fast paths are two compare-exchanges in TypeScript; these are the slow ones.

use std::sync::Arc;

use napi::bindgen_prelude::Function;
use napi::{Env, Result};
use napi_derive::napi;
use tsdsm_core::control::Control;
use tsdsm_core::mutex::{Request, Slice, tick};
use tsdsm_core::word::Owner;

use crate::args::{count, deadline};
use crate::callback::Callback;
use crate::error::OrThrow;
use crate::handle::Handle;
use crate::session::Session;
use crate::wait::{WaitState, Waiting};

/// Take a poisoned lock, and say so.
const RECOVER: u32 = 1;
/// Not the first slice of this wait.
const RESUMED: u32 = 2;
/// Never wait.
const TRY: u32 = 4;
/// What stands for nobody in numbers.
pub(crate) const NONE: f64 = -1.0;

/// An asynchronous wait.
pub type Wait = Handle<WaitState>;

/// `lockSlice`: see `header.d.ts`.
pub fn slice(env: &Env, session: &Session, [index, flags, timeout]: [f64; 3]) -> Result<u32> {
    let flags = count(env, "flags", flags)?;
    let lock = session.control.mutex(count(env, "an index", index)?).or_throw(env)?;
    let resumed = flags & RESUMED != 0;
    session.slices.set(if resumed { session.slices.get().saturating_add(1) } else { 0 });
    let request = Request {
        recover: flags & RECOVER != 0,
        resumed,
        only_try: flags & TRY != 0,
        wait_for_self: false,
        deadline: deadline(env, timeout)?,
        tick: tick(session.slices.get()),
    };
    Ok(lock.lock_slice(session.owner, &request, &*session.control) as u32)
}

/// `lockRelease`: see `header.d.ts`.
pub fn release(env: &Env, session: &Session, [index]: [f64; 1]) -> Result<u32> {
    let lock = session.control.mutex(count(env, "an index", index)?).or_throw(env)?;
    Ok(lock.unlock(session.owner).into())
}

/// Leaves without the lock after 0 (again): passes a wake-up on to another waiter.
#[napi(catch_unwind)]
pub fn lock_abandon(env: &Env, session: Session, index: f64) -> Result<()> {
    session.control.mutex(count(env, "an index", index)?).or_throw(env)?.abandon();
    Ok(())
}

/// Declares what a lock guards sound again: 1, or 0 where this thread does not hold it.
#[napi(catch_unwind)]
pub fn lock_clear_poison(env: &Env, session: Session, index: f64) -> Result<u32> {
    let lock = session.control.mutex(count(env, "an index", index)?).or_throw(env)?;
    Ok(lock.clear_poison(session.owner).into())
}

/// How a lock stands. -1 where there is none.
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
}

/// How a lock stands now.
#[napi(catch_unwind)]
pub fn lock_info(env: &Env, session: Session, index: f64) -> Result<LockInfo> {
    let lock = session.control.mutex(count(env, "an index", index)?).or_throw(env)?;
    let holder = lock.holder();
    let occupant = holder.and_then(|owner| session.control.occupant(owner.slot()).filter(|found| found.owner == owner));
    Ok(LockInfo {
        owner_slot: holder.map_or(NONE, |owner| owner.slot().into()),
        owner_worker: occupant.and_then(|occupant| occupant.worker).map_or(NONE, f64::from),
        owner_pid: occupant.map_or(NONE, |occupant| occupant.pid.into()),
        poisoned: lock.is_poisoned(),
        waiters: lock.has_waiters(),
        last_dead_worker: lock.last_dead().map_or(NONE, f64::from),
    })
}

/// Acquires a lock on a thread of its own. `done` is called once, in the event loop, with a result of `lockSlice` or 6
/// (cancelled). Keeps the loop alive until then. A holder on this very thread is waited for like any other.
#[napi(catch_unwind)]
pub fn lock_wait(
    env: &Env,
    session: Session,
    index: f64,
    flags: f64,
    timeout: f64,
    done: Function<u32, ()>,
) -> Result<Wait> {
    let index = count(env, "an index", index)?;
    let flags = count(env, "flags", flags)?;
    session.control.mutex(index).or_throw(env)?;
    let request = Request {
        recover: flags & RECOVER != 0,
        resumed: flags & RESUMED != 0,
        only_try: flags & TRY != 0,
        wait_for_self: true,
        deadline: deadline(env, timeout)?,
        tick: tick(0),
    };
    let (control, owner) = (Arc::clone(&session.control), session.owner);
    let nudge = {
        let control = Arc::clone(&control);
        move || drop(control.mutex(index).map(|lock| lock.nudge(owner)))
    };
    let waiting = LockWaiting { control, index, owner, request };
    session.waits.start(env, waiting, nudge, Callback::new(env, &done)?).map(Handle::from)
}

/// Calls an asynchronous wait off. Its callback follows with 6 (cancelled), unless it was granted before.
#[napi(catch_unwind)]
pub fn wait_cancel(wait: Wait) {
    wait.cancel();
}

struct LockWaiting {
    control: Arc<Control>,
    index: u32,
    owner: Owner,
    request: Request,
}

impl Waiting for LockWaiting {
    fn slice(&mut self) -> Option<u32> {
        let Ok(lock) = self.control.mutex(self.index) else { return Some(Slice::Cancelled as u32) };
        // Not longer slices with time: one bounds how long a cancel can take that comes just before a sleep.
        let slice = lock.lock_slice(self.owner, &self.request, &*self.control);
        self.request.resumed = true;
        (slice != Slice::Again).then_some(slice as u32)
    }

    fn give_up(self) -> u32 {
        if let Ok(lock) = self.control.mutex(self.index) {
            lock.abandon();
        }
        Slice::Cancelled as u32
    }
}
