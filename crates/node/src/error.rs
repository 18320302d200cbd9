//! Errors of the core and of kernels as JavaScript errors: `message`, a stable `code`, and `details` for programs to read.

use std::io;

use napi::bindgen_prelude::{BigInt, Object, ToNapiValue};
use napi::{Env, JsValue, Status};
use tsdsm_core::Error;

/// The largest integer that a JavaScript number holds exactly.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// Turns what the core, or a kernel, answers into what a `#[napi]` function returns.
pub trait OrThrow<T> {
    /// The value, or the error as a JavaScript error.
    fn or_throw(self, env: &Env) -> napi::Result<T>;
}

impl<T> OrThrow<T> for tsdsm_core::Result<T> {
    fn or_throw(self, env: &Env) -> napi::Result<T> {
        self.map_err(|error| to_js(env, &error))
    }
}

impl<T> OrThrow<T> for tsdsm_kernels::Result<T> {
    fn or_throw(self, env: &Env) -> napi::Result<T> {
        self.map_err(|error| to_js(env, &by_kernel("", &error)))
    }
}

/// What a kernel refused, after `what` in the message.
pub(crate) fn by_kernel(what: &str, error: &tsdsm_kernels::Error) -> Error {
    match error {
        tsdsm_kernels::Error::InvalidArgument(message) => Error::InvalidArgument(format!("{what}{message}")),
        other => Error::System { call: format!("{what}{other}"), source: io::Error::from(io::ErrorKind::OutOfMemory) },
    }
}

/// `error` as a JavaScript error.
pub fn to_js(env: &Env, error: &Error) -> napi::Error {
    build(env, error).unwrap_or_else(|failed| failed)
}

/// An [`Error::InvalidArgument`] as a JavaScript error.
pub fn invalid(env: &Env, message: impl Into<String>) -> napi::Error {
    to_js(env, &Error::InvalidArgument(message.into()))
}

fn build(env: &Env, error: &Error) -> napi::Result<napi::Error> {
    // napi's own conversion puts the status into `code`: a fresh error, then.
    let mut object = env.create_error(napi::Error::new(Status::GenericFailure, error.to_string()))?;
    object.set("code", error.code())?;
    object.set("details", details(env, error)?)?;
    Ok(napi::Error::from(object.to_unknown()))
}

fn details<'env>(env: &'env Env, error: &Error) -> napi::Result<Object<'env>> {
    let mut details = Object::new(env)?;
    match error {
        Error::NameExists { name } => details.set("name", name)?,
        Error::NotFound { what, name } => {
            details.set("what", *what)?;
            details.set("name", name)?;
        }
        Error::IncompatibleSegment { name, reason } => {
            details.set("name", name)?;
            details.set("reason", reason)?;
        }
        Error::OutOfSharedMemory { name, need, free, limit, remedy } => {
            details.set("name", name)?;
            set_integer(&mut details, "need", *need)?;
            set_integer(&mut details, "free", *free)?;
            details.set("limit", limit)?;
            details.set("remedy", remedy)?;
        }
        Error::Capacity { what, limit } => {
            details.set("what", *what)?;
            set_integer(&mut details, "limit", *limit as u64)?;
        }
        Error::Closed(what) => details.set("what", what)?,
        Error::System { call, source } => {
            details.set("call", call)?;
            details.set("errno", source.raw_os_error())?;
        }
        _ => {}
    }
    Ok(details)
}

/// Sets a number where it is exact, a bigint above.
fn set_integer(object: &mut Object, key: &str, value: u64) -> napi::Result<()> {
    if value <= MAX_SAFE_INTEGER { set(object, key, value as f64) } else { set(object, key, BigInt::from(value)) }
}

fn set<T: ToNapiValue>(object: &mut Object, key: &str, value: T) -> napi::Result<()> {
    object.set(key, value).map(drop)
}
