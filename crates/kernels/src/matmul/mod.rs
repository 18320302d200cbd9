//! Matrix products.

mod dots;
pub(crate) mod gemm;
pub(crate) mod inner;
mod lanes;
#[cfg(target_arch = "x86_64")]
mod lanes_x86;
pub(crate) mod pack;
mod plan;
mod staged;
mod sums;
pub(crate) mod tile;
pub(crate) mod word;

use std::ops::Range;

use crate::array::{Array, ArrayMut};
use crate::error::{Result, refuse};
use crate::overlap::{may_overlap, overlaps_itself};
use crate::threads::Threads;

use plan::Plan;

/// How a product is computed.
#[derive(Debug, Clone, Default)]
pub struct Matmul<'a> {
    /// Threads that share the work.
    pub threads: Threads,
    /// The indices of the first axis of the output that are computed; all if not given. The rest is not touched.
    pub range: Option<Range<usize>>,
    /// The rows of `a` and of the output that are computed: integers along one axis, in any order, each row once,
    /// counted from the end where they are negative. The other rows are not touched. Only where `a` is a matrix.
    pub rows: Option<Array<'a>>,
}

/// The matrix product `a @ b`, as NumPy's `matmul` has it.
///
/// `a` has the shape (…, m, k) or (k), `b` has (…, k, n) or (k), and `out` has (…, m, n), without m where `a` has one axis
/// and without n where `b` has one: two vectors give a number. Axes before those of the matrices are broadcast. Both
/// operands have one type; `out` has it too, or one that NumPy's `same_kind` rule lets the result be cast to. Integers
/// wrap, bools are or-ed, float16 is summed up in float32 and rounded once. Where k is 0 the result is 0. `out` must not
/// overlap `a` or `b`.
///
/// Any strides are right, and cost a product of matrices nothing. A matrix times a vector is fastest where one axis of the
/// matrix has stride 1.
///
/// An element of the result is made by the same operations in the same order whatever the threads, the range, the rows
/// and the other elements are: it depends on the numbers that it is made from, on the shapes, on which axes of the
/// operands have stride 1, and on the instructions of the processor. Scratch memory: at most 2,048 rows of `a` and columns
/// of `b` by 384 numbers; for float16, and where the types differ, a block of the result, too.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for types, shapes, ranges and rows that do not fit, and for overlapping arrays;
/// [`crate::Error::OutOfMemory`]. Nothing was written then; but of a stack, or of a product that is cast, a part may have
/// been where there is no memory.
pub fn matmul(out: ArrayMut<'_>, a: &Array<'_>, b: &Array<'_>, options: &Matmul<'_>) -> Result<()> {
    if a.dtype() != b.dtype() {
        return refuse(format!("a product has operands of one type, not {} and {}", a.dtype(), b.dtype()));
    }
    if !a.dtype().can_store_into(out.dtype()) {
        return refuse(format!("a product of type {} cannot be stored as {}", a.dtype(), out.dtype()));
    }
    let rows = match &options.rows {
        Some(rows) => Some(row_list(rows, a, options)?),
        None => None,
    };
    let plan = Plan::new(&out, a, b, options.range.clone(), rows.as_deref())?;
    if may_overlap(&out, a) || may_overlap(&out, b) {
        return refuse("the output of a product must not overlap its operands");
    }
    if overlaps_itself(&out) {
        return refuse("the output of a product has several indices for one place");
    }
    plan.run(options.threads)
}

/// The rows as indices, read once.
fn row_list(rows: &Array<'_>, a: &Array<'_>, options: &Matmul<'_>) -> Result<Vec<usize>> {
    let [.., count, _] = **a.shape() else {
        return refuse("only a matrix has rows to choose");
    };
    if a.rank() != 2 {
        return refuse("rows are chosen of one matrix, not of a stack of them");
    }
    if options.range.is_some() {
        return refuse("a product takes a range or rows, not both");
    }
    let list = indices(rows)?;
    let mut seen = vec![false; count];
    list.into_iter()
        .map(|row| {
            let index = if row < 0 { row + count as i128 } else { row };
            match usize::try_from(index).ok().filter(|&index| index < count) {
                None => refuse(format!("there is no row {row} among {count}")),
                Some(index) if std::mem::replace(&mut seen[index], true) => {
                    refuse(format!("the row {row} is there more than once"))
                }
                Some(index) => Ok(index),
            }
        })
        .collect()
}

/// The integers of an array with one axis.
fn indices(array: &Array<'_>) -> Result<Vec<i128>> {
    let ([length], [stride]) = (&**array.shape(), array.strides()) else {
        return refuse(format!("a list has one axis, not {}", array.rank()));
    };
    let place = |i: usize, size: usize| array.data().wrapping_offset(i as isize * stride * size as isize);
    crate::dtype::with_dtype!(array.dtype(), T in [I8, U8, I16, U16, I32, U32, I64, U64] => {
        // SAFETY: an element of the array.
        Ok((0..*length).map(|i| unsafe { i128::from(place(i, size_of::<T>()).cast::<T>().read()) }).collect())
    }, other => refuse(format!("indices are integers, not {other}")))
}
