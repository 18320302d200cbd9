//! What puts two values together, for each type of accumulators.

/// What a fold does with two values.
pub(crate) trait Operation<A> {
    /// The value that changes no other.
    const IDENTITY: A;
    /// Whether elements may be folded in any order, as those of integers.
    const IS_FREE: bool;

    fn apply(accumulator: A, element: A) -> A;
}

pub(crate) struct Add;
pub(crate) struct Multiply;
pub(super) struct Least;
pub(super) struct Greatest;

macro_rules! sums {
    ($($type:ty, $free:literal, $zero:literal, $one:literal, |$x:ident, $y:ident| $sum:expr, $product:expr;)*) => {
        $(
            impl Operation<$type> for Add {
                const IDENTITY: $type = $zero;
                const IS_FREE: bool = $free;

                #[inline(always)]
                fn apply($x: $type, $y: $type) -> $type {
                    $sum
                }
            }

            impl Operation<$type> for Multiply {
                const IDENTITY: $type = $one;
                const IS_FREE: bool = $free;

                #[inline(always)]
                fn apply($x: $type, $y: $type) -> $type {
                    $product
                }
            }
        )*
    };
}

sums! {
    f64, false, 0.0, 1.0, |x, y| x + y, x * y;
    i64, true, 0, 1, |x, y| x.wrapping_add(y), x.wrapping_mul(y);
}

macro_rules! extremes {
    ($($type:ty, $free:literal, $least:expr, $greatest:expr, |$x:ident, $y:ident| $lesser:expr, $larger:expr;)*) => {
        $(
            impl Operation<$type> for Least {
                const IDENTITY: $type = $greatest;
                const IS_FREE: bool = $free;

                #[inline(always)]
                fn apply($x: $type, $y: $type) -> $type {
                    $lesser
                }
            }

            impl Operation<$type> for Greatest {
                const IDENTITY: $type = $least;
                const IS_FREE: bool = $free;

                #[inline(always)]
                fn apply($x: $type, $y: $type) -> $type {
                    $larger
                }
            }
        )*
    };
}

// A NaN stays: no comparison with it is true.
extremes! {
    i8, true, i8::MIN, i8::MAX, |x, y| x.min(y), x.max(y);
    u8, true, u8::MIN, u8::MAX, |x, y| x.min(y), x.max(y);
    i16, true, i16::MIN, i16::MAX, |x, y| x.min(y), x.max(y);
    u16, true, u16::MIN, u16::MAX, |x, y| x.min(y), x.max(y);
    i32, true, i32::MIN, i32::MAX, |x, y| x.min(y), x.max(y);
    u32, true, u32::MIN, u32::MAX, |x, y| x.min(y), x.max(y);
    i64, true, i64::MIN, i64::MAX, |x, y| x.min(y), x.max(y);
    u64, true, u64::MIN, u64::MAX, |x, y| x.min(y), x.max(y);
    f32, false, f32::NEG_INFINITY, f32::INFINITY,
        |x, y| if y < x || y.is_nan() { y } else { x }, if y > x || y.is_nan() { y } else { x };
    f64, false, f64::NEG_INFINITY, f64::INFINITY,
        |x, y| if y < x || y.is_nan() { y } else { x }, if y > x || y.is_nan() { y } else { x };
}
