//! Scans against the definition in plain Rust.

mod common;

use common::{threads, words};
use half::f16;
use proptest::prelude::*;
use tsdsm_kernels::scan::{BLOCK, Scan, scan};
use tsdsm_kernels::{Array, ArrayMut, Bool, DType, Share};

fn floats(seed: u64, len: usize) -> Vec<f64> {
    words(seed).take(len).map(|word| (word >> 11) as f64 / (1u64 << 50) as f64 - 3.9).collect()
}

/// The definition of the documentation, word for word.
fn defined(op: fn(f64, f64) -> f64, identity: f64, elements: &[f64]) -> Vec<f64> {
    let mut before = identity;
    let mut results = Vec::new();
    for block in elements.chunks(BLOCK) {
        let mut here = block[0];
        for (i, &element) in block.iter().enumerate() {
            if i > 0 {
                here = op(here, element);
            }
            results.push(op(before, here));
        }
        before = op(before, here);
    }
    results
}

fn sums(elements: &[f64]) -> Vec<f64> {
    defined(|x, y| x + y, -0.0, elements)
}

fn bits(x: &[f64]) -> Vec<u64> {
    x.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn scans_are_as_documented_for_any_number_of_threads() {
    for len in [0, 1, 2, 63, 64, 65, 511, 512, 513, 5000, 400_000] {
        let x = floats(1, len);
        let near_one: Vec<f64> = x.iter().map(|x| 1.0 + x * 1e-6).collect();
        let expected = sums(&x);
        let products = defined(|x, y| x * y, 1.0, &near_one);
        for count in 1..=3 {
            let mut out = vec![7.0; len];
            scan(Scan::Cumsum, ArrayMut::from_slice(&mut out), &Array::from_slice(&x), None, &threads(count)).unwrap();
            assert_eq!(bits(&out), bits(&expected));
            let near_one = Array::from_slice(&near_one);
            scan(Scan::Cumprod, ArrayMut::from_slice(&mut out), &near_one, Some(0), &threads(count)).unwrap();
            assert_eq!(bits(&out), bits(&products));
            let mut same = x.clone();
            let data = same.as_mut_ptr().cast();
            // SAFETY: both are these elements; the kernel may work in place.
            let (out, a) = unsafe {
                let out = ArrayMut::from_raw(data, DType::F64, &[len], &[1]).unwrap();
                (out, Array::from_raw(data, DType::F64, &[len], &[1]).unwrap())
            };
            scan(Scan::Cumsum, out, &a, None, &threads(count)).unwrap();
            assert_eq!(bits(&same), bits(&expected));
        }
    }
}

#[test]
fn float32_is_rounded_once() {
    let x: Vec<f32> = floats(2, 1000).into_iter().map(|x| x as f32).collect();
    let wide: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
    let expected: Vec<f32> = sums(&wide).into_iter().map(|x| x as f32).collect();
    let mut out = vec![0.0f32; 1000];
    scan(Scan::Cumsum, ArrayMut::from_slice(&mut out), &Array::from_slice(&x), None, &threads(1)).unwrap();
    assert_eq!(out, expected);
    let halves = [1.0f32, 2048.0, 1.0].map(f16::from_f32);
    let mut out = [f16::ZERO; 3];
    scan(Scan::Cumsum, ArrayMut::from_slice(&mut out), &Array::from_slice(&halves), None, &threads(1)).unwrap();
    assert_eq!(out.map(f16::to_f32), [1.0, 2048.0, 2050.0]);
}

#[test]
fn sums_of_numbers_that_are_not_negative_never_fall() {
    let x: Vec<f64> = words(3).take(300_000).map(|word| (word >> 11) as f64 * 0.1).collect();
    let mut out = vec![0.0; x.len()];
    scan(Scan::Cumsum, ArrayMut::from_slice(&mut out), &Array::from_slice(&x), None, &threads(2)).unwrap();
    assert!(out.is_sorted());
}

#[test]
fn integers_have_64_bits_and_wrap() {
    let x = [100i8, 100, 100];
    let mut out = [0i64; 3];
    scan(Scan::Cumsum, ArrayMut::from_slice(&mut out), &Array::from_slice(&x), None, &threads(1)).unwrap();
    assert_eq!(out, [100, 200, 300]);
    let mut out = [0i8; 3];
    scan(Scan::Cumprod, ArrayMut::from_slice(&mut out), &Array::from_slice(&x), None, &threads(1)).unwrap();
    assert_eq!(out, [100, 10_000i64 as i8, 1_000_000i64 as i8]);
    let x = [u64::MAX, 3];
    let mut out = [0u64; 2];
    scan(Scan::Cumsum, ArrayMut::from_slice(&mut out), &Array::from_slice(&x), None, &threads(1)).unwrap();
    assert_eq!(out, [u64::MAX, 2]);
    let mut out = [0.0; 2];
    scan(Scan::Cumsum, ArrayMut::from_slice(&mut out), &Array::from_slice(&x), None, &threads(1)).unwrap();
    assert_eq!(out, [u64::MAX as f64, 2.0]);
    let x = [true, false, true].map(Bool::from);
    let mut out = [0i64; 3];
    scan(Scan::Cumsum, ArrayMut::from_slice(&mut out), &Array::from_slice(&x), None, &threads(1)).unwrap();
    assert_eq!(out, [1, 1, 2]);
}

#[test]
fn each_line_of_an_axis_is_scanned_by_itself() {
    let shapes: [&[usize]; 6] = [&[700, 3], &[3, 700], &[700, 40], &[2, 5000], &[5000, 30], &[6, 90, 20]];
    for shape in shapes {
        let size = shape.iter().product();
        let x = floats(4, size);
        for axis in 0..shape.len() {
            let inner: usize = shape[axis + 1..].iter().product();
            let mut expected = vec![0.0; size];
            for line in 0..size / shape[axis] {
                let first = line / inner * inner * shape[axis] + line % inner;
                let place = |i| first + i * inner;
                let elements: Vec<f64> = (0..shape[axis]).map(|i| x[place(i)]).collect();
                for (i, result) in sums(&elements).into_iter().enumerate() {
                    expected[place(i)] = result;
                }
            }
            for count in 1..=3 {
                let mut out = vec![0.0; size];
                let a = Array::with_shape(&x, shape).unwrap();
                let out_array = ArrayMut::with_shape(&mut out, shape).unwrap();
                let from_the_end = axis as isize - shape.len() as isize;
                scan(Scan::Cumsum, out_array, &a, Some(from_the_end), &threads(count)).unwrap();
                assert_eq!(bits(&out), bits(&expected), "{shape:?} along {axis}");
                let mut same = x.clone();
                let data = same.as_mut_ptr().cast();
                let strides = a.strides();
                // SAFETY: both are these elements; the kernel may work in place.
                let (out, a) = unsafe {
                    let out = ArrayMut::from_raw(data, DType::F64, shape, strides).unwrap();
                    (out, Array::from_raw(data, DType::F64, shape, strides).unwrap())
                };
                scan(Scan::Cumsum, out, &a, Some(axis as isize), &threads(count)).unwrap();
                assert_eq!(bits(&same), bits(&expected), "{shape:?} along {axis} in place");
            }
        }
    }
}

#[test]
fn a_range_is_written_as_in_the_whole() {
    let (rows, width) = (130, 37);
    let x = floats(5, rows * width);
    let a = Array::with_shape(&x, &[rows, width]).unwrap();
    for axis in [None, Some(0), Some(1)] {
        let mut whole = vec![0.0; rows * width];
        scan(Scan::Cumsum, ArrayMut::with_shape(&mut whole, &[rows, width]).unwrap(), &a, axis, &threads(1)).unwrap();
        for count in 1..=2 {
            let mut out = vec![7.0; rows * width];
            for range in [64..101, 0..64, 101..101, 101..130] {
                let share = Share { range: Some(range), ..threads(count) };
                let out = ArrayMut::with_shape(&mut out, &[rows, width]).unwrap();
                scan(Scan::Cumsum, out, &a, axis, &share).unwrap();
            }
            assert_eq!(bits(&out), bits(&whole), "{axis:?}");
        }
    }
    let x = floats(6, 700_000);
    let mut whole = vec![0.0; 700_000];
    scan(Scan::Cumsum, ArrayMut::from_slice(&mut whole), &Array::from_slice(&x), None, &threads(1)).unwrap();
    let mut out = vec![7.0; 700_000];
    let share = Share { range: Some(1000..699_999), ..threads(3) };
    scan(Scan::Cumsum, ArrayMut::from_slice(&mut out), &Array::from_slice(&x), None, &share).unwrap();
    assert_eq!((out[999], out[699_999]), (7.0, 7.0));
    assert_eq!(bits(&out[1000..699_999]), bits(&whole[1000..699_999]));
}

#[test]
fn what_does_not_fit_is_refused() {
    let x = floats(7, 12);
    let a = Array::with_shape(&x, &[3, 4]).unwrap();
    let mut out = [7.0; 12];
    let mut into = |shape: &[usize], axis, share: &Share| {
        scan(Scan::Cumsum, ArrayMut::with_shape(&mut out, shape).unwrap(), &a, axis, share)
    };
    assert!(into(&[4, 3], None, &threads(1)).is_err());
    assert!(into(&[12], Some(0), &threads(1)).is_err());
    assert!(into(&[3, 4], Some(2), &threads(1)).is_err());
    assert!(into(&[3, 4], Some(-3), &threads(1)).is_err());
    assert!(into(&[3, 4], Some(0), &Share { range: Some(2..4), ..threads(1) }).is_err());
    assert!(into(&[3, 4], Some(1), &Share { range: Some(2..4), ..threads(1) }).is_err());
    assert_eq!(out, [7.0; 12]);
    let mut narrow = [7i64; 12];
    assert!(scan(Scan::Cumsum, ArrayMut::from_slice(&mut narrow), &a, None, &threads(1)).is_err());
    let mut same = x.clone();
    let data = same.as_mut_ptr();
    // SAFETY: within the elements; the kernel refuses.
    let view = |first: usize| unsafe {
        let data = data.add(first).cast();
        let out = ArrayMut::from_raw(data, DType::F64, &[11], &[1]).unwrap();
        (out, Array::from_raw(data, DType::F64, &[11], &[1]).unwrap())
    };
    assert!(scan(Scan::Cumsum, view(1).0, &view(0).1, None, &threads(1)).is_err());
    let part = Share { range: Some(2..4), ..threads(1) };
    assert!(scan(Scan::Cumsum, view(0).0, &view(0).1, None, &part).is_err());
    assert_eq!(same, x);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn integers_of_any_shape_and_order(
        shape in prop::collection::vec(1usize..40, 1..4),
        axis in 0usize..3,
        turn in any::<u64>(),
        seed in any::<u64>(),
        count in 1usize..4,
    ) {
        let axis = axis % shape.len();
        let size: usize = shape.iter().product();
        let x: Vec<u16> = words(seed).take(size).map(|word| word as u16).collect();
        let mut order: Vec<usize> = (0..shape.len()).collect();
        order.sort_by_key(|&axis| turn.rotate_left(axis as u32 * 7) % 97);
        let a = Array::with_shape(&x, &shape).unwrap().permute(&order).unwrap();
        let mut out = vec![0u64; size];
        let out_array = ArrayMut::with_shape(&mut out, a.shape()).unwrap();
        scan(Scan::Cumsum, out_array, &a, Some(axis as isize), &threads(count)).unwrap();
        let inner: usize = a.shape()[axis + 1..].iter().product();
        for i in 0..size {
            let (mut rest, mut place) = (i, 0);
            for axis in (0..a.rank()).rev() {
                place += (rest % a.shape()[axis]) as isize * a.strides()[axis];
                rest /= a.shape()[axis];
            }
            let before = if (i / inner).is_multiple_of(a.shape()[axis]) { 0 } else { out[i - inner] };
            prop_assert_eq!(out[i], before + u64::from(x[place as usize]));
        }
    }
}
