//! Waits that do not block the event loop: each has a thread of its own.
//!
//! Not on libuv's pool: four waits would stop all file and name look-ups, and `process.exit()` waits for the pool.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::os::fd::{IntoRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use napi::{Env, Result};
use tsdsm_core::Error;
use tsdsm_core::sys::eventfd;
use tsdsm_core::wait::Slice;

use crate::bell::Bell;
use crate::callback::Callback;
use crate::error::{OrThrow, to_js};
use crate::handle::Kept;

/// What a wait that was called off ends with.
const CANCELLED: u32 = Slice::Cancelled as u32;

/// A wait as its thread knows it.
pub trait Waiting: Send + 'static {
    /// One slice, which ends in bounded time; the status once it is decided.
    fn slice(&mut self) -> Option<u32>;
    /// Leaves without having got what it waited for; the status, which may say that it was granted after all.
    fn give_up(self) -> u32;
}

/// A wait as JavaScript knows it.
pub struct WaitState {
    id: u64,
    cancelled: Arc<AtomicBool>,
    nudge: Box<dyn Fn()>,
}

impl Kept for WaitState {
    const WHAT: &'static str = "wait";
}

impl WaitState {
    /// Calls the wait off; its callback follows.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        (self.nudge)();
    }
}

struct Pending {
    wait: Rc<WaitState>,
    done: Callback,
    thread: JoinHandle<()>,
}

impl Pending {
    /// Calls it off, and waits until its thread has ended.
    fn end(&self) {
        self.wait.cancel();
        while !self.thread.is_finished() {
            // The nudge before may have come just before the thread went to sleep.
            (self.wait.nudge)();
            thread::sleep(Duration::from_micros(50));
        }
    }
}

/// All waits of one session.
#[derive(Default)]
pub struct Waits {
    pending: RefCell<HashMap<u64, Pending>>,
    finished: Arc<Mutex<Vec<(u64, u32)>>>,
    /// Rung by threads that are done. Made with the first wait.
    bell: RefCell<Option<Rc<Bell>>>,
    last: Cell<u64>,
    /// No further waits come: the bell goes with the last one.
    closing: Cell<bool>,
}

impl Waits {
    /// Starts a wait. `nudge` wakes its thread from a slice; `done` is called once, in the event loop, with the status.
    /// The loop stays alive until then.
    ///
    /// # Errors
    /// `ERR_TSDSM_SYSTEM` when there is no thread or descriptor to be had.
    pub fn start(
        self: &Rc<Self>,
        env: &Env,
        mut waiting: impl Waiting,
        nudge: impl Fn() + 'static,
        done: Callback,
    ) -> Result<Rc<WaitState>> {
        let ringer = self.ringer(env)?;
        let id = self.last.get() + 1;
        self.last.set(id);
        let cancelled = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&cancelled);
        let finished = Arc::clone(&self.finished);
        let body = move || {
            let run = || {
                while !seen.load(Ordering::Acquire) {
                    if let Some(status) = waiting.slice() {
                        return status;
                    }
                }
                waiting.give_up()
            };
            let status = catch_unwind(AssertUnwindSafe(run)).unwrap_or(CANCELLED);
            finished.lock().unwrap_or_else(PoisonError::into_inner).push((id, status));
            // Nobody is left to be told where this fails.
            let _ = eventfd::ring(&*ringer);
        };
        let thread = thread::Builder::new().name("tsdsm-wait".into()).spawn(body);
        let thread = thread.map_err(|source| {
            to_js(env, &Error::System { call: "a thread for an asynchronous wait".into(), source })
        })?;
        let wait = Rc::new(WaitState { id, cancelled, nudge: Box::new(nudge) });
        self.pending.borrow_mut().insert(id, Pending { wait: Rc::clone(&wait), done, thread });
        self.update_bell();
        Ok(wait)
    }

    /// Calls all waits off and waits until their threads have ended. Their callbacks still follow, where the event loop
    /// goes on. No new wait may be started.
    pub fn close(&self) {
        self.closing.set(true);
        self.pending.borrow().values().for_each(Pending::end);
        self.update_bell();
    }

    /// Calls one wait off and waits until its thread has ended. Its status; its callback is not called any more.
    pub fn join(&self, wait: &WaitState) -> u32 {
        let Some(pending) = self.pending.borrow_mut().remove(&wait.id) else { return CANCELLED };
        pending.end();
        let mut finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        let place = finished.iter().position(|(id, _)| *id == wait.id);
        let status = place.map_or(CANCELLED, |place| finished.swap_remove(place).1);
        drop(finished);
        self.update_bell();
        status
    }

    /// Forgets the waits of an environment that ends: nobody can be called any more.
    pub fn forget(&self) {
        self.close();
        self.pending.take();
        self.update_bell();
    }

    fn ringer(self: &Rc<Self>, env: &Env) -> Result<Arc<OwnedFd>> {
        if let Some(descriptor) = self.bell.borrow().as_ref().and_then(|bell| bell.descriptor()) {
            return Ok(descriptor);
        }
        let waits: Weak<Waits> = Rc::downgrade(self);
        let descriptor = eventfd::create().or_throw(env)?;
        let ring = move || {
            if let Some(waits) = waits.upgrade() {
                waits.deliver();
            }
        };
        let bell = Bell::listen(env, descriptor.into_raw_fd(), Rc::new(ring))?;
        let ringer = bell.descriptor().expect("it was opened a moment ago");
        self.bell.replace(Some(bell));
        Ok(ringer)
    }

    /// In the event loop: calls the callbacks of waits that are decided.
    fn deliver(&self) {
        let finished = std::mem::take(&mut *self.finished.lock().unwrap_or_else(PoisonError::into_inner));
        let mut decided = Vec::with_capacity(finished.len());
        for (id, status) in finished {
            if let Some(pending) = self.pending.borrow_mut().remove(&id) {
                // It has rung the bell: nothing is left for it to do.
                let _ = pending.thread.join();
                decided.push((pending.done, status));
            }
        }
        self.update_bell();
        for (done, status) in decided {
            done.call(Some(status));
        }
    }

    fn update_bell(&self) {
        let waiting = !self.pending.borrow().is_empty();
        if let Some(bell) = &*self.bell.borrow() {
            bell.keep_alive(waiting);
            if self.closing.get() && !waiting {
                bell.close();
            }
        }
    }
}
