//! Named segments: published whole, exclusive, gone only by unlink, whatever else happens.

mod scratch;

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use scratch::roles::{play, subject, succeeded};
use scratch::{Cluster, Names, SetOnDrop, race};
use tsdsm_core::segment::{self, Access, Attached, Draft, FileId};
use tsdsm_core::{Error, mapping::Mapping};

/// A word of a mapping; other processes may change it at any time.
fn word(mapping: &Mapping, index: usize) -> &AtomicU32 {
    assert!((index + 1) * 4 <= mapping.len());
    // SAFETY: within the mapping, whose start is a page's, and only ever used as an atomic.
    unsafe { AtomicU32::from_ptr(mapping.as_ptr().cast::<u32>().add(index)) }
}

fn make(name: &str, words: &[u32]) -> Attached {
    let draft = Draft::new(name, words.len() * 4, 0o600).unwrap();
    for (i, &value) in words.iter().enumerate() {
        word(draft.mapping(), i).store(value, Ordering::Relaxed);
    }
    draft.publish().unwrap()
}

fn read(mapping: &Mapping) -> Vec<u32> {
    (0..mapping.len() / 4).map(|i| word(mapping, i).load(Ordering::Relaxed)).collect()
}

/// How many descriptors of this process lead to a file of this name.
fn descriptors(name: &str) -> usize {
    let entries = fs::read_dir("/proc/self/fd").unwrap();
    let targets = entries.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    targets.filter(|target| target.to_string_lossy().contains(name)).count()
}

/// How many mappings of this process are of a file of this name.
fn mappings(name: &str) -> usize {
    fs::read_to_string("/proc/self/maps").unwrap().lines().filter(|line| line.contains(name)).count()
}

#[test]
fn what_one_process_writes_another_reads_and_its_end_takes_nothing_away() {
    let names = Names::new();
    for name in names.each() {
        let ours = make(&name, &[1, 2, 3]);
        succeeded(&play("attaches_checks_and_writes", &name).output().unwrap());
        assert_eq!(read(&ours.mapping), [1, 20, 3]);
        assert_eq!(segment::attach(&name, Access::ReadWrite).unwrap().id, ours.id);
    }
}

#[test]
#[ignore = "a process of another test"]
fn attaches_checks_and_writes() {
    let attached = segment::attach(&subject(), Access::ReadWrite).unwrap();
    assert_eq!(read(&attached.mapping), [1, 2, 3]);
    word(&attached.mapping, 1).store(20, Ordering::Relaxed);
}

#[test]
fn a_draft_is_zero_unseen_and_gone_when_it_is_dropped() {
    let cluster = Cluster::of_arrays();
    let name = cluster.array("A");
    let draft = Draft::new(&name, 40, 0o600).unwrap();
    assert_eq!(read(draft.mapping()), [0; 10]);
    assert!(cluster.arrays().is_empty());
    assert!(matches!(segment::attach(&name, Access::ReadWrite), Err(Error::NotFound { .. })));
    drop(draft);
    assert!(cluster.arrays().is_empty());
    assert_eq!(descriptors(&cluster.0), 0);
}

#[test]
fn a_process_killed_before_it_publishes_leaves_nothing() {
    let cluster = Cluster::of_arrays();
    let mut child = play("drafts_and_waits", &cluster.array("A")).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("drafted")));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(cluster.arrays().is_empty());
}

#[test]
#[ignore = "a process of another test"]
fn drafts_and_waits() {
    let _draft = Draft::new(&subject(), 1 << 20, 0o600).unwrap();
    println!("drafted");
    let _ = std::io::stdin().read(&mut [0]);
}

/// Creates a segment full of `me`; `None` where somebody was first.
fn make_first(name: &str, me: u32) -> Option<(u32, FileId)> {
    let made = Draft::new(name, 8192 * 4, 0o600).and_then(|draft| {
        (0..8192).for_each(|i| word(draft.mapping(), i).store(me, Ordering::Relaxed));
        draft.publish()
    });
    match made {
        Ok(made) => Some((me, made.id)),
        Err(Error::NameExists { .. }) => None,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn of_many_who_create_one_name_one_wins_and_nobody_sees_it_unfinished() {
    const THREADS: usize = 8;
    const ROUNDS: u32 = 40;
    let cluster = Cluster::of_arrays();
    for round in 0..ROUNDS {
        let name = cluster.array(&format!("A{round}"));
        let start = Barrier::new(THREADS + 1);
        let done = AtomicBool::new(false);
        let (winners, seen) = thread::scope(|scope| {
            let ends = SetOnDrop(&done);
            let creators: Vec<_> = (1..=THREADS as u32)
                .map(|me| {
                    let (name, start) = (&name, &start);
                    scope.spawn(move || {
                        start.wait();
                        make_first(name, me)
                    })
                })
                .collect();
            let attacher = scope.spawn(|| {
                start.wait();
                let mut seen = None;
                while seen.is_none() && !done.load(Ordering::Relaxed) {
                    seen = match segment::attach(&name, Access::ReadWrite) {
                        Ok(attached) => Some(read(&attached.mapping)),
                        Err(Error::NotFound { .. }) => None,
                        Err(other) => panic!("{other}"),
                    };
                }
                seen
            });
            let winners: Vec<_> = creators.into_iter().filter_map(|creator| creator.join().unwrap()).collect();
            drop(ends);
            (winners, attacher.join().unwrap())
        });
        assert_eq!(winners.len(), 1, "{winners:?}");
        let (winner, id) = winners[0];
        let attached = segment::attach(&name, Access::ReadWrite).unwrap();
        assert_eq!((attached.id, read(&attached.mapping)), (id, vec![winner; 8192]));
        assert!(seen.is_none_or(|seen| seen == vec![winner; 8192]));
        assert!(segment::unlink(&name, None).unwrap());
    }
    assert!(cluster.arrays().is_empty());
}

/// A janitor that removes and a starter that creates the same name over and over: whoever attaches gets all of one
/// of them, or is told that there is none.
#[test]
fn an_attach_that_races_with_removal_and_creation_gets_a_whole_segment_or_none() {
    let names = Names::new();
    for name in names.each() {
        race(
            |round| {
                let words = round % 50 + 1;
                let made = make(&name, &vec![words; words as usize]);
                assert!(segment::unlink(&name, Some(made.id)).unwrap());
            },
            || {
                let found = segment::attach(&name, Access::ReadWrite)?;
                let words = read(&found.mapping);
                // The size says which round it is of.
                assert_eq!(words, vec![words.len() as u32; words.len()]);
                assert_eq!(FileId::of(&found.file).unwrap(), found.id);
                Ok(())
            },
        );
        assert!(!segment::path(&name).exists());
    }
}

#[test]
fn a_taken_name_is_refused_at_once_and_what_has_it_stays() {
    let cluster = Cluster::of_arrays();
    let name = cluster.array("A");
    let first = make(&name, &[5]);
    // Found out before room is asked for: this much there is not.
    let second = Draft::new(&name, 1 << 60, 0o600);
    assert!(matches!(&second, Err(Error::NameExists { name: taken }) if *taken == name), "{second:?}");
    assert_eq!(read(&segment::attach(&name, Access::ReadWrite).unwrap().mapping), [5]);
    assert_eq!(FileId::of(&first.file).unwrap(), first.id);
}

#[test]
fn the_mode_is_the_one_asked_for_whatever_the_umask() {
    let cluster = Cluster::of_arrays();
    succeeded(&play("creates_under_a_narrow_umask", &cluster.0).output().unwrap());
    for (array, mode) in [("private", 0o600), ("group", 0o660), ("all", 0o666)] {
        let found = fs::metadata(segment::path(&cluster.array(array))).unwrap();
        assert_eq!(found.mode() & 0o7777, mode);
    }
}

#[test]
#[ignore = "a process of another test"]
fn creates_under_a_narrow_umask() {
    // SAFETY: this process has no other thread that makes files.
    unsafe { libc::umask(0o777) };
    for (array, mode) in [("private", 0o600), ("group", 0o660), ("all", 0o666)] {
        let name = tsdsm_core::name::array_segment(&subject(), array);
        Draft::new(&name, 1, mode).unwrap().publish().unwrap();
    }
}

#[test]
fn a_write_to_a_read_only_mapping_stays_in_it() {
    let cluster = Cluster::of_arrays();
    let name = cluster.array("A");
    let shared = make(&name, &[1; 2048]);
    let private = segment::attach(&name, Access::ReadOnly).unwrap();
    word(&shared.mapping, 0).store(2, Ordering::Relaxed);
    assert_eq!(word(&private.mapping, 0).load(Ordering::Relaxed), 2);
    word(&private.mapping, 1024).store(3, Ordering::Relaxed);
    assert_eq!(word(&private.mapping, 1024).load(Ordering::Relaxed), 3);
    assert_eq!(word(&shared.mapping, 1024).load(Ordering::Relaxed), 1);
    assert_eq!(read(&segment::attach(&name, Access::ReadWrite).unwrap().mapping)[1024], 1);
}

#[test]
fn read_only_is_enough_for_a_segment_that_others_own() {
    let cluster = Cluster::of_arrays();
    let name = cluster.array("A");
    let made = make(&name, &[1]);
    made.file.set_permissions(Permissions::from_mode(0o400)).unwrap();
    let attached = segment::attach(&name, Access::ReadOnly).unwrap();
    assert!((&attached.file).write(&[0]).is_err(), "the descriptor can write");
}

#[test]
fn unlink_takes_away_the_name_of_that_file_only() {
    let cluster = Cluster::of_arrays();
    let name = cluster.array("A");
    let first = make(&name, &[1]);
    assert!(segment::unlink(&name, Some(first.id)).unwrap());
    assert!(!segment::unlink(&name, Some(first.id)).unwrap());
    assert!(!segment::unlink(&name, None).unwrap());
    let second = make(&name, &[2]);
    assert!(!segment::unlink(&name, Some(first.id)).unwrap());
    assert_eq!(cluster.arrays(), [name.as_str()]);
    // The memory outlives its name.
    assert_eq!(read(&first.mapping), [1]);
    assert!(segment::unlink(&name, Some(second.id)).unwrap());
    assert!(cluster.arrays().is_empty());
}

#[test]
fn an_open_segment_knows_whether_its_name_still_leads_to_it() {
    let names = Names::new();
    for name in names.each() {
        let first = make(&name, &[1]);
        let opened = segment::open(&name).unwrap();
        assert!(opened.is_current() && opened.id == first.id && opened.len == 4);
        segment::unlink(&name, None).unwrap();
        assert!(!opened.is_current());
        make(&name, &[2]);
        assert!(!opened.is_current());
        let mapped = opened.map();
        assert!(matches!(mapped, Err(Error::NotFound { .. })), "{mapped:?}");
        assert_eq!(read(&segment::open(&name).unwrap().map().unwrap().mapping), [2]);
    }
}

#[test]
fn the_list_has_our_segments_and_no_others() {
    let cluster = Cluster::new();
    let made =
        [cluster.control(), cluster.array("A"), cluster.array("B.c")].map(|name| (make(&name, &[1, 2]).id, name));
    fs::create_dir(segment::path(&cluster.array("folder"))).unwrap();
    let foreign = Cluster::new();
    let foreign_path = segment::path(&format!("psm.{}", foreign.0));
    fs::write(&foreign_path, "x").unwrap();
    let listed: Vec<_> = segment::list().unwrap();
    fs::remove_file(&foreign_path).unwrap();
    let found: Vec<_> = listed.iter().filter(|entry| entry.name.contains(&cluster.0)).collect();
    assert_eq!(found.len(), 3, "{found:?}");
    for (entry, (id, name)) in found.iter().zip(&made) {
        assert_eq!((&entry.name, entry.id, entry.bytes), (name, *id, 8));
    }
    assert!(!listed.iter().any(|entry| entry.name.contains(&foreign.0)));
}

#[test]
fn what_is_no_segment_is_refused_and_left_where_it_is() {
    let cluster = Cluster::of_arrays();
    let name = |what: &str| cluster.array(what);
    fs::write(segment::path(&name("empty")), "").unwrap();
    fs::create_dir(segment::path(&name("folder"))).unwrap();
    symlink("/dev/shm/elsewhere", segment::path(&name("link"))).unwrap();
    let fifo = std::ffi::CString::new(segment::path(&name("fifo")).to_str().unwrap()).unwrap();
    // SAFETY: a C string that lives until the call returns.
    assert_eq!(unsafe { libc::mkfifo(fifo.as_ptr(), 0o600) }, 0);
    for (what, words) in
        [("empty", "empty"), ("folder", "folder"), ("link", "symbolic link"), ("fifo", "no regular file")]
    {
        for access in [Access::ReadWrite, Access::ReadOnly] {
            let refused = segment::attach(&name(what), access);
            let Err(Error::IncompatibleSegment { name: shown, reason }) = refused else {
                panic!("{what}: {refused:?}")
            };
            assert!(shown == name(what), "{shown}");
            // A folder can be opened for reading; it is then no regular file.
            assert!(reason.contains(words) || reason.contains("no regular file"), "{what}: {reason}");
        }
        assert!(fs::symlink_metadata(segment::path(&name(what))).is_ok(), "{what} is gone");
        assert!(matches!(Draft::new(&name(what), 1, 0o600), Err(Error::NameExists { .. })));
    }
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in ["", "A", "/tsdsm.c.A", "tsdsm.c/../../etc/passwd", "tsdsm.c.A/../B", "tsdsm.c.\0"] {
        assert!(matches!(segment::attach(name, Access::ReadOnly), Err(Error::InvalidArgument(_))), "{name}");
        assert!(matches!(segment::open(name), Err(Error::InvalidArgument(_))), "{name}");
        assert!(matches!(Draft::new(name, 1, 0o600), Err(Error::InvalidArgument(_))), "{name}");
        assert!(matches!(segment::unlink(name, None), Err(Error::InvalidArgument(_))), "{name}");
    }
}

#[test]
fn descriptors_are_closed_on_exec_and_go_with_what_holds_them_as_mappings_do() {
    let names = Names::new();
    let close_on_exec = |file: &File| {
        // SAFETY: an open descriptor; the call touches no memory.
        let flags = unsafe { libc::fcntl(std::os::fd::AsRawFd::as_raw_fd(file), libc::F_GETFD) };
        flags & libc::FD_CLOEXEC != 0
    };
    for name in names.each() {
        let made = make(&name, &[1]);
        let attached = segment::attach(&name, Access::ReadWrite).unwrap();
        assert!(close_on_exec(&made.file) && close_on_exec(&attached.file));
        let Attached { mapping, file, .. } = attached;
        drop((made, file));
        // The shared_memory crate keeps one of its own open as long as its mapping lasts.
        assert_eq!(descriptors(&name), usize::from(name == names.control.control()));
        assert_eq!(mappings(&name), 1);
        drop(mapping);
        assert_eq!((descriptors(&name), mappings(&name)), (0, 0));
        assert!(segment::path(&name).exists());
    }
}
