//! A lock between processes that survives the death of its holder.
//!
//! The protocol stands at the functions; the bits of the word in [`crate::word`]; models of both in `models/`.
//! Barging: a newcomer may take a free lock before a sleeper that was just woken for it; see [`crate::fair`] for one where
//! it may not.

use crate::object::{Departed, Object};
use crate::primitive::{AtomicU32, Deadline, FutexWord, Ordering::*, futex_wake};
use crate::wait::{self, Gate, Look, Request, Slice};
use crate::word::{Liveness, Owner, POISON, WAITERS, has_waiters, is_dead_other, is_poisoned};

/// A lock in shared memory. All bytes zero is a free, sound lock.
#[repr(C)]
#[derive(Debug)]
pub struct Layout {
    /// See [`crate::word`]. First, since the fast paths outside this crate work on it.
    word: AtomicU32,
    /// The worker, plus one, that died or left holding the lock last; 0 = none, or no worker. For error messages.
    last_dead: AtomicU32,
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
            self.wake(u32::MAX);
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
        let release = |dead: Owner| self.force_release(dead, others.worker_of(dead));
        self.lock_slice_clearing(me, request, others, release)
    }

    /// As [`Layout::lock_slice`], where `release` takes the lock from a holder that is dead.
    pub(crate) fn lock_slice_clearing(
        &self,
        me: Owner,
        request: &Request,
        others: &impl Liveness,
        release: impl Fn(Owner),
    ) -> Slice {
        wait::wait_slice(&Locking { lock: self, me, request, others, release }, me, request, others)
    }

    /// Waits until it is decided, in as many slices as it takes. For threads that nobody has to interrupt.
    pub fn lock(&self, me: Owner, recover: bool, deadline: Option<Deadline>, others: &impl Liveness) -> Slice {
        if self.try_fast(me) {
            return Slice::Acquired;
        }
        let request = Request { recover, deadline, ..Request::default() };
        wait::until_decided(request, |request| self.lock_slice(me, request, others))
    }

    /// Leaving without the lock after [`Slice::Again`]: the wake that this waiter may have been given goes to another.
    pub fn abandon(&self) {
        self.wake(1);
    }

    /// Releases. False, and nothing changed, if `me` does not hold it. A lock still poisoned stays poisoned.
    pub fn unlock(&self, me: Owner) -> bool {
        // A poisoned lock turns away who does not recover, and such a waiter passes no wake on.
        self.unlock_waking(me, |word| if is_poisoned(word) { u32::MAX } else { 1 })
    }

    /// Releases, and wakes as many sleepers as `count` says of the word.
    pub(crate) fn unlock_waking(&self, me: Owner, count: impl Fn(u32) -> u32) -> bool {
        let before = self.give(me, POISON);
        if let Some(word) = before.filter(|&word| has_waiters(word)) {
            self.wake(count(word));
        }
        before.is_some()
    }

    /// Releases, and leaves these bits of the word; wakes nobody. The word before. None, and nothing changed, if `me` does
    /// not hold it.
    pub(crate) fn give(&self, me: Owner, left: u32) -> Option<u32> {
        let mut word = self.word.load(Relaxed);
        // A compare-exchange, not a swap: recovery may take the lock from a holder at any moment.
        while Owner::in_word(word) == Some(me) {
            match self.word.compare_exchange(word, word & left, Release, Relaxed) {
                Ok(_) => return Some(word),
                Err(now) => word = now,
            }
        }
        None
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
        self.wake(u32::MAX);
    }

    pub(crate) fn word(&self) -> &AtomicU32 {
        &self.word
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

impl Object for Layout {
    fn participant_died(&self, dead: Departed) {
        self.force_release(dead.owner, dead.worker);
    }

    fn participant_left(&self, leaver: Departed) {
        if self.holder() == Some(leaver.owner) {
            self.force_release(leaver.owner, leaver.worker);
        }
    }

    fn wake_all(&self) {
        self.wake(u32::MAX);
    }

    fn nudge(&self, me: Owner) {
        futex_wake(FutexWord::Whole(&self.word), u32::MAX, me.wake_bit());
    }
}

/// One wait for the lock.
struct Locking<'a, L, R> {
    lock: &'a Layout,
    me: Owner,
    request: &'a Request,
    others: &'a L,
    release: R,
}

impl<L: Liveness, R: Fn(Owner)> Gate for Locking<'_, L, R> {
    type Word = AtomicU32;

    fn word(&self) -> &AtomicU32 {
        &self.lock.word
    }

    fn look(&self, now: u64, slept: bool) -> Look {
        let word = now as u32;
        match Owner::in_word(word) {
            None if is_poisoned(word) && !self.request.recover => Look::Decided(Slice::OwnerDied),
            None => {
                let waiters = if slept { WAITERS } else { word & WAITERS };
                Look::Take((self.me.bits() | (word & POISON) | waiters).into(), Slice::held(word))
            }
            Some(owner) if owner == self.me && !self.request.wait_for_self => Look::Decided(Slice::Deadlock),
            Some(_) => Look::Wait,
        }
    }

    fn clear_the_dead(&self, now: u64) -> bool {
        let dead = Owner::in_word(now as u32).filter(|&owner| is_dead_other(owner, self.me, self.others));
        dead.inspect(|&dead| (self.release)(dead)).is_some()
    }

    fn pass_on(&self) {
        self.lock.abandon();
    }
}
