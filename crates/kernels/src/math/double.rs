//! Tools for functions of `f64` that the compiler can vectorise: no branches, no calls, no table.
//!
//! Everything here relies on each operation being rounded once, to the nearest. What is fused says so: [`Arithmetic::fma`].

/// How products are rounded: what differs between processors.
pub(crate) trait Arithmetic {
    /// `a * b + c`.
    fn fma(a: f64, b: f64, c: f64) -> f64;
    /// `a * b`, but for about 2^-106 of it. It has to be finite.
    fn product(a: f64, b: f64) -> Double;
    /// `c - a * b`, likewise, where `a * b` is nearly c.
    fn rest(a: f64, b: f64, c: f64) -> f64;
    /// The nearest integer, to even in the middle, of a number of any size.
    fn integer(x: f64) -> f64;
}

/// Of processors that multiply and add with one rounding: AVX2 and AVX-512 (with FMA), NEON.
pub(crate) struct Fused;

impl Arithmetic for Fused {
    #[inline(always)]
    fn fma(a: f64, b: f64, c: f64) -> f64 {
        a.mul_add(b, c)
    }

    #[inline(always)]
    fn product(a: f64, b: f64) -> Double {
        let hi = a * b;
        Double { hi, lo: a.mul_add(b, -hi) }
    }

    #[inline(always)]
    fn rest(a: f64, b: f64, c: f64) -> f64 {
        (-a).mul_add(b, c)
    }

    #[inline(always)]
    fn integer(x: f64) -> f64 {
        x.round_ties_even()
    }
}

/// Of the others.
pub(crate) struct Separate;

impl Arithmetic for Separate {
    #[inline(always)]
    fn fma(a: f64, b: f64, c: f64) -> f64 {
        a * b + c
    }

    /// By Dekker's way, but with the halves cut and not rounded.
    #[inline(always)]
    fn product(a: f64, b: f64) -> Double {
        let (a1, b1) = (upper_half(a), upper_half(b));
        let (a2, b2) = (a - a1, b - b1);
        let hi = a * b;
        Double { hi, lo: (((a1 * b1 - hi) + a1 * b2) + a2 * b1) + a2 * b2 }
    }

    #[inline(always)]
    fn rest(a: f64, b: f64, c: f64) -> f64 {
        let product = Self::product(a, b);
        (c - product.hi) - product.lo
    }

    #[inline(always)]
    fn integer(x: f64) -> f64 {
        let a = x.abs();
        select(a < TWO_52, (a + TWO_52) - TWO_52, a).copysign(x)
    }
}

/// `polynomial!(A, x; c0, c1, c2, …)` is `c0 + c1 x + c2 x² + …` in the arithmetic A, by Estrin's scheme: neighbours in
/// pairs, pairs in fours and so on, which waits less for earlier results than Horner's.
macro_rules! polynomial {
    (@pairs $A:ident, $x:ident; [$($done:expr),*] $a:expr, $b:expr $(, $rest:expr)*) => {
        polynomial!(@pairs $A, $x; [$($done,)* $A::fma($b, $x, $a)] $($rest),*)
    };
    (@pairs $A:ident, $x:ident; [$one:expr]) => { $one };
    (@pairs $A:ident, $x:ident; [$($done:expr),+] $($last:expr)?) => {{
        let square = $x * $x;
        polynomial!(@pairs $A, square; [] $($done),+ $(, $last)?)
    }};
    ($A:ident, $x:expr; $($c:expr),+ $(,)?) => {{
        let x: f64 = $x;
        polynomial!(@pairs $A, x; [] $($c),+)
    }};
}
pub(super) use polynomial;

/// The lower 27 of 53 bits of a product's factor are cut off.
const UPPER_HALF: u64 = !((1 << 27) - 1);

/// 1.5 · 2^52: a number below 2^51 in size that is added to it loses its fraction.
const SHIFT: f64 = 6755399441055744.0;

/// 2^52: a number from here on is an integer.
const TWO_52: f64 = 4503599627370496.0;

/// A number as the sum of two, the second of which is at most about an ulp of the first: about 106 bits.
#[derive(Clone, Copy)]
pub(crate) struct Double {
    pub hi: f64,
    pub lo: f64,
}

impl Double {
    #[inline(always)]
    pub fn new(hi: f64, lo: f64) -> Double {
        Double { hi, lo }
    }

    /// `a + b`, exactly (Knuth).
    #[inline(always)]
    pub fn sum(a: f64, b: f64) -> Double {
        let hi = a + b;
        let b_part = hi - a;
        Double { hi, lo: (a - (hi - b_part)) + (b - b_part) }
    }

    /// `a + b`, exactly, where a is 0 or not smaller in size than b (Dekker).
    #[inline(always)]
    pub fn ordered_sum(a: f64, b: f64) -> Double {
        let hi = a + b;
        Double { hi, lo: b - (hi - a) }
    }

    /// Its product with another, to about 2^-102 of it.
    #[inline(always)]
    pub fn times<A: Arithmetic>(self, other: Double) -> Double {
        let Double { hi, lo } = A::product(self.hi, other.hi);
        Double { hi, lo: A::fma(self.hi, other.lo, A::fma(self.lo, other.hi, lo)) }
    }

    /// Its quotient by another, to about 2^-100 of it.
    #[inline(always)]
    pub fn over<A: Arithmetic>(self, other: Double) -> Double {
        let inverse = 1.0 / other.hi;
        let hi = self.hi * inverse;
        let rest = A::fma(-hi, other.lo, A::rest(hi, other.hi, self.hi) + self.lo);
        Double::ordered_sum(hi, rest * inverse)
    }

    /// The nearest number.
    #[inline(always)]
    pub fn value(self) -> f64 {
        self.hi + self.lo
    }
}

#[inline(always)]
fn upper_half(x: f64) -> f64 {
    f64::from_bits(x.to_bits() & UPPER_HALF)
}

/// One of two numbers that are both there: never a branch.
#[inline(always)]
pub(super) fn select(condition: bool, yes: f64, no: f64) -> f64 {
    if condition { yes } else { no }
}

/// The nearest integer (to even in the middle) of a number below 2^51 in size: as a number, and as bits in two's complement.
#[inline(always)]
pub(super) fn nearest(x: f64) -> (f64, u64) {
    let shifted = x + SHIFT;
    (shifted - SHIFT, shifted.to_bits().wrapping_sub(SHIFT.to_bits()))
}

/// `x * 2^k` for -2044 <= k <= 2046, rounded once, also where it is subnormal. `k` is in two's complement.
#[inline(always)]
pub(super) fn scale(x: f64, k: u64) -> f64 {
    let biased = k.wrapping_add(2046);
    let half = biased >> 1;
    x * power_of_two(half) * power_of_two(biased.wrapping_sub(half))
}

/// `x * 2^k` where neither x nor the result is 0, subnormal, infinite or NaN.
#[inline(always)]
pub(super) fn scale_normal(x: f64, k: u64) -> f64 {
    f64::from_bits(x.to_bits().wrapping_add(k << 52))
}

/// 2^(e - 1023) for 0 < e < 2047; 0 for 0.
#[inline(always)]
pub(super) fn power_of_two(e: u64) -> f64 {
    f64::from_bits(e << 52)
}

/// A positive finite number as 2^k m with m from sqrt(1/2) to sqrt(2).
#[inline(always)]
pub(super) fn decompose(x: f64) -> (f64, f64) {
    let small = x < f64::MIN_POSITIVE;
    let normal = select(small, x * 18014398509481984.0, x);
    decompose_biased(normal, select(small, TWO_52 + 1023.0 + 54.0, TWO_52 + 1023.0))
}

/// The same for [`is_positive_normal`] numbers.
#[inline(always)]
pub(super) fn decompose_normal(x: f64) -> (f64, f64) {
    decompose_biased(x, TWO_52 + 1023.0)
}

#[inline(always)]
fn decompose_biased(x: f64, bias: f64) -> (f64, f64) {
    /// The bits of sqrt(1/2), rounded down.
    const ROOT: u64 = 0x3fe6_a09e_0000_0000;
    let bits = x.to_bits().wrapping_add(1f64.to_bits() - ROOT);
    let k = f64::from_bits(TWO_52.to_bits() | (bits >> 52)) - bias;
    (k, f64::from_bits((bits & ((1 << 52) - 1)) + ROOT))
}

/// Whether a number is above 0, finite, and not subnormal.
#[inline(always)]
pub(super) fn is_positive_normal(x: f64) -> bool {
    (f64::MIN_POSITIVE..f64::INFINITY).contains(&x)
}

/// The k for which x is from 2^k to below 2^(k + 1), of an [`is_positive_normal`] number.
#[inline(always)]
pub(super) fn exponent(x: f64) -> f64 {
    f64::from_bits(TWO_52.to_bits() | (x.to_bits() >> 52)) - (TWO_52 + 1023.0)
}
