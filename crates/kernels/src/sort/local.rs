//! Sorting of items that fit in a core's cache, on one thread: one or two passes of a radix sort from the least significant
//! digit, and then what is still equal in these digits by itself.

use std::mem::MaybeUninit;

use crate::scratch::{written, written_mut};

use super::radix::Item;

/// Items up to so many are sorted by comparisons.
const SMALL: usize = 64;

/// Bits of a digit. Their counts stay in the first-level cache.
const DIGIT: u32 = 11;

/// Items, to be overwritten.
pub(super) fn uninit<T: Copy>(items: &mut [T]) -> &mut [MaybeUninit<T>] {
    // SAFETY: the same memory, and nothing of `T` needs to be dropped. Whoever gets it reads only what he has written.
    unsafe { std::slice::from_raw_parts_mut(items.as_mut_ptr().cast(), items.len()) }
}

/// The least and the greatest key.
pub(super) fn extent_of<T: Item>(items: &[T]) -> (u64, u64) {
    let mut range = (u64::MAX, 0);
    for item in items {
        range = (range.0.min(item.key()), range.1.max(item.key()));
    }
    range
}

/// Sorts on this thread. Whether the result is in `spare`.
pub(super) fn local<T: Item>(items: &mut [T], spare: &mut [MaybeUninit<T>]) -> bool {
    if items.len() <= SMALL {
        items.sort_unstable();
        return false;
    }
    let (low, high) = extent_of(items);
    if low == high {
        return false;
    }
    let width = u64::BITS - (high - low).leading_zeros();
    // One bit more than the items need to be told apart, were their keys spread evenly; some more where they come cheap.
    let enough = items.len().ilog2() + 1;
    let used = width.min(if enough <= DIGIT { enough } else { enough + 2 });
    if used <= DIGIT {
        let shift = width - used;
        let [mut counts] = count(items, low, [shift], used);
        let sorted = scatter(items, spare, &mut counts, low, shift, used);
        settle(sorted, uninit(items), low, shift);
        return true;
    }
    let digit = used.div_ceil(2);
    let shift = width.saturating_sub(2 * digit);
    let [mut lower, mut upper] = count(items, low, [shift, shift + digit], digit);
    let half = scatter(items, spare, &mut lower, low, shift, digit);
    let sorted = scatter(half, uninit(items), &mut upper, low, shift + digit, digit);
    settle(sorted, uninit(half), low, shift);
    false
}

type Counts = [u32; 1 << DIGIT];

/// How often each value of the digits of `bits` bits at these places occurs.
fn count<T: Item, const DIGITS: usize>(items: &[T], low: u64, shifts: [u32; DIGITS], bits: u32) -> [Counts; DIGITS] {
    let mask = ((1 << bits) - 1) & (size_of::<Counts>() / size_of::<u32>() - 1);
    let mut counts = [[0; 1 << DIGIT]; DIGITS];
    for item in items {
        let key = item.key() - low;
        for (counts, shift) in counts.iter_mut().zip(shifts) {
            counts[(key >> shift) as usize & mask] += 1;
        }
    }
    counts
}

/// One pass of a radix sort: items by one digit, those of equal digits in the order in which they were.
fn scatter<'m, T: Item>(
    items: &[T],
    out: &'m mut [MaybeUninit<T>],
    counts: &mut Counts,
    low: u64,
    shift: u32,
    bits: u32,
) -> &'m mut [T] {
    let mask = ((1 << bits) - 1) & (size_of::<Counts>() / size_of::<u32>() - 1);
    let mut start = 0;
    for count in &mut counts[..=mask] {
        start += std::mem::replace(count, start);
    }
    assert!(start as usize == items.len() && out.len() == items.len());
    for &item in items {
        let place = &mut counts[((item.key() - low) >> shift) as usize & mask];
        // SAFETY: the counts were made over these items with the same digit, and add up to the length: each place is
        // below it, and given once.
        unsafe { out.get_unchecked_mut(*place as usize).write(item) };
        *place += 1;
    }
    // SAFETY: so every place has been written.
    unsafe { written_mut(out) }
}

/// Sorts items that are already in the order of the bits from `shift` up: by insertion where few are equal in them.
fn settle<T: Item>(items: &mut [T], spare: &mut [MaybeUninit<T>], low: u64, shift: u32) {
    const FEW: usize = 16;
    let mut i = if shift > 0 { 1 } else { items.len() };
    while i < items.len() {
        let item = items[i];
        let mut place = i;
        while place > 0 && i - place < FEW && item.key() < items[place - 1].key() {
            items[place] = items[place - 1];
            place -= 1;
        }
        if place < i {
            items[place] = item;
        }
        if i - place < FEW {
            i += 1;
            continue;
        }
        let upper = |item: &T| (item.key() - low) >> shift;
        let same = |other: &T| upper(other) == upper(&item);
        let start = i - items[..i].iter().rev().take_while(|other| same(other)).count();
        let end = i + items[i..].iter().take_while(|other| same(other)).count();
        let (run, room) = (&mut items[start..end], &mut spare[start..end]);
        if local(run, room) {
            // SAFETY: `local` has put the result there.
            run.copy_from_slice(unsafe { written(room) });
        }
        i = end;
    }
}
