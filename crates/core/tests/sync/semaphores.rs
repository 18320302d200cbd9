//! The semaphore's promises.

use crate::world::{World, process_in, thread_in, wait_for};
use std::sync::atomic::Ordering::*;
use std::thread;
use std::time::{Duration, Instant};
use tsdsm_core::object::{Departed, Object};
use tsdsm_core::primitive::Deadline;
use tsdsm_core::semaphore::MAX_PERMITS;
use tsdsm_core::wait::{Request, Slice};
use tsdsm_core::word::Owner;

fn world(permits: u32, owned: bool) -> World {
    let world = World::new();
    world.semaphore().layout.renew(permits, owned);
    world
}

fn take(world: &World, me: Owner, permits: u32) -> Slice {
    world.semaphore().acquire(me, permits, None, world)
}

fn attempt(world: &World, me: Owner, permits: u32) -> Slice {
    world.semaphore().acquire_slice(me, permits, &Request { only_try: true, ..Request::default() }, world)
}

fn died(world: &World, owner: Owner) {
    world.semaphore().participant_died(Departed { owner, worker: None });
}

/// Takes and gives back one or two permits of three, and counts those that are out.
fn work(world: &World, me: Owner, rounds: u32) {
    for round in 0..rounds {
        let permits = 1 + round % 2;
        assert_eq!(take(world, me, permits), Slice::Acquired);
        assert!(world.count.fetch_add(permits.into(), Relaxed) + u64::from(permits) <= 3);
        world.count.fetch_sub(permits.into(), Relaxed);
        assert!(world.semaphore().release(me, permits));
    }
}

#[test]
fn no_more_permits_are_out_than_there_are_over_threads_and_processes() {
    for owned in [true, false] {
        let world = world(3, owned);
        thread::scope(|scope| {
            for slot in 0..4 {
                let world = &world;
                scope.spawn(move || work(world, thread_in(slot), 5000));
            }
        });
        let children: Vec<_> =
            (0..4).map(|slot| world.fork(slot, move |world| work(world, process_in(slot), 5000))).collect();
        children.iter().for_each(|child| child.join());
        assert_eq!(world.semaphore().info().free, 3);
    }
}

#[test]
fn the_permits_of_the_dead_come_back_to_those_who_wait() {
    let world = world(3, true);
    let holder = world.fork(3, |world| {
        assert_eq!(take(world, process_in(3), 2), Slice::Acquired);
        world.raise(3, 1);
        loop {
            thread::park();
        }
    });
    world.until(3, 1);
    let waiting = world.fork(4, |world| {
        world.raise(4, 1);
        assert_eq!(take(world, process_in(4), 3), Slice::Acquired);
        assert!(world.semaphore().release(process_in(4), 3));
    });
    world.until(4, 1);
    holder.kill();
    died(&world, process_in(3));
    waiting.join();
    died(&world, process_in(3));
    assert_eq!(world.semaphore().info().free, 3, "not a second time");
}

#[test]
fn the_permits_of_the_dead_stay_lost_where_nobody_owns_them() {
    let world = world(2, false);
    assert_eq!(take(&world, thread_in(0), 1), Slice::Acquired);
    died(&world, thread_in(0));
    assert_eq!(world.semaphore().info().free, 1);
    assert!(world.semaphore().release(thread_in(1), 1), "anybody may give back");
    assert_eq!(world.semaphore().info().free, 2);
}

#[test]
fn kills_at_any_moment_lose_no_permit() {
    let world = world(3, true);
    let work = |slot: u32| {
        move |world: &World| {
            loop {
                work(world, process_in(slot), 10);
                world.flags[slot as usize].fetch_add(1, Relaxed);
            }
        }
    };
    let survivors = [world.fork(1, work(1)), world.fork(2, work(2))];
    for round in 0..60 {
        // Its own count of what is out would not come back: it counts elsewhere.
        let doomed = world.fork(3, |world| {
            let me = process_in(3);
            loop {
                assert_eq!(take(world, me, 1), Slice::Acquired);
                world.flags[3].fetch_add(1, Relaxed);
                assert!(world.semaphore().release(me, 1));
            }
        });
        wait_for("progress", || world.flags[3].load(Relaxed) > round * 7);
        doomed.kill();
        died(&world, process_in(3));
        let before = world.flags[1].load(Relaxed);
        wait_for("the survivors", || world.flags[1].load(Relaxed) > before + 3);
    }
    survivors.iter().for_each(|child| child.kill());
    died(&world, process_in(1));
    died(&world, process_in(2));
    assert_eq!(world.semaphore().info().free, 3);
}

#[test]
fn a_wait_ends_at_its_deadline_and_takes_nothing() {
    let world = world(1, true);
    assert_eq!(take(&world, thread_in(0), 1), Slice::Acquired);
    for ms in [0, 1, 120] {
        let start = Instant::now();
        let until = Some(Deadline::after(Duration::from_millis(ms)));
        assert_eq!(world.semaphore().acquire(thread_in(1), 1, until, &world), Slice::TimedOut);
        assert!(start.elapsed() >= Duration::from_millis(ms));
    }
    assert!(world.semaphore().release(thread_in(0), 1));
    assert_eq!(attempt(&world, thread_in(1), 1), Slice::Acquired);
}

#[test]
fn a_release_of_few_wakes_the_one_who_wants_few() {
    let world = world(2, true);
    assert_eq!(take(&world, thread_in(0), 2), Slice::Acquired);
    thread::scope(|scope| {
        let both = scope.spawn(|| take(&world, thread_in(1), 2));
        let one = scope.spawn(|| take(&world, thread_in(2), 1));
        assert!(world.semaphore().release(thread_in(0), 1));
        assert_eq!(one.join().unwrap(), Slice::Acquired);
        assert!(world.semaphore().release(thread_in(2), 1) && world.semaphore().release(thread_in(0), 1));
        assert_eq!(both.join().unwrap(), Slice::Acquired);
    });
}

#[test]
fn misuse_is_refused_and_changes_nothing() {
    let world = world(2, true);
    let (me, other) = (thread_in(0), thread_in(1));
    assert!(!world.semaphore().release(me, 1));
    assert_eq!(take(&world, me, 3), Slice::Deadlock, "there never are so many");
    assert_eq!(take(&world, me, 1), Slice::Acquired);
    assert_eq!(take(&world, me, 2), Slice::Deadlock, "it would wait for itself");
    assert!(!world.semaphore().release(other, 1) && !world.semaphore().release(me, 2));
    assert_eq!((world.semaphore().holds(me), world.semaphore().info().free), (1, 1));
    let unowned = World::new();
    unowned.semaphore().layout.renew(MAX_PERMITS, false);
    assert!(!unowned.semaphore().release(me, 1), "no more than that");
}

#[test]
fn damaged_entries_end_nothing() {
    let world = world(2, true);
    for slot in 0..4 {
        world.semaphore().held.entry(slot).store(u64::MAX, Relaxed);
        assert!(matches!(attempt(&world, thread_in(slot), 1), Slice::Acquired | Slice::Deadlock));
        died(&world, thread_in(slot));
    }
    assert_eq!(world.semaphore().info().free, 2, "never more than there are");
}
