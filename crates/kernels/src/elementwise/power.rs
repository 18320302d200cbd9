//! Powers of integers.

use crate::elementwise::loops::operations;

/// x^y, wrapping. With y below 0 the whole part of it: ±1 for a base of ±1, else 0, also where x is 0.
pub(super) struct IntegerPow;

/// By squaring, one bit of the exponent after the other.
macro_rules! unsigned_pow {
    ($x:ident, $y:ident) => {{
        let (mut power, mut square, mut left) = (1, $x, $y);
        while left != 0 {
            if left & 1 != 0 {
                power = square.wrapping_mul(power);
            }
            square = square.wrapping_mul(square);
            left >>= 1;
        }
        power
    }};
}

macro_rules! signed_pow {
    ($x:ident, $y:ident) => {
        match ($x, $y) {
            (1, _) => 1,
            (-1, _) => 1 - 2 * ($y & 1),
            (_, ..0) => 0,
            _ => unsigned_pow!($x, $y),
        }
    };
}

operations! {
    IntegerPow(x, y): u8 u16 u32 u64 => unsigned_pow!(x, y);
    IntegerPow(x, y): i8 i16 i32 i64 => signed_pow!(x, y);
}
