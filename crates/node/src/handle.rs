//! Opaque references from JavaScript to something of ours.
//!
//! napi's own `External` looks every pointer up in a map of the whole process, under a mutex. Handles are passed to the
//! functions that a lock or barrier calls, so they are looked up in a short list of this thread instead.

use std::any::TypeId;
use std::cell::RefCell;
use std::ffi::c_void;
use std::ops::Deref;
use std::ptr;
use std::rc::Rc;

use napi::bindgen_prelude::{FromNapiValue, ToNapiValue};
use napi::{Error, Result, Status, sys};

thread_local! {
    /// What JavaScript of this thread's environment holds; foreign externals are not in it and are never looked into.
    static LIVE: RefCell<Vec<(*const c_void, TypeId)>> = const { RefCell::new(Vec::new()) };
}

/// What a handle can lead to.
pub trait Kept: 'static {
    /// What it is called in messages.
    const WHAT: &'static str;
}

/// A reference that JavaScript can hold and hand back, and nothing else.
pub struct Handle<T: 'static>(Rc<T>);

impl<T> From<Rc<T>> for Handle<T> {
    fn from(value: Rc<T>) -> Self {
        Handle(value)
    }
}

impl<T> Deref for Handle<T> {
    type Target = Rc<T>;

    fn deref(&self) -> &Rc<T> {
        &self.0
    }
}

impl<T: Kept> ToNapiValue for Handle<T> {
    unsafe fn to_napi_value(env: sys::napi_env, handle: Self) -> Result<sys::napi_value> {
        let data = Rc::into_raw(handle.0);
        let mut value = ptr::null_mut();
        // SAFETY: `env` is the caller's, `data` stays alive until `finalize` takes back this strong count.
        let status = unsafe {
            sys::napi_create_external(env, data.cast_mut().cast(), Some(finalize::<T>), ptr::null_mut(), &mut value)
        };
        if status != sys::Status::napi_ok {
            // SAFETY: no finalizer was registered, so the count taken by `into_raw` is still ours.
            drop(unsafe { Rc::from_raw(data) });
            return Err(Error::new(Status::from(status), "the engine could not make a handle"));
        }
        LIVE.with_borrow_mut(|live| live.push((data.cast(), TypeId::of::<T>())));
        Ok(value)
    }
}

impl<T: Kept> FromNapiValue for Handle<T> {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> Result<Self> {
        let mut data = ptr::null_mut();
        // SAFETY: `env` and `value` are the caller's; the call itself refuses what is no external.
        let status = unsafe { sys::napi_get_value_external(env, value, &mut data) };
        let wanted = (data.cast_const(), TypeId::of::<T>());
        if status != sys::Status::napi_ok || !LIVE.with_borrow(|live| live.contains(&wanted)) {
            return Err(Error::new(Status::InvalidArg, format!("this is no {}", T::WHAT)));
        }
        let data: *const T = data.cast();
        // SAFETY: `data` is in the list, so it came from `Rc::into_raw` of this type and is not finalized yet.
        unsafe {
            Rc::increment_strong_count(data);
            Ok(Handle(Rc::from_raw(data)))
        }
    }
}

unsafe extern "C" fn finalize<T: 'static>(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // A thread that ends may have dropped its list already; then nobody asks any more.
    let _ = LIVE.try_with(|live| {
        live.borrow_mut().retain(|entry| *entry != (data.cast_const(), TypeId::of::<T>()));
    });
    // SAFETY: `to_napi_value` left this strong count to the external, whose only finalizer this is.
    drop(unsafe { Rc::from_raw(data.cast_const().cast::<T>()) });
}
