//! Every operation over elements against plain Rust, for all types and values that are easy to get wrong.

mod support;

use half::f16;
use support::{Memory, Value, edges, half, stored};
use tsdsm_kernels::DType;
use tsdsm_kernels::dtype::Kind;
use tsdsm_kernels::elementwise::{Binary, Elementwise, Unary, axpy, binary, cast, clip, fma, select, unary};

/// All pairs of edge values, often enough for whole vectors and a tail.
fn pairs(dtype: DType) -> (Vec<Value>, Vec<Value>) {
    let edges = edges(dtype);
    let n = edges.len();
    let repeats = 1 + 100 / n / n;
    let count = n * n * repeats;
    (0..count).map(|i| (edges[i / n % n], edges[i % n])).unzip()
}

fn int(op: Binary, dtype: DType, x: i128, y: i128) -> Value {
    use Binary::*;
    let bits = dtype.size() as i128 * 8;
    let within = (0..bits).contains(&y);
    let floor = if y == 0 { 0 } else { x.div_euclid(y) - i128::from(y < 0 && x.rem_euclid(y) != 0) };
    let bool_or = |truth: bool, number: i128| if dtype == DType::Bool { i128::from(truth) } else { number };
    Value::Int(match op {
        Add => bool_or(x + y > 0, x + y),
        Subtract => x - y,
        Multiply => x.wrapping_mul(y),
        Divide => return Value::Float(x as f64 / y as f64),
        FloorDivide => floor,
        Remainder => {
            if y == 0 {
                0
            } else {
                x - y * floor
            }
        }
        Pow if y < 0 => [0, x, 1][if x.abs() == 1 { 1 + usize::from(y % 2 == 0) } else { 0 }],
        Pow => {
            (0..y.min(128))
                .fold((1i128, x, y), |(power, square, left), _| match left {
                    0 => (power, square, 0),
                    _ => (
                        if left & 1 == 1 { power.wrapping_mul(square) } else { power },
                        square.wrapping_mul(square),
                        left >> 1,
                    ),
                })
                .0
        }
        Minimum => x.min(y),
        Maximum => x.max(y),
        BitwiseAnd => x & y,
        BitwiseOr => x | y,
        BitwiseXor => x ^ y,
        LeftShift => {
            if within {
                x << y
            } else {
                0
            }
        }
        RightShift => {
            if within {
                x >> y
            } else {
                -i128::from(x < 0)
            }
        }
        _ => panic!("{op:?}"),
    })
}

macro_rules! float {
    ($name:ident, $type:ty) => {
        fn $name(op: Binary, x: $type, y: $type) -> $type {
            use Binary::*;
            match op {
                Add => x + y,
                Subtract => x - y,
                Multiply => x * y,
                Divide => x / y,
                Minimum => {
                    if x.is_nan() || y.is_nan() {
                        <$type>::NAN
                    } else if x <= y {
                        x
                    } else {
                        y
                    }
                }
                Maximum => {
                    if x.is_nan() || y.is_nan() {
                        <$type>::NAN
                    } else if x >= y {
                        x
                    } else {
                        y
                    }
                }
                FloorDivide if y == 0.0 => x / y,
                FloorDivide => {
                    let rest = x % y;
                    let mut quotient = (x - rest) / y;
                    if rest != 0.0 && (rest < 0.0) != (y < 0.0) {
                        quotient -= 1.0;
                    }
                    if quotient == 0.0 {
                        (0.0 as $type).copysign(x / y)
                    } else if quotient - quotient.floor() > 0.5 {
                        quotient.floor() + 1.0
                    } else {
                        quotient.floor()
                    }
                }
                Remainder => {
                    let rest = x % y;
                    if y == 0.0 {
                        rest
                    } else if rest == 0.0 {
                        (0.0 as $type).copysign(y)
                    } else if (rest < 0.0) != (y < 0.0) {
                        rest + y
                    } else {
                        rest
                    }
                }
                _ => panic!("{op:?}"),
            }
        }
    };
}

float!(single, f32);
float!(double, f64);

fn expected(op: Binary, dtype: DType, x: Value, y: Value) -> Value {
    use Binary::*;
    let truth = |truth: bool| Value::Int(i128::from(truth));
    let order = match (x, y) {
        (Value::Int(x), Value::Int(y)) => Some(x.cmp(&y)),
        (Value::Float(x), Value::Float(y)) => x.partial_cmp(&y),
        _ => None,
    };
    match (op, x, y) {
        (Equal, ..) => truth(order.is_some_and(|o| o.is_eq())),
        (NotEqual, ..) => truth(!order.is_some_and(|o| o.is_eq())),
        (Less, ..) => truth(order.is_some_and(|o| o.is_lt())),
        (LessEqual, ..) => truth(order.is_some_and(|o| o.is_le())),
        (Greater, ..) => truth(order.is_some_and(|o| o.is_gt())),
        (GreaterEqual, ..) => truth(order.is_some_and(|o| o.is_ge())),
        (LogicalAnd, ..) => truth(x.is_true() && y.is_true()),
        (LogicalOr, ..) => truth(x.is_true() || y.is_true()),
        (LogicalXor, ..) => truth(x.is_true() != y.is_true()),
        (_, Value::Int(x), Value::Int(y)) => int(op, dtype, x, y),
        (_, Value::Float(x), Value::Float(y)) => Value::Float(match dtype {
            DType::F64 => double(op, x, y),
            _ => f64::from(single(op, x as f32, y as f32)),
        }),
        _ => unreachable!(),
    }
}

#[test]
fn binary_operations_are_those_of_plain_rust() {
    for dtype in DType::ALL {
        let (x, y) = pairs(dtype);
        let (a, b) = (Memory::new(dtype, &x), Memory::new(dtype, &y));
        for op in Binary::ALL.into_iter().filter(|&op| op != Binary::Atan2) {
            if op == Binary::Pow && dtype.kind() == Kind::Float {
                continue;
            }
            let Some(result) = op.result_dtype(dtype) else {
                let refused = dtype == DType::Bool && op == Binary::Subtract
                    || dtype.kind() == Kind::Float && op.name().ends_with("Shift")
                    || dtype.kind() == Kind::Float && op.name().starts_with("bitwise");
                assert!(refused, "{op:?} {dtype}");
                continue;
            };
            let mut out = Memory::zeros(result, x.len());
            let (n, one) = ([x.len()], [1]);
            binary(op, out.view_mut(0, &n, &one), &a.view(0, &n, &one), &b.view(0, &n, &one), &Elementwise::default())
                .unwrap();
            for (i, got) in out.values(x.len()).into_iter().enumerate() {
                let want = stored(result, expected(op, dtype, x[i], y[i]));
                assert!(got.is_same(want), "{op:?} {dtype}: {:?} {:?}: {got:?}, not {want:?}", x[i], y[i]);
            }
        }
    }
}

fn expected_unary(op: Unary, dtype: DType, x: Value) -> Value {
    use Unary::*;
    let truth = |truth: bool| Value::Int(i128::from(truth));
    match (op, x) {
        (LogicalNot, _) => truth(!x.is_true()),
        (Isnan, Value::Float(x)) => truth(x.is_nan()),
        (Isinf, Value::Float(x)) => truth(x.is_infinite()),
        (Isfinite, Value::Float(x)) => truth(x.is_finite()),
        (Isnan | Isinf, _) => truth(false),
        (Isfinite, _) => truth(true),
        (Negative, Value::Int(x)) => Value::Int(-x),
        (Absolute, Value::Int(x)) => Value::Int(x.abs()),
        (Sign, Value::Int(x)) => Value::Int(x.signum()),
        (Square, Value::Int(x)) => Value::Int(x.wrapping_mul(x)),
        (Invert, Value::Int(x)) if dtype == DType::Bool => truth(x == 0),
        (Invert, Value::Int(x)) => Value::Int(!x),
        (Floor | Ceil | Trunc, x @ Value::Int(_)) => x,
        (Rint, Value::Int(x)) => Value::Float(x as f64),
        (Sqrt, Value::Int(x)) => Value::Float(match dtype.size() {
            1 | 2 => f64::from((x as f32).sqrt()),
            _ => (x as f64).sqrt(),
        }),
        (Negative, Value::Float(x)) => Value::Float(-x),
        (Absolute, Value::Float(x)) => Value::Float(x.abs()),
        (Sign, Value::Float(x)) => Value::Float(if x.is_nan() {
            x
        } else if x == 0.0 {
            0.0
        } else {
            x.signum()
        }),
        (Square, Value::Float(x)) if dtype == DType::F64 => Value::Float(x * x),
        (Square, Value::Float(x)) => Value::Float(f64::from(x as f32 * x as f32)),
        (Sqrt, Value::Float(x)) if dtype == DType::F64 => Value::Float(x.sqrt()),
        (Sqrt, Value::Float(x)) => Value::Float(f64::from((x as f32).sqrt())),
        (Floor, Value::Float(x)) => Value::Float(x.floor()),
        (Ceil, Value::Float(x)) => Value::Float(x.ceil()),
        (Trunc, Value::Float(x)) => Value::Float(x.trunc()),
        (Rint, Value::Float(x)) => Value::Float(x.round_ties_even()),
        _ => panic!("{op:?} {x:?}"),
    }
}

#[test]
fn unary_operations_are_those_of_plain_rust() {
    for dtype in DType::ALL {
        let (x, _) = pairs(dtype);
        let a = Memory::new(dtype, &x);
        // The others have tests of their own, beside their loops.
        for op in Unary::ALL.into_iter().filter(|op| !op.is_transcendental()) {
            let Some(result) = op.result_dtype(dtype) else {
                let refused = dtype == DType::Bool && matches!(op, Unary::Negative | Unary::Sign)
                    || dtype.kind() == Kind::Float && op == Unary::Invert;
                assert!(refused, "{op:?} {dtype}");
                continue;
            };
            let mut out = Memory::zeros(result, x.len());
            let (n, one) = ([x.len()], [1]);
            unary(op, out.view_mut(0, &n, &one), &a.view(0, &n, &one), &Elementwise::default()).unwrap();
            for (i, got) in out.values(x.len()).into_iter().enumerate() {
                let want = stored(result, expected_unary(op, dtype, x[i]));
                assert!(got.is_same(want), "{op:?} {dtype}: {:?}: {got:?}, not {want:?}", x[i]);
            }
        }
    }
}

fn converted(x: Value, to: DType) -> Value {
    let bits = to.size() as u32 * 8;
    match (x, to.kind()) {
        (_, Kind::Bool) => Value::Int(i128::from(x.is_true())),
        (Value::Int(x), Kind::Float) => match to {
            DType::F64 => Value::Float(x as f64),
            DType::F32 => Value::Float(f64::from(x as f32)),
            _ => Value::Float(f64::from(half(x as f64))),
        },
        (Value::Int(x), _) => stored(to, Value::Int(x)),
        (Value::Float(x), Kind::Float) => stored(to, Value::Float(x)),
        (Value::Float(x), Kind::Unsigned) => Value::Int((x as i128).clamp(0, (1 << bits) - 1)),
        (Value::Float(x), Kind::Signed) => Value::Int((x as i128).clamp(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)),
    }
}

#[test]
fn casts_wrap_integers_saturate_floats_and_round_once() {
    for from in DType::ALL {
        let (mut x, _) = pairs(from);
        if from == DType::F64 {
            // Halfway between two float16, but for a little that float32 does not have.
            let steps = (0..300).map(|i| f16::from_bits(i * 173 % 0x7c00));
            let halfway = steps.map(|h| (h.to_f64() + f16::from_bits(h.to_bits() + 1).to_f64()) / 2.0);
            x.extend(halfway.flat_map(|h| [h, h * (1.0 + 1e-12), h * (1.0 - 1e-12), -h]).map(Value::Float));
        }
        let a = Memory::new(from, &x);
        for to in DType::ALL {
            let mut out = Memory::zeros(to, x.len());
            let (n, one) = ([x.len()], [1]);
            cast(out.view_mut(0, &n, &one), &a.view(0, &n, &one), &Elementwise::default()).unwrap();
            for (i, got) in out.values(x.len()).into_iter().enumerate() {
                let want = if from == to { x[i] } else { converted(x[i], to) };
                assert!(got.is_same(want), "{from} to {to}: {:?}: {got:?}, not {want:?}", x[i]);
            }
        }
    }
}

#[test]
fn every_float16_is_a_float32_and_back() {
    let all: Vec<f16> = (0..=u16::MAX).map(f16::from_bits).collect();
    let mut wide = vec![0f32; all.len()];
    let mut back = vec![f16::ZERO; all.len()];
    use tsdsm_kernels::{Array, ArrayMut};
    cast(ArrayMut::from_slice(&mut wide), &Array::from_slice(&all), &Elementwise::default()).unwrap();
    cast(ArrayMut::from_slice(&mut back), &Array::from_slice(&wide), &Elementwise::default()).unwrap();
    for (i, half) in all.iter().enumerate() {
        assert!(wide[i].to_bits() == half.to_f32().to_bits() || half.is_nan() && wide[i].is_nan(), "{i}");
        assert!(back[i].to_bits() == half.to_bits() || half.is_nan() && back[i].is_nan(), "{i}");
    }
}

#[test]
fn clip_fma_axpy_and_select_are_those_of_plain_rust() {
    let (n, one, none) = ([300usize], [1isize], Elementwise::default());
    let value = |i: usize| ((i * 37) % 101) as f64 - 50.0;
    for dtype in DType::ALL.into_iter().filter(|dtype| dtype.kind() != Kind::Bool) {
        let of = |x: f64| if dtype.kind() == Kind::Float { Value::Float(x) } else { Value::Int(x as i128) };
        let make = |f: &dyn Fn(usize) -> f64| Memory::new(dtype, &(0..300).map(|i| of(f(i))).collect::<Vec<_>>());
        let a = make(&value);
        let b = make(&|i| value(i + 7));
        let low = Memory::new(dtype, &[of(3.0)]);
        let high = Memory::new(dtype, &[of(20.0)]);
        let mut out = make(&|_| 1.0);
        let at = |m: &Memory, i| m.get(i).number();

        clip(out.view_mut(0, &n, &one), &a.view(0, &n, &one), &low.view(0, &[], &[]), &high.view(0, &[], &[]), &none)
            .unwrap();
        for i in 0..300 {
            assert_eq!(at(&out, i), at(&a, i).clamp(3.0, 20.0));
        }
        fma(out.view_mut(0, &n, &one), &a.view(0, &n, &one), &b.view(0, &n, &one), &low.view(0, &[], &[]), &none)
            .unwrap();
        for i in 0..300 {
            let want = match (a.get(i), b.get(i)) {
                (Value::Int(a), Value::Int(b)) => Value::Int(a.wrapping_mul(b).wrapping_add(3)),
                (a, b) => Value::Float(a.number() * b.number() + 3.0),
            };
            let want = stored(dtype, want);
            assert!(out.get(i).is_same(want), "{dtype} {i}");
        }
        let before = out.values(300);
        axpy(out.view_mut(0, &n, &one), &low.view(0, &[], &[]), &a.view(0, &n, &one), &none).unwrap();
        for (i, before) in before.into_iter().enumerate() {
            let want = match (a.get(i), before) {
                (Value::Int(x), Value::Int(y)) => Value::Int(3 * x + y),
                (x, y) => Value::Float(3.0 * x.number() + y.number()),
            };
            assert!(out.get(i).is_same(stored(dtype, want)), "{dtype} {i}");
        }
        for tested in DType::ALL {
            let truth = |i: usize| i % 3 == 1;
            let as_number =
                |t: bool| if tested.kind() == Kind::Float { Value::Float(t.into()) } else { Value::Int(t.into()) };
            let condition = Memory::new(tested, &(0..300).map(|i| as_number(truth(i))).collect::<Vec<_>>());
            let (c, a, b) = (condition.view(0, &n, &one), a.view(0, &n, &one), b.view(0, &n, &one));
            select(out.view_mut(0, &n, &one), &c, &a, &b, &none).unwrap();
            for i in 0..300 {
                assert_eq!(
                    at(&out, i),
                    if truth(i) {
                        stored(dtype, of(value(i))).number()
                    } else {
                        stored(dtype, of(value(i + 7))).number()
                    }
                );
            }
        }
    }
    // NaN in a bound, and one rounding.
    use tsdsm_kernels::{Array, ArrayMut};
    let mut out = [0f64; 3];
    let (x, low, high) = ([f64::NAN, 1.0, 1.0], [0.0, f64::NAN, 0.0], [1.0, 1.0, f64::NAN]);
    clip(
        ArrayMut::from_slice(&mut out),
        &Array::from_slice(&x),
        &Array::from_slice(&low),
        &Array::from_slice(&high),
        &none,
    )
    .unwrap();
    assert!(out.iter().all(|x| x.is_nan()));
    let x = [1.0 + f64::EPSILON; 3];
    let minus = [-1.0 - 2.0 * f64::EPSILON; 3];
    fma(
        ArrayMut::from_slice(&mut out),
        &Array::from_slice(&x),
        &Array::from_slice(&x),
        &Array::from_slice(&minus),
        &none,
    )
    .unwrap();
    assert_eq!(out, [f64::EPSILON * f64::EPSILON; 3]);
}
