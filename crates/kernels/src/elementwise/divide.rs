//! Floor division and its remainder, which has the divisor's sign.

use crate::elementwise::loops::operations;

/// The largest integer that is not above x / y.
pub(crate) struct FloorDiv;

/// x less y times [`FloorDiv`].
pub(crate) struct Modulo;

operations! {
    FloorDiv(x, y): i8 u8 i16 u16 i32 u32 i64 u64 f32 f64 => Divide::divide(x, y).0;
    Modulo(x, y): i8 u8 i16 u16 i32 u32 i64 u64 f32 f64 => Divide::divide(x, y).1;
}

/// Division with a remainder that is 0 or has the divisor's sign.
trait Divide: Sized {
    /// The quotient and the remainder.
    fn divide(x: Self, y: Self) -> (Self, Self);
}

/// Integers of at most 32 bits divide as floats, for which there are vector instructions. The float `$float` has enough bits for
/// this: the true quotient is 1 / y or more away from the next integer, and the error of the float less.
macro_rules! small {
    ($($type:ty as $float:ty;)*) => {
        $(impl Divide for $type {
            #[inline(always)]
            fn divide(x: $type, y: $type) -> ($type, $type) {
                // Divisors whose quotient is not in range or does not exist, are looked at afterwards.
                #[allow(unused_comparisons)]
                let special = y == 0 || <$type>::MIN < 0 && y == (0 as $type).wrapping_sub(1);
                let divisor = if special { 1 } else { y };
                // SAFETY: the quotient is between x and -x, and -x is not asked for: the divisor is not -1.
                let quotient: $type = unsafe { (<$float>::from(x) / <$float>::from(divisor)).to_int_unchecked() };
                let remainder = x.wrapping_sub(quotient.wrapping_mul(divisor));
                #[allow(unused_comparisons)]
                let above = remainder != 0 && (remainder ^ divisor) < 0;
                let quotient = if above { quotient.wrapping_sub(1) } else { quotient };
                let remainder = if above { remainder.wrapping_add(divisor) } else { remainder };
                let inverse = if y == 0 { 0 } else { (0 as $type).wrapping_sub(x) };
                (if special { inverse } else { quotient }, if special { 0 } else { remainder })
            }
        })*
    };
}

small! {
    i8 as f32;
    u8 as f32;
    i16 as f32;
    u16 as f32;
    i32 as f64;
    u32 as f64;
}

impl Divide for i64 {
    #[inline(always)]
    fn divide(x: i64, y: i64) -> (i64, i64) {
        if y == 0 {
            return (0, 0);
        }
        let (quotient, remainder) = (x.wrapping_div(y), x.wrapping_rem(y));
        if remainder != 0 && (remainder ^ y) < 0 { (quotient - 1, remainder + y) } else { (quotient, remainder) }
    }
}

impl Divide for u64 {
    #[inline(always)]
    fn divide(x: u64, y: u64) -> (u64, u64) {
        (x.checked_div(y).unwrap_or(0), x.checked_rem(y).unwrap_or(0))
    }
}

/// As Python and NumPy do it (`npy_divmod`): from the exact remainder, so that both fit together.
macro_rules! floats {
    ($($type:ty)*) => {
        $(impl Divide for $type {
            #[inline(always)]
            fn divide(x: $type, y: $type) -> ($type, $type) {
                let rest = x % y;
                if y == 0.0 {
                    return (x / y, rest);
                }
                let mut quotient = (x - rest) / y;
                let mut modulo = rest;
                if rest == 0.0 {
                    modulo = (0.0 as $type).copysign(y);
                } else if (y < 0.0) != (rest < 0.0) {
                    modulo += y;
                    quotient -= 1.0;
                }
                let floor = quotient.floor();
                let floor = if quotient - floor > 0.5 { floor + 1.0 } else { floor };
                (if quotient == 0.0 { (0.0 as $type).copysign(x / y) } else { floor }, modulo)
            }
        })*
    };
}

floats! { f32 f64 }
