//! Arrays of any type for tests, and their elements as plain numbers.
#![allow(dead_code)]

use half::f16;
use tsdsm_kernels::{Array, ArrayMut, DType};

/// An element of any type.
#[derive(Debug, Clone, Copy)]
pub enum Value {
    Int(i128),
    Float(f64),
}

impl Value {
    pub fn is_true(self) -> bool {
        match self {
            Value::Int(x) => x != 0,
            Value::Float(x) => x != 0.0,
        }
    }

    pub fn number(self) -> f64 {
        match self {
            Value::Int(x) => x as f64,
            Value::Float(x) => x,
        }
    }

    /// Equal, NaN to NaN, and zeros by their sign.
    pub fn is_same(self, other: Value) -> bool {
        match (self, other) {
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a.is_nan() && b.is_nan() || a.to_bits() == b.to_bits(),
            _ => false,
        }
    }
}

/// Memory for elements of any type.
#[derive(Clone)]
pub struct Memory {
    dtype: DType,
    words: Vec<u64>,
}

impl Memory {
    pub fn new(dtype: DType, values: &[Value]) -> Memory {
        let mut memory = Memory { dtype, words: vec![0; values.len() + 1] };
        for (i, value) in values.iter().enumerate() {
            memory.set(i, *value);
        }
        memory
    }

    pub fn zeros(dtype: DType, count: usize) -> Memory {
        Memory { dtype, words: vec![0; count + 1] }
    }

    pub fn set(&mut self, i: usize, value: Value) {
        let size = self.dtype.size();
        let bytes = bytes_of(self.dtype, value);
        bytes_mut(&mut self.words)[i * size..][..size].copy_from_slice(&bytes[..size]);
    }

    pub fn get(&self, i: usize) -> Value {
        let size = self.dtype.size();
        let place = self.words.as_ptr().cast::<u8>().wrapping_add(i * size);
        let mut bytes = [0; 8];
        assert!((i + 1) * size <= self.words.len() * 8);
        // SAFETY: within the memory.
        unsafe { place.copy_to_nonoverlapping(bytes.as_mut_ptr(), size) };
        value_of(self.dtype, bytes)
    }

    pub fn values(&self, count: usize) -> Vec<Value> {
        (0..count).map(|i| self.get(i)).collect()
    }

    /// A view of it from element `first` on.
    pub fn view(&self, first: usize, shape: &[usize], strides: &[isize]) -> Array<'_> {
        let data = self.words.as_ptr().cast::<u8>().wrapping_add(first * self.dtype.size());
        // SAFETY: the tests' views lie in their memory.
        unsafe { Array::from_raw(data, self.dtype, shape, strides) }.unwrap()
    }

    /// The same, to be written.
    pub fn view_mut(&mut self, first: usize, shape: &[usize], strides: &[isize]) -> ArrayMut<'_> {
        let data = self.words.as_mut_ptr().cast::<u8>().wrapping_add(first * self.dtype.size());
        // SAFETY: as above.
        unsafe { ArrayMut::from_raw(data, self.dtype, shape, strides) }.unwrap()
    }

    /// A view to be written and one of the same memory, as kernels get them from JavaScript.
    pub fn both(&mut self, first: usize, shape: &[usize], strides: &[isize]) -> (ArrayMut<'static>, Array<'static>) {
        let data = self.words.as_mut_ptr().cast::<u8>().wrapping_add(first * self.dtype.size());
        // SAFETY: as above; the tests keep the memory until they are done with both.
        unsafe {
            (
                ArrayMut::from_raw(data, self.dtype, shape, strides).unwrap(),
                Array::from_raw(data, self.dtype, shape, strides).unwrap(),
            )
        }
    }
}

fn bytes_mut(words: &mut [u64]) -> &mut [u8] {
    // SAFETY: bytes have no alignment and no invalid values.
    unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast(), words.len() * 8) }
}

/// The value rounded, wrapped to a type: as stored into an element.
pub fn bytes_of(dtype: DType, value: Value) -> [u8; 8] {
    match (dtype, value) {
        (DType::F64, Value::Float(x)) => x.to_bits().to_le_bytes(),
        (DType::F32, Value::Float(x)) => u64::from((x as f32).to_bits()).to_le_bytes(),
        (DType::F16, Value::Float(x)) => u64::from(half(x).to_bits()).to_le_bytes(),
        (_, Value::Int(x)) => (x as u64).to_le_bytes(),
        _ => panic!("{value:?} is no {dtype}"),
    }
}

/// The nearest float16, ties to even. (`f16::from_f64` does not look at the last 32 bits.)
pub fn half(x: f64) -> f16 {
    if !x.is_finite() || x.abs() >= 65520.0 {
        return f16::from_f64(if x.is_nan() { x } else { f64::INFINITY.copysign(x) });
    }
    let exponent = (x.to_bits() >> 52 & 0x7ff) as i32 - 1023;
    let quantum = f64::powi(2.0, exponent.max(-14) - 10);
    f16::from_f64(((x / quantum).round_ties_even() * quantum).copysign(x))
}

fn value_of(dtype: DType, bytes: [u8; 8]) -> Value {
    let bits = u64::from_le_bytes(bytes);
    match dtype {
        DType::Bool | DType::U8 => Value::Int(i128::from(bits as u8)),
        DType::I8 => Value::Int(i128::from(bits as i8)),
        DType::I16 => Value::Int(i128::from(bits as i16)),
        DType::U16 => Value::Int(i128::from(bits as u16)),
        DType::I32 => Value::Int(i128::from(bits as i32)),
        DType::U32 => Value::Int(i128::from(bits as u32)),
        DType::I64 => Value::Int(i128::from(bits as i64)),
        DType::U64 => Value::Int(i128::from(bits)),
        DType::F16 => Value::Float(f16::from_bits(bits as u16).to_f64()),
        DType::F32 => Value::Float(f64::from(f32::from_bits(bits as u32))),
        DType::F64 => Value::Float(f64::from_bits(bits)),
    }
}

/// The value as an element of the type has it.
pub fn stored(dtype: DType, value: Value) -> Value {
    value_of(dtype, bytes_of(dtype, value))
}

/// Values of a type that are easy to get wrong.
pub fn edges(dtype: DType) -> Vec<Value> {
    use tsdsm_kernels::dtype::Kind;
    let bits = dtype.size() as u32 * 8;
    match dtype.kind() {
        Kind::Bool => vec![Value::Int(0), Value::Int(1), Value::Int(0)],
        Kind::Unsigned => {
            let max = (1i128 << bits) - 1;
            [0, 1, 2, 3, 5, 7, 8, 31, 63, 64, max / 2, max / 2 + 1, max - 1, max].map(Value::Int).to_vec()
        }
        Kind::Signed => {
            let max = (1i128 << (bits - 1)) - 1;
            [0, 1, -1, 2, -2, 3, -3, 7, -7, 8, 33, 64, -100, max / 3, max, -max, -max - 1].map(Value::Int).to_vec()
        }
        Kind::Float => {
            let tiny = match dtype {
                DType::F16 => 6e-8,
                DType::F32 => 1e-45,
                _ => 5e-324,
            };
            let big = if dtype == DType::F16 { 65504.0 } else { 3e38 };
            let values = [
                0.0,
                -0.0,
                1.0,
                -1.0,
                0.5,
                -0.5,
                1.5,
                -1.5,
                2.5,
                3.0,
                -3.0,
                7.25,
                -7.25,
                1e-4,
                1000.5,
                tiny,
                -tiny,
                big,
                -big,
                f64::INFINITY,
                f64::NEG_INFINITY,
                f64::NAN,
            ];
            values.map(|x| stored(dtype, Value::Float(x))).to_vec()
        }
    }
}
