//! Reductions against plain Rust, and the promise that a result's bits depend on its elements alone.

mod common;

use std::num::NonZeroUsize;

use common::words;
use half::f16;
use proptest::prelude::*;
use tsdsm_kernels::reduce::{
    BLOCK, Options, Reduction, Scalar, dot, dot_partials, partials, partials_dtype, partials_len, reduce, reduce_into,
    result_shape,
};
use tsdsm_kernels::{Array, ArrayMut, Bool, DType, Element, Error, Shape, Threads};

fn on(count: usize) -> Options<'static> {
    Options { threads: Threads::new(NonZeroUsize::new(count).unwrap()), ..Options::default() }
}

fn floats(seed: u64, len: usize) -> Vec<f64> {
    words(seed).take(len).map(|word| (word >> 11) as f64 / (1u64 << 50) as f64 - 3.9).collect()
}

fn f64_of(scalar: Scalar) -> f64 {
    match scalar {
        Scalar::F64(value) => value,
        other => panic!("{other:?} is no float"),
    }
}

/// The fold of the documentation, word for word: lanes in turn, then halves.
fn block(op: fn(f64, f64) -> f64, identity: f64, elements: &[f64]) -> f64 {
    let mut lanes = [identity; 16];
    for (i, &element) in elements.iter().enumerate() {
        lanes[i % 16] = op(lanes[i % 16], element);
    }
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            lanes[lane] = op(lanes[lane], lanes[lane + half]);
        }
    }
    lanes[0]
}

fn tree(op: fn(f64, f64) -> f64, identity: f64, elements: &[f64]) -> f64 {
    if elements.len() <= BLOCK {
        return block(op, identity, elements);
    }
    let results: Vec<f64> = elements.chunks(BLOCK).map(|elements| block(op, identity, elements)).collect();
    tree(op, identity, &results)
}

fn sum(elements: &[f64]) -> f64 {
    tree(|x, y| x + y, 0.0, elements)
}

/// The sum of the squared distances from a centre: block by block, about centres of their own.
fn squares_about(centre: f64, elements: &[f64]) -> f64 {
    let add = |x: f64, y: f64| x + y;
    let blocks = elements.chunks(BLOCK).map(|elements| {
        let len = elements.len() as f64;
        let own = block(add, 0.0, elements) / len;
        let distances: Vec<f64> = elements.iter().map(|x| x - own).collect();
        let squares: Vec<f64> = distances.iter().map(|x| x * x).collect();
        let away = own - centre;
        block(add, 0.0, &squares) + (2.0 * away * block(add, 0.0, &distances) + len * (away * away))
    });
    tree(add, 0.0, &blocks.collect::<Vec<_>>())
}

const LENGTHS: [usize; 12] = [1, 2, 15, 16, 17, 511, 513, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 700, 300_000];

#[test]
fn sums_and_products_are_the_documented_tree() {
    for len in LENGTHS {
        let x = floats(1, len);
        let near_one: Vec<f64> = x.iter().map(|x| 1.0 + x * 1e-6).collect();
        let squares: Vec<f64> = x.iter().map(|x| x * x).collect();
        let mean = sum(&x) / len as f64;
        let deviations = squares_about(mean, &x);
        for threads in 1..=3 {
            let get = |op, x: &[f64]| f64_of(reduce(op, &Array::from_slice(x), &on(threads)).unwrap()).to_bits();
            assert_eq!(get(Reduction::Sum, &x), sum(&x).to_bits());
            assert_eq!(get(Reduction::Prod, &near_one), tree(|x, y| x * y, 1.0, &near_one).to_bits());
            assert_eq!(get(Reduction::Mean, &x), mean.to_bits());
            assert_eq!(get(Reduction::Norm, &x), sum(&squares).sqrt().to_bits());
            assert_eq!(get(Reduction::Var, &x), (deviations / len as f64).to_bits());
            assert_eq!(get(Reduction::Std, &x), (deviations / len as f64).sqrt().to_bits());
        }
        let narrow: Vec<f32> = x.iter().map(|&x| x as f32).collect();
        let wide: Vec<f64> = narrow.iter().map(|&x| f64::from(x)).collect();
        let products: Vec<f64> = wide.iter().zip(&x).map(|(x, y)| x * f64::from(*y as f32)).collect();
        let narrow_sum = reduce(Reduction::Sum, &Array::from_slice(&narrow), &on(2)).unwrap();
        assert_eq!(f64_of(narrow_sum).to_bits(), sum(&wide).to_bits());
        let narrow_dot = dot(&Array::from_slice(&narrow), &Array::from_slice(&narrow), &on(3)).unwrap();
        assert_eq!(f64_of(narrow_dot).to_bits(), sum(&products).to_bits());
    }
}

#[test]
fn each_result_of_an_axis_is_that_of_its_elements_alone() {
    // Rows, columns, few and many results, wide rows whose lanes go one after the other, and the axis in the middle.
    let shapes: [&[usize]; 9] =
        [&[9000, 3], &[3, 9000], &[40, 700], &[20, 5000], &[5000, 40], &[5, 300, 7], &[6, 40, 90], &[1, 70], &[70, 1]];
    for shape in shapes {
        let x = floats(2, shape.iter().product());
        let a = Array::with_shape(&x, shape).unwrap();
        for axis in 0..shape.len() {
            let kept = result_shape(a.shape(), Some(&[axis as isize])).unwrap();
            let mut order: Vec<usize> = (0..shape.len()).filter(|&i| i != axis).collect();
            order.push(axis);
            let last = a.permute(&order).unwrap();
            for op in [Reduction::Sum, Reduction::Var, Reduction::Max, Reduction::Norm] {
                let expected: Vec<u64> = (0..kept.size())
                    .map(|k| {
                        let mut line = last;
                        let mut rest = k;
                        for i in (0..order.len() - 1).rev() {
                            line = line.slice(i, rest % kept[i]..rest % kept[i] + 1).unwrap();
                            rest /= kept[i];
                        }
                        f64_of(reduce(op, &line, &on(1)).unwrap()).to_bits()
                    })
                    .collect();
                for threads in 1..=3 {
                    let axes = [axis as isize];
                    let options = Options { axes: Some(&axes), ..on(threads) };
                    let mut out = vec![0f64; kept.size()];
                    let out_array = ArrayMut::with_shape(&mut out, &kept).unwrap();
                    reduce_into(op, out_array, &a, &options).unwrap();
                    let bits: Vec<u64> = out.iter().map(|x| x.to_bits()).collect();
                    assert_eq!(bits, expected, "{op:?} of {shape:?} along {axis}");
                }
            }
        }
    }
}

#[test]
fn results_do_not_depend_on_strides() {
    let x = floats(3, 3 * 70 * 90);
    let a = Array::with_shape(&x, &[70, 3, 90]).unwrap().permute(&[2, 1, 0]).unwrap();
    let a = a.slice(0, 7..83).unwrap();
    let copied: Vec<f64> = (7..83)
        .flat_map(|i| (0..3).flat_map(move |j| (0..70).map(move |k| (i, j, k))))
        .map(|(i, j, k)| x[k * 270 + j * 90 + i])
        .collect();
    let b = Array::with_shape(&copied, &[76, 3, 70]).unwrap();
    for op in Reduction::ALL {
        assert_eq!(reduce(op, &a, &on(2)).unwrap(), reduce(op, &b, &on(1)).unwrap(), "{op:?}");
        if matches!(op, Reduction::Argmin | Reduction::Argmax | Reduction::Any | Reduction::All) {
            continue;
        }
        let axes: [&[isize]; 6] = [&[0], &[1], &[-1], &[0, 1], &[0, 2], &[2, 1]];
        for axes in axes {
            let options = Options { axes: Some(axes), ..on(1) };
            let size = result_shape(a.shape(), Some(axes)).unwrap();
            let (mut first, mut second) = (vec![0.0; size.size()], vec![0.0; size.size()]);
            reduce_into(op, ArrayMut::with_shape(&mut first, &size).unwrap(), &a, &options).unwrap();
            reduce_into(op, ArrayMut::with_shape(&mut second, &size).unwrap(), &b, &options).unwrap();
            assert_eq!(first, second, "{op:?} along {axes:?}");
        }
    }
}

#[test]
fn the_reduction_of_partials_is_that_of_the_whole() {
    let (rows, width) = (130, 777);
    let x = floats(4, rows * width);
    let narrow: Vec<f32> = x.iter().map(|&x| x as f32).collect();
    let whole: Vec<i32> = x.iter().map(|&x| (x * 1e6) as i32).collect();
    let n = rows * width;
    macro_rules! check {
        ($x:ident) => {{
            let a = Array::with_shape(&$x, &[rows, width]).unwrap();
            let mean = f64_of(reduce(Reduction::Mean, &a, &on(1)).unwrap());
            let mut bytes = vec![0u64; partials_len(n)];
            let mut gather = |op, dtype: DType, centre: f64| {
                // Three workers, with shares of their own and threads of their own.
                for (worker, range) in [0..41, 41..42, 42..rows].into_iter().enumerate() {
                    let options = Options { range: Some(range), ..on(worker + 1) };
                    let data = bytes.as_mut_ptr().cast();
                    // SAFETY: room for as many of any type.
                    let out = unsafe { ArrayMut::from_raw(data, dtype, &[partials_len(n)], &[1]) }.unwrap();
                    match op {
                        Some(op) => partials(op, out, &a, centre, &options).unwrap(),
                        None => dot_partials(out, &a, &a, &options).unwrap(),
                    }
                }
                // SAFETY: they are of this type now.
                unsafe { Array::from_raw(bytes.as_ptr().cast(), dtype, &[partials_len(n)], &[1]) }.unwrap()
            };
            let dtype = a.dtype();
            for op in [Reduction::Sum, Reduction::Prod, Reduction::Min, Reduction::Max, Reduction::Any, Reduction::All]
            {
                let parts = gather(Some(op), partials_dtype(op, dtype), 0.0);
                assert_eq!(reduce(op, &parts, &on(1)).unwrap(), reduce(op, &a, &on(2)).unwrap(), "{op:?} {dtype}");
            }
            let mut total = |op, centre| {
                let parts = gather(Some(op), DType::F64, centre);
                f64_of(reduce(Reduction::Sum, &parts, &on(1)).unwrap())
            };
            let get = |op| f64_of(reduce(op, &a, &on(3)).unwrap()).to_bits();
            assert_eq!((total(Reduction::Mean, 0.0) / n as f64).to_bits(), get(Reduction::Mean));
            assert_eq!(total(Reduction::Norm, 0.0).sqrt().to_bits(), get(Reduction::Norm));
            assert_eq!((total(Reduction::Var, mean) / n as f64).to_bits(), get(Reduction::Var));
            assert_eq!((total(Reduction::Std, mean) / n as f64).sqrt().to_bits(), get(Reduction::Std));
            let op = Reduction::CountNonzero;
            let parts = gather(Some(op), DType::I64, 0.0);
            assert_eq!(
                reduce(Reduction::Sum, &parts, &on(1)).unwrap(),
                match reduce(op, &a, &on(2)).unwrap() {
                    Scalar::Index(count) => Scalar::I64(count as i64),
                    other => other,
                }
            );
            if dtype.kind() == tsdsm_kernels::dtype::Kind::Float {
                let parts = gather(None, DType::F64, 0.0);
                assert_eq!(reduce(Reduction::Sum, &parts, &on(1)).unwrap(), dot(&a, &a, &on(2)).unwrap());
            }
        }};
    }
    check!(x);
    check!(narrow);
    check!(whole);
}

#[test]
fn integers_are_summed_in_64_bits_and_wrap() {
    let bytes = vec![200u8; 1000];
    assert_eq!(reduce(Reduction::Sum, &Array::from_slice(&bytes), &on(1)).unwrap(), Scalar::U64(200_000));
    let bytes = vec![-100i8; 1000];
    assert_eq!(reduce(Reduction::Sum, &Array::from_slice(&bytes), &on(1)).unwrap(), Scalar::I64(-100_000));
    let large = vec![i64::MAX, 2];
    assert_eq!(reduce(Reduction::Sum, &Array::from_slice(&large), &on(1)).unwrap(), Scalar::I64(i64::MIN + 1));
    let large = vec![u64::MAX, 3];
    assert_eq!(reduce(Reduction::Prod, &Array::from_slice(&large), &on(1)).unwrap(), Scalar::U64(u64::MAX - 2));
    let mut out = [0.0];
    let options = Options { axes: Some(&[0]), ..on(1) };
    let large = vec![u64::MAX - 5];
    let out_array = ArrayMut::with_shape(&mut out, &[]).unwrap();
    reduce_into(Reduction::Sum, out_array, &Array::from_slice(&large), &options).unwrap();
    assert_eq!(out, [(u64::MAX - 5) as f64]);
    let small = vec![100i8, 100];
    let product = dot(&Array::from_slice(&small), &Array::from_slice(&small), &on(1)).unwrap();
    assert_eq!(product, Scalar::I64(i64::from(20_000i32 as i8)));
    let truths: Vec<Bool> = [true, false, true].map(Bool::from).to_vec();
    let a = Array::from_slice(&truths);
    assert_eq!(reduce(Reduction::Sum, &a, &on(1)).unwrap(), Scalar::I64(2));
    assert_eq!(reduce(Reduction::Mean, &a, &on(1)).unwrap(), Scalar::F64(2.0 / 3.0));
    assert_eq!(reduce(Reduction::Min, &a, &on(1)).unwrap(), Scalar::Bool(false));
    assert_eq!(dot(&a, &a, &on(1)).unwrap(), Scalar::Bool(true));
}

#[test]
fn a_byte_that_is_not_0_is_true_and_no_truer_than_another() {
    let bytes = [3u8, 1, 7];
    // SAFETY: three bytes.
    let a = unsafe { Array::from_raw(bytes.as_ptr(), DType::Bool, &[3], &[1]) }.unwrap();
    let get = |op| reduce(op, &a, &on(1)).unwrap();
    assert_eq!(get(Reduction::Sum), Scalar::I64(3));
    assert_eq!(get(Reduction::Max), Scalar::Bool(true));
    assert_eq!(get(Reduction::Argmax), Scalar::Index(0));
    assert_eq!(get(Reduction::Argmin), Scalar::Index(0));
    let mut out = [9u8];
    // SAFETY: one byte.
    let out_array = unsafe { ArrayMut::from_raw(out.as_mut_ptr(), DType::Bool, &[], &[]) }.unwrap();
    reduce_into(Reduction::All, out_array, &a, &on(1)).unwrap();
    assert_eq!(out, [1]);
}

#[test]
fn of_no_elements() {
    let none: [f64; 0] = [];
    let a = Array::from_slice(&none);
    let get = |op| reduce(op, &a, &on(1));
    assert_eq!(get(Reduction::Sum).unwrap(), Scalar::F64(0.0));
    assert_eq!(get(Reduction::Prod).unwrap(), Scalar::F64(1.0));
    assert_eq!(get(Reduction::Any).unwrap(), Scalar::Bool(false));
    assert_eq!(get(Reduction::All).unwrap(), Scalar::Bool(true));
    assert_eq!(get(Reduction::CountNonzero).unwrap(), Scalar::Index(0));
    assert_eq!(get(Reduction::Norm).unwrap(), Scalar::F64(0.0));
    assert!(f64_of(get(Reduction::Mean).unwrap()).is_nan());
    assert!(f64_of(get(Reduction::Var).unwrap()).is_nan());
    assert_eq!(dot(&a, &a, &on(1)).unwrap(), Scalar::F64(0.0));
    for op in [Reduction::Min, Reduction::Max, Reduction::Argmin, Reduction::Argmax] {
        assert!(matches!(get(op), Err(Error::InvalidArgument(_))), "{op:?}");
    }
    // Results there are none of need no elements; those there are do.
    let a = Array::with_shape(&none, &[0, 3]).unwrap();
    let along = |axes: &'static [isize]| Options { axes: Some(axes), ..on(1) };
    let mut out = [7i64; 3];
    reduce_into(Reduction::Argmin, ArrayMut::from_slice(&mut out[..0]), &a, &along(&[1])).unwrap();
    assert!(reduce_into(Reduction::Argmin, ArrayMut::from_slice(&mut out), &a, &along(&[0])).is_err());
    assert_eq!(out, [7; 3]);
    reduce_into(Reduction::All, ArrayMut::from_slice(&mut out), &a, &along(&[0])).unwrap();
    assert_eq!(out, [1; 3]);
    let initial = [2.5];
    let initial = Array::with_shape(&initial, &[]).unwrap();
    let options = Options { initial: Some(initial), ..on(1) };
    assert_eq!(reduce(Reduction::Min, &a, &options).unwrap(), Scalar::F64(2.5));
}

#[test]
fn nan_is_the_extreme_and_the_first_counts() {
    for len in [5, 100, BLOCK + 5, 300_000] {
        let mut x = floats(5, len);
        let least = (0..len).min_by(|&i, &j| x[i].total_cmp(&x[j])).unwrap();
        let greatest = (0..len).max_by(|&i, &j| x[i].total_cmp(&x[j]).then(j.cmp(&i))).unwrap();
        for threads in 1..=3 {
            let get = |op| reduce(op, &Array::from_slice(&x), &on(threads)).unwrap();
            assert_eq!(get(Reduction::Min), Scalar::F64(x[least]));
            assert_eq!(get(Reduction::Argmin), Scalar::Index(least));
            assert_eq!(get(Reduction::Argmax), Scalar::Index(greatest));
        }
        x[len - 1] = f64::NAN;
        x[len / 2] = -f64::NAN;
        x[0] = f64::NEG_INFINITY;
        for threads in 1..=3 {
            let get = |op| reduce(op, &Array::from_slice(&x), &on(threads)).unwrap();
            assert!(f64_of(get(Reduction::Min)).is_nan() && f64_of(get(Reduction::Max)).is_nan());
            assert_eq!(get(Reduction::Argmin), Scalar::Index(len / 2));
            assert_eq!(get(Reduction::Argmax), Scalar::Index(len / 2));
        }
    }
    let halves: Vec<f16> = [1.5, -3.0, f32::NAN, -7.0].into_iter().map(f16::from_f32).collect();
    assert_eq!(reduce(Reduction::Argmin, &Array::from_slice(&halves), &on(1)).unwrap(), Scalar::Index(2));
    assert_eq!(reduce(Reduction::Argmin, &Array::from_slice(&halves[..2]), &on(1)).unwrap(), Scalar::Index(1));
    assert_eq!(reduce(Reduction::Sum, &Array::from_slice(&halves[..2]), &on(1)).unwrap(), Scalar::F64(-1.5));
}

#[test]
fn indices_along_axes() {
    let shapes: [&[usize]; 8] =
        [&[300, 4], &[300, 64], &[9000, 3], &[3, 9000], &[50, 700], &[9000, 60], &[7, 30, 20], &[4, 5000]];
    for shape in shapes {
        // Few values, so that extremes are there more than once.
        let x: Vec<i16> = words(6).take(shape.iter().product()).map(|word| (word % 50) as i16 - 20).collect();
        let a = Array::with_shape(&x, shape).unwrap();
        for axis in 0..shape.len() {
            let kept = result_shape(a.shape(), Some(&[axis as isize])).unwrap();
            let inner: usize = shape[axis + 1..].iter().product();
            let expected: Vec<i32> = (0..kept.size())
                .map(|k| {
                    let first = k / inner * inner * shape[axis] + k % inner;
                    let line = (0..shape[axis]).map(|i| x[first + i * inner]);
                    line.enumerate().max_by(|(i, x), (j, y)| x.cmp(y).then(j.cmp(i))).unwrap().0 as i32
                })
                .collect();
            for threads in 1..=3 {
                let axes = [axis as isize];
                let options = Options { axes: Some(&axes), ..on(threads) };
                let mut out = vec![0i32; kept.size()];
                let out_array = ArrayMut::with_shape(&mut out, &kept).unwrap();
                reduce_into(Reduction::Argmax, out_array, &a, &options).unwrap();
                assert_eq!(out, expected, "{shape:?} along {axis}");
            }
        }
    }
}

#[test]
fn masks_choose_the_elements() {
    let (rows, width) = (60, 90);
    let x = floats(7, rows * width);
    let mask: Vec<Bool> = words(8).take(rows * width).map(|word| Bool::from(word % 3 == 0)).collect();
    let a = Array::with_shape(&x, &[rows, width]).unwrap();
    let chosen = |of: &dyn Fn(usize, usize) -> bool| -> Vec<f64> {
        (0..rows * width).filter(|&i| of(i / width, i % width) && mask[i].get()).map(|i| x[i]).collect()
    };
    let mask_array = Array::with_shape(&mask, &[rows, width]).unwrap();
    let masked = Options { mask: Some(mask_array), ..on(2) };
    let all = chosen(&|_, _| true);
    let near = |x: f64, y: f64| assert!((x - y).abs() <= 1e-11 * y.abs().max(1.0), "{x} {y}");
    for op in [Reduction::Sum, Reduction::Mean, Reduction::Var, Reduction::Std, Reduction::Norm] {
        let got = f64_of(reduce(op, &a, &masked).unwrap());
        near(got, f64_of(reduce(op, &Array::from_slice(&all), &on(1)).unwrap()));
        for axis in [0, 1] {
            let axes = [axis as isize];
            let mut out = vec![0.0; [width, rows][axis]];
            let out_array = ArrayMut::from_slice(&mut out);
            reduce_into(op, out_array, &a, &Options { axes: Some(&axes), ..masked.clone() }).unwrap();
            for (k, &got) in out.iter().enumerate() {
                let of = chosen(&|i, j| [j, i][axis] == k);
                near(got, f64_of(reduce(op, &Array::from_slice(&of), &on(1)).unwrap()));
            }
        }
    }
    let count = reduce(Reduction::CountNonzero, &a, &masked).unwrap();
    assert_eq!(count, Scalar::Index(all.len()));
    assert!(reduce(Reduction::Max, &a, &masked).is_err());
    let initial = [-1e9];
    let initial = Array::with_shape(&initial, &[]).unwrap();
    let greatest = reduce(Reduction::Max, &a, &Options { initial: Some(initial), ..masked.clone() }).unwrap();
    assert_eq!(f64_of(greatest), all.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    // One row for all rows, of uint8.
    let row: Vec<u8> = (0..width).map(|i| (i % 2) as u8 * 5).collect();
    let masked = Options { mask: Some(Array::from_slice(&row)), ..on(1) };
    let odd: Vec<f64> = (0..rows * width).filter(|i| i % width % 2 == 1).map(|i| x[i]).collect();
    near(f64_of(reduce(Reduction::Sum, &a, &masked).unwrap()), odd.iter().sum());
}

#[test]
fn a_range_is_one_of_the_first_axis() {
    let x: Vec<i32> = (0..600).collect();
    let a = Array::with_shape(&x, &[20, 30]).unwrap();
    let part = Options { range: Some(5..9), ..on(1) };
    assert_eq!(reduce(Reduction::Sum, &a, &part).unwrap(), Scalar::I64((150..270).sum()));
    assert_eq!(dot(&a, &a, &part).unwrap(), Scalar::I64((150..270).map(|i| i * i).sum()));
    let mut out = [-1i64; 20];
    reduce_into(Reduction::Max, ArrayMut::from_slice(&mut out), &a, &Options { axes: Some(&[1]), ..part.clone() })
        .unwrap();
    let expected: Vec<i64> = (0..20).map(|i| if (5..9).contains(&i) { i * 30 + 29 } else { -1 }).collect();
    assert_eq!(out.to_vec(), expected);
    assert!(reduce(Reduction::Sum, &a, &Options { range: Some(5..21), ..on(1) }).is_err());
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_written() {
    let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let a = Array::with_shape(&x, &[2, 3]).unwrap();
    let mut out = [7.0; 3];
    let along = |axes: &'static [isize]| Options { axes: Some(axes), ..on(1) };
    let mut into = |op, options: &Options<'_>| reduce_into(op, ArrayMut::from_slice(&mut out), &a, options);
    assert!(into(Reduction::Sum, &along(&[1])).is_err());
    assert!(into(Reduction::Sum, &along(&[2])).is_err());
    assert!(into(Reduction::Sum, &along(&[-3])).is_err());
    assert!(into(Reduction::Sum, &along(&[0, -2])).is_err());
    assert!(into(Reduction::Argmin, &along(&[])).is_err());
    assert!(into(Reduction::Var, &Options { ddof: f64::NAN, ..along(&[0]) }).is_err());
    let initial = Array::from_slice(&x[..1]);
    assert!(into(Reduction::Sum, &Options { initial: Some(initial), ..along(&[0]) }).is_err());
    let mask = Array::from_slice(&x[..3]);
    assert!(into(Reduction::Sum, &Options { mask: Some(mask), ..along(&[0]) }).is_err());
    assert_eq!(out, [7.0; 3]);
    let mut narrow = [7i32; 3];
    assert!(reduce_into(Reduction::Sum, ArrayMut::from_slice(&mut narrow), &a, &along(&[0])).is_err());
    assert_eq!(narrow, [7; 3]);
    assert!(reduce(Reduction::Sum, &a, &along(&[0])).is_err());
    assert!(dot(&a, &Array::from_slice(&x), &on(1)).is_err());
    assert!(dot(&a, &Array::with_shape(&[0i32; 6], &[2, 3]).unwrap(), &on(1)).is_err());
    let mut same = x;
    let data = same.as_mut_ptr().cast();
    // SAFETY: six elements, which both may use: the kernel refuses.
    let (out, a) = unsafe {
        let out = ArrayMut::from_raw(data, DType::F64, &[3], &[1]).unwrap();
        (out, Array::from_raw(data, DType::F64, &[2, 3], &[3, 1]).unwrap())
    };
    assert!(reduce_into(Reduction::Sum, out, &a, &along(&[0])).is_err());
    assert_eq!(same, x);
}

fn any_of<T: Element>(elements: &[T], is: impl Fn(&T) -> bool) {
    for op in [Reduction::Any, Reduction::All, Reduction::CountNonzero] {
        for threads in 1..=2 {
            let got = reduce(op, &Array::from_slice(elements), &on(threads)).unwrap();
            let count = elements.iter().filter(|x| is(x)).count();
            assert_eq!(
                got,
                match op {
                    Reduction::Any => Scalar::Bool(count > 0),
                    Reduction::All => Scalar::Bool(count == elements.len()),
                    _ => Scalar::Index(count),
                }
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn truths_of_all_kinds(bytes in prop::collection::vec(0u8..3, 1..700), fill in 0u8..2, extra in 0usize..9000) {
        let bytes: Vec<u8> = bytes.into_iter().chain(std::iter::repeat_n(fill, extra)).collect();
        any_of(&bytes, |&x| x != 0);
        any_of(&bytes.iter().map(|&x| i64::from(x) << 40).collect::<Vec<_>>(), |&x| x != 0);
        any_of(&bytes.iter().map(|&x| if x == 2 { f32::NAN } else { -f32::from(x) }).collect::<Vec<_>>(), |&x| x != 0.0);
        any_of(&bytes.iter().map(|&x| Bool::from(x != 0)).collect::<Vec<_>>(), |x| x.get());
    }

    #[test]
    fn extremes_and_sums_of_integers(
        shape in prop::collection::vec(1usize..13, 1..5),
        axes in prop::collection::vec(any::<bool>(), 5),
        turn in any::<u64>(),
        seed in any::<u64>(),
        threads in 1usize..4,
    ) {
        let shape = Shape::new(&shape).unwrap();
        let x: Vec<i8> = words(seed).take(shape.size()).map(|word| word as i8).collect();
        let mut order: Vec<usize> = (0..shape.len()).collect();
        order.sort_by_key(|&axis| turn.rotate_left(axis as u32 * 7) % 97);
        let a = Array::with_shape(&x, &shape).unwrap().permute(&order).unwrap();
        let axes: Vec<isize> = (0..shape.len()).filter(|&axis| axes[axis]).map(|axis| axis as isize).collect();
        let kept = result_shape(a.shape(), Some(&axes)).unwrap();
        let mut sums = vec![0i64; kept.size()];
        let mut least = vec![i8::MAX; kept.size()];
        for i in 0..a.size() {
            // Along the axes of `a`, from the last one.
            let (mut rest, mut place, mut result, mut step) = (i, 0, 0, 1);
            for axis in (0..a.rank()).rev() {
                let index = rest % a.shape()[axis];
                rest /= a.shape()[axis];
                place += index as isize * a.strides()[axis];
                if !axes.contains(&(axis as isize)) {
                    result += index * step;
                    step *= a.shape()[axis];
                }
            }
            let element = x[place as usize];
            sums[result] += i64::from(element);
            least[result] = least[result].min(element);
        }
        let options = Options { axes: Some(&axes), ..on(threads) };
        let (mut got_sums, mut got_least) = (vec![0i64; kept.size()], vec![0i8; kept.size()]);
        reduce_into(Reduction::Sum, ArrayMut::with_shape(&mut got_sums, &kept).unwrap(), &a, &options).unwrap();
        reduce_into(Reduction::Min, ArrayMut::with_shape(&mut got_least, &kept).unwrap(), &a, &options).unwrap();
        prop_assert_eq!(got_sums, sums);
        prop_assert_eq!(got_least, least);
    }
}

/// A variance far smaller than the mean, in blocks of different means: as near as reading twice gets to it.
#[test]
fn variances_lose_nothing_to_large_means() {
    let n = 5 * BLOCK + 77;
    let offsets: Vec<i64> =
        words(3).take(n).enumerate().map(|(i, word)| (word % 64) as i64 + (i / 700) as i64).collect();
    let (total, of_squares) =
        offsets.iter().fold((0i128, 0i128), |(x, y), &o| (x + i128::from(o), y + i128::from(o) * i128::from(o)));
    let n2 = (n * n) as f64;
    let exact = (of_squares * n as i128 - total * total) as f64 / n2;
    for far in [0.0, 1e9, 1e12, -1e15] {
        let x: Vec<f64> = offsets.iter().map(|&o| far + o as f64).collect();
        let got = f64_of(reduce(Reduction::Var, &Array::from_slice(&x), &on(1)).unwrap());
        assert!((got - exact).abs() <= exact * 1e-13 + 0.25, "{got} {exact} at {far}");
        if far.abs() <= 1e12 {
            assert!((got - exact).abs() <= exact * 1e-10, "{got} {exact} at {far}");
        }
    }
}
