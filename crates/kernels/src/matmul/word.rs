//! Which numbers are multiplied as which.

use half::f16;

use crate::dtype::{Bool, Element};

/// A type that products are computed in.
pub(crate) trait Word: Element + Number<Word = Self> {
    /// What an empty sum is.
    const ZERO: Self;

    /// The sum, wrapped for integers.
    fn plus(self, other: Self) -> Self;
}

macro_rules! words {
    ($($type:ty, |$a:ident, $b:ident| $plus:expr;)*) => {
        $(
            impl Word for $type {
                const ZERO: $type = 0 as $type;

                #[inline(always)]
                fn plus(self, other: $type) -> $type {
                    let ($a, $b) = (self, other);
                    $plus
                }
            }
        )*
    };
}

words! {
    f64, |a, b| a + b;
    f32, |a, b| a + b;
    i64, |a, b| a.wrapping_add(b);
    i32, |a, b| a.wrapping_add(b);
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
    f16 as f32, |number| number.to_f32(), |sum| f16::from_f32(sum);
    i64 as i64, |number| number, |sum| sum;
    i32 as i32, |number| number, |sum| sum;
    u16 as i32, |number| i32::from(number), |sum| sum as u16;
    u8 as i32, |number| i32::from(number), |sum| sum as u8;
    Bool as i32, |number| i32::from(number.get()), |sum| Bool::from(sum != 0);
}
