//! A C interface to `tsdsm-core`: what C, and whatever calls C, needs to take part in a running cluster.
//!
//! A crate and not a feature of the core: a shared library exports its functions from whatever it is linked into, and the
//! core is linked into Node addons. The header `include/tsdsm.h` is made by cbindgen of what stands here, and says how to
//! use it.

mod array;
mod barrier;
mod cluster;
mod lock;
mod status;
mod text;

pub use array::*;
pub use barrier::*;
pub use cluster::*;
pub use lock::*;
pub use status::*;
