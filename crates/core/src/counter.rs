//! A whole number that processes count with: one atomic word, so that no death leaves it half changed.
//!
//! Its operations are those of the processor, here and in JavaScript (`Atomics` on a `BigInt64Array`). All are sequentially
//! consistent; sums wrap at 64 bits.

use crate::object::{Departed, Object};
use crate::primitive::{AtomicU64, Ordering::*};
use crate::word::Owner;

/// A counter in shared memory. All bytes zero is 0.
#[repr(C)]
#[derive(Debug)]
pub struct Layout {
    value: AtomicU64,
}

impl Layout {
    /// A counter that begins with `value`.
    pub fn new(value: i64) -> Self {
        Layout { value: AtomicU64::new(value as u64) }
    }

    /// The value.
    pub fn load(&self) -> i64 {
        self.value.load(SeqCst) as i64
    }

    /// Another value.
    pub fn store(&self, value: i64) {
        self.value.store(value as u64, SeqCst);
    }

    /// Another value; the one before.
    pub fn swap(&self, value: i64) -> i64 {
        self.value.swap(value as u64, SeqCst) as i64
    }

    /// Adds; the value before.
    pub fn fetch_add(&self, more: i64) -> i64 {
        self.value.fetch_add(more as u64, SeqCst) as i64
    }

    /// `new` in the place of `expected`; the value before, as an error where that was another.
    ///
    /// # Errors
    /// The value that stands there, and has not changed.
    pub fn compare_exchange(&self, expected: i64, new: i64) -> Result<i64, i64> {
        let outcome = self.value.compare_exchange(expected as u64, new as u64, SeqCst, SeqCst);
        outcome.map(|before| before as i64).map_err(|found| found as i64)
    }
}

impl Object for Layout {
    fn participant_died(&self, _dead: Departed) {}

    fn participant_left(&self, _leaver: Departed) {}

    fn wake_all(&self) {}

    fn nudge(&self, _me: Owner) {}
}
