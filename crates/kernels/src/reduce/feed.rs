//! What a fold is fed with: elements from wherever they lie, one after the other and as accumulators.

use std::marker::PhantomData;
use std::mem::MaybeUninit;

use crate::array::{Array, MAX_RANK};
use crate::cast::Casts;
use crate::dtype::{DType, Element};
use crate::elementwise::moves::{gather, with_size};
use crate::elementwise::space::Space;
use crate::isa::{Isa, Kernel};

use super::fold::Fold;
use super::task::Order;

/// Elements that are brought at a time where they are not taken from where they lie.
pub(super) const TILE: usize = 512;

/// Which axes of an array are reduced.
pub(super) type Axes = [bool; MAX_RANK];

/// Which elements to bring: all of them in C order with the reduced axes first, those that make one result, or one of
/// each result.
#[derive(Clone, Copy)]
pub(super) enum Line {
    All,
    Reduced { kept: usize },
    Kept { reduced: usize },
}

/// An array that is reduced, or goes along with one: its reduced axes and its other axes.
pub(super) struct Field<'a> {
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

    fn is_flat(&self, line: Line) -> bool {
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
    unsafe fn bring(&self, line: Line, start: usize, len: usize, buffer: *mut u8) -> *const u8 {
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

/// What becomes of an element before it is folded. All but `Product` are for accumulators of type float64.
pub(super) enum Map<'a> {
    Plain,
    Square,
    /// Its squared distance from the centre of its result.
    Deviation(&'a [f64]),
    /// Its product with the element of another field.
    Product(&'a Field<'a>),
}

/// The elements of a reduction.
pub(super) struct Feed<'a> {
    pub field: Field<'a>,
    /// What makes accumulators of elements, of a second field too.
    pub casts: Casts,
    pub map: Map<'a>,
    /// Elements for which a byte of it is 0 are replaced by the identity.
    pub mask: Option<Field<'a>>,
}

/// Room for one tile at each step of the way.
pub(super) struct Buffers {
    tiles: [MaybeUninit<[u64; TILE]>; 4],
    mask: MaybeUninit<[u64; TILE / 8]>,
    identity: u64,
}

impl Buffers {
    pub fn new(fold: &Fold) -> Buffers {
        let mut buffers = Buffers { tiles: [MaybeUninit::uninit(); 4], mask: MaybeUninit::uninit(), identity: 0 };
        // SAFETY: no accumulator is larger.
        unsafe { fold.clear((&raw mut buffers.identity).cast(), 1) };
        buffers
    }
}

impl<'a> Feed<'a> {
    /// How many elements of a line can be brought at a time: a multiple of `period`.
    pub fn limit(&self, line: Line, period: usize) -> usize {
        let stays = self.casts.is_empty() && matches!(self.map, Map::Plain) && self.mask.is_none();
        if stays && self.field.is_flat(line) { usize::MAX } else { TILE - TILE % period }
    }

    /// Elements `start..start + len` of a line, as accumulators of this fold.
    ///
    /// # Safety
    /// The line has these elements, and they are not above its limit; `start` is a multiple of the period for [`limit`].
    pub unsafe fn bring(&self, fold: &Fold, line: Line, start: usize, len: usize, buffers: &mut Buffers) -> *const u8 {
        let [first, second, third, fourth] = buffers.tiles.each_mut().map(|tile| tile.as_mut_ptr().cast::<u8>());
        let other = |at: *const u8| if std::ptr::eq(at, first) { second } else { first };
        // SAFETY: the caller's promise, and each buffer has room for a tile.
        unsafe {
            let mut at = self.load(self.field.bring(line, start, len, first), len, [first, second]);
            match &self.map {
                Map::Plain => {}
                Map::Square => at = product(DType::F64, other(at), at, at, len),
                Map::Deviation(centres) => {
                    let centres = centres_of(line, start, len, centres, third.cast());
                    at = deviation(other(at), at, centres, len);
                }
                Map::Product(field) => {
                    let with = self.load(field.bring(line, start, len, third), len, [third, fourth]);
                    at = product(fold.dtype, other(at), at, with, len);
                }
            }
            if let Some(mask) = &self.mask {
                let mask = mask.bring(line, start, len, buffers.mask.as_mut_ptr().cast());
                at = select(fold.dtype, other(at), at, mask, buffers.identity, len);
            }
            at
        }
    }

    /// Elements as accumulators: where they are, or in one of the buffers, of which the first may hold them now.
    unsafe fn load(&self, at: *const u8, len: usize, [first, second]: [*mut u8; 2]) -> *const u8 {
        let buffers = if std::ptr::eq(at, first) { [second, first] } else { [first, second] };
        // SAFETY: the caller's promise.
        unsafe { self.casts.run(at, len, None, buffers) }
    }
}

/// The centre of each of the elements of a line.
unsafe fn centres_of(line: Line, start: usize, len: usize, centres: &[f64], buffer: *mut f64) -> *const f64 {
    let centres = match line {
        Line::Kept { .. } => return centres[start..start + len].as_ptr(),
        Line::Reduced { kept } => &centres[kept..=kept],
        Line::All => centres,
    };
    // Once, and what is there once more, until the tile is full.
    let mut filled = centres.len().min(len);
    // SAFETY: the buffer has room for a tile, and nothing else is in it.
    unsafe {
        buffer.copy_from_nonoverlapping(centres.as_ptr(), filled);
        while filled < len {
            let more = filled.min(len - filled);
            buffer.add(filled).copy_from_nonoverlapping(buffer, more);
            filled += more;
        }
    }
    buffer
}

/// Defines a loop over the elements of a tile, compiled for each instruction set.
macro_rules! tile_loop {
    ($(#[$doc:meta])* $name:ident[$T:ident: $bound:path] { $($field:ident: $type:ty),* }, $i:ident => $body:expr) => {
        $(#[$doc])*
        struct $name<$T> {
            $($field: $type,)*
            len: usize,
        }

        impl<$T: $bound> Kernel for $name<$T> {
            type Output = ();

            #[inline(always)]
            fn run(self) {
                let $name { $($field,)* len } = self;
                for $i in 0..len {
                    // SAFETY: below `len`.
                    unsafe { $body };
                }
            }
        }
    };
}

trait Multiply: Element {
    fn multiply(self, other: Self) -> Self;
}

impl Multiply for f64 {
    #[inline(always)]
    fn multiply(self, other: f64) -> f64 {
        self * other
    }
}

impl Multiply for i64 {
    #[inline(always)]
    fn multiply(self, other: i64) -> i64 {
        self.wrapping_mul(other)
    }
}

tile_loop!(Products[T: Multiply] { out: *mut T, x: *const T, y: *const T }, i => {
    out.add(i).write(x.add(i).read().multiply(y.add(i).read()));
});

tile_loop!(Deviations[T: Into<f64>] { out: *mut f64, x: *const T, centres: *const f64 }, i => {
    let distance = x.add(i).read().into() - centres.add(i).read();
    out.add(i).write(distance * distance);
});

tile_loop!(
    /// Elements where the mask is not 0, and the identity elsewhere.
    Select[T: Copy] { out: *mut T, x: *const T, mask: *const u8, identity: T }, i => {
        out.add(i).write(if mask.add(i).read() != 0 { x.add(i).read() } else { identity });
    }
);

unsafe fn product(dtype: DType, out: *mut u8, x: *const u8, y: *const u8, len: usize) -> *const u8 {
    let isa = Isa::best();
    match dtype {
        DType::F64 => isa.run_narrow(Products::<f64> { out: out.cast(), x: x.cast(), y: y.cast(), len }),
        _ => isa.run_narrow(Products::<i64> { out: out.cast(), x: x.cast(), y: y.cast(), len }),
    }
    out
}

unsafe fn deviation(out: *mut u8, x: *const u8, centres: *const f64, len: usize) -> *const u8 {
    Isa::best().run_narrow(Deviations::<f64> { out: out.cast(), x: x.cast(), centres, len });
    out
}

unsafe fn select(dtype: DType, out: *mut u8, x: *const u8, mask: *const u8, identity: u64, len: usize) -> *const u8 {
    with_size!(dtype, T => {
        Isa::best().run_narrow(Select::<T> { out: out.cast(), x: x.cast(), mask, identity: identity as T, len });
    });
    out
}
