//! How a call ended.

use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tsdsm_core::{Error, Result};

/// How a call ended. The numbers stay the same from version to version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
#[allow(non_camel_case_types, reason = "they are C's")]
pub enum Status {
    /// It did what it is for.
    TSDSM_OK = 0,
    /// A bad name, shape, dtype or pointer.
    TSDSM_INVALID_ARGUMENT = 1,
    /// The name is taken.
    TSDSM_NAME_EXISTS = 2,
    /// Nothing has this name.
    TSDSM_NOT_FOUND = 3,
    /// Damaged, foreign, or of another version.
    TSDSM_INCOMPATIBLE_SEGMENT = 4,
    /// There is not so much shared memory.
    TSDSM_OUT_OF_SHARED_MEMORY = 5,
    /// A table of the cluster is full.
    TSDSM_CAPACITY = 6,
    /// The cluster has ended.
    TSDSM_CLOSED = 7,
    /// Whoever held the lock has died: what it guards may be half written. It is not held.
    TSDSM_OWNER_DIED = 8,
    /// The caller would wait for itself.
    TSDSM_DEADLOCK = 9,
    /// The caller does not hold it.
    TSDSM_NOT_OWNER = 10,
    /// The time is over. A barrier is broken then, for all.
    TSDSM_TIMEOUT = 11,
    /// The barrier cannot be passed: a party died, left or gave up, or it was reset.
    TSDSM_BROKEN_BARRIER = 12,
    /// The caller's own hook has ended the wait.
    TSDSM_INTERRUPTED = 13,
    /// The machine lacks something.
    TSDSM_UNSUPPORTED = 14,
    /// A system call failed.
    TSDSM_SYSTEM = 15,
    /// Something else; the message says what.
    TSDSM_OTHER = 16,
}

use Status::*;

impl From<&Error> for Status {
    fn from(error: &Error) -> Status {
        match error {
            Error::InvalidArgument(_) => TSDSM_INVALID_ARGUMENT,
            Error::NameExists { .. } => TSDSM_NAME_EXISTS,
            Error::NotFound { .. } => TSDSM_NOT_FOUND,
            Error::IncompatibleSegment { .. } => TSDSM_INCOMPATIBLE_SEGMENT,
            Error::OutOfSharedMemory { .. } => TSDSM_OUT_OF_SHARED_MEMORY,
            Error::Capacity { .. } => TSDSM_CAPACITY,
            Error::Closed(_) => TSDSM_CLOSED,
            Error::OwnerDied { .. } => TSDSM_OWNER_DIED,
            Error::Deadlock(_) => TSDSM_DEADLOCK,
            Error::NotOwner(_) => TSDSM_NOT_OWNER,
            Error::TimedOut { .. } => TSDSM_TIMEOUT,
            Error::BrokenBarrier { .. } => TSDSM_BROKEN_BARRIER,
            Error::Interrupted(_) => TSDSM_INTERRUPTED,
            Error::Unsupported(_) => TSDSM_UNSUPPORTED,
            Error::System { .. } => TSDSM_SYSTEM,
            _ => TSDSM_OTHER,
        }
    }
}

thread_local! {
    /// Of the last call of this thread that failed: code and message.
    static LAST: RefCell<(CString, CString)> = RefCell::default();
}

/// The stable code of this thread's last failure, such as "ERR_TSDSM_TIMEOUT": the one that JavaScript sees. Valid until
/// the thread's next failure.
#[unsafe(no_mangle)]
pub extern "C" fn tsdsm_error_code() -> *const c_char {
    LAST.with_borrow(|(code, _)| code.as_ptr())
}

/// What went wrong in this thread's last failure, and what to do, in UTF-8. Valid until the thread's next failure.
#[unsafe(no_mangle)]
pub extern "C" fn tsdsm_error_message() -> *const c_char {
    LAST.with_borrow(|(_, message)| message.as_ptr())
}

fn note(code: &str, message: &str) {
    // No text of ours holds NUL but what the caller gave.
    let text = |text: &str| CString::new(text.replace('\0', "\\0")).unwrap_or_default();
    LAST.set((text(code), text(message)));
}

/// The status of a call. No panic leaves it.
pub(crate) fn status_of(call: impl FnOnce() -> Result<()>) -> Status {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => TSDSM_OK,
        Ok(Err(error)) => {
            note(error.code(), &error.to_string());
            Status::from(&error)
        }
        Err(_) => {
            note("ERR_TSDSM_SYSTEM", "tsdsm has failed in a way that it did not expect; standard error says where");
            TSDSM_OTHER
        }
    }
}

/// What a pointer leads to.
///
/// # Safety
/// It leads to a living `T`, or is null.
pub(crate) unsafe fn known<'a, T>(pointer: *const T, what: &str) -> Result<&'a T> {
    // SAFETY: the caller's promise.
    unsafe { pointer.as_ref() }.ok_or_else(|| null(what))
}

/// Puts a result where the caller wants it. Nothing happens for null, which `check` has refused.
///
/// # Safety
/// There is room for a `T` at `out`.
pub(crate) unsafe fn give<T>(out: *mut T, value: T) {
    // SAFETY: the caller's promise.
    unsafe { out.write(value) }
}

/// Refuses a null pointer before anything is done.
pub(crate) fn check<T>(pointer: *const T, what: &str) -> Result<()> {
    if pointer.is_null() { Err(null(what)) } else { Ok(()) }
}

fn null(what: &str) -> Error {
    Error::InvalidArgument(format!("the pointer to {what} is null"))
}

/// A time-out in milliseconds, as C has it.
pub(crate) fn time(milliseconds: i64) -> Option<Duration> {
    u64::try_from(milliseconds).ok().map(Duration::from_millis)
}
