//! The indices of extremes: the extremes as of any reduction, and then where in its block each first is.

use std::ops::Range;

use crate::array::{Array, ArrayMut};
use crate::cast::Casts;
use crate::dtype::{DType, Element};
use crate::error::Result;
use crate::field::{Line, Order, TILE};
use crate::isa::{Isa, Kernel};
use crate::scratch::Scratch;
use crate::share::Shared;
use crate::threads::Threads;

use super::feed::{Buffers, Map};
use super::finish::Target;
use super::task::Task;
use super::tree::{BLOCK, Side, Tree, WIDE};

/// Does an argmin or argmax. `out` has the shape of the results, and shares no element with the input.
pub(super) fn run(task: &Task<'_>, mut out: ArrayMut<'_>) -> Result<()> {
    if out.size() == 0 {
        return Ok(());
    }
    let order = task.order();
    let casts = Casts::new(DType::I64, out.dtype());
    let target = Target::new(&mut out, &order, casts);
    indices(&task.tree(&order, Map::Plain), task.threads, &target)
}

/// Writes the index of the first extreme for each result.
fn indices(tree: &Tree<'_>, threads: Threads, target: &Target<'_>) -> Result<()> {
    let (blocks, kept) = (tree.blocks(), tree.kept);
    let one_block = blocks == 1;
    // With one result, its place is looked for in one block only, in the end.
    let later = kept == 1 && !one_block;
    let size = tree.fold.dtype.size();
    let mut extremes = Scratch::<u64>::new(if one_block { 0 } else { (blocks * kept * size).div_ceil(8) })?;
    let mut places = Scratch::<i64>::new(if one_block || later { 0 } else { blocks * kept })?;
    let values = Shared::new(extremes.uninit().as_mut_ptr().cast::<u8>());
    let found = Shared::new(places.uninit().as_mut_ptr().cast::<i64>());
    tree.each_block(0..blocks, threads, &|block, kept_here, results| {
        let at = block * kept + kept_here.start;
        // SAFETY: there is room for each block's results, and no other task writes these.
        unsafe {
            if !one_block {
                values.at(at * size).copy_from_nonoverlapping(results, kept_here.len() * size);
            }
            if !later {
                let end = kept_here.end;
                let mut here = [0; WIDE];
                tree.find(block, kept_here.clone(), results, &mut here);
                if one_block {
                    for (start, places) in kept_here.step_by(TILE).zip(here.chunks(TILE)) {
                        let end = (start + TILE).min(end);
                        target.write(start..end, places.as_ptr().cast());
                    }
                } else {
                    found.at(at).copy_from_nonoverlapping(here.as_ptr(), kept_here.len());
                }
            }
        }
    });
    if one_block {
        return Ok(());
    }

    // In which block each result's extreme is: the same question about the blocks' extremes.
    let mut chosen = Scratch::<i64>::new(kept)?;
    let chosen_data = chosen.uninit().as_mut_ptr().cast();
    // SAFETY: both have as many elements, and the extremes are written.
    let (mut chosen_array, extremes) = unsafe {
        (
            ArrayMut::from_raw(chosen_data, DType::I64, &[kept], &[1])?,
            Array::from_raw(values.get(), tree.fold.dtype, &[blocks, kept], &[kept as isize, 1])?,
        )
    };
    let chosen_target = Target::new(&mut chosen_array, &Order::of_one(), Casts::new(DType::I64, DType::I64));
    indices(&Tree::of_partials(tree.fold, &extremes), threads, &chosen_target)?;
    // SAFETY: all are written.
    let chosen = unsafe { chosen.assume_init() };
    for start in (0..kept).step_by(TILE) {
        let kept_here = start..(start + TILE).min(kept);
        let mut here = [0; TILE];
        for (at, result) in here.iter_mut().zip(kept_here.clone()) {
            let block = chosen[result] as usize;
            // SAFETY: the extremes and the places are there; a chosen block is one.
            unsafe {
                if later {
                    tree.find(block, 0..1, values.at(block * size), std::array::from_mut(at));
                } else {
                    *at = found.at(block * kept + result).read();
                }
            }
        }
        // SAFETY: as many indices.
        unsafe { target.write(kept_here, here.as_ptr().cast()) };
    }
    Ok(())
}

impl Tree<'_> {
    /// Finds the first element of a block that is the extreme, for each of some results. Where there is none, because
    /// somebody has changed it meanwhile, it is the first of the block.
    ///
    /// # Safety
    /// The block is there, and so are these results and their extremes.
    unsafe fn find(&self, block: usize, kept: Range<usize>, extremes: *const u8, places: &mut [i64]) {
        let first = block * BLOCK;
        let rows = BLOCK.min(self.reduced - first);
        let search = Search::of(self.fold.dtype);
        let mut buffers = Buffers::new();
        // SAFETY: the lines have these elements.
        unsafe {
            if self.side == Side::Columns {
                let mut last = [0u32; WIDE];
                let last = &mut last[..kept.len()];
                // From the last row to the first, so that the first one stays.
                for row in (0..rows).rev() {
                    let line = Line::Kept { reduced: first + row };
                    let limit = self.feed.limit(line, 1);
                    let mut start = kept.start;
                    while start < kept.end {
                        let len = limit.min(kept.end - start);
                        let at = start - kept.start;
                        let elements = self.feed.bring(&self.fold, line, start, len, &mut buffers);
                        let extremes = extremes.add(at * self.fold.dtype.size());
                        (search.mark)(elements, extremes, &mut last[at..at + len], row as u32);
                        start += len;
                    }
                }
                for (place, &row) in places.iter_mut().zip(last.iter()) {
                    *place = (first + row as usize) as i64;
                }
                return;
            }
            for (i, kept) in kept.enumerate() {
                let line = if self.kept == 1 { Line::All } else { Line::Reduced { kept } };
                let extreme = extremes.add(i * self.fold.dtype.size());
                let mut start = first;
                places[i] = first as i64;
                while start < first + rows {
                    let len = self.feed.limit(line, 1).min(first + rows - start);
                    let elements = self.feed.bring(&self.fold, line, start, len, &mut buffers);
                    let at = (search.first)(elements, extreme, len);
                    if at < len {
                        places[i] = (start + at) as i64;
                        break;
                    }
                    start += len;
                }
            }
        }
    }
}

/// Where an extreme is. An element that is NaN is the extreme if there is one.
struct Search {
    /// The first place among elements, or their number.
    first: unsafe fn(*const u8, *const u8, usize) -> usize,
    /// Writes the row where its elements are the extremes.
    mark: unsafe fn(*const u8, *const u8, &mut [u32], u32),
}

impl Search {
    fn of(dtype: DType) -> Search {
        fn of<T: Element>() -> Search {
            Search { first: first::<T>, mark: mark::<T> }
        }
        match dtype {
            DType::Bool | DType::U8 | DType::I8 => of::<u8>(),
            DType::U16 | DType::I16 => of::<u16>(),
            DType::U32 | DType::I32 => of::<u32>(),
            DType::U64 | DType::I64 => of::<u64>(),
            DType::F16 | DType::F32 => of::<f32>(),
            DType::F64 => of::<f64>(),
        }
    }
}

unsafe fn first<T: Element>(elements: *const u8, extreme: *const u8, len: usize) -> usize {
    // SAFETY: the caller's promise.
    let extreme = unsafe { extreme.cast::<T>().read() };
    Isa::best().run_narrow(First { elements: elements.cast(), extreme, len })
}

/// Whether an element is the extreme.
#[inline(always)]
#[allow(clippy::eq_op)]
fn is_extreme<T: Element>(element: T, extreme: T) -> bool {
    (element == extreme) | (element != element)
}

struct First<T> {
    elements: *const T,
    extreme: T,
    len: usize,
}

impl<T: Element> Kernel for First<T> {
    type Output = usize;

    #[inline(always)]
    fn run(self) -> usize {
        const STEP: usize = 64;
        let mut start = 0;
        while start < self.len {
            let end = (start + STEP).min(self.len);
            // SAFETY: below `len`.
            let is = |i: usize| is_extreme(unsafe { self.elements.add(i).read() }, self.extreme);
            let mut any = false;
            for i in start..end {
                any |= is(i);
            }
            if any {
                // It may not be there any more: then the next ones are looked at.
                if let Some(found) = (start..end).find(|&i| is(i)) {
                    return found;
                }
            }
            start = end;
        }
        self.len
    }
}

unsafe fn mark<T: Element>(elements: *const u8, extremes: *const u8, places: &mut [u32], row: u32) {
    Isa::best().run_narrow(Mark::<T> { elements: elements.cast(), extremes: extremes.cast(), places, row });
}

struct Mark<'a, T> {
    elements: *const T,
    extremes: *const T,
    places: &'a mut [u32],
    row: u32,
}

impl<T: Element> Kernel for Mark<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (i, place) in self.places.iter_mut().enumerate() {
            // SAFETY: as many elements and extremes as places.
            let is = unsafe { is_extreme(self.elements.add(i).read(), self.extremes.add(i).read()) };
            *place = if is { self.row } else { *place };
        }
    }
}
