//! The product of two matrices, in blocks that fit the caches.
//!
//! The loops are those of K. Goto and R. van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (ACM TOMS 34,
//! 2008): blocks of both operands are laid out in panels, and a tile of the result is summed up in registers. An element
//! of the result is the sum, from the first on, over runs of [`DEPTH`] products, each summed up from its first one. That
//! order depends on nothing but the length of the sum: not on threads, nor on what else is computed.

use rayon::prelude::*;

use super::inner::Inner;
use super::pack::Side;
use super::tile::{Block, Panels, Tile, Tiled};
use super::word::Number;
use crate::error::Result;
use crate::isa::Isa;
use crate::scratch::Scratch;
use crate::share::Shared;
use crate::threads::Threads;

/// Products that are summed up in registers. Panels of so many numbers stay in the first and second cache.
pub(crate) const DEPTH: usize = 384;

/// Lines of each side that are packed at a time, at most: what is packed stays in the last cache.
const PACKED: usize = 2048;

/// Panels of the left and the right side that a thread multiplies at a time: those of the left one stay in its second
/// cache, and there are parts enough for all threads.
const PART: (usize, usize) = (12, 8);

/// Columns that are fewer than the rows and than so many change places with them.
const NARROW: usize = 8;

/// Products that are worth as much as what [`Threads::for_work`] counts.
pub(crate) const PRODUCTS: usize = 16;

/// `out` = what `P` makes of the lines of both sides, each of which has `length` numbers: for [`super::inner::Products`]
/// the product of two matrices.
///
/// # Safety
/// The sides are right about their operands, which may be read, and about `out`, which may be written.
///
/// # Errors
/// [`crate::Error::OutOfMemory`], before anything is written.
pub(crate) unsafe fn gemm<I, O, P: Inner>(
    out: *mut O,
    rows: &Side<'_, I>,
    columns: &Side<'_, I>,
    length: usize,
    threads: Threads,
) -> Result<()>
where
    I: Number<Word: Tiled>,
    O: Number<Word = I::Word>,
{
    // Vectors lie along the columns: so these had better be the ones that `out` has side by side, and not too few. Products
    // and their order stay the same.
    let (rows, columns) = if (rows.is_unit_in_out() && columns.out != 1) || columns.count < rows.count.min(NARROW) {
        (columns, rows)
    } else {
        (rows, columns)
    };
    let tile = I::Word::tile::<I, O, P>(Isa::best());
    let depth = length.min(DEPTH);
    let room = |side: &Side<'_, I>, width: usize| side.count.min(PACKED).next_multiple_of(width) * depth;
    let mut left = Scratch::<I::Word>::new(room(rows, tile.rows))?;
    let mut right = Scratch::<I::Word>::new(room(columns, tile.columns))?;
    let work = rows.count.saturating_mul(columns.count).saturating_mul(length) / PRODUCTS;
    let threads = threads.for_work(work);
    let product = Product {
        tile,
        rows,
        columns,
        out: Shared::new(out),
        left: Shared::new(left.uninit().as_mut_ptr().cast()),
        right: Shared::new(right.uninit().as_mut_ptr().cast()),
        parallel: threads != Threads::ONE,
    };
    // SAFETY: the caller's promise; the scratch memory has room for the blocks.
    threads.install(|| unsafe { product.run(length) });
    Ok(())
}

struct Product<'a, I, O: Number> {
    tile: Tile<I, O>,
    rows: &'a Side<'a, I>,
    columns: &'a Side<'a, I>,
    out: Shared<O>,
    left: Shared<O::Word>,
    right: Shared<O::Word>,
    parallel: bool,
}

impl<I: Number, O: Number<Word = I::Word>> Product<'_, I, O> {
    /// # Safety
    /// As [`gemm`] has it; `left` and `right` have room for blocks.
    unsafe fn run(&self, length: usize) {
        let (rows, columns) = (self.rows.count, self.columns.count);
        // At least one block: an empty sum is 0.
        for start in (0..length.max(1)).step_by(DEPTH) {
            let depth = (length - start).min(DEPTH);
            for column in (0..columns).step_by(PACKED) {
                let column = column..columns.min(column + PACKED);
                for row in (0..rows).step_by(PACKED) {
                    let row = row..rows.min(row + PACKED);
                    let (left, right) = (self.tile.rows, self.tile.columns);
                    let fresh = row.start == 0;
                    let (a, b) = (row.len().div_ceil(left), if fresh { column.len().div_ceil(right) } else { 0 });
                    // SAFETY: each panel has its place.
                    self.each(a + b, |i| unsafe {
                        if i < a {
                            let panel = self.left.at(i * left * depth);
                            self.rows.pack(row.start + i * left, left, start, depth, panel);
                        } else {
                            let panel = self.right.at((i - a) * right * depth);
                            self.columns.pack(column.start + (i - a) * right, right, start, depth, panel);
                        }
                    });
                    let block = Block {
                        rows: self.rows,
                        columns: self.columns,
                        out: self.out.get(),
                        depth,
                        first: start == 0,
                        last: start + depth == length,
                    };
                    let block = &block;
                    let part = (PART.0 * left, PART.1 * right);
                    let wide = column.len().div_ceil(part.1);
                    self.each(row.len().div_ceil(part.0) * wide, |i| {
                        let (i, j) = (i / wide * part.0, i % wide * part.1);
                        let panels =
                            |data: Shared<O::Word>, lines: &std::ops::Range<usize>, i: usize, part: usize| Panels {
                                data: data.get().wrapping_add(i * depth),
                                first: lines.start + i,
                                end: lines.end.min(lines.start + i + part),
                            };
                        let a = panels(self.left, &row, i, part.0);
                        let b = panels(self.right, &column, j, part.1);
                        // SAFETY: these panels have been packed; no other part writes to these lines of both.
                        unsafe { (self.tile.run)(block, a, b) }
                    });
                }
            }
        }
    }

    /// Calls `part` for all of `0..parts`.
    fn each(&self, parts: usize, part: impl Fn(usize) + Sync + Send) {
        if self.parallel {
            (0..parts).into_par_iter().for_each(part);
        } else {
            (0..parts).for_each(part);
        }
    }
}
