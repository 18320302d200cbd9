//! Calling JavaScript from the event loop.

use std::ptr;

use napi::bindgen_prelude::Function;
use napi::{Env, JsValue, Result, check_status, sys};

/// A JavaScript function that is called later, from the event loop of its own environment.
pub struct Callback {
    env: sys::napi_env,
    function: sys::napi_ref,
}

impl Callback {
    /// Keeps `function` alive until this is dropped, which has to happen on the environment's own thread.
    pub fn new<Arguments, Return>(env: &Env, function: &Function<Arguments, Return>) -> Result<Callback>
    where
        Arguments: napi::bindgen_prelude::JsValuesTupleIntoVec,
        Return: napi::bindgen_prelude::FromNapiValue,
    {
        let mut reference = ptr::null_mut();
        // SAFETY: both are values of this environment, inside a call of it.
        check_status!(unsafe { sys::napi_create_reference(env.raw(), function.raw(), 1, &mut reference) })?;
        Ok(Callback { env: env.raw(), function: reference })
    }

    /// Calls it with at most one number, then runs what it has queued. What it throws is an uncaught exception.
    pub fn call(&self, argument: Option<u32>) {
        in_scope(self.env, || {
            let mut function = ptr::null_mut();
            let mut value = ptr::null_mut();
            // SAFETY: the reference is alive, a handle scope is open, and this is the environment's own thread. An
            // environment that is shutting down refuses the calls, and then there is nobody left to tell.
            unsafe {
                if sys::napi_get_reference_value(self.env, self.function, &mut function) != sys::Status::napi_ok
                    || function.is_null()
                    || argument.is_some_and(|number| {
                        sys::napi_create_uint32(self.env, number, &mut value) != sys::Status::napi_ok
                    })
                {
                    return;
                }
                // Its own receiver: with the global object for `this`, a REPL, which has a global `domain`, would take
                // that for the callback's domain and fail.
                let status = sys::napi_make_callback(
                    self.env,
                    ptr::null_mut(),
                    function,
                    function,
                    usize::from(argument.is_some()),
                    &value,
                    ptr::null_mut(),
                );
                if status == sys::Status::napi_pending_exception {
                    report_exception(self.env);
                }
            }
        });
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        // SAFETY: made by `new`, deleted once, on the environment's own thread and before its end.
        unsafe { sys::napi_delete_reference(self.env, self.function) };
    }
}

/// Lets the exception that a callback threw take the way of every uncaught one.
unsafe fn report_exception(env: sys::napi_env) {
    let mut exception = ptr::null_mut();
    // SAFETY: as the caller's.
    unsafe {
        if sys::napi_get_and_clear_last_exception(env, &mut exception) == sys::Status::napi_ok {
            sys::napi_fatal_exception(env, exception);
        }
    }
}

/// Runs `body` with a handle scope, which code that the event loop calls does not have.
fn in_scope(env: sys::napi_env, body: impl FnOnce()) {
    let mut scope = ptr::null_mut();
    // SAFETY: called on the environment's own thread; the scope is closed below.
    if unsafe { sys::napi_open_handle_scope(env, &mut scope) } != sys::Status::napi_ok {
        return;
    }
    body();
    // SAFETY: opened above and the innermost one.
    unsafe { sys::napi_close_handle_scope(env, scope) };
}
