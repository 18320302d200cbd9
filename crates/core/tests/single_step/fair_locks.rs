//! Fair locks: the victim waits for its turn, or gives the lock to a survivor that waits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tsdsm_core::control::Control;
use tsdsm_core::fair::FairLock;
use tsdsm_core::objects::{self, Kind, Spec};
use tsdsm_core::primitive::Deadline;
use tsdsm_core::word::Owner;

use crate::tracer::step_by_step;
use crate::world::{Scene, Survivor, TOO_LONG, worker};

const NAME: &str = "fair";

fn fair(control: &Control) -> FairLock<'_> {
    let index = objects::find(control, NAME, Kind::Lock).unwrap();
    control.fair_lock(index).unwrap().unwrap()
}

fn make(survivor: &Survivor) {
    if objects::find(&survivor.control, NAME, Kind::Lock).is_err() {
        objects::create(&survivor.control, NAME, &Spec::FairLock).unwrap();
    }
}

/// Takes the lock, whoever died with it, and makes it sound.
fn take(control: &Control, me: Owner) {
    let lock = fair(control);
    assert!(lock.lock(me, true, Some(Deadline::after(TOO_LONG)), control).is_held());
    lock.lock.clear_poison(me);
}

fn is_sound(survivor: &Survivor) {
    survivor.recover();
    let (lock, me) = (fair(&survivor.control), survivor.me.owner());
    assert_eq!(lock.waiting(), 0);
    take(&survivor.control, me);
    assert!(lock.unlock(me));
    assert!(lock.lock.try_fast(me), "nobody waits, and so the fast path is open");
    assert!(lock.unlock(me));
}

#[test]
#[ignore = "a role in other tests"]
fn role_takes_and_gives() {
    let (control, me) = worker();
    let lock = fair(&control);
    step_by_step(|| {
        take(&control, me.owner());
        assert!(lock.unlock(me.owner()));
    });
}

#[test]
fn fair_lock_that_is_waited_for() {
    let prepare = |survivor: &Survivor| {
        make(survivor);
        take(&survivor.control, survivor.me.owner());
    };
    let meanwhile = |survivor: &Survivor, dead: &AtomicBool| {
        let lock = fair(&survivor.control);
        while lock.waiting() == 0 && !dead.load(Ordering::Acquire) {
            thread::yield_now();
        }
        assert!(lock.unlock(survivor.me.owner()));
    };
    Scene { role: "fair_locks::role_takes_and_gives", prepare: &prepare, meanwhile: &meanwhile }
        .kill_at_every_point(is_sound);
}

#[test]
fn fair_lock_that_is_given_to_the_next() {
    let meanwhile = |survivor: &Survivor, dead: &AtomicBool| {
        let (lock, me) = (fair(&survivor.control), survivor.me.owner());
        while lock.lock.holder().is_none() && !dead.load(Ordering::Acquire) {
            thread::yield_now();
        }
        // Asks while the victim holds it, if that lives so long.
        take(&survivor.control, me);
        assert!(lock.unlock(me));
    };
    Scene { role: "fair_locks::role_takes_and_gives", prepare: &make, meanwhile: &meanwhile }
        .kill_at_every_point(is_sound);
}
