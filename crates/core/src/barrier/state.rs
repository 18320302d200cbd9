//! The words of a barrier, and what follows from them.
//!
//! | bits  | in the state                  | in a slot's ticket                                |
//! |-------|-------------------------------|---------------------------------------------------|
//! | 0-10  | how many have come            | 0 = not a member; 2047 = a member that has not come; else index of arrival + 1 |
//! | 11-31 | epoch: changes with a reset   | the epoch it belongs to                           |
//! | 32-62 | generation: counts rounds and resets | the generation it came in                  |
//! | 63    | broken                        | 0                                                 |
//!
//! Generations wrap after 2^31 rounds: a waiter would have to miss exactly that many, without waking, to be deceived.
//! Epochs wrap after 2^21 resets or runs, and tell apart only those that can meet.

use super::{Breaker, Reason, Turn};

const COUNT_BITS: u32 = 11;
const EPOCH_BITS: u32 = 21;
const COUNT: u64 = (1 << COUNT_BITS) - 1;
const EPOCH: u64 = ((1 << EPOCH_BITS) - 1) << COUNT_BITS;
const ROUND: u64 = !BROKEN & !COUNT;
const BROKEN: u64 = 1 << 63;
const GENERATION_SHIFT: u32 = 32;
const GENERATIONS: u32 = (1 << 31) - 1;
/// The lowest bits of the ticket of a member that has not come.
const NOT_COME: u64 = COUNT;

const _: () = assert!(COUNT_BITS + EPOCH_BITS == GENERATION_SHIFT);
const _: () = assert!((crate::word::MAX_SLOTS as u64) < NOT_COME);

/// The state of a barrier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct State(pub u64);

impl State {
    pub fn count(self) -> u32 {
        (self.0 & COUNT) as u32
    }

    pub fn epoch(self) -> u32 {
        ((self.0 & EPOCH) >> COUNT_BITS) as u32
    }

    pub fn is_epoch(self, epoch: u32) -> bool {
        epoch & (EPOCH >> COUNT_BITS) as u32 == self.epoch()
    }

    /// As it stands in the upper half while the barrier is sound.
    pub fn generation(self) -> u32 {
        (self.0 >> GENERATION_SHIFT) as u32 & GENERATIONS
    }

    /// Whether `generation` is this one's or, of the half circle ahead, a later one.
    pub fn is_not_after(self, generation: u32) -> bool {
        generation.wrapping_sub(self.generation()) & GENERATIONS <= GENERATIONS / 2
    }

    pub fn is_broken(self) -> bool {
        self.0 & BROKEN != 0
    }

    pub fn broken(self) -> Self {
        State(self.0 | BROKEN)
    }

    pub fn one_more(self) -> Self {
        State(self.0 + 1)
    }

    /// The same epoch, the next generation, nobody there.
    pub fn next_round(self) -> Self {
        self.renewed(self.epoch())
    }

    /// Another epoch, the next generation, nobody there, not broken.
    pub fn renewed(self, epoch: u32) -> Self {
        let generation = self.generation().wrapping_add(1) & GENERATIONS;
        State((u64::from(generation) << GENERATION_SHIFT) | ((u64::from(epoch) << COUNT_BITS) & EPOCH))
    }

    /// The ticket of a member that has not come.
    pub fn enrolled(self) -> Ticket {
        Ticket((self.0 & ROUND) | NOT_COME)
    }

    /// The ticket of the slot that came as number `index`.
    pub fn ticket(self, index: u32) -> Ticket {
        Ticket((self.0 & ROUND) | u64::from(index + 1))
    }
}

/// A slot's entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ticket(pub u64);

impl Ticket {
    pub fn generation(self) -> u32 {
        State(self.0).generation()
    }

    /// The index of arrival, of a slot that has come.
    pub fn index(self) -> u32 {
        State(self.0).count().saturating_sub(1)
    }

    /// Whether the slot belongs to the epoch: by its enrolment, or by an arrival in any round of it.
    pub fn belongs_to(self, now: State) -> bool {
        self.0 & COUNT != 0 && self.0 & EPOCH == now.0 & EPOCH
    }

    /// Whether the slot has come in the round that is on.
    pub fn waits_in(self, now: State) -> bool {
        !matches!(self.0 & COUNT, 0 | NOT_COME) && self.waits_for(now)
    }

    /// Whether the round of this ticket is still on.
    pub fn waits_for(self, now: State) -> bool {
        self.0 & ROUND == now.0 & ROUND
    }

    /// What the wait for this ticket's round came to, or `None` if it is still on.
    pub fn outcome(self, now: State) -> Option<Turn> {
        if self.0 & EPOCH != now.0 & EPOCH {
            Some(Turn::Broken)
        } else if !self.waits_for(now) {
            // Also when the barrier was broken after the round was complete.
            Some(Turn::Passed(self.index()))
        } else if now.is_broken() {
            Some(Turn::Broken)
        } else {
            None
        }
    }
}

/// Who broke which round: generation from bit 32, a worker's id plus one from bit 8, [`Record::VALID`], the reason.
///
/// It is entered before the round is broken. If the round completes instead, nobody looks for its generation any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Record(pub u64);

impl Record {
    const VALID: u64 = 1 << 4;
    const REASON: u64 = Record::VALID - 1;
    const WORKER_SHIFT: u32 = 8;
    const WORKER: u64 = 0xffff;

    pub fn new(round: State, by: Breaker) -> Self {
        let worker = by.worker.map_or(0, |id| u64::from(id) + 1) & Record::WORKER;
        let generation = u64::from(round.generation()) << GENERATION_SHIFT;
        Record(generation | worker << Record::WORKER_SHIFT | Record::VALID | by.reason as u64)
    }

    /// Who breaks, or has broken, the round that is on in `now`.
    pub fn breaker_of(self, now: State) -> Option<Breaker> {
        if self.0 & Record::VALID == 0 || State(self.0).generation() != now.generation() {
            return None;
        }
        let reason = Reason::from_code((self.0 & Record::REASON) as u32)?;
        let worker = (self.0 >> Record::WORKER_SHIFT) & Record::WORKER;
        Some(Breaker { reason, worker: (worker as u32).checked_sub(1) })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// The last round before the generation wraps, in the last epoch.
    const LAST: State = State(((GENERATIONS as u64) << GENERATION_SHIFT) | EPOCH);

    #[test]
    fn the_parts_of_the_state_do_not_run_into_each_other() {
        let state = LAST.one_more().one_more().broken();
        assert_eq!((state.count(), state.epoch(), state.generation()), (2, (1 << EPOCH_BITS) - 1, GENERATIONS));
        assert!(state.is_broken() && state.is_epoch(u32::MAX));
    }

    #[test]
    fn rounds_and_epochs_go_on_when_they_wrap() {
        let next = LAST.one_more().next_round();
        assert_eq!((next.count(), next.generation(), next.epoch()), (0, 0, LAST.epoch()));
        assert_eq!(LAST.ticket(4).outcome(next), Some(Turn::Passed(4)));
        assert!(LAST.is_not_after(next.generation()) && !next.is_not_after(LAST.generation()));

        let reset = LAST.renewed(LAST.epoch() + 1);
        assert_eq!(reset.epoch(), 0);
        assert_eq!(LAST.ticket(4).outcome(reset), Some(Turn::Broken));
        assert!(!LAST.ticket(4).belongs_to(reset));
    }

    #[test]
    fn a_ticket_of_nobody_belongs_nowhere() {
        let nobody = Ticket(0);
        assert!(!nobody.belongs_to(State(0)) && !nobody.waits_in(State(0)));
        let enrolled = State(0).enrolled();
        assert!(enrolled.belongs_to(State(0)) && !enrolled.waits_in(State(0)));
        assert!(State(0).ticket(0).waits_in(State(0)));
    }

    #[test]
    fn a_record_is_of_its_own_round_and_a_damaged_one_of_none() {
        let by = Breaker { reason: Reason::Died, worker: Some(1000) };
        assert_eq!(Record::new(LAST, by).breaker_of(LAST), Some(by));
        assert_eq!(Record::new(LAST, by).breaker_of(LAST.next_round()), None);
        assert_eq!(Record(0).breaker_of(State(0)), None);
        assert_eq!(Record(Record::VALID | 15).breaker_of(State(0)), None, "no such reason");
    }
}
