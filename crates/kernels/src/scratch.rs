//! Scratch memory of kernels: private, and refused with an error where there is none left.

use std::alloc::{Layout, alloc, dealloc};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use crate::error::{Error, Result};

/// A huge page. From two of them on they are asked for: they save most of the faults of memory that is touched once.
const HUGE: usize = 2 << 20;

/// Uninitialised memory for `len` elements, at a multiple of 64 bytes.
pub(crate) struct Scratch<T: Copy> {
    start: NonNull<MaybeUninit<T>>,
    len: usize,
}

// SAFETY: it owns plain memory.
unsafe impl<T: Copy + Send> Send for Scratch<T> {}
// SAFETY: as above; a shared one is only read.
unsafe impl<T: Copy + Sync> Sync for Scratch<T> {}

impl<T: Copy> Scratch<T> {
    /// # Errors
    /// [`Error::OutOfMemory`] where there is not so much.
    pub fn new(len: usize) -> Result<Scratch<T>> {
        let refused = Error::OutOfMemory { bytes: len.saturating_mul(size_of::<T>()) };
        let Some(layout) = Self::layout(len) else { return Err(refused) };
        if layout.size() == 0 {
            return Ok(Scratch { start: NonNull::dangling(), len });
        }
        // SAFETY: the layout has a size above 0.
        let Some(start) = NonNull::new(unsafe { alloc(layout) }) else { return Err(refused) };
        advise(start, layout.size());
        Ok(Scratch { start: start.cast(), len })
    }

    /// Its elements, all of which are made `value`.
    pub fn fill(&mut self, value: T) -> &mut [T] {
        self.uninit().fill(MaybeUninit::new(value));
        // SAFETY: just filled.
        unsafe { self.assume_init() }
    }

    fn layout(len: usize) -> Option<Layout> {
        let layout = Layout::array::<T>(len).ok()?;
        layout.align_to(if layout.size() < 2 * HUGE { 64 } else { HUGE }).ok()
    }

    /// All of it, written or not.
    pub fn uninit(&mut self) -> &mut [MaybeUninit<T>] {
        // SAFETY: the memory is ours, as long as `len` says, and need not hold values.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }

    /// Its elements.
    ///
    /// # Safety
    /// All of them have been written.
    pub unsafe fn assume_init(&mut self) -> &mut [T] {
        // SAFETY: the caller's promise.
        unsafe { written_mut(self.uninit()) }
    }
}

impl<T: Copy> Drop for Scratch<T> {
    fn drop(&mut self) {
        let Some(layout) = Self::layout(self.len).filter(|layout| layout.size() > 0) else { return };
        // SAFETY: allocated in `new` with this layout.
        unsafe { dealloc(self.start.as_ptr().cast(), layout) };
    }
}

/// Elements that have been written.
///
/// # Safety
/// All of them have been.
pub(crate) unsafe fn written<T: Copy>(elements: &[MaybeUninit<T>]) -> &[T] {
    // SAFETY: the same memory; the caller's promise.
    unsafe { std::slice::from_raw_parts(elements.as_ptr().cast(), elements.len()) }
}

/// Elements that have been written.
///
/// # Safety
/// All of them have been.
pub(crate) unsafe fn written_mut<T: Copy>(elements: &mut [MaybeUninit<T>]) -> &mut [T] {
    // SAFETY: the same memory; the caller's promise.
    unsafe { std::slice::from_raw_parts_mut(elements.as_mut_ptr().cast(), elements.len()) }
}

/// Asks for huge pages.
#[cfg(target_os = "linux")]
fn advise(start: NonNull<u8>, bytes: usize) {
    if bytes >= 2 * HUGE {
        // SAFETY: whole pages within the allocation; the advice changes nothing of what they hold. It may be refused.
        unsafe { libc::madvise(start.as_ptr().cast(), bytes / HUGE * HUGE, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(not(target_os = "linux"))]
fn advise(_start: NonNull<u8>, _bytes: usize) {}
