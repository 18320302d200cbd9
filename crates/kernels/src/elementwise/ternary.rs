//! Operations on three arrays.

use crate::array::{Array, ArrayMut};
use crate::dtype::DType;
use crate::elementwise::Elementwise;
use crate::elementwise::blocks::execute;
use crate::elementwise::loops::{Signature, operations, signature};
use crate::error::{Result, refuse};

/// `out = a b + c`: of floats with one rounding, whatever the processor; integers wrap.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for bool, types that differ, shapes that do not fit, and overlap; nothing was written
/// then.
pub fn fma(out: ArrayMut<'_>, a: &Array<'_>, b: &Array<'_>, c: &Array<'_>, options: &Elementwise<'_>) -> Result<()> {
    ternary("fma", multiply_add, out, [a, b, c], options)
}

/// `y = alpha x + y`, as [`fma`]: `alpha` is an array of rank 0 or any that is broadcast to `y`.
///
/// # Errors
/// As for [`fma`].
pub fn axpy(y: ArrayMut<'_>, alpha: &Array<'_>, x: &Array<'_>, options: &Elementwise<'_>) -> Result<()> {
    let before = *y;
    ternary("axpy", multiply_add, y, [alpha, x, &before], options)
}

/// `out = min(max(a, low), high)`; NaN where one is NaN.
///
/// # Errors
/// As for [`fma`].
pub fn clip(
    out: ArrayMut<'_>,
    a: &Array<'_>,
    low: &Array<'_>,
    high: &Array<'_>,
    options: &Elementwise<'_>,
) -> Result<()> {
    ternary("clip", clamp, out, [a, low, high], options)
}

fn ternary(
    name: &str,
    signature: fn(DType) -> Option<Signature>,
    out: ArrayMut<'_>,
    inputs: [&Array<'_>; 3],
    options: &Elementwise<'_>,
) -> Result<()> {
    let dtype = inputs[0].dtype();
    if let Some(other) = inputs.iter().find(|input| input.dtype() != dtype) {
        return refuse(format!("{name} of {dtype} and {}: one of them has to be cast", other.dtype()));
    }
    let signature = match dtype {
        DType::F16 => signature(DType::F32).map(Signature::rounded_to_f16),
        _ => signature(dtype),
    };
    match signature {
        Some(signature) => execute(out, &inputs, &signature, 1, options),
        None => refuse(format!("{name} is not defined for {dtype}")),
    }
}

fn multiply_add(dtype: DType) -> Option<Signature> {
    let unsigned = dtype.to_unsigned();
    signature!(unsigned, MultiplyAdd/3: U8 U16 U32 U64 F32 F64).map(|signature| signature.with_result(unsigned, dtype))
}

fn clamp(dtype: DType) -> Option<Signature> {
    signature!(dtype, Clamp/3: I8 U8 I16 U16 I32 U32 I64 U64 F32 F64)
}

struct MultiplyAdd;
struct Clamp;

operations! {
    MultiplyAdd(x, y, z): u8 u16 u32 u64 => x.wrapping_mul(y).wrapping_add(z);
    MultiplyAdd(x, y, z): f32 f64 => x.mul_add(y, z), LINES;
    Clamp(x, low, high): i8 u8 i16 u16 i32 u32 i64 u64 => x.max(low).min(high);
    Clamp(x, low, high): f32 f64 => {
        let x = if x > low || x.is_nan() { x } else { low };
        if x < high || x.is_nan() { x } else { high }
    };
}
