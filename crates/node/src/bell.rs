//! Doorbells: descriptors that wake an event loop, polled by the loop itself.

use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;

use napi::{Env, Result, check_status, sys};
use tsdsm_core::Error;
use tsdsm_core::sys::eventfd;

use crate::error::{OrThrow, to_js};
use crate::handle::Kept;
use crate::uv::{self, Uv, uv};

/// A descriptor that this environment's event loop polls.
///
/// It listens until it is closed or the environment ends; that JavaScript no longer holds the handle changes nothing.
pub struct Bell {
    uv: &'static Uv,
    /// The `uv_poll_t`, until it is closed.
    poll: Cell<*mut c_void>,
    descriptor: RefCell<Option<Arc<OwnedFd>>>,
    /// What is done when it rings; taken out of the cell for the call, which may close the bell.
    ring: RefCell<Option<Rc<dyn Fn()>>>,
    hook: Cell<sys::napi_async_cleanup_hook_handle>,
}

impl Kept for Bell {
    const WHAT: &'static str = "doorbell";
}

impl Bell {
    /// Polls `raw`, which then belongs to the bell, without keeping the loop alive; `ring` runs in the loop.
    pub fn listen(env: &Env, raw: c_int, ring: Rc<dyn Fn()>) -> Result<Rc<Bell>> {
        let uv = uv().or_throw(env)?;
        let mut event_loop = ptr::null_mut();
        // SAFETY: inside a call of this environment.
        check_status!(unsafe { sys::napi_get_uv_event_loop(env.raw(), &mut event_loop) })?;

        // SAFETY: UV_POLL is a type that libuv knows.
        let poll = allocate(unsafe { (uv.handle_size)(uv::POLL) });
        // SAFETY: `poll` has the size that libuv asks for, and the loop is this thread's.
        let status = unsafe { (uv.poll_init)(event_loop, poll, raw) };
        if status != 0 {
            free(uv, poll);
            return Err(to_js(env, &uv_error("uv_poll_init of a doorbell", status)));
        }
        let bell = Rc::new(Bell {
            uv,
            poll: Cell::new(poll),
            // SAFETY: the caller gives the descriptor away, and libuv has just found it open.
            descriptor: RefCell::new(Some(Arc::new(unsafe { OwnedFd::from_raw_fd(raw) }))),
            ring: RefCell::new(Some(ring)),
            hook: Cell::new(ptr::null_mut()),
        });
        let data = Rc::into_raw(Rc::clone(&bell)).cast_mut().cast();
        let mut hook = ptr::null_mut();
        // SAFETY: `poll` is initialised and idle; the strong count behind `data` is given back in `on_close`, which
        // follows every `uv_close`. The hook is removed there too, so it never sees a freed bell.
        let status = unsafe {
            (uv.set_data)(poll, data);
            (uv.release)(poll);
            let status = (uv.poll_start)(poll, uv::READABLE, on_poll);
            sys::napi_add_async_cleanup_hook(env.raw(), Some(on_environment_end), data, &mut hook);
            status
        };
        bell.hook.set(hook);
        if status != 0 {
            bell.close();
            return Err(to_js(env, &uv_error("uv_poll_start of a doorbell", status)));
        }
        Ok(bell)
    }

    /// For ringing it from other threads, also after it was closed; none once it is closed.
    pub fn descriptor(&self) -> Option<Arc<OwnedFd>> {
        self.descriptor.borrow().clone()
    }

    /// Whether it keeps the event loop alive.
    pub fn keep_alive(&self, on: bool) {
        let poll = self.poll.get();
        if !poll.is_null() {
            // SAFETY: the handle is open.
            unsafe { if on { (self.uv.hold)(poll) } else { (self.uv.release)(poll) } }
        }
    }

    /// Stops polling and closes the descriptor. A second call does nothing.
    pub fn close(&self) {
        let poll = self.poll.replace(ptr::null_mut());
        if !poll.is_null() {
            // SAFETY: the handle is open and closed once; libuv forgets the descriptor before this returns.
            unsafe { (self.uv.close)(poll, on_close) };
            self.descriptor.take();
            self.ring.take();
        }
    }
}

/// The bell behind a `uv_poll_t`.
unsafe fn bell_of(poll: *mut c_void) -> *const Bell {
    let uv = uv().expect("a handle exists, so the functions were found");
    // SAFETY: `listen` stored it.
    unsafe { (uv.get_data)(poll) }.cast_const().cast()
}

unsafe extern "C" fn on_poll(poll: *mut c_void, _status: c_int, _events: c_int) {
    // A panic must not cross into libuv.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the bell outlives its handle.
        let bell = unsafe { &*bell_of(poll) };
        let Some(ring) = bell.ring.borrow().clone() else { return };
        if let Some(descriptor) = bell.descriptor() {
            eventfd::drain(&*descriptor);
        }
        ring();
    }));
}

unsafe extern "C" fn on_close(poll: *mut c_void) {
    // SAFETY: the strong count that `listen` left to the handle.
    let bell = unsafe { Rc::from_raw(bell_of(poll)) };
    free(bell.uv, poll);
    let hook = bell.hook.get();
    if !hook.is_null() {
        // SAFETY: added by `listen`, removed once. Where the environment is ending, this lets it go on.
        unsafe { sys::napi_remove_async_cleanup_hook(hook) };
    }
}

unsafe extern "C" fn on_environment_end(_hook: sys::napi_async_cleanup_hook_handle, data: *mut c_void) {
    // SAFETY: the handle's strong count is given back in `on_close`, which also removes this hook.
    unsafe { &*data.cast_const().cast::<Bell>() }.close();
}

fn allocate(size: usize) -> *mut c_void {
    Box::into_raw(vec![0u128; size.div_ceil(size_of::<u128>())].into_boxed_slice()).cast()
}

fn free(uv: &Uv, poll: *mut c_void) {
    // SAFETY: UV_POLL is a type that libuv knows.
    let words = unsafe { (uv.handle_size)(uv::POLL) }.div_ceil(size_of::<u128>());
    // SAFETY: from `allocate`, of the same length; libuv is done with it.
    drop(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(poll.cast::<u128>(), words)) });
}

fn uv_error(call: &str, status: c_int) -> Error {
    // libuv's statuses are negated errno values.
    Error::System { call: call.into(), source: io::Error::from_raw_os_error(-status) }
}
