//! Transcendental functions of float32 and float64, as loops of the executor of [`crate::elementwise`].
//!
//! The code of a function has no branches, no calls and no tables, so the compiler turns the loop over a block into
//! vector instructions of whatever set it compiles for.
//!
//! # Accuracy
//! Results are within 1 ulp of the exact value (the tests say how far each is), over the whole range: of any size of
//! argument, and where results are subnormal. Special values give what C99 says. float32 is computed in float64 and
//! rounded, so it is right but for a rare half ulp.
//!
//! Results are the same to the last bit for AVX2, AVX-512 and NEON. On x86 without AVX2 and FMA, where a multiplication
//! and the addition after it are rounded one by one, a last bit may differ.

mod double;
mod exp;
mod inverse;
mod log;
mod polar;
mod pow;
#[cfg(test)]
mod tests;
mod trig;

pub(crate) use polar::polar;

use std::array::from_fn;
use std::marker::PhantomData;

pub(crate) use double::{Arithmetic, Fused};

use crate::dtype::{DType, Element};
use crate::elementwise::loops::{Block, Signature};
use crate::isa::{Isa, Kernel};

#[cfg(target_arch = "aarch64")]
pub(crate) use double::Fused as Native;
/// The arithmetic of the processors that have no more than [`Isa::Baseline`].
#[cfg(not(target_arch = "aarch64"))]
pub(crate) use double::Separate as Native;

/// A function of `N` numbers.
pub(crate) trait Function<const N: usize> {
    /// Whether there are arguments that [`value`](Self::value) is not for.
    const HAS_RARE: bool = false;

    /// Whether [`value`](Self::value) is for these arguments. Has to be `#[inline(always)]`.
    #[inline(always)]
    fn is_common(_: [f64; N]) -> bool {
        true
    }

    /// Its value. Has to be `#[inline(always)]`.
    fn value<A: Arithmetic>(x: [f64; N]) -> f64;

    /// Its value for any arguments; not as fast, but the same to the last bit.
    #[inline(always)]
    fn value_of_any<A: Arithmetic>(x: [f64; N]) -> f64 {
        Self::value::<A>(x)
    }
}

/// The loop of a function for elements of a type, which is float32 or float64.
pub(crate) fn signature<F: Function<N>, const N: usize>(dtype: DType) -> Option<Signature> {
    let run = match dtype {
        DType::F32 => run::<F, f32, N>,
        DType::F64 => run::<F, f64, N>,
        _ => return None,
    };
    Some(Signature { input: dtype, output: dtype, result: dtype, run: Some(run), run_lines: None })
}

/// # Safety
/// As of a [`Loop`](crate::elementwise::loops::Loop).
unsafe fn run<F: Function<N>, T: Real, const N: usize>(block: &Block) {
    Isa::best().run_either(Run::<F, T, Native, N>(block, PhantomData), Run::<F, T, Fused, N>(block, PhantomData));
}

/// Computes a block: the one that its maker has promised to be as a loop's has to be.
struct Run<'a, F, T, A, const N: usize>(&'a Block, PhantomData<(F, T, A)>);

impl<F: Function<N>, T: Real, A: Arithmetic, const N: usize> Kernel for Run<'_, F, T, A, N> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Block { out, inputs, len, .. } = *self.0;
        let out = out.cast::<T>();
        // SAFETY: i is below `len`.
        let read = |i: usize| -> [f64; N] { from_fn(|k| unsafe { inputs[k].cast::<T>().add(i).read() }.widen()) };
        // SAFETY: as above.
        let write = |i: usize, y: f64| unsafe { out.add(i).write(T::round(y)) };
        if !F::HAS_RARE {
            for i in 0..len {
                write(i, F::value::<A>(read(i)));
            }
            return;
        }
        for start in (0..len).step_by(LANES) {
            let count = LANES.min(len - start);
            // Read once: another process may write to them meanwhile.
            let mut x = [[0.0; N]; LANES];
            let mut common = true;
            for (lane, x) in x.iter_mut().enumerate().take(count) {
                *x = read(start + lane);
                common &= F::is_common(*x);
            }
            if common {
                for (lane, &x) in x.iter().enumerate().take(count) {
                    write(start + lane, F::value::<A>(x));
                }
            } else {
                for (lane, &x) in x.iter().enumerate().take(count) {
                    write(start + lane, F::value_of_any::<A>(x));
                }
            }
        }
    }
}

/// Elements computed at a time where some of them may need the slower form.
const LANES: usize = 64;

/// Types of elements that these functions are for.
trait Real: Element {
    fn widen(self) -> f64;
    fn round(x: f64) -> Self;
}

impl Real for f64 {
    #[inline(always)]
    fn widen(self) -> f64 {
        self
    }

    #[inline(always)]
    fn round(x: f64) -> f64 {
        x
    }
}

impl Real for f32 {
    #[inline(always)]
    fn widen(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn round(x: f64) -> f32 {
        x as f32
    }
}

/// Names functions: by how they are computed and, if that is not for all arguments, for which it is, and how for any.
macro_rules! functions {
    ($(
        $(#[$doc:meta])*
        $name:ident($($x:ident),+) = $($value:ident)::+ $(, if $($common:ident)::+, else $($any:ident)::+)?;
    )*) => { $(
        $(#[$doc])*
        pub(crate) struct $name;

        impl Function<{ [$(stringify!($x)),+].len() }> for $name {
            #[inline(always)]
            fn value<A: Arithmetic>([$($x),+]: [f64; { [$(stringify!($x)),+].len() }]) -> f64 {
                $($value)::+::<A>($($x),+)
            }

            functions! { @rare $($($common)::+, $($any)::+)?; $($x),+ }
        }
    )* };
    (@rare ; $($x:ident),+) => {};
    (@rare $($common:ident)::+, $($any:ident)::+; $($x:ident),+) => {
        const HAS_RARE: bool = true;

        #[inline(always)]
        fn is_common(x: [f64; { [$(stringify!($x)),+].len() }]) -> bool {
            $($common)::+(x)
        }

        #[inline(always)]
        fn value_of_any<A: Arithmetic>([$($x),+]: [f64; { [$(stringify!($x)),+].len() }]) -> f64 {
            $($any)::+::<A>($($x),+)
        }
    };
}

functions! {
    /// e^x.
    Exp(x) = exp::exp;
    /// 2^x.
    Exp2(x) = exp::exp2;
    /// e^x - 1.
    Expm1(x) = exp::expm1;
    /// Hyperbolic sine.
    Sinh(x) = exp::sinh;
    /// Hyperbolic cosine.
    Cosh(x) = exp::cosh;
    /// Hyperbolic tangent.
    Tanh(x) = exp::tanh;
    /// Natural logarithm.
    Log(x) = log::log, if log::is_normal, else log::log_of_any;
    /// Natural logarithm of 1 + x.
    Log1p(x) = log::log1p;
    /// Logarithm to base 2.
    Log2(x) = log::log2, if log::is_normal, else log::log2_of_any;
    /// Logarithm to base 10.
    Log10(x) = log::log10, if log::is_normal, else log::log10_of_any;
    /// Arc sine.
    Asin(x) = inverse::asin;
    /// Arc cosine.
    Acos(x) = inverse::acos;
    /// Arc tangent.
    Atan(x) = inverse::atan;
    /// The angle of the point (x, y): arc tangent of y / x, in the right quadrant.
    Atan2(y, x) = inverse::atan2;
    /// Cube root.
    Cbrt(x) = pow::cbrt;
    /// x^y.
    Pow(x, y) = pow::pow, if pow::is_pow_normal, else pow::pow_of_any;
}

/// Names functions of angles.
macro_rules! periodic {
    ($($(#[$doc:meta])* $name:ident = $($value:ident)::+;)*) => { $(
        $(#[$doc])*
        pub(crate) struct $name;

        impl Function<1> for $name {
            const HAS_RARE: bool = true;

            #[inline(always)]
            fn is_common([x]: [f64; 1]) -> bool {
                x.abs() <= trig::LIMIT
            }

            #[inline(always)]
            fn value<A: Arithmetic>([x]: [f64; 1]) -> f64 {
                $($value)::+::<A>(x, trig::reduce::<A>(x))
            }

            #[cold]
            #[inline(never)]
            fn value_of_any<A: Arithmetic>([x]: [f64; 1]) -> f64 {
                $($value)::+::<A>(x, trig::reduce_any::<A>(x))
            }
        }
    )* };
}

periodic! {
    /// Sine.
    Sin = trig::sin;
    /// Cosine.
    Cos = trig::cos;
    /// Tangent.
    Tan = trig::tan;
}
