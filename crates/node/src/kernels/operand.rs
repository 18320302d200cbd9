//! Typed arrays as memory.

use std::ptr;

use napi::{Env, Result, check_status, sys};
use tsdsm_core::Error;
use tsdsm_kernels::DType;

use super::frame::{Frame, Kind, OPERANDS};
use super::table::Kernel;
use crate::error::{invalid, to_js};

/// A typed array's elements.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// The first one.
    pub data: *mut u8,
    /// How many.
    pub len: usize,
    /// Their type.
    pub dtype: DType,
}

impl Memory {
    /// How many bytes it has.
    pub fn bytes(&self) -> usize {
        self.len * self.dtype.size()
    }
}

/// What the arguments have that stand for arrays in the frame.
pub fn all(
    env: &Env,
    kernel: &Kernel,
    frame: &Frame,
    values: &[sys::napi_value; OPERANDS],
) -> Result<[Option<Memory>; OPERANDS]> {
    let mut memory = [None; OPERANDS];
    for (operand, (memory, value)) in memory.iter_mut().zip(values).enumerate() {
        if let Kind::Array(code) = frame.kind(operand) {
            let dtype = DType::from_code(code).ok_or_else(|| invalid(env, "there is no such element type"))?;
            *memory = Some(memory_of(env, kernel, *value, dtype)?);
        }
    }
    Ok(memory)
}

/// Bytes of an element, by the engine's number for the kind of typed array; the last is a `Float16Array`.
const SIZES: [usize; 12] = [1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8, 2];

/// The elements of a typed array.
///
/// # Errors
/// `ERR_TSDSM_INVALID_ARGUMENT` for what is none, or has elements of another size; `ERR_TSDSM_CLOSED` where its buffer is
/// detached.
pub fn memory_of(env: &Env, kernel: &Kernel, value: sys::napi_value, dtype: DType) -> Result<Memory> {
    // An engine that has Float16Array and a Node-API that does not know it leaves the kind as it was.
    let mut kind = SIZES.len() as i32 - 1;
    let (mut len, mut data) = (0, ptr::null_mut());
    // SAFETY: inside a call of this environment, whose argument `value` is. Neither buffer nor offset is asked for.
    let status = unsafe {
        sys::napi_get_typedarray_info(
            env.raw(),
            value,
            &mut kind,
            &mut len,
            &mut data,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    if status != sys::Status::napi_ok || SIZES.get(kind as usize) != Some(&dtype.size()) {
        return Err(invalid(env, format!("{}: an operand is no typed array of {dtype} elements", kernel.name)));
    }
    if len > 0 {
        return Ok(Memory { data: data.cast(), len, dtype });
    }
    if is_detached(env, value)? {
        return Err(to_js(env, &Error::Closed(format!("{}: the memory of an operand", kernel.name))));
    }
    // Any place that is aligned does for no elements.
    Ok(Memory { data: ptr::without_provenance_mut(size_of::<u64>()), len, dtype })
}

fn is_detached(env: &Env, value: sys::napi_value) -> Result<bool> {
    let mut buffer = ptr::null_mut();
    let mut detached = false;
    // SAFETY: `value` is a typed array of this environment, inside a call of it; of what is asked for there is only the
    // buffer. That may be shared between threads: then it is never detached, and the second call says so.
    unsafe {
        check_status!(sys::napi_get_typedarray_info(
            env.raw(),
            value,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            &mut buffer,
            ptr::null_mut()
        ))?;
        check_status!(sys::napi_is_detached_arraybuffer(env.raw(), buffer, &mut detached))?;
    }
    Ok(detached)
}
