//! Products whose sums are not of the output's type: they are made in blocks of scratch memory and cast.

use half::f16;

use super::gemm::gemm;
use super::inner::Products;
use super::pack::Side;
use super::tile::Tiled;
use super::word::Number;
use crate::array::{Array, ArrayMut};
use crate::dtype::DType;
use crate::elementwise::{Elementwise, cast};
use crate::error::Result;
use crate::scratch::Scratch;
use crate::threads::Threads;

/// Rows and columns of a block.
const BLOCK: usize = 512;

/// `out = a b`, summed up as `S`, rounded to `rounded`, and cast to the type of `out`.
///
/// # Safety
/// As for [`gemm`], where the sides know `out` in elements of its type.
///
/// # Errors
/// [`crate::Error::OutOfMemory`].
pub(super) unsafe fn staged<I, S>(
    (out, dtype): (*mut u8, DType),
    rounded: DType,
    rows: &Side<'_, I>,
    columns: &Side<'_, I>,
    length: usize,
    threads: Threads,
) -> Result<()>
where
    I: Number<Word: Tiled>,
    S: Number<Word = I::Word>,
{
    debug_assert_eq!(S::DTYPE.size(), if rounded == DType::F16 { 4 } else { rounded.size() });
    let (height, width) = (rows.count.min(BLOCK), columns.count.min(BLOCK));
    let mut scratch = Scratch::<S>::new(height * width)?;
    // What the sums are: signed and unsigned integers are one type to the product, but not to the cast.
    let of = if rounded == DType::F16 { DType::F32 } else { rounded };
    let sums: *mut S = scratch.uninit().as_mut_ptr().cast();
    for row in (0..rows.count).step_by(BLOCK) {
        for column in (0..columns.count).step_by(BLOCK) {
            let (lines, places) = (rows.part(row, BLOCK), columns.part(column, BLOCK));
            let (m, n) = (lines.count, places.count);
            let left = Side { out: n as isize, gathered: true, ..lines };
            let right = Side { out: 1, ..places };
            // SAFETY: the caller's promise; the scratch memory has room for the block.
            unsafe { gemm::<I, S, Products>(sums, &left, &right, length, threads)? };
            if rounded == DType::F16 && dtype != rounded {
                // SAFETY: these are the block's sums, in float32.
                (0..m * n).for_each(|i| unsafe {
                    let sum = sums.cast::<f32>().add(i);
                    *sum = f16::from_f32(*sum).to_f32();
                });
            }
            // All rows at once, or one by one where they are chosen.
            let (steps, height) = if rows.list.is_none() { (1, m) } else { (m, 1) };
            for i in 0..steps {
                let place = rows.place(row + i) + columns.place(column);
                let out = out.wrapping_offset(place * dtype.size() as isize);
                // SAFETY: a part of `out`, and a part of the block.
                let (out, sums) = unsafe {
                    let sums = sums.add(i * n).cast();
                    let strides = [rows.out, columns.out];
                    (
                        ArrayMut::from_raw(out, dtype, &[height, n], &strides)?,
                        Array::from_raw(sums, of, &[height, n], &[n as isize, 1])?,
                    )
                };
                cast(out, &sums, &Elementwise { threads, ..Elementwise::default() })?;
            }
        }
    }
    Ok(())
}
