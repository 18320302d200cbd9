//! Copies of arrays with their axes in another order.

mod tile;

use crate::array::{Array, ArrayMut};
use crate::elementwise::{Elementwise, copy};
use crate::error::{Result, refuse};
use crate::isa::Isa;
use crate::overlap::{may_overlap, overlaps_itself};
use crate::share::Share;
use crate::stream;
use crate::threads::Threads;

use tile::{Tiles, Word};

/// Elements along the input's unit axis, in lines of the cache, that are copied for all of the output's unit axis before
/// the next ones: so many places of the output are written in turn, which the second level of address translation holds.
const BLOCK_LINES: usize = 32;

/// Elements along the output's unit axis that one thread takes at a time.
const RUN: usize = 4096;

/// Copies `a` with its axes in another order: axis i of `out` is axis `axes[i]` of `a`; without `axes`, in reverse order.
/// NumPy's `copyto(out, transpose(a, axes))`.
///
/// Any strides. Where the axis along which `a` is contiguous is not the one along which `out` is, elements are moved in
/// square tiles as wide as a line of the cache. `out` has the type of `a`, or one that NumPy's `same_kind` rule lets it be
/// cast to; it must not overlap `a`.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] unless `axes` names each axis once, and for types, shapes, ranges and overlap that do
/// not fit. Nothing was written then.
pub fn transpose(out: ArrayMut<'_>, a: &Array<'_>, axes: Option<&[usize]>, share: &Share) -> Result<()> {
    let reversed: Vec<usize> = (0..a.rank()).rev().collect();
    let a = a.permute(axes.unwrap_or(&reversed))?;
    if a.shape() != out.shape() {
        return refuse(format!("the axes have the lengths {:?}, but those of the output {:?}", a.shape(), out.shape()));
    }
    if may_overlap(&out, &a) {
        return refuse("the output of a transposition must not overlap its input");
    }
    let (target, source) = (share.of_input(&out)?, share.of_input(&a)?);
    match Plan::new(&target, &source).filter(|_| a.dtype() == out.dtype() && !overlaps_itself(&out)) {
        Some(plan) => plan.run(share.threads),
        None => {
            let Share { threads, range } = share.clone();
            copy(out, &a, &Elementwise { threads, range, mask: None })?;
        }
    }
    Ok(())
}

/// Axes of both arrays: the length, and the elements from one index to the next in the output and in the input.
#[derive(Debug, Clone, Copy)]
struct Axis {
    length: usize,
    out: isize,
    input: isize,
}

/// A copy for which it pays to move squares.
struct Plan {
    out: *mut u8,
    input: *const u8,
    /// Bytes of an element.
    size: usize,
    /// The axis along which the output is contiguous, and the one along which the input is.
    row: Axis,
    column: Axis,
    others: Vec<Axis>,
    /// Whether the output is stored past the caches.
    stream: bool,
}

// SAFETY: threads that share one write to places of their own; the memory may be used from any thread.
unsafe impl Sync for Plan {}

impl Plan {
    /// The copy from `input` to `out`, which have one shape; none where another way is better.
    fn new(out: &Array<'_>, input: &Array<'_>) -> Option<Plan> {
        let mut axes: Vec<Axis> = Vec::with_capacity(out.rank());
        for (axis, &length) in out.shape().iter().enumerate().filter(|(_, length)| **length != 1) {
            let next = Axis { length, out: out.strides()[axis], input: input.strides()[axis] };
            let steps = length as isize;
            match axes.last_mut() {
                // Two axes that are one.
                Some(last) if last.out == next.out * steps && last.input == next.input * steps => {
                    *last = Axis { length: last.length * length, ..next };
                }
                _ => axes.push(next),
            }
        }
        let row = axes.iter().position(|axis| axis.out == 1 && axis.input != 1)?;
        let row = axes.remove(row);
        let column = axes.iter().position(|axis| axis.input == 1 && axis.out != 1)?;
        let column = axes.remove(column);
        let size = out.dtype().size();
        let aligned = |elements: isize| (elements * size as isize) % stream::LINE_BYTES as isize == 0;
        let stream = out.size() * size >= stream::last_level_cache()
            && (out.data() as usize).is_multiple_of(stream::LINE_BYTES)
            && aligned(column.out)
            && axes.iter().all(|axis| aligned(axis.out));
        (out.size() > 0).then(|| Plan {
            out: out.data().cast_mut(),
            input: input.data(),
            size,
            row,
            column,
            others: axes,
            stream,
        })
    }

    fn run(&self, threads: Threads) {
        match self.size {
            1 => self.copy::<u8, 64>(threads),
            2 => self.copy::<u16, 32>(threads),
            4 => self.copy::<u32, 16>(threads),
            _ => self.copy::<u64, 8>(threads),
        }
    }

    /// Copies elements as words of their size, `LINE` of which make a line.
    fn copy<W: Word<LINE>, const LINE: usize>(&self, threads: Threads) {
        let block = LINE * BLOCK_LINES;
        let (blocks, runs) = (self.column.length.div_ceil(block), self.row.length.div_ceil(RUN));
        let others: usize = self.others.iter().map(|axis| axis.length).product();
        let work = block.min(self.column.length) * RUN.min(self.row.length);
        threads.split(others * blocks * runs, 1, work, |part| {
            for i in part {
                let (mut other, column, row) = (i / (blocks * runs), i / runs % blocks * block, i % runs * RUN);
                let mut out = row as isize + column as isize * self.column.out;
                let mut input = row as isize * self.row.input + column as isize;
                for axis in self.others.iter().rev() {
                    let index = (other % axis.length) as isize;
                    other /= axis.length;
                    out += index * axis.out;
                    input += index * axis.input;
                }
                let tiles = Tiles::<W, LINE> {
                    out: self.out.cast::<W>().wrapping_offset(out),
                    out_step: self.column.out,
                    input: self.input.cast::<W>().wrapping_offset(input),
                    input_step: self.row.input,
                    rows: (self.row.length - row).min(RUN),
                    columns: (self.column.length - column).min(block),
                    stream: self.stream,
                };
                Isa::best().run_narrow(tiles);
            }
            if self.stream {
                stream::fence();
            }
        });
    }
}
