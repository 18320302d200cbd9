//! Sorting along an axis.
//!
//! What is sorted are private copies: an array that other processes write to meanwhile gives a sorted array of the values
//! that were read, each of them once.

use crate::array::{Array, ArrayMut};
use crate::dtype::DType;
use crate::elements::{BLOCK, Block, Elements, ElementsMut, blocks};
use crate::elementwise::moves::with_size;
use crate::error::{Result, refuse};
use crate::overlap::{is_same_view, may_overlap, overlaps_itself};
use crate::scratch::Scratch;
use crate::share::{Share, Shared, axis_of};
use crate::threads::{INLINE, Threads};

mod counting;
pub(crate) mod keys;
mod local;
pub(crate) mod radix;

use keys::Word;
use radix::{Item, Packed, Pair};

/// Sorts the elements of `a` along an axis into `out`, which may be `a` itself.
///
/// The order is NumPy's: NaN comes last, and -0.0 equals 0.0. The elements come out with the bits they had. 8- and 16-bit
/// types are counted; others are sorted by radix, in a time that grows as the number of elements. An axis of negative
/// number counts from the last one; a range must not cut the axis that is sorted.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for different types or shapes, an axis that is not there, and memory that is shared
/// but not the same view; [`crate::Error::OutOfMemory`]: needs up to twice the memory of what is sorted at a time.
pub fn sort(out: ArrayMut<'_>, a: &Array<'_>, axis: isize, share: &Share) -> Result<()> {
    if out.dtype() != a.dtype() {
        return refuse(format!("the result of a sort has the type {}, not {}", a.dtype(), out.dtype()));
    }
    check_overlap(&out, a)?;
    let (mut out, a) = lanes_last(out, a, axis, share)?;
    let lanes = Lanes::new(&mut out, &a);
    match a.dtype().size() {
        1 => counting::sort::<u8>(&lanes, share.threads),
        2 => counting::sort::<u16>(&lanes, share.threads),
        4 => sort_words::<u32>(&lanes, share.threads),
        _ => sort_words::<u64>(&lanes, share.threads),
    }
}

/// The indices that sort the elements of `a` along an axis: `out` gets, for each place, the index of the element that
/// belongs there. Equal elements keep their order (a stable sort, NumPy's `kind='stable'`), as do all NaNs.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for different shapes, an axis that is not there, shared memory, and an `out` of a type
/// other than int32, uint32, int64 and uint64, or one too small for the indices; [`crate::Error::OutOfMemory`]: needs 16
/// bytes (for 64-bit types and more than 2^32 elements, 32) for each element sorted at a time.
pub fn argsort(out: ArrayMut<'_>, a: &Array<'_>, axis: isize, share: &Share) -> Result<()> {
    let axis_length = a.shape()[axis_of(axis, a.rank())?];
    check_index_dtype(out.dtype(), axis_length)?;
    if overlaps_itself(&out) || may_overlap(&out, a) {
        return refuse("the indices that sort an array are stored elsewhere, each in a place of its own");
    }
    let (mut out, a) = lanes_last(out, a, axis, share)?;
    let lanes = Lanes::new(&mut out, &a);
    if a.dtype().size() == 8 || lanes.length > u32::MAX as usize {
        argsort_items(&lanes, share.threads, |key, index| Pair { key, index: index as u64 }, |pair| pair.index)
    } else {
        let pack = |key: u64, index: usize| Packed(key << 32 | index as u64);
        argsort_items(&lanes, share.threads, pack, |packed| packed.0 & u64::from(u32::MAX))
    }
}

/// Refuses a type that does not hold all indices below `length`.
pub(crate) fn check_index_dtype(dtype: DType, length: usize) -> Result<()> {
    let most = match dtype {
        DType::I32 => i32::MAX as usize,
        DType::U32 => u32::MAX as usize,
        DType::I64 | DType::U64 => isize::MAX as usize,
        _ => return refuse(format!("indices are of type int32, uint32, int64 or uint64, not {dtype}")),
    };
    if length.saturating_sub(1) > most {
        return refuse(format!("{dtype} does not hold the indices of {length} elements"));
    }
    Ok(())
}

/// Refuses different shapes, and memory that is shared but not the same view.
pub(crate) fn check_overlap(out: &Array<'_>, a: &Array<'_>) -> Result<()> {
    if out.shape() != a.shape() {
        return refuse(format!("the result has the shape {:?}, not {:?}", a.shape(), out.shape()));
    }
    if overlaps_itself(out) {
        return refuse("the result has several elements in one place");
    }
    if may_overlap(out, a) && !is_same_view(out, a) {
        return refuse("the result overlaps the input, and is not the same view of it");
    }
    Ok(())
}

/// The shares of both, with the axis put last.
pub(crate) fn lanes_last<'o, 'a>(
    out: ArrayMut<'o>,
    a: &Array<'a>,
    axis: isize,
    share: &Share,
) -> Result<(ArrayMut<'o>, Array<'a>)> {
    if out.shape() != a.shape() {
        return refuse(format!("the result has the shape {:?}, not {:?}", a.shape(), out.shape()));
    }
    let axis = axis_of(axis, a.rank())?;
    if axis == 0 && share.range.as_ref().is_some_and(|range| *range != (0..a.shape()[0])) {
        return refuse("a range cannot cut the axis along which is sorted");
    }
    let order: Vec<usize> = (0..a.rank()).filter(|&i| i != axis).chain([axis]).collect();
    let a = share.of_input(a)?.permute(&order)?;
    let out = share.of_out(out)?.into_permuted(&order)?;
    Ok((out, a))
}

/// Independent pieces of input and output, one after the other in both.
pub(crate) struct Lanes<'a> {
    pub a: Elements<'a>,
    pub out: ElementsMut<'a>,
    /// How many there are.
    pub count: usize,
    /// Elements of each.
    pub length: usize,
}

impl<'a> Lanes<'a> {
    /// Those along the last axis.
    pub fn new(out: &'a mut ArrayMut<'_>, a: &Array<'a>) -> Lanes<'a> {
        let length = a.shape()[a.rank() - 1];
        let count = a.size().checked_div(length).unwrap_or(0);
        Lanes { a: Elements::new(a), out: ElementsMut::new(out), count, length }
    }

    /// Does `lane` for each of them, by its number: lanes at once on different threads where each is short, one after the
    /// other where each is worth all threads. `scratch` makes what a thread needs.
    pub fn each<S: Send>(
        &self,
        threads: Threads,
        scratch: impl Fn() -> Result<S>,
        lane: impl Fn(usize, &mut S, Threads) + Sync + Send,
    ) -> Result<()> {
        let alone = self.length >= INLINE || self.count == 1;
        let sharing = if alone { Threads::ONE } else { threads.for_work(self.count.saturating_mul(self.length)) };
        let parts = sharing.parts(self.count, 1);
        let jobs = parts.into_iter().map(|lanes| Ok((lanes, scratch()?))).collect::<Result<Vec<_>>>()?;
        let inner = if alone { threads } else { Threads::ONE };
        sharing.for_each(jobs, |(lanes, mut scratch)| lanes.for_each(|i| lane(i, &mut scratch, inner)));
        Ok(())
    }
}

fn sort_words<W: Word + Item>(lanes: &Lanes<'_>, threads: Threads) -> Result<()> {
    let dtype = lanes.a.dtype();
    let scratch = || Ok((Scratch::<W>::new(lanes.length)?, Scratch::<W>::new(lanes.length)?));
    lanes.each(threads, scratch, |lane, (keys, spare), threads| {
        let first = lane * lanes.length;
        let keys = read_keys(&lanes.a, first, lanes.length, keys, threads);
        radix::sort(keys, spare.uninit(), threads, &|at, sorted| {
            for (start, len) in blocks(0..sorted.len()) {
                let mut block: Block = [0; BLOCK];
                // SAFETY: a block has room for as many words of at most 8 bytes.
                let words = unsafe { std::slice::from_raw_parts_mut(block.as_mut_ptr().cast::<W>(), len) };
                words.copy_from_slice(&sorted[start..start + len]);
                W::to_elements(words, dtype);
                // SAFETY: the lane lies in the output, and this part of it is written here alone.
                unsafe { lanes.out.write(first + at + start, len, words.as_ptr().cast()) };
            }
        });
    })
}

/// The keys of the `len` elements from position `first` on.
pub(crate) fn read_keys<'s, W: Word>(
    a: &Elements<'_>,
    first: usize,
    len: usize,
    keys: &'s mut Scratch<W>,
    threads: Threads,
) -> &'s mut [W] {
    let place = Shared::new(keys.uninit().as_mut_ptr().cast::<W>());
    threads.split(len, BLOCK, 1, |part| {
        for (start, count) in blocks(part) {
            // SAFETY: parts of the scratch memory that are different on each thread; `read` fills it.
            unsafe {
                let block = place.at(start);
                a.read(first + start, count, block.cast());
                W::to_keys(std::slice::from_raw_parts_mut(block, count), a.dtype());
            }
        }
    });
    // SAFETY: the parts are all of it.
    unsafe { keys.assume_init() }
}

fn argsort_items<T: Item>(
    lanes: &Lanes<'_>,
    threads: Threads,
    item: impl Fn(u64, usize) -> T + Sync + Send,
    index: impl Fn(T) -> u64 + Sync + Send,
) -> Result<()> {
    let scratch = || Ok((Scratch::<T>::new(lanes.length)?, Scratch::<T>::new(lanes.length)?));
    lanes.each(threads, scratch, |lane, (items, spare), threads| {
        let first = lane * lanes.length;
        let items = read_items(&lanes.a, first, lanes.length, items, threads, &item);
        radix::sort(items, spare.uninit(), threads, &|at, sorted| {
            write_indices(&lanes.out, first + at, sorted.len(), sorted.iter().map(|&item| index(item)));
        });
    })
}

/// Items of the canonical keys of the `len` elements from position `first` on, and their places among these.
pub(crate) fn read_items<'s, T: Item>(
    a: &Elements<'_>,
    first: usize,
    len: usize,
    items: &'s mut Scratch<T>,
    threads: Threads,
    item: &(impl Fn(u64, usize) -> T + Sync),
) -> &'s mut [T] {
    let place = Shared::new(items.uninit().as_mut_ptr().cast::<T>());
    threads.split(len, BLOCK, 1, |part| {
        for (start, count) in blocks(part) {
            let mut block: Block = [0; BLOCK];
            with_size!(a.dtype(), W => {
                // SAFETY: a block has room for as many words of at most 8 bytes, and the elements are there.
                let words = unsafe {
                    a.read(first + start, count, block.as_mut_ptr().cast());
                    std::slice::from_raw_parts_mut(block.as_mut_ptr().cast::<W>(), count)
                };
                W::to_keys(words, a.dtype());
                W::make_canonical(words, a.dtype());
                for (i, word) in words.iter().enumerate() {
                    // SAFETY: parts of the scratch memory that are different on each thread.
                    unsafe { place.at(start + i).write(item(word.wide(), start + i)) };
                }
            });
        }
    });
    // SAFETY: the parts are all of it.
    unsafe { items.assume_init() }
}

/// Writes `count` indices to the positions from `first` on.
///
/// The caller has checked that they lie in `out`, and that its type holds them.
pub(crate) fn write_indices(out: &ElementsMut<'_>, first: usize, count: usize, mut indices: impl Iterator<Item = u64>) {
    for (start, len) in blocks(0..count) {
        let mut block: Block = [0; BLOCK];
        if out.dtype().size() == 8 {
            block[..len].iter_mut().zip(&mut indices).for_each(|(place, index)| *place = index);
        } else {
            // SAFETY: a block has room for as many words of 4 bytes.
            let words = unsafe { std::slice::from_raw_parts_mut(block.as_mut_ptr().cast::<u32>(), len) };
            words.iter_mut().zip(&mut indices).for_each(|(place, index)| *place = index as u32);
        }
        // SAFETY: the caller's promise.
        unsafe { out.write(first + start, len, block.as_ptr().cast()) };
    }
}
