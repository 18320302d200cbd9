//! Mapped memory as ArrayBuffers, without a copy.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use napi::bindgen_prelude::{ArrayBuffer, ToNapiValue};
use napi::{Env, Result, check_status, sys};
use napi_derive::napi;
use tsdsm_core::Error;
use tsdsm_core::mapping::Mapping;

use crate::error::to_js;
use crate::mapped;

/// Up to Node 21 an ArrayBuffer over foreign memory ends at 4 GiB.
const OLD_NODE_LIMIT: u64 = 1 << 32;

/// Bytes of a mapping, on their way to JavaScript.
pub struct External {
    value: sys::napi_value,
}

impl External {
    /// An ArrayBuffer over `len` bytes of `mapping` from `offset` on. The mapping lives at least as long as it.
    ///
    /// # Errors
    /// `ERR_TSDSM_UNSUPPORTED` where the engine forbids foreign memory or so much of it. Never a copy.
    pub fn over(env: &Env, mapping: &Arc<Mapping>, offset: usize, len: usize) -> Result<External> {
        let mut value = ptr::null_mut();
        if len == 0 {
            // There is nothing to share; engines disagree about foreign memory of no length.
            // SAFETY: inside a call of this environment; no pointer to the data is asked for.
            check_status!(unsafe { sys::napi_create_arraybuffer(env.raw(), 0, ptr::null_mut(), &mut value) })?;
            return Ok(External { value });
        }
        check_length(env, len as u64)?;
        assert!(offset.checked_add(len).is_some_and(|end| end <= mapping.len()), "the array ends outside its mapping");
        mapped::remember(mapping);
        let held = Arc::into_raw(Arc::clone(mapping)).cast_mut();
        // SAFETY: the range lies in the mapping, which lives until `unmap` takes `held` back.
        let status = unsafe {
            sys::napi_create_external_arraybuffer(
                env.raw(),
                mapping.as_ptr().add(offset).cast(),
                len,
                Some(unmap),
                held.cast(),
                &mut value,
            )
        };
        match status {
            sys::Status::napi_ok => return Ok(External { value }),
            // Node has taken the memory and calls the finalizer itself, later.
            sys::Status::napi_generic_failure => {}
            // SAFETY: refused at once, so `held` is still ours.
            _ => drop(unsafe { Arc::from_raw(held.cast_const()) }),
        }
        Err(refusal(env, status))
    }
}

impl External {
    /// The ArrayBuffer, inside the call that it was made in.
    pub fn value(&self) -> sys::napi_value {
        self.value
    }
}

impl From<sys::napi_value> for External {
    fn from(value: sys::napi_value) -> Self {
        External { value }
    }
}

impl ToNapiValue for External {
    unsafe fn to_napi_value(_env: sys::napi_env, buffer: Self) -> Result<sys::napi_value> {
        Ok(buffer.value)
    }
}

/// Why the engine has made no buffer over memory of ours.
pub fn refusal(env: &Env, status: sys::napi_status) -> napi::Error {
    let reason = match status {
        sys::Status::napi_no_external_buffers_allowed => {
            "does not allow buffers over shared memory (Electron and \
            others with a memory cage do not); run the program with Node.js, for instance in a child process"
        }
        _ => "could not make a buffer over shared memory of this size",
    };
    to_js(env, &Error::Unsupported(format!("this JavaScript engine {reason}")))
}

/// Refuses what this version of Node cannot show as one ArrayBuffer; called before anything is made.
///
/// # Errors
/// `ERR_TSDSM_UNSUPPORTED`
pub fn check_length(env: &Env, bytes: u64) -> Result<()> {
    if bytes <= OLD_NODE_LIMIT || env.get_node_version()?.major >= 22 {
        return Ok(());
    }
    Err(to_js(
        env,
        &Error::Unsupported(format!(
            "{bytes} bytes are more than the 4 GiB that one ArrayBuffer over shared memory can have before Node 22; \
             use Node 22 or newer, or several smaller arrays"
        )),
    ))
}

unsafe extern "C" fn unmap(_env: sys::napi_env, _data: *mut c_void, held: *mut c_void) {
    // SAFETY: the count that `External::over` left to the ArrayBuffer, whose only finalizer this is.
    mapped::forget(unsafe { Arc::from_raw(held.cast_const().cast::<Mapping>()) });
}

/// Takes the memory away from an ArrayBuffer: its views get length 0. It is unmapped with the last reference to it.
///
/// Detaching twice is fine.
#[napi(catch_unwind)]
pub fn buffer_detach(buffer: ArrayBuffer) -> Result<()> {
    if buffer.is_detached()? {
        return Ok(());
    }
    buffer.detach()
}
