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

    /// `self - other`, wrapped for integers.
    fn minus(self, other: Self) -> Self;

    /// The larger number of each lane; what is not a number if one of them is.
    fn larger(self, other: Self) -> Self;

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
                fn minus(self, other: Self) -> Self {
                    Plain(std::array::from_fn(|i| self.0[i].minus(other.0[i])))
                }

                #[inline(always)]
                fn larger(self, other: Self) -> Self {
                    Plain(std::array::from_fn(|i| self.0[i].larger(other.0[i])))
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
