//! What the participants work on: an array of words that stays as long as the cluster, and random numbers.

use std::sync::atomic::{AtomicU64, Ordering::*};

use tsdsm_core::array::{ArrayMapping, Spec};
use tsdsm_core::control::Control;
use tsdsm_core::dtype::DType;
use tsdsm_core::named::{self, Placement};
use tsdsm_core::segment::Access;

/// The most participants.
pub const ACTORS: usize = 64;
/// The permits of the semaphore.
pub const PERMITS: u32 = 3;
/// The arrays that come and go.
pub const ARRAYS: u64 = 4;

pub const LOCK: &str = "lock";
pub const RW: &str = "rw";
pub const SEMAPHORE: &str = "semaphore";
pub const BARRIER: &str = "barrier";
pub const ONCE: &str = "once";
const STATE: &str = "state";

/// How many objects of the kind "once" are remembered as done.
const ONCES: usize = 16;
const WORDS: usize = 64;

/// The words that all share.
#[repr(C)]
pub struct State {
    /// Not 0: everybody is to leave.
    pub stop: AtomicU64,
    /// What each has done so far: operations.
    pub done: [AtomicU64; ACTORS],
    /// The operation that each is at, for the message about one that hangs.
    pub at: [AtomicU64; ACTORS],
    /// How often somebody was told that a holder had died.
    pub poisoned: AtomicU64,
    /// Under the lock.
    pub locked: Record,
    /// Under the reader-writer lock.
    pub read: Record,
    /// The generations of what was done once.
    pub once: [AtomicU64; ONCES],
}

/// An array's mapping, which holds a [`State`].
pub struct Shared(ArrayMapping);

impl Shared {
    pub fn create(control: &Control) -> Shared {
        let spec = Spec::new(DType::U64, vec![(size_of::<State>() / 8) as u64]).unwrap();
        let placement = Placement { mode: 0o600, file: None, persist: false };
        let shared = Shared(named::create(control, STATE, &spec, &placement).unwrap().array);
        shared.locked.renew(0, || {});
        shared.read.renew(0, || {});
        shared
    }

    pub fn attach(control: &Control) -> Shared {
        Shared(named::get(control, STATE, Access::ReadWrite).unwrap().array)
    }
}

impl std::ops::Deref for Shared {
    type Target = State;

    fn deref(&self) -> &State {
        assert!(self.0.bytes() == size_of::<State>());
        // SAFETY: so many bytes are mapped as long as `self` lives, at a page; all of them are atomics.
        unsafe { &*self.0.data().cast() }
    }
}

impl State {
    /// What was once of this generation has been done.
    pub fn note_done(&self, generation: u64) {
        self.once[generation as usize % ONCES].fetch_max(generation, Relaxed);
    }

    /// Whether that was noted, or so long ago that another has its place.
    pub fn is_noted(&self, generation: u64) -> bool {
        self.once[generation as usize % ONCES].load(Relaxed) >= generation
    }
}

/// Words and their checksum, which fit as long as nobody is amid a change of them.
#[repr(C)]
pub struct Record {
    words: [AtomicU64; WORDS],
    sum: AtomicU64,
}

impl Record {
    /// Other contents, word by word; `amid` is called when half of them are new.
    pub fn renew(&self, seed: u64, amid: impl FnOnce()) {
        let mut random = Random(seed);
        let (some, others) = self.words.split_at(WORDS / 2);
        some.iter().for_each(|word| word.store(random.next(), Relaxed));
        amid();
        others.iter().for_each(|word| word.store(random.next(), Relaxed));
        self.sum.store(self.sum_up(), Relaxed);
    }

    pub fn is_whole(&self) -> bool {
        self.sum.load(Relaxed) == self.sum_up()
    }

    fn sum_up(&self) -> u64 {
        self.words.iter().fold(1, |sum, word| Random(sum ^ word.load(Relaxed)).next())
    }
}

/// Steele, Lea and Flood's splitmix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}
