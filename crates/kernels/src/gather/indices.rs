//! Indices that come from memory which others may write to: each is made valid as it is read.

use std::mem::MaybeUninit;

use crate::array::Array;
use crate::dtype::{DType, Kind, with_dtype};
use crate::elements::{BLOCK, Block, Elements, blocks};
use crate::error::{Result, refuse};
use crate::isa::Isa;
use crate::threads::Threads;

/// A block of indices, every one of which is below the limit.
pub(crate) type IndexBlock = [usize; BLOCK];

/// Indices of any integer type into something of `limit` elements; negative ones count from its end.
pub(crate) struct Indices<'a> {
    elements: Elements<'a>,
    limit: usize,
}

impl<'a> Indices<'a> {
    /// Looks at all of them.
    ///
    /// # Errors
    /// [`crate::Error::InvalidArgument`] where they are no integers, or one of them is out of range.
    pub fn new(indices: &Array<'a>, limit: usize, threads: Threads) -> Result<Indices<'a>> {
        Indices::within(indices, limit, -(limit as i64), threads)
    }

    /// Looks at all of them; negative ones are out of range.
    ///
    /// # Errors
    /// As for [`Indices::new`].
    pub fn natural(indices: &Array<'a>, limit: usize, threads: Threads) -> Result<Indices<'a>> {
        Indices::within(indices, limit, 0, threads)
    }

    fn within(indices: &Array<'a>, limit: usize, least: i64, threads: Threads) -> Result<Indices<'a>> {
        check_integers(indices.dtype())?;
        let indices = Indices { elements: Elements::new(indices), limit };
        let (low, high) = extent(&indices.elements, threads);
        if low <= high && (low < least || high >= limit as i64) {
            let bad = if low < least { low } else { high };
            return refuse(format!("the index {bad} is out of range for {limit} elements"));
        }
        Ok(indices)
    }

    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Number of elements that they lead to.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Reads the `len` indices, a block at most, from position `start` on. One that another process has meanwhile put out
    /// of range becomes 0.
    #[inline]
    pub fn read<'b>(&self, start: usize, len: usize, block: &'b mut IndexBlock) -> &'b [usize] {
        let limit = self.limit as i64;
        assert!(limit > 0, "where there are indices, there are elements");
        let mut wide = MaybeUninit::uninit();
        let read = read_integers(&self.elements, start, len, &mut wide);
        let block = &mut block[..len];
        Isa::best().run_narrow(
            #[inline(always)]
            || {
                for (index, &i) in block.iter_mut().zip(read) {
                    // By the bits of the signs, without a branch.
                    let i = i.wrapping_add(limit & (i >> 63));
                    let outside = (i | (limit - 1).wrapping_sub(i)) >> 63;
                    *index = (i & !outside) as usize;
                }
            },
        );
        block
    }
}

/// Refuses indices that are no integers.
pub(crate) fn check_integers(dtype: DType) -> Result<()> {
    if !matches!(dtype.kind(), Kind::Signed | Kind::Unsigned) {
        return refuse(format!("indices are integers, not {dtype}"));
    }
    Ok(())
}

/// The least and the greatest of integers; the first one is the larger where there are none.
pub(crate) fn extent(integers: &Elements<'_>, threads: Threads) -> (i64, i64) {
    let parts = threads.for_work(integers.len()).parts(integers.len(), BLOCK);
    let mut extents = vec![(i64::MAX, i64::MIN); parts.len()];
    let jobs = parts.into_iter().zip(extents.iter_mut()).collect();
    threads.for_each(jobs, |(part, extent): (std::ops::Range<usize>, &mut (i64, i64))| {
        for (start, len) in blocks(part) {
            let mut wide = MaybeUninit::uninit();
            let read = read_integers(integers, start, len, &mut wide);
            let (low, high) = Isa::best().run_narrow(
                #[inline(always)]
                || read.iter().fold((i64::MAX, i64::MIN), |(low, high), &i| (low.min(i), high.max(i))),
            );
            *extent = (extent.0.min(low), extent.1.max(high));
        }
    });
    extents.into_iter().fold((i64::MAX, i64::MIN), |a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// Reads integers of any type, a block at most; those above the largest int64 become that.
#[inline(always)]
fn read_integers<'b>(
    integers: &Elements<'_>,
    start: usize,
    len: usize,
    wide: &'b mut MaybeUninit<[i64; BLOCK]>,
) -> &'b [i64] {
    let place = wide.as_mut_ptr().cast::<i64>();
    assert!(len <= BLOCK);
    if integers.dtype() == DType::I64 {
        // SAFETY: there is room for as many int64.
        unsafe { integers.read(start, len, place.cast()) };
    } else {
        let mut raw = MaybeUninit::<Block>::uninit();
        let raw = raw.as_mut_ptr();
        // SAFETY: there is room for as many elements of at most 8 bytes.
        unsafe { integers.read(start, len, raw.cast()) };
        with_dtype!(integers.dtype(), T in [I8, U8, I16, U16, I32, U32] => {
            // SAFETY: `len` of them were just written, and as many are to be.
            (0..len).for_each(|i| unsafe {
                let value = raw.cast::<T>().add(i).read();
                place.add(i).write(i64::from(value));
            });
        }, _ => (0..len).for_each(|i| {
            // SAFETY: as above.
            unsafe { place.add(i).write(i64::try_from(raw.cast::<u64>().add(i).read()).unwrap_or(i64::MAX)) };
        }));
    }
    // SAFETY: just written.
    unsafe { std::slice::from_raw_parts(place, len) }
}
