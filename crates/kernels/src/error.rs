//! What a kernel refuses.

/// Why a kernel did nothing, or not all.
///
/// After [`InvalidArgument`](Error::InvalidArgument) nothing was written. After [`OutOfMemory`](Error::OutOfMemory) a part
/// may have been where a kernel does one thing after the other: scans of several lines, products of stacks or into
/// another type, nearest centres.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Types, shapes, ranges or values that do not fit together.
    #[error("{0}")]
    InvalidArgument(String),
    /// There is no memory for a kernel's scratch space.
    #[error("there is no memory for {bytes} bytes of scratch space")]
    OutOfMemory {
        /// What was asked for.
        bytes: usize,
    },
}

/// What a kernel answers.
pub type Result<T> = std::result::Result<T, Error>;

/// An [`Error::InvalidArgument`] as a result.
pub(crate) fn refuse<T>(message: impl Into<String>) -> Result<T> {
    Err(Error::InvalidArgument(message.into()))
}
