//! The counter's promises.

use crate::world::{World, wait_for};

#[test]
fn a_count_over_processes_is_exact() {
    let world = World::new();
    let children: Vec<_> = (0..4)
        .map(|slot| {
            world.fork(slot, |world| {
                for _ in 0..20_000 {
                    world.counter.fetch_add(1);
                }
            })
        })
        .collect();
    children.iter().for_each(|child| child.join());
    assert_eq!(world.counter.load(), 80_000);
}

#[test]
fn a_kill_leaves_a_whole_number_of_steps() {
    const STEP: i64 = 1_000_000_007;
    let world = World::new();
    for _ in 0..20 {
        let doomed = world.fork(3, |world| {
            loop {
                world.counter.fetch_add(STEP);
            }
        });
        let before = world.counter.load();
        wait_for("progress", || world.counter.load() != before);
        doomed.kill();
        assert_eq!(world.counter.load() % STEP, 0);
    }
}

#[test]
fn exchanges_say_what_was_there() {
    let world = World::new();
    world.counter.store(-5);
    assert_eq!(world.counter.swap(i64::MAX), -5);
    assert_eq!(world.counter.compare_exchange(0, 1), Err(i64::MAX));
    assert_eq!(world.counter.compare_exchange(i64::MAX, 1), Ok(i64::MAX));
    assert_eq!(world.counter.fetch_add(-3), 1);
    assert_eq!(world.counter.load(), -2);
}
