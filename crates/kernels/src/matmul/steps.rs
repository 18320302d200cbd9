//! Work in steps, each of which a team of threads has done before the next one begins.

use std::hint;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::threads::Threads;

/// Looks at what the others have done before a member of a team lets other threads have its processor.
const SPINS: u32 = 1 << 10;

/// How far a team has come: the parts of all steps are counted in order.
#[derive(Default)]
struct Progress {
    taken: AtomicUsize,
    done: AtomicUsize,
}

/// A thread of a team.
pub(super) struct Member<'a> {
    /// None where it is alone.
    progress: Option<&'a Progress>,
    /// The parts of all steps before.
    passed: usize,
}

/// Calls `work` on each of these threads. All calls have to go through the same steps.
pub(super) fn in_steps(threads: Threads, work: impl Fn(Member<'_>) + Sync) {
    if threads == Threads::ONE {
        return work(Member { progress: None, passed: 0 });
    }
    let progress = Progress::default();
    threads.team(|| work(Member { progress: Some(&progress), passed: 0 }));
}

impl Member<'_> {
    /// A step: calls `part` for those of `0..parts` that no other member has taken, one after the other, and comes back
    /// when all are done. A member that comes late finds none left.
    pub fn each(&mut self, parts: usize, part: impl Fn(usize)) {
        let Some(progress) = self.progress else {
            return (0..parts).for_each(part);
        };
        let (first, end) = (self.passed, self.passed + parts);
        let next = |taken| if taken < end { Some(taken + 1) } else { None };
        while let Ok(taken) = progress.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) {
            let _counted = Counted(&progress.done);
            part(taken - first);
        }
        // What the others have written in their parts is seen from here on.
        let mut looks = 0;
        while progress.done.load(Ordering::Acquire) < end {
            if looks < SPINS {
                looks += 1;
                hint::spin_loop();
            } else {
                thread::yield_now();
            }
        }
        self.passed = end;
    }
}

/// Counts a part as done, even if it panics: nobody waits for it then, and the panic comes out of the team.
struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn a_step_begins_when_all_parts_of_the_one_before_are_done_and_each_part_is_done_once() {
        const PARTS: [usize; 5] = [7, 1, 0, 100, 3];
        for threads in [1, 2, 5] {
            let done = PARTS.map(|parts| (0..parts).map(|_| AtomicUsize::new(0)).collect::<Vec<_>>());
            in_steps(Threads::new(NonZeroUsize::new(threads).unwrap()), |mut member| {
                for (step, &parts) in PARTS.iter().enumerate() {
                    member.each(parts, |part| {
                        assert!(done[..step].iter().flatten().all(|times| times.load(Ordering::Relaxed) == 1));
                        done[step][part].fetch_add(1, Ordering::Relaxed);
                    });
                }
            });
            assert!(done.iter().flatten().all(|times| times.load(Ordering::Relaxed) == 1));
        }
    }

    #[test]
    fn a_panic_in_a_part_comes_out_and_leaves_nobody_waiting() {
        let result = catch_unwind(|| {
            in_steps(Threads::new(NonZeroUsize::new(3).unwrap()), |mut member| {
                member.each(10, |part| assert_ne!(part, 5));
                member.each(10, |_| ());
            });
        });
        assert!(result.is_err());
    }
}
