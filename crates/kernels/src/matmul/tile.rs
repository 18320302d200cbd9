//! The inner loop: a tile of the product held in registers.

use std::any::TypeId;
use std::marker::PhantomData;
use std::ops::Range;

use super::dots::{Dots, dots_part};
use super::inner::Inner;
use super::lanes::{Lanes, Plain, prefetch};
#[cfg(target_arch = "x86_64")]
use super::lanes_x86::X86;
use super::pack::Side;
use super::sums::{Sums, sums_part};
use super::word::{Number, Word};
use crate::isa::{Isa, Kernel};

/// What is packed, and what of `out` to compute from them.
pub(crate) struct Block<'a, I, O> {
    /// The left operand and its panels.
    pub rows: &'a Side<'a, I>,
    /// The right operand and its panels.
    pub columns: &'a Side<'a, I>,
    /// `out`'s first element.
    pub out: *mut O,
    /// How many numbers of each line the panels have.
    pub depth: usize,
    /// Whether these are the first numbers: `out` is set then, else added to.
    pub first: bool,
    /// Whether these are the last ones.
    pub last: bool,
}

// SAFETY: threads that share one write to different lines of `out`; its memory may be used from any thread.
unsafe impl<I, O> Sync for Block<'_, I, O> {}

/// A part of the packed lines of one side: panels one after the other, and the index of the first line in them.
#[derive(Clone, Copy)]
pub(crate) struct Panels<W> {
    /// The first panel.
    pub data: *const W,
    /// The line it begins with.
    pub first: usize,
    /// Where the lines end.
    pub end: usize,
}

/// Writes a panel of the lines of a side from the given one on, of the numbers from the given one on, so many.
type Pack<I, W> = unsafe fn(&Side<'_, I>, usize, usize, usize, *mut W);

/// Computes `out` for all lines of these panels, of the left and of the right side, with each other.
type Run<I, O, W> = unsafe fn(&Block<'_, I, O>, Panels<W>, Panels<W>);

/// The loops for one instruction set.
pub(crate) struct Tile<I, O: Number> {
    /// Lines in a panel of the left operand.
    pub rows: usize,
    /// Lines in a panel of the right operand.
    pub columns: usize,
    /// What packs the left operand.
    pub pack_rows: Pack<I, O::Word>,
    /// What packs the right operand.
    pub pack_columns: Pack<I, O::Word>,
    /// The inner loop.
    pub run: Run<I, O, O::Word>,
}

/// A word with an inner loop.
pub(crate) trait Tiled: Word {
    /// The one for an instruction set.
    fn tile<I: Number<Word = Self>, O: Number<Word = Self>, P: Inner>(isa: Isa) -> Tile<I, O>;

    /// What does a part of a matrix times a vector.
    fn dots(isa: Isa) -> unsafe fn(&Dots<'_, Self>, Range<usize>);

    /// What does a part of a vector times a matrix.
    fn sums(isa: Isa) -> unsafe fn(&Sums<'_, Self>, Range<usize>);
}

// 24 sums of 32 registers with AVX-512 and NEON, 12 of 16 below: the rest holds a row of the right operand and one number
// of the left. With three vectors side by side a number of the left operand is loaded once for three products.
macro_rules! tiled {
    ($($type:ty, $plain:literal, $avx2:ident, $avx512:ident;)*) => {
        $(
            impl Tiled for $type {
                fn tile<I: Number<Word = $type>, O: Number<Word = $type>, P: Inner>(isa: Isa) -> Tile<I, O> {
                    match isa {
                        #[cfg(target_arch = "x86_64")]
                        Isa::Avx512 => tile::<I, O, P, X86<$type, std::arch::x86_64::$avx512>, 8, 3>(),
                        #[cfg(target_arch = "x86_64")]
                        Isa::Avx2 => tile::<I, O, P, X86<$type, std::arch::x86_64::$avx2>, 4, 3>(),
                        Isa::Baseline if cfg!(target_arch = "x86_64") => tile::<I, O, P, Plain<$type, $plain>, 4, 3>(),
                        Isa::Baseline => tile::<I, O, P, Plain<$type, $plain>, 8, 3>(),
                    }
                }

                fn dots(isa: Isa) -> unsafe fn(&Dots<'_, $type>, Range<usize>) {
                    match isa {
                        #[cfg(target_arch = "x86_64")]
                        Isa::Avx512 => dots_part::<X86<$type, std::arch::x86_64::$avx512>>,
                        #[cfg(target_arch = "x86_64")]
                        Isa::Avx2 => dots_part::<X86<$type, std::arch::x86_64::$avx2>>,
                        Isa::Baseline => dots_part::<Plain<$type, $plain>>,
                    }
                }

                fn sums(isa: Isa) -> unsafe fn(&Sums<'_, $type>, Range<usize>) {
                    match isa {
                        #[cfg(target_arch = "x86_64")]
                        Isa::Avx512 => sums_part::<X86<$type, std::arch::x86_64::$avx512>>,
                        #[cfg(target_arch = "x86_64")]
                        Isa::Avx2 => sums_part::<X86<$type, std::arch::x86_64::$avx2>>,
                        Isa::Baseline => sums_part::<Plain<$type, $plain>>,
                    }
                }
            }
        )*
    };
}

tiled! {
    f64, 2, __m256d, __m512d;
    f32, 4, __m256, __m512;
    i64, 2, __m256i, __m512i;
    i32, 4, __m256i, __m512i;
}

/// The inner loop with tiles of `ROWS` by `VECTORS` vectors.
fn tile<I, O, P: Inner, V: Lanes<Number = O::Word>, const ROWS: usize, const VECTORS: usize>() -> Tile<I, O>
where
    I: Number<Word = O::Word>,
    O: Number,
{
    Tile {
        rows: ROWS,
        columns: VECTORS * V::COUNT,
        pack_rows: pack::<I, V, ROWS, false>,
        pack_columns: pack::<I, V, VECTORS, true>,
        run: run::<I, O, P, V, ROWS, VECTORS>,
    }
}

/// Packs `WIDTH` lines, or so many vectors of them.
///
/// # Safety
/// As [`Side::pack`] has it; the processor has `V`'s instructions.
unsafe fn pack<I: Number, V: Lanes<Number = I::Word>, const WIDTH: usize, const VECTORS: bool>(
    side: &Side<'_, I>,
    first: usize,
    k: usize,
    depth: usize,
    panel: *mut I::Word,
) {
    struct Packing<'a, I: Number, V, const WIDTH: usize, const VECTORS: bool> {
        side: &'a Side<'a, I>,
        first: usize,
        k: usize,
        depth: usize,
        panel: *mut I::Word,
        lanes: PhantomData<V>,
    }

    impl<I: Number, V: Lanes<Number = I::Word>, const WIDTH: usize, const VECTORS: bool> Kernel
        for Packing<'_, I, V, WIDTH, VECTORS>
    {
        type Output = ();

        #[inline(always)]
        fn run(self) {
            let Packing { side, first, k, depth, panel, .. } = self;
            let width = if VECTORS { WIDTH * V::COUNT } else { WIDTH };
            // SAFETY: the promise to `pack`.
            unsafe { side.pack(first, width, k, depth, panel) }
        }
    }

    V::ISA.run(Packing::<I, V, WIDTH, VECTORS> { side, first, k, depth, panel, lanes: PhantomData });
}

/// # Safety
/// The panels hold what the block says; its `out` may be written where its sides lead; the processor has `V`'s
/// instructions.
unsafe fn run<I: Number, O: Number, P: Inner, V: Lanes<Number = O::Word>, const ROWS: usize, const VECTORS: usize>(
    block: &Block<'_, I, O>,
    left: Panels<O::Word>,
    right: Panels<O::Word>,
) {
    V::ISA.run(Tiles::<I, O, P, V, ROWS, VECTORS> { block, left, right, inner: PhantomData });
}

/// The tiles of all these panels.
struct Tiles<'a, I, O: Number, P, V, const ROWS: usize, const VECTORS: usize> {
    block: &'a Block<'a, I, O>,
    left: Panels<O::Word>,
    right: Panels<O::Word>,
    inner: PhantomData<(P, V)>,
}

impl<I: Number, O: Number, P: Inner, V: Lanes<Number = O::Word>, const ROWS: usize, const VECTORS: usize> Kernel
    for Tiles<'_, I, O, P, V, ROWS, VECTORS>
{
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Tiles { block, left, right, .. } = self;
        let width = VECTORS * V::COUNT;
        for (j, column) in (right.first..right.end).step_by(width).enumerate() {
            for (i, row) in (left.first..left.end).step_by(ROWS).enumerate() {
                let a = left.data.wrapping_add(i * ROWS * block.depth);
                let b = right.data.wrapping_add(j * width * block.depth);
                let (rows, columns) = (row..left.end.min(row + ROWS), column..right.end.min(column + width));
                // Of the last panel only the vectors are computed that have lines in them.
                // SAFETY: there are so many panels, and such lines, as the maker of this promises.
                unsafe {
                    match columns.len().div_ceil(V::COUNT) {
                        1 => block.tile::<P, V, ROWS, 1>(a, b, width, rows, columns),
                        2 => block.tile::<P, V, ROWS, 2>(a, b, width, rows, columns),
                        _ => block.tile::<P, V, ROWS, VECTORS>(a, b, width, rows, columns),
                    }
                }
            }
        }
    }
}

/// The sums for two panels, of which the right one has `width` lines. Meanwhile `each` is called for each row in turn.
///
/// # Safety
/// They have `depth` numbers for each of their lines.
#[inline(always)]
unsafe fn sum_up<P: Inner, V: Lanes, const ROWS: usize, const VECTORS: usize>(
    depth: usize,
    mut a: *const V::Number,
    mut b: *const V::Number,
    width: usize,
    each: impl Fn(usize),
) -> [[V; VECTORS]; ROWS] {
    let mut sums = [[V::ZERO; VECTORS]; ROWS];
    for i in 0..ROWS {
        each(i);
        for _ in depth * i / ROWS..depth * (i + 1) / ROWS {
            // SAFETY: the caller's promise.
            unsafe {
                let mut row = [V::ZERO; VECTORS];
                for (j, row) in row.iter_mut().enumerate() {
                    *row = V::load(b.add(j * V::COUNT));
                }
                for (i, sums) in sums.iter_mut().enumerate() {
                    let number = V::splat(*a.add(i));
                    for (sum, numbers) in sums.iter_mut().zip(row) {
                        *sum = P::step(*sum, number, numbers);
                    }
                }
                a = a.add(ROWS);
                b = b.add(width);
            }
        }
    }
    sums
}

impl<I: Number, O: Number> Block<'_, I, O> {
    /// Computes the tile of two panels, of which the right one has `width` lines.
    ///
    /// # Safety
    /// The panels have `depth` numbers for each of their lines; `out` has these lines.
    #[inline(always)]
    unsafe fn tile<P: Inner, V: Lanes<Number = O::Word>, const ROWS: usize, const VECTORS: usize>(
        &self,
        a: *const O::Word,
        b: *const O::Word,
        width: usize,
        rows: Range<usize>,
        columns: Range<usize>,
    ) {
        // The lines of `out` are fetched one by one: all at once, they would be in the way of the panels.
        let fetch = |i: usize| self.prefetch(rows.start + i.min(rows.len() - 1), columns.clone());
        // SAFETY: the caller's promise.
        let sums = unsafe { sum_up::<P, V, ROWS, VECTORS>(self.depth, a, b, width, fetch) };
        // SAFETY: the caller's promise.
        unsafe { self.store::<P, _, _, _>(&sums, rows, columns) };
    }

    /// Sets `out` to the part of a tile that lies in it, or adds it.
    ///
    /// # Safety
    /// `out` has these lines.
    #[inline(always)]
    unsafe fn store<P: Inner, V: Lanes<Number = O::Word>, const ROWS: usize, const VECTORS: usize>(
        &self,
        tile: &[[V; VECTORS]; ROWS],
        rows: Range<usize>,
        columns: Range<usize>,
    ) {
        let whole = self.columns.is_unit_in_out() && columns.len() == VECTORS * V::COUNT;
        let finish = P::FINISHES && self.last;
        for (row, sums) in rows.zip(tile) {
            let line = self.line(row);
            // SAFETY: a vector is so many numbers; the caller's promise.
            unsafe {
                if whole && !finish && TypeId::of::<O>() == TypeId::of::<O::Word>() {
                    let line: *mut O::Word = line.add(columns.start).cast();
                    for (j, &sum) in sums.iter().enumerate() {
                        let place = line.add(j * V::COUNT);
                        (if self.first { sum } else { P::join(V::load(place), sum) }).store(place);
                    }
                    continue;
                }
                let sums: *const O::Word = sums.as_ptr().cast();
                if whole {
                    let line = line.add(columns.start);
                    for j in 0..VECTORS * V::COUNT {
                        self.put::<P>(line.add(j), *sums.add(j));
                    }
                } else {
                    for (j, column) in columns.clone().enumerate() {
                        self.put::<P>(line.wrapping_offset(self.columns.place(column)), *sums.add(j));
                    }
                }
            }
        }
    }

    /// # Safety
    /// `place` is one of `out`.
    #[inline(always)]
    unsafe fn put<P: Inner>(&self, place: *mut O, sum: O::Word) {
        // SAFETY: the caller's promise.
        unsafe {
            let sum = if self.first { sum } else { P::join_words((*place).widen(), sum) };
            *place = O::narrow(if self.last { P::finish(sum) } else { sum });
        }
    }

    /// Fetches what [`store`](Self::store) will need of a line.
    #[inline(always)]
    fn prefetch(&self, row: usize, columns: Range<usize>) {
        if self.columns.is_unit_in_out() {
            let line = self.line(row).wrapping_add(columns.start);
            for place in (0..columns.len()).step_by(64 / size_of::<O>()) {
                prefetch(line.wrapping_add(place));
            }
            prefetch(line.wrapping_add(columns.len() - 1));
        }
    }

    #[inline(always)]
    fn line(&self, row: usize) -> *mut O {
        self.out.wrapping_offset(self.rows.place(row))
    }
}
