//! What a primitive protects may be plain memory: what comes before it happens before what comes after. On most processors
//! these tests pass in any case; under ThreadSanitizer (`npm run sanitise`) they fail if an ordering is too weak.

use std::cell::UnsafeCell;
use std::thread;

use tsdsm_core::barrier::Turn;
use tsdsm_core::wait::Slice;

use crate::world::{World, thread_in};

const ROUNDS: u64 = 300;
const THREADS: u32 = 3;

/// A number that nothing but the primitive under test keeps from a race.
#[derive(Default)]
struct Plain(UnsafeCell<u64>);

// SAFETY: not by itself: the tests' primitives keep threads from each other.
unsafe impl Sync for Plain {}

impl Plain {
    fn get(&self) -> u64 {
        // SAFETY: the primitive under test keeps writers out.
        unsafe { *self.0.get() }
    }

    fn set(&self, value: u64) {
        // SAFETY: the primitive under test keeps all others out.
        unsafe { *self.0.get() = value }
    }
}

/// Runs `work` in threads that are the participants of slots 0, 1 and 2.
fn together(work: impl Fn(u32) + Sync) {
    thread::scope(|scope| {
        for slot in 0..THREADS {
            let work = &work;
            scope.spawn(move || work(slot));
        }
    });
}

#[test]
fn a_lock_orders_plain_memory() {
    let (world, count) = (World::new(), Plain::default());
    together(|slot| {
        for _ in 0..ROUNDS {
            assert_eq!(world.lock.lock(thread_in(slot), false, None, &world), Slice::Acquired);
            count.set(count.get() + 1);
            assert!(world.lock.unlock(thread_in(slot)));
        }
    });
    assert_eq!(count.get(), ROUNDS * u64::from(THREADS));
}

#[test]
fn a_reader_writer_lock_orders_plain_memory() {
    let (world, count) = (World::new(), Plain::default());
    together(|slot| {
        let (lock, me) = (world.rwlock(), thread_in(slot));
        for _ in 0..ROUNDS {
            assert_eq!(lock.write(me, false, None, &world), Slice::Acquired);
            count.set(count.get() + 1);
            assert!(lock.unlock_write(me));
            assert_eq!(lock.read(me, false, None, &world), Slice::Acquired);
            assert!(count.get() > 0);
            assert!(lock.unlock_read(me));
        }
    });
    assert_eq!(count.get(), ROUNDS * u64::from(THREADS));
}

#[test]
fn a_semaphore_of_one_orders_plain_memory() {
    for owned in [true, false] {
        let (world, count) = (World::new(), Plain::default());
        world.semaphore().layout.renew(1, owned);
        together(|slot| {
            for _ in 0..ROUNDS {
                assert_eq!(world.semaphore().acquire(thread_in(slot), 1, None, &world), Slice::Acquired);
                count.set(count.get() + 1);
                assert!(world.semaphore().release(thread_in(slot), 1));
            }
        });
        assert_eq!(count.get(), ROUNDS * u64::from(THREADS));
    }
}

#[test]
fn a_barrier_orders_plain_memory() {
    let world = World::new();
    let parts: [Plain; THREADS as usize] = Default::default();
    world.barrier().renew(1, THREADS, []);
    together(|slot| {
        for round in 1..=ROUNDS {
            parts[slot as usize].set(round);
            assert!(matches!(world.pass(slot, None), Turn::Passed(_)));
            assert!(parts.iter().all(|part| part.get() == round));
            assert!(matches!(world.pass(slot, None), Turn::Passed(_)));
        }
    });
}

#[test]
fn what_is_done_once_is_seen_by_all() {
    for _ in 0..ROUNDS / 10 {
        let (world, done) = (World::new(), Plain::default());
        together(|slot| {
            if world.once.begin(thread_in(slot), None, &world) == Slice::Acquired {
                done.set(7);
                assert!(world.once.finish(thread_in(slot)));
            }
            assert_eq!(done.get(), 7);
        });
    }
}

#[test]
fn an_event_orders_plain_memory() {
    for automatic in [false, true] {
        for _ in 0..ROUNDS / 10 {
            let (world, told) = (World::new(), Plain::default());
            world.event.renew(automatic, false);
            together(|slot| {
                if slot == 0 {
                    told.set(7);
                    world.event.set();
                } else if slot == 1 || !automatic {
                    assert_eq!(world.event.wait(thread_in(slot), None, &world), Slice::Acquired);
                    assert_eq!(told.get(), 7);
                }
            });
        }
    }
}

#[test]
fn a_latch_orders_plain_memory() {
    for _ in 0..ROUNDS / 10 {
        let world = World::new();
        let parts: [Plain; THREADS as usize] = Default::default();
        world.latch().renew(THREADS, false);
        together(|slot| {
            parts[slot as usize].set(7);
            world.latch().count_down(Some(slot), 1);
            assert_eq!(world.latch().wait(thread_in(slot), None, &world), Slice::Acquired);
            assert!(parts.iter().all(|part| part.get() == 7));
        });
    }
}

#[test]
fn a_counter_orders_plain_memory() {
    let (world, told) = (World::new(), Plain::default());
    together(|slot| {
        if slot == 0 {
            told.set(7);
            world.counter.fetch_add(1);
        } else {
            while world.counter.load() == 0 {
                thread::yield_now();
            }
            assert_eq!(told.get(), 7);
        }
    });
}
