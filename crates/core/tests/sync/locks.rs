//! The lock's promises.

use crate::world::{World, in_time, process_in, thread_in, wait_for};
use std::sync::atomic::Ordering::*;
use std::thread;
use std::time::{Duration, Instant};
use tsdsm_core::object::Object;
use tsdsm_core::wait::{Request, Slice};
use tsdsm_core::word::Owner;

const ROUNDS: u64 = 20_000;

/// Adds to the count in two steps that only a lock can hold together.
fn count(world: &World, me: Owner, rounds: u64) {
    for _ in 0..rounds {
        assert_eq!(world.lock.lock(me, false, None, world), Slice::Acquired);
        world.count.store(world.count.load(Relaxed) + 1, Relaxed);
        assert!(world.lock.unlock(me));
    }
}

#[test]
fn a_count_under_the_lock_is_exact_over_threads() {
    let world = World::new();
    thread::scope(|scope| {
        for slot in 0..4 {
            let world = &world;
            scope.spawn(move || count(world, thread_in(slot), ROUNDS));
        }
    });
    assert_eq!(world.count.load(Relaxed), 4 * ROUNDS);
}

#[test]
fn a_count_under_the_lock_is_exact_over_processes() {
    let world = World::new();
    let children: Vec<_> =
        (0..4).map(|slot| world.fork(slot, |world| count(world, process_in(slot), ROUNDS))).collect();
    children.iter().for_each(|child| child.join());
    assert_eq!(world.count.load(Relaxed), 4 * ROUNDS);
}

#[test]
fn the_death_of_the_holder_is_an_answer_to_those_who_wait_and_to_those_who_come() {
    let world = World::new();
    let holder = world.fork(3, |world| {
        assert_eq!(world.lock.lock(process_in(3), false, None, world), Slice::Acquired);
        world.raise(3, 1);
        loop {
            thread::park();
        }
    });
    world.until(3, 1);
    let waiter = world.fork(4, |world| {
        assert_eq!(world.lock.lock(process_in(4), false, None, world), Slice::OwnerDied);
    });
    wait_for("a sleeper", || world.lock.has_waiters());
    holder.kill();
    waiter.join();

    let me = thread_in(0);
    assert_eq!(world.lock.lock(me, false, None, &world), Slice::OwnerDied);
    assert_eq!(world.lock.last_dead(), Some(3));
    assert!(!world.lock.try_fast(me), "the fast path must not pass a death by");
    assert_eq!(world.lock.lock(me, true, None, &world), Slice::AcquiredPoisoned);
    assert!(world.lock.unlock(me));
    assert_eq!(world.lock.lock(me, false, None, &world), Slice::OwnerDied, "still poisoned, since nobody cleared it");
    assert_eq!(world.lock.lock(me, true, None, &world), Slice::AcquiredPoisoned);
    assert!(world.lock.clear_poison(me));
    assert!(world.lock.unlock(me));
    assert!(world.lock.try_fast(me));
}

#[test]
fn kills_of_holders_and_sleepers_leave_the_survivors_working() {
    let world = World::new();
    world.outlive_kills(&world.lock, 37, 100, |slot: u32| {
        move |world: &World| {
            loop {
                let slice = world.lock.lock(process_in(slot), true, None, world);
                assert!(matches!(slice, Slice::Acquired | Slice::AcquiredPoisoned));
                world.lock.clear_poison(process_in(slot));
                world.count.fetch_add(1, Relaxed);
                assert!(world.lock.unlock(process_in(slot)));
            }
        }
    });
}

#[test]
fn a_wait_ends_at_its_deadline_and_not_before() {
    let world = World::new();
    let (holder, me) = (thread_in(0), thread_in(1));
    assert!(world.lock.try_fast(holder));
    for ms in [0, 1, 120] {
        let start = Instant::now();
        assert_eq!(world.lock.lock(me, false, in_time(ms), &world), Slice::TimedOut);
        assert!(start.elapsed() >= Duration::from_millis(ms));
    }
    assert_eq!(world.lock.holder(), Some(holder));
    assert!(world.lock.unlock(holder));
    assert_eq!(world.lock.lock(me, false, in_time(0), &world), Slice::Acquired, "a free lock needs no time");
}

#[test]
fn a_wait_without_end_is_cut_into_slices() {
    let world = World::new();
    assert!(world.lock.try_fast(thread_in(0)));
    let request = Request { tick: Duration::from_millis(2), ..Request::default() };
    assert_eq!(world.lock.lock_slice(thread_in(1), &request, &world), Slice::Again);
    let request = Request { resumed: true, ..request };
    assert_eq!(world.lock.lock_slice(thread_in(1), &request, &world), Slice::Again);
    world.lock.abandon();
    assert!(world.lock.unlock(thread_in(0)));
}

#[test]
fn a_nudge_ends_the_sleep_of_the_one_it_is_for() {
    let world = World::new();
    assert!(world.lock.try_fast(thread_in(0)));
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let request = Request { tick: Duration::from_secs(1000), ..Request::default() };
            world.lock.lock_slice(thread_in(1), &request, &world)
        });
        wait_for("the end of the sleep", || {
            world.lock.nudge(thread_in(1));
            waiter.is_finished()
        });
        assert_eq!(waiter.join().unwrap(), Slice::Again);
    });
}

#[test]
fn misuse_is_refused_and_changes_nothing() {
    let world = World::new();
    let (me, other) = (thread_in(0), thread_in(1));
    assert!(!world.lock.unlock(me), "not held by anybody");
    assert!(world.lock.try_fast(me));
    assert!(!world.lock.unlock(other) && !world.lock.clear_poison(other));
    assert!(!world.lock.unlock(Owner::new(0, 2)), "a later life of the same slot is somebody else");
    assert_eq!(world.lock.lock(me, false, None, &world), Slice::Deadlock);
    let only_try = Request { only_try: true, ..Request::default() };
    assert_eq!(world.lock.lock_slice(other, &only_try, &world), Slice::TimedOut);
    assert_eq!(world.lock.lock_slice(me, &only_try, &world), Slice::Deadlock);
    assert_eq!(world.lock.holder(), Some(me));
    assert!(world.lock.unlock(me));
    assert_eq!(world.lock.lock_slice(other, &only_try, &world), Slice::Acquired);
}

#[test]
fn who_waits_for_its_own_thread_gets_the_lock_after_the_release() {
    let world = World::new();
    let me = thread_in(0);
    assert!(world.lock.try_fast(me));
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let request = Request { wait_for_self: true, tick: Duration::from_secs(1000), ..Request::default() };
            world.lock.lock_slice(me, &request, &world)
        });
        wait_for("a sleeper", || world.lock.has_waiters());
        assert!(world.lock.unlock(me));
        assert_eq!(waiter.join().unwrap(), Slice::Acquired);
    });
}

#[test]
fn a_worker_that_leaves_its_task_leaves_a_poisoned_lock() {
    let world = World::new();
    assert!(world.lock.try_fast(thread_in(5)));
    world.lock.force_release(thread_in(6), Some(6));
    assert_eq!(world.lock.holder(), Some(thread_in(5)), "only the holder's own lock is taken from it");
    world.lock.force_release(thread_in(5), Some(5));
    assert_eq!(world.lock.lock(thread_in(1), false, None, &world), Slice::OwnerDied);
    assert_eq!(world.lock.last_dead(), Some(5));
    world.lock.renew();
    assert!(world.lock.try_fast(thread_in(1)) && !world.lock.is_poisoned() && world.lock.last_dead().is_none());
}
