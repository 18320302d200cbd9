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

/// Copies bytes past the caches where the processor can do that. [`fence`] has to follow before others are told of them.
///
/// # Safety
/// `from` may be read, `to` may be written, and they do not overlap.
pub(crate) unsafe fn copy(to: *mut u8, from: *const u8, bytes: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller's promise; the parts are within.
    unsafe {
        let head = to.align_offset(LINE_BYTES).min(bytes);
        let body = (bytes - head) / LINE_BYTES * LINE_BYTES;
        to.copy_from_nonoverlapping(from, head);
        x86::lines(to.add(head), from.add(head), body);
        to.add(head + body).copy_from_nonoverlapping(from.add(head + body), bytes - head - body);
    }
    #[cfg(not(target_arch = "x86_64"))]
    // SAFETY: the caller's promise.
    unsafe {
        to.copy_from_nonoverlapping(from, bytes);
    }
}

/// Puts the stores of [`copy`] before all that this thread does after it.
pub(crate) fn fence() {
    // SAFETY: every x86-64 has it.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m128i, __m256i, _mm_loadu_si128, _mm_stream_si128, _mm256_loadu_si256, _mm256_stream_si256,
    };

    use super::LINE_BYTES;
    use crate::isa::Isa;

    /// Copies whole lines. `to` is aligned to a line.
    pub unsafe fn lines(to: *mut u8, from: *const u8, bytes: usize) {
        if Isa::best() == Isa::Baseline {
            // SAFETY: the caller's promise; SSE2 is part of x86-64.
            unsafe { sse2(to, from, bytes) };
        } else {
            // SAFETY: as above, and the processor has AVX2.
            unsafe { avx2(to, from, bytes) };
        }
    }

    unsafe fn sse2(to: *mut u8, from: *const u8, bytes: usize) {
        for at in (0..bytes).step_by(LINE_BYTES) {
            for part in (0..LINE_BYTES).step_by(16) {
                // SAFETY: within the lines; `to` is aligned.
                unsafe {
                    let value = _mm_loadu_si128(from.add(at + part).cast::<__m128i>());
                    _mm_stream_si128(to.add(at + part).cast(), value);
                }
            }
        }
    }

    #[target_feature(enable = "avx2")]
    unsafe fn avx2(to: *mut u8, from: *const u8, bytes: usize) {
        for at in (0..bytes).step_by(LINE_BYTES) {
            // SAFETY: within the lines; `to` is aligned.
            unsafe {
                let low = _mm256_loadu_si256(from.add(at).cast::<__m256i>());
                let high = _mm256_loadu_si256(from.add(at + 32).cast::<__m256i>());
                _mm256_stream_si256(to.add(at).cast(), low);
                _mm256_stream_si256(to.add(at + 32).cast(), high);
            }
        }
    }
}
