//! Sums of products, and of distances and their squares, of one result: without a place for what is summed.
//!
//! They go to the same lanes in the same order as sums of elements, and nothing is fused: the bits are those of a fold.

use std::ops::Range;

use crate::field::Line;
use crate::isa::{Isa, Kernel};

use super::feed::Buffers;
use super::fold::halved;
use super::operation::Add;
use super::tree::Tree;

/// Lanes of a sum of float64.
const LANES: usize = 16;

type Sums = [f64; LANES];

impl Tree<'_> {
    /// The sum of the products of the factors of part of a line.
    ///
    /// # Safety
    /// The line has these elements, and what is folded are pairs.
    pub(super) unsafe fn products(&self, line: Line, part: Range<usize>, buffers: &mut Buffers) -> f64 {
        let mut sums = [0.0; LANES];
        let limit = self.feed.limit_of_factors(line);
        let mut start = part.start;
        while start < part.end {
            let len = limit.min(part.end - start);
            // SAFETY: the caller's promise.
            let [x, y] = unsafe { self.feed.bring_factors(line, start, len, buffers) };
            Isa::best().run_narrow(Products { sums: &mut sums, x: x.cast(), y: y.cast(), len });
            start += len;
        }
        halved::<Add, f64, LANES>(sums)
    }

    /// The sums of the distances of elements of a line from a centre, and of their squares.
    ///
    /// # Safety
    /// The line has these elements, which are plain.
    pub(super) unsafe fn distances(
        &self,
        line: Line,
        part: Range<usize>,
        centre: f64,
        buffers: &mut Buffers,
    ) -> [f64; 2] {
        let (mut sums, mut squares) = ([0.0; LANES], [0.0; LANES]);
        let limit = self.feed.limit(line, LANES);
        let mut start = part.start;
        while start < part.end {
            let len = limit.min(part.end - start);
            // SAFETY: the caller's promise.
            let x = unsafe { self.feed.bring(&self.fold, line, start, len, buffers) };
            Isa::best().run_narrow(Distances { sums: &mut sums, squares: &mut squares, x: x.cast(), centre, len });
            start += len;
        }
        [halved::<Add, f64, LANES>(sums), halved::<Add, f64, LANES>(squares)]
    }
}

struct Products<'a> {
    sums: &'a mut Sums,
    x: *const f64,
    y: *const f64,
    len: usize,
}

impl Kernel for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let mut sums = *self.sums;
        // SAFETY: below `len`.
        let product = |i: usize| unsafe { self.x.add(i).read() * self.y.add(i).read() };
        let whole = self.len - self.len % LANES;
        for first in (0..whole).step_by(LANES) {
            for (lane, sum) in sums.iter_mut().enumerate() {
                *sum += product(first + lane);
            }
        }
        for (i, sum) in (whole..self.len).zip(&mut sums) {
            *sum += product(i);
        }
        *self.sums = sums;
    }
}

struct Distances<'a> {
    sums: &'a mut Sums,
    squares: &'a mut Sums,
    x: *const f64,
    centre: f64,
    len: usize,
}

impl Kernel for Distances<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (mut sums, mut squares) = (*self.sums, *self.squares);
        // SAFETY: below `len`.
        let distance = |i: usize| unsafe { self.x.add(i).read() } - self.centre;
        let whole = self.len - self.len % LANES;
        for first in (0..whole).step_by(LANES) {
            for lane in 0..LANES {
                let distance = distance(first + lane);
                sums[lane] += distance;
                squares[lane] += distance * distance;
            }
        }
        for (i, lane) in (whole..self.len).zip(0..) {
            let distance = distance(i);
            sums[lane] += distance;
            squares[lane] += distance * distance;
        }
        (*self.sums, *self.squares) = (sums, squares);
    }
}
