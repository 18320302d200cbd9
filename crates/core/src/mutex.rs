//! A lock between processes that survives the death of its holder.
//!
//! The protocol stands at the functions; the bits of the word in [`crate::word`]; models of both in `models/`.
//! Barging: a newcomer may take a free lock before a sleeper that was just woken for it.

use crate::primitive::{AtomicU32, Deadline, FutexWord, Ordering::*, futex_wait, futex_wake};
use crate::spin::{self, What};
use crate::word::{Liveness, Owner, POISON, WAITERS, has_waiters, is_free, is_poisoned};
use std::time::Duration;

/// A lock in shared memory. All bytes zero is a free, sound lock.
#[repr(C)]
#[derive(Debug)]
pub struct Layout {
    /// See [`crate::word`]. First, since the fast paths outside this crate work on it.
    word: AtomicU32,
    /// The worker, plus one, that died or left holding the lock last; 0 = none, or no worker. For error messages.
    last_dead: AtomicU32,
}

/// What a look at the lock, or one slice of waiting for it, came to. The numbers are the binding's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Slice {
    /// Not yet: the slice is over. Call again with [`Request::resumed`], or [`Layout::abandon`] it.
    Again = 0,
    /// The caller holds the lock.
    Acquired = 1,
    /// The caller holds the lock, and what it protects may be half done: a holder died. Only with [`Request::recover`].
    AcquiredPoisoned = 2,
    /// A holder died, and the caller did not ask to recover. Not held.
    OwnerDied = 3,
    /// The deadline passed, or the lock is held and [`Request::only_try`] was set. Not held.
    TimedOut = 4,
    /// The caller holds the lock already. Nothing changed.
    Deadlock = 5,
    /// The wait was called off. Never from this module: for those who wait on behalf of others.
    Cancelled = 6,
}

/// How to wait for a lock.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Take a poisoned lock, and say so, instead of failing.
    pub recover: bool,
    /// A slice of this wait has been called before.
    pub resumed: bool,
    /// Never sleep nor spin: [`Slice::TimedOut`] if somebody else holds it.
    pub only_try: bool,
    /// A lock that the caller's participant holds itself is waited for like anybody's, not refused as a deadlock: for a
    /// thread that waits on behalf of an event loop.
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
        let tick = tick(0);
        Request { recover: false, resumed: false, only_try: false, wait_for_self: false, deadline: None, tick }
    }
}

impl Layout {
    /// A free lock.
    pub fn new() -> Self {
        Layout { word: AtomicU32::new(0), last_dead: AtomicU32::new(0) }
    }

    /// Makes it free and sound, whoever held it, and wakes all: a default lock at the start of a run.
    pub fn renew(&self) {
        self.last_dead.store(0, Relaxed);
        if has_waiters(self.word.swap(0, AcqRel)) {
            self.wake_all();
        }
    }

    /// Who holds the lock.
    pub fn holder(&self) -> Option<Owner> {
        Owner::in_word(self.word.load(Relaxed))
    }

    /// Whether a holder died or left without releasing, and nobody has cleared that.
    pub fn is_poisoned(&self) -> bool {
        is_poisoned(self.word.load(Relaxed))
    }

    /// Whether somebody may be asleep in front of it.
    pub fn has_waiters(&self) -> bool {
        has_waiters(self.word.load(Relaxed))
    }

    /// The worker that died or left holding the lock last, if it was a worker.
    pub fn last_dead(&self) -> Option<u32> {
        self.last_dead.load(Relaxed).checked_sub(1)
    }

    /// The fast path: takes a lock that is free, sound and has no waiters. The same is done outside this crate by a
    /// compare-exchange of 0 for [`Owner::bits`].
    #[inline]
    pub fn try_fast(&self, me: Owner) -> bool {
        self.word.compare_exchange(0, me.bits(), Acquire, Relaxed).is_ok()
    }

    /// One slice of waiting: spins while that may help, then sleeps once at most.
    #[cold]
    pub fn lock_slice(&self, me: Owner, request: &Request, others: &impl Liveness) -> Slice {
        // Whoever has slept takes the lock with WAITERS set, as it cannot know whether it was the last one asleep.
        let mut mine = me.bits() | if request.resumed { WAITERS } else { 0 };
        let mut slept = false;
        let mut spun = false;
        let mut word = self.word.load(Relaxed);
        loop {
            let Some(owner) = Owner::in_word(word) else {
                if is_poisoned(word) && !request.recover {
                    return Slice::OwnerDied;
                }
                let taken = mine | (word & (POISON | WAITERS));
                match self.word.compare_exchange(word, taken, Acquire, Relaxed) {
                    Ok(_) if is_poisoned(word) => return Slice::AcquiredPoisoned,
                    Ok(_) => return Slice::Acquired,
                    Err(now) => word = now,
                }
                continue;
            };
            if owner == me && !request.wait_for_self {
                return Slice::Deadlock;
            }
            if !spun && !has_waiters(word) && !request.only_try {
                spun = true;
                spin::spin_until(What::Lock, others.busy(), || {
                    word = self.word.load(Relaxed);
                    is_free(word) || has_waiters(word)
                });
                continue;
            }
            if owner != me && !others.is_alive(owner) {
                self.force_release(owner, others.worker_of(owner));
                word = self.word.load(Relaxed);
                continue;
            }
            let out_of_time = request.only_try || request.deadline.is_some_and(Deadline::passed);
            if out_of_time || slept {
                if !out_of_time {
                    return Slice::Again;
                }
                if slept || request.resumed {
                    self.abandon();
                }
                return Slice::TimedOut;
            }
            if !has_waiters(word) {
                if let Err(now) = self.word.compare_exchange(word, word | WAITERS, Relaxed, Relaxed) {
                    word = now;
                    continue;
                }
                word |= WAITERS;
            }
            let until = Deadline::after(request.tick);
            let until = request.deadline.map_or(until, |deadline| deadline.min(until));
            futex_wait(FutexWord::Whole(&self.word), word, me.wake_bit(), until);
            (slept, spun, mine) = (true, false, mine | WAITERS);
            word = self.word.load(Relaxed);
        }
    }

    /// Waits until it is decided, in as many slices as it takes. For threads that nobody has to interrupt.
    pub fn lock(&self, me: Owner, recover: bool, deadline: Option<Deadline>, others: &impl Liveness) -> Slice {
        if self.try_fast(me) {
            return Slice::Acquired;
        }
        let mut request = Request { recover, deadline, ..Request::default() };
        for n in 0.. {
            request.tick = tick(n);
            match self.lock_slice(me, &request, others) {
                Slice::Again => request.resumed = true,
                decided => return decided,
            }
        }
        unreachable!("the loop above ends by returning")
    }

    /// Leaving without the lock after [`Slice::Again`]: the wake that this waiter may have been given goes to another.
    pub fn abandon(&self) {
        self.wake(1);
    }

    /// Releases. False, and nothing changed, if `me` does not hold it. A lock still poisoned stays poisoned.
    pub fn unlock(&self, me: Owner) -> bool {
        let mut word = self.word.load(Relaxed);
        // A compare-exchange, not a swap: recovery may take the lock from a holder at any moment.
        while Owner::in_word(word) == Some(me) {
            match self.word.compare_exchange(word, word & POISON, Release, Relaxed) {
                Ok(_) => {
                    if has_waiters(word) {
                        // A poisoned lock turns away who does not recover, and such a waiter passes no wake on.
                        self.wake(if is_poisoned(word) { u32::MAX } else { 1 });
                    }
                    return true;
                }
                Err(now) => word = now,
            }
        }
        false
    }

    /// Declares what the lock protects sound again. False, and nothing changed, if `me` does not hold it.
    pub fn clear_poison(&self, me: Owner) -> bool {
        let mut word = self.word.load(Relaxed);
        while Owner::in_word(word) == Some(me) {
            match self.word.compare_exchange(word, word & !POISON, Relaxed, Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// For recovery, and for a worker that leaves its task: if `owner` holds it, it becomes free and poisoned.
    /// Wakes all in any case: the dead may have swallowed a wake.
    pub fn force_release(&self, owner: Owner, worker: Option<u32>) {
        let mut word = self.word.load(Relaxed);
        while Owner::in_word(word) == Some(owner) {
            // Before the word, so that whoever sees the poison sees the name.
            self.last_dead.store(worker.map_or(0, |id| id + 1), Relaxed);
            match self.word.compare_exchange(word, POISON, AcqRel, Relaxed) {
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        self.wake_all();
    }

    /// Wakes everybody asleep in front of it, to look again.
    pub fn wake_all(&self) {
        self.wake(u32::MAX);
    }

    /// Wakes those of `me` who are asleep in front of it (and perhaps a few others), to look again.
    pub fn nudge(&self, me: Owner) {
        futex_wake(FutexWord::Whole(&self.word), u32::MAX, me.wake_bit());
    }

    fn wake(&self, count: u32) {
        futex_wake(FutexWord::Whole(&self.word), count, u32::MAX);
    }
}

impl Default for Layout {
    fn default() -> Self {
        Layout::new()
    }
}
