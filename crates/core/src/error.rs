//! The one error type of this crate.

use std::io;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation was refused. Nothing has changed when one of these comes back.
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
            Error::Unsupported(_) => "ERR_TSDSM_UNSUPPORTED",
            Error::System { .. } => "ERR_TSDSM_SYSTEM",
        }
    }

    /// The last error of the C library, for `call`.
    pub fn last_os(call: impl Into<String>) -> Self {
        Error::System { call: call.into(), source: io::Error::last_os_error() }
    }
}
