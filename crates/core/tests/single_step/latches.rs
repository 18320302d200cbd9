//! Latches.

use std::sync::atomic::AtomicBool;

use tsdsm_core::control::Control;
use tsdsm_core::latch::{Latch, Stand};
use tsdsm_core::objects::{Kind, Spec};
use tsdsm_core::operation::Operation;
use tsdsm_core::wait::Slice;

use crate::operations::{Tally, find, fresh, has_sleepers, linger, until_asleep_or_dead, wait};
use crate::tracer::step_by_step;
use crate::world::{Scene, Survivor, TOO_LONG, worker};

fn latch(control: &Control) -> Latch<'_> {
    control.latch(find(control, Kind::Latch)).unwrap()
}

#[test]
#[ignore = "a role in other tests"]
fn role_counts_down() {
    let (control, me) = worker();
    step_by_step(|| {
        latch(&control).count_down(me.worker(), 1);
        linger();
    });
}

#[test]
#[ignore = "a role in other tests"]
fn role_waits_for_it() {
    let (control, me) = worker();
    latch(&control).count_down(me.worker(), 1);
    let (index, since) = (find(&control, Kind::Latch), latch(&control).info().epoch);
    step_by_step(|| {
        assert_eq!(wait(&control, index, Operation::Latch(since), &me, TOO_LONG), Slice::Acquired);
        linger();
    });
}

/// Two are to count, and one has.
fn half(survivor: &Survivor, counts_the_dead: bool) {
    fresh(survivor, &Spec::Latch { count: 2, counts_the_dead });
    latch(&survivor.control).count_down(None, 1);
}

/// Who waits is told, one way or the other. Whether it is open.
fn is_decided(survivor: &Survivor) -> bool {
    survivor.recover();
    let latch = latch(&survivor.control);
    let slice = latch.wait(survivor.me.owner(), None, &*survivor.control);
    let info = latch.info();
    match info.stand {
        Stand::Open => assert_eq!(slice, Slice::Acquired),
        Stand::Broken => assert_eq!((slice, info.broken_by), (Slice::Over, Some(1))),
        Stand::Closed => panic!("somebody counts on the dead: {info:?}"),
    }
    latch.reset();
    assert_eq!(latch.count_down(None, 2), Stand::Open);
    slice == Slice::Acquired
}

fn victim_counts(counts_the_dead: bool) {
    let mut tally = Tally::default();
    let prepare = |survivor: &Survivor| half(survivor, counts_the_dead);
    let scene = Scene { role: "latches::role_counts_down", prepare: &prepare, ..Scene::default() };
    scene.kill_at_every_point(|survivor| tally.add(is_decided(survivor)));
    tally.has_both();
}

#[test]
fn counted_down() {
    victim_counts(false);
}

#[test]
fn counted_down_where_the_dead_count() {
    victim_counts(true);
}

#[test]
fn waited_for() {
    let prepare = |survivor: &Survivor| fresh(survivor, &Spec::Latch { count: 2, counts_the_dead: false });
    let meanwhile = |survivor: &Survivor, dead: &AtomicBool| {
        until_asleep_or_dead(dead, || has_sleepers(&survivor.control, Kind::Latch));
        latch(&survivor.control).count_down(None, 1);
    };
    let scene = Scene { role: "latches::role_waits_for_it", prepare: &prepare, meanwhile: &meanwhile };
    scene.kill_at_every_point(|survivor| assert!(is_decided(survivor), "all had counted"));
}
