//! What the tests of segments need: names of their own, folders of their own, and processes to do things in.

#![allow(dead_code, reason = "each test file uses its part")]

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::{env, fs, process, thread};

use tsdsm_core::{Error, Result, name, segment};

pub mod roles;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A cluster's name that no other test has. At the end its segments are removed.
pub struct Cluster(pub String);

impl Cluster {
    pub fn new() -> Cluster {
        // No name is the beginning of another.
        Cluster(format!("test-{}-{}-", process::id(), COUNT.fetch_add(1, Ordering::Relaxed)))
    }

    /// One for arrays alone. Tests of the janitor may run meanwhile, and arrays whose cluster has no control segment are
    /// its prey. Here that name leads to something foreign, which keeps it away.
    pub fn of_arrays() -> Cluster {
        let cluster = Cluster::new();
        fs::write(segment::path(&cluster.control()), "foreign").unwrap();
        cluster
    }

    pub fn array(&self, name: &str) -> String {
        name::array_segment(&self.0, name)
    }

    pub fn control(&self) -> String {
        name::control_segment(&self.0)
    }

    /// The cluster's names in /dev/shm.
    pub fn segments(&self) -> Vec<String> {
        let ours = |name: &str| name::parse(name).is_some_and(|(cluster, _)| cluster == self.0);
        segment::list().unwrap().into_iter().map(|entry| entry.name).filter(|name| ours(name)).collect()
    }

    /// The arrays among them.
    pub fn arrays(&self) -> Vec<String> {
        self.segments().into_iter().filter(|name| *name != self.control()).collect()
    }
}

/// A control segment's name and an array's, which are mapped in different ways.
pub struct Names {
    pub control: Cluster,
    pub array: Cluster,
}

impl Names {
    pub fn new() -> Names {
        Names { control: Cluster::new(), array: Cluster::of_arrays() }
    }

    pub fn each(&self) -> [String; 2] {
        [self.control.control(), self.array.array("A")]
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for entry in fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().split('.').nth(1) == Some(&self.0) {
                let path = entry.path();
                let _ = if path.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) };
            }
        }
    }
}

/// A folder that no other test has, on the file system of the temporary files; removed at the end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Folder {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("tsdsm-test-{}-{count}", process::id()));
        fs::create_dir(&folder).unwrap();
        Folder(folder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn files(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Runs `replace` with the numbers of rounds, while two threads `attach`: enough of both, however they are scheduled. What
/// they get is an attachment, or that there is nothing of this name.
pub fn race(mut replace: impl FnMut(u32), attach: impl Fn() -> Result<()> + Sync) {
    let (done, attached) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        let _ends = SetOnDrop(&done);
        for _ in 0..2 {
            scope.spawn(|| {
                let _ends = SetOnDrop(&done);
                while !done.load(Ordering::Relaxed) {
                    match attach() {
                        Ok(()) => _ = attached.fetch_add(1, Ordering::Relaxed),
                        Err(Error::NotFound { .. }) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
            });
        }
        let mut round = 0;
        while !done.load(Ordering::Relaxed) && (round < 300 || attached.load(Ordering::Relaxed) < 100) {
            replace(round);
            round += 1;
        }
    });
}

/// Tells other threads to end, also when an assertion fails.
pub struct SetOnDrop<'a>(pub &'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
