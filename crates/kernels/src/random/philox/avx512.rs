//! Eight counters in vectors beside some in scalar registers: the two kinds of multipliers work at the same time.

use std::arch::x86_64::*;

use super::{BLOCK, Counter, Key, MULTIPLIERS, ROUNDS, WEYL};

/// Counters in a vector.
const LANES: usize = 8;
/// Vectors at a time.
const VECTORS: usize = 2;
/// Counters in scalar registers beside them.
const SCALARS: usize = 3;
/// Counters computed at a time.
pub(super) const GROUP: usize = VECTORS * LANES + SCALARS;

/// See [`super::fill`].
#[target_feature(enable = "avx512f,avx512dq,bmi2")]
pub(super) fn fill(groups: &mut [[[u64; BLOCK]; GROUP]], counter: Counter, key: Key) {
    let [mut first, c1, c2, c3] = counter;
    for group in groups {
        let lanes = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
        let mut vectors: [_; VECTORS] = std::array::from_fn(|i| {
            let first = first.wrapping_add((i * LANES) as u64);
            [
                _mm512_add_epi64(_mm512_set1_epi64(first as i64), lanes),
                _mm512_set1_epi64(c1 as i64),
                _mm512_set1_epi64(c2 as i64),
                _mm512_set1_epi64(c3 as i64),
            ]
        });
        let mut scalars: [Counter; SCALARS] =
            std::array::from_fn(|i| [first.wrapping_add((VECTORS * LANES + i) as u64), c1, c2, c3]);
        let [mut k0, mut k1] = key;
        for _ in 0..ROUNDS {
            for vector in &mut vectors {
                *vector = round(*vector, k0, k1);
            }
            for [c0, c1, c2, c3] in &mut scalars {
                let a = u128::from(*c0) * u128::from(MULTIPLIERS[0]);
                let b = u128::from(*c2) * u128::from(MULTIPLIERS[1]);
                *c0 = (b >> 64) as u64 ^ *c1 ^ k0;
                *c2 = (a >> 64) as u64 ^ *c3 ^ k1;
                (*c1, *c3) = (b as u64, a as u64);
            }
            k0 = k0.wrapping_add(WEYL[0]);
            k1 = k1.wrapping_add(WEYL[1]);
        }
        let (blocks, rest) = group.split_at_mut(VECTORS * LANES);
        for (blocks, vector) in blocks.chunks_exact_mut(LANES).zip(vectors) {
            store(blocks, vector);
        }
        rest.copy_from_slice(&scalars);
        first = first.wrapping_add(GROUP as u64);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
fn round([c0, c1, c2, c3]: [__m512i; 4], k0: u64, k1: u64) -> [__m512i; 4] {
    let (high0, low0) = multiply(c0, MULTIPLIERS[0]);
    let (high1, low1) = multiply(c2, MULTIPLIERS[1]);
    // Exclusive or of three.
    let xor3 = |a, b, k: u64| _mm512_ternarylogic_epi64::<0x96>(a, b, _mm512_set1_epi64(k as i64));
    [xor3(high1, c1, k0), low1, xor3(high0, c3, k1), low0]
}

/// The high and the low words of products, by products of halves.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
fn multiply(x: __m512i, constant: u64) -> (__m512i, __m512i) {
    let low = _mm512_set1_epi64(u32::MAX.into());
    let m = _mm512_set1_epi64(constant as i64);
    let (x1, m1) = (_mm512_srli_epi64::<32>(x), _mm512_set1_epi64((constant >> 32) as i64));
    let middle = _mm512_add_epi64(_mm512_mul_epu32(x1, m), _mm512_srli_epi64::<32>(_mm512_mul_epu32(x, m)));
    let other = _mm512_add_epi64(_mm512_mul_epu32(x, m1), _mm512_and_si512(middle, low));
    let carries = _mm512_add_epi64(_mm512_srli_epi64::<32>(middle), _mm512_srli_epi64::<32>(other));
    (_mm512_add_epi64(_mm512_mul_epu32(x1, m1), carries), _mm512_mullo_epi64(x, m))
}

/// Writes the words of a counter one after the other: the transpose of four vectors.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
fn store(blocks: &mut [[u64; BLOCK]], [w0, w1, w2, w3]: [__m512i; 4]) {
    assert_eq!(blocks.len(), LANES);
    let out: *mut __m512i = blocks.as_mut_ptr().cast();
    // Words 0 and 1, and 2 and 3, of the counters 0 2 4 6 and of 1 3 5 7.
    let (even01, odd01) = (_mm512_unpacklo_epi64(w0, w1), _mm512_unpackhi_epi64(w0, w1));
    let (even23, odd23) = (_mm512_unpacklo_epi64(w2, w3), _mm512_unpackhi_epi64(w2, w3));
    // Two pairs of the one, two of the other.
    let first = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0);
    let second = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
    let evens = [_mm512_permutex2var_epi64(even01, first, even23), _mm512_permutex2var_epi64(even01, second, even23)];
    let odds = [_mm512_permutex2var_epi64(odd01, first, odd23), _mm512_permutex2var_epi64(odd01, second, odd23)];
    for half in 0..2 {
        // SAFETY: the blocks are of 4 vectors.
        unsafe {
            _mm512_storeu_si512(out.add(2 * half), _mm512_shuffle_i64x2::<0b01_00_01_00>(evens[half], odds[half]));
            _mm512_storeu_si512(out.add(2 * half + 1), _mm512_shuffle_i64x2::<0b11_10_11_10>(evens[half], odds[half]));
        }
    }
}
