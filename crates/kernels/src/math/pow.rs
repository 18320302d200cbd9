//! Powers and roots.

use super::double::{Arithmetic, decompose, decompose_normal, exponent, is_positive_normal, select};
use super::exp::{exp_of_sum, normal_exp_of_sum};
use super::log::log_double;

/// Whether [`pow`] is for them: then the power is from 2^-1000 to 2^1000.
#[inline(always)]
pub(super) fn is_pow_normal([x, y]: [f64; 2]) -> bool {
    is_positive_normal(x) & (y.abs() * (exponent(x).abs() + 1.0) <= 1000.0)
}

#[inline(always)]
pub(super) fn pow<A: Arithmetic>(x: f64, y: f64) -> f64 {
    let log = log_double::<A>(decompose_normal(x));
    let product = A::product(log.hi, y);
    normal_exp_of_sum::<A>(product.hi, A::fma(log.lo, y, product.lo))
}

/// x^y, with the special cases of C99.
#[inline(always)]
pub(super) fn pow_of_any<A: Arithmetic>(x: f64, y: f64) -> f64 {
    let a = x.abs();
    let log = log_double::<A>(decompose(a));
    let log_hi = select(a < f64::INFINITY, log.hi, a);
    let log_hi = select(a == 0.0, f64::NEG_INFINITY, log_hi);
    // Beyond 1e300 the power is what it is there: 0, 1 or infinite; but the product does not overflow.
    let bounded = select(y > 1e300, 1e300, y);
    let bounded = select(bounded < -1e300, -1e300, bounded);
    let product = A::product(log_hi, bounded);
    let lo = A::fma(log.lo, bounded, product.lo);
    // Likewise beyond 1000, where the lower part is nothing, or NaN.
    let lo = select(product.hi.abs() > 1000.0, 0.0, lo);
    let hi = select(product.hi > 1000.0, 1000.0, product.hi);
    let size = exp_of_sum::<A>(select(hi < -1000.0, -1000.0, hi), lo);
    // 0 where y is even, ±1 where it is odd; NaN where it is infinite.
    let parity = A::fma(-2.0, A::integer(0.5 * y), y).abs();
    let signed = select(parity == 1.0, size.copysign(x), size);
    let fraction = (parity > 0.0) & (parity < 1.0);
    let signed = select(fraction & (x < 0.0) & (x > f64::NEG_INFINITY), f64::NAN, signed);
    select((x == 1.0) | (y == 0.0), 1.0, signed)
}

/// The cube root (FreeBSD's s_cbrt.c, by Bruce D. Evans).
#[inline(always)]
pub(super) fn cbrt<A: Arithmetic>(x: f64) -> f64 {
    let a = x.abs();
    let small = a < f64::MIN_POSITIVE;
    // A third of the exponent, to 5 bits.
    let high = select(small, a * 18014398509481984.0, a).to_bits() >> 32;
    let third = (high * 0xaaaa_aaab) >> 33;
    let bias = if small { 696219795 } else { 715094163 };
    let t = f64::from_bits((third + bias) << 32);
    // To 23 bits.
    let r = (t * t) * (t / a);
    let t = t
        * ((1.87595182427177 + r * (-1.8849797954337717 + r * 1.6214297201053545))
            + ((r * r) * r) * (-0.758397934778766 + r * 0.14599619288661245));
    let t = f64::from_bits(t.to_bits().wrapping_add(0x8000_0000) & 0xffff_ffff_c000_0000);
    // One step of Newton's.
    let r = a / (t * t);
    let t = t + t * ((r - t) / (t + t + r));
    let y = select(a < f64::INFINITY, t.copysign(x), x);
    select(a == 0.0, x, y)
}
