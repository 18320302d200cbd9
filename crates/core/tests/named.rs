//! A cluster's arrays by name: the segment and its entry come and go together.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tsdsm_core::array::{self, Spec};
use tsdsm_core::catalogue;
use tsdsm_core::control::{Control, Limits, OwnerToken};
use tsdsm_core::dtype::DType;
use tsdsm_core::named::{self, Placement};
use tsdsm_core::segment::{self, Access};
use tsdsm_core::{Error, Result};

mod actors;
mod scratch;
use actors::{Actor, say};
use scratch::roles::subject;
use scratch::{Cluster, Folder, race};

const SEGMENT: Placement = Placement { mode: 0o600, file: None, persist: false };

fn start(cluster: &Cluster, arrays: u32) -> (std::sync::Arc<Control>, OwnerToken) {
    let limits = Limits { workers: 1, slots: 4, objects: 4, arrays };
    Control::create(&cluster.0, &limits, 1, 0o600).unwrap()
}

fn spec(len: u64) -> Spec {
    Spec::new(DType::I32, vec![len]).unwrap()
}

fn in_file(path: &Path) -> Placement<'_> {
    Placement { file: Some(path), ..SEGMENT }
}

fn is<T: std::fmt::Debug>(result: Result<T>, expected: fn(&Error) -> bool) {
    let error = result.unwrap_err();
    assert!(expected(&error), "{error:?}");
}

#[test]
fn an_array_is_found_by_every_process_under_its_name_until_it_is_deleted() {
    let cluster = Cluster::new();
    let (control, _token) = start(&cluster, 4);
    let made = named::create(&control, "A", &spec(10), &SEGMENT).unwrap();
    let other = Control::attach(&cluster.0).unwrap();
    let found = named::get(&other, "A", Access::ReadWrite).unwrap();
    assert_eq!((found.generation, found.array.id), (made.generation, made.array.id));
    assert_eq!(found.entry, made.entry);
    assert_eq!(found.array.spec, spec(10));
    assert_eq!(found.segment(&other), Some(cluster.array("A")));
    // SAFETY: both map the same ten integers, and no other thread does.
    unsafe {
        made.array.data().cast::<i32>().add(9).write(7);
        assert_eq!(found.array.data().cast::<i32>().add(9).read(), 7);
    }
    named::delete(&other, "A").unwrap();
    assert_eq!(cluster.arrays(), [""; 0]);
    is(named::get(&control, "A", Access::ReadWrite), |e| matches!(e, Error::NotFound { what: "array", .. }));
    is(named::delete(&control, "A"), |e| matches!(e, Error::NotFound { what: "array", .. }));
}

#[test]
fn what_cannot_be_entered_is_not_made() {
    let cluster = Cluster::new();
    let folder = Folder::new();
    let (control, _token) = start(&cluster, 1);
    named::create(&control, "A", &spec(1), &SEGMENT).unwrap();
    let path = folder.path("b.npy");
    is(named::create(&control, "A", &spec(1), &in_file(&path)), |e| matches!(e, Error::NameExists { .. }));
    is(named::create(&control, "B", &spec(1), &in_file(&path)), |e| matches!(e, Error::Capacity { .. }));
    is(named::create(&control, "B", &spec(1), &SEGMENT), |e| matches!(e, Error::Capacity { .. }));
    is(named::create(&control, "a/b", &spec(1), &SEGMENT), |e| matches!(e, Error::InvalidArgument(_)));
    assert_eq!((cluster.arrays(), folder.files()), (vec![cluster.array("A")], vec![]));

    // Refused only when it is entered, before the file gets its name.
    named::delete(&control, "A").unwrap();
    let deep = (0..3).fold(folder.path(""), |path, _| path.join("x".repeat(250)));
    fs::create_dir_all(&deep).unwrap();
    let path = deep.join("y".repeat(60));
    is(named::create(&control, "A", &spec(1), &in_file(&path)), |e| matches!(e, Error::InvalidArgument(_)));
    assert!(!path.exists());
}

#[test]
fn an_array_that_is_made_while_the_cluster_ends_is_refused_and_removed() {
    let cluster = Cluster::new();
    let (control, mut token) = start(&cluster, 4);
    // Main takes the names away first, and its hold on the cluster goes last.
    fs::remove_file(segment::path(&cluster.control())).unwrap();
    is(named::create(&control, "A", &spec(1), &SEGMENT), |e| matches!(e, Error::Closed(_)));
    token.close().unwrap();
    is(named::create(&control, "B", &spec(1), &SEGMENT), |e| matches!(e, Error::Closed(_)));
    assert_eq!(cluster.segments(), [""; 0]);
}

#[test]
#[ignore = "a role in other tests"]
fn role_creates_and_deletes() {
    let control = Control::attach(&subject()).unwrap();
    say("here");
    loop {
        let _ = named::create(&control, "A", &spec(1), &SEGMENT);
        let _ = named::delete(&control, "A");
    }
}

#[test]
fn a_process_killed_while_it_creates_or_deletes_leaves_the_name_to_others() {
    let cluster = Cluster::new();
    let (control, _token) = start(&cluster, 4);
    for kill in 0..100u64 {
        let mut other = Actor::start("role_creates_and_deletes", &cluster.0);
        other.expect("here");
        // Somewhere in its work: where exactly does not matter.
        std::thread::sleep(Duration::from_micros(500 + 37 * kill));
        other.kill();
        assert!(!other.end().success());
        let _ = named::delete(&control, "A");
        named::create(&control, "A", &spec(1), &SEGMENT).unwrap();
        named::delete(&control, "A").unwrap();
        assert_eq!(cluster.arrays(), [""; 0]);
    }
}

#[test]
fn a_file_stays_when_its_array_is_deleted_and_can_be_opened_again() {
    let cluster = Cluster::new();
    let folder = Folder::new();
    let (control, _token) = start(&cluster, 4);
    let path = folder.path("a.npy");
    let made = named::create(&control, "A", &spec(3), &in_file(&path)).unwrap();
    assert!(made.entry.persist && made.segment(&control).is_none());
    named::delete(&control, "A").unwrap();
    named::open_file(&control, "again", &path, Access::ReadOnly).unwrap();
    // Entered read-only, so read-only for everybody.
    assert_eq!(named::get(&control, "again", Access::ReadWrite).unwrap().access, Access::ReadOnly);
    assert_eq!(folder.files(), ["a.npy"]);
}

#[test]
fn another_file_in_the_place_of_the_one_that_was_entered_is_not_taken_for_it() {
    let cluster = Cluster::new();
    let (control, _token) = start(&cluster, 4);
    named::create(&control, "A", &spec(3), &SEGMENT).unwrap();
    segment::unlink(&cluster.array("A"), None).unwrap();
    array::create(&cluster.array("A"), &spec(3), 0o600).unwrap();
    is(named::get(&control, "A", Access::ReadWrite), |e| matches!(e, Error::IncompatibleSegment { .. }));
    assert!(named::list(&control).is_empty());
    // Deleting the entry does not touch what is not its own.
    named::delete(&control, "A").unwrap();
    assert_eq!(cluster.arrays(), [cluster.array("A")]);
}

#[test]
fn who_asks_while_a_name_is_deleted_and_created_anew_never_gets_the_old_array() {
    let cluster = Cluster::new();
    let (control, _token) = start(&cluster, 4);
    let replace = |round: u32| {
        let _ = named::delete(&control, "A");
        named::create(&control, "A", &spec(u64::from(round) + 1), &SEGMENT).unwrap();
    };
    race(replace, || {
        let before = catalogue::generation(&control, "A");
        let found = named::get(&control, "A", Access::ReadWrite)?;
        assert!(found.generation >= before);
        assert_eq!(found.array.spec.len() * 4 + 4096, found.entry.bytes);
        Ok(())
    });
}
