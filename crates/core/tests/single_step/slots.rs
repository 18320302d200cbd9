//! Slots, objects, and recovery itself.

use tsdsm_core::control::Control;
use tsdsm_core::objects::{self, DEFAULT_LOCK, Kind, Spec};
use tsdsm_core::recover;
use tsdsm_core::slots::{self, Participant};
use tsdsm_core::wait::Slice;

use crate::scratch::roles::{play, subject};
use crate::tracer::step_by_step;
use crate::world::{Scene, Survivor, worker};

#[test]
#[ignore = "a role in other tests"]
fn role_claims_and_detaches() {
    let control = Control::attach(&subject()).unwrap();
    step_by_step(|| drop(Participant::claim(&control, slots::Kind::Worker, Some(1)).unwrap()));
}

#[test]
fn claim_and_detach() {
    Scene { role: "slots::role_claims_and_detaches", ..Scene::default() }.kill_at_every_point(|survivor| {
        survivor.recover();
        survivor.all_slots_work();
    });
}

#[test]
#[ignore = "a role in other tests"]
fn role_creates_and_deletes_an_object() {
    let (control, _me) = worker();
    step_by_step(|| {
        objects::create(&control, "it", &Spec::Barrier { parties: 2 }).unwrap();
        objects::delete(&control, "it", Kind::Barrier).unwrap();
    });
}

#[test]
fn objects_by_name() {
    let (mut there, mut not) = (0, 0);
    let scene = Scene { role: "slots::role_creates_and_deletes_an_object", ..Scene::default() };
    scene.kill_at_every_point(|survivor| {
        survivor.recover();
        let control = &survivor.control;
        match objects::find(control, "it", Kind::Barrier) {
            // Whole, or not at all.
            Ok(index) => {
                assert_eq!(control.barrier(index).unwrap().info().parties, 2);
                objects::delete(control, "it", Kind::Barrier).unwrap();
                there += 1;
            }
            Err(_) => not += 1,
        }
        // No place in the table is lost.
        let names: Vec<String> = (2..crate::world::LIMITS.objects).map(|i| format!("o{i}")).collect();
        for name in &names {
            objects::create(control, name, &Spec::Lock).unwrap();
        }
        names.iter().for_each(|name| objects::delete(control, name, Kind::Lock).unwrap());
    });
    assert!(there > 0 && not > 0);
}

/// Takes two locks, and comes to a barrier.
fn take_everything(control: &Control, me: &Participant) {
    assert_eq!(control.mutex(DEFAULT_LOCK).unwrap().lock(me.owner(), false, None, control), Slice::Acquired);
    let rw = control.rwlock(objects::find(control, "rw", Kind::RwLock).unwrap()).unwrap();
    assert_eq!(rw.write(me.owner(), false, None, control), Slice::Acquired);
    let barrier = objects::find(control, "pair", Kind::Barrier).unwrap();
    control.barrier(barrier).unwrap().arrive(me.slot(), None);
}

#[test]
#[ignore = "a role in other tests"]
fn role_dies_with_everything() {
    let (control, me) = worker();
    take_everything(&control, &me);
    // SAFETY: the end of this process.
    unsafe { libc::raise(libc::SIGKILL) };
}

#[test]
#[ignore = "a role in other tests"]
fn role_recovers() {
    let control = Control::attach(&subject()).unwrap();
    step_by_step(|| assert_eq!(recover::sweep(&control).unwrap(), 1));
}

/// The objects of [`take_everything`].
fn make_everything(control: &Control) {
    for (name, spec) in [("rw", Spec::RwLock), ("pair", Spec::Barrier { parties: 2 })] {
        let _ = objects::delete(control, name, spec.kind());
        objects::create(control, name, &spec).unwrap();
    }
}

/// Whoever had everything is gone, and all is told of it.
fn everything_is_given_back(survivor: &Survivor) {
    survivor.recover();
    let (control, me) = (&survivor.control, survivor.me.owner());
    let lock = control.mutex(DEFAULT_LOCK).unwrap();
    assert_eq!(lock.last_dead(), Some(1));
    assert_eq!(lock.lock(me, true, None, &**control), Slice::AcquiredPoisoned);
    assert!(lock.clear_poison(me) && lock.unlock(me));
    let rw = control.rwlock(objects::find(control, "rw", Kind::RwLock).unwrap()).unwrap();
    assert_eq!(rw.write(me, true, None, &**control), Slice::AcquiredPoisoned);
    assert!(rw.clear_poison(me) && rw.unlock_write(me));
    let pair = control.barrier(objects::find(control, "pair", Kind::Barrier).unwrap()).unwrap();
    assert!(pair.is_broken());
    survivor.all_slots_work();
}

#[test]
#[ignore = "a role in other tests"]
fn role_ends_without_a_word() {
    let (control, me) = worker();
    take_everything(&control, &me);
    step_by_step(|| me.detach_as_dead());
}

#[test]
fn an_end_without_a_word() {
    let prepare = |survivor: &Survivor| make_everything(&survivor.control);
    Scene { role: "slots::role_ends_without_a_word", prepare: &prepare, ..Scene::default() }
        .kill_at_every_point(everything_is_given_back);
}

#[test]
fn recovery() {
    let prepare = |survivor: &Survivor| {
        let control = &survivor.control;
        make_everything(control);
        let dead = play("slots::role_dies_with_everything", survivor.name()).output().unwrap();
        assert!(!dead.status.success());
        assert!(control.mutex(DEFAULT_LOCK).unwrap().holder().is_some());
    };
    Scene { role: "slots::role_recovers", prepare: &prepare, ..Scene::default() }
        .kill_at_every_point(everything_is_given_back);
}
