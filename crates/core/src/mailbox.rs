//! How a run reaches the workers, and what they send back.
//!
//! A worker's cell goes `Empty → Ready → Idle → Posted → Taken → Done | Failed → Idle → …`, and to `Died` from everywhere.
//! Main posts and collects, the worker takes and completes; each step is one compare-and-swap of the status, after what it
//! speaks of was written. What main posts to all stands once, on the paper; what does not fit there, or in a cell's own
//! room, goes through an overflow segment named `tsdsm.<cluster>..run.<n>` or `..result.<n>`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{MutexGuard, PoisonError};

use crate::control::Control;
use crate::layout::{MailCell, PAPER, load_bytes, store_bytes};
use crate::segment;
use crate::slots::Participant;
use crate::sys::process::Cause;
use crate::word::Owner;
use crate::{Error, Result, name};

mod overflow;

use overflow::{request_segment, result_segment};

/// Where a worker's cell stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Status {
    /// No worker has attached.
    Empty = 0,
    /// A worker has attached, and main has not heard of it.
    Ready = 1,
    /// Nothing to do.
    Idle = 2,
    /// Something to do.
    Posted = 3,
    /// Being done.
    Taken = 4,
    /// Done, and main has not heard of it.
    Done = 5,
    /// Failed, and main has not heard of it.
    Failed = 6,
    /// The worker died, and main has not heard of it.
    Died = 7,
}

impl Status {
    /// The status of a cell now. A damaged one counts as empty: nothing is sent there, and nothing expected.
    pub(crate) fn of(cell: &MailCell) -> Status {
        use Status::*;
        let found = cell.status.load(Ordering::Acquire) as usize;
        [Empty, Ready, Idle, Posted, Taken, Done, Failed, Died].get(found).copied().unwrap_or(Empty)
    }
}

/// What became of a worker or its share of a run.
#[derive(Debug)]
pub struct Settled {
    /// The worker's id.
    pub worker: u32,
    /// The run that it is about; 0 = none.
    pub run: u32,
    /// The worker's process.
    pub pid: u32,
    /// What happened.
    pub outcome: Outcome,
}

/// What happened.
#[derive(Debug)]
pub enum Outcome {
    /// The worker has attached.
    Ready,
    /// It has done its share; these are the bytes it sent.
    Done(Result<Vec<u8>>),
    /// It has failed; these are the bytes it sent.
    Failed(Result<Vec<u8>>),
    /// It is dead.
    Died(Cause),
}

/// Main: gives `bytes` to `workers` as their share of `run`. To a worker that has just died nothing is given; its death,
/// when collected, carries this run's number. Main rings the doorbells itself.
///
/// # Errors
/// [`Error::InvalidArgument`] for a worker that is busy, not attached or not there; [`Error::OutOfSharedMemory`] where the
/// bytes do not fit. Nothing was posted then.
pub fn post(control: &Control, run: u32, workers: &[u32], bytes: &[u8]) -> Result<()> {
    let mut posted = control.settling();
    for &worker in workers {
        control.check_worker(worker)?;
        let status = Status::of(control.mail(worker));
        if !matches!(status, Status::Idle | Status::Died) {
            let message = format!("worker {worker} cannot be given a run: its mailbox is {status:?}, not Idle");
            return Err(Error::InvalidArgument(message));
        }
    }
    let overflow = if bytes.len() <= PAPER && !control.is_posted(0) {
        store_bytes(control.words(control.geometry().paper(), PAPER / 8), bytes);
        0
    } else {
        let number = control.next_overflow();
        overflow::write(control, &request_segment(control, number), bytes)?;
        posted.push(number);
        number
    };
    // In all cells first: who is quick to take its share must see that the others still want theirs.
    for &worker in workers {
        store_pair(&control.mail(worker).request, bytes.len() as u64, overflow);
    }
    for &worker in workers {
        let cell = control.mail(worker);
        if Status::of(cell) == Status::Died {
            cell.death_run.store(run, Ordering::Relaxed);
            continue;
        }
        store_pair(&cell.answer, 0, 0);
        store_pair(&cell.progress, 0, 0);
        cell.run.store(run, Ordering::Relaxed);
        cell.status.store(Status::Posted as u32, Ordering::SeqCst);
    }
    control.drop_taken(&mut posted);
    Ok(())
}

/// Worker: says that it has attached. Main hears of it by [`collect`].
///
/// # Errors
/// [`Error::InvalidArgument`] when the participant is no worker, or another with its id lives.
pub fn ready(me: &Participant) -> Result<()> {
    let (control, cell) = mine(me)?;
    let last = Owner::in_word(cell.owner.load(Ordering::Relaxed)).filter(|&last| control.is_alive(last));
    if last.is_some_and(|last| last != me.owner()) {
        return Err(Error::InvalidArgument(format!("worker {:?} is attached already", me.worker())));
    }
    cell.owner.store(me.owner().bits(), Ordering::Relaxed);
    cell.pid.store(std::process::id(), Ordering::Relaxed);
    cell.run.store(0, Ordering::Relaxed);
    cell.status.store(Status::Ready as u32, Ordering::Release);
    Ok(())
}

/// Worker: takes what it was given, if it was given anything: the run's number and the bytes.
///
/// # Errors
/// [`Error::InvalidArgument`] when the participant is no worker; [`Error::IncompatibleSegment`],
/// [`Error::NotFound`] or [`Error::System`] when the bytes cannot be read: the run is taken then, and wants a
/// [`complete`] all the same.
pub fn take(me: &Participant) -> Result<Option<(u32, Vec<u8>)>> {
    let (control, cell) = mine(me)?;
    if Status::of(cell) != Status::Posted {
        return Ok(None);
    }
    let run = cell.run.load(Ordering::Relaxed);
    let [len, overflow] = load_pair(&cell.request);
    let bytes = match overflow {
        0 => load_bytes(control.words(control.geometry().paper(), PAPER / 8), len).ok_or_else(|| damaged(control, len)),
        number => overflow::read(&request_segment(control, number), len),
    };
    // Only now, since the paper is written anew when nobody is left who has something posted.
    if !change(cell, Status::Posted, Status::Taken) {
        return Ok(None);
    }
    if overflow != 0 {
        // So that this cell, when it is idle again, does not speak of what is to be posted.
        cell.request[1].store(0, Ordering::Relaxed);
        if !control.is_wanted(overflow, &[Status::Idle, Status::Posted]) {
            // Of several who find themselves last, one removes it.
            let _ = segment::unlink(&request_segment(control, overflow), None);
        }
    }
    Ok(Some((run, bytes?)))
}

/// Worker: sends `bytes` back as the end of the run it took. Whether main is to be told now: it has failed, or no other
/// worker is still at this run. (Telling main of each would wake it just when the others want its core.)
///
/// # Errors
/// [`Error::InvalidArgument`] when no run was taken; [`Error::OutOfSharedMemory`] where the bytes do not fit, or
/// [`Error::Closed`] where they came too late: the run is still to be completed then, with fewer.
pub fn complete(me: &Participant, ok: bool, bytes: &[u8]) -> Result<bool> {
    let (control, cell) = mine(me)?;
    if Status::of(cell) != Status::Taken {
        return Err(Error::InvalidArgument(format!("worker {:?} has taken no run to complete", me.worker())));
    }
    if bytes.len() <= 8 * cell.result.len() {
        store_bytes(&cell.result, bytes);
        store_pair(&cell.answer, bytes.len() as u64, 0);
    } else {
        let number = control.next_overflow();
        // Before there is a segment: if this worker dies now, main knows what to remove.
        store_pair(&cell.answer, bytes.len() as u64, number);
        overflow::write(control, &result_segment(control, number), bytes)?;
    }
    // Read before: main may collect this end, and post the next run, at once.
    let run = cell.run.load(Ordering::Relaxed);
    change(cell, Status::Taken, if ok { Status::Done } else { Status::Failed });
    Ok(!ok || is_last(control, run))
}

/// Whether no worker is at this run any more. Of several who end at once, the last to change its status sees the others'
/// changes, since those and these loads are SeqCst; and for one that dies instead, main's monitor tells main.
fn is_last(control: &Control, run: u32) -> bool {
    (0..control.limits().workers).all(|worker| {
        let cell = control.mail(worker);
        let status = cell.status.load(Ordering::SeqCst);
        let busy = status == Status::Posted as u32 || status == Status::Taken as u32;
        !busy || cell.run.load(Ordering::Relaxed) != run
    })
}

/// Main: what has happened since the last call, each thing once, in the order of the workers.
pub fn collect(control: &Control) -> Vec<Settled> {
    let mut posted = control.settling();
    let mut settled = Vec::new();
    for worker in 0..control.limits().workers {
        let cell = control.mail(worker);
        let status = Status::of(cell);
        if matches!(status, Status::Done | Status::Failed) {
            let (run, pid) = (cell.run.load(Ordering::Relaxed), cell.pid.load(Ordering::Relaxed));
            let bytes = answer(control, cell);
            change(cell, status, Status::Idle);
            let outcome = if status == Status::Done { Outcome::Done(bytes) } else { Outcome::Failed(bytes) };
            settled.push(Settled { worker, run, pid, outcome });
        }
        if cell.death.swap(0, Ordering::Acquire) == 1 {
            let (run, pid) = (cell.death_run.load(Ordering::Relaxed), cell.death_pid.load(Ordering::Relaxed));
            let outcome = Outcome::Died(unpack_cause(cell.death_cause.load(Ordering::Relaxed)));
            change(cell, Status::Died, Status::Empty);
            if cell.pid.load(Ordering::Relaxed) == pid {
                // It may have died after it had sent its result: the cell is no less empty.
                change(cell, Status::Idle, Status::Empty);
                cell.owner.store(0, Ordering::Relaxed);
            }
            settled.push(Settled { worker, run, pid, outcome });
        }
        // Behind the death of the one before.
        if change(cell, Status::Ready, Status::Idle) {
            let pid = cell.pid.load(Ordering::Relaxed);
            settled.push(Settled { worker, run: 0, pid, outcome: Outcome::Ready });
        }
    }
    control.drop_taken(&mut posted);
    settled
}

/// Main's monitor: the worker's process has ended.
///
/// # Errors
/// [`Error::InvalidArgument`] for a worker there is not.
pub fn died(control: &Control, worker: u32, pid: u32, cause: Cause) -> Result<()> {
    control.check_worker(worker)?;
    let mut posted = control.settling();
    let cell = control.mail(worker);
    let mut run = 0;
    // A fresh worker may have taken the place; before it attached, the cell still speaks of one before.
    let successor = cell.pid.load(Ordering::Relaxed) != pid
        && Owner::in_word(cell.owner.load(Ordering::Relaxed)).is_some_and(|owner| control.is_alive(owner));
    let status = Status::of(cell);
    if !successor && !matches!(status, Status::Done | Status::Failed) {
        if matches!(status, Status::Posted | Status::Taken) {
            run = cell.run.load(Ordering::Relaxed);
        }
        let [_, overflow] = load_pair(&cell.answer);
        if status == Status::Taken && overflow != 0 {
            let _ = segment::unlink(&result_segment(control, overflow), None);
        }
        cell.status.store(Status::Died as u32, Ordering::SeqCst);
    }
    cell.death_run.store(run, Ordering::Relaxed);
    cell.death_pid.store(pid, Ordering::Relaxed);
    cell.death_cause.store(pack_cause(cause), Ordering::Relaxed);
    cell.death.store(1, Ordering::Release);
    control.drop_taken(&mut posted);
    Ok(())
}

/// How far a worker says it is: done and total. Both 0 until it says anything.
///
/// # Errors
/// [`Error::InvalidArgument`] for a worker there is not.
pub fn progress(control: &Control, worker: u32) -> Result<(f64, f64)> {
    control.check_worker(worker)?;
    let [done, total] = load_pair(&control.mail(worker).progress);
    Ok((f64::from_bits(done), f64::from_bits(total)))
}

fn mine(me: &Participant) -> Result<(&Control, &MailCell)> {
    let Some(worker) = me.worker() else {
        return Err(Error::InvalidArgument("only a worker has a mailbox".to_owned()));
    };
    Ok((me.control(), me.control().mail(worker)))
}

fn answer(control: &Control, cell: &MailCell) -> Result<Vec<u8>> {
    let [len, overflow] = load_pair(&cell.answer);
    if overflow == 0 {
        return load_bytes(&cell.result, len).ok_or_else(|| damaged(control, len));
    }
    let segment = result_segment(control, overflow);
    let bytes = overflow::read(&segment, len);
    let _ = segment::unlink(&segment, None);
    bytes
}

fn change(cell: &MailCell, from: Status, to: Status) -> bool {
    cell.status.compare_exchange(from as u32, to as u32, Ordering::SeqCst, Ordering::Relaxed).is_ok()
}

fn store_pair(pair: &[AtomicU64; 2], first: u64, second: u64) {
    pair[0].store(first, Ordering::Relaxed);
    pair[1].store(second, Ordering::Relaxed);
}

fn load_pair(pair: &[AtomicU64; 2]) -> [u64; 2] {
    pair.each_ref().map(|word| word.load(Ordering::Relaxed))
}

fn pack_cause(cause: Cause) -> u32 {
    match cause {
        Cause::Unknown => 0,
        Cause::Exited(code) => 1 << 16 | code as u32 & 0xffff,
        Cause::Killed(signal) => 2 << 16 | signal as u32 & 0xffff,
    }
}

fn unpack_cause(word: u32) -> Cause {
    let code = (word & 0xffff) as i32;
    match word >> 16 {
        1 => Cause::Exited(code),
        2 => Cause::Killed(code),
        _ => Cause::Unknown,
    }
}

fn damaged(control: &Control, len: u64) -> Error {
    let reason = format!("its mailbox speaks of {len} bytes where so many cannot be");
    Error::IncompatibleSegment { name: name::control_segment(control.cluster()), reason }
}

impl Control {
    pub(crate) fn mail(&self, worker: u32) -> &MailCell {
        assert!(worker < self.limits().workers);
        self.at(self.geometry().mail(worker))
    }

    pub(crate) fn check_worker(&self, worker: u32) -> Result<()> {
        let workers = self.limits().workers;
        if worker < workers {
            return Ok(());
        }
        Err(Error::InvalidArgument(format!("there is no worker {worker}; this cluster has {workers}")))
    }

    /// Main's own threads take turns at what the workers' cells say. Holds the requests' overflow segments.
    fn settling(&self) -> MutexGuard<'_, Vec<u64>> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a worker has still to read this request (0 = the paper).
    fn is_posted(&self, overflow: u64) -> bool {
        self.is_wanted(overflow, &[Status::Posted])
    }

    /// Whether a cell in one of these states names this request. An idle one does while main is posting it.
    fn is_wanted(&self, overflow: u64, states: &[Status]) -> bool {
        (0..self.limits().workers).any(|worker| {
            let cell = self.mail(worker);
            let status = cell.status.load(Ordering::SeqCst);
            states.iter().any(|&state| state as u32 == status) && load_pair(&cell.request)[1] == overflow
        })
    }

    /// Removes the overflow segments of requests that nobody has to read any more: the last reader may have died.
    fn drop_taken(&self, posted: &mut Vec<u64>) {
        posted.retain(|&number| {
            let wanted = self.is_posted(number);
            if !wanted {
                let _ = segment::unlink(&request_segment(self, number), None);
            }
            wanted
        });
    }

    fn next_overflow(&self) -> u64 {
        self.live().overflow.fetch_add(1, Ordering::Relaxed).wrapping_add(1).max(1)
    }
}
