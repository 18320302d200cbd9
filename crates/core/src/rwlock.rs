//! A reader-writer lock between processes that survives the death of readers and writers.
//!
//! Writers hold a lock word, as in [`crate::mutex`]. Readers do not count themselves in a word that all share, since such
//! a count does not say whose part in it a dead reader had: each slot has an entry of its own, with its name and how
//! many times it reads. A reader enters its entry, then looks at the writers' word; a writer takes the word, then looks
//! at the entries: with a full fence between, one of them sees the other (Dekker).
//!
//! A writer that has the word keeps new readers out while it waits for the old ones, so readers never starve a writer.
//! A model stands in `models/rwlock.pml`.

use crate::mutex;
use crate::object::{Departed, Object};
use crate::primitive::{AtomicU32, AtomicU64, Deadline, FutexWord, Ordering::*, fence, futex_wake};
use crate::table::Table;
use crate::wait::{self, Gate, Look, Request, Slice};
use crate::word::{Liveness, Owner, WAITERS, is_dead_other, is_poisoned};

/// A reader-writer lock in shared memory, without the entries per slot. All bytes zero is a free, sound one.
#[repr(C)]
#[derive(Debug)]
pub struct Layout {
    /// The writers' lock. Readers sleep at its word, too, so whoever gives it back wakes all.
    writers: mutex::Layout,
    /// The writer that all readers have made room for; 0 = none. A death before that has changed nothing.
    entered: AtomicU32,
    /// What a writer sleeps at until the readers are gone: changes when one goes while bit 31, [`WAITERS`], is set.
    drain: AtomicU32,
}

impl Layout {
    /// A free lock.
    pub fn new() -> Self {
        let (entered, drain) = (AtomicU32::new(0), AtomicU32::new(0));
        Layout { writers: mutex::Layout::new(), entered, drain }
    }

    /// Makes it sound, and free of writers. The entries are the caller's.
    pub fn renew(&self) {
        self.entered.store(0, Relaxed);
        self.drain.store(0, Relaxed);
        self.writers.renew();
    }
}

impl Default for Layout {
    fn default() -> Self {
        Layout::new()
    }
}

/// A slot's entry: in its upper half the [`Owner`], in bits 0-27 how many times it reads, in bits 28-31 how many of its
/// threads are on their way in. 0 = it does not read.
#[derive(Clone, Copy)]
struct Reader(u64);

/// One reading.
const READING: u64 = 1;
/// One on its way in, who has not looked at the writers' word yet: no reading may be nested in that.
const ENTERING: u64 = 1 << 28;
const COUNTS: u64 = (1 << 32) - 1;
/// The most readings of one participant.
const MOST: u64 = ENTERING - 1;

impl Reader {
    fn of(entry: &AtomicU64) -> Self {
        Reader(entry.load(Acquire))
    }

    /// Who keeps writers out. None where nobody does, or the entry is damaged.
    fn owner(self) -> Option<Owner> {
        if self.0 & COUNTS == 0 { None } else { Owner::in_word((self.0 >> 32) as u32) }
    }

    /// The same for the entry of this slot, in which another's name is damage, too.
    fn owner_in(self, slot: u32) -> Option<Owner> {
        self.owner().filter(|owner| owner.slot() == slot)
    }

    /// How many times `me` reads.
    fn readings(self, me: Owner) -> u64 {
        if self.owner() == Some(me) { self.0 & MOST } else { 0 }
    }

    /// With so many readings or entrances of `me` more; none where there is no room.
    fn plus(self, me: Owner, what: u64) -> Option<u64> {
        let counts = if self.owner() == Some(me) { self.0 & COUNTS } else { 0 };
        let full = what == READING && counts & MOST == MOST;
        (!full && counts + what <= COUNTS).then(|| u64::from(me.bits()) << 32 | (counts + what))
    }

    /// With one reading or entrance less; none where `me` has none.
    fn minus(self, me: Owner, what: u64) -> Option<u64> {
        let counts = if self.owner() == Some(me) { self.0 & COUNTS } else { 0 };
        let has = if what == READING { counts & MOST } else { counts / ENTERING };
        let left = counts.checked_sub(what).filter(|_| has > 0)?;
        Some(if left == 0 { 0 } else { u64::from(me.bits()) << 32 | left })
    }
}

/// How a lock stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Info {
    /// Who writes, or waits for the readers to make room.
    pub writer: Option<Owner>,
    /// How many participants read.
    pub readers: u32,
    /// Whether a writer died or left without releasing, and nobody has cleared that.
    pub is_poisoned: bool,
    /// The worker that died or left while it wrote, last.
    pub last_dead: Option<u32>,
}

/// A reader-writer lock: its layout and its entries.
#[derive(Clone, Copy, Debug)]
pub struct RwLock<'a> {
    /// The shared words.
    pub layout: &'a Layout,
    /// One entry per slot: how many times it reads.
    pub readers: Table<'a>,
}

impl RwLock<'_> {
    /// One slice of waiting to read: spins while that may help, then sleeps once at most.
    ///
    /// A participant that reads already reads once more at once, also when a writer waits, which would wait for it for
    /// ever; but with [`Request::wait_for_self`] it comes after that writer. [`Slice::Deadlock`] for one that writes, or
    /// reads 2^28 - 1 times.
    pub fn read_slice(&self, me: Owner, request: &Request, others: &impl Liveness) -> Slice {
        match self.readings(me) {
            MOST => return Slice::Deadlock,
            0 => {}
            _ if request.wait_for_self => {}
            _ if self.nest(me) => return Slice::held(self.layout.writers.word().load(Relaxed)),
            _ => {}
        }
        let mut request = *request;
        loop {
            let gate = Reading { lock: self, me, request: &request, others };
            let open = wait::wait_slice(&gate, me, &request, others);
            if !open.is_held() {
                return open;
            }
            if let Some(slice) = self.enter(&gate) {
                return slice;
            }
            if self.is_crowded(me) {
                let over = request.only_try || request.deadline.is_some_and(Deadline::passed);
                return if over { Slice::TimedOut } else { Slice::Again };
            }
            // A writer came in between: as if the look before had seen it.
            request.resumed = true;
        }
    }

    /// Ends one reading. False, and nothing changed, if `me` does not read.
    pub fn unlock_read(&self, me: Owner) -> bool {
        self.step_back(me, READING)
    }

    /// How many times `me` reads.
    pub fn readings(&self, me: Owner) -> u64 {
        Reader::of(self.readers.entry(me.slot())).readings(me)
    }

    /// One slice of waiting to write: as [`RwLock::read_slice`]. [`Slice::Halfway`] when it has the writers' word, and
    /// readers still read. [`Slice::Deadlock`] for one that reads or writes.
    pub fn write_slice(&self, me: Owner, request: &Request, others: &impl Liveness) -> Slice {
        let mut taken = Slice::Acquired;
        if !request.halfway {
            if !request.wait_for_self && self.readings(me) > 0 {
                return Slice::Deadlock;
            }
            let release = |dead: Owner| self.release_dead_writer(dead, others.worker_of(dead));
            taken = self.layout.writers.lock_slice_clearing(me, request, others, release);
            if !taken.is_held() {
                return taken;
            }
        } else if self.layout.writers.is_poisoned() {
            taken = Slice::AcquiredPoisoned;
        }
        match wait::wait_slice(&Draining { lock: self, me, request, others }, me, request, others) {
            Slice::Acquired => {
                self.layout.entered.store(me.bits(), Relaxed);
                taken
            }
            Slice::Again => Slice::Halfway,
            refused => {
                self.unlock_writers(me);
                refused
            }
        }
    }

    /// Ends the writing. False, and nothing changed, if `me` does not write. A lock still poisoned stays poisoned.
    pub fn unlock_write(&self, me: Owner) -> bool {
        if !self.is_written_by(me) {
            return false;
        }
        self.layout.entered.store(0, Relaxed);
        self.unlock_writers(me)
    }

    /// Whether `me` writes.
    pub fn is_written_by(&self, me: Owner) -> bool {
        self.layout.writers.holder() == Some(me) && self.layout.entered.load(Relaxed) == me.bits()
    }

    /// Leaving a wait to write after [`Slice::Again`] or, with `halfway`, after [`Slice::Halfway`]. A wait to read needs
    /// no such thing: all are woken when a writer goes.
    pub fn abandon_write(&self, me: Owner, halfway: bool) {
        if halfway {
            self.unlock_writers(me);
        } else {
            self.layout.writers.abandon();
        }
    }

    /// Waits to read until it is decided, in as many slices as it takes.
    pub fn read(&self, me: Owner, recover: bool, deadline: Option<Deadline>, others: &impl Liveness) -> Slice {
        let request = Request { recover, deadline, ..Request::default() };
        wait::until_decided(request, |request| self.read_slice(me, request, others))
    }

    /// Waits to write until it is decided, in as many slices as it takes.
    pub fn write(&self, me: Owner, recover: bool, deadline: Option<Deadline>, others: &impl Liveness) -> Slice {
        let request = Request { recover, deadline, ..Request::default() };
        wait::until_decided(request, |request| self.write_slice(me, request, others))
    }

    /// Declares what the lock protects sound again. False, and nothing changed, if `me` does not write.
    pub fn clear_poison(&self, me: Owner) -> bool {
        self.is_written_by(me) && self.layout.writers.clear_poison(me)
    }

    /// How it stands.
    pub fn info(&self) -> Info {
        let readers = self.readers.iter().filter(|(_, entry)| Reader::of(entry).0 & MOST != 0);
        Info {
            writer: self.layout.writers.holder(),
            readers: readers.count() as u32,
            is_poisoned: self.layout.writers.is_poisoned(),
            last_dead: self.layout.writers.last_dead(),
        }
    }

    /// Adds a reading to one that `me` has, if it has one.
    fn nest(&self, me: Owner) -> bool {
        let nested = |now| Some(Reader(now)).filter(|now| now.readings(me) > 0)?.plus(me, READING);
        self.readers.entry(me.slot()).fetch_update(Relaxed, Relaxed, nested).is_ok()
    }

    /// Enters a reading, unless a writer has the word.
    fn enter(&self, gate: &Reading<'_, impl Liveness>) -> Option<Slice> {
        let (me, entry) = (gate.me, self.readers.entry(gate.me.slot()));
        entry.fetch_update(Relaxed, Relaxed, |now| Reader(now).plus(me, ENTERING)).ok()?;
        // Against the fence of `Draining`: either the writer sees this entry, or this load sees the writer.
        fence(SeqCst);
        if let Look::Decided(slice) = gate.look(self.layout.writers.word().load(Acquire).into(), true)
            && slice.is_held()
        {
            let settled = |now| Reader(Reader(now).minus(me, ENTERING)?).plus(me, READING);
            if entry.fetch_update(Relaxed, Relaxed, settled).is_ok() {
                return Some(slice);
            }
        }
        self.step_back(me, ENTERING);
        None
    }

    /// Whether no more threads of `me` can be on their way in: for a moment, or for ever where its entry is damaged.
    fn is_crowded(&self, me: Owner) -> bool {
        Reader::of(self.readers.entry(me.slot())).plus(me, ENTERING).is_none()
    }

    /// One reading or entrance less, which a writer may be waiting for.
    fn step_back(&self, me: Owner, what: u64) -> bool {
        let entry = self.readers.entry(me.slot());
        let done = entry.fetch_update(Release, Relaxed, |now| Reader(now).minus(me, what)).is_ok();
        if done {
            self.tell_the_writer();
        }
        done
    }

    /// An entry has changed.
    fn tell_the_writer(&self) {
        // Against the fence of `Draining`: either this load sees the writer wait, or the writer sees the entry.
        fence(SeqCst);
        let mut now = self.layout.drain.load(Relaxed);
        while now & WAITERS != 0 {
            match self.layout.drain.compare_exchange(now, now.wrapping_add(1) & !WAITERS, Relaxed, Relaxed) {
                Ok(_) => {
                    futex_wake(FutexWord::Whole(&self.layout.drain), u32::MAX, u32::MAX);
                    return;
                }
                Err(found) => now = found,
            }
        }
    }

    /// Readers sleep at the word, and pass no wake on.
    fn unlock_writers(&self, me: Owner) -> bool {
        self.layout.writers.unlock_waking(me, |_| u32::MAX)
    }

    /// A writer that died while the readers were still at it has changed nothing: no poison then.
    fn release_dead_writer(&self, dead: Owner, worker: Option<u32>) {
        if self.layout.entered.load(Acquire) == dead.bits() {
            self.layout.writers.force_release(dead, worker);
        } else {
            self.unlock_writers(dead);
            self.layout.writers.wake_all();
        }
    }

    /// Takes the entry of a reader that is dead away.
    fn remove(&self, dead: Owner) -> bool {
        let entry = self.readers.entry(dead.slot());
        let removed = |now| (Reader(now).owner() == Some(dead)).then_some(0);
        entry.fetch_update(Release, Relaxed, removed).is_ok()
    }
}

impl Object for RwLock<'_> {
    fn participant_died(&self, dead: Departed) {
        self.remove(dead.owner);
        self.release_dead_writer(dead.owner, dead.worker);
        self.wake_all();
    }

    fn wake_all(&self) {
        self.tell_the_writer();
        self.layout.writers.wake_all();
    }

    fn nudge(&self, me: Owner) {
        self.layout.writers.nudge(me);
        futex_wake(FutexWord::Whole(&self.layout.drain), u32::MAX, me.wake_bit());
    }
}

/// One wait to read, at the writers' word.
struct Reading<'a, L> {
    lock: &'a RwLock<'a>,
    me: Owner,
    request: &'a Request,
    others: &'a L,
}

impl<L: Liveness> Gate for Reading<'_, L> {
    type Word = AtomicU32;

    fn word(&self) -> &AtomicU32 {
        self.lock.layout.writers.word()
    }

    fn look(&self, now: u64, _slept: bool) -> Look {
        let word = now as u32;
        match Owner::in_word(word) {
            None if is_poisoned(word) && !self.request.recover => Look::Decided(Slice::OwnerDied),
            None => Look::Decided(Slice::held(word)),
            Some(owner) if owner == self.me && !self.request.wait_for_self => Look::Decided(Slice::Deadlock),
            Some(_) => Look::Wait,
        }
    }

    fn clear_the_dead(&self, now: u64) -> bool {
        let dead = Owner::in_word(now as u32).filter(|&owner| is_dead_other(owner, self.me, self.others));
        dead.inspect(|&dead| self.lock.release_dead_writer(dead, self.others.worker_of(dead))).is_some()
    }
}

/// A writer's wait for the readers to go.
struct Draining<'a, L> {
    lock: &'a RwLock<'a>,
    me: Owner,
    request: &'a Request,
    others: &'a L,
}

impl<L: Liveness> Gate for Draining<'_, L> {
    type Word = AtomicU32;

    fn word(&self) -> &AtomicU32 {
        &self.lock.layout.drain
    }

    fn look(&self, _now: u64, _slept: bool) -> Look {
        fence(SeqCst);
        if self.lock.readers.iter().all(|(slot, entry)| Reader::of(entry).owner_in(slot).is_none()) {
            return Look::Decided(Slice::Acquired);
        }
        // Granted to this participant's event loop meanwhile, which cannot end it while this thread waits.
        let own = !self.request.wait_for_self && self.lock.readings(self.me) > 0;
        if own { Look::Decided(Slice::Deadlock) } else { Look::Wait }
    }

    fn clear_the_dead(&self, _now: u64) -> bool {
        let readers = self.lock.readers.iter().filter_map(|(slot, entry)| Reader::of(entry).owner_in(slot));
        readers.filter(|&owner| is_dead_other(owner, self.me, self.others)).any(|dead| self.lock.remove(dead))
    }
}
