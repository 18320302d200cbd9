//! What one thread of JavaScript is in one cluster.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ops::Deref;
use std::os::fd::OwnedFd;
use std::ptr;
use std::rc::Rc;
use std::sync::{Arc, PoisonError, RwLock};

use napi::bindgen_prelude::{FromNapiValue, ToNapiValue, TypeName, ValidateNapiValue};
use napi::{Env, Result, ValueType, check_status, sys};
use tsdsm_core::Error;
use tsdsm_core::control::{Control, OwnerToken};
use tsdsm_core::slots::Participant;
use tsdsm_core::watch::{DeathWatch, OwnerWatch};
use tsdsm_core::word::Owner;

use crate::buffer::External;
use crate::error::to_js;
use crate::handle::{Handle, Kept};
use crate::wait::Waits;

/// A participant of a cluster, in one environment.
///
/// It lives until it is closed or the environment ends; that JavaScript no longer holds the handle changes nothing.
/// `process.exit()` in a main thread runs no clean-up of environments: there, the TypeScript layer closes.
pub struct State {
    /// The cluster's name.
    cluster: String,
    /// As it stands in the words of locks.
    pub owner: Owner,
    /// The worker's id, where it is one.
    pub worker: Option<u32>,
    /// Its waits on other threads.
    pub waits: Rc<Waits>,
    /// How many slices the wait in progress on this thread has had.
    pub slices: Cell<u32>,
    /// Whether it was closed. Read-locked while an array is being made on another thread.
    pub closed: Arc<RwLock<bool>>,
    open: RefCell<Option<Open>>,
    env: sys::napi_env,
    /// The ArrayBuffer over the control segment, once it was asked for.
    buffer: Cell<sys::napi_ref>,
}

/// What is given back at the end.
pub struct Open {
    /// The slot.
    pub participant: Participant,
    /// Main's hold on the cluster.
    pub token: Option<OwnerToken>,
    /// Main's watch over its workers, from the first one on.
    pub deaths: Option<DeathWatch>,
    /// The watch over main of everybody else.
    pub owner_watch: Option<OwnerWatch>,
    /// What a worker rings to tell main.
    pub main_doorbell: Option<OwnedFd>,
}

impl Open {
    /// A participant, and nothing else.
    pub fn of(participant: Participant) -> Open {
        Open { participant, token: None, deaths: None, owner_watch: None, main_doorbell: None }
    }
}

impl Kept for State {
    const WHAT: &'static str = "session";
}

impl State {
    /// A session of this environment, which ends with it at the latest.
    pub fn open(env: &Env, control: Arc<Control>, open: Open) -> Result<Session> {
        let state = Rc::new(State {
            cluster: control.cluster().into(),
            owner: open.participant.owner(),
            worker: open.participant.worker(),
            waits: Rc::default(),
            slices: Cell::new(0),
            closed: Arc::default(),
            open: RefCell::new(Some(open)),
            env: env.raw(),
            buffer: Cell::new(ptr::null_mut()),
        });
        let data = Rc::into_raw(Rc::clone(&state)).cast_mut();
        // SAFETY: `data` is unique among hooks, and its strong count is given back with the hook.
        let status = unsafe { sys::napi_add_env_cleanup_hook(env.raw(), Some(on_environment_end), data.cast()) };
        if status != sys::Status::napi_ok {
            // SAFETY: as there is no hook, the count is still ours.
            drop(unsafe { Rc::from_raw(data.cast_const()) });
        }
        check_status!(status)?;
        Ok(Session { handle: Handle::from(state), control })
    }

    /// Ends the waits, gives the slot back, takes the control segment away from JavaScript; the session that created
    /// the cluster also ends that. A second call does nothing.
    pub fn close(self: &Rc<Self>, env: &Env) -> tsdsm_core::Result<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let data = Rc::as_ptr(self).cast_mut();
        // SAFETY: added by `open`, and removed once, since `self.open` is taken once; so its count is given back once.
        unsafe {
            sys::napi_remove_env_cleanup_hook(env.raw(), Some(on_environment_end), data.cast());
            drop(Rc::from_raw(data.cast_const()));
        }
        // No wait of ours may still run when the slot can be somebody else's.
        self.waits.close();
        self.take_buffer_away();
        self.give_back(open, Participant::detach)
    }

    /// The whole control segment as an ArrayBuffer: the same one every time.
    pub fn buffer(&self, env: &Env) -> Result<External> {
        let mut value = ptr::null_mut();
        if !self.buffer.get().is_null() {
            // SAFETY: a strong reference of this environment.
            check_status!(unsafe { sys::napi_get_reference_value(env.raw(), self.buffer.get(), &mut value) })?;
            return Ok(External::from(value));
        }
        let mapping = self.with(|open| Arc::clone(open.participant.control().mapping()));
        let buffer = External::over(env, &mapping, 0, mapping.len())?;
        let mut reference = ptr::null_mut();
        // SAFETY: a value of this environment, made in this call.
        check_status!(unsafe { sys::napi_create_reference(env.raw(), buffer.value(), 1, &mut reference) })?;
        self.buffer.set(reference);
        Ok(buffer)
    }

    /// So that no fast path can touch a lock's word in the name of a slot that was given back.
    fn take_buffer_away(&self) {
        let reference = self.buffer.replace(ptr::null_mut());
        if reference.is_null() {
            return;
        }
        let mut value = ptr::null_mut();
        // SAFETY: a strong reference of this environment, deleted once. Where the engine refuses to detach, the memory
        // stays mapped as long as the ArrayBuffer lives.
        unsafe {
            if sys::napi_get_reference_value(self.env, reference, &mut value) == sys::Status::napi_ok {
                sys::napi_detach_arraybuffer(self.env, value);
            }
            sys::napi_delete_reference(self.env, reference);
        }
    }

    /// What an open session has; all sessions that functions get are open.
    pub fn with<T>(&self, body: impl FnOnce(&mut Open) -> T) -> T {
        body(self.open.borrow_mut().as_mut().expect("checked when the argument was taken"))
    }

    fn give_back(&self, open: Open, leave: impl FnOnce(&Participant)) -> tsdsm_core::Result<()> {
        // Waits for an array that is being made on another thread, so that it is seen below.
        *self.closed.write().unwrap_or_else(PoisonError::into_inner) = true;
        drop((open.deaths, open.owner_watch));
        leave(&open.participant);
        open.token.map_or(Ok(()), |mut token| token.close())
    }
}

unsafe extern "C" fn on_environment_end(data: *mut c_void) {
    // SAFETY: the strong count that `State::open` left to this hook; `close` would have removed it.
    let state = unsafe { Rc::from_raw(data.cast_const().cast::<State>()) };
    if let Some(open) = state.open.take() {
        state.waits.forget();
        // The environment takes its buffers away by itself. Nobody has said that this thread takes part no more: it may
        // have been terminated, and whoever waits for it in a barrier is to hear of that.
        let _ = state.give_back(open, Participant::detach_as_dead);
    }
}

/// A session that is open, for the length of one call. Only here is its control segment: a session that was closed has
/// neither its memory nor its descriptors any more, though JavaScript may hold the handle.
pub struct Session {
    handle: Handle<State>,
    /// The control segment.
    pub control: Arc<Control>,
}

impl Deref for Session {
    type Target = Rc<State>;

    fn deref(&self) -> &Rc<State> {
        &self.handle
    }
}

impl TypeName for Session {
    fn type_name() -> &'static str {
        "Session"
    }

    fn value_type() -> ValueType {
        ValueType::External
    }
}

impl ValidateNapiValue for Session {}

impl ToNapiValue for Session {
    unsafe fn to_napi_value(env: sys::napi_env, session: Self) -> Result<sys::napi_value> {
        // SAFETY: the caller's promise.
        unsafe { Handle::to_napi_value(env, session.handle) }
    }
}

impl FromNapiValue for Session {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> Result<Self> {
        // SAFETY: the caller's promise.
        let handle = unsafe { Handle::<State>::from_napi_value(env, value) }?;
        let control = handle.open.borrow().as_ref().map(|open| Arc::clone(open.participant.control()));
        match control {
            Some(control) => Ok(Session { handle, control }),
            None => Err(to_js(&Env::from_raw(env), &closed(&handle.cluster))),
        }
    }
}

/// The error for whoever uses a closed session.
pub fn closed(cluster: &str) -> Error {
    Error::Closed(format!("cluster '{cluster}'"))
}
