//! Sine, cosine and tangent.
//!
//! Each is `f(reduce(x))`: [`reduce`] is for arguments up to [`LIMIT`] and vectorises; [`reduce_any`] is for all.

use std::f64::consts::FRAC_2_PI;

use super::double::{Arithmetic, Double, nearest, polynomial, select};

/// Up to this size, [`reduce`] is exact enough: below 2^20 quarter turns.
pub(super) const LIMIT: f64 = 1.6e6;

/// Below this, and -0 with it, sin and tan are their argument.
const TINY: f64 = 1e-9;

/// An angle as `quarters` quarter turns and a rest of at most 1/8 turn, in radians.
#[derive(Clone, Copy)]
pub(super) struct Angle {
    /// In two's complement; what counts is its two lowest bits.
    quarters: u64,
    rest: Double,
}

/// x up to [`LIMIT`], by subtraction of π/2 in parts of 33 bits, whose products with the number of quarters are exact
/// (Cody and Waite). No multiple of π/2 is nearer to a number than about 2^-62, so the rest has its full 53 bits and more.
#[inline(always)]
pub(super) fn reduce<A: Arithmetic>(x: f64) -> Angle {
    const PARTS: [f64; 4] = [
        f64::from_bits(0x3ff9_21fb_5440_0000),
        f64::from_bits(0x3dd0_b461_1a60_0000),
        f64::from_bits(0x3ba3_198a_2e00_0000),
        8.4784276603689e-32,
    ];
    let (n, quarters) = nearest(x * FRAC_2_PI);
    let a = A::fma(-n, PARTS[0], x);
    let b = Double::sum(a, -(n * PARTS[1]));
    let c = Double::sum(b.hi, -(n * PARTS[2]));
    Angle { quarters, rest: Double::ordered_sum(c.hi, A::fma(-n, PARTS[3], b.lo + c.lo)) }
}

/// Any finite x, by the bits of 2/π that matter to it (Payne and Hanek). NaN for the others.
pub(super) fn reduce_any<A: Arithmetic>(x: f64) -> Angle {
    if x.abs() <= LIMIT {
        return reduce::<A>(x);
    }
    if !x.is_finite() {
        return Angle { quarters: 0, rest: Double::new(f64::NAN, f64::NAN) };
    }
    let bits = x.to_bits();
    let mantissa = (bits & ((1 << 52) - 1)) | 1 << 52;
    // |x| = mantissa 2^exponent, and the bits of 2/π down to 2^-(exponent - 2) make whole turns only. `LIMIT` is above
    // 2^20, so exponent >= -32: with a word of zeros in front the place of the first bit is not negative.
    let exponent = (bits >> 52 & 0x7ff) as i32 - 1075;
    let place = (64 + exponent - 2) as usize;
    let word = |i: usize| {
        let (i, shift) = (place / 64 + i, place % 64);
        let pair = u128::from(TWO_OVER_PI[i]) << 64 | u128::from(TWO_OVER_PI[i + 1]);
        (pair >> (64 - shift)) as u64
    };
    // The product with 192 bits, modulo 4 quarters, in units of 2^-190 quarters.
    let m = u128::from(mantissa);
    let low = m * u128::from(word(2));
    let middle = m * u128::from(word(1)) + (low >> 64);
    let high = mantissa.wrapping_mul(word(0)).wrapping_add((middle >> 64) as u64);
    // The lowest 64 of the 190 bits are not needed any more.
    let product = u128::from(high) << 64 | u128::from(middle as u64);
    let fraction = (product << 2 | u128::from(low as u64 >> 62)) as i128;
    // To the nearest: a fraction from 1/2 on is taken as a negative one, of one quarter more.
    let quarters = (high >> 62) + u64::from(fraction < 0);
    let hi = fraction as f64;
    let lo = (fraction.wrapping_sub(hi as i128)) as f64;
    const UNIT: f64 = 1.0 / (1u128 << 127) as f64 / 2.0;
    let half_pi = Double::new(std::f64::consts::FRAC_PI_2, 6.123233995736766e-17);
    let rest = Double::new(hi * UNIT, lo * UNIT).times::<A>(half_pi);
    if x < 0.0 {
        Angle { quarters: 0u64.wrapping_sub(quarters), rest: Double::new(-rest.hi, -rest.lo) }
    } else {
        Angle { quarters, rest }
    }
}

/// A word of zeros, and 1216 bits of 2/π.
const TWO_OVER_PI: [u64; 20] = [
    0x0000000000000000,
    0xa2f9836e4e441529,
    0xfc2757d1f534ddc0,
    0xdb6295993c439041,
    0xfe5163abdebbc561,
    0xb7246e3a424dd2e0,
    0x06492eea09d1921c,
    0xfe1deb1cb129a73e,
    0xe88235f52ebb4484,
    0xe99c7026b45f7e41,
    0x3991d639835339f4,
    0x9c845f8bbdf9283b,
    0x1ff897ffde05980f,
    0xef2f118b5a0a6d1f,
    0x6d367ecf27cb09b7,
    0x4f463f669e5fea2d,
    0x7527bac7ebe5f17b,
    0x3d0739f78a5292ea,
    0x6bfb5fb11f8d5d08,
    0x56033046fc7b6bab,
];

/// The sine of the rest of an angle; its parts are not of the order of a `Double` (fdlibm).
#[inline(always)]
fn sin_near_0<A: Arithmetic>(r: Double) -> Double {
    let x = r.hi;
    let z = x * x;
    let v = z * x;
    // (sin(x) / x - 1) / x², at Chebyshev's nodes.
    let tail = polynomial!(A, z; 0.008333333333333331, -0.00019841269841265052, 2.755731921932988e-06,
        -2.5052106229222596e-08, 1.6058531107942805e-10, -7.586667000208306e-13);
    Double::new(x, A::fma(v, -0.16666666666666666, A::fma(z, A::fma(v, tail, -0.5 * r.lo), r.lo)))
}

/// The cosine of the rest of an angle, likewise.
#[inline(always)]
fn cos_near_0<A: Arithmetic>(r: Double) -> Double {
    let z = r.hi * r.hi;
    let half = 0.5 * z;
    let one = 1.0 - half;
    // (cos(x) - 1 + x² / 2) / x⁴, at Chebyshev's nodes.
    let tail = z * polynomial!(A, z; 0.041666666666666664, -0.0013888888888888887, 2.480158730158464e-05,
            -2.755731922139766e-07, 2.087675578928741e-09, -1.1470460603480154e-11, 4.745855157252838e-14);
    Double::new(one, ((1.0 - one) - half) + A::fma(z, tail, -(r.hi * r.lo)))
}

/// Cosine and sine of `turns` turns, of 0 to 1.
#[inline(always)]
pub(super) fn cos_sin_of_turns<A: Arithmetic>(turns: f64) -> (f64, f64) {
    let (n, quarters) = nearest(4.0 * turns);
    let rest = std::f64::consts::FRAC_PI_2 * A::fma(4.0, turns, -n);
    let angle = Angle { quarters, rest: Double::new(rest, 0.0) };
    (sin_of::<A>(angle, 1), sin_of::<A>(angle, 0))
}

/// The sine of an angle and `more` quarter turns.
#[inline(always)]
fn sin_of<A: Arithmetic>(Angle { quarters, rest }: Angle, more: u64) -> f64 {
    let quarters = quarters.wrapping_add(more);
    let y = select(quarters & 1 == 0, sin_near_0::<A>(rest).value(), cos_near_0::<A>(rest).value());
    f64::from_bits(y.to_bits() ^ (quarters & 2) << 62)
}

#[inline(always)]
pub(super) fn sin<A: Arithmetic>(x: f64, angle: Angle) -> f64 {
    select(x.abs() < TINY, x, sin_of::<A>(angle, 0))
}

#[inline(always)]
pub(super) fn cos<A: Arithmetic>(_: f64, angle: Angle) -> f64 {
    sin_of::<A>(angle, 1)
}

#[inline(always)]
pub(super) fn tan<A: Arithmetic>(x: f64, Angle { quarters, rest }: Angle) -> f64 {
    let (s, c) = (sin_near_0::<A>(rest), cos_near_0::<A>(rest));
    let (s, c) = (Double::ordered_sum(s.hi, s.lo), Double::ordered_sum(c.hi, c.lo));
    let even = quarters & 1 == 0;
    let above = Double::new(select(even, s.hi, c.hi), select(even, s.lo, c.lo));
    let below = Double::new(select(even, c.hi, s.hi), select(even, c.lo, s.lo));
    let y = above.over::<A>(below).value();
    // A quarter turn on, it is -cos / sin.
    let y = f64::from_bits(y.to_bits() ^ (quarters & 1) << 63);
    select(x.abs() < TINY, x, y)
}
