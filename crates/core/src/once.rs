//! Something that is done once by one of several processes, while the others wait for it to be done.
//!
//! A lock, and a word that says whether it is done: whoever gets the lock first does it. A lock whose holder died is taken
//! over, as always, and then by somebody who does it anew; so no protocol is needed beyond that of [`crate::mutex`] but
//! one line: the word changes before the lock is given back.

use crate::mutex;
use crate::object::{Departed, Object};
use crate::primitive::{AtomicU32, Deadline, Ordering::*};
use crate::wait::{self, Request, Slice};
use crate::word::{Liveness, Owner};

/// Something to be done once, in shared memory. All bytes zero: nobody has done it.
#[repr(C)]
#[derive(Debug)]
pub struct Layout {
    /// 1 = it is done. What every wait looks at first.
    done: AtomicU32,
    /// Held by whoever does it.
    lock: mutex::Layout,
}

impl Layout {
    /// Not done.
    pub fn new() -> Self {
        Layout { done: AtomicU32::new(0), lock: mutex::Layout::new() }
    }

    /// As if it were new.
    pub fn renew(&self) {
        self.done.store(0, Relaxed);
        self.lock.renew();
    }

    /// Whether it is done. What was done by whoever did it is seen then.
    pub fn is_done(&self) -> bool {
        self.done.load(Acquire) != 0
    }

    /// One slice of waiting: [`Slice::Over`] when it is done, [`Slice::Acquired`] when the caller is the one to do it, and
    /// [`Slice::AcquiredPoisoned`] when it is, and one before died or left over it. [`Slice::Deadlock`] for whoever is at
    /// it already.
    pub fn begin_slice(&self, me: Owner, request: &Request, others: &impl Liveness) -> Slice {
        if self.is_done() {
            return Slice::Over;
        }
        let slice = self.lock.lock_slice(me, &Request { recover: true, ..*request }, others);
        if slice.is_held() && self.is_done() {
            self.give_back(me);
            return Slice::Over;
        }
        slice
    }

    /// Waits until it is decided, in as many slices as it takes.
    pub fn begin(&self, me: Owner, deadline: Option<Deadline>, others: &impl Liveness) -> Slice {
        let request = Request { deadline, ..Request::default() };
        wait::until_decided(request, |request| self.begin_slice(me, request, others))
    }

    /// It is done. False, and nothing changed, if `me` is not the one to do it.
    pub fn finish(&self, me: Owner) -> bool {
        if self.lock.holder() != Some(me) {
            return false;
        }
        // Before the lock is given back: whoever gets that looks here.
        self.done.store(1, Release);
        self.lock.clear_poison(me);
        self.give_back(me)
    }

    /// It could not be done: the next in line is to do it. False, and nothing changed, if `me` is not the one to do it.
    pub fn give_back(&self, me: Owner) -> bool {
        // All are woken: where it is done, none of them has to hold the lock before the next may look.
        self.lock.unlock_waking(me, |_| u32::MAX)
    }

    /// Leaving after [`Slice::Again`]: the wake that this waiter may have been given goes to another.
    pub fn abandon(&self) {
        self.lock.abandon();
    }
}

impl Default for Layout {
    fn default() -> Self {
        Layout::new()
    }
}

impl Object for Layout {
    fn participant_died(&self, dead: Departed) {
        self.lock.participant_died(dead);
    }

    fn participant_left(&self, leaver: Departed) {
        self.lock.participant_left(leaver);
    }

    fn wake_all(&self) {
        self.lock.wake_all();
    }

    fn nudge(&self, me: Owner) {
        self.lock.nudge(me);
    }
}
