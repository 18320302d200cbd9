//! Sleeping on a word of shared memory, between processes.

use crate::primitive::Woken;
use std::{io, ptr};

/// Nanoseconds on the monotonic clock.
pub(crate) fn monotonic_now() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec of our own; this clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// FUTEX_WAIT_BITSET, not private, until `deadline` (absolute, monotonic, nanoseconds).
///
/// # Safety
/// `word` is 4-byte aligned and stays mapped during the call.
pub(crate) unsafe fn wait(word: *const u32, expected: u32, bitset: u32, deadline: u64) -> Woken {
    let seconds = i64::try_from(deadline / 1_000_000_000).unwrap_or(i64::MAX);
    let until = libc::timespec { tv_sec: seconds, tv_nsec: (deadline % 1_000_000_000) as i64 };
    let none = ptr::null::<u32>();
    // SAFETY: the caller's promise for `word`; `until` outlives the call; the second word is unused by this operation.
    let done = unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAIT_BITSET, expected, &until, none, bitset) };
    if done == 0 {
        return Woken::Called;
    }
    match io::Error::last_os_error().raw_os_error() {
        Some(libc::ETIMEDOUT) => Woken::TimedOut,
        Some(libc::EAGAIN) => Woken::Changed,
        _ => Woken::Called, // EINTR: the sleeper looks again, as after any wake
    }
}

/// FUTEX_WAKE_BITSET, not private.
///
/// # Safety
/// `word` is 4-byte aligned. It need not be mapped any more: then nobody is woken.
pub(crate) unsafe fn wake(word: *const u32, count: u32, bitset: u32) -> u32 {
    let count = count.min(i32::MAX as u32);
    let none = ptr::null::<libc::timespec>();
    // SAFETY: the kernel reads nothing through these pointers but the word's mapping, and answers EFAULT where none is.
    let woken = unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE_BITSET, count, none, none, bitset) };
    u32::try_from(woken).unwrap_or(0)
}
