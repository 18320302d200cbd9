//! System calls on files that hold memory: made without a name, filled, mapped, and named when they are complete.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Where named shared memory lives.
pub const DIR: &str = "/dev/shm";

/// Opens what is there; never waits (for the other end of a pipe, say), never becomes a controlling terminal.
///
/// With `follow` false a symbolic link is refused (`ELOOP`).
pub fn open(path: &Path, writable: bool, follow: bool) -> io::Result<File> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY | if follow { 0 } else { libc::O_NOFOLLOW };
    OpenOptions::new().read(true).write(writable).custom_flags(flags).open(path)
}

/// Makes a file without a name in `dir`, or says `None` where this file system or machine cannot do that, or could not
/// give it a name later.
pub fn create_unnamed(dir: &Path) -> io::Result<Option<File>> {
    if !Path::new("/proc/self/fd").exists() {
        return Ok(None); // there would be no way to link it
    }
    match OpenOptions::new().read(true).write(true).mode(0o600).custom_flags(libc::O_TMPFILE).open(dir) {
        Ok(file) => Ok(Some(file)),
        // Kernels and file systems that do not know the flag take it for "open this folder for writing".
        Err(e) if matches!(e.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EISDIR | libc::EINVAL)) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Makes a file of a name that must be free.
pub fn create_named(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// Gives a file from [`create_unnamed`] its name, atomically; `EEXIST` where the name is taken.
pub fn link_unnamed(file: &File, path: &Path) -> io::Result<()> {
    let from = CString::new(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    let to = c_path(path)?;
    // SAFETY: both are C strings that live until the call returns.
    let rc =
        unsafe { libc::linkat(libc::AT_FDCWD, from.as_ptr(), libc::AT_FDCWD, to.as_ptr(), libc::AT_SYMLINK_FOLLOW) };
    zero(rc)
}

/// Renames, atomically; `EEXIST` where the new name is taken.
pub fn rename_to_free(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (c_path(from)?, c_path(to)?);
    // The system call itself: musl has had a wrapper for it only since 1.2.6.
    // SAFETY: both are C strings that live until the call returns.
    let rc = unsafe {
        libc::syscall(
            libc::SYS_renameat2,
            libc::AT_FDCWD,
            from.as_ptr(),
            libc::AT_FDCWD,
            to.as_ptr(),
            libc::RENAME_NOREPLACE,
        )
    };
    zero(rc as libc::c_int)
}

/// Gives `len` bytes from `offset` on their storage. They read as zeros, and touching them can no longer fail.
pub fn allocate(file: &File, offset: u64, len: u64) -> io::Result<()> {
    let (Ok(offset), Ok(len)) = (offset.try_into(), len.try_into()) else {
        return Err(io::Error::from_raw_os_error(libc::EFBIG));
    };
    // SAFETY: the descriptor is open; the call touches no memory of ours.
    zero(unsafe { libc::fallocate(file.as_raw_fd(), 0, offset, len) })
}

/// The same for file systems without `fallocate`: writes the zeros.
pub fn write_zeros(file: &File, mut offset: u64, mut len: u64) -> io::Result<()> {
    let zeros = vec![0; len.min(1 << 20) as usize];
    while len > 0 {
        let part = &zeros[..len.min(zeros.len() as u64) as usize];
        file.write_all_at(part, offset)?;
        offset += part.len() as u64;
        len -= part.len() as u64;
    }
    Ok(())
}

/// Maps the first `len` bytes for reading and writing: shared, or private with writes that stay in this mapping.
pub fn map(file: &File, len: usize, shared: bool) -> io::Result<*mut u8> {
    // A private mapping sets no swap aside for writes that hardly ever come.
    let flags = if shared { libc::MAP_SHARED } else { libc::MAP_PRIVATE | libc::MAP_NORESERVE };
    // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing.
    let ptr = unsafe {
        libc::mmap(std::ptr::null_mut(), len, libc::PROT_READ | libc::PROT_WRITE, flags, file.as_raw_fd(), 0)
    };
    if ptr == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(ptr.cast()) }
}

/// Ends a mapping.
///
/// # Safety
/// `ptr` and `len` are what one call of [`map`] gave and took, and nobody uses the memory any more.
pub unsafe fn unmap(ptr: *mut u8, len: usize) {
    // SAFETY: the caller's promise.
    let rc = unsafe { libc::munmap(ptr.cast(), len) };
    debug_assert_eq!(rc, 0);
}

/// What a file system says of itself.
#[derive(Debug, Clone, Copy)]
pub struct FileSystem {
    /// Bytes that may still be allocated; `u64::MAX` where it sets no limit.
    pub free: u64,
    /// Bytes in all; `u64::MAX` where it sets no limit.
    pub total: u64,
    /// Its files are memory: tmpfs, ramfs.
    pub is_memory: bool,
}

/// Asks the file system that `dir` is in.
#[allow(clippy::unnecessary_cast, reason = "the fields' types differ between C libraries")]
pub fn file_system(dir: &Path) -> io::Result<FileSystem> {
    const RAMFS_MAGIC: i64 = 0x8584_58f6;
    let dir = c_path(dir)?;
    // SAFETY: zeros are a valid statfs.
    let mut fs: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: a C string and a statfs, both alive until the call returns.
    zero(unsafe { libc::statfs(dir.as_ptr(), &mut fs) })?;
    let kind = fs.f_type as i64 & 0xffff_ffff;
    let unit = if fs.f_frsize > 0 { fs.f_frsize as u64 } else { fs.f_bsize as u64 };
    // tmpfs with size=0 and ramfs have no blocks of their own to count.
    let bytes = |blocks: u64| if fs.f_blocks == 0 { u64::MAX } else { blocks.saturating_mul(unit) };
    Ok(FileSystem {
        free: bytes(fs.f_bavail),
        total: bytes(fs.f_blocks),
        is_memory: kind == libc::TMPFS_MAGIC as i64 || kind == RAMFS_MAGIC,
    })
}

/// The largest file that this process may make (`ulimit -f`). Going beyond it is a signal that kills, not an error.
pub fn file_size_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: a pointer to an rlimit that lives until the call returns.
    let rc = unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &mut limit) };
    if rc == 0 { limit.rlim_cur } else { libc::RLIM_INFINITY }
}

fn c_path(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

fn zero(rc: libc::c_int) -> io::Result<()> {
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
