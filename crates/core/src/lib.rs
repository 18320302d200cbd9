//! Named POSIX shared memory, and locks and barriers between processes that survive `kill -9`.
//!
//! This crate knows nothing of Node: any Rust program can use it.

mod error;

pub use error::{Error, Result};
