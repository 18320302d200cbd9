//! Numeric kernels with NumPy's meaning, on one thread or many, over memory that may be shared between processes.
//!
//! A kernel takes [`Array`]s (borrowed memory, an element type, a shape, strides) and writes into an [`ArrayMut`]. It
//! checks all of its arguments before it writes anything. The crate knows nothing of segments, clusters or Node.
//!
//! # Shared memory
//! Other threads and processes may write to what a kernel reads, and to what it writes. Then the result is made of any
//! mixture of old and new bytes; but every access stays within the arrays, whatever the bytes say: values that lead to a
//! place (indices, keys, bins) are read once, checked, and used as they were read. No `&[T]` or `&mut [T]` is ever made
//! over such memory.

pub mod array;
mod cast;
pub mod distance;
pub mod dtype;
mod elements;
pub mod elementwise;
pub mod error;
mod field;
pub mod gather;
pub mod histogram;
pub mod isa;
pub mod math;
pub mod matmul;
pub mod overlap;
pub mod quantile;
pub mod random;
pub mod reduce;
pub mod scalar;
pub mod scan;
mod scratch;
pub mod search;
mod share;
pub mod sort;
pub mod stencil;
mod stream;
pub mod threads;
pub mod transpose;
pub mod unique;

pub use array::{Array, ArrayMut, Shape};
pub use dtype::{Bool, DType, Element};
pub use error::{Error, Result};
pub use scalar::WeakScalar;
pub use share::Share;
pub use threads::Threads;
