//! Named POSIX shared memory, and locks, barriers and their kin between processes that survive `kill -9`.
//!
//! This crate knows nothing of Node: any Rust program can use it. Begin with [`cluster::Cluster::join`], by which a program
//! takes part in a cluster that a Node program has started: its arrays, locks and barriers.

#[cfg(not(loom))]
pub mod adopted;
#[cfg(not(loom))]
pub mod array;
pub mod barrier;
#[cfg(not(loom))]
pub mod catalogue;
#[cfg(not(loom))]
pub mod cluster;
pub mod condition;
#[cfg(not(loom))]
pub mod control;
pub mod cores;
pub mod counter;
#[cfg(not(loom))]
pub mod dtype;
mod error;
pub mod event;
pub mod fair;
#[cfg(not(loom))]
pub mod handle;
#[cfg(not(loom))]
pub mod janitor;
pub mod latch;
#[cfg(not(loom))]
pub mod layout;
#[cfg(not(loom))]
pub mod mailbox;
#[cfg(not(loom))]
pub mod mapping;
pub mod mutex;
#[cfg(not(loom))]
pub mod name;
#[cfg(not(loom))]
pub mod named;
#[cfg(not(loom))]
pub mod npy;
pub mod object;
#[cfg(not(loom))]
pub mod objects;
pub mod once;
#[cfg(not(loom))]
pub mod operation;
pub mod primitive;
#[cfg(not(loom))]
pub mod recover;
#[cfg(not(loom))]
pub mod room;
#[cfg(not(loom))]
pub mod run;
pub mod rwlock;
#[cfg(not(loom))]
pub mod segment;
pub mod semaphore;
#[cfg(not(loom))]
pub mod shared_array;
#[cfg(not(loom))]
pub mod slots;
pub mod spin;
#[cfg(not(loom))]
pub mod sys;
pub mod table;
pub mod wait;
#[cfg(not(loom))]
pub mod watch;
pub mod word;

pub use error::{Error, Result};
