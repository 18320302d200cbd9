use std::process;

use super::*;
use crate::segment::{self, Access};

#[path = "../../../tests/scratch/roles.rs"]
#[allow(dead_code, reason = "the tests in files of their own use the rest")]
mod roles;

/// A cluster's name of this test's own, whose segments are gone at the end. What bears the control segment's name is
/// foreign, so no janitor at work meanwhile takes the arrays for orphans.
struct Cluster(String);

impl Cluster {
    fn new(name: &str) -> Cluster {
        let cluster = Cluster(format!("draft-{}-{name}", process::id()));
        fs::write(path(&name::control_segment(&cluster.0)), "foreign").unwrap();
        cluster
    }

    fn left(&self) -> Vec<String> {
        let ours = |name: &str| matches!(name::parse(name), Some((cluster, Some(_))) if cluster == self.0);
        segment::list().unwrap().into_iter().map(|entry| entry.name).filter(|name| ours(name)).collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for name in self.left() {
            let _ = segment::unlink(&name, None);
        }
        let _ = segment::unlink(&name::control_segment(&self.0), None);
    }
}

#[test]
fn where_files_need_a_name_a_draft_has_one_of_its_cluster_until_it_is_published() {
    let cluster = Cluster::new("named");
    let name = name::array_segment(&cluster.0, "A");
    let draft = Draft::make(&name, path(&name), 10, 0o640, false).unwrap();
    let during = cluster.left();
    assert_eq!(during.len(), 1);
    assert!(name::parse(&during[0]).unwrap().1.unwrap().starts_with(".draft-"), "{during:?}");
    // SAFETY: the mapping has 10 bytes, and no other thread has it.
    unsafe { draft.mapping().as_ptr().write(7) };
    let published = draft.publish().unwrap();
    assert_eq!(cluster.left(), [name.as_str()]);
    let attached = segment::attach(&name, Access::ReadWrite).unwrap();
    assert_eq!((attached.id, attached.mapping.len()), (published.id, 10));
    // SAFETY: the mapping has 10 bytes.
    assert_eq!(unsafe { attached.mapping.as_ptr().read() }, 7);

    let second = Draft::make(&name, path(&name), 10, 0o600, false);
    assert!(matches!(second, Err(Error::NameExists { .. })));
    assert_eq!(cluster.left(), [name.as_str()]);
}

#[test]
fn a_named_draft_that_comes_second_or_is_dropped_leaves_nothing() {
    let cluster = Cluster::new("second");
    let name = name::array_segment(&cluster.0, "A");
    let [first, second, third] = [0; 3].map(|_| Draft::make(&name, path(&name), 10, 0o600, false).unwrap());
    drop(third);
    let first = first.publish().unwrap();
    assert!(matches!(second.publish(), Err(Error::NameExists { .. })));
    assert_eq!(cluster.left(), [name.as_str()]);
    assert_eq!(segment::attach(&name, Access::ReadOnly).unwrap().id, first.id);
}

#[test]
fn a_name_can_be_given_by_renaming_and_replaces_nothing() {
    let dir = std::env::temp_dir().join(format!("tsdsm-rename-{}", process::id()));
    fs::create_dir(&dir).unwrap();
    let [a, b] = ["a", "b"].map(|name| dir.join(name));
    fs::write(&a, "a").unwrap();
    fs::write(&b, "b").unwrap();
    let taken = shm::rename_to_free(&a, &b).unwrap_err();
    let moved = shm::rename_to_free(&a, &dir.join("c"));
    let left = fs::read_to_string(&b);
    fs::remove_dir_all(&dir).unwrap();
    assert_eq!(taken.kind(), io::ErrorKind::AlreadyExists);
    moved.unwrap();
    assert_eq!(left.unwrap(), "b");
}

#[test]
fn zeros_are_written_where_the_file_system_cannot_allocate() {
    let path = std::env::temp_dir().join(format!("tsdsm-zeros-{}", process::id()));
    let file = shm::create_named(&path).unwrap();
    let done = shm::write_zeros(&file, 5, (1 << 20) + 7);
    let found = fs::read(&path);
    fs::remove_file(&path).unwrap();
    done.unwrap();
    assert_eq!(found.unwrap(), vec![0; 5 + (1 << 20) + 7]);
}

#[test]
fn signals_that_undo_every_long_call_do_not_keep_an_allocation_from_ending() {
    let (mut next, mut interrupted) = (0, 0);
    in_pieces((20 << 20) + 1, |offset, part| {
        assert_eq!(offset, next);
        if part > 100_000 {
            interrupted += 1;
            assert!(interrupted < 100);
            return Ok(false);
        }
        next += part;
        Ok(true)
    })
    .unwrap();
    assert_eq!(next, (20 << 20) + 1);
}

#[test]
fn a_mode_without_the_owner_or_with_unknown_bits_is_refused() {
    for mode in [0, 0o400, 0o066, 0o4600, 0o100_600] {
        let refused = Draft::new("tsdsm.draft-mode.A", 1, mode);
        assert!(
            matches!(&refused, Err(Error::InvalidArgument(why)) if why.contains(&format!("0o{mode:o}"))),
            "{refused:?}"
        );
    }
}

#[test]
fn sizes_that_no_mapping_can_have_are_refused() {
    for len in [0, usize::MAX, isize::MAX as usize + 1] {
        assert!(matches!(Draft::new("tsdsm.draft-len.A", len, 0o600), Err(Error::InvalidArgument(_))), "{len}");
    }
}

#[test]
fn a_file_system_that_fills_up_in_the_middle_is_an_error_with_the_figures() {
    let test = "a_file_system_that_fills_up_in_the_middle_is_an_error_with_the_figures";
    let setup = "mount -t tmpfs -o size=20m tmpfs /dev/shm";
    let role = "segment::draft::tests::allocates_without_having_asked_for_room";
    if let Some(output) = roles::play_in_namespace(test, setup, role, "/dev/shm") {
        roles::succeeded(&output);
    }
}

#[test]
#[ignore = "a process of another test"]
fn allocates_without_having_asked_for_room() {
    let dir = PathBuf::from(roles::subject());
    let file = shm::create_unnamed(&dir).unwrap().unwrap();
    let refused = allocate("x", &file, 24 << 20, &dir);
    let Err(Error::OutOfSharedMemory { need, free, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!((need, free), (24 << 20, 20 << 20));
    drop(file);
    assert_eq!(shm::file_system(&dir).unwrap().free, 20 << 20);
}
