//! Facts about processes: who this one is, whether another is the one we mean, and how one ended.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::{Error, Result};

/// What is known about a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vital {
    /// It runs (or is stopped), and was started at this time, in clock ticks since the machine came up.
    Alive(u64),
    /// There is none of that number, or it is a zombie.
    Dead,
    /// It cannot be asked: there is no /proc, or /proc hides it.
    Unknown,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// By itself, with this exit code.
    Exited(i32),
    /// By this signal.
    Killed(i32),
    /// Its parent had fetched the answer before we could look, on a kernel (before 6.15) that then forgets it.
    Unknown,
}

/// The calling thread's number.
pub fn tid() -> u32 {
    // SAFETY: gettid has no preconditions.
    unsafe { libc::gettid() as u32 }
}

/// Asks /proc about a process. `kill(pid, 0)` would take a zombie for alive.
pub fn vital(pid: u32) -> Vital {
    match fs::read(format!("/proc/{pid}/stat")) {
        Ok(stat) => parse_stat(&stat),
        Err(error) if is_absence(&error) && !exists(pid) && fs::metadata("/proc/self/stat").is_ok() => Vital::Dead,
        // No descriptor left to ask with, or another user's process where /proc shows only one's own.
        Err(_) => Vital::Unknown,
    }
}

/// `ESRCH`: it has ended between open and read.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESRCH))
}

/// Whether there is a process of this number, be it a zombie.
fn exists(pid: u32) -> bool {
    // SAFETY: no pointers, and no signal is sent.
    let answer = unsafe { libc::kill(pid as libc::pid_t, 0) };
    answer == 0 || io::Error::last_os_error().raw_os_error() == Some(libc::EPERM)
}

/// Fields 3 (state) and 22 (start time) stand behind the name, which may itself hold brackets and blanks.
fn parse_stat(stat: &[u8]) -> Vital {
    let Some(end) = stat.iter().rposition(|&byte| byte == b')') else { return Vital::Unknown };
    let rest = String::from_utf8_lossy(&stat[end + 1..]);
    let mut fields = rest.split_ascii_whitespace();
    match (fields.next(), fields.nth(18).and_then(|time| time.parse().ok())) {
        (Some("Z" | "X" | "x"), _) => Vital::Dead,
        (Some(_), Some(time)) => Vital::Alive(time),
        _ => Vital::Unknown,
    }
}

/// When this process was started, as in [`Vital::Alive`]; 0 where /proc is missing.
pub fn own_start_time() -> u64 {
    static TIME: OnceLock<u64> = OnceLock::new();
    *TIME.get_or_init(|| match vital(std::process::id()) {
        Vital::Alive(time) => time,
        Vital::Dead | Vital::Unknown => 0,
    })
}

/// The number of this process's pid namespace; 0 where /proc is missing. A pid of another namespace says nothing here.
pub fn pid_namespace() -> u64 {
    static NAMESPACE: OnceLock<u64> = OnceLock::new();
    *NAMESPACE.get_or_init(|| fs::metadata("/proc/self/ns/pid").map_or(0, |meta| meta.ino()))
}

/// Was this process made by a fork without exec from one that had used this crate? It then shares descriptors, and with
/// them lock tokens, that are its parent's, and must leave them alone. The first call arms the answer for children.
pub fn is_bare_fork() -> bool {
    // The kernel hands this page to children full of zeros: no getpid call, and no number that could be reused.
    static PAGE: OnceLock<Option<&'static AtomicU8>> = OnceLock::new();
    let page = PAGE.get_or_init(|| {
        // SAFETY: a fresh anonymous mapping of one page, never unmapped.
        let page = unsafe {
            let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            libc::mmap(std::ptr::null_mut(), 1, access, kind, -1, 0)
        };
        // SAFETY: the address is that of the page just mapped; the length is rounded up to the page.
        if page == libc::MAP_FAILED || unsafe { libc::madvise(page, 1, libc::MADV_WIPEONFORK) } != 0 {
            return None;
        }
        // SAFETY: the page is mapped, writable and lives for ever; an AtomicU8 has no alignment.
        let byte = unsafe { &*page.cast::<AtomicU8>() };
        byte.store(1, Ordering::Relaxed);
        Some(byte)
    });
    page.is_some_and(|byte| byte.load(Ordering::Relaxed) == 0)
}

/// A descriptor that becomes readable when the process ends.
///
/// # Errors
/// [`Error::System`], with ESRCH when there is no such process (any more).
pub fn pidfd(pid: u32) -> Result<OwnedFd> {
    // SAFETY: pidfd_open takes two integers. It sets close-on-exec by itself.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0) };
    if fd < 0 {
        return Err(Error::last_os(format!("pidfd_open({pid})")));
    }
    // SAFETY: a fresh descriptor that nobody else knows.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// How the child behind `pidfd` ended. Leaves the zombie to its parent's own wait. `None`: it has not ended.
pub fn cause(pidfd: &OwnedFd) -> Option<Cause> {
    // SAFETY: `siginfo_t` is plain data.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let options = libc::WEXITED | libc::WNOWAIT | libc::WNOHANG;
    // SAFETY: `info` is a siginfo_t that the kernel may fill in.
    while unsafe { libc::waitid(libc::P_PIDFD, pidfd.as_raw_fd() as libc::id_t, &mut info, options) } != 0 {
        match io::Error::last_os_error().raw_os_error() {
            Some(libc::EINTR) => {}
            _ => return Some(remembered_cause(pidfd)),
        }
    }
    // SAFETY: waitid filled in the fields of a child's end, or left the zeros that we put there.
    let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
    match (pid, info.si_code) {
        (0, _) => None,
        (_, libc::CLD_EXITED) => Some(Cause::Exited(status)),
        (_, libc::CLD_KILLED | libc::CLD_DUMPED) => Some(Cause::Killed(status)),
        _ => Some(Cause::Unknown),
    }
}

/// What a pidfd remembers of a process that has been waited for: `linux/pidfd.h`, of which the C library has no copy yet.
fn remembered_cause(pidfd: &OwnedFd) -> Cause {
    /// The first version of `struct pidfd_info`.
    #[repr(C)]
    struct Info {
        mask: u64,
        cgroup: u64,
        ids: [u32; 11],
        exit_code: i32,
    }
    const EXIT: u64 = 1 << 3;
    const GET_INFO: u64 = 3 << 30 | (size_of::<Info>() as u64) << 16 | 0xff << 8 | 11;
    let mut info = Info { mask: EXIT, cgroup: 0, ids: [0; 11], exit_code: 0 };
    // SAFETY: the request's number holds the size of what the kernel may fill in; older kernels refuse it.
    let answer = unsafe { libc::ioctl(pidfd.as_raw_fd(), GET_INFO as _, &mut info) };
    match info.exit_code {
        _ if answer != 0 || info.mask & EXIT == 0 => Cause::Unknown,
        code if libc::WIFEXITED(code) => Cause::Exited(libc::WEXITSTATUS(code)),
        code if libc::WIFSIGNALED(code) => Cause::Killed(libc::WTERMSIG(code)),
        _ => Cause::Unknown,
    }
}

/// Fills 16 bytes with the kernel's randomness.
///
/// # Errors
/// [`Error::System`].
pub fn random() -> Result<[u8; 16]> {
    let mut bytes = [0; 16];
    // SAFETY: the buffer is 16 bytes long; up to 256 bytes come whole.
    match unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) } {
        16 => Ok(bytes),
        _ => Err(Error::last_os("getrandom")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_move_the_fields() {
        let stat = b"7 (a) R 1) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 1 2 3";
        assert_eq!(parse_stat(stat), Vital::Alive(4711));
        assert_eq!(parse_stat(b"7 (x) Z 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 1 2 3"), Vital::Dead);
        assert_eq!(parse_stat(b""), Vital::Unknown);
        assert_eq!(parse_stat(b"7 (x) S"), Vital::Unknown);
    }

    #[test]
    fn a_zombie_is_dead_and_its_cause_stays_for_its_parent() {
        let mut child = std::process::Command::new("sh").args(["-c", "exit 7"]).spawn().unwrap();
        let pidfd = pidfd(child.id()).unwrap();
        let cause = std::iter::repeat_with(|| cause(&pidfd)).find_map(|cause| {
            std::thread::yield_now();
            cause
        });
        assert_eq!(cause, Some(Cause::Exited(7)));
        assert_eq!(vital(child.id()), Vital::Dead);
        assert_eq!(child.wait().unwrap().code(), Some(7));
        let now = super::cause(&pidfd);
        assert!(matches!(now, Some(Cause::Exited(7) | Cause::Unknown)), "{now:?}: what has been told stays true");
        assert!(matches!(vital(std::process::id()), Vital::Alive(time) if time == own_start_time()));
    }
}
