//! Operations on one array.

use crate::array::{Array, ArrayMut};
use crate::dtype::DType;
use crate::elementwise::Elementwise;
use crate::elementwise::blocks::execute;
use crate::elementwise::loops::{Signature, operations, signature};
use crate::error::{Result, refuse};

/// An operation on each element of one array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Unary {
    /// -x; integers wrap.
    Neg,
    /// The non-negative square root.
    Sqrt,
}

/// `out = op(a)`.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for types that the operation has not, shapes that do not fit, and overlap; nothing was written
/// then.
pub fn unary(op: Unary, out: ArrayMut<'_>, a: &Array<'_>, options: &Elementwise<'_>) -> Result<()> {
    match op.signature(a.dtype()) {
        Some(signature) => execute(out, &[a], &signature, op.weight(), options),
        None => refuse(format!("{} is not for {}", op.name(), a.dtype())),
    }
}

impl Unary {
    /// Every operation, in the order of their codes.
    pub const ALL: [Unary; 2] = [Unary::Neg, Unary::Sqrt];

    /// NumPy's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Unary::Neg => "negative",
            Unary::Sqrt => "sqrt",
        }
    }

    fn weight(self) -> usize {
        1
    }

    fn signature(self, dtype: DType) -> Option<Signature> {
        if dtype == DType::F16 {
            return self.signature(DType::F32).map(Signature::rounded_to_f16);
        }
        match self {
            Unary::Neg => signature!(dtype, Neg/1: I8 U8 I16 U16 I32 U32 I64 U64 F32 F64),
            Unary::Sqrt => signature!(dtype, Sqrt/1: F32 F64),
        }
    }
}

struct Neg;
struct Sqrt;

operations! {
    Neg(x): i8 u8 i16 u16 i32 u32 i64 u64 => x.wrapping_neg();
    Neg(x): f32 f64 => -x;
    Sqrt(x): f32 f64 => x.sqrt();
}
