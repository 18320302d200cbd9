//! Barriers, as JavaScript sees them.

use std::sync::Arc;

use napi::bindgen_prelude::Function;
use napi::{Env, Result};
use napi_derive::napi;
use tsdsm_core::barrier::{Breaker, Patience, Reason, Turn};
use tsdsm_core::control::Control;
use tsdsm_core::primitive::Deadline;
use tsdsm_core::wait::tick;

use crate::args::{NONE, count, deadline};
use crate::callback::Callback;
use crate::error::{OrThrow, invalid};
use crate::handle::Handle;
use crate::operations::Wait;
use crate::session::{Session, State};
use crate::wait::Waiting;

/// `barrierArrive`: see `header.d.ts`.
pub fn arrive(env: &Env, session: &Session, [index, epoch, timeout, nowait]: [f64; 4]) -> Result<u32> {
    let epoch = Some(count(env, "an epoch", epoch)?).filter(|&epoch| epoch != 0);
    let deadline = deadline(env, timeout)?;
    let barrier = session.control.barrier(count(env, "an index", index)?).or_throw(env)?;
    session.slices.set(0);
    let turn = barrier.arrive(session.owner.slot(), epoch);
    if nowait != 0.0 || !matches!(turn, Turn::Again(_)) {
        return Ok(turn.code());
    }
    Ok(barrier.wait_slice(session.owner.slot(), &patience(session, deadline), &*session.control).code())
}

/// `barrierSlice`: see `header.d.ts`.
pub fn slice(env: &Env, session: &Session, [index, timeout]: [f64; 2]) -> Result<u32> {
    let deadline = deadline(env, timeout)?;
    let barrier = session.control.barrier(count(env, "an index", index)?).or_throw(env)?;
    session.slices.set(session.slices.get().saturating_add(1));
    Ok(barrier.wait_slice(session.owner.slot(), &patience(session, deadline), &*session.control).code())
}

fn patience(session: &State, deadline: Option<Deadline>) -> Patience {
    Patience { deadline, tick: tick(session.slices.get()), worker: session.worker }
}

/// Breaks a barrier. `reason`: 2 this thread gives up waiting, 5 its run was cancelled (both break only the round that
/// it waits in, if that is not complete), 3 somebody asked for it (breaks it in any case).
#[napi(catch_unwind)]
pub fn barrier_break(env: &Env, session: Session, index: f64, reason: f64) -> Result<()> {
    let barrier = session.control.barrier(count(env, "an index", index)?).or_throw(env)?;
    let reason = Reason::from_code(count(env, "a reason", reason)?);
    let worker = session.worker;
    match reason {
        Some(reason @ (Reason::GaveUp | Reason::RunCancelled)) => {
            barrier.leave(session.owner.slot(), Breaker { reason, worker });
        }
        Some(reason @ Reason::Explicit) => barrier.break_now(Breaker { reason, worker }),
        _ => return Err(invalid(env, "the reason to break a barrier must be 2, 3 or 5")),
    }
    Ok(())
}

/// Begins anew: whoever waits finds the barrier broken, and the next round starts sound.
#[napi(catch_unwind)]
pub fn barrier_reset(env: &Env, session: Session, index: f64) -> Result<()> {
    session.control.barrier(count(env, "an index", index)?).or_throw(env)?.reset();
    Ok(())
}

/// How a barrier stands. -1 where there is none.
#[napi(object, object_from_js = false)]
pub struct BarrierInfo {
    /// How many have to come.
    pub parties: f64,
    /// How many have come in this round.
    pub arrived: f64,
    /// It cannot be passed.
    pub broken: bool,
    /// Why: 0 a worker returned from its task, 1 threw, 2 a party gave up, 3 somebody asked for it, 4 a party died,
    /// 5 the run was cancelled.
    pub reason: f64,
    /// The worker that broke it.
    pub by_worker: f64,
    /// The workers that belong to it and have not come in this round.
    pub missing: Vec<u32>,
}

/// How a barrier stands now.
#[napi(catch_unwind)]
pub fn barrier_info(env: &Env, session: Session, index: f64) -> Result<BarrierInfo> {
    let info = session.control.barrier(count(env, "an index", index)?).or_throw(env)?.info();
    let worker_in = |slot| session.control.occupant(slot).and_then(|occupant| occupant.worker);
    Ok(BarrierInfo {
        parties: info.parties.into(),
        arrived: info.arrived.into(),
        broken: info.is_broken,
        reason: info.broken_by.map_or(NONE, |by| f64::from(by.reason as u32)),
        by_worker: info.broken_by.and_then(|by| by.worker).map_or(NONE, f64::from),
        missing: info.missing.into_iter().filter_map(worker_in).collect(),
    })
}

/// Waits on a thread of its own after `barrierArrive(nowait)` said 0 (again). `done` is called once, in the event loop,
/// with a result of `barrierSlice` or 6 (cancelled, and the barrier broken by that). Keeps the loop alive until then.
#[napi(catch_unwind)]
pub fn barrier_wait(env: &Env, session: Session, index: f64, timeout: f64, done: Function<u32, ()>) -> Result<Wait> {
    let index = count(env, "an index", index)?;
    let deadline = deadline(env, timeout)?;
    session.control.barrier(index).or_throw(env)?;
    let (control, owner) = (Arc::clone(&session.control), session.owner);
    let nudge = {
        let control = Arc::clone(&control);
        move || control.nudge(index, owner)
    };
    let patience = Patience { deadline, tick: tick(0), worker: session.worker };
    let waiting = BarrierWaiting { control, index, slot: owner.slot(), patience };
    session.waits.start(env, waiting, nudge, Callback::new(env, &done)?).map(Handle::from)
}

struct BarrierWaiting {
    control: Arc<Control>,
    index: u32,
    slot: u32,
    patience: Patience,
}

impl Waiting for BarrierWaiting {
    fn slice(&mut self) -> Option<u32> {
        let Ok(barrier) = self.control.barrier(self.index) else { return Some(Turn::Cancelled.code()) };
        // Not longer slices with time: one bounds how long a cancel can take that comes just before a sleep.
        let turn = barrier.wait_slice(self.slot, &self.patience, &*self.control);
        (!matches!(turn, Turn::Again(_))).then_some(turn.code())
    }

    fn give_up(self) -> u32 {
        let by = Breaker { reason: Reason::GaveUp, worker: self.patience.worker };
        match self.control.barrier(self.index).map(|barrier| barrier.leave(self.slot, by)) {
            // The round was complete before: that wins.
            Ok(passed @ Turn::Passed(_)) => passed.code(),
            _ => Turn::Cancelled.code(),
        }
    }
}
