//! A word per slot, beside the word that all share.

use crate::primitive::AtomicU64;

/// Entries in a cache line of 64 bytes.
const PER_LINE: usize = 8;

/// How many entries a table for so many slots needs. They are 8 bytes each and begin on a cache line.
pub const fn entries(slots: usize) -> usize {
    slots.next_multiple_of(PER_LINE)
}

/// The entries of one object: [`entries`] of them, in an order in which those of neighbouring slots lie on different
/// cache lines.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a>(pub &'a [AtomicU64]);

impl<'a> Table<'a> {
    /// The entry of a slot.
    pub fn entry(self, slot: u32) -> &'a AtomicU64 {
        let lines = self.0.len() / PER_LINE;
        &self.0[slot as usize % lines * PER_LINE + slot as usize / lines]
    }

    /// The slots that it has entries for: as many as were asked for, or a few more.
    pub fn slots(self) -> std::ops::Range<u32> {
        0..self.0.len() as u32
    }

    /// All entries, each with its slot, in no order.
    pub fn iter(self) -> impl Iterator<Item = (u32, &'a AtomicU64)> {
        let lines = self.0.len() / PER_LINE;
        self.0.iter().enumerate().map(move |(at, entry)| ((at % PER_LINE * lines + at / PER_LINE) as u32, entry))
    }
}
