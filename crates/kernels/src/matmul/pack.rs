//! Operands laid out for the inner loop.

use super::lanes::prefetch;
use super::word::Number;

/// How many numbers of a line before they are packed they are fetched: nobody else knows where they are.
const AHEAD: usize = 16;

/// One side of a product: the rows of its left operand, or the columns of its right one.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a, I> {
    /// The operand's first element.
    pub data: *const I,
    /// Elements from one line of the operand to the next.
    pub line: isize,
    /// Elements from one number of a line to the next.
    pub along: isize,
    /// Elements of `out` from one line to the next.
    pub out: isize,
    /// Number of lines to be computed.
    pub count: usize,
    /// Which lines these are, of the operand and of `out`; the first ones where there is no list.
    pub list: Option<&'a [usize]>,
    /// Whether the lines of `out` are the first ones even so.
    pub gathered: bool,
}

// SAFETY: a place in memory that the caller of the product has promised may be read from any thread.
unsafe impl<I> Send for Side<'_, I> {}
// SAFETY: as above.
unsafe impl<I> Sync for Side<'_, I> {}

impl<I: Number> Side<'_, I> {
    /// Which line the `i`th one is.
    #[inline(always)]
    pub fn index(&self, i: usize) -> isize {
        self.list.map_or(i, |list| list[i]) as isize
    }

    /// Where the `i`th line of `out` is, in elements.
    #[inline(always)]
    pub fn place(&self, i: usize) -> isize {
        (if self.gathered { i as isize } else { self.index(i) }) * self.out
    }

    /// Whether its lines lie one number apart in `out`.
    pub fn is_unit_in_out(&self) -> bool {
        self.out == 1 && (self.gathered || self.list.is_none())
    }

    /// The same for lines from the `first`th on, at most so many. Its place in `out` is left to the caller: see [`skipped`](Self::skipped).
    pub fn part(&self, first: usize, count: usize) -> Self {
        let count = count.min(self.count - first);
        match self.list {
            Some(list) => Side { list: Some(&list[first..first + count]), count, ..*self },
            None => Side { data: self.data.wrapping_offset(first as isize * self.line), count, ..*self },
        }
    }

    /// How far from the first line in `out` the [`part`](Self::part) from the `first`th line on counts from, in elements.
    pub fn skipped(&self, first: usize) -> isize {
        if self.gathered || self.list.is_none() { first as isize * self.out } else { 0 }
    }

    /// Writes a panel of `width` lines from the `first`th on, the numbers `k..k + depth` of each, to `panel`: the first
    /// number of each line, then the second of each, and so on. Lines that are not there are zeros.
    ///
    /// # Safety
    /// `panel` has room for `width * depth` words; the side is right about its operand.
    #[inline(always)]
    pub unsafe fn pack(&self, first: usize, width: usize, k: usize, depth: usize, panel: *mut I::Word) {
        let there = width.min(self.count - first);
        // SAFETY: the caller's promise; what is not written below are the lines that are not there.
        unsafe {
            if there == width {
                // The compiler knows how many there are: so it uses vectors.
                self.copy(first, width, width, k, depth, panel);
            } else {
                panel.write_bytes(0, width * depth);
                self.copy(first, there, width, k, depth, panel);
            }
        }
    }

    /// Writes `there` lines to a panel of `width`.
    ///
    /// # Safety
    /// As for [`pack`](Self::pack); the lines are there.
    #[inline(always)]
    unsafe fn copy(&self, first: usize, there: usize, width: usize, k: usize, depth: usize, panel: *mut I::Word) {
        let start = self.data.wrapping_offset(k as isize * self.along);
        // SAFETY: every index below is under `width * depth`, and every line read is one of the operand's.
        unsafe {
            if self.line == 1 && self.list.is_none() {
                let start = start.wrapping_add(first);
                for i in 0..depth {
                    let (from, to) = (start.wrapping_offset(i as isize * self.along), panel.add(i * width));
                    let ahead = from.wrapping_offset(AHEAD as isize * self.along);
                    for j in (0..there).step_by(64 / size_of::<I>()) {
                        prefetch(ahead.wrapping_add(j));
                    }
                    for j in 0..there {
                        *to.add(j) = (*from.add(j)).widen();
                    }
                }
                return;
            }
            // Some numbers of each line in turn: what was fetched is used, and the part of the panel stays in the cache.
            const RUN: usize = 16;
            for begin in (0..depth).step_by(RUN) {
                for j in 0..there {
                    let line = start.wrapping_offset(self.index(first + j) * self.line);
                    for i in (0..RUN).step_by(64 / size_of::<I>()) {
                        prefetch(line.wrapping_offset((begin + 4 * RUN + i) as isize * self.along));
                    }
                    for i in begin..depth.min(begin + RUN) {
                        let number = *line.wrapping_offset(i as isize * self.along);
                        *panel.add(i * width + j) = number.widen();
                    }
                }
            }
        }
    }
}
