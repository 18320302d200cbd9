//! Kernels over independent elements against plain Rust.

use tsdsm_kernels::elementwise::{Binary, Elementwise, Unary, binary, unary};
use tsdsm_kernels::{Array, ArrayMut};

#[test]
fn adds_what_is_strided_broadcast_and_masked() {
    let a: Vec<f64> = (0..6000).map(f64::from).collect();
    let b: Vec<f64> = (0..30).map(|i| f64::from(i) * 0.5).collect();
    let mut out = vec![-1.0; 6000];
    let mask: Vec<u8> = (0..200).map(|i| i % 3).collect();
    let x = Array::with_shape(&a, &[30, 200]).unwrap().permute(&[1, 0]).unwrap();
    let y = Array::from_slice(&b);
    let mask_array = Array::with_shape(&mask, &[200, 1]).unwrap();
    let options = Elementwise { mask: Some(mask_array), range: Some(10..190), ..Elementwise::default() };
    binary(Binary::Add, ArrayMut::with_shape(&mut out, &[200, 30]).unwrap(), &x, &y, &options).unwrap();
    for i in 0..200 {
        for j in 0..30 {
            let expected = if mask[i] != 0 && (10..190).contains(&i) { a[j * 200 + i] + b[j] } else { -1.0 };
            assert_eq!(out[i * 30 + j], expected, "{i} {j}");
        }
    }
}

#[test]
fn negates_in_place() {
    let mut a: Vec<f32> = (0..5000).map(|i| i as f32).collect();
    // SAFETY: the vector's own elements.
    let view = unsafe { Array::from_raw(a.as_ptr().cast(), tsdsm_kernels::DType::F32, &[5000], &[1]) }.unwrap();
    unary(Unary::Negative, ArrayMut::from_slice(&mut a), &view, &Elementwise::default()).unwrap();
    assert!(a.iter().enumerate().all(|(i, x)| *x == -(i as f32)));
}
