//! What stands where in a control segment: the only place that knows, for Rust and for JavaScript.
//!
//! ```text
//! header   4 lines of 128 bytes: what never changes, run words, counters
//! slots    one line each
//! objects  uniform cells: head (1 line), body (2 lines), a table of 8 bytes per slot
//! arrays   cells of 1 KiB: the catalogue
//! mailbox  a cell of 4 KiB per worker, with room for its result
//! paper    64 KiB for what main tells all workers at once
//! ```
//! Sizes follow from the [limits](crate::control::Limits) alone, so that every index can be checked against numbers that this process keeps
//! for itself. Whatever is read from the segment may be damaged; all of it is made of atomics, and any bits are valid.

use std::mem::{align_of, offset_of, size_of};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::{barrier, condition, counter, event, fair, latch, mutex, once, rwlock, semaphore, word};

mod geometry;

pub use geometry::{Geometry, Offsets};

/// The first bytes of every control segment.
pub const MAGIC: u64 = u64::from_le_bytes(*b"tsdsmctl");
/// The first bytes of a name that a janitor holds for a moment; see [`crate::janitor`].
pub const PLACEHOLDER: u64 = u64::from_le_bytes(*b"tsdsmjan");
/// The version of the layout and of the protocols over it.
pub const ABI: u32 = 1;
/// Two cache lines: what adjacent-line prefetch makes two processors fight over.
pub const LINE: usize = 128;
/// The page that cells of the mailbox begin on, and that the segment is a multiple of.
pub const PAGE: usize = 4096;
/// The bytes for a payload that main tells all workers at once; larger ones go through a segment of their own.
pub const PAPER: usize = 64 * 1024;
/// The longest path of an array's file, in bytes.
pub const MAX_PATH: usize = 8 * 102;
/// Each participant's bytes in an object's table.
const PER_SLOT: usize = 8;

/// What a segment begins with.
#[repr(C, align(128))]
pub struct Header {
    /// [`MAGIC`].
    pub magic: AtomicU64,
    /// [`ABI`].
    pub abi: AtomicU32,
    /// [`PAGE`] of the system that made it.
    pub page: AtomicU32,
    /// [`LINE`] of the program that made it.
    pub line: AtomicU32,
    /// The limits: workers, slots, objects, arrays.
    pub limits: [AtomicU32; 4],
    spare: AtomicU32,
    /// [`HASH`].
    pub hash: AtomicU64,
    /// The segment's size in bytes.
    pub bytes: AtomicU64,
    /// The seed that all workers' random numbers come from.
    pub seed: AtomicU64,
    /// Tells two clusters of one name apart.
    pub uuid: [AtomicU64; 2],
    /// A checksum of everything above.
    pub sum: AtomicU64,
    /// What changes with the runs.
    pub live: Live,
}

impl Header {
    /// A checksum of what never changes: limits that are damaged may still fit the segment's size.
    pub(crate) fn sum_up(&self) -> u64 {
        let pair = |low: &AtomicU32, high: &AtomicU32| {
            u64::from(low.load(Ordering::Relaxed)) | u64::from(high.load(Ordering::Relaxed)) << 32
        };
        let whole = |word: &AtomicU64| word.load(Ordering::Relaxed);
        let [workers, slots, objects, arrays] = &self.limits;
        let words = [
            whole(&self.magic),
            pair(&self.abi, &self.page),
            pair(&self.line, workers),
            pair(slots, objects),
            pair(arrays, &self.spare),
            whole(&self.hash),
            whole(&self.bytes),
            whole(&self.seed),
            whole(&self.uuid[0]),
            whole(&self.uuid[1]),
        ];
        fnv(&words)
    }
}

/// Fowler, Noll and Vo's hash (1a), over words in place of bytes.
const fn fnv(words: &[u64]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut i = 0;
    while i < words.len() {
        hash = (hash ^ words[i]).wrapping_mul(0x100_0000_01b3);
        i += 1;
    }
    hash
}

/// The words that change with every run, on lines of their own.
#[repr(C, align(128))]
pub struct Live {
    /// The number of the run in progress or finished last; 0 = none yet.
    pub run: AtomicU32,
    /// The number of the run that is being cancelled; 0 = none.
    pub cancel: AtomicU32,
    /// The generation given last to an object or array. Never goes back.
    pub generation: AtomicU64,
    /// The number given last to an overflow segment.
    pub overflow: AtomicU64,
    /// One more than the highest cell of the catalogue, and of the object table, that was ever in use.
    pub high: [AtomicU32; 2],
}

/// One participant. Which of its generations lives is decided by a lock on a byte of the file, never by these words.
#[repr(C, align(128))]
pub struct Slot {
    /// Generation << 8 | state (see [`crate::slots`]).
    pub state: AtomicU32,
    /// The process, in its own pid namespace.
    pub pid: AtomicU32,
    /// The thread.
    pub tid: AtomicU32,
    /// Main, worker, joiner: [`crate::slots::Kind`].
    pub kind: AtomicU32,
    /// The worker's id plus one; 0 = none.
    pub worker: AtomicU32,
    /// The object that an operation in several steps is under way on, plus one; 0 = none.
    pub intent: AtomicU32,
    /// What this thread sleeps on.
    pub park: AtomicU32,
    spare: AtomicU32,
    /// When the process was started, in the kernel's ticks; with the pid it names a process for good.
    pub start_time: AtomicU64,
    /// The pid namespace that `pid` counts in.
    pub namespace: AtomicU64,
}

/// The head of every object's cell.
#[repr(C, align(128))]
pub struct ObjectHead {
    /// Generation << 8 | [`LIVE`] or [`FREE`].
    pub head: AtomicU64,
    /// [`crate::objects::Kind`].
    pub kind: AtomicU32,
    /// The name's length in bytes.
    pub name_len: AtomicU32,
    /// What the object was created with; a barrier's parties come first.
    pub params: [AtomicU32; 4],
    /// The name.
    pub name: [AtomicU64; 8],
}

/// The words of an object, each kind in a place of its own: whoever is about to look at one that has been deleted never
/// takes the words of another, in its place, for its own.
#[repr(C, align(128))]
pub struct Body {
    /// Of a lock. First, as JavaScript's fast path knows.
    pub lock: mutex::Layout,
    /// Of a reader-writer lock.
    pub rwlock: rwlock::Layout,
    /// Of a semaphore.
    pub semaphore: semaphore::Layout,
    /// Of an event.
    pub event: event::Layout,
    /// Of a latch.
    pub latch: latch::Layout,
    /// Of what is done once.
    pub once: once::Layout,
    /// Of a condition variable.
    pub condition: condition::Layout,
    /// Of a lock, too: whether and how it is fair.
    pub fair: fair::Layout,
    /// Of a counter.
    pub counter: counter::Layout,
    /// Of a barrier, which begins on a cache line.
    pub barrier: barrier::Layout,
}

/// A cell of the array catalogue.
#[repr(C, align(128))]
pub struct ArrayCell {
    /// Generation << 8 | [`LIVE`], [`FREE`] or [`UNFINISHED`].
    pub head: AtomicU64,
    /// The size of the segment or file.
    pub bytes: AtomicU64,
    /// Device and inode of the segment or file.
    pub file: [AtomicU64; 2],
    /// See [`crate::catalogue`].
    pub flags: AtomicU32,
    /// The name's length in bytes.
    pub name_len: AtomicU32,
    /// The path's length in bytes; 0 = a segment in shared memory.
    pub path_len: AtomicU32,
    spare: AtomicU32,
    /// The name.
    pub name: [AtomicU64; 20],
    /// The path of the array's file.
    pub path: [AtomicU64; MAX_PATH / 8],
}

/// A worker's cell of the mailbox.
#[repr(C, align(4096))]
pub struct MailCell {
    /// [`crate::mailbox::Status`].
    pub status: AtomicU32,
    /// The run that the status is about.
    pub run: AtomicU32,
    /// The worker's participant; 0 = none attached.
    pub owner: AtomicU32,
    /// The worker's process.
    pub pid: AtomicU32,
    /// 1 = a death that main has not been told of.
    pub death: AtomicU32,
    /// The run it died in; 0 = between runs.
    pub death_run: AtomicU32,
    /// Kind << 16 | code of the death's cause.
    pub death_cause: AtomicU32,
    /// The process that died.
    pub death_pid: AtomicU32,
    /// What the worker was sent: its length, and the number of its overflow segment (0 = on the paper).
    pub request: [AtomicU64; 2],
    /// What the worker sends back: its length, and the number of its overflow segment (0 = in `result`).
    pub answer: [AtomicU64; 2],
    /// How far the worker says it is: done and total, as the bits of doubles.
    pub progress: [AtomicU64; 2],
    spare: [AtomicU64; 6],
    /// Room for a result.
    pub result: [AtomicU64; (PAGE - 128) / 8],
}

/// The lowest byte of an object's or array's head: there is nothing here.
pub const FREE: u64 = 0;
/// The lowest byte of an object's or array's head: this entry counts.
pub const LIVE: u64 = 1;
/// The lowest byte of an array's head: its segment is about to get its name, or to lose it.
pub const UNFINISHED: u64 = 2;

const _: () = {
    assert!(size_of::<Header>() == 2 * LINE && offset_of!(Header, live) == LINE);
    assert!(size_of::<Slot>() == LINE && align_of::<Slot>() == LINE);
    assert!(size_of::<ObjectHead>() == LINE);
    assert!(size_of::<ArrayCell>() == 1024 && offset_of!(ArrayCell, path) == 208);
    assert!(size_of::<MailCell>() == PAGE && offset_of!(MailCell, result) == 128);
    assert!(size_of::<ArrayCell>().is_multiple_of(align_of::<ArrayCell>()));
};
const _: () = {
    assert!(offset_of!(Body, lock) == 0 && size_of::<Body>().is_multiple_of(LINE));
    assert!(size_of::<AtomicU64>() == 8 && cfg!(target_endian = "little"));
};

/// Where the slots begin.
const SLOTS: usize = 4 * LINE;

/// A number that changes whenever a struct or constant of this file does.
pub const HASH: u64 = fnv(&[
    size_of::<Header>() as u64,
    size_of::<Slot>() as u64,
    size_of::<ObjectHead>() as u64,
    size_of::<ArrayCell>() as u64,
    size_of::<MailCell>() as u64,
    size_of::<mutex::Layout>() as u64,
    size_of::<rwlock::Layout>() as u64,
    size_of::<barrier::Layout>() as u64,
    size_of::<semaphore::Layout>() as u64,
    offset_of!(Body, rwlock) as u64,
    offset_of!(Body, semaphore) as u64,
    size_of::<event::Layout>() as u64,
    offset_of!(Body, event) as u64,
    size_of::<latch::Layout>() as u64,
    offset_of!(Body, latch) as u64,
    size_of::<once::Layout>() as u64,
    offset_of!(Body, once) as u64,
    size_of::<condition::Layout>() as u64,
    offset_of!(Body, condition) as u64,
    size_of::<fair::Layout>() as u64,
    offset_of!(Body, fair) as u64,
    offset_of!(Body, counter) as u64,
    offset_of!(Body, barrier) as u64,
    offset_of!(Header, hash) as u64,
    offset_of!(Header, seed) as u64,
    offset_of!(Live, high) as u64,
    offset_of!(Slot, start_time) as u64,
    offset_of!(ObjectHead, name) as u64,
    offset_of!(ArrayCell, name) as u64,
    offset_of!(MailCell, request) as u64,
    offset_of!(MailCell, progress) as u64,
    size_of::<Body>() as u64,
    PER_SLOT as u64,
    SLOTS as u64,
    PAPER as u64,
    word::OWNER_MASK as u64,
    offset_of!(Header, sum) as u64,
]);

/// Writes `bytes` into words. Who reads at the same time gets a mixture, and has to notice by a word of its own.
pub(crate) fn store_bytes(words: &[AtomicU64], bytes: &[u8]) {
    debug_assert!(bytes.len() <= 8 * words.len());
    for (word, chunk) in words.iter().zip(bytes.chunks(8)) {
        let mut eight = [0; 8];
        eight[..chunk.len()].copy_from_slice(chunk);
        word.store(u64::from_le_bytes(eight), Ordering::Relaxed);
    }
}

/// Reads `len` bytes from words; `None` if so many do not fit there.
pub(crate) fn load_bytes(words: &[AtomicU64], len: u64) -> Option<Vec<u8>> {
    let len = usize::try_from(len).ok().filter(|&len| len <= 8 * words.len())?;
    let mut bytes = Vec::with_capacity(len.next_multiple_of(8));
    for word in &words[..len.div_ceil(8)] {
        bytes.extend_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
    }
    bytes.truncate(len);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_come_back_from_words_as_they_went_in(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let words: [AtomicU64; 8] = Default::default();
            store_bytes(&words, &bytes);
            prop_assert_eq!(load_bytes(&words, bytes.len() as u64), Some(bytes));
            prop_assert_eq!(load_bytes(&words, 65), None);
            prop_assert_eq!(load_bytes(&words, u64::MAX), None);
        }
    }
}
