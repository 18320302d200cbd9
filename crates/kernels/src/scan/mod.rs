//! Scans: sums and products of the elements up to each one, along an axis or over all elements.
//!
//! # The same bits for any number of threads
//! A line of elements is cut into blocks of [`BLOCK`]. Within a block, elements are put together in order, beginning with
//! its first one; a result is what came before the block, put together with that. What comes before the next block is the
//! result of the block's last element. For integers, which wrap, and for floating-point numbers where no sum is rounded,
//! that is what a loop from the first element to the last gives. Otherwise it differs from such a loop in the last bits,
//! and is nearer to the true sum: an element's result went through one rounding for each block before it, and one for each
//! element of its block, not one for each element. Sums of numbers that are not negative never fall.
//! Floating-point numbers are put together in float64, and rounded once to the type of the results.

use std::ops::Range;

use crate::array::{Array, ArrayMut};
use crate::cast::Casts;
use crate::dtype::{DType, Kind};
use crate::error::{Result, refuse};
use crate::field::{Axes, Field, Order};
use crate::overlap::{is_same_view, may_overlap, overlaps_itself};
use crate::reduce::Reduction;
use crate::share::{Share, axis_of};
use crate::stream;

mod lines;
mod steps;

use lines::Lines;
use steps::Steps;

/// Elements of a block.
pub const BLOCK: usize = 64;

/// What a scan makes of the elements up to each one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Scan {
    /// Their sum.
    Cumsum,
    /// Their product.
    Cumprod,
}

impl Scan {
    /// Every scan there is.
    pub const ALL: [Scan; 2] = [Scan::Cumsum, Scan::Cumprod];

    /// Its name, in NumPy and JavaScript.
    pub const fn name(self) -> &'static str {
        match self {
            Scan::Cumsum => "cumsum",
            Scan::Cumprod => "cumprod",
        }
    }

    /// The type of its results, as NumPy has it: that of a sum.
    pub const fn result_dtype(self, dtype: DType) -> DType {
        Reduction::Sum.result_dtype(dtype)
    }
}

/// Scans `a` into `out`, along an axis (negative ones count from the last) or over all elements in C order.
///
/// `out` has the shape of `a`, or for all elements that or one axis; it may be `a`, the same view of the same memory. With
/// a range, only these indices of the first axis of `out` are written, with the results that they have in the whole; where
/// it is the scanned axis, the elements before are read, so that then `out` may not be `a`.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for another shape, a type that may not take the results, an axis or a range that is
/// not there, and an overlap. [`crate::Error::OutOfMemory`].
pub fn scan(op: Scan, out: ArrayMut<'_>, a: &Array<'_>, axis: Option<isize>, share: &Share) -> Result<()> {
    let axis = axis.map(|axis| axis_of(axis, a.rank())).transpose()?;
    let same_shape = out.shape() == a.shape();
    if !same_shape && (axis.is_some() || **out.shape() != [a.size()]) {
        return refuse(format!("the output has shape {:?}, and the input {:?}", out.shape(), a.shape()));
    }
    let result = op.result_dtype(a.dtype());
    if !result.can_store_into(out.dtype()) {
        return refuse(format!("a result of type {result} cannot be stored into {}", out.dtype()));
    }
    if overlaps_itself(&out) {
        return refuse("two elements of the output lie at one place");
    }
    let in_place = same_shape && is_same_view(a, &out);
    if !in_place && may_overlap(a, &out) {
        return refuse("the output overlaps the input, and is not the same view of the same memory");
    }

    let (mut a, mut out) = (*a, out);
    let mut part = 0..axis.map_or(a.size(), |axis| a.shape()[axis]);
    if let Some(range) = &share.range {
        // Also refuses a range that is not there.
        let wanted = out.slice(0, range.clone())?.size();
        if axis.is_none_or(|axis| axis == 0) {
            let whole = part.clone();
            part = part_of(&out, axis, range);
            if in_place && part != whole && wanted > 0 {
                return refuse("a part of a scan in place: the elements before it may be results already");
            }
        } else {
            a = a.slice(0, range.clone())?;
            out = out.into_slice(0, range.clone())?;
        }
    }
    if out.size() == 0 || part.is_empty() {
        return Ok(());
    }

    let accumulator = if result.kind() == Kind::Float { DType::F64 } else { DType::I64 };
    let stored = if result.kind() == Kind::Float { DType::F64 } else { result };
    let lines = Lines {
        steps: Steps::new(op, accumulator),
        load: Casts::new(a.dtype(), accumulator),
        store: Casts::new(stored, out.dtype()),
        input: Field::new(&a, &order_of(&a, axis, &a)),
        output: Field::new(&out, &order_of(&out, axis, &a)),
        in_place,
        streams: a.size().saturating_mul(a.dtype().size() + out.dtype().size()) >= stream::last_level_cache(),
        length: axis.map_or(a.size(), |axis| a.shape()[axis]),
        count: axis.map_or(1, |axis| a.size() / a.shape()[axis]),
        part,
        threads: share.threads,
    };
    lines.run()
}

/// The elements of a line that are those of a range of the first axis.
fn part_of(out: &Array<'_>, axis: Option<usize>, range: &Range<usize>) -> Range<usize> {
    match axis {
        Some(_) => range.clone(),
        None => {
            let row: usize = out.shape()[1..].iter().product();
            range.start * row..range.end * row
        }
    }
}

/// The axes of an array: the scanned ones, and the others as they lie in the memory of the input.
fn order_of(array: &Array<'_>, axis: Option<usize>, input: &Array<'_>) -> Order {
    let Some(axis) = axis else {
        return Order::of_all(array.rank());
    };
    let mut order = Order { rank: array.rank(), ..Order::of_one() };
    order.reduced = Axes::default();
    order.reduced[axis] = true;
    let strides = input.strides();
    order.axes[..array.rank()].sort_by_key(|&i| (i != axis, std::cmp::Reverse(strides[i].unsigned_abs())));
    order
}
