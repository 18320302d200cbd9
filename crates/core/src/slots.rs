//! Participants: who takes part, and whether they live.
//!
//! The token of life is a lock on the slot's byte of the control file, which the kernel drops on every kind of death.
//! The words in the slot only say who it is.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::control::{Control, refuse_bare_fork};
use crate::layout::Slot;
use crate::mailbox::Status;
use crate::sys::process::{self, Vital};
use crate::word::{Liveness, Owner};
use crate::{Error, Result, recover};

/// What a slot's state says, in its low byte; above stands the generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum State {
    /// Nobody's.
    Free = 0,
    /// Somebody's, as long as its byte is locked.
    Live = 1,
    /// Its participant is known to be dead, and may still have to be recovered.
    Dead = 2,
    /// Recovered, but somebody (a forked child without exec) still holds the byte: not to be given out until it is free.
    Retired = 3,
}

/// What a participant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// The process that started the cluster.
    Main = 1,
    /// A worker's own thread.
    Worker = 2,
    /// Anybody else: a worker_thread, an unrelated program.
    Joiner = 3,
}

impl Kind {
    fn from_code(code: u32) -> Option<Kind> {
        [Kind::Main, Kind::Worker, Kind::Joiner].into_iter().find(|&kind| kind as u32 == code)
    }
}

/// Generations have 20 bits in a lock word.
const GENERATIONS: u32 = 1 << 20;
/// How often a participant's process is looked up in /proc at most, in milliseconds.
const LOOK_UP_EVERY: u64 = 1000;

pub(crate) fn pack(state: State, generation: u32) -> u32 {
    (generation % GENERATIONS) << 8 | state as u32
}

pub(crate) fn unpack(word: u32) -> (State, u32) {
    let state = match word & 0xff {
        1 => State::Live,
        2 => State::Dead,
        3 => State::Retired,
        _ => State::Free,
    };
    (state, (word >> 8) % GENERATIONS)
}

/// A claimed slot. Dropping it lets go of everything it holds and gives the slot back.
#[derive(Debug)]
pub struct Participant {
    control: Arc<Control>,
    file: File,
    owner: Owner,
    kind: Kind,
    worker: Option<u32>,
    detached: AtomicBool,
}

impl Participant {
    /// Claims a free slot for the calling thread. A slot whose last participant died is recovered first.
    ///
    /// # Errors
    /// [`Error::Capacity`] when all slots are in use; [`Error::Closed`] when the cluster has ended;
    /// [`Error::InvalidArgument`] for a worker's id that the cluster does not have; [`Error::Unsupported`] in a process
    /// made by fork without exec; [`Error::System`].
    pub fn claim(control: &Arc<Control>, kind: Kind, worker: Option<u32>) -> Result<Participant> {
        refuse_bare_fork()?;
        if let Some(worker) = worker {
            control.check_worker(worker)?;
        }
        let file = control.reopen()?;
        let owner = claim_slot(control, &file, kind, worker)?;
        let participant =
            Participant { control: control.clone(), file, owner, kind, worker, detached: AtomicBool::new(false) };
        // Only now: a janitor that came in between found the slot's byte either free, and has removed the name by now,
        // or locked, and left the cluster alone.
        if !control.is_current() || !control.has_owner()? {
            return Err(Error::Closed(format!("cluster '{}'", control.cluster())));
        }
        Ok(participant)
    }

    /// The control segment that the slot is in.
    pub fn control(&self) -> &Arc<Control> {
        &self.control
    }

    /// The slot's number, from 0.
    pub fn slot(&self) -> u32 {
        self.owner.slot()
    }

    /// As it stands in the words of locks.
    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// What it was claimed as.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The worker's id, for a worker.
    pub fn worker(&self) -> Option<u32> {
        self.worker
    }

    /// Lets go of everything this participant holds (locks become poisoned, a barrier that it waits in breaks) and gives
    /// the slot back. Twice is fine; dropping does it, too.
    pub fn detach(&self) {
        self.give_back(State::Live, || recover::withdraw(&self.control, self.owner));
    }

    /// As [`Participant::detach`], but whoever counts on this participant is told as if it had died: every barrier that it
    /// is a member of breaks. For one that ends without having said that it takes part no more.
    pub fn detach_as_dead(&self) {
        // What cannot be done now is done by the next sweep. The slot is retired then, since its byte is still held.
        self.give_back(State::Retired, || drop(recover::recover_slot(&self.control, self.owner)));
    }

    /// Gives the slot back after `let_go`, which leaves it in the state `left`.
    fn give_back(&self, left: State, let_go: impl FnOnce()) {
        if self.detached.swap(true, Ordering::AcqRel) || process::is_bare_fork() {
            return;
        }
        let_go();
        let slot = self.control.slot(self.slot());
        let left = pack(left, self.owner.generation());
        // Fails only if somebody has taken this participant for dead; then the slot is theirs to free.
        let free = pack(State::Free, self.owner.generation());
        let _ = slot.state.compare_exchange(left, free, Ordering::AcqRel, Ordering::Relaxed);
        Control::unlock_slot(&self.file, self.slot());
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        self.detach();
    }
}

/// First the slots that are free, then those whose participants died, which take work.
fn claim_slot(control: &Control, file: &File, kind: Kind, worker: Option<u32>) -> Result<Owner> {
    for look_at_dead in [false, true] {
        for index in 0..control.limits().slots {
            let slot = control.slot(index);
            let (state, _) = unpack(slot.state.load(Ordering::Acquire));
            if (state != State::Free) != look_at_dead || !Control::try_lock_slot(file, index)? {
                continue;
            }
            // The byte is ours: whoever the state speaks of is gone.
            let (state, generation) = unpack(slot.state.load(Ordering::Acquire));
            if matches!(state, State::Live | State::Dead)
                && let Err(error) = recover::recover_slot(control, Owner::new(index, generation))
            {
                Control::unlock_slot(file, index);
                return Err(error);
            }
            return Ok(fill(slot, index, generation, kind, worker));
        }
    }
    if !control.is_current() {
        // Full only because a janitor holds every byte.
        return Err(Error::Closed(format!("cluster '{}'", control.cluster())));
    }
    Err(Error::Capacity { what: "slots", limit: control.limits().slots as usize })
}

fn fill(slot: &Slot, index: u32, last: u32, kind: Kind, worker: Option<u32>) -> Owner {
    // Not 0: so that a cleared word is nobody's generation.
    let generation = if last + 1 == GENERATIONS { 1 } else { last + 1 };
    slot.pid.store(std::process::id(), Ordering::Relaxed);
    slot.tid.store(process::tid(), Ordering::Relaxed);
    slot.kind.store(kind as u32, Ordering::Relaxed);
    slot.worker.store(worker.map_or(0, |worker| worker + 1), Ordering::Relaxed);
    slot.intent.store(0, Ordering::Relaxed);
    slot.park.store(0, Ordering::Relaxed);
    slot.start_time.store(process::own_start_time(), Ordering::Relaxed);
    slot.namespace.store(process::pid_namespace(), Ordering::Relaxed);
    slot.state.store(pack(State::Live, generation), Ordering::Release);
    Owner::new(index, generation)
}

/// Who has a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occupant {
    /// The participant.
    pub owner: Owner,
    /// Its process.
    pub pid: u32,
    /// Its thread.
    pub tid: u32,
    /// What it was claimed as; `None` where that word is damaged.
    pub kind: Option<Kind>,
    /// Its worker's id, if it is one.
    pub worker: Option<u32>,
}

impl Control {
    pub(crate) fn slot(&self, index: u32) -> &Slot {
        assert!(index < self.limits().slots);
        self.at(self.geometry().slot(index))
    }

    /// The slot's words, if `owner` names a slot of this cluster.
    pub(crate) fn slot_of(&self, owner: Owner) -> Option<&Slot> {
        (owner.slot() < self.limits().slots).then(|| self.slot(owner.slot()))
    }

    /// Who claimed this slot last, if it has not been given back; dead or alive. `None` for a slot there is not.
    pub fn occupant(&self, index: u32) -> Option<Occupant> {
        if index >= self.limits().slots {
            return None;
        }
        let slot = self.slot(index);
        let (state, generation) = unpack(slot.state.load(Ordering::Acquire));
        matches!(state, State::Live | State::Dead).then(|| Occupant {
            owner: Owner::new(index, generation),
            pid: slot.pid.load(Ordering::Relaxed),
            tid: slot.tid.load(Ordering::Relaxed),
            kind: Kind::from_code(slot.kind.load(Ordering::Relaxed)),
            worker: self.valid_worker(slot.worker.load(Ordering::Relaxed)),
        })
    }

    /// A worker's id as it stands in shared words: plus one, and perhaps damaged.
    pub(crate) fn valid_worker(&self, word: u32) -> Option<u32> {
        word.checked_sub(1).filter(|&worker| worker < self.limits().workers)
    }

    /// Whether this participant lives: its slot says so in the same generation, and the kernel holds its token. About
    /// once a second its process is looked up as well, since a forked child without exec may keep the token alive.
    pub fn is_alive(&self, owner: Owner) -> bool {
        let Some(slot) = self.slot_of(owner) else { return false };
        // The token is taken before this state is written and dropped after it is taken back: a free byte under this
        // very state is a death.
        self.claims_to_live(owner) && !self.slot_is_free(owner.slot()) && !self.process_is_gone(owner, slot)
    }

    /// What the slot says, without asking the kernel.
    pub(crate) fn claims_to_live(&self, owner: Owner) -> bool {
        let live = pack(State::Live, owner.generation());
        self.slot_of(owner).is_some_and(|slot| slot.state.load(Ordering::Acquire) == live)
    }

    fn process_is_gone(&self, owner: Owner, slot: &Slot) -> bool {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        let now = START.get_or_init(Instant::now).elapsed().as_millis() as u64 + LOOK_UP_EVERY;
        let last = &self.looked_up[owner.slot() as usize];
        if now - last.load(Ordering::Relaxed).min(now) < LOOK_UP_EVERY {
            return false;
        }
        let ended = process_has_ended(slot);
        if !ended {
            // The dead stay dead: the next to ask looks again, and finds the same.
            last.store(now, Ordering::Relaxed);
        }
        ended
    }
}

/// Looks the slot's process up by pid and start time, where pids mean the same here as there.
pub(crate) fn process_has_ended(slot: &Slot) -> bool {
    let namespace = slot.namespace.load(Ordering::Relaxed);
    let (pid, time) = (slot.pid.load(Ordering::Relaxed), slot.start_time.load(Ordering::Relaxed));
    if namespace == 0 || namespace != process::pid_namespace() || time == 0 {
        return false;
    }
    match process::vital(pid) {
        Vital::Alive(found) => found != time,
        Vital::Dead => true,
        Vital::Unknown => false,
    }
}

impl Liveness for Control {
    fn is_alive(&self, owner: Owner) -> bool {
        Control::is_alive(self, owner)
    }

    fn worker_of(&self, owner: Owner) -> Option<u32> {
        let slot = self.slot_of(owner)?;
        let (_, generation) = unpack(slot.state.load(Ordering::Acquire));
        let worker = self.valid_worker(slot.worker.load(Ordering::Relaxed))?;
        (generation == owner.generation()).then_some(worker)
    }

    fn sweep(&self) {
        // What cannot be recovered now is found again by the next sweep.
        let _ = recover::sweep(self);
    }

    fn busy(&self) -> u32 {
        let taken = |worker: &u32| Status::of(self.mail(*worker)) == Status::Taken;
        (0..self.limits().workers).filter(taken).count().max(1) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_and_its_generation_come_back_as_they_went_in() {
        for state in [State::Free, State::Live, State::Dead, State::Retired] {
            for generation in [0, 1, 77, GENERATIONS - 1] {
                assert_eq!(unpack(pack(state, generation)), (state, generation));
            }
        }
        assert_eq!(unpack(u32::MAX), (State::Free, GENERATIONS - 1));
    }
}
