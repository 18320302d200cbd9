//! Vectors of AVX2 and AVX-512.

use std::arch::x86_64::*;

use super::lanes::Lanes;
use crate::isa::Isa;

/// A vector of `T` in a register `R`.
#[derive(Clone, Copy)]
pub(crate) struct X86<T, R>(R, std::marker::PhantomData<T>);

impl<T, R> X86<T, R> {
    #[inline(always)]
    pub(crate) const fn new(register: R) -> Self {
        X86(register, std::marker::PhantomData)
    }
}

macro_rules! x86 {
    ($($type:ty, $isa:ident, $register:ty, $splat:ident, $plus:ident, $minus:ident, |$x:ident, $y:ident| $larger:expr, |$sum:ident, $a:ident, $b:ident| $multiply_add:expr;)*) => {
        $(
            impl Lanes for X86<$type, $register> {
                type Number = $type;
                const COUNT: usize = size_of::<$register>() / size_of::<$type>();
                const ISA: Isa = Isa::$isa;
                // SAFETY: a register of numbers may hold any bits.
                const ZERO: Self = X86::new(unsafe { std::mem::zeroed() });

                #[inline(always)]
                fn splat(number: $type) -> Self {
                    // SAFETY: the trait is used only where these instructions are.
                    X86::new(unsafe { $splat(number) })
                }

                #[inline(always)]
                unsafe fn load(from: *const $type) -> Self {
                    // SAFETY: the caller's promise.
                    X86::new(unsafe { from.cast::<$register>().read_unaligned() })
                }

                #[inline(always)]
                unsafe fn store(self, to: *mut $type) {
                    // SAFETY: the caller's promise.
                    unsafe { to.cast::<$register>().write_unaligned(self.0) }
                }

                #[inline(always)]
                fn plus(self, other: Self) -> Self {
                    // SAFETY: the trait is used only where these instructions are.
                    X86::new(unsafe { $plus(self.0, other.0) })
                }

                #[inline(always)]
                fn minus(self, other: Self) -> Self {
                    // SAFETY: the trait is used only where these instructions are.
                    X86::new(unsafe { $minus(self.0, other.0) })
                }

                #[inline(always)]
                fn larger(self, other: Self) -> Self {
                    let ($x, $y) = (self.0, other.0);
                    // SAFETY: the trait is used only where these instructions are.
                    X86::new(unsafe { $larger })
                }

                #[inline(always)]
                fn multiply_add(self, a: Self, b: Self) -> Self {
                    let ($sum, $a, $b) = (self.0, a.0, b.0);
                    // SAFETY: the trait is used only where these instructions are.
                    X86::new(unsafe { $multiply_add })
                }
            }
        )*
    };
}

x86! {
    f64, Avx512, __m512d, _mm512_set1_pd, _mm512_add_pd, _mm512_sub_pd,
        |x, y| _mm512_mask_mov_pd(_mm512_max_pd(x, y), _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(x, x), x),
        |sum, a, b| _mm512_fmadd_pd(a, b, sum);
    f32, Avx512, __m512, _mm512_set1_ps, _mm512_add_ps, _mm512_sub_ps,
        |x, y| _mm512_mask_mov_ps(_mm512_max_ps(x, y), _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(x, x), x),
        |sum, a, b| _mm512_fmadd_ps(a, b, sum);
    i64, Avx512, __m512i, _mm512_set1_epi64, _mm512_add_epi64, _mm512_sub_epi64,
        |x, y| _mm512_max_epi64(x, y),
        |sum, a, b| _mm512_add_epi64(sum, _mm512_mullo_epi64(a, b));
    i32, Avx512, __m512i, _mm512_set1_epi32, _mm512_add_epi32, _mm512_sub_epi32,
        |x, y| _mm512_max_epi32(x, y),
        |sum, a, b| _mm512_add_epi32(sum, _mm512_mullo_epi32(a, b));
    f64, Avx2, __m256d, _mm256_set1_pd, _mm256_add_pd, _mm256_sub_pd,
        |x, y| _mm256_blendv_pd(_mm256_max_pd(x, y), x, _mm256_cmp_pd::<_CMP_UNORD_Q>(x, x)),
        |sum, a, b| _mm256_fmadd_pd(a, b, sum);
    f32, Avx2, __m256, _mm256_set1_ps, _mm256_add_ps, _mm256_sub_ps,
        |x, y| _mm256_blendv_ps(_mm256_max_ps(x, y), x, _mm256_cmp_ps::<_CMP_UNORD_Q>(x, x)),
        |sum, a, b| _mm256_fmadd_ps(a, b, sum);
    i64, Avx2, __m256i, _mm256_set1_epi64x, _mm256_add_epi64, _mm256_sub_epi64,
        |x, y| _mm256_blendv_epi8(y, x, _mm256_cmpgt_epi64(x, y)),
        |sum, a, b| _mm256_add_epi64(sum, multiply_i64(a, b));
    i32, Avx2, __m256i, _mm256_set1_epi32, _mm256_add_epi32, _mm256_sub_epi32,
        |x, y| _mm256_max_epi32(x, y),
        |sum, a, b| _mm256_add_epi32(sum, _mm256_mullo_epi32(a, b));
}

/// The low halves of products of 64-bit integers, which AVX2 has no instruction for: the cross products of the 32-bit
/// halves go into the upper half.
///
/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn multiply_i64(a: __m256i, b: __m256i) -> __m256i {
    // SAFETY: the caller's promise.
    unsafe {
        let crossed = _mm256_mullo_epi32(a, _mm256_shuffle_epi32::<0b10_11_00_01>(b));
        let upper = _mm256_add_epi32(crossed, _mm256_slli_epi64::<32>(crossed));
        let upper = _mm256_and_si256(upper, _mm256_set1_epi64x(!0 << 32));
        _mm256_add_epi64(_mm256_mul_epu32(a, b), upper)
    }
}
