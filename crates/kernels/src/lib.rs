//! Numeric kernels with NumPy's meaning, on one thread or many, over memory that may be shared between processes.
//!
//! A kernel takes [`Array`]s (borrowed memory, an element type, a shape, strides) and writes into an [`ArrayMut`]. It
//! checks all of its arguments before it writes anything. The crate knows nothing of segments, clusters or Node.
//!
//! ```
//! use std::num::NonZeroUsize;
//! use tsdsm_kernels::elementwise::{Binary, Elementwise, binary};
//! use tsdsm_kernels::reduce::{Options, Reduction, Scalar, reduce};
//! use tsdsm_kernels::{Array, ArrayMut, Threads};
//!
//! let matrix = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
//! let row = [10.0, 20.0, 30.0];
//! let mut sums = [0.0; 6];
//!
//! let a = Array::with_shape(&matrix, &[2, 3])?;
//! let b = Array::from_slice(&row); // broadcast to both rows
//! let out = ArrayMut::with_shape(&mut sums, &[2, 3])?;
//! let threads = Threads::new(NonZeroUsize::new(2).unwrap());
//! binary(Binary::Add, out, &a, &b, &Elementwise { threads, ..Elementwise::default() })?;
//! assert_eq!(sums, [11.0, 22.0, 33.0, 14.0, 25.0, 36.0]);
//!
//! let total = reduce(Reduction::Sum, &Array::from_slice(&sums), &Options::default())?;
//! assert_eq!(total, Scalar::F64(141.0));
//! # Ok::<(), tsdsm_kernels::Error>(())
//! ```
//!
//! # What there is
//! - [`elementwise`]: arithmetic, comparisons, logic, bits, rounding, the functions of [`math`], copies, casts, select,
//!   with a mask
//! - [`reduce`] and [`scan`]: sums and their kin over all elements or along axes, the same bits however the work is shared
//! - [`matmul`], [`distance`], [`transpose`], [`stencil`]
//! - [`sort`], [`search`], [`unique`], [`quantile`],
//!   [`histogram`], [`gather`]: order, counting, elements at indices
//! - [`random`]: numbers by Philox, each a function of key and index
//!
//! Types of elements are those of [`DType`]. Inputs of one call have the same one ([`elementwise::cast`] converts), and the
//! output obeys NumPy's `same_kind` rule. Every kernel may be told how many [`Threads`] it may use, and most that only a
//! range of the first axis is to be computed ([`Share`]), so that several workers can do parts of one array. Scratch memory
//! is asked for so that a lack of it is an [`Error`].
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
mod isa;
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
