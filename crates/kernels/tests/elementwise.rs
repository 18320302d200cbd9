//! How kernels over elements go through arrays: strides, broadcasting, masks, ranges, threads, in place; and what they refuse.

mod support;

use proptest::prelude::*;
use std::num::NonZeroUsize;
use support::{Memory, Value};
use tsdsm_kernels::dtype::Kind;
use tsdsm_kernels::elementwise::{
    Binary, Elementwise, Unary, axpy, binary, cast, clip, copy, fill, fma, select, unary,
};
use tsdsm_kernels::{Array, ArrayMut, DType, Error, Result, Threads};

/// A view of memory that is large enough for it: steps along the axes, in an order of its own, some of them reversed.
#[derive(Debug, Clone)]
struct View {
    shape: Vec<usize>,
    strides: Vec<isize>,
    first: usize,
    size: usize,
}

impl View {
    /// Axes are laid out from the last of `order` on, each `gaps` times as far as needed.
    fn new(shape: &[usize], order: &[usize], gaps: &[isize]) -> View {
        let mut strides = vec![0; shape.len()];
        let (mut step, mut first) = (1usize, 0usize);
        for &axis in order.iter().rev() {
            let gap = gaps[axis];
            let stride = step * gap.unsigned_abs().max(1);
            strides[axis] = if gap < 0 { -(stride as isize) } else { stride as isize };
            if gap < 0 {
                first += stride * shape[axis].saturating_sub(1);
            }
            step = stride * shape[axis].max(1);
        }
        View { shape: shape.to_vec(), strides, first, size: step }
    }

    fn offset(&self, index: &[usize]) -> usize {
        let missing = index.len() - self.shape.len();
        let inner = (0..self.shape.len()).map(|axis| {
            let i = if self.shape[axis] == 1 { 0 } else { index[missing + axis] };
            i as isize * self.strides[axis]
        });
        (self.first as isize + inner.sum::<isize>()) as usize
    }
}

fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    shape.iter().fold(vec![vec![]], |all, &length| {
        all.iter().flat_map(|head| (0..length).map(move |i| [head.as_slice(), &[i]].concat())).collect()
    })
}

fn shapes() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        prop::collection::vec(0usize..5, 0..6),
        prop::collection::vec(1usize..4, 7..9),
        (1usize..4, 60usize..1100).prop_map(|(a, b)| vec![a, b]),
        (60usize..1100, 1usize..4).prop_map(|(a, b)| vec![a, b]),
    ]
}

/// A view of a shape.
fn views(shape: Vec<usize>) -> impl Strategy<Value = View> {
    let rank = shape.len();
    let order = Just((0..rank).collect::<Vec<_>>()).prop_shuffle();
    let sorted = Just((0..rank).collect::<Vec<_>>());
    let gaps = prop_oneof![
        Just(vec![1isize; rank]),
        prop::collection::vec(prop_oneof![Just(1), Just(2), Just(-1), Just(-3)], rank)
    ];
    (prop_oneof![order, sorted], gaps).prop_map(move |(order, gaps)| View::new(&shape, &order, &gaps))
}

/// A view that is broadcast to a shape: leading axes missing, some of length 1.
fn narrow_views(shape: Vec<usize>) -> impl Strategy<Value = View> {
    let rank = shape.len();
    (0..=rank, prop::collection::vec(prop::bool::weighted(0.2), rank)).prop_flat_map(move |(missing, ones)| {
        let missing = if missing % 3 == 0 { missing } else { 0 };
        views((missing..rank).map(|axis| if ones[axis] { 1 } else { shape[axis] }).collect())
    })
}

#[derive(Debug, Clone)]
struct Case {
    out: View,
    inputs: [View; 3],
    mask: Option<View>,
    range: Option<(usize, usize)>,
    from: DType,
    to: DType,
}

fn cases() -> impl Strategy<Value = Case> {
    let dtypes = prop::sample::select(DType::ALL.to_vec());
    shapes().prop_flat_map(move |shape| {
        let length = shape.first().copied();
        let range = (0.0..1.0, 0.0..1.0, any::<bool>()).prop_map(move |(a, b, whole): (f64, f64, bool)| {
            let start = (a * (length? + 1) as f64) as usize;
            (!whole).then_some((start, start + (b * (length? - start + 1) as f64) as usize))
        });
        let input = || narrow_views(shape.clone());
        let mask = prop::option::of(narrow_views(shape.clone()));
        (views(shape.clone()), [input(), input(), input()], mask, range, dtypes.clone(), dtypes.clone())
            .prop_map(|(out, inputs, mask, range, from, to)| Case { out, inputs, mask, range, from, to })
    })
}

fn number(dtype: DType, i: usize) -> Value {
    let small = (i * 7919 % 97) as i32 - if dtype.kind() >= Kind::Signed { 48 } else { 0 };
    match dtype.kind() {
        Kind::Bool => Value::Int(i128::from(small & 1)),
        Kind::Float => Value::Float(f64::from(small) / 4.0),
        _ => Value::Int(i128::from(small)),
    }
}

fn memory(dtype: DType, size: usize, seed: usize) -> Memory {
    Memory::new(dtype, &(0..size).map(|i| number(dtype, i + seed)).collect::<Vec<_>>())
}

fn of<'a>(memory: &'a Memory, view: &View) -> Array<'a> {
    memory.view(view.first, &view.shape, &view.strides)
}

type Kernel = dyn Fn(ArrayMut<'_>, [&Array<'_>; 3], &Elementwise<'_>) -> Result<()>;

/// Compares what a kernel over up to three inputs does with one element at a time. The same kernel on arrays of one element
/// is the measure; what it does with that is tested elsewhere.
fn check(case: &Case, kernel: &Kernel) {
    let memories = [1, 2, 3].map(|k| memory(case.from, case.inputs[k - 1].size, 100 * k));
    let inputs: [_; 3] = std::array::from_fn(|k| of(&memories[k], &case.inputs[k]));
    let mask = case.mask.as_ref().map(|view| (memory(DType::Bool, view.size, 5), view));
    let mut out = memory(case.to, case.out.size, 55);
    let mut expected = out.clone();
    for index in indices(&case.out.shape) {
        let masked = mask.as_ref().is_some_and(|(memory, view)| !memory.get(view.offset(&index)).is_true());
        let outside = case.range.is_some_and(|(start, end)| index[0] < start || index[0] >= end);
        if masked || outside {
            continue;
        }
        let one = |k: usize| memories[k].view(case.inputs[k].offset(&index), &[], &[]);
        let at = expected.view_mut(case.out.offset(&index), &[], &[]);
        kernel(at, [&one(0), &one(1), &one(2)], &Elementwise::default()).unwrap();
    }
    let options = Elementwise {
        mask: mask.as_ref().map(|(memory, view)| of(memory, view)),
        range: case.range.map(|(start, end)| start..end),
        ..Elementwise::default()
    };
    let target = out.view_mut(case.out.first, &case.out.shape, &case.out.strides);
    kernel(target, [&inputs[0], &inputs[1], &inputs[2]], &options).unwrap();
    for (i, (got, want)) in out.values(case.out.size).into_iter().zip(expected.values(case.out.size)).enumerate() {
        assert!(got.is_same(want), "place {i}: {got:?}, not {want:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn casts_of_any_views(case in cases()) {
        check(&case, &|out, [a, ..], options| cast(out, a, options));
    }

    #[test]
    fn sums_of_any_views(case in cases()) {
        if case.from.can_store_into(case.to) {
            check(&case, &|out, [a, b, _], options| binary(Binary::Add, out, a, b, options));
        }
        check(&Case { to: case.from, ..case }, &|out, [a, b, _], options| binary(Binary::Add, out, a, b, options));
    }

    #[test]
    fn products_and_sums_of_any_views(case in cases()) {
        prop_assume!(case.from != DType::Bool);
        check(&Case { to: case.from, ..case }, &|out, [a, b, c], options| fma(out, a, b, c, options));
    }

    #[test]
    fn in_place_of_any_view(case in cases()) {
        prop_assume!(case.from != DType::Bool);
        let mut out = memory(case.from, case.out.size, 1);
        let mut expected = memory(case.from, case.out.size, 1);
        let before = memory(case.from, case.out.size, 1);
        let View { first, shape, strides, .. } = &case.out;
        let none = Elementwise::default();
        unary(Unary::Square, expected.view_mut(*first, shape, strides), &of(&before, &case.out), &none).unwrap();
        let (target, source) = out.both(*first, shape, strides);
        unary(Unary::Square, target, &source, &none).unwrap();
        for (got, want) in out.values(case.out.size).into_iter().zip(expected.values(case.out.size)) {
            prop_assert!(got.is_same(want));
        }
    }

    #[test]
    fn overlap_is_exact(
        shape_a in prop::collection::vec(1usize..5, 0..4), shape_b in prop::collection::vec(1usize..5, 0..4),
        strides in prop::collection::vec(-7isize..8, 8), shift in -20isize..20, wide in any::<bool>(),
    ) {
        use tsdsm_kernels::overlap::{may_overlap, overlaps_itself};
        let mut words = [0u64; 512];
        let middle = words.as_mut_ptr().wrapping_add(200).cast::<u8>();
        let other = if wide { DType::U16 } else { DType::U64 };
        let (size_a, size_b) = (8isize, other.size() as isize);
        let strides_a = &strides[..shape_a.len()];
        let strides_b = &strides[4..4 + shape_b.len()];
        // SAFETY: 4 axes of at most 5 elements, 7 apart, lie within 140 elements either way.
        let (a, b) = unsafe { (
            Array::from_raw(middle, DType::F64, &shape_a, strides_a).unwrap(),
            Array::from_raw(middle.offset(shift * size_b), other, &shape_b, strides_b).unwrap(),
        ) };
        let places = |shape: &[usize], strides: &[isize], size: isize, from: isize| -> Vec<isize> {
            let sum = |i: &Vec<usize>| i.iter().zip(strides).map(|(i, s)| *i as isize * s).sum::<isize>();
            indices(shape).iter().map(|i| from + sum(i) * size).collect()
        };
        let in_a = places(&shape_a, strides_a, size_a, 0);
        let in_b = places(&shape_b, strides_b, size_b, shift * size_b);
        let meet = in_a.iter().any(|x| in_b.iter().any(|y| x < &(y + size_b) && y < &(x + size_a)));
        prop_assert_eq!(may_overlap(&a, &b), meet);
        prop_assert_eq!(may_overlap(&b, &a), meet);
        let mut distinct = in_a.clone();
        distinct.sort_unstable();
        distinct.dedup();
        prop_assert_eq!(overlaps_itself(&a), distinct.len() < in_a.len());
    }
}

#[test]
fn results_of_every_type_are_converted_to_every_other_however_many_they_are() {
    // More elements than a block of any type has, contiguous everywhere: what lies between two loops must not outgrow it.
    // The measure are the same elements, a few at a time.
    let (count, few) = (5000, 50);
    for (from, to) in DType::ALL.iter().flat_map(|&from| DType::ALL.map(|to| (from, to))) {
        let (a, b) = (memory(from, count, 100), memory(from, count, 200));
        let kernels: [&Kernel; 2] = [&|out, [a, ..], options| cast(out, a, options), &|out, [a, b, _], options| {
            binary(Binary::Add, out, a, b, options)
        }];
        for kernel in &kernels[..1 + usize::from(from.can_store_into(to))] {
            let (mut whole, mut pieces) = (memory(to, count, 0), memory(to, count, 0));
            let run = |out: &mut Memory, start: usize, len: usize| {
                let [a, b] = [&a, &b].map(|memory| memory.view(start, &[len], &[1]));
                kernel(out.view_mut(start, &[len], &[1]), [&a, &b, &a], &Elementwise::default()).unwrap();
            };
            run(&mut whole, 0, count);
            (0..count).step_by(few).for_each(|start| run(&mut pieces, start, few));
            assert!(
                whole.values(count).into_iter().zip(pieces.values(count)).all(|(a, b)| a.is_same(b)),
                "{from} {to}"
            );
        }
    }
}

#[test]
fn no_result_depends_on_the_number_of_threads() {
    // More elements than one thread would keep for itself, in rows that do not divide them.
    let (rows, columns) = (1001, 301);
    let a: Vec<f32> = (0..rows * columns).map(|i| i as f32).collect();
    let b: Vec<f32> = (0..rows * columns).map(|i| (i % 1000) as f32).collect();
    let mask: Vec<u8> = (0..columns).map(|i| (i % 7 != 0) as u8).collect();
    let x = Array::with_shape(&a, &[columns, rows]).unwrap().permute(&[1, 0]).unwrap();
    let y = Array::with_shape(&b, &[rows, columns]).unwrap();
    for range in [None, Some(3..1000)] {
        let [one, two, three] = [1, 2, 3].map(|count| {
            let mut out = vec![0f32; rows * columns];
            let options = Elementwise {
                threads: Threads::new(NonZeroUsize::new(count).unwrap()),
                range: range.clone(),
                mask: Some(Array::from_slice(&mask)),
            };
            let target = ArrayMut::with_shape(&mut out, &[rows, columns]).unwrap();
            binary(Binary::Subtract, target, &x, &y, &options).unwrap();
            out
        });
        assert!(one == two && one == three);
        assert_eq!(one[10 * columns + 1], a[rows + 10] - b[10 * columns + 1]);
    }
}

#[test]
fn what_is_larger_than_the_caches_is_right_too() {
    // 96 MB are more than most last caches; where not, this is one more size. The places begin anywhere in a line.
    let count = 4 << 20;
    let a: Vec<f64> = (0..count + 9).map(|i| i as f64).collect();
    let mut out = vec![-1f64; count + 9];
    for first in [0, 3] {
        for threads in 1..3 {
            out.fill(-1.0);
            let threads = Threads::new(NonZeroUsize::new(threads).unwrap());
            let options = Elementwise { threads, ..Elementwise::default() };
            let x = Array::from_slice(&a[1..count + 1]);
            let y = Array::from_slice(&a[..count]);
            let target = ArrayMut::from_slice(&mut out[first..first + count]);
            binary(Binary::Add, target, &x, &y, &options).unwrap();
            assert!(out[first..first + count].iter().enumerate().all(|(i, x)| *x == (2 * i + 1) as f64));
            assert!(out[..first].iter().chain(&out[first + count..]).all(|x| *x == -1.0));
            copy(ArrayMut::from_slice(&mut out[first..first + count]), &x, &options).unwrap();
            assert!(out[first..first + count].iter().enumerate().all(|(i, x)| *x == (i + 1) as f64));
            fill(
                ArrayMut::from_slice(&mut out[first..first + count]),
                &Array::with_shape(&[7.5], &[]).unwrap(),
                &options,
            )
            .unwrap();
            assert!(out[first..first + count].iter().all(|x| *x == 7.5));
            assert!(out[..first].iter().chain(&out[first + count..]).all(|x| *x == -1.0));
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_written() {
    let none = Elementwise::default();
    let (ints, floats, bytes) = ([1i32; 6], [1f32; 6], [1u8; 6]);
    let (i, f, u) = (Array::from_slice(&ints), Array::from_slice(&floats), Array::from_slice(&bytes));
    let two_rows = Array::with_shape(&ints, &[2, 3]).unwrap();
    let mut memory = [7i32; 6];
    let mut attempt = |result: &dyn Fn(ArrayMut<'_>) -> Result<()>, says: &str| {
        let error = result(ArrayMut::from_slice(&mut memory)).unwrap_err();
        assert!(matches!(&error, Error::InvalidArgument(message) if message.contains(says)), "{error}, not {says}");
        assert_eq!(memory, [7; 6]);
    };
    attempt(&|out| binary(Binary::Add, out, &i, &f, &none), "has to be cast");
    attempt(&|out| binary(Binary::Add, out, &f, &f, &none), "cannot be stored");
    attempt(&|out| binary(Binary::Divide, out, &i, &i, &none), "cannot be stored");
    attempt(&|out| binary(Binary::LeftShift, out, &f, &f, &none), "not defined");
    attempt(&|out| unary(Unary::Sqrt, out, &i, &none), "cannot be stored");
    attempt(&|out| unary(Unary::Invert, out, &f, &none), "not defined");
    attempt(&|out| fma(out, &i, &i, &f, &none), "has to be cast");
    attempt(&|out| clip(out, &f, &f, &f, &none), "cannot be stored");
    attempt(&|out| axpy(out, &f, &i, &none), "has to be cast");
    attempt(&|out| select(out, &u, &i, &f, &none), "has to be cast");
    attempt(&|out| select(out, &u, &f, &f, &none), "cannot be stored");
    attempt(&|out| copy(out, &f, &none), "cannot be stored");
    attempt(&|out| copy(out, &two_rows, &none), "does not broadcast");
    attempt(&|out| cast(out, &f.slice(0, 0..4).unwrap(), &none), "does not broadcast");
    attempt(&|out| fill(out, &two_rows, &none), "does not broadcast");
    let range = Elementwise { range: Some(3..7), ..Elementwise::default() };
    attempt(&|out| copy(out, &i, &range), "range");
    let wrong_type = Elementwise { mask: Some(i), ..Elementwise::default() };
    attempt(&|out| copy(out, &i, &wrong_type), "mask");
    let wrong_shape = Elementwise { mask: Some(u.slice(0, 0..2).unwrap()), ..Elementwise::default() };
    attempt(&|out| copy(out, &i, &wrong_shape), "does not broadcast");
}

#[test]
fn other_overlap_than_in_place_is_refused() {
    let none = Elementwise::default();
    let mut memory = Memory::new(DType::I32, &[Value::Int(1); 64]);
    let (_, from) = memory.both(1, &[8], &[1]);
    let (to, _) = memory.both(0, &[8], &[1]);
    assert!(copy(to, &from, &none).is_err());
    let (to, _) = memory.both(0, &[8], &[0]);
    assert!(fill(to, &Array::with_shape(&[1i32], &[]).unwrap(), &none).is_err(), "places more than once in the output");
    let (_, reversed) = memory.both(7, &[8], &[-1]);
    let (to, _) = memory.both(0, &[8], &[1]);
    assert!(copy(to, &reversed, &none).is_err());
    // Columns of one matrix share no element.
    let (_, column) = memory.both(1, &[8], &[8]);
    let (to, _) = memory.both(0, &[8], &[8]);
    copy(to, &column, &none).unwrap();
}

#[test]
fn contiguous_arrays_side_by_side_are_apart_and_those_that_share_an_element_are_not() {
    // Some are small enough to be done without a plan, and one is just not.
    for len in [1, 7, 1000, 16 << 10, (16 << 10) + 1] {
        let numbers: Vec<f64> = (0..3 * len).map(|i| i as f64 / 4.0).collect();
        let sums = |out: usize, a: usize, b: usize| {
            let mut buffer = numbers.clone();
            let first: *mut f64 = buffer.as_mut_ptr();
            // SAFETY: all of them lie in the buffer.
            let result = unsafe {
                let array = |start: usize| Array::from_raw(first.add(start).cast(), DType::F64, &[len], &[1]).unwrap();
                let out = ArrayMut::from_raw(first.add(out).cast(), DType::F64, &[len], &[1]).unwrap();
                binary(Binary::Add, out, &array(a), &array(b), &Elementwise::default())
            };
            result.map(|()| buffer)
        };
        for (out, a, b) in [(0, len, 2 * len), (len, 0, 2 * len), (2 * len, 0, len), (0, 0, len), (len, 0, len)] {
            let mut expected = numbers.clone();
            (0..len).for_each(|i| expected[out + i] = numbers[a + i] + numbers[b + i]);
            assert_eq!(sums(out, a, b).unwrap(), expected, "{len} numbers at {a} and {b} into those at {out}");
        }
        if len > 1 {
            assert!(sums(0, len - 1, 2 * len).is_err());
            assert!(sums(len, 2 * len, 1).is_err());
        }
    }
}
