//! Events, of both sorts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tsdsm_core::control::Control;
use tsdsm_core::event::Layout as Event;
use tsdsm_core::objects::{Kind, Spec};
use tsdsm_core::operation::Operation;
use tsdsm_core::wait::{Request, Slice};

use crate::operations::{Tally, find, fresh, has_sleepers, linger, until_asleep_or_dead, wait};
use crate::tracer::step_by_step;
use crate::world::{Scene, Survivor, TOO_LONG, worker};

fn event(control: &Control) -> &Event {
    control.event(find(control, Kind::Event)).unwrap()
}

#[test]
#[ignore = "a role in other tests"]
fn role_sets_it() {
    let (control, _me) = worker();
    step_by_step(|| {
        linger();
        event(&control).set();
        linger();
    });
}

#[test]
#[ignore = "a role in other tests"]
fn role_waits_for_it() {
    let (control, me) = worker();
    let (index, since) = (find(&control, Kind::Event), event(&control).generation());
    step_by_step(|| {
        assert_eq!(wait(&control, index, Operation::Event(since), &me, TOO_LONG), Slice::Acquired);
        linger();
    });
}

fn one_that_stays(survivor: &Survivor) {
    fresh(survivor, &Spec::Event { automatic: false, set: false });
}

fn one_that_resets_itself(survivor: &Survivor) {
    fresh(survivor, &Spec::Event { automatic: true, set: false });
}

fn passes_now(survivor: &Survivor) -> bool {
    let event = event(&survivor.control);
    let request = Request { only_try: true, ..Request::default() };
    event.wait_slice(survivor.me.owner(), event.generation(), &request, &*survivor.control) == Slice::Acquired
}

/// It can be set, lets the survivor pass, and can be reset.
fn works(survivor: &Survivor) {
    survivor.recover();
    let event = event(&survivor.control);
    event.set();
    assert!(event.is_set() && passes_now(survivor));
    assert_eq!(event.is_set(), !event.is_automatic());
    event.reset();
    assert!(!passes_now(survivor));
}

/// Waits as long as the victim lives and has not set it, and passes when it has.
fn wait_for_the_victim(survivor: &Survivor, dead: &AtomicBool) {
    let event = event(&survivor.control);
    let mut request = Request { tick: Duration::from_millis(1), ..Request::default() };
    loop {
        // Read before the slice: what it does not see then was never set.
        let is_dead = dead.load(Ordering::Acquire);
        let slice = event.wait_slice(survivor.me.owner(), 0, &request, &*survivor.control);
        if !request.resume(slice) {
            assert_eq!(slice, Slice::Acquired);
            return;
        }
        if is_dead {
            assert_eq!(event.generation(), 0, "it was set, and who waits does not pass");
            return event.abandon();
        }
    }
}

fn victim_sets(prepare: &dyn Fn(&Survivor)) {
    let mut tally = Tally::default();
    let scene = Scene { role: "events::role_sets_it", prepare, meanwhile: &wait_for_the_victim };
    scene.kill_at_every_point(|survivor| {
        let event = event(&survivor.control);
        tally.add(event.generation() > 0);
        assert_eq!(event.is_set(), event.generation() > 0 && !event.is_automatic());
        works(survivor);
    });
    tally.has_both();
}

fn set_when_asleep(survivor: &Survivor, dead: &AtomicBool) {
    until_asleep_or_dead(dead, || has_sleepers(&survivor.control, Kind::Event));
    event(&survivor.control).set();
}

#[test]
fn set_by_the_victim() {
    victim_sets(&one_that_stays);
}

#[test]
fn set_by_the_victim_and_resetting_itself() {
    victim_sets(&one_that_resets_itself);
}

#[test]
fn waited_for() {
    let scene = Scene { role: "events::role_waits_for_it", prepare: &one_that_stays, meanwhile: &set_when_asleep };
    scene.kill_at_every_point(|survivor| {
        assert!(passes_now(survivor), "a dead waiter has taken it along");
        works(survivor);
    });
}

#[test]
fn waited_for_and_resetting_itself() {
    let mut tally = Tally::default();
    let prepare = &one_that_resets_itself;
    let scene = Scene { role: "events::role_waits_for_it", prepare, meanwhile: &set_when_asleep };
    scene.kill_at_every_point(|survivor| {
        // Either the dead had passed, or the next one does: never both.
        tally.add(!passes_now(survivor));
        assert!(!passes_now(survivor));
        works(survivor);
    });
    tally.has_both();
}
