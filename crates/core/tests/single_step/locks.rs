//! Locks and reader-writer locks.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tsdsm_core::control::Control;
use tsdsm_core::objects::{self, DEFAULT_LOCK, Kind, Spec};
use tsdsm_core::operation::Operation;
use tsdsm_core::wait::Slice;

use crate::operations::{SHORT, Tally, linger, release, until_asleep_or_dead, wait};
use crate::tracer::step_by_step;
use crate::world::{Scene, Survivor, TOO_LONG, worker};

const RW: &str = "rw";

fn rw(control: &Control) -> u32 {
    objects::find(control, RW, Kind::RwLock).unwrap()
}

/// Whether it was found poisoned when the survivor got it, and made it sound.
fn get_and_give(survivor: &Survivor, index: u32, operation: Operation) -> bool {
    let (control, me) = (&survivor.control, &survivor.me);
    let got = wait(control, index, operation, me, TOO_LONG);
    if got == Slice::AcquiredPoisoned {
        let cleared = match operation {
            Operation::Lock => control.mutex(index).unwrap().clear_poison(me.owner()),
            _ => control.rwlock(index).unwrap().clear_poison(me.owner()),
        };
        assert!(cleared);
    } else {
        assert_eq!(got, Slice::Acquired);
    }
    release(control, index, operation, me);
    got == Slice::AcquiredPoisoned
}

/// What victims do with the default lock or a reader-writer lock.
fn play(operation: Operation, outcome: Slice, within: Duration) {
    let (control, me) = worker();
    let index = if operation == Operation::Lock { DEFAULT_LOCK } else { rw(&control) };
    step_by_step(|| {
        assert_eq!(wait(&control, index, operation, &me, within), outcome);
        if outcome == Slice::Acquired {
            linger();
            release(&control, index, operation, &me);
        }
    });
}

#[test]
#[ignore = "a role in other tests"]
fn role_locks() {
    play(Operation::Lock, Slice::Acquired, TOO_LONG);
}

#[test]
#[ignore = "a role in other tests"]
fn role_locks_in_vain() {
    play(Operation::Lock, Slice::TimedOut, SHORT);
}

#[test]
#[ignore = "a role in other tests"]
fn role_reads() {
    play(Operation::Read, Slice::Acquired, TOO_LONG);
}

#[test]
#[ignore = "a role in other tests"]
fn role_reads_in_vain() {
    play(Operation::Read, Slice::TimedOut, SHORT);
}

#[test]
#[ignore = "a role in other tests"]
fn role_writes() {
    play(Operation::Write, Slice::Acquired, TOO_LONG);
}

#[test]
#[ignore = "a role in other tests"]
fn role_writes_in_vain() {
    play(Operation::Write, Slice::TimedOut, SHORT);
}

fn with_a_rwlock(survivor: &Survivor) {
    if objects::find(&survivor.control, RW, Kind::RwLock).is_err() {
        objects::create(&survivor.control, RW, &Spec::RwLock).unwrap();
    }
}

/// The survivor takes it before the victim comes.
fn hold(survivor: &Survivor, operation: Operation) {
    with_a_rwlock(survivor);
    let index = if operation == Operation::Lock { DEFAULT_LOCK } else { rw(&survivor.control) };
    assert_eq!(wait(&survivor.control, index, operation, &survivor.me, TOO_LONG), Slice::Acquired);
}

#[test]
fn lock_and_unlock() {
    let mut tally = Tally::default();
    Scene { role: "locks::role_locks", ..Scene::default() }.kill_at_every_point(|survivor| {
        survivor.recover();
        assert_eq!(survivor.control.mutex(DEFAULT_LOCK).unwrap().holder(), None);
        tally.add(get_and_give(survivor, DEFAULT_LOCK, Operation::Lock));
    });
    tally.has_both();
}

#[test]
fn without_a_sweep_the_next_to_come_finds_the_dead_holder() {
    let mut tally = Tally::default();
    Scene { role: "locks::role_locks", ..Scene::default() }.kill_at_every_point(|survivor| {
        tally.add(get_and_give(survivor, DEFAULT_LOCK, Operation::Lock));
        survivor.recover();
        assert!(!get_and_give(survivor, DEFAULT_LOCK, Operation::Lock), "once is enough");
    });
    tally.has_both();
}

#[test]
fn contended_lock() {
    let mut tally = Tally::default();
    let meanwhile = |survivor: &Survivor, dead: &AtomicBool| {
        let lock = survivor.control.mutex(DEFAULT_LOCK).unwrap();
        until_asleep_or_dead(dead, || lock.has_waiters());
        assert!(lock.unlock(survivor.me.owner()));
    };
    let prepare = |survivor: &Survivor| hold(survivor, Operation::Lock);
    let scene = Scene { role: "locks::role_locks", prepare: &prepare, meanwhile: &meanwhile };
    scene.kill_at_every_point(|survivor| {
        survivor.recover();
        tally.add(get_and_give(survivor, DEFAULT_LOCK, Operation::Lock));
    });
    tally.has_both();
}

#[test]
fn contended_lock_that_is_given_up() {
    let prepare = |survivor: &Survivor| hold(survivor, Operation::Lock);
    Scene { role: "locks::role_locks_in_vain", prepare: &prepare, ..Scene::default() }.kill_at_every_point(
        |survivor| {
            survivor.recover();
            let lock = survivor.control.mutex(DEFAULT_LOCK).unwrap();
            assert_eq!(lock.holder(), Some(survivor.me.owner()), "who waits takes nothing from the holder");
            release(&survivor.control, DEFAULT_LOCK, Operation::Lock, &survivor.me);
            assert!(!get_and_give(survivor, DEFAULT_LOCK, Operation::Lock), "the dead had not held it");
        },
    );
}

/// Both ways, once the dead is recovered; whether a writer had died.
fn both_ways(survivor: &Survivor) -> bool {
    survivor.recover();
    let index = rw(&survivor.control);
    let poisoned = get_and_give(survivor, index, Operation::Write);
    assert!(!get_and_give(survivor, index, Operation::Read));
    assert_eq!(survivor.control.rwlock(index).unwrap().readings(survivor.me.owner()), 0);
    poisoned
}

#[test]
fn reader() {
    Scene { role: "locks::role_reads", prepare: &with_a_rwlock, ..Scene::default() }.kill_at_every_point(|survivor| {
        assert!(!both_ways(survivor), "a dead reader has left nothing half done");
    });
}

#[test]
fn writer() {
    let mut tally = Tally::default();
    let scene = Scene { role: "locks::role_writes", prepare: &with_a_rwlock, ..Scene::default() };
    scene.kill_at_every_point(|survivor| tally.add(both_ways(survivor)));
    tally.has_both();
}

#[test]
fn reader_that_gives_up_on_a_writer() {
    let prepare = |survivor: &Survivor| hold(survivor, Operation::Write);
    Scene { role: "locks::role_reads_in_vain", prepare: &prepare, ..Scene::default() }.kill_at_every_point(
        |survivor| {
            release(&survivor.control, rw(&survivor.control), Operation::Write, &survivor.me);
            assert!(!both_ways(survivor));
        },
    );
}

#[test]
fn writer_that_gives_up_on_a_reader() {
    let prepare = |survivor: &Survivor| hold(survivor, Operation::Read);
    Scene { role: "locks::role_writes_in_vain", prepare: &prepare, ..Scene::default() }.kill_at_every_point(
        |survivor| {
            release(&survivor.control, rw(&survivor.control), Operation::Read, &survivor.me);
            both_ways(survivor);
        },
    );
}
