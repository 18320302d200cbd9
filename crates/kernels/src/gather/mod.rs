//! Elements at indices: to take them, to put them, to compute with them, to add to them.
//!
//! All indices are looked at before anything is written, and a wrong one is refused. They are read a second time when they
//! are used, and checked again: what another process makes of them meanwhile leads to some element, never out of the array.
//! Threads that write to indexed elements have a range of these each, and go through all indices: so the result is
//! the same for any number of threads.

use std::mem::MaybeUninit;
use std::ops::Range;

use crate::array::{Array, ArrayMut, Shape};
use crate::elements::{BLOCK, Block, Elements, ElementsMut, blocks};
use crate::elementwise::moves::with_size;
use crate::error::{Result, refuse};
use crate::overlap::{may_overlap, overlaps_itself};
use crate::share::{Share, axis_of};
use crate::threads::{LINE, Threads};

mod accumulate;
mod combine;
pub(crate) mod indices;
mod nearby;

pub use accumulate::{Accumulation, scatter_add};
pub use combine::combine_at;
use indices::Indices;

/// `out = a[indices]`, as NumPy's `take`: elements of `a` in C order without an axis, else along that axis, whose place in
/// the shape of `out` the axes of `indices` take.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for different types, shapes that do not fit, an index out of range, and an `out` that
/// shares memory with the others.
pub fn take(out: ArrayMut<'_>, a: &Array<'_>, indices: &Array<'_>, axis: Option<isize>, share: &Share) -> Result<()> {
    check_place(&out, &[a, indices])?;
    if out.dtype() != a.dtype() {
        return refuse(format!("what is taken from {} is not of type {}", a.dtype(), out.dtype()));
    }
    let axis = axis.map(|axis| axis_of(axis, a.rank())).transpose()?;
    let rows = Rows::new(a, axis)?;
    check_shape(&out, &rows.shape_at(indices, a, axis)?)?;
    let inner = axis.is_some_and(|axis| axis > 0);
    if share.range.is_some() && !inner && indices.rank() == 0 {
        return refuse("a range needs an axis of the indices");
    }
    let (a, indices) = if inner { (share.of_input(a)?, *indices) } else { (*a, share.of_input(indices)?) };
    let rows = Rows::new(&a, axis)?;
    let mut out = share.of_out(out)?.into_permuted(&axes_first(&a, axis, indices.rank()))?;
    let indices = Indices::new(&indices, rows.count, share.threads)?;
    let out = ElementsMut::new(&mut out);
    if out.len() == 0 {
        return Ok(());
    }
    share.threads.split(indices.len(), BLOCK, rows.length, |part| {
        for (start, len) in blocks(part) {
            let mut block = [0; BLOCK];
            take_block(&rows, indices.read(start, len, &mut block), &out, start);
        }
    });
    Ok(())
}

/// `out[indices] = values`, as NumPy's `put`: elements of `out` in C order without an axis, else along that axis. The
/// values are broadcast to the shape that [`take`] would give. Where an index occurs several times, the last one wins.
/// A range is one of the first axis of the indices.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for different types, shapes that do not fit, an index out of range, and an `out` that
/// shares memory with the others.
pub fn put(
    out: ArrayMut<'_>,
    indices: &Array<'_>,
    values: &Array<'_>,
    axis: Option<isize>,
    share: &Share,
) -> Result<()> {
    check_place(&out, &[indices, values])?;
    if out.dtype() != values.dtype() {
        return refuse(format!("{} values are not put among {}: cast them", values.dtype(), out.dtype()));
    }
    let axis = axis.map(|axis| axis_of(axis, out.rank())).transpose()?;
    let rows = Rows::new(&out, axis)?;
    let values = values.broadcast(&rows.shape_at(indices, &out, axis)?)?;
    let mut values = values.permute(&axes_first(&out, axis, indices.rank()))?;
    let mut indices = *indices;
    if let Some(range) = &share.range {
        (indices, values) = (indices.slice(0, range.clone())?, values.slice(0, range.clone())?);
    }
    let indices = Indices::new(&indices, rows.count, share.threads)?;
    let mut out = match axis {
        Some(axis) => {
            let order = axis_first(axis, out.rank());
            out.into_permuted(&order)?
        }
        None => out,
    };
    let (out, values, length) = (ElementsMut::new(&mut out), Elements::new(&values), rows.length);
    if values.len() == 0 {
        return Ok(());
    }
    each_owner(share.threads, &indices, length, |owned| {
        let mut block = [0; BLOCK];
        for (start, len) in blocks(0..indices.len()) {
            put_block(&out, indices.read(start, len, &mut block), &owned, &values, start, length);
        }
    });
    Ok(())
}

/// Calls `part` with the ranges of indexed elements that threads own, at once.
pub(crate) fn each_owner(
    threads: Threads,
    indices: &Indices<'_>,
    work: usize,
    part: impl Fn(Range<usize>) + Sync + Send,
) {
    let threads = threads.for_work(indices.len().saturating_mul(work));
    threads.for_each(threads.parts(indices.limit(), LINE), part);
}

/// An array as rows that are indexed: one for each index of an axis, or for each element.
struct Rows<'a> {
    elements: Elements<'a>,
    count: usize,
    /// Elements of a row, one after the other in C order.
    length: usize,
}

impl<'a> Rows<'a> {
    fn new(a: &Array<'a>, axis: Option<usize>) -> Result<Rows<'a>> {
        let Some(axis) = axis else {
            return Ok(Rows { elements: Elements::new(a), count: a.size(), length: 1 });
        };
        let turned = a.permute(&axis_first(axis, a.rank()))?;
        let length = turned.shape()[1..].iter().product();
        Ok(Rows { elements: Elements::new(&turned), count: turned.shape()[0], length })
    }

    /// The shape of `a[indices]`.
    fn shape_at(&self, indices: &Array<'_>, a: &Array<'_>, axis: Option<usize>) -> Result<Shape> {
        match axis {
            None => Ok(*indices.shape()),
            Some(axis) => Shape::new(&[&a.shape()[..axis], &indices.shape()[..], &a.shape()[axis + 1..]].concat()),
        }
    }
}

/// The order of axes in which `axis` is the first one.
fn axis_first(axis: usize, rank: usize) -> Vec<usize> {
    [axis].into_iter().chain((0..rank).filter(|&i| i != axis)).collect()
}

/// The order of the axes of `a[indices]` in which those of the indices are the first ones.
fn axes_first(a: &Array<'_>, axis: Option<usize>, indices: usize) -> Vec<usize> {
    let (axis, rank) = axis.map_or((0, indices), |axis| (axis, a.rank() - 1 + indices));
    let of_indices = axis..axis + indices;
    of_indices.clone().chain((0..rank).filter(|i| !of_indices.contains(i))).collect()
}

fn check_shape(out: &Array<'_>, shape: &Shape) -> Result<()> {
    if out.shape() != shape {
        return refuse(format!("the result has the shape {shape:?}, not {:?}", out.shape()));
    }
    Ok(())
}

/// Refuses an output that shares memory with an input, or with itself.
pub(crate) fn check_place(out: &Array<'_>, inputs: &[&Array<'_>]) -> Result<()> {
    if overlaps_itself(out) {
        return refuse("the result has several elements in one place");
    }
    if inputs.iter().any(|input| may_overlap(out, input)) {
        return refuse("the result overlaps an input");
    }
    Ok(())
}

/// Writes the rows at these indices to the rows of `out` from `first` on.
fn take_block(rows: &Rows<'_>, indices: &[usize], out: &ElementsMut<'_>, first: usize) {
    if rows.length > 1 {
        let mut block: Block = [0; BLOCK];
        for (i, &index) in indices.iter().enumerate() {
            copy_row(&rows.elements, index * rows.length, out, (first + i) * rows.length, rows.length, &mut block);
        }
        return;
    }
    // Where they belong, if they lie one after the other there.
    let mut block = MaybeUninit::<Block>::uninit();
    let in_place = matches!(out.as_elements().line(), Some((_, 1)));
    let to = if in_place { out.at(first) } else { block.as_mut_ptr().cast() };
    with_size!(out.dtype(), W => {
        let to = to.cast::<W>();
        if let Some((data, step)) = rows.elements.line() {
            let data = data.cast::<W>();
            for (i, &index) in indices.iter().enumerate() {
                // SAFETY: the index is one of an element; the block has room, and `out` a place that this thread alone
                // writes to.
                unsafe { to.add(i).write(data.wrapping_offset(index as isize * step).read()) };
            }
        } else {
            for (i, &index) in indices.iter().enumerate() {
                // SAFETY: as above.
                unsafe { to.add(i).write(rows.elements.at(index).cast::<W>().read()) };
            }
        }
    });
    if !in_place {
        // SAFETY: as above.
        unsafe { out.write(first, indices.len(), to) };
    }
}

/// Copies `length` elements: to where they lie one after the other at once, else by way of the block.
fn copy_row(from: &Elements<'_>, start: usize, to: &ElementsMut<'_>, place: usize, length: usize, block: &mut Block) {
    if let Some((_, 1)) = to.as_elements().line() {
        // SAFETY: both are rows, which do not overlap; this thread alone writes there.
        unsafe { from.read(start, length, to.at(place)) };
        return;
    }
    for (done, len) in blocks(0..length) {
        // SAFETY: as above, and the block has room.
        unsafe {
            from.read(start + done, len, block.as_mut_ptr().cast());
            to.write(place + done, len, block.as_ptr().cast());
        }
    }
}

/// Writes the values from row `first` on to the rows at those of the indices that are `owned`.
fn put_block(
    out: &ElementsMut<'_>,
    indices: &[usize],
    owned: &Range<usize>,
    values: &Elements<'_>,
    first: usize,
    length: usize,
) {
    let mut block: Block = [0; BLOCK];
    if length > 1 {
        for (i, &index) in indices.iter().enumerate().filter(|(_, index)| owned.contains(index)) {
            copy_row(values, (first + i) * length, out, index * length, length, &mut block);
        }
        return;
    }
    let from = block.as_mut_ptr();
    // SAFETY: the block has room for as many, and there is a value for each index.
    unsafe { values.read(first, indices.len(), from.cast()) };
    let line = out.as_elements().line();
    with_size!(out.dtype(), W => {
        let from = from.cast::<W>();
        for (i, &index) in indices.iter().enumerate() {
            if owned.contains(&index) {
                let place = match line {
                    Some((data, step)) => data.cast_mut().cast::<W>().wrapping_offset(index as isize * step),
                    None => out.at(index).cast::<W>(),
                };
                // SAFETY: the index is one of an element, which this thread alone writes to; the block has the value.
                unsafe { place.write(from.add(i).read()) };
            }
        }
    });
}
