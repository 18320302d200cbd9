//! Sums of squared distances from a centre that is known only when all elements have been read: they are read once.
//!
//! Of each block, while it is in the cache, the sum is made, and then, about a centre of its own that is near its mean, the
//! sum of the distances `r` and that of their squares `s`. About another centre, which is `d` away, the sum of the squares
//! of its `n` elements is `s + 2 d r + n d²` (Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for
//! computing sample variances", 1979). With `r`, which would be 0 if the block's mean were not rounded, this is as accurate
//! as to read the elements a second time.

use std::ops::Range;

use crate::array::Array;
use crate::dtype::DType;
use crate::error::Result;
use crate::field::{Line, TILE};
use crate::scratch::Scratch;
use crate::share::Shared;
use crate::threads::Threads;

use super::feed::{Centres, Feed, Map};
use super::tree::{BLOCK, Side, Tree, Work};

/// Sums of each block, of its elements and about its own centre.
pub(super) struct Moments {
    blocks: Range<usize>,
    kept: usize,
    reduced: usize,
    /// For each block, one for each result: in this order one after the other.
    all: Scratch<f64>,
}

/// The most results side by side: few, so that a block of them stays in the cache.
const COLUMNS: usize = TILE / 8;

/// The sums that are kept: of the elements, of the distances, of their squares.
const KINDS: usize = 3;

impl Moments {
    /// Those of some blocks of a tree of plain elements.
    pub fn new(tree: &Tree<'_>, blocks: Range<usize>, threads: Threads) -> Result<Moments> {
        let (kept, reduced) = (tree.kept, tree.reduced);
        let size = blocks.len() * kept;
        let mut all = Scratch::<f64>::new(KINDS * size)?;
        let place = Shared::new(all.uninit().as_mut_ptr().cast::<f64>());
        tree.each_part(blocks.clone(), threads, COLUMNS, &|block, results, work| {
            let at = (block - blocks.start) * kept + results.start;
            // SAFETY: the block and the results are there; there is room for them, and no other task writes these.
            unsafe {
                let to = std::array::from_fn(|kind| place.at(kind * size + at));
                tree.moments(block, results, work, to);
            }
        });
        Ok(Moments { blocks, kept, reduced, all })
    }

    /// The sums of the elements: an array of blocks of results.
    pub fn sums(&mut self) -> Result<Array<'_>> {
        let shape = [self.blocks.len(), self.kept];
        let data = self.all.uninit().as_mut_ptr().cast();
        // SAFETY: they are the first ones.
        unsafe { Array::from_raw(data, DType::F64, &shape, &[self.kept as isize, 1]) }
    }

    /// The sums of the squared distances from the centres of the results: as above.
    pub fn about(&mut self, centres: &[f64]) -> Result<Array<'_>> {
        let shape = [self.blocks.len(), self.kept];
        // SAFETY: `new` has written all of them.
        let (sums, rest) = unsafe { self.all.assume_init() }.split_at_mut(shape[0] * shape[1]);
        let (distances, squares) = rest.split_at_mut(shape[0] * shape[1]);
        for (i, square) in squares.iter_mut().enumerate() {
            let rows = rows_of(self.blocks.start + i / self.kept, self.reduced);
            let away = sums[i] / rows - centres[i % self.kept];
            *square += 2.0 * away * distances[i] + rows * (away * away);
        }
        // SAFETY: so many are there.
        unsafe { Array::from_raw(squares.as_mut_ptr().cast(), DType::F64, &shape, &[self.kept as isize, 1]) }
    }
}

/// The number of elements of a block of each result.
fn rows_of(block: usize, reduced: usize) -> f64 {
    BLOCK.min(reduced - block * BLOCK) as f64
}

impl<'a> Tree<'a> {
    /// Writes the moments of a block of some results, each kind to a place of its own.
    ///
    /// # Safety
    /// The block and the results are there, and there is room for them.
    unsafe fn moments(&self, block: usize, kept: Range<usize>, work: &mut Work, to: [*mut f64; KINDS]) {
        let rows = rows_of(block, self.reduced);
        let len = kept.len();
        let [sums, distances, squares] = to;
        // SAFETY: the caller's promise.
        unsafe {
            self.block(block, kept.clone(), work);
            sums.copy_from_nonoverlapping(work.results().cast(), len);
            if self.kept == 1 || self.side == Side::Rows {
                let part = block * BLOCK..block * BLOCK + rows as usize;
                for (i, kept) in kept.enumerate() {
                    let line = if self.kept == 1 { Line::All } else { Line::Reduced { kept } };
                    let centre = sums.add(i).read() / rows;
                    let [distance, square] = self.distances(line, part.clone(), centre, &mut work.buffers);
                    distances.add(i).write(distance);
                    squares.add(i).write(square);
                }
                return;
            }
            let centres: [f64; COLUMNS] =
                std::array::from_fn(|i| if i < len { sums.add(i).read() / rows } else { 0.0 });
            let centres = Centres { of: &centres[..len], first: kept.start };
            for (map, results) in [(Map::Distance(centres), distances), (Map::Deviation(centres), squares)] {
                self.mapped(map).block(block, kept.clone(), work);
                results.copy_from_nonoverlapping(work.results().cast(), len);
            }
        }
    }

    /// The same tree of something made of its plain elements.
    fn mapped<'m>(&self, map: Map<'m>) -> Tree<'m>
    where
        'a: 'm,
    {
        let feed = Feed { field: self.feed.field.clone(), casts: self.feed.casts, map, mask: None, count: None };
        Tree { fold: self.fold, feed, reduced: self.reduced, kept: self.kept, side: self.side }
    }
}
