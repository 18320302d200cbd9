//! The same memory in NumPy: a real Python maps our arrays, and we map what NumPy wrote.
//!
//! The interpreter is the one that the variable `TSDSM_PYTHON` names, else the one of the virtual environment in
//! `.cache/venv`. Without NumPy there these tests say that they were skipped.

mod scratch;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use scratch::roles::skipped;
use scratch::{Cluster, Folder};
use tsdsm_core::array::{self, ArrayMapping, Spec};
use tsdsm_core::dtype::DType;
use tsdsm_core::segment::{self, Access};
use tsdsm_core::{Error, npy};

/// A Python that has NumPy.
struct Python(PathBuf);

impl Python {
    fn find(test: &str) -> Option<Python> {
        let named = env::var_os("TSDSM_PYTHON").map(PathBuf::from);
        let program =
            named.clone().unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/venv/bin/python"));
        let has_numpy = Command::new(&program).args(["-c", "import numpy"]).output().is_ok_and(|o| o.status.success());
        if !has_numpy {
            assert!(named.is_none(), "TSDSM_PYTHON names {}, which cannot import numpy", program.display());
            skipped(test, &format!("{} cannot import numpy", program.display()));
            return None;
        }
        Some(Python(program))
    }

    fn command(&self, code: &str, args: &[&Path]) -> Command {
        let mut command = Command::new(&self.0);
        command
            .args(["-c", &format!("import sys, numpy as np\n{code}")])
            .args(args)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    /// Runs `code` with `args` as sys.argv[1:], and gives what it printed.
    #[track_caller]
    fn run(&self, code: &str, args: &[&Path]) -> String {
        let output = self.command(code, args).output().unwrap();
        assert!(output.status.success(), "{code}\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }
}

fn spec(dtype: DType, shape: &[u64]) -> Spec {
    Spec::new(dtype, shape.to_vec()).unwrap()
}

/// The data; Python and we take turns.
fn data(array: &ArrayMapping) -> Vec<u8> {
    // SAFETY: within the mapping; nobody writes now.
    unsafe { std::slice::from_raw_parts(array.data(), array.bytes()) }.to_vec()
}

fn fill(array: &ArrayMapping, bytes: &[u8]) {
    assert_eq!(bytes.len(), array.bytes());
    // SAFETY: within the mapping; nobody else touches it now.
    unsafe { array.data().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) }
}

const SHAPES: [&[u64]; 6] = [&[], &[0], &[5], &[2, 3], &[3, 0, 2], &[2, 1, 3, 2]];

#[test]
fn numpy_maps_our_segments_live_and_writable() {
    let Some(python) = Python::find("numpy_maps_our_segments_live_and_writable") else { return };
    let cluster = Cluster::of_arrays();
    let name = cluster.array("A");
    let ours = array::create(&name, &spec(DType::I32, &[2, 3]), 0o600).unwrap();
    let mut child = python
        .command(
            "a = np.load(sys.argv[1], mmap_mode='r+')\n\
             assert isinstance(a, np.memmap) and a.offset == 4096, a.offset\n\
             a[0, 0] = 41\n\
             print(a.dtype.str, a.shape, flush=True)\n\
             sys.stdin.readline()\n\
             print(a[1, 2], flush=True)",
            &[&segment::path(&name)],
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.next().as_deref(), Some("<i4 (2, 3)"));
    // No flush on either side: it is the same memory.
    let mut bytes = data(&ours);
    assert_eq!(bytes[..4], 41_i32.to_le_bytes());
    bytes[20..].copy_from_slice(&(-7_i32).to_le_bytes());
    fill(&ours, &bytes);
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert_eq!(lines.next().as_deref(), Some("-7"));
    assert!(child.wait().unwrap().success());
    // Python's end took nothing away.
    assert_eq!(array::attach(&name, Access::ReadWrite).unwrap().id, ours.id);
}

#[test]
fn numpy_reads_every_type_and_shape_that_we_write() {
    let Some(python) = Python::find("numpy_reads_every_type_and_shape_that_we_write") else { return };
    let (cluster, folder) = (Cluster::of_arrays(), Folder::new());
    let mut expected = String::new();
    for dtype in DType::ALL {
        for (i, shape) in SHAPES.into_iter().enumerate() {
            let name = cluster.array(&format!("{}-{i}", &dtype.descr()[1..]));
            let spec = spec(dtype, shape);
            let made = array::create(&name, &spec, 0o600).unwrap();
            let bytes: Vec<u8> =
                (0..made.bytes()).map(|i| if dtype == DType::Bool { i as u8 % 2 } else { i as u8 }).collect();
            fill(&made, &bytes);
            // What `cp` makes of a segment is a plain file.
            fs::copy(segment::path(&name), folder.path(&format!("{name}.npy"))).unwrap();
            let shape: Vec<_> = shape.iter().map(u64::to_string).collect();
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            expected += &format!("{name} {} {} {hex}\n", dtype.descr(), shape.join(","));
        }
    }
    let found = python.run(
        "import os\n\
         for line in open(sys.argv[2]).read().splitlines():\n\
         \x20   name, descr, shape, data = line.split(' ')\n\
         \x20   with open(os.path.join(sys.argv[1], name + '.npy'), 'rb') as file:\n\
         \x20       plain = np.lib.format.read_array(file, allow_pickle=False)\n\
         \x20       assert file.read() == b''\n\
         \x20   for a in plain, np.load('/dev/shm/' + name), np.load('/dev/shm/' + name, mmap_mode='r+'):\n\
         \x20       assert a.dtype.str == descr, (line, a.dtype.str)\n\
         \x20       assert a.shape == tuple(int(n) for n in shape.split(',') if n), (line, a.shape)\n\
         \x20       assert a.tobytes().hex() == data, line\n\
         \x20   print('read')",
        &[&folder.0, &{
            let list = folder.path("list");
            fs::write(&list, &expected).unwrap();
            list
        }],
    );
    assert_eq!(found.lines().count(), DType::ALL.len() * SHAPES.len());
}

#[test]
fn what_numpy_writes_we_map() {
    let Some(python) = Python::find("what_numpy_writes_we_map") else { return };
    let folder = Folder::new();
    let shapes = "[(), (0,), (5,), (2, 3), (3, 0, 2), (2, 1, 3, 2)]";
    let listed = python.run(
        &format!(
            "import os\n\
             for code in ['|b1', '|i1', '|u1', '>u1', '<i2', '<u2', '<f2', '=i4', '<u4', '<f4', '<i8', '<u8', 'f8']:\n\
             \x20   for i, shape in enumerate({shapes}):\n\
             \x20       a = np.arange(int(np.prod(shape)), dtype='u1').astype(code).reshape(shape)\n\
             \x20       base = os.path.join(sys.argv[1], code.strip('|<>=') + str(i) + ('b' if '>' in code else ''))\n\
             \x20       np.save(base + '-save.npy', a)\n\
             \x20       m = np.lib.format.open_memmap(base + '-memmap.npy', mode='w+', dtype=a.dtype, shape=shape)\n\
             \x20       m[...] = a; m.flush()\n\
             \x20       for version in (1, 0), (2, 0), (3, 0):\n\
             \x20           with open(f'{{base}}-v{{version[0]}}.npy', 'wb') as file:\n\
             \x20               np.lib.format.write_array(file, a, version=version)\n\
             \x20       for kind in 'save', 'memmap', 'v1', 'v2', 'v3':\n\
             \x20           print(f'{{base}}-{{kind}}.npy', a.dtype.str, ','.join(map(str, shape)), a.tobytes().hex(), sep=' ')"
        ),
        &[&folder.0],
    );
    let mut count = 0;
    for line in listed.lines() {
        let [path, descr, shape, hex] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let shape: Vec<u64> = shape.split(',').filter(|n| !n.is_empty()).map(|n| n.parse().unwrap()).collect();
        for access in [Access::ReadWrite, Access::ReadOnly] {
            let found = array::open_file(Path::new(path), access).unwrap();
            assert_eq!(found.spec, spec(DType::from_descr(descr).unwrap(), &shape), "{line}");
            let bytes: String = data(&found).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(bytes, hex, "{line}");
        }
        count += 1;
    }
    assert_eq!(count, 13 * 6 * 5);
}

#[test]
fn we_attach_what_numpy_made_in_dev_shm_and_it_sees_our_writes() {
    let Some(python) = Python::find("we_attach_what_numpy_made_in_dev_shm_and_it_sees_our_writes") else { return };
    let cluster = Cluster::of_arrays();
    let name = cluster.array("M");
    let path = segment::path(&name);
    python.run("np.lib.format.open_memmap(sys.argv[1], mode='w+', dtype='<f8', shape=(2, 2))[...] = 1.5", &[&path]);
    let ours = array::attach(&name, Access::ReadWrite).unwrap();
    assert_eq!((ours.offset, &ours.spec), (128, &spec(DType::F64, &[2, 2])));
    let mut bytes = data(&ours);
    assert_eq!(bytes, [1.5_f64.to_le_bytes(); 4].concat());
    bytes[24..].copy_from_slice(&2.5_f64.to_le_bytes());
    fill(&ours, &bytes);
    assert_eq!(python.run("print(np.load(sys.argv[1]).tolist())", &[&path]), "[[1.5, 1.5], [1.5, 2.5]]");
}

#[test]
fn numpy_files_that_hold_something_else_are_refused_with_the_reason() {
    let Some(python) = Python::find("numpy_files_that_hold_something_else_are_refused_with_the_reason") else { return };
    let folder = Folder::new();
    let cases = [
        ("fortran", "np.asfortranarray(np.zeros((2, 3)))", "Fortran order"),
        ("big", "np.zeros(3, '>f8')", "big-endian"),
        ("objects", "np.array([None, {}])", "Python objects"),
        ("records", "np.zeros(3, [('a', '<i4'), ('b', '<f8', (2,))])", "structured dtype"),
        ("complex", "np.zeros(3, 'c16')", "complex"),
        ("text", "np.array(['a', 'b'])", "text"),
        ("bytes", "np.array([b'a', b'b'])", "text"),
        ("times", "np.zeros(3, 'M8[ns]')", "times"),
        ("long", "np.zeros(3, np.longdouble)", "is not a type that can be shared"),
    ];
    for (name, value, words) in cases {
        let path = folder.path(&format!("{name}.npy"));
        python.run(&format!("np.save(sys.argv[1], {value})"), &[&path]);
        let refused = array::open_file(&path, Access::ReadWrite);
        let Err(Error::IncompatibleSegment { reason, .. }) = refused else { panic!("{name}: {refused:?}") };
        assert!(reason.contains(words), "{name}: {reason}");
    }
}

#[test]
fn a_new_file_of_ours_is_numpys_and_its_rewriting_is_ours() {
    let Some(python) = Python::find("a_new_file_of_ours_is_numpys_and_its_rewriting_is_ours") else { return };
    let folder = Folder::new();
    let path = folder.path("kept.npy");
    let made = array::create_file(&path, &spec(DType::F32, &[3]), 0o600).unwrap();
    fill(&made, &[1.0_f32, 2.0, 3.0].map(f32::to_le_bytes).concat());
    drop(made);
    let doubled = "a = np.load(sys.argv[1], mmap_mode='r+'); a *= 2; a.flush(); print(a.tolist())";
    assert_eq!(python.run(doubled, &[&path]), "[2.0, 4.0, 6.0]");
    let found = array::open_file(&path, Access::ReadOnly).unwrap();
    assert_eq!((data(&found), found.offset), ([2.0_f32, 4.0, 6.0].map(f32::to_le_bytes).concat(), npy::DATA_OFFSET));
}
