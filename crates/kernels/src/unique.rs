//! The different values of an array.

use crate::array::{Array, ArrayMut};
use crate::elements::{BLOCK, Block, Elements, ElementsMut, blocks};
use crate::elementwise::moves::with_size;
use crate::error::{Result, refuse};
use crate::gather::check_place;
use crate::scratch::Scratch;
use crate::share::Shared;
use crate::sort::keys::Word;
use crate::sort::radix::{self, Item, Packed, Pair};
use crate::sort::{check_index_dtype, read_items, write_indices};
use crate::threads::Threads;

/// What [`unique`] tells of each value besides; each along one axis, of type int32, uint32, int64 or uint64.
#[derive(Debug, Default)]
pub struct Details<'a> {
    /// How often it occurs.
    pub counts: Option<ArrayMut<'a>>,
    /// The index of its first occurrence, in C order.
    pub index: Option<ArrayMut<'a>>,
    /// For each element of the input, in C order, the place of its value in `out`.
    pub inverse: Option<ArrayMut<'a>>,
}

/// Writes the different values of `a` in ascending order to the beginning of `out`, and says how many there are.
///
/// `out`, counts and index must have room for them, at most as many as `a` has elements; what comes after is not touched.
/// All NaNs are one value and come last; -0.0 is 0.0.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for different types, too little room, and memory that is shared;
/// [`crate::Error::OutOfMemory`]: needs the memory of `a` three times; with index or inverse, 24 bytes (for 64-bit types,
/// 48) for each element.
pub fn unique(mut out: ArrayMut<'_>, a: &Array<'_>, mut details: Details<'_>, threads: Threads) -> Result<usize> {
    if out.dtype() != a.dtype() {
        return refuse(format!("the values of {} are not of type {}", a.dtype(), out.dtype()));
    }
    let Details { counts, index, inverse } = &details;
    let outputs = [Some(&*out), counts.as_deref(), index.as_deref(), inverse.as_deref()];
    for (i, output) in outputs.iter().enumerate() {
        let Some(output) = output else { continue };
        if output.rank() != 1 {
            return refuse(format!("values lie along one axis, not {}", output.rank()));
        }
        let others = outputs.iter().enumerate().filter(|(j, _)| *j != i).filter_map(|(_, other)| *other);
        check_place(output, &others.chain([a]).collect::<Vec<_>>())?;
        if i > 0 {
            check_index_dtype(output.dtype(), a.size() + 1)?;
        }
    }
    if inverse.as_ref().is_some_and(|inverse| inverse.size() != a.size()) {
        return refuse(format!("the inverse has {} elements", a.size()));
    }
    let indexed = index.is_some() || inverse.is_some();
    let outputs = Outputs {
        values: ElementsMut::new(&mut out),
        counts: details.counts.as_mut().map(ElementsMut::new),
        index: details.index.as_mut().map(ElementsMut::new),
        inverse: details.inverse.as_mut().map(ElementsMut::new),
    };
    let wide = a.dtype().size() == 8;
    match (indexed, wide || a.size() > u32::MAX as usize) {
        (false, _) if wide => outputs.write(a, threads, |key, _| key, |_| 0),
        (false, _) => outputs.write(a, threads, |key, _| key as u32, |_| 0),
        (true, true) => outputs.write(a, threads, |key, i| Pair { key, index: i as u64 }, |pair| pair.index),
        (true, false) => {
            let low = u64::from(u32::MAX);
            outputs.write(a, threads, |key, i| Packed(key << 32 | i as u64), move |packed| packed.0 & low)
        }
    }
}

struct Outputs<'a> {
    values: ElementsMut<'a>,
    counts: Option<ElementsMut<'a>>,
    index: Option<ElementsMut<'a>>,
    inverse: Option<ElementsMut<'a>>,
}

impl Outputs<'_> {
    fn write<T: Item>(
        &self,
        a: &Array<'_>,
        threads: Threads,
        item: impl Fn(u64, usize) -> T + Sync,
        index: impl Fn(T) -> u64,
    ) -> Result<usize> {
        let elements = Elements::new(a);
        let len = elements.len();
        let (mut items, mut spare, mut sorted) = (Scratch::new(len)?, Scratch::new(len)?, Scratch::<T>::new(len)?);
        let items = read_items(&elements, 0, len, &mut items, threads, &item);
        let place = Shared::new(sorted.uninit().as_mut_ptr().cast::<T>());
        radix::sort(items, spare.uninit(), threads, &|at, piece| {
            // SAFETY: pieces of as much memory, each of which has a place of its own.
            unsafe { place.at(at).copy_from_nonoverlapping(piece.as_ptr(), piece.len()) };
        });
        // SAFETY: the pieces are all of it.
        let sorted = unsafe { sorted.assume_init() };
        let groups = || sorted.chunk_by(|x, y| x.key() == y.key());
        let count = groups().count();
        for room in [Some(&self.values), self.counts.as_ref(), self.index.as_ref()].into_iter().flatten() {
            if room.len() < count {
                return refuse(format!("there are {count} different values, and room for {}", room.len()));
            }
        }
        self.write_values(groups().map(|group| group[0].key()), count);
        if let Some(counts) = &self.counts {
            write_indices(counts, 0, count, groups().map(|group| group.len() as u64));
        }
        if let Some(first) = &self.index {
            write_indices(first, 0, count, groups().map(|group| index(group[0])));
        }
        if let Some(inverse) = &self.inverse {
            for (number, group) in groups().enumerate() {
                group.iter().for_each(|&item| write_index(inverse, index(item) as usize, number));
            }
        }
        Ok(count)
    }

    /// Writes the elements of canonical keys.
    fn write_values(&self, mut keys: impl Iterator<Item = u64>, count: usize) {
        let dtype = self.values.dtype();
        for (start, len) in blocks(0..count) {
            let mut block: Block = [0; BLOCK];
            with_size!(dtype, W => {
                // SAFETY: a block has room for as many words of at most 8 bytes.
                let words = unsafe { std::slice::from_raw_parts_mut(block.as_mut_ptr().cast::<W>(), len) };
                words.iter_mut().zip(&mut keys).for_each(|(word, key)| *word = key as W);
                W::to_elements(words, dtype);
            });
            // SAFETY: there is room for `count` values.
            unsafe { self.values.write(start, len, block.as_ptr().cast()) };
        }
    }
}

/// Writes an index, which the type of `out` holds, to a position.
fn write_index(out: &ElementsMut<'_>, position: usize, index: usize) {
    assert!(position < out.len());
    let place = out.at(position);
    // SAFETY: an element of `out`; of the two sizes of indices, it has one.
    unsafe {
        match out.dtype().size() {
            4 => place.cast::<u32>().write(index as u32),
            _ => place.cast::<u64>().write(index as u64),
        }
    }
}
