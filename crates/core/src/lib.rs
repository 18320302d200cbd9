//! Named POSIX shared memory, and locks, barriers and their kin between processes that survive `kill -9`.
//!
//! This crate knows nothing of Node: any Rust program can use it. A *cluster* is what a main program has made in shared
//! memory; whoever takes part in it, in whatever language, is a *participant*.
//!
//! ```
//! use tsdsm_core::cluster::Cluster;
//! use tsdsm_core::control::{Control, Limits};
//! use tsdsm_core::objects::Spec;
//!
//! # let name = format!("doc-front-{}", std::process::id());
//! // A main program, most often in Node: Cluster.start(4, { name }).
//! let (_control, _main) = Control::create(&name, &Limits::for_workers(4), 42, 0o600)?;
//!
//! // Any other program, or thread of one:
//! let cluster = Cluster::join(&name)?;
//! cluster.create("ledger", &Spec::Lock)?;
//! let total = cluster.zeros::<f64>("total", &[1])?;
//! {
//!     let _held = cluster.lock("ledger")?.acquire(None)?;
//!     total.set(0, total.get(0) + 1.5);
//! }
//! assert_eq!(cluster.array::<f64>("total")?.get(0), 1.5);
//! # Ok::<(), tsdsm_core::Error>(())
//! ```
//!
//! # What there is
//! - [`cluster`]: taking part in a running cluster; arrays, locks, barriers and their kin by name, with time-outs
//! - [`adopted`] and [`handle`]: for native code that JavaScript calls, to act as the thread that calls and on its arrays
//! - [`mod@array`], [`shared_array`]: arrays, each a `.npy` file in shared memory; [`segment`]: what they lie in
//! - [`mutex`], [`rwlock`], [`barrier`], [`semaphore`], [`condition`], [`event`], [`latch`], [`once`], [`counter`]: the algorithms,
//!   over words of shared memory, whoever has mapped them
//! - [`control`], [`slots`], [`objects`], [`catalogue`], [`mailbox`], [`run`], [`recover`], [`watch`], [`janitor`]: what a
//!   cluster is made of, for those who make one
//!
//! # Shared memory
//! Other processes read and write it at any time. What is safe here is safe whatever they do to the elements of arrays;
//! whoever goes through a pointer ([`mapping::Mapping`]) keeps to the rules that stand there. Who may write to a cluster's
//! control segment is trusted not to do harm on purpose; damage at rest is an [`Error::IncompatibleSegment`].
//!
//! # Versions
//! Participants of one cluster need not be of one version of this crate, but of one [`layout::ABI`]: all others are
//! refused before anything has changed. Several versions in one process do not disturb each other.

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
