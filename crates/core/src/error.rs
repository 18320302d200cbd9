//! The one error type of this crate.

use std::io;
use std::time::Duration;

use crate::barrier::Reason;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation was refused. Nothing has changed when one of these comes back, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An argument has no meaning here: a bad name, shape, dtype, count or index.
    #[error("{0}")]
    InvalidArgument(String),
    /// The name is taken.
    #[error("'{name}' exists already; choose another name or delete the old one first")]
    NameExists {
        /// The name that was asked for.
        name: String,
    },
    /// Nothing has this name.
    #[error("there is no {what} named '{name}'")]
    NotFound {
        /// What was looked for: "array", "lock", "cluster", …
        what: &'static str,
        /// The name that was asked for.
        name: String,
    },
    /// The segment or file is not ours, is truncated or damaged, or is of another version.
    #[error("'{name}' cannot be attached: {reason}")]
    IncompatibleSegment {
        /// The segment's name or the file's path.
        name: String,
        /// What was found, and what was expected.
        reason: String,
    },
    /// More shared memory was asked for than there is.
    #[error("not enough shared memory for '{name}': {need} bytes are needed, {free} are free ({limit}). {remedy}")]
    OutOfSharedMemory {
        /// The segment that was to be created.
        name: String,
        /// Bytes needed.
        need: u64,
        /// Bytes free.
        free: u64,
        /// What sets the limit: the file system and its size, or the control group and its limit.
        limit: String,
        /// What to do about it.
        remedy: String,
    },
    /// A table of fixed size is full.
    #[error("all {limit} {what} are in use; start the cluster with more")]
    Capacity {
        /// What there is no more room for: "slots", "arrays", "objects".
        what: &'static str,
        /// How many there can be.
        limit: usize,
    },
    /// The cluster or array was closed.
    #[error("{0} is closed")]
    Closed(String),
    /// Whoever held the lock died, or left, without releasing it: what it guards may be half written. Not held.
    #[error("{} died, or left, while it held '{name}': what that guards may be half done; acquire it recovering to take it over", participant(*.worker))]
    OwnerDied {
        /// The lock's name.
        name: String,
        /// The worker that died, if it was one.
        worker: Option<u32>,
    },
    /// The caller stands in its own way: it would wait for itself.
    #[error("{0}")]
    Deadlock(String),
    /// The caller does not hold what it gives back.
    #[error("{0} is not held by this participant")]
    NotOwner(String),
    /// The time that was given has passed. A barrier is broken then, for all.
    #[error("the wait for {what} was over after {timeout:?}")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long.
        timeout: Duration,
    },
    /// The barrier cannot be passed, now or until it is reset.
    #[error("barrier '{name}' is broken: {}", broken(*.reason, *.worker, .missing))]
    BrokenBarrier {
        /// The barrier's name.
        name: String,
        /// Why; `None` where it was reset under those who waited, and is sound again.
        reason: Option<Reason>,
        /// The worker that broke it, if it was one.
        worker: Option<u32>,
        /// The workers that belong to it and had not come.
        missing: Vec<u32>,
    },
    /// The latch does not open any more, until it is reset.
    #[error("latch '{name}' is broken: {}", latch_broken(*.worker, *.reset))]
    BrokenLatch {
        /// The latch's name.
        name: String,
        /// The worker that died before it had counted, if that is why.
        worker: Option<u32>,
        /// It was reset under those who waited, and is sound again.
        reset: bool,
    },
    /// The run that the caller belongs to is being called off.
    #[error("the run was cancelled")]
    Cancelled,
    /// The caller's own hook has ended the wait.
    #[error("the wait for {0} was interrupted")]
    Interrupted(String),
    /// This machine, kernel or engine lacks something that is needed.
    #[error("{0}")]
    Unsupported(String),
    /// A system call failed for a reason of its own.
    #[error("{call}: {source}")]
    System {
        /// The call, and what it was called for.
        call: String,
        /// The system's answer.
        source: io::Error,
    },
}

impl Error {
    /// A stable code, the same in every language: `ERR_TSDSM_…`.
    pub fn code(&self) -> &'static str {
        match self {
            Error::InvalidArgument(_) => "ERR_TSDSM_INVALID_ARGUMENT",
            Error::NameExists { .. } => "ERR_TSDSM_NAME_EXISTS",
            Error::NotFound { .. } => "ERR_TSDSM_NOT_FOUND",
            Error::IncompatibleSegment { .. } => "ERR_TSDSM_INCOMPATIBLE_SEGMENT",
            Error::OutOfSharedMemory { .. } => "ERR_TSDSM_OUT_OF_SHARED_MEMORY",
            Error::Capacity { .. } => "ERR_TSDSM_CAPACITY",
            Error::Closed(_) => "ERR_TSDSM_CLOSED",
            Error::OwnerDied { .. } => "ERR_TSDSM_OWNER_DIED",
            Error::Deadlock(_) => "ERR_TSDSM_DEADLOCK",
            Error::NotOwner(_) => "ERR_TSDSM_NOT_OWNER",
            Error::TimedOut { .. } => "ERR_TSDSM_TIMEOUT",
            Error::BrokenBarrier { .. } => "ERR_TSDSM_BROKEN_BARRIER",
            Error::BrokenLatch { .. } => "ERR_TSDSM_BROKEN_LATCH",
            Error::Cancelled => "ERR_TSDSM_CANCELLED",
            Error::Interrupted(_) => "ERR_TSDSM_INTERRUPTED",
            Error::Unsupported(_) => "ERR_TSDSM_UNSUPPORTED",
            Error::System { .. } => "ERR_TSDSM_SYSTEM",
        }
    }

    /// The last error of the C library, for `call`.
    pub fn last_os(call: impl Into<String>) -> Self {
        Error::System { call: call.into(), source: io::Error::last_os_error() }
    }
}

fn participant(worker: Option<u32>) -> String {
    worker.map_or("a participant".to_owned(), |id| format!("worker {id}"))
}

fn broken(reason: Option<Reason>, worker: Option<u32>, missing: &[u32]) -> String {
    let who = participant(worker);
    let why = match reason {
        None => "it was reset".to_owned(),
        Some(Reason::Returned) => format!("{who} returned from its task"),
        Some(Reason::Threw) => format!("{who} threw"),
        Some(Reason::GaveUp) => format!("{who} gave up waiting"),
        Some(Reason::Explicit) => format!("{who} broke it"),
        Some(Reason::Died) => format!("{who} died"),
        Some(Reason::RunCancelled) => "the run was cancelled".to_owned(),
    };
    if missing.is_empty() { why } else { format!("{why} (workers {missing:?} had not come)") }
}

fn latch_broken(worker: Option<u32>, reset: bool) -> String {
    match worker {
        _ if reset => "it was reset".to_owned(),
        Some(id) => format!("worker {id} died before it had counted"),
        None => "somebody broke it".to_owned(),
    }
}
