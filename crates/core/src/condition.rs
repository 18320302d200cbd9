//! A condition variable between processes: who holds a lock waits for others to change what the lock guards.
//!
//! Each wait takes a ticket while it still holds the lock; a notification moves the mark of what is served over the
//! tickets that have waited longest. Both counts stand in one word, so that no death leaves them half changed, and a
//! notification that comes between the release of the lock and the sleep is seen.
//!
//! A ticket that nobody waits with any more must not swallow a notification. So whoever gives up takes the newest ticket
//! back, or else lets all pass, as a death does: a wait may end without a notification, and then looks again at what it
//! waits for. A model stands in `models/condition.pml`.
//!
//! | bits  | name     | meaning                                                        |
//! |-------|----------|----------------------------------------------------------------|
//! | 0-30  | given    | how many tickets were given, modulo 2^31                       |
//! | 31    |          | 0                                                              |
//! | 32-62 | served   | how many of them may pass, modulo 2^31: the first that came    |
//! | 63    | waiters  | somebody may be asleep at the upper half                       |

use crate::fair::FairLock;
use crate::mutex;
use crate::object::{Departed, Object};
use crate::primitive::{AtomicU32, AtomicU64, Deadline, FutexWord, Ordering::*, futex_wake};
use crate::wait::{self, Gate, Look, Request, Slice, Word};
use crate::word::{Liveness, Owner};

const COUNT: u64 = (1 << 31) - 1;
const SERVED_SHIFT: u32 = 32;
const WAITERS: u64 = <AtomicU64 as Word>::WAITERS;

/// A condition variable in shared memory. All bytes zero is one that nobody waits in.
#[repr(C)]
#[derive(Debug)]
pub struct Layout {
    state: AtomicU64,
    /// The object that guards what is waited for: the index of a lock. For those who find the condition by its name.
    lock: AtomicU32,
}

/// The word.
#[derive(Clone, Copy, PartialEq, Eq)]
struct State(u64);

impl State {
    fn new(given: u32, served: u32, waiters: bool) -> Self {
        let (given, served) = (u64::from(given) & COUNT, u64::from(served) & COUNT);
        // Nobody is asleep where nobody waits.
        let waiters = if waiters && given != served { WAITERS } else { 0 };
        State(given | served << SERVED_SHIFT | waiters)
    }

    fn given(self) -> u32 {
        (self.0 & COUNT) as u32
    }

    fn served(self) -> u32 {
        (self.0 >> SERVED_SHIFT & COUNT) as u32
    }

    fn has_waiters(self) -> bool {
        self.0 & WAITERS != 0
    }

    /// How many wait.
    fn waiting(self) -> u32 {
        distance(self.served(), self.given())
    }

    /// Whether the wait with this ticket is over. Counts go round: what is less than half a round ahead is.
    fn has_served(self, ticket: u32) -> bool {
        let ahead = distance(ticket, self.served());
        ahead != 0 && ahead <= COUNT as u32 / 2
    }
}

/// From one count to another.
fn distance(from: u32, to: u32) -> u32 {
    to.wrapping_sub(from) & COUNT as u32
}

/// The futex bit that the wait with this ticket sleeps with.
const fn wake_bit(ticket: u32) -> u32 {
    1 << (ticket % 32)
}

/// A lock of either kind, as a wait gives it back and takes it again.
pub trait Exclusive {
    /// Whether `me` holds it.
    fn is_held(&self, me: Owner) -> bool;
    /// Gives it back.
    fn give_back(&self, me: Owner);
    /// Waits for it without end.
    fn take(&self, me: Owner, recover: bool, others: &impl Liveness) -> Slice;
}

impl Exclusive for mutex::Layout {
    fn is_held(&self, me: Owner) -> bool {
        self.holder() == Some(me)
    }

    fn give_back(&self, me: Owner) {
        self.unlock(me);
    }

    fn take(&self, me: Owner, recover: bool, others: &impl Liveness) -> Slice {
        self.lock(me, recover, None, others)
    }
}

impl Exclusive for FairLock<'_> {
    fn is_held(&self, me: Owner) -> bool {
        self.lock.is_held(me)
    }

    fn give_back(&self, me: Owner) {
        self.unlock(me);
    }

    fn take(&self, me: Owner, recover: bool, others: &impl Liveness) -> Slice {
        self.lock(me, recover, None, others)
    }
}

/// What a wait came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// Whether it was woken; else its time was over.
    pub woken: bool,
    /// How the lock was got back: [`Slice::OwnerDied`] where it was not, as in [`mutex::Layout::lock`].
    pub lock: Slice,
}

impl Layout {
    /// A condition of what the lock at this index guards.
    pub fn new(lock: u32) -> Self {
        Layout { state: AtomicU64::new(0), lock: AtomicU32::new(lock) }
    }

    /// As if it were new. Who waits passes.
    pub fn renew(&self, lock: u32) {
        self.lock.store(lock, Relaxed);
        self.notify(u32::MAX);
    }

    /// The index of its lock.
    pub fn lock(&self) -> u32 {
        self.lock.load(Relaxed)
    }

    /// How many wait.
    pub fn waiting(&self) -> u32 {
        self.state().waiting()
    }

    /// Begins a wait: its ticket. Called while the caller holds the lock; whoever changes what is waited for after that
    /// finds the ticket. It has to come to an end by [`Layout::wait_slice`] or [`Layout::abandon`].
    pub fn begin(&self) -> u32 {
        let change = |now: State| Some(State::new(now.given().wrapping_add(1), now.served(), now.has_waiters()));
        self.change(change).map_or(0, |before| before.given())
    }

    /// One slice of the wait with this ticket, after the lock was given back: spins while that may help, then sleeps once
    /// at most. After [`Slice::TimedOut`] the ticket is no more, except with [`Request::only_try`].
    pub fn wait_slice(&self, me: Owner, ticket: u32, request: &Request, others: &impl Liveness) -> Slice {
        let slice = wait::wait_slice(&Waiting { condition: self, ticket }, me, request, others);
        if slice == Slice::TimedOut && !request.only_try && !self.withdraw(ticket) {
            return Slice::Acquired;
        }
        slice
    }

    /// Gives the lock back, waits, and takes the lock again, in as many slices as it takes: for threads that nobody has to
    /// interrupt. None, and nothing changed, if `me` does not hold the lock.
    ///
    /// A wait may end although nobody has notified: the caller looks again whether what it waits for is so.
    pub fn wait(
        &self,
        lock: &impl Exclusive,
        me: Owner,
        recover: bool,
        deadline: Option<Deadline>,
        others: &impl Liveness,
    ) -> Option<Outcome> {
        if !lock.is_held(me) {
            return None;
        }
        let ticket = self.begin();
        lock.give_back(me);
        let request = Request { deadline, ..Request::default() };
        let slice = wait::until_decided(request, |request| self.wait_slice(me, ticket, request, others));
        Some(Outcome { woken: slice == Slice::Acquired, lock: lock.take(me, recover, others) })
    }

    /// Leaves the wait with this ticket after [`Slice::Again`], or before its first slice. A notification that it may have
    /// been given goes to another.
    pub fn abandon(&self, ticket: u32) {
        if !self.withdraw(ticket) {
            self.notify(1);
        }
    }

    /// Lets the first `count` of those who wait pass, or all where they are fewer: how many. What the caller did before
    /// happens before what those do after. No system call where nobody sleeps; nothing at all where nobody waits.
    pub fn notify(&self, count: u32) -> u32 {
        let serve = |now: State| {
            let count = now.waiting().min(count);
            let served = now.served().wrapping_add(count);
            (count > 0).then(|| State::new(now.given(), served, now.has_waiters()))
        };
        let Some(before) = self.change(serve) else { return 0 };
        let count = before.waiting().min(count);
        if before.has_waiters() {
            let all =
                if count < 32 { (0..count).fold(0, |bits, n| bits | wake_bit(before.served() + n)) } else { u32::MAX };
            self.wake(all);
        }
        count
    }

    /// Ends the wait with this ticket, if it is not over: false if it is.
    fn withdraw(&self, ticket: u32) -> bool {
        let take_back = |now: State| {
            let newest = distance(ticket, now.given()) == 1;
            (newest && !now.has_served(ticket)).then(|| State::new(ticket, now.served(), now.has_waiters()))
        };
        if self.change(take_back).is_some() {
            return true;
        }
        let waits = !self.state().has_served(ticket);
        if waits {
            // Others came after it, and nobody can tell later that this ticket does not count.
            self.notify(u32::MAX);
        }
        waits
    }

    fn state(&self) -> State {
        State(self.state.load(Acquire))
    }

    /// Changes the state to what `next` says, if it says anything. The state before.
    fn change(&self, next: impl Fn(State) -> Option<State>) -> Option<State> {
        let mut now = self.state();
        loop {
            let new = next(now)?;
            match self.state.compare_exchange(now.0, new.0, AcqRel, Acquire) {
                Ok(_) => return Some(now),
                Err(found) => now = State(found),
            }
        }
    }

    fn wake(&self, bits: u32) {
        futex_wake(FutexWord::Upper(&self.state), u32::MAX, bits);
    }
}

impl Object for Layout {
    /// The dead may have waited, with a ticket that now counts for nobody, or have been notified in vain.
    fn participant_died(&self, _dead: Departed) {
        self.notify(u32::MAX);
        self.wake_all();
    }

    fn wake_all(&self) {
        self.wake(u32::MAX);
    }

    /// Sleeps go by tickets, not by slots.
    fn nudge(&self, _me: Owner) {
        self.wake_all();
    }

    fn deleted(&self) {
        self.notify(u32::MAX);
    }
}

/// One wait.
struct Waiting<'a> {
    condition: &'a Layout,
    ticket: u32,
}

impl Gate for Waiting<'_> {
    type Word = AtomicU64;

    fn word(&self) -> &AtomicU64 {
        &self.condition.state
    }

    fn wake_bit(&self, _me: Owner) -> u32 {
        wake_bit(self.ticket)
    }

    fn look(&self, now: u64, _slept: bool) -> Look {
        if State(now).has_served(self.ticket) { Look::Decided(Slice::Acquired) } else { Look::Wait }
    }
}
