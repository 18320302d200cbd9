//! The product of two matrices, in blocks that fit the caches.
//!
//! The loops are those of K. Goto and R. van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (ACM TOMS 34,
//! 2008): blocks of both operands are laid out in panels, and a tile of the result is summed up in registers. An element
//! of the result is the sum, from the first on, over runs of [`DEPTH`] products, each summed up from its first one. That
//! order depends on nothing but the length of the sum: not on threads, nor on what else is computed.

use std::ops::Range;

use super::inner::Inner;
use super::pack::Side;
use super::steps::{Member, in_steps};
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

/// Panels of the left and the right side that a thread multiplies at a time, at most: those of the left one stay in its
/// second cache.
const PART: [usize; 2] = [12, 4];

/// Parts for each thread, at least, where there are panels enough: so they end together.
const PARTS: usize = 16;

/// Rows for each thread from which on it packs all that it needs for itself: what one has packed and another reads, or is to
/// be packed where another has read, is fetched from core to core, which takes longer than to pack it twice. The second is
/// for more products than `FEW`, with more memory to ask for.
const ROWS_APART: [usize; 2] = [64, 512];
const FEW: usize = 1 << 30;

/// Columns that are fewer than the rows and than so many change places with them.
const NARROW: usize = 8;

/// Products of packed numbers that are worth as much as what [`Threads::for_work`] counts.
pub(crate) const PRODUCTS: usize = 8;

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
    let products = rows.count.saturating_mul(columns.count).saturating_mul(length);
    let threads = threads.for_work(products / PRODUCTS);
    let apart = rows.count >= ROWS_APART[usize::from(products > FEW)] * threads.count();
    let (sharers, team) = if apart { (threads, Threads::ONE) } else { (Threads::ONE, threads) };
    let shares = sharers.parts(rows.count, tile.rows);

    let depth = length.min(DEPTH);
    let room = |count: usize, width: usize| count.min(PACKED).next_multiple_of(width) * depth;
    let most = shares.iter().map(Range::len).max().unwrap_or(0);
    let room = [room(most, tile.rows), room(columns.count, tile.columns)];
    let mut left = Scratch::<I::Word>::new(room[0] * shares.len())?;
    let mut right = Scratch::<I::Word>::new(room[1] * shares.len())?;
    let left = Shared::new(left.uninit().as_mut_ptr().cast());
    let right = Shared::new(right.uninit().as_mut_ptr().cast());
    let out = Shared::new(out);
    sharers.scatter(shares.len(), |i| {
        let Range { start, end } = shares[i];
        let rows_there = rows.part(start, end - start);
        // SAFETY: the caller's promise; there is room for the blocks of each share, whose rows are its own.
        unsafe {
            let product = Product {
                tile: &tile,
                rows: &rows_there,
                columns,
                out: Shared::new(out.get().wrapping_offset(rows.skipped(start))),
                left: Shared::new(left.at(i * room[0])),
                right: Shared::new(right.at(i * room[1])),
                threads: team,
            };
            in_steps(team, |member| product.run(length, member));
        }
    });
    Ok(())
}

struct Product<'a, I, O: Number> {
    tile: &'a Tile<I, O>,
    rows: &'a Side<'a, I>,
    columns: &'a Side<'a, I>,
    out: Shared<O>,
    left: Shared<O::Word>,
    right: Shared<O::Word>,
    threads: Threads,
}

impl<I: Number, O: Number<Word = I::Word>> Product<'_, I, O> {
    /// # Safety
    /// As [`gemm`] has it; `left` and `right` have room for blocks.
    unsafe fn run(&self, length: usize, mut member: Member<'_>) {
        let (rows, columns) = (self.rows.count, self.columns.count);
        let (left, right) = (self.tile.rows, self.tile.columns);
        // At least one block: an empty sum is 0.
        for start in (0..length.max(1)).step_by(DEPTH) {
            let depth = (length - start).min(DEPTH);
            for column in (0..columns).step_by(PACKED) {
                let column = column..columns.min(column + PACKED);
                for row in (0..rows).step_by(PACKED) {
                    let row = row..rows.min(row + PACKED);
                    let panels = [row.len().div_ceil(left), column.len().div_ceil(right)];
                    let fresh = if row.start == 0 { panels[1] } else { 0 };
                    // SAFETY: each panel has its place.
                    member.each(panels[0] + fresh, |i| unsafe {
                        if let Some(i) = i.checked_sub(panels[0]) {
                            let panel = self.right.at(i * right * depth);
                            (self.tile.pack_columns)(self.columns, column.start + i * right, start, depth, panel);
                        } else {
                            let panel = self.left.at(i * left * depth);
                            (self.tile.pack_rows)(self.rows, row.start + i * left, start, depth, panel);
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
                    let [high, wide] = self.parts(panels);
                    let part = |data: Shared<O::Word>, lines: &Range<usize>, width: usize, i: usize, parts: usize| {
                        let bound = |i: usize| lines.len().div_ceil(width) * i / parts * width;
                        Panels {
                            data: data.get().wrapping_add(bound(i) * depth),
                            first: lines.start + bound(i),
                            end: lines.end.min(lines.start + bound(i + 1)),
                        }
                    };
                    member.each(high * wide, |i| {
                        let a = part(self.left, &row, left, i / wide, high);
                        let b = part(self.right, &column, right, i % wide, wide);
                        // SAFETY: these panels have been packed; no other part writes to these lines of both.
                        unsafe { (self.tile.run)(&block, a, b) }
                    });
                }
            }
        }
    }

    /// Into how many parts the panels of each side are split.
    fn parts(&self, panels: [usize; 2]) -> [usize; 2] {
        let [mut high, mut wide] = [panels[0].div_ceil(PART[0]), panels[1].div_ceil(PART[1])];
        if self.threads != Threads::ONE {
            while high * wide < PARTS * self.threads.count() && [high, wide] != panels {
                // The longer side of a part is halved.
                if wide == panels[1]
                    || high < panels[0] && panels[0] * self.tile.rows / high > panels[1] * self.tile.columns / wide
                {
                    high = panels[0].min(2 * high);
                } else {
                    wide = panels[1].min(2 * wide);
                }
            }
        }
        [high, wide]
    }
}
