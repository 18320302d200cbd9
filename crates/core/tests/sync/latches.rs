//! The latch's promises.

use crate::world::{World, process_in, thread_in};
use std::sync::atomic::Ordering::*;
use std::thread;
use std::time::{Duration, Instant};
use tsdsm_core::latch::Stand;
use tsdsm_core::object::{Departed, Object};
use tsdsm_core::primitive::Deadline;
use tsdsm_core::wait::Slice;

fn world(count: u32, counts_the_dead: bool) -> World {
    let world = World::new();
    world.latch().renew(count, counts_the_dead);
    world
}

fn died(world: &World, worker: u32) {
    world.latch().participant_died(Departed { owner: process_in(worker), worker: Some(worker) });
}

#[test]
fn all_wait_until_all_have_counted_and_see_what_came_before() {
    let world = world(4, false);
    let parties: Vec<_> = (0..4)
        .map(|slot| {
            world.fork(slot, move |world| {
                world.count.fetch_add(1, Relaxed);
                world.latch().count_down(Some(slot), 1);
                assert_eq!(world.latch().wait(process_in(slot), None, world), Slice::Acquired);
                assert_eq!(world.count.load(Relaxed), 4);
            })
        })
        .collect();
    parties.iter().for_each(|child| child.join());
    assert_eq!(world.latch().info().stand, Stand::Open);
    assert_eq!(world.latch().count_down(None, 1), Stand::Open, "it stays open");
    died(&world, 1);
    assert_eq!(world.latch().info().stand, Stand::Open, "whoever dies");
}

#[test]
fn the_death_of_a_worker_that_has_not_counted_breaks_it_and_is_named() {
    let world = world(3, false);
    let doomed = world.fork(2, |_| {
        loop {
            thread::park();
        }
    });
    let waiting = world.fork(0, |world| {
        world.latch().count_down(Some(0), 1);
        world.raise(0, 1);
        assert_eq!(world.latch().wait(process_in(0), None, world), Slice::Over);
    });
    world.until(0, 1);
    doomed.kill();
    died(&world, 2);
    waiting.join();
    let info = world.latch().info();
    assert_eq!((info.stand, info.broken_by), (Stand::Broken, Some(2)));
    assert_eq!(world.latch().count_down(Some(1), 1), Stand::Broken);
    world.latch().reset();
    assert_eq!((world.latch().info().stand, world.latch().info().left), (Stand::Closed, 3));
}

#[test]
fn the_death_of_a_worker_that_has_counted_changes_nothing() {
    let world = world(2, false);
    assert_eq!(world.latch().count_down(Some(1), 1), Stand::Closed);
    died(&world, 1);
    world.latch().participant_died(Departed { owner: thread_in(7), worker: None });
    assert_eq!(world.latch().info().left, 1);
    assert_eq!(world.latch().count_down(Some(0), 1), Stand::Open);
}

#[test]
fn the_dead_count_once_where_that_was_asked_for() {
    let world = world(2, true);
    died(&world, 1);
    died(&world, 1);
    assert_eq!(world.latch().info().left, 1);
    assert_eq!(world.latch().count_down(Some(0), 1), Stand::Open);
}

#[test]
fn a_death_amid_a_count_breaks_it() {
    for counts_the_dead in [false, true] {
        let world = world(2, counts_the_dead);
        let epoch = u64::from(world.latch().info().epoch) << 32;
        world.latch().came.entry(1).store(epoch | 1, Relaxed);
        died(&world, 1);
        assert_eq!(world.latch().info().stand, Stand::Broken);
    }
}

#[test]
fn kills_at_any_moment_end_in_an_answer() {
    for round in 0..60 {
        let world = world(2, round % 2 == 0);
        let doomed = world.fork(1, |world| {
            world.raise(1, 1);
            world.latch().count_down(Some(1), 1);
        });
        let other = world.fork(0, |world| {
            world.latch().count_down(Some(0), 1);
            let slice = world.latch().wait(process_in(0), None, world);
            assert!(matches!(slice, Slice::Acquired | Slice::Over));
        });
        world.until(1, 1);
        doomed.kill();
        died(&world, 1);
        other.join();
    }
}

#[test]
fn a_break_and_a_reset_free_whoever_waits() {
    let world = world(1, false);
    for end in [|world: &World| world.latch().break_now(None), |world: &World| world.latch().reset()] {
        let waiting = world.fork(3, |world| {
            let since = world.latch().info().epoch;
            world.raise(3, 1);
            let request = tsdsm_core::wait::Request::default();
            let slice = tsdsm_core::wait::until_decided(request, |request| {
                world.latch().wait_slice(process_in(3), since, request, world)
            });
            assert_eq!(slice, Slice::Over);
        });
        world.until(3, 1);
        end(&world);
        waiting.join();
        world.latch().reset();
    }
    assert_eq!(world.latch().info().broken_by, None);
}

#[test]
fn a_wait_ends_at_its_deadline_and_breaks_nothing() {
    let world = world(1, false);
    let start = Instant::now();
    let until = Some(Deadline::after(Duration::from_millis(80)));
    assert_eq!(world.latch().wait(thread_in(0), until, &world), Slice::TimedOut);
    assert!(start.elapsed() >= Duration::from_millis(80));
    assert_eq!(world.latch().count_down(None, 9), Stand::Open, "no further than nothing");
}
