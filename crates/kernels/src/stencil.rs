//! One step of a stencil: each element from itself and its neighbours along the axes.

use std::ops::Range;

use crate::array::{Array, ArrayMut};
use crate::dtype::{DType, Element};
use crate::error::{Result, refuse};
use crate::isa::{Isa, Kernel};
use crate::overlap::{may_overlap, overlaps_itself};
use crate::stream;
use crate::threads::Threads;

/// What becomes of elements that lack a neighbour: the first and the last ones along each axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Boundary {
    /// Those of the output are not touched.
    #[default]
    Untouched,
    /// They are copied from the input.
    Copied,
}

impl Boundary {
    /// All of them, in the order of their codes.
    pub const ALL: [Boundary; 2] = [Boundary::Untouched, Boundary::Copied];
}

/// How a step is done.
#[derive(Debug, Clone, Default)]
pub struct Stencil {
    /// Threads that share the work.
    pub threads: Threads,
    /// The indices of the first axis of the output that are computed; all if not given. The rest is not touched.
    pub range: Option<Range<usize>>,
    /// What becomes of the boundary.
    pub boundary: Boundary,
}

/// `out[i, j] = c[0] a[i, j] + c[1] a[i - 1, j] + c[2] a[i + 1, j] + c[3] a[i, j - 1] + c[4] a[i, j + 1]` for arrays with
/// two axes, and likewise with three elements for one axis and with seven for three: first the element itself, then for
/// each axis the neighbour before and the one after.
///
/// `coefficients` are two for each axis and one more, and are rounded to the type of the arrays: float32 or float64 for
/// both. Terms are added up in this order, each rounded: so NumPy does it with slices, and any share of the work gives the
/// same. `out` has the shape of `a`, and must not overlap it.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for types, shapes, ranges, overlap and numbers of coefficients that do not fit. Nothing
/// was written then.
pub fn stencil(out: ArrayMut<'_>, a: &Array<'_>, coefficients: &[f64], options: &Stencil) -> Result<()> {
    if a.dtype() != out.dtype() || !matches!(a.dtype(), DType::F32 | DType::F64) {
        return refuse(format!(
            "a stencil is for arrays of float32 or of float64, not {} and {}",
            a.dtype(),
            out.dtype()
        ));
    }
    if !(1..=3).contains(&a.rank()) || a.shape() != out.shape() {
        return refuse(format!(
            "a stencil is for arrays of one shape with 1 to 3 axes: {:?}, {:?}",
            a.shape(),
            out.shape()
        ));
    }
    if coefficients.len() != 2 * a.rank() + 1 {
        return refuse(format!("{} axes need {} coefficients", a.rank(), 2 * a.rank() + 1));
    }
    if may_overlap(&out, a) || overlaps_itself(&out) {
        return refuse("the output of a stencil must overlap neither its input nor itself");
    }
    let range = options.range.clone().unwrap_or(0..a.shape()[0]);
    a.slice(0, range.clone())?;
    match a.dtype() {
        DType::F64 => with_points(&out, a, coefficients, |c| c, range, options),
        _ => with_points(&out, a, coefficients, |c| c as f32, range, options),
    }
    Ok(())
}

/// A type that stencils are computed in.
trait Float: Element + Default + std::ops::Mul<Output = Self> + std::ops::Add<Output = Self> {}
impl Float for f32 {}
impl Float for f64 {}

fn with_points<T: Float>(
    out: &Array<'_>,
    a: &Array<'_>,
    coefficients: &[f64],
    round: impl Fn(f64) -> T,
    range: Range<usize>,
    options: &Stencil,
) {
    fn points<T: Float, const N: usize>(coefficients: &[f64], round: impl Fn(f64) -> T) -> [T; N] {
        std::array::from_fn(|i| round(coefficients[i]))
    }
    match a.rank() {
        1 => Step::<T, 3>::new(out, a, points(coefficients, round), options).run(range, options.threads),
        2 => Step::<T, 5>::new(out, a, points(coefficients, round), options).run(range, options.threads),
        _ => Step::<T, 7>::new(out, a, points(coefficients, round), options).run(range, options.threads),
    }
}

/// Elements of a row that are computed before they are stored.
const RUN: usize = 512;

/// Elements that are computed side by side.
const LANES: usize = 16;

/// A step with `N` terms.
struct Step<'a, T, const N: usize> {
    out: &'a Array<'a>,
    a: &'a Array<'a>,
    coefficients: [T; N],
    boundary: Boundary,
    /// Whether the output is stored past the caches.
    stream: bool,
}

impl<'a, T: Float, const N: usize> Step<'a, T, N> {
    fn new(out: &'a Array<'a>, a: &'a Array<'a>, coefficients: [T; N], options: &Stencil) -> Self {
        let unit = out.strides()[out.rank() - 1] == 1;
        let stream = unit && out.size() * size_of::<T>() >= stream::last_level_cache();
        Step { out, a, coefficients, boundary: options.boundary, stream }
    }

    fn run(&self, range: Range<usize>, threads: Threads) {
        let shape = self.a.shape();
        let (&length, before) = shape.split_last().expect("an axis");
        // Of one axis, the range is a part of the only row.
        let (rows, part) = match before.split_first() {
            Some((_, inner)) => (range.len() * inner.iter().product::<usize>(), 0..length),
            None => (1, range.clone()),
        };
        if part.is_empty() {
            return;
        }
        let split = |parts: Range<usize>, columns: Range<usize>| {
            for row in parts {
                let mut index = [0; 2];
                match *before {
                    [] => {}
                    [_] => index[0] = range.start + row,
                    [_, inner, ..] => index = [range.start + row / inner, row % inner],
                }
                Isa::best().run_narrow(Row { step: self, index, columns: columns.clone() });
            }
            if self.stream {
                stream::fence();
            }
        };
        if before.is_empty() {
            threads.split(part.len(), RUN, 1, |columns| {
                split(0..1, part.start + columns.start..part.start + columns.end);
            });
        } else {
            threads.split(rows, 1, length, |rows| split(rows, 0..length));
        }
    }
}

/// The elements `columns` of one row, whose index along the axes before is `index`.
struct Row<'a, T, const N: usize> {
    step: &'a Step<'a, T, N>,
    index: [usize; 2],
    columns: Range<usize>,
}

impl<T: Float, const N: usize> Kernel for Row<'_, T, N> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Step { a, out, .. } = self.step;
        let last = a.rank() - 1;
        let offset = |array: &Array<'_>| (0..last).map(|axis| self.index[axis] as isize * array.strides()[axis]).sum();
        let input = a.data().cast::<T>().wrapping_offset(offset(a));
        let output = out.data().cast_mut().cast::<T>().wrapping_offset(offset(out));
        let (from, to) = (a.strides()[last], out.strides()[last]);
        let copy = |columns: Range<usize>| {
            if self.step.boundary == Boundary::Copied {
                for i in columns {
                    // SAFETY: an element of both.
                    unsafe { *output.wrapping_offset(i as isize * to) = *input.wrapping_offset(i as isize * from) };
                }
            }
        };
        let inside = (0..last).all(|axis| self.index[axis] > 0 && self.index[axis] + 1 < a.shape()[axis]);
        let Range { start, end } = self.columns;
        let first = start.max(1);
        let stop = end.min(a.shape()[last] - 1);
        if !inside || first >= stop {
            return copy(start..end);
        }
        copy(start..first);
        let mut places = [input; N];
        for axis in 0..=last {
            places[2 * axis + 1] = input.wrapping_offset(-a.strides()[axis]);
            places[2 * axis + 2] = input.wrapping_offset(a.strides()[axis]);
        }
        let mut run = [T::default(); RUN];
        for first in (first..stop).step_by(RUN) {
            let count = (stop - first).min(RUN);
            let places = places.map(|place| place.wrapping_offset(first as isize * from));
            // SAFETY: these elements have all their neighbours, and are elements of the output.
            unsafe {
                self.step.terms(&mut run[..count], places, from);
                let place = output.wrapping_offset(first as isize * to);
                if self.step.stream {
                    stream::copy(place.cast(), run.as_ptr().cast(), count * size_of::<T>());
                } else if to == 1 {
                    place.copy_from_nonoverlapping(run.as_ptr(), count);
                } else {
                    for (i, &value) in run[..count].iter().enumerate() {
                        *place.wrapping_offset(i as isize * to) = value;
                    }
                }
            }
        }
        copy(stop..end);
    }
}

impl<T: Float, const N: usize> Step<'_, T, N> {
    /// The sums of the terms whose elements begin at `places`, `step` elements apart.
    ///
    /// # Safety
    /// As many of them as there are sums may be read.
    #[inline(always)]
    unsafe fn terms(&self, sums: &mut [T], places: [*const T; N], step: isize) {
        let whole = if step == 1 { sums.len() / LANES * LANES } else { 0 };
        for first in (0..whole).step_by(LANES) {
            let mut lanes = [T::default(); LANES];
            for (term, (place, &coefficient)) in places.iter().zip(&self.coefficients).enumerate() {
                for (i, lane) in lanes.iter_mut().enumerate() {
                    // SAFETY: the caller's promise.
                    let product = coefficient * unsafe { *place.add(first + i) };
                    *lane = if term == 0 { product } else { *lane + product };
                }
            }
            sums[first..first + LANES].copy_from_slice(&lanes);
        }
        for (i, sum) in sums.iter_mut().enumerate().skip(whole) {
            for (term, (place, &coefficient)) in places.iter().zip(&self.coefficients).enumerate() {
                // SAFETY: as above.
                let product = coefficient * unsafe { *place.wrapping_offset(i as isize * step) };
                *sum = if term == 0 { product } else { *sum + product };
            }
        }
    }
}
