//! Inverse trigonometric functions.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

use super::double::{Arithmetic, Double, polynomial, select};

/// π/2 - FRAC_PI_2.
const HALF_PI_LO: f64 = 6.123233995736766e-17;

/// arcsin(√z) / √z - 1 for 0 <= z <= 1/4.
#[inline(always)]
fn asin_tail<A: Arithmetic>(z: f64) -> f64 {
    // Over z, at Chebyshev's nodes, to 2^-57.
    z * polynomial!(A, z; 0.16666666666666669, 0.07499999999998425, 0.04464285714637338, 0.030381944137085216,
        0.022372173002005596, 0.017352391265909227, 0.013971235301124539, 0.011478952690257387, 0.010324318288744113,
        0.00545087818772055, 0.017419357964884856, -0.014881409392818066, 0.02877844261259304)
}

/// arcsin(√((1 - a) / 2)) for a from 1/2: half of arccos(a). NaN from above 1.
#[inline(always)]
fn half_acos<A: Arithmetic>(a: f64) -> Double {
    let z = 0.5 * (1.0 - a);
    let s = z.sqrt();
    let square = A::product(s, s);
    let rest = ((z - square.hi) - square.lo) / (2.0 * s);
    Double::new(s, select(s == 0.0, 0.0, rest) + s * asin_tail::<A>(z))
}

#[inline(always)]
pub(super) fn asin<A: Arithmetic>(x: f64) -> f64 {
    let a = x.abs();
    let near_0 = A::fma(x, asin_tail::<A>(x * x), x);
    let half = half_acos::<A>(a);
    let sum = Double::sum(FRAC_PI_2, -2.0 * half.hi);
    let near_1 = sum.hi + (sum.lo + (HALF_PI_LO - 2.0 * half.lo));
    select(a < 0.5, near_0, near_1.copysign(x))
}

#[inline(always)]
pub(super) fn acos<A: Arithmetic>(x: f64) -> f64 {
    let a = x.abs();
    let sum = Double::sum(FRAC_PI_2, -x);
    let near_0 = sum.hi + (sum.lo + (HALF_PI_LO - x * asin_tail::<A>(x * x)));
    let half = half_acos::<A>(a);
    let sum = Double::sum(PI, -2.0 * half.hi);
    let near_minus_1 = sum.hi + (sum.lo + (2.0 * HALF_PI_LO - 2.0 * half.lo));
    select(a < 0.5, near_0, select(x < 0.0, near_minus_1, 2.0 * half.value()))
}

/// arctan(y / x) for y and x from 0, not both 0, not both infinite.
#[inline(always)]
fn atan_of_ratio<A: Arithmetic>(y: f64, x: f64) -> Double {
    // arctan(t) = offset + arctan(t'), where t' is t, (t - 1) / (t + 1) or -1 / t, below tan(π/8) in size.
    let steep = y > 2.414213562373095 * x;
    let middle = y > 0.4142135623730951 * x;
    let (minus, plus) = (Double::sum(y, -x), Double::sum(y, x));
    let three = |s: f64, m: f64, f: f64| select(steep, s, select(middle, m, f));
    let above = Double::new(three(-x, minus.hi, y), three(0.0, minus.lo, 0.0));
    let below = Double::new(three(y, plus.hi, x), three(0.0, plus.lo, 0.0));
    let t = above.over::<A>(below);
    let z = t.hi * t.hi;
    // (arctan(t) / t - 1) / t², at Chebyshev's nodes, to 2^-57.
    let tail = z
        * polynomial!(A, z; -0.3333333333333333, 0.19999999999999804, -0.1428571428565958, 0.11111111105131119,
            -0.09090908752290591, 0.07692296340047557, -0.06666424257540567, 0.05878921776625797,
            -0.05230401099058019, 0.04551350736874263, -0.03456432733540151, 0.01627884915138577);
    let sum = Double::ordered_sum(three(FRAC_PI_2, FRAC_PI_4, 0.0), t.hi);
    let offset = three(HALF_PI_LO, 0.5 * HALF_PI_LO, 0.0);
    Double::ordered_sum(sum.hi, sum.lo + (offset + (t.lo + t.hi * tail)))
}

#[inline(always)]
pub(super) fn atan<A: Arithmetic>(x: f64) -> f64 {
    let a = x.abs();
    // From 2^64 on, arctan is π/2 less than half an ulp.
    let y = atan_of_ratio::<A>(select(a > 1e19, 1e19, a), 1.0).value();
    select(a < 1e-9, x, y.copysign(x))
}

#[inline(always)]
pub(super) fn atan2<A: Arithmetic>(y: f64, x: f64) -> f64 {
    const TWO_500: f64 = f64::from_bits((1023 + 500) << 52);
    let (a, b) = (y.abs(), x.abs());
    // Both infinite as both 1; one infinite as 1 and 0; both 0 as 0 and 1.
    let any = (a == f64::INFINITY) | (b == f64::INFINITY);
    let a1 = select(any, select(a == f64::INFINITY, 1.0, 0.0), a);
    let b1 = select(any, select(b == f64::INFINITY, 1.0, 0.0), b);
    // Scaled so that nothing overflows, nor loses its lowest bits.
    let largest = select(a1 > b1, a1, b1);
    let factor = select(largest > TWO_500, 1.0 / TWO_500, select(largest < 1.0, TWO_500, 1.0));
    let b1 = select(largest == 0.0, 1.0, b1 * factor);
    let t = atan_of_ratio::<A>(a1 * factor, b1);
    let negative = x.to_bits() >> 63 != 0;
    let sum = Double::sum(PI, -t.hi);
    let turned = sum.hi + (sum.lo + (2.0 * HALF_PI_LO - t.lo));
    let angle = select(negative, turned, t.value()).copysign(y);
    select(x.is_nan() | y.is_nan(), f64::NAN, angle)
}
