//! A participant: it does one thing after the other, until it is killed or told to leave.

use std::sync::Arc;
use std::sync::atomic::Ordering::*;
use std::time::{Duration, Instant};

use tsdsm_core::Error;
use tsdsm_core::array::Spec;
use tsdsm_core::barrier::{Patience, Turn};
use tsdsm_core::control::Control;
use tsdsm_core::dtype::DType;
use tsdsm_core::named::{self, Placement};
use tsdsm_core::objects::{self, Kind as Object};
use tsdsm_core::operation::Operation;
use tsdsm_core::primitive::Deadline;
use tsdsm_core::segment::Access;
use tsdsm_core::slots::{Kind, Participant};
use tsdsm_core::wait::{Request, Slice, tick, until_decided};

use crate::scratch::roles::subject;
use crate::shared::{ARRAYS, BARRIER, LOCK, ONCE, PERMITS, RW, Random, Record, SEMAPHORE, Shared, State};

/// The others may have all left: who waits in a barrier gives up.
const AT_THE_BARRIER: Duration = Duration::from_millis(2);

struct Actor {
    control: Arc<Control>,
    me: Participant,
    shared: Shared,
    random: Random,
}

fn spin(time: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < time {
        std::hint::spin_loop();
    }
}

#[test]
#[ignore = "a role in other tests"]
fn role_takes_part() {
    let subject = subject();
    let mut parts = subject.split(' ');
    let cluster = parts.next().unwrap();
    let mut number = || parts.next().unwrap().parse::<u64>().unwrap();
    let (id, seed) = (number(), number());
    let control = Control::attach(cluster).unwrap();
    let claim = || Participant::claim(&control, Kind::Worker, Some(id as u32)).unwrap();
    let shared = Shared::attach(&control);
    let mut actor = Actor { me: claim(), shared, random: Random(seed), control: control.clone() };
    while actor.shared.stop.load(Relaxed) == 0 {
        let choice = actor.random.below(12);
        actor.shared.at[id as usize].store(choice, Relaxed);
        match choice {
            0..=2 => actor.changes_under_the_lock(),
            3 => actor.reads(),
            4 => actor.writes(),
            5..=6 => actor.takes_permits(),
            7 => actor.meets_another(),
            8 => actor.does_it_once(),
            9 => actor.makes_or_deletes_an_array(),
            10 => actor.looks_at_an_array(),
            _ => {
                // It leaves in order, and comes back.
                actor.me.detach();
                actor.me = claim();
            }
        }
        actor.shared.done[id as usize].fetch_add(1, Relaxed);
    }
}

impl Actor {
    fn find(&self, name: &str, kind: Object) -> u32 {
        objects::find(&self.control, name, kind).unwrap()
    }

    /// Waits as long as it takes.
    fn wait(&self, index: u32, operation: Operation) -> Slice {
        let request = Request { recover: true, ..Request::default() };
        until_decided(request, |request| self.control.wait_slice(index, operation, self.me.owner(), request).unwrap())
    }

    /// Some time with something in hand, so that many are killed then.
    fn while_held(&mut self) -> Duration {
        Duration::from_nanos(self.random.below(40_000))
    }

    /// Changes what is protected, also where one before has died amid that.
    fn change(&mut self, slice: Slice, record: impl Fn(&State) -> &Record) {
        assert!(slice.is_held(), "{slice:?}");
        if slice == Slice::Acquired {
            assert!(record(&self.shared).is_whole(), "nobody has died, and what is protected is half changed");
        } else {
            self.shared.poisoned.fetch_add(1, Relaxed);
        }
        let (seed, time) = (self.random.next(), self.while_held());
        record(&self.shared).renew(seed, || spin(time));
        assert!(record(&self.shared).is_whole(), "another has been at it");
    }

    fn release(&self, index: u32, operation: Operation) {
        assert!(self.control.release(index, operation, self.me.owner()).unwrap());
    }

    fn changes_under_the_lock(&mut self) {
        let index = self.find(LOCK, Object::Lock);
        let slice = self.wait(index, Operation::Lock);
        self.change(slice, |state| &state.locked);
        if slice == Slice::AcquiredPoisoned {
            assert!(self.control.mutex(index).unwrap().clear_poison(self.me.owner()));
        }
        if self.random.below(8) == 0 {
            self.replaces_the_once();
        }
        self.release(index, Operation::Lock);
    }

    /// The lock is held, so that nobody else does.
    fn replaces_the_once(&self) {
        // One before may have died between the two.
        let _ = objects::delete(&self.control, ONCE, Object::Once);
        objects::create(&self.control, ONCE, &objects::Spec::Once).unwrap();
    }

    fn reads(&mut self) {
        let index = self.find(RW, Object::RwLock);
        let slice = self.wait(index, Operation::Read);
        assert!(slice.is_held(), "{slice:?}");
        spin(self.while_held());
        assert!(
            slice == Slice::AcquiredPoisoned || self.shared.read.is_whole(),
            "a writer is at it, or has died at it"
        );
        self.release(index, Operation::Read);
    }

    fn writes(&mut self) {
        let index = self.find(RW, Object::RwLock);
        let slice = self.wait(index, Operation::Write);
        self.change(slice, |state| &state.read);
        if slice == Slice::AcquiredPoisoned {
            assert!(self.control.rwlock(index).unwrap().clear_poison(self.me.owner()));
        }
        self.release(index, Operation::Write);
    }

    fn takes_permits(&mut self) {
        let index = self.find(SEMAPHORE, Object::Semaphore);
        let permits = 1 + self.random.below(PERMITS.into()) as u32;
        assert_eq!(self.wait(index, Operation::Acquire(permits)), Slice::Acquired);
        spin(self.while_held());
        let semaphore = self.control.semaphore(index).unwrap();
        assert_eq!(semaphore.holds(self.me.owner()), permits);
        assert!(semaphore.info().free <= PERMITS - permits, "more are out than there are");
        // Some come back one by one.
        for part in if self.random.below(2) == 0 { vec![permits] } else { vec![1; permits as usize] } {
            self.release(index, Operation::Acquire(part));
        }
    }

    /// A barrier of two: whoever comes next. What it comes to is up to the others, who may die in it or give up.
    fn meets_another(&mut self) {
        let index = self.find(BARRIER, Object::Barrier);
        let barrier = self.control.barrier(index).unwrap();
        let patience = |n| Patience { deadline: Some(Deadline::after(AT_THE_BARRIER)), tick: tick(n), worker: None };
        let mut turn = barrier.arrive(self.me.slot(), None);
        for n in 0.. {
            let Turn::Again(_) = turn else { break };
            turn = barrier.wait_slice(self.me.slot(), &patience(n), &*self.control);
        }
        match turn {
            Turn::Passed(index) => assert!(index < 2),
            Turn::Broken | Turn::TimedOut => barrier.reset(),
            other => panic!("{other:?}"),
        }
    }

    fn does_it_once(&mut self) {
        // Somebody may have taken it away, and not put another in its place yet, or never.
        let Ok(index) = objects::find(&self.control, ONCE, Object::Once) else { return };
        let generation = || self.control.object_generation(index).unwrap();
        let before = generation();
        let slice = self.wait(index, Operation::Once);
        let now = generation();
        match slice {
            Slice::Over => assert!(now == 0 || now != before || self.shared.is_noted(now), "it was never done"),
            slice => {
                assert!(slice.is_held(), "{slice:?}");
                spin(self.while_held());
                if now == 0 {
                    // Nobody knows which one it is: that is to be done by another.
                    let _ = self.control.release(index, Operation::Once, self.me.owner()).unwrap();
                } else {
                    // Where another stands in its place by now, there is nothing to finish.
                    self.shared.note_done(now);
                    let _ = self.control.once(index).unwrap().finish(self.me.owner());
                }
            }
        }
    }

    fn array(&mut self) -> String {
        format!("array-{}", self.random.below(ARRAYS))
    }

    fn makes_or_deletes_an_array(&mut self) {
        let name = self.array();
        let spec = Spec::new(DType::F64, vec![3, 5]).unwrap();
        let placement = Placement { mode: 0o600, file: None, persist: false };
        let made = named::create(&self.control, &name, &spec, &placement);
        if matches!(made, Err(Error::NameExists { .. })) {
            let deleted = named::delete(&self.control, &name);
            assert!(matches!(deleted, Ok(()) | Err(Error::NotFound { .. })), "{deleted:?}");
        } else {
            made.unwrap();
        }
    }

    fn looks_at_an_array(&mut self) {
        let name = self.array();
        match named::get(&self.control, &name, Access::ReadWrite) {
            Ok(named) => assert_eq!(named.array.spec.shape(), [3, 5]),
            Err(Error::NotFound { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
}
