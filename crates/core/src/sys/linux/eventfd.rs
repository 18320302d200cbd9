//! Event descriptors: a counter in the kernel that wakes whoever polls it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use crate::{Error, Result};

/// A new one, non-blocking and closed on exec.
///
/// # Errors
/// [`Error::System`] where the process has no descriptor left.
pub fn create() -> Result<OwnedFd> {
    // SAFETY: no pointers.
    let raw = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if raw < 0 {
        return Err(Error::last_os("eventfd for a doorbell"));
    }
    // SAFETY: fresh, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Rings it. Rings that nobody has drained yet count as one.
///
/// # Errors
/// [`Error::System`] where `descriptor` cannot be written.
pub fn ring(descriptor: impl AsFd) -> Result<()> {
    let one = 1u64.to_ne_bytes();
    loop {
        // SAFETY: eight bytes are readable at `one`.
        let written = unsafe { libc::write(descriptor.as_fd().as_raw_fd(), one.as_ptr().cast(), one.len()) };
        if written >= 0 {
            return Ok(());
        }
        match io::Error::last_os_error() {
            source if source.kind() == io::ErrorKind::Interrupted => {}
            // The counter is at its end: it has been rung before and not been drained.
            source if source.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            source => return Err(Error::System { call: "write to a doorbell".into(), source }),
        }
    }
}

/// Takes the rings that have come.
pub fn drain(descriptor: impl AsFd) {
    let mut counter = [0u8; 8];
    // SAFETY: eight bytes are writable at `counter`. Nothing to read is as good as drained, and any other failure
    // shows at the next poll.
    unsafe { libc::read(descriptor.as_fd().as_raw_fd(), counter.as_mut_ptr().cast(), counter.len()) };
}

/// Closes it in programs that this process executes, also if it was inherited without that.
///
/// # Errors
/// [`Error::System`] where it is not open.
pub fn close_on_exec(descriptor: impl AsFd) -> Result<()> {
    // SAFETY: no pointers.
    match unsafe { libc::fcntl(descriptor.as_fd().as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) } {
        0 => Ok(()),
        _ => Err(Error::last_os("fcntl of a doorbell")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_readable(descriptor: &OwnedFd) -> bool {
        let mut poll = libc::pollfd { fd: descriptor.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one pollfd, no waiting.
        unsafe { libc::poll(&mut poll, 1, 0) == 1 }
    }

    #[test]
    fn any_number_of_rings_is_drained_at_once() {
        let bell = create().unwrap();
        drain(&bell);
        assert!(!is_readable(&bell));
        ring(&bell).unwrap();
        ring(&bell).unwrap();
        assert!(is_readable(&bell));
        drain(&bell);
        assert!(!is_readable(&bell));
    }

    #[test]
    fn ringing_what_cannot_be_written_is_an_error() {
        let null = std::fs::File::open("/dev/null").unwrap();
        let error = ring(&null).unwrap_err();
        assert_eq!(error.code(), "ERR_TSDSM_SYSTEM");
    }
}
