//! Reductions: sums, products, extremes, truths, over all elements or along axes.
//!
//! # The same bits, always
//! A result depends on the elements alone, in C order: not on threads, instruction set, strides, or whether it is one of
//! many. It is defined so. The elements that make one result are cut into blocks of [`BLOCK`]; within a block, element i is
//! folded onto lane i modulo the number of lanes, and the lanes are folded by halves (see `fold`). If there is one block,
//! that is the result; else it is the reduction of the blocks' results, as an array. Sums, products and means of
//! floating-point numbers are made in float64, so those of float32 and float16 are rounded once, when they are stored;
//! nothing is contracted to a fused multiply-add. The squared distances of variances are summed about a centre of each
//! block first (see `moments`), so the elements are read once. (Which of
//! -0.0 and 0.0 is the least or the greatest, where both are, is not said: they are equal.)
//!
//! So several workers can share a reduction without losing a bit: each writes the results of the blocks that *begin* in its
//! range into a shared array, by [`partials`], and the reduction of that array is the reduction of the whole.
//!
//! # How
//! `feed` brings elements, cast, mapped and masked, to where a fold can take them one after the other; most lie there
//! already. `tree` goes through blocks and threads, `finish` makes results of accumulators.

use crate::array::{Array, ArrayMut};
use crate::dtype::DType;
use crate::error::{Result, refuse};
use crate::overlap::{may_overlap, overlaps_itself};

mod columns;
mod count;
mod dot;
mod feed;
mod finish;
mod fold;
mod index;
mod moments;
pub(crate) mod operation;
mod options;
mod pairs;
mod partials;
mod task;
mod tree;

pub use dot::{dot, dot_partials};
pub use options::{Options, Reduction, Scalar, result_shape};
pub use partials::{partials, partials_dtype, partials_len};
pub use tree::BLOCK;

use options::shape_of_kept;
use task::Task;

/// The reduction of all elements of `a`.
///
/// Sums and products of floating-point numbers, and means, are float64 whatever the type of the elements.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for an axis, a range, a mask or an initial value that does not fit, axes that are not
/// all there are, and for the extremes of no elements. [`crate::Error::OutOfMemory`].
pub fn reduce(op: Reduction, a: &Array<'_>, options: &Options<'_>) -> Result<Scalar> {
    let axes = options.axes(a.rank())?;
    if axes[..a.rank()].contains(&false) {
        return refuse("a reduction along some axes is not one value: it needs an output");
    }
    let task = Task::new(op, a, axes, options)?;
    let scalar = Scalar::read(Scalar::widest(op.result_dtype(a.dtype())), |cell| run(&task, cell))?;
    Ok(match scalar {
        Scalar::I64(index) if op.is_index() || op == Reduction::CountNonzero => Scalar::Index(index as usize),
        scalar => scalar,
    })
}

/// The reduction of `a` along axes, into `out`, whose shape is that of `a` without these axes.
///
/// # Errors
/// As [`reduce`]; and for an `out` of another shape, of a type that may not take the results, or that overlaps an input.
pub fn reduce_into(op: Reduction, mut out: ArrayMut<'_>, a: &Array<'_>, options: &Options<'_>) -> Result<()> {
    let axes = options.axes(a.rank())?;
    let shape = shape_of_kept(a.shape(), &axes)?;
    if *out.shape() != shape {
        return refuse(format!("the output has shape {:?}, and the result {shape:?}", out.shape()));
    }
    let result = op.result_dtype(a.dtype());
    check_output(&out, result, [Some(a), options.mask.as_ref(), options.initial.as_ref()])?;
    let task = Task::new(op, a, axes, options)?;
    match &options.range {
        Some(range) if !axes[0] => run(&task, out.slice(0, range.clone())?),
        _ => run(&task, out),
    }
}

fn run(task: &Task<'_>, out: ArrayMut<'_>) -> Result<()> {
    if task.op.is_index() { index::run(task, out) } else { task.run(out) }
}

/// Refuses an output that cannot take results of this type, or that shares memory with an input or with itself.
fn check_output(out: &Array<'_>, result: DType, inputs: [Option<&Array<'_>>; 3]) -> Result<()> {
    if !result.can_store_into(out.dtype()) {
        return refuse(format!("a result of type {result} cannot be stored into {}", out.dtype()));
    }
    if overlaps_itself(out) {
        return refuse("two elements of the output lie at one place");
    }
    if inputs.into_iter().flatten().any(|input| may_overlap(out, input)) {
        return refuse("the output of a reduction overlaps an input");
    }
    Ok(())
}
