//! The atomics, the futex and the clock that the algorithms stand on: the processor's and the system's, or loom's.
//!
//! No algorithm of this crate holds a `cfg` of its own: what loom checks is what runs.

#[cfg(not(loom))]
pub use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
#[cfg(loom)]
pub use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

#[cfg(loom)]
mod modelled;
#[cfg(not(loom))]
mod real;

#[cfg(loom)]
pub use modelled::*;
#[cfg(not(loom))]
pub use real::*;

use std::time::Duration;

/// What a thread can sleep on: 32 bits of shared memory.
#[derive(Clone, Copy, Debug)]
pub enum FutexWord<'a> {
    /// A word of its own.
    Whole(&'a AtomicU32),
    /// The upper half of a 64-bit word.
    Upper(&'a AtomicU64),
}

/// Why a sleep ended. Each of them means: look at the word again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Woken {
    /// Woken, or interrupted by a signal.
    Called,
    /// The word was not what the sleeper thought it was: it did not sleep.
    Changed,
    /// The deadline has passed.
    TimedOut,
}

/// A point in time on the monotonic clock, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Deadline(pub(crate) u64);

impl Deadline {
    /// `wait` from now; a wait too long to count ends never.
    pub fn after(wait: Duration) -> Self {
        let wait = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        Deadline(monotonic_now().saturating_add(wait))
    }

    /// Whether the time has come.
    pub fn passed(self) -> bool {
        monotonic_now() >= self.0
    }
}
