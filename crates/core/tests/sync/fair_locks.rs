//! The fair lock's promises.

use crate::world::{World, in_time, process_in, thread_in, wait_for};
use std::sync::atomic::Ordering::*;
use std::thread;
use std::time::{Duration, Instant};
use tsdsm_core::object::{Departed, Object};
use tsdsm_core::wait::{Request, Slice};
use tsdsm_core::word::Owner;

/// One short slice of a wait.
fn slice(world: &World, me: Owner, resumed: bool) -> Slice {
    let request = Request { resumed, tick: Duration::from_millis(1), ..Request::default() };
    world.fair_lock().lock_slice(me, &request, world)
}

fn attempt(world: &World, me: Owner) -> Slice {
    let request = Request { only_try: true, ..Request::default() };
    world.fair_lock().lock_slice(me, &request, world)
}

fn take(world: &World, me: Owner) {
    assert_eq!(world.fair_lock().lock(me, false, None, world), Slice::Acquired);
}

#[test]
fn a_count_under_the_lock_is_exact_over_processes() {
    const ROUNDS: u64 = 2000;
    let world = World::new();
    let children: Vec<_> = (0..4)
        .map(|slot| {
            world.fork(slot, move |world| {
                for _ in 0..ROUNDS {
                    take(world, process_in(slot));
                    world.count.store(world.count.load(Relaxed) + 1, Relaxed);
                    assert!(world.fair_lock().unlock(process_in(slot)));
                }
            })
        })
        .collect();
    children.iter().for_each(|child| child.join());
    assert_eq!(world.count.load(Relaxed), 4 * ROUNDS);
    assert!(world.lock.try_fast(thread_in(0)), "nobody waits, and so the fast path is open");
}

#[test]
fn it_is_given_in_the_order_in_which_it_was_asked_for() {
    let world = World::new();
    for _ in 0..20 {
        assert!(world.lock.try_fast(thread_in(0)));
        world.count.store(0, Relaxed);
        // Not in the order of the slots.
        let order = [3, 1, 4, 2];
        let children: Vec<_> = (1..)
            .zip(order)
            .map(|(place, slot)| {
                let child = world.fork(slot, move |world| {
                    take(world, process_in(slot));
                    assert_eq!(world.count.fetch_add(1, Relaxed) + 1, u64::from(place));
                    assert!(world.fair_lock().unlock(process_in(slot)));
                });
                wait_for("its ticket", || world.fair_lock().waiting() == place);
                child
            })
            .collect();
        assert!(world.fair_lock().unlock(thread_in(0)));
        children.iter().for_each(|child| child.join());
    }
}

#[test]
fn nobody_overtakes_one_that_waits() {
    let world = World::new();
    let (holder, first, second, newcomer) = (thread_in(0), thread_in(1), thread_in(2), thread_in(3));
    assert!(world.lock.try_fast(holder));
    assert_eq!(slice(&world, first, false), Slice::Again);
    assert_eq!(slice(&world, second, false), Slice::Again);
    assert!(world.fair_lock().unlock(holder));
    // It is free, for the one whose turn it is.
    assert_eq!(world.lock.holder(), None);
    assert!(!world.lock.try_fast(newcomer));
    assert_eq!(attempt(&world, newcomer), Slice::TimedOut);
    assert_eq!(world.fair_lock().lock(newcomer, false, in_time(0), &world), Slice::TimedOut);
    assert_eq!(slice(&world, second, true), Slice::Again);
    assert_eq!(slice(&world, first, true), Slice::Acquired);
    assert!(world.fair_lock().unlock(first));
    assert!(!world.lock.try_fast(first), "not even the one that had it last");
    assert_eq!(slice(&world, second, true), Slice::Acquired);
    assert!(world.fair_lock().unlock(second));
    assert_eq!(world.fair_lock().waiting(), 0);
    assert_eq!(attempt(&world, newcomer), Slice::Acquired);
}

#[test]
fn whoever_gives_up_makes_room_for_the_next() {
    let world = World::new();
    let (holder, impatient) = (thread_in(0), thread_in(1));
    for given_up_after in [false, true] {
        assert!(world.lock.try_fast(holder));
        assert_eq!(slice(&world, impatient, false), Slice::Again);
        let patient = world.fork(2, |world| {
            take(world, process_in(2));
            assert!(world.fair_lock().unlock(process_in(2)));
        });
        wait_for("the second ticket", || world.fair_lock().waiting() == 2);
        if given_up_after {
            assert!(world.fair_lock().unlock(holder));
            assert!(!patient.has_ended());
            world.fair_lock().abandon(impatient);
        } else {
            world.fair_lock().abandon(impatient);
            assert!(world.fair_lock().unlock(holder));
        }
        patient.join();
    }
    let start = Instant::now();
    assert!(world.lock.try_fast(holder));
    assert_eq!(world.fair_lock().lock(impatient, false, in_time(80), &world), Slice::TimedOut);
    assert!(start.elapsed() >= Duration::from_millis(80));
    assert_eq!(world.fair_lock().waiting(), 0);
}

#[test]
fn the_ticket_of_a_dead_one_is_passed_over_and_poisons_nothing() {
    for recovered in [false, true] {
        let world = World::new();
        assert!(world.lock.try_fast(thread_in(0)));
        let doomed = world.fork(3, |world| take(world, process_in(3)));
        wait_for("the first ticket", || world.fair_lock().waiting() == 1);
        let next = world.fork(4, |world| take(world, process_in(4)));
        wait_for("the second ticket", || world.fair_lock().waiting() == 2);
        doomed.kill();
        if recovered {
            world.fair_lock().participant_died(Departed { owner: process_in(3), worker: None });
            assert_eq!(world.fair_lock().waiting(), 1);
        }
        assert!(world.fair_lock().unlock(thread_in(0)));
        next.join();
    }
}

#[test]
fn the_death_of_the_holder_is_an_answer_to_those_who_wait_and_to_those_who_come() {
    let world = World::new();
    let holder = world.fork(3, |world| {
        take(world, process_in(3));
        world.raise(3, 1);
        loop {
            thread::park();
        }
    });
    world.until(3, 1);
    let refused = world.fork(4, |world| {
        assert_eq!(world.fair_lock().lock(process_in(4), false, None, world), Slice::OwnerDied);
    });
    wait_for("the ticket", || world.fair_lock().waiting() == 1);
    holder.kill();
    refused.join();
    world.fair_lock().participant_died(Departed { owner: process_in(3), worker: Some(3) });
    assert_eq!(world.fair_lock().waiting(), 0);

    // Poisoned, it is for those who take over, in their order, and for nobody else.
    let (first, second, other) = (thread_in(0), thread_in(1), thread_in(2));
    let recovering = |me: Owner, resumed: bool| {
        let request = Request { recover: true, resumed, tick: Duration::from_millis(1), ..Request::default() };
        world.fair_lock().lock_slice(me, &request, &world)
    };
    assert_eq!(recovering(first, false), Slice::AcquiredPoisoned);
    assert_eq!(slice(&world, other, false), Slice::Again);
    assert_eq!(recovering(second, false), Slice::Again);
    assert!(world.fair_lock().unlock(first), "without clearing it");
    assert_eq!(slice(&world, other, true), Slice::OwnerDied);
    assert_eq!(recovering(second, true), Slice::AcquiredPoisoned);
    assert!(world.lock.clear_poison(second) && world.fair_lock().unlock(second));
    take(&world, other);
}

#[test]
fn kills_of_holders_and_of_those_who_wait_leave_the_survivors_working() {
    let world = World::new();
    world.outlive_kills(&world.fair_lock(), 37, 100, |slot: u32| {
        move |world: &World| {
            let me = process_in(slot);
            loop {
                assert!(world.fair_lock().lock(me, true, None, world).is_held());
                world.lock.clear_poison(me);
                world.count.fetch_add(1, Relaxed);
                assert!(world.fair_lock().unlock(me));
            }
        }
    });
}

#[test]
fn misuse_is_refused_and_changes_nothing() {
    let world = World::new();
    let (me, other) = (thread_in(0), thread_in(1));
    assert!(!world.fair_lock().unlock(me));
    take(&world, me);
    assert!(!world.fair_lock().unlock(other));
    assert_eq!(world.fair_lock().lock(me, false, None, &world), Slice::Deadlock);
    assert_eq!(attempt(&world, me), Slice::Deadlock);
    assert_eq!((world.lock.holder(), world.fair_lock().waiting()), (Some(me), 0));
    assert!(world.fair_lock().unlock(me));
    take(&world, other);
    // A condition gives it back, and takes it again.
    let outcome = world.condition.wait(&world.fair_lock(), other, false, in_time(0), &world);
    assert_eq!(outcome.map(|outcome| outcome.lock), Some(Slice::Acquired));
    assert_eq!(world.lock.holder(), Some(other));
}
