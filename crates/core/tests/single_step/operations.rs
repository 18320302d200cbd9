//! What scenes have in common: waiting, holding and giving back.

use std::mem::offset_of;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use tsdsm_core::control::Control;
use tsdsm_core::layout::Body;
use tsdsm_core::objects::{self, Kind, Spec};
use tsdsm_core::operation::Operation;
use tsdsm_core::primitive::Deadline;
use tsdsm_core::slots::Participant;
use tsdsm_core::wait::{Request, Slice, until_decided};
use tsdsm_core::word::WAITERS;

use crate::world::Survivor;

/// Waits for an operation, taking over what somebody died with.
pub fn wait(control: &Control, index: u32, operation: Operation, me: &Participant, within: Duration) -> Slice {
    let request = Request { recover: true, deadline: Some(Deadline::after(within)), ..Request::default() };
    until_decided(request, |request| control.wait_slice(index, operation, me.owner(), request).unwrap())
}

pub fn release(control: &Control, index: u32, operation: Operation, me: &Participant) {
    assert!(control.release(index, operation, me.owner()).unwrap());
}

/// How often the dead had held what they died with, and how often not.
#[derive(Default)]
pub struct Tally {
    pub held: u32,
    pub not: u32,
}

impl Tally {
    pub fn add(&mut self, held: bool) {
        if held { self.held += 1 } else { self.not += 1 }
    }

    pub fn has_both(&self) {
        assert!(self.held > 0 && self.not > 0, "{} died holding it, {} not", self.held, self.not);
    }
}

/// Too short to be granted anything that is held.
pub const SHORT: Duration = Duration::from_millis(5);

/// Until the victim is dead, or sleeps for what the survivor holds.
pub fn until_asleep_or_dead(dead: &AtomicBool, asleep: impl Fn() -> bool) {
    while !asleep() && !dead.load(Ordering::Acquire) {
        thread::yield_now();
    }
}

/// A point or two with it in hand, however the compiler orders the rest.
pub fn linger() {
    for _ in 0..2 {
        // SAFETY: a system call without effect.
        unsafe { libc::syscall(libc::SYS_getppid) };
    }
}

/// The only object of this kind by name.
pub const IT: &str = "it";

pub fn find(control: &Control, kind: Kind) -> u32 {
    objects::find(control, IT, kind).unwrap()
}

/// A new one, whatever became of the one before.
pub fn fresh(survivor: &Survivor, spec: &Spec) {
    let _ = objects::delete(&survivor.control, IT, spec.kind());
    objects::create(&survivor.control, IT, spec).unwrap();
}

/// Whether somebody may be asleep at the object: the highest bit of the word that its kind sleeps at.
pub fn has_sleepers(control: &Control, kind: Kind) -> bool {
    let word = match kind {
        Kind::Semaphore => offset_of!(Body, semaphore) + 4,
        Kind::Event => offset_of!(Body, event),
        Kind::Latch => offset_of!(Body, latch) + 4,
        // Behind the word that says whether it is done.
        Kind::Once => offset_of!(Body, once) + 4,
        other => unreachable!("no scene asks for a {}", other.noun()),
    };
    let at = control.geometry().object_body(find(control, kind)) + word;
    assert!(at + 4 <= control.mapping().len());
    // SAFETY: within the mapping, aligned, and only ever used as an atomic.
    let word = unsafe { AtomicU32::from_ptr(control.mapping().as_ptr().add(at).cast()) };
    word.load(Ordering::Acquire) & WAITERS != 0
}
