//! Waiting at a word, in slices: what the primitives have in common.
//!
//! Every word that somebody may sleep at has a bit for that, the highest one: [`crate::word::WAITERS`], or bit 63 where a
//! word has 64 bits and sleepers stand at its upper half. What its other bits mean, and who may go on, each primitive says.

use crate::primitive::{AtomicU32, AtomicU64, Deadline, FutexWord, Ordering::*, Woken, futex_wait};
use crate::spin::{self, What};
use crate::word::{Liveness, Owner, WAITERS, is_poisoned};
use std::time::Duration;

/// What one slice of waiting came to. The numbers are the binding's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Slice {
    /// Not yet: the slice is over. Call again with [`Request::resumed`], or abandon the wait.
    Again = 0,
    /// The caller has what it waited for.
    Acquired = 1,
    /// The caller holds the lock, and what it protects may be half done: a holder died. Only with [`Request::recover`].
    AcquiredPoisoned = 2,
    /// A holder died, and the caller did not ask to recover. Not held.
    OwnerDied = 3,
    /// The deadline passed, or it cannot be had now and [`Request::only_try`] was set.
    TimedOut = 4,
    /// The caller itself stands in its own way. Nothing changed.
    Deadlock = 5,
    /// The wait was called off. Never from this crate: for those who wait on behalf of others.
    Cancelled = 6,
    /// As [`Slice::Again`], with a part of it in hand, which keeps others out. Call again with [`Request::halfway`], too.
    Halfway = 7,
    /// What was waited for does not come any more: a latch is broken, or was reset; what is done once is done.
    Over = 8,
}

impl Slice {
    /// What it came to for who holds a lock now that had this word before.
    pub(crate) fn held(word: u32) -> Slice {
        if is_poisoned(word) { Slice::AcquiredPoisoned } else { Slice::Acquired }
    }

    /// Whether the caller has what it waited for, poisoned or not.
    pub fn is_held(self) -> bool {
        matches!(self, Slice::Acquired | Slice::AcquiredPoisoned)
    }
}

/// How to wait.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Take a poisoned lock, and say so, instead of failing.
    pub recover: bool,
    /// A slice of this wait has been called before.
    pub resumed: bool,
    /// The slice before said [`Slice::Halfway`].
    pub halfway: bool,
    /// Never sleep nor spin: [`Slice::TimedOut`] if it cannot be had at once.
    pub only_try: bool,
    /// What the caller's participant holds itself is waited for like anybody's, not refused as a deadlock: for a thread
    /// that waits on behalf of an event loop.
    pub wait_for_self: bool,
    /// When to give up; none = never.
    pub deadline: Option<Deadline>,
    /// The longest sleep of one slice: see [`tick`].
    pub tick: Duration,
}

/// How long slice number `n` (from 0) of a wait may sleep: 50 ms, backing off to 500.
pub fn tick(n: u32) -> Duration {
    Duration::from_millis(50 << n.min(3)).min(Duration::from_millis(500))
}

impl Default for Request {
    /// The first slice of a plain wait without end.
    fn default() -> Self {
        Request {
            recover: false,
            resumed: false,
            halfway: false,
            only_try: false,
            wait_for_self: false,
            deadline: None,
            tick: tick(0),
        }
    }
}

impl Request {
    /// Prepares for the next slice after one that came to this. False where that is decided.
    pub fn resume(&mut self, after: Slice) -> bool {
        let undecided = matches!(after, Slice::Again | Slice::Halfway);
        (self.resumed, self.halfway) = (self.resumed || undecided, after == Slice::Halfway);
        undecided
    }
}

/// Waits until it is decided, in as many slices as it takes. For threads that nobody has to interrupt.
pub fn until_decided(mut request: Request, mut slice: impl FnMut(&Request) -> Slice) -> Slice {
    for n in 0.. {
        request.tick = tick(n);
        let decided = slice(&request);
        if !request.resume(decided) {
            return decided;
        }
    }
    unreachable!("the loop above ends by returning")
}

/// A word of shared memory that participants sleep at. Its value counts as 64 bits, whatever its size.
pub(crate) trait Word {
    /// Somebody may be asleep.
    const WAITERS: u64;
    fn look(&self) -> u64;
    fn exchange(&self, seen: u64, new: u64) -> Result<u64, u64>;
    fn sleep(&self, seen: u64, bit: u32, until: Deadline) -> Woken;
}

impl Word for AtomicU32 {
    const WAITERS: u64 = WAITERS as u64;

    fn look(&self) -> u64 {
        self.load(Acquire).into()
    }

    fn exchange(&self, seen: u64, new: u64) -> Result<u64, u64> {
        self.compare_exchange(seen as u32, new as u32, AcqRel, Acquire).map(u64::from).map_err(u64::from)
    }

    fn sleep(&self, seen: u64, bit: u32, until: Deadline) -> Woken {
        futex_wait(FutexWord::Whole(self), seen as u32, bit, until)
    }
}

impl Word for AtomicU64 {
    const WAITERS: u64 = 1 << 63;

    fn look(&self) -> u64 {
        self.load(Acquire)
    }

    fn exchange(&self, seen: u64, new: u64) -> Result<u64, u64> {
        self.compare_exchange(seen, new, AcqRel, Acquire)
    }

    fn sleep(&self, seen: u64, bit: u32, until: Deadline) -> Woken {
        futex_wait(FutexWord::Upper(self), (seen >> 32) as u32, bit, until)
    }
}

/// What a waiter makes of the word.
pub(crate) enum Look {
    /// It is decided.
    Decided(Slice),
    /// It is decided if the word can be changed to this.
    Take(u64, Slice),
    /// Not now.
    Wait,
}

/// What one waiter waits for, at one word.
pub(crate) trait Gate {
    /// The word's type.
    type Word: Word;

    /// The word.
    fn word(&self) -> &Self::Word;

    /// The futex bit that it sleeps with.
    fn wake_bit(&self, me: Owner) -> u32 {
        me.wake_bit()
    }

    /// What the word, or anything that changes before the word does, says to this waiter. `slept`: it has been asleep at
    /// it, in this slice or one before, and cannot know whether it was the last one.
    fn look(&self, now: u64, slept: bool) -> Look;

    /// Whoever stands in the way may be dead. Returns whether one was, and was cleared away. Asked before a sleep.
    fn clear_the_dead(&self, _now: u64) -> bool {
        false
    }

    /// Leaves without having got anything, after a sleep: a wake that it may have been given is somebody else's.
    fn pass_on(&self) {}
}

/// One slice of waiting: spins while that may help, then sleeps once at most.
pub(crate) fn wait_slice(gate: &impl Gate, me: Owner, request: &Request, others: &impl Liveness) -> Slice {
    let waiters = waiters_of(gate);
    let mut slept = false;
    let mut spun = false;
    let mut now = gate.word().look();
    loop {
        match gate.look(now, slept || request.resumed) {
            Look::Decided(slice) => return slice,
            Look::Take(next, slice) => match gate.word().exchange(now, next) {
                Ok(_) => return slice,
                Err(found) => now = found,
            },
            Look::Wait if !spun && now & waiters == 0 && !request.only_try => {
                spun = true;
                spin::spin_until(What::Lock, others.busy(), || {
                    now = gate.word().look();
                    now & waiters != 0 || !matches!(gate.look(now, slept), Look::Wait)
                });
            }
            Look::Wait if gate.clear_the_dead(now) => now = gate.word().look(),
            Look::Wait => {
                if request.only_try || request.deadline.is_some_and(Deadline::passed) {
                    if slept || request.resumed {
                        gate.pass_on();
                    }
                    return Slice::TimedOut;
                }
                if slept {
                    return Slice::Again;
                }
                if now & waiters == 0 {
                    // Looked at once more with the bit set: what changes from here on finds it.
                    spun = true;
                    now = gate.word().exchange(now, now | waiters).map_or_else(|found| found, |_| now | waiters);
                    continue;
                }
                let until = Deadline::after(request.tick);
                let until = request.deadline.map_or(until, |deadline| deadline.min(until));
                if gate.word().sleep(now, gate.wake_bit(me), until) == Woken::TimedOut {
                    others.sweep();
                }
                (slept, spun) = (true, false);
                now = gate.word().look();
            }
        }
    }
}

fn waiters_of<G: Gate>(_: &G) -> u64 {
    <G::Word as Word>::WAITERS
}
