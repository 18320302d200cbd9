//! A vector times a matrix, where the lines of the matrix lie side by side: as fast as it can be read.

use std::ops::Range;

use super::gemm::DEPTH;
use super::lanes::Lanes;
use super::pack::Side;
use super::tile::Tiled;
use super::word::Word;
use crate::isa::{Isa, Kernel};
use crate::threads::{LINE, Threads};

/// Rows that are added at a time.
const ROWS: usize = 4;

/// Columns whose sums are kept in the first cache.
const COLUMNS: usize = 1024;

/// `out` = a vector of `length` numbers, `step` elements apart, times a matrix whose lines lie side by side: numbers of
/// all its lines, then the next of all of them. Every sum is made in the order in which [`super::gemm`] makes it.
///
/// # Safety
/// The side is right about its operand and about `out`; the vector may be read.
pub(super) unsafe fn sums<W: Tiled>(
    out: *mut W,
    matrix: &Side<'_, W>,
    vector: *const W,
    step: isize,
    length: usize,
    threads: Threads,
) {
    debug_assert!(matrix.line == 1 && matrix.list.is_none());
    let job = Sums { out, matrix, vector, step, length };
    let job = &job;
    threads.split(matrix.count, LINE, length, |part| {
        // SAFETY: the caller's promise; each part has columns of its own.
        unsafe { W::sums(Isa::best())(job, part) }
    });
}

/// What [`sums`] has to do.
pub(crate) struct Sums<'a, W> {
    out: *mut W,
    matrix: &'a Side<'a, W>,
    vector: *const W,
    step: isize,
    length: usize,
}

// SAFETY: each thread writes to places of its own; the memory may be read and written from any thread.
unsafe impl<W> Sync for Sums<'_, W> {}

/// Does a part of it.
///
/// # Safety
/// As [`sums`] has it; nobody else does the same part; the processor has `V`'s instructions.
pub(super) unsafe fn sums_part<V: Lanes<Number: Word>>(job: &Sums<'_, V::Number>, part: Range<usize>) {
    struct Part<'a, V: Lanes>(&'a Sums<'a, V::Number>, Range<usize>);

    impl<V: Lanes<Number: Word>> Kernel for Part<'_, V> {
        type Output = ();

        #[inline(always)]
        fn run(self) {
            // SAFETY: the promise to `sums_part`.
            unsafe { self.0.run::<V>(self.1) }
        }
    }

    V::ISA.run(Part::<V>(job, part));
}

impl<W: Word> Sums<'_, W> {
    /// # Safety
    /// As for `sums_part`. Only for code compiled for `V`'s instructions.
    #[inline(always)]
    unsafe fn run<V: Lanes<Number = W>>(&self, part: Range<usize>) {
        let mut sums = [W::ZERO; COLUMNS];
        for first in part.clone().step_by(COLUMNS) {
            let count = (part.end - first).min(COLUMNS);
            for start in (0..self.length.max(1)).step_by(DEPTH) {
                let depth = (self.length - start).min(DEPTH);
                let number = |k: usize| {
                    // SAFETY: `k` is below `length`.
                    unsafe { *self.vector.wrapping_offset(k as isize * self.step) }
                };
                let row =
                    |k: usize| self.matrix.data.wrapping_offset(k as isize * self.matrix.along).wrapping_add(first);
                sums[..count].fill(W::ZERO);
                let whole = start + depth / ROWS * ROWS;
                // SAFETY: `count` columns are there in each row, and sums for them.
                unsafe {
                    for k in (start..whole).step_by(ROWS) {
                        let k: [usize; ROWS] = std::array::from_fn(|i| k + i);
                        add::<V, ROWS>(sums.as_mut_ptr(), k.map(row), k.map(number), count);
                    }
                    for k in whole..start + depth {
                        add::<V, 1>(sums.as_mut_ptr(), [row(k)], [number(k)], count);
                    }
                    for (j, &sum) in sums[..count].iter().enumerate() {
                        let place = self.out.wrapping_offset((first + j) as isize * self.matrix.out);
                        *place = if start == 0 { sum } else { (*place).plus(sum) };
                    }
                }
            }
        }
    }
}

/// Adds rows, each times its number, to `sums`.
///
/// # Safety
/// All have `count` numbers.
#[inline(always)]
unsafe fn add<V: Lanes<Number: Word>, const N: usize>(
    sums: *mut V::Number,
    rows: [*const V::Number; N],
    numbers: [V::Number; N],
    count: usize,
) {
    // SAFETY: the caller's promise; what is left over goes through a vector in memory.
    unsafe {
        let mut factors = [V::ZERO; N];
        for (factor, number) in factors.iter_mut().zip(numbers) {
            *factor = V::splat(number);
        }
        let whole = count / V::COUNT * V::COUNT;
        for j in (0..whole).step_by(V::COUNT) {
            let mut sum = V::load(sums.add(j));
            for i in 0..N {
                sum = sum.multiply_add(factors[i], V::load(rows[i].add(j)));
            }
            sum.store(sums.add(j));
        }
        let left = count - whole;
        let rest = |from: *const V::Number| {
            let mut rest = V::ZERO;
            std::ptr::copy_nonoverlapping(from, (&raw mut rest).cast(), left);
            rest
        };
        if left > 0 {
            let mut sum = rest(sums.add(whole));
            for i in 0..N {
                sum = sum.multiply_add(factors[i], rest(rows[i].add(whole)));
            }
            std::ptr::copy_nonoverlapping((&raw const sum).cast(), sums.add(whole), left);
        }
    }
}
