//! The condition variable's promises.

use crate::world::{World, in_time, process_in, thread_in, wait_for};
use std::sync::atomic::Ordering::*;
use std::thread;
use std::time::{Duration, Instant};
use tsdsm_core::condition::Outcome;
use tsdsm_core::object::{Departed, Object};
use tsdsm_core::wait::{self, Request, Slice};
use tsdsm_core::word::Owner;

const WOKEN: Outcome = Outcome { woken: true, lock: Slice::Acquired };

fn lock(world: &World, me: Owner) {
    assert_eq!(world.lock.lock(me, false, None, world), Slice::Acquired);
}

/// One wait with the lock, which is free before and after.
fn wait_once(world: &World, me: Owner) {
    lock(world, me);
    assert_eq!(world.condition.wait(&world.lock, me, false, None, world), Some(WOKEN));
    assert!(world.lock.unlock(me));
}

fn until_waiting(world: &World, count: u32) {
    wait_for("those who wait", || world.condition.waiting() == count);
}

/// Adds `step` to what is in store when `may` allows it.
fn change(world: &World, me: Owner, may: impl Fn(u64) -> bool, step: i64) {
    lock(world, me);
    while !may(world.count.load(Relaxed)) {
        assert_eq!(world.condition.wait(&world.lock, me, false, None, world), Some(WOKEN));
    }
    world.count.store(world.count.load(Relaxed).wrapping_add_signed(step), Relaxed);
    // Producers and consumers wait in the same condition, so one that is no use to the one that gets it is to be for all.
    world.condition.notify(u32::MAX);
    assert!(world.lock.unlock(me));
}

#[test]
fn processes_hand_over_through_a_small_store_and_none_waits_for_ever() {
    const ROUNDS: u64 = 3000;
    let world = World::new();
    let children: Vec<_> = (0..4)
        .map(|slot| {
            world.fork(slot, move |world| {
                for _ in 0..ROUNDS {
                    if slot % 2 == 0 {
                        change(world, process_in(slot), |stored| stored < 2, 1);
                    } else {
                        change(world, process_in(slot), |stored| stored > 0, -1);
                    }
                }
            })
        })
        .collect();
    children.iter().for_each(|child| child.join());
    assert_eq!((world.count.load(Relaxed), world.condition.waiting()), (0, 0));
}

#[test]
fn each_notification_ends_one_wait_in_the_order_of_the_waits() {
    let world = World::new();
    let waiting: Vec<_> = (0..4)
        .map(|slot| {
            let child = world.fork(slot, move |world| {
                wait_once(world, process_in(slot));
                world.raise(slot, 1);
            });
            until_waiting(&world, slot + 1);
            child
        })
        .collect();
    for slot in 0..4_u32 {
        assert_eq!(world.condition.notify(1), 1);
        world.until(slot, 1);
        let raised: Vec<bool> = world.flags.iter().map(|flag| flag.load(SeqCst) == 1).collect();
        assert!((0..4).all(|other| raised[other as usize] == (other <= slot)), "{raised:?} after {slot}");
    }
    waiting.iter().for_each(|child| child.join());
    assert_eq!(world.condition.notify(1), 0, "nobody waits");
}

#[test]
fn all_who_wait_are_notified_together_and_one_that_comes_later_is_not() {
    let world = World::new();
    let waiting: Vec<_> =
        (0..5).map(|slot| world.fork(slot, move |world| wait_once(world, process_in(slot)))).collect();
    until_waiting(&world, 5);
    assert_eq!(world.condition.notify(3), 3);
    assert_eq!(world.condition.notify(u32::MAX), 2);
    waiting.iter().for_each(|child| child.join());
    let ticket = world.condition.begin();
    let try_it = Request { only_try: true, ..Request::default() };
    assert_eq!(world.condition.wait_slice(thread_in(0), ticket, &try_it, &world), Slice::TimedOut);
    assert_eq!(world.condition.waiting(), 1, "a try gives nothing up");
    assert_eq!(world.condition.notify(1), 1);
    assert_eq!(world.condition.wait_slice(thread_in(0), ticket, &try_it, &world), Slice::Acquired);
}

#[test]
fn a_wait_without_the_lock_is_refused_and_changes_nothing() {
    let world = World::new();
    let (me, other) = (thread_in(0), thread_in(1));
    assert_eq!(world.condition.wait(&world.lock, me, false, None, &world), None);
    lock(&world, other);
    assert_eq!(world.condition.wait(&world.lock, me, false, None, &world), None);
    assert_eq!((world.lock.holder(), world.condition.waiting()), (Some(other), 0));
}

#[test]
fn a_wait_ends_at_its_deadline_with_the_lock_held_and_its_ticket_gone() {
    let world = World::new();
    let me = thread_in(0);
    lock(&world, me);
    for ms in [0, 80] {
        let start = Instant::now();
        let outcome = world.condition.wait(&world.lock, me, false, in_time(ms), &world);
        assert_eq!(outcome, Some(Outcome { woken: false, lock: Slice::Acquired }));
        assert!(start.elapsed() >= Duration::from_millis(ms));
        assert_eq!((world.lock.holder(), world.condition.waiting()), (Some(me), 0));
    }
}

#[test]
fn whoever_gives_up_before_others_swallows_no_notification() {
    let world = World::new();
    let given_up = world.condition.begin();
    let patient = world.fork(1, |world| wait_once(world, process_in(1)));
    until_waiting(&world, 2);
    // Its ticket is not the newest: the other is let pass, to look.
    world.condition.abandon(given_up);
    patient.join();

    let notified = world.condition.begin();
    let patient = world.fork(1, |world| wait_once(world, process_in(1)));
    until_waiting(&world, 2);
    assert_eq!(world.condition.notify(1), 1);
    assert!(!patient.has_ended());
    world.condition.abandon(notified);
    patient.join();
    assert_eq!(world.condition.waiting(), 0);
}

#[test]
fn a_nudge_ends_a_sleep_and_not_the_wait() {
    let world = World::new();
    let ticket = world.condition.begin();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let request = Request { tick: Duration::from_secs(1000), ..Request::default() };
            world.condition.wait_slice(thread_in(1), ticket, &request, &world)
        });
        wait_for("the end of the sleep", || {
            world.condition.nudge(thread_in(1));
            waiter.is_finished()
        });
        assert_eq!(waiter.join().unwrap(), Slice::Again);
    });
    assert_eq!(world.condition.waiting(), 1);
    world.condition.abandon(ticket);
    assert_eq!(world.condition.waiting(), 0);
}

#[test]
fn the_death_of_the_holder_is_an_answer_to_those_who_wait() {
    let world = World::new();
    let waiting = world.fork(2, |world| {
        let me = process_in(2);
        lock(world, me);
        let outcome = world.condition.wait(&world.lock, me, false, None, world);
        assert_eq!(outcome, Some(Outcome { woken: true, lock: Slice::OwnerDied }));
        assert_ne!(world.lock.holder(), Some(me));
    });
    until_waiting(&world, 1);
    let holder = world.fork(3, |world| {
        lock(world, process_in(3));
        world.raise(3, 1);
        loop {
            thread::park();
        }
    });
    world.until(3, 1);
    holder.kill();
    world.lock.participant_died(dead());
    world.condition.participant_died(dead());
    waiting.join();

    assert_eq!(world.lock.lock(thread_in(0), true, None, &world), Slice::AcquiredPoisoned);
    let deadline = in_time(0);
    let outcome = world.condition.wait(&world.lock, thread_in(0), true, deadline, &world);
    assert_eq!(outcome, Some(Outcome { woken: false, lock: Slice::AcquiredPoisoned }), "nobody has cleared it");
}

#[test]
fn a_notification_that_a_dead_one_was_given_goes_to_another() {
    let world = World::new();
    for _ in 0..40 {
        let doomed = world.fork(3, |world| {
            let ticket = world.condition.begin();
            wait::until_decided(Request::default(), |request| {
                world.condition.wait_slice(process_in(3), ticket, request, world)
            });
            loop {
                thread::park();
            }
        });
        until_waiting(&world, 1);
        let other = world.fork(4, |world| wait_once(world, process_in(4)));
        until_waiting(&world, 2);
        assert_eq!(world.condition.notify(1), 1);
        doomed.kill();
        world.condition.participant_died(dead());
        other.join();
        assert_eq!(world.condition.waiting(), 0);
    }
}

fn dead() -> Departed {
    Departed { owner: process_in(3), worker: Some(3) }
}

/// What a process leaves behind: its lock, and its ticket.
struct Both<'a>(&'a World);

impl Object for Both<'_> {
    fn participant_died(&self, dead: Departed) {
        self.0.lock.participant_died(dead);
        self.0.condition.participant_died(dead);
    }
    fn wake_all(&self) {}
    fn nudge(&self, _me: Owner) {}
}

#[test]
fn kills_of_those_who_wait_and_those_who_notify_leave_the_survivors_working() {
    let world = World::new();
    world.outlive_kills(&Both(&world), 7, 0, |slot: u32| {
        move |world: &World| {
            let me = process_in(slot);
            loop {
                let held = world.lock.lock(me, true, None, world);
                assert!(held.is_held());
                world.lock.clear_poison(me);
                world.count.fetch_add(1, Relaxed);
                // The one before is let go, and this one waits for the next; not for ever, as all others may be waiting.
                world.condition.notify(1);
                let outcome = world.condition.wait(&world.lock, me, true, in_time(20), world).unwrap();
                assert!(outcome.lock.is_held());
                world.lock.clear_poison(me);
                assert!(world.lock.unlock(me));
            }
        }
    });
}
