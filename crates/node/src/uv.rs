//! The few functions of libuv that a doorbell needs.
//!
//! Node exports them from its own executable. Other engines with Node-API may not, so they are looked up, not linked.

use std::ffi::{CStr, c_int, c_void};
use std::sync::OnceLock;

use napi::sys::uv_loop_s;
use tsdsm_core::{Error, Result};

/// `UV_POLL` of `uv_handle_type`, the same in every libuv 1.x.
pub const POLL: c_int = 8;
/// `UV_READABLE` of `uv_poll_event`.
pub const READABLE: c_int = 1;

/// Called when the polled descriptor is readable: handle, status, events.
pub type OnPoll = unsafe extern "C" fn(*mut c_void, c_int, c_int);
/// Called in the loop when a handle is closed.
pub type OnClose = unsafe extern "C" fn(*mut c_void);

macro_rules! functions {
    ($($name:ident: $symbol:literal, fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions, as this process exports them.
        pub struct Uv {
            $(#[doc = concat!("`", stringify!($symbol), "`")] pub $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        fn load() -> Result<Uv, &'static CStr> {
            $(
                // SAFETY: the name ends in NUL; RTLD_DEFAULT is always valid.
                let $name = unsafe { libc::dlsym(libc::RTLD_DEFAULT, $symbol.as_ptr()) };
                if $name.is_null() {
                    return Err($symbol);
                }
            )*
            Ok(Uv {
                $(
                    // SAFETY: libuv 1.x keeps the signature of this symbol, a function, for good.
                    $name: unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($argument),*) $(-> $result)?>($name) },
                )*
            })
        }
    };
}

functions! {
    handle_size: c"uv_handle_size", fn(c_int) -> usize;
    set_data: c"uv_handle_set_data", fn(*mut c_void, *mut c_void);
    get_data: c"uv_handle_get_data", fn(*const c_void) -> *mut c_void;
    poll_init: c"uv_poll_init", fn(*mut uv_loop_s, *mut c_void, c_int) -> c_int;
    poll_start: c"uv_poll_start", fn(*mut c_void, c_int, OnPoll) -> c_int;
    hold: c"uv_ref", fn(*mut c_void);
    release: c"uv_unref", fn(*mut c_void);
    close: c"uv_close", fn(*mut c_void, OnClose);
}

/// The functions of this process.
///
/// # Errors
/// [`Error::Unsupported`] where the engine does not export them.
pub fn uv() -> Result<&'static Uv> {
    static UV: OnceLock<Result<Uv, &'static CStr>> = OnceLock::new();
    UV.get_or_init(load).as_ref().map_err(|missing| {
        Error::Unsupported(format!(
            "this engine does not export {}, which tsdsm needs to wake its event loop; run the program with Node.js",
            missing.to_string_lossy()
        ))
    })
}
