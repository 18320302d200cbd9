//! Room is asked for before memory is taken: whoever wants too much gets an error with the figures, and never a signal.

mod scratch;

use scratch::Cluster;
use scratch::roles::{Group, play, play_in_namespace, skipped, subject, succeeded};
use tsdsm_core::segment::{self, Draft};
use tsdsm_core::{Error, sys};

#[test]
fn more_than_there_is_is_refused_with_the_figures() {
    let cluster = Cluster::of_arrays();
    let refused = Draft::new(&cluster.array("A"), 1 << 60, 0o600);
    let Err(Error::OutOfSharedMemory { need, free, limit, remedy, .. }) = refused else { panic!("{refused:?}") };
    assert!(need == 1 << 60 && free < need && !limit.is_empty() && !remedy.is_empty());
    assert!(cluster.arrays().is_empty());
}

#[test]
fn a_file_larger_than_ulimit_allows_is_an_error_and_no_signal() {
    let cluster = Cluster::of_arrays();
    succeeded(&play("creates_more_than_its_ulimit", &cluster.array("A")).output().unwrap());
    assert!(cluster.arrays().is_empty());
}

#[test]
#[ignore = "a process of another test"]
fn creates_more_than_its_ulimit() {
    let limit = libc::rlimit { rlim_cur: 1 << 20, rlim_max: 1 << 20 };
    // SAFETY: a valid struct.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limit) }, 0);
    let refused = Draft::new(&subject(), 2 << 20, 0o600);
    let Err(Error::OutOfSharedMemory { free, remedy, .. }) = refused else { panic!("{refused:?}") };
    assert!(free == 1 << 20 && remedy.contains("ulimit"), "{free}: {remedy}");
    Draft::new(&subject(), 1 << 20, 0o600).unwrap();
}

#[test]
fn a_small_dev_shm_gives_an_error_with_need_and_free_and_no_signal() {
    let test = "a_small_dev_shm_gives_an_error_with_need_and_free_and_no_signal";
    let setup = "mount -t tmpfs -o size=1m tmpfs /dev/shm";
    if let Some(output) = play_in_namespace(test, setup, "fills_a_dev_shm_of_1_mib", "tsdsm.small.A") {
        succeeded(&output);
    }
}

#[test]
#[ignore = "a process of another test"]
fn fills_a_dev_shm_of_1_mib() {
    let refused = Draft::new(&subject(), 2 << 20, 0o600);
    let Err(Error::OutOfSharedMemory { need, free, limit, remedy, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!((need, free), (2 << 20, 1 << 20));
    assert!(limit.contains("/dev/shm has 1048576 bytes") && remedy.contains("--shm-size"), "{limit}: {remedy}");
    let half = Draft::new(&subject(), 600 << 10, 0o600).unwrap();
    let refused = Draft::new("tsdsm.small.B", 600 << 10, 0o600);
    assert!(matches!(refused, Err(Error::OutOfSharedMemory { free, .. }) if free <= 424 << 10), "{refused:?}");
    drop(half);
    // To the last byte, and every byte can be touched.
    let all = Draft::new("tsdsm.small.C", 1 << 20, 0o600).unwrap();
    // SAFETY: the mapping has this many bytes, and nobody else has it.
    unsafe { all.mapping().as_ptr().write_bytes(7, 1 << 20) };
    all.publish().unwrap();
    assert_eq!(segment::list().unwrap().len(), 1);
}

#[test]
fn a_missing_read_only_or_slow_dev_shm_is_said_so() {
    let test = "a_missing_read_only_or_slow_dev_shm_is_said_so";
    for (setup, words) in
        [("mount -t tmpfs -o ro tmpfs /dev/shm", "read-only"), ("mount -t tmpfs tmpfs /dev", "there is no /dev/shm")]
    {
        if let Some(output) = play_in_namespace(test, setup, "is_told_that_dev_shm_is_unusable", words) {
            succeeded(&output);
        }
    }
    let folder = scratch::Folder::new();
    if sys::shm::file_system(&folder.0).unwrap().is_memory {
        return skipped(test, "the temporary files are in memory here: no slow file system to put at /dev/shm");
    }
    let setup = format!("mount --bind {} /dev/shm", folder.0.display());
    if let Some(output) = play_in_namespace(test, &setup, "is_told_that_dev_shm_is_unusable", "not in memory") {
        succeeded(&output);
    }
}

#[test]
#[ignore = "a process of another test"]
fn is_told_that_dev_shm_is_unusable() {
    let refused = Draft::new("tsdsm.none.A", 1, 0o600);
    let Err(Error::Unsupported(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains(&subject()), "{why}");
}

#[test]
fn a_control_group_without_the_room_gives_an_error_and_no_kill() {
    let Some(group) = Group::new("a_control_group_without_the_room_gives_an_error_and_no_kill", "memory") else {
        return;
    };
    group.set("memory.limit_in_bytes", "67108864");
    let cluster = Cluster::of_arrays();
    succeeded(&group.play("creates_more_than_its_control_group_may_use", &cluster.array("A")));
    assert!(cluster.arrays().is_empty());
}

#[test]
#[ignore = "a process of another test"]
fn creates_more_than_its_control_group_may_use() {
    let refused = Draft::new(&subject(), 96 << 20, 0o600);
    let Err(Error::OutOfSharedMemory { need, free, limit, remedy, .. }) = refused else { panic!("{refused:?}") };
    assert!(need == 96 << 20 && free <= 64 << 20, "{free}");
    assert!(
        limit.contains("control group") && limit.contains("67108864") && remedy.contains("--memory"),
        "{limit}: {remedy}"
    );
    let half = Draft::new(&subject(), 32 << 20, 0o600).unwrap();
    // What is in use counts.
    let refused = Draft::new(&subject(), 40 << 20, 0o600);
    assert!(matches!(refused, Err(Error::OutOfSharedMemory { free, .. }) if free <= 32 << 20), "{refused:?}");
    drop(half);
    Draft::new(&subject(), 40 << 20, 0o600).unwrap();
}
