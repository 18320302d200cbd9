//! The same code compiled for several instruction sets, the best of which is picked when the program runs.

use std::sync::LazyLock;

/// A set of instructions that code is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// What every processor of the architecture has: SSE2 on x86-64, NEON on arm64.
    Baseline,
    /// AVX2, FMA, F16C, BMI.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F, BW, CD, DQ and VL on top.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// The best that this processor has. The environment variable `TSDSM_ISA` (`baseline`, `avx2`, `avx512`) lowers it,
    /// for tests; it is read once.
    pub fn best() -> Isa {
        static BEST: LazyLock<Isa> = LazyLock::new(|| {
            let wanted = std::env::var("TSDSM_ISA").ok();
            let detected = Isa::detect();
            Isa::ALL
                .into_iter()
                .find(|isa| wanted.as_deref() == Some(isa.name()))
                .map_or(detected, |isa| isa.min(detected))
        });
        *BEST
    }

    #[cfg(target_arch = "x86_64")]
    const ALL: [Isa; 3] = [Isa::Baseline, Isa::Avx2, Isa::Avx512];
    #[cfg(not(target_arch = "x86_64"))]
    const ALL: [Isa; 1] = [Isa::Baseline];

    /// Its name, as the environment variable has it.
    pub const fn name(self) -> &'static str {
        match self {
            Isa::Baseline => "baseline",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => "avx512",
        }
    }

    #[cfg(target_arch = "x86_64")]
    fn detect() -> Isa {
        macro_rules! all { ($($name:tt)*) => { true $(&& is_x86_feature_detected!($name))* } }
        if !all!("avx2" "fma" "f16c" "bmi1" "bmi2" "lzcnt" "popcnt") {
            Isa::Baseline
        } else if !all!("avx512f" "avx512bw" "avx512cd" "avx512dq" "avx512vl") {
            Isa::Avx2
        } else {
            Isa::Avx512
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn detect() -> Isa {
        Isa::Baseline
    }

    /// Runs `kernel`, compiled for this set. Everything it calls has to be `#[inline(always)]` to be compiled so, too; a
    /// closure is not, unless it is small: write a [`Kernel`].
    ///
    /// `self` must come from [`Isa::best`], perhaps lowered: `Isa::best().min(Isa::Avx2)`.
    #[inline]
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        debug_assert!(self <= Isa::detect());
        match self {
            Isa::Baseline => kernel.run(),
            // SAFETY: `best` has found these instructions, and nothing makes an `Isa` above it.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { avx2(kernel) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => unsafe { avx512(kernel) },
        }
    }

    /// Runs `baseline`, compiled for [`Isa::Baseline`], or `fused`, compiled for a larger set: for kernels that are not the
    /// same where a multiplication and an addition can be fused, as they can in all of the larger sets.
    #[inline]
    pub fn run_either<T>(self, baseline: impl Kernel<Output = T>, fused: impl Kernel<Output = T>) -> T {
        #[cfg(not(target_arch = "x86_64"))]
        let _ = fused;
        match self {
            Isa::Baseline => baseline.run(),
            // SAFETY: `best` has found these instructions.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { avx2(fused) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => unsafe { avx512(fused) },
        }
    }

    /// Runs `kernel` like [`run`](Self::run), but compiled for no more than AVX2: for loops that AVX-512 does not make
    /// faster, as those bound by memory are. It spares a third of the code.
    #[inline]
    pub fn run_narrow<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            Isa::Baseline => kernel.run(),
            // SAFETY: `best` has found these instructions; those of AVX2 are part of the larger sets.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 | Isa::Avx512 => unsafe { avx2(kernel) },
        }
    }
}

/// A piece of work that is compiled for several instruction sets. Closures are such.
pub trait Kernel {
    /// What comes of it.
    type Output;
    /// Does it. Has to be `#[inline(always)]`.
    fn run(self) -> Self::Output;
}

impl<F: FnOnce() -> R, R> Kernel for F {
    type Output = R;

    #[inline(always)]
    fn run(self) -> R {
        self()
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c,bmi1,bmi2,lzcnt,popcnt")]
fn avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,f16c,bmi1,bmi2,lzcnt,popcnt")]
fn avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}
