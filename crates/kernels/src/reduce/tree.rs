//! The tree of a reduction: blocks, the blocks of their results, and so on until there is one.

use std::mem::MaybeUninit;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::array::Array;
use crate::cast::Casts;
use crate::dtype::DType;
use crate::error::Result;
use crate::field::{Field, Line, Order, TILE};
use crate::scratch::Scratch;
use crate::share::Shared;
use crate::threads::Threads;

use super::feed::{Buffers, Feed, Map};
use super::finish::Finish;
use super::fold::Fold;

/// Elements of a block.
pub const BLOCK: usize = 4096;

/// Reduced elements below which results are made side by side, however far apart their elements lie.
const SHORT: usize = 32;

/// The most results that are made side by side.
pub(super) const WIDE: usize = 4 * TILE;

/// Accumulators of one task: those of all lanes of a tile, or one for each level of the tree of 16 lanes.
pub(super) const ACCUMULATORS: usize = 5 * WIDE;

/// What lies side by side while a block is folded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The elements of one result, or those of a few results, in turn: as they lie in memory.
    All,
    /// The elements of one result, which lie closest to each other.
    Rows,
    /// One element of each of many results, since these lie closest.
    Columns,
}

/// A reduction of an array over some of its axes.
pub(super) struct Tree<'a> {
    pub fold: Fold,
    pub feed: Feed<'a>,
    /// Elements of one result.
    pub reduced: usize,
    /// Results.
    pub kept: usize,
    pub side: Side,
}

impl<'a> Tree<'a> {
    /// The reduction of a feed of `reduced` elements for each of `kept` results.
    pub fn new(fold: Fold, feed: Feed<'a>, reduced: usize, kept: usize) -> Tree<'a> {
        let (reduced_step, kept_step) = feed.field.steps();
        let side = if kept == 1 || kept * lanes_of_few(&fold) <= TILE {
            Side::All
        } else if reduced < SHORT || kept_step.unsigned_abs() < reduced_step.unsigned_abs() {
            Side::Columns
        } else {
            Side::Rows
        };
        Tree { fold, feed, reduced, kept, side }
    }

    /// Blocks of each result.
    pub fn blocks(&self) -> usize {
        self.reduced.div_ceil(BLOCK)
    }

    /// Does all of it, and writes the results.
    ///
    /// # Errors
    /// [`crate::Error::OutOfMemory`] where there is no memory for the blocks' results; nothing is written then.
    pub fn run(&self, finish: &Finish<'_>, threads: Threads) -> Result<()> {
        let blocks = self.blocks();
        if blocks <= 1 {
            self.each_block(0..blocks, threads, &|_, kept, results| finish.write(kept, results));
            return Ok(());
        }
        let size = self.fold.dtype.size();
        let mut partials = Scratch::<u64>::new((blocks * self.kept * size).div_ceil(8))?;
        let shared = Shared::new(partials.uninit().as_mut_ptr().cast::<u8>());
        self.each_block(0..blocks, threads, &|block, kept, results| {
            let at = (block * self.kept + kept.start) * size;
            // SAFETY: there is room for each block's results, and no other task writes these.
            unsafe { shared.at(at).copy_from_nonoverlapping(results, kept.len() * size) };
        });
        let shape = [blocks, self.kept];
        // SAFETY: the partials are there, and are not written any more.
        let partials = unsafe { Array::from_raw(shared.get(), self.fold.dtype, &shape, &[self.kept as isize, 1])? };
        Tree::of_partials(self.fold, &partials).run(finish, threads)
    }

    /// The reduction along the first axis of an array of accumulators.
    pub fn of_partials(fold: Fold, partials: &Array<'a>) -> Tree<'a> {
        let mut axes = Order { rank: partials.rank(), ..Order::of_one() };
        axes.reduced[0] = true;
        let field = Field::new(partials, &axes);
        let feed = Feed { field, casts: Casts::new(fold.dtype, fold.dtype), map: Map::Plain, mask: None, count: None };
        let reduced = partials.shape()[0];
        Tree::new(fold, feed, reduced, partials.size() / reduced.max(1))
    }

    /// Calls `sink` with the results of each of these blocks: the block, which of the results, and the accumulators.
    pub fn each_block(
        &self,
        blocks: Range<usize>,
        threads: Threads,
        sink: &(dyn Fn(usize, Range<usize>, *mut u8) + Sync),
    ) {
        let stop = AtomicBool::new(false);
        self.each_part(blocks, threads, WIDE, &|block, kept, work| {
            if self.kept == 1 && stop.load(Ordering::Relaxed) {
                // It does not matter any more what is in this block.
                // SAFETY: the work has room for it.
                unsafe { self.fold.clear(work.results(), 1) };
            } else {
                // SAFETY: the block and the results are there.
                unsafe { self.block(block, kept.clone(), work) };
                if self.kept == 1 && self.is_decided(work.results()) {
                    stop.store(true, Ordering::Relaxed);
                }
            }
            sink(block, kept, work.results());
        });
    }

    /// Calls `part` with each of these blocks and the results to make of it at a time, at most `most` side by side.
    pub fn each_part(
        &self,
        blocks: Range<usize>,
        threads: Threads,
        most: usize,
        part: &(dyn Fn(usize, Range<usize>, &mut Work) + Sync),
    ) {
        let rows = self.reduced.min(BLOCK);
        let width = self.width(blocks.len(), rows, threads, most);
        let (whole, row) = match self.side {
            Side::Columns if self.feed.field.kept_row() >= TILE / 8 => {
                (self.kept / self.feed.field.kept_row(), self.feed.field.kept_row())
            }
            _ => (1, self.kept),
        };
        let tiles_of_row = row.div_ceil(width);
        let tiles = whole * tiles_of_row;
        threads.split(blocks.len() * tiles, 1, rows * width.min(row), |tasks| {
            let mut work = Work::new();
            for task in tasks {
                // In the order in which the elements lie.
                let (block, tile) = match self.side {
                    Side::Rows => (task % blocks.len(), task / blocks.len()),
                    _ => (task / tiles, task % tiles),
                };
                let first = tile / tiles_of_row * row + tile % tiles_of_row * width;
                let kept = first..(first + width).min((tile / tiles_of_row + 1) * row);
                part(blocks.start + block, kept, &mut work);
            }
        });
    }

    /// How many results one task makes: many, but tasks enough for all threads.
    fn width(&self, blocks: usize, rows: usize, threads: Threads, most: usize) -> usize {
        match self.side {
            Side::All => self.kept,
            Side::Rows => (16 * BLOCK / rows).clamp(1, TILE),
            Side::Columns if threads == Threads::ONE => most,
            Side::Columns => {
                let fair = (self.kept * blocks).div_ceil(2 * threads.count());
                fair.next_multiple_of(TILE / 8).clamp(TILE / 8, most)
            }
        }
    }

    /// Whether no other element can change this result of any or all.
    fn is_decided(&self, result: *const u8) -> bool {
        // SAFETY: an accumulator.
        self.fold.dtype == DType::Bool && unsafe { result.read() != 0 } != (self.fold.identity() != 0)
    }

    /// Folds a block of some results; they lie in `work` then.
    ///
    /// # Safety
    /// The block and the results are there.
    pub unsafe fn block(&self, block: usize, kept: Range<usize>, work: &mut Work) {
        let first = block * BLOCK;
        let rows = BLOCK.min(self.reduced - first);
        let size = self.fold.dtype.size();
        // SAFETY: the lines have these elements, and the work has room for accumulators and results.
        unsafe {
            match self.side {
                Side::All => {
                    let accumulators = work.accumulators();
                    self.line(Line::All, first, rows, self.kept, accumulators, &mut work.buffers);
                    work.results().copy_from_nonoverlapping(accumulators, self.kept * size);
                }
                Side::Rows => {
                    for (i, kept) in kept.enumerate() {
                        let accumulators = work.accumulators();
                        self.line(Line::Reduced { kept }, first, rows, 1, accumulators, &mut work.buffers);
                        work.results().add(i * size).copy_from_nonoverlapping(accumulators, size);
                    }
                }
                Side::Columns => {
                    let accumulators = work.accumulators();
                    self.columns(first, rows, kept.clone(), accumulators, &mut work.buffers);
                    work.results().copy_from_nonoverlapping(accumulators, kept.len() * size);
                }
            }
        }
    }

    /// Folds rows of `width` elements that follow each other along a line.
    unsafe fn line(
        &self,
        line: Line,
        first: usize,
        rows: usize,
        width: usize,
        accumulators: *mut u8,
        buffers: &mut Buffers,
    ) {
        let lanes = if width == 1 { self.fold.lanes } else { lanes_of_few(&self.fold) };
        let period = lanes * width;
        let (mut start, end) = (first * width, (first + rows) * width);
        let limit = self.feed.limit(line, period);
        // SAFETY: the caller's promise.
        unsafe {
            if let (Some(count), Some(elements)) = (self.feed.count, self.feed.place(line, start, rows, width)) {
                accumulators.cast::<i64>().write(count(elements, rows));
                return;
            }
            if width == 1 && self.feed.is_pairs(&self.fold) {
                accumulators.cast::<f64>().write(self.products(line, start..end, buffers));
                return;
            }
            if width == 1 && limit >= rows {
                let elements = self.feed.bring(&self.fold, line, start, rows, buffers);
                self.fold.one(accumulators, elements, rows);
                return;
            }
            self.fold.clear(accumulators, period);
            while start < end {
                let len = limit.min(end - start);
                let elements = self.feed.bring(&self.fold, line, start, len, buffers);
                self.fold.fold(accumulators, period, elements, len);
                start += len;
            }
            self.fold.collapse(accumulators, lanes.min(rows), width);
        }
    }
}

/// The lanes for few results whose elements lie in turn. Where the order does not matter there may be fewer.
fn lanes_of_few(fold: &Fold) -> usize {
    if fold.is_exact { 16 } else { fold.lanes }
}

/// What a thread needs to fold blocks.
pub(super) struct Work {
    pub buffers: Buffers,
    room: MaybeUninit<[u64; WIDE + ACCUMULATORS]>,
}

impl Work {
    fn new() -> Work {
        Work { buffers: Buffers::new(), room: MaybeUninit::uninit() }
    }

    pub fn results(&mut self) -> *mut u8 {
        self.room.as_mut_ptr().cast()
    }

    fn accumulators(&mut self) -> *mut u8 {
        self.results().wrapping_add(WIDE * 8)
    }
}
