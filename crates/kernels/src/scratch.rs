//! Scratch memory of kernels: private, and refused with an error where there is none left.

use std::alloc::{Layout, alloc, dealloc};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use crate::error::{Error, Result};
use crate::stream::LINE_BYTES;

mod kept;

/// A huge page. From two of them on they are asked for: they save most of the faults of memory that is touched once.
const HUGE: usize = 2 << 20;
const TWO_HUGE: usize = 2 * HUGE;

/// The usual page, which memory from 16 of them on is made up of.
const PAGE: usize = 4096;
const FEW_PAGES: usize = 16 * PAGE;

/// Uninitialised memory for `len` elements, at the start of a line of the caches.
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
        let start = kept::take(layout).or_else(|| allocate(layout)).or_else(|| {
            kept::clear();
            allocate(layout)
        });
        start.map(|start| Scratch { start: start.cast(), len }).ok_or(refused)
    }

    /// Its elements, all of which are made `value`.
    pub fn fill(&mut self, value: T) -> &mut [T] {
        self.uninit().fill(MaybeUninit::new(value));
        // SAFETY: just filled.
        unsafe { self.assume_init() }
    }

    /// Whole pages, but for small ones.
    fn layout(len: usize) -> Option<Layout> {
        let layout = Layout::array::<T>(len).ok()?;
        let page = match layout.size() {
            0..FEW_PAGES => return layout.align_to(LINE_BYTES).ok(),
            FEW_PAGES..TWO_HUGE => PAGE,
            TWO_HUGE.. => HUGE,
        };
        Layout::from_size_align(layout.size().checked_next_multiple_of(page)?, page).ok()
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
        // SAFETY: allocated in `new` with this layout, or one of the same size and alignment before; not used any more.
        unsafe {
            if !kept::keep(self.start.cast(), layout) {
                dealloc(self.start.as_ptr().cast(), layout);
            }
        }
    }
}

fn allocate(layout: Layout) -> Option<NonNull<u8>> {
    // SAFETY: the layout has a size above 0.
    let start = NonNull::new(unsafe { alloc(layout) })?;
    advise(start, layout.size());
    Some(start)
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
    if bytes >= TWO_HUGE {
        // SAFETY: whole pages within the allocation; the advice changes nothing of what they hold. It may be refused.
        unsafe { libc::madvise(start.as_ptr().cast(), bytes / HUGE * HUGE, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(not(target_os = "linux"))]
fn advise(_start: NonNull<u8>, _bytes: usize) {}
