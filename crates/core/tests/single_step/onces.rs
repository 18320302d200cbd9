//! What is done once.

use std::sync::atomic::AtomicBool;

use tsdsm_core::control::Control;
use tsdsm_core::objects::{Kind, Spec};
use tsdsm_core::once::Layout as Once;
use tsdsm_core::operation::Operation;
use tsdsm_core::wait::Slice;

use crate::operations::{Tally, find, fresh, has_sleepers, linger, release, until_asleep_or_dead, wait};
use crate::tracer::step_by_step;
use crate::world::{Scene, Survivor, TOO_LONG, worker};

fn once(control: &Control) -> &Once {
    control.once(find(control, Kind::Once)).unwrap()
}

#[test]
#[ignore = "a role in other tests"]
fn role_does_it() {
    let (control, me) = worker();
    let index = find(&control, Kind::Once);
    step_by_step(|| match wait(&control, index, Operation::Once, &me, TOO_LONG) {
        Slice::Over => linger(),
        slice => {
            assert!(slice.is_held(), "{slice:?}");
            linger();
            assert!(control.once(index).unwrap().finish(me.owner()));
        }
    });
}

fn undone(survivor: &Survivor) {
    fresh(survivor, &Spec::Once);
}

/// The survivor is at it before the victim comes.
fn begun(survivor: &Survivor) {
    undone(survivor);
    assert_eq!(begin(survivor), Slice::Acquired);
}

fn begin(survivor: &Survivor) -> Slice {
    let index = find(&survivor.control, Kind::Once);
    wait(&survivor.control, index, Operation::Once, &survivor.me, TOO_LONG)
}

/// It is done, or the survivor can do it. Whether it was.
fn is_done_in_the_end(survivor: &Survivor) -> bool {
    let once = once(&survivor.control);
    let done = once.is_done();
    survivor.recover();
    assert_eq!(once.is_done(), done);
    if !done {
        assert!(begin(survivor).is_held());
        assert!(once.finish(survivor.me.owner()));
    }
    assert_eq!(begin(survivor), Slice::Over);
    done
}

#[test]
fn done() {
    let mut tally = Tally::default();
    let scene = Scene { role: "onces::role_does_it", prepare: &undone, ..Scene::default() };
    scene.kill_at_every_point(|survivor| tally.add(is_done_in_the_end(survivor)));
    tally.has_both();
}

#[test]
fn without_a_sweep_the_next_to_come_takes_over() {
    let (mut tally, mut told) = (Tally::default(), 0);
    let scene = Scene { role: "onces::role_does_it", prepare: &undone, ..Scene::default() };
    scene.kill_at_every_point(|survivor| {
        let slice = begin(survivor);
        tally.add(slice == Slice::Over);
        told += u32::from(slice == Slice::AcquiredPoisoned);
        if slice.is_held() {
            assert!(once(&survivor.control).finish(survivor.me.owner()));
        }
        assert!(is_done_in_the_end(survivor));
    });
    tally.has_both();
    assert!(told > 0, "nobody was told that one before had died over it");
}

#[test]
fn waited_for_and_left_to_the_victim() {
    let mut tally = Tally::default();
    let meanwhile = |survivor: &Survivor, dead: &AtomicBool| {
        until_asleep_or_dead(dead, || has_sleepers(&survivor.control, Kind::Once));
        let index = find(&survivor.control, Kind::Once);
        release(&survivor.control, index, Operation::Once, &survivor.me);
    };
    let scene = Scene { role: "onces::role_does_it", prepare: &begun, meanwhile: &meanwhile };
    scene.kill_at_every_point(|survivor| tally.add(is_done_in_the_end(survivor)));
    tally.has_both();
}

#[test]
fn waited_for_and_done_by_another() {
    let meanwhile = |survivor: &Survivor, dead: &AtomicBool| {
        until_asleep_or_dead(dead, || has_sleepers(&survivor.control, Kind::Once));
        assert!(once(&survivor.control).finish(survivor.me.owner()));
    };
    let scene = Scene { role: "onces::role_does_it", prepare: &begun, meanwhile: &meanwhile };
    scene.kill_at_every_point(|survivor| assert!(is_done_in_the_end(survivor)));
}
