//! The reader-writer lock's promises.

use crate::world::{World, in_time, process_in, thread_in, wait_for};
use std::sync::atomic::Ordering::*;
use std::thread;
use std::time::{Duration, Instant};
use tsdsm_core::object::{Departed, Object};
use tsdsm_core::wait::{Request, Slice};
use tsdsm_core::word::Owner;

const NOW: Request = Request {
    recover: false,
    resumed: false,
    halfway: false,
    only_try: true,
    wait_for_self: false,
    deadline: None,
    tick: Duration::from_millis(50),
};

fn read(world: &World, me: Owner) -> Slice {
    world.rwlock().read(me, false, None, world)
}

fn write(world: &World, me: Owner) -> Slice {
    world.rwlock().write(me, false, None, world)
}

/// Even slots write two halves of the count that belong together, odd ones look whether they do.
fn work(world: &World, slot: u32, me: Owner, rounds: u64) {
    for _ in 0..rounds {
        if slot.is_multiple_of(2) {
            assert_eq!(write(world, me), Slice::Acquired);
            let count = world.count.load(Relaxed) + 1;
            world.count.store(count, Relaxed);
            world.flags[15].store(count as u32, Relaxed);
            assert!(world.rwlock().unlock_write(me));
        } else {
            assert_eq!(read(world, me), Slice::Acquired);
            assert_eq!(world.count.load(Relaxed), u64::from(world.flags[15].load(Relaxed)));
            assert!(world.rwlock().unlock_read(me));
        }
    }
}

#[test]
fn no_reader_sees_a_half_done_write_over_threads_and_processes() {
    let world = World::new();
    thread::scope(|scope| {
        for slot in 0..4 {
            let world = &world;
            scope.spawn(move || work(world, slot, thread_in(slot), 5000));
        }
    });
    let children: Vec<_> =
        (0..4).map(|slot| world.fork(slot, move |world| work(world, slot, process_in(slot), 5000))).collect();
    children.iter().for_each(|child| child.join());
    assert_eq!(world.count.load(Relaxed), 4 * 5000);
}

#[test]
fn readers_read_together_and_a_writer_waits_for_all_of_them() {
    let world = World::new();
    let (a, b, c) = (thread_in(0), thread_in(1), thread_in(2));
    assert_eq!(
        (read(&world, a), read(&world, b), read(&world, b)),
        (Slice::Acquired, Slice::Acquired, Slice::Acquired)
    );
    assert_eq!(world.rwlock().write_slice(c, &NOW, &world), Slice::TimedOut);
    assert_eq!(world.rwlock().info().writer, None, "it keeps nobody out");
    thread::scope(|scope| {
        let writer = scope.spawn(|| write(&world, c));
        wait_for("the writer", || world.rwlock().info().writer == Some(c));
        assert_eq!(world.rwlock().read_slice(thread_in(3), &NOW, &world), Slice::TimedOut, "new readers wait");
        assert_eq!(read(&world, b), Slice::Acquired, "who reads may read once more");
        assert!(world.rwlock().unlock_read(a));
        for _ in 0..3 {
            assert!(!world.rwlock().is_written_by(c));
            assert!(world.rwlock().unlock_read(b));
        }
        assert_eq!(writer.join().unwrap(), Slice::Acquired);
    });
    assert!(!world.rwlock().unlock_read(b));
    assert!(world.rwlock().unlock_write(c));
    assert_eq!(read(&world, a), Slice::Acquired);
}

#[test]
fn the_death_of_a_reader_frees_the_writer_and_poisons_nothing() {
    let world = World::new();
    let reader = world.fork(3, |world| {
        assert_eq!(read(world, process_in(3)), Slice::Acquired);
        world.raise(3, 1);
        loop {
            thread::park();
        }
    });
    world.until(3, 1);
    let writer = world.fork(4, |world| assert_eq!(write(world, process_in(4)), Slice::Acquired));
    wait_for("the writer", || world.rwlock().info().writer == Some(process_in(4)));
    reader.kill();
    writer.join();
    // It ended while it wrote.
    world.rwlock().participant_died(Departed { owner: process_in(4), worker: Some(4) });
    assert_eq!(read(&world, thread_in(0)), Slice::OwnerDied);
}

#[test]
fn the_death_of_a_writer_is_an_answer_to_readers_and_writers() {
    let world = World::new();
    let writer = world.fork(3, |world| {
        assert_eq!(write(world, process_in(3)), Slice::Acquired);
        world.raise(3, 1);
        loop {
            thread::park();
        }
    });
    world.until(3, 1);
    let waiting = [
        world.fork(4, |world| assert_eq!(read(world, process_in(4)), Slice::OwnerDied)),
        world.fork(5, |world| assert_eq!(write(world, process_in(5)), Slice::OwnerDied)),
    ];
    writer.kill();
    waiting.iter().for_each(|child| child.join());
    let me = thread_in(0);
    assert_eq!(read(&world, me), Slice::OwnerDied);
    assert_eq!(world.rwlock().info().last_dead, Some(3));
    assert_eq!(world.rwlock().read(me, true, None, &world), Slice::AcquiredPoisoned);
    assert!(!world.rwlock().clear_poison(me), "a reader cannot put right what a writer left");
    assert!(world.rwlock().unlock_read(me));
    assert_eq!(world.rwlock().write(me, true, None, &world), Slice::AcquiredPoisoned);
    assert!(world.rwlock().clear_poison(me) && world.rwlock().unlock_write(me));
    assert_eq!(read(&world, me), Slice::Acquired);
}

#[test]
fn a_writer_that_dies_while_readers_are_still_at_it_has_changed_nothing() {
    let world = World::new();
    assert_eq!(read(&world, thread_in(0)), Slice::Acquired);
    let writer = world.fork(3, |world| {
        write(world, process_in(3));
    });
    wait_for("the writer", || world.rwlock().info().writer == Some(process_in(3)));
    writer.kill();
    assert_eq!(read(&world, thread_in(1)), Slice::Acquired);
    assert!(world.rwlock().unlock_read(thread_in(0)) && world.rwlock().unlock_read(thread_in(1)));
    assert_eq!(write(&world, thread_in(1)), Slice::Acquired);
    assert!(!world.rwlock().info().is_poisoned);
}

#[test]
fn kills_of_readers_and_writers_leave_the_survivors_working() {
    let world = World::new();
    world.outlive_kills(&world.rwlock(), 7, 50, |slot: u32| {
        move |world: &World| {
            let (lock, me) = (world.rwlock(), process_in(slot));
            loop {
                assert!(matches!(lock.write(me, true, None, world), Slice::Acquired | Slice::AcquiredPoisoned));
                lock.clear_poison(me);
                world.count.fetch_add(1, Relaxed);
                assert!(lock.unlock_write(me));
                assert!(matches!(lock.read(me, true, None, world), Slice::Acquired | Slice::AcquiredPoisoned));
                assert!(lock.unlock_read(me));
            }
        }
    });
}

#[test]
fn a_wait_ends_at_its_deadline_and_leaves_no_trace() {
    let world = World::new();
    let (holder, me) = (thread_in(0), thread_in(1));
    assert_eq!(read(&world, holder), Slice::Acquired);
    for ms in [0, 1, 120] {
        let start = Instant::now();
        assert_eq!(world.rwlock().write(me, false, in_time(ms), &world), Slice::TimedOut);
        assert!(start.elapsed() >= Duration::from_millis(ms));
        assert_eq!(world.rwlock().info().writer, None);
    }
    assert!(world.rwlock().unlock_read(holder));
    assert_eq!(write(&world, holder), Slice::Acquired);
    for ms in [0, 1, 120] {
        assert_eq!(world.rwlock().read(me, false, in_time(ms), &world), Slice::TimedOut);
        assert_eq!(world.rwlock().readings(me), 0);
    }
}

#[test]
fn who_leaves_halfway_lets_the_readers_in_again() {
    let world = World::new();
    let (reader, me) = (thread_in(0), thread_in(1));
    assert_eq!(read(&world, reader), Slice::Acquired);
    let mut request = Request { tick: Duration::from_millis(2), ..Request::default() };
    let first = world.rwlock().write_slice(me, &request, &world);
    assert_eq!(first, Slice::Halfway);
    assert!(request.resume(first));
    assert_eq!(world.rwlock().write_slice(me, &request, &world), Slice::Halfway);
    world.rwlock().abandon_write(me, true);
    assert_eq!(world.rwlock().read_slice(thread_in(2), &NOW, &world), Slice::Acquired);
}

#[test]
fn misuse_is_refused_and_changes_nothing() {
    let world = World::new();
    let (me, other) = (thread_in(0), thread_in(1));
    assert!(!world.rwlock().unlock_read(me) && !world.rwlock().unlock_write(me));
    assert_eq!(read(&world, me), Slice::Acquired);
    assert_eq!(write(&world, me), Slice::Deadlock, "it would wait for itself");
    assert!(!world.rwlock().unlock_read(other) && !world.rwlock().unlock_read(Owner::new(0, 2)));
    assert!(world.rwlock().unlock_read(me));
    assert_eq!(write(&world, me), Slice::Acquired);
    assert_eq!((write(&world, me), read(&world, me)), (Slice::Deadlock, Slice::Deadlock));
    assert!(!world.rwlock().unlock_write(other) && !world.rwlock().clear_poison(other));
    assert!(world.rwlock().unlock_write(me));
    assert_eq!(world.rwlock().info().writer, None);
}

#[test]
fn a_wait_for_the_own_event_loop_is_none_for_oneself() {
    let world = World::new();
    let me = thread_in(0);
    assert_eq!(read(&world, me), Slice::Acquired);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut request = Request { wait_for_self: true, ..Request::default() };
            loop {
                let slice = world.rwlock().write_slice(me, &request, &world);
                if !request.resume(slice) {
                    return slice;
                }
            }
        });
        wait_for("the writer", || world.rwlock().info().writer == Some(me));
        let behind = Request { wait_for_self: true, ..NOW };
        assert_eq!(world.rwlock().read_slice(me, &behind, &world), Slice::TimedOut, "a new section comes after it");
        assert!(world.rwlock().unlock_read(me));
        assert_eq!(writer.join().unwrap(), Slice::Acquired);
    });
    assert!(world.rwlock().unlock_write(me));
}

#[test]
fn damaged_entries_stop_nobody() {
    let world = World::new();
    let me = thread_in(0);
    let reading_as = |owner: Owner| u64::from(owner.bits()) << 32 | 1;
    let (living, of_no_slot) = (reading_as(thread_in(2)), reading_as(Owner::new(1000, 2)));
    for (slot, damaged) in [(3, 5), (4, u64::MAX << 42), (5, 1 << 28), (6, living), (7, of_no_slot)] {
        world.rwlock().readers.entry(slot).store(damaged, Relaxed);
    }
    assert_eq!(write(&world, me), Slice::Acquired);
    assert!(world.rwlock().unlock_write(me));
    assert_eq!(read(&world, thread_in(3)), Slice::Acquired);
    assert!(world.rwlock().unlock_read(thread_in(3)));
    let full = u64::from(me.bits()) << 32 | ((1 << 28) - 1);
    world.rwlock().readers.entry(0).store(full, Relaxed);
    assert_eq!(read(&world, me), Slice::Deadlock);
    let crowded = u64::from(me.bits()) << 32 | 15 << 28;
    world.rwlock().readers.entry(0).store(crowded, Relaxed);
    assert_eq!(world.rwlock().read(me, false, in_time(0), &world), Slice::TimedOut);
}
