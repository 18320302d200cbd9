//! The futex and the clock as loom sees them: a table of sleepers under one lock, as in the kernel.
//!
//! No sleep ends by itself: a test that wants time to pass calls [`advance`].

use super::{AtomicU32, AtomicU64, Deadline, FutexWord, Ordering, Woken};
use loom::sync::{Arc, Condvar, Mutex};

/// [`spin_until`](crate::spin) looks once: loom explores the other orders anyway.
pub(crate) const SPINS: bool = false;

struct Sleeper {
    word: usize,
    bitset: u32,
    deadline: u64,
    woken: Option<Woken>,
    called: Arc<Condvar>,
}

struct Table {
    now: u64,
    next: usize,
    sleepers: Vec<(usize, Sleeper)>,
}

loom::lazy_static! {
    static ref TABLE: Mutex<Table> = Mutex::new(Table { now: 0, next: 0, sleepers: Vec::new() });
}

fn address(word: FutexWord<'_>) -> usize {
    match word {
        FutexWord::Whole(word) => std::ptr::from_ref::<AtomicU32>(word).addr(),
        FutexWord::Upper(word) => std::ptr::from_ref::<AtomicU64>(word).addr(),
    }
}

fn load(word: FutexWord<'_>) -> u32 {
    match word {
        FutexWord::Whole(word) => word.load(Ordering::Relaxed),
        FutexWord::Upper(word) => (word.load(Ordering::Relaxed) >> 32) as u32,
    }
}

fn table() -> loom::sync::MutexGuard<'static, Table> {
    TABLE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

pub(super) fn monotonic_now() -> u64 {
    table().now
}

/// Lets the clock run to `now` nanoseconds, and ends the sleeps whose deadline that is.
pub fn advance(now: u64) {
    let mut table = table();
    table.now = now;
    for (_, sleeper) in &mut table.sleepers {
        if sleeper.woken.is_none() && sleeper.deadline <= now {
            sleeper.woken = Some(Woken::TimedOut);
            sleeper.called.notify_one();
        }
    }
}

/// See the real one.
pub fn futex_wait(word: FutexWord<'_>, expected: u32, bitset: u32, deadline: Deadline) -> Woken {
    let mut held = table();
    if load(word) != expected {
        return Woken::Changed;
    }
    if held.now >= deadline.0 {
        return Woken::TimedOut;
    }
    let me = held.next;
    held.next += 1;
    let called = Arc::new(Condvar::new());
    let sleeper = Sleeper { word: address(word), bitset, deadline: deadline.0, woken: None, called: called.clone() };
    held.sleepers.push((me, sleeper));
    loop {
        let place = held.sleepers.iter().position(|(id, _)| *id == me).expect("a sleeper leaves the table itself");
        if let Some(why) = held.sleepers[place].1.woken {
            held.sleepers.swap_remove(place);
            return why;
        }
        held = called.wait(held).unwrap_or_else(|poisoned| poisoned.into_inner());
    }
}

/// See the real one.
pub fn futex_wake(word: FutexWord<'_>, count: u32, bitset: u32) -> u32 {
    let mut table = table();
    let mut woken = 0;
    for (_, sleeper) in &mut table.sleepers {
        if woken < count && sleeper.woken.is_none() && sleeper.word == address(word) && sleeper.bitset & bitset != 0 {
            sleeper.woken = Some(Woken::Called);
            sleeper.called.notify_one();
            woken += 1;
        }
    }
    woken
}

/// Lets another thread run.
pub(crate) fn yield_now() {
    loom::thread::yield_now();
}
