//! Semaphores.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tsdsm_core::control::Control;
use tsdsm_core::objects::{Kind, Spec};
use tsdsm_core::operation::Operation;
use tsdsm_core::semaphore::Semaphore;
use tsdsm_core::wait::Slice;

use crate::operations::{SHORT, Tally, find, fresh, has_sleepers, linger, release, until_asleep_or_dead, wait};
use crate::tracer::step_by_step;
use crate::world::{Scene, Survivor, TOO_LONG, worker};

const ALL: u32 = 3;

fn semaphore(control: &Control) -> Semaphore<'_> {
    control.semaphore(find(control, Kind::Semaphore)).unwrap()
}

fn take(survivor: &Survivor, permits: u32) {
    let index = find(&survivor.control, Kind::Semaphore);
    let slice = wait(&survivor.control, index, Operation::Acquire(permits), &survivor.me, TOO_LONG);
    assert_eq!(slice, Slice::Acquired);
}

fn give(survivor: &Survivor, permits: u32) {
    let index = find(&survivor.control, Kind::Semaphore);
    release(&survivor.control, index, Operation::Acquire(permits), &survivor.me);
}

fn play(outcome: Slice, within: Duration) {
    let (control, me) = worker();
    let index = find(&control, Kind::Semaphore);
    step_by_step(|| {
        assert_eq!(wait(&control, index, Operation::Acquire(2), &me, within), outcome);
        if outcome == Slice::Acquired {
            linger();
            // Once a part of what it holds, and once the rest.
            release(&control, index, Operation::Acquire(1), &me);
            release(&control, index, Operation::Acquire(1), &me);
        }
    });
}

#[test]
#[ignore = "a role in other tests"]
fn role_takes() {
    play(Slice::Acquired, TOO_LONG);
}

#[test]
#[ignore = "a role in other tests"]
fn role_takes_in_vain() {
    play(Slice::TimedOut, SHORT);
}

fn owned(survivor: &Survivor) {
    fresh(survivor, &Spec::Semaphore { permits: ALL, owned: true });
}

fn unowned(survivor: &Survivor) {
    fresh(survivor, &Spec::Semaphore { permits: ALL, owned: false });
}

/// The survivor gives all of them back when the victim sleeps for some, or has died before.
fn give_all_when_asleep(survivor: &Survivor, dead: &AtomicBool) {
    until_asleep_or_dead(dead, || has_sleepers(&survivor.control, Kind::Semaphore));
    give(survivor, ALL);
}

/// All of them can be had again. Whether the dead had held some.
fn all_are_back(survivor: &Survivor) -> bool {
    let held = semaphore(&survivor.control).info().free < ALL;
    survivor.recover();
    assert_eq!(semaphore(&survivor.control).info().free, ALL);
    take(survivor, ALL);
    give(survivor, ALL);
    held
}

/// What the dead had taken stays lost, and no more: none, one or two. Whether any is.
fn some_are_lost(survivor: &Survivor) -> bool {
    survivor.recover();
    let free = semaphore(&survivor.control).info().free;
    assert!((ALL - 2..=ALL).contains(&free), "{free} of {ALL}");
    take(survivor, free);
    give(survivor, ALL);
    assert_eq!(semaphore(&survivor.control).info().free, ALL, "anybody may give back what is lost");
    free < ALL
}

#[test]
fn taken_and_given_back() {
    let mut tally = Tally::default();
    let scene = Scene { role: "semaphores::role_takes", prepare: &owned, ..Scene::default() };
    scene.kill_at_every_point(|survivor| tally.add(all_are_back(survivor)));
    tally.has_both();
}

#[test]
fn waited_for() {
    let mut tally = Tally::default();
    let prepare = |survivor: &Survivor| {
        owned(survivor);
        take(survivor, ALL);
    };
    let scene = Scene { role: "semaphores::role_takes", prepare: &prepare, meanwhile: &give_all_when_asleep };
    scene.kill_at_every_point(|survivor| tally.add(all_are_back(survivor)));
    tally.has_both();
}

#[test]
fn given_up() {
    let prepare = |survivor: &Survivor| {
        owned(survivor);
        take(survivor, ALL);
    };
    let scene = Scene { role: "semaphores::role_takes_in_vain", prepare: &prepare, ..Scene::default() };
    scene.kill_at_every_point(|survivor| {
        survivor.recover();
        assert_eq!(semaphore(&survivor.control).holds(survivor.me.owner()), ALL, "who waits takes nothing away");
        give(survivor, ALL);
        assert!(!all_are_back(survivor));
    });
}

#[test]
fn unowned_taken_and_given_back() {
    let mut tally = Tally::default();
    let scene = Scene { role: "semaphores::role_takes", prepare: &unowned, ..Scene::default() };
    scene.kill_at_every_point(|survivor| tally.add(some_are_lost(survivor)));
    tally.has_both();
}

#[test]
fn unowned_waited_for() {
    let mut tally = Tally::default();
    let prepare = |survivor: &Survivor| {
        unowned(survivor);
        take(survivor, ALL);
    };
    let scene = Scene { role: "semaphores::role_takes", prepare: &prepare, meanwhile: &give_all_when_asleep };
    scene.kill_at_every_point(|survivor| tally.add(some_are_lost(survivor)));
    tally.has_both();
}
