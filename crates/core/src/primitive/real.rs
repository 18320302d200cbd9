//! The real futex and clock.

use super::{AtomicU32, AtomicU64, Deadline, FutexWord, Woken};
use crate::sys::futex;

pub(super) use crate::sys::futex::monotonic_now;

/// Whether looking again and again makes sense.
pub(crate) const SPINS: bool = true;

fn address(word: FutexWord<'_>) -> *const u32 {
    match word {
        FutexWord::Whole(word) => AtomicU32::as_ptr(word).cast_const(),
        FutexWord::Upper(word) => {
            let halves = AtomicU64::as_ptr(word).cast::<u32>().cast_const();
            if cfg!(target_endian = "little") { halves.wrapping_add(1) } else { halves }
        }
    }
}

/// Sleeps while the word is `expected`, until a wake whose bits meet `bitset`, a signal, or the deadline.
///
/// Works between processes: the word may lie in a shared mapping.
pub fn futex_wait(word: FutexWord<'_>, expected: u32, bitset: u32, deadline: Deadline) -> Woken {
    // SAFETY: the reference keeps the word's memory mapped for the length of the call, and it is 4-byte aligned.
    unsafe { futex::wait(address(word), expected, bitset, deadline.0) }
}

/// Wakes up to `count` sleepers of the word whose bits meet `bitset`; returns how many.
pub fn futex_wake(word: FutexWord<'_>, count: u32, bitset: u32) -> u32 {
    // SAFETY: as above.
    unsafe { futex::wake(address(word), count, bitset) }
}

/// Lets another thread of this core run.
pub(crate) fn yield_now() {
    std::thread::yield_now();
}
