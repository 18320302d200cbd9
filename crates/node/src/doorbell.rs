//! Doorbells, as JavaScript sees them.

use std::os::fd::{BorrowedFd, IntoRawFd};
use std::rc::Rc;

use napi::bindgen_prelude::Function;
use napi::{Env, Result};
use napi_derive::napi;
use tsdsm_core::sys::eventfd;

use crate::args::descriptor;
use crate::bell::Bell;
use crate::callback::Callback;
use crate::error::OrThrow;
use crate::handle::Handle;

/// A descriptor that an event loop polls.
pub type Doorbell = Handle<Bell>;

/// Makes a descriptor that can be rung and listened to (an eventfd, closed on exec). It goes to a child by fork's `stdio`.
#[napi(catch_unwind)]
pub fn doorbell_create(env: &Env) -> Result<i32> {
    eventfd::create().or_throw(env).map(IntoRawFd::into_raw_fd)
}

/// Polls the descriptor, which then belongs to the doorbell, in this thread's event loop; `ring` is called after it was
/// drained. Does not keep the loop alive until `doorbellRef(true)`.
#[napi(catch_unwind)]
pub fn doorbell_listen(env: &Env, fd: f64, ring: Function<(), ()>) -> Result<Doorbell> {
    let fd = descriptor(env, fd)?;
    let callback = Callback::new(env, &ring)?;
    Bell::listen(env, fd, Rc::new(move || callback.call(None))).map(Handle::from)
}

/// Whether the doorbell keeps the event loop alive.
#[napi(catch_unwind)]
pub fn doorbell_ref(doorbell: Doorbell, on: bool) {
    doorbell.keep_alive(on);
}

/// Stops polling and closes the descriptor. A second call does nothing.
#[napi(catch_unwind)]
pub fn doorbell_close(doorbell: Doorbell) {
    doorbell.close();
}

/// Rings the doorbell behind a descriptor, in this process or another.
#[napi(catch_unwind)]
pub fn doorbell_ring(env: &Env, fd: f64) -> Result<()> {
    let fd = descriptor(env, fd)?;
    // SAFETY: borrowed for one write, which refuses a descriptor that is closed.
    eventfd::ring(unsafe { BorrowedFd::borrow_raw(fd) }).or_throw(env)
}
