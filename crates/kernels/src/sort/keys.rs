//! Keys: unsigned numbers in the order of the elements.
//!
//! For floating-point numbers that order is -inf … -0.0, 0.0 … inf, NaN. A key has all bits of its element, which can be
//! made of it again: negative NaNs, whose bits would come before those of -inf, are moved behind the other NaNs. Where the
//! order among equal elements matters, *canonical* keys are used: one for both zeros, and one for all NaNs.

use crate::dtype::{DType, Kind};

/// An unsigned number of the size of elements.
pub(crate) trait Word: Copy + Ord + Send + Sync + 'static {
    /// It as a wide number.
    fn wide(self) -> u64;
    /// Makes keys of the bits of elements.
    fn to_keys(words: &mut [Self], dtype: DType);
    /// Makes keys the bits of elements again.
    fn to_elements(words: &mut [Self], dtype: DType);
    /// Makes keys the same for equal elements.
    fn make_canonical(keys: &mut [Self], dtype: DType);
    /// The least key of a NaN; above all keys where there are none.
    fn first_nan(dtype: DType) -> u64;
}

macro_rules! words {
    ($($word:ident: $mantissa:expr),*) => {
        $(
            impl Word for $word {
                #[inline(always)]
                fn wide(self) -> u64 {
                    u64::from(self)
                }

                #[inline(always)]
                fn to_keys(words: &mut [$word], dtype: DType) {
                    const SIGN: $word = 1 << ($word::BITS - 1);
                    match dtype.kind() {
                        Kind::Bool | Kind::Unsigned => {}
                        Kind::Signed => words.iter_mut().for_each(|word| *word ^= SIGN),
                        Kind::Float => words.iter_mut().for_each(|word| {
                            let ordered = if *word & SIGN == 0 { *word | SIGN } else { !*word };
                            *word = ordered.wrapping_sub(negative_nans($mantissa) as $word);
                        }),
                    }
                }

                #[inline(always)]
                fn to_elements(words: &mut [$word], dtype: DType) {
                    const SIGN: $word = 1 << ($word::BITS - 1);
                    match dtype.kind() {
                        Kind::Bool | Kind::Unsigned => {}
                        Kind::Signed => words.iter_mut().for_each(|word| *word ^= SIGN),
                        Kind::Float => words.iter_mut().for_each(|word| {
                            let ordered = word.wrapping_add(negative_nans($mantissa) as $word);
                            *word = if ordered & SIGN == 0 { !ordered } else { ordered ^ SIGN };
                        }),
                    }
                }

                #[inline(always)]
                fn make_canonical(keys: &mut [$word], dtype: DType) {
                    if dtype.kind() != Kind::Float {
                        return;
                    }
                    const ZERO: $word = (1 << ($word::BITS - 1)) - negative_nans($mantissa) as $word;
                    let first_nan = Self::first_nan(dtype) as $word;
                    for key in keys {
                        let zero = if *key == ZERO - 1 { ZERO } else { *key };
                        *key = if zero >= first_nan { first_nan } else { zero };
                    }
                }

                #[inline(always)]
                fn first_nan(dtype: DType) -> u64 {
                    match dtype.kind() {
                        // Of both signs, they are the last keys.
                        Kind::Float => u64::from($word::MAX) - 2 * negative_nans($mantissa) + 1,
                        _ => u64::MAX,
                    }
                }
            }
        )*
    };
}

words! { u8: 0, u16: 10, u32: 23, u64: 52 }

/// How many patterns of bits are negative NaNs: the exponent has all bits, the mantissa one at least.
const fn negative_nans(mantissa: u32) -> u64 {
    (1 << mantissa) - 1
}
