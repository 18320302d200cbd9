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
    /// The key of an integer.
    fn integer_key(self, signed: bool) -> Self;
    /// The key of a floating-point number.
    fn float_key(self) -> Self;
    /// Makes keys those of the first of all equal elements, or of the last one.
    fn make_bounds(keys: &mut [Self], dtype: DType, last: bool);
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
                fn integer_key(self, signed: bool) -> $word {
                    self ^ ($word::from(signed) << ($word::BITS - 1))
                }

                #[inline(always)]
                fn float_key(self) -> $word {
                    let negative = self >> ($word::BITS - 1);
                    // All bits of a negative number are turned, the first one of others.
                    let turned = self ^ (negative.wrapping_neg() | (1 << ($word::BITS - 1)));
                    turned.wrapping_sub(negative_nans($mantissa) as $word)
                }

                #[inline(always)]
                fn to_keys(words: &mut [$word], dtype: DType) {
                    match dtype.kind() {
                        Kind::Bool | Kind::Unsigned => {}
                        Kind::Signed => words.iter_mut().for_each(|word| *word = word.integer_key(true)),
                        Kind::Float => words.iter_mut().for_each(|word| *word = word.float_key()),
                    }
                }

                #[inline(always)]
                fn make_bounds(keys: &mut [$word], dtype: DType, last: bool) {
                    Self::make_canonical(keys, dtype);
                    if dtype.kind() == Kind::Float {
                        let first_nan = Self::first_nan(dtype) as $word;
                        for key in keys {
                            if last {
                                *key = if *key == first_nan { $word::MAX } else { *key };
                            } else {
                                *key -= $word::from(*key == zero($mantissa, $word::BITS) as $word);
                            }
                        }
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
                    const ZERO: $word = zero($mantissa, $word::BITS) as $word;
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

/// The key of 0.0; that of -0.0 is the one before.
const fn zero(mantissa: u32, bits: u32) -> u64 {
    (1 << (bits - 1)) - negative_nans(mantissa)
}
