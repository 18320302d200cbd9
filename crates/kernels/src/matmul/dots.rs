//! A matrix times a vector, where the numbers of each line of the matrix lie one after the other: as fast as it can be
//! read.

use std::ops::Range;

use super::lanes::Lanes;
use super::pack::Side;
use super::tile::Tiled;
use super::word::Word;
use crate::error::Result;
use crate::isa::{Isa, Kernel};
use crate::scratch::Scratch;
use crate::threads::Threads;

/// Numbers of a line that one sum is made of; longer lines are sums of such sums, in order, so that threads can share a
/// line. They stay in the second cache while the lines that they are multiplied with pass by.
const PIECE: usize = 8 << 10;

/// Lines that are multiplied with one part of the vector at a time.
const LINES: usize = 4;

/// Vectors that a line's sum is kept in.
const SUMS: usize = 2;

/// `out` = the lines of `matrix` times a vector of `length` numbers, `step` elements apart, where the numbers of each line
/// lie one after the other.
///
/// # Safety
/// The side is right about its operand and about `out`; the vector may be read.
///
/// # Errors
/// [`crate::Error::OutOfMemory`], before anything is written.
pub(super) unsafe fn dots<W: Tiled>(
    out: *mut W,
    matrix: &Side<'_, W>,
    vector: *const W,
    step: isize,
    length: usize,
    threads: Threads,
) -> Result<()> {
    debug_assert_eq!(matrix.along, 1);
    let mut copy = Scratch::<W>::new(if step == 1 { 0 } else { length })?;
    let vector = if step == 1 {
        vector
    } else {
        let to: *mut W = copy.uninit().as_mut_ptr().cast();
        for i in 0..length {
            // SAFETY: the copy has so many elements, and so has the vector.
            unsafe { *to.add(i) = *vector.wrapping_offset(i as isize * step) };
        }
        to
    };
    let pieces = length.div_ceil(PIECE).max(1);
    let groups = matrix.count.div_ceil(LINES);
    // Where lines are in one piece their sums go straight to `out`.
    let mut sums = Scratch::<W>::new(if pieces == 1 { 0 } else { matrix.count.saturating_mul(pieces) })?;
    let job = Dots { out, matrix, vector, length, pieces, sums: sums.uninit().as_mut_ptr().cast() };
    let job = &job;
    threads.split(groups * pieces, 1, length.min(PIECE) * LINES, |part| {
        // SAFETY: the caller's promise; each part has sums of its own.
        unsafe { W::dots(Isa::best())(job, part) }
    });
    if pieces > 1 {
        for i in 0..matrix.count {
            // SAFETY: all sums have been written; the caller's promise for `out`.
            unsafe {
                let sums = job.sums.add(i * pieces);
                let sum = (1..pieces).fold(*sums, |sum, piece| sum.plus(*sums.add(piece)));
                *out.wrapping_offset(matrix.place(i)) = sum;
            }
        }
    }
    Ok(())
}

/// What [`dots`] has to do: for each group of lines, each piece.
pub(crate) struct Dots<'a, W> {
    out: *mut W,
    matrix: &'a Side<'a, W>,
    vector: *const W,
    length: usize,
    pieces: usize,
    sums: *mut W,
}

// SAFETY: each thread writes to places of its own; the memory may be read and written from any thread.
unsafe impl<W> Sync for Dots<'_, W> {}

/// Does a part of it.
///
/// # Safety
/// As [`dots`] has it; nobody else does the same part; the processor has `V`'s instructions.
pub(super) unsafe fn dots_part<V: Lanes<Number: Word>>(job: &Dots<'_, V::Number>, part: Range<usize>) {
    struct Part<'a, V: Lanes>(&'a Dots<'a, V::Number>, Range<usize>);

    impl<V: Lanes<Number: Word>> Kernel for Part<'_, V> {
        type Output = ();

        #[inline(always)]
        fn run(self) {
            // SAFETY: the promise to `dots_part`.
            unsafe { self.0.run::<V>(self.1) }
        }
    }

    V::ISA.run(Part::<V>(job, part));
}

impl<W: Word> Dots<'_, W> {
    /// # Safety
    /// As for `dots_part`. Only for code compiled for `V`'s instructions.
    #[inline(always)]
    unsafe fn run<V: Lanes<Number = W>>(&self, part: Range<usize>) {
        for item in part {
            let (first, piece) = (item / self.pieces * LINES, item % self.pieces);
            let start = piece * PIECE;
            let length = (self.length - start).min(PIECE);
            let line = |i: usize| {
                let line = self.matrix.data.wrapping_offset(self.matrix.index(i) * self.matrix.line);
                line.wrapping_add(start)
            };
            // SAFETY: these lines are there, and so many numbers in them and in the vector.
            unsafe {
                let vector = self.vector.wrapping_add(start);
                let last = self.matrix.count.min(first + LINES);
                if last - first == LINES {
                    let lines = std::array::from_fn(|i| line(first + i));
                    let sums = dot::<V, LINES>(lines, vector, length);
                    for (i, sum) in sums.into_iter().enumerate() {
                        self.put(first + i, piece, sum);
                    }
                } else {
                    for i in first..last {
                        let [sum] = dot::<V, 1>([line(i)], vector, length);
                        self.put(i, piece, sum);
                    }
                }
            }
        }
    }

    /// # Safety
    /// As for `run`.
    #[inline(always)]
    unsafe fn put(&self, line: usize, piece: usize, sum: W) {
        let place = if self.pieces == 1 {
            self.out.wrapping_offset(self.matrix.place(line))
        } else {
            self.sums.wrapping_add(line * self.pieces + piece)
        };
        // SAFETY: a place in `out`, or one of the sums.
        unsafe { *place = sum }
    }
}

/// Sums of products of lines and a vector. Each sum is made in the same order, however many lines there are.
///
/// # Safety
/// All have `length` numbers.
#[inline(always)]
unsafe fn dot<V: Lanes<Number: Word>, const N: usize>(
    lines: [*const V::Number; N],
    vector: *const V::Number,
    length: usize,
) -> [V::Number; N] {
    let step = SUMS * V::COUNT;
    let mut sums = [[V::ZERO; SUMS]; N];
    // SAFETY: the caller's promise; what is left over goes through arrays as long as a step.
    unsafe {
        let whole = length / step * step;
        for k in (0..whole).step_by(step) {
            for j in 0..SUMS {
                let x = V::load(vector.add(k + j * V::COUNT));
                for (sums, line) in sums.iter_mut().zip(lines) {
                    sums[j] = sums[j].multiply_add(V::load(line.add(k + j * V::COUNT)), x);
                }
            }
        }
        if whole < length {
            let rest = |from: *const V::Number| {
                let mut rest = [[V::ZERO; SUMS]; 1];
                let to: *mut V::Number = rest.as_mut_ptr().cast();
                std::ptr::copy_nonoverlapping(from.add(whole), to, length - whole);
                rest[0]
            };
            let x = rest(vector);
            for (sums, line) in sums.iter_mut().zip(lines) {
                let numbers = rest(line);
                for j in 0..SUMS {
                    sums[j] = sums[j].multiply_add(numbers[j], x[j]);
                }
            }
        }
        sums.map(|sums| {
            let sums: *const V::Number = sums.as_ptr().cast();
            (1..step).fold(*sums, |sum, i| sum.plus(*sums.add(i)))
        })
    }
}
