//! Locks on bytes of a file that belong to an *open file description* (`F_OFD_*`), not to a process: the kernel drops
//! them on every kind of death, two threads of one process exclude each other through descriptors of their own, and
//! closing some other descriptor of the file drops nothing.
//!
//! Bytes are only numbers here: they may lie beyond the file's end, and a lock keeps nobody from reading or writing.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::segment::FileId;
use crate::{Error, Result};

/// Takes the write lock on `bytes` if nobody else has any of them. True when it was taken.
///
/// # Errors
/// [`Error::System`] for anything but "somebody has it".
pub fn try_lock(file: &File, bytes: Range<u64>) -> Result<bool> {
    match fcntl(file, libc::F_OFD_SETLK, &mut range(libc::F_WRLCK, &bytes)) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
        Err(source) => Err(failed("F_OFD_SETLK", source)),
    }
}

/// Takes the write lock on `bytes`, blocking until everybody else has let go of them. A signal does not end the wait.
///
/// # Errors
/// [`Error::System`].
pub fn lock(file: &File, bytes: Range<u64>) -> Result<()> {
    wait(file, libc::F_WRLCK, bytes)
}

/// Gives `bytes` back. Cannot fail on a descriptor that took them.
pub fn unlock(file: &File, bytes: Range<u64>) {
    let _ = fcntl(file, libc::F_OFD_SETLK, &mut range(libc::F_UNLCK, &bytes));
}

/// Takes a read lock on `bytes`, blocking until nobody has the write lock. Any number may have it together.
///
/// # Errors
/// [`Error::System`].
pub fn lock_shared(file: &File, bytes: Range<u64>) -> Result<()> {
    wait(file, libc::F_RDLCK, bytes)
}

/// How others hold a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// Not at all.
    Nobody,
    /// By read locks.
    Shared,
    /// By a write lock.
    Exclusive,
}

/// Who else, through *another* open file description, holds a lock on one of `bytes`.
///
/// # Errors
/// [`Error::System`].
pub fn holder(file: &File, bytes: Range<u64>) -> Result<Holder> {
    let mut asked = range(libc::F_WRLCK, &bytes);
    fcntl(file, libc::F_OFD_GETLK, &mut asked).map_err(|source| failed("F_OFD_GETLK", source))?;
    Ok(match i32::from(asked.l_type) {
        libc::F_UNLCK => Holder::Nobody,
        libc::F_RDLCK => Holder::Shared,
        _ => Holder::Exclusive,
    })
}

/// A second open file description of the same file, close-on-exec, also when the file has no name any more. `path` is
/// the way where /proc is missing.
///
/// # Errors
/// [`Error::Closed`] when there is no /proc and the path leads to another file by now; [`Error::System`].
pub fn reopen(file: &File, path: &Path) -> Result<File> {
    let open = |path: &Path, flags: i32| {
        OpenOptions::new().read(true).write(true).custom_flags(libc::O_CLOEXEC | libc::O_NONBLOCK | flags).open(path)
    };
    let own = format!("/proc/self/fd/{}", file.as_raw_fd());
    let again = match open(Path::new(&own), 0) {
        Ok(again) => again,
        Err(_) => match open(path, libc::O_NOFOLLOW) {
            Ok(again) => again,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(closed(path)),
            Err(source) => return Err(Error::System { call: format!("open {}", path.display()), source }),
        },
    };
    if FileId::of(&again)? == FileId::of(file)? { Ok(again) } else { Err(closed(path)) }
}

fn wait(file: &File, kind: i32, bytes: Range<u64>) -> Result<()> {
    loop {
        match fcntl(file, libc::F_OFD_SETLKW, &mut range(kind, &bytes)) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(failed("F_OFD_SETLKW", source)),
        }
    }
}

fn closed(path: &Path) -> Error {
    Error::Closed(path.display().to_string())
}

fn failed(call: &str, source: io::Error) -> Error {
    Error::System { call: call.to_owned(), source }
}

fn range(kind: i32, bytes: &Range<u64>) -> libc::flock {
    // SAFETY: `flock` is plain integers, and the kernel wants l_pid to be 0.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_start = bytes.start as libc::off_t;
    lock.l_len = (bytes.end - bytes.start) as libc::off_t;
    lock
}

fn fcntl(file: &File, command: i32, lock: &mut libc::flock) -> io::Result<()> {
    // SAFETY: the descriptor is open as long as `file` lives, and `lock` is a flock that the kernel may fill in.
    match unsafe { libc::fcntl(file.as_raw_fd(), command, lock) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
