//! Runs and the mailbox, as JavaScript sees them.

use std::os::fd::BorrowedFd;
use std::ptr;

use napi::bindgen_prelude::{Buffer, ToNapiValue};
use napi::{Env, Result, check_status, sys};
use napi_derive::napi;
use tsdsm_core::barrier::Reason;
use tsdsm_core::mailbox::{self, Outcome};
use tsdsm_core::run;
use tsdsm_core::sys::eventfd;
use tsdsm_core::sys::process::Cause;

use crate::args::{count, counts, descriptor};
use crate::error::{OrThrow, invalid};
use crate::session::Session;

/// Begins a run of these workers, with a fresh default lock and barrier. Its number, which is the barrier's epoch.
#[napi(catch_unwind)]
pub fn run_begin(env: &Env, session: Session, workers: Vec<f64>) -> Result<u32> {
    run::begin(&session.control, &counts(env, "a worker", &workers)?).or_throw(env)
}

/// Gives the payload to these workers, and rings their doorbells.
#[napi(catch_unwind)]
pub fn run_post(
    env: &Env,
    session: Session,
    run: f64,
    workers: Vec<f64>,
    payload: &[u8],
    doorbells: Vec<f64>,
) -> Result<()> {
    let run = count(env, "a run", run)?;
    let workers = counts(env, "a worker", &workers)?;
    let doorbells = doorbells.into_iter().map(|fd| descriptor(env, fd)).collect::<Result<Vec<_>>>()?;
    mailbox::post(&session.control, run, &workers, payload).or_throw(env)?;
    let ring = |fd| {
        // SAFETY: borrowed for one write, which refuses a descriptor that is closed.
        eventfd::ring(unsafe { BorrowedFd::borrow_raw(fd) }).or_throw(env)
    };
    // All of them, also where one fails.
    doorbells.into_iter().map(ring).fold(Ok(()), Result::and)
}

/// A run that was taken.
#[napi(object, object_from_js = false)]
pub struct Taken {
    /// Its number.
    pub run: u32,
    /// What main posted.
    #[napi(ts_type = "Buffer")]
    pub payload: Payload,
}

/// Bytes that become a Buffer: short ones by a copy, which costs less than a finalizer does.
pub struct Payload(Vec<u8>);

/// From here on the copy is what costs.
const LONG: usize = 64 << 10;

impl ToNapiValue for Payload {
    unsafe fn to_napi_value(env: sys::napi_env, Payload(bytes): Self) -> Result<sys::napi_value> {
        if bytes.len() >= LONG {
            // SAFETY: the caller's promise.
            return unsafe { Buffer::to_napi_value(env, bytes.into()) };
        }
        let mut value = ptr::null_mut();
        // SAFETY: inside a call of this environment; the bytes are copied before it returns.
        check_status!(unsafe {
            sys::napi_create_buffer_copy(env, bytes.len(), bytes.as_ptr().cast(), ptr::null_mut(), &mut value)
        })?;
        Ok(value)
    }
}

/// In a worker: takes what was posted to it, if anything was. Every run that is taken wants a `runComplete`.
#[napi(catch_unwind)]
pub fn run_take(env: &Env, session: Session) -> Result<Option<Taken>> {
    let taken = session.with(|open| mailbox::take(&open.participant)).or_throw(env)?;
    Ok(taken.map(|(run, payload)| Taken { run, payload: Payload(payload) }))
}

/// In a worker: sends the payload back as the end of the run it took, and rings main if it failed or was the last.
#[napi(catch_unwind)]
pub fn run_complete(env: &Env, session: Session, ok: bool, payload: &[u8]) -> Result<()> {
    session
        .with(|open| match (mailbox::complete(&open.participant, ok, payload)?, &open.main_doorbell) {
            (true, Some(doorbell)) => eventfd::ring(doorbell),
            _ => Ok(()),
        })
        .or_throw(env)
}

/// In a worker: leaves its task. Who waits in the run's default barrier, or comes to it later, finds it broken; the
/// default lock, if held, is released as poisoned. `reason`: 0 returned, 1 threw. Called before `runComplete`.
#[napi(catch_unwind)]
pub fn run_leave(env: &Env, session: Session, run: f64, reason: f64) -> Result<()> {
    let run = count(env, "a run", run)?;
    let reason = Reason::from_code(count(env, "a reason", reason)?);
    let Some(reason @ (Reason::Returned | Reason::Threw)) = reason else {
        return Err(invalid(env, "the reason to leave a task must be 0 or 1"));
    };
    session.with(|open| run::leave(&open.participant, run, reason)).or_throw(env)
}

/// What became of a worker, or of its share of a run.
#[napi(object, object_from_js = false)]
pub struct Settled {
    /// The worker.
    pub worker: u32,
    /// `ready`: it has attached.
    #[napi(ts_type = "'ready' | 'done' | 'failed' | 'died'")]
    pub status: &'static str,
    /// The run that it is about; 0 for none.
    pub run: u32,
    /// What it sent back, if that was anything.
    #[napi(ts_type = "Buffer")]
    pub payload: Option<Payload>,
    /// Why what it sent back could not be read.
    pub problem: Option<String>,
    /// The number of the signal that ended it.
    pub signal: Option<i32>,
    /// The status that it exited with.
    pub exit_code: Option<i32>,
    /// Its process.
    pub pid: u32,
}

/// In main: what has happened since the last call, each thing once, in the order of the workers.
#[napi(catch_unwind)]
pub fn run_collect(session: Session) -> Vec<Settled> {
    mailbox::collect(&session.control).into_iter().map(settled).collect()
}

fn settled(found: mailbox::Settled) -> Settled {
    let (mut payload, mut problem, mut signal, mut exit_code) = (None, None, None, None);
    let mut take = |bytes: tsdsm_core::Result<Vec<u8>>| match bytes {
        Ok(bytes) => payload = Some(Payload(bytes)).filter(|payload| !payload.0.is_empty()),
        Err(error) => problem = Some(error.to_string()),
    };
    let status = match found.outcome {
        Outcome::Ready => "ready",
        Outcome::Done(bytes) => {
            take(bytes);
            "done"
        }
        Outcome::Failed(bytes) => {
            take(bytes);
            "failed"
        }
        Outcome::Died(cause) => {
            match cause {
                Cause::Killed(number) => signal = Some(number),
                Cause::Exited(code) => exit_code = Some(code),
                Cause::Unknown => {}
            }
            "died"
        }
    };
    Settled { worker: found.worker, status, run: found.run, payload, problem, signal, exit_code, pid: found.pid }
}

/// Calls a run off: sets the cancel word, breaks its default barrier, wakes whoever sleeps in a lock or barrier.
#[napi(catch_unwind)]
pub fn run_cancel(env: &Env, session: Session, run: f64) -> Result<()> {
    run::cancel(&session.control, count(env, "a run", run)?).or_throw(env)
}
