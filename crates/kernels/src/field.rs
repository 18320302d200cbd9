//! An array some of whose axes are gone along: reduced, or scanned. Its elements in lines, wherever they lie.

use std::marker::PhantomData;

use crate::array::{Array, MAX_RANK};
use crate::dtype::DType;
use crate::elementwise::moves::{gather, scatter};
use crate::elementwise::space::Space;

/// Elements that are brought at a time where they are not taken from where they lie.
pub(crate) const TILE: usize = 512;

/// Which axes of an array are reduced.
pub(crate) type Axes = [bool; MAX_RANK];

/// Which elements to bring: all of them in C order with the reduced axes first, those that make one result, or one of
/// each result.
#[derive(Clone, Copy)]
pub(crate) enum Line {
    All,
    Reduced { kept: usize },
    Kept { reduced: usize },
}

/// An array that is reduced, or goes along with one: its reduced axes and its other axes.
#[derive(Clone)]
pub(crate) struct Field<'a> {
    data: *const u8,
    dtype: DType,
    reduced: Space<1>,
    kept: Space<1>,
    /// Whether all elements lie one after the other.
    is_flat: bool,
    memory: PhantomData<Array<'a>>,
}

// SAFETY: the place of an array, which threads may share.
unsafe impl Sync for Field<'_> {}

impl<'a> Field<'a> {
    /// The array, which has elements, with its axes in this order.
    pub fn new(array: &Array<'a>, order: &Order) -> Field<'a> {
        let (reduced_axes, kept_axes) = order.split();
        let reduced = Space::<1>::of_axes(&[Some(array)], reduced_axes);
        let kept = Space::<1>::of_axes(&[Some(array)], kept_axes);
        let is_flat = match (reduced.size(), kept.size()) {
            (_, 1) => reduced.is_flat(0),
            (1, _) => kept.is_flat(0),
            (size, width) => kept.is_flat(0) && reduced.row() == size && reduced.step(0) == width as isize,
        };
        Field { data: array.data(), dtype: array.dtype(), reduced, kept, is_flat, memory: PhantomData }
    }

    /// Elements from one to the next, along the innermost reduced axis and the innermost of the others.
    pub fn steps(&self) -> (isize, isize) {
        (self.reduced.step(0), self.kept.step(0))
    }

    /// Length of the innermost axis that is not reduced.
    pub fn kept_row(&self) -> usize {
        self.kept.row()
    }

    pub fn is_flat(&self, line: Line) -> bool {
        match line {
            Line::All => self.is_flat,
            Line::Reduced { .. } => self.reduced.is_flat(0),
            Line::Kept { .. } => self.kept.is_flat(0),
        }
    }

    /// Elements `start..start + len` of a line: where they lie, or in `buffer` if they do not lie one after the other.
    ///
    /// # Safety
    /// The line has these elements; the buffer has room for them unless the line is flat. Of all elements of several
    /// results they are whole rows.
    pub unsafe fn bring(&self, line: Line, start: usize, len: usize, buffer: *mut u8) -> *const u8 {
        let size = self.dtype.size();
        // SAFETY: the caller's promise.
        unsafe {
            match line {
                Line::All if self.is_flat => self.data.wrapping_add(start * size),
                Line::All if self.kept.size() == 1 => self.pieces(&self.reduced, 0, start, len, buffer),
                Line::All => {
                    let width = self.kept.size();
                    for done in (0..len).step_by(width) {
                        let to = buffer.add(done * size);
                        let row = self.offset_of_reduced((start + done) / width);
                        let at = self.pieces(&self.kept, row, 0, width, to);
                        if !std::ptr::eq(at, to) {
                            gather(self.dtype, to, at, 1, width);
                        }
                    }
                    buffer
                }
                Line::Reduced { kept } => {
                    let offset = self.kept.offset(0, &self.kept.cursor(kept));
                    self.pieces(&self.reduced, offset, start, len, buffer)
                }
                Line::Kept { reduced } => self.pieces(&self.kept, self.offset_of_reduced(reduced), start, len, buffer),
            }
        }
    }

    /// Where elements `start..start + len` of a line go, if they lie one after the other.
    pub fn place(&self, line: Line, start: usize, len: usize) -> Option<*mut u8> {
        let (space, offset) = self.line(line);
        let cursor = space.cursor(start);
        let is_run = space.is_flat(0) || space.step(0) == 1 && space.left_in_row(&cursor) >= len;
        is_run.then(|| {
            let offset = offset + space.offset(0, &cursor);
            self.data.cast_mut().wrapping_offset(offset * self.dtype.size() as isize)
        })
    }

    /// Writes elements `start..start + len` of a line.
    ///
    /// # Safety
    /// The line has these elements and is not that of all, they may be written, and `from` has as many.
    pub unsafe fn store(&self, line: Line, start: usize, len: usize, from: *const u8) {
        let (space, offset) = self.line(line);
        let size = self.dtype.size();
        let data = self.data.cast_mut().wrapping_offset(offset * size as isize);
        space.pieces(0, &space.cursor(start), len, |offset, done, count| {
            let to = data.wrapping_offset(offset * size as isize);
            // SAFETY: the pieces lie in the array, and count up to `len`.
            unsafe { scatter(self.dtype, to, space.step(0), from.add(done * size), count) };
        });
    }

    /// The space of a line of one result or one row, and how far it begins from the first element.
    fn line(&self, line: Line) -> (&Space<1>, isize) {
        match line {
            Line::All => (&self.reduced, 0),
            Line::Reduced { kept } => (&self.reduced, self.kept.offset(0, &self.kept.cursor(kept))),
            Line::Kept { reduced } => (&self.kept, self.offset_of_reduced(reduced)),
        }
    }

    fn offset_of_reduced(&self, reduced: usize) -> isize {
        self.reduced.offset(0, &self.reduced.cursor(reduced))
    }

    /// Elements of a space that begins `offset` elements from the first.
    unsafe fn pieces(&self, space: &Space<1>, offset: isize, start: usize, len: usize, buffer: *mut u8) -> *const u8 {
        let size = self.dtype.size() as isize;
        let data = self.data.wrapping_offset(offset * size);
        let cursor = space.cursor(start);
        let step = space.step(0);
        if (step == 1 && space.left_in_row(&cursor) >= len) || space.is_flat(0) {
            return data.wrapping_offset(space.offset(0, &cursor) * size);
        }
        space.pieces(0, &cursor, len, |offset, done, count| {
            // SAFETY: the pieces lie in the array; all together they have `len` elements.
            unsafe {
                let to = buffer.add(done * size as usize);
                gather(self.dtype, to, data.wrapping_offset(offset * size), step, count);
            }
        });
        buffer
    }
}

/// The axes of an array: the reduced ones, and then the others.
pub(crate) struct Order {
    pub axes: [usize; MAX_RANK],
    pub rank: usize,
    pub reduced: Axes,
}

impl Order {
    /// One axis, which is not reduced.
    pub fn of_one() -> Order {
        Order { axes: std::array::from_fn(|i| i), rank: 1, reduced: Axes::default() }
    }

    /// All of so many axes, which are reduced, in C order.
    pub fn of_all(rank: usize) -> Order {
        Order { rank, reduced: [true; MAX_RANK], ..Order::of_one() }
    }

    /// The reduced axes, and the others.
    pub fn split(&self) -> (&[usize], &[usize]) {
        let axes = &self.axes[..self.rank];
        axes.split_at(axes.iter().filter(|&&axis| self.reduced[axis]).count())
    }

    /// The axes of an array of results, in the order of the others here.
    pub fn of_results(&self) -> Order {
        let mut order = Order { axes: [0; MAX_RANK], rank: 0, reduced: Axes::default() };
        for &axis in self.split().1 {
            order.axes[order.rank] = (0..axis).filter(|&before| !self.reduced[before]).count();
            order.rank += 1;
        }
        order
    }
}
