//! Condition variables.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tsdsm_core::control::Control;
use tsdsm_core::objects::{self, Kind, Spec};
use tsdsm_core::primitive::Deadline;
use tsdsm_core::wait::{Request, Slice};
use tsdsm_core::word::Owner;
use tsdsm_core::{condition, mutex};

use crate::tracer::step_by_step;
use crate::world::{Scene, Survivor, TOO_LONG, worker};

const NAME: &str = "c";

fn parts(control: &Control) -> (&mutex::Layout, &condition::Layout) {
    let condition = control.condition(objects::find(control, NAME, Kind::Condition).unwrap()).unwrap();
    (control.mutex(condition.lock()).unwrap(), condition)
}

fn make(survivor: &Survivor) {
    if objects::find(&survivor.control, NAME, Kind::Condition).is_err() {
        let lock = objects::create(&survivor.control, NAME, &Spec::Lock).unwrap();
        objects::create(&survivor.control, NAME, &Spec::Condition { lock }).unwrap();
    }
}

/// Takes the lock, whoever died with it.
fn take(control: &Control, me: Owner) {
    let (lock, _) = parts(control);
    assert!(lock.lock(me, true, Some(Deadline::after(TOO_LONG)), control).is_held());
    lock.clear_poison(me);
}

/// The lock can be had, nobody waits, and who waits can be notified.
fn is_sound(survivor: &Survivor) {
    survivor.recover();
    let (me, (lock, condition)) = (survivor.me.owner(), parts(&survivor.control));
    take(&survivor.control, me);
    assert!(lock.unlock(me));
    assert_eq!(condition.waiting(), 0);
    let ticket = condition.begin();
    assert_eq!(condition.notify(1), 1);
    let slice = condition.wait_slice(me, ticket, &Request::default(), &*survivor.control);
    assert_eq!(slice, Slice::Acquired);
}

#[test]
#[ignore = "a role in other tests"]
fn role_waits() {
    let (control, me) = worker();
    let (lock, condition) = parts(&control);
    step_by_step(|| {
        take(&control, me.owner());
        let outcome = condition.wait(lock, me.owner(), true, Some(Deadline::after(TOO_LONG)), &*control).unwrap();
        assert!(outcome.woken && outcome.lock.is_held());
        assert!(lock.unlock(me.owner()));
    });
}

#[test]
#[ignore = "a role in other tests"]
fn role_notifies() {
    let (control, me) = worker();
    let (lock, condition) = parts(&control);
    step_by_step(|| {
        take(&control, me.owner());
        condition.notify(1);
        assert!(lock.unlock(me.owner()));
    });
}

#[test]
fn condition_wait() {
    let meanwhile = |survivor: &Survivor, dead: &AtomicBool| {
        let (_, condition) = parts(&survivor.control);
        while condition.notify(1) == 0 && !dead.load(Ordering::Acquire) {
            thread::yield_now();
        }
    };
    Scene { role: "conditions::role_waits", prepare: &make, meanwhile: &meanwhile }.kill_at_every_point(is_sound);
}

#[test]
fn condition_notify() {
    let ticket = std::sync::atomic::AtomicU32::new(0);
    // It waits longer than the victim lives, so that there is somebody to notify.
    let prepare = |survivor: &Survivor| {
        make(survivor);
        ticket.store(parts(&survivor.control).1.begin(), Ordering::Release);
    };
    let meanwhile = |survivor: &Survivor, dead: &AtomicBool| {
        let (control, me, (_, condition)) = (&survivor.control, survivor.me.owner(), parts(&survivor.control));
        let mut request = Request { deadline: Some(Deadline::after(TOO_LONG)), ..Request::default() };
        loop {
            let slice = condition.wait_slice(me, ticket.load(Ordering::Acquire), &request, &**control);
            if !request.resume(slice) {
                assert_eq!(slice, Slice::Acquired);
                return;
            }
            if dead.load(Ordering::Acquire) {
                // Notified in time, or told of the death.
                survivor.recover();
            }
        }
    };
    Scene { role: "conditions::role_notifies", prepare: &prepare, meanwhile: &meanwhile }.kill_at_every_point(is_sound);
}
