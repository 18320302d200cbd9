//! Arrays and clusters: their segments, and their names.

use tsdsm_core::array::Spec;
use tsdsm_core::control::Control;
use tsdsm_core::dtype::DType;
use tsdsm_core::named::{self, Placement};
use tsdsm_core::segment::Access;

use crate::tracer::step_by_step;
use crate::world::{LIMITS, Scene, Survivor, worker};

fn create(control: &Control, name: &str) {
    let spec = Spec::new(DType::F64, vec![3, 5]).unwrap();
    named::create(control, name, &spec, &Placement { mode: 0o600, file: None, persist: false }).unwrap();
}

#[test]
#[ignore = "a role in other tests"]
fn role_creates_and_deletes_an_array() {
    let (control, _me) = worker();
    step_by_step(|| {
        create(&control, "it");
        named::delete(&control, "it").unwrap();
    });
}

/// What is in the catalogue can be attached, and there is room for as many arrays as before.
fn sound(survivor: &Survivor) -> bool {
    survivor.recover();
    let control = &survivor.control;
    let there = named::get(control, "it", Access::ReadWrite).is_ok_and(|named| named.array.spec.shape() == [3, 5]);
    assert_eq!(named::list(control).len(), usize::from(there));
    if there {
        named::delete(control, "it").unwrap();
    }
    let names: Vec<String> = (0..LIMITS.arrays).map(|i| format!("a{i}")).collect();
    names.iter().for_each(|name| create(control, name));
    names.iter().for_each(|name| named::delete(control, name).unwrap());
    create(control, "it");
    named::delete(control, "it").unwrap();
    there
}

#[test]
fn create_and_delete() {
    let (mut there, mut not) = (0, 0);
    let scene = Scene { role: "segments::role_creates_and_deletes_an_array", ..Scene::default() };
    scene.kill_at_every_point(|survivor| if sound(survivor) { there += 1 } else { not += 1 });
    assert!(there > 0 && not > 0);
}

#[test]
#[ignore = "a role in other tests"]
fn role_attaches_an_array() {
    let (control, _me) = worker();
    step_by_step(|| drop(named::get(&control, "it", Access::ReadWrite).unwrap()));
}

#[test]
fn attach() {
    let prepare = |survivor: &Survivor| create(&survivor.control, "it");
    let scene = Scene { role: "segments::role_attaches_an_array", prepare: &prepare, ..Scene::default() };
    scene.kill_at_every_point(|survivor| assert!(sound(survivor)));
}
