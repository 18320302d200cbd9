//! Counting: how often each index occurs, and how many numbers lie in each bin.
//!
//! Threads count in tables of their own. Weights are summed block by block of the input, and the blocks' sums in the order
//! of the blocks: so no result depends on the number of threads.

use std::ops::Range;

use crate::array::{Array, ArrayMut};
use crate::cast::Casts;
use crate::dtype::{DType, with_dtype};
use crate::elements::{BLOCK, Block, CastElements, Elements, ElementsMut, blocks};
use crate::error::{Result, refuse};
use crate::gather::check_place;
use crate::gather::indices::{IndexBlock, Indices, check_integers};
use crate::scratch::Scratch;
use crate::share::Share;
use crate::threads::Threads;

mod bins;

pub use bins::Bins;
use bins::Locate;

/// Counts how often each index from 0 on occurs in `a`, or sums up the weights of each. `out` has as many elements as there
/// may be indices. A range is one of the first axis of `a`.
///
/// Counts go into an `out` of type int32, uint32, int64, uint64, or a float; sums of weights into a float. Weights are summed
/// as float64.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] where `a` has no integers, for an index that is negative or beyond `out`, weights of
/// another shape, and an `out` that shares memory with the others; [`crate::Error::OutOfMemory`]: each thread needs 8 bytes
/// for each element of `out`.
pub fn bincount(out: ArrayMut<'_>, a: &Array<'_>, weights: Option<&Array<'_>>, share: &Share) -> Result<()> {
    let limit = check(&out, a, weights, &[])?;
    let (a, weights) = shares(a, weights, share)?;
    if weights.is_none() {
        return count_indices(out, &a, limit, share.threads);
    }
    let indices = Indices::natural(&a, limit, share.threads)?;
    let locate = |start, len, block: &mut IndexBlock| {
        indices.read(start, len, block);
    };
    tally(out, &locate, indices.len(), weights.as_ref(), share.threads)
}

/// Counts how many elements of `a` lie in each bin, or sums up their weights, as NumPy's `histogram` does: exactly, also
/// at the edges. The last bin has its upper edge, too; NaN and what lies outside is not counted. `out` has an element for
/// each bin. A range is one of the first axis of `a`.
///
/// The types of `out` and weights are those of [`bincount`].
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for edges that are no numbers or not in order, more bins than there are numbers
/// between them, and as for [`bincount`].
pub fn histogram(
    out: ArrayMut<'_>,
    a: &Array<'_>,
    bins: Bins<'_>,
    weights: Option<&Array<'_>>,
    share: &Share,
) -> Result<()> {
    let edges = if let Bins::Edges(edges) = bins { Some(edges) } else { None };
    let count = check(&out, a, weights, edges.as_slice())?;
    let (a, weights) = shares(a, weights, share)?;
    let bins = Locate::new(&a, bins, count)?;
    let locate = |start, len, block: &mut IndexBlock| bins.locate(start, len, block);
    tally(out, &locate, a.size(), weights.as_ref(), share.threads)
}

/// The edges of `out.len() - 1` bins of one width from `low` to `high`, for elements of type `dtype`: those by which
/// [`histogram`] counts.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] as there, and where `out` is not contiguous float64.
pub fn bin_edges(out: ArrayMut<'_>, low: f64, high: f64, dtype: DType) -> Result<()> {
    let mut out = out;
    if out.dtype() != DType::F64 || out.rank() != 1 || out.size() < 2 {
        return refuse("edges of bins are two float64 or more, along one axis");
    }
    let edges = bins::uniform_edges(low, high, out.size() - 1, dtype)?;
    // SAFETY: an edge for each element.
    unsafe { ElementsMut::new(&mut out).write(0, edges.len(), edges.as_ptr().cast()) };
    Ok(())
}

/// The number of bins.
fn check(out: &Array<'_>, a: &Array<'_>, weights: Option<&Array<'_>>, others: &[&Array<'_>]) -> Result<usize> {
    if out.rank() != 1 {
        return refuse(format!("bins lie along one axis, not {}", out.rank()));
    }
    check_place(out, &[&[a], others, weights.as_slice()].concat())?;
    let fits = match out.dtype() {
        DType::F16 | DType::F32 | DType::F64 => true,
        DType::I64 | DType::U64 => weights.is_none(),
        DType::I32 => weights.is_none() && i32::try_from(a.size()).is_ok(),
        DType::U32 => weights.is_none() && u32::try_from(a.size()).is_ok(),
        _ => false,
    };
    if !fits {
        let what = if weights.is_some() { "sums of weights" } else { "counts" };
        return refuse(format!("{} does not hold {what} of {} elements", out.dtype(), a.size()));
    }
    if let Some(weights) = weights
        && weights.shape() != a.shape()
    {
        return refuse(format!("elements of shape {:?} have no weights of shape {:?}", a.shape(), weights.shape()));
    }
    Ok(out.size())
}

fn shares<'a>(a: &Array<'a>, weights: Option<&Array<'a>>, share: &Share) -> Result<(Array<'a>, Option<Array<'a>>)> {
    Ok((share.of_input(a)?, weights.map(|weights| share.of_input(weights)).transpose()?))
}

/// Finds the bins of a block of elements: where they start, how many, and where the bins' numbers go; the number of bins
/// stands for no bin.
trait Finder: Fn(usize, usize, &mut IndexBlock) + Sync + Send {}

impl<F: Fn(usize, usize, &mut IndexBlock) + Sync + Send> Finder for F {}

/// Counts indices, each of which is read once: those that are out of range, too, and if there are any, that is all.
fn count_indices(mut out: ArrayMut<'_>, a: &Array<'_>, limit: usize, threads: Threads) -> Result<()> {
    check_integers(a.dtype())?;
    let elements = Elements::new(a);
    let size = a.dtype().size();
    let mut counts = count(elements.len(), limit, threads, |part, table| {
        if let Some((first, 1)) = elements.line() {
            let indices = first.wrapping_add(part.start * size);
            // SAFETY: elements of the array.
            return unsafe { count_run(a.dtype(), indices, part.len(), limit, table) };
        }
        let mut block: Block = [0; BLOCK];
        for (start, len) in blocks(part) {
            // SAFETY: a block has room for as many elements of any type.
            unsafe {
                elements.read(start, len, block.as_mut_ptr().cast());
                count_run(a.dtype(), block.as_ptr().cast(), len, limit, table);
            }
        }
    })?;
    // SAFETY: `count` has filled them.
    if unsafe { counts.assume_init() }[limit] > 0 {
        Indices::natural(a, limit, threads)?;
        return refuse(format!("an index was out of range for {limit} elements"));
    }
    store(&mut out, DType::U64, counts);
    Ok(())
}

/// Counts indices that lie one after the other. Those out of range are counted as `limit`.
///
/// # Safety
/// There are `len` integers of this type.
unsafe fn count_run(dtype: DType, indices: *const u8, len: usize, limit: usize, table: &mut [u64]) {
    let ways = table.len() / (limit + 1);
    let stride = if ways == WAYS { limit + 1 } else { 0 };
    assert!(table.len() >= (limit + 1) * ways && (ways == WAYS || ways == 1));
    with_dtype!(dtype, T in [I8, U8, I16, U16, I32, U32, I64, U64] => {
        let indices = indices.cast::<T>();
        // The cast is none for one of the types.
        #[allow(clippy::unnecessary_cast)]
        let mut count = |i: usize, way: usize| {
            // SAFETY: the caller counts up to `len`; no place is above `limit`, and there are so many tables.
            unsafe {
                // As unsigned numbers, negative ones are above every limit.
                let place = (indices.add(i).read() as u64).min(limit as u64) as usize;
                *table.get_unchecked_mut(way * stride + place) += 1;
            }
        };
        let whole = len - len % WAYS;
        for first in (0..whole).step_by(WAYS) {
            for way in 0..WAYS {
                count(first + way, way);
            }
        }
        (whole..len).for_each(|i| count(i, 0));
    }, _ => unreachable!("checked to be integers"));
}

/// Adds up what is found for `len` elements.
fn tally(
    mut out: ArrayMut<'_>,
    find: &impl Finder,
    len: usize,
    weights: Option<&Array<'_>>,
    threads: Threads,
) -> Result<()> {
    let bins = out.size();
    match weights {
        None => {
            let counts = count(len, bins, threads, |part, table| count_found(find, part, bins + 1, table))?;
            store(&mut out, DType::U64, counts);
        }
        Some(weights) => {
            let sums = sum(find, len, bins, &CastElements::new(weights, DType::F64), threads_for(threads, len, bins))?;
            store(&mut out, DType::F64, sums);
        }
    }
    Ok(())
}

/// Writes the totals.
fn store<T: Copy>(out: &mut ArrayMut<'_>, dtype: DType, mut totals: Scratch<T>) {
    debug_assert_eq!(dtype.size(), size_of::<T>());
    let casts = Casts::new(dtype, out.dtype());
    let out = ElementsMut::new(out);
    // SAFETY: `count` and `sum` have filled them.
    let totals = unsafe { totals.assume_init() };
    let mut room: [Block; 2] = [[0; BLOCK]; 2];
    for (start, len) in blocks(0..out.len()) {
        let [first, second] = room.each_mut().map(|block| block.as_mut_ptr().cast::<u8>());
        // SAFETY: blocks have room for a block of any type, and `out` an element for each total.
        unsafe {
            let from = casts.run(totals[start..start + len].as_ptr().cast(), len, None, [first, second]);
            out.write(start, len, from);
        }
    }
}

/// Tables in which a thread counts in turn: so an addition need not wait for that before to the same bin.
const WAYS: usize = 4;

/// How often each of `bins` bins is found, and in the end, how many elements lie in none. `part` counts part of the
/// elements in a table, or in several one after the other.
fn count(
    len: usize,
    bins: usize,
    threads: Threads,
    part: impl Fn(Range<usize>, &mut [u64]) + Sync + Send,
) -> Result<Scratch<u64>> {
    let stride = bins + 1;
    let ways = if bins <= 1024 { WAYS } else { 1 };
    let parts = threads_for(threads, len, bins).parts(len, BLOCK);
    let jobs = parts.into_iter().map(|part| Ok((part, Scratch::<u64>::new(stride * ways)?)));
    let mut tables = jobs.collect::<Result<Vec<_>>>()?;
    threads.for_each(tables.iter_mut().collect(), |(range, table)| part(range.clone(), table.fill(0)));
    let mut totals = Scratch::new(stride)?;
    let sums = totals.fill(0u64);
    for (_, table) in &mut tables {
        // SAFETY: filled above.
        for table in unsafe { table.assume_init() }.chunks_exact(stride) {
            sums.iter_mut().zip(table).for_each(|(sum, count)| *sum += count);
        }
    }
    Ok(totals)
}

/// More threads than pay for their tables' addition are not asked.
fn threads_for(threads: Threads, len: usize, bins: usize) -> Threads {
    if bins > len / 2 { Threads::ONE } else { threads.for_work(len) }
}

/// Counts what is found for part of the elements.
fn count_found(find: &impl Finder, part: Range<usize>, stride: usize, table: &mut [u64]) {
    let mut found = [0; BLOCK];
    for (start, len) in blocks(part) {
        find(start, len, &mut found);
        if table.len() == stride {
            found[..len].iter().for_each(|&bin| table[bin] += 1);
            continue;
        }
        let (first, rest) = table.split_at_mut(stride);
        let (second, rest) = rest.split_at_mut(stride);
        let (third, fourth) = rest.split_at_mut(stride);
        let mut fours = found[..len].chunks_exact(WAYS);
        for four in &mut fours {
            first[four[0]] += 1;
            second[four[1]] += 1;
            third[four[2]] += 1;
            fourth[four[3]] += 1;
        }
        fours.remainder().iter().for_each(|&bin| first[bin] += 1);
    }
}

/// Elements whose weights are summed by themselves: so many in every block, or as many as there are bins. NumPy's blocks.
const WEIGHED: usize = 65536;

/// The sums of the weights of each bin.
fn sum(
    find: &impl Finder,
    len: usize,
    bins: usize,
    weights: &CastElements<'_>,
    threads: Threads,
) -> Result<Scratch<f64>> {
    debug_assert_eq!(weights.len(), len);
    let step = WEIGHED.max(bins.next_multiple_of(BLOCK));
    let mut totals = Scratch::new(bins)?;
    let sums = totals.fill(0.0);
    let mut tables = (0..threads.count().min(len.div_ceil(step)))
        .map(|_| Scratch::<f64>::new(bins + 1))
        .collect::<Result<Vec<_>>>()?;
    for wave in (0..len).step_by(step * tables.len().max(1)) {
        let jobs = tables.iter_mut().enumerate().collect();
        threads.for_each(jobs, |(i, table): (usize, &mut Scratch<f64>)| {
            let table = table.fill(0.0);
            let mut found = [0; BLOCK];
            let mut room: [Block; 3] = [[0; BLOCK]; 3];
            let first = (wave + i * step).min(len);
            for (start, count) in blocks(first..(first + step).min(len)) {
                find(start, count, &mut found);
                // SAFETY: there is a weight for each element; they have been cast to float64.
                let weights =
                    unsafe { std::slice::from_raw_parts(weights.read(start, count, &mut room).cast::<f64>(), count) };
                found[..count].iter().zip(weights).for_each(|(&bin, weight)| table[bin] += weight);
            }
        });
        for table in &mut tables {
            // SAFETY: filled above.
            let table = unsafe { table.assume_init() };
            sums.iter_mut().zip(&*table).for_each(|(sum, part)| *sum += part);
        }
    }
    Ok(totals)
}
