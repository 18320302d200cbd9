//! Distances between points.
//!
//! They are made of differences, not of products, in the blocked loops of [`crate::matmul`]: nothing cancels, and points
//! near each other have exact distances.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::array::{Array, ArrayMut};
use crate::dtype::DType;
use crate::error::{Result, refuse};
use crate::matmul::gemm::gemm;
use crate::matmul::inner::{Differences, LargestDifference, RootOfSquares, Squares};
use crate::matmul::pack::Side;
use crate::matmul::word::{Number, Wide};
use crate::overlap::{may_overlap, overlaps_itself};
use crate::scratch::Scratch;
use crate::share::Share;
use crate::sort::check_index_dtype;
use crate::threads::Threads;

/// What distance between points is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Metric {
    /// The square root of the sum of squared differences.
    Euclidean,
    /// The sum of squared differences.
    SquaredEuclidean,
    /// The sum of absolute differences.
    Cityblock,
    /// The largest absolute difference.
    Chebyshev,
}

impl Metric {
    /// All of them, in the order of their codes.
    pub const ALL: [Metric; 4] = [Metric::Euclidean, Metric::SquaredEuclidean, Metric::Cityblock, Metric::Chebyshev];

    /// Its name in SciPy.
    pub const fn name(self) -> &'static str {
        match self {
            Metric::Euclidean => "euclidean",
            Metric::SquaredEuclidean => "sqeuclidean",
            Metric::Cityblock => "cityblock",
            Metric::Chebyshev => "chebyshev",
        }
    }
}

/// Distances that a thread keeps at a time while it looks for the nearest centres.
const KEPT: usize = 64 << 10;

/// The distances between the points of `a`, of shape (m, k), and those of `b`, of shape (n, k), into `out`, of shape
/// (m, n): what SciPy's `cdist` gives.
///
/// All are float32, or all are float64; float32 is computed in float64 and rounded, once for every 384 coordinates. Where
/// a coordinate is not a number, neither is the distance. `out` must not overlap `a` or `b`. No result depends on threads
/// or range.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for types, shapes, ranges and overlap that do not fit; [`crate::Error::OutOfMemory`].
/// Nothing was written then.
pub fn cdist(out: ArrayMut<'_>, a: &Array<'_>, b: &Array<'_>, metric: Metric, share: &Share) -> Result<()> {
    let k = check_points(a, b)?;
    if out.dtype() != a.dtype() {
        return refuse(format!("distances between points of type {} have it, too, not {}", a.dtype(), out.dtype()));
    }
    if **out.shape() != [a.shape()[0], b.shape()[0]] {
        return refuse(format!(
            "the distances have the shape {:?}, but their output has {:?}",
            [a.shape()[0], b.shape()[0]],
            out.shape()
        ));
    }
    check_output(&out, a, b)?;
    let (out, a) = (share.of_input(&out)?, share.of_input(a)?);
    let steps = [out.strides()[0], out.strides()[1]];
    // SAFETY: the arrays fit each other, and have these types; their makers promise that the memory may be used.
    unsafe {
        match a.dtype() {
            DType::F64 => distances::<f64, f64>(metric, out.data().cast_mut().cast(), steps, &a, b, k, share.threads),
            _ => distances::<Wide, Wide>(metric, out.data().cast_mut().cast(), steps, &a, b, k, share.threads),
        }
    }
}

/// For each of `points`, of shape (m, k), the index of the nearest of `centres`, of shape (n, k), into `labels`, of shape
/// (m), and the squared distance to it into `squares`, of the same shape, where that is given: the assignment step of
/// k-means.
///
/// Of centres at one distance the first is taken. A distance that is not a number counts as the least, as in NumPy's
/// `argmin`. Points and centres are both float32 or both float64, and so are `squares`; `labels` are int32, uint32, int64 or
/// uint64. The distances are those of [`cdist`] in float64, and what goes into `squares` is rounded once. Neither output may
/// overlap anything else. No result depends on threads or range.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for types, shapes, ranges and overlap that do not fit, and where there are points but
/// no centre: nothing was written then. [`crate::Error::OutOfMemory`]: some labels may have been.
pub fn nearest(
    labels: ArrayMut<'_>,
    squares: Option<ArrayMut<'_>>,
    points: &Array<'_>,
    centres: &Array<'_>,
    share: &Share,
) -> Result<()> {
    let k = check_points(points, centres)?;
    let (m, n) = (points.shape()[0], centres.shape()[0]);
    check_index_dtype(labels.dtype(), n)?;
    if m > 0 && n == 0 {
        return refuse("there is no centre");
    }
    check_output(&labels, points, centres)?;
    if let Some(squares) = &squares {
        if squares.dtype() != points.dtype() {
            return refuse(format!("squared distances have the type {}, not {}", points.dtype(), squares.dtype()));
        }
        check_output(squares, points, centres)?;
        if may_overlap(squares, &labels) {
            return refuse("labels and squared distances overlap");
        }
    }
    for shape in [Some(labels.shape()), squares.as_ref().map(|squares| squares.shape())].into_iter().flatten() {
        if **shape != [m] {
            return refuse(format!("for {m} points an output has the shape [{m}], not {shape:?}"));
        }
    }
    let points = share.of_input(points)?;
    let labels = share.of_input(&labels)?;
    let squares = squares.map(|squares| share.of_input(&squares)).transpose()?;
    let search = Search { labels, squares, points, centres: *centres, k };
    let result = Mutex::new(Ok(()));
    share.threads.split(search.labels.size(), 1, n.saturating_mul(k.max(1)), |part| {
        // SAFETY: the arrays fit each other; their makers promise that the memory may be used.
        let done = unsafe {
            match search.points.dtype() {
                DType::F64 => search.run::<f64>(part),
                _ => search.run::<Wide>(part),
            }
        };
        if let Err(error) = done {
            *result.lock().unwrap_or_else(PoisonError::into_inner) = Err(error);
        }
    });
    result.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// What [`nearest`] looks for.
struct Search<'a> {
    labels: Array<'a>,
    squares: Option<Array<'a>>,
    points: Array<'a>,
    centres: Array<'a>,
    k: usize,
}

impl Search<'_> {
    /// # Safety
    /// The points are of type `I`; nobody else does the same part.
    unsafe fn run<I: Number<Word = f64>>(&self, part: Range<usize>) -> Result<()> {
        let n = self.centres.shape()[0];
        let rows = (KEPT / n.max(1)).clamp(1, part.len());
        let mut scratch = Scratch::<f64>::new(rows.saturating_mul(n))?;
        let distances: *mut f64 = scratch.uninit().as_mut_ptr().cast();
        for first in part.clone().step_by(rows) {
            let points = self.points.slice(0, first..part.end.min(first + rows))?;
            let (rows, columns) = (side::<I>(&points, n as isize), side::<I>(&self.centres, 1));
            // SAFETY: the sides are those of the arrays, and there is room for the distances.
            unsafe { gemm::<I, f64, Squares>(distances, &rows, &columns, self.k, Threads::ONE)? };
            for i in 0..rows.count {
                // SAFETY: these have just been written.
                let (label, square) = least(unsafe { std::slice::from_raw_parts(distances.add(i * n), n) });
                let place = (first + i) as isize;
                // SAFETY: an element of each output, of its type.
                unsafe {
                    match self.labels.dtype().size() {
                        4 => set(&self.labels, place, label as u32),
                        _ => set(&self.labels, place, label as u64),
                    }
                    if let Some(squares) = &self.squares {
                        set(squares, place, I::narrow(square));
                    }
                }
            }
        }
        Ok(())
    }
}

/// # Safety
/// The array has one axis and such an element, which may be written.
unsafe fn set<T>(array: &Array<'_>, i: isize, value: T) {
    let place = array.data().cast_mut().cast::<T>().wrapping_offset(i * array.strides()[0]);
    // SAFETY: the caller's promise.
    unsafe { *place = value }
}

/// The first of the least numbers, or the first one that is none; and where it is.
fn least(numbers: &[f64]) -> (usize, f64) {
    let mut least = (0, numbers[0]);
    for (i, &number) in numbers.iter().enumerate() {
        if number < least.1 || (number.is_nan() && !least.1.is_nan()) {
            least = (i, number);
        }
    }
    least
}

/// # Safety
/// The arrays fit each other and are of type `I`; `out` may be written.
unsafe fn distances<I: Number<Word = f64>, O: Number<Word = f64>>(
    metric: Metric,
    out: *mut O,
    [row, column]: [isize; 2],
    a: &Array<'_>,
    b: &Array<'_>,
    k: usize,
    threads: Threads,
) -> Result<()> {
    let (rows, columns) = (side::<I>(a, row), side::<I>(b, column));
    // SAFETY: the caller's promise.
    unsafe {
        match metric {
            Metric::Euclidean => gemm::<I, O, RootOfSquares>(out, &rows, &columns, k, threads),
            Metric::SquaredEuclidean => gemm::<I, O, Squares>(out, &rows, &columns, k, threads),
            Metric::Cityblock => gemm::<I, O, Differences>(out, &rows, &columns, k, threads),
            Metric::Chebyshev => gemm::<I, O, LargestDifference>(out, &rows, &columns, k, threads),
        }
    }
}

/// Points as lines; `out` is the number of elements from the results of one to those of the next.
fn side<'a, I>(points: &Array<'a>, out: isize) -> Side<'a, I> {
    let (line, along) = (points.strides()[0], points.strides()[1]);
    Side { data: points.data().cast(), line, along, out, count: points.shape()[0], list: None, gathered: false }
}

/// How many coordinates the points of both have.
fn check_points(a: &Array<'_>, b: &Array<'_>) -> Result<usize> {
    if a.dtype() != b.dtype() || !matches!(a.dtype(), DType::F32 | DType::F64) {
        return refuse(format!("points are both float32 or both float64, not {} and {}", a.dtype(), b.dtype()));
    }
    match (&**a.shape(), &**b.shape()) {
        ([_, k], [_, of_b]) if k == of_b => Ok(*k),
        (a, b) => refuse(format!("points have the shapes (m, k) and (n, k), not {a:?} and {b:?}")),
    }
}

fn check_output(out: &Array<'_>, a: &Array<'_>, b: &Array<'_>) -> Result<()> {
    if may_overlap(out, a) || may_overlap(out, b) {
        return refuse("the output of distances must not overlap the points");
    }
    if overlaps_itself(out) {
        return refuse("the output of distances has several indices for one place");
    }
    Ok(())
}
