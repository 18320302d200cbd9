//! The kernels, as JavaScript calls them: by their place in a table, with typed arrays as arguments and all else in a
//! frame of numbers.
//!
//! `frame` is that memory and what its words mean; `operand` looks into typed arrays; `call` gives kernels their operands
//! and options; `table` is the list of kernels, and `families` say how each is called; `task` runs one off the event loop; `answer` is what comes back.

mod answer;
mod call;
mod copies;
mod families;
mod frame;
mod operand;
mod table;
mod task;

use std::ffi::c_void;
use std::ptr;

use napi::bindgen_prelude::{AsyncTask, Object, ToNapiValue};
use napi::{Env, Result, check_status, sys};

pub use answer::Answer;
pub use families::{KernelOperations, KernelPartials, kernel_operations, kernel_partials};
pub use frame::{KernelLayout, kernel_layout};
pub use table::{KernelInfo, kernel_dtypes, kernel_table};

use crate::buffer;
use crate::error::{by_kernel, invalid, to_js};
use crate::hot::{RawFunction, export, guarded};
use call::Call;
use frame::{Frame, LENGTH, OPERANDS};
use table::Kernel;
use task::Job;

/// Puts the functions of kernels beside the others, with a frame of this environment's own.
pub fn register(exports: &Object, env: &Env) -> Result<()> {
    let frame: *mut Frame = Box::into_raw(Box::default());
    // SAFETY: `free` is called once, when no code of this environment can run any more.
    check_status!(unsafe { sys::napi_add_env_cleanup_hook(env.raw(), Some(free), frame.cast()) })?;
    for (name, function) in
        [(c"kernelFrame", share as RawFunction), (c"kernelRun", run), (c"kernelRunAsync", run_async)]
    {
        export(exports, env, name, function, frame.cast())?;
    }
    Ok(())
}

unsafe extern "C" fn free(frame: *mut c_void) {
    // SAFETY: made by `register` for this environment, which has ended.
    drop(unsafe { Box::from_raw(frame.cast::<Frame>()) });
}

/// What a function of this module is called with.
struct Arguments<'a> {
    env: Env,
    frame: &'a mut Frame,
    values: [sys::napi_value; OPERANDS],
}

/// # Safety
/// Inside a call of `env` to a function that `register` has made.
unsafe fn arguments<'a>(env: sys::napi_env, info: sys::napi_callback_info) -> Result<Arguments<'a>> {
    let mut values = [ptr::null_mut(); OPERANDS];
    let mut count = OPERANDS;
    let mut data = ptr::null_mut();
    // SAFETY: called by the engine with these; there is room for `count` arguments, and missing ones are undefined.
    check_status!(unsafe {
        sys::napi_get_cb_info(env, info, &mut count, values.as_mut_ptr(), ptr::null_mut(), &mut data)
    })?;
    // SAFETY: the environment's frame. JavaScript, which writes to it, does not run during the call.
    let frame = unsafe { &mut *data.cast::<Frame>() };
    Ok(Arguments { env: Env::from_raw(env), frame, values })
}

/// The frame, as an ArrayBuffer.
unsafe extern "C" fn share(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guarded(env, || {
        // SAFETY: inside the call.
        let Arguments { env, frame, .. } = unsafe { arguments(env, info) }?;
        let mut value = ptr::null_mut();
        // SAFETY: the frame lives as long as code of this environment can run.
        let status = unsafe {
            sys::napi_create_external_arraybuffer(
                env.raw(),
                frame.as_mut_ptr().cast(),
                LENGTH * size_of::<u64>(),
                None,
                ptr::null_mut(),
                &mut value,
            )
        };
        if status == sys::Status::napi_ok { Ok(value) } else { Err(buffer::refusal(&env, status)) }
    })
}

/// Runs the kernel that the frame says on the arguments.
unsafe extern "C" fn run(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guarded(env, || {
        // SAFETY: inside the call.
        let Arguments { env, frame, values } = unsafe { arguments(env, info) }?;
        let kernel = kernel_of(&env, frame)?;
        let memory = operand::all(&env, kernel, frame, &values)?;
        // SAFETY: nothing can take the arguments' memory away before this function returns.
        let call = unsafe { Call::new(frame, memory) };
        let answer = kernel.run(&call).map_err(|error| refused(&env, kernel, &error))?;
        // SAFETY: inside a call of this environment.
        unsafe { Answer::to_napi_value(env.raw(), answer) }
    })
}

/// Runs the kernel that the frame says on the arguments, off the event loop: a promise of what it answers.
unsafe extern "C" fn run_async(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guarded(env, || {
        // SAFETY: inside the call.
        let Arguments { env, frame, values } = unsafe { arguments(env, info) }?;
        let kernel = kernel_of(&env, frame)?;
        let memory = operand::all(&env, kernel, frame, &values)?;
        let job = Job::new(&env, kernel, frame, memory, &values)?;
        // SAFETY: inside a call of this environment.
        unsafe { ToNapiValue::to_napi_value(env.raw(), AsyncTask::new(job)) }
    })
}

fn kernel_of(env: &Env, frame: &Frame) -> Result<&'static Kernel> {
    table::kernels().get(frame.kernel()).ok_or_else(|| invalid(env, "there is no such kernel"))
}

/// What a kernel refused, as a JavaScript error that names it.
fn refused(env: &Env, kernel: &Kernel, error: &tsdsm_kernels::Error) -> napi::Error {
    to_js(env, &by_kernel(&format!("{}: ", kernel.name), error))
}
