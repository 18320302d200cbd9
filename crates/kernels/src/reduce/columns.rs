//! Results side by side: one row of elements after the other.

use std::ops::Range;

use crate::field::Line;

use super::feed::Buffers;
use super::tree::{ACCUMULATORS, Tree};

impl Tree<'_> {
    /// Folds rows of elements for results side by side. The accumulators of the first are those of the results then.
    ///
    /// # Safety
    /// The rows and the results are there, at most as many as fit, and there is room for the accumulators.
    pub(super) unsafe fn columns(
        &self,
        first: usize,
        rows: usize,
        kept: Range<usize>,
        accumulators: *mut u8,
        buffers: &mut Buffers,
    ) {
        let width = kept.len();
        let lanes = if self.fold.is_exact { 1 } else { self.fold.lanes.min(rows) };
        let lane_size = width * self.fold.dtype.size();
        // SAFETY: the caller's promise.
        unsafe {
            if lanes * width > ACCUMULATORS {
                let columns = Columns { tree: self, first, rows, kept };
                columns.lanes(0, 1, accumulators, buffers);
                return;
            }
            self.fold.clear(accumulators, lanes * width);
            for row in 0..rows {
                self.row(first + row, &kept, accumulators.add(row % lanes * lane_size), buffers);
            }
            self.fold.collapse(accumulators, lanes, width);
        }
    }

    /// Folds a row of elements onto as many accumulators.
    unsafe fn row(&self, row: usize, kept: &Range<usize>, accumulators: *mut u8, buffers: &mut Buffers) {
        let line = Line::Kept { reduced: row };
        let limit = self.feed.limit(line, 1);
        let mut start = kept.start;
        while start < kept.end {
            let len = limit.min(kept.end - start);
            // SAFETY: the caller's promise.
            unsafe {
                let elements = self.feed.bring(&self.fold, line, start, len, buffers);
                let to = accumulators.add((start - kept.start) * self.fold.dtype.size());
                self.fold.fold(to, len, elements, len);
            }
            start += len;
        }
    }
}

/// Rows so wide that the accumulators of all lanes do not fit the cache: one lane after the other.
struct Columns<'t, 'a> {
    tree: &'t Tree<'a>,
    first: usize,
    rows: usize,
    kept: Range<usize>,
}

impl Columns<'_, '_> {
    /// Folds those lanes that are `lane` modulo `step`: the same tree as that of halves, from its leaves. Each level has
    /// its accumulators behind those of the one above.
    unsafe fn lanes(&self, lane: usize, step: usize, accumulators: *mut u8, buffers: &mut Buffers) {
        let fold = &self.tree.fold;
        let width = self.kept.len();
        // SAFETY: the caller's promise, and the accumulators have room for all levels.
        unsafe {
            if step == fold.lanes {
                fold.clear(accumulators, width);
                for row in (lane..self.rows).step_by(step) {
                    self.tree.row(self.first + row, &self.kept, accumulators, buffers);
                }
                return;
            }
            self.lanes(lane, 2 * step, accumulators, buffers);
            if lane + step < self.rows {
                let other = accumulators.add(width * fold.dtype.size());
                self.lanes(lane + step, 2 * step, other, buffers);
                fold.fold(accumulators, width, other, width);
            }
        }
    }
}
