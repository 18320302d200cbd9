//! The memory limits of control groups, v1 and v2.
//!
//! A process that allocates beyond its group's limit is killed; it gets no error. So the limit is asked for first.

use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::text::read_text;

/// The tightest memory limit among the groups that hold this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryLimit {
    /// The folder of the group that sets it.
    pub group: PathBuf,
    /// Bytes that the group may use.
    pub limit: u64,
    /// Bytes left: the limit less what is in use. Cached files count as free, since the kernel drops them for others.
    pub free: u64,
}

/// File names of one version of the interface.
struct Version {
    /// The mount's type.
    fs_type: &'static str,
    limit: &'static str,
    usage: &'static str,
    /// Lines of `memory.stat`, descendants included, that count cached files.
    cached: [&'static str; 2],
}

const V1: Version = Version {
    fs_type: "cgroup",
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    cached: ["total_inactive_file", "total_active_file"],
};
const V2: Version = Version {
    fs_type: "cgroup2",
    limit: "memory.max",
    usage: "memory.current",
    cached: ["inactive_file", "active_file"],
};

/// A group of this process: its version's files, where its hierarchy is mounted, and its path below that.
type Group = (&'static Version, PathBuf, PathBuf);

/// What was found when it was last looked up.
struct Known {
    root: PathBuf,
    /// The process' groups, as the kernel puts it.
    names: String,
    groups: Arc<[Group]>,
}

/// The tightest limit on this process, or `None` where there is none (or no control groups).
///
/// `root` is `/`, or a folder that stands for it.
pub fn memory_limit(root: &Path) -> Option<MemoryLimit> {
    groups(root)?
        .iter()
        .filter_map(|(version, top, group)| tightest(version, top, group))
        .min_by_key(|limit| limit.free)
}

/// The groups of this process. Where hierarchies are mounted is looked up again only when the process' groups are
/// others than before: the table of mounts is long, and hierarchies stay where they are.
fn groups(root: &Path) -> Option<Arc<[Group]>> {
    static LAST: Mutex<Option<Known>> = Mutex::new(None);
    let names = read_text(&root.join("proc/self/cgroup")).ok()?;
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = &*last
        && known.root == root
        && known.names == names
    {
        return Some(Arc::clone(&known.groups));
    }
    let mounts = read_text(&root.join("proc/self/mountinfo")).ok()?;
    let groups: Arc<[Group]> = names.lines().filter_map(|line| group_of(line, &mounts, root)).collect();
    *last = Some(Known { root: root.to_owned(), names, groups: Arc::clone(&groups) });
    Some(groups)
}

/// The group of one line of /proc/self/cgroup, where that is about memory.
fn group_of(line: &str, mounts: &str, root: &Path) -> Option<Group> {
    let mut fields = line.splitn(3, ':');
    let (_, controllers, group) = (fields.next()?, fields.next()?, fields.next()?);
    let version = match controllers {
        "" => &V2,
        _ if controllers.split(',').any(|name| name == "memory") => &V1,
        _ => return None,
    };
    let (top, group) = locate(mounts, version, group)?;
    Some((version, inside(root, &top), group))
}

/// Where the hierarchy is mounted, and the group's path below that.
fn locate(mounts: &str, version: &Version, group: &str) -> Option<(PathBuf, PathBuf)> {
    let mut reachable = None;
    for line in mounts.lines() {
        let Some((left, right)) = line.split_once(" - ") else { continue };
        let (mut left, mut right) = (left.split(' ').skip(3), right.split(' '));
        let (Some(mount_root), Some(mount_point)) = (left.next(), left.next()) else { continue };
        let (Some(fs_type), Some(_source), Some(options)) = (right.next(), right.next(), right.next()) else {
            continue;
        };
        let v1_of_another_kind = version.fs_type == V1.fs_type && !options.split(',').any(|option| option == "memory");
        if fs_type != version.fs_type || v1_of_another_kind {
            continue;
        }
        let mount_point = PathBuf::from(unescape(mount_point));
        match Path::new(group).strip_prefix(unescape(mount_root)) {
            // A path with '..' leads out of what a container can see.
            Ok(below) if below.components().all(|part| matches!(part, Component::Normal(_))) => {
                return Some((mount_point, below.to_owned()));
            }
            // A container that sees the host's path and only its own part of the hierarchy: the mount is its group.
            _ => reachable = reachable.or(Some((mount_point, PathBuf::new()))),
        }
    }
    reachable
}

fn tightest(version: &Version, top: &Path, group: &Path) -> Option<MemoryLimit> {
    let depth = group.components().count();
    top.join(group).ancestors().take(depth + 1).filter_map(|dir| read(version, dir)).min_by_key(|limit| limit.free)
}

fn read(version: &Version, group: &Path) -> Option<MemoryLimit> {
    let number = |name| read_text(&group.join(name)).ok()?.trim().parse::<u64>().ok();
    // "max" is no number; v1 says "no limit" by the largest number of pages that it can count.
    let limit = number(version.limit).filter(|&limit| limit < 1 << 62)?;
    let usage = number(version.usage)?;
    let stat = read_text(&group.join("memory.stat")).unwrap_or_default();
    let cached: u64 = stat
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(name, _)| version.cached.contains(name))
        .filter_map(|(_, bytes)| bytes.trim().parse::<u64>().ok())
        .sum();
    let free = limit.saturating_sub(usage.saturating_sub(cached));
    Some(MemoryLimit { group: group.to_owned(), limit, free })
}

/// `path`, absolute, seen from `root`.
fn inside(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Undoes mountinfo's octal escapes of space, tab, newline and backslash.
fn unescape(field: &str) -> String {
    field.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

#[cfg(test)]
mod tests;
