//! Checks of numbers that come from JavaScript.

use std::ops::RangeInclusive;

use napi::Env;
use napi::bindgen_prelude::BigInt;

use crate::error::invalid;

/// `value` as an integer within `range`.
pub fn integer(env: &Env, what: &str, value: f64, range: RangeInclusive<u64>) -> napi::Result<u64> {
    // NaN and infinities have a NaN for a fraction; -0 is 0.
    if value.fract() == 0.0 && value >= *range.start() as f64 && value <= *range.end() as f64 {
        return Ok(value as u64);
    }
    Err(invalid(env, format!("{what} must be an integer from {} to {}, not {value}", range.start(), range.end())))
}

/// `value` as an index or a count.
pub fn count(env: &Env, what: &str, value: f64) -> napi::Result<u32> {
    integer(env, what, value, 0..=u64::from(u32::MAX)).map(|value| value as u32)
}

/// Indices or counts.
pub fn counts(env: &Env, what: &str, values: &[f64]) -> napi::Result<Vec<u32>> {
    values.iter().map(|value| count(env, what, *value)).collect()
}

/// A file descriptor.
pub fn descriptor(env: &Env, value: f64) -> napi::Result<i32> {
    integer(env, "a file descriptor", value, 0..=i32::MAX as u64).map(|value| value as i32)
}

/// An unsigned 64-bit number.
pub fn unsigned(env: &Env, what: &str, value: &BigInt) -> napi::Result<u64> {
    match value.get_u64() {
        (false, value, true) => Ok(value),
        _ => Err(invalid(env, format!("{what} must be a bigint from 0 to 2^64 - 1"))),
    }
}
