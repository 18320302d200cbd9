//! Is there room? Asked before memory is taken, because taking too much is answered by a signal (SIGBUS, SIGXFSZ) or by
//! the out-of-memory killer, not by an error.

use std::io;
use std::path::Path;

use crate::sys::text::read_text;
use crate::sys::{cgroup, shm};
use crate::{Error, Result};

/// Checks that `need` more bytes can be allocated in files in `dir`: that its file system is there and has
/// the room; that the process may make files so large; and, where files are memory there (as in /dev/shm), that
/// neither the machine's memory nor the limit of a control group (v1 or v2, up the hierarchy) is in the way. `name` is
/// what the room is for.
///
/// The answer holds for now: others may take the room meanwhile.
///
/// # Errors
/// [`Error::OutOfSharedMemory`] with the tightest limit; [`Error::Unsupported`] where /dev/shm is missing or not in
/// memory; [`Error::NotFound`] where another folder is missing.
pub fn check(name: &str, need: u64, dir: &Path) -> Result<()> {
    check_in(Path::new("/"), name, need, dir)
}

/// [`check`]'s last part, for files in memory: asked again while a large segment is filled, when `done` bytes of `need`
/// are there.
pub(crate) fn check_memory(name: &str, need: u64, done: u64) -> Result<()> {
    let mut limits = memory_limits(Path::new("/"));
    limits.iter_mut().for_each(|limit| limit.free = limit.free.saturating_add(done));
    refuse_if_short(name, need, limits)
}

/// What to say when the file system of `dir` turned out to be full after `done` bytes of `need`.
pub(crate) fn exhausted(name: &str, need: u64, done: u64, dir: &Path) -> Error {
    let mut limit = match shm::file_system(dir) {
        Ok(found) => file_system_limit(dir, &found),
        Err(_) => Limit { free: 0, limit: dir.display().to_string(), remedy: REMEDY_DISK },
    };
    limit.free = limit.free.saturating_add(done);
    short(name, need, limit)
}

struct Limit {
    free: u64,
    limit: String,
    remedy: &'static str,
}

const REMEDY_SHM: &str = "Make /dev/shm larger (docker run --shm-size=…, or mount -o remount,size=… /dev/shm), prune \
    segments that nobody uses any more, or use smaller arrays";
const REMEDY_DISK: &str = "Make room on that file system, choose another one, or use a smaller array";
const REMEDY_GROUP: &str = "Raise the control group's memory limit (docker run --memory=…, a pod's limits.memory), delete \
    arrays that are no longer needed, or use smaller ones";
const REMEDY_MACHINE: &str = "End other programs, delete arrays that are no longer needed, or use smaller ones";
const REMEDY_ULIMIT: &str = "Raise the limit (ulimit -f unlimited), or use a smaller array";

/// [`check`] with /proc and /sys below `root`.
fn check_in(root: &Path, name: &str, need: u64, dir: &Path) -> Result<()> {
    let found = shm::file_system(dir).map_err(|e| unreachable_dir(dir, e))?;
    if dir == Path::new(shm::DIR) && !found.is_memory {
        return Err(Error::Unsupported(
            "/dev/shm is not in memory here but on a disk, which would be slow without a word; mount a tmpfs there"
                .into(),
        ));
    }
    let mut limits = vec![file_system_limit(dir, &found), ulimit()];
    if found.is_memory {
        limits.extend(memory_limits(root));
    }
    refuse_if_short(name, need, limits)
}

fn refuse_if_short(name: &str, need: u64, limits: Vec<Limit>) -> Result<()> {
    match limits.into_iter().min_by_key(|limit| limit.free) {
        Some(tightest) if tightest.free < need => Err(short(name, need, tightest)),
        _ => Ok(()),
    }
}

fn short(name: &str, need: u64, limit: Limit) -> Error {
    let Limit { free, limit, remedy } = limit;
    Error::OutOfSharedMemory { name: name.into(), need, free, limit, remedy: remedy.into() }
}

fn unreachable_dir(dir: &Path, source: io::Error) -> Error {
    let shown = dir.display();
    match source.kind() {
        io::ErrorKind::NotFound if dir == Path::new(shm::DIR) => Error::Unsupported(
            "there is no /dev/shm on this machine, and shared memory lives there; mount a tmpfs at /dev/shm".into(),
        ),
        io::ErrorKind::NotFound => Error::NotFound { what: "folder", name: shown.to_string() },
        _ => Error::System { call: format!("statfs {shown}"), source },
    }
}

fn file_system_limit(dir: &Path, found: &shm::FileSystem) -> Limit {
    let limit = format!("{} has {} bytes in all", dir.display(), found.total);
    let remedy = if dir == Path::new(shm::DIR) { REMEDY_SHM } else { REMEDY_DISK };
    Limit { free: found.free, limit, remedy }
}

fn ulimit() -> Limit {
    let free = shm::file_size_limit();
    Limit { free, limit: format!("a file may have {free} bytes"), remedy: REMEDY_ULIMIT }
}

fn memory_limits(root: &Path) -> Vec<Limit> {
    let group = cgroup::memory_limit(root).map(|found| Limit {
        free: found.free,
        limit: format!("the control group {} may use {} bytes", found.group.display(), found.limit),
        remedy: REMEDY_GROUP,
    });
    group.into_iter().chain(machine(root)).collect()
}

/// What the machine itself has left: free and reclaimable memory, and swap, to which tmpfs can go.
fn machine(root: &Path) -> Option<Limit> {
    let text = read_text(&root.join("proc/meminfo")).ok()?;
    let bytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    };
    let free = bytes("MemAvailable")? + bytes("SwapFree").unwrap_or(0);
    let limit = format!("the machine has {} bytes of memory", bytes("MemTotal")?);
    Some(Limit { free, limit, remedy: REMEDY_MACHINE })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A made-up machine with so much memory, in a control group of so much.
    fn machine(name: &str, available: u64, group: u64) -> std::path::PathBuf {
        let root = std::env::temp_dir().join(format!("tsdsm-room-{}-{name}", std::process::id()));
        for (path, content) in [
            ("proc/meminfo", format!("MemTotal: 90 kB\nMemAvailable: {available} kB\nSwapFree: 1 kB\n")),
            ("proc/self/cgroup", "0::/\n".into()),
            ("proc/self/mountinfo", "30 22 0:27 / /cg rw - cgroup2 cgroup2 rw\n".into()),
            ("cg/memory.max", group.to_string()),
            ("cg/memory.current", "0".into()),
        ] {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs::write(root.join(path), content).unwrap();
        }
        root
    }

    #[test]
    fn the_tightest_limit_is_the_one_that_is_named_with_what_to_do() {
        for (available, group, expected_free, limit_words, remedy_words) in [
            (50, 20_480, 20_480, "may use 20480 bytes", "--memory"),
            (9, 20_480, 10_240, "the machine has 92160", "End other"),
        ] {
            let root = machine(&available.to_string(), available, group);
            let fits = check_in(&root, "x", expected_free, Path::new(shm::DIR));
            let refused = check_in(&root, "x", expected_free + 1, Path::new(shm::DIR));
            fs::remove_dir_all(&root).unwrap();
            fits.unwrap();
            let Err(Error::OutOfSharedMemory { name, need, free, limit, remedy }) = refused else {
                panic!("{refused:?}")
            };
            assert_eq!((name.as_str(), need, free), ("x", expected_free + 1, expected_free));
            assert!(limit.contains(limit_words) && remedy.contains(remedy_words), "{limit}: {remedy}");
        }
    }

    #[test]
    fn more_than_the_file_system_has_is_refused() {
        let refused = check("x", u64::MAX, Path::new(shm::DIR)).unwrap_err();
        assert!(matches!(refused, Error::OutOfSharedMemory { need: u64::MAX, .. }), "{refused:?}");
    }

    #[test]
    fn a_missing_folder_is_not_found() {
        let refused = check("x", 1, Path::new("/nonexistent/folder")).unwrap_err();
        assert!(
            matches!(&refused, Error::NotFound { what: "folder", name } if name == "/nonexistent/folder"),
            "{refused:?}"
        );
    }
}
