//! Operations on two arrays.

use crate::array::{Array, ArrayMut};
use crate::dtype::{Bool, DType};
use crate::elementwise::Elementwise;
use crate::elementwise::blocks::execute;
use crate::elementwise::loops::{Signature, operations, signature};
use crate::error::{Result, refuse};

/// An operation on the elements of two arrays of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Binary {
    /// x + y; integers wrap.
    Add,
    /// x < y, of type bool.
    Less,
}

/// `out = a op b`.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for types that the operation has not, shapes that do not fit, and overlap; nothing was written
/// then.
pub fn binary(op: Binary, out: ArrayMut<'_>, a: &Array<'_>, b: &Array<'_>, options: &Elementwise<'_>) -> Result<()> {
    if a.dtype() != b.dtype() {
        return refuse(format!("{} is not for {} and {}: cast one of them", op.name(), a.dtype(), b.dtype()));
    }
    match op.signature(a.dtype()) {
        Some(signature) => execute(out, &[a, b], &signature, op.weight(), options),
        None => refuse(format!("{} is not for {}", op.name(), a.dtype())),
    }
}

impl Binary {
    /// Every operation, in the order of their codes.
    pub const ALL: [Binary; 2] = [Binary::Add, Binary::Less];

    /// NumPy's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Binary::Add => "add",
            Binary::Less => "less",
        }
    }

    fn weight(self) -> usize {
        1
    }

    /// The loop and its types for inputs of a type.
    pub(crate) fn signature(self, dtype: DType) -> Option<Signature> {
        if dtype == DType::F16 {
            return self.signature(DType::F32).map(Signature::rounded_to_f16);
        }
        match self {
            Binary::Add => signature!(dtype, Add/2: I8 U8 I16 U16 I32 U32 I64 U64 F32 F64),
            Binary::Less => signature!(dtype, Less/2 -> Bool: I8 U8 I16 U16 I32 U32 I64 U64 F32 F64),
        }
    }
}

struct Add;
struct Less;

operations! {
    Add(x, y): i8 u8 i16 u16 i32 u32 i64 u64 => x.wrapping_add(y);
    Add(x, y): f32 f64 => x + y;
    Less(x, y) -> Bool: i8 u8 i16 u16 i32 u32 i64 u64 f32 f64 => (x < y).into();
}
