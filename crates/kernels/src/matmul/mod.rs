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
mod steps;
mod sums;
pub(crate) mod tile;
pub(crate) mod word;

use std::ops::Range;

use crate::array::{Array, ArrayMut};
use crate::elements::{BLOCK, blocks};
use crate::error::{Error, Result, refuse};
use crate::gather::indices::Indices;
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
/// of `b` by 384 numbers, perhaps for each thread; for float16, and where the types differ, a block of the result, too.
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
    let list;
    let mut plan = Plan::new(&out, a, b, options.range.clone())?;
    if may_overlap(&out, a) || may_overlap(&out, b) {
        return refuse("the output of a product must not overlap its operands");
    }
    if overlaps_itself(&out) {
        return refuse("the output of a product has several indices for one place");
    }
    if let Some(rows) = &options.rows {
        list = row_list(rows, a, options)?;
        plan.rows = Some(&list);
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
    if rows.rank() != 1 {
        return refuse(format!("a list has one axis, not {}", rows.rank()));
    }
    // Of a list that does not lie within memory as long as it is, all rows are one.
    if rows.size() > count || overlaps_itself(rows) {
        return refuse(format!("of {count} rows one is there more than once in a list of {}", rows.size()));
    }
    let indices = Indices::new(rows, count, options.threads)?;
    let mut list = with_room_for(indices.len())?;
    for (start, len) in blocks(0..indices.len()) {
        list.extend_from_slice(indices.read(start, len, &mut [0; BLOCK]));
    }
    let mut sorted = with_room_for(list.len())?;
    sorted.extend_from_slice(&list);
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => refuse(format!("the row {} is there more than once", pair[0])),
        None => Ok(list),
    }
}

/// An empty list, as long as that may become.
fn with_room_for(len: usize) -> Result<Vec<usize>> {
    let mut list = Vec::new();
    list.try_reserve_exact(len).map_err(|_| Error::OutOfMemory { bytes: len.saturating_mul(size_of::<usize>()) })?;
    Ok(list)
}
