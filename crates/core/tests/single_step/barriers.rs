//! Barriers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tsdsm_core::barrier::{Barrier, Patience, Turn};
use tsdsm_core::control::Control;
use tsdsm_core::objects::{self, Kind, Spec};
use tsdsm_core::primitive::Deadline;
use tsdsm_core::slots::Participant;
use tsdsm_core::wait::tick;

use crate::tracer::step_by_step;
use crate::world::{Scene, Survivor, TOO_LONG, worker};

const PAIR: &str = "pair";

fn pair(control: &Control) -> Barrier<'_> {
    control.barrier(objects::find(control, PAIR, Kind::Barrier).unwrap()).unwrap()
}

/// Waits after an arrival; never for longer than a guard.
fn pass(control: &Control, me: &Participant, mut turn: Turn) -> Turn {
    let began = Instant::now();
    for n in 0.. {
        let Turn::Again(_) = turn else { break };
        assert!(began.elapsed() < TOO_LONG, "nobody told a waiter");
        let patience = Patience { deadline: Some(Deadline::after(TOO_LONG)), tick: tick(n), worker: me.worker() };
        turn = pair(control).wait_slice(me.slot(), &patience, control);
    }
    turn
}

#[test]
#[ignore = "a role in other tests"]
fn role_passes() {
    let (control, me) = worker();
    step_by_step(|| {
        let turn = pair(&control).arrive(me.slot(), None);
        assert!(matches!(pass(&control, &me, turn), Turn::Passed(_)));
    });
}

fn fresh_pair(survivor: &Survivor) {
    let _ = objects::delete(&survivor.control, PAIR, Kind::Barrier);
    objects::create(&survivor.control, PAIR, &Spec::Barrier { parties: 2 }).unwrap();
}

/// A round of the barrier works: with two participants of this process.
fn works(survivor: &Survivor) {
    let other = Participant::claim(&survivor.control, tsdsm_core::slots::Kind::Joiner, None).unwrap();
    pair(&survivor.control).reset();
    for round in 0..2 {
        assert_eq!(pair(&survivor.control).arrive(other.slot(), None), Turn::Again(0), "round {round}");
        assert_eq!(pair(&survivor.control).arrive(survivor.me.slot(), None), Turn::Passed(1), "round {round}");
    }
}

#[test]
fn first_to_arrive() {
    let meanwhile = |survivor: &Survivor, dead: &AtomicBool| {
        // It sleeps, or spins; either way it has arrived.
        while pair(&survivor.control).info().arrived == 0 && !dead.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        // Both may be gone before the other comes: the survivor's turn is an answer in any case.
        let turn = pair(&survivor.control).arrive(survivor.me.slot(), None);
        if dead.load(Ordering::Acquire) || !matches!(turn, Turn::Again(_)) {
            return;
        }
        // Alone in a new round of two, with nobody to come.
        panic!("the survivor waits as the first: {turn:?}");
    };
    let scene = Scene { role: "barriers::role_passes", prepare: &fresh_pair, meanwhile: &meanwhile };
    scene.kill_at_every_point(|survivor| {
        survivor.recover();
        works(survivor);
    });
}

#[test]
fn last_to_arrive() {
    let mut passed = 0;
    let prepare = |survivor: &Survivor| {
        fresh_pair(survivor);
        assert_eq!(pair(&survivor.control).arrive(survivor.me.slot(), None), Turn::Again(0));
    };
    Scene { role: "barriers::role_passes", prepare: &prepare, ..Scene::default() }.kill_at_every_point(|survivor| {
        survivor.recover();
        // Had it come, then all have passed. Had it been on its way, then its death is told. Else nobody knows that it
        // was to come: a barrier by name has no members but those that have arrived.
        let info = pair(&survivor.control).info();
        if info.is_broken || info.arrived == 0 {
            match pass(&survivor.control, &survivor.me, Turn::Again(0)) {
                Turn::Passed(_) => passed += 1,
                Turn::Broken => {}
                other => panic!("{other:?}"),
            }
        }
        works(survivor);
    });
    assert!(passed > 0, "it was killed after its arrival, too");
}
