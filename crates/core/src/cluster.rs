//! Taking part in a running cluster: what any Rust program needs to work on the arrays of a Node program, under its
//! locks, beside its workers.
//!
//! ```
//! use tsdsm_core::cluster::Cluster;
//! use tsdsm_core::control::{Control, Limits};
//! use tsdsm_core::objects::Spec;
//!
//! # let name = format!("doc-join-{}", std::process::id());
//! # // In the place of the Node program.
//! # let (control, token) = Control::create(&name, &Limits::for_workers(1), 0, 0o600)?;
//! // The name that the Node program has given: Cluster.start(4, { name: 'sim' }).
//! let cluster = Cluster::join(&name)?;
//!
//! let field = cluster.zeros::<f64>("field", &[100, 100])?;
//! cluster.create("field-lock", &Spec::Lock)?;
//! {
//!     let _held = cluster.lock("field-lock")?.acquire(None)?;
//!     for i in 0..field.len() {
//!         field.set(i, i as f64);
//!     }
//! }
//! // The same array by its name, as every other participant finds it.
//! assert_eq!(cluster.array::<f64>("field")?.get(9_999), 9_999.0);
//!
//! # drop(token);
//! # while !cluster.has_ended() { std::thread::yield_now(); }
//! // When the Node program has ended, by whatever death, everything says so. What is mapped stays readable.
//! assert_eq!(cluster.lock("field-lock").unwrap_err().code(), "ERR_TSDSM_CLOSED");
//! assert_eq!(field.get(9_999), 9_999.0);
//! # Ok::<(), tsdsm_core::Error>(())
//! ```

use std::fmt;
use std::ops::Deref;

use crate::Result;
use crate::control::Control;
use crate::slots::{Kind, Participant};
use crate::watch::OwnerWatch;

mod barrier;
mod condition;
mod held;
mod member;
mod place;
mod signal;

pub use barrier::Barrier;
pub use condition::Condition;
pub use held::{Guard, Lock, RwLock, Semaphore};
pub use member::Member;
pub use signal::{Event, Latch, Once};

/// A running cluster, joined: one participant more, neither its main nor one of its workers. What it can do, by way of
/// [`Deref`], is what a [`Member`] can.
///
/// One thread takes part: each thread of a program joins for itself. A cluster has as many places for participants as it
/// was started with, 128 unless told otherwise.
///
/// # Its end
/// Dropped, it leaves in order: the locks that it holds become poisoned, a barrier that it waits in breaks, and its place in
/// another barrier may be taken by whoever comes. Ending by a panic, a signal or in any other way, it is as dead as any
/// process that was killed: whoever waits for it in a barrier that it is a member of is told.
///
/// # The cluster's end
/// Main's end does not end this process. Waits end, and everything is refused from then on, with
/// [`Error::Closed`](crate::Error::Closed). Segments of the cluster that main could not remove are removed from here.
pub struct Cluster {
    member: Member,
    participant: Participant,
    /// For nothing but being told.
    _watch: OwnerWatch,
}

impl Cluster {
    /// Takes part in the running cluster of this name.
    ///
    /// The first join of a process to a cluster starts a thread that sleeps until that cluster ends.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) when no such cluster runs;
    /// [`Error::IncompatibleSegment`](crate::Error::IncompatibleSegment) when it is of another version;
    /// [`Error::Capacity`](crate::Error::Capacity) when all places are taken;
    /// [`Error::Closed`](crate::Error::Closed) when it is about to end;
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for what is no name;
    /// [`Error::Unsupported`](crate::Error::Unsupported) in a process made by fork without exec;
    /// [`Error::System`](crate::Error::System).
    pub fn join(name: &str) -> Result<Cluster> {
        let control = Control::attach(name)?;
        // First: nobody else may be left to clean up when main dies.
        let watch = OwnerWatch::start(&control, || {})?;
        let participant = Participant::claim(&control, Kind::Joiner, None)?;
        let member = Member::new(control, participant.owner(), None, 0);
        Ok(Cluster { member, participant, _watch: watch })
    }

    /// Whether the cluster's main process has ended, or has closed it. Costs one load.
    pub fn has_ended(&self) -> bool {
        self.member.control().has_ended()
    }

    /// Leaves now, as dropping does. Everything is refused from then on, with
    /// [`Error::Closed`](crate::Error::Closed); arrays stay mapped. Twice is fine.
    pub fn leave(&self) {
        self.participant.detach();
    }
}

impl Deref for Cluster {
    type Target = Member;

    fn deref(&self) -> &Member {
        &self.member
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.participant.detach_as_dead();
        } else {
            self.participant.detach();
        }
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cluster").field(&self.member).finish()
    }
}
