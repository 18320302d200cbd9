//! Integers without bias.

use super::{Generator, Purpose, WORD, philox};
use crate::array::ArrayMut;
use crate::dtype::{Kind, with_dtype};
use crate::elementwise::Elementwise;
use crate::error::{Result, refuse};

/// Integers in [low, high), all as likely, into an array of any integer type.
///
/// An element i is `low` plus the high word of `(high - low) w`, where w is word i (Lemire: Fast random integer generation in an
/// interval, 2019). Where the low word is below `2^64 mod (high - low)` that would not be fair; then w is the next of the words of the counters
/// `[i, n, stream, 1]`, n = 0, 1, 2, …, for which it is. So an element depends on its index only.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for another type, limits that it does not have or with nothing between them, a range or mask that
/// does not fit, and an offset so high that the sequence ends.
pub fn integers(
    out: ArrayMut<'_>,
    low: i128,
    high: i128,
    generator: &Generator,
    options: &Elementwise<'_>,
) -> Result<()> {
    let dtype = out.dtype();
    let (least, end) = match (dtype.kind(), dtype.size() as u32 * 8) {
        (Kind::Signed, bits) => (-(1i128 << (bits - 1)), 1i128 << (bits - 1)),
        (Kind::Unsigned, bits) => (0, 1i128 << bits),
        _ => return refuse(format!("random integers have an integer type, not {dtype}")),
    };
    if low >= high {
        return refuse(format!("there is no integer from {low} to below {high}"));
    }
    if low < least || high > end {
        return refuse(format!("{dtype} does not have all integers from {low} to below {high}"));
    }
    // 2^64 as 0.
    let count = (high - low) as u64;
    let unfair = if count == 0 { 0 } else { count.wrapping_neg() % count };
    generator.fill(out, dtype, WORD, options, |block, first| {
        with_dtype!(dtype, T in [I8, U8, I16, U16, I32, U32, I64, U64] => {
            let out = block.out.cast::<T>();
            generator.words(first..first + block.len as u64, 1, |done, words| {
                for (i, &word) in words.iter().enumerate() {
                    let chosen = choose(word, count, unfair)
                        .unwrap_or_else(|| retry(generator, first + (done + i) as u64, count, unfair));
                    // SAFETY: of the `len` elements of the block, these are from `done` on.
                    unsafe { out.add(done + i).write((low as T).wrapping_add(chosen as T)) };
                }
            });
        }, _ => ());
    })
}

/// The one of `count` that a word stands for, unless there is one word too many for it.
#[inline(always)]
pub(super) fn choose(word: u64, count: u64, unfair: u64) -> Option<u64> {
    if count == 0 {
        return Some(word);
    }
    let product = u128::from(word) * u128::from(count);
    (product as u64 >= unfair).then_some((product >> 64) as u64)
}

#[cold]
fn retry(generator: &Generator, index: u64, count: u64, unfair: u64) -> u64 {
    let blocks = (0..).map(|n| philox::block(generator.counter(Purpose::Retry, index, n), generator.key));
    let mut chosen = blocks.flatten().filter_map(|word| choose(word, count, unfair));
    // Half of all words or more will do.
    chosen.next().unwrap_or(0)
}
