//! The object table: every lock, barrier and their kin of a cluster, by name.
//!
//! Changes exclude each other by a lock on a byte of the control file; an entry comes to be by one store of its head, and
//! goes by one, so that a process may die at any step of a change. Readers take no lock: they look at the head before and
//! after.

use std::mem::offset_of;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use crate::barrier::Barrier;
use crate::control::Control;
use crate::fair::FairLock;
use crate::latch::Latch;
use crate::layout::{Body, FREE, LIVE, ObjectHead, load_bytes, store_bytes};
use crate::object::Object;
use crate::rwlock::RwLock;
use crate::semaphore::{MAX_PERMITS, Semaphore};
use crate::table::{Table, entries};
use crate::word::Owner;
use crate::{Error, Result, condition, counter, event, mutex, name, once};

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// A lock: [`crate::mutex`].
    Lock = 1,
    /// A barrier: [`crate::barrier`].
    Barrier = 2,
    /// A reader-writer lock: [`crate::rwlock`].
    RwLock = 3,
    /// A semaphore: [`crate::semaphore`].
    Semaphore = 4,
    /// An event: [`crate::event`].
    Event = 5,
    /// A latch: [`crate::latch`].
    Latch = 6,
    /// Something that is done once: [`crate::once`].
    Once = 7,
    /// A counter: [`crate::counter`].
    Counter = 8,
    /// A condition variable: [`crate::condition`].
    Condition = 9,
}

/// What an object is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spec {
    /// A lock.
    Lock,
    /// A lock that is given in the order in which it was asked for: [`crate::fair`].
    FairLock,
    /// A barrier.
    Barrier {
        /// How many it waits for: 1 to as many as there are slots.
        parties: u32,
    },
    /// A reader-writer lock.
    RwLock,
    /// A semaphore.
    Semaphore {
        /// How many permits are free at first: 1 to [`MAX_PERMITS`], or from 0 where it is not owned.
        permits: u32,
        /// Whether a permit belongs to whoever took it: the dead give theirs back.
        owned: bool,
    },
    /// An event.
    Event {
        /// Whether it resets itself when it lets one pass.
        automatic: bool,
        /// Whether it has happened from the beginning.
        set: bool,
    },
    /// A latch.
    Latch {
        /// What has to be counted down, 1 at least.
        count: u32,
        /// Whether a worker that dies before it has counted down counts as if it had; else that breaks the latch.
        counts_the_dead: bool,
    },
    /// Something that is done once.
    Once,
    /// A counter.
    Counter,
    /// A condition variable.
    Condition {
        /// The index of the lock that guards what is waited for; none of the defaults, which each run finds fresh.
        lock: u32,
    },
}

impl Spec {
    /// The kind of object.
    pub fn kind(&self) -> Kind {
        match self {
            Spec::Lock | Spec::FairLock => Kind::Lock,
            Spec::Barrier { .. } => Kind::Barrier,
            Spec::RwLock => Kind::RwLock,
            Spec::Semaphore { .. } => Kind::Semaphore,
            Spec::Event { .. } => Kind::Event,
            Spec::Latch { .. } => Kind::Latch,
            Spec::Once => Kind::Once,
            Spec::Counter => Kind::Counter,
            Spec::Condition { .. } => Kind::Condition,
        }
    }

    fn check(&self, control: &Control) -> Result<()> {
        let slots = control.limits().slots;
        match *self {
            Spec::Barrier { parties } if !(1..=slots).contains(&parties) => Err(Error::InvalidArgument(format!(
                "a barrier here can have 1 to {slots} parties, one per slot, not {parties}"
            ))),
            Spec::Semaphore { permits, owned } if !(u32::from(owned)..=MAX_PERMITS).contains(&permits) => {
                let least = u32::from(owned);
                let message =
                    format!("a semaphore like that begins with {least} to {MAX_PERMITS} permits, not {permits}");
                Err(Error::InvalidArgument(message))
            }
            Spec::Latch { count: 0, .. } => {
                Err(Error::InvalidArgument("a latch has something to count, not 0".to_owned()))
            }
            Spec::Condition { lock } if lock <= DEFAULT_BARRIER || control.live_kind(lock) != Some(Kind::Lock) => {
                Err(Error::InvalidArgument(format!("a condition needs a lock of its cluster; object {lock} is none")))
            }
            _ => Ok(()),
        }
    }
}

/// The default lock, fresh in every run.
pub const DEFAULT_LOCK: u32 = 0;
/// The default barrier of the run's workers, fresh in every run.
pub const DEFAULT_BARRIER: u32 = 1;

impl Kind {
    /// The kind of this number.
    pub fn from_code(code: u32) -> Option<Kind> {
        use Kind::*;
        let all = [Lock, Barrier, RwLock, Semaphore, Event, Latch, Once, Counter, Condition];
        all.into_iter().find(|&kind| kind as u32 == code)
    }

    /// As it is called in messages.
    pub fn noun(self) -> &'static str {
        match self {
            Kind::Lock => "lock",
            Kind::Barrier => "barrier",
            Kind::RwLock => "reader-writer lock",
            Kind::Semaphore => "semaphore",
            Kind::Event => "event",
            Kind::Latch => "latch",
            Kind::Once => "once",
            Kind::Counter => "counter",
            Kind::Condition => "condition",
        }
    }
}

/// Creates an object and returns its index.
///
/// # Errors
/// [`Error::InvalidArgument`] for a bad name or number, [`Error::NameExists`] within the kind, [`Error::Capacity`],
/// [`Error::System`].
pub fn create(control: &Control, name: &str, spec: &Spec) -> Result<u32> {
    name::check_object(name)?;
    let _held = control.hold_table()?;
    spec.check(control)?;
    if position(control, name, spec.kind()).is_some() {
        return Err(Error::NameExists { name: name.to_owned() });
    }
    let free = |index: &u32| control.head(*index).head.load(Ordering::Relaxed) & 0xff != LIVE;
    let limit = control.limits().objects;
    let Some(index) = (DEFAULT_BARRIER + 1..limit).find(free) else {
        return Err(Error::Capacity { what: "objects", limit: limit as usize });
    };
    control.install(index, name, spec);
    Ok(index)
}

/// The index of an object.
///
/// # Errors
/// [`Error::InvalidArgument`] for a bad name, [`Error::NotFound`].
pub fn find(control: &Control, name: &str, kind: Kind) -> Result<u32> {
    name::check_object(name)?;
    position(control, name, kind).ok_or_else(|| missing(name, kind))
}

/// Removes an object. Whoever waits in a barrier finds it broken; who holds a lock goes on holding something nameless.
///
/// # Errors
/// [`Error::InvalidArgument`] for a bad name, and for a lock that a condition goes with; [`Error::NotFound`],
/// [`Error::System`].
pub fn delete(control: &Control, name: &str, kind: Kind) -> Result<()> {
    name::check_object(name)?;
    let _held = control.hold_table()?;
    let index = position(control, name, kind).ok_or_else(|| missing(name, kind))?;
    let goes_with = |(other, what)| what == Kind::Condition && control.body(other).condition.lock() == index;
    if control.live_objects().any(goes_with) {
        return Err(Error::InvalidArgument(format!("the lock '{name}' belongs to a condition: that has to go first")));
    }
    let head = &control.head(index).head;
    head.store(head.load(Ordering::Relaxed) & !0xff | FREE, Ordering::Release);
    control.object(index, kind).deleted();
    Ok(())
}

fn missing(name: &str, kind: Kind) -> Error {
    Error::NotFound { what: kind.noun(), name: name.to_owned() }
}

fn position(control: &Control, name: &str, kind: Kind) -> Option<u32> {
    let named =
        |&index: &u32| control.describe(index).is_some_and(|(found, text)| found == kind && text == name.as_bytes());
    (DEFAULT_BARRIER + 1..control.objects_in_use()).find(named)
}

/// Reads a cell that another process may be changing: `read` runs between two looks at its head, and what it found
/// counts only if the head said the same, live, both times.
pub(crate) fn read_stable<T>(head: &AtomicU64, read: impl FnOnce() -> Option<T>) -> Option<(u64, T)> {
    let before = head.load(Ordering::Acquire);
    if before & 0xff != LIVE {
        return None;
    }
    let found = read()?;
    fence(Ordering::Acquire);
    (head.load(Ordering::Relaxed) == before).then_some((before >> 8, found))
}

impl Control {
    pub(crate) fn head(&self, index: u32) -> &ObjectHead {
        assert!(index < self.limits().objects);
        self.at(self.geometry().object(index))
    }

    /// Objects above this index have never been.
    pub(crate) fn objects_in_use(&self) -> u32 {
        self.live().high[1].load(Ordering::Acquire).min(self.limits().objects)
    }

    fn describe(&self, index: u32) -> Option<(Kind, Vec<u8>)> {
        let cell = self.head(index);
        let read = || {
            let kind = Kind::from_code(cell.kind.load(Ordering::Relaxed))?;
            Some((kind, load_bytes(&cell.name, u64::from(cell.name_len.load(Ordering::Relaxed)))?))
        };
        read_stable(&cell.head, read).map(|(_, found)| found)
    }

    /// Enters an object into a free cell, which no other process may be doing.
    fn install(&self, index: u32, name: &str, spec: &Spec) {
        let cell = self.head(index);
        // Whoever reads the old entry now finds another head when it looks again.
        fence(Ordering::Release);
        cell.kind.store(spec.kind() as u32, Ordering::Relaxed);
        store_bytes(&cell.name, name.as_bytes());
        cell.name_len.store(name.len() as u32, Ordering::Relaxed);
        // Whose entries they were: another kind's, perhaps.
        self.table(index).iter().for_each(|(_, entry)| entry.store(0, Ordering::Relaxed));
        match *spec {
            Spec::Lock | Spec::FairLock => {
                self.body(index).fair.renew(*spec == Spec::FairLock);
                self.body(index).lock.renew();
            }
            Spec::Barrier { parties } => self.barrier_at(index).restart(parties),
            Spec::RwLock => self.body(index).rwlock.renew(),
            Spec::Semaphore { permits, owned } => self.body(index).semaphore.renew(permits, owned),
            Spec::Once => self.body(index).once.renew(),
            Spec::Counter => self.body(index).counter.store(0),
            Spec::Condition { lock } => self.body(index).condition.renew(lock),
            Spec::Event { automatic, set } => self.body(index).event.renew(automatic, set),
            Spec::Latch { count, counts_the_dead } => self.latch_at(index).renew(count, counts_the_dead),
        }
        self.live().high[1].fetch_max(index + 1, Ordering::Release);
        cell.head.store(self.next_generation() << 8 | LIVE, Ordering::Release);
    }

    /// The two defaults, in a segment that nobody else can use yet: its slots are empty.
    pub(crate) fn install_defaults(&self) {
        self.install(DEFAULT_LOCK, "", &Spec::Lock);
        self.install(DEFAULT_BARRIER, "", &Spec::Barrier { parties: self.limits().workers });
    }

    /// An object's generation: another one under the same name or index has another. 0 = there is none.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an index out of range.
    pub fn object_generation(&self, index: u32) -> Result<u64> {
        self.check_index(index)?;
        let head = self.head(index).head.load(Ordering::Acquire);
        Ok(if head & 0xff == LIVE { head >> 8 } else { 0 })
    }

    /// Where the word of an object stands in the segment that is worked on without a call of this crate: a lock's word, or
    /// a counter.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an index out of range.
    pub fn offset_of(&self, index: u32) -> Result<usize> {
        self.check_index(index)?;
        let within = if self.kind_of(index) == Some(Kind::Counter) { offset_of!(Body, counter) } else { 0 };
        Ok(self.geometry().object_body(index) + within)
    }

    /// The lock at this index.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an index out of range or of something else.
    pub fn mutex(&self, index: u32) -> Result<&mutex::Layout> {
        self.check_kind(index, Kind::Lock)?;
        Ok(&self.body(index).lock)
    }

    /// The lock at this index as a fair one; none where it is not.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an index out of range or of something else.
    pub fn fair_lock(&self, index: u32) -> Result<Option<FairLock<'_>>> {
        self.check_kind(index, Kind::Lock)?;
        Ok(self.fair_lock_at(index))
    }

    /// The barrier at this index.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an index out of range or of something else.
    pub fn barrier(&self, index: u32) -> Result<Barrier<'_>> {
        self.check_kind(index, Kind::Barrier)?;
        Ok(self.barrier_at(index))
    }

    /// The reader-writer lock at this index.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an index out of range or of something else.
    pub fn rwlock(&self, index: u32) -> Result<RwLock<'_>> {
        self.check_kind(index, Kind::RwLock)?;
        Ok(self.rwlock_at(index))
    }

    /// The semaphore at this index.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an index out of range or of something else.
    pub fn semaphore(&self, index: u32) -> Result<Semaphore<'_>> {
        self.check_kind(index, Kind::Semaphore)?;
        Ok(self.semaphore_at(index))
    }

    /// The event at this index.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an index out of range or of something else.
    pub fn event(&self, index: u32) -> Result<&event::Layout> {
        self.check_kind(index, Kind::Event)?;
        Ok(&self.body(index).event)
    }

    /// The latch at this index.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an index out of range or of something else.
    pub fn latch(&self, index: u32) -> Result<Latch<'_>> {
        self.check_kind(index, Kind::Latch)?;
        Ok(self.latch_at(index))
    }

    /// What is done once at this index.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an index out of range or of something else.
    pub fn once(&self, index: u32) -> Result<&once::Layout> {
        self.check_kind(index, Kind::Once)?;
        Ok(&self.body(index).once)
    }

    /// The condition variable at this index.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an index out of range or of something else.
    pub fn condition(&self, index: u32) -> Result<&condition::Layout> {
        self.check_kind(index, Kind::Condition)?;
        Ok(&self.body(index).condition)
    }

    /// The name of the object at this index: empty for the defaults, and where that is damaged.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an index out of range.
    pub fn name_of(&self, index: u32) -> Result<String> {
        self.check_index(index)?;
        let name = self.describe(index).and_then(|(_, name)| String::from_utf8(name).ok());
        Ok(name.unwrap_or_default())
    }

    /// What is counted with at this index.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an index out of range or of something else.
    pub fn counter(&self, index: u32) -> Result<&counter::Layout> {
        self.check_kind(index, Kind::Counter)?;
        Ok(&self.body(index).counter)
    }

    /// Wakes everybody who is asleep in any object, to look again.
    pub(crate) fn wake_all(&self) {
        for (index, kind) in self.live_objects() {
            self.object(index, kind).wake_all();
        }
    }

    /// Wakes those of `me` who are asleep in an object (and perhaps a few others), to look again. Nothing happens where
    /// there is none.
    pub fn nudge(&self, index: u32, me: Owner) {
        if let Some(kind) = self.live_kind(index) {
            self.object(index, kind).nudge(me);
        }
    }

    /// Whatever is at this index, which is of this kind.
    pub(crate) fn object(&self, index: u32, kind: Kind) -> Box<dyn Object + '_> {
        match kind {
            Kind::Lock => match self.fair_lock_at(index) {
                Some(lock) => Box::new(lock),
                None => Box::new(&self.body(index).lock),
            },
            Kind::Barrier => Box::new(self.barrier_at(index)),
            Kind::RwLock => Box::new(self.rwlock_at(index)),
            Kind::Semaphore => Box::new(self.semaphore_at(index)),
            Kind::Event => Box::new(&self.body(index).event),
            Kind::Latch => Box::new(self.latch_at(index)),
            Kind::Once => Box::new(&self.body(index).once),
            Kind::Counter => Box::new(&self.body(index).counter),
            Kind::Condition => Box::new(&self.body(index).condition),
        }
    }

    fn fair_lock_at(&self, index: u32) -> Option<FairLock<'_>> {
        let Body { lock, fair, .. } = self.body(index);
        fair.is_fair().then(|| FairLock { lock, layout: fair, tickets: self.table(index) })
    }

    fn barrier_at(&self, index: u32) -> Barrier<'_> {
        Barrier { layout: &self.body(index).barrier, came: self.table(index) }
    }

    fn rwlock_at(&self, index: u32) -> RwLock<'_> {
        RwLock { layout: &self.body(index).rwlock, readers: self.table(index) }
    }

    fn semaphore_at(&self, index: u32) -> Semaphore<'_> {
        Semaphore { layout: &self.body(index).semaphore, held: self.table(index) }
    }

    fn latch_at(&self, index: u32) -> Latch<'_> {
        Latch { layout: &self.body(index).latch, came: self.table(index) }
    }

    fn body(&self, index: u32) -> &Body {
        assert!(index < self.limits().objects);
        self.at(self.geometry().object_body(index))
    }

    fn table(&self, index: u32) -> Table<'_> {
        Table(self.words(self.geometry().object_table(index), entries(self.limits().slots as usize)))
    }

    /// The kind of every object there is now.
    pub(crate) fn live_objects(&self) -> impl Iterator<Item = (u32, Kind)> {
        (0..self.objects_in_use()).filter_map(|index| Some((index, self.kind_of(index)?)))
    }

    /// The kind of the object that is at this index now; none where there is none.
    fn live_kind(&self, index: u32) -> Option<Kind> {
        (index < self.objects_in_use()).then(|| self.kind_of(index)).flatten()
    }

    fn kind_of(&self, index: u32) -> Option<Kind> {
        let cell = self.head(index);
        read_stable(&cell.head, || Kind::from_code(cell.kind.load(Ordering::Relaxed))).map(|(_, kind)| kind)
    }

    fn check_index(&self, index: u32) -> Result<()> {
        if index < self.limits().objects {
            return Ok(());
        }
        Err(Error::InvalidArgument(format!("there is no object {index}; the table has {}", self.limits().objects)))
    }

    pub(crate) fn check_kind(&self, index: u32, kind: Kind) -> Result<()> {
        self.check_index(index)?;
        if self.head(index).kind.load(Ordering::Acquire) == kind as u32 {
            return Ok(());
        }
        Err(Error::InvalidArgument(format!("object {index} is no {}", kind.noun())))
    }
}
