//! How many threads a kernel runs on.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Elements below which a kernel stays on the calling thread: to hand work to a pool costs 20 to 25 µs.
pub const INLINE: usize = 256 << 10;

/// Boundaries between threads lie at multiples of so many elements, so that no two threads write to one cache line.
pub const LINE: usize = 64;

/// The most threads that are started, whoever asks for more.
const MOST: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// Pools that are kept for the next kernel: for so many numbers of threads that were asked for last.
const KEPT: usize = 4;

/// The number of threads that a kernel may use, up to 1,024. No result depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threads(NonZeroUsize);

impl Default for Threads {
    fn default() -> Threads {
        Threads::ONE
    }
}

impl Threads {
    /// The calling thread alone.
    pub const ONE: Threads = Threads(NonZeroUsize::MIN);

    /// So many threads, or 1,024 if that is less.
    pub const fn new(count: NonZeroUsize) -> Threads {
        Threads(if count.get() < MOST.get() { count } else { MOST })
    }

    /// How many.
    pub const fn count(self) -> usize {
        self.0.get()
    }

    /// These threads for work of the size of `elements` elements: the calling one alone where it is too little to share.
    pub fn for_work(self, elements: usize) -> Threads {
        if elements < INLINE { Threads::ONE } else { self }
    }

    /// Bounds of contiguous parts of `0..len`, one for each thread at most, that begin at multiples of `step`.
    pub(crate) fn parts(self, len: usize, step: usize) -> Vec<Range<usize>> {
        let steps = len.div_ceil(step.max(1));
        let parts = self.count().min(steps).max(1);
        let bound = |i: usize| ((steps as u128 * i as u128 / parts as u128) as usize * step).min(len);
        (0..parts).map(|i| bound(i)..bound(i + 1)).collect()
    }

    /// Calls `part` for parts of `0..len` that together are all of it, at once on these threads; `len` counts things each
    /// of which is worth `work` elements. Parts begin at multiples of `step`. Blocks until all are done; a panic comes out.
    pub fn split(self, len: usize, step: usize, work: usize, part: impl Fn(Range<usize>) + Sync) {
        let threads = self.for_work(len.saturating_mul(work)).count();
        let steps = len.div_ceil(step.max(1));
        let parts = threads.min(steps);
        if parts <= 1 {
            if len > 0 {
                part(0..len);
            }
            return;
        }
        let bound = |i: usize| (steps * i / parts * step).min(len);
        self.scatter(parts, |i| part(bound(i)..bound(i + 1)));
    }

    /// Calls `work` on each of these threads, the calling one among them, at once: who begins late has to find what is
    /// left to do. Blocks until all calls have returned; a panic comes out.
    pub(crate) fn team(self, work: impl Fn() + Sync) {
        self.scatter(self.count(), |_| work());
    }

    /// Calls `part` for each of `0..parts`, on the calling thread for the first one. That has begun with it before the
    /// others are awake.
    pub(crate) fn scatter(self, parts: usize, part: impl Fn(usize) + Sync) {
        let Some(pool) = self.pool().filter(|_| parts > 1) else {
            return (0..parts).for_each(part);
        };
        pool.in_place_scope(|scope| {
            for i in 1..parts {
                let part = &part;
                scope.spawn(move |_| part(i));
            }
            part(0);
        });
    }

    /// Runs `work` on a pool of so many threads, in which rayon's own forms (`join`, `scope`, parallel iterators) find
    /// them; on the calling thread where it is one.
    pub fn install<R: Send>(self, work: impl FnOnce() -> R + Send) -> R {
        match self.pool() {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// Calls `each` for all of the jobs, at once on these threads, each of which takes the next when it is done with one.
    /// Blocks until all are done; a panic comes out.
    pub(crate) fn for_each<J: Send>(self, jobs: Vec<J>, each: impl Fn(J) + Sync + Send) {
        if self == Threads::ONE || jobs.len() <= 1 {
            jobs.into_iter().for_each(each);
        } else {
            self.install(|| jobs.into_par_iter().with_max_len(1).for_each(each));
        }
    }

    /// The pool of so many threads; none for one thread, and none where the system has no threads left. A pool that is not
    /// kept any more ends when the last kernel on it has.
    fn pool(self) -> Option<Arc<ThreadPool>> {
        /// The one used last comes first.
        static POOLS: Mutex<Vec<Arc<ThreadPool>>> = Mutex::new(Vec::new());
        if self == Threads::ONE {
            return None;
        }
        let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
        let pool = match pools.iter().position(|pool| pool.current_num_threads() == self.count()) {
            Some(place) => pools.remove(place),
            None => {
                let name = |i| format!("tsdsm-kernel-{i}");
                ThreadPoolBuilder::new().num_threads(self.count()).thread_name(name).build().ok().map(Arc::new)?
            }
        };
        pools.insert(0, Arc::clone(&pool));
        pools.truncate(KEPT);
        Some(pool)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threads(count: usize) -> Threads {
        Threads::new(NonZeroUsize::new(count).unwrap())
    }

    #[test]
    fn no_more_threads_are_started_than_a_machine_bears() {
        assert_eq!(threads(1_000_000_000).count(), 1024);
        assert_eq!(Threads::new(NonZeroUsize::MAX).parts(1 << 40, 1).len(), 1024);
    }

    #[test]
    fn a_pool_ends_when_others_have_been_asked_for_since() {
        let first = Arc::downgrade(&threads(5).pool().unwrap());
        assert!(first.upgrade().is_some(), "it is kept");
        (6..6 + KEPT).for_each(|count| drop(threads(count).pool()));
        assert!(first.upgrade().is_none());
    }
}
