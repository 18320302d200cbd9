//! An event between processes: somebody says that something has happened, and others wait for that.
//!
//! One word, so that no death leaves it half changed. An event that stays set lets everybody pass until it is reset; one
//! that resets itself lets one pass each time. A model stands in `models/event.pml`.
//!
//! | bits | name         | meaning                                                                            |
//! |------|--------------|------------------------------------------------------------------------------------|
//! | 0-29 | generation   | how often it was set: who waited for it passes, also where it was reset in between |
//! | 30   | `SET`        | it has happened                                                                    |
//! | 31   | [`WAITERS`]  | somebody may be asleep                                                             |

use crate::object::{Departed, Object};
use crate::primitive::{AtomicU32, Deadline, FutexWord, Ordering::*, futex_wake};
use crate::wait::{self, Gate, Look, Request, Slice};
use crate::word::{Liveness, Owner, WAITERS};

const SET: u32 = 1 << 30;
const GENERATIONS: u32 = SET - 1;

/// An event in shared memory. All bytes zero is one that stays set, and has not happened.
#[repr(C)]
#[derive(Debug)]
pub struct Layout {
    word: AtomicU32,
    /// 1 = it resets itself.
    automatic: AtomicU32,
}

impl Layout {
    /// An event that resets itself or not, and has happened or not.
    pub fn new(automatic: bool, set: bool) -> Self {
        Layout { word: AtomicU32::new(if set { SET } else { 0 }), automatic: AtomicU32::new(automatic.into()) }
    }

    /// As if it were new.
    pub fn renew(&self, automatic: bool, set: bool) {
        self.automatic.store(automatic.into(), Relaxed);
        self.word.store(if set { SET } else { 0 }, Release);
    }

    /// It has happened: all who wait pass or, where it resets itself, one does, now or later. Nothing happens where it is
    /// set already. What the caller did before happens before what those do after.
    pub fn set(&self) {
        let mut now = self.word.load(Relaxed);
        while now & SET == 0 {
            let next = SET | now.wrapping_add(1) & GENERATIONS;
            match self.word.compare_exchange(now, next, Release, Relaxed) {
                Ok(_) if now & WAITERS != 0 => return self.wake(if self.is_automatic() { 1 } else { u32::MAX }),
                Ok(_) => return,
                Err(found) => now = found,
            }
        }
    }

    /// It has not happened any more.
    pub fn reset(&self) {
        self.word.fetch_and(!SET, Relaxed);
    }

    /// Whether it has happened.
    pub fn is_set(&self) -> bool {
        self.word.load(Acquire) & SET != 0
    }

    /// Whether it resets itself.
    pub fn is_automatic(&self) -> bool {
        self.automatic.load(Relaxed) != 0
    }

    /// How often it was set: what a wait begins with.
    pub fn generation(&self) -> u32 {
        self.word.load(Acquire) & GENERATIONS
    }

    /// One slice of a wait that began in the generation `since`: spins while that may help, then sleeps once at most.
    pub fn wait_slice(&self, me: Owner, since: u32, request: &Request, others: &impl Liveness) -> Slice {
        wait::wait_slice(&Happening { event: self, since }, me, request, others)
    }

    /// Waits until it is decided, in as many slices as it takes.
    pub fn wait(&self, me: Owner, deadline: Option<Deadline>, others: &impl Liveness) -> Slice {
        let since = self.generation();
        let request = Request { deadline, ..Request::default() };
        wait::until_decided(request, |request| self.wait_slice(me, since, request, others))
    }

    /// Leaving after [`Slice::Again`]: the wake that this waiter may have been given goes to another.
    pub fn abandon(&self) {
        self.wake(1);
    }

    /// For one that passed, and has no use for it: another may pass in its place.
    pub fn give_back(&self) {
        if self.is_automatic() {
            self.set();
        }
    }

    fn wake(&self, count: u32) {
        futex_wake(FutexWord::Whole(&self.word), count, u32::MAX);
    }
}

impl Object for Layout {
    fn participant_died(&self, _dead: Departed) {
        self.wake_all();
    }

    fn participant_left(&self, _leaver: Departed) {}

    fn wake_all(&self) {
        self.wake(u32::MAX);
    }

    fn nudge(&self, me: Owner) {
        futex_wake(FutexWord::Whole(&self.word), u32::MAX, me.wake_bit());
    }
}

/// One wait.
struct Happening<'a> {
    event: &'a Layout,
    since: u32,
}

impl Gate for Happening<'_> {
    type Word = AtomicU32;

    fn word(&self) -> &AtomicU32 {
        &self.event.word
    }

    fn look(&self, now: u64, slept: bool) -> Look {
        let word = now as u32;
        if self.event.is_automatic() {
            // Whoever has slept cannot know whether it was the last one asleep.
            let waiters = if slept { WAITERS } else { word & WAITERS };
            let taken = Look::Take((word & GENERATIONS | waiters).into(), Slice::Acquired);
            if word & SET != 0 { taken } else { Look::Wait }
        } else if word & SET != 0 || word & GENERATIONS != self.since {
            Look::Decided(Slice::Acquired)
        } else {
            Look::Wait
        }
    }

    fn pass_on(&self) {
        self.event.abandon();
    }
}
