//! Accuracy against exact values, special values, and the same results on every instruction set.

use super::*;

/// Every instruction set that this processor has.
fn sets() -> Vec<Isa> {
    #[cfg(target_arch = "x86_64")]
    let all = [Isa::Baseline, Isa::Avx2, Isa::Avx512];
    #[cfg(not(target_arch = "x86_64"))]
    let all = [Isa::Baseline];
    all.into_iter().filter(|&isa| isa <= Isa::best()).collect()
}

fn compute<F: Function<N>, T: Real, const N: usize>(isa: Isa, x: &[Vec<T>; N]) -> Vec<T> {
    let len = x[0].len();
    let mut out = vec![T::round(0.0); len];
    let inputs = from_fn(|k| x.get(k).map_or(std::ptr::null(), |x| x.as_ptr().cast()));
    let block = Block { out: out.as_mut_ptr().cast(), inputs, len, start: 0 };
    isa.run_either(Run::<F, T, Native, N>(&block, PhantomData), Run::<F, T, Fused, N>(&block, PhantomData));
    out
}

/// A line of `vectors.txt`.
struct Vector<const N: usize> {
    x: [f64; N],
    rounded: f64,
    /// By how much the exact value is above the rounded one, in ulp.
    above: f64,
}

fn vectors<const N: usize>(name: &str) -> Vec<Vector<N>> {
    let number = |word: &str| f64::from_bits(u64::from_str_radix(word, 16).unwrap());
    let lines = include_str!("vectors.txt").lines().map(|line| line.split(' ').collect::<Vec<_>>());
    lines
        .filter(|words| words[0] == name)
        .map(|words| Vector {
            x: from_fn(|k| number(words[1 + k])),
            rounded: number(words[1 + N]),
            above: words[2 + N].parse().unwrap(),
        })
        .collect()
}

/// The distance from a number to the next larger one in size.
fn ulp(x: f64) -> f64 {
    let exponent = (x.to_bits() >> 52 & 0x7ff).max(1);
    // Halves that are subnormal would lose bits: in units of 2^-1074.
    if exponent > 52 { f64::from_bits((exponent - 52) << 52) } else { f64::from_bits(1 << (exponent - 1)) }
}

fn check<F: Function<N>, const N: usize>(name: &str, limit: f64) {
    let vectors = vectors::<N>(name);
    assert!(vectors.len() > 40, "{name}: {}", vectors.len());
    let x = from_fn(|k| vectors.iter().map(|vector| vector.x[k]).collect::<Vec<_>>());
    for isa in sets() {
        let mut worst = 0f64;
        for (vector, y) in vectors.iter().zip(compute::<F, f64, N>(isa, &x)) {
            let error = ((y - vector.rounded) / ulp(vector.rounded) - vector.above).abs();
            // Also where y is NaN.
            assert!(error <= limit, "{name}{:?} = {:e}, not {y:e}: {error} ulp ({isa:?})", vector.x, vector.rounded);
            worst = worst.max(error);
        }
        println!("{name:6} {worst:.3} ulp ({isa:?})");
    }
}

#[test]
fn results_are_within_an_ulp_of_the_exact_ones() {
    check::<Exp, 1>("exp", 1.0);
    check::<Exp2, 1>("exp2", 1.0);
    check::<Expm1, 1>("expm1", 1.0);
    check::<Sinh, 1>("sinh", 1.0);
    check::<Cosh, 1>("cosh", 1.0);
    check::<Tanh, 1>("tanh", 1.0);
    check::<Log, 1>("log", 1.0);
    check::<Log1p, 1>("log1p", 1.0);
    check::<Log2, 1>("log2", 1.0);
    check::<Log10, 1>("log10", 1.0);
    check::<Sin, 1>("sin", 1.0);
    check::<Cos, 1>("cos", 1.0);
    check::<Tan, 1>("tan", 1.0);
    check::<Asin, 1>("asin", 1.0);
    check::<Acos, 1>("acos", 1.0);
    check::<Atan, 1>("atan", 1.0);
    check::<Atan2, 2>("atan2", 1.0);
    check::<Cbrt, 1>("cbrt", 1.0);
    check::<Pow, 2>("pow", 1.1);
}

/// Of every size, both signs, and what is special, often beside each other.
fn arguments(len: usize) -> Vec<f64> {
    let special = [0.0, -0.0, 1.0, -1.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 5e-324, f64::MAX, 0.5, 2.0, 1e22];
    let mut state = 1u64;
    (0..len)
        .map(|i| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let fraction = (state >> 11) as f64 / (1u64 << 53) as f64;
            match i % 4 {
                0 => f64::from_bits(state),
                1 => (fraction - 0.5) * 4.0,
                2 => (fraction - 0.5) * 1500.0,
                _ => special[(state >> 33) as usize % special.len()],
            }
        })
        .collect()
}

/// Calls a macro's body for every function of one number.
macro_rules! each_unary {
    ($F:ident => $body:expr) => {
        each_unary!(@ $F, $body, Exp Exp2 Expm1 Sinh Cosh Tanh Log Log1p Log2 Log10 Sin Cos Tan Asin Acos Atan Cbrt)
    };
    (@ $F:ident, $body:expr, $($name:ident)+) => { $({ type $F = $name; $body })+ };
}

fn bits(y: &[f64]) -> Vec<u64> {
    // Not which NaN.
    y.iter().map(|y| if y.is_nan() { f64::NAN.to_bits() } else { y.to_bits() }).collect()
}

#[test]
fn results_are_the_same_on_every_set_that_fuses() {
    fn check<F: Function<N>, const N: usize>(x: &[Vec<f64>; N]) {
        let fused =
            sets().into_iter().filter(|&isa| isa > Isa::Baseline).map(|isa| bits(&compute::<F, f64, N>(isa, x)));
        let all: Vec<_> = fused.collect();
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
    }
    let (x, y) = (arguments(4000), arguments(4001)[1..].to_vec());
    each_unary!(F => check::<F, 1>(std::array::from_ref(&x)));
    check::<Pow, 2>(&[x.clone(), y.clone()]);
    check::<Atan2, 2>(&[x, y]);
}

#[test]
fn an_element_does_not_depend_on_those_beside_it() {
    fn check<F: Function<N>, const N: usize>(x: &[Vec<f64>; N]) {
        let whole = bits(&compute::<F, f64, N>(Isa::best(), x));
        for (start, len) in [(0, 1), (5, 3), (1, 63), (63, 65), (7, 129)] {
            let part = from_fn(|k| x[k][start..start + len].to_vec());
            assert_eq!(bits(&compute::<F, f64, N>(Isa::best(), &part)), whole[start..start + len]);
        }
    }
    let (x, y) = (arguments(200), arguments(201)[1..].to_vec());
    each_unary!(F => check::<F, 1>(std::array::from_ref(&x)));
    check::<Pow, 2>(&[x.clone(), y.clone()]);
    check::<Atan2, 2>(&[x, y]);
}

#[test]
fn float32_is_what_float64_rounds_to() {
    let x: Vec<f32> = arguments(2000).iter().map(|&x| x as f32).chain([f32::MIN_POSITIVE, 1e-45, f32::MAX]).collect();
    let wide: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
    for isa in sets() {
        each_unary!(F => {
            let narrow = compute::<F, f32, 1>(isa, std::array::from_ref(&x));
            let rounded: Vec<f64> = compute::<F, f64, 1>(isa, std::array::from_ref(&wide)).iter().map(|&y| (y as f32).into()).collect();
            assert_eq!(bits(&narrow.iter().map(|&y| y.into()).collect::<Vec<f64>>()), bits(&rounded));
        });
    }
}

#[test]
fn special_values_give_what_c99_says() {
    const INF: f64 = f64::INFINITY;
    const NAN: f64 = f64::NAN;
    fn check<F: Function<N>, const N: usize>(cases: &[([f64; N], f64)]) {
        for isa in sets() {
            // In vectors, and alone.
            for times in [1, 9] {
                for &(x, expected) in cases {
                    let y = compute::<F, f64, N>(isa, &x.map(|x| vec![x; times]));
                    assert_eq!(
                        bits(&y),
                        bits(&vec![expected; times]),
                        "{} of {x:?} ({isa:?})",
                        std::any::type_name::<F>()
                    );
                }
            }
        }
    }
    let odd = [([0.0], 0.0), ([-0.0], -0.0), ([5e-324], 5e-324), ([NAN], NAN)];
    macro_rules! odd { ($($name:ident)+) => { $(check::<$name, 1>(&odd);)+ } }
    odd!(Expm1 Sinh Tanh Log1p Sin Tan Asin Atan);
    let to_inf = [([INF], INF), ([NAN], NAN)];
    check::<Exp, 1>(&[
        ([0.0], 1.0),
        ([-0.0], 1.0),
        ([-INF], 0.0),
        ([1000.0], INF),
        ([-1000.0], 0.0),
        ([709.8], INF),
        ([-745.14], 0.0),
    ]);
    check::<Exp, 1>(&to_inf);
    check::<Exp2, 1>(&[
        ([-INF], 0.0),
        ([1024.0], INF),
        ([-1075.0], 0.0),
        ([-1074.0], 5e-324),
        ([10.0], 1024.0),
        ([-1e300], 0.0),
    ]);
    check::<Exp2, 1>(&to_inf);
    check::<Expm1, 1>(&[([-INF], -1.0), ([-100.0], -1.0), ([710.0], INF), ([1e300], INF), ([1e-300], 1e-300)]);
    check::<Expm1, 1>(&to_inf);
    check::<Sinh, 1>(&[([-INF], -INF), ([711.0], INF), ([-1e300], -INF), ([INF], INF)]);
    check::<Cosh, 1>(&[([-INF], INF), ([0.0], 1.0), ([-711.0], INF), ([1e300], INF), ([NAN], NAN)]);
    check::<Tanh, 1>(&[([-INF], -1.0), ([INF], 1.0), ([30.0], 1.0), ([-1e300], -1.0)]);
    let logs = [
        ([0.0], -INF),
        ([-0.0], -INF),
        ([1.0], 0.0),
        ([-1.0], NAN),
        ([-INF], NAN),
        ([INF], INF),
        ([NAN], NAN),
        ([-5e-324], NAN),
    ];
    check::<Log, 1>(&logs);
    check::<Log2, 1>(&logs);
    check::<Log10, 1>(&logs);
    check::<Log2, 1>(&[([8.0], 3.0), ([5e-324], -1074.0), ([0.125], -3.0)]);
    check::<Log10, 1>(&[([1000.0], 3.0), ([1e15], 15.0), ([1e22], 22.0), ([0.1], -1.0), ([0.001], -3.0)]);
    check::<Log1p, 1>(&[([-1.0], -INF), ([-1.5], NAN), ([-INF], NAN), ([INF], INF)]);
    let angles = [([INF], NAN), ([-INF], NAN), ([NAN], NAN)];
    check::<Sin, 1>(&angles);
    check::<Cos, 1>(&angles);
    check::<Tan, 1>(&angles);
    check::<Cos, 1>(&[([0.0], 1.0), ([-0.0], 1.0), ([5e-324], 1.0)]);
    let half_pi = std::f64::consts::FRAC_PI_2;
    let pi = std::f64::consts::PI;
    check::<Asin, 1>(&[([1.0], half_pi), ([-1.0], -half_pi), ([1.0000000000000002], NAN), ([-INF], NAN)]);
    check::<Acos, 1>(&[([1.0], 0.0), ([-1.0], pi), ([0.0], half_pi), ([2.0], NAN), ([INF], NAN)]);
    check::<Atan, 1>(&[([INF], half_pi), ([-INF], -half_pi), ([1e300], half_pi)]);
    check::<Cbrt, 1>(&[
        ([0.0], 0.0),
        ([-0.0], -0.0),
        ([NAN], NAN),
        ([INF], INF),
        ([-INF], -INF),
        ([27.0], 3.0),
        ([-8.0], -2.0),
        ([1e-300], 1e-100),
    ]);
    check::<Atan2, 2>(&[
        ([0.0, 1.0], 0.0),
        ([-0.0, 1.0], -0.0),
        ([0.0, -1.0], pi),
        ([-0.0, -1.0], -pi),
        ([0.0, 0.0], 0.0),
        ([-0.0, 0.0], -0.0),
        ([0.0, -0.0], pi),
        ([-0.0, -0.0], -pi),
        ([1.0, 0.0], half_pi),
        ([-1.0, -0.0], -half_pi),
        ([1.0, INF], 0.0),
        ([-1.0, INF], -0.0),
        ([1.0, -INF], pi),
        ([-1.0, -INF], -pi),
        ([INF, 1.0], half_pi),
        ([-INF, -1.0], -half_pi),
        ([INF, INF], pi / 4.0),
        ([INF, -INF], 3.0 * (pi / 4.0)),
        ([-INF, -INF], -3.0 * (pi / 4.0)),
        ([NAN, 1.0], NAN),
        ([1.0, NAN], NAN),
        ([5e-324, 5e-324], pi / 4.0),
        ([f64::MAX, f64::MAX], pi / 4.0),
        ([f64::MAX, 5e-324], half_pi),
        ([5e-324, f64::MAX], 0.0),
    ]);
    check::<Pow, 2>(&[
        ([NAN, 0.0], 1.0),
        ([INF, -0.0], 1.0),
        ([0.0, 0.0], 1.0),
        ([1.0, NAN], 1.0),
        ([1.0, INF], 1.0),
        ([-1.0, INF], 1.0),
        ([-1.0, -INF], 1.0),
        ([NAN, 1.0], NAN),
        ([2.0, NAN], NAN),
        ([-1.0, NAN], NAN),
        ([-2.0, 0.5], NAN),
        ([-2.0, 3.0], -8.0),
        ([-2.0, 2.0], 4.0),
        ([-2.0, -1.0], -0.5),
        ([0.0, 3.0], 0.0),
        ([-0.0, 3.0], -0.0),
        ([-0.0, 2.0], 0.0),
        ([-0.0, 0.5], 0.0),
        ([0.0, -1.0], INF),
        ([-0.0, -1.0], -INF),
        ([-0.0, -2.0], INF),
        ([-0.0, -0.5], INF),
        ([0.0, -INF], INF),
        ([0.0, INF], 0.0),
        ([-0.0, INF], 0.0),
        ([0.5, INF], 0.0),
        ([0.5, -INF], INF),
        ([2.0, INF], INF),
        ([2.0, -INF], 0.0),
        ([-0.5, INF], 0.0),
        ([-2.0, INF], INF),
        ([INF, 2.0], INF),
        ([INF, -2.0], 0.0),
        ([-INF, 3.0], -INF),
        ([-INF, 2.0], INF),
        ([-INF, 0.5], INF),
        ([-INF, -3.0], -0.0),
        ([-INF, -2.0], 0.0),
        ([INF, INF], INF),
        ([INF, -INF], 0.0),
        ([-INF, INF], INF),
        ([-INF, -INF], 0.0),
        ([2.0, 1023.0], 2f64.powi(1023)),
        ([2.0, 1024.0], INF),
        ([2.0, -1074.0], 5e-324),
        ([2.0, -1076.0], 0.0),
        ([-2.0, 1e300], INF),
        ([-3.0, 9007199254740991.0], -INF),
        ([-1.0, 9007199254740991.0], -1.0),
        ([-1.0, 9007199254740992.0], 1.0),
        ([-1.0, 4503599627370497.0], -1.0),
        ([-1.0, 0.5], NAN),
        ([10.0, 2.0], 100.0),
        ([1.0000000000000002, 1e308], INF),
        ([0.9999999999999999, 1e308], 0.0),
        ([5e-324, 1.0], 5e-324),
        ([5e-324, 0.5], 2f64.powi(-537)),
    ]);
}
