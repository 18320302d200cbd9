//! Transpositions, distances and stencils against the definitions.

mod common;

use common::{threads, words};
use proptest::prelude::*;
use tsdsm_kernels::distance::{Metric, cdist, nearest};
use tsdsm_kernels::stencil::{Boundary, Stencil, stencil};
use tsdsm_kernels::transpose::transpose;
use tsdsm_kernels::{Array, ArrayMut, Bool, Element, Share};

fn numbers(seed: u64, count: usize) -> Vec<f64> {
    words(seed).take(count).map(|word| word as f64 / 2f64.powi(64) - 0.5).collect()
}

fn range(range: std::ops::Range<usize>) -> Share {
    Share { range: Some(range), ..Share::default() }
}

/// `a`, of this shape, with its axes in another order.
fn turned<T: Element>(a: &[T], shape: &[usize], axes: &[usize]) -> Vec<T> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    let lengths: Vec<usize> = axes.iter().map(|&axis| shape[axis]).collect();
    (0..a.len())
        .map(|mut i| {
            let mut place = 0;
            for (&axis, &length) in axes.iter().zip(&lengths).rev() {
                place += i % length * strides[axis];
                i /= length;
            }
            a[place]
        })
        .collect()
}

fn check_turned<T: Element>(from: impl Fn(u64) -> T, shape: &[usize], axes: &[usize], share: &Share) {
    let a: Vec<T> = words(9).map(from).take(shape.iter().product()).collect();
    let lengths: Vec<usize> = axes.iter().map(|&axis| shape[axis]).collect();
    let mut out = vec![a[0]; a.len() + 64];
    // At a line of the cache, and next to one.
    let line = out.as_ptr().align_offset(64);
    for skip in [line, line + 1] {
        let out = &mut out[..skip + a.len()];
        let view = ArrayMut::with_shape(&mut out[skip..], &lengths).unwrap();
        transpose(view, &Array::with_shape(&a, shape).unwrap(), Some(axes), share).unwrap();
        assert!(out[skip..] == turned(&a, shape, axes), "{} of {shape:?} by {axes:?}", T::DTYPE);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn axes_come_in_another_order(
        shape in prop::collection::vec(1usize..20, 1..5),
        order in any::<u64>(),
        count in 1usize..4,
    ) {
        let mut axes: Vec<usize> = (0..shape.len()).collect();
        axes.sort_by_key(|axis| words(order ^ *axis as u64).next());
        let share = threads(count);
        check_turned(|word| word as u8, &shape, &axes, &share);
        check_turned(|word| word as i16, &shape, &axes, &share);
        check_turned(|word| word as u32, &shape, &axes, &share);
        check_turned(|word| word as f64, &shape, &axes, &share);
    }
}

#[test]
fn large_matrices_and_stacks_are_turned_square_by_square() {
    for share in [threads(1), threads(3)] {
        check_turned(|word| word as u8, &[130, 700], &[1, 0], &share);
        check_turned(|word| word as u16, &[600, 65], &[1, 0], &share);
        check_turned(|word| word as f32, &[515, 517], &[1, 0], &share);
        check_turned(|word| word as i64, &[9000, 9], &[1, 0], &share);
        check_turned(|word| word as i64, &[7, 40, 50], &[2, 0, 1], &share);
        check_turned(|word| word as f32, &[7, 40, 50], &[0, 2, 1], &share);
        check_turned(|word| Bool::from(word % 2 == 0), &[40, 7, 90], &[2, 1, 0], &share);
    }
    // Past the caches, where they are not larger than 32 MiB.
    check_turned(|word| word, &[2048, 2056], &[1, 0], &threads(2));
}

#[test]
fn a_transposition_takes_views_ranges_and_wider_types() {
    let a: Vec<f32> = (0..600).map(|i| i as f32).collect();
    let a = Array::with_shape(&a, &[20, 30]).unwrap();
    let part = a.slice(0, 3..17).unwrap().slice(1, 5..28).unwrap();
    let mut out = vec![-1f32; 23 * 14];
    transpose(ArrayMut::with_shape(&mut out, &[23, 14]).unwrap(), &part, None, &range(4..20)).unwrap();
    for (i, &value) in out.iter().enumerate() {
        let (j, k) = (i / 14, i % 14);
        assert_eq!(value, if (4..20).contains(&j) { ((k + 3) * 30 + j + 5) as f32 } else { -1.0 });
    }
    let mut wide = vec![0f64; 600];
    transpose(ArrayMut::with_shape(&mut wide, &[30, 20]).unwrap(), &a, None, &Share::default()).unwrap();
    assert!((0..600).all(|i| wide[i] == (i % 20 * 30 + i / 20) as f64));

    let refused = |shape: &[usize], axes: Option<&[usize]>, share: &Share| {
        let mut out = vec![0f32; shape.iter().product()];
        transpose(ArrayMut::with_shape(&mut out, shape).unwrap(), &a, axes, share).unwrap_err();
    };
    refused(&[20, 30], None, &Share::default());
    refused(&[30, 20], Some(&[0, 1]), &Share::default());
    refused(&[30, 20], Some(&[1, 1]), &Share::default());
    refused(&[30, 20], Some(&[1, 0, 2]), &Share::default());
    refused(&[30, 20], None, &range(3..31));
    let mut narrow = vec![0i64; 600];
    transpose(ArrayMut::with_shape(&mut narrow, &[30, 20]).unwrap(), &a, None, &Share::default()).unwrap_err();
    let mut square = vec![0f32; 9];
    let data = square.as_mut_ptr();
    // SAFETY: the same nine elements twice, which nothing else uses meanwhile.
    let (out, input) = unsafe {
        (
            ArrayMut::from_raw(data.cast(), f32::DTYPE, &[3, 3], &[3, 1]),
            Array::from_raw(data.cast(), f32::DTYPE, &[3, 3], &[3, 1]),
        )
    };
    transpose(out.unwrap(), &input.unwrap(), None, &Share::default()).unwrap_err();
}

fn distance(metric: Metric, a: &[f64], b: &[f64]) -> f64 {
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    match metric {
        Metric::Euclidean => differences.map(|d| d * d).sum::<f64>().sqrt(),
        Metric::SquaredEuclidean => differences.map(|d| d * d).sum(),
        Metric::Cityblock => differences.sum(),
        Metric::Chebyshev => differences.fold(0.0, f64::max),
    }
}

fn close(a: f64, b: f64, epsilon: f64) -> bool {
    a == b || (a - b).abs() <= 4.0 * epsilon * b.abs()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn distances_are_those_of_the_definition(m in 0usize..30, n in 0usize..60, k in 0usize..40, seed: u64, count in 1usize..4) {
        // Far from the origin and near each other: where products would cancel.
        let points: Vec<f64> = numbers(seed, (m + n) * k).iter().map(|x| x + 1e6).collect();
        let single: Vec<f32> = points.iter().map(|&x| x as f32).collect();
        let (a, b) = points.split_at(m * k);
        for metric in Metric::ALL {
            let (mut out, mut out32) = (vec![0f64; m * n], vec![0f32; m * n]);
            let of = |a, shape: [usize; 2]| Array::with_shape(a, &shape).unwrap();
            let view = ArrayMut::with_shape(&mut out, &[m, n]).unwrap();
            cdist(view, &of(a, [m, k]), &of(b, [n, k]), metric, &threads(count)).unwrap();
            let (a32, b32) = single.split_at(m * k);
            let (a32, b32) = (Array::with_shape(a32, &[m, k]).unwrap(), Array::with_shape(b32, &[n, k]).unwrap());
            let view = ArrayMut::with_shape(&mut out32, &[m, n]).unwrap();
            cdist(view, &a32, &b32, metric, &threads(count)).unwrap();
            for (i, (&value, &value32)) in out.iter().zip(&out32).enumerate() {
                let (i, j) = (i / n, m + i % n);
                let expected = distance(metric, &points[i * k..][..k], &points[j * k..][..k]);
                prop_assert!(close(value, expected, f64::EPSILON), "{value} for {expected}");
                let wide = |i: usize| single[i * k..][..k].iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
                let expected = distance(metric, &wide(i), &wide(j));
                prop_assert!(close(f64::from(value32), expected, f64::from(f32::EPSILON)), "{value32} for {expected}");
            }
        }
    }

    #[test]
    fn the_nearest_centre_is_the_first_of_the_least(m in 0usize..50, n in 1usize..9, k in 0usize..5, seed: u64, count in 1usize..4) {
        // Whole numbers, so that there are ties.
        let points: Vec<f32> = words(seed).take((m + n) * k).map(|word| (word % 4) as f32).collect();
        let (points, centres) = points.split_at(m * k);
        let (mut labels, mut squares) = (vec![-1i32; m], vec![-1f32; m]);
        nearest(
            ArrayMut::from_slice(&mut labels),
            Some(ArrayMut::from_slice(&mut squares)),
            &Array::with_shape(points, &[m, k]).unwrap(),
            &Array::with_shape(centres, &[n, k]).unwrap(),
            &threads(count),
        )
        .unwrap();
        for i in 0..m {
            let square = |j: usize| (0..k).map(|x| (points[i * k + x] - centres[j * k + x]).powi(2)).sum::<f32>();
            let best = (0..n).rev().min_by(|&a, &b| square(a).total_cmp(&square(b)).then(a.cmp(&b))).unwrap();
            prop_assert_eq!((labels[i] as usize, squares[i]), (best, square(best)));
        }
    }
}

#[test]
fn distances_of_many_coordinates_do_not_depend_on_the_share() {
    let (m, n, k) = (70, 130, 900);
    let points = numbers(3, (m + n) * k);
    let (a, b) = points.split_at(m * k);
    let (a, b) = (Array::with_shape(a, &[m, k]).unwrap(), Array::with_shape(b, &[n, k]).unwrap());
    let run = |metric, share: &Share| {
        let mut out = vec![0f64; m * n];
        cdist(ArrayMut::with_shape(&mut out, &[m, n]).unwrap(), &a, &b, metric, share).unwrap();
        out.iter().map(|distance| distance.to_bits()).collect::<Vec<_>>()
    };
    for metric in Metric::ALL {
        let all = run(metric, &Share::default());
        assert!(close(f64::from_bits(all[5]), distance(metric, &points[..k], &points[(m + 5) * k..][..k]), 1e-14));
        assert!(run(metric, &threads(3)) == all);
        let part = run(metric, &range(20..23));
        assert!(part[20 * n..23 * n] == all[20 * n..23 * n] && part[..20 * n].iter().all(|&bits| bits == 0));
    }
    let mut labels = vec![-1i64; m];
    nearest(ArrayMut::from_slice(&mut labels), None, &a, &b, &range(5..6)).unwrap();
    let all = run(Metric::SquaredEuclidean, &Share::default());
    let best = (0..n).min_by_key(|&j| all[5 * n + j]).unwrap();
    assert_eq!(labels[4..7], [-1, best as i64, -1]);
}

#[test]
fn a_coordinate_that_is_no_number_makes_a_distance_that_is_none() {
    let a = [0.0, f64::NAN, 1.0, 2.0];
    let b = [3.0, 4.0, f64::INFINITY, 0.0];
    let (a, b) = (Array::with_shape(&a, &[2, 2]).unwrap(), Array::with_shape(&b, &[2, 2]).unwrap());
    for metric in Metric::ALL {
        let mut out = [0f64; 4];
        cdist(ArrayMut::with_shape(&mut out, &[2, 2]).unwrap(), &a, &b, metric, &Share::default()).unwrap();
        assert!(out[0].is_nan() && out[1].is_nan() && out[2] > 1.0 && out[3] == f64::INFINITY, "{metric:?} {out:?}");
    }
    let mut labels = [9i64; 2];
    nearest(ArrayMut::from_slice(&mut labels), None, &a, &b, &Share::default()).unwrap();
    assert_eq!(labels, [0, 0]);
}

#[test]
fn distances_that_do_not_fit_are_refused() {
    let (data, single) = ([0.0; 12], [0f32; 12]);
    let points = |shape: &[usize]| Array::with_shape(&data[..shape.iter().product()], shape).unwrap();
    let refused = |shape: &[usize], a: &Array<'_>, b: &Array<'_>, share: &Share| {
        let mut out = [7.0; 12];
        let view = ArrayMut::with_shape(&mut out[..shape.iter().product()], shape).unwrap();
        cdist(view, a, b, Metric::Euclidean, share).unwrap_err();
        assert_eq!(out, [7.0; 12]);
    };
    refused(&[2, 2], &points(&[2, 3]), &points(&[2, 2]), &Share::default());
    refused(&[2, 3], &points(&[2, 3]), &points(&[2, 3]), &Share::default());
    refused(&[2], &points(&[2]), &points(&[2, 1]), &Share::default());
    refused(&[2, 2], &points(&[2, 3]), &Array::with_shape(&single[..6], &[2, 3]).unwrap(), &Share::default());
    refused(&[2, 2], &points(&[2, 3]), &points(&[2, 3]), &range(1..3));
    let mut out = [0f32; 4];
    let view = ArrayMut::with_shape(&mut out, &[2, 2]).unwrap();
    cdist(view, &points(&[2, 3]), &points(&[2, 3]), Metric::Euclidean, &Share::default()).unwrap_err();
    let mut labels = [7i64; 2];
    nearest(ArrayMut::from_slice(&mut labels), None, &points(&[2, 3]), &points(&[0, 3]), &Share::default())
        .unwrap_err();
    nearest(ArrayMut::from_slice(&mut labels[..1]), None, &points(&[2, 3]), &points(&[2, 3]), &Share::default())
        .unwrap_err();
    nearest(ArrayMut::from_slice(&mut [7u8; 2]), None, &points(&[2, 3]), &points(&[2, 3]), &Share::default())
        .unwrap_err();
    let mut squares = [7f32; 2];
    let squares = Some(ArrayMut::from_slice(&mut squares));
    nearest(ArrayMut::from_slice(&mut labels), squares, &points(&[2, 3]), &points(&[2, 3]), &Share::default())
        .unwrap_err();
    assert_eq!(labels, [7, 7]);
}

/// A step by the definition; the boundary is that of `out`.
fn step(a: &[f64], shape: &[usize], coefficients: &[f64], out: &mut [f64]) {
    let stride = |axis: usize| shape[axis + 1..].iter().product::<usize>();
    'elements: for (i, out) in out.iter_mut().enumerate() {
        let mut sum = coefficients[0] * a[i];
        for axis in 0..shape.len() {
            let index = i / stride(axis) % shape[axis];
            if index == 0 || index + 1 == shape[axis] {
                continue 'elements;
            }
            sum += coefficients[2 * axis + 1] * a[i - stride(axis)];
            sum += coefficients[2 * axis + 2] * a[i + stride(axis)];
        }
        *out = sum;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_step_adds_up_the_terms_in_order(
        shape in prop::collection::vec(1usize..40, 1..4),
        seed: u64,
        count in 1usize..4,
        copied: bool,
        cut in 0.0..1.0,
    ) {
        let size = shape.iter().product();
        let (a, coefficients) = (numbers(seed, size), numbers(seed ^ 1, 2 * shape.len() + 1));
        let boundary = if copied { Boundary::Copied } else { Boundary::Untouched };
        let mut expected = if copied { a.clone() } else { vec![9.0; size] };
        step(&a, &shape, &coefficients, &mut expected);
        let mut out = vec![9.0; size];
        let cut = (cut * shape[0] as f64) as usize;
        for range in [0..cut, cut..shape[0]] {
            let options = Stencil { threads: threads(count).threads, range: Some(range), boundary };
            let view = ArrayMut::with_shape(&mut out, &shape).unwrap();
            stencil(view, &Array::with_shape(&a, &shape).unwrap(), &coefficients, &options).unwrap();
        }
        prop_assert_eq!(out, expected);
    }
}

#[test]
fn a_step_over_much_on_threads_and_over_views_is_right() {
    for shape in [vec![300_000], vec![700, 600], vec![60, 70, 80], vec![2100, 2000]] {
        let size = shape.iter().product();
        let (a, coefficients) = (numbers(1, size), numbers(2, 2 * shape.len() + 1));
        let (mut out, mut expected) = (vec![9.0; size], vec![9.0; size]);
        step(&a, &shape, &coefficients, &mut expected);
        let options = Stencil { threads: threads(3).threads, ..Stencil::default() };
        let input = Array::with_shape(&a, &shape).unwrap();
        stencil(ArrayMut::with_shape(&mut out, &shape).unwrap(), &input, &coefficients, &options).unwrap();
        assert!(out == expected);
        // Both turned: the last axis is strided.
        let order: Vec<usize> = (0..shape.len()).rev().collect();
        let mut turned = vec![coefficients[0]];
        turned.extend(coefficients[1..].chunks(2).rev().flatten());
        let mut again = vec![9.0; size];
        let mut view = ArrayMut::with_shape(&mut again, &shape).unwrap();
        stencil(view.permute(&order).unwrap(), &input.permute(&order).unwrap(), &turned, &options).unwrap();
        assert!(again.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-14));
    }
    let a = [1f32, 2.0, 3.0, 4.0];
    let mut out = [0f32; 4];
    stencil(ArrayMut::from_slice(&mut out), &Array::from_slice(&a), &[0.1, 1.0, 2.0], &Stencil::default()).unwrap();
    assert_eq!(out, [0.0, 0.1 * 2.0 + 1.0 + 2.0 * 3.0, 0.1 * 3.0 + 2.0 + 2.0 * 4.0, 0.0]);
}

#[test]
fn steps_that_do_not_fit_are_refused() {
    let a = [1.0; 16];
    let array = |shape: &[usize]| Array::with_shape(&a[..shape.iter().product()], shape).unwrap();
    let refused = |shape: &[usize], a: Array<'_>, coefficients: usize, range: std::ops::Range<usize>| {
        let mut out = [7.0; 16];
        let options = Stencil { range: Some(range), ..Stencil::default() };
        let view = ArrayMut::with_shape(&mut out[..shape.iter().product()], shape).unwrap();
        stencil(view, &a, &[1.0; 9][..coefficients], &options).unwrap_err();
        assert_eq!(out, [7.0; 16]);
    };
    refused(&[4, 4], array(&[4, 3]), 5, 0..4);
    refused(&[4, 4], array(&[4, 4]), 4, 0..4);
    refused(&[4, 4], array(&[4, 4]), 5, 0..5);
    refused(&[2, 2, 2, 2], array(&[2, 2, 2, 2]), 9, 0..2);
    let mut narrow = [0f32; 16];
    stencil(ArrayMut::with_shape(&mut narrow, &[4, 4]).unwrap(), &array(&[4, 4]), &[1.0; 5], &Stencil::default())
        .unwrap_err();
}
