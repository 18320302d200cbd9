//! Segments: named shared memory in /dev/shm. This file knows no format, and nothing of who uses a segment.
//!
//! A segment is complete before it has a name: [`Draft`] makes it and [`Draft::publish`] names it, atomically and
//! exclusively. Nothing that fails on the way leaves anything behind, and nothing but [`unlink`] takes a name away.

use std::fmt;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use shared_memory::{ShmemConf, ShmemError};

use crate::mapping::Mapping;
use crate::name;
use crate::sys::shm;
use crate::{Error, Result};

mod draft;

pub use draft::Draft;

/// How often an attach that met a racing removal looks again. Each look costs microseconds, and a name is replaced by
/// another only when a cluster ends and one of the same name starts.
const ATTEMPTS: usize = 100;

/// Which file it is, whatever its name. No other file has the same as long as this one is open, mapped or named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileId {
    /// The file system's device number.
    pub dev: u64,
    /// The file's number in it.
    pub ino: u64,
}

impl FileId {
    /// The identity of an open file.
    ///
    /// # Errors
    /// [`Error::System`] when the system does not say.
    pub fn of(file: &File) -> Result<FileId> {
        file.metadata()
            .map(|found| FileId::from(&found))
            .map_err(|source| Error::System { call: "fstat".into(), source })
    }
}

/// As handles have it: the two numbers, a colon between them.
impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.dev, self.ino)
    }
}

impl From<&Metadata> for FileId {
    fn from(found: &Metadata) -> Self {
        FileId { dev: found.dev(), ino: found.ino() }
    }
}

/// What a mapping may do to the segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reads and writes reach everybody.
    ReadWrite,
    /// Reads see what others write. A write is not refused (that would be a signal) but goes to a copy of the page of
    /// this mapping's own, which from then on shows no writes of others.
    ReadOnly,
}

/// A segment that is mapped.
#[derive(Debug)]
pub struct Attached {
    /// The memory.
    pub mapping: Arc<Mapping>,
    /// Which file it is.
    pub id: FileId,
    /// Its descriptor, close-on-exec. The mapping does not need it.
    pub file: File,
}

/// A segment, or another file, that is open and not mapped: to be locked or looked at, then mapped.
#[derive(Debug)]
pub struct Opened {
    /// The descriptor, close-on-exec; read-only where the access is.
    pub file: File,
    /// Which file it is.
    pub id: FileId,
    /// Its size in bytes, at least 1.
    pub len: usize,
    /// What error messages call it: the segment's name, or the file's path.
    pub name: String,
    path: PathBuf,
    access: Access,
}

/// A segment of ours that has a name now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name, `tsdsm.…`.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Which file it is.
    pub id: FileId,
}

/// Where a segment's name is found as a file.
pub fn path(name: &str) -> PathBuf {
    Path::new(shm::DIR).join(name)
}

/// Opens a segment for reading and writing, without mapping it.
///
/// # Errors
/// [`Error::InvalidArgument`] for a name that no segment has, [`Error::NotFound`],
/// [`Error::IncompatibleSegment`] for what is no regular file or is empty.
pub fn open(name: &str) -> Result<Opened> {
    name::check_segment(name)?;
    Opened::open(name, &path(name), Access::ReadWrite, false)
}

/// Opens and maps a segment. When it returns, the name leads to what is mapped.
///
/// # Errors
/// Those of [`open`].
pub fn attach(name: &str, access: Access) -> Result<Attached> {
    name::check_segment(name)?;
    let path = path(name);
    retry(name, || Opened::open(name, &path, access, false)?.map_if_current())
}

/// Takes a segment's name away; those who have it mapped keep the memory. With an `id`, only where the name leads to that
/// file. Says whether it did.
///
/// Between the look and the removal the name could only be given to another file by somebody who removed it, too: callers
/// hold the lock that the removal of this name asks for.
///
/// # Errors
/// [`Error::InvalidArgument`] for a name that no segment has, [`Error::System`] where the system refuses.
pub fn unlink(name: &str, id: Option<FileId>) -> Result<bool> {
    name::check_segment(name)?;
    let path = path(name);
    let gone = |result: io::Result<()>| match result {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(Error::System { call: format!("unlink {}", path.display()), source }),
    };
    match id {
        Some(id) if id_at(&path) != Some(id) => Ok(false),
        _ => gone(fs::remove_file(&path)),
    }
}

/// All segments whose name is one of ours, in the order of their names.
///
/// # Errors
/// [`Error::Unsupported`] where there is no /dev/shm, [`Error::System`] where it cannot be read.
pub fn list() -> Result<Vec<Entry>> {
    let entries = fs::read_dir(shm::DIR).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => {
            Error::Unsupported("there is no /dev/shm on this machine; mount a tmpfs there".into())
        }
        _ => Error::System { call: format!("read {}", shm::DIR), source },
    })?;
    let mut found: Vec<Entry> = entries.filter_map(|entry| named(&entry.ok()?)).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// The entry as a segment; `None` for what is not ours, or was removed meanwhile.
fn named(entry: &fs::DirEntry) -> Option<Entry> {
    let name = entry.file_name().into_string().ok()?;
    name::parse(&name)?;
    let found = entry.metadata().ok()?;
    found.is_file().then(|| Entry { name, bytes: found.len(), id: FileId::from(&found) })
}

/// Repeats `attempt` while it meets a name that is being removed or replaced.
pub(crate) fn retry<T>(name: &str, mut attempt: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    for _ in 0..ATTEMPTS {
        if let Some(done) = attempt()? {
            return Ok(done);
        }
        std::thread::yield_now();
    }
    Err(Error::NotFound { what: "segment", name: name.into() })
}

impl Opened {
    /// Opens `path`. With `follow` it may be a symbolic link.
    pub(crate) fn open(name: &str, path: &Path, access: Access, follow: bool) -> Result<Opened> {
        let incompatible = |reason: &str| Error::IncompatibleSegment { name: name.into(), reason: reason.into() };
        let failed = |e: io::Error| match e.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR) => {
                Error::NotFound { what: if follow { "file" } else { "segment" }, name: name.into() }
            }
            Some(libc::ELOOP) => incompatible("it is a symbolic link"),
            Some(libc::EISDIR) => incompatible("it is a folder"),
            Some(libc::ENXIO | libc::ENODEV) => incompatible("it is no regular file"),
            None => Error::InvalidArgument(format!("{name:?} is no path: it holds NUL")),
            _ => Error::System { call: format!("open {}", path.display()), source: e },
        };
        let mut opened = shm::open(path, access == Access::ReadWrite, follow);
        for _ in 1..ATTEMPTS {
            if !opened.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::WouldBlock) {
                break;
            }
            std::thread::yield_now();
            opened = shm::open(path, access == Access::ReadWrite, follow);
        }
        let file = opened.map_err(failed)?;
        let found = file.metadata().map_err(|source| Error::System { call: "fstat".into(), source })?;
        if !found.is_file() {
            return Err(incompatible("it is no regular file"));
        }
        match usize::try_from(found.len()) {
            Ok(0) => Err(incompatible("it is empty")),
            Ok(len) => Ok(Opened { id: FileId::from(&found), file, len, name: name.into(), path: path.into(), access }),
            Err(_) => Err(incompatible("it is larger than this machine's address space")),
        }
    }

    /// Does the name (still) lead to this file?
    pub fn is_current(&self) -> bool {
        id_at(&self.path) == Some(self.id)
    }

    /// Maps the file, and then makes sure that the name still leads to it.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the name is gone or leads elsewhere by now.
    pub fn map(self) -> Result<Attached> {
        let name = self.name.clone();
        self.map_if_current()?.ok_or(Error::NotFound { what: "segment", name })
    }

    /// Maps the file; `None` where the name is gone or leads elsewhere by now.
    pub(crate) fn map_if_current(self) -> Result<Option<Attached>> {
        let control = matches!(name::parse(&self.name), Some((_, None))) && self.path == path(&self.name);
        let mapping = if control && self.access == Access::ReadWrite {
            self.map_by_name()?
        } else {
            Some(Mapping::new(&self.file, self.len, self.access == Access::ReadWrite).map_err(|e| self.cannot_map(e))?)
        };
        // Asked last: what was true before the mapping was made may not be so when it was made.
        Ok(mapping.filter(|_| self.is_current()).map(|mapping| Attached {
            mapping: Arc::new(mapping),
            id: self.id,
            file: self.file,
        }))
    }

    /// Maps through the `shared_memory` crate. It opens by name, so this is our file only if the name still leads to it
    /// afterwards: nothing else can have our file's identity while we hold it open, and no name comes back to a file.
    fn map_by_name(&self) -> Result<Option<Mapping>> {
        let mut shmem = match ShmemConf::new().os_id(format!("/{}", self.name)).open() {
            Ok(shmem) => shmem,
            Err(_) if !self.is_current() => return Ok(None),
            Err(ShmemError::MapOpenFailed(code)) => {
                return Err(self.cannot_map(io::Error::from_raw_os_error(code as i32)));
            }
            Err(other) => return Err(self.cannot_map(io::Error::other(other.to_string()))),
        };
        // Dropping it must never unlink the segment.
        shmem.set_owner(false);
        let (ptr, len) = (shmem.as_ptr(), shmem.len());
        // SAFETY: `shmem` keeps these bytes mapped until it is dropped, which is munmap and close.
        Ok(Some(unsafe { Mapping::owned_by(ptr, len, Box::new(shmem)) }))
    }

    fn cannot_map(&self, source: io::Error) -> Error {
        match source.raw_os_error() {
            Some(libc::ENODEV | libc::EINVAL) => Error::Unsupported(format!(
                "the file system of {} cannot map files into memory this way; move the file to another",
                self.path.display()
            )),
            _ => Error::System { call: format!("mmap {} bytes of {}", self.len, self.path.display()), source },
        }
    }
}

/// What the path leads to; `None` for nothing.
fn id_at(path: &Path) -> Option<FileId> {
    fs::metadata(path).ok().map(|found| FileId::from(&found))
}
