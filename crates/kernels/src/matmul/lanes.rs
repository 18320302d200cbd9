//! Short vectors of numbers, and what the inner loop of a product does with them.

use super::word::Word;
use crate::isa::Isa;

/// A vector of numbers in a register. Only for code that [`Isa::run`] has compiled for its instructions.
pub(crate) trait Lanes: Copy {
    /// One number.
    type Number: Copy;
    /// How many there are.
    const COUNT: usize;
    /// Whose instructions they need.
    const ISA: Isa;

    /// Zeros.
    const ZERO: Self;

    /// `number` in each lane.
    fn splat(number: Self::Number) -> Self;

    /// The numbers from `from` on.
    ///
    /// # Safety
    /// They may be read. `from` need not be aligned to more than one number.
    unsafe fn load(from: *const Self::Number) -> Self;

    /// Writes them from `to` on.
    ///
    /// # Safety
    /// They may be written. `to` need not be aligned to more than one number.
    unsafe fn store(self, to: *mut Self::Number);

    /// `self + other`, wrapped for integers.
    fn plus(self, other: Self) -> Self;

    /// `self + a * b`: rounded once where the processor can, wrapped for integers.
    fn multiply_add(self, a: Self, b: Self) -> Self;
}

/// Vectors for every processor: the compiler makes of the arrays what the instruction set has.
#[derive(Clone, Copy)]
pub(crate) struct Plain<T, const N: usize>([T; N]);

macro_rules! plain {
    ($($type:ty, $count:literal, |$sum:ident, $a:ident, $b:ident| $multiply_add:expr;)*) => {
        $(
            impl Lanes for Plain<$type, $count> {
                type Number = $type;
                const COUNT: usize = $count;
                const ISA: Isa = Isa::Baseline;
                const ZERO: Self = Plain([0 as $type; $count]);

                #[inline(always)]
                fn splat(number: $type) -> Self {
                    Plain([number; $count])
                }

                #[inline(always)]
                unsafe fn load(from: *const $type) -> Self {
                    // SAFETY: the caller's promise; an array has the alignment of its elements.
                    Plain(unsafe { from.cast::<[$type; $count]>().read() })
                }

                #[inline(always)]
                unsafe fn store(self, to: *mut $type) {
                    // SAFETY: as above.
                    unsafe { to.cast::<[$type; $count]>().write(self.0) }
                }

                #[inline(always)]
                fn plus(self, other: Self) -> Self {
                    Plain(std::array::from_fn(|i| self.0[i].plus(other.0[i])))
                }

                #[inline(always)]
                fn multiply_add(self, a: Self, b: Self) -> Self {
                    Plain(std::array::from_fn(|i| {
                        let ($sum, $a, $b) = (self.0[i], a.0[i], b.0[i]);
                        $multiply_add
                    }))
                }
            }
        )*
    };
}

/// `sum + a * b`. x86 has no fused form in its baseline, and the one in software is slow.
macro_rules! multiply_add {
    ($sum:ident, $a:ident, $b:ident) => {
        if cfg!(target_arch = "aarch64") { $a.mul_add($b, $sum) } else { $sum + $a * $b }
    };
}

plain! {
    f64, 2, |sum, a, b| multiply_add!(sum, a, b);
    f32, 4, |sum, a, b| multiply_add!(sum, a, b);
    i64, 2, |sum, a, b| sum.wrapping_add(a.wrapping_mul(b));
    i32, 4, |sum, a, b| sum.wrapping_add(a.wrapping_mul(b));
}

/// Begins to fetch what lies at an address, which may be any.
#[inline(always)]
pub(crate) fn prefetch<T>(place: *const T) {
    // SAFETY: a hint, that no address makes go wrong; every x86-64 processor has it.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(place.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

#[cfg(target_arch = "x86_64")]
pub(crate) mod x86 {
    //! Vectors of AVX2 and AVX-512.

    use std::arch::x86_64::*;

    use super::Lanes;
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
        ($($type:ty, $isa:ident, $register:ty, $splat:ident, $plus:ident, |$sum:ident, $a:ident, $b:ident| $multiply_add:expr;)*) => {
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
        f64, Avx512, __m512d, _mm512_set1_pd, _mm512_add_pd, |sum, a, b| _mm512_fmadd_pd(a, b, sum);
        f32, Avx512, __m512, _mm512_set1_ps, _mm512_add_ps, |sum, a, b| _mm512_fmadd_ps(a, b, sum);
        i64, Avx512, __m512i, _mm512_set1_epi64, _mm512_add_epi64, |sum, a, b| _mm512_add_epi64(sum, _mm512_mullo_epi64(a, b));
        i32, Avx512, __m512i, _mm512_set1_epi32, _mm512_add_epi32, |sum, a, b| _mm512_add_epi32(sum, _mm512_mullo_epi32(a, b));
        f64, Avx2, __m256d, _mm256_set1_pd, _mm256_add_pd, |sum, a, b| _mm256_fmadd_pd(a, b, sum);
        f32, Avx2, __m256, _mm256_set1_ps, _mm256_add_ps, |sum, a, b| _mm256_fmadd_ps(a, b, sum);
        i64, Avx2, __m256i, _mm256_set1_epi64x, _mm256_add_epi64, |sum, a, b| _mm256_add_epi64(sum, multiply_i64(a, b));
        i32, Avx2, __m256i, _mm256_set1_epi32, _mm256_add_epi32, |sum, a, b| _mm256_add_epi32(sum, _mm256_mullo_epi32(a, b));
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
}
