//! Operations on one array.

use crate::array::{Array, ArrayMut};
use crate::dtype::{Bool, DType, Kind};
use crate::elementwise::Elementwise;
use crate::elementwise::blocks::execute;
use crate::elementwise::loops::{Signature, named, operations, signature};
use crate::error::{Result, refuse};
use crate::math;

named! {
    /// An operation on each element of an array.
    ///
    /// Those with real results give float64 for integers, but float16 for bool and integers of 8 bits, and float32 for those of 16
    /// bits. See [`crate::math`] for how exact they are.
    pub enum Unary {
        /// -x; integers wrap.
        Negative = "negative",
        /// |x|; the least signed integer stays what it is.
        Absolute = "absolute",
        /// -1, 0 or 1 as x is below, at or above 0; NaN for NaN.
        Sign = "sign",
        /// x x; integers wrap.
        Square = "square",
        /// The square root; NaN below 0.
        Sqrt = "sqrt",
        /// e^x.
        Exp = "exp",
        /// 2^x.
        Exp2 = "exp2",
        /// e^x - 1, exact also near 0.
        Expm1 = "expm1",
        /// The natural logarithm; NaN below 0.
        Log = "log",
        /// The logarithm to base 2.
        Log2 = "log2",
        /// The logarithm to base 10.
        Log10 = "log10",
        /// The natural logarithm of 1 + x, exact also near 0.
        Log1p = "log1p",
        /// The sine of x radians.
        Sin = "sin",
        /// The cosine of x radians.
        Cos = "cos",
        /// The tangent of x radians.
        Tan = "tan",
        /// The angle in radians, from -π/2 to π/2, whose sine x is; NaN beyond ±1.
        Asin = "asin",
        /// The angle from 0 to π whose cosine x is; NaN beyond ±1.
        Acos = "acos",
        /// The angle from -π/2 to π/2 whose tangent x is.
        Atan = "atan",
        /// The hyperbolic sine.
        Sinh = "sinh",
        /// The hyperbolic cosine.
        Cosh = "cosh",
        /// The hyperbolic tangent.
        Tanh = "tanh",
        /// The cube root.
        Cbrt = "cbrt",
        /// The largest integer that is not above x.
        Floor = "floor",
        /// The smallest integer that is not below x.
        Ceil = "ceil",
        /// The integer next to x towards 0.
        Trunc = "trunc",
        /// The nearest integer, the even one of two.
        Rint = "rint",
        /// Whether x is not a number. The result has type bool.
        Isnan = "isnan",
        /// Whether x is infinite. The result has type bool.
        Isinf = "isinf",
        /// Whether x is neither infinite nor NaN. The result has type bool.
        Isfinite = "isfinite",
        /// Whether x is 0. The result has type bool.
        LogicalNot = "logicalNot",
        /// Each bit turned; of a bool, the other one.
        Invert = "invert",
    }
}

/// `out = op(a)`.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for types that the operation does not have, shapes that do not fit, and overlap;
/// nothing was written then.
pub fn unary(op: Unary, out: ArrayMut<'_>, a: &Array<'_>, options: &Elementwise<'_>) -> Result<()> {
    match op.signature(a.dtype()) {
        Some(signature) => execute(out, &[a], &signature, op.weight(), options),
        None => refuse(format!("{} is not defined for {}", op.name(), a.dtype())),
    }
}

impl Unary {
    /// The type of the result for an input of this type, if the operation is defined for it.
    pub fn result_dtype(self, dtype: DType) -> Option<DType> {
        self.signature(dtype).map(|signature| signature.result)
    }

    /// What it costs to compute, in additions.
    fn weight(self) -> usize {
        match self {
            Unary::Sqrt => 2,
            _ if self.is_transcendental() => 8,
            _ => 1,
        }
    }

    /// Whether it is a function of [`crate::math`]: from the exponential to the cube root.
    pub fn is_transcendental(self) -> bool {
        (Unary::Exp as u8..=Unary::Cbrt as u8).contains(&(self as u8))
    }

    fn signature(self, dtype: DType) -> Option<Signature> {
        use Unary::*;
        let kind = dtype.kind();
        match (self, dtype) {
            // What the loops do not read is cast, or needs none.
            (_, DType::F16) => self.signature(DType::F32).map(Signature::rounded_to_f16),
            (Negative | Square | Invert, _) if kind == Kind::Signed => {
                let unsigned = dtype.to_unsigned();
                self.signature(unsigned).map(|signature| signature.with_result(unsigned, dtype))
            }
            (Square, DType::Bool) => self.signature(DType::I8),
            (Absolute, _) if kind <= Kind::Unsigned => Some(Signature::copy(dtype)),
            (Floor | Ceil | Trunc, _) if kind < Kind::Float => Some(Signature::copy(dtype)),
            (Isnan | Isinf, _) if kind < Kind::Float => signature!(DType::Bool, False/1: Bool),
            (Isfinite, _) if kind < Kind::Float => signature!(DType::Bool, True/1: Bool),
            (LogicalNot, _) | (Invert, DType::Bool) => signature!(DType::Bool, Not/1: Bool),
            (Sqrt | Rint, _) if kind < Kind::Float => self.signature(real(dtype)),
            _ if kind < Kind::Float && self.is_transcendental() => self.signature(real(dtype)),

            (Negative, _) => signature!(dtype, Neg/1: U8 U16 U32 U64 F32 F64),
            (Absolute, _) => signature!(dtype, Abs/1: I8 I16 I32 I64 F32 F64),
            (Sign, _) => signature!(dtype, Signum/1: I8 U8 I16 U16 I32 U32 I64 U64 F32 F64),
            (Square, _) => signature!(dtype, Squared/1: U8 U16 U32 U64 F32 F64),
            (Invert, _) => signature!(dtype, Not/1: U8 U16 U32 U64),
            (Sqrt, _) => signature!(dtype, Root/1: F32 F64),
            (Exp, _) => math::signature::<math::Exp, 1>(dtype),
            (Exp2, _) => math::signature::<math::Exp2, 1>(dtype),
            (Expm1, _) => math::signature::<math::Expm1, 1>(dtype),
            (Log, _) => math::signature::<math::Log, 1>(dtype),
            (Log2, _) => math::signature::<math::Log2, 1>(dtype),
            (Log10, _) => math::signature::<math::Log10, 1>(dtype),
            (Log1p, _) => math::signature::<math::Log1p, 1>(dtype),
            (Sin, _) => math::signature::<math::Sin, 1>(dtype),
            (Cos, _) => math::signature::<math::Cos, 1>(dtype),
            (Tan, _) => math::signature::<math::Tan, 1>(dtype),
            (Asin, _) => math::signature::<math::Asin, 1>(dtype),
            (Acos, _) => math::signature::<math::Acos, 1>(dtype),
            (Atan, _) => math::signature::<math::Atan, 1>(dtype),
            (Sinh, _) => math::signature::<math::Sinh, 1>(dtype),
            (Cosh, _) => math::signature::<math::Cosh, 1>(dtype),
            (Tanh, _) => math::signature::<math::Tanh, 1>(dtype),
            (Cbrt, _) => math::signature::<math::Cbrt, 1>(dtype),
            (Floor, _) => signature!(dtype, Down/1: F32 F64),
            (Ceil, _) => signature!(dtype, Up/1: F32 F64),
            (Trunc, _) => signature!(dtype, ToZero/1: F32 F64),
            (Rint, _) => signature!(dtype, Near/1: F32 F64),
            (Isnan, _) => signature!(dtype, IsNan/1 -> Bool: F32 F64),
            (Isinf, _) => signature!(dtype, IsInfinite/1 -> Bool: F32 F64),
            (Isfinite, _) => signature!(dtype, IsFinite/1 -> Bool: F32 F64),
        }
    }
}

/// The float type that NumPy takes for real results of integers: the smallest that has all of them, or float64.
pub(super) fn real(dtype: DType) -> DType {
    match dtype.size() {
        1 => DType::F16,
        2 => DType::F32,
        _ => DType::F64,
    }
}

struct Neg;
struct Abs;
struct Signum;
struct Squared;
struct Root;
struct Down;
struct Up;
struct ToZero;
struct Near;
struct IsNan;
struct IsInfinite;
struct IsFinite;
struct Not;
struct True;
struct False;

operations! {
    Neg(x): u8 u16 u32 u64 => x.wrapping_neg();
    Neg(x): f32 f64 => -x;
    Abs(x): i8 i16 i32 i64 => x.wrapping_abs();
    Abs(x): f32 f64 => x.abs();
    Signum(x): u8 u16 u32 u64 => x.min(1);
    Signum(x): i8 i16 i32 i64 => x.signum();
    Signum(x): f32 f64 => if x > 0.0 { 1.0 } else if x < 0.0 { -1.0 } else { if x.is_nan() { x } else { 0.0 } };
    Squared(x): u8 u16 u32 u64 => x.wrapping_mul(x);
    Squared(x): f32 f64 => x * x;
    Root(x): f32 f64 => x.sqrt();
    Down(x): f32 f64 => x.floor();
    Up(x): f32 f64 => x.ceil();
    ToZero(x): f32 f64 => x.trunc();
    Near(x): f32 f64 => x.round_ties_even();
    IsNan(x) -> Bool: f32 f64 => x.is_nan().into();
    IsInfinite(x) -> Bool: f32 f64 => x.is_infinite().into();
    IsFinite(x) -> Bool: f32 f64 => x.is_finite().into();
    Not(x): u8 u16 u32 u64 => !x;
    Not(x): Bool => (!x.get()).into();
    True(_x): Bool => true.into();
    False(_x): Bool => false.into();
}
