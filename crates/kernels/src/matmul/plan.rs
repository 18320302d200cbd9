//! What a product has to compute, and by which way.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::dots::dots;
use super::gemm::{PRODUCTS, gemm};
use super::inner::Products;
use super::pack::Side;
use super::staged::staged;
use super::sums::sums;
use super::tile::Tiled;
use super::word::Number;
use crate::array::{Array, ArrayMut, Shape};
use crate::dtype::{self, DType};
use crate::error::{Result, refuse};
use crate::threads::{INLINE, Threads};

/// Rows of a larger product that are computed one by one: for so few it does not pay to lay the other operand out.
const FEW: usize = 3;

/// A stack of products of matrices, all of one shape.
pub(super) struct Plan<'a> {
    /// With the shapes (…, m, n), (…, m, k) and (…, k, n), and the same axes before.
    out: Array<'a>,
    a: Array<'a>,
    b: Array<'a>,
    /// Which rows to compute, where it is not all of them.
    pub rows: Option<&'a [usize]>,
    /// Whether the whole output, of which this may be a part, has one row, or one column: the order of sums may depend on
    /// that, but not on the part.
    one_row: bool,
    one_column: bool,
}

impl<'a> Plan<'a> {
    /// What to do for these arrays.
    ///
    /// # Errors
    /// [`crate::Error::InvalidArgument`] where shapes or range do not fit.
    pub fn new(out: &'a ArrayMut<'_>, a: &Array<'a>, b: &Array<'a>, range: Option<Range<usize>>) -> Result<Plan<'a>> {
        if a.rank() == 0 || b.rank() == 0 {
            return refuse("the operands of a product have one axis at least");
        }
        let (row, column) = (a.rank() == 1, b.rank() == 1);
        let wide_a = if row { insert_axis(a, 0)? } else { *a };
        let wide_b = if column { insert_axis(b, 1)? } else { *b };
        let (stack_a, [m, k]) = split(&wide_a);
        let (stack_b, [k_of_b, n]) = split(&wide_b);
        if k != k_of_b {
            return refuse(format!(
                "rows of {k} numbers have no product with columns of {k_of_b}, for the shapes {:?} and {:?}",
                a.shape(),
                b.shape()
            ));
        }
        let stack = broadcast(stack_a, stack_b)?;
        let lengths = |last: &[usize]| [&stack, last].concat();
        let expected = lengths(&[m, n][usize::from(row)..2 - usize::from(column)]);
        if **out.shape() != expected {
            return refuse(format!("the product has the shape {expected:?}, but its output has {:?}", out.shape()));
        }
        let mut wide_out = **out;
        if row {
            wide_out = insert_axis(&wide_out, stack.len())?;
        }
        if column {
            wide_out = insert_axis(&wide_out, stack.len() + 1)?;
        }
        let shape = |last: [usize; 2]| Shape::new(&lengths(&last));
        let mut plan = Plan {
            out: wide_out,
            a: wide_a.broadcast(&shape([m, k])?)?,
            b: wide_b.broadcast(&shape([k, n])?)?,
            rows: None,
            one_row: m == 1,
            one_column: n == 1,
        };
        if let Some(range) = range {
            if out.rank() == 0 {
                return refuse("a number has no axis that a range could lie in");
            }
            // The first axis of the output is one of the stack, or the rows, or the columns.
            let axis = usize::from(stack.is_empty() && row);
            plan.out = plan.out.slice(axis, range.clone())?;
            if axis == 0 {
                plan.a = plan.a.slice(0, range.clone())?;
            }
            if axis == 1 || !stack.is_empty() {
                plan.b = plan.b.slice(axis, range)?;
            }
        }
        Ok(plan)
    }

    /// Computes it.
    ///
    /// # Errors
    /// [`crate::Error::OutOfMemory`].
    pub fn run(&self, threads: Threads) -> Result<()> {
        let (stack, [m, n]) = split(&self.out);
        let count: usize = stack.iter().product();
        let k = *self.b.shape().iter().nth_back(1).unwrap_or(&0);
        let work = m.saturating_mul(n).saturating_mul(k.max(1)).div_ceil(PRODUCTS);
        if work >= INLINE || count == 1 {
            return (0..count).try_for_each(|i| self.product(i, threads));
        }
        let result = Mutex::new(Ok(()));
        threads.split(count, 1, work, |part| {
            if let Err(error) = part.into_iter().try_for_each(|i| self.product(i, Threads::ONE)) {
                *result.lock().unwrap_or_else(PoisonError::into_inner) = Err(error);
            }
        });
        result.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Computes the `i`th product of the stack.
    fn product(&self, i: usize, threads: Threads) -> Result<()> {
        // Signed and unsigned integers wrap alike.
        use dtype::of::{Bool, F16, F32, F64, I32, I64, U8, U16};
        let same = self.out.dtype() == self.a.dtype();
        // SAFETY: `new` has made the arrays fit each other; their makers promise that the memory may be used; the types
        // have the bits of the arrays' ones.
        unsafe {
            match self.a.dtype() {
                DType::F64 if same => self.direct::<F64>(i, threads),
                DType::F32 if same => self.direct::<F32>(i, threads),
                DType::I64 | DType::U64 if same => self.direct::<I64>(i, threads),
                DType::I32 | DType::U32 if same => self.direct::<I32>(i, threads),
                DType::I16 | DType::U16 if same => self.packed::<U16>(i, threads),
                DType::I8 | DType::U8 if same => self.packed::<U8>(i, threads),
                DType::Bool if same => self.packed::<Bool>(i, threads),
                DType::F64 => self.staged::<F64, F64>(i, threads),
                DType::F32 => self.staged::<F32, F32>(i, threads),
                DType::F16 => self.staged::<F16, F32>(i, threads),
                DType::I64 | DType::U64 => self.staged::<I64, I64>(i, threads),
                DType::I32 | DType::U32 => self.staged::<I32, I32>(i, threads),
                DType::I16 | DType::U16 => self.staged::<U16, U16>(i, threads),
                DType::I8 | DType::U8 => self.staged::<U8, U8>(i, threads),
                DType::Bool => self.staged::<Bool, Bool>(i, threads),
            }
        }
    }

    /// # Safety
    /// The operands and `out` hold such words.
    unsafe fn direct<W: Tiled>(&self, i: usize, threads: Threads) -> Result<()> {
        let (out, rows, columns) = self.sides::<W, W>(i);
        let k = self.length();
        if rows.count == 0 || columns.count == 0 {
            return Ok(());
        }
        // SAFETY: the caller's promise; the sides are those of the arrays.
        unsafe {
            if self.one_column {
                let (vector, step) = (columns.data, columns.along);
                if rows.along == 1 {
                    return dots(out, &rows, vector, step, k, threads);
                } else if rows.line == 1 && rows.list.is_none() {
                    sums(out, &rows, vector, step, k, threads);
                    return Ok(());
                }
            } else if self.one_row {
                let (vector, step) = (rows.data, rows.along);
                if columns.line == 1 {
                    sums(out, &columns, vector, step, k, threads);
                    return Ok(());
                } else if columns.along == 1 {
                    return dots(out, &columns, vector, step, k, threads);
                }
            } else if rows.count <= FEW && columns.line == 1 {
                for i in 0..rows.count {
                    let vector = rows.data.wrapping_offset(rows.index(i) * rows.line);
                    let out = out.wrapping_offset(rows.place(i));
                    sums(out, &columns, vector, rows.along, k, threads);
                }
                return Ok(());
            }
            gemm::<W, W, Products>(out, &rows, &columns, k, threads)
        }
    }

    /// # Safety
    /// The operands and `out` hold such numbers.
    unsafe fn packed<I: Number<Word: Tiled>>(&self, i: usize, threads: Threads) -> Result<()> {
        let (out, rows, columns) = self.sides::<I, I>(i);
        // SAFETY: the caller's promise; the sides are those of the arrays.
        unsafe { gemm::<I, I, Products>(out, &rows, &columns, self.length(), threads) }
    }

    /// # Safety
    /// The operands hold such numbers.
    unsafe fn staged<I, S>(&self, i: usize, threads: Threads) -> Result<()>
    where
        I: Number<Word: Tiled>,
        S: Number<Word = I::Word>,
    {
        let (out, rows, columns) = self.sides::<I, u8>(i);
        // SAFETY: the caller's promise; the sides are those of the arrays.
        unsafe { staged::<I, S>((out, self.out.dtype()), self.a.dtype(), &rows, &columns, self.length(), threads) }
    }

    /// How many numbers a row of `a` has.
    fn length(&self) -> usize {
        self.a.shape()[self.a.rank() - 1]
    }

    /// The `i`th product of the stack: its output and its sides.
    fn sides<I, O>(&self, i: usize) -> (*mut O, Side<'a, I>, Side<'a, I>) {
        let axes = self.out.rank() - 2;
        let start = |array: &Array<'a>| {
            let (mut i, mut offset) = (i, 0);
            for axis in (0..axes).rev() {
                offset += (i % array.shape()[axis]) as isize * array.strides()[axis];
                i /= array.shape()[axis];
            }
            array.data().wrapping_offset(offset * array.dtype().size() as isize)
        };
        let side = |array: &Array<'a>, line: usize, list: Option<&'a [usize]>| Side {
            data: start(array).cast(),
            line: array.strides()[axes + line],
            along: array.strides()[axes + 1 - line],
            out: self.out.strides()[axes + line],
            count: list.map_or(self.out.shape()[axes + line], <[usize]>::len),
            list,
            gathered: false,
        };
        (start(&self.out).cast_mut().cast(), side(&self.a, 0, self.rows), side(&self.b, 1, None))
    }
}

/// The axes before the last two, and the last two.
fn split<'s>(array: &'s Array<'_>) -> (&'s [usize], [usize; 2]) {
    let shape: &[usize] = array.shape();
    match shape {
        [stack @ .., m, n] => (stack, [*m, *n]),
        _ => (&[], [1, 1]),
    }
}

/// The shape that both broadcast to.
fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
    let rank = a.len().max(b.len());
    let length = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis]);
    (0..rank)
        .map(|axis| match (length(a, axis), length(b, axis)) {
            (1, n) | (n, 1) => Ok(n),
            (n, m) if n == m => Ok(n),
            _ => refuse(format!("stacks of matrices of the shapes {a:?} and {b:?} do not broadcast together")),
        })
        .collect()
}

/// The array with one more axis, of length 1.
fn insert_axis<'a>(array: &Array<'a>, axis: usize) -> Result<Array<'a>> {
    let (mut shape, mut strides) = (array.shape().to_vec(), array.strides().to_vec());
    shape.insert(axis, 1);
    strides.insert(axis, 0);
    // SAFETY: the same elements.
    unsafe { Array::from_raw(array.data(), array.dtype(), &shape, &strides) }
}
