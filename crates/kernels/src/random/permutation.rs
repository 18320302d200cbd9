//! Permutations.

use std::ops::Range;

use super::integers::choose;
use super::{Generator, Purpose, philox};
use crate::array::ArrayMut;
use crate::dtype::{DType, Element};
use crate::error::{Result, refuse};
use crate::overlap::overlaps_itself;
use crate::scratch::Scratch;
use crate::threads::Threads;

/// Numbers that are shuffled in one part: they fit the second cache.
const PART: usize = 1 << 15;
/// The most parts: the last places of all of them fit the caches, too.
const MOST_PARTS: usize = 1 << 10;
/// The fewest numbers that are dealt in one go, and about how many goes there are at most.
const DEAL: usize = 1 << 17;
const MOST_DEALS: usize = 64;

/// A permutation of 0, 1, 2, …, n - 1, all as likely, into a one-dimensional array of n elements of type int32, uint32, int64
/// or uint64. The generator's offset has to be 0.
///
/// The numbers are dealt to 2^b parts (Rao 1961, Sandelius 1962): number i goes to the end of the part that the upper b bits of
/// quarter `i % 4` of word `i / 4` say, its lowest 16 bits being the first quarter. Then each part is shuffled (Fisher and Yates): for t from its length - 1
/// down to 1, element t changes places with the one that the next word chooses from 0 to t as for
/// [`integers`](super::integers); a word that would not be fair is passed over. The words of part p are those of the counters `[0, p, stream, 2]`, `[1, p, stream, 2]`, …. b is the
/// least, up to 10, for which n <= 2^(15 + b).
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for another type or shape, for more numbers than the type has, and for an offset; [`crate::Error::OutOfMemory`].
pub fn permutation(out: ArrayMut<'_>, generator: &Generator, threads: Threads) -> Result<()> {
    let dtype = out.dtype();
    let most = match dtype {
        DType::I32 => 1 << 31,
        DType::U32 => 1 << 32,
        DType::I64 | DType::U64 => u64::MAX,
        _ => return refuse(format!("a permutation has type int32, uint32, int64 or uint64, not {dtype}")),
    };
    if out.rank() != 1 {
        return refuse(format!("a permutation has one axis, not the shape {:?}", out.shape()));
    }
    if out.size() as u64 > most {
        return refuse(format!("{dtype} does not have all of {} numbers", out.size()));
    }
    if generator.offset != 0 {
        return refuse("a permutation has no parts that begin at an offset");
    }
    if overlaps_itself(&out) {
        return refuse("two elements of the output lie at one place");
    }
    let (len, step) = (out.size(), out.strides()[0]);
    match dtype.size() {
        4 => permute(&Places { data: out.data().cast_mut().cast::<u32>(), step }, len, generator, threads),
        _ => permute(&Places { data: out.data().cast_mut().cast::<u64>(), step }, len, generator, threads),
    }
}

/// The elements of the output, by their size.
struct Places<T> {
    data: *mut T,
    step: isize,
}

// SAFETY: threads write to different elements of it.
unsafe impl<T> Sync for Places<T> {}

impl<T: Number> Places<T> {
    /// # Safety
    /// There is an element `i`.
    unsafe fn put(&self, i: usize, number: T) {
        // SAFETY: the caller's promise.
        unsafe { self.data.offset(i as isize * self.step).write(number) }
    }

    /// # Safety
    /// There are elements `i` and `j`.
    unsafe fn swap(&self, i: usize, j: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            let (a, b) = (self.data.offset(i as isize * self.step), self.data.offset(j as isize * self.step));
            let (x, y) = (a.read(), b.read());
            a.write(y);
            b.write(x);
        }
    }
}

/// Numbers of a size.
trait Number: Element {
    fn of(i: usize) -> Self;
}

impl Number for u32 {
    fn of(i: usize) -> u32 {
        i as u32
    }
}

impl Number for u64 {
    fn of(i: usize) -> u64 {
        i as u64
    }
}

fn permute<T: Number>(out: &Places<T>, len: usize, generator: &Generator, threads: Threads) -> Result<()> {
    let parts = len.div_ceil(PART).next_power_of_two().min(MOST_PARTS);
    let deals = len.div_ceil(DEAL).clamp(1, MOST_DEALS);
    // Whole words of the sequence for each.
    let deal = len.div_ceil(deals).next_multiple_of(4);
    let numbers_of = |d: usize| (d * deal).min(len)..((d + 1) * deal).min(len);

    // How many numbers of a deal go to a part; then, the place of the next one.
    let mut places = Scratch::<usize>::new(deals * parts)?;
    let places = places.fill(0);
    threads.for_work(len).for_each(places.chunks_mut(parts).enumerate().collect(), |(d, counts)| {
        each_dealt(generator, parts, numbers_of(d), |_, part| counts[part] += 1);
    });
    let mut bounds = Scratch::<usize>::new(parts + 1)?;
    let bounds = bounds.fill(0);
    let mut next = 0;
    for part in 0..parts {
        for d in 0..deals {
            next += std::mem::replace(&mut places[d * parts + part], next);
        }
        bounds[part + 1] = next;
    }

    threads.for_work(len).for_each(places.chunks_mut(parts).enumerate().collect(), |(d, places)| {
        each_dealt(generator, parts, numbers_of(d), |i, part| {
            // SAFETY: all counts together are `len`, and none is used up twice.
            unsafe { out.put(places[part], T::of(i)) };
            places[part] += 1;
        });
    });
    threads.for_work(len).for_each((0..parts).collect(), |part| {
        // SAFETY: the bounds of parts are within `len`.
        unsafe { shuffle(out, bounds[part]..bounds[part + 1], part, generator) };
    });
    Ok(())
}

/// Calls `take` with each number of a range, which begins with a multiple of 4, and its part.
fn each_dealt(generator: &Generator, parts: usize, numbers: Range<usize>, mut take: impl FnMut(usize, usize)) {
    let shift = 16 - parts.trailing_zeros();
    let words = numbers.start as u64 / 4..numbers.end.div_ceil(4) as u64;
    generator.words(words, 1, |done, words| {
        for (i, &word) in words.iter().enumerate() {
            let first = numbers.start + 4 * (done + i);
            for quarter in 0..4.min(numbers.end - first) {
                take(first + quarter, usize::from((word >> (16 * quarter)) as u16) >> shift);
            }
        }
    });
}

/// Shuffles the elements of a range.
///
/// # Safety
/// They are there.
unsafe fn shuffle<T: Number>(out: &Places<T>, range: Range<usize>, part: usize, generator: &Generator) {
    let mut words = [0; 64];
    let mut used = words.len();
    let mut counter = generator.counter(Purpose::Shuffle, 0, part as u64);
    for t in (1..range.len()).rev() {
        let count = t as u64 + 1;
        let chosen = loop {
            if used == words.len() {
                philox::fill(&mut words, counter, generator.key);
                counter[0] += (words.len() / philox::BLOCK) as u64;
                used = 0;
            }
            let word = words[used];
            used += 1;
            // The remainder, which is slow, is below the count.
            let low = word.wrapping_mul(count);
            let unfair = if low < count { count.wrapping_neg() % count } else { 0 };
            if let Some(chosen) = choose(word, count, unfair) {
                break chosen as usize;
            }
        };
        // SAFETY: `chosen` is up to t, and t within the range.
        unsafe { out.swap(range.start + t, range.start + chosen) };
    }
}
