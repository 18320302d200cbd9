//! The last step of a reduction: from accumulators to results, and into `out`.

use std::mem::MaybeUninit;
use std::ops::Range;

use crate::array::ArrayMut;
use crate::cast::Casts;
use crate::dtype::DType;
use crate::field::{Field, Line, Order, TILE};

use super::fold::Fold;

/// What is made of a sum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Last {
    /// The result.
    Nothing,
    /// Divided by the number of elements.
    Mean,
    /// Its square root.
    Root,
    /// Divided by the number of elements less `ddof`.
    Variance { ddof: f64 },
    /// The square root of that.
    Deviation { ddof: f64 },
}

/// How many elements a result is made of.
pub(super) enum Count<'a> {
    Same(usize),
    Each(&'a [i64]),
}

/// Where results go, and how.
pub(super) struct Finish<'a> {
    pub fold: &'a Fold,
    pub last: Last,
    pub count: Count<'a>,
    /// An accumulator that goes before all elements.
    pub initial: Option<u64>,
    pub target: Target<'a>,
}

impl Finish<'_> {
    /// Writes so many results of no elements.
    pub fn write_identities(&self, kept: usize) {
        let mut accumulators = MaybeUninit::<[u64; TILE]>::uninit();
        let accumulators = accumulators.as_mut_ptr().cast();
        for start in (0..kept).step_by(TILE) {
            let kept = start..(start + TILE).min(kept);
            // SAFETY: room for a tile.
            unsafe { self.fold.clear(accumulators, kept.len()) };
            self.write(kept, accumulators);
        }
    }

    /// Writes the results `kept` of these accumulators, which may be changed.
    pub fn write(&self, kept: Range<usize>, accumulators: *mut u8) {
        let size = self.fold.dtype.size();
        for start in kept.clone().step_by(TILE) {
            let tile = start..(start + TILE).min(kept.end);
            self.write_tile(tile, accumulators.wrapping_add((start - kept.start) * size));
        }
    }

    fn write_tile(&self, kept: Range<usize>, accumulators: *mut u8) {
        if let Some(initial) = self.initial {
            let mut initials = MaybeUninit::<[u64; TILE]>::uninit();
            let size = self.fold.dtype.size();
            // SAFETY: there are as many accumulators, at most a tile.
            unsafe {
                for i in 0..kept.len() {
                    let to = initials.as_mut_ptr().cast::<u8>().add(i * size);
                    to.copy_from_nonoverlapping((&raw const initial).cast(), size);
                }
                self.fold.fold(accumulators, kept.len(), initials.as_ptr().cast(), kept.len());
            }
        }
        if self.fold.dtype == DType::Bool {
            // SAFETY: they are private, and there are as many.
            let truths = unsafe { std::slice::from_raw_parts_mut(accumulators, kept.len()) };
            truths.iter_mut().for_each(|truth| *truth = u8::from(*truth != 0));
        }
        if self.fold.dtype == DType::F64 {
            // SAFETY: they are private, and there are as many.
            let values = unsafe { std::slice::from_raw_parts_mut(accumulators.cast::<f64>(), kept.len()) };
            for (value, kept) in values.iter_mut().zip(kept.clone()) {
                *value = self.last(*value, kept);
            }
        }
        // SAFETY: there are as many accumulators.
        unsafe { self.target.write(kept, accumulators) };
    }

    fn last(&self, value: f64, kept: usize) -> f64 {
        let count = match self.count {
            Count::Same(count) => count as f64,
            Count::Each(counts) => counts[kept] as f64,
        };
        let value = match self.last {
            Last::Nothing => value,
            Last::Root => value.sqrt(),
            Last::Mean => value / count,
            Last::Variance { ddof } => value / (count - ddof).max(0.0),
            Last::Deviation { ddof } => (value / (count - ddof).max(0.0)).sqrt(),
        };
        // Which NaN comes out of a sum depends on the instructions.
        if value.is_nan() { f64::NAN } else { value }
    }
}

/// The array that results go to.
pub(super) struct Target<'a> {
    field: Field<'a>,
    casts: Casts,
}

impl<'a> Target<'a> {
    /// `out`, which has elements, for accumulators of which `casts` makes its elements, in the order of an array's axes.
    pub fn new(out: &mut ArrayMut<'a>, order: &Order, casts: Casts) -> Target<'a> {
        Target { field: Field::new(out, &order.of_results()), casts }
    }

    /// Writes these results, at most a tile.
    ///
    /// # Safety
    /// The array is there, and the results are as many and of the casts' type.
    pub unsafe fn write(&self, kept: Range<usize>, results: *const u8) {
        debug_assert!(kept.len() <= TILE);
        let mut buffers = [MaybeUninit::<[u64; TILE]>::uninit(); 2];
        // SAFETY: at most a tile of results.
        unsafe {
            let buffers = buffers.each_mut().map(|buffer| buffer.as_mut_ptr().cast());
            let from = self.casts.run(results, kept.len(), None, buffers);
            self.field.store(Line::Kept { reduced: 0 }, kept.start, kept.len(), from);
        }
    }
}
