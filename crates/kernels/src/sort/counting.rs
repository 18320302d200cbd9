//! Sorting of elements of 8 and 16 bits: by counting how often each value occurs.

use crate::elements::{BLOCK, Block, blocks};
use crate::error::Result;
use crate::scratch::Scratch;
use crate::sort::Lanes;
use crate::sort::keys::Word;
use crate::threads::Threads;

/// A word of so few bits that there are counters for all values of it.
pub(crate) trait Small: Word {
    /// Number of values.
    const VALUES: usize;
    /// Elements below which sorting by comparisons is faster.
    const FEW: usize;
    fn from_index(index: usize) -> Self;
}

impl Small for u8 {
    const VALUES: usize = 1 << 8;
    const FEW: usize = 64;
    fn from_index(index: usize) -> u8 {
        index as u8
    }
}

impl Small for u16 {
    const VALUES: usize = 1 << 16;
    const FEW: usize = 4096;
    fn from_index(index: usize) -> u16 {
        index as u16
    }
}

pub(crate) fn sort<W: Small>(lanes: &Lanes<'_>, threads: Threads) -> Result<()> {
    if lanes.length < W::FEW {
        return compare::<W>(lanes, threads);
    }
    let tables = threads.for_work(lanes.length).count();
    let scratch = || Scratch::<usize>::new(W::VALUES * tables);
    lanes.each(threads, scratch, |lane, counts, threads| {
        let first = lane * lanes.length;
        let counts = counts.fill(0);
        count::<W>(lanes, first, counts, threads);
        let (ends, others) = counts.split_at_mut(W::VALUES);
        let mut end = 0;
        for (key, count) in ends.iter_mut().enumerate() {
            end += *count + others.iter().skip(key).step_by(W::VALUES).sum::<usize>();
            *count = end;
        }
        write::<W>(lanes, first, ends, threads);
    })
}

/// Counts keys: each thread in a table of its own.
fn count<W: Small>(lanes: &Lanes<'_>, first: usize, counts: &mut [usize], threads: Threads) {
    let dtype = lanes.a.dtype();
    let threads = threads.for_work(lanes.length);
    let jobs = threads.parts(lanes.length, BLOCK).into_iter().zip(counts.chunks_mut(W::VALUES)).collect();
    threads.for_each(jobs, |(part, counts): (std::ops::Range<usize>, &mut [usize])| {
        for (start, len) in blocks(part) {
            let mut block: Block = [0; BLOCK];
            // SAFETY: the lane lies in the input, and a block has room for as many words.
            let words = unsafe {
                lanes.a.read(first + start, len, block.as_mut_ptr().cast());
                std::slice::from_raw_parts_mut(block.as_mut_ptr().cast::<W>(), len)
            };
            W::to_keys(words, dtype);
            for word in words {
                counts[word.wide() as usize] += 1;
            }
        }
    });
}

/// Writes each key as often as it was counted; `ends` are the positions after each.
fn write<W: Small>(lanes: &Lanes<'_>, first: usize, ends: &[usize], threads: Threads) {
    let dtype = lanes.a.dtype();
    threads.split(lanes.length, BLOCK, 1, |part| {
        let mut key = ends.partition_point(|&end| end <= part.start);
        for (start, len) in blocks(part) {
            let mut block: Block = [0; BLOCK];
            // SAFETY: a block has room for as many words.
            let words = unsafe { std::slice::from_raw_parts_mut(block.as_mut_ptr().cast::<W>(), len) };
            let mut done = 0;
            while done < len {
                let end = (ends[key] - start).min(len);
                words[done..end].fill(W::from_index(key));
                done = end;
                key += usize::from(done < len);
            }
            // The last key of a block may have been its last one.
            while start + len < lanes.length && ends[key] <= start + len {
                key += 1;
            }
            W::to_elements(words, dtype);
            // SAFETY: the lane lies in the output, and this part of it is written here alone.
            unsafe { lanes.out.write(first + start, len, words.as_ptr().cast()) };
        }
    });
}

fn compare<W: Small>(lanes: &Lanes<'_>, threads: Threads) -> Result<()> {
    let dtype = lanes.a.dtype();
    lanes.each(
        threads,
        || Scratch::<W>::new(lanes.length),
        |lane, keys, _| {
            let first = lane * lanes.length;
            let keys = super::read_keys(&lanes.a, first, lanes.length, keys, Threads::ONE);
            keys.sort_unstable();
            W::to_elements(keys, dtype);
            // SAFETY: the lane lies in the output, and is written here alone.
            unsafe { lanes.out.write(first, lanes.length, keys.as_ptr().cast()) };
        },
    )
}
