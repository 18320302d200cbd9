//! The functions that a lock or barrier calls over and over, registered by hand.
//!
//! What `#[napi]` generates keeps books of borrowed values for each call, on the heap: 370 ns in all where these take
//! under 100. Their types stand in `header.d.ts`.

use std::ffi::{CStr, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use napi::bindgen_prelude::{FromNapiValue, Object, panic_to_error};
use napi::{Env, JsError, JsValue, Result, Status, check_status, sys};
use napi_derive::napi;

use crate::session::Session;
use crate::{barriers, kernels, operations};

/// The most arguments that one of these takes.
const MOST: usize = 6;

/// A function as the engine calls it.
pub(crate) type RawFunction = unsafe extern "C" fn(sys::napi_env, sys::napi_callback_info) -> sys::napi_value;

/// A function of a session and so many numbers.
type Function<const N: usize> = fn(&Env, &Session, [f64; N]) -> Result<u32>;

fn call<const N: usize>(env: sys::napi_env, info: sys::napi_callback_info, function: Function<N>) -> sys::napi_value {
    const { assert!(N < MOST) };
    guarded(env, || {
        let mut arguments = [ptr::null_mut(); MOST];
        let mut count = N + 1;
        // SAFETY: called by the engine with these; there is room for `count` arguments, and missing ones are undefined.
        check_status!(unsafe {
            sys::napi_get_cb_info(env, info, &mut count, arguments.as_mut_ptr(), ptr::null_mut(), ptr::null_mut())
        })?;
        // SAFETY: an argument of this call.
        let session = unsafe { Session::from_napi_value(env, arguments[0]) }?;
        let mut numbers = [0.0; N];
        for (number, argument) in numbers.iter_mut().zip(&arguments[1..]) {
            *number = number_of(env, *argument)?;
        }
        let answer = function(&Env::from_raw(env), &session, numbers)?;
        let mut value = ptr::null_mut();
        // SAFETY: inside a call of this environment.
        check_status!(unsafe { sys::napi_create_uint32(env, answer, &mut value) })?;
        Ok(value)
    })
}

/// What a call returns to the engine: its value, or nothing and the error thrown. Called inside a call of `env`.
pub(crate) fn guarded(env: sys::napi_env, call: impl FnOnce() -> Result<sys::napi_value>) -> sys::napi_value {
    let outcome = catch_unwind(AssertUnwindSafe(call));
    outcome.map_err(panic_to_error).and_then(|answer| answer).unwrap_or_else(|error| {
        // SAFETY: inside a call of this environment.
        unsafe { JsError::from(error).throw_into(env) };
        ptr::null_mut()
    })
}

/// A number, or a boolean as 0 or 1.
fn number_of(env: sys::napi_env, argument: sys::napi_value) -> Result<f64> {
    let mut number = 0.0;
    // SAFETY: an argument of the call that is being served.
    let status = unsafe { sys::napi_get_value_double(env, argument, &mut number) };
    if status == sys::Status::napi_ok {
        return Ok(number);
    }
    let mut truth = false;
    // SAFETY: as above.
    let other = unsafe { sys::napi_get_value_bool(env, argument, &mut truth) };
    if other == sys::Status::napi_ok {
        return Ok(f64::from(u8::from(truth)));
    }
    Err(napi::Error::new(Status::from(status), "a number is expected after the session"))
}

macro_rules! functions {
    ($($name:literal => $callback:ident: $function:path;)*) => {
        $(extern "C" fn $callback(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
            call(env, info, $function)
        })*

        const FUNCTIONS: &[(&CStr, RawFunction)] = &[$(($name, $callback)),*];
    };
}

functions! {
    c"waitSlice" => wait_slice: operations::slice;
    c"objectRelease" => object_release: operations::release;
    c"barrierArrive" => barrier_arrive: barriers::arrive;
    c"barrierSlice" => barrier_slice: barriers::slice;
}

/// Puts them beside what `#[napi]` exports, and the kernels' with them: there can be one such function in an addon.
#[napi(module_exports)]
pub fn register(exports: Object, env: Env) -> Result<()> {
    for (name, function) in FUNCTIONS {
        export(&exports, &env, name, *function, ptr::null_mut())?;
    }
    kernels::register(&exports, &env)
}

/// Puts one function beside what `#[napi]` exports; `data` is there for its calls.
pub(crate) fn export(exports: &Object, env: &Env, name: &CStr, function: RawFunction, data: *mut c_void) -> Result<()> {
    let mut value = ptr::null_mut();
    // SAFETY: a name that ends in NUL, and an object of this environment.
    unsafe {
        check_status!(sys::napi_create_function(
            env.raw(),
            name.as_ptr(),
            name.count_bytes() as isize,
            Some(function),
            data,
            &mut value
        ))?;
        check_status!(sys::napi_set_named_property(env.raw(), exports.raw(), name.as_ptr(), value))
    }
}
