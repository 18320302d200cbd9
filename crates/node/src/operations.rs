//! Waiting for what objects give, and giving it back, as JavaScript does it: in slices, or on a thread of its own.

use std::sync::Arc;

use napi::bindgen_prelude::Function;
use napi::{Env, Result};
use napi_derive::napi;
use tsdsm_core::control::Control;
use tsdsm_core::operation::Operation;
use tsdsm_core::wait::{Request, Slice, tick};
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
/// The slice before said 7 (halfway).
const HALFWAY: u32 = 8;
/// On behalf of the event loop: what this thread holds is waited for like anybody's.
const QUEUED: u32 = 16;

/// An asynchronous wait.
pub type Wait = Handle<WaitState>;

fn operation(env: &Env, code: f64, argument: f64) -> Result<Operation> {
    Operation::from_code(count(env, "an operation", code)?, count(env, "an argument", argument)?).or_throw(env)
}

fn request(env: &Env, flags: f64, timeout: f64) -> Result<Request> {
    let flags = count(env, "flags", flags)?;
    Ok(Request {
        recover: flags & RECOVER != 0,
        resumed: flags & RESUMED != 0,
        halfway: flags & HALFWAY != 0,
        only_try: flags & TRY != 0,
        wait_for_self: flags & QUEUED != 0,
        deadline: deadline(env, timeout)?,
        tick: tick(0),
    })
}

/// `waitSlice`: see `header.d.ts`.
pub fn slice(env: &Env, session: &Session, [index, code, argument, flags, timeout]: [f64; 5]) -> Result<u32> {
    let operation = operation(env, code, argument)?;
    let mut request = request(env, flags, timeout)?;
    session.slices.set(if request.resumed { session.slices.get().saturating_add(1) } else { 0 });
    request.tick = tick(session.slices.get());
    let index = count(env, "an index", index)?;
    session.control.wait_slice(index, operation, session.owner, &request).or_throw(env).map(|slice| slice as u32)
}

/// `objectRelease`: see `header.d.ts`.
pub fn release(env: &Env, session: &Session, [index, code, argument]: [f64; 3]) -> Result<u32> {
    let operation = operation(env, code, argument)?;
    session.control.release(count(env, "an index", index)?, operation, session.owner).or_throw(env).map(u32::from)
}

/// Leaves a wait after `waitSlice` said 0 (again) or 7 (halfway, which `flags` then have, too).
#[napi(catch_unwind)]
pub fn wait_abandon(env: &Env, session: Session, index: f64, code: f64, argument: f64, flags: f64) -> Result<()> {
    let operation = operation(env, code, argument)?;
    let halfway = count(env, "flags", flags)? & HALFWAY != 0;
    session.control.abandon(count(env, "an index", index)?, operation, session.owner, halfway).or_throw(env)
}

/// Waits on a thread of its own. `done` is called once, in the event loop, with a result of `waitSlice` or 6
/// (cancelled). Keeps the loop alive until then. What this very thread holds is waited for like anybody's.
#[napi(catch_unwind)]
pub fn wait_start(
    env: &Env,
    session: Session,
    index: f64,
    code: f64,
    argument: f64,
    flags: f64,
    done: Function<u32, ()>,
) -> Result<Wait> {
    let operation = operation(env, code, argument)?;
    let index = count(env, "an index", index)?;
    let request = Request { wait_for_self: true, ..request(env, flags, -1.0)? };
    let (control, owner) = (Arc::clone(&session.control), session.owner);
    control.check_operation(index, operation).or_throw(env)?;
    let nudge = {
        let control = Arc::clone(&control);
        move || control.nudge(index, owner)
    };
    let waiting = ObjectWaiting { control, index, operation, owner, request };
    session.waits.start(env, waiting, nudge, Callback::new(env, &done)?).map(Handle::from)
}

/// Calls an asynchronous wait off. Its callback follows with 6 (cancelled), unless it was granted before.
#[napi(catch_unwind)]
pub fn wait_cancel(wait: Wait) {
    wait.cancel();
}

/// Calls an asynchronous wait off, and waits for its end, which is near. Its status, as its callback would have had it,
/// which is not called any more.
#[napi(catch_unwind)]
pub fn wait_join(session: Session, wait: Wait) -> u32 {
    session.waits.join(&wait)
}

struct ObjectWaiting {
    control: Arc<Control>,
    index: u32,
    operation: Operation,
    owner: Owner,
    request: Request,
}

impl Waiting for ObjectWaiting {
    fn slice(&mut self) -> Option<u32> {
        // Not longer slices with time: one bounds how long a cancel can take that comes just before a sleep.
        let slice = self.control.wait_slice(self.index, self.operation, self.owner, &self.request);
        let slice = slice.unwrap_or(Slice::Cancelled);
        (!self.request.resume(slice)).then_some(slice as u32)
    }

    fn give_up(self) -> u32 {
        // It was there when the wait began.
        let _ = self.control.abandon(self.index, self.operation, self.owner, self.request.halfway);
        Slice::Cancelled as u32
    }
}
