//! Every order of steps that the memory model allows, on the code that runs: `RUSTFLAGS="--cfg loom" cargo test
//! --release --target-dir target/loom -p tsdsm-core --test loom`.
#![cfg(loom)]

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use loom::thread;
use std::time::Duration;
use tsdsm_core::barrier::{self, Barrier, Breaker, Patience, Reason, Turn};
use tsdsm_core::condition;
use tsdsm_core::event;
use tsdsm_core::fair::{self, FairLock};
use tsdsm_core::latch::{self, Latch};
use tsdsm_core::mutex;
use tsdsm_core::object::{Departed, Object};
use tsdsm_core::once;
use tsdsm_core::primitive::{Deadline, advance};
use tsdsm_core::rwlock::{self, RwLock};
use tsdsm_core::semaphore::{self, Semaphore};
use tsdsm_core::table::{Table, entries};
use tsdsm_core::wait::{Request, Slice};
use tsdsm_core::word::{Liveness, Owner};

/// Everybody lives but those in slot 9, once `dead`.
struct World {
    dead: AtomicBool,
}

const DOOMED: Owner = Owner::new(9, 1);

impl World {
    fn new() -> Self {
        World { dead: AtomicBool::new(false) }
    }
}

impl Liveness for World {
    fn is_alive(&self, owner: Owner) -> bool {
        owner != DOOMED || !self.dead.load(Acquire)
    }
    fn worker_of(&self, owner: Owner) -> Option<u32> {
        Some(owner.slot())
    }
    fn sweep(&self) {}
    fn busy(&self) -> u32 {
        1
    }
}

fn me(slot: u32) -> Owner {
    Owner::new(slot, 1)
}

/// Explores with at most `preemptions` forced switches (voluntary ones, as in a sleep, do not count).
fn explore(preemptions: usize, program: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.check(program);
}

/// A lock, what it protects, and who lives.
struct Guarded {
    lock: mutex::Layout,
    count: UnsafeCell<u32>,
    world: World,
}

// SAFETY: `count` is touched by the holder of `lock` only; that this holds is what loom checks here.
unsafe impl Sync for Guarded {}

impl Guarded {
    fn new() -> Arc<Self> {
        Arc::new(Guarded { lock: mutex::Layout::new(), count: UnsafeCell::new(0), world: World::new() })
    }

    fn lock(&self, owner: Owner, recover: bool) -> Slice {
        self.lock.lock(owner, recover, None, &self.world)
    }

    /// The work that only a holder may do.
    fn work(&self) {
        // SAFETY: the caller holds the lock.
        self.count.with_mut(|count| unsafe { *count += 1 });
    }

    fn done(&self) -> u32 {
        // SAFETY: all other threads were joined.
        self.count.with(|count| unsafe { *count })
    }
}

#[test]
fn two_holders_never_meet_and_no_wake_is_lost() {
    explore(4, || {
        let shared = Guarded::new();
        let other = {
            let shared = shared.clone();
            thread::spawn(move || {
                for _ in 0..2 {
                    assert_eq!(shared.lock(me(1), false), Slice::Acquired);
                    shared.work();
                    assert!(shared.lock.unlock(me(1)));
                }
            })
        };
        assert_eq!(shared.lock(me(0), false), Slice::Acquired);
        shared.work();
        assert!(shared.lock.unlock(me(0)));
        other.join().unwrap();
        assert_eq!(shared.done(), 3);
        assert_eq!(shared.lock.holder(), None);
    });
}

#[test]
fn three_contenders_all_get_the_lock() {
    explore(2, || {
        let shared = Guarded::new();
        let others: Vec<_> = (1..3)
            .map(|slot| {
                let shared = shared.clone();
                thread::spawn(move || {
                    assert_eq!(shared.lock(me(slot), false), Slice::Acquired);
                    shared.work();
                    assert!(shared.lock.unlock(me(slot)));
                })
            })
            .collect();
        assert_eq!(shared.lock(me(0), false), Slice::Acquired);
        shared.work();
        assert!(shared.lock.unlock(me(0)));
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(shared.done(), 3);
    });
}

#[test]
fn a_waiter_that_times_out_or_leaves_takes_nobody_elses_wake_along() {
    explore(2, || {
        let shared = Guarded::new();
        assert_eq!(shared.lock(me(0), false), Slice::Acquired);
        let impatient = {
            let shared = shared.clone();
            thread::spawn(move || {
                let deadline = Some(Deadline::after(Duration::from_nanos(5)));
                match shared.lock.lock(me(1), false, deadline, &shared.world) {
                    Slice::Acquired => assert!(shared.lock.unlock(me(1))),
                    other => assert_eq!(other, Slice::TimedOut),
                }
            })
        };
        let patient = {
            let shared = shared.clone();
            thread::spawn(move || {
                assert_eq!(shared.lock(me(2), false), Slice::Acquired);
                shared.work();
                assert!(shared.lock.unlock(me(2)));
            })
        };
        // It is woken, finds the lock taken again and its time over: the wake was the patient one's.
        assert!(shared.lock.unlock(me(0)));
        let barged = shared.lock.try_fast(me(0));
        advance(5);
        assert!(!barged || shared.lock.unlock(me(0)));
        impatient.join().unwrap();
        patient.join().unwrap();
        assert_eq!(shared.done(), 1);
    });
}

#[test]
fn a_waiter_called_off_between_slices_hands_its_wake_on() {
    explore(2, || {
        let shared = Guarded::new();
        assert_eq!(shared.lock(me(0), false), Slice::Acquired);
        let called_off = {
            let shared = shared.clone();
            thread::spawn(move || match shared.lock.lock_slice(me(1), &Request::default(), &shared.world) {
                Slice::Again => shared.lock.abandon(),
                slice => {
                    assert_eq!(slice, Slice::Acquired);
                    assert!(shared.lock.unlock(me(1)));
                }
            })
        };
        let patient = {
            let shared = shared.clone();
            thread::spawn(move || {
                assert_eq!(shared.lock(me(2), false), Slice::Acquired);
                assert!(shared.lock.unlock(me(2)));
            })
        };
        assert!(shared.lock.unlock(me(0)));
        // Takes it again in front of the one that was woken for it.
        if shared.lock.try_fast(me(0)) {
            assert!(shared.lock.unlock(me(0)));
        }
        called_off.join().unwrap();
        patient.join().unwrap();
    });
}

#[test]
fn the_death_of_the_holder_reaches_every_waiter_through_the_sweeper() {
    explore(2, || {
        let shared = Guarded::new();
        assert_eq!(shared.lock(DOOMED, false), Slice::Acquired);
        shared.work();
        let refused = {
            let shared = shared.clone();
            thread::spawn(move || {
                let slice = shared.lock(me(1), false);
                if slice == Slice::Acquired {
                    // The other one was faster: it recovered, cleared and released.
                    assert!(!shared.lock.is_poisoned());
                    assert!(shared.lock.unlock(me(1)));
                } else {
                    assert_eq!(slice, Slice::OwnerDied);
                }
            })
        };
        let recovers = {
            let shared = shared.clone();
            thread::spawn(move || {
                assert_eq!(shared.lock(me(2), true), Slice::AcquiredPoisoned);
                assert_eq!(shared.lock.last_dead(), Some(DOOMED.slot()));
                shared.work();
                assert!(shared.lock.clear_poison(me(2)));
                assert!(shared.lock.unlock(me(2)));
            })
        };
        shared.world.dead.store(true, Release);
        shared.lock.force_release(DOOMED, Some(DOOMED.slot()));
        refused.join().unwrap();
        recovers.join().unwrap();
        assert_eq!(shared.done(), 2);
    });
}

#[test]
fn a_lock_released_without_clearing_turns_every_waiter_away() {
    explore(2, || {
        let shared = Guarded::new();
        assert_eq!(shared.lock(DOOMED, false), Slice::Acquired);
        shared.lock.force_release(DOOMED, None);
        assert_eq!(shared.lock(me(0), true), Slice::AcquiredPoisoned);
        let others: Vec<_> = (1..3)
            .map(|slot| {
                let shared = shared.clone();
                thread::spawn(move || assert_eq!(shared.lock(me(slot), false), Slice::OwnerDied))
            })
            .collect();
        assert!(shared.lock.unlock(me(0)));
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

/// A barrier with its entries, what the parties leave for each other, and who lives.
struct Round {
    layout: barrier::Layout,
    came: Vec<AtomicU64>,
    left: [UnsafeCell<u32>; 3],
    world: World,
}

// SAFETY: each cell of `left` is written by one party before it arrives and read after the barrier only; that this is
// enough is what loom checks here.
unsafe impl Sync for Round {}

const PATIENCE: Patience = Patience { deadline: None, tick: Duration::from_secs(1), worker: None };

impl Round {
    fn new(parties: u32) -> Arc<Self> {
        let came = (0..entries(3)).map(|_| AtomicU64::new(0)).collect();
        let round = Round { layout: barrier::Layout::new(), came, left: Default::default(), world: World::new() };
        round.barrier().renew(1, parties, 0..parties);
        Arc::new(round)
    }

    fn barrier(&self) -> Barrier<'_> {
        Barrier { layout: &self.layout, came: Table(&self.came) }
    }

    fn pass(&self, slot: u32, patience: Patience) -> Turn {
        let mut turn = self.barrier().arrive(slot, Some(1));
        while let Turn::Again(_) = turn {
            turn = self.barrier().wait_slice(slot, &patience, &self.world);
        }
        turn
    }

    fn write(&self, slot: u32, value: u32) {
        // SAFETY: this party's own cell, between barriers.
        self.left[slot as usize].with_mut(|cell| unsafe { *cell = value });
    }

    fn read(&self, slot: u32) -> u32 {
        // SAFETY: after the barrier that its writer arrived at.
        self.left[slot as usize].with(|cell| unsafe { *cell })
    }
}

#[test]
fn what_was_written_before_a_barrier_is_seen_after_it_round_after_round() {
    explore(3, || {
        let round = Round::new(2);
        let other = {
            let round = round.clone();
            thread::spawn(move || run(&round, 1, 0))
        };
        run(&round, 0, 1);
        other.join().unwrap();
    });

    fn run(round: &Round, me: u32, neighbour: u32) {
        for value in 1..3 {
            round.write(me, value);
            assert!(matches!(round.pass(me, PATIENCE), Turn::Passed(0 | 1)));
            assert_eq!(round.read(neighbour), value);
            assert!(matches!(round.pass(me, PATIENCE), Turn::Passed(0 | 1)));
        }
    }
}

#[test]
fn three_parties_pass_with_three_indices() {
    explore(2, || {
        let round = Round::new(3);
        let others: Vec<_> = (1..3)
            .map(|slot| {
                let round = round.clone();
                thread::spawn(move || index(round.pass(slot, PATIENCE)))
            })
            .collect();
        let mut indices = vec![index(round.pass(0, PATIENCE))];
        indices.extend(others.into_iter().map(|other| other.join().unwrap()));
        indices.sort_unstable();
        assert_eq!(indices, [0, 1, 2]);
    });
}

#[test]
fn a_sleeper_of_the_next_round_hides_no_sleeper_of_this_one() {
    explore(2, || {
        let round = Round::new(3);
        let others: Vec<_> = (1..3)
            .map(|slot| {
                let round = round.clone();
                thread::spawn(move || (index(round.pass(slot, PATIENCE)), index(round.pass(slot, PATIENCE))))
            })
            .collect();
        index(round.pass(0, PATIENCE));
        index(round.pass(0, PATIENCE));
        for other in others {
            other.join().unwrap();
        }
    });
}

#[test]
fn a_break_against_the_last_arrival_gives_all_the_same_answer() {
    explore(3, || {
        let round = Round::new(2);
        let other = {
            let round = round.clone();
            thread::spawn(move || round.pass(1, PATIENCE))
        };
        let breaker = {
            let round = round.clone();
            thread::spawn(move || {
                round.barrier().break_now(Breaker { reason: Reason::Threw, worker: Some(7) });
            })
        };
        let mine = round.pass(0, PATIENCE);
        let others = other.join().unwrap();
        breaker.join().unwrap();
        assert_eq!(mine == Turn::Broken, others == Turn::Broken, "{mine:?} against {others:?}");
        let info = round.barrier().info();
        assert_eq!(info.broken_by, Some(Breaker { reason: Reason::Threw, worker: Some(7) }));
    });
}

#[test]
fn a_time_out_against_the_last_arrival_gives_all_the_same_answer() {
    explore(3, || {
        let round = Round::new(2);
        let other = {
            let round = round.clone();
            thread::spawn(move || {
                let deadline = Some(Deadline::after(Duration::from_nanos(5)));
                round.pass(1, Patience { deadline, ..PATIENCE })
            })
        };
        advance(5);
        let mine = round.pass(0, PATIENCE);
        let others = other.join().unwrap();
        match others {
            Turn::TimedOut => assert_eq!(mine, Turn::Broken),
            _ => assert!(index(mine) != index(others)),
        }
    });
}

#[test]
fn a_reset_frees_who_waits_and_never_looks_like_a_pass() {
    explore(3, || {
        let round = Round::new(2);
        let other = {
            let round = round.clone();
            thread::spawn(move || round.pass(1, PATIENCE))
        };
        round.barrier().reset();
        // Epoch 2 is on: a late arrival of epoch 1 is refused, an early one was thrown out.
        assert!(matches!(other.join().unwrap(), Turn::Broken | Turn::WrongEpoch));
        assert_eq!(round.barrier().info().arrived, 0);
    });
}

#[test]
fn the_death_of_a_party_frees_the_others() {
    explore(3, || {
        let round = Round::new(2);
        let other = {
            let round = round.clone();
            thread::spawn(move || round.pass(0, PATIENCE))
        };
        round.barrier().slot_died(1, Some(1));
        assert_eq!(other.join().unwrap(), Turn::Broken);
        assert_eq!(round.barrier().info().broken_by, Some(Breaker { reason: Reason::Died, worker: Some(1) }));
    });
}

fn index(turn: Turn) -> u32 {
    match turn {
        Turn::Passed(index) => index,
        other => panic!("{other:?} instead of a pass"),
    }
}

/// A reader-writer lock, what it protects, and who lives.
struct Shared {
    layout: rwlock::Layout,
    readers: Vec<AtomicU64>,
    value: UnsafeCell<u32>,
    world: World,
}

// SAFETY: `value` is written by the writer and read by readers only; that the lock keeps them apart is checked here.
unsafe impl Sync for Shared {}

impl Shared {
    fn new() -> Arc<Self> {
        let readers = (0..entries(2)).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Shared { layout: rwlock::Layout::new(), readers, value: UnsafeCell::new(0), world: World::new() })
    }

    fn lock(&self) -> RwLock<'_> {
        RwLock { layout: &self.layout, readers: Table(&self.readers) }
    }

    fn write(&self, owner: Owner) {
        assert_eq!(self.lock().write(owner, false, None, &self.world), Slice::Acquired);
        // SAFETY: the caller is the writer.
        self.value.with_mut(|value| unsafe { *value += 1 });
        assert!(self.lock().unlock_write(owner));
    }

    fn read(&self, owner: Owner) -> u32 {
        assert_eq!(self.lock().read(owner, false, None, &self.world), Slice::Acquired);
        // SAFETY: the caller reads.
        let value = self.value.with(|value| unsafe { *value });
        assert!(self.lock().unlock_read(owner));
        value
    }
}

#[test]
fn a_reader_and_a_writer_never_meet_and_neither_sleeps_for_ever() {
    explore(3, || {
        let shared = Shared::new();
        let writer = {
            let shared = shared.clone();
            thread::spawn(move || shared.write(me(1)))
        };
        assert!(shared.read(me(0)) <= 1);
        writer.join().unwrap();
        assert_eq!(shared.read(me(0)), 1);
    });
}

#[test]
fn two_writers_and_a_reader_all_get_their_turn() {
    explore(2, || {
        let shared = Shared::new();
        let others: Vec<_> = (1..3)
            .map(|slot| {
                let shared = shared.clone();
                thread::spawn(move || shared.write(me(slot)))
            })
            .collect();
        assert!(shared.read(me(0)) <= 2);
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

#[test]
fn the_death_of_a_reader_lets_a_sleeping_writer_in() {
    explore(3, || {
        let shared = Shared::new();
        assert_eq!(shared.lock().read(me(3), false, None, &shared.world), Slice::Acquired);
        let writer = {
            let shared = shared.clone();
            thread::spawn(move || shared.write(me(1)))
        };
        shared.lock().participant_died(Departed { owner: me(3), worker: None });
        writer.join().unwrap();
    });
}

/// A semaphore with its entries, and who lives.
struct Pool {
    layout: semaphore::Layout,
    held: Vec<AtomicU64>,
    world: World,
}

impl Pool {
    fn new(permits: u32) -> Arc<Self> {
        let held = (0..entries(3)).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Pool { layout: semaphore::Layout::new(permits, true), held, world: World::new() })
    }

    fn semaphore(&self) -> Semaphore<'_> {
        Semaphore { layout: &self.layout, held: Table(&self.held) }
    }

    fn work(&self, owner: Owner, permits: u32) {
        assert_eq!(self.semaphore().acquire(owner, permits, None, &self.world), Slice::Acquired);
        assert_eq!(self.semaphore().holds(owner), permits);
        assert!(self.semaphore().release(owner, permits));
    }
}

#[test]
fn permits_are_neither_lost_nor_doubled_and_no_sleeper_is_forgotten() {
    explore(3, || {
        let pool = Pool::new(2);
        let other = {
            let pool = pool.clone();
            thread::spawn(move || pool.work(me(1), 2))
        };
        pool.work(me(0), 1);
        other.join().unwrap();
        assert_eq!(pool.semaphore().info().free, 2);
        assert_eq!((pool.semaphore().holds(me(0)), pool.semaphore().holds(me(1))), (0, 0));
    });
}

#[test]
fn the_permits_of_the_dead_reach_a_sleeper() {
    explore(3, || {
        let pool = Pool::new(1);
        assert_eq!(pool.semaphore().acquire(me(2), 1, None, &pool.world), Slice::Acquired);
        let other = {
            let pool = pool.clone();
            thread::spawn(move || pool.work(me(1), 1))
        };
        pool.semaphore().participant_died(Departed { owner: me(2), worker: None });
        other.join().unwrap();
        assert_eq!(pool.semaphore().info().free, 1);
    });
}

/// An event or a latch, what happened before it, and who lives.
struct Signal {
    event: event::Layout,
    latch: latch::Layout,
    came: Vec<AtomicU64>,
    before: UnsafeCell<u32>,
    world: World,
}

// SAFETY: `before` is written before the signal and read after it only; that this is enough is what loom checks here.
unsafe impl Sync for Signal {}

impl Signal {
    fn new(automatic: bool, count: u32) -> Arc<Self> {
        let came = (0..entries(3)).map(|_| AtomicU64::new(0)).collect();
        let (event, latch) = (event::Layout::new(automatic, false), latch::Layout::new());
        let signal = Signal { event, latch, came, before: UnsafeCell::new(0), world: World::new() };
        signal.latch().renew(count, false);
        Arc::new(signal)
    }

    fn latch(&self) -> Latch<'_> {
        Latch { layout: &self.latch, came: Table(&self.came) }
    }

    fn write(&self) {
        // SAFETY: before the signal.
        self.before.with_mut(|before| unsafe { *before = 7 });
    }

    fn read(&self) -> u32 {
        // SAFETY: after the signal.
        self.before.with(|before| unsafe { *before })
    }
}

#[test]
fn all_who_wait_for_an_event_pass_and_see_what_came_before_it() {
    explore(2, || {
        let signal = Signal::new(false, 1);
        let others: Vec<_> = (1..3)
            .map(|slot| {
                let signal = signal.clone();
                thread::spawn(move || {
                    assert_eq!(signal.event.wait(me(slot), None, &signal.world), Slice::Acquired);
                    assert_eq!(signal.read(), 7);
                })
            })
            .collect();
        signal.write();
        signal.event.set();
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

#[test]
fn two_settings_of_an_event_that_resets_itself_let_two_pass_and_the_dying_take_none_along() {
    explore(2, || {
        let signal = Signal::new(true, 1);
        let others: Vec<_> = (1..3)
            .map(|slot| {
                let signal = signal.clone();
                thread::spawn(move || {
                    assert_eq!(signal.event.wait(me(slot), None, &signal.world), Slice::Acquired);
                    // As if it had no use for it, or was told to give it back.
                    signal.event.give_back();
                })
            })
            .collect();
        signal.event.set();
        others.into_iter().for_each(|other| other.join().unwrap());
        assert!(signal.event.is_set());
    });
}

#[test]
fn a_latch_opens_for_all_or_breaks_for_all() {
    explore(2, || {
        let signal = Signal::new(false, 2);
        let others: Vec<_> = (1..3)
            .map(|slot| {
                let signal = signal.clone();
                thread::spawn(move || {
                    if slot == 1 {
                        signal.write();
                        signal.latch().count_down(Some(1), 1);
                        return Slice::Acquired;
                    }
                    let slice = signal.latch().wait(me(slot), None, &signal.world);
                    if slice == Slice::Acquired {
                        assert_eq!(signal.read(), 7);
                    }
                    slice
                })
            })
            .collect();
        signal.latch().count_down(Some(0), 1);
        signal.latch().participant_died(Departed { owner: me(0), worker: Some(0) });
        for other in others {
            assert_eq!(other.join().unwrap(), Slice::Acquired);
        }
    });
}

#[test]
fn the_death_of_a_party_ends_the_wait_at_a_latch() {
    explore(3, || {
        let signal = Signal::new(false, 1);
        let other = {
            let signal = signal.clone();
            thread::spawn(move || signal.latch().wait(me(1), None, &signal.world))
        };
        signal.latch().participant_died(Departed { owner: me(2), worker: Some(2) });
        assert_eq!(other.join().unwrap(), Slice::Over);
    });
}

/// Something to be done once, what it leaves, and who lives.
struct Job {
    once: once::Layout,
    left: UnsafeCell<u32>,
    world: World,
}

// SAFETY: `left` is written by the one who does it and read when it is done; that this is enough is checked here.
unsafe impl Sync for Job {}

impl Job {
    fn run(&self, owner: Owner) {
        match self.once.begin(owner, None, &self.world) {
            Slice::Acquired | Slice::AcquiredPoisoned => {
                // SAFETY: the caller is the one to do it.
                self.left.with_mut(|left| unsafe { *left += 1 });
                assert!(self.once.finish(owner));
            }
            other => assert_eq!(other, Slice::Over),
        }
        // SAFETY: it is done.
        assert_eq!(self.left.with(|left| unsafe { *left }), 1);
    }
}

#[test]
fn what_is_done_once_is_done_by_one_and_seen_by_all_also_after_a_death() {
    explore(2, || {
        let job = Job { once: once::Layout::new(), left: UnsafeCell::new(0), world: World::new() };
        let job = Arc::new(job);
        assert_eq!(job.once.begin(me(3), None, &job.world), Slice::Acquired);
        let others: Vec<_> = (1..3)
            .map(|slot| {
                let job = job.clone();
                thread::spawn(move || job.run(me(slot)))
            })
            .collect();
        job.once.participant_died(Departed { owner: me(3), worker: None });
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

/// Items under a lock, a condition that there are some, and who lives.
struct Store {
    lock: mutex::Layout,
    condition: condition::Layout,
    items: UnsafeCell<u32>,
    world: World,
}

// SAFETY: `items` is touched by the holder of `lock` only; that this holds, through waits, is what loom checks here.
unsafe impl Sync for Store {}

impl Store {
    fn new() -> Arc<Self> {
        let (lock, condition) = (mutex::Layout::new(), condition::Layout::new(0));
        Arc::new(Store { lock, condition, items: UnsafeCell::new(0), world: World::new() })
    }

    fn lock(&self, owner: Owner) {
        assert_eq!(self.lock.lock(owner, false, None, &self.world), Slice::Acquired);
    }

    fn put(&self, owner: Owner) {
        self.lock(owner);
        // SAFETY: the caller holds the lock.
        self.items.with_mut(|items| unsafe { *items += 1 });
        assert!(self.lock.unlock(owner));
        self.condition.notify(1);
    }

    /// Whether there was one in time.
    fn take(&self, owner: Owner, deadline: Option<Deadline>) -> bool {
        self.lock(owner);
        let mut in_time = true;
        loop {
            // SAFETY: the caller holds the lock.
            let took = self.items.with_mut(|items| unsafe {
                let there = *items > 0;
                *items -= u32::from(there);
                there
            });
            if took || !in_time {
                assert!(self.lock.unlock(owner));
                return took;
            }
            let outcome = self.condition.wait(&self.lock, owner, false, deadline, &self.world).unwrap();
            assert_eq!(outcome.lock, Slice::Acquired);
            in_time = outcome.woken;
        }
    }
}

#[test]
fn no_notification_is_lost_between_the_release_of_the_lock_and_the_sleep() {
    explore(3, || {
        let store = Store::new();
        let other = {
            let store = store.clone();
            thread::spawn(move || assert!(store.take(me(1), None)))
        };
        store.put(me(0));
        other.join().unwrap();
        assert_eq!(store.condition.waiting(), 0);
    });
}

#[test]
fn as_many_waits_end_as_there_are_notifications() {
    explore(2, || {
        let store = Store::new();
        let others: Vec<_> = (1..3)
            .map(|slot| {
                let store = store.clone();
                thread::spawn(move || assert!(store.take(me(slot), None)))
            })
            .collect();
        store.put(me(0));
        store.put(me(0));
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

#[test]
fn a_wait_that_times_out_takes_nobody_elses_notification_along() {
    explore(2, || {
        let store = Store::new();
        let deadline = Deadline::after(Duration::from_nanos(5));
        let impatient = {
            let store = store.clone();
            thread::spawn(move || {
                if store.take(me(1), Some(deadline)) {
                    store.put(me(1));
                }
            })
        };
        let patient = {
            let store = store.clone();
            thread::spawn(move || assert!(store.take(me(2), None)))
        };
        store.put(me(0));
        advance(5);
        impatient.join().unwrap();
        patient.join().unwrap();
    });
}

#[test]
fn the_death_of_one_that_was_notified_passes_the_notification_on() {
    explore(3, || {
        let store = Store::new();
        // It waits longest, and is gone when it is notified.
        store.condition.begin();
        let other = {
            let store = store.clone();
            thread::spawn(move || assert!(store.take(me(1), None)))
        };
        store.put(me(0));
        store.condition.participant_died(Departed { owner: me(2), worker: None });
        other.join().unwrap();
    });
}

/// A fair lock with its entries, what it protects, and who lives.
struct Line {
    lock: mutex::Layout,
    layout: fair::Layout,
    tickets: Vec<AtomicU64>,
    count: UnsafeCell<u32>,
    world: World,
}

// SAFETY: `count` is touched by the holder of the lock only; that this holds is what loom checks here.
unsafe impl Sync for Line {}

impl Line {
    fn new() -> Arc<Self> {
        let tickets = (0..entries(3)).map(|_| AtomicU64::new(0)).collect();
        let (lock, layout) = (mutex::Layout::new(), fair::Layout::new(true));
        Arc::new(Line { lock, layout, tickets, count: UnsafeCell::new(0), world: World::new() })
    }

    fn lock(&self) -> FairLock<'_> {
        FairLock { lock: &self.lock, layout: &self.layout, tickets: Table(&self.tickets) }
    }

    /// Whether it had the lock in time.
    fn work(&self, owner: Owner, deadline: Option<Deadline>) -> bool {
        match self.lock().lock(owner, false, deadline, &self.world) {
            Slice::Acquired => {
                // SAFETY: the caller holds the lock.
                self.count.with_mut(|count| unsafe { *count += 1 });
                assert!(self.lock().unlock(owner));
                true
            }
            other => {
                assert_eq!(other, Slice::TimedOut);
                false
            }
        }
    }
}

#[test]
fn two_who_take_turns_never_meet_and_no_wake_is_lost() {
    explore(3, || {
        let line = Line::new();
        let other = {
            let line = line.clone();
            thread::spawn(move || assert!(line.work(me(1), None) && line.work(me(1), None)))
        };
        assert!(line.work(me(0), None));
        other.join().unwrap();
        assert_eq!((line.lock.holder(), line.lock().waiting()), (None, 0));
    });
}

#[test]
fn all_who_have_a_ticket_get_their_turn_also_where_one_gives_up() {
    explore(2, || {
        let line = Line::new();
        let deadline = Deadline::after(Duration::from_nanos(5));
        assert!(line.lock.try_fast(me(0)));
        let impatient = {
            let line = line.clone();
            thread::spawn(move || line.work(me(1), Some(deadline)))
        };
        let patient = {
            let line = line.clone();
            thread::spawn(move || assert!(line.work(me(2), None)))
        };
        assert!(line.lock().unlock(me(0)));
        advance(5);
        impatient.join().unwrap();
        patient.join().unwrap();
        assert_eq!(line.lock().waiting(), 0);
    });
}

#[test]
fn the_death_of_one_whose_turn_it_is_passes_the_turn_on() {
    explore(2, || {
        let line = Line::new();
        assert!(line.lock.try_fast(me(0)));
        // Its slice is over at once, and it never comes back.
        let request = Request { tick: Duration::ZERO, ..Request::default() };
        assert_eq!(line.lock().lock_slice(me(2), &request, &line.world), Slice::Again);
        let patient = {
            let line = line.clone();
            thread::spawn(move || assert!(line.work(me(1), None)))
        };
        assert!(line.lock().unlock(me(0)));
        line.lock().participant_died(Departed { owner: me(2), worker: None });
        patient.join().unwrap();
    });
}
