//! Who acts in a cluster, and what there is to act on.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use super::barrier::Barrier;
use super::condition::Condition;
use super::held::{Lock, RwLock, Semaphore};
use super::place::Place;
use super::signal::{Event, Latch, Once};
use crate::array::Spec;
use crate::control::Control;
use crate::named::{self, Named, Placement};
use crate::objects::{self, DEFAULT_BARRIER, DEFAULT_LOCK, Kind};
use crate::segment::Access;
use crate::shared_array::{Element, SharedArray};
use crate::word::Owner;
use crate::{Error, Result, counter, run};

/// A participant, as it uses what its cluster has: arrays, locks, barriers and their kin, by name.
///
/// It acts in the name of a slot and does not own it: [`super::Cluster`] does, or somebody else of whom this is told. One
/// participant is one thread, so it can be sent to another thread, but not shared.
///
/// # Waits
/// Every wait takes a time-out: `None` for no end, zero for a try that never waits. A wait ends with
/// [`Error::Closed`] when the cluster's main process ends (within moments of it), with [`Error::Cancelled`] when the run
/// that the participant belongs to is called off, with [`Error::Interrupted`] when its own hook says so, and else as each
/// says. All of these leave nothing held.
pub struct Member {
    control: Arc<Control>,
    owner: Owner,
    worker: Option<u32>,
    run: u32,
    interrupt: RefCell<Option<Box<dyn Fn() -> bool + Send>>>,
}

impl Member {
    /// Acts as `owner`, whose slot somebody else has claimed and gives back: afterwards everything is refused with
    /// [`Error::Closed`]. `worker`: its id, where it is one. `run`: the run whose task it acts in; 0 for none.
    pub fn new(control: Arc<Control>, owner: Owner, worker: Option<u32>, run: u32) -> Member {
        Member { control, owner, worker, run, interrupt: RefCell::default() }
    }

    /// The control segment.
    pub fn control(&self) -> &Arc<Control> {
        &self.control
    }

    /// The cluster's name.
    pub fn cluster(&self) -> &str {
        self.control.cluster()
    }

    /// How many workers the cluster has.
    pub fn workers(&self) -> u32 {
        self.control.limits().workers
    }

    /// As it stands in the words of locks.
    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// The worker's id, where it is one.
    pub fn worker(&self) -> Option<u32> {
        self.worker
    }

    /// The run whose task it acts in; 0 for none.
    pub fn run(&self) -> u32 {
        self.run
    }

    /// `hook` is asked during waits, between two sleeps (of half a second at most, and also after every signal that this
    /// thread handles): true ends the wait with [`Error::Interrupted`]. For callers of other languages, whose handlers
    /// want to run.
    pub fn set_interrupt(&self, hook: impl Fn() -> bool + Send + 'static) {
        self.interrupt.replace(Some(Box::new(hook)));
    }

    /// Whether it can still act.
    ///
    /// # Errors
    /// [`Error::Closed`] when the cluster has ended, or this participant has left or is taken for dead;
    /// [`Error::Cancelled`].
    pub fn check(&self) -> Result<()> {
        if self.control.has_ended() {
            return Err(self.ended());
        }
        if !self.control.claims_to_live(self.owner) {
            return Err(Error::Closed(format!("this participant of cluster '{}'", self.control.cluster())));
        }
        if self.run != 0 && run::cancelled(&self.control) == self.run {
            return Err(Error::Cancelled);
        }
        Ok(())
    }

    // ---- arrays -----------------------------------------------------------------------------------------------------

    /// Maps the array `name`.
    ///
    /// # Errors
    /// Those of [`named::get`]; [`Error::IncompatibleSegment`] where it does not hold `T`; [`Error::Closed`].
    pub fn array<T: Element>(&self, name: &str) -> Result<SharedArray<T>> {
        typed(name, self.attach_array(name, Access::ReadWrite)?)
    }

    /// Makes an array of zeros in shared memory. All participants find it, and it goes with the cluster. Takes about
    /// 0.3 s per GiB.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], [`Error::NameExists`], [`Error::OutOfSharedMemory`], [`Error::Capacity`],
    /// [`Error::Closed`]; nothing is left behind.
    pub fn zeros<T: Element>(&self, name: &str, shape: &[u64]) -> Result<SharedArray<T>> {
        let placement = Placement { mode: self.control.mode()?, file: None, persist: false };
        typed(name, self.create_array(name, &Spec::new(T::DTYPE, shape.to_vec())?, &placement)?)
    }

    /// As [`Member::array`], whatever it holds.
    ///
    /// # Errors
    /// As [`Member::array`].
    pub fn attach_array(&self, name: &str, access: Access) -> Result<Named> {
        self.check()?;
        named::get(&self.control, name, access)
    }

    /// As [`Member::zeros`], wherever it is to lie, and whatever it is to hold.
    ///
    /// # Errors
    /// As [`Member::zeros`].
    pub fn create_array(&self, name: &str, spec: &Spec, placement: &Placement) -> Result<Named> {
        self.check()?;
        named::create(&self.control, name, spec, placement)
    }

    /// Takes an array's name away. Whoever has it mapped keeps the memory.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], [`Error::NotFound`], [`Error::Closed`].
    pub fn delete_array(&self, name: &str) -> Result<()> {
        self.check()?;
        named::delete(&self.control, name)
    }

    // ---- locks, barriers and their kin ------------------------------------------------------------------------------

    /// Makes a lock, a barrier or one of their kin, for all participants. It goes with the cluster.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], [`Error::NameExists`] within the kind, [`Error::Capacity`], [`Error::Closed`].
    pub fn create(&self, name: &str, spec: &objects::Spec) -> Result<()> {
        self.check()?;
        objects::create(&self.control, name, spec).map(drop)
    }

    /// The lock `name`.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], [`Error::NotFound`], [`Error::Closed`]; so for all that follow.
    pub fn lock(&self, name: &str) -> Result<Lock<'_>> {
        Ok(Lock { place: self.find(name, Kind::Lock)? })
    }

    /// The reader-writer lock `name`.
    ///
    /// # Errors
    /// As [`Member::lock`].
    pub fn rw_lock(&self, name: &str) -> Result<RwLock<'_>> {
        Ok(RwLock { place: self.find(name, Kind::RwLock)? })
    }

    /// The semaphore `name`.
    ///
    /// # Errors
    /// As [`Member::lock`].
    pub fn semaphore(&self, name: &str) -> Result<Semaphore<'_>> {
        Ok(Semaphore { place: self.find(name, Kind::Semaphore)? })
    }

    /// The barrier `name`.
    ///
    /// # Errors
    /// As [`Member::lock`].
    pub fn barrier(&self, name: &str) -> Result<Barrier<'_>> {
        Ok(Barrier { place: self.find(name, Kind::Barrier)?, epoch: None })
    }

    /// The event `name`.
    ///
    /// # Errors
    /// As [`Member::lock`].
    pub fn event(&self, name: &str) -> Result<Event<'_>> {
        Ok(Event { place: self.find(name, Kind::Event)? })
    }

    /// The latch `name`.
    ///
    /// # Errors
    /// As [`Member::lock`].
    pub fn latch(&self, name: &str) -> Result<Latch<'_>> {
        Ok(Latch { place: self.find(name, Kind::Latch)? })
    }

    /// What is done once under `name`.
    ///
    /// # Errors
    /// As [`Member::lock`].
    pub fn once(&self, name: &str) -> Result<Once<'_>> {
        Ok(Once { place: self.find(name, Kind::Once)? })
    }

    /// The condition variable `name`, with its lock.
    ///
    /// # Errors
    /// As [`Member::lock`].
    pub fn condition(&self, name: &str) -> Result<Condition<'_>> {
        let place = self.find(name, Kind::Condition)?;
        let index = self.control.condition(place.index)?.lock();
        let lock = self.place(&self.control.name_of(index)?, index, Kind::Lock);
        Ok(Condition { place, lock: Lock { place: lock } })
    }

    /// Makes a condition variable for what this lock guards; as [`Member::create`].
    ///
    /// # Errors
    /// As [`Member::create`]; [`Error::InvalidArgument`] for the default lock.
    pub fn create_condition(&self, name: &str, lock: &Lock<'_>) -> Result<()> {
        self.create(name, &objects::Spec::Condition { lock: lock.place.index })
    }

    /// The counter `name`.
    ///
    /// # Errors
    /// As [`Member::lock`].
    pub fn counter(&self, name: &str) -> Result<&counter::Layout> {
        let place = self.find(name, Kind::Counter)?;
        self.control.counter(place.index)
    }

    /// The lock that the tasks of a run have without asking: fresh in every run.
    pub fn default_lock(&self) -> Lock<'_> {
        Lock { place: self.place("default", DEFAULT_LOCK, Kind::Lock) }
    }

    /// The barrier of the run's workers.
    ///
    /// # Errors
    /// [`Error::Closed`] outside a run's task.
    pub fn run_barrier(&self) -> Result<Barrier<'_>> {
        if self.run == 0 {
            return Err(Error::Closed("the run's own barrier, which exists inside a task only,".to_owned()));
        }
        let place = self.place("default", DEFAULT_BARRIER, Kind::Barrier);
        Ok(Barrier { place, epoch: Some(self.run) })
    }

    fn find(&self, name: &str, kind: Kind) -> Result<Place<'_>> {
        self.check()?;
        Ok(self.place(name, objects::find(&self.control, name, kind)?, kind))
    }

    fn place(&self, name: &str, index: u32, kind: Kind) -> Place<'_> {
        Place { member: self, name: name.to_owned(), index, kind }
    }

    fn ended(&self) -> Error {
        Error::Closed(format!("cluster '{}', whose main process has ended,", self.cluster()))
    }

    /// Between two slices of a wait.
    pub(super) fn go_on(&self, what: &dyn fmt::Display) -> Result<()> {
        self.check()?;
        // The kernel knows before the watch has come to say so, and where nobody here watches. From now on it is known.
        if !self.control.has_owner()? {
            self.control.note_end();
            return Err(self.ended());
        }
        match &*self.interrupt.borrow() {
            Some(hook) if hook() => Err(Error::Interrupted(what.to_string())),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Member { owner, worker, run, .. } = self;
        let mut shown = f.debug_struct("Member");
        shown.field("cluster", &self.cluster()).field("owner", owner).field("worker", worker).field("run", run);
        shown.finish_non_exhaustive()
    }
}

fn typed<T: Element>(name: &str, named: Named) -> Result<SharedArray<T>> {
    SharedArray::of(named.array).map_err(|error| match error {
        Error::IncompatibleSegment { reason, .. } => Error::IncompatibleSegment { name: name.to_owned(), reason },
        other => other,
    })
}
