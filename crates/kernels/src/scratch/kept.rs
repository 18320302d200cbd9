//! Pieces of scratch memory, kept for the next kernel: to have a page from the system costs more than to sort what is on
//! it, on a virtual machine often several times as much. The system may take large ones back whenever it needs them.

#[cfg(target_os = "linux")]
pub(super) use linux::{clear, keep, take};

#[cfg(target_os = "linux")]
mod linux {
    use std::alloc::{Layout, dealloc};
    use std::ptr::NonNull;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    /// Smaller ones are kept by the allocator.
    const LEAST: usize = 64 << 10;

    /// The most bytes that are kept: what it takes for the order of ten million numbers. And the most pieces.
    const MOST: usize = 512 << 20;
    const MOST_PIECES: usize = 16;

    /// From so many bytes on, the system may have the pages while they are kept; to tell it so takes some microseconds.
    const LENT: usize = 1 << 20;

    struct Piece {
        start: NonNull<u8>,
        layout: Layout,
    }

    // SAFETY: it owns plain memory.
    unsafe impl Send for Piece {}

    impl Drop for Piece {
        fn drop(&mut self) {
            // SAFETY: allocated with this layout, and nobody else's since it is kept.
            unsafe { dealloc(self.start.as_ptr(), self.layout) };
        }
    }

    /// The one kept last comes last.
    static PIECES: Mutex<Vec<Piece>> = Mutex::new(Vec::new());

    fn pieces() -> MutexGuard<'static, Vec<Piece>> {
        PIECES.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A piece that was kept, of just this layout.
    pub fn take(layout: Layout) -> Option<NonNull<u8>> {
        if layout.size() < LEAST {
            return None;
        }
        let mut pieces = pieces();
        let at = pieces.iter().rposition(|piece| piece.layout == layout)?;
        let piece = std::mem::ManuallyDrop::new(pieces.remove(at));
        Some(piece.start)
    }

    /// Keeps a piece, and lets go of those kept longest that are too much then. Whether it does.
    ///
    /// # Safety
    /// The piece was allocated with this layout, and is used by nobody any more.
    pub unsafe fn keep(start: NonNull<u8>, layout: Layout) -> bool {
        if !(LEAST..=MOST).contains(&layout.size()) {
            return false;
        }
        if layout.size() >= LENT {
            // SAFETY: whole pages of ours, which nobody reads before writing them again. It may be refused.
            unsafe { libc::madvise(start.as_ptr().cast(), layout.size(), libc::MADV_FREE) };
        }
        let mut pieces = pieces();
        pieces.push(Piece { start, layout });
        let mut bytes: usize = pieces.iter().map(|piece| piece.layout.size()).sum();
        let mut surplus = Vec::new();
        while bytes > MOST || pieces.len() > MOST_PIECES {
            let oldest = pieces.remove(0);
            bytes -= oldest.layout.size();
            surplus.push(oldest);
        }
        // Given back when others may go on.
        drop(pieces);
        true
    }

    /// Gives all of them back.
    pub fn clear() {
        let all = std::mem::take(&mut *pieces());
        drop(all);
    }
}

#[cfg(not(target_os = "linux"))]
mod nothing {
    use std::alloc::Layout;
    use std::ptr::NonNull;

    pub fn take(_layout: Layout) -> Option<NonNull<u8>> {
        None
    }

    pub unsafe fn keep(_start: NonNull<u8>, _layout: Layout) -> bool {
        false
    }

    pub fn clear() {}
}
#[cfg(not(target_os = "linux"))]
pub(super) use nothing::{clear, keep, take};

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::alloc::Layout;

    use super::super::{HUGE, PAGE, Scratch};
    use super::take;

    #[test]
    fn what_was_given_back_is_had_again_and_no_more_than_that_is_kept() {
        // A size that no other test uses: they share what is kept.
        let len = 3 * HUGE / 8 + 5;
        let mut first = Scratch::<u64>::new(len).unwrap();
        let place = first.fill(7).as_ptr();
        drop(first);
        let mut second = Scratch::<u64>::new(len - 3).unwrap();
        assert_eq!(second.uninit().as_ptr().cast(), place, "the same pages");
        assert!(second.fill(9).iter().all(|&x| x == 9));
        drop(second);
        let small = Scratch::<u8>::new(17 * PAGE + 1).unwrap();
        let place = small.start;
        drop(small);
        assert_eq!(Scratch::<u8>::new(18 * PAGE - 1).unwrap().start, place);
        drop((0..70).map(|_| Scratch::<u64>::new(5 * HUGE / 8).unwrap()).collect::<Vec<_>>());
        assert!(take(Layout::from_size_align(4 * HUGE, HUGE).unwrap()).is_none(), "too many");
    }
}
