//! Arrays: `.npy` files in shared memory or anywhere, whole or refused.

mod scratch;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use scratch::roles::{play, subject, succeeded};
use scratch::{Cluster, Folder, race};
use tsdsm_core::array::{self, ArrayMapping, Spec};
use tsdsm_core::dtype::DType;
use tsdsm_core::segment::{self, Access};
use tsdsm_core::{Error, npy};

fn spec(dtype: DType, shape: &[u64]) -> Spec {
    Spec::new(dtype, shape.to_vec()).unwrap()
}

/// The data; the tests' processes take turns.
fn data(array: &ArrayMapping) -> Vec<u8> {
    // SAFETY: within the mapping; nobody writes now.
    unsafe { std::slice::from_raw_parts(array.data(), array.bytes()) }.to_vec()
}

fn set(array: &ArrayMapping, index: usize, byte: u8) {
    assert!(index < array.bytes());
    // SAFETY: within the mapping; nobody else touches it now.
    unsafe { array.data().add(index).write(byte) }
}

#[test]
fn every_type_and_shape_is_attached_as_it_was_created() {
    let cluster = Cluster::of_arrays();
    for dtype in DType::ALL {
        for (i, shape) in [&[][..], &[0], &[1], &[7], &[3, 0, 2], &[2, 3, 4], &[1; 32]].into_iter().enumerate() {
            let name = cluster.array(&format!("{}-{i}", &dtype.descr()[1..]));
            let spec = spec(dtype, shape);
            let made = array::create(&name, &spec, 0o600).unwrap();
            assert_eq!((made.bytes() as u64, made.offset), (spec.bytes(), 4096));
            assert_eq!(data(&made), vec![0; made.bytes()]);
            if !spec.is_empty() {
                set(&made, made.bytes() - 1, 9);
            }
            for access in [Access::ReadWrite, Access::ReadOnly] {
                let found = array::attach(&name, access).unwrap();
                assert_eq!((&found.spec, found.id, found.offset), (&spec, made.id, 4096));
                assert_eq!(data(&found), data(&made));
                assert_eq!(found.data() as usize % dtype.size(), 0);
            }
        }
    }
}

#[test]
fn another_process_works_on_the_same_elements() {
    let cluster = Cluster::of_arrays();
    let name = cluster.array("A");
    let ours = array::create(&name, &spec(DType::U8, &[3]), 0o600).unwrap();
    set(&ours, 0, 1);
    succeeded(&play("writes_the_second_element", &name).output().unwrap());
    assert_eq!(data(&ours), [1, 2, 0]);
    assert_eq!(cluster.arrays(), [name]);
}

#[test]
#[ignore = "a process of another test"]
fn writes_the_second_element() {
    let theirs = array::attach(&subject(), Access::ReadWrite).unwrap();
    assert_eq!(data(&theirs), [1, 0, 0]);
    set(&theirs, 1, 2);
    // Its own copy of the page, which goes with it.
    set(&array::attach(&subject(), Access::ReadOnly).unwrap(), 2, 3);
}

#[test]
fn an_attach_that_races_with_deletion_and_creation_gets_a_whole_array_or_none() {
    let cluster = Cluster::of_arrays();
    let name = cluster.array("A");
    race(
        |round| {
            let made = array::create(&name, &spec(DType::U8, &[u64::from(round % 50)]), 0o600).unwrap();
            assert!(segment::unlink(&name, Some(made.id)).unwrap());
        },
        || array::attach(&name, Access::ReadWrite).map(|found| assert_eq!(found.bytes() as u64, found.spec.bytes())),
    );
    assert!(cluster.arrays().is_empty());
}

#[test]
fn no_descriptor_stays_open_for_an_array() {
    let cluster = Cluster::of_arrays();
    let name = cluster.array("A");
    let _created = array::create(&name, &spec(DType::F64, &[4]), 0o600).unwrap();
    let _attached = array::attach(&name, Access::ReadWrite).unwrap();
    for entry in fs::read_dir("/proc/self/fd").unwrap() {
        let Ok(target) = fs::read_link(entry.unwrap().path()) else { continue };
        assert!(!target.to_string_lossy().contains(&name), "{target:?}");
    }
}

#[test]
fn damaged_segments_are_refused_with_the_reason_and_left_where_they_are() {
    let cluster = Cluster::of_arrays();
    let good = [&npy::encode(&spec(DType::I32, &[2]))[..], &[0; 8]].concat();
    let damaged = |name: &str, bytes: &[u8]| fs::write(segment::path(&cluster.array(name)), bytes).unwrap();
    damaged("truncated", &good[..good.len() - 1]);
    damaged("header", &good[..100]);
    damaged("longer", &[&good[..], &[0]].concat());
    damaged("foreign", &[0; 5000]);
    damaged("newer", &[&b"\x93NUMPY\x04"[..], &good[7..]].concat());
    damaged("corrupt", &[&good[..30], &[0xff; 8], &good[38..]].concat());
    for (name, words) in [
        ("truncated", "truncated: it has 4103 bytes of 4104"),
        ("header", "middle of its header"),
        ("longer", "1 bytes"),
        ("foreign", "not a .npy file"),
        ("newer", "version 4.0"),
        ("corrupt", "not text"),
    ] {
        let name = cluster.array(name);
        for access in [Access::ReadWrite, Access::ReadOnly] {
            let refused = array::attach(&name, access);
            let Err(Error::IncompatibleSegment { name: shown, reason }) = refused else {
                panic!("{name}: {refused:?}")
            };
            assert!(shown == name && reason.contains(words), "{shown}: {reason}");
        }
        assert!(segment::path(&name).exists());
    }
    assert!(matches!(array::attach(&cluster.array("none"), Access::ReadOnly), Err(Error::NotFound { .. })));
}

#[test]
fn a_new_file_persists_whole_with_its_mode_and_nothing_beside_it() {
    let folder = Folder::new();
    let path = folder.path("new.npy");
    let spec = spec(DType::I16, &[2, 2]);
    let made = array::create_file(&path, &spec, 0o640).unwrap();
    set(&made, 3, 4);
    drop(made);
    assert_eq!(folder.files(), ["new.npy"]);
    let found = fs::metadata(&path).unwrap();
    assert_eq!((found.len(), found.mode() & 0o777), (4096 + 8, 0o640));
    assert_eq!(fs::read(&path).unwrap(), [&npy::encode(&spec)[..], &[0, 0, 0, 4, 0, 0, 0, 0]].concat());

    let again = array::create_file(&path, &spec, 0o600);
    assert!(matches!(&again, Err(Error::NameExists { name }) if Path::new(name) == path), "{again:?}");
    assert_eq!(data(&array::open_file(&path, Access::ReadOnly).unwrap())[3], 4);
    assert_eq!(folder.files(), ["new.npy"]);
}

#[test]
fn an_opened_file_is_shared_or_private_as_asked() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    array::create_file(&path, &spec(DType::U8, &[2]), 0o600).unwrap();
    let [first, second] = [0; 2].map(|_| array::open_file(&path, Access::ReadWrite).unwrap());
    let private = array::open_file(&path, Access::ReadOnly).unwrap();
    set(&first, 0, 5);
    assert_eq!((data(&second), data(&private)), (vec![5, 0], vec![5, 0]));
    set(&private, 1, 6);
    assert_eq!((data(&second), data(&private)), (vec![5, 0], vec![5, 6]));
    assert_eq!(fs::read(&path).unwrap()[4096..], [5, 0]);
    assert_eq!(first.id, private.id);
}

#[test]
fn a_file_is_found_through_links_and_by_a_relative_path() {
    let folder = Folder::new();
    array::create_file(&folder.path("a.npy"), &spec(DType::U8, &[2]), 0o600).unwrap();
    symlink("a.npy", folder.path("link.npy")).unwrap();
    assert_eq!(array::open_file(&folder.path("link.npy"), Access::ReadWrite).unwrap().bytes(), 2);
    let child = play("makes_and_opens_a_file_in_its_folder", "").current_dir(&folder.0).output().unwrap();
    succeeded(&child);
    assert_eq!(folder.files(), ["a.npy", "b.npy", "link.npy"]);
}

#[test]
#[ignore = "a process of another test"]
fn makes_and_opens_a_file_in_its_folder() {
    assert!(subject().is_empty());
    array::create_file(Path::new("b.npy"), &spec(DType::U8, &[3]), 0o600).unwrap();
    assert_eq!(array::open_file(Path::new("b.npy"), Access::ReadWrite).unwrap().bytes(), 3);
}

#[test]
fn what_is_no_array_file_is_refused_with_the_reason() {
    let folder = Folder::new();
    let open = |path: &Path| array::open_file(path, Access::ReadWrite);
    let missing = open(&folder.path("missing.npy"));
    assert!(matches!(&missing, Err(Error::NotFound { what: "file", .. })), "{missing:?}");
    fs::create_dir(folder.path("folder.npy")).unwrap();
    fs::write(folder.path("empty.npy"), "").unwrap();
    fs::write(folder.path("text.npy"), "a,b\n1,2\n").unwrap();
    for (name, words) in [("folder.npy", "folder"), ("empty.npy", "empty"), ("text.npy", "not a .npy file")] {
        let refused = open(&folder.path(name));
        let Err(Error::IncompatibleSegment { reason, .. }) = refused else { panic!("{name}: {refused:?}") };
        assert!(reason.contains(words), "{name}: {reason}");
    }
    let device = open(Path::new("/dev/null"));
    assert!(matches!(&device, Err(Error::IncompatibleSegment { .. })), "{device:?}");
    let nowhere = array::create_file(&folder.path("no/such/a.npy"), &spec(DType::U8, &[1]), 0o600);
    assert!(matches!(&nowhere, Err(Error::NotFound { what: "folder", .. })), "{nowhere:?}");
    let huge = array::create_file(&folder.path("huge.npy"), &spec(DType::U8, &[1 << 52]), 0o600);
    assert!(matches!(&huge, Err(Error::OutOfSharedMemory { .. })), "{huge:?}");
    for path in [Path::new("a\0.npy"), Path::new("/"), Path::new("")] {
        let refused = array::create_file(path, &spec(DType::U8, &[1]), 0o600);
        assert!(matches!(&refused, Err(Error::InvalidArgument(_))), "{refused:?}");
    }
    assert!(matches!(open(Path::new("a\0.npy")), Err(Error::InvalidArgument(_))));
    assert_eq!(folder.files(), ["empty.npy", "folder.npy", "text.npy"]);
}

#[test]
fn a_file_that_may_only_be_read_is_opened_for_reading_alone() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    array::create_file(&path, &spec(DType::U8, &[2]), 0o600).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    assert_eq!(array::open_file(&path, Access::ReadOnly).unwrap().bytes(), 2);
    // SAFETY: asks for a number.
    if unsafe { libc::geteuid() } != 0 {
        let refused = array::open_file(&path, Access::ReadWrite);
        assert!(matches!(&refused, Err(Error::System { .. })), "{refused:?}");
    }
}
