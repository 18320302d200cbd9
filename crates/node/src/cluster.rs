//! The life of a cluster, as JavaScript sees it.

use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};

use napi::bindgen_prelude::BigInt;
use napi::{Env, Result};
use napi_derive::napi;
use tsdsm_core::control::{Control, Limits};
use tsdsm_core::slots::{Kind, Participant};
use tsdsm_core::sys::eventfd;
use tsdsm_core::watch::{DeathWatch, OwnerWatch};
use tsdsm_core::{Error, cores, mailbox, word};

use crate::args::{count, descriptor, integer, unsigned};
use crate::buffer::External;
use crate::error::OrThrow;
use crate::handle::Handle;
use crate::session::{Open, Session, State};

/// How large a cluster can become, and what its random numbers come from.
#[napi(object, object_to_js = false)]
pub struct CreateOptions {
    /// The cluster's name.
    pub name: String,
    /// Workers.
    pub workers: f64,
    /// Participants, main and the workers among them.
    pub slots: f64,
    /// Locks and barriers, the two defaults among them.
    pub objects: f64,
    /// Shared arrays.
    pub arrays: f64,
    /// The seed.
    pub seed: BigInt,
    /// Permissions of the control segment, as in `chmod`.
    pub mode: f64,
}

/// Creates a cluster's control segment, after removing what crashed clusters left, and takes part in it as main. Starts
/// nothing else. The cluster ends when this session does.
#[napi(catch_unwind, strict)]
pub fn session_create(env: &Env, options: CreateOptions) -> Result<Session> {
    let limits = Limits {
        workers: count(env, "the number of workers", options.workers)?,
        slots: count(env, "the number of slots", options.slots)?,
        objects: count(env, "the number of objects", options.objects)?,
        arrays: count(env, "the number of arrays", options.arrays)?,
    };
    let seed = unsigned(env, "the seed", &options.seed)?;
    let mode = integer(env, "the mode of a cluster", options.mode, 0..=0o777)? as u32;
    let (control, token) = Control::create(&options.name, &limits, seed, mode).or_throw(env)?;
    let participant = Participant::claim(&control, Kind::Main, None).or_throw(env)?;
    State::open(env, control, Open { token: Some(token), ..Open::of(participant) })
}

/// In a forked worker: attaches to the cluster, claims a slot, starts the watch that ends this process when main is
/// gone, and tells main. Both descriptors are closed on exec from now on; main's belongs to the session.
#[napi(catch_unwind)]
pub fn session_attach_worker(
    env: &Env,
    name: String,
    worker: f64,
    doorbell_fd: f64,
    main_doorbell_fd: f64,
) -> Result<Session> {
    let worker = count(env, "a worker", worker)?;
    let own = descriptor(env, doorbell_fd)?;
    let main = descriptor(env, main_doorbell_fd)?;
    // SAFETY: the caller lends it for this call; a closed one is refused.
    eventfd::close_on_exec(unsafe { BorrowedFd::borrow_raw(own) }).or_throw(env)?;
    // SAFETY: as above.
    eventfd::close_on_exec(unsafe { BorrowedFd::borrow_raw(main) }).or_throw(env)?;

    let control = Control::attach(&name).or_throw(env)?;
    // Before there is anything to lose: a worker must not outlive main, whatever it is doing.
    let owner_watch = OwnerWatch::start(&control, exit).or_throw(env)?;
    let participant = Participant::claim(&control, Kind::Worker, Some(worker)).or_throw(env)?;
    mailbox::ready(&participant).or_throw(env)?;
    // SAFETY: open, as was just seen, and given away by the caller.
    let main_doorbell = unsafe { OwnedFd::from_raw_fd(main) };
    eventfd::ring(&main_doorbell).or_throw(env)?;
    let open = Open { owner_watch: Some(owner_watch), main_doorbell: Some(main_doorbell), ..Open::of(participant) };
    State::open(env, control, open)
}

/// In any thread that is neither main nor a worker's own: attaches to a running cluster as one participant more. Rings the
/// doorbell, of which a copy is kept, when main has ended or closed the cluster.
#[napi(catch_unwind)]
pub fn session_join(env: &Env, name: String, doorbell_fd: f64) -> Result<Session> {
    // SAFETY: lent by the caller for this call, which copies it; a closed one is refused.
    let doorbell = unsafe { BorrowedFd::borrow_raw(descriptor(env, doorbell_fd)?) };
    let copied = doorbell.try_clone_to_owned();
    let doorbell = copied.map_err(|source| Error::System { call: "dup of a doorbell".into(), source }).or_throw(env)?;
    let control = Control::attach(&name).or_throw(env)?;
    // Before there is anything to lose: nobody else may be left to clean up when main dies.
    let owner_watch = OwnerWatch::start(&control, move || drop(eventfd::ring(&doorbell))).or_throw(env)?;
    let participant = Participant::claim(&control, Kind::Joiner, None).or_throw(env)?;
    State::open(env, control, Open { owner_watch: Some(owner_watch), ..Open::of(participant) })
}

/// Whether main has ended or closed the cluster, as seen by a session of `sessionJoin`.
#[napi(catch_unwind)]
pub fn session_has_ended(session: Session) -> bool {
    session.control.has_ended()
}

/// Ends a worker whose main is gone. Nothing can be told to anybody, and JavaScript may be blocked: no handlers.
fn exit() {
    // SAFETY: ends the process at once.
    unsafe { libc::_exit(1) }
}

/// What a session is.
#[napi(object, object_from_js = false)]
pub struct Facts {
    /// The cluster's name.
    pub cluster: String,
    /// This participant's slot.
    pub slot: u32,
    /// What stands in a lock word that this participant holds.
    pub owner: u32,
    /// How many workers the cluster has.
    pub workers: u32,
    /// What the cluster's random numbers come from.
    pub seed: BigInt,
    /// Permissions of the control segment, as in `chmod`.
    pub mode: u32,
}

/// What this session is.
#[napi(catch_unwind)]
pub fn session_facts(env: &Env, session: Session) -> Result<Facts> {
    Ok(Facts {
        cluster: session.control.cluster().into(),
        slot: session.owner.slot(),
        owner: session.owner.bits(),
        workers: session.control.limits().workers,
        seed: session.control.seed().into(),
        mode: session.control.mode().or_throw(env)?,
    })
}

/// The whole control segment, for Atomics. The same ArrayBuffer every time; `sessionClose` detaches it.
#[napi(catch_unwind, ts_return_type = "ArrayBuffer")]
pub fn session_buffer(env: &Env, session: Session) -> Result<External> {
    session.buffer(env)
}

/// Takes the names of all the cluster's segments away, persistent ones excepted: the session that created the cluster is
/// about to end it, and must leave nothing even if it is killed meanwhile. Other sessions: does nothing.
#[napi(catch_unwind)]
pub fn session_unlink(env: &Env, session: Session) -> Result<()> {
    session.with(|open| open.token.as_ref().map_or(Ok(()), |token| token.unlink())).or_throw(env)
}

/// Whether the cluster can be found by its name: not any more, once main has begun to end it.
#[napi(catch_unwind)]
pub fn session_is_current(session: Session) -> bool {
    session.control.is_current()
}

/// Ends the session in order: its asynchronous waits end (with 6, cancelled), what it holds is released, its slot is given
/// back. (Where the thread ends without that, it counts as dead.)
/// The session that created the cluster also unlinks all its segments, persistent ones excepted. Twice is fine.
#[napi(catch_unwind)]
pub fn session_close(env: &Env, #[napi(ts_arg_type = "Session")] session: Handle<State>) -> Result<()> {
    session.close(env).or_throw(env)
}

/// The cores that this process may use, at least 1: by affinity and control group, not the machine's count.
#[napi(catch_unwind)]
pub fn usable_cores() -> u32 {
    cores::usable() as u32
}

/// What stands where, in bytes from the start of `sessionBuffer`, and the bits of a lock word.
#[napi(object, object_from_js = false)]
pub struct Layout {
    /// In a lock word: a holder died, or left, without releasing.
    #[napi(js_name = "POISON")]
    pub poison: u32,
    /// In a lock word: somebody may be asleep.
    #[napi(js_name = "WAITERS")]
    pub waiters: u32,
    /// In a lock word: the holder.
    #[napi(js_name = "OWNER_MASK")]
    pub owner_mask: u32,
    /// u32: the number of the run in progress.
    pub run_word: f64,
    /// u32: the number of the run that is being called off; 0 none.
    pub cancel_word: f64,
    /// Worker 0's mailbox.
    pub mailbox_base: f64,
    /// From one worker's mailbox to the next.
    pub mailbox_stride: f64,
    /// u32, in a mailbox: its status.
    pub mailbox_status: f64,
    /// u32, in a mailbox: the number of its run.
    pub mailbox_run: f64,
    /// Two f64, in a mailbox: done, total.
    pub mailbox_progress: f64,
}

/// What stands where in this session's control segment.
#[napi(catch_unwind)]
pub fn layout(session: Session) -> Layout {
    let offsets = session.control.geometry().offsets();
    Layout {
        poison: word::POISON,
        waiters: word::WAITERS,
        owner_mask: word::OWNER_MASK,
        run_word: offsets.run_word as f64,
        cancel_word: offsets.cancel_word as f64,
        mailbox_base: offsets.mailbox_base as f64,
        mailbox_stride: offsets.mailbox_stride as f64,
        mailbox_status: offsets.mailbox_status as f64,
        mailbox_run: offsets.mailbox_run as f64,
        mailbox_progress: offsets.mailbox_progress as f64,
    }
}

/// In main: watches a forked child. When it dies, in whatever state, what it held is recovered, its mailbox says so, and
/// then the doorbell rings.
#[napi(catch_unwind)]
pub fn watch_worker(env: &Env, session: Session, worker: f64, pid: f64, main_doorbell_fd: f64) -> Result<()> {
    let worker = count(env, "a worker", worker)?;
    let pid = integer(env, "a process id", pid, 1..=i32::MAX as u64)? as u32;
    let doorbell = descriptor(env, main_doorbell_fd)?;
    session.with(|open| {
        if open.deaths.is_none() {
            open.deaths = Some(DeathWatch::start(&session.control).or_throw(env)?);
        }
        let deaths = open.deaths.as_ref().expect("started above");
        // SAFETY: lent by the caller for this call, which copies it; a closed one is refused.
        deaths.add(worker, pid, unsafe { BorrowedFd::borrow_raw(doorbell) }).or_throw(env)
    })
}
