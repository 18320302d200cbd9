//! What a kernel answers with.

use napi::bindgen_prelude::{BigInt, ToNapiValue, TypeName};
use napi::{Result, ValueType, sys};

/// What a kernel answers with beside what it writes. An integer is a number in JavaScript where that is exact, else a bigint.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    /// Nothing.
    Nothing,
    /// True or false.
    Truth(bool),
    /// A number.
    Number(f64),
    /// An integer.
    Signed(i64),
    /// An integer, 0 or more.
    Unsigned(u64),
}

/// The first integer of which a neighbour is not a number.
const UNSAFE: u64 = 1 << 53;

impl TypeName for Answer {
    fn type_name() -> &'static str {
        "number | bigint | boolean | undefined"
    }

    fn value_type() -> ValueType {
        ValueType::Unknown
    }
}

impl ToNapiValue for Answer {
    unsafe fn to_napi_value(env: sys::napi_env, answer: Self) -> Result<sys::napi_value> {
        // SAFETY: the caller's promise, for all of them.
        unsafe {
            match answer {
                Answer::Nothing => <()>::to_napi_value(env, ()),
                Answer::Truth(truth) => bool::to_napi_value(env, truth),
                Answer::Number(number) => f64::to_napi_value(env, number),
                Answer::Signed(integer) if integer.unsigned_abs() < UNSAFE => f64::to_napi_value(env, integer as f64),
                Answer::Signed(integer) => BigInt::to_napi_value(env, integer.into()),
                Answer::Unsigned(integer) if integer < UNSAFE => f64::to_napi_value(env, integer as f64),
                Answer::Unsigned(integer) => BigInt::to_napi_value(env, integer.into()),
            }
        }
    }
}
