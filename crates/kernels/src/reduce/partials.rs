//! The results of blocks, for several workers that share a reduction.

use std::ops::Range;

use crate::array::{Array, ArrayMut, MAX_RANK};
use crate::cast::Casts;
use crate::dtype::DType;
use crate::error::{Result, refuse};
use crate::field::Order;

use super::check_output;
use super::feed::{Centres, Map};
use super::finish::{Count, Finish, Last, Target};
use super::moments::Moments;
use super::options::{Options, Reduction};
use super::task::Task;
use super::tree::{BLOCK, Tree};

/// Blocks of so many elements: the length of the array of their results.
pub fn partials_len(size: usize) -> usize {
    size.div_ceil(BLOCK)
}

/// The type of the results of blocks: float64 for the sums and products of floating-point numbers and for the mean and its
/// kin, 64 bits for those of integers, the type itself for min and max, bool for any and all, int64 for a count.
pub fn partials_dtype(op: Reduction, dtype: DType) -> DType {
    match op {
        Reduction::Mean | Reduction::Var | Reduction::Std | Reduction::Norm => DType::F64,
        Reduction::Sum | Reduction::Prod => super::Scalar::widest(op.result_dtype(dtype)),
        _ => op.result_dtype(dtype),
    }
}

/// Writes the results of those blocks of `a` that begin in the range; the other elements of `out` are not touched.
///
/// `out` has one axis of [`partials_len`] elements of type [`partials_dtype`]. When all blocks are there, their reduction
/// (that of `out`) is that of `a`, to the bit: for sum, prod, min, max, any and all by the same reduction; for mean
/// (divided by the number of elements), norm (its square root) and countNonzero by sum. Var and std need `centre`, the mean
/// of all elements: the blocks' results are then the sums of the squared distances from it.
///
/// A range is one of the first axis: its blocks may reach into the next range, and are read there.
///
/// # Errors
/// As [`reduce`](super::reduce), and where `out` is not as said. Argmin and argmax have none; axes and initial values are
/// not for this.
pub fn partials(op: Reduction, mut out: ArrayMut<'_>, a: &Array<'_>, centre: f64, options: &Options<'_>) -> Result<()> {
    if op.is_index() || options.axes.is_some() || options.initial.is_some() {
        return refuse(format!("the blocks of {} have no results by themselves", op.name()));
    }
    let dtype = partials_dtype(op, a.dtype());
    check_partials(&out, dtype, a)?;
    check_output(&out, dtype, [Some(a), options.mask.as_ref(), None])?;
    let blocks = blocks_of(a, options)?;
    let whole = Options { range: None, ..options.clone() };
    if a.size() == 0 {
        return Ok(());
    }
    let task = Task::new(op, a, [true; MAX_RANK], &whole)?;
    let is_variance = matches!(op, Reduction::Var | Reduction::Std);
    if is_variance && task.mask.is_none() {
        let plain = task.tree(&Order::of_all(a.rank()), Map::Plain);
        return write_moments(&plain, &mut out, centre, blocks, options);
    }
    let map = match op {
        _ if is_variance => Map::Deviation(Centres { of: &[centre], first: 0 }),
        Reduction::Norm => Map::Square,
        _ => Map::Plain,
    };
    let tree = task.tree(&Order::of_all(a.rank()), map);
    write_blocks(&tree, &mut out, task.accumulated(), blocks, options)
}

/// Refuses an array that is not for the results of the blocks of `a`.
pub(super) fn check_partials(out: &Array<'_>, dtype: DType, a: &Array<'_>) -> Result<()> {
    let blocks = partials_len(a.size());
    if out.dtype() != dtype || **out.shape() != [blocks] {
        return refuse(format!("the results of the blocks are {blocks} of type {dtype}, not a {out:?}"));
    }
    Ok(())
}

/// The blocks that begin in the range.
pub(super) fn blocks_of(a: &Array<'_>, options: &Options<'_>) -> Result<Range<usize>> {
    let Some(range) = &options.range else {
        return Ok(0..partials_len(a.size()));
    };
    let row = a.slice(0, range.clone())?.shape()[1..].iter().product::<usize>();
    Ok((range.start * row).div_ceil(BLOCK)..(range.end * row).div_ceil(BLOCK))
}

/// Writes the results of these blocks of a tree with one result.
pub(super) fn write_blocks(
    tree: &Tree<'_>,
    out: &mut ArrayMut<'_>,
    accumulated: DType,
    blocks: Range<usize>,
    options: &Options<'_>,
) -> Result<()> {
    let casts = Casts::new(accumulated, out.dtype());
    let target = Target::new(out, &Order::of_one(), casts);
    let finish = Finish { fold: &tree.fold, last: Last::Nothing, count: Count::Same(0), initial: None, target };
    tree.each_block(blocks, options.threads, &|block, _, result| finish.write(block..block + 1, result));
    Ok(())
}

/// Writes the sums of the squared distances from a centre.
fn write_moments(
    plain: &Tree<'_>,
    out: &mut ArrayMut<'_>,
    centre: f64,
    blocks: Range<usize>,
    options: &Options<'_>,
) -> Result<()> {
    let mut moments = Moments::new(plain, blocks.clone(), options.threads)?;
    let squares = moments.about(&[centre])?;
    let target = Target::new(out, &Order::of_one(), Casts::new(DType::F64, out.dtype()));
    let finish = Finish { fold: &plain.fold, last: Last::Nothing, count: Count::Same(0), initial: None, target };
    finish.write(blocks, squares.data().cast_mut());
    Ok(())
}
