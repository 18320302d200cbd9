//! A counting semaphore between processes that knows whose permits are whose.
//!
//! Two words change with each operation: what is free, which all share, and what the slot holds, which says what a dead
//! participant takes to its grave. No processor changes both at once; so the exchange of the shared word also leaves a
//! *note* there of what the entry has to become, and whoever comes next writes the entry first, if the one who left the
//! note has not: any participant may be killed, or stopped, between the two, and nobody waits for it. Notes are
//! numbered, so that none is carried out twice.
//!
//! An unowned semaphore leaves no notes: whoever likes gives permits back, and those of the dead stay lost.
//! A model stands in `models/semaphore.pml`.
//!
//! | bits  | in the shared word                         | in a slot's entry          |
//! |-------|--------------------------------------------|----------------------------|
//! | 0-9   | the note: the slot plus one; 0 = no note   | permits held, bits 0-19    |
//! | 10-29 | the note: what the slot holds from then on | the number of the last     |
//! | 30-31 | 0                                          | note, bits 20-63           |
//! | 32-51 | permits that are free                      |                            |
//! | 52-62 | the note's number, its lowest bits         |                            |
//! | 63    | somebody may be asleep at the upper half   |                            |

use crate::object::{Departed, Object};
use crate::primitive::{AtomicU32, AtomicU64, Deadline, FutexWord, Ordering::*, futex_wake};
use crate::table::Table;
use crate::wait::{self, Gate, Look, Request, Slice, Word};
use crate::word::{Liveness, MAX_SLOTS, Owner};

/// The most permits of a semaphore.
pub const MAX_PERMITS: u32 = (1 << PERMIT_BITS) - 1;

const PERMIT_BITS: u32 = 20;
const PERMITS: u64 = MAX_PERMITS as u64;
const SLOT_MASK: u64 = MAX_SLOTS as u64;
const HOLDS_SHIFT: u32 = 10;
const FREE_SHIFT: u32 = 32;
const NUMBER_SHIFT: u32 = FREE_SHIFT + PERMIT_BITS;
const NUMBERS: u64 = (1 << 11) - 1;
const WAITERS: u64 = <AtomicU64 as Word>::WAITERS;

/// A semaphore in shared memory, without the entries per slot. All bytes zero has no permits.
#[repr(C)]
#[derive(Debug)]
pub struct Layout {
    state: AtomicU64,
    /// How many there are in all; 0 = it is unowned.
    capacity: AtomicU32,
}

impl Layout {
    /// With so many free permits, owned by whoever takes them or not.
    pub fn new(permits: u32, owned: bool) -> Self {
        let layout = Layout { state: AtomicU64::new(0), capacity: AtomicU32::new(0) };
        layout.renew(permits, owned);
        layout
    }

    /// As if it were new. The entries are the caller's.
    pub fn renew(&self, permits: u32, owned: bool) {
        self.capacity.store(if owned { permits } else { 0 }, Relaxed);
        self.state.store(State::EMPTY.with_free(permits).0, Release);
    }
}

/// The shared word.
#[derive(Clone, Copy, PartialEq, Eq)]
struct State(u64);

impl State {
    const EMPTY: State = State(0);

    fn free(self) -> u32 {
        ((self.0 >> FREE_SHIFT) & PERMITS) as u32
    }

    fn with_free(self, permits: u32) -> Self {
        State(self.0 & !(PERMITS << FREE_SHIFT) | u64::from(permits) << FREE_SHIFT)
    }

    /// With a note of what the slot's entry has to become.
    fn with_note(self, slot: u32, entry: Entry) -> Self {
        let kept = self.0 & (WAITERS | PERMITS << FREE_SHIFT);
        let note = u64::from(slot + 1) | u64::from(entry.holds()) << HOLDS_SHIFT;
        State(kept | note | (entry.number() & NUMBERS) << NUMBER_SHIFT)
    }

    /// The slot of the note; none where there is none, or it is damaged.
    fn slot(self, slots: std::ops::Range<u32>) -> Option<u32> {
        ((self.0 & SLOT_MASK) as u32).checked_sub(1).filter(|slot| slots.contains(slot))
    }

    /// What the entry becomes by the note; none where it has become so.
    fn carried_out(self, entry: Entry) -> Option<Entry> {
        let due = (self.0 >> NUMBER_SHIFT) & NUMBERS == entry.number().wrapping_add(1) & NUMBERS;
        due.then(|| entry.next(((self.0 >> HOLDS_SHIFT) & PERMITS) as u32))
    }
}

/// A slot's entry.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Entry(u64);

impl Entry {
    fn holds(self) -> u32 {
        (self.0 & PERMITS) as u32
    }

    fn number(self) -> u64 {
        self.0 >> PERMIT_BITS
    }

    fn next(self, holds: u32) -> Self {
        Entry(self.number().wrapping_add(1) << PERMIT_BITS | u64::from(holds))
    }
}

/// How a semaphore stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Info {
    /// Permits that are free.
    pub free: u32,
    /// Permits in all; 0 for an unowned one, which does not know.
    pub capacity: u32,
}

/// A semaphore: its layout and its entries.
#[derive(Clone, Copy, Debug)]
pub struct Semaphore<'a> {
    /// The shared words.
    pub layout: &'a Layout,
    /// One entry per slot: the permits that it holds.
    pub held: Table<'a>,
}

impl Semaphore<'_> {
    /// One slice of waiting for `permits`, all at once: spins while that may help, then sleeps once at most.
    ///
    /// [`Slice::Deadlock`] where so many can never be free beside those that `me` holds itself; with
    /// [`Request::wait_for_self`], where there never are so many at all. A newcomer may overtake those who wait.
    pub fn acquire_slice(&self, me: Owner, permits: u32, request: &Request, others: &impl Liveness) -> Slice {
        loop {
            let slice = wait::wait_slice(&Permits { semaphore: self, me, permits, request }, me, request, others);
            if slice != Slice::Acquired || self.take(me, permits) {
                return slice;
            }
            // Somebody else was faster.
        }
    }

    /// Waits until it is decided, in as many slices as it takes.
    pub fn acquire(&self, me: Owner, permits: u32, deadline: Option<Deadline>, others: &impl Liveness) -> Slice {
        let request = Request { deadline, ..Request::default() };
        wait::until_decided(request, |request| self.acquire_slice(me, permits, request, others))
    }

    /// Gives permits back. False, and nothing changed, if `me` does not hold so many; for an unowned one, if there would
    /// be more than [`MAX_PERMITS`].
    pub fn release(&self, me: Owner, permits: u32) -> bool {
        self.change(me, |state, entry| {
            let free = state.free().checked_add(permits).filter(|&free| free <= MAX_PERMITS)?;
            let held = if self.is_owned() { entry.holds().checked_sub(permits)? } else { 0 };
            // All are woken: the next in line may want more than these, and one behind it fewer.
            Some((State(state.with_free(free).0 & !WAITERS), held))
        })
    }

    /// How many permits `me` holds; none of an unowned one.
    pub fn holds(&self, me: Owner) -> u32 {
        self.settle(self.state());
        Entry(self.held.entry(me.slot()).load(Acquire)).holds()
    }

    /// How it stands.
    pub fn info(&self) -> Info {
        Info { free: self.state().free(), capacity: self.layout.capacity.load(Relaxed) }
    }

    fn is_owned(&self) -> bool {
        self.layout.capacity.load(Relaxed) > 0
    }

    fn state(&self) -> State {
        State(self.layout.state.load(Acquire))
    }

    fn take(&self, me: Owner, permits: u32) -> bool {
        self.change(me, |state, entry| {
            let free = state.free().checked_sub(permits)?;
            let held = if self.is_owned() { (entry.holds() + permits).min(MAX_PERMITS) } else { 0 };
            Some((state.with_free(free), held))
        })
    }

    /// Changes the state and what `me` holds to what `next` says of both; nothing, and false, where it says nothing.
    /// Wakes all where that takes the waiters' bit away.
    fn change(&self, me: Owner, next: impl Fn(State, Entry) -> Option<(State, u32)>) -> bool {
        let entry = self.held.entry(me.slot());
        loop {
            let now = self.state();
            // Before the next note takes this one's place.
            self.settle(now);
            let old = Entry(entry.load(Acquire));
            let Some((state, held)) = next(now, old) else { return false };
            let state = if self.is_owned() { state.with_note(me.slot(), old.next(held)) } else { state };
            if self.layout.state.compare_exchange(now.0, state.0, AcqRel, Relaxed).is_ok() {
                self.settle(state);
                if now.0 & !state.0 & WAITERS != 0 {
                    self.wake(u32::MAX);
                }
                return true;
            }
        }
    }

    /// Carries the note of this state out, if nobody has.
    fn settle(&self, state: State) {
        let Some(slot) = state.slot(self.held.slots()) else { return };
        let entry = self.held.entry(slot);
        let old = Entry(entry.load(Acquire));
        // Looked at again after the entry: a note of long ago may have the number that is due now.
        if let Some(new) = state.carried_out(old)
            && State(self.layout.state.load(Acquire)).0 | WAITERS == state.0 | WAITERS
        {
            let _ = entry.compare_exchange(old.0, new.0, AcqRel, Relaxed);
        }
    }

    fn wake(&self, bits: u32) {
        futex_wake(FutexWord::Upper(&self.layout.state), u32::MAX, bits);
    }
}

impl Object for Semaphore<'_> {
    fn participant_died(&self, dead: Departed) {
        if self.is_owned() {
            self.change(dead.owner, |state, entry| {
                let all = self.layout.capacity.load(Relaxed);
                (entry.holds() > 0).then(|| (state.with_free((state.free() + entry.holds()).min(all)), 0))
            });
        }
        self.wake_all();
    }

    fn wake_all(&self) {
        self.wake(u32::MAX);
    }

    fn nudge(&self, me: Owner) {
        self.wake(me.wake_bit());
    }
}

/// One wait for permits.
struct Permits<'a> {
    semaphore: &'a Semaphore<'a>,
    me: Owner,
    permits: u32,
    request: &'a Request,
}

impl Gate for Permits<'_> {
    type Word = AtomicU64;

    fn word(&self) -> &AtomicU64 {
        &self.semaphore.layout.state
    }

    fn look(&self, now: u64, _slept: bool) -> Look {
        if State(now).free() >= self.permits {
            return Look::Decided(Slice::Acquired);
        }
        let own = if self.request.wait_for_self { 0 } else { self.semaphore.holds(self.me) };
        let capacity = if self.semaphore.is_owned() { self.semaphore.info().capacity } else { MAX_PERMITS };
        if own + self.permits > capacity { Look::Decided(Slice::Deadlock) } else { Look::Wait }
    }
}
