//! Sorting of private memory by the bits of the keys: stable, on one thread or many, in time that grows as the number of
//! items, whatever their distribution.
//!
//! Many items are first distributed to buckets that fit in a core's cache, along the bounds that a sample gives (as a
//! sample sort does), except that a table over the leading bits finds an item's bucket, without a comparison. A bucket is
//! sorted (`local`) by as many leading bits as it takes to tell most of its keys apart, by one or two passes of a radix sort from
//! the least significant digit; what is then still equal in these bits, mostly very few neighbours, is sorted by itself.

use std::mem::MaybeUninit;

use crate::scratch::{written, written_mut};
use crate::share::Shared;
use crate::threads::Threads;

use super::local::{extent_of, local, uninit};

/// What can be sorted. The order of items (`Ord`) is that of their keys; it tells items of equal keys apart by their place
/// where that matters, so that every way of sorting is a stable one.
pub(crate) trait Item: Copy + Ord + Send + Sync {
    /// The key; it orders the items.
    fn key(self) -> u64;
}

impl Item for u32 {
    #[inline(always)]
    fn key(self) -> u64 {
        u64::from(self)
    }
}

impl Item for u64 {
    #[inline(always)]
    fn key(self) -> u64 {
        self
    }
}

/// A key of 32 bits above an index of 32 bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub(crate) struct Packed(pub u64);

impl Item for Packed {
    #[inline(always)]
    fn key(self) -> u64 {
        self.0 >> 32
    }
}

/// A key and an index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair {
    pub key: u64,
    pub index: u64,
}

impl Item for Pair {
    #[inline(always)]
    fn key(self) -> u64 {
        self.key
    }
}

/// Items up to so many bytes are sorted as they are, on one core.
const LOCAL_BYTES: usize = 1 << 20;

/// Bytes that a bucket should have: with the spare memory they fit in a core's cache.
const BUCKET_BYTES: usize = 256 << 10;

/// Distributions of what was distributed before: two or three are common. Only data made to mislead the sample needs more,
/// and is then sorted by comparisons.
const LEVELS: usize = 16;

/// Sorts `items` and hands the sorted pieces to `done`, each with its place in the whole, from several threads.
/// `spare` is as long as `items`; what either holds afterwards is not said.
pub(crate) fn sort<T: Item>(
    items: &mut [T],
    spare: &mut [MaybeUninit<T>],
    threads: Threads,
    done: &(impl Fn(usize, &[T]) + Sync),
) {
    assert_eq!(items.len(), spare.len());
    sort_at(0, items, spare, LEVELS, threads.for_work(items.len()), done)
}

fn sort_at<T: Item>(
    at: usize,
    items: &mut [T],
    spare: &mut [MaybeUninit<T>],
    levels: usize,
    threads: Threads,
    done: &(impl Fn(usize, &[T]) + Sync),
) {
    if size_of_val(items) <= LOCAL_BYTES {
        let moved = local(items, spare);
        // SAFETY: where the result has been moved, it is all of `spare`.
        done(at, if moved { unsafe { written(spare) } } else { items });
        return;
    }
    if levels == 0 {
        items.sort_unstable();
        done(at, items);
        return;
    }
    // Contiguous parts of all items, one for each thread.
    let parts: Vec<&[T]> = threads.parts(items.len(), 1).into_iter().map(|part| &items[part]).collect();
    let (low, high) = extent(&parts, threads);
    if low == high {
        done(at, items);
        return;
    }
    let map = Map::new(items, low, high);
    let starts = distribute(&parts, spare, &map, threads);
    // SAFETY: `distribute` has put an item in each place.
    let mut from = unsafe { written_mut(spare) };
    let mut to = uninit(items);
    let mut buckets = Vec::with_capacity(starts.len());
    let mut start = 0;
    for end in starts.into_iter().skip(1) {
        let (bucket, rest) = from.split_at_mut(end - start);
        let (room, rest_of_room) = to.split_at_mut(end - start);
        (from, to) = (rest, rest_of_room);
        buckets.push((at + start, bucket, room));
        start = end;
    }
    threads.for_each(buckets, |(at, bucket, room)| sort_at(at, bucket, room, levels - 1, threads, done));
}

/// The least and the greatest key.
fn extent<T: Item>(parts: &[&[T]], threads: Threads) -> (u64, u64) {
    let mut ranges = vec![(u64::MAX, 0); parts.len()];
    let jobs = ranges.iter_mut().zip(parts).collect();
    threads.for_each(jobs, |(range, part): (&mut (u64, u64), &&[T])| *range = extent_of(part));
    ranges.into_iter().fold((u64::MAX, 0), |a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// Which bucket an item goes to: by the leading bits of its key, in the order of keys.
struct Map {
    low: u64,
    shift: u32,
    buckets: usize,
    bucket_of: Vec<u8>,
}

impl Map {
    /// Leading bits that are looked at, beyond those that number the buckets.
    const BITS: u32 = 8;
    /// The most buckets.
    const BUCKETS: usize = 256;
    /// Items looked at for one bucket.
    const SAMPLES: usize = 32;

    /// Buckets that get about the same number of items each, as far as a sample tells. There are at least two in use, and
    /// leading bits that many items share have a bucket of their own.
    fn new<T: Item>(items: &[T], low: u64, high: u64) -> Map {
        let width = u64::BITS - (high - low).leading_zeros();
        let wanted = (size_of_val(items) / BUCKET_BYTES).clamp(2, Map::BUCKETS - 64);
        let shift = width.saturating_sub(wanted.ilog2() + Map::BITS);
        let cells = ((high - low) >> shift) as usize + 1;
        let samples = wanted * Map::SAMPLES;
        let mut counts = vec![0u32; cells];
        let mut word = 0u64;
        for i in 0..samples {
            // One of each of so many equal parts, at a place that follows no pattern.
            word = word.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
            let at = (i * items.len() + (word >> 32) as usize % items.len()) / samples;
            counts[((items[at].key() - low) >> shift) as usize] += 1;
        }
        let mut bucket_of = vec![0; cells];
        let (mut bucket, mut first, mut inside) = (0, 0, 0);
        for (cell, &count) in counts.iter().enumerate() {
            let heavy = |count: u32| count as usize >= Map::SAMPLES;
            // Nobody joins a heavy cell, sampled or not.
            let full = inside >= Map::SAMPLES || heavy(count);
            if full && cell > first && bucket < Map::BUCKETS - 1 {
                (bucket, first, inside) = (bucket + 1, cell, 0);
            }
            bucket_of[cell] = bucket as u8;
            inside += count as usize;
        }
        Map { low, shift, buckets: bucket + 1, bucket_of }
    }
}

/// Puts the items into the order of their buckets, those of one bucket in the order in which they were; gives the bounds
/// of the buckets.
fn distribute<T: Item>(parts: &[&[T]], out: &mut [MaybeUninit<T>], map: &Map, threads: Threads) -> Vec<usize> {
    let table = &map.bucket_of[..];
    // SAFETY: no key is below `low`, and none above the one that gave the table its length.
    let bucket_of =
        |item: T| usize::from(unsafe { *table.get_unchecked(((item.key() - map.low) >> map.shift) as usize) });
    let mut places = vec![[0usize; Map::BUCKETS]; parts.len()];
    let jobs = places.iter_mut().zip(parts).collect();
    threads.for_each(jobs, |(counts, part): (&mut [usize; Map::BUCKETS], &&[T])| {
        for &item in *part {
            counts[bucket_of(item)] += 1;
        }
    });
    let mut starts = Vec::with_capacity(map.buckets + 1);
    let mut start = 0;
    for bucket in 0..map.buckets {
        starts.push(start);
        for counts in &mut places {
            start += std::mem::replace(&mut counts[bucket], start);
        }
    }
    starts.push(start);
    let out = Shared::new(out.as_mut_ptr().cast::<T>());
    let jobs = places.iter_mut().zip(parts).collect();
    threads.for_each(jobs, |(places, part): (&mut [usize; Map::BUCKETS], &&[T])| {
        for &item in *part {
            let place = &mut places[bucket_of(item)];
            // SAFETY: the places were counted over these very items, which are ours alone: each is below the length, and
            // given once.
            unsafe { out.at(*place).write(item) };
            *place += 1;
        }
    });
    starts
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn after_too_many_distributions_comparisons_sort_the_rest() {
        let mut word = 1u64;
        let items: Vec<Pair> = (0..2 * LOCAL_BYTES as u64 / 16)
            .map(|index| {
                word = word.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(index);
                Pair { key: word >> 52, index }
            })
            .collect();
        let mut expected = items.clone();
        expected.sort_by_key(|pair| pair.key);
        for levels in [0, 1] {
            let mut spare = Vec::with_capacity(items.len());
            let sorted = Mutex::new(vec![Pair { key: 0, index: 0 }; items.len()]);
            sort_at(
                0,
                &mut items.clone(),
                &mut spare.spare_capacity_mut()[..items.len()],
                levels,
                Threads::ONE,
                &|at, piece| {
                    sorted.lock().unwrap()[at..at + piece.len()].copy_from_slice(piece);
                },
            );
            let sorted = sorted.into_inner().unwrap();
            assert!(sorted.iter().zip(&expected).all(|(a, b)| a == b), "{levels} levels");
        }
    }
}
