//! Random numbers, each of which depends on nothing but a key and its index.
//!
//! So any split of an array over threads, workers and ranges gives the same array. The generator is Philox4x64-10, and its
//! words are those of NumPy: word i of a [`Generator`] with key k and stream s is element i of
//! `numpy.random.Philox(key=k).jumped(s).random_raw(n)`, and [`uniform`] gives what
//! `numpy.random.Generator(that).random(n)` does, float32 or float64.

use std::ops::Range;

use crate::array::ArrayMut;
use crate::dtype::DType;
use crate::elementwise::Elementwise;
use crate::elementwise::blocks::Job;
use crate::elementwise::loops::Block;
use crate::error::{Result, refuse};

mod integers;
mod normal;
mod permutation;
mod philox;
mod uniform;

pub use integers::integers;
pub use normal::normal;
pub use permutation::permutation;
pub use uniform::uniform;

/// Where random numbers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Generator {
    /// NumPy's `key=`: the number's low word first.
    pub key: [u64; 2],
    /// One of 2^64 sequences that a key has; none has anything to do with another.
    pub stream: u64,
    /// The index in the sequence that the first element of the output has; the others follow in C order. An array that was
    /// filled in parts with the right offsets is the one that is filled at once. (A range of the output needs no offset:
    /// it is the part of the whole.)
    pub offset: u64,
}

/// Where a sequence ends.
const END: u64 = 1 << 63;

/// The words of a key that are computed at a time.
const WORDS: usize = 512;

/// What the blocks of a counter are for: its last word.
#[derive(Clone, Copy)]
#[repr(u64)]
enum Purpose {
    /// The words of the sequence: NumPy's.
    Sequence = 0,
    /// More words for an element of integers.
    Retry = 1,
    /// The shuffle within a part of a permutation.
    Shuffle = 2,
}

impl Generator {
    /// The counter of a purpose; its first two words are what the purpose says.
    fn counter(self, purpose: Purpose, first: u64, second: u64) -> philox::Counter {
        [first, second, self.stream, purpose as u64]
    }

    /// Calls `take` with words of the sequence, in order, that together are all of a range of them; each time it gets the
    /// index in the range of the first one. Their number at a time is a multiple of `step`, a power of two, but the last time.
    #[inline(always)]
    fn words(self, range: Range<u64>, step: usize, mut take: impl FnMut(usize, &[u64])) {
        let mut buffer = [0; WORDS + philox::BLOCK];
        let mut done = 0;
        let len = (range.end - range.start) as usize;
        while done < len {
            let at = range.start + done as u64;
            let before = (at % philox::BLOCK as u64) as usize;
            let count = (WORDS / step * step).min(len - done);
            let words = &mut buffer[..(before + count).next_multiple_of(philox::BLOCK)];
            // The first block has the counter 1.
            philox::fill(words, self.counter(Purpose::Sequence, at / philox::BLOCK as u64 + 1, 0), self.key);
            take(done, &words[before..before + count]);
            done += count;
        }
    }

    /// Fills an array of a type by blocks of elements with the indices that they begin at.
    fn fill(
        self,
        out: ArrayMut<'_>,
        dtype: DType,
        weight: usize,
        options: &Elementwise<'_>,
        body: impl Fn(&Block, u64) + Sync,
    ) -> Result<()> {
        if self.offset.checked_add(out.size() as u64).is_none_or(|end| end > END) {
            return refuse(format!("the sequence ends before {} elements from {}", out.size(), self.offset));
        }
        let body = |block: &Block| body(block, self.offset + block.start as u64);
        Job { out, inputs: &[], reads: &[], writes: [dtype; 2], body: Some(&body), lines: None, ordered: true, weight }
            .run(options)
    }
}

/// What an operation on elements costs that makes a word for each, in additions.
const WORD: usize = 8;

/// The words themselves, into an array of type uint64.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for another type, a range or mask that does not fit, and an offset so high that the sequence ends.
pub fn words(out: ArrayMut<'_>, generator: &Generator, options: &Elementwise<'_>) -> Result<()> {
    if out.dtype() != DType::U64 {
        return refuse(format!("random words are uint64, not {}", out.dtype()));
    }
    generator.fill(out, DType::U64, WORD, options, |block, first| {
        let out = block.out.cast::<u64>();
        generator.words(first..first + block.len as u64, 1, |done, words| {
            // SAFETY: of the `len` elements of the block, these are from `done` on.
            unsafe { out.add(done).copy_from_nonoverlapping(words.as_ptr(), words.len()) };
        });
    })
}

/// The upper 53 bits as a fraction: from 0 to below 1.
#[inline(always)]
fn fraction(word: u64) -> f64 {
    (word >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}
