//! Stores past the caches, for results that are too large to stay in them: the memory is not read first, which spares a
//! third of the traffic of an addition, and what lies in the caches stays there.

use std::sync::LazyLock;

/// Bytes of one line of the caches.
pub(crate) const LINE_BYTES: usize = 64;

/// The size that is taken where the system does not tell it.
const FALLBACK: usize = 32 << 20;

/// Bytes of the last cache before memory.
pub(crate) fn last_level_cache() -> usize {
    static SIZE: LazyLock<usize> = LazyLock::new(|| largest_cache().unwrap_or(FALLBACK));
    *SIZE
}

/// The size of the largest cache of the first processor, as Linux tells it (`/sys`), in bytes.
fn largest_cache() -> Option<usize> {
    (0..8)
        .filter_map(|index| {
            std::fs::read_to_string(format!("/sys/devices/system/cpu/cpu0/cache/index{index}/size")).ok()
        })
        .filter_map(|size| {
            let (number, unit) = size.trim().split_at(size.trim().find(|c: char| !c.is_ascii_digit())?);
            let factor = match unit {
                "K" => 1 << 10,
                "M" => 1 << 20,
                _ => return None,
            };
            number.parse::<usize>().ok()?.checked_mul(factor)
        })
        .max()
}

/// The bytes of one line, on their way to memory.
#[derive(Clone, Copy, Default)]
#[repr(C, align(64))]
pub(crate) struct Line([u64; LINE_BYTES / 8]);

impl Line {
    /// Stores it at `to`.
    ///
    /// # Safety
    /// As for [`stream`](Self::stream).
    #[inline(always)]
    pub unsafe fn store(&self, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<Line>().write(*self) };
    }

    /// Stores it at `to`, past the caches where the processor can do that.
    ///
    /// # Safety
    /// A line may be written at `to`, which is aligned to one.
    #[inline(always)]
    pub unsafe fn stream(&self, to: *mut u8) {
        #[cfg(target_arch = "x86_64")]
        for part in 0..LINE_BYTES / 16 {
            use std::arch::x86_64::{__m128i, _mm_load_si128, _mm_stream_si128};
            // SAFETY: the caller's promise; SSE2 is part of x86-64.
            unsafe {
                let value = _mm_load_si128((&raw const self.0).cast::<__m128i>().add(part));
                _mm_stream_si128(to.cast::<__m128i>().add(part), value);
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        // SAFETY: the caller's promise.
        unsafe {
            self.store(to);
        }
    }
}

/// Copies bytes past the caches where the processor can do that. [`fence`] has to follow before others are told of them.
///
/// # Safety
/// `from` may be read, `to` may be written, and they do not overlap.
pub(crate) unsafe fn copy(to: *mut u8, from: *const u8, bytes: usize) {
    let head = to.align_offset(LINE_BYTES).min(bytes);
    let tail = bytes - (bytes - head) % LINE_BYTES;
    // SAFETY: the caller's promise; all lies within, and what lies between head and tail are whole lines.
    unsafe {
        to.copy_from_nonoverlapping(from, head);
        for at in (head..tail).step_by(LINE_BYTES) {
            from.add(at).cast::<Line>().read_unaligned().stream(to.add(at));
        }
        to.add(tail).copy_from_nonoverlapping(from.add(tail), bytes - tail);
    }
}

/// Puts the stores of [`copy`] and [`Line::stream`] before all that this thread does after it.
pub(crate) fn fence() {
    // SAFETY: every x86-64 has it.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}
