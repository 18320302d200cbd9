//! Which numbers are multiplied as which.

use half::f16;

use crate::dtype::{Bool, DType, Element};

/// A type that products are computed in.
pub(crate) trait Word: Element + Number<Word = Self> {
    /// What an empty sum is.
    const ZERO: Self;

    /// The sum, wrapped for integers.
    fn plus(self, other: Self) -> Self;

    /// The difference, wrapped for integers.
    fn minus(self, other: Self) -> Self;

    /// The larger one; what is not a number if one of them is.
    fn larger(self, other: Self) -> Self;

    /// The square root, for integers that of the nearest float64, rounded down.
    fn root(self) -> Self;
}

macro_rules! words {
    ($($type:ty, |$a:ident, $b:ident| $plus:expr, $minus:expr, $root:expr;)*) => {
        $(
            impl Word for $type {
                const ZERO: $type = 0 as $type;

                #[inline(always)]
                fn plus(self, other: $type) -> $type {
                    let ($a, $b) = (self, other);
                    $plus
                }

                #[inline(always)]
                fn minus(self, other: $type) -> $type {
                    let ($a, $b) = (self, other);
                    $minus
                }

                #[inline(always)]
                #[allow(clippy::eq_op, reason = "a float may differ from itself")]
                fn larger(self, other: $type) -> $type {
                    if self > other || self != self { self } else { other }
                }

                #[inline(always)]
                fn root(self) -> $type {
                    let $a = self;
                    $root
                }
            }
        )*
    };
}

words! {
    f64, |a, b| a + b, a - b, a.sqrt();
    f32, |a, b| a + b, a - b, a.sqrt();
    i64, |a, b| a.wrapping_add(b), a.wrapping_sub(b), (a as f64).sqrt() as i64;
    i32, |a, b| a.wrapping_add(b), a.wrapping_sub(b), f64::from(a).sqrt() as i32;
}

/// An element type that has a product. Signed and unsigned integers of one size are one type here: they wrap alike.
pub(crate) trait Number: Element {
    /// What it is multiplied as.
    type Word: Word;

    /// It as a word.
    fn widen(self) -> Self::Word;

    /// A word as one of these, wrapped or rounded.
    fn narrow(word: Self::Word) -> Self;
}

/// A float32 that is computed with as float64.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(transparent)]
pub(crate) struct Wide(f32);

// SAFETY: as float32 is.
unsafe impl Element for Wide {
    const DTYPE: DType = DType::F32;
}

macro_rules! numbers {
    ($($type:ty as $word:ty, |$number:ident| $widen:expr, |$sum:ident| $narrow:expr;)*) => {
        $(
            impl Number for $type {
                type Word = $word;

                #[inline(always)]
                fn widen(self) -> $word {
                    let $number = self;
                    $widen
                }

                #[inline(always)]
                fn narrow($sum: $word) -> $type {
                    $narrow
                }
            }
        )*
    };
}

numbers! {
    f64 as f64, |number| number, |sum| sum;
    f32 as f32, |number| number, |sum| sum;
    Wide as f64, |number| f64::from(number.0), |sum| Wide(sum as f32);
    f16 as f32, |number| number.to_f32(), |sum| f16::from_f32(sum);
    i64 as i64, |number| number, |sum| sum;
    i32 as i32, |number| number, |sum| sum;
    u16 as i32, |number| i32::from(number), |sum| sum as u16;
    u8 as i32, |number| i32::from(number), |sum| sum as u8;
    Bool as i32, |number| i32::from(number.get()), |sum| Bool::from(sum != 0);
}
