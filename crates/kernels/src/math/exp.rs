//! Exponentials and hyperbolic functions.

use std::f64::consts::{LN_2, LOG2_E};

use super::double::{Arithmetic, Double, nearest, polynomial, power_of_two, scale, scale_normal, select};

/// ln 2 in 42 bits, so that its product with an exponent is exact, and the rest of it.
pub(super) const LN_2_HI: f64 = f64::from_bits(0x3fe6_2e42_fefa_3800);
pub(super) const LN_2_LO: f64 = 5.497923018708371e-14;

/// Below this, and -0 with it, x is what x - x³/… rounds to.
const TINY: f64 = 1e-17;

/// From here on, e^-x is nothing beside e^x.
const LARGE: f64 = 40.0;

/// e^x = 2^k e^(r + rest), with k in two's complement.
struct Reduced {
    r: f64,
    /// What r has lost by rounding.
    rest: f64,
    k: u64,
}

impl Reduced {
    /// x is within ±2000, or NaN.
    #[inline(always)]
    fn new<A: Arithmetic>(x: f64) -> Reduced {
        let (power, k) = nearest(x * LOG2_E);
        let a = A::fma(-power, LN_2_HI, x);
        let b = power * LN_2_LO;
        let r = a - b;
        Reduced { r, rest: (a - r) - b, k }
    }
}

/// e^(r + rest) - 1 where |r| <= ln 2 / 2, and `rest` is at most an ulp of it.
#[inline(always)]
fn exp_m1_near_0<A: Arithmetic>(r: f64, rest: f64) -> Double {
    Double::ordered_sum(r, A::fma(r * r, tail::<A>(r), A::fma(rest, r, rest)))
}

/// (e^r - 1 - r) / r² where |r| <= ln 2 / 2, at Chebyshev's nodes, to 2^-60 of e^r.
#[inline(always)]
fn tail<A: Arithmetic>(r: f64) -> f64 {
    polynomial!(A, r; 0.5, 0.1666666666666667, 0.04166666666666667, 0.008333333333326112, 0.001388888888888373,
        0.0001984126987490126, 2.4801587325605324e-05, 2.7557255297969643e-06, 2.755727357010214e-07,
        2.5105259538448494e-08, 2.0914717341716378e-09)
}

/// e^(x + rest), where `rest` is about an ulp of x. x is within ±2000, or NaN.
#[inline(always)]
pub(super) fn exp_of_sum<A: Arithmetic>(x: f64, rest: f64) -> f64 {
    let (m, k) = exp_parts::<A>(x, rest);
    scale(m, k)
}

/// The same for results from 2^-1021 to 2^1022.
#[inline(always)]
pub(super) fn normal_exp_of_sum<A: Arithmetic>(x: f64, rest: f64) -> f64 {
    let (m, k) = exp_parts::<A>(x, rest);
    scale_normal(m, k)
}

/// The m and k of e^(x + rest) = 2^k m.
#[inline(always)]
fn exp_parts<A: Arithmetic>(x: f64, rest: f64) -> (f64, u64) {
    let (power, k) = nearest(x * LOG2_E);
    let r = A::fma(-power, LN_2_HI, x) - A::fma(power, LN_2_LO, -rest);
    (1.0 + A::fma(r * r, tail::<A>(r), r), k)
}

#[inline(always)]
pub(super) fn exp<A: Arithmetic>(x: f64) -> f64 {
    // Beyond these it is infinite or 0 for certain.
    let x = select(x > 710.0, 710.0, x);
    exp_of_sum::<A>(select(x < -746.0, -746.0, x), 0.0)
}

#[inline(always)]
pub(super) fn exp2<A: Arithmetic>(x: f64) -> f64 {
    /// ln 2 - LN_2.
    const LN_2_REST: f64 = 2.3190468138462996e-17;
    let x = select(x > 1025.0, 1025.0, x);
    let x = select(x < -1076.0, -1076.0, x);
    let (power, k) = nearest(x);
    let fraction = x - power;
    let r = A::product(fraction, LN_2);
    let m = exp_m1_near_0::<A>(r.hi, A::fma(fraction, LN_2_REST, r.lo));
    let one = Double::ordered_sum(1.0, m.hi);
    scale(one.hi + (one.lo + m.lo), k)
}

#[inline(always)]
pub(super) fn expm1<A: Arithmetic>(x: f64) -> f64 {
    let bounded = select(x > 711.0, 711.0, x);
    let y = 2.0 * half_exp_m1::<A>(select(bounded < -60.0, -60.0, bounded)).value();
    select(x.abs() < TINY, x, y)
}

/// (e^x - 1) / 2 for x from -60 to 711.
#[inline(always)]
fn half_exp_m1<A: Arithmetic>(x: f64) -> Double {
    let Reduced { r, rest, k } = Reduced::new::<A>(x);
    let m = exp_m1_near_0::<A>(r, rest);
    // 2^k m + (2^k - 1), with the sum taken before the scaling: 2^k (m + (1 - 2^-k)).
    let inverse = power_of_two(1026u64.wrapping_sub(k));
    let sum = Double::sum(A::fma(-0.125, inverse, 1.0), m.hi);
    scaled_half(Double::ordered_sum(sum.hi, sum.lo + m.lo), k)
}

/// e^x / 2 for x from 0 to 711.
#[inline(always)]
fn half_exp<A: Arithmetic>(x: f64) -> Double {
    let Reduced { r, rest, k } = Reduced::new::<A>(x);
    let m = exp_m1_near_0::<A>(r, rest);
    let one = Double::ordered_sum(1.0, m.hi);
    scaled_half(Double::new(one.hi, one.lo + m.lo), k)
}

/// 2^(k - 1) m for -100 <= k <= 1026.
#[inline(always)]
fn scaled_half(m: Double, k: u64) -> Double {
    let power = power_of_two(k.wrapping_add(1021 - 2));
    Double::new(8.0 * m.hi * power, 8.0 * m.lo * power)
}

#[inline(always)]
pub(super) fn sinh<A: Arithmetic>(x: f64) -> f64 {
    let a = x.abs();
    // v + v / (2v + 1) where v = (e^|x| - 1) / 2.
    let v = half_exp_m1::<A>(select(a > 711.0, 711.0, a));
    let below = Double::sum(1.0, 2.0 * v.hi);
    let quotient = v.over::<A>(Double::new(below.hi, A::fma(2.0, v.lo, below.lo)));
    let sum = Double::sum(v.hi, quotient.hi);
    let y = sum.hi + (sum.lo + (v.lo + quotient.lo));
    let y = select(a > LARGE, v.value(), y);
    select(a < TINY, x, y.copysign(x))
}

#[inline(always)]
pub(super) fn cosh<A: Arithmetic>(x: f64) -> f64 {
    let a = x.abs();
    // h + 1 / 4h where h = e^|x| / 2.
    let h = half_exp::<A>(select(a > 711.0, 711.0, a));
    let inverse = Double::new(0.25, 0.0).over::<A>(h);
    let sum = Double::ordered_sum(h.hi, inverse.hi);
    let y = sum.hi + (sum.lo + (h.lo + inverse.lo));
    select(a > LARGE, h.value(), y)
}

#[inline(always)]
pub(super) fn tanh<A: Arithmetic>(x: f64) -> f64 {
    // v / (v + 1) where v = (e^(2|x|) - 1) / 2; 1 from 20 on.
    let a = x.abs();
    let v = half_exp_m1::<A>(2.0 * select(a > 20.0, 20.0, a));
    let below = Double::sum(1.0, v.hi);
    let y = v.over::<A>(Double::new(below.hi, below.lo + v.lo)).value();
    select(a < TINY, x, y.copysign(x))
}
