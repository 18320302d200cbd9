//! Taking, putting, computing and adding at indices.

mod common;

use std::sync::atomic::{AtomicI64, Ordering};

use common::{threads, while_scribbled, with_scribbled_indices, words};
use half::f16;
use proptest::prelude::*;
use tsdsm_kernels::elementwise::Binary;
use tsdsm_kernels::gather::{Accumulation, combine_at, put, scatter_add, take};
use tsdsm_kernels::{Array, ArrayMut, DType, Share};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn elements_come_from_and_go_to_their_indices(len in 1usize..2000, count in 0usize..3000, seed: u64) {
        let a: Vec<f64> = words(seed).map(|word| (word >> 40) as f64).take(len).collect();
        let index = |word: u64| word as i64 % (len as i64);
        let indices: Vec<i64> = words(!seed).map(index).take(count).collect();
        let place = |&i: &i64| if i < 0 { (i + len as i64) as usize } else { i as usize };

        let mut out = vec![0.0; count];
        take(ArrayMut::from_slice(&mut out), &Array::from_slice(&a), &Array::from_slice(&indices), None, &threads(1)).unwrap();
        prop_assert_eq!(&out, &indices.iter().map(|i| a[place(i)]).collect::<Vec<_>>());

        let values: Vec<f64> = (0..count).map(|i| i as f64).collect();
        let (mut expected, mut out) = (a.clone(), a.clone());
        indices.iter().zip(&values).for_each(|(i, &value)| expected[place(i)] = value);
        put(ArrayMut::from_slice(&mut out), &Array::from_slice(&indices), &Array::from_slice(&values), None, &threads(1)).unwrap();
        prop_assert_eq!(&out, &expected);

        let (mut expected, mut out) = (a.clone(), a.clone());
        indices.iter().zip(&values).for_each(|(i, &value)| expected[place(i)] += value);
        let (at, added) = (Array::from_slice(&indices), Array::from_slice(&values));
        scatter_add(ArrayMut::from_slice(&mut out), &at, &added, Accumulation::Ordered, &threads(1)).unwrap();
        prop_assert_eq!(&out, &expected);

        let (mut expected, mut out) = (vec![0.0; len], vec![0.0; len]);
        indices.iter().for_each(|i| expected[place(i)] = a[place(i)] + 2.0 * a[place(i)]);
        let b: Vec<f64> = a.iter().map(|x| 2.0 * x).collect();
        combine_at(Binary::Add, ArrayMut::from_slice(&mut out), &Array::from_slice(&a), &Array::from_slice(&b), &at, &threads(1)).unwrap();
        prop_assert_eq!(&out, &expected);
    }
}

#[test]
fn results_are_the_same_on_any_number_of_threads() {
    let len = 50_000;
    let indices: Vec<i32> = words(1).map(|word| (word % len as u64) as i32).take(300_000).collect();
    let values: Vec<f32> = words(2).map(|word| (word >> 40) as f32 / 1e3).take(indices.len()).collect();
    let (at, from) = (Array::from_slice(&indices), Array::from_slice(&values));
    let mut results = Vec::new();
    for count in [1, 2, 3] {
        let (mut putted, mut added, mut taken) = (vec![0.0f32; len], vec![0.0f32; len], vec![0.0f32; indices.len()]);
        put(ArrayMut::from_slice(&mut putted), &at, &from, None, &threads(count)).unwrap();
        scatter_add(ArrayMut::from_slice(&mut added), &at, &from, Accumulation::Ordered, &threads(count)).unwrap();
        take(ArrayMut::from_slice(&mut taken), &Array::from_slice(&added), &at, None, &threads(count)).unwrap();
        let mut combined = putted.clone();
        combine_at(
            Binary::Add,
            ArrayMut::from_slice(&mut combined),
            &Array::from_slice(&added),
            &Array::from_slice(&added),
            &at,
            &threads(count),
        )
        .unwrap();
        results.push((putted, added, taken, combined));
    }
    assert!(results[0] == results[1] && results[0] == results[2]);
    let mut expected = vec![0.0f32; len];
    indices.iter().zip(&values).for_each(|(&i, &value)| expected[i as usize] = value);
    assert_eq!(results[0].0, expected);
}

#[test]
fn atomic_additions_of_all_types_lose_nothing() {
    macro_rules! check {
        ($($T:ty: $number:expr),*) => {$({
            let number: fn(u8) -> $T = $number;
            let mut out = [number(0); 10];
            let indices: Vec<u8> = (0..200).map(|i| i % 10).collect();
            let ones = [number(1)];
            let one = Array::with_shape(&ones, &[]).unwrap();
            scatter_add(ArrayMut::from_slice(&mut out), &Array::from_slice(&indices), &one, Accumulation::Atomic, &threads(2)).unwrap();
            assert_eq!(out, [number(20); 10]);
        })*};
    }
    check! {
        i8: |x| x as i8, u8: |x| x, i16: i16::from, u16: u16::from, i32: i32::from, u32: u32::from, i64: i64::from,
        u64: u64::from, f16: f16::from, f32: f32::from, f64: f64::from
    }
    let mut out = [0i64; 4];
    let indices: Vec<u64> = words(3).map(|word| word % 4).take(400_000).collect();
    let ones = vec![1i64; indices.len()];
    scatter_add(
        ArrayMut::from_slice(&mut out),
        &Array::from_slice(&indices),
        &Array::from_slice(&ones),
        Accumulation::Atomic,
        &threads(3),
    )
    .unwrap();
    assert_eq!(out.iter().sum::<i64>(), 400_000);
}

#[test]
fn rows_are_taken_and_put_along_an_axis() {
    let a: Vec<i16> = (0..60).collect();
    let input = Array::with_shape(&a, &[3, 4, 5]).unwrap();
    let indices = [3u8, 0, 0, 2, 1, 3];
    let at = Array::with_shape(&indices, &[2, 3]).unwrap();
    let mut out = vec![0i16; 3 * 6 * 5];
    take(ArrayMut::with_shape(&mut out, &[3, 2, 3, 5]).unwrap(), &input, &at, Some(-2), &threads(1)).unwrap();
    for i in 0..3 {
        for (j, &index) in indices.iter().enumerate() {
            for k in 0..5 {
                assert_eq!(out[(i * 6 + j) * 5 + k], a[(i * 4 + usize::from(index)) * 5 + k]);
            }
        }
    }
    // What was taken, put back, is what was there.
    let mut back = vec![-1i16; 60];
    let values = Array::with_shape(&out, &[3, 2, 3, 5]).unwrap();
    put(ArrayMut::with_shape(&mut back, &[3, 4, 5]).unwrap(), &at, &values, Some(1), &threads(1)).unwrap();
    assert_eq!(back, a);
    // Rows of a share of the indices; of a transposed array, one element after the other.
    let mut out = vec![0i16; 12];
    let share = Share { range: Some(1..3), ..threads(1) };
    let at = Array::from_slice(&indices[3..6]);
    let rows = Array::with_shape(&a[..16], &[4, 4]).unwrap();
    take(ArrayMut::with_shape(&mut out, &[3, 4]).unwrap(), &rows, &at, Some(0), &share).unwrap();
    assert_eq!(out, [0, 0, 0, 0, 4, 5, 6, 7, 12, 13, 14, 15]);
    let turned = rows.permute(&[1, 0]).unwrap();
    let mut out = [0i16; 3];
    take(ArrayMut::from_slice(&mut out), &turned, &Array::from_slice(&[1i64, -1, 6]), None, &threads(1)).unwrap();
    assert_eq!(out, [4, 15, 9]);
    let mut square = [0i16; 4];
    let whole = ArrayMut::with_shape(&mut square, &[2, 2]).unwrap().into_permuted(&[1, 0]).unwrap();
    put(whole, &Array::from_slice(&[1i64, 2]), &Array::from_slice(&[7i16, 8]), None, &threads(1)).unwrap();
    assert_eq!(square, [0, 8, 7, 0]);
}

#[test]
fn what_is_wrong_is_refused_before_anything_is_written() {
    let a = [1.0f64, 2.0, 3.0];
    let input = Array::from_slice(&a);
    let refused = |result: tsdsm_kernels::Result<()>| assert!(result.is_err(), "{result:?}");
    for bad in [3i64, -4, i64::MAX, i64::MIN] {
        let indices = [0, 1, bad];
        let at = Array::from_slice(&indices);
        let mut out = [0.0f64; 3];
        refused(take(ArrayMut::from_slice(&mut out), &input, &at, None, &threads(1)));
        refused(put(ArrayMut::from_slice(&mut out), &at, &input, None, &threads(1)));
        refused(scatter_add(ArrayMut::from_slice(&mut out), &at, &input, Accumulation::Ordered, &threads(1)));
        refused(combine_at(Binary::Add, ArrayMut::from_slice(&mut out), &input, &input, &at, &threads(1)));
        assert_eq!(out, [0.0; 3]);
    }
    let huge = [u64::MAX];
    let at = Array::from_slice(&huge);
    refused(take(ArrayMut::from_slice(&mut [0.0f64]), &input, &at, None, &threads(1)));
    let good = [0i64, 1, 2];
    let at = Array::from_slice(&good);
    refused(take(ArrayMut::from_slice(&mut [0.0f64; 2]), &input, &at, None, &threads(1)));
    refused(take(ArrayMut::from_slice(&mut [0.0f32; 3]), &input, &at, None, &threads(1)));
    refused(take(ArrayMut::from_slice(&mut [0.0f64; 3]), &input, &input, None, &threads(1)));
    refused(take(ArrayMut::from_slice(&mut [0.0f64; 3]), &input, &at, Some(1), &threads(1)));
    refused(put(ArrayMut::from_slice(&mut [0.0f64; 3]), &at, &Array::from_slice(&[1.0f64, 2.0]), None, &threads(1)));
    // Nothing can be taken from nothing, but nothing can be.
    let none: [f64; 0] = [];
    refused(take(ArrayMut::from_slice(&mut [0.0f64; 3]), &Array::from_slice(&none), &at, None, &threads(1)));
    let nowhere: [i64; 0] = [];
    take(
        ArrayMut::from_slice(&mut [0.0f64; 0]),
        &Array::from_slice(&none),
        &Array::from_slice(&nowhere),
        None,
        &threads(1),
    )
    .unwrap();
    put(
        ArrayMut::from_slice(&mut [0.0f64; 0]),
        &Array::from_slice(&nowhere),
        &Array::from_slice(&none),
        None,
        &threads(1),
    )
    .unwrap();
}

#[test]
fn indices_that_another_thread_scribbles_over_lead_out_of_nothing() {
    with_scribbled_indices(|at| {
        let a: Vec<i64> = (0..4096).collect();
        let input = Array::from_slice(&a);
        for _ in 0..2000 {
            let mut out = vec![-1i64; 4096];
            let _ = take(ArrayMut::from_slice(&mut out), &input, at, None, &threads(1));
            let _ = put(ArrayMut::from_slice(&mut out), at, &input, None, &threads(1));
            let _ = scatter_add(ArrayMut::from_slice(&mut out), at, &input, Accumulation::Ordered, &threads(1));
            let _ = combine_at(Binary::Add, ArrayMut::from_slice(&mut out), &input, &input, at, &threads(1));
        }
    });
}

#[test]
fn indices_all_over_a_large_array_are_each_used_whatever_is_scribbled_meanwhile() {
    let len = 1_400_000;
    let a: Vec<f64> = (0..len).map(|i| i as f64).collect();
    let input = Array::from_slice(&a);
    // A permutation: steps that have no divisor in common with the length.
    let order: Vec<AtomicI64> = (0..len as i64).map(|i| AtomicI64::new(i * 600_011 % len as i64)).collect();
    // SAFETY: the vector's memory; others write to it by atomic stores.
    let at = unsafe { Array::from_raw(order.as_ptr().cast(), DType::I64, &[len], &[1]) }.unwrap();
    for count in [1, 3] {
        let mut out = vec![-1.0; len];
        combine_at(Binary::Add, ArrayMut::from_slice(&mut out), &input, &input, &at, &threads(count)).unwrap();
        assert!(out.iter().zip(&a).all(|(sum, x)| *sum == x + x));
    }
    let mut words = words(9);
    let scribble = || {
        let word = words.next().unwrap();
        order[word as usize % 80_000].store((word >> 32) as i64 % len as i64, Ordering::Relaxed);
    };
    while_scribbled(scribble, || {
        let some = at.slice(0, 0..80_000).unwrap();
        let mut out = vec![-1.0; len];
        for _ in 0..20 {
            combine_at(Binary::Add, ArrayMut::from_slice(&mut out), &input, &input, &some, &threads(1)).unwrap();
        }
        assert!(out.iter().zip(&a).all(|(sum, x)| *sum == x + x || *sum == -1.0));
    });
}
