//! Squares of elements, as wide as a line of the cache: what is read and what is written are whole lines.

use crate::isa::Kernel;
use crate::stream;

/// A part of a matrix that is to be turned: element (i, j) of the input, `input_step` apart along i and 1 along j, becomes
/// element (j, i) of the output, `out_step` apart along j and 1 along i.
pub(super) struct Tiles<W, const LINE: usize> {
    pub out: *mut W,
    pub out_step: isize,
    pub input: *const W,
    pub input_step: isize,
    pub rows: usize,
    pub columns: usize,
    /// Whether to store past the caches: lines of the output are lines of the cache.
    pub stream: bool,
}

/// A word whose squares of `LINE` by `LINE` are turned.
pub(super) trait Word<const LINE: usize>: Copy + Default {
    /// The words of two vectors in turn: those of the lower halves, and those of the upper ones.
    fn zip(a: Vector, b: Vector) -> (Vector, Vector);

    /// Turns the square at `from`, whose rows are `step` elements apart.
    ///
    /// A vector of N words is a row of a smaller square of N. That is turned when its rows have been zipped log2(N) times,
    /// each with the one that is half of the square away.
    ///
    /// # Safety
    /// Its elements may be read.
    #[inline(always)]
    unsafe fn turn(from: *const Self, step: isize, square: &mut Square<Self, LINE>) {
        let count = LINE / 4;
        for i in (0..LINE).step_by(count) {
            for j in (0..LINE).step_by(count) {
                let mut rows = [EMPTY; 16];
                for (k, row) in rows[..count].iter_mut().enumerate() {
                    let place = from.wrapping_offset((i + k) as isize * step).wrapping_add(j);
                    // SAFETY: the caller's promise.
                    *row = unsafe { place.cast::<Vector>().read_unaligned() };
                }
                for _ in 0..count.trailing_zeros() {
                    let mut zipped = [EMPTY; 16];
                    for k in 0..count / 2 {
                        (zipped[2 * k], zipped[2 * k + 1]) = Self::zip(rows[k], rows[k + count / 2]);
                    }
                    rows = zipped;
                }
                for (k, row) in rows[..count].iter().enumerate() {
                    let place = square.0[j + k][i..i + count].as_mut_ptr();
                    // SAFETY: a vector has `count` words.
                    unsafe { place.cast::<Vector>().write_unaligned(*row) };
                }
            }
        }
    }
}

/// Sixteen bytes.
#[cfg(target_arch = "x86_64")]
type Vector = std::arch::x86_64::__m128i;
#[cfg(target_arch = "aarch64")]
type Vector = std::arch::aarch64::uint8x16_t;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
type Vector = [u8; 16];

// SAFETY: a vector of numbers may hold any bits.
const EMPTY: Vector = unsafe { std::mem::zeroed() };

macro_rules! words {
    ($($word:ty, $line:literal, $low:ident, $high:ident, $zip_low:ident, $zip_high:ident;)*) => {
        $(
            impl Word<$line> for $word {
                #[cfg(target_arch = "x86_64")]
                #[inline(always)]
                fn zip(a: Vector, b: Vector) -> (Vector, Vector) {
                    use std::arch::x86_64::{$low, $high};
                    // SAFETY: SSE2 is part of x86-64.
                    unsafe { ($low(a, b), $high(a, b)) }
                }

                #[cfg(target_arch = "aarch64")]
                #[inline(always)]
                fn zip(a: Vector, b: Vector) -> (Vector, Vector) {
                    use std::arch::aarch64::{$zip_low, $zip_high};
                    // SAFETY: NEON is part of arm64; vectors of the same size hold the same bits.
                    unsafe {
                        let (a, b) = (std::mem::transmute(a), std::mem::transmute(b));
                        (std::mem::transmute($zip_low(a, b)), std::mem::transmute($zip_high(a, b)))
                    }
                }

                #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
                fn zip(a: Vector, b: Vector) -> (Vector, Vector) {
                    const SIZE: usize = size_of::<$word>();
                    let half = |from: usize| {
                        std::array::from_fn(|i| {
                            let place = from + i / (2 * SIZE) * SIZE + i % SIZE;
                            if i / SIZE % 2 == 0 { a[place] } else { b[place] }
                        })
                    };
                    (half(0), half(8))
                }
            }
        )*
    };
}

words! {
    u8, 64, _mm_unpacklo_epi8, _mm_unpackhi_epi8, vzip1q_u8, vzip2q_u8;
    u16, 32, _mm_unpacklo_epi16, _mm_unpackhi_epi16, vzip1q_u16, vzip2q_u16;
    u32, 16, _mm_unpacklo_epi32, _mm_unpackhi_epi32, vzip1q_u32, vzip2q_u32;
    u64, 8, _mm_unpacklo_epi64, _mm_unpackhi_epi64, vzip1q_u64, vzip2q_u64;
}

/// A turned square, as lines.
#[repr(align(64))]
pub(super) struct Square<W, const LINE: usize>([[W; LINE]; LINE]);

impl<W: Word<LINE>, const LINE: usize> Kernel for Tiles<W, LINE> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let mut square = Square([[W::default(); LINE]; LINE]);
        for i in (0..self.rows).step_by(LINE) {
            for j in (0..self.columns).step_by(LINE) {
                let input = self.input.wrapping_offset(i as isize * self.input_step).wrapping_add(j);
                let out = self.out.wrapping_offset(j as isize * self.out_step).wrapping_add(i);
                let (rows, columns) = ((self.rows - i).min(LINE), (self.columns - j).min(LINE));
                if rows < LINE || columns < LINE {
                    self.rest(input, out, rows, columns);
                    continue;
                }
                // SAFETY: the square lies in the input, and its turned form in the output.
                unsafe {
                    W::turn(input, self.input_step, &mut square);
                    for (j, line) in square.0.iter().enumerate() {
                        let to = out.wrapping_offset(j as isize * self.out_step);
                        if self.stream {
                            stream::copy(to.cast(), line.as_ptr().cast(), stream::LINE_BYTES);
                        } else {
                            to.copy_from_nonoverlapping(line.as_ptr(), LINE);
                        }
                    }
                }
            }
        }
    }
}

impl<W: Copy, const LINE: usize> Tiles<W, LINE> {
    /// What is no whole square.
    #[inline(always)]
    fn rest(&self, input: *const W, out: *mut W, rows: usize, columns: usize) {
        for j in 0..columns {
            for i in 0..rows {
                let from = input.wrapping_offset(i as isize * self.input_step).wrapping_add(j);
                let to = out.wrapping_offset(j as isize * self.out_step).wrapping_add(i);
                // SAFETY: an element of both.
                unsafe { *to = *from };
            }
        }
    }
}
