//! Logarithms.

use super::double::{Arithmetic, Double, decompose, decompose_normal, is_positive_normal, polynomial, select};
use super::exp::{LN_2_HI, LN_2_LO};

/// ln(1 + f) = f - half + small, for 1 + f from sqrt(1/2) to sqrt(2) (fdlibm).
struct Near1 {
    f: f64,
    /// f² / 2.
    half: f64,
    small: f64,
}

impl Near1 {
    #[inline(always)]
    fn new<A: Arithmetic>(f: f64) -> Near1 {
        let half = 0.5 * f * f;
        let s = f / (2.0 + f);
        let z = s * s;
        // ln((1 + s) / (1 - s)) / s - 2, over z, at Chebyshev's nodes, to 2^-57.
        let r = z * polynomial!(A, z; 0.666666666666667, 0.399999999998992, 0.2857142862611452, 0.22222211112104948,
            0.1818289077802613, 0.15331666676597175, 0.146171283998073);
        Near1 { f, half, small: s * (half + r) }
    }

    /// ln(1 + f) as a sum whose first part has 26 bits.
    #[inline(always)]
    fn double(self) -> Double {
        let hi = f64::from_bits((self.f - self.half).to_bits() & !((1 << 27) - 1));
        Double::new(hi, ((self.f - hi) - self.half) + self.small)
    }
}

/// `y` is the logarithm of x where x is positive and finite.
#[inline(always)]
fn special(x: f64, y: f64) -> f64 {
    let y = select(x == f64::INFINITY, x, y);
    let y = select(x == 0.0, f64::NEG_INFINITY, y);
    select(x >= 0.0, y, f64::NAN)
}

/// Whether [`log`], [`log2`] and [`log10`] are for it.
#[inline(always)]
pub(super) fn is_normal([x]: [f64; 1]) -> bool {
    is_positive_normal(x)
}

#[inline(always)]
pub(super) fn log<A: Arithmetic>(x: f64) -> f64 {
    log_of_parts::<A>(decompose_normal(x))
}

#[inline(always)]
pub(super) fn log_of_any<A: Arithmetic>(x: f64) -> f64 {
    special(x, log_of_parts::<A>(decompose(x)))
}

#[inline(always)]
fn log_of_parts<A: Arithmetic>((k, m): (f64, f64)) -> f64 {
    let Near1 { f, half, small } = Near1::new::<A>(m - 1.0);
    A::fma(k, LN_2_HI, f - (half - A::fma(k, LN_2_LO, small)))
}

#[inline(always)]
pub(super) fn log1p<A: Arithmetic>(x: f64) -> f64 {
    // ln(u) + rest / u where u + rest = 1 + x.
    let u = Double::sum(1.0, x);
    let (k, m) = decompose(u.hi);
    let Near1 { f, half, small } = Near1::new::<A>(m - 1.0);
    let rest = u.lo / u.hi;
    let y = special(u.hi, A::fma(k, LN_2_HI, f - (half - (small + A::fma(k, LN_2_LO, rest)))));
    select(x.abs() < 1e-17, x, y)
}

#[inline(always)]
pub(super) fn log2<A: Arithmetic>(x: f64) -> f64 {
    log2_of_parts::<A>(decompose_normal(x))
}

#[inline(always)]
pub(super) fn log2_of_any<A: Arithmetic>(x: f64) -> f64 {
    special(x, log2_of_parts::<A>(decompose(x)))
}

#[inline(always)]
fn log2_of_parts<A: Arithmetic>((k, m): (f64, f64)) -> f64 {
    /// 1 / ln 2 in 26 bits, and the rest.
    const HI: f64 = f64::from_bits(0x3ff7_1547_6000_0000);
    const LO: f64 = 1.9259629911266175e-08;
    let y = Near1::new::<A>(m - 1.0).double();
    let sum = Double::sum(k, y.hi * HI);
    sum.hi + (sum.lo + A::fma(y.lo + y.hi, LO, y.lo * HI))
}

#[inline(always)]
pub(super) fn log10<A: Arithmetic>(x: f64) -> f64 {
    log10_of_parts::<A>(decompose_normal(x))
}

#[inline(always)]
pub(super) fn log10_of_any<A: Arithmetic>(x: f64) -> f64 {
    special(x, log10_of_parts::<A>(decompose(x)))
}

#[inline(always)]
fn log10_of_parts<A: Arithmetic>((k, m): (f64, f64)) -> f64 {
    /// 1 / ln 10 in 26 bits, and the rest.
    const HI: f64 = f64::from_bits(0x3fdb_cb7b_1000_0000);
    const LO: f64 = 4.798111141615973e-09;
    /// ln 2 / ln 10 in 42 bits, and the rest.
    const TWO_HI: f64 = f64::from_bits(0x3fd3_4413_509f_7800);
    const TWO_LO: f64 = 2.8363394551044964e-14;
    let y = Near1::new::<A>(m - 1.0).double();
    let sum = Double::sum(k * TWO_HI, y.hi * HI);
    sum.hi + (sum.lo + A::fma(k, TWO_LO, A::fma(y.lo + y.hi, LO, y.lo * HI)))
}

/// ln(2^k m) to about 2^-65 of it, for m from sqrt(1/2) to sqrt(2).
#[inline(always)]
pub(super) fn log_double<A: Arithmetic>((k, m): (f64, f64)) -> Double {
    // ln(m) = 2s + s z (2/3 + z P(z)) where s = (m - 1) / (m + 1) and z = s².
    let below = Double::sum(1.0, m);
    let inverse = 1.0 / below.hi;
    let s = (m - 1.0) * inverse;
    let s = Double::new(s, A::fma(-s, below.lo, A::rest(s, below.hi, m - 1.0)) * inverse);
    let z = A::product(s.hi, s.hi);
    let z = Double::new(z.hi, A::fma(2.0 * s.hi, s.lo, z.lo));
    // ((ln((1 + s) / (1 - s)) / s - 2) / z - 2/3) / z, at Chebyshev's nodes.
    let tail = z.hi
        * polynomial!(A, z.hi; 0.4, 0.2857142857142937, 0.222222222216545, 0.18181818335706726, 0.15384594928983641,
            0.13334806517326342, 0.11706187519506744, 0.11723689027925241);
    let third = Double::ordered_sum(2.0 / 3.0, tail);
    let third = Double::new(third.hi, third.lo + 3.700743415417188e-17);
    let cubic = s.times::<A>(z).times::<A>(third);
    let sum = Double::ordered_sum(k * LN_2_HI, 2.0 * s.hi);
    let sum2 = Double::ordered_sum(sum.hi, cubic.hi);
    Double::new(sum2.hi, sum2.lo + (sum.lo + A::fma(k, LN_2_LO, A::fma(2.0, s.lo, cubic.lo))))
}
