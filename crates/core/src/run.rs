//! Runs: one task, done by all workers (or some), in one step of main's.
//!
//! The default lock and the default barrier are fresh in each run. The barrier's epoch is the run's number, so that a
//! straggler of one run cannot arrive in the next.

use std::sync::atomic::{Ordering, fence};

use crate::barrier::{Breaker, Reason};
use crate::control::Control;
use crate::objects::{DEFAULT_BARRIER, DEFAULT_LOCK};
use crate::slots::Participant;
use crate::word::Owner;
use crate::{Error, Result};

/// Main: begins a run of `workers` and returns its number, which is never 0.
///
/// # Errors
/// [`Error::InvalidArgument`] for no workers, the same twice, or one that is not attached.
pub fn begin(control: &Control, workers: &[u32]) -> Result<u32> {
    let members = members(control, workers)?;
    let live = control.live();
    // Epochs have 21 bits, and JavaScript wants a small number for nothing else.
    let run = live.run.load(Ordering::Relaxed).wrapping_add(1) & EPOCHS;
    let run = if run == 0 { 1 } else { run };
    control.mutex(DEFAULT_LOCK)?.renew();
    let barrier = control.barrier(DEFAULT_BARRIER)?;
    barrier.renew(run, workers.len() as u32, members.iter().map(|member| member.slot()));
    // Against the fence in `recover`: either that sees the member, or this loop sees it dead.
    fence(Ordering::SeqCst);
    for (member, &worker) in members.iter().zip(workers) {
        // Recovered before it was made a member: nobody else will break the barrier for it.
        if !control.claims_to_live(*member) {
            barrier.slot_died(member.slot(), Some(worker));
        }
    }
    live.cancel.store(0, Ordering::Relaxed);
    live.run.store(run, Ordering::Release);
    Ok(run)
}

/// The largest number of a run; after it comes 1.
const EPOCHS: u32 = (1 << 21) - 1;

fn members(control: &Control, workers: &[u32]) -> Result<Vec<Owner>> {
    let mut members = Vec::with_capacity(workers.len());
    for (nth, &worker) in workers.iter().enumerate() {
        control.check_worker(worker)?;
        if workers[..nth].contains(&worker) {
            return Err(Error::InvalidArgument(format!("worker {worker} is to take part twice")));
        }
        let owner = Owner::in_word(control.mail(worker).owner.load(Ordering::Acquire));
        match owner.filter(|owner| control.slot_of(*owner).is_some()) {
            Some(owner) => members.push(owner),
            None => return Err(Error::InvalidArgument(format!("worker {worker} has not attached"))),
        }
    }
    if members.is_empty() {
        return Err(Error::InvalidArgument("a run wants one worker at least".to_owned()));
    }
    Ok(members)
}

/// Worker: leaves its task, by return or throw. Who waits in the run's barrier, or comes to it later, finds it broken;
/// the default lock, if held, is released as poisoned. Nothing happens when `run` is over.
///
/// # Errors
/// [`Error::InvalidArgument`] when the participant is no worker.
pub fn leave(me: &Participant, run: u32, reason: Reason) -> Result<()> {
    let Some(worker) = me.worker() else {
        return Err(Error::InvalidArgument("only a worker takes part in a run".to_owned()));
    };
    let control = me.control();
    control.barrier(DEFAULT_BARRIER)?.break_epoch(run, Breaker { reason, worker: Some(worker) });
    let lock = control.mutex(DEFAULT_LOCK)?;
    if lock.holder() == Some(me.owner()) {
        lock.force_release(me.owner(), Some(worker));
    }
    Ok(())
}

/// Main: calls a run off. The workers see it in the cancel word; its barrier breaks; and whoever sleeps in any lock or
/// barrier of the cluster is woken, to look. Nothing happens when `run` is over.
///
/// # Errors
/// [`Error::IncompatibleSegment`] or [`Error::InvalidArgument`] when the defaults are damaged.
pub fn cancel(control: &Control, run: u32) -> Result<()> {
    let live = control.live();
    if run == 0 || live.run.load(Ordering::Acquire) != run {
        return Ok(());
    }
    live.cancel.store(run, Ordering::SeqCst);
    let by = Breaker { reason: Reason::RunCancelled, worker: None };
    control.barrier(DEFAULT_BARRIER)?.break_epoch(run, by);
    control.wake_all();
    Ok(())
}

/// The run in progress, or the one that was last; 0 = none yet.
pub fn current(control: &Control) -> u32 {
    control.live().run.load(Ordering::Acquire)
}

/// The run that is being called off; 0 = none.
pub fn cancelled(control: &Control) -> u32 {
    control.live().cancel.load(Ordering::Acquire)
}
