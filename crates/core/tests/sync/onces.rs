//! What is promised of what is done once.

use crate::world::{World, process_in, thread_in};
use std::sync::atomic::Ordering::*;
use std::thread;
use std::time::{Duration, Instant};
use tsdsm_core::object::{Departed, Object};
use tsdsm_core::primitive::Deadline;
use tsdsm_core::wait::Slice;

/// Does it, if it is to be done here; finds it done in any case.
fn run(world: &World, slot: u32) {
    let me = process_in(slot);
    match world.once.begin(me, None, world) {
        Slice::Acquired | Slice::AcquiredPoisoned => {
            world.count.fetch_add(1, Relaxed);
            world.raise(15, 7);
            assert!(world.once.finish(me));
        }
        other => assert_eq!(other, Slice::Over),
    }
    assert!(world.once.is_done());
    assert_eq!(world.flags[15].load(Relaxed), 7, "what was done is seen");
}

#[test]
fn it_is_done_once_and_all_find_it_done() {
    for _ in 0..40 {
        let world = World::new();
        let children: Vec<_> = (0..4).map(|slot| world.fork(slot, move |world| run(world, slot))).collect();
        children.iter().for_each(|child| child.join());
        assert_eq!(world.count.load(Relaxed), 1);
        assert_eq!(world.once.begin(thread_in(0), None, &world), Slice::Over);
    }
}

#[test]
fn a_dead_one_is_taken_over_and_the_next_is_told() {
    let world = World::new();
    let doomed = world.fork(3, |world| {
        assert_eq!(world.once.begin(process_in(3), None, world), Slice::Acquired);
        world.raise(3, 1);
        loop {
            thread::park();
        }
    });
    world.until(3, 1);
    let next = world.fork(4, |world| {
        world.raise(4, 1);
        assert_eq!(world.once.begin(process_in(4), None, world), Slice::AcquiredPoisoned);
        assert!(world.once.give_back(process_in(4)));
    });
    world.until(4, 1);
    doomed.kill();
    world.once.participant_died(Departed { owner: process_in(3), worker: Some(3) });
    next.join();
    let me = thread_in(0);
    assert_eq!(world.once.begin(me, None, &world), Slice::AcquiredPoisoned, "still nobody has done it");
    assert!(world.once.finish(me));
    assert_eq!(world.once.begin(me, None, &world), Slice::Over);
}

#[test]
fn kills_at_any_moment_leave_it_done_in_the_end() {
    for _ in 0..60 {
        let world = World::new();
        let doomed = world.fork(3, |world| {
            world.raise(3, 1);
            run(world, 3);
        });
        let other = world.fork(4, |world| run(world, 4));
        world.until(3, 1);
        doomed.kill();
        world.once.participant_died(Departed { owner: process_in(3), worker: Some(3) });
        other.join();
        assert!(world.once.is_done());
    }
}

#[test]
fn a_wait_ends_at_its_deadline_and_misuse_is_refused() {
    let world = World::new();
    let (me, other) = (thread_in(0), thread_in(1));
    assert!(!world.once.finish(me) && !world.once.give_back(me));
    assert_eq!(world.once.begin(me, None, &world), Slice::Acquired);
    assert_eq!(world.once.begin(me, None, &world), Slice::Deadlock);
    let start = Instant::now();
    let until = Some(Deadline::after(Duration::from_millis(80)));
    assert_eq!(world.once.begin(other, until, &world), Slice::TimedOut);
    assert!(start.elapsed() >= Duration::from_millis(80));
    assert!(!world.once.finish(other));
    assert!(world.once.give_back(me));
    assert_eq!(world.once.begin(other, None, &world), Slice::Acquired);
}
