//! Searching, different values, order statistics, counting: against plain Rust.

mod common;

use common::{threads, with_scribbled_indices, words};
use proptest::prelude::*;
use tsdsm_kernels::histogram::{Bins, bin_edges, bincount, histogram};
use tsdsm_kernels::quantile::{median, partition, quantile};
use tsdsm_kernels::search::{Side, searchsorted};
use tsdsm_kernels::unique::{Details, unique};
use tsdsm_kernels::{Array, ArrayMut, DType, Result, Share, Threads};

fn refused<T: std::fmt::Debug>(result: Result<T>) {
    assert!(result.is_err(), "{result:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn needles_are_found_where_they_belong(len in 0usize..500, count in 0usize..700, seed: u64) {
        let mut hay: Vec<i32> = words(seed).map(|word| word as i32 % 100).take(len).collect();
        hay.sort_unstable();
        let needles: Vec<i32> = words(!seed).map(|word| word as i32 % 110).take(count).collect();
        let (mut left, mut right) = (vec![0i64; count], vec![0u32; count]);
        let (sorted, wanted) = (Array::from_slice(&hay), Array::from_slice(&needles));
        searchsorted(ArrayMut::from_slice(&mut left), &sorted, &wanted, Side::Left, &threads(1)).unwrap();
        searchsorted(ArrayMut::from_slice(&mut right), &sorted, &wanted, Side::Right, &threads(1)).unwrap();
        for (i, needle) in needles.iter().enumerate() {
            prop_assert_eq!(left[i] as usize, hay.partition_point(|x| x < needle));
            prop_assert_eq!(right[i] as usize, hay.partition_point(|x| x <= needle));
        }
    }

    #[test]
    fn different_values_are_told_with_all_about_them(len in 0usize..3000, modulus in 1i64..1000, seed: u64) {
        let a: Vec<i64> = words(seed).map(|word| word as i64 % modulus).take(len).collect();
        let mut expected = a.clone();
        expected.sort_unstable();
        expected.dedup();
        let mut out = vec![i64::MAX; len];
        let (mut counts, mut index, mut inverse) = (vec![0i32; len], vec![0u64; len], vec![0i64; len]);
        let details = Details {
            counts: Some(ArrayMut::from_slice(&mut counts)),
            index: Some(ArrayMut::from_slice(&mut index)),
            inverse: Some(ArrayMut::from_slice(&mut inverse)),
        };
        let found = unique(ArrayMut::from_slice(&mut out), &Array::from_slice(&a), details, Threads::ONE).unwrap();
        prop_assert_eq!(&out[..found], &expected[..]);
        prop_assert!(out[found..].iter().all(|&x| x == i64::MAX));
        for (i, value) in expected.iter().enumerate() {
            prop_assert_eq!(counts[i] as usize, a.iter().filter(|x| *x == value).count());
            prop_assert_eq!(Some(index[i] as usize), a.iter().position(|x| x == value));
        }
        prop_assert!(a.iter().zip(&inverse).all(|(value, &i)| out[i as usize] == *value));
        let mut plain = vec![0i64; expected.len()];
        let found = unique(ArrayMut::from_slice(&mut plain), &Array::from_slice(&a), Details::default(), Threads::ONE);
        prop_assert_eq!(found.unwrap(), expected.len());
        prop_assert_eq!(plain, expected);
    }

    #[test]
    fn partitions_have_their_places_right(len in 1usize..2000, seed: u64) {
        let a: Vec<f32> = words(seed).map(|word| (word % 300) as f32).take(len).collect();
        let mut sorted = a.clone();
        sorted.sort_by(f32::total_cmp);
        let kth = [0, -1, (seed % len as u64) as isize, len as isize / 2];
        let mut out = vec![0.0f32; len];
        partition(ArrayMut::from_slice(&mut out), &Array::from_slice(&a), &kth, 0, &threads(1)).unwrap();
        for k in kth.map(|k| k.rem_euclid(len as isize) as usize) {
            prop_assert_eq!(out[k], sorted[k]);
            prop_assert!(out[..k].iter().all(|x| *x <= out[k]) && out[k..].iter().all(|x| *x >= out[k]));
        }
        out.sort_by(f32::total_cmp);
        prop_assert_eq!(out, sorted);
    }

    #[test]
    fn numbers_are_counted_between_edges(len in 0usize..3000, bins in 1usize..60, seed: u64) {
        // Many lie at edges exactly.
        let a: Vec<f64> = words(seed).map(|word| (word % 200) as f64 / 10.0 - 5.0).take(len).collect();
        let mut edges = vec![0.0; bins + 1];
        bin_edges(ArrayMut::from_slice(&mut edges), -2.0, 13.0, DType::F64).unwrap();
        let expected: Vec<u64> = (0..bins)
            .map(|i| a.iter().filter(|x| {
                **x >= edges[i] && (**x < edges[i + 1] || (i + 1 == bins && **x == edges[bins]))
            }).count() as u64)
            .collect();
        let mut counts = vec![0u64; bins];
        histogram(ArrayMut::from_slice(&mut counts), &Array::from_slice(&a), Bins::Uniform(-2.0, 13.0), None, &threads(1)).unwrap();
        prop_assert_eq!(&counts, &expected);
        let between = Array::from_slice(&edges);
        let mut counts = vec![0i32; bins];
        histogram(ArrayMut::from_slice(&mut counts), &Array::from_slice(&a), Bins::Edges(&between), None, &threads(1)).unwrap();
        prop_assert!(counts.iter().zip(&expected).all(|(&a, &b)| a as u64 == b));
    }
}

#[test]
fn nothing_depends_on_the_number_of_threads() {
    let a: Vec<f64> = words(1).map(|word| (word >> 11) as f64 / (1u64 << 53) as f64).take(600_000).collect();
    let at: Vec<u16> = words(2).map(|word| (word % 1000) as u16).take(a.len()).collect();
    let (numbers, indices) = (Array::from_slice(&a), Array::from_slice(&at));
    let mut results = Vec::new();
    for count in [1, 2, 3] {
        let share = threads(count);
        let (mut counts, mut sums, mut bins) = (vec![0i64; 1000], vec![0.0f64; 1000], vec![0.0f64; 77]);
        bincount(ArrayMut::from_slice(&mut counts), &indices, None, &share).unwrap();
        bincount(ArrayMut::from_slice(&mut sums), &indices, Some(&numbers), &share).unwrap();
        histogram(ArrayMut::from_slice(&mut bins), &numbers, Bins::Uniform(0.1, 0.7), Some(&numbers), &share).unwrap();
        let mut found = vec![0i32; a.len()];
        let mut values = vec![0u16; 1000];
        let mut inverse = vec![0u32; a.len()];
        let details = Details { inverse: Some(ArrayMut::from_slice(&mut inverse)), ..Details::default() };
        let different = unique(ArrayMut::from_slice(&mut values), &indices, details, share.threads).unwrap();
        let grid: Vec<f64> = (0..1000).map(|i| f64::from(i) / 1000.0).collect();
        searchsorted(ArrayMut::from_slice(&mut found), &Array::from_slice(&grid), &numbers, Side::Right, &share)
            .unwrap();
        let mut quarters = [0.0f64; 3];
        let out = ArrayMut::from_slice(&mut quarters);
        quantile(out, &numbers, &[0.25, 0.5, 0.75], None, &share).unwrap();
        results.push((counts, sums, bins, found, values, inverse, different, quarters));
    }
    assert!(results[0] == results[1] && results[0] == results[2]);
    let (counts, .., different, quarters) = &results[0];
    assert_eq!(counts.iter().sum::<i64>(), 600_000);
    assert_eq!(*different, 1000);
    let mut sorted = a.clone();
    sorted.sort_by(f64::total_cmp);
    assert!((quarters[1] - (sorted[299_999] + sorted[300_000]) / 2.0).abs() < 1e-12);
}

#[test]
fn nan_comes_last_and_makes_medians_nan() {
    let nan = f64::NAN;
    let hay = [f64::NEG_INFINITY, -0.0, 0.0, 1.0, nan, -nan];
    let needles = [nan, 0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY];
    let (sorted, wanted) = (Array::from_slice(&hay), Array::from_slice(&needles));
    let mut found = [0i64; 5];
    searchsorted(ArrayMut::from_slice(&mut found), &sorted, &wanted, Side::Left, &threads(1)).unwrap();
    assert_eq!(found, [4, 1, 1, 4, 0]);
    searchsorted(ArrayMut::from_slice(&mut found), &sorted, &wanted, Side::Right, &threads(1)).unwrap();
    assert_eq!(found, [6, 3, 3, 4, 1]);

    let mut out = [7.0; 6];
    let found = unique(ArrayMut::from_slice(&mut out), &sorted, Details::default(), Threads::ONE).unwrap();
    assert_eq!(found, 4);
    assert!(out[..3] == [f64::NEG_INFINITY, 0.0, 1.0] && out[3].is_nan() && out[4] == 7.0);

    let a = [3.0, nan, 1.0, 5.0, 2.0, 9.0];
    let rows = Array::with_shape(&a, &[2, 3]).unwrap();
    let mut out = [0.0f64; 2];
    median(ArrayMut::from_slice(&mut out), &rows, Some(-1), &threads(1)).unwrap();
    assert!(out[0].is_nan() && out[1] == 5.0);
    let mut out = [0.0f64; 3];
    median(ArrayMut::from_slice(&mut out), &rows, Some(0), &threads(1)).unwrap();
    assert!(out[0] == 4.0 && out[1].is_nan() && out[2] == 5.0);
    let mut out = [0.0f64; 1];
    median(ArrayMut::with_shape(&mut out, &[]).unwrap(), &Array::from_slice(&[f64::MAX]), None, &threads(1)).unwrap();
    assert_eq!(out, [f64::MAX]);
    let none: [f64; 0] = [];
    median(ArrayMut::with_shape(&mut out, &[]).unwrap(), &Array::from_slice(&none), None, &threads(1)).unwrap();
    assert!(out[0].is_nan());
    let mut counts = [0u64; 2];
    let numbers = Array::from_slice(&a);
    histogram(ArrayMut::from_slice(&mut counts), &numbers, Bins::Uniform(1.0, 5.0), None, &threads(1)).unwrap();
    assert_eq!(counts, [2, 2]);
}

#[test]
fn quantiles_of_rows_interpolate_and_go_to_their_places() {
    let a: [i8; 6] = [-128, 127, 0, 1, 2, 4];
    let rows = Array::with_shape(&a, &[3, 2]).unwrap();
    let mut out = [9.0f64; 6];
    let q = [0.0, 0.25];
    quantile(ArrayMut::with_shape(&mut out, &[2, 3]).unwrap(), &rows, &q, Some(1), &threads(1)).unwrap();
    assert_eq!(out, [-128.0, 0.0, 2.0, -64.25, 0.25, 2.5]);
    let mut out = [9.0f64; 6];
    let share = Share { range: Some(1..2), ..threads(1) };
    quantile(ArrayMut::with_shape(&mut out, &[2, 3]).unwrap(), &rows, &q, Some(1), &share).unwrap();
    assert_eq!(out, [9.0, 0.0, 9.0, 9.0, 0.25, 9.0]);
}

#[test]
fn edges_of_float16_are_rounded_once() {
    // Just above halfway between two of them.
    let low = 1.0 + 2f64.powi(-11) + 2f64.powi(-40);
    let mut edges = [0.0; 2];
    bin_edges(ArrayMut::from_slice(&mut edges), low, 2.0, DType::F16).unwrap();
    assert_eq!(edges, [1.0 + 2f64.powi(-10), 2.0]);
}

#[test]
fn edges_of_integers_are_exact() {
    let big = 1u64 << 53;
    let a = [big, big + 1, big + 2, 0, u64::MAX];
    let edges = [big, big + 1, big + 2];
    let mut counts = [0u32; 2];
    let bins = Array::from_slice(&edges);
    histogram(ArrayMut::from_slice(&mut counts), &Array::from_slice(&a), Bins::Edges(&bins), None, &threads(1))
        .unwrap();
    assert_eq!(counts, [1, 2]);
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_written() {
    let one = threads(1);
    let a = [0i64, 3, 1];
    let (indices, numbers) = (Array::from_slice(&a), [0.5f64, 0.25, 1.0]);
    let numbers = Array::from_slice(&numbers);
    let mut out = [9i64; 3];
    refused(bincount(ArrayMut::from_slice(&mut out), &indices, None, &one));
    refused(bincount(ArrayMut::from_slice(&mut out), &Array::from_slice(&[0i8, -1]), None, &one));
    refused(bincount(ArrayMut::from_slice(&mut out), &numbers, None, &one));
    refused(bincount(ArrayMut::from_slice(&mut out), &indices, Some(&numbers), &one));
    refused(bincount(ArrayMut::from_slice(&mut [0i16; 9]), &indices, None, &one));
    refused(bincount(ArrayMut::from_slice(&mut [0.0f64; 9]), &indices, Some(&Array::from_slice(&[1.0f64])), &one));
    for (low, high) in [(1.0, 0.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (1.0, 1.0 + f64::EPSILON)] {
        refused(histogram(ArrayMut::from_slice(&mut out), &numbers, Bins::Uniform(low, high), None, &one));
    }
    for edges in [[0.0, 2.0, 1.0, 3.0], [0.0, 1.0, 2.0, f64::NAN]] {
        let edges = Array::from_slice(&edges);
        refused(histogram(ArrayMut::from_slice(&mut out), &numbers, Bins::Edges(&edges), None, &one));
        refused(histogram(ArrayMut::from_slice(&mut out[..2]), &numbers, Bins::Edges(&edges), None, &one));
    }
    refused(searchsorted(ArrayMut::from_slice(&mut out), &numbers, &indices, Side::Left, &one));
    refused(searchsorted(ArrayMut::from_slice(&mut out[..2]), &indices, &indices, Side::Left, &one));
    refused(searchsorted(ArrayMut::from_slice(&mut [0.0f64; 3]), &indices, &indices, Side::Left, &one));
    refused(unique(ArrayMut::from_slice(&mut out[..2]), &indices, Details::default(), Threads::ONE));
    let mut counts = [0i64; 2];
    let details = Details { counts: Some(ArrayMut::from_slice(&mut counts)), ..Details::default() };
    refused(unique(ArrayMut::from_slice(&mut out), &indices, details, Threads::ONE));
    assert_eq!(out, [9; 3]);
    refused(partition(ArrayMut::from_slice(&mut out), &indices, &[3], 0, &one));
    refused(partition(ArrayMut::from_slice(&mut out), &indices, &[-4], 0, &one));
    let mut result = [9.0f64; 1];
    refused(quantile(ArrayMut::from_slice(&mut result), &numbers, &[1.5], None, &one));
    refused(quantile(ArrayMut::from_slice(&mut result), &numbers, &[f64::NAN], None, &one));
    refused(quantile(ArrayMut::from_slice(&mut result), &numbers, &[0.5, 0.5], None, &one));
    refused(quantile(ArrayMut::from_slice(&mut result), &numbers, &[0.5], Some(1), &one));
    let none: [f64; 0] = [];
    refused(quantile(ArrayMut::from_slice(&mut result), &Array::from_slice(&none), &[0.5], None, &one));
    refused(median(ArrayMut::from_slice(&mut result), &numbers, None, &one));
    assert!(out == [9; 3] && result == [9.0]);
}

#[test]
fn indices_that_another_thread_scribbles_over_are_counted_somewhere() {
    with_scribbled_indices(|a| {
        for _ in 0..500 {
            let mut counts = vec![0i64; 4096];
            if bincount(ArrayMut::from_slice(&mut counts), a, None, &threads(1)).is_ok() {
                assert_eq!(counts.iter().sum::<i64>(), 4096);
            }
            let mut found = vec![0i64; 4096];
            searchsorted(ArrayMut::from_slice(&mut found), a, a, Side::Left, &threads(1)).unwrap();
            assert!(found.iter().all(|position| (0..=4096).contains(position)));
            let mut inverse = vec![0i64; 4096];
            let details = Details { inverse: Some(ArrayMut::from_slice(&mut inverse)), ..Details::default() };
            let different = unique(ArrayMut::from_slice(&mut found), a, details, Threads::ONE).unwrap();
            assert!(inverse.iter().all(|&i| (0..different as i64).contains(&i)));
        }
    });
}
