//! Conversions between element types.

use half::f16;

use crate::dtype::{Bool, DType, Kind};
use crate::elementwise::loops::{Block, Loop, operations, run};
#[cfg(target_arch = "x86_64")]
use crate::isa::Isa;

/// How elements of one type become those of another: loops, one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Casts {
    steps: [Option<(Loop, DType)>; MOST],
    len: usize,
    to: DType,
}

/// The most steps: float64 to float32 to float16, rounded, and back to a wider type.
const MOST: usize = 4;

impl Casts {
    /// From one type to another. None are needed where the bits are the same.
    pub fn new(from: DType, to: DType) -> Casts {
        Casts::through(from, from, to)
    }

    /// From one type to a second, and from there to a third.
    pub fn through(from: DType, rounded: DType, to: DType) -> Casts {
        let mut casts = Casts { steps: [None; MOST], len: 0, to };
        casts.push(from, rounded);
        casts.push(rounded, to);
        casts
    }

    fn push(&mut self, from: DType, to: DType) {
        let mut step = |run: Loop, to: DType| {
            self.steps[self.len] = Some((run, to));
            self.len += 1;
        };
        match (from, to) {
            _ if from == to => {}
            (DType::F16, DType::F32) => step(widen_f16, to),
            (DType::F32, DType::F16) => step(narrow_f32, to),
            (DType::F16, _) => {
                step(widen_f16, DType::F32);
                self.push(DType::F32, to);
            }
            (_, DType::F16) => {
                // What lies halfway between two float16 must not come to lie there by rounding to float32.
                let narrow = if from == DType::F64 { run::<RoundToOdd, f64, f32, 1> } else { direct(from, DType::F32) };
                step(narrow, DType::F32);
                step(narrow_f32, to);
            }
            // Integers of one size have the same bits: they wrap.
            _ if from.to_unsigned() == to.to_unsigned() => {}
            _ => step(direct(from, to), to),
        }
    }

    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of loops.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The type that it ends with.
    pub fn to(&self) -> DType {
        self.to
    }

    /// The size of the widest type on the way.
    pub fn widest(&self) -> usize {
        self.steps.iter().flatten().map(|(_, to)| to.size()).max().unwrap_or(0)
    }

    /// Converts `len` elements, and says where they are then: where they were if nothing is to be done, else at `target`, or
    /// in one of the `buffers`, of which the first is used first.
    ///
    /// # Safety
    /// The elements may be read and are of the first type, not in the first buffer, and the others have room for them.
    pub unsafe fn run(
        &self,
        mut from: *const u8,
        len: usize,
        target: Option<*mut u8>,
        buffers: [*mut u8; 2],
    ) -> *const u8 {
        for (i, (step, _)) in self.steps.iter().flatten().enumerate() {
            let out = target.filter(|_| i + 1 == self.len).unwrap_or(buffers[i % 2]);
            // SAFETY: the caller's promise.
            unsafe { step(&Block { out, inputs: [from; 3], len, start: 0 }) };
            from = out;
        }
        from
    }
}

/// The loop from one type to another, neither of them float16. Integers of one size share theirs where the sign of the
/// result, or of what is cut off, makes no difference.
fn direct(from: DType, to: DType) -> Loop {
    macro_rules! table {
        ($pair:expr; $($from:ident -> $($to:ident)+;)*) => {
            match $pair {
                $($((DType::$from, DType::$to) => {
                    run::<Cast, crate::dtype::of::$from, crate::dtype::of::$to, 1>
                })+)*
                pair => unreachable!("{pair:?}"),
            }
        };
    }
    let is_float = |dtype: DType| dtype.kind() == Kind::Float;
    let to = if is_float(from) { to } else { to.to_unsigned() };
    let widens = to != DType::Bool && to.size() > from.size();
    let from = if widens || is_float(to) { from } else { from.to_unsigned() };
    table! { (from, to);
        Bool -> U8 U16 U32 U64 F32 F64;
        I8 -> U16 U32 U64 F32 F64;
        U8 -> Bool U16 U32 U64 F32 F64;
        I16 -> U32 U64 F32 F64;
        U16 -> Bool U8 U32 U64 F32 F64;
        I32 -> U64 F32 F64;
        U32 -> Bool U8 U16 U64 F32 F64;
        I64 -> F32 F64;
        U64 -> Bool U8 U16 U32 F32 F64;
        F32 -> Bool I8 U8 I16 U16 I32 U32 I64 U64 F64;
        F64 -> Bool I8 U8 I16 U16 I32 U32 I64 U64 F32;
    }
}

struct Cast;

macro_rules! casts {
    ($($from:ty => $($to:ty)+;)*) => {
        $($(impl crate::elementwise::loops::Operation<$from, $to, 1> for Cast {
            #[inline(always)]
            fn apply([x]: [$from; 1]) -> $to {
                x as $to
            }
        })+)*
    };
}

casts! {
    i8 => u16 u32 u64 f32 f64;
    u8 => u16 u32 u64 f32 f64;
    i16 => u32 u64 f32 f64;
    u16 => u8 u32 u64 f32 f64;
    i32 => u64 f32 f64;
    u32 => u8 u16 u64 f32 f64;
    i64 => f32 f64;
    u64 => u8 u16 u32 f32 f64;
    f32 => i8 u8 i16 u16 i32 u32 i64 u64 f64;
    f64 => i8 u8 i16 u16 i32 u32 i64 u64 f32;
}

macro_rules! from_bool {
    ($($to:ty)+) => {
        $(impl crate::elementwise::loops::Operation<Bool, $to, 1> for Cast {
            #[inline(always)]
            fn apply([x]: [Bool; 1]) -> $to {
                u8::from(x.get()) as $to
            }
        })+
    };
}

from_bool! { u8 u16 u32 u64 f32 f64 }

/// float64 to float32 so that a second rounding, to less bits, gives what rounding once gives: what is not exact becomes the
/// neighbour with an odd last bit. (Boldo and Melquiond, "When double rounding is odd".)
struct RoundToOdd;

operations! {
    Cast(x) -> Bool: u8 u16 u32 u64 => (x != 0).into();
    Cast(x) -> Bool: f32 f64 => (x != 0.0).into();
    RoundToOdd(x) -> f32: f64 => {
        let near = x as f32;
        let back = f64::from(near);
        let bits = near.to_bits();
        let moves = back != x && !x.is_nan() && bits & 1 == 0;
        let towards = if back.abs() > x.abs() { bits.wrapping_sub(1) } else { bits.wrapping_add(1) };
        f32::from_bits(if moves { towards } else { bits })
    };
}

/// float16 to float32: a [`Loop`].
unsafe fn widen_f16(block: &Block) {
    let (out, x) = (block.out.cast::<f32>(), block.inputs[0].cast::<f16>());
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller's promise, and the processor has F16C, which is part of the set.
    let done = if Isa::best() >= Isa::Avx2 { unsafe { f16c::widen(out, x, block.len) } } else { 0 };
    #[cfg(not(target_arch = "x86_64"))]
    let done = 0;
    for i in done..block.len {
        // SAFETY: within the block.
        unsafe { out.add(i).write(x.add(i).read().to_f32()) };
    }
}

/// float32 to the nearest float16: a [`Loop`].
unsafe fn narrow_f32(block: &Block) {
    let (out, x) = (block.out.cast::<f16>(), block.inputs[0].cast::<f32>());
    #[cfg(target_arch = "x86_64")]
    // SAFETY: as above.
    let done = if Isa::best() >= Isa::Avx2 { unsafe { f16c::narrow(out, x, block.len) } } else { 0 };
    #[cfg(not(target_arch = "x86_64"))]
    let done = 0;
    for i in done..block.len {
        // SAFETY: within the block.
        unsafe { out.add(i).write(f16::from_f32(x.add(i).read())) };
    }
}

/// Eight at a time; both say how many they have done.
#[cfg(target_arch = "x86_64")]
mod f16c {
    use std::arch::x86_64::{
        __m128i, _MM_FROUND_TO_NEAREST_INT, _mm_loadu_si128, _mm_storeu_si128, _mm256_cvtph_ps, _mm256_cvtps_ph,
        _mm256_loadu_ps, _mm256_storeu_ps,
    };

    use half::f16;

    const LANES: usize = 8;

    #[target_feature(enable = "avx,f16c")]
    pub unsafe fn widen(out: *mut f32, x: *const f16, len: usize) -> usize {
        let done = len - len % LANES;
        for i in (0..done).step_by(LANES) {
            // SAFETY: the caller's promise.
            unsafe { _mm256_storeu_ps(out.add(i), _mm256_cvtph_ps(_mm_loadu_si128(x.add(i).cast::<__m128i>()))) };
        }
        done
    }

    #[target_feature(enable = "avx,f16c")]
    pub unsafe fn narrow(out: *mut f16, x: *const f32, len: usize) -> usize {
        let done = len - len % LANES;
        for i in (0..done).step_by(LANES) {
            // SAFETY: the caller's promise.
            unsafe {
                let halves = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(_mm256_loadu_ps(x.add(i)));
                _mm_storeu_si128(out.add(i).cast::<__m128i>(), halves);
            }
        }
        done
    }
}
