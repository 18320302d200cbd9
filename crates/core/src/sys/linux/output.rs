//! Writing to what may be a pipe that somebody else made non-blocking.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use crate::{Error, Result};

/// Writes all of `bytes`, and blocks until the other side has taken them.
///
/// # Errors
/// [`Error::System`], for instance when the other side is gone (`EPIPE`).
pub fn write_all(to: impl AsFd, mut bytes: &[u8]) -> Result<()> {
    let raw = to.as_fd().as_raw_fd();
    while !bytes.is_empty() {
        // SAFETY: so many bytes are readable there.
        let written = unsafe { libc::write(raw, bytes.as_ptr().cast(), bytes.len()) };
        if written >= 0 {
            bytes = &bytes[written as usize..];
            continue;
        }
        match io::Error::last_os_error() {
            source if source.kind() == io::ErrorKind::Interrupted => {}
            source if source.kind() == io::ErrorKind::WouldBlock => {
                let mut poll = libc::pollfd { fd: raw, events: libc::POLLOUT, revents: 0 };
                // SAFETY: one pollfd. An interrupted or failed poll leads to the next write, which tells.
                unsafe { libc::poll(&mut poll, 1, -1) };
            }
            source => return Err(Error::System { call: format!("write to descriptor {raw}"), source }),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::{FromRawFd, OwnedFd};

    fn pipe(flags: libc::c_int) -> (std::fs::File, OwnedFd) {
        let mut ends = [0; 2];
        // SAFETY: room for two descriptors, which are nobody else's.
        unsafe {
            assert_eq!(libc::pipe2(ends.as_mut_ptr(), flags), 0);
            (std::fs::File::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1]))
        }
    }

    #[test]
    fn a_full_non_blocking_pipe_loses_nothing() {
        let (mut from, to) = pipe(libc::O_CLOEXEC);
        // SAFETY: no pointers.
        unsafe { libc::fcntl(to.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
        let sent: Vec<u8> = (0..1 << 20).map(|i| (i % 251) as u8).collect();
        let copy = sent.clone();
        let writer = std::thread::spawn(move || write_all(&to, &copy));
        let mut received = Vec::new();
        from.read_to_end(&mut received).unwrap();
        writer.join().unwrap().unwrap();
        assert!(received == sent);
    }

    #[test]
    fn a_reader_that_is_gone_is_an_error() {
        let (from, to) = pipe(libc::O_CLOEXEC);
        drop(from);
        // Rust programs, and Node, ignore SIGPIPE.
        assert_eq!(write_all(&to, b"x").unwrap_err().code(), "ERR_TSDSM_SYSTEM");
    }
}
