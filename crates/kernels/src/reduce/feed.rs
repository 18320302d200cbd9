//! What a fold is fed with: elements from wherever they lie, one after the other and as accumulators.

use std::mem::MaybeUninit;

use crate::cast::Casts;
use crate::dtype::{DType, Element};
use crate::elementwise::moves::with_size;
use crate::field::{Field, Line, TILE};
use crate::isa::{Isa, Kernel};

use super::count::Count;
use super::fold::Fold;

/// What becomes of an element before it is folded. All but `Product` are for accumulators of type float64.
pub(super) enum Map<'a> {
    Plain,
    Square,
    /// Its distance from the centre of its result.
    Distance(Centres<'a>),
    /// The square of that.
    Deviation(Centres<'a>),
    /// Its product with the element of another field.
    Product(&'a Field<'a>),
}

/// The centres of results, from the first of these results on.
#[derive(Clone, Copy)]
pub(super) struct Centres<'a> {
    pub of: &'a [f64],
    pub first: usize,
}

/// The elements of a reduction.
pub(super) struct Feed<'a> {
    pub field: Field<'a>,
    /// What makes accumulators of elements, of a second field too.
    pub casts: Casts,
    pub map: Map<'a>,
    /// Elements for which a byte of it is 0 are replaced by the identity.
    pub mask: Option<Field<'a>>,
    /// What folds a block of elements that need not be brought.
    pub count: Option<Count>,
}

/// Room for one tile at each step of the way. It holds nothing to begin with.
pub(super) struct Buffers(MaybeUninit<[u64; 4 * TILE + TILE / 8]>);

impl Buffers {
    pub fn new() -> Buffers {
        Buffers(MaybeUninit::uninit())
    }

    /// Four tiles, and room for as many bytes of a mask.
    fn places(&mut self) -> [*mut u8; 5] {
        let first: *mut u8 = self.0.as_mut_ptr().cast();
        std::array::from_fn(|i| first.wrapping_add(i * TILE * 8))
    }
}

impl<'a> Feed<'a> {
    /// How many elements of a line can be brought at a time: a multiple of `period`.
    pub fn limit(&self, line: Line, period: usize) -> usize {
        let stays = self.casts.is_empty() && matches!(self.map, Map::Plain) && self.mask.is_none();
        if stays && self.field.is_flat(line) { usize::MAX } else { TILE - TILE % period }
    }

    /// Whether what is folded are products of two floating-point numbers, and nothing else is done to them.
    pub fn is_pairs(&self, fold: &Fold) -> bool {
        fold.dtype == DType::F64 && self.mask.is_none() && matches!(self.map, Map::Square | Map::Product(_))
    }

    /// How many factors of a line can be brought at a time.
    pub fn limit_of_factors(&self, line: Line) -> usize {
        let is_flat = match self.map {
            Map::Product(field) => field.is_flat(line),
            _ => true,
        };
        if is_flat && self.casts.is_empty() && self.field.is_flat(line) { usize::MAX } else { TILE }
    }

    /// The factors of which the products are folded, as [`bring`](Self::bring) brings elements.
    ///
    /// # Safety
    /// As there; the limit is that of factors.
    pub unsafe fn bring_factors(&self, line: Line, start: usize, len: usize, buffers: &mut Buffers) -> [*const u8; 2] {
        let [first, second, third, fourth, _] = buffers.places();
        // SAFETY: the caller's promise.
        unsafe {
            let x = self.load(self.field.bring(line, start, len, first), len, [first, second]);
            let y = match self.map {
                Map::Product(field) => self.load(field.bring(line, start, len, third), len, [third, fourth]),
                _ => x,
            };
            [x, y]
        }
    }

    /// Where elements of a line for one result lie one after the other, if none is left out.
    pub fn place(&self, line: Line, start: usize, len: usize, width: usize) -> Option<*const u8> {
        if width > 1 || self.mask.is_some() {
            return None;
        }
        self.field.place(line, start, len).map(<*mut u8>::cast_const)
    }

    /// Elements `start..start + len` of a line, as accumulators of this fold.
    ///
    /// # Safety
    /// The line has these elements, and they are not above its limit; `start` is a multiple of the period for [`limit`].
    pub unsafe fn bring(&self, fold: &Fold, line: Line, start: usize, len: usize, buffers: &mut Buffers) -> *const u8 {
        let [first, second, third, fourth, fifth] = buffers.places();
        let other = |at: *const u8| if std::ptr::eq(at, first) { second } else { first };
        // SAFETY: the caller's promise, and each buffer has room for a tile.
        unsafe {
            let mut at = self.load(self.field.bring(line, start, len, first), len, [first, second]);
            match &self.map {
                Map::Plain => {}
                Map::Square => at = product(DType::F64, other(at), at, at, len),
                Map::Distance(centres) | Map::Deviation(centres) => {
                    let with = centres_of(line, start, len, centres, third.cast());
                    let is_squared = matches!(self.map, Map::Deviation(_));
                    at = distance(other(at), at, with, len, is_squared);
                }
                Map::Product(field) => {
                    let with = self.load(field.bring(line, start, len, third), len, [third, fourth]);
                    at = product(fold.dtype, other(at), at, with, len);
                }
            }
            if let Some(mask) = &self.mask {
                let mask = mask.bring(line, start, len, fifth);
                at = select(fold.dtype, other(at), at, mask, fold.identity(), len);
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
unsafe fn centres_of(line: Line, start: usize, len: usize, centres: &Centres<'_>, buffer: *mut f64) -> *const f64 {
    let Centres { of, first } = *centres;
    let centres = match line {
        Line::Kept { .. } => return of[start - first..][..len].as_ptr(),
        Line::Reduced { kept } => &of[kept - first..=kept - first],
        Line::All => of,
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

tile_loop!(Distances[T: Into<f64>] { out: *mut f64, x: *const T, centres: *const f64 }, i => {
    out.add(i).write(x.add(i).read().into() - centres.add(i).read());
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

unsafe fn distance(out: *mut u8, x: *const u8, centres: *const f64, len: usize, is_squared: bool) -> *const u8 {
    Isa::best().run_narrow(Distances::<f64> { out: out.cast(), x: x.cast(), centres, len });
    if is_squared {
        // SAFETY: each element is read before it is written.
        unsafe { product(DType::F64, out, out, out, len) };
    }
    out
}

unsafe fn select(dtype: DType, out: *mut u8, x: *const u8, mask: *const u8, identity: u64, len: usize) -> *const u8 {
    with_size!(dtype, T => {
        Isa::best().run_narrow(Select::<T> { out: out.cast(), x: x.cast(), mask, identity: identity as T, len });
    });
    out
}
