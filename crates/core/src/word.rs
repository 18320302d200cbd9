//! The word that every lock is made of, and who may own one.
//!
//! | bits  | name           | meaning                                                                   |
//! |-------|----------------|---------------------------------------------------------------------------|
//! | 0-9   | slot           | the holder's slot plus one; 0 = nobody holds it                           |
//! | 10-29 | generation     | how often that slot was claimed, so that a stale owner never looks alive  |
//! |       |                | a free fair lock: a number that changes with whose turn it may be         |
//! | 30    | [`POISON`]     | a holder died, or left, without releasing                                 |
//! | 31    | [`WAITERS`]    | somebody may be asleep: whoever releases has to wake                      |
//!
//! The whole word 0 = free, sound, nobody asleep: the only value that a fast path may take. A lock that is free *and*
//! poisoned is not 0, so no fast path can pass a death by.

/// Bits of the holder's slot plus one.
const SLOT_BITS: u32 = 10;
/// Bits of the slot's generation.
const GENERATION_BITS: u32 = 20;

/// Set when a holder died, or left its task, without releasing. Stays until a holder clears it.
pub const POISON: u32 = 1 << 30;
/// Set when somebody may be asleep on the word.
pub const WAITERS: u32 = 1 << 31;
/// The bits that name the holder.
pub const OWNER_MASK: u32 = (1 << (SLOT_BITS + GENERATION_BITS)) - 1;
/// More slots than this do not fit in the word.
pub const MAX_SLOTS: u32 = (1 << SLOT_BITS) - 1;

const _: () = assert!(OWNER_MASK & (POISON | WAITERS) == 0 && OWNER_MASK | POISON | WAITERS == u32::MAX);

/// One participant in one life of its slot, as it stands in a lock word. Never zero.
///
/// The generation wraps after 2^20 claims of one slot. That is harmless: a slot is recovered, which takes its name out
/// of every word, before it is claimed again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Owner(u32);

impl Owner {
    /// The participant in `slot` (0 to [`MAX_SLOTS`] - 1) after the `generation`-th claim of it.
    ///
    /// # Panics
    /// If the slot does not fit.
    pub const fn new(slot: u32, generation: u32) -> Self {
        assert!(slot < MAX_SLOTS);
        Owner(((generation << SLOT_BITS) & OWNER_MASK) | (slot + 1))
    }

    /// The owner in a lock word, or `None` if nobody holds it (a damaged word without a slot counts as that).
    pub const fn in_word(word: u32) -> Option<Self> {
        if word & MAX_SLOTS == 0 { None } else { Some(Owner(word & OWNER_MASK)) }
    }

    /// As it stands in the word: generation above slot + 1.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The slot, from 0.
    pub const fn slot(self) -> u32 {
        (self.0 & MAX_SLOTS) - 1
    }

    /// The slot's generation, cut to 20 bits.
    pub const fn generation(self) -> u32 {
        self.0 >> SLOT_BITS
    }

    /// The futex bit of this participant's sleeps: it can be woken alone, or with the few that share the bit.
    pub const fn wake_bit(self) -> u32 {
        wake_bit(self.slot())
    }
}

/// The futex bit that a participant in `slot` sleeps with.
pub const fn wake_bit(slot: u32) -> u32 {
    1 << (slot % 32)
}

/// The word of a free lock with this number in the place of a generation.
pub(crate) const fn with_turn(word: u32, turn: u32) -> u32 {
    word & (POISON | WAITERS) | (turn << SLOT_BITS) & OWNER_MASK
}

/// Whether a holder died or left without releasing.
pub(crate) const fn is_poisoned(word: u32) -> bool {
    word & POISON != 0
}

/// Whether somebody may be asleep on the word.
pub(crate) const fn has_waiters(word: u32) -> bool {
    word & WAITERS != 0
}

/// What the primitives have to know about the other participants. Asked on slow paths only.
pub trait Liveness {
    /// Whether this participant still lives, in this generation of its slot.
    fn is_alive(&self, owner: Owner) -> bool;

    /// The worker's id, if the participant is a worker; for error messages. Asked before its slot is recovered.
    fn worker_of(&self, owner: Owner) -> Option<u32>;

    /// Looks for dead participants and recovers what they held. Called at the end of a bounded sleep.
    fn sweep(&self);

    /// How many slots are inside a task now, the caller's among them: with a core for each, spinning pays.
    fn busy(&self) -> u32;
}

/// Whether `owner` is another than `me`, and dead.
pub(crate) fn is_dead_other(owner: Owner, me: Owner, others: &impl Liveness) -> bool {
    owner != me && !others.is_alive(owner)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn slot_and_generation_come_out_as_they_went_in() {
        for (slot, generation) in [(0, 0), (0, 1), (5, 77), (MAX_SLOTS - 1, (1 << 20) - 1)] {
            let owner = Owner::new(slot, generation);
            assert_eq!((owner.slot(), owner.generation()), (slot, generation));
            for bits in [0, POISON, WAITERS, POISON | WAITERS] {
                assert_eq!(Owner::in_word(owner.bits() | bits), Some(owner));
            }
        }
        assert_eq!(Owner::new(3, 1 << 20), Owner::new(3, 0), "the generation wraps");
    }

    #[test]
    fn a_word_without_a_slot_has_no_owner() {
        for word in [0, POISON, WAITERS, POISON | WAITERS, 7 << SLOT_BITS] {
            assert_eq!(Owner::in_word(word), None);
        }
    }
}
