//! Numbers that come from JavaScript, checked, and the one that stands for none there.

use std::ops::RangeInclusive;
use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::BigInt;
use tsdsm_core::primitive::Deadline;

use crate::error::invalid;

/// What stands for nobody in numbers.
pub const NONE: f64 = -1.0;

/// `value` as an integer within `range`.
pub fn integer(env: &Env, what: &str, value: f64, range: RangeInclusive<u64>) -> napi::Result<u64> {
    // The cast cuts off and saturates, and NaN becomes 0: what comes back the same is an integer.
    let integer = value as u64;
    if integer as f64 == value && range.contains(&integer) {
        return Ok(integer);
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

/// The moment that is `timeout` milliseconds from now; none where it is negative or infinite.
pub fn deadline(env: &Env, timeout: f64) -> napi::Result<Option<Deadline>> {
    if timeout.is_nan() {
        return Err(invalid(env, "a time-out must be a number of milliseconds, not NaN"));
    }
    if timeout < 0.0 || timeout == f64::INFINITY {
        return Ok(None);
    }
    // Too long for a Duration is as good as for ever.
    Ok(Duration::try_from_secs_f64(timeout / 1000.0).ok().map(Deadline::after))
}
