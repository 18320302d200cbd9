//! Kernels over independent elements: each element of the result depends on the elements at the same index of the inputs,
//! which are broadcast to the shape of the output.
//!
//! The output may be one of the inputs, the same view of the same memory; any other overlap is refused. See
//! `blocks` for how it is done.

use std::ops::Range;

use crate::array::Array;
use crate::threads::Threads;

mod binary;
pub(crate) mod blocks;
mod copy;
mod divide;
pub(crate) mod loops;
pub(crate) mod moves;
mod power;
mod select;
pub(crate) mod space;
mod ternary;
mod unary;

pub use binary::{Binary, binary};
pub use copy::{cast, copy, fill};
pub use select::select;
pub use ternary::{axpy, clip, fma};
pub use unary::{Unary, unary};

/// How a kernel over independent elements is done.
#[derive(Debug, Clone, Default)]
pub struct Elementwise<'a> {
    /// Threads that share the work.
    pub threads: Threads,
    /// The indices of the first axis of the output that are computed; all if not given. The rest is not touched.
    pub range: Option<Range<usize>>,
    /// Where a result is stored (NumPy's `where`): of type bool or uint8, broadcast to the shape of the output. Elsewhere
    /// the output is not touched.
    pub mask: Option<Array<'a>>,
}
