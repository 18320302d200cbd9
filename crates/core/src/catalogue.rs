//! The catalogue: which arrays a cluster has. It knows files, not shapes: those stand in the array's own header.
//!
//! Changed and read as the object table is: see [`crate::objects`].

use std::fs::{self, Permissions};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering, fence};

use crate::control::Control;
use crate::layout::{ArrayCell, FREE, LIVE, MAX_PATH, UNFINISHED, load_bytes, store_bytes};
use crate::objects::read_stable;
use crate::segment::{self, FileId};
use crate::{Error, Result, name};

const PERSIST: u32 = 1;
const READ_ONLY: u32 = 2;

/// Marks a segment that outlives its cluster, also for those who have no catalogue any more: the sticky bit, which means
/// nothing else on a regular file.
pub(crate) const STICKY: u32 = libc::S_ISVTX;

/// What the catalogue knows of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array {
    /// Its name within the cluster.
    pub name: String,
    /// Which file holds it.
    pub id: FileId,
    /// That file's size in bytes.
    pub bytes: u64,
    /// The file's path; `None` for a segment in shared memory, whose name follows from the cluster's and the array's.
    pub file: Option<PathBuf>,
    /// Whether the segment outlives the cluster.
    pub persist: bool,
    /// Whether everybody is to attach it read-only.
    pub read_only: bool,
}

/// Enters an array, which must exist by now, and returns its generation. A persistent segment is marked as one first.
///
/// # Errors
/// [`Error::InvalidArgument`] for a bad name or a path that is too long, [`Error::NameExists`], [`Error::Capacity`],
/// [`Error::System`].
pub fn insert(control: &Control, array: &Array) -> Result<u64> {
    insert_after(control, array, || Ok(())).map(|(generation, ())| generation)
}

/// As [`insert`], after `publish` has given the array its name, while nobody else changes the catalogue. If this process
/// dies in between, whoever wants a name next takes that segment's away again. If `publish` fails, nothing is entered.
pub(crate) fn insert_after<T>(
    control: &Control,
    array: &Array,
    publish: impl FnOnce() -> Result<T>,
) -> Result<(u64, T)> {
    name::check_array(&array.name)?;
    let path = array.file.as_deref().map_or(&[][..], |path| path.as_os_str().as_bytes());
    if path.len() > MAX_PATH || path.contains(&0) || (array.file.is_some() && path.is_empty()) {
        let reason = format!("a path may have 1 to {MAX_PATH} bytes without NUL, not {}", path.len());
        return Err(Error::InvalidArgument(reason));
    }
    let _held = control.hold_table()?;
    remove_unfinished(control);
    check_free_locked(control, &array.name)?;
    let limit = control.limits().arrays;
    let free = |index: &u32| control.array_cell(*index).head.load(Ordering::Relaxed) & 0xff != LIVE;
    let Some(index) = (0..limit).find(free) else {
        return Err(Error::Capacity { what: "arrays", limit: limit as usize });
    };
    let cell = control.array_cell(index);
    let generation = control.next_generation();
    // Whoever reads the old entry now finds another head when it looks again.
    fence(Ordering::Release);
    fill(cell, array, path);
    control.live().high[0].fetch_max(index + 1, Ordering::Release);
    cell.head.store(generation << 8 | UNFINISHED, Ordering::Release);
    let published = publish().and_then(|done| {
        if array.persist && array.file.is_none() {
            mark_persistent(&segment::path(&name::array_segment(control.cluster(), &array.name)))?;
        }
        Ok(done)
    });
    let state = if published.is_ok() { LIVE } else { FREE };
    cell.head.store(generation << 8 | state, Ordering::Release);
    Ok((generation, published?))
}

/// The catalogue is held: whoever had begun to enter or to remove these is dead. Their segments, if they have names, are
/// known to nobody. A file stays: it was asked for where it is.
fn remove_unfinished(control: &Control) {
    for index in unfinished(control) {
        let cell = control.array_cell(index);
        let left = contents(cell).filter(|array| array.file.is_none());
        let unlink =
            |array: Array| segment::unlink(&name::array_segment(control.cluster(), &array.name), Some(array.id));
        if left.map_or(Ok(false), unlink).is_ok() {
            cell.head.store(cell.head.load(Ordering::Relaxed) & !0xff | FREE, Ordering::Release);
        }
    }
}

fn unfinished(control: &Control) -> impl Iterator<Item = u32> {
    let is_unfinished = |index: &u32| control.array_cell(*index).head.load(Ordering::Acquire) & 0xff == UNFINISHED;
    (0..control.arrays_in_use()).filter(is_unfinished)
}

fn fill(cell: &ArrayCell, array: &Array, path: &[u8]) {
    cell.bytes.store(array.bytes, Ordering::Relaxed);
    cell.file[0].store(array.id.dev, Ordering::Relaxed);
    cell.file[1].store(array.id.ino, Ordering::Relaxed);
    let flags = (PERSIST * u32::from(array.persist)) | (READ_ONLY * u32::from(array.read_only));
    cell.flags.store(flags, Ordering::Relaxed);
    store_bytes(&cell.name, array.name.as_bytes());
    cell.name_len.store(array.name.len() as u32, Ordering::Relaxed);
    store_bytes(&cell.path, path);
    cell.path_len.store(path.len() as u32, Ordering::Relaxed);
}

fn mark_persistent(path: &Path) -> Result<()> {
    let failed = |source| Error::System { call: format!("chmod {}", path.display()), source };
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    fs::set_permissions(path, Permissions::from_mode(mode | STICKY)).map_err(failed)
}

/// Refuses early, before a segment is made for it, what [`insert`] would refuse: a name that is taken, a full table.
///
/// # Errors
/// [`Error::InvalidArgument`], [`Error::NameExists`], [`Error::Capacity`], [`Error::System`].
pub fn check_free(control: &Control, name: &str) -> Result<()> {
    name::check_array(name)?;
    if unfinished(control).next().is_some() {
        // Of one who is about to finish it, or died: then the name is to be free again.
        let _held = control.hold_table()?;
        remove_unfinished(control);
    }
    check_free_locked(control, name)?;
    let limit = control.limits().arrays;
    let full = (0..limit).all(|index| control.array_cell(index).head.load(Ordering::Relaxed) & 0xff == LIVE);
    if full { Err(Error::Capacity { what: "arrays", limit: limit as usize }) } else { Ok(()) }
}

fn check_free_locked(control: &Control, name: &str) -> Result<()> {
    match position(control, name) {
        Some(_) => Err(Error::NameExists { name: name.to_owned() }),
        None => Ok(()),
    }
}

/// Finds an array and its generation.
///
/// # Errors
/// [`Error::InvalidArgument`] for a bad name, [`Error::NotFound`].
pub fn lookup(control: &Control, name: &str) -> Result<(u64, Array)> {
    name::check_array(name)?;
    let found = position(control, name).and_then(|index| read(control, index));
    found.filter(|(_, array)| array.name == name).ok_or_else(|| missing(name))
}

/// The generation of the array that has this name now; 0 = none has. For a look before a cached mapping is used.
pub fn generation(control: &Control, name: &str) -> u64 {
    position(control, name).map_or(0, |index| control.array_cell(index).head.load(Ordering::Acquire) >> 8)
}

/// Takes an array out and returns what was known of it. Its segment is the caller's to unlink.
///
/// # Errors
/// [`Error::InvalidArgument`] for a bad name, [`Error::NotFound`], [`Error::System`].
pub fn remove(control: &Control, name: &str) -> Result<Array> {
    remove_with(control, name, |_| Ok(()))
}

/// As [`remove`], when `last` has been done to the array, while nobody else changes the catalogue and nobody finds it any
/// more. If this process dies in between, whoever wants a name next does the rest. If `last` fails, the entry is there again.
pub(crate) fn remove_with(control: &Control, name: &str, last: impl FnOnce(&Array) -> Result<()>) -> Result<Array> {
    name::check_array(name)?;
    let _held = control.hold_table()?;
    let index = position(control, name).ok_or_else(|| missing(name))?;
    let (generation, array) = read(control, index).ok_or_else(|| missing(name))?;
    let head = &control.array_cell(index).head;
    head.store(generation << 8 | UNFINISHED, Ordering::Release);
    let done = last(&array);
    head.store(generation << 8 | if done.is_ok() { FREE } else { LIVE }, Ordering::Release);
    done.map(|()| array)
}

/// All arrays, each with its generation.
pub fn list(control: &Control) -> Vec<(u64, Array)> {
    (0..control.arrays_in_use()).filter_map(|index| read(control, index)).collect()
}

fn missing(name: &str) -> Error {
    Error::NotFound { what: "array", name: name.to_owned() }
}

fn position(control: &Control, name: &str) -> Option<u32> {
    (0..control.arrays_in_use()).find(|&index| {
        let cell = control.array_cell(index);
        if cell.name_len.load(Ordering::Relaxed) as usize != name.len() {
            return false;
        }
        read_stable(&cell.head, || load_bytes(&cell.name, name.len() as u64))
            .is_some_and(|(_, text)| text == name.as_bytes())
    })
}

/// `None`: there is nothing in this cell, or it is being changed, or damaged.
fn read(control: &Control, index: u32) -> Option<(u64, Array)> {
    let cell = control.array_cell(index);
    read_stable(&cell.head, || contents(cell))
}

/// What a cell says, if it makes sense.
fn contents(cell: &ArrayCell) -> Option<Array> {
    let text = |words, len: &AtomicU32| load_bytes(words, u64::from(len.load(Ordering::Relaxed)));
    let name = String::from_utf8(text(&cell.name, &cell.name_len)?).ok()?;
    name::check_array(&name).ok()?;
    let path = text(&cell.path, &cell.path_len)?;
    let flags = cell.flags.load(Ordering::Relaxed);
    Some(Array {
        name,
        id: FileId { dev: cell.file[0].load(Ordering::Relaxed), ino: cell.file[1].load(Ordering::Relaxed) },
        bytes: cell.bytes.load(Ordering::Relaxed),
        file: (!path.is_empty()).then(|| PathBuf::from(std::ffi::OsString::from_vec(path))),
        persist: flags & PERSIST != 0,
        read_only: flags & READ_ONLY != 0,
    })
}

impl Control {
    fn array_cell(&self, index: u32) -> &ArrayCell {
        assert!(index < self.limits().arrays);
        self.at(self.geometry().array(index))
    }

    fn arrays_in_use(&self) -> u32 {
        self.live().high[0].load(Ordering::Acquire).min(self.limits().arrays)
    }
}
