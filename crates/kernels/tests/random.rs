//! Random numbers: NumPy's words, the same for any split, and their distributions.

use std::num::NonZeroUsize;
use std::ops::Range;

use proptest::prelude::*;
use tsdsm_kernels::elementwise::Elementwise;
use tsdsm_kernels::random::{Generator, integers, normal, permutation, uniform, words};
use tsdsm_kernels::{ArrayMut, Element, Error, Threads};

const KEY: [u64; 2] = [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210];

fn generator(key: u64) -> Generator {
    Generator { key: [key, 0], ..Generator::default() }
}

fn threads(count: usize) -> Threads {
    Threads::new(NonZeroUsize::new(count).unwrap())
}

fn filled<T: Element>(len: usize, zero: T, fill: impl FnOnce(ArrayMut<'_>)) -> Vec<T> {
    let mut out = vec![zero; len];
    fill(ArrayMut::from_slice(&mut out));
    out
}

fn words_of(len: usize, generator: &Generator) -> Vec<u64> {
    filled(len, 0, |out| words(out, generator, &Elementwise::default()).unwrap())
}

fn uniform_of<T: Element>(len: usize, zero: T, low: f64, high: f64, generator: &Generator) -> Vec<T> {
    filled(len, zero, |out| uniform(out, low, high, generator, &Elementwise::default()).unwrap())
}

fn normal_of(len: usize, generator: &Generator) -> Vec<f64> {
    filled(len, 0.0, |out| normal(out, 0.0, 1.0, generator, &Elementwise::default()).unwrap())
}

fn integers_of<T: Element>(len: usize, zero: T, low: i128, high: i128, generator: &Generator) -> Vec<T> {
    filled(len, zero, |out| integers(out, low, high, generator, &Elementwise::default()).unwrap())
}

#[test]
fn words_are_those_of_numpy() {
    // numpy.random.Philox(key=123).random_raw(6), and with a key of 128 bits, also .jumped(3).
    let first = [0x845a748f4852c9a3, 0x2f0d8aae69b255ba, 0x367c80c2347e0a9b, 0x35c08aae20fba324, 0x5ce186961ac0d00e];
    assert_eq!(words_of(5, &generator(123)), first);
    let first = [0x2d2e7c09c193c5fa, 0xd56c6aa2d11f06aa, 0x184fcdf7f5474a23, 0x367832d087008054, 0x56ffd4cf84d16286];
    assert_eq!(words_of(5, &Generator { key: KEY, ..Generator::default() }), first);
    let first = [0x0bcd9044e81f3e81, 0x1e6ff5c0591dc3f4, 0x73243342cd759668, 0x6b96d0e31109cb59, 0xca05402f5f79cbfb];
    assert_eq!(words_of(5, &Generator { key: KEY, stream: 3, offset: 0 }), first);
}

#[test]
fn uniform_numbers_are_those_of_numpy() {
    // numpy.random.Generator(numpy.random.Philox(key=123)).random(5), .random(7, dtype='f4'), .uniform(-3, 5, 4).
    let numbers =
        [0.5170052385149787, 0.18380038030745394, 0.2128372644551676, 0.20996920348350878, 0.3628162495103908];
    assert_eq!(uniform_of(5, 0.0, 0.0, 1.0, &generator(123)), numbers);
    let numbers = [
        0.28251320123672485,
        0.517005205154419,
        0.4128773808479309,
        0.1838003396987915,
        0.20504820346832275,
        0.21283721923828125,
        0.1288396716117859,
    ];
    assert_eq!(uniform_of(7, 0f32, 0.0, 1.0, &generator(123)).map_to_f64(), numbers);
    let numbers = [1.1360419081198296, -1.5295969575403685, -1.2973018843586592, -1.3202463721319297];
    assert_eq!(uniform_of(4, 0.0, -3.0, 5.0, &generator(123)), numbers);
}

trait MapToF64 {
    fn map_to_f64(self) -> Vec<f64>;
}

impl MapToF64 for Vec<f32> {
    fn map_to_f64(self) -> Vec<f64> {
        self.into_iter().map(f64::from).collect()
    }
}

/// Every kind of array, as bits, of a whole or a part of it.
fn all_kinds(part: Range<usize>) -> Vec<Vec<u64>> {
    let generator = Generator { key: KEY, stream: 7, offset: part.start as u64 };
    let len = part.len();
    let wide = |numbers: Vec<f64>| numbers.into_iter().map(f64::to_bits).collect::<Vec<_>>();
    let narrow = |numbers: Vec<f32>| numbers.into_iter().map(|x| x.to_bits().into()).collect::<Vec<u64>>();
    let normal32 = filled(len, 0f32, |out| normal(out, 1.0, 2.0, &generator, &Elementwise::default()).unwrap());
    vec![
        words_of(len, &generator),
        wide(uniform_of(len, 0.0, 0.0, 1.0, &generator)),
        narrow(uniform_of(len, 0.0, 0.0, 1.0, &generator)),
        wide(normal_of(len, &generator)),
        narrow(normal32),
        // Every third word is rejected.
        integers_of(len, 0u64, 0, (1 << 64) / 3 * 2 + 1, &generator),
        integers_of(len, 0u8, 3, 250, &generator).into_iter().map(u64::from).collect(),
    ]
}

#[test]
fn parts_with_offsets_join_into_the_whole() {
    let whole = all_kinds(0..3000);
    for part in [0..1, 1..2, 1..1500, 3..518, 511..513, 510..1540, 1999..3000, 2999..3000, 7..7] {
        for (whole, part_of) in whole.iter().zip(all_kinds(part.clone())) {
            assert_eq!(part_of, whole[part.clone()], "{part:?}");
        }
    }
}

#[test]
fn no_result_depends_on_threads_ranges_or_strides() {
    let len = 300_001;
    let generator = Generator { key: KEY, stream: 0, offset: 5 };
    let whole = normal_of(len, &generator);
    for count in [2, 3, 7] {
        let options = Elementwise { threads: threads(count), ..Elementwise::default() };
        assert!(
            filled(len, 0.0, |out| normal(out, 0.0, 1.0, &generator, &options).unwrap()) == whole,
            "{count} threads"
        );
    }
    let mut joined = vec![0.0; 3000];
    for range in [0..1, 1..1000, 1000..1001, 1001..3000] {
        let options = Elementwise { range: Some(range), ..Elementwise::default() };
        normal(ArrayMut::from_slice(&mut joined), 0.0, 1.0, &generator, &options).unwrap();
    }
    assert_eq!(joined, whole[..3000]);
    // The columns of a matrix get the elements in C order.
    let mut turned = vec![0.0; 30 * 50];
    let mut matrix = ArrayMut::with_shape(&mut turned, &[30, 50]).unwrap();
    normal(matrix.permute(&[1, 0]).unwrap(), 0.0, 1.0, &generator, &Elementwise::default()).unwrap();
    assert!((0..1500).all(|i| turned[i % 30 * 50 + i / 30] == whole[i]));
}

/// The largest distance of an empirical distribution function from the true one, times √n (Kolmogorov and Smirnov).
fn distance(mut numbers: Vec<f64>, distribution: impl Fn(f64) -> f64) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let n = numbers.len() as f64;
    let apart = numbers.iter().enumerate().map(|(i, &x)| {
        let p = distribution(x);
        (p - i as f64 / n).max((i + 1) as f64 / n - p)
    });
    apart.fold(0.0, f64::max) * n.sqrt()
}

/// The distribution function of the normal distribution (Zelen and Severo, 26.2.17 of Abramowitz and Stegun: to 7.5e-8).
fn normal_distribution(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.2316419 * x.abs());
    let tail = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
    let above = (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * tail;
    if x > 0.0 { 1.0 - above } else { above }
}

#[test]
fn uniform_numbers_are_spread_evenly() {
    let n = 200_000;
    let numbers = uniform_of(n, 0.0, 0.0, 1.0, &generator(1));
    assert!(numbers.iter().all(|x| (0.0..1.0).contains(x)));
    // Beyond 1.95 in one of a thousand keys.
    assert!(distance(numbers, |x| x) < 1.95);
    assert!(distance(uniform_of(n, 0f32, 0.0, 1.0, &generator(1)).map_to_f64(), |x| x) < 1.95);
    assert!(distance(uniform_of(n, 0.0, -2.0, 6.0, &generator(1)), |x| (x + 2.0) / 8.0) < 1.95);
}

#[test]
fn normal_numbers_are_distributed_normally() {
    let n = 400_000;
    let numbers = normal_of(n, &generator(2));
    let moment = |power: i32| numbers.iter().map(|x| x.powi(power)).sum::<f64>() / n as f64;
    // Four of their own deviations: of the moments 1 to 4 those are √(1, 2, 15, 96) / √n.
    let within = |value: f64, expected: f64, deviation: f64| {
        assert!((value - expected).abs() < 4.0 * (deviation / n as f64).sqrt(), "{value}, not {expected}");
    };
    within(moment(1), 0.0, 1.0);
    within(moment(2), 1.0, 2.0);
    within(moment(3), 0.0, 15.0);
    within(moment(4), 3.0, 96.0);
    // Neighbours, which share their words, and next ones have nothing to do with each other.
    let products = |step: usize| (0..n - step).map(|i| numbers[i] * numbers[i + step]).sum::<f64>() / n as f64;
    within(products(1), 0.0, 1.0);
    within(products(2), 0.0, 1.0);
    for (limit, probability) in [(3.0, 0.0026997960632602), (4.0, 6.334248366623973e-5)] {
        let beyond = numbers.iter().filter(|x| x.abs() > limit).count() as f64 / n as f64;
        within(beyond, probability, probability);
    }
    assert!(distance(numbers, normal_distribution) < 1.95);
}

#[test]
fn normal_numbers_are_scaled_and_in_float32_rounded() {
    let generator = generator(3);
    let standard = normal_of(1000, &generator);
    let scaled = filled(1000, 0.0, |out| normal(out, -4.0, 0.5, &generator, &Elementwise::default()).unwrap());
    assert!(scaled.iter().zip(&standard).all(|(&y, &x)| y == -4.0 + 0.5 * x));
    let narrow = filled(1000, 0f32, |out| normal(out, 0.0, 1.0, &generator, &Elementwise::default()).unwrap());
    assert!(narrow.iter().zip(&standard).all(|(&y, &x)| y == x as f32));
    // √(-2 ln u) cos(2π v), to a few ulp.
    let words = words_of(1000, &generator);
    let fraction = |word: u64| (word >> 11) as f64 / (1u64 << 53) as f64;
    for i in (0..1000).step_by(2) {
        let radius = (-2.0 * (1.0 - fraction(words[i])).ln()).sqrt();
        let angle = 2.0 * std::f64::consts::PI * fraction(words[i + 1]);
        assert!((standard[i] - radius * angle.cos()).abs() < 1e-14);
        assert!((standard[i + 1] - radius * angle.sin()).abs() < 1e-14);
    }
}

#[test]
fn integers_are_all_as_likely() {
    let n = 120_000;
    for count in [2u32, 3, 10, 255, 256] {
        let mut seen = vec![0u32; count as usize];
        for i in integers_of(n, 0i64, -5, i128::from(count) - 5, &generator(4)) {
            seen[(i + 5) as usize] += 1;
        }
        let expected = n as f64 / f64::from(count);
        let chi = seen.iter().map(|&k| (f64::from(k) - expected).powi(2) / expected).sum::<f64>();
        let free = f64::from(count) - 1.0;
        assert!((chi - free).abs() < 4.5 * (2.0 * free).sqrt(), "{count}: {chi}");
    }
    // With 3 · 2^62 to choose from, a quarter of the words is rejected; a third of the integers is in each third then.
    let third = 1i128 << 62;
    let mut seen = [0; 3];
    for i in integers_of(n, 0u64, 0, 3 * third, &generator(5)) {
        seen[(i128::from(i) / third) as usize] += 1;
    }
    assert!(
        seen.iter().all(|&k: &i32| (f64::from(k) - n as f64 / 3.0).abs() < 4.0 * (n as f64 * 2.0 / 9.0).sqrt()),
        "{seen:?}"
    );
}

#[test]
fn integers_have_the_limits_of_their_types() {
    macro_rules! check {
        ($($type:ty)+) => { $(
            let (low, end) = (<$type>::MIN as i128, <$type>::MAX as i128 + 1);
            let all = integers_of(5000, 0 as $type, low, end, &generator(6));
            // A quarter of all is in each of the outer quarters.
            let quarter = (end - low) / 4;
            let low_ones = all.iter().filter(|&&i| (i as i128) < low + quarter).count();
            let high_ones = all.iter().filter(|&&i| (i as i128) >= end - quarter).count();
            assert!((1000..1500).contains(&low_ones) && (1000..1500).contains(&high_ones));
            assert!(integers_of(100, 0 as $type, end - 1, end, &generator(6)).iter().all(|&i| i == <$type>::MAX));
            let mut out = [0 as $type; 4];
            for (low, high) in [(low - 1, 0), (0, end + 1), (3, 3), (4, 3)] {
                let refused = integers(ArrayMut::from_slice(&mut out), low, high, &generator(6), &Elementwise::default());
                assert!(matches!(refused, Err(Error::InvalidArgument(_))));
            }
        )+ };
    }
    check!(i8 u8 i16 u16 i32 u32 i64 u64);
}

fn permutation_of(len: usize, generator: &Generator, threads: Threads) -> Vec<u32> {
    filled(len, 0, |out| permutation(out, generator, threads).unwrap())
}

#[test]
fn a_permutation_has_every_number_once_on_any_number_of_threads() {
    for len in [0, 1, 2, 3, 1000, 32768, 32769, 131_073, 400_003] {
        let one = permutation_of(len, &generator(8), Threads::ONE);
        let mut sorted = one.clone();
        sorted.sort_unstable();
        assert!(sorted.iter().enumerate().all(|(i, &k)| i == k as usize), "{len}");
        assert!(len < 1000 || one.iter().enumerate().filter(|&(i, &k)| i == k as usize).count() < 10);
        for count in [2, 5] {
            assert!(permutation_of(len, &generator(8), threads(count)) == one, "{len} on {count} threads");
        }
        let wide = filled(len, 0i64, |out| permutation(out, &generator(8), Threads::ONE).unwrap());
        assert!(wide.iter().zip(&one).all(|(&wide, &narrow)| wide == i64::from(narrow)));
        assert!(len < 1000 || permutation_of(len, &generator(9), Threads::ONE) != one);
    }
    // Every other place.
    let mut spread = vec![u32::MAX; 2000];
    let mut rows = ArrayMut::with_shape(&mut spread, &[1000, 2]).unwrap();
    let column = rows.permute(&[1, 0]).unwrap().into_slice(0, 1..2).unwrap();
    assert!(permutation(column, &generator(8), Threads::ONE).is_err());
}

#[test]
fn all_permutations_are_as_likely() {
    let mut seen = std::collections::HashMap::new();
    for key in 0..6000 {
        *seen.entry(permutation_of(4, &generator(key), Threads::ONE)).or_insert(0u32) += 1;
    }
    assert_eq!(seen.len(), 24);
    let chi = seen.values().map(|&k| (f64::from(k) - 250.0).powi(2) / 250.0).sum::<f64>();
    assert!(chi < 23.0 + 4.5 * 46f64.sqrt(), "{chi}");
    // Of a large one, places and numbers have nothing to do with each other.
    let n = 200_000;
    let numbers = permutation_of(n, &generator(10), Threads::ONE);
    let mean = (n - 1) as f64 / 2.0;
    let products = numbers.iter().enumerate().map(|(i, &k)| (i as f64 - mean) * (f64::from(k) - mean)).sum::<f64>();
    let variance = (n as f64 * n as f64 - 1.0) / 12.0;
    assert!((products / (variance * n as f64)).abs() < 4.0 / (n as f64).sqrt());
    // So have those of its parts.
    assert!(distance(numbers[..20_000].iter().map(|&k| f64::from(k) / n as f64).collect(), |x| x) < 1.95);
}

#[test]
fn what_does_not_fit_is_refused() {
    let options = Elementwise::default();
    let last = Generator { offset: u64::MAX - 2, ..Generator::default() };
    let (mut floats, mut ints) = ([0.5; 4], [7u32; 4]);
    let mut refused = vec![
        words(ArrayMut::from_slice(&mut ints), &generator(1), &options),
        uniform(ArrayMut::from_slice(&mut ints), 0.0, 1.0, &generator(1), &options),
        normal(ArrayMut::from_slice(&mut ints), 0.0, 1.0, &generator(1), &options),
        permutation(ArrayMut::with_shape(&mut ints, &[2, 2]).unwrap(), &generator(1), Threads::ONE),
        permutation(ArrayMut::from_slice(&mut ints), &last, Threads::ONE),
        permutation(ArrayMut::from_slice(&mut floats), &generator(1), Threads::ONE),
        integers(ArrayMut::from_slice(&mut floats), 0, 1, &generator(1), &options),
        uniform(ArrayMut::from_slice(&mut floats), 0.0, 1.0, &last, &options),
        normal(ArrayMut::from_slice(&mut floats), f64::NAN, 1.0, &generator(1), &options),
        normal(ArrayMut::from_slice(&mut floats), 0.0, -1.0, &generator(1), &options),
    ];
    for (low, high) in [(f64::NAN, 1.0), (0.0, f64::INFINITY), (-1e308, 1e308)] {
        refused.push(uniform(ArrayMut::from_slice(&mut floats), low, high, &generator(1), &options));
    }
    let range = Elementwise { range: Some(2..5), ..Elementwise::default() };
    refused.push(uniform(ArrayMut::from_slice(&mut floats), 0.0, 1.0, &generator(1), &range));
    assert!(refused.iter().all(|refused| matches!(refused, Err(Error::InvalidArgument(_)))), "{refused:?}");
    assert_eq!((floats, ints), ([0.5; 4], [7; 4]));
}

proptest! {
    #[test]
    fn an_element_depends_on_key_stream_and_index_only(key: [u64; 2], stream: u64, offset in 0..u64::MAX / 2, len in 1usize..600, at in 0usize..600) {
        let at = at % len;
        let generator = Generator { key, stream, offset };
        let alone = Generator { offset: offset + at as u64, ..generator };
        prop_assert_eq!(words_of(len, &generator)[at], words_of(1, &alone)[0]);
        prop_assert_eq!(uniform_of(len, 0f32, 0.0, 1.0, &generator)[at], uniform_of(1, 0f32, 0.0, 1.0, &alone)[0]);
        prop_assert_eq!(normal_of(len, &generator)[at], normal_of(1, &alone)[0]);
        prop_assert_eq!(integers_of(len, 0u64, 1, 1 << 63 | 5, &generator)[at], integers_of(1, 0u64, 1, 1 << 63 | 5, &alone)[0]);
    }
}
