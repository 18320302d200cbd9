//! Named POSIX shared memory, and locks and barriers between processes that survive `kill -9`.
//!
//! This crate knows nothing of Node: any Rust program can use it.

#[cfg(not(loom))]
pub mod array;
pub mod barrier;
pub mod cores;
#[cfg(not(loom))]
pub mod dtype;
mod error;
#[cfg(not(loom))]
pub mod mapping;
pub mod mutex;
#[cfg(not(loom))]
pub mod name;
#[cfg(not(loom))]
pub mod npy;
pub mod primitive;
#[cfg(not(loom))]
pub mod room;
#[cfg(not(loom))]
pub mod segment;
pub mod spin;
#[cfg(not(loom))]
pub mod sys;
pub mod word;

pub use error::{Error, Result};
