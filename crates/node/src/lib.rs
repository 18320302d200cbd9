//! The napi binding: thin functions over `tsdsm-core` and `tsdsm-kernels`.
//!
//! No logic lives here: every function checks its arguments, calls the core, and turns its errors into JavaScript ones.
//! State belongs to an environment (main, or a `worker_thread`), never to the process, which they share.
//!
//! An addon of your own that links this crate (`pub use tsdsm_node::*;`) exports these functions beside its own, and has in
//! [`embed`] what JavaScript's handles lead to, in [`error`] how errors of the core become those of JavaScript.

mod args;
pub mod arrays;
pub mod barriers;
pub mod bell;
pub mod buffer;
mod callback;
pub mod cluster;
pub mod conditions;
pub mod doorbell;
pub mod embed;
pub mod error;
pub mod handle;
pub mod hot;
pub mod housekeeping;
pub mod kernels;
pub mod locks;
mod mapped;
pub mod objects;
pub mod operations;
pub mod runs;
pub mod semaphores;
pub mod session;
pub mod signals;
mod uv;
pub mod wait;
