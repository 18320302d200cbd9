//! What every lock, barrier and their kin can be told, whatever they are.

use crate::word::Owner;

/// A participant that takes part no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Departed {
    /// As it stands in the words.
    pub owner: Owner,
    /// The worker's id, if it was a worker; for error messages, and where all workers are parties.
    pub worker: Option<u32>,
}

/// An object of the table. Each call changes words first and wakes then, and may be made again where it was cut short.
pub trait Object {
    /// For recovery: gives back what a dead participant held, answers those who counted on it, and wakes all in any case:
    /// the dead may have swallowed a wake.
    fn participant_died(&self, dead: Departed);

    /// The same for one that leaves in order: nobody is to count on it any more.
    fn participant_left(&self, leaver: Departed) {
        self.participant_died(leaver);
    }

    /// Wakes everybody asleep in it, to look again.
    fn wake_all(&self);

    /// Wakes those of `me` who are asleep in it (and perhaps a few others), to look again.
    fn nudge(&self, me: Owner);

    /// It has lost its name. Who waits for somebody to come has to be told.
    fn deleted(&self) {
        self.wake_all();
    }
}

impl<T: Object> Object for &T {
    fn participant_died(&self, dead: Departed) {
        T::participant_died(self, dead);
    }

    fn participant_left(&self, leaver: Departed) {
        T::participant_left(self, leaver);
    }

    fn wake_all(&self) {
        T::wake_all(self);
    }

    fn nudge(&self, me: Owner) {
        T::nudge(self, me);
    }

    fn deleted(&self) {
        T::deleted(self);
    }
}
