//! Numbers of the normal distribution.

use std::marker::PhantomData;

use super::{Generator, WORD, WORDS, fraction};
use crate::array::ArrayMut;
use crate::dtype::DType;
use crate::elementwise::Elementwise;
use crate::error::{Result, refuse};
use crate::isa::{Isa, Kernel};
use crate::math::{Arithmetic, Fused, Native, polar};

/// Numbers of the normal distribution, into an array of type float32 or float64.
///
/// Elements 2i and 2i + 1 are √(-2 ln u) cos(2π v) and √(-2 ln u) sin(2π v) (Box and Muller), times `deviation`, plus `mean`: u is 1 - the
/// upper 53 bits of word 2i as a fraction, v those of word 2i + 1. They are computed in float64, to a few ulp, and reach to 8.57
/// deviations. The last bit may differ between processors with and without fused multiplication.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for another type, a mean or a deviation that is not finite, a deviation below 0, a range or mask that does not fit, and an
/// offset so high that the sequence ends.
pub fn normal(
    out: ArrayMut<'_>,
    mean: f64,
    deviation: f64,
    generator: &Generator,
    options: &Elementwise<'_>,
) -> Result<()> {
    if !mean.is_finite() || !deviation.is_finite() || deviation < 0.0 {
        return refuse(format!("there is no normal distribution with mean {mean} and deviation {deviation}"));
    }
    let dtype = out.dtype();
    if !matches!(dtype, DType::F32 | DType::F64) {
        return refuse(format!("normal numbers are float32 or float64, not {dtype}"));
    }
    generator.fill(out, dtype, 3 * WORD, options, |block, first| {
        let end = first + block.len as u64;
        let before = (first % 2) as usize;
        generator.words(first - before as u64..end.next_multiple_of(2), 2, |done, words| {
            let numbers = Isa::best().run_either(
                Pairs::<Native> { words, mean, deviation, arithmetic: PhantomData },
                Pairs::<Fused> { words, mean, deviation, arithmetic: PhantomData },
            );
            // The first may be of the element before, the last of that after.
            let (from, place) = if done == 0 { (before, 0) } else { (0, done - before) };
            let count = (words.len() - from).min(block.len - place);
            // SAFETY: of the `len` elements of the block, these are from `place` on; the type is the array's.
            unsafe { store(block.out, dtype, place, &numbers[from..from + count]) };
        });
    })
}

/// Stores numbers as elements of a type, float32 or float64, from `place` on.
///
/// # Safety
/// They are there.
unsafe fn store(out: *mut u8, dtype: DType, place: usize, numbers: &[f64]) {
    for (i, &number) in numbers.iter().enumerate() {
        // SAFETY: the caller's promise.
        unsafe {
            match dtype {
                DType::F32 => out.cast::<f32>().add(place + i).write(number as f32),
                _ => out.cast::<f64>().add(place + i).write(number),
            }
        }
    }
}

/// Numbers of pairs of words: see [`normal`].
struct Pairs<'a, A> {
    words: &'a [u64],
    mean: f64,
    deviation: f64,
    arithmetic: PhantomData<A>,
}

impl<A: Arithmetic> Kernel for Pairs<'_, A> {
    type Output = [f64; WORDS];

    #[inline(always)]
    fn run(self) -> [f64; WORDS] {
        let mut numbers = [0.0; WORDS];
        for (pair, &[u, v]) in numbers.as_chunks_mut::<2>().0.iter_mut().zip(self.words.as_chunks::<2>().0) {
            let (x, y) = polar::<A>(1.0 - fraction(u), fraction(v));
            *pair = [self.mean + self.deviation * x, self.mean + self.deviation * y];
        }
        numbers
    }
}
