//! Numbers spread evenly.

use super::{Generator, WORD, WORDS, fraction};
use crate::array::ArrayMut;
use crate::dtype::DType;
use crate::elementwise::Elementwise;
use crate::error::{Result, refuse};
use crate::isa::{Isa, Kernel};

/// Numbers in [low, high), all as likely, into an array of type float32 or float64: `low + (high - low) u`.
///
/// u of a float64 element i is the upper 53 bits of word i as a fraction; of a float32 element the upper 24 bits of half of a
/// word, of which elements 2i and 2i + 1 have the lower and the upper half of word i. Where rounding makes the sum `high`, it is that.
///
/// # Errors
/// [`crate::Error::InvalidArgument`] for another type, limits that are not finite in that type, or whose difference is
/// not, a range or mask that does not fit, and an offset so high that the sequence ends.
pub fn uniform(out: ArrayMut<'_>, low: f64, high: f64, generator: &Generator, options: &Elementwise<'_>) -> Result<()> {
    let width = high - low;
    let finite = |number: f64| if out.dtype() == DType::F32 { (number as f32).is_finite() } else { number.is_finite() };
    if !finite(low) || !finite(width) {
        return refuse(format!("{} has no numbers spread evenly from {low} to {high}", out.dtype()));
    }
    match out.dtype() {
        DType::F64 => generator.fill(out, DType::F64, WORD, options, |block, first| {
            let out = block.out.cast::<f64>();
            generator.words(first..first + block.len as u64, 1, |done, words| {
                let mut numbers = [0.0; WORDS];
                Isa::best().run(Wide { numbers: &mut numbers, words, low, width });
                // SAFETY: of the `len` elements of the block, these are from `done` on.
                unsafe { out.add(done).copy_from_nonoverlapping(numbers.as_ptr(), words.len()) };
            });
        }),
        DType::F32 => generator.fill(out, DType::F32, WORD / 2, options, |block, first| {
            let out = block.out.cast::<f32>();
            let (low, width) = (low as f32, width as f32);
            // The first word's lower half may be of the element before, the last one's upper half of that after.
            let before = (first % 2) as usize;
            let end = first + block.len as u64;
            generator.words(first / 2..end.div_ceil(2), 1, |done, words| {
                let mut numbers = [0.0; 2 * WORDS];
                Isa::best().run(Narrow { numbers: &mut numbers, words, low, width });
                let (from, place) = if done == 0 { (before, 0) } else { (0, 2 * done - before) };
                let count = (2 * words.len() - from).min(block.len - place);
                // SAFETY: of the `len` elements of the block, these are from `place` on.
                unsafe { out.add(place).copy_from_nonoverlapping(numbers[from..].as_ptr(), count) };
            });
        }),
        other => refuse(format!("uniform numbers are float32 or float64, not {other}")),
    }
}

/// float64 numbers of words.
struct Wide<'a> {
    numbers: &'a mut [f64; WORDS],
    words: &'a [u64],
    low: f64,
    width: f64,
}

impl Kernel for Wide<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (number, &word) in self.numbers.iter_mut().zip(self.words) {
            *number = self.low + self.width * fraction(word);
        }
    }
}

/// float32 numbers of halves of words.
struct Narrow<'a> {
    numbers: &'a mut [f32; 2 * WORDS],
    words: &'a [u64],
    low: f32,
    width: f32,
}

impl Kernel for Narrow<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        const UNIT: f32 = 1.0 / (1 << 24) as f32;
        for (pair, &word) in self.numbers.as_chunks_mut::<2>().0.iter_mut().zip(self.words) {
            let number = |half: u32| self.low + self.width * ((half >> 8) as i32 as f32 * UNIT);
            *pair = [number(word as u32), number((word >> 32) as u32)];
        }
    }
}
