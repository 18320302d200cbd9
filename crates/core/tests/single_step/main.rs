//! A participant is killed after every step that mattered (one that changed shared bytes, or was a system call) of every
//! operation; each time a survivor goes on, finds everything consistent, and nothing is left.
//!
//! An operation is run under ptrace, one instruction at a time. `TSDSM_POINTS` is how many points of each are taken, spread
//! over all of them; all of them unless told.
//!
//! For release builds, whose code is what is used, and five times shorter:
//! `cargo test --release -p tsdsm-core --test single_step -- --nocapture`.
#![cfg(not(any(loom, debug_assertions)))]
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

#[path = "../scratch/mod.rs"]
mod scratch;

mod barriers;
mod conditions;
mod events;
mod fair_locks;
mod latches;
mod locks;
mod onces;
mod operations;
mod segments;
mod semaphores;
mod slots;
mod tracer;
mod world;
