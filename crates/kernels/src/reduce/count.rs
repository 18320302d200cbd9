//! Sums of small integers, and counts, without a widening of each element first. Integers may be summed in any order.

use std::ops::AddAssign;

use half::f16;

use crate::dtype::{DType, Element};
use crate::isa::{Isa, Kernel};

use super::options::Reduction;
use super::tree::BLOCK;

/// Sums, or counts, at most a block of elements that lie one after the other.
///
/// # Safety
/// The elements are there, and of the type that it was made for.
pub(super) type Count = unsafe fn(*const u8, usize) -> i64;

/// What does so for a reduction of elements of a type, if there is something better than to widen them.
pub(super) fn count_of(op: Reduction, dtype: DType) -> Option<Count> {
    match op {
        Reduction::CountNonzero => Some(match dtype {
            DType::Bool => count_bytes,
            DType::I8 | DType::U8 => count_bytes,
            DType::I16 | DType::U16 => count::<u16>,
            DType::F16 => count::<f16>,
            DType::I32 | DType::U32 => count::<u32>,
            DType::F32 => count::<f32>,
            DType::I64 | DType::U64 => count::<u64>,
            DType::F64 => count::<f64>,
        }),
        Reduction::Sum => match dtype {
            DType::Bool => Some(count_bytes),
            DType::I8 => Some(sum::<i8>),
            DType::U8 => Some(sum::<u8>),
            DType::I16 => Some(sum::<i16>),
            DType::U16 => Some(sum::<u16>),
            _ => None,
        },
        _ => None,
    }
}

/// Bytes that are counted at a time in one word: no byte of it overflows.
const BYTES: usize = 255 * 8;

unsafe fn count_bytes(elements: *const u8, len: usize) -> i64 {
    struct Run(*const u8, usize);

    impl Kernel for Run {
        type Output = i64;

        #[inline(always)]
        fn run(self) -> i64 {
            const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
            let Run(elements, len) = self;
            let whole = len - len % 8;
            let mut total = 0;
            for start in (0..whole).step_by(BYTES) {
                let mut counts = 0u64;
                for at in (start..(start + BYTES).min(whole)).step_by(8) {
                    // SAFETY: below `len`.
                    let word = unsafe { elements.add(at).cast::<u64>().read_unaligned() };
                    // The highest bit of each byte that is not 0.
                    counts += (((word & LOW) + LOW) | word) >> 7 & 0x0101_0101_0101_0101;
                }
                total += counts.to_ne_bytes().into_iter().map(i64::from).sum::<i64>();
            }
            for at in whole..len {
                // SAFETY: below `len`.
                total += i64::from(unsafe { elements.add(at).read() } != 0);
            }
            total
        }
    }

    Isa::best().run_narrow(Run(elements, len))
}

/// An element that may be 0. The count of a block of them has the width of one, to fill a vector.
trait Truth: Element {
    type Count: Default + AddAssign;
    fn one_or_zero(self) -> Self::Count;
    fn wide(count: Self::Count) -> i64;
}

macro_rules! truths {
    ($($type:ty, $count:ty: |$x:ident| $truth:expr;)*) => {
        $(impl Truth for $type {
            type Count = $count;

            #[inline(always)]
            fn one_or_zero(self) -> $count {
                let $x = self;
                <$count>::from($truth)
            }

            fn wide(count: $count) -> i64 {
                count as i64
            }
        })*
    };
}

truths! {
    u16, u16: |x| x != 0;
    f16, u16: |x| x.to_bits() & 0x7fff != 0;
    u32, u32: |x| x != 0;
    f32, u32: |x| x != 0.0;
    u64, u64: |x| x != 0;
    f64, u64: |x| x != 0.0;
}

const _: () = assert!(BLOCK <= u16::MAX as usize);

unsafe fn count<T: Truth>(elements: *const u8, len: usize) -> i64 {
    struct Run<T>(*const T, usize);

    impl<T: Truth> Kernel for Run<T> {
        type Output = T::Count;

        #[inline(always)]
        fn run(self) -> T::Count {
            let mut count = T::Count::default();
            for i in 0..self.1 {
                // SAFETY: below `len`.
                count += unsafe { self.0.add(i).read() }.one_or_zero();
            }
            count
        }
    }

    T::wide(Isa::best().run_narrow(Run(elements.cast::<T>(), len)))
}

unsafe fn sum<T: Element + Into<i32>>(elements: *const u8, len: usize) -> i64 {
    struct Run<T>(*const T, usize);

    impl<T: Element + Into<i32>> Kernel for Run<T> {
        type Output = i64;

        #[inline(always)]
        fn run(self) -> i64 {
            let mut total = 0i32;
            for i in 0..self.1 {
                // SAFETY: below `len`. A block of the widest ones fits.
                total = total.wrapping_add(unsafe { self.0.add(i).read() }.into());
            }
            i64::from(total)
        }
    }

    const { assert!(BLOCK * 65535 <= i32::MAX as usize) }
    Isa::best().run_narrow(Run(elements.cast::<T>(), len))
}
