//! Text from C.

use std::ffi::{CStr, c_char};

use tsdsm_core::{Error, Result};

use crate::status::check;

/// # Safety
/// It leads to text that ends in NUL and does not change as long as the result is in use, or is null.
pub(crate) unsafe fn text<'a>(pointer: *const c_char, what: &str) -> Result<&'a str> {
    check(pointer, what)?;
    // SAFETY: the caller's promise; not null.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().map_err(|_| Error::InvalidArgument(format!("{what} is not UTF-8")))
}
