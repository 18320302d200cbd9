//! The barrier's promises.

use crate::world::{SLOTS, World, wait_for};
use std::sync::atomic::Ordering::*;
use std::thread;
use std::time::{Duration, Instant};
use tsdsm_core::barrier::{Breaker, Reason, Turn};

const LONG: Option<Duration> = Some(Duration::from_secs(100));

/// Passes `rounds` times; in each, checks that all have come before anybody goes on.
fn rounds(world: &World, slot: u32, parties: u32, rounds: u32) {
    for round in 0..rounds {
        world.raise(slot, round);
        let Turn::Passed(index) = world.pass(slot, LONG) else { panic!("round {round} was not passed") };
        assert!(index < parties);
        world.count.fetch_add(1 << (index * 8), Relaxed);
        for other in 0..parties {
            let at = world.flags[other as usize].load(Relaxed);
            assert!(at == round || at == round + 1, "round {round}, but {other} is at {at}");
        }
        // Each index once a round: checked by the last one in, before the next round.
        if let Turn::Passed(0) = world.pass(slot, LONG) {
            assert_eq!(world.count.swap(0, Relaxed), (0..parties).fold(0, |sum, index| sum | 1 << (index * 8)));
        }
        assert!(matches!(world.pass(slot, LONG), Turn::Passed(_)));
    }
}

#[test]
fn rounds_never_overlap_over_threads() {
    let world = World::new();
    world.barrier().restart(3);
    thread::scope(|scope| {
        for slot in 0..3 {
            let world = &world;
            scope.spawn(move || rounds(world, slot, 3, 300));
        }
    });
}

#[test]
fn rounds_never_overlap_over_processes() {
    for parties in [2, 8] {
        let world = World::new();
        world.barrier().renew(1, parties, 0..parties);
        let children: Vec<_> =
            (0..parties).map(|slot| world.fork(slot, |world| rounds(world, slot, parties, 300))).collect();
        children.iter().for_each(|child| child.join());
    }
}

#[test]
fn the_death_of_a_party_frees_the_others_and_is_named() {
    let world = World::new();
    world.barrier().renew(1, 3, 0..3);
    let waiting: Vec<_> =
        (0..2).map(|slot| world.fork(slot, |world| assert_eq!(world.pass(slot, LONG), Turn::Broken))).collect();
    let doomed = world.fork(2, |_| {
        loop {
            thread::park();
        }
    });
    wait_for("two arrivals", || world.barrier().info().arrived == 2);
    doomed.kill();
    world.barrier().slot_died(2, Some(2));
    waiting.iter().for_each(|child| child.join());
    let info = world.barrier().info();
    assert!(info.is_broken);
    assert_eq!(info.broken_by, Some(Breaker { reason: Reason::Died, worker: Some(2) }));
    assert_eq!(info.missing, [2]);
    assert_eq!(world.pass(0, LONG), Turn::Broken, "broken until it is reset");
    world.barrier().reset();
    assert_eq!(world.barrier().arrive(0, None), Turn::Again(0));
}

#[test]
fn the_death_of_a_stranger_changes_nothing() {
    let world = World::new();
    world.barrier().restart(2);
    assert_eq!(world.barrier().arrive(0, None), Turn::Again(0));
    world.barrier().slot_died(5, Some(5));
    assert_eq!(world.barrier().arrive(1, None), Turn::Passed(1));
    world.barrier().slot_died(0, Some(0));
    assert_eq!(world.barrier().arrive(1, None), Turn::Broken, "0 had belonged to it");
}

#[test]
fn a_time_out_breaks_the_barrier_for_all_and_says_who() {
    let world = World::new();
    world.barrier().restart(3);
    let other = world.fork(1, |world| assert_eq!(world.pass(1, LONG), Turn::Broken));
    wait_for("an arrival", || world.barrier().info().arrived == 1);
    let start = Instant::now();
    assert_eq!(world.pass(0, Some(Duration::from_millis(80))), Turn::TimedOut);
    assert!(start.elapsed() >= Duration::from_millis(80));
    other.join();
    assert_eq!(world.barrier().info().broken_by, Some(Breaker { reason: Reason::GaveUp, worker: Some(0) }));
}

#[test]
fn the_first_reason_for_a_break_is_kept() {
    let world = World::new();
    world.barrier().restart(2);
    let first = Breaker { reason: Reason::Threw, worker: Some(1) };
    world.barrier().break_now(first);
    world.barrier().break_now(Breaker { reason: Reason::RunCancelled, worker: None });
    assert_eq!(world.barrier().info().broken_by, Some(first));
}

#[test]
fn a_round_that_was_complete_stays_passed_when_the_next_is_broken() {
    let world = World::new();
    world.barrier().restart(2);
    assert_eq!(world.barrier().arrive(0, None), Turn::Again(0));
    assert_eq!(world.barrier().arrive(1, None), Turn::Passed(1));
    world.barrier().break_now(Breaker { reason: Reason::Returned, worker: Some(1) });
    let by = Breaker { reason: Reason::GaveUp, worker: Some(0) };
    assert_eq!(world.barrier().leave(0, by), Turn::Passed(0));
    assert_eq!(world.barrier().arrive(0, None), Turn::Broken);
}

#[test]
fn leaving_breaks_the_round_that_is_waited_for_and_no_later_one() {
    let world = World::new();
    world.barrier().restart(2);
    let by = Breaker { reason: Reason::GaveUp, worker: Some(0) };
    assert_eq!(world.barrier().arrive(0, None), Turn::Again(0));
    assert_eq!(world.barrier().arrive(1, None), Turn::Passed(1));
    assert_eq!(world.barrier().leave(0, by), Turn::Passed(0));
    assert!(!world.barrier().is_broken());
    assert_eq!(world.barrier().arrive(0, None), Turn::Again(0));
    assert_eq!(world.barrier().leave(0, by), Turn::Broken);
    assert!(world.barrier().is_broken());
}

#[test]
fn a_second_arrival_and_a_wrong_epoch_are_refused_and_not_counted() {
    let world = World::new();
    world.barrier().renew(7, 2, 0..2);
    assert_eq!(world.barrier().arrive(0, Some(6)), Turn::WrongEpoch);
    assert_eq!(world.barrier().arrive(0, Some(7)), Turn::Again(0));
    assert_eq!(world.barrier().arrive(0, Some(7)), Turn::AlreadyArrived);
    assert_eq!(world.barrier().info().arrived, 1);
    world.barrier().break_epoch(6, Breaker { reason: Reason::Threw, worker: Some(1) });
    assert!(!world.barrier().is_broken(), "a straggler of another run breaks nothing");
    assert_eq!(world.barrier().arrive(1, Some(7)), Turn::Passed(1));
}

#[test]
fn a_new_epoch_throws_out_who_waited_in_the_old_one() {
    let world = World::new();
    world.barrier().renew(1, 2, 0..2);
    let straggler = world.fork(0, |world| assert_eq!(world.pass(0, LONG), Turn::Broken));
    wait_for("an arrival", || world.barrier().info().arrived == 1);
    world.barrier().renew(2, 2, 2..4);
    straggler.join();
    let info = world.barrier().info();
    assert_eq!((info.epoch, info.arrived, info.missing), (2, 0, vec![2, 3]));
}

#[test]
fn who_withdraws_in_order_breaks_only_a_round_it_waits_in() {
    let world = World::new();
    world.barrier().restart(2);
    let by = Breaker { reason: Reason::Returned, worker: Some(0) };
    assert_eq!(world.barrier().arrive(0, None), Turn::Again(0));
    assert_eq!(world.barrier().arrive(1, None), Turn::Passed(1));
    world.barrier().withdraw(0, by);
    world.barrier().slot_died(0, Some(0));
    assert!(!world.barrier().is_broken(), "it belonged to it no more");
    assert_eq!(world.barrier().arrive(1, None), Turn::Again(0));
    world.barrier().withdraw(1, by);
    assert!(world.barrier().is_broken());
}

#[test]
fn every_slot_has_an_entry_of_its_own() {
    let world = World::new();
    world.barrier().restart(SLOTS as u32 + 1);
    for slot in 0..SLOTS as u32 {
        assert_eq!(world.barrier().arrive(slot, None), Turn::Again(slot));
    }
    assert_eq!(world.barrier().info().missing, []);
    assert_eq!(world.barrier().arrive(3, None), Turn::AlreadyArrived);
}
