//! Making a segment: room, storage, mapping, and only then a name.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Attached, FileId, path};
use crate::mapping::Mapping;
use crate::name;
use crate::room;
use crate::sys::shm;
use crate::{Error, Result};

/// Bytes allocated by one system call, a few milliseconds' worth: the limits are looked at in between.
const PIECE: u64 = 8 << 20;

/// A segment that nobody else sees yet: fully allocated, zero, mapped. Dropped unpublished it is gone.
#[derive(Debug)]
pub struct Draft {
    name: String,
    path: PathBuf,
    file: File,
    id: FileId,
    mapping: Arc<Mapping>,
    temporary: Option<Temporary>,
}

/// A name that lasts until the draft is published or dropped, where files without names cannot be had.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // After a publication by renaming there is nothing left to remove.
        let _ = fs::remove_file(&self.0);
    }
}

impl Draft {
    /// Makes a segment of `len` bytes (at least 1) that will be called `name`, with the permissions `mode` whatever the
    /// umask. Takes 0.3 s per GiB, since every page is allocated now: later there is nothing that could fail.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a bad name, size or mode, [`Error::NameExists`], [`Error::OutOfSharedMemory`],
    /// [`Error::Unsupported`] where /dev/shm is missing, cannot be written, or is not memory.
    pub fn new(name: &str, len: usize, mode: u32) -> Result<Draft> {
        name::check_segment(name)?;
        Draft::make(name, path(name), len, mode, true)
    }

    /// The same for a file anywhere; its folder must exist.
    pub(crate) fn in_file(path: &Path, len: usize, mode: u32) -> Result<Draft> {
        let name = path.display().to_string();
        if path.file_name().is_none() || path.as_os_str().as_bytes().contains(&0) {
            return Err(Error::InvalidArgument(format!("{name:?} is no path of a file")));
        }
        Draft::make(&name, path.to_owned(), len, mode, true)
    }

    fn make(name: &str, path: PathBuf, len: usize, mode: u32, unnamed: bool) -> Result<Draft> {
        check_mode(mode)?;
        if len == 0 || isize::try_from(len).is_err() {
            return Err(Error::InvalidArgument(format!("a segment cannot have {len} bytes; give it 1 to 2^63 - 1")));
        }
        // A name that is taken is found out before gigabytes are allocated for it. `publish` asks for good.
        if fs::symlink_metadata(&path).is_ok() {
            return Err(Error::NameExists { name: name.into() });
        }
        let dir = folder(&path);
        room::check(name, len as u64, dir)?;
        let (file, temporary) = create(name, &path, len as u64, unnamed)?;
        allocate(name, &file, len as u64, dir)?;
        file.set_permissions(Permissions::from_mode(mode))
            .map_err(|source| Error::System { call: format!("fchmod {name}"), source })?;
        let mapping = Mapping::new(&file, len, true).map_err(|source| match source.raw_os_error() {
            Some(libc::ENODEV | libc::EINVAL) => {
                Error::Unsupported(format!("the file system of {name} cannot share mapped files; choose another one"))
            }
            _ => Error::System { call: format!("mmap {len} bytes of {name}"), source },
        })?;
        Ok(Draft { name: name.into(), path, id: FileId::of(&file)?, file, mapping: Arc::new(mapping), temporary })
    }

    /// The memory, zero until written.
    pub fn mapping(&self) -> &Arc<Mapping> {
        &self.mapping
    }

    /// The descriptor, close-on-exec. A lock taken through it lasts as long as this descriptor, which [`Attached`]
    /// hands on, or a duplicate.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Which file it is.
    pub fn id(&self) -> FileId {
        self.id
    }

    /// Gives the segment its name: from one instant to the next everybody sees it, complete.
    ///
    /// # Errors
    /// [`Error::NameExists`] where another was first; then nothing is left of this one.
    pub fn publish(self) -> Result<Attached> {
        let Draft { name, path, file, id, mapping, temporary } = self;
        let linked = match &temporary {
            None => shm::link_unnamed(&file, &path),
            Some(temporary) => link(&temporary.0, &path),
        };
        match linked {
            Ok(()) => Ok(Attached { mapping, id, file }),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(Error::NameExists { name }),
            Err(source) => Err(Error::System { call: format!("link {}", path.display()), source }),
        }
    }
}

/// Gives a named file its final name, without replacing what has that name.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        // File systems without hard links, such as FAT.
        Err(e) if matches!(e.raw_os_error(), Some(libc::EPERM | libc::EOPNOTSUPP | libc::ENOSYS)) => {
            shm::rename_to_free(from, to)
        }
        done => done,
    }
}

fn check_mode(mode: u32) -> Result<()> {
    if mode & !0o777 != 0 || mode & 0o600 != 0o600 {
        return Err(Error::InvalidArgument(format!(
            "the mode 0o{mode:o} is not usable; the owner has to read and write (0o600), and nothing beyond 0o777 is known"
        )));
    }
    Ok(())
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

fn create(name: &str, path: &Path, len: u64, unnamed: bool) -> Result<(File, Option<Temporary>)> {
    let dir = folder(path);
    let failed = |source: io::Error| match source.raw_os_error() {
        Some(libc::EROFS) => Error::Unsupported(format!("{} is read-only; mount it for writing", dir.display())),
        Some(libc::EACCES | libc::EPERM) if dir == Path::new(shm::DIR) => Error::Unsupported(
            "this process may not make files in /dev/shm, and shared memory lives there; give it the permission".into(),
        ),
        Some(libc::ENOSPC | libc::EDQUOT) => room::exhausted(name, len, 0, dir),
        _ => Error::System { call: format!("create a file in {}", dir.display()), source },
    };
    if unnamed && let Some(file) = shm::create_unnamed(dir).map_err(failed)? {
        return Ok((file, None));
    }
    static COUNT: AtomicU32 = AtomicU32::new(0);
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let temporary = dir.join(temporary_name(path, std::process::id(), count));
        match shm::create_named(&temporary) {
            Ok(file) => return Ok((file, Some(Temporary(temporary)))),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(failed(e)),
        }
    }
}

/// In /dev/shm it is a reserved array of the same cluster, so that what a killed process left is found with the
/// cluster's other segments; elsewhere a hidden file that says whose it is.
fn temporary_name(path: &Path, pid: u32, count: u32) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match name::parse(&name) {
        Some((cluster, _)) => name::array_segment(cluster, &format!(".draft-{pid}-{count}")),
        None => format!(".tsdsm-draft-{pid}-{count}"),
    }
}

/// Allocates all of the file, watching the memory limits while it does: others may be allocating, too.
fn allocate(name: &str, file: &File, len: u64, dir: &Path) -> Result<()> {
    let is_memory = shm::file_system(dir).is_ok_and(|found| found.is_memory);
    let mut checked = 0;
    in_pieces(len, |done, part| {
        if done - checked >= PIECE && is_memory {
            room::check_memory(name, len, done)?;
            checked = done;
        }
        let allocated = shm::allocate(file, done, part).or_else(|e| match e.raw_os_error() {
            Some(libc::EOPNOTSUPP) if !is_memory => shm::write_zeros(file, done, part),
            _ => Err(e),
        });
        match allocated {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(false),
            Err(e) if matches!(e.raw_os_error(), Some(libc::ENOSPC | libc::EDQUOT | libc::ENOMEM | libc::EFBIG)) => {
                Err(room::exhausted(name, len, done, dir))
            }
            Err(source) => Err(Error::System { call: format!("fallocate {len} bytes for {name}"), source }),
        }
    })
}

/// Calls `allocate` with offset and length of one piece after the other; it says whether it came to the end.
///
/// Older kernels undo the whole call when a signal comes, which it does again and again where a profiler's timer runs: so
/// the pieces become shorter, down to a page, until each is through before the next signal.
fn in_pieces(len: u64, mut allocate: impl FnMut(u64, u64) -> Result<bool>) -> Result<()> {
    let (mut done, mut piece) = (0, PIECE);
    while done < len {
        let part = piece.min(len - done);
        if allocate(done, part)? {
            done += part;
        } else {
            piece = (piece / 2).max(4096);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
