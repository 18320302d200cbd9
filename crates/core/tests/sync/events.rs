//! The event's promises.

use crate::world::{World, process_in, thread_in, wait_for};
use std::sync::atomic::Ordering::*;
use std::thread;
use std::time::{Duration, Instant};
use tsdsm_core::object::{Departed, Object};
use tsdsm_core::primitive::Deadline;
use tsdsm_core::wait::{Request, Slice};

#[test]
fn an_event_that_stays_set_lets_all_pass_until_it_is_reset() {
    let world = World::new();
    let waiting: Vec<_> = (0..4)
        .map(|slot| {
            world.fork(slot, move |world| {
                world.raise(slot, 1);
                assert_eq!(world.event.wait(process_in(slot), None, world), Slice::Acquired);
                assert_eq!(world.count.load(Relaxed), 7, "what came before the event");
            })
        })
        .collect();
    (0..4).for_each(|slot| world.until(slot, 1));
    world.count.store(7, Relaxed);
    world.event.set();
    waiting.iter().for_each(|child| child.join());
    assert!(world.event.is_set());
    assert_eq!(world.event.wait(thread_in(0), None, &world), Slice::Acquired);
    world.event.reset();
    let now = Some(Deadline::after(Duration::ZERO));
    assert_eq!(world.event.wait(thread_in(0), now, &world), Slice::TimedOut);
}

#[test]
fn who_waited_when_it_was_set_passes_also_where_it_was_reset_at_once() {
    let world = World::new();
    let since = world.event.generation();
    world.event.set();
    world.event.reset();
    let request = Request { only_try: true, ..Request::default() };
    assert_eq!(world.event.wait_slice(thread_in(0), since, &request, &world), Slice::Acquired);
    let since = world.event.generation();
    assert_eq!(world.event.wait_slice(thread_in(0), since, &request, &world), Slice::TimedOut);
}

#[test]
fn one_that_resets_itself_lets_one_pass_each_time() {
    const ROUNDS: u64 = 300;
    let world = World::new();
    world.event.renew(true, false);
    let waiting: Vec<_> = (0..3)
        .map(|slot| {
            world.fork(slot, move |world| {
                for _ in 0..ROUNDS {
                    assert_eq!(world.event.wait(process_in(slot), None, world), Slice::Acquired);
                    world.count.fetch_add(1, AcqRel);
                }
            })
        })
        .collect();
    for round in 1..=3 * ROUNDS {
        world.event.set();
        wait_for("one to pass", || world.count.load(Acquire) == round);
        assert!(!world.event.is_set());
    }
    waiting.iter().for_each(|child| child.join());
}

#[test]
fn the_death_of_a_waiter_takes_no_event_along() {
    let world = World::new();
    world.event.renew(true, false);
    for _ in 0..40 {
        let doomed = world.fork(3, |world| {
            world.raise(3, 1);
            world.event.wait(process_in(3), None, world);
            loop {
                thread::park();
            }
        });
        let other = world.fork(4, |world| {
            world.raise(4, 1);
            assert_eq!(world.event.wait(process_in(4), None, world), Slice::Acquired);
        });
        world.until(3, 1);
        world.until(4, 1);
        world.event.set();
        doomed.kill();
        world.event.participant_died(Departed { owner: process_in(3), worker: None });
        // The dead one may have passed before it died: an event that was lost with it is set again.
        wait_for("the other", || {
            if !world.event.is_set() {
                world.event.set();
            }
            other.has_ended()
        });
        other.join();
        world.event.reset();
    }
}

#[test]
fn a_wait_ends_at_its_deadline_and_hands_the_event_on() {
    let world = World::new();
    world.event.renew(true, false);
    let start = Instant::now();
    let until = Some(Deadline::after(Duration::from_millis(80)));
    assert_eq!(world.event.wait(thread_in(0), until, &world), Slice::TimedOut);
    assert!(start.elapsed() >= Duration::from_millis(80));
    thread::scope(|scope| {
        let patient = scope.spawn(|| world.event.wait(thread_in(1), None, &world));
        world.event.set();
        assert_eq!(patient.join().unwrap(), Slice::Acquired);
    });
    world.event.give_back();
    assert!(world.event.is_set(), "for one that has no use for it");
}
