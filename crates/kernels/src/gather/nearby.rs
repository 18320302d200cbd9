//! Indices in an order in which those that lead to nearby elements come together.
//!
//! An index into an array larger than the caches costs a wait for memory and one for its page's address. Indices that have
//! first been distributed to buckets, each of elements that fit in a core's cache, cost a few times less, the distribution
//! included: a radix partition, as in hash joins (Manegold, Boncz, Kersten, "Optimizing main-memory join").

use std::ops::Range;

use crate::elements::{BLOCK, blocks};
use crate::error::Result;
use crate::gather::indices::{IndexBlock, Indices};
use crate::scratch::Scratch;
use crate::share::Shared;
use crate::threads::Threads;

/// Bytes of all arrays together from which on indices are worth a distribution, and those of a bucket.
const LARGE: usize = 32 << 20;
const BUCKET: usize = 512 << 10;

/// Indices that are distributed at a time, and the least that are.
const CHUNK: usize = 1 << 24;
const FEW: usize = 1 << 16;

/// The most buckets: so many places are written to in turn.
const BUCKETS: usize = 1 << 10;

/// Calls `each` with all indices, a block at most at a time, in any order, from several threads. Every index leads to
/// `bytes` bytes.
///
/// # Errors
/// [`crate::Error::OutOfMemory`]; nothing has been called then.
pub(crate) fn for_each_block<S>(
    indices: &Indices<'_>,
    bytes: usize,
    threads: Threads,
    state: impl Fn() -> S + Sync + Send,
    each: impl Fn(&[usize], &mut S) + Sync + Send,
) -> Result<()> {
    let spread = indices.limit().saturating_mul(bytes) >= LARGE && u32::try_from(indices.limit()).is_ok();
    if indices.len() < FEW || !spread || are_nearby(indices) {
        threads.split(indices.len(), BLOCK, 4, |part| {
            let (mut block, mut state) = ([0; BLOCK], state());
            for (start, len) in blocks(part) {
                each(indices.read(start, len, &mut block), &mut state);
            }
        });
        return Ok(());
    }
    let mut room = Scratch::<u32>::new(indices.len().min(CHUNK))?;
    let threads = threads.for_work(indices.len());
    for start in (0..indices.len()).step_by(CHUNK) {
        let chunk = start..(start + CHUNK).min(indices.len());
        let ends = distribute(indices, chunk.clone(), bytes, &mut room, threads);
        // SAFETY: `distribute` fills as much of it as the chunk has indices.
        let sorted = unsafe { crate::scratch::written(&room.uninit()[..chunk.len()]) };
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let buckets = starts.zip(&ends).map(|(start, &end)| &sorted[start..end]).collect();
        threads.for_each(buckets, |bucket: &[u32]| {
            let (mut block, mut state) = ([0; BLOCK], state());
            for some in bucket.chunks(BLOCK) {
                block.iter_mut().zip(some).for_each(|(wide, &index)| *wide = index as usize);
                each(&block[..some.len()], &mut state);
            }
        });
    }
    Ok(())
}

/// Whether indices mostly lead to the neighbourhood of those before: as far as some blocks of them tell.
fn are_nearby(indices: &Indices<'_>) -> bool {
    const SAMPLES: usize = 32;
    const NEAR: usize = 1024;
    let mut block: IndexBlock = [0; BLOCK];
    let (mut near, mut seen) = (0, 0);
    for i in 0..SAMPLES {
        let start = (indices.len() - BLOCK) / SAMPLES * i;
        let block = indices.read(start, BLOCK, &mut block);
        near += block.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) < NEAR).count();
        seen += BLOCK - 1;
    }
    near * 2 > seen
}

/// Writes the indices of a chunk bucket by bucket to `room`, those of a bucket in the order in which they were; gives the
/// ends of the buckets.
fn distribute(
    indices: &Indices<'_>,
    chunk: Range<usize>,
    bytes: usize,
    room: &mut Scratch<u32>,
    threads: Threads,
) -> Vec<usize> {
    let wanted = (indices.limit().saturating_mul(bytes) / BUCKET).clamp(1, BUCKETS);
    let shift = indices.limit().div_ceil(wanted).next_power_of_two().ilog2();
    let count = ((indices.limit() - 1) >> shift) + 1;
    let parts = threads.parts(chunk.len(), BLOCK);
    let mut places = vec![[0u32; BUCKETS]; parts.len()];
    let jobs = parts.iter().zip(places.iter_mut()).collect();
    threads.for_each(jobs, |(part, counts): (&Range<usize>, &mut [u32; BUCKETS])| {
        let mut block = [0; BLOCK];
        for (start, len) in blocks(part.clone()) {
            for index in indices.read(chunk.start + start, len, &mut block) {
                counts[index >> shift] += 1;
            }
        }
    });
    let mut start = 0;
    let mut ends = Vec::with_capacity(count);
    for bucket in 0..count {
        for counts in &mut places {
            start += std::mem::replace(&mut counts[bucket], start);
        }
        ends.push(start as usize);
    }
    // Where each part's share of each bucket ends: where the next one's begins.
    let limits: Vec<[u32; BUCKETS]> = (0..parts.len())
        .map(|part| {
            std::array::from_fn(|bucket| match places.get(part + 1) {
                Some(next) => next[bucket],
                None => ends.get(bucket).map_or(0, |&end| end as u32),
            })
        })
        .collect();
    let out = Shared::new(room.uninit().as_mut_ptr().cast::<u32>());
    let jobs = parts.iter().zip(places.iter_mut().zip(&limits)).collect();
    threads.for_each(jobs, |(part, (places, limits)): (&Range<usize>, (&mut [u32; BUCKETS], &[u32; BUCKETS]))| {
        let mut block = [0; BLOCK];
        for (start, len) in blocks(part.clone()) {
            for &index in indices.read(chunk.start + start, len, &mut block) {
                let bucket = index >> shift;
                // They are read a second time, and may have changed: a bucket takes no more than were counted.
                if places[bucket] < limits[bucket] {
                    // SAFETY: below the end of this part's share of the bucket.
                    unsafe { out.at(places[bucket] as usize).write(index as u32) };
                    places[bucket] += 1;
                }
            }
        }
        for (bucket, (place, &limit)) in places.iter().zip(limits).take(count).enumerate() {
            for place in *place..limit {
                // SAFETY: as above. Any index of the bucket will do for one that has changed.
                unsafe { out.at(place as usize).write((bucket << shift) as u32) };
            }
        }
    });
    ends
}
