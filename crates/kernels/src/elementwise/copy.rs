//! Copies of elements.

use crate::array::{Array, ArrayMut};
use crate::elementwise::Elementwise;
use crate::elementwise::blocks::execute;
use crate::elementwise::loops::{Signature, operations};
use crate::elementwise::moves::with_size;
use crate::error::Result;

/// `out = a`, into the same or a wider kind of type.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] where the types or shapes do not fit, and for overlap; nothing was written then.
pub fn copy(out: ArrayMut<'_>, a: &Array<'_>, options: &Elementwise<'_>) -> Result<()> {
    execute(out, &[a], &Signature::copy(a.dtype()), 1, options)
}

/// Sets every element of `out` to the one of `value`, an array of rank 0: [`copy`] with the value repeated.
///
/// # Errors
/// As for [`copy`].
pub fn fill(out: ArrayMut<'_>, value: &Array<'_>, options: &Elementwise<'_>) -> Result<()> {
    let signature = Signature::copy(value.dtype());
    // Nothing but bytes is repeated where the types are one.
    let run_lines = with_size!(value.dtype(), T => Signature::new::<Same, T, T, 1>().run_lines);
    execute(out, &[value], &Signature { run_lines, ..signature }, 1, options)
}

struct Same;

operations! {
    Same(x): u8 u16 u32 u64 => x, LINES;
}

/// `out = a`, converted to whatever type `out` has. Integers wrap. From floats, what is out of range becomes the nearest
/// integer there is, and NaN becomes 0. To floats, values are rounded to the nearest, ties to even. To bool, all but 0 is
/// true.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] where the shapes do not fit, and for overlap; nothing was written then.
pub fn cast(out: ArrayMut<'_>, a: &Array<'_>, options: &Elementwise<'_>) -> Result<()> {
    let signature = Signature { result: out.dtype(), ..Signature::copy(a.dtype()) };
    execute(out, &[a], &signature, 1, options)
}
