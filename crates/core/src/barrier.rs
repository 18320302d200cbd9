//! A barrier between processes that survives the death of a party.
//!
//! One 64-bit word holds everything that decides a round (its bits stand in `barrier/state.rs`), so that there is no
//! moment at which a death leaves it half changed: an arrival, the end of a round, a break and a reset are each one
//! compare-exchange. A waiter sleeps on the upper half of that word, which changes exactly when the wait is over.

use crate::object::{Departed, Object};
use crate::primitive::{AtomicU32, AtomicU64, Deadline, FutexWord, Ordering::*, Woken, fence, futex_wait, futex_wake};
use crate::spin::{self, What};
use crate::table::Table;
use crate::word::{Liveness, Owner, wake_bit};
use std::time::Duration;

mod answer;
mod state;

pub use answer::{Breaker, Info, Reason, Turn};
use state::{Record, State, Ticket};

/// A barrier in shared memory, without the entries per slot. All bytes zero is a barrier that waits for its first
/// [`Barrier::renew`] or [`Barrier::restart`].
#[repr(C, align(64))]
#[derive(Debug)]
pub struct Layout {
    /// A [`State`].
    state: AtomicU64,
    /// A [`Record`]: who broke it, and which round.
    breaker: AtomicU64,
    /// How many have to come.
    parties: AtomicU32,
    /// The latest generation in which somebody went to sleep: whoever completes a later one need not wake. A word and
    /// not a count, since a count would stay too high for ever after a death.
    slept: AtomicU32,
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<Layout>() == 64);

impl Layout {
    /// Like all bytes zero.
    pub fn new() -> Self {
        let (state, breaker) = (AtomicU64::new(0), AtomicU64::new(0));
        Layout { state, breaker, parties: AtomicU32::new(0), slept: AtomicU32::new(0) }
    }
}

impl Default for Layout {
    fn default() -> Self {
        Layout::new()
    }
}

/// How to wait.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// When to give up, and break it; none = never.
    pub deadline: Option<Deadline>,
    /// The longest sleep of one slice: see [`crate::wait::tick`].
    pub tick: Duration,
    /// The caller's worker id, for the message to the others if it gives up.
    pub worker: Option<u32>,
}

/// A barrier: its layout and its entries.
#[derive(Clone, Copy, Debug)]
pub struct Barrier<'a> {
    /// The shared words.
    pub layout: &'a Layout,
    /// One entry per slot: the round and the index of its last arrival.
    pub came: Table<'a>,
}

impl Barrier<'_> {
    /// Begins `epoch` (cut to 21 bits) for `parties`; `members` are the slots known to take part. Those who wait in an
    /// older epoch find it broken.
    pub fn renew(&self, epoch: u32, parties: u32, members: impl IntoIterator<Item = u32>) {
        let next = self.state().renewed(epoch);
        for slot in members {
            self.came.entry(slot).store(next.enrolled().0, Relaxed);
        }
        self.layout.parties.store(parties, Relaxed);
        self.replace(|now| now.renewed(epoch));
    }

    /// Begins the next epoch for `parties`, without members: a slot becomes one by its first arrival.
    pub fn restart(&self, parties: u32) {
        self.layout.parties.store(parties, Relaxed);
        self.replace(|now| now.renewed(now.epoch().wrapping_add(1)));
    }

    /// Begins the next epoch for as many parties as before: whoever waits finds the barrier broken, and so does one that
    /// has not noticed yet that its round was complete. The next round starts sound, without members.
    pub fn reset(&self) {
        self.restart(self.layout.parties.load(Relaxed));
    }

    /// `slot` arrives in the round that is on, if `epoch` is right (none = any). Never sleeps. After
    /// [`Turn::Again`], wait with [`Barrier::wait_slice`] or [`Barrier::leave`].
    ///
    /// All that a party did before its arrival happens before all that any party does after it has passed.
    pub fn arrive(&self, slot: u32, epoch: Option<u32>) -> Turn {
        let entry = self.came.entry(slot);
        let parties = self.layout.parties.load(Relaxed);
        let mut now = self.state();
        loop {
            if epoch.is_some_and(|epoch| !now.is_epoch(epoch)) {
                return Turn::WrongEpoch;
            }
            if now.is_broken() {
                return Turn::Broken;
            }
            let ticket = Ticket(entry.load(Relaxed));
            if ticket.waits_in(now) {
                return Turn::AlreadyArrived;
            }
            if !ticket.belongs_to(now) {
                // Before the arrival counts, so that a death from there on breaks the barrier.
                entry.store(now.enrolled().0, Relaxed);
            }
            let index = now.count();
            let last = index + 1 >= parties;
            let next = if last { now.next_round() } else { now.one_more() };
            match self.layout.state.compare_exchange(now.0, next.0, AcqRel, Acquire) {
                Ok(_) if last => {
                    // Against the fence in `sleep`: either the sleeper sees the new state, or this load sees it asleep.
                    fence(SeqCst);
                    // A sleeper of the next round may stand there already, over one of this round.
                    if now.is_not_after(self.layout.slept.load(Relaxed)) {
                        self.wake_all();
                    }
                    return Turn::Passed(index);
                }
                Ok(_) => {
                    // After the exchange: the store can drain while this party spins.
                    entry.store(now.ticket(index).0, Release);
                    return Turn::Again(index);
                }
                Err(found) => now = State(found),
            }
        }
    }

    /// One slice of waiting after an arrival: spins while that may help, then sleeps once at most.
    pub fn wait_slice(&self, slot: u32, patience: &Patience, others: &impl Liveness) -> Turn {
        let ticket = self.ticket(slot);
        let mut decided = ticket.outcome(self.state());
        if decided.is_none() {
            spin::spin_until(What::Barrier, others.busy(), || {
                decided = ticket.outcome(self.state());
                decided.is_some()
            });
        }
        if let Some(turn) = decided {
            return turn;
        }
        let tick = Deadline::after(patience.tick);
        let until = patience.deadline.map_or(tick, |deadline| deadline.min(tick));
        if !until.passed() && self.sleep(slot, ticket, until) == Woken::TimedOut {
            others.sweep();
        }
        if let Some(turn) = ticket.outcome(self.state()) {
            return turn;
        }
        if patience.deadline.is_some_and(Deadline::passed) {
            let by = Breaker { reason: Reason::GaveUp, worker: patience.worker };
            return if self.break_if(by, |now| ticket.waits_for(now)) {
                Turn::TimedOut
            } else {
                ticket.outcome(self.state()).unwrap_or(Turn::Broken)
            };
        }
        Turn::Again(ticket.index())
    }

    /// Leaves a wait: breaks the round that `slot` waits in. [`Turn::Passed`] if that round is complete already,
    /// else [`Turn::Broken`]. Later rounds are not touched.
    pub fn leave(&self, slot: u32, by: Breaker) -> Turn {
        let ticket = self.ticket(slot);
        self.break_if(by, |now| ticket.waits_for(now));
        ticket.outcome(self.state()).unwrap_or(Turn::Broken)
    }

    /// Breaks it now, whether anybody waits or not; who was first is remembered. A round that is complete stays passed
    /// for those who have not noticed yet.
    pub fn break_now(&self, by: Breaker) {
        self.break_if(by, |_| true);
    }

    /// Breaks it if `epoch` is on: a worker that leaves the task of an older run breaks nothing.
    pub fn break_epoch(&self, epoch: u32, by: Breaker) {
        self.break_if(by, |now| now.is_epoch(epoch));
    }

    /// For recovery: the participant in `slot` is dead. If it belongs to this epoch, the barrier breaks. Wakes all in
    /// any case: the dead may have been about to.
    pub fn slot_died(&self, slot: u32, worker: Option<u32>) {
        let ticket = self.ticket(slot);
        let by = Breaker { reason: Reason::Died, worker };
        self.break_if(by, |now| ticket.belongs_to(now));
        self.wake_all();
    }

    /// A participant that ends in order, and takes part no more: breaks the round that it waits in, if it does.
    pub fn withdraw(&self, slot: u32, by: Breaker) {
        let ticket = self.ticket(slot);
        self.break_if(by, |now| ticket.waits_in(now));
        if !self.is_broken() {
            self.came.entry(slot).store(0, Relaxed);
        }
    }

    /// How it stands.
    pub fn info(&self) -> Info {
        let now = self.state();
        let record = Record(self.layout.breaker.load(Acquire));
        let missing = self.came.slots().filter(|&slot| {
            let ticket = self.ticket(slot);
            ticket.belongs_to(now) && !ticket.waits_in(now)
        });
        Info {
            parties: self.layout.parties.load(Relaxed),
            arrived: now.count(),
            is_broken: now.is_broken(),
            broken_by: record.breaker_of(now).filter(|_| now.is_broken()),
            epoch: now.epoch(),
            missing: missing.collect(),
        }
    }

    /// Whether it is broken.
    pub fn is_broken(&self) -> bool {
        self.state().is_broken()
    }

    fn state(&self) -> State {
        State(self.layout.state.load(Acquire))
    }

    fn ticket(&self, slot: u32) -> Ticket {
        Ticket(self.came.entry(slot).load(Acquire))
    }

    /// Sleeps until the round of `ticket` is over, broken, or `until`.
    fn sleep(&self, slot: u32, ticket: Ticket, until: Deadline) -> Woken {
        loop {
            let slept = self.layout.slept.load(Acquire);
            if slept == ticket.generation() {
                break;
            }
            // A late one must not overwrite a sleeper of the next round: the exchange fails if `slept` has changed
            // since before this look at the state.
            if ticket.outcome(self.state()).is_some() {
                return Woken::Changed;
            }
            if self.layout.slept.compare_exchange(slept, ticket.generation(), AcqRel, Relaxed).is_ok() {
                break;
            }
        }
        fence(SeqCst);
        futex_wait(FutexWord::Upper(&self.layout.state), ticket.generation(), wake_bit(slot), until)
    }

    fn replace(&self, next: impl Fn(State) -> State) {
        let mut now = self.state();
        while let Err(found) = self.layout.state.compare_exchange(now.0, next(now).0, AcqRel, Acquire) {
            now = State(found);
        }
        self.wake_if_awaited(now);
    }

    /// Breaks the barrier if `applies` to its state; whether it was this call that broke it.
    fn break_if(&self, by: Breaker, applies: impl Fn(State) -> bool) -> bool {
        let mut now = self.state();
        while !now.is_broken() && applies(now) {
            self.note_breaker(now, by);
            match self.layout.state.compare_exchange(now.0, now.broken().0, AcqRel, Acquire) {
                Ok(_) => {
                    self.wake_if_awaited(now);
                    return true;
                }
                Err(found) => now = State(found),
            }
        }
        false
    }

    /// Wakes those who waited in the round that `before` was in. Without any there is nobody to wake: who waited in the
    /// round before it was woken by whoever ended that.
    fn wake_if_awaited(&self, before: State) {
        if before.count() > 0 {
            self.wake_all();
        }
    }

    /// Enters who breaks this round, unless somebody stands there for it already.
    fn note_breaker(&self, now: State, by: Breaker) {
        let mut seen = self.layout.breaker.load(Relaxed);
        while Record(seen).breaker_of(now).is_none() {
            match self.layout.breaker.compare_exchange(seen, Record::new(now, by).0, Release, Relaxed) {
                Ok(_) => break,
                Err(found) => seen = found,
            }
        }
    }
}

impl Object for Barrier<'_> {
    fn participant_died(&self, dead: Departed) {
        self.slot_died(dead.owner.slot(), dead.worker);
    }

    fn participant_left(&self, leaver: Departed) {
        self.withdraw(leaver.owner.slot(), Breaker { reason: Reason::Died, worker: leaver.worker });
    }

    fn wake_all(&self) {
        futex_wake(FutexWord::Upper(&self.layout.state), u32::MAX, u32::MAX);
    }

    fn nudge(&self, me: Owner) {
        futex_wake(FutexWord::Upper(&self.layout.state), u32::MAX, me.wake_bit());
    }

    fn deleted(&self) {
        self.break_now(Breaker { reason: Reason::Explicit, worker: None });
    }
}
