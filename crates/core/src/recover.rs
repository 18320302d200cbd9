//! What a dead participant held, given back.
//!
//! One recoverer at a time. The slot's state says `Dead` before anything else, so that a recoverer that is stopped, or
//! dies, cannot make the dead look alive; every step may be done again by the next. At each object the word changes first
//! and then all are woken: a waiter that looked before the change and sleeps after it is woken by it.
//!
//! Semaphores come after everything else: whoever gets a permit of the dead finds what it guards recovered.

use std::sync::atomic::{Ordering, fence};

use crate::Result;
use crate::control::Control;
use crate::object::Departed;
use crate::objects::Kind;
use crate::slots::{State, pack, process_has_ended};
use crate::sys::process;
use crate::word::Owner;

/// Recovers every participant that has died. Leaves at once when somebody else is doing so. Returns how many there were.
///
/// # Errors
/// [`crate::Error::System`]; what was not done is done by the next sweep.
pub fn sweep(control: &Control) -> Result<usize> {
    recover_where(control, |owner| !control.is_alive(owner))
}

/// Recovers what a process that has ended held, in all its slots, also where a forked child keeps its tokens. Blocks
/// while somebody else recovers. Returns how many slots it had.
///
/// # Errors
/// [`crate::Error::System`].
pub fn recover_process(control: &Control, pid: u32) -> Result<usize> {
    let dead = dead_slots(control, |owner| {
        let Some(slot) = control.slot_of(owner) else { return false };
        // A number that another process has by now is not meant: that one's start time is its own.
        slot.pid.load(Ordering::Relaxed) == pid
            && slot.namespace.load(Ordering::Relaxed) == process::pid_namespace()
            && (control.slot_is_free(owner.slot()) || process_has_ended(slot))
    });
    for &owner in &dead {
        recover_slot(control, owner)?;
    }
    Ok(dead.len())
}

/// Recovers one participant that is known to be dead. Blocks while somebody else recovers.
///
/// # Errors
/// [`crate::Error::System`].
pub fn recover_slot(control: &Control, owner: Owner) -> Result<()> {
    let _held = control.hold_recovery()?;
    recover(control, owner);
    Ok(())
}

fn recover_where(control: &Control, is_dead: impl Fn(Owner) -> bool) -> Result<usize> {
    let dead = dead_slots(control, is_dead);
    if dead.is_empty() {
        return Ok(0);
    }
    let Some(_held) = control.try_hold_recovery()? else { return Ok(0) };
    for &owner in &dead {
        recover(control, owner);
    }
    Ok(dead.len())
}

fn dead_slots(control: &Control, is_dead: impl Fn(Owner) -> bool) -> Vec<Owner> {
    let occupants = (0..control.limits().slots).filter_map(|index| control.occupant(index));
    occupants.map(|occupant| occupant.owner).filter(|&owner| is_dead(owner)).collect()
}

/// The recovery lock is held. Nothing happens if somebody has recovered this participant before.
fn recover(control: &Control, owner: Owner) {
    let Some(slot) = control.slot_of(owner) else { return };
    let (live, dead) = (pack(State::Live, owner.generation()), pack(State::Dead, owner.generation()));
    let _ = slot.state.compare_exchange(live, dead, Ordering::AcqRel, Ordering::Relaxed);
    if slot.state.load(Ordering::Acquire) != dead {
        return;
    }
    // Against the fence in `run::begin`, which enters members and then asks whether they live.
    fence(Ordering::SeqCst);
    let worker = control.valid_worker(slot.worker.load(Ordering::Relaxed));
    for last in [false, true] {
        for (index, kind) in control.live_objects().filter(|(_, kind)| (*kind == Kind::Semaphore) == last) {
            control.object(index, kind).participant_died(Departed { owner, worker });
        }
    }
    slot.intent.store(0, Ordering::Relaxed);
    // The byte may be held: by a child of the dead that has not called exec, or by one who is claiming the slot and
    // waits for us. The latter does not mind what the state says.
    let next = if control.slot_is_free(owner.slot()) { State::Free } else { State::Retired };
    let next = pack(next, owner.generation());
    let _ = slot.state.compare_exchange(dead, next, Ordering::AcqRel, Ordering::Relaxed);
}

/// A participant leaves in order: what it still holds is given back.
pub(crate) fn withdraw(control: &Control, owner: Owner) {
    let worker = control.slot_of(owner).and_then(|slot| control.valid_worker(slot.worker.load(Ordering::Relaxed)));
    for (index, kind) in control.live_objects() {
        control.object(index, kind).participant_left(Departed { owner, worker });
    }
}
