//! What crashed clusters left behind: found, told and removed.
//!
//! A cluster is stale when every byte of its control file can be locked: then neither main nor anybody with a slot lives,
//! whatever the pids in it say. Its arrays go first and its control segment last, so that as long as they are being
//! removed, nobody can start a cluster of that name. For arrays without a control segment, the janitor takes the
//! cluster's name itself for a moment, by a *placeholder*. Any number of janitors may work at once, beside starts and
//! attaches. Nothing is removed that belongs to another user, that is no segment of ours, or that is to persist.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::catalogue::{self, STICKY};
use crate::control::{self, ALL, Control, Ownership, Patience};
use crate::layout::{MAGIC, PAGE, PLACEHOLDER};
use crate::segment::{self, Attached, Draft, Entry, FileId};
use crate::slots::Kind;
use crate::sys::locks::{self, Holder};
use crate::{Error, Result, name};

/// A segment of a cluster, alive or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Its name.
    pub segment: String,
    /// The cluster's name.
    pub cluster: String,
    /// The array's name; `None` for the control segment. One that begins with a dot holds a large message.
    pub array: Option<String>,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether [`prune`] would remove it.
    pub stale: bool,
    /// The process of the cluster's main, where it lives and its pid means something here.
    pub owner_pid: Option<u32>,
}

/// All segments of all clusters.
///
/// # Errors
/// [`Error::Unsupported`] without /dev/shm; [`Error::System`].
pub fn list() -> Result<Vec<SegmentInfo>> {
    let mut clusters = BTreeMap::new();
    let mut segments = Vec::new();
    for entry in segment::list()? {
        let Some((cluster, array)) = name::parse(&entry.name) else { continue };
        let &mut (stale, owner_pid) = clusters.entry(cluster.to_owned()).or_insert_with(|| look_at(cluster));
        segments.push(SegmentInfo {
            cluster: cluster.to_owned(),
            array: array.map(str::to_owned),
            bytes: entry.bytes,
            stale: stale && is_removable(&entry),
            owner_pid,
            segment: entry.name,
        });
    }
    Ok(segments)
}

/// Removes every segment of every stale cluster, persistent arrays excepted, and returns their names. Arrays whose cluster
/// has no control segment are stale, too. What cannot be removed is left.
///
/// # Errors
/// [`Error::Unsupported`] without /dev/shm; [`Error::System`] when it cannot be read.
pub fn prune() -> Result<Vec<String>> {
    let clusters = clusters(|_| true)?;
    Ok(clusters.iter().flat_map(|cluster| reclaim(cluster).unwrap_or_default()).collect())
}

/// As [`prune`], but only clusters that have a control segment: what a start does for all clusters but its own.
pub(crate) fn prune_crashed() -> Result<()> {
    for cluster in clusters(|array| array.is_none())? {
        // Nobody asked for it: what cannot be removed is told to those who ask.
        let _ = reclaim(&cluster);
    }
    Ok(())
}

fn clusters(of: impl Fn(Option<&str>) -> bool) -> Result<BTreeSet<String>> {
    let entries = segment::list()?;
    let parsed = entries.iter().filter_map(|entry| name::parse(&entry.name));
    Ok(parsed.filter(|(_, array)| of(*array)).map(|(cluster, _)| cluster.to_owned()).collect())
}

/// Whether a cluster is stale, and if not, its main's process.
fn look_at(cluster: &str) -> (bool, Option<u32>) {
    let opened = match segment::open(&name::control_segment(cluster)) {
        Ok(opened) => opened,
        Err(error) => return (matches!(error, Error::NotFound { .. }), None),
    };
    let stale = is_control(&opened.file) && locks::holder(&opened.file, ALL).is_ok_and(|who| who == Holder::Nobody);
    let pid =
        (!stale).then(|| Control::from_opened(cluster, opened).ok()).flatten().and_then(|control| main_pid(&control));
    (stale, pid)
}

fn main_pid(control: &Control) -> Option<u32> {
    let occupants = (0..control.limits().slots).filter_map(|index| control.occupant(index));
    let mut mains = occupants.filter(|occupant| occupant.kind == Some(Kind::Main) && control.is_alive(occupant.owner));
    mains.next().map(|main| main.pid)
}

/// Waits, within `patience`, for the name to be free; removes a stale cluster that has it.
///
/// # Errors
/// [`Error::NameExists`].
pub(crate) fn check_free(cluster: &str, patience: &mut Patience) -> Result<()> {
    let taken = || Error::NameExists { name: cluster.to_owned() };
    loop {
        let opened = match segment::open(&name::control_segment(cluster)) {
            Ok(opened) => opened,
            Err(Error::NotFound { .. }) => return remove_orphans(cluster).map(drop),
            Err(Error::IncompatibleSegment { .. }) => return Err(taken()),
            // Another user's.
            Err(Error::System { source, .. }) if source.kind() == ErrorKind::PermissionDenied => return Err(taken()),
            Err(error) => return Err(error),
        };
        let placeholder = magic(&opened.file) == Some(PLACEHOLDER);
        match Ownership::of(&opened.file)? {
            Ownership::Main if !placeholder => return Err(taken()),
            Ownership::Nobody if !is_control(&opened.file) => return Err(taken()),
            Ownership::Nobody if !reclaim(cluster)?.is_empty() => continue,
            // Either somebody is removing it, or main was killed and its workers are about to end.
            _ if patience.wait() => {}
            _ => return Err(taken()),
        }
    }
}

/// Ends a cluster of which the caller holds main's byte, or which it cleans up after: removes all its segments.
///
/// # Errors
/// [`Error::System`], the first one; the rest was removed all the same.
pub(crate) fn end(control: &Control) -> Result<()> {
    // By identity, also if somebody has taken our control's name away and another cluster has it by now.
    let mut failed = None;
    for (_, array) in catalogue::list(control) {
        if !array.persist && array.file.is_none() {
            let removed = segment::unlink(&name::array_segment(control.cluster(), &array.name), Some(array.id));
            failed = failed.or(removed.err());
        }
    }
    let rest = remove_cluster(control.cluster(), control.id()).map(drop);
    failed.map_or(rest, Err)
}

/// Removes what a stale cluster left, or arrays that have no cluster. Returns the names; none where it is alive.
fn reclaim(cluster: &str) -> Result<Vec<String>> {
    let opened = match segment::open(&name::control_segment(cluster)) {
        Ok(opened) => opened,
        Err(Error::NotFound { .. }) => return remove_orphans(cluster),
        // Not ours.
        Err(_) => return Ok(Vec::new()),
    };
    if !is_control(&opened.file) || !locks::try_lock(&opened.file, ALL)? {
        return Ok(Vec::new());
    }
    // Closing the file gives the locks back: this description is nobody else's.
    remove_cluster(cluster, opened.id)
}

fn remove_orphans(cluster: &str) -> Result<Vec<String>> {
    if !arrays(cluster)?.iter().any(is_removable) {
        return Ok(Vec::new());
    }
    let segment = name::control_segment(cluster);
    match placeholder(&segment) {
        Ok((attached, _held)) => {
            let mut removed = remove_cluster(cluster, attached.id)?;
            removed.retain(|name| *name != segment);
            Ok(removed)
        }
        // A cluster of that name has started, or another janitor is at it.
        Err(Error::NameExists { .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Takes a cluster's name, which lasts until it is unlinked, and main's byte, as long as the file is open.
fn placeholder(segment: &str) -> Result<(Attached, File)> {
    let draft = Draft::new(segment, PAGE, 0o600)?;
    // SAFETY: a mapped page that begins where every word may; nobody else has it yet.
    unsafe { &*draft.mapping().as_ptr().cast::<AtomicU64>() }.store(PLACEHOLDER, Ordering::Relaxed);
    let held = control::own(&draft)?;
    Ok((draft.publish()?, held))
}

/// The caller keeps others from doing this: it holds main's byte, the cleaning byte, or all of them. As long as the name
/// leads to this control file nobody else can have the cluster's name, so what bears it is this cluster's.
fn remove_cluster(cluster: &str, id: FileId) -> Result<Vec<String>> {
    let control = name::control_segment(cluster);
    let mut removed = Vec::new();
    if !fs::symlink_metadata(segment::path(&control)).is_ok_and(|found| FileId::from(&found) == id) {
        return Ok(removed);
    }
    let mut failed = None;
    for entry in arrays(cluster)?.into_iter().filter(is_removable) {
        match segment::unlink(&entry.name, Some(entry.id)) {
            Ok(true) => removed.push(entry.name),
            Ok(false) => {}
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    if segment::unlink(&control, Some(id))? {
        removed.push(control);
    }
    failed.map_or(Ok(removed), Err)
}

fn arrays(cluster: &str) -> Result<Vec<Entry>> {
    let mut entries = segment::list()?;
    entries.retain(|entry| matches!(name::parse(&entry.name), Some((found, Some(_))) if found == cluster));
    Ok(entries)
}

/// Ours by user, and not to persist.
fn is_removable(entry: &Entry) -> bool {
    fs::symlink_metadata(segment::path(&entry.name))
        .is_ok_and(|found| found.uid() == own_user() && found.mode() & STICKY == 0 && FileId::from(&found) == entry.id)
}

/// Whether it begins as a control segment, or a placeholder, of any version does, and is this user's.
fn is_control(file: &File) -> bool {
    matches!(magic(file), Some(MAGIC | PLACEHOLDER)) && file.metadata().is_ok_and(|found| found.uid() == own_user())
}

fn magic(file: &File) -> Option<u64> {
    let mut bytes = [0; 8];
    file.read_exact_at(&mut bytes, 0).ok()?;
    Some(u64::from_le_bytes(bytes))
}

fn own_user() -> u32 {
    // SAFETY: geteuid has no preconditions.
    unsafe { libc::geteuid() }
}
