//! The napi binding: thin functions over `tsdsm-core` and `tsdsm-kernels`.
//!
//! No logic lives here: every function checks its arguments, calls the core, and turns its errors into JavaScript ones.
//! State belongs to an environment (main, or a `worker_thread`), never to the process, which they share.

mod args;
mod arrays;
mod barriers;
mod bell;
mod buffer;
mod callback;
mod cluster;
mod doorbell;
mod error;
mod handle;
mod hot;
mod housekeeping;
mod locks;
mod objects;
mod runs;
mod session;
mod uv;
mod wait;
