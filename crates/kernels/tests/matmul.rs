//! Products of matrices against the definition.

mod common;

use std::ops::Range;

use common::{threads, words};
use half::f16;
use proptest::prelude::*;
use tsdsm_kernels::matmul::{Matmul, matmul};
use tsdsm_kernels::{Array, ArrayMut, Bool, DType, Element, Error};

/// A matrix in a larger memory: element (i, j) is at `first + i * row + j * column`.
#[derive(Debug, Clone, Copy)]
struct Layout {
    first: usize,
    row: isize,
    column: isize,
    size: usize,
}

impl Layout {
    /// Rows one after the other, columns one after the other, or neither; backwards along the rows.
    fn new(rows: usize, columns: usize, kind: usize) -> Layout {
        let (m, n) = (rows as isize, columns as isize);
        let last = rows.saturating_sub(1);
        match kind {
            0 => Layout { first: 0, row: n, column: 1, size: rows * columns },
            1 => Layout { first: 0, row: 1, column: m, size: rows * columns },
            2 => Layout { first: 1, row: 3 * n + 2, column: 3, size: rows * (3 * columns + 2) + 1 },
            _ => Layout { first: last * columns, row: -n, column: 1, size: rows * columns },
        }
    }

    fn place(&self, i: usize, j: usize) -> usize {
        (self.first as isize + i as isize * self.row + j as isize * self.column) as usize
    }

    fn array<'a, T: Element>(&self, memory: &'a [T], shape: [usize; 2]) -> Array<'a> {
        let data = memory.as_ptr().wrapping_add(self.first).cast();
        // SAFETY: all places lie in the memory, which has `size` elements.
        unsafe { Array::from_raw(data, T::DTYPE, &shape, &[self.row, self.column]).unwrap() }
    }

    fn array_mut<'a, T: Element>(&self, memory: &'a mut [T], shape: [usize; 2]) -> ArrayMut<'a> {
        let data = memory.as_mut_ptr().wrapping_add(self.first).cast();
        // SAFETY: as above.
        unsafe { ArrayMut::from_raw(data, T::DTYPE, &shape, &[self.row, self.column]).unwrap() }
    }
}

/// The product of matrices of these lengths and layouts, in C order, and what was in the rest of the output.
fn product<T: Element>(
    [m, k, n]: [usize; 3],
    kinds: [usize; 3],
    a: impl Fn(usize, usize) -> T,
    b: impl Fn(usize, usize) -> T,
    rest: T,
    options: &Matmul<'_>,
) -> Vec<T> {
    let fill = |rows: usize, columns: usize, kind: usize, value: &dyn Fn(usize, usize) -> T| {
        let layout = Layout::new(rows, columns, kind);
        let mut memory = vec![rest; layout.size];
        for i in 0..rows {
            for j in 0..columns {
                memory[layout.place(i, j)] = value(i, j);
            }
        }
        (layout, memory)
    };
    let (layout_a, memory_a) = fill(m, k, kinds[0], &a);
    let (layout_b, memory_b) = fill(k, n, kinds[1], &b);
    let (layout_out, mut memory_out) = fill(m, n, kinds[2], &|_, _| rest);
    let (a, b) = (layout_a.array(&memory_a, [m, k]), layout_b.array(&memory_b, [k, n]));
    matmul(layout_out.array_mut(&mut memory_out, [m, n]), &a, &b, options).unwrap();
    (0..m * n).map(|i| memory_out[layout_out.place(i / n, i % n)]).collect()
}

/// A number of each type, and the sum of products of such numbers by the definition.
trait Sample: Element {
    fn sample(word: u64) -> Self;
    fn sum(products: impl Iterator<Item = (Self, Self)>) -> Self;
}

macro_rules! integers {
    ($($type:ty),*) => {
        $(impl Sample for $type {
            fn sample(word: u64) -> $type {
                word as $type
            }

            fn sum(products: impl Iterator<Item = ($type, $type)>) -> $type {
                products.fold(0, |sum, (a, b)| sum.wrapping_add(a.wrapping_mul(b)))
            }
        })*
    };
}

integers!(i8, u8, i16, u16, i32, u32, i64, u64);

// Small whole numbers, whose sums are exact in any order.
macro_rules! floats {
    ($($type:ty, $from:expr);*) => {
        $(impl Sample for $type {
            fn sample(word: u64) -> $type {
                $from((word % 5) as f32 - 2.0)
            }

            fn sum(products: impl Iterator<Item = ($type, $type)>) -> $type {
                $from(products.fold(0.0f32, |sum, (a, b)| sum + f32::from(a) * f32::from(b)))
            }
        })*
    };
}

floats!(f16, f16::from_f32; f32, f32::from);

impl Sample for f64 {
    fn sample(word: u64) -> f64 {
        (word % 5) as f64 - 2.0
    }

    fn sum(products: impl Iterator<Item = (f64, f64)>) -> f64 {
        products.fold(0.0, |sum, (a, b)| sum + a * b)
    }
}

impl Sample for Bool {
    fn sample(word: u64) -> Bool {
        Bool::from(word.is_multiple_of(3))
    }

    fn sum(products: impl Iterator<Item = (Bool, Bool)>) -> Bool {
        Bool::from(products.fold(false, |sum, (a, b)| sum || a.get() && b.get()))
    }
}

fn check<T: Sample>(lengths: [usize; 3], kinds: [usize; 3], seed: u64) {
    let [m, k, n] = lengths;
    let numbers: Vec<T> = words(seed).map(T::sample).take((m * k + k * n + 1).max(1)).collect();
    let a = |i: usize, j: usize| numbers[i * k + j];
    let b = |i: usize, j: usize| numbers[m * k + i * n + j];
    let out = product(lengths, kinds, a, b, numbers[0], &Matmul::default());
    for i in 0..m {
        for j in 0..n {
            let expected = T::sum((0..k).map(|k| (a(i, k), b(k, j))));
            assert_eq!(out[i * n + j], expected, "{} ({i}, {j}) of {lengths:?} {kinds:?}", T::DTYPE);
        }
    }
}

macro_rules! check_all {
    ($($arguments:expr),*) => {
        check_all!(@ [Bool i8 u8 i16 u16 i32 u32 i64 u64 f16 f32 f64] $($arguments),*)
    };
    (@ [$($type:ty)*] $lengths:expr, $kinds:expr, $seed:expr) => { $(check::<$type>($lengths, $kinds, $seed);)* };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_product_of_any_type_shape_and_strides_is_the_sum_of_products(
        lengths in prop::array::uniform3(0usize..40),
        kinds in prop::array::uniform3(0usize..4),
        seed: u64,
    ) {
        check_all!(lengths, kinds, seed);
    }

    #[test]
    fn vectors_and_few_rows_are_right_at_every_length(
        which in 0usize..3,
        length in 0usize..70,
        other in 0usize..5,
        kinds in prop::array::uniform3(0usize..4),
        seed: u64,
    ) {
        let mut lengths = [length, length / 2 + other, length + 1];
        lengths[which] = other;
        check_all!(lengths, kinds, seed);
    }
}

#[test]
fn a_product_goes_on_over_every_block() {
    for lengths in
        [[9, 800, 50], [2060, 3, 7], [5, 3, 2100], [1, 9000, 5], [5, 9000, 1], [1, 17_000, 1], [3, 700, 1200]]
    {
        check::<f64>(lengths, [0, 0, 0], 1);
        check::<i32>(lengths, [1, 0, 1], 2);
        check::<u8>(lengths, [0, 1, 0], 3);
        check::<f16>([lengths[0], lengths[1].min(500), lengths[2]], [0, 0, 2], 4);
    }
}

/// Numbers whose sums depend on their order.
fn rough(seed: u64) -> impl Fn(usize, usize) -> f64 {
    move |i, j| words(seed ^ (i as u64) << 32 ^ j as u64).next().unwrap() as f64 / 2f64.powi(64) - 0.3
}

fn assert_same(numbers: &[f64], expected: impl IntoIterator<Item = f64>, what: &str) {
    for (i, (number, expected)) in numbers.iter().zip(expected).enumerate() {
        assert_eq!(number.to_bits(), expected.to_bits(), "number {i} of {what}");
    }
}

#[test]
fn no_result_depends_on_threads_ranges_rows_or_the_layout_of_the_output() {
    let shapes = [[40, 500, 30], [200, 300, 150], [3000, 400, 1], [1, 400, 3000], [2, 50_000, 1], [1, 70_000, 1]];
    for lengths in shapes {
        let [m, _, n] = lengths;
        let (a, b) = (rough(1), rough(2));
        for kinds in [[0, 0, 0], [1, 0, 0], [0, 1, 0], [2, 2, 0]] {
            let all = product(lengths, kinds, &a, &b, 0.0, &Matmul::default());
            for count in [2, 3, 5] {
                let options = Matmul { threads: threads(count).threads, ..Matmul::default() };
                let shared = product(lengths, kinds, &a, &b, 0.0, &options);
                assert_same(&shared, all.iter().copied(), &format!("{lengths:?} on {count} threads"));
            }
            let turned = product(lengths, [kinds[0], kinds[1], 1], &a, &b, 0.0, &Matmul::default());
            assert_same(&turned, all.iter().copied(), &format!("{lengths:?} {kinds:?}"));
            let inner = m / 3..m.min(m / 3 + 2);
            for range in [0..m / 2, inner, 0..1, m..m] {
                let options = Matmul { range: Some(range.clone()), ..Matmul::default() };
                let part = product(lengths, kinds, &a, &b, 7.0, &options);
                let expected = (0..m * n).map(|i| if range.contains(&(i / n)) { all[i] } else { 7.0 });
                assert_same(&part, expected, &format!("{lengths:?} {kinds:?} {range:?}"));
            }
            for step in [1, 2, 7] {
                let list: Vec<i64> =
                    (0..m as i64).rev().step_by(step).map(|i| if i % 2 == 0 { i } else { i - m as i64 }).collect();
                let rows = Array::from_slice(&list);
                let options = Matmul { rows: Some(rows), threads: threads(2).threads, ..Matmul::default() };
                let part = product(lengths, kinds, &a, &b, 7.0, &options);
                let expected = (0..m * n).map(|i| if (m - 1 - i / n) % step == 0 { all[i] } else { 7.0 });
                assert_same(&part, expected, &format!("{lengths:?} {kinds:?} step {step}"));
            }
        }
    }
}

#[test]
fn a_product_is_as_exact_as_its_sums_can_be() {
    for lengths in [[17, 1000, 9], [1, 30_000, 1], [3, 20_000, 1], [1, 3000, 9]] {
        let (a, b) = (rough(5), rough(6));
        let out = product(lengths, [0, 0, 0], &a, &b, 0.0, &Matmul::default());
        let [m, length, n] = lengths;
        for (i, sum) in out.iter().enumerate().take(m * n) {
            let products = || (0..length).map(|k| a(i / n, k) * b(k, i % n));
            let (exact, size): (f64, f64) = (products().sum(), products().map(f64::abs).sum());
            assert!((sum - exact).abs() <= size * 1e-14, "{sum} for {exact} of {lengths:?}");
        }
    }
}

#[test]
fn what_is_not_a_number_comes_out_where_it_went_in() {
    for (m, n) in [(9, 30), (1, 30), (9, 1), (2, 30)] {
        let a = |i: usize, k: usize| if (i, k) == (0, 3) { f64::NAN } else { 1.0 };
        let b = |k: usize, j: usize| if (k, j) == (4, n - 1) { f64::INFINITY } else { 0.5 };
        let out = product([m, 20, n], [0, 0, 0], a, b, f64::NAN, &Matmul::default());
        for (i, &sum) in out.iter().enumerate() {
            match (i / n, i % n) {
                (0, _) => assert!(sum.is_nan()),
                (_, j) if j == n - 1 => assert_eq!(sum, f64::INFINITY),
                _ => assert_eq!(sum, 10.0),
            }
        }
    }
}

fn run(out: &mut [f64], shape: &[usize], a: (&[f64], &[usize]), b: (&[f64], &[usize])) -> tsdsm_kernels::Result<()> {
    let out = ArrayMut::with_shape(out, shape)?;
    let [a, b] = [a, b].map(|(data, shape)| Array::with_shape(data, shape).unwrap());
    matmul(out, &a, &b, &Matmul::default())
}

#[test]
fn vectors_and_stacks_have_the_shapes_that_numpy_gives_them() {
    let a: Vec<f64> = (0..24).map(f64::from).collect();
    let mut number = [9.0];
    run(&mut number, &[], (&a[..3], &[3]), (&a[3..6], &[3])).unwrap();
    assert_eq!(number, [14.0]);
    let mut vector = [9.0; 2];
    run(&mut vector, &[2], (&a[..3], &[3]), (&a[..6], &[3, 2])).unwrap();
    assert_eq!(vector, [10.0, 13.0]);
    run(&mut vector, &[2], (&a[..6], &[2, 3]), (&a[..3], &[3])).unwrap();
    assert_eq!(vector, [5.0, 14.0]);
    // Two matrices by one, by a vector, and a stack against a stack of other axes.
    let mut stack = [0.0; 8];
    run(&mut stack, &[2, 2, 2], (&a[..12], &[2, 2, 3]), (&a[..6], &[3, 2])).unwrap();
    assert_eq!(stack, [10.0, 13.0, 28.0, 40.0, 46.0, 67.0, 64.0, 94.0]);
    let mut vectors = [0.0; 4];
    run(&mut vectors, &[2, 2], (&a[..12], &[2, 2, 3]), (&a[..3], &[3])).unwrap();
    assert_eq!(vectors, [5.0, 14.0, 23.0, 32.0]);
    let mut wide = [0.0; 6];
    run(&mut wide, &[2, 3, 1, 1], (&a[..4], &[2, 1, 1, 2]), (&a[..6], &[3, 2, 1])).unwrap();
    assert_eq!(wide, [1.0, 3.0, 5.0, 3.0, 13.0, 23.0]);
    let mut empty = [9.0; 4];
    run(&mut empty, &[2, 2], (&[], &[2, 0]), (&[], &[0, 2])).unwrap();
    assert_eq!(empty, [0.0; 4]);
}

#[test]
fn a_range_lies_in_the_first_axis_of_the_output() {
    let a: Vec<f64> = (0..60).map(f64::from).collect();
    let part = |shape: &[usize], a: Array<'_>, b: Array<'_>, range: Range<usize>| {
        let mut out = vec![-1.0; shape.iter().product()];
        let options = Matmul { range: Some(range), ..Matmul::default() };
        matmul(ArrayMut::with_shape(&mut out, shape).unwrap(), &a, &b, &options).map(|()| out)
    };
    let array = |from: usize, shape: &[usize]| {
        Array::with_shape(&a[from..from + shape.iter().product::<usize>()], shape).unwrap()
    };
    // Columns of a matrix behind a vector, and matrices of a stack.
    assert_eq!(part(&[4], array(0, &[2]), array(0, &[2, 4]), 1..3).unwrap(), [-1.0, 5.0, 6.0, -1.0]);
    assert_eq!(part(&[3, 1, 1], array(0, &[3, 1, 2]), array(1, &[2, 1]), 1..2).unwrap(), [-1.0, 8.0, -1.0]);
    assert!(part(&[], array(0, &[2]), array(0, &[2]), 0..1).is_err());
    assert!(part(&[4], array(0, &[2]), array(0, &[2, 4]), 1..5).is_err());
}

#[test]
fn sums_are_cast_to_the_type_of_the_output() {
    let a = [3.0f32, 0.1, -2.5, 7.0];
    let mut wide = [0.0f64; 4];
    let mut exact = [0.0f32; 4];
    let operand = Array::with_shape(&a, &[2, 2]).unwrap();
    matmul(ArrayMut::with_shape(&mut wide, &[2, 2]).unwrap(), &operand, &operand, &Matmul::default()).unwrap();
    matmul(ArrayMut::with_shape(&mut exact, &[2, 2]).unwrap(), &operand, &operand, &Matmul::default()).unwrap();
    assert_eq!(wide, exact.map(f64::from));

    let b = [-3i8, 100, 7, 9];
    let operand = Array::with_shape(&b, &[2, 2]).unwrap();
    let mut numbers = [1i64; 4];
    let rows = [1u8];
    let options = Matmul { rows: Some(Array::from_slice(&rows)), ..Matmul::default() };
    matmul(ArrayMut::with_shape(&mut numbers, &[2, 2]).unwrap(), &operand, &operand, &options).unwrap();
    assert_eq!(numbers, [1, 1, 42, i64::from((781i32) as i8)]);

    // Summed up in float32: 2048 + 1 + 1 is 2050, and 2048 + 1 is 2048 in float16.
    let c = [2048.0, 1.0, 1.0].map(f16::from_f32);
    let ones = [f16::ONE; 3];
    let mut half = [f16::ZERO];
    let mut wide = [0.0f32];
    matmul(
        ArrayMut::with_shape(&mut half, &[]).unwrap(),
        &Array::from_slice(&c),
        &Array::from_slice(&ones),
        &Matmul::default(),
    )
    .unwrap();
    assert_eq!(half[0].to_f32(), 2050.0);
    let odd = [f16::from_f32(2048.0), f16::ONE, f16::ZERO];
    matmul(
        ArrayMut::with_shape(&mut wide, &[]).unwrap(),
        &Array::from_slice(&odd),
        &Array::from_slice(&ones),
        &Matmul::default(),
    )
    .unwrap();
    assert_eq!(wide, [2048.0], "a sum of float16 is a float16");
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_written() {
    let a = [1.0f64; 12];
    let whole = [1i32; 12];
    let array = |shape: &[usize]| Array::with_shape(&a[..shape.iter().product()], shape).unwrap();
    let integers = |shape: &[usize]| Array::with_shape(&whole[..shape.iter().product()], shape).unwrap();
    let mut out = [5.0f64; 12];
    let mut refused = |shape: &[usize], a: Array<'_>, b: Array<'_>, options: &Matmul<'_>| {
        let size = shape.iter().product();
        let out = ArrayMut::with_shape(&mut out[..size], shape).unwrap();
        match matmul(out, &a, &b, options) {
            Err(Error::InvalidArgument(message)) => message,
            other => panic!("{other:?} for {a:?} and {b:?}"),
        }
    };
    let plain = Matmul::default();
    refused(&[2, 2], array(&[2, 3]), array(&[2, 2]), &plain);
    refused(&[2, 3], array(&[2, 3]), array(&[3, 2]), &plain);
    refused(&[2], array(&[2, 3]), array(&[3, 2]), &plain);
    refused(&[1, 2], array(&[3]), array(&[3, 2]), &plain);
    refused(&[], array(&[]), array(&[]), &plain);
    refused(&[1], array(&[1]), array(&[]), &plain);
    refused(&[2, 1, 1], array(&[2, 1, 1]), array(&[3, 1, 1]), &plain);
    refused(&[2, 2], array(&[2, 3]), integers(&[3, 2]), &plain);
    let rows = |list| Matmul { rows: Some(Array::from_slice(list)), ..Matmul::default() };
    for list in [&[0i64, 2][..], &[-3], &[0, 0], &[1, -1]] {
        refused(&[2, 2], array(&[2, 3]), array(&[3, 2]), &rows(list));
    }
    refused(&[2, 2], array(&[2, 3]), array(&[3, 2]), &Matmul { range: Some(0..1), ..rows(&[0]) });
    refused(
        &[2, 2],
        array(&[2, 3]),
        array(&[3, 2]),
        &Matmul { rows: Some(Array::from_slice(&[0.0])), ..Matmul::default() },
    );
    refused(&[2], array(&[3]), array(&[3, 2]), &rows(&[0]));
    refused(&[2, 2], array(&[2, 3]), array(&[3, 2]), &Matmul { rows: Some(integers(&[1, 1])), ..Matmul::default() });
    // A list, and matrices, far longer than their memory.
    let long = 1 << 50;
    // SAFETY: all elements are the first one.
    let (list, tall) = unsafe {
        (
            Array::from_raw(whole.as_ptr().cast(), DType::I32, &[long], &[0]).unwrap(),
            Array::from_raw(a.as_ptr().cast(), DType::F64, &[long, 0], &[0, 1]).unwrap(),
        )
    };
    refused(&[2, 2], array(&[2, 3]), array(&[3, 2]), &Matmul { rows: Some(list), ..Matmul::default() });
    refused(&[2, 2], tall, array(&[0, 2]), &rows(&[0]));
    refused(&[long, 0], tall, array(&[0, 0]), &Matmul { rows: Some(list), ..Matmul::default() });
    #[expect(clippy::reversed_empty_ranges, reason = "it is to be refused")]
    for range in [0..3, 2..1, 3..3] {
        refused(&[2, 2], array(&[2, 3]), array(&[3, 2]), &Matmul { range: Some(range), ..Matmul::default() });
    }
    assert_eq!(out, [5.0; 12]);

    let mut narrow = [5i32; 4];
    assert!(
        matmul(ArrayMut::with_shape(&mut narrow, &[2, 2]).unwrap(), &array(&[2, 3]), &array(&[3, 2]), &plain).is_err()
    );

    // The left half of a matrix of 2 by 4 may be made from its right half, but not from what it overlaps.
    let mut memory = [1.0, 1.0, 2.0, 3.0, 1.0, 1.0, 4.0, 5.0];
    let data: *mut u8 = memory.as_mut_ptr().cast();
    // SAFETY: within the memory, which nothing else uses meanwhile.
    let view = |skip: usize| unsafe { ArrayMut::from_raw(data.add(8 * skip), DType::F64, &[2, 2], &[4, 1]).unwrap() };
    assert!(matmul(view(0), &view(1), &view(2), &plain).is_err());
    assert!(matmul(view(0), &view(2), &view(0), &plain).is_err());
    matmul(view(0), &view(2), &view(2), &plain).unwrap();
    assert_eq!(memory, [16.0, 21.0, 2.0, 3.0, 28.0, 37.0, 4.0, 5.0]);
}
