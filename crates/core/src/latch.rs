//! A latch between processes: it opens when it has been counted down to nothing, and stays open.
//!
//! All workers are parties: when one dies before it has counted down, the latch breaks or, by choice, is counted down for
//! it. Per worker an entry says how far it is; a death amid a count-down breaks the latch, since nobody can say whether it
//! was counted. A model stands in `models/latch.pml`.
//!
//! | bits  | in the state                             | in a worker's entry                              |
//! |-------|------------------------------------------|--------------------------------------------------|
//! | 0-31  | what is left to count                    | 0 = it has not, 1 = it is about to, 2 = it has   |
//! | 32-60 | epoch: changes with a reset              | the epoch that this is about                     |
//! | 61    | open                                     | 0                                                |
//! | 62    | broken                                   | 0                                                |
//! | 63    | somebody may be asleep at the upper half | 0                                                |

use crate::object::{Departed, Object};
use crate::primitive::{AtomicU32, AtomicU64, Deadline, FutexWord, Ordering::*, futex_wake};
use crate::table::Table;
use crate::wait::{self, Gate, Look, Request, Slice, Word};
use crate::word::{Liveness, Owner};

const LEFT: u64 = u32::MAX as u64;
const EPOCH_SHIFT: u32 = 32;
const EPOCHS: u64 = (1 << 29) - 1;
const EPOCH: u64 = EPOCHS << EPOCH_SHIFT;
const OPEN: u64 = 1 << 61;
const BROKEN: u64 = 1 << 62;
const WAITERS: u64 = <AtomicU64 as Word>::WAITERS;

const COUNTING: u64 = 1;
const COUNTED: u64 = 2;

/// A latch in shared memory, without the entries per worker. All bytes zero waits for its first [`Latch::renew`].
#[repr(C)]
#[derive(Debug)]
pub struct Layout {
    state: AtomicU64,
    /// What a reset begins with.
    count: AtomicU32,
    /// 1 = the dead count as having counted.
    counts_the_dead: AtomicU32,
    /// Who broke it: the worker that died, plus one; 0 = somebody asked for it.
    broken_by: AtomicU32,
}

impl Layout {
    /// Like all bytes zero.
    pub fn new() -> Self {
        let word = || AtomicU32::new(0);
        Layout { state: AtomicU64::new(0), count: word(), counts_the_dead: word(), broken_by: word() }
    }
}

impl Default for Layout {
    fn default() -> Self {
        Layout::new()
    }
}

/// How a latch stands. The numbers are the binding's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Stand {
    /// Something is left to count.
    Closed = 0,
    /// All has been counted.
    Open = 1,
    /// A party died before it had counted, or somebody has broken it.
    Broken = 2,
}

/// How a latch stands, and more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Info {
    /// Closed, open, broken.
    pub stand: Stand,
    /// What is left to count.
    pub left: u32,
    /// Which of its lives it is in: what a wait begins with.
    pub epoch: u32,
    /// The worker whose death broke it, if it was that.
    pub broken_by: Option<u32>,
}

/// A latch: its layout and its entries.
#[derive(Clone, Copy, Debug)]
pub struct Latch<'a> {
    /// The shared words.
    pub layout: &'a Layout,
    /// One entry per worker.
    pub came: Table<'a>,
}

impl Latch<'_> {
    /// Begins anew with so much to count. Whoever waits finds that its latch is no more.
    pub fn renew(&self, count: u32, counts_the_dead: bool) {
        self.layout.count.store(count, Relaxed);
        self.layout.counts_the_dead.store(counts_the_dead.into(), Relaxed);
        self.reset();
    }

    /// Begins anew with as much to count as at first. Whoever waits finds that its latch is no more.
    pub fn reset(&self) {
        let count = u64::from(self.layout.count.load(Relaxed));
        self.change(|now| Some((now & EPOCH).wrapping_add(1 << EPOCH_SHIFT) & EPOCH | opened(count)));
    }

    /// Counts down by `by`, or by what is left; `worker` if the caller is one. How it stands then. What the caller did
    /// before happens before what those do whom it lets pass.
    pub fn count_down(&self, worker: Option<u32>, by: u32) -> Stand {
        let entry = worker.filter(|id| self.came.slots().contains(id)).map(|id| self.came.entry(id));
        let before = self.state();
        if stand(before) != Stand::Closed {
            return stand(before);
        }
        let note = |what: u64| {
            if let Some(entry) = entry {
                entry.store(before & EPOCH | what, SeqCst);
            }
        };
        // Before it counts, so that a death from there on is none that nobody can judge.
        note(COUNTING);
        let counted = |now: u64| {
            let same = now & EPOCH == before & EPOCH && stand(now) == Stand::Closed;
            same.then(|| now & EPOCH | opened((now & LEFT).saturating_sub(by.into())) | now & WAITERS)
        };
        let done = self.change(counted);
        note(COUNTED);
        stand(done.unwrap_or_else(|| self.state()))
    }

    /// Breaks it, if it is closed: all who wait and all who come are told. `worker`: whose death it is.
    pub fn break_now(&self, worker: Option<u32>) {
        if stand(self.state()) == Stand::Closed {
            // Before the state, so that whoever sees it broken sees the name.
            self.layout.broken_by.store(worker.map_or(0, |id| id + 1), Relaxed);
        }
        self.change(|now| (stand(now) == Stand::Closed).then_some(now & (EPOCH | LEFT | WAITERS) | BROKEN));
    }

    /// One slice of a wait that began in the epoch `since`. [`Slice::Over`] where it is broken, or was reset.
    pub fn wait_slice(&self, me: Owner, since: u32, request: &Request, others: &impl Liveness) -> Slice {
        wait::wait_slice(&Opening { latch: self, since }, me, request, others)
    }

    /// Waits until it is decided, in as many slices as it takes.
    pub fn wait(&self, me: Owner, deadline: Option<Deadline>, others: &impl Liveness) -> Slice {
        let since = self.info().epoch;
        let request = Request { deadline, ..Request::default() };
        wait::until_decided(request, |request| self.wait_slice(me, since, request, others))
    }

    /// How it stands.
    pub fn info(&self) -> Info {
        let now = self.state();
        let stand = stand(now);
        let broken_by = self.layout.broken_by.load(Relaxed).checked_sub(1).filter(|_| stand == Stand::Broken);
        Info { stand, left: (now & LEFT) as u32, epoch: epoch(now), broken_by }
    }

    fn state(&self) -> u64 {
        self.layout.state.load(Acquire)
    }

    /// Changes the state to what `next` says, if it says anything, and wakes all where the waiters' wait is over. The new
    /// state.
    fn change(&self, next: impl Fn(u64) -> Option<u64>) -> Option<u64> {
        let mut now = self.state();
        loop {
            let new = next(now)?;
            let over = new & EPOCH != now & EPOCH || stand(new) != Stand::Closed;
            let new = if over { new & !WAITERS } else { new };
            match self.layout.state.compare_exchange(now, new, AcqRel, Acquire) {
                Ok(_) => {
                    if over && now & WAITERS != 0 {
                        self.wake_all();
                    }
                    return Some(new);
                }
                Err(found) => now = found,
            }
        }
    }
}

impl Object for Latch<'_> {
    fn participant_died(&self, dead: Departed) {
        let now = self.state();
        if let Some(worker) = dead.worker.filter(|id| self.came.slots().contains(id)) {
            let entry = self.came.entry(worker).load(SeqCst);
            let this_epoch = entry & EPOCH == now & EPOCH;
            if this_epoch && entry & !EPOCH == COUNTED {
                // It has done its part.
            } else if self.layout.counts_the_dead.load(Relaxed) != 0 && !(this_epoch && entry & !EPOCH == COUNTING) {
                self.count_down(dead.worker, 1);
            } else {
                self.break_now(dead.worker);
            }
        }
        self.wake_all();
    }

    fn wake_all(&self) {
        futex_wake(FutexWord::Upper(&self.layout.state), u32::MAX, u32::MAX);
    }

    fn nudge(&self, me: Owner) {
        futex_wake(FutexWord::Upper(&self.layout.state), u32::MAX, me.wake_bit());
    }

    fn deleted(&self) {
        self.break_now(None);
    }
}

/// So much left to count, which is an open latch where it is nothing.
fn opened(left: u64) -> u64 {
    if left == 0 { OPEN } else { left }
}

fn stand(state: u64) -> Stand {
    match (state & BROKEN != 0, state & OPEN != 0) {
        (true, _) => Stand::Broken,
        (_, true) => Stand::Open,
        _ => Stand::Closed,
    }
}

fn epoch(state: u64) -> u32 {
    ((state & EPOCH) >> EPOCH_SHIFT) as u32
}

/// One wait.
struct Opening<'a> {
    latch: &'a Latch<'a>,
    since: u32,
}

impl Gate for Opening<'_> {
    type Word = AtomicU64;

    fn word(&self) -> &AtomicU64 {
        &self.latch.layout.state
    }

    fn look(&self, now: u64, _slept: bool) -> Look {
        match stand(now) {
            _ if epoch(now) != self.since => Look::Decided(Slice::Over),
            Stand::Open => Look::Decided(Slice::Acquired),
            Stand::Broken => Look::Decided(Slice::Over),
            Stand::Closed => Look::Wait,
        }
    }
}
