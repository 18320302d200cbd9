//! Adding at indices.

use std::ops::Range;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

use half::f16;

use crate::array::{Array, ArrayMut};
use crate::dtype::{DType, Element, with_dtype};
use crate::elements::{BLOCK, Block, Elements, ElementsMut, blocks};
use crate::error::{Result, refuse};
use crate::gather::indices::Indices;
use crate::gather::{check_place, each_owner};
use crate::share::Share;

/// How [`scatter_add`] adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Accumulation {
    /// For whoever alone adds to the array meanwhile. In the order of the indices, on any number of threads.
    #[default]
    Ordered,
    /// By atomic instructions: other processes may add to the same elements at the same time, and nothing is lost. The
    /// order, and so the rounding of floating-point sums, is not said.
    Atomic,
}

/// `out[i] += values` for each i of `indices`: an index that occurs several times is added to as often (NumPy's
/// `add.at`). Elements of `out` in C order; the values are broadcast to the shape of the indices. Integers wrap. A range is
/// one of the first axis of the indices.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for different types and bools, shapes that do not fit, an index out of range, and an
/// `out` that shares memory with the others.
pub fn scatter_add(
    mut out: ArrayMut<'_>,
    indices: &Array<'_>,
    values: &Array<'_>,
    accumulation: Accumulation,
    share: &Share,
) -> Result<()> {
    check_place(&out, &[indices, values])?;
    if out.dtype() != values.dtype() || out.dtype() == DType::Bool {
        return refuse(format!("{} values are not added to {}", values.dtype(), out.dtype()));
    }
    let values = share.of_input(&values.broadcast(indices.shape())?)?;
    let indices = Indices::new(&share.of_input(indices)?, out.size(), share.threads)?;
    let (out, values) = (ElementsMut::new(&mut out), Elements::new(&values));
    with_dtype!(out.dtype(), T in [I8, U8, I16, U16, I32, U32, I64, U64, F16, F32, F64] => {
        match accumulation {
            Accumulation::Ordered => each_owner(share.threads, &indices, 1, |owned| {
                // SAFETY: threads own different elements.
                add::<T>(&out, &indices, 0..indices.len(), &values, |index, place, value| unsafe {
                    if owned.contains(&index) {
                        place.write(place.read().plus(value));
                    }
                });
            }),
            Accumulation::Atomic => share.threads.split(indices.len(), BLOCK, 1, |part| {
                // SAFETY: an element of `out`, aligned as its type is.
                add::<T>(&out, &indices, part, &values, |_, place, value| unsafe { T::add_atomically(place, value) });
            }),
        }
    }, _ => {});
    Ok(())
}

/// Calls `at` with the indices of a part of them, the elements they lead to, and the values.
#[inline(always)]
fn add<T: Number>(
    out: &ElementsMut<'_>,
    indices: &Indices<'_>,
    part: Range<usize>,
    values: &Elements<'_>,
    at: impl Fn(usize, *mut T, T),
) {
    let mut block = [0; BLOCK];
    let mut read: Block = [0; BLOCK];
    let line = out.as_elements().line();
    for (start, len) in blocks(part) {
        // SAFETY: there is a value for each index, and the block has room for them.
        let values = unsafe {
            values.read(start, len, read.as_mut_ptr().cast());
            std::slice::from_raw_parts(read.as_ptr().cast::<T>(), len)
        };
        for (&index, &value) in indices.read(start, len, &mut block).iter().zip(values) {
            let place = match line {
                Some((data, step)) => data.cast_mut().cast::<T>().wrapping_offset(index as isize * step),
                None => out.at(index).cast(),
            };
            at(index, place, value);
        }
    }
}

/// What can be added to.
trait Number: Element {
    fn plus(self, other: Self) -> Self;
    /// # Safety
    /// `place` may be written, and nobody writes to it otherwise than atomically.
    unsafe fn add_atomically(place: *mut Self, value: Self);
}

macro_rules! integers {
    ($($T:ident: $Atomic:ident $Bits:ident),*) => {
        $(impl Number for $T {
            #[inline(always)]
            fn plus(self, other: $T) -> $T {
                self.wrapping_add(other)
            }

            #[inline(always)]
            unsafe fn add_atomically(place: *mut $T, value: $T) {
                // SAFETY: the caller's promise; elements are aligned.
                unsafe { $Atomic::from_ptr(place.cast()) }.fetch_add(value as $Bits, Ordering::Relaxed);
            }
        })*
    };
}

macro_rules! floats {
    ($($T:ident: $Atomic:ident),*) => {
        $(impl Number for $T {
            #[inline(always)]
            fn plus(self, other: $T) -> $T {
                self + other
            }

            #[inline(always)]
            unsafe fn add_atomically(place: *mut $T, value: $T) {
                // SAFETY: the caller's promise; elements are aligned.
                let word = unsafe { $Atomic::from_ptr(place.cast()) };
                let add = |bits| Some($T::from_bits(bits).plus(value).to_bits());
                let _ = word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
            }
        })*
    };
}

integers! {
    i8: AtomicU8 u8, u8: AtomicU8 u8, i16: AtomicU16 u16, u16: AtomicU16 u16,
    i32: AtomicU32 u32, u32: AtomicU32 u32, i64: AtomicU64 u64, u64: AtomicU64 u64
}
floats! { f16: AtomicU16, f32: AtomicU32, f64: AtomicU64 }
