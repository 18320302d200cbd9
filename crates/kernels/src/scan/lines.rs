//! A scan along lines: one line after the other, lines in parts, or lines side by side.

use std::mem::MaybeUninit;
use std::ops::Range;

use crate::cast::Casts;
use crate::error::Result;
use crate::field::{Field, Line, TILE};
use crate::scratch::Scratch;
use crate::share::Shared;
use crate::stream;
use crate::threads::Threads;

use super::BLOCK;
use super::steps::{Row, Steps};

/// Lines that are worth being scanned side by side.
const FEW: usize = 16;

/// Bytes of a tile of accumulators.
type Tile = MaybeUninit<[u64; TILE]>;

/// A scan with its operands.
pub(super) struct Lines<'a> {
    pub steps: Steps,
    /// What makes accumulators of elements, and elements of `output` of results.
    pub load: Casts,
    pub store: Casts,
    /// The scanned axes count as reduced ones here.
    pub input: Field<'a>,
    pub output: Field<'a>,
    pub in_place: bool,
    /// Whether results go past the caches.
    pub streams: bool,
    /// Elements of a line.
    pub length: usize,
    /// Lines.
    pub count: usize,
    /// The elements of each line that are written.
    pub part: Range<usize>,
    pub threads: Threads,
}

impl Lines<'_> {
    /// Does it.
    pub fn run(&self) -> Result<()> {
        let (along, across) = self.input.steps();
        if self.count >= FEW && self.input.kept_row() >= FEW && across.unsigned_abs() < along.unsigned_abs() {
            let width = (self.count / self.threads.count()).clamp(FEW, TILE);
            let tiles = self.count.div_ceil(width);
            self.threads.split(tiles, 1, width * self.length, |tiles| {
                for tile in tiles {
                    self.across(tile * width..((tile + 1) * width).min(self.count));
                }
            });
        } else if self.count >= self.threads.count() || self.threads.for_work(self.part.end) == Threads::ONE {
            self.threads.split(self.count, 1, self.length, |lines| {
                for line in lines {
                    let mut before = self.steps.identity;
                    self.along(line, 0..self.part.end, &mut before);
                }
            });
        } else {
            for line in 0..self.count {
                self.in_parts(line)?;
            }
        }
        Ok(())
    }

    /// Scans a line in parts at once. First the totals of all blocks that come before the last part.
    fn in_parts(&self, line: usize) -> Result<()> {
        let first = self.part.start / TILE;
        let mut parts: Vec<(Range<usize>, u64)> = self
            .threads
            .parts(self.part.end.div_ceil(TILE) - first, 1)
            .into_iter()
            .map(|tiles| ((first + tiles.start) * TILE..((first + tiles.end) * TILE).min(self.part.end), 0))
            .collect();
        let tiles = parts.last().map_or(0, |(part, _)| part.start / TILE);
        let mut totals = Scratch::<u64>::new(tiles * (TILE / BLOCK))?;
        let place = Shared::new(totals.uninit().as_mut_ptr().cast::<u64>());
        self.threads.split(tiles, 1, TILE, |tiles| {
            let mut buffers = [Tile::uninit(); 3];
            for tile in tiles {
                // SAFETY: a whole tile of the line, and room for its totals, which no other thread writes.
                unsafe {
                    let elements = self.bring(line, tile * TILE, TILE, &mut buffers);
                    self.steps.totals(elements, TILE, place.at(tile * (TILE / BLOCK)));
                }
            }
        });
        // SAFETY: all of them are written.
        let totals = unsafe { &*totals.assume_init() };
        let mut before = self.steps.identity;
        let mut block = 0;
        for (part, before_part) in &mut parts {
            while block * BLOCK < part.start {
                before = self.steps.chain(before, totals[block]);
                block += 1;
            }
            *before_part = before;
        }
        self.threads.for_each(parts, |(part, mut before)| self.along(line, part, &mut before));
        Ok(())
    }

    /// Scans a part of a line that begins with a tile; `before` is what comes before it.
    fn along(&self, line: usize, part: Range<usize>, before: &mut u64) {
        let mut buffers = [Tile::uninit(); 3];
        let kept = Line::Reduced { kept: line };
        for start in part.clone().step_by(TILE) {
            let len = TILE.min(part.end - start);
            // SAFETY: the line has these elements, and buffers have room for a tile.
            unsafe {
                let elements = self.bring(line, start, len, &mut buffers);
                if start + len <= self.part.start {
                    let mut totals = [0; TILE / BLOCK];
                    self.steps.totals(elements, len, totals.as_mut_ptr());
                    for &total in &totals[..len.div_ceil(BLOCK)] {
                        *before = self.steps.chain(*before, total);
                    }
                    continue;
                }
                let skipped = self.part.start.saturating_sub(start);
                let as_they_are = !self.in_place && skipped == 0 && self.store.is_empty();
                let place = self.output.place(kept, start, len).filter(|_| as_they_are);
                // Where the elements are not: they may be in one of the first two buffers.
                let buffer = buffers[2].as_mut_ptr().cast();
                let out = place.filter(|_| !self.streams).unwrap_or(buffer);
                self.steps.tile(elements, len, before, out);
                match place {
                    Some(place) if self.streams => stream::copy(place, buffer, len * 8),
                    Some(_) => {}
                    None => self.put(kept, start + skipped, len - skipped, buffer.add(skipped * 8), &mut buffers),
                }
            }
        }
        if self.streams {
            stream::fence();
        }
    }

    /// Scans these lines side by side.
    fn across(&self, lines: Range<usize>) {
        let mut buffers = [Tile::uninit(); 3];
        let mut before = [self.steps.identity; TILE];
        let mut block = [0; TILE];
        for at in 0..self.part.end {
            let line = Line::Kept { reduced: at };
            // SAFETY: the lines are there, at most a tile.
            unsafe {
                let elements = self.bring_line(line, lines.start, lines.len(), &mut buffers);
                let written = at >= self.part.start;
                let direct = written && !self.in_place && self.store.is_empty();
                let place = self.output.place(line, lines.start, lines.len()).filter(|_| direct);
                let out = place.unwrap_or(buffers[2].as_mut_ptr().cast());
                self.steps.row(&Row {
                    elements,
                    before: before.as_mut_ptr(),
                    block: block.as_mut_ptr(),
                    out,
                    len: lines.len(),
                    begins: at % BLOCK == 0,
                    ends: at % BLOCK == BLOCK - 1,
                });
                if written && place.is_none() {
                    self.put(line, lines.start, lines.len(), out, &mut buffers);
                }
            }
        }
    }

    unsafe fn bring(&self, line: usize, start: usize, len: usize, buffers: &mut [Tile; 3]) -> *const u8 {
        // SAFETY: the caller's promise.
        unsafe { self.bring_line(Line::Reduced { kept: line }, start, len, buffers) }
    }

    /// Elements of a line as accumulators: where they lie, or in one of the first two buffers.
    unsafe fn bring_line(&self, line: Line, start: usize, len: usize, buffers: &mut [Tile; 3]) -> *const u8 {
        let [first, second, _] = buffers.each_mut().map(|buffer| buffer.as_mut_ptr().cast::<u8>());
        // SAFETY: the caller's promise; buffers have room for a tile.
        unsafe {
            let at = self.input.bring(line, start, len, first);
            let free = if std::ptr::eq(at, first) { [second, first] } else { [first, second] };
            self.load.run(at, len, None, free)
        }
    }

    /// Writes results that lie in the third buffer.
    unsafe fn put(&self, line: Line, start: usize, len: usize, results: *const u8, buffers: &mut [Tile; 3]) {
        let [first, second, _] = buffers.each_mut().map(|buffer| buffer.as_mut_ptr().cast::<u8>());
        // SAFETY: the caller's promise; buffers have room for a tile.
        unsafe {
            let from = self.store.run(results, len, None, [first, second]);
            self.output.store(line, start, len, from);
        }
    }
}
