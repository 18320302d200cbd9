//! Mapped memory.

use std::any::Any;
use std::fs::File;
use std::io;

use crate::sys::shm;

/// Memory mapped from a file; unmapped when the last `Arc` of it is dropped, whatever has become of the file's name.
///
/// Other processes read and write the same bytes at any time. So there is no way to a slice from here: whoever goes
/// through [`as_ptr`](Mapping::as_ptr) uses atomics, or knows by a lock or barrier that nobody else writes.
#[derive(Debug)]
pub struct Mapping {
    ptr: *mut u8,
    len: usize,
    /// Somebody else's mapping, ended by dropping this.
    owner: Option<Box<dyn Any>>,
}

// SAFETY: the pointer stays valid until drop on whichever thread, and `owner` is touched by nothing but drop, which
// unmaps and closes: calls that any thread may make. What is done with the bytes is up to those who use the pointer.
unsafe impl Send for Mapping {}
// SAFETY: `&Mapping` gives out two numbers, no more.
unsafe impl Sync for Mapping {}

#[allow(clippy::len_without_is_empty, reason = "a mapping is never empty")]
impl Mapping {
    /// Maps the first `len` bytes (at least 1) of `file`: `shared`, or as a private copy made page by page on writing.
    pub(crate) fn new(file: &File, len: usize, shared: bool) -> io::Result<Mapping> {
        Ok(Mapping { ptr: shm::map(file, len, shared)?, len, owner: None })
    }

    /// Takes over a mapping that lives as long as `owner`.
    ///
    /// # Safety
    /// `ptr` is the start of `len` mapped bytes until `owner` is dropped, which any thread may do.
    pub(crate) unsafe fn owned_by(ptr: *mut u8, len: usize, owner: Box<dyn Any>) -> Mapping {
        Mapping { ptr, len, owner: Some(owner) }
    }

    /// The first byte, at the start of a page.
    pub fn as_ptr(&self) -> *mut u8 {
        self.ptr
    }

    /// Bytes mapped.
    pub fn len(&self) -> usize {
        self.len
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if self.owner.is_none() {
            // SAFETY: this is what `shm::map` gave; whoever holds the pointer holds an `Arc` of this, too.
            unsafe { shm::unmap(self.ptr, self.len) }
        }
    }
}
