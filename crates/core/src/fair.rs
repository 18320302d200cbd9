//! A lock between processes that is given in the order in which it was asked for.
//!
//! The word is that of [`crate::mutex`], and so is what a death does to it. In addition, each slot that waits has a ticket,
//! and a free lock is for the smallest one: nobody else takes it. No ownership is handed over, which a death amid two words
//! could lose: whoever gives the lock back leaves the waiters' bit in the free word, so that no fast path takes it, and
//! wakes the slot whose turn it is. Whoever gives up waiting takes its ticket away, changes the free word (whoever is about to
//! sleep at it looks again), and wakes the next; the ticket of a dead
//! one goes by recovery, or by whoever finds it in the way. A poisoned lock is for the smallest ticket of those who take
//! that over. A model stands in `models/fair.pml`.
//!
//! | bits  | in a slot's entry; 0 = it does not wait                |
//! |-------|--------------------------------------------------------|
//! | 0-29  | whose ticket it is: see [`crate::word`]                |
//! | 30    | it takes a poisoned lock over                          |
//! | 32-63 | the ticket, modulo 2^32                                |

use crate::mutex;
use crate::object::{Departed, Object};
use crate::primitive::{AtomicU32, AtomicU64, Deadline, FutexWord, Ordering::*, fence, futex_wake};
use crate::table::Table;
use crate::wait::{self, Gate, Look, Request, Slice};
use crate::word::{Liveness, Owner, POISON, WAITERS, has_waiters, is_dead_other, is_poisoned, with_turn};

/// What a fair lock has beside the word, and its entries. All bytes zero belongs to a lock that is not fair.
#[repr(C)]
#[derive(Debug)]
pub struct Layout {
    /// 1 = tickets count.
    fair: AtomicU32,
    /// The ticket that comes next.
    next: AtomicU32,
    /// The number that a free word gets next.
    turn: AtomicU32,
}

impl Layout {
    /// Of a fair lock, or of one that is not.
    pub fn new(fair: bool) -> Self {
        Layout { fair: AtomicU32::new(fair.into()), next: AtomicU32::new(0), turn: AtomicU32::new(0) }
    }

    /// As if it were new. The entries are the caller's.
    pub fn renew(&self, fair: bool) {
        self.fair.store(fair.into(), Relaxed);
    }

    /// Whether tickets count.
    pub fn is_fair(&self) -> bool {
        self.fair.load(Relaxed) != 0
    }
}

/// A slot's entry.
#[derive(Clone, Copy)]
struct Ticket(u64);

const RECOVERS: u64 = 1 << 30;

impl Ticket {
    fn new(number: u32, owner: Owner, recovers: bool) -> Self {
        Ticket(u64::from(number) << 32 | u64::from(owner.bits()) | if recovers { RECOVERS } else { 0 })
    }

    /// Whose it is, in the entry of this slot. None where there is none, or it is damaged.
    fn owner_in(self, slot: u32) -> Option<Owner> {
        Owner::in_word(self.0 as u32).filter(|owner| owner.slot() == slot)
    }

    /// How long before the ticket `next` it was given; less than 0 where that was after it. Numbers go round.
    fn age(self, next: u32) -> i32 {
        next.wrapping_sub((self.0 >> 32) as u32) as i32
    }
}

/// Those who wait, at one moment.
struct Queue<'a> {
    /// The one whose turn it is, and where its ticket stands.
    first: Option<(Owner, Ticket, &'a AtomicU64)>,
    /// How many wait, whether it may be their turn or not.
    length: usize,
}

/// A fair lock: its word, its layout and its entries.
#[derive(Clone, Copy, Debug)]
pub struct FairLock<'a> {
    /// The word.
    pub lock: &'a mutex::Layout,
    /// What is shared beside it.
    pub layout: &'a Layout,
    /// One entry per slot: its ticket.
    pub tickets: Table<'a>,
}

impl FairLock<'_> {
    /// One slice of waiting, which sleeps once at most. The ticket is kept from one slice to the
    /// next; with [`Request::only_try`] there is none, and the lock is had only where nobody waits for it.
    #[cold]
    pub fn lock_slice(&self, me: Owner, request: &Request, others: &impl Liveness) -> Slice {
        if !request.only_try {
            self.enter(me, request.recover);
        }
        let slice = wait::wait_slice(&Queueing { lock: self, me, request, others }, me, request, others);
        if !request.only_try && slice != Slice::Again {
            self.leave(me, slice.is_held());
        }
        slice
    }

    /// Waits until it is decided, in as many slices as it takes. For threads that nobody has to interrupt.
    pub fn lock(&self, me: Owner, recover: bool, deadline: Option<Deadline>, others: &impl Liveness) -> Slice {
        if self.lock.try_fast(me) {
            return Slice::Acquired;
        }
        let request = Request { recover, deadline, ..Request::default() };
        wait::until_decided(request, |request| self.lock_slice(me, request, others))
    }

    /// Leaving without the lock after [`Slice::Again`]: the ticket goes, and the next in line comes before those behind it.
    pub fn abandon(&self, me: Owner) {
        self.leave(me, false);
    }

    /// Releases, for the next in line. False, and nothing changed, if `me` does not hold it. A lock still poisoned stays
    /// poisoned.
    pub fn unlock(&self, me: Owner) -> bool {
        let Some(before) = self.lock.give(me, POISON | WAITERS) else { return false };
        if has_waiters(before) {
            self.call_next();
        }
        true
    }

    /// How many wait.
    pub fn waiting(&self) -> u32 {
        self.queue(false).length as u32
    }

    fn enter(&self, me: Owner, recovers: bool) {
        let entry = self.tickets.entry(me.slot());
        if Ticket(entry.load(Relaxed)).owner_in(me.slot()) == Some(me) {
            return;
        }
        let number = self.layout.next.fetch_add(1, Relaxed);
        entry.store(Ticket::new(number, me, recovers).0, Release);
        // Against the fence in `call_next`: that sees the ticket, or the look after this one sees the free word.
        fence(SeqCst);
        // Not only before it sleeps: from here on the fast paths leave the lock to those who wait.
        let mut word = self.lock.word().load(Relaxed);
        while Owner::in_word(word).is_some() && !has_waiters(word) {
            match self.lock.word().compare_exchange(word, word | WAITERS, Relaxed, Relaxed) {
                Ok(_) => break,
                Err(found) => word = found,
            }
        }
    }

    fn leave(&self, me: Owner, held: bool) {
        self.remove(me);
        if !held {
            self.call_next();
        }
    }

    fn remove(&self, owner: Owner) {
        if !self.tickets.slots().contains(&owner.slot()) {
            return;
        }
        let entry = self.tickets.entry(owner.slot());
        let found = entry.load(Relaxed);
        if Ticket(found).owner_in(owner.slot()) == Some(owner) {
            let _ = entry.compare_exchange(found, 0, AcqRel, Relaxed);
        }
    }

    /// Wakes the one whose turn it is, if the lock is free.
    fn call_next(&self) {
        // Of two that change the word and a ticket, and look at the other after a fence, one at least sees both.
        fence(SeqCst);
        let Some(word) = self.change_turn() else { return };
        fence(SeqCst);
        if is_poisoned(word) {
            // Who does not take it over is to be told.
            return self.wake(u32::MAX);
        }
        match self.queue(false).first {
            Some((owner, ..)) => self.wake(owner.wake_bit()),
            // Nobody left to wake: the fast path may have it again.
            None if has_waiters(word) => {
                let _ = self.lock.word().compare_exchange(word, 0, Relaxed, Relaxed);
            }
            None => {}
        }
    }

    /// Changes a free word that somebody may be about to sleep at, since it is another's turn: that one looks again. The
    /// word after that; none where somebody has the lock, and will come here.
    fn change_turn(&self) -> Option<u32> {
        let mut word = self.lock.word().load(Relaxed);
        loop {
            if Owner::in_word(word).is_some() {
                return None;
            }
            if !has_waiters(word) {
                return Some(word);
            }
            let next = with_turn(word, self.layout.turn.fetch_add(1, Relaxed));
            match self.lock.word().compare_exchange(word, next, AcqRel, Relaxed) {
                Ok(_) => return Some(next),
                Err(found) => word = found,
            }
        }
    }

    /// Those who wait; the turn is only for those who take over, where the lock is `poisoned`.
    fn queue(&self, poisoned: bool) -> Queue<'_> {
        let next = self.layout.next.load(Relaxed);
        let mut queue = Queue { first: None, length: 0 };
        for (slot, entry) in self.tickets.iter() {
            let ticket = Ticket(entry.load(Acquire));
            let Some(owner) = ticket.owner_in(slot) else { continue };
            queue.length += 1;
            let older = queue.first.is_none_or(|(_, first, _)| ticket.age(next) > first.age(next));
            if older && (!poisoned || ticket.0 & RECOVERS != 0) {
                queue.first = Some((owner, ticket, entry));
            }
        }
        queue
    }

    fn wake(&self, bits: u32) {
        futex_wake(FutexWord::Whole(self.lock.word()), u32::MAX, bits);
    }
}

impl Object for FairLock<'_> {
    fn participant_died(&self, dead: Departed) {
        self.remove(dead.owner);
        self.lock.participant_died(dead);
        // It may have been its turn.
        self.call_next();
    }

    fn participant_left(&self, leaver: Departed) {
        self.remove(leaver.owner);
        self.lock.participant_left(leaver);
        self.call_next();
    }

    fn wake_all(&self) {
        self.lock.wake_all();
    }

    fn nudge(&self, me: Owner) {
        self.lock.nudge(me);
    }
}

/// One wait for the lock.
struct Queueing<'a, L> {
    lock: &'a FairLock<'a>,
    me: Owner,
    request: &'a Request,
    others: &'a L,
}

impl<L: Liveness> Gate for Queueing<'_, L> {
    type Word = AtomicU32;

    fn word(&self) -> &AtomicU32 {
        self.lock.lock.word()
    }

    fn look(&self, now: u64, _slept: bool) -> Look {
        let word = now as u32;
        match Owner::in_word(word) {
            None if is_poisoned(word) && !self.request.recover => Look::Decided(Slice::OwnerDied),
            None => {
                // Between the look at the word and that at the tickets, as `enter` has one between its ticket and the word.
                fence(SeqCst);
                let queue = self.lock.queue(is_poisoned(word));
                if queue.first.is_some_and(|(owner, ..)| owner != self.me) {
                    return Look::Wait;
                }
                // Whoever else has a ticket may be asleep.
                let others = queue.length > usize::from(!self.request.only_try);
                let waiters = if others { WAITERS } else { word & WAITERS };
                Look::Take((self.me.bits() | (word & POISON) | waiters).into(), Slice::held(word))
            }
            Some(owner) if owner == self.me && !self.request.wait_for_self => Look::Decided(Slice::Deadlock),
            Some(_) => Look::Wait,
        }
    }

    fn clear_the_dead(&self, now: u64) -> bool {
        let word = now as u32;
        if let Some(holder) = Owner::in_word(word) {
            let dead = is_dead_other(holder, self.me, self.others);
            if dead {
                self.lock.lock.force_release(holder, self.others.worker_of(holder));
            }
            return dead;
        }
        let Some((owner, ticket, entry)) = self.lock.queue(is_poisoned(word)).first else { return true };
        if owner == self.me {
            return true;
        }
        let dead = is_dead_other(owner, self.me, self.others);
        if dead {
            let _ = entry.compare_exchange(ticket.0, 0, AcqRel, Relaxed);
            self.lock.call_next();
        }
        dead
    }
}
