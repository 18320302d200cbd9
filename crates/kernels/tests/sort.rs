//! Sorting against Rust's own, and what is promised of memory that others write to.

mod common;

use std::sync::atomic::{AtomicU64, Ordering};

use common::{threads, while_scribbled, words};
use half::f16;
use proptest::prelude::*;
use tsdsm_kernels::sort::{argsort, sort};
use tsdsm_kernels::{Array, ArrayMut, DType, Element, Share};

/// The order that is promised, and the bits.
trait Number: Element {
    fn of(word: u64) -> Self;
    fn bits(self) -> u64;
    fn less(self, other: Self) -> bool;
}

macro_rules! integers {
    ($($T:ident)*) => {
        $(impl Number for $T {
            fn of(word: u64) -> $T {
                word as $T
            }
            fn bits(self) -> u64 {
                self as u64
            }
            fn less(self, other: $T) -> bool {
                self < other
            }
        })*
    };
}

macro_rules! floats {
    ($($T:ident $Bits:ident)*) => {
        $(impl Number for $T {
            fn of(word: u64) -> $T {
                $T::from_bits(word as $Bits)
            }
            fn bits(self) -> u64 {
                self.to_bits().into()
            }
            fn less(self, other: $T) -> bool {
                self < other || (other.is_nan() && !self.is_nan())
            }
        })*
    };
}

integers! { i8 u8 i16 u16 i32 u32 i64 u64 }
floats! { f16 u16 f32 u32 f64 u64 }

/// The indices of a stable sort.
fn expected_order<T: Number>(a: &[T]) -> Vec<u64> {
    let mut order: Vec<u64> = (0..a.len() as u64).collect();
    order.sort_by(|&i, &j| {
        let (x, y) = (a[i as usize], a[j as usize]);
        y.less(x).cmp(&x.less(y))
    });
    order
}

fn check<T: Number>(a: &[T], share: &Share) {
    let order = expected_order(a);
    let mut sorted = a.to_vec();
    let view = Array::from_slice(a);
    sort(ArrayMut::from_slice(&mut sorted), &view, -1, share).unwrap();
    assert!(!sorted.windows(2).any(|pair| pair[1].less(pair[0])), "{} of {}", T::DTYPE, a.len());
    let bits = |elements: &[T]| {
        let mut bits: Vec<u64> = elements.iter().map(|x| x.bits()).collect();
        bits.sort_unstable();
        bits
    };
    assert_eq!(bits(&sorted), bits(a));

    let mut indices = vec![0u64; a.len()];
    argsort(ArrayMut::from_slice(&mut indices), &view, 0, share).unwrap();
    assert_eq!(indices, order);
    let mut indices = vec![0i32; a.len()];
    argsort(ArrayMut::from_slice(&mut indices), &view, 0, share).unwrap();
    assert!(indices.iter().zip(&order).all(|(&i, &j)| i as u64 == j));
}

fn check_all(source: &[u64], share: &Share) {
    fn each<T: Number>(source: &[u64], share: &Share) {
        check(&source.iter().map(|&word| T::of(word)).collect::<Vec<_>>(), share);
    }
    each::<i8>(source, share);
    each::<u8>(source, share);
    each::<i16>(source, share);
    each::<u16>(source, share);
    each::<i32>(source, share);
    each::<u32>(source, share);
    each::<i64>(source, share);
    each::<u64>(source, share);
    each::<f16>(source, share);
    each::<f32>(source, share);
    each::<f64>(source, share);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn all_types_are_sorted_and_stably_argsorted(
        len in 0usize..6000, seed: u64, keep in 0u32..64, few in proptest::bool::ANY
    ) {
        // All bits, upper bits only, or few different values.
        let word = |word: u64| (word >> keep << keep) % if few { 7 } else { u64::MAX };
        check_all(&words(seed).map(word).take(len).collect::<Vec<_>>(), &threads(1));
    }
}

#[test]
fn special_numbers_have_their_places() {
    let nan = f64::NAN;
    let a = [nan, 1.0, -0.0, f64::INFINITY, -nan, 0.0, f64::NEG_INFINITY, -1.0, f64::MIN_POSITIVE, nan, -0.0];
    check(&a, &threads(1));
    check(&a[..1], &threads(1));
    check(&a[..0], &threads(1));
    check(&a.iter().copied().cycle().take(5000).collect::<Vec<_>>(), &threads(1));
}

#[test]
fn large_arrays_of_every_distribution_are_sorted_on_any_number_of_threads() {
    let len = 300_000;
    let uniform: Vec<u64> = words(1).take(len).collect();
    let distributions: [fn(usize, u64) -> u64; 7] = [
        |_, word| word,
        |_, word| ((word >> 11) as f64 / (1u64 << 53) as f64).to_bits(),
        |_, word| if word.is_multiple_of(100) { word } else { (word >> 50) | (1 << 60) },
        |_, word| (word % 3) << 40,
        |i, _| i as u64 * 0x1_0000_0001,
        |i, _| u64::MAX - i as u64,
        |_, word| (word >> 32) * u64::from((word as u32).is_multiple_of(64)) + ((word % 2) << 63),
    ];
    for spread in distributions {
        let source: Vec<u64> = uniform.iter().enumerate().map(|(i, &word)| spread(i, word)).collect();
        for count in [1, 3] {
            check(&source, &threads(count));
            check(&source.iter().map(|&word| (word >> 16) as i32).collect::<Vec<_>>(), &threads(count));
        }
        check(&source.iter().map(|&word| f64::from_bits(word)).collect::<Vec<_>>(), &threads(2));
        check(&source.iter().map(|&word| (word >> 16) as u16).collect::<Vec<_>>(), &threads(2));
    }
}

#[test]
fn lanes_along_any_axis_are_sorted_in_place_or_not() {
    let shape = [5, 7, 6];
    let a: Vec<i32> = words(3).map(|word| word as i32 % 50).take(210).collect();
    let at = |index: [usize; 3]| (index[0] * 7 + index[1]) * 6 + index[2];
    for axis in 0..3 {
        let mut expected = a.clone();
        let others: Vec<usize> = (0..3).filter(|&i| i != axis).collect();
        for x in 0..shape[others[0]] {
            for y in 0..shape[others[1]] {
                let place = |z: usize| {
                    let mut index = [0; 3];
                    (index[others[0]], index[others[1]], index[axis]) = (x, y, z);
                    at(index)
                };
                let mut lane: Vec<i32> = (0..shape[axis]).map(|z| a[place(z)]).collect();
                lane.sort_unstable();
                lane.into_iter().enumerate().for_each(|(z, value)| expected[place(z)] = value);
            }
        }
        let mut out = vec![0; 210];
        let input = Array::with_shape(&a, &shape).unwrap();
        sort(ArrayMut::with_shape(&mut out, &shape).unwrap(), &input, axis as isize, &threads(2)).unwrap();
        assert_eq!(out, expected);

        let mut out = a.clone();
        let whole = ArrayMut::with_shape(&mut out, &shape).unwrap();
        let same: Array<'_> = *whole;
        sort(whole, &same, axis as isize - 3, &threads(1)).unwrap();
        assert_eq!(out, expected);
    }
}

#[test]
fn strides_of_both_signs_and_a_share_of_the_rows() {
    let a: Vec<i32> = words(3).map(|word| word as i32 % 50).take(100).collect();
    let mut out = vec![0i32; 10 * 20];
    let place = out.as_mut_ptr();
    // SAFETY: rows of ten in the vector's memory, each from its end.
    let view = unsafe { ArrayMut::from_raw(place.add(19).cast(), DType::I32, &[10, 10], &[20, -2]) }.unwrap();
    let input = Array::with_shape(&a, &[10, 10]).unwrap();
    sort(view, &input, 1, &Share { range: Some(2..5), ..threads(1) }).unwrap();
    for row in 0..10 {
        let mut expected = vec![0; 20];
        if (2..5).contains(&row) {
            let mut lane = a[row * 10..row * 10 + 10].to_vec();
            lane.sort_unstable();
            lane.into_iter().enumerate().for_each(|(i, value)| expected[19 - 2 * i] = value);
        }
        assert_eq!(out[row * 20..row * 20 + 20], expected);
    }
}

#[test]
fn many_short_lanes_are_shared_among_threads() {
    let a: Vec<f32> = words(5).map(|word| (word >> 40) as f32).take(400_000).collect();
    let mut one = vec![0.0f32; a.len()];
    let mut three = one.clone();
    for (out, count) in [(&mut one, 1), (&mut three, 3)] {
        let input = Array::with_shape(&a, &[4000, 100]).unwrap();
        sort(ArrayMut::with_shape(out, &[4000, 100]).unwrap(), &input, 1, &threads(count)).unwrap();
    }
    assert_eq!(one, three);
    assert!(one.chunks(100).all(|lane| lane.is_sorted()));
}

#[test]
fn what_does_not_fit_is_refused() {
    let a = [3.0f64, 1.0, 2.0];
    let input = Array::from_slice(&a);
    let mut out = [0.0f64; 3];
    let refused = |result: tsdsm_kernels::Result<()>| assert!(result.is_err(), "{result:?}");
    refused(sort(ArrayMut::from_slice(&mut [0.0f32; 3]), &input, 0, &threads(1)));
    refused(sort(ArrayMut::from_slice(&mut [0.0f64; 2]), &input, 0, &threads(1)));
    refused(sort(ArrayMut::from_slice(&mut out), &input, 1, &threads(1)));
    refused(sort(ArrayMut::from_slice(&mut out), &input, -2, &threads(1)));
    refused(sort(ArrayMut::from_slice(&mut out), &input, 0, &Share { range: Some(0..2), ..threads(1) }));
    refused(argsort(ArrayMut::from_slice(&mut out), &input, 0, &threads(1)));
    refused(argsort(ArrayMut::from_slice(&mut [0i16; 3]), &input, 0, &threads(1)));
    let place = out.as_mut_ptr();
    // SAFETY: both lie in the array.
    unsafe {
        let first = Array::from_raw(place.cast(), DType::F64, &[2], &[1]).unwrap();
        let shifted = ArrayMut::from_raw(place.add(1).cast(), DType::F64, &[2], &[1]).unwrap();
        refused(sort(shifted, &first, 0, &threads(1)));
        let one_place = ArrayMut::from_raw(place.add(2).cast(), DType::F64, &[2], &[0]).unwrap();
        refused(sort(one_place, &first, 0, &threads(1)));
        let indices = ArrayMut::from_raw(place.cast(), DType::I64, &[2], &[1]).unwrap();
        refused(argsort(indices, &first, 0, &threads(1)));
    }
    assert_eq!(out, [0.0; 3]);
    let scalar = Array::with_shape(&a[..1], &[]).unwrap();
    refused(sort(ArrayMut::with_shape(&mut [0.0f64], &[]).unwrap(), &scalar, 0, &threads(1)));
}

#[test]
fn memory_that_another_thread_scribbles_over_is_sorted_as_it_was_read() {
    let shared: Vec<AtomicU64> = words(7).take(150_000).map(AtomicU64::new).collect();
    let mut words = words(8);
    let scribble = || {
        for _ in 0..1000 {
            let (at, word) = (words.next().unwrap(), words.next().unwrap());
            shared[at as usize % shared.len()].store(word >> (word % 64), Ordering::Relaxed);
        }
    };
    while_scribbled(scribble, || {
        for (dtype, per_word) in [(DType::U64, 1), (DType::F32, 2), (DType::F16, 4)] {
            let len = shared.len() * per_word;
            for count in [1, 2] {
                // SAFETY: the vector's memory; others write to it by atomic stores.
                let a = unsafe { Array::from_raw(shared.as_ptr().cast(), dtype, &[len], &[1]) }.unwrap();
                let mut indices = vec![0u32; len];
                argsort(ArrayMut::from_slice(&mut indices), &a, 0, &threads(count)).unwrap();
                indices.sort_unstable();
                assert!(indices.iter().enumerate().all(|(i, &index)| i as u32 == index));
                let mut out = vec![0u64; shared.len()];
                // SAFETY: the vector's memory.
                let view = unsafe { ArrayMut::from_raw(out.as_mut_ptr().cast(), dtype, &[len], &[1]) }.unwrap();
                sort(view, &a, 0, &threads(count)).unwrap();
                assert!(dtype != DType::U64 || out.is_sorted());
            }
        }
    });
}
