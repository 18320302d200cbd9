//! Operations on two arrays.

use crate::array::{Array, ArrayMut};
use crate::dtype::{Bool, DType, Kind};
use crate::elementwise::Elementwise;
use crate::elementwise::blocks::execute;
use crate::elementwise::divide::{FloorDiv, Modulo};
use crate::elementwise::loops::{Signature, named, operations, signature};
use crate::elementwise::power::IntegerPow;
use crate::elementwise::unary::real;
use crate::error::{Result, refuse};
use crate::math;

named! {
    /// An operation on the elements of two arrays of one type.
    pub enum Binary {
        /// x + y; integers wrap; of bools, or.
        Add = "add",
        /// x - y; integers wrap.
        Subtract = "subtract",
        /// x y; integers wrap; of bools, and.
        Multiply = "multiply",
        /// x / y; of integers, as float64.
        Divide = "divide",
        /// The largest integer not above x / y. Of integers, 0 where y is 0.
        FloorDivide = "floorDivide",
        /// What [`FloorDivide`](Binary::FloorDivide) leaves, with the sign of y. Of integers, 0 where y is 0.
        Remainder = "remainder",
        /// x^y. Of integers, wrapping; with y below 0, the whole part of it (0 where x is 0): NumPy refuses those.
        Pow = "pow",
        /// The angle in radians of the point (y, x), from -π to π: the arc tangent of x / y in the right quadrant.
        Atan2 = "atan2",
        /// The lesser one; NaN where one is NaN.
        Minimum = "minimum",
        /// The greater one; NaN where one is NaN.
        Maximum = "maximum",
        /// x = y. The result has type bool, as for all comparisons.
        Equal = "equal",
        /// x ≠ y.
        NotEqual = "notEqual",
        /// x < y.
        Less = "less",
        /// x ≤ y.
        LessEqual = "lessEqual",
        /// x > y.
        Greater = "greater",
        /// x ≥ y.
        GreaterEqual = "greaterEqual",
        /// Whether neither is 0. The result has type bool, as for the next two.
        LogicalAnd = "logicalAnd",
        /// Whether one is not 0.
        LogicalOr = "logicalOr",
        /// Whether exactly one is not 0.
        LogicalXor = "logicalXor",
        /// The bits that are in both.
        BitwiseAnd = "bitwiseAnd",
        /// The bits that are in one.
        BitwiseOr = "bitwiseOr",
        /// The bits that are in exactly one.
        BitwiseXor = "bitwiseXor",
        /// x with its bits moved up by y; 0 where y is not below their number.
        LeftShift = "leftShift",
        /// x with its bits moved down by y, of signed ones with the sign coming in; all of them gone where y is not below
        /// their number.
        RightShift = "rightShift",
    }
}

/// `out = a op b`.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for types that the operation does not have or that differ, shapes that do not fit, and
/// overlap; nothing was written then.
pub fn binary(op: Binary, out: ArrayMut<'_>, a: &Array<'_>, b: &Array<'_>, options: &Elementwise<'_>) -> Result<()> {
    if a.dtype() != b.dtype() {
        return refuse(format!("{} of {} and {}: one of them has to be cast", op.name(), a.dtype(), b.dtype()));
    }
    match op.signature(a.dtype()) {
        Some(signature) => execute(out, &[a, b], &signature, op.weight(), options),
        None => refuse(format!("{} is not defined for {}", op.name(), a.dtype())),
    }
}

impl Binary {
    /// The type of the result for inputs of this type, if the operation is defined for it.
    pub fn result_dtype(self, dtype: DType) -> Option<DType> {
        self.signature(dtype).map(|signature| signature.result)
    }

    /// What it costs to compute, in additions.
    fn weight(self) -> usize {
        match self {
            Binary::Divide => 2,
            Binary::FloorDivide | Binary::Remainder => 8,
            Binary::Pow | Binary::Atan2 => 24,
            _ => 1,
        }
    }

    /// The loop and its types for inputs of a type.
    pub(crate) fn signature(self, dtype: DType) -> Option<Signature> {
        use Binary::*;
        let kind = dtype.kind();
        match (self, dtype) {
            // What the loops do not read is cast.
            (_, DType::F16) => self.signature(DType::F32).map(Signature::rounded_to_f16),
            (Divide, _) if kind < Kind::Float => self.signature(DType::F64),
            (Atan2, _) if kind < Kind::Float => self.signature(real(dtype)),
            (Pow | FloorDivide | Remainder | LeftShift | RightShift, DType::Bool) => self.signature(DType::I8),
            (Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual, DType::Bool) => self.signature(DType::U8),
            (LogicalAnd, _) | (Multiply | Minimum | BitwiseAnd, DType::Bool) => signature!(DType::Bool, And/2: Bool),
            (LogicalOr, _) | (Add | Maximum | BitwiseOr, DType::Bool) => signature!(DType::Bool, Or/2: Bool),
            (LogicalXor, _) | (BitwiseXor, DType::Bool) => signature!(DType::Bool, Xor/2: Bool),
            (Subtract, DType::Bool) => None,
            (Add | Subtract | Multiply | Equal | NotEqual | BitwiseAnd | BitwiseOr | BitwiseXor | LeftShift, _)
                if kind == Kind::Signed =>
            {
                let unsigned = dtype.to_unsigned();
                self.signature(unsigned).map(|signature| signature.with_result(unsigned, dtype))
            }

            (Add, _) => signature!(dtype, Sum/2: U8 U16 U32 U64 F32 F64),
            (Subtract, _) => signature!(dtype, Difference/2: U8 U16 U32 U64 F32 F64),
            (Multiply, _) => signature!(dtype, Product/2: U8 U16 U32 U64 F32 F64),
            (Divide, _) => signature!(dtype, Quotient/2: F32 F64),
            (FloorDivide, _) => signature!(dtype, FloorDiv/2: I8 U8 I16 U16 I32 U32 I64 U64 F32 F64),
            (Remainder, _) => signature!(dtype, Modulo/2: I8 U8 I16 U16 I32 U32 I64 U64 F32 F64),
            (Pow, _) if kind == Kind::Float => math::signature::<math::Pow, 2>(dtype),
            (Pow, _) => signature!(dtype, IntegerPow/2: I8 U8 I16 U16 I32 U32 I64 U64),
            (Atan2, _) => math::signature::<math::Atan2, 2>(dtype),
            (Minimum, _) => signature!(dtype, Min/2: I8 U8 I16 U16 I32 U32 I64 U64 F32 F64),
            (Maximum, _) => signature!(dtype, Max/2: I8 U8 I16 U16 I32 U32 I64 U64 F32 F64),
            (Equal, _) => signature!(dtype, Eq/2 -> Bool: U8 U16 U32 U64 F32 F64),
            (NotEqual, _) => signature!(dtype, Ne/2 -> Bool: U8 U16 U32 U64 F32 F64),
            (Less, _) => signature!(dtype, Lt/2 -> Bool: I8 U8 I16 U16 I32 U32 I64 U64 F32 F64),
            (LessEqual, _) => signature!(dtype, Le/2 -> Bool: I8 U8 I16 U16 I32 U32 I64 U64 F32 F64),
            (Greater, _) => signature!(dtype, Gt/2 -> Bool: I8 U8 I16 U16 I32 U32 I64 U64 F32 F64),
            (GreaterEqual, _) => signature!(dtype, Ge/2 -> Bool: I8 U8 I16 U16 I32 U32 I64 U64 F32 F64),
            (BitwiseAnd, _) => signature!(dtype, And/2: U8 U16 U32 U64),
            (BitwiseOr, _) => signature!(dtype, Or/2: U8 U16 U32 U64),
            (BitwiseXor, _) => signature!(dtype, Xor/2: U8 U16 U32 U64),
            (LeftShift, _) => signature!(dtype, Up/2: U8 U16 U32 U64),
            (RightShift, _) => signature!(dtype, Down/2: I8 U8 I16 U16 I32 U32 I64 U64),
        }
    }
}

struct Sum;
struct Difference;
struct Product;
struct Quotient;
struct Min;
struct Max;
struct Eq;
struct Ne;
struct Lt;
struct Le;
struct Gt;
struct Ge;
struct And;
struct Or;
struct Xor;
struct Up;
struct Down;

operations! {
    Sum(x, y): u8 u16 u32 u64 => x.wrapping_add(y);
    Sum(x, y): f32 f64 => x + y, LINES;
    Difference(x, y): u8 u16 u32 u64 => x.wrapping_sub(y);
    Difference(x, y): f32 f64 => x - y, LINES;
    Product(x, y): u8 u16 u32 u64 => x.wrapping_mul(y);
    Product(x, y): f32 f64 => x * y, LINES;
    Quotient(x, y): f32 f64 => x / y, LINES;
    Min(x, y): i8 u8 i16 u16 i32 u32 i64 u64 => x.min(y);
    Min(x, y): f32 f64 => if x <= y || x.is_nan() { x } else { y };
    Max(x, y): i8 u8 i16 u16 i32 u32 i64 u64 => x.max(y);
    Max(x, y): f32 f64 => if x >= y || x.is_nan() { x } else { y };
    Eq(x, y) -> Bool: u8 u16 u32 u64 f32 f64 => (x == y).into();
    Ne(x, y) -> Bool: u8 u16 u32 u64 f32 f64 => (x != y).into();
    Lt(x, y) -> Bool: i8 u8 i16 u16 i32 u32 i64 u64 f32 f64 => (x < y).into();
    Le(x, y) -> Bool: i8 u8 i16 u16 i32 u32 i64 u64 f32 f64 => (x <= y).into();
    Gt(x, y) -> Bool: i8 u8 i16 u16 i32 u32 i64 u64 f32 f64 => (x > y).into();
    Ge(x, y) -> Bool: i8 u8 i16 u16 i32 u32 i64 u64 f32 f64 => (x >= y).into();
    And(x, y): u8 u16 u32 u64 => x & y;
    And(x, y): Bool => (x.get() & y.get()).into();
    Or(x, y): u8 u16 u32 u64 => x | y;
    Or(x, y): Bool => (x.get() | y.get()).into();
    Xor(x, y): u8 u16 u32 u64 => x ^ y;
    Xor(x, y): Bool => (x.get() ^ y.get()).into();
    // The number of places is read as unsigned: below 0 is beyond the width, too.
    Up(x, y): u8 => if y < 8 { x << y } else { 0 };
    Up(x, y): u16 => if y < 16 { x << y } else { 0 };
    Up(x, y): u32 => if y < 32 { x << y } else { 0 };
    Up(x, y): u64 => if y < 64 { x << y } else { 0 };
    Down(x, y): u8 => if y < 8 { x >> y } else { 0 };
    Down(x, y): u16 => if y < 16 { x >> y } else { 0 };
    Down(x, y): u32 => if y < 32 { x >> y } else { 0 };
    Down(x, y): u64 => if y < 64 { x >> y } else { 0 };
    Down(x, y): i8 => x >> (y as u8).min(7);
    Down(x, y): i16 => x >> (y as u16).min(15);
    Down(x, y): i32 => x >> (y as u32).min(31);
    Down(x, y): i64 => x >> (y as u64).min(63);
}
