//! The inner loops of scans, on accumulators that lie one after the other.

use std::marker::PhantomData;

use crate::dtype::{DType, Element};
use crate::field::TILE;
use crate::isa::{Isa, Kernel};
use crate::reduce::operation::{Add, Multiply, Operation};

use super::{BLOCK, Scan};

/// Blocks of a tile, which are gone through side by side: each waits for its own sums only. A tile is copied first: so
/// memory is read from one end to the other, as it is read ahead; with blocks side by side it takes three times as long.
const BLOCKS: usize = TILE / BLOCK;

/// The loops of a scan over accumulators of one type, int64 or float64, which are handed around as bits.
#[derive(Clone, Copy)]
pub(super) struct Steps {
    /// What comes before the first element. It changes none: the negative zero for a sum.
    pub identity: u64,
    totals: unsafe fn(*const u8, usize, *mut u64),
    chain: fn(u64, u64) -> u64,
    tile: unsafe fn(*const u8, usize, *mut u64, *mut u8),
    row: unsafe fn(&Row),
}

/// A row of elements, one for each of many lines.
pub(super) struct Row {
    pub elements: *const u8,
    /// The accumulators before the block, and those of the block.
    pub before: *mut u64,
    pub block: *mut u64,
    pub out: *mut u8,
    pub len: usize,
    /// Whether it is the first or the last row of a block.
    pub begins: bool,
    pub ends: bool,
}

impl Steps {
    pub fn new(op: Scan, dtype: DType) -> Steps {
        match (op, dtype) {
            (Scan::Cumsum, DType::F64) => Steps::of::<Add, f64>((-0.0f64).to_bits()),
            (Scan::Cumsum, _) => Steps::of::<Add, i64>(0),
            (Scan::Cumprod, DType::F64) => Steps::of::<Multiply, f64>(1.0f64.to_bits()),
            (Scan::Cumprod, _) => Steps::of::<Multiply, i64>(1),
        }
    }

    fn of<O: Operation<A>, A: Accumulator>(identity: u64) -> Steps {
        Steps {
            identity,
            totals: totals::<O, A>,
            chain: |before, block| O::apply(A::from_bits(before), A::from_bits(block)).bits(),
            tile: tile::<O, A>,
            row: row::<O, A>,
        }
    }

    /// Writes the total of each block of a tile.
    ///
    /// # Safety
    /// There are `len` elements, and room for the totals; so below.
    pub unsafe fn totals(&self, elements: *const u8, len: usize, totals: *mut u64) {
        // SAFETY: the caller's promise.
        unsafe { (self.totals)(elements, len, totals) }
    }

    /// What comes before the next block.
    pub fn chain(&self, before: u64, block: u64) -> u64 {
        (self.chain)(before, block)
    }

    /// Scans a tile. `before` is what comes before it, and then what comes before the next.
    ///
    /// # Safety
    /// There are `len` elements, at most a tile, and room for as many results, which lie elsewhere.
    pub unsafe fn tile(&self, elements: *const u8, len: usize, before: &mut u64, out: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { (self.tile)(elements, len, before, out) }
    }

    /// Scans a row.
    ///
    /// # Safety
    /// Everything has its length, and the results lie elsewhere than the elements.
    pub unsafe fn row(&self, row: &Row) {
        // SAFETY: the caller's promise.
        unsafe { (self.row)(row) }
    }
}

/// A type of accumulators.
trait Accumulator: Element {
    fn from_bits(bits: u64) -> Self;
    fn bits(self) -> u64;
}

impl Accumulator for f64 {
    fn from_bits(bits: u64) -> f64 {
        f64::from_bits(bits)
    }

    fn bits(self) -> u64 {
        self.to_bits()
    }
}

impl Accumulator for i64 {
    fn from_bits(bits: u64) -> i64 {
        bits as i64
    }

    fn bits(self) -> u64 {
        self as u64
    }
}

unsafe fn totals<O: Operation<A>, A: Accumulator>(elements: *const u8, len: usize, totals: *mut u64) {
    let elements = elements.cast();
    Isa::best().run_narrow(Totals { elements, len, totals: totals.cast::<A>(), operation: PhantomData::<O> });
}

struct Totals<O, A> {
    elements: *const A,
    len: usize,
    totals: *mut A,
    operation: PhantomData<O>,
}

impl<O: Operation<A>, A: Accumulator> Kernel for Totals<O, A> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        // SAFETY: within the elements, of which there are `len`, and the totals.
        unsafe {
            if self.len == TILE {
                let blocks = self.elements.cast::<[[A; BLOCK]; BLOCKS]>().read();
                let mut totals = blocks.map(|block| block[0]);
                for i in 1..BLOCK {
                    for (total, block) in totals.iter_mut().zip(&blocks) {
                        *total = O::apply(*total, block[i]);
                    }
                }
                self.totals.cast::<[A; BLOCKS]>().write(totals);
                return;
            }
            for (block, start) in (0..self.len).step_by(BLOCK).enumerate() {
                let mut total = self.elements.add(start).read();
                for i in start + 1..(start + BLOCK).min(self.len) {
                    total = O::apply(total, self.elements.add(i).read());
                }
                self.totals.add(block).write(total);
            }
        }
    }
}

unsafe fn tile<O: Operation<A>, A: Accumulator>(elements: *const u8, len: usize, before: *mut u64, out: *mut u8) {
    // SAFETY: bits of an accumulator.
    let before = unsafe { &mut *before.cast::<A>() };
    let (elements, out) = (elements.cast(), out.cast());
    Isa::best().run_narrow(Tile { elements, len, before, out, operation: PhantomData::<O> });
}

struct Tile<'a, O, A> {
    elements: *const A,
    len: usize,
    before: &'a mut A,
    out: *mut A,
    operation: PhantomData<O>,
}

impl<O: Operation<A>, A: Accumulator> Kernel for Tile<'_, O, A> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let mut scanned = [*self.before; TILE];
        // SAFETY: within the elements and results, of which there are `len`.
        unsafe {
            if self.len == TILE {
                scanned = self.elements.cast::<[A; TILE]>().read();
                let mut totals: [A; BLOCKS] = std::array::from_fn(|block| scanned[block * BLOCK]);
                for i in 1..BLOCK {
                    for (block, total) in totals.iter_mut().enumerate() {
                        let place = &mut scanned[block * BLOCK + i];
                        *total = O::apply(*total, *place);
                        *place = *total;
                    }
                }
            } else {
                for start in (0..self.len).step_by(BLOCK) {
                    let mut total = self.elements.add(start).read();
                    scanned[start] = total;
                    for (i, scanned) in scanned.iter_mut().enumerate().take(self.len.min(start + BLOCK)).skip(start + 1)
                    {
                        total = O::apply(total, self.elements.add(i).read());
                        *scanned = total;
                    }
                }
            }
            let mut before = *self.before;
            for start in (0..self.len).step_by(BLOCK) {
                let block = &scanned[start..(start + BLOCK).min(self.len)];
                for (i, &scanned) in block.iter().enumerate() {
                    self.out.add(start + i).write(O::apply(before, scanned));
                }
                before = O::apply(before, block[block.len() - 1]);
            }
            *self.before = before;
        }
    }
}

unsafe fn row<O: Operation<A>, A: Accumulator>(row: &Row) {
    let (elements, out) = (row.elements.cast(), row.out.cast());
    // SAFETY: private memory of so many accumulators each.
    let (before, block) = unsafe {
        (
            std::slice::from_raw_parts_mut(row.before.cast::<A>(), row.len),
            std::slice::from_raw_parts_mut(row.block.cast::<A>(), row.len),
        )
    };
    let (begins, ends) = (row.begins, row.ends);
    Isa::best().run_narrow(Across { elements, out, before, block, begins, ends, operation: PhantomData::<O> });
}

struct Across<'a, O, A> {
    elements: *const A,
    out: *mut A,
    before: &'a mut [A],
    block: &'a mut [A],
    begins: bool,
    ends: bool,
    operation: PhantomData<O>,
}

impl<O: Operation<A>, A: Accumulator> Kernel for Across<'_, O, A> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (i, (before, block)) in self.before.iter_mut().zip(self.block.iter_mut()).enumerate() {
            // SAFETY: as many elements and results.
            unsafe {
                let element = self.elements.add(i).read();
                *block = if self.begins { element } else { O::apply(*block, element) };
                let result = O::apply(*before, *block);
                self.out.add(i).write(result);
                *before = if self.ends { result } else { *before };
            }
        }
    }
}
