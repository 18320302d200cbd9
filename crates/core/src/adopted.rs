//! Acting for a thread that takes part already: native code that a participant's own thread calls.
//!
//! An addon in Node has a copy of this crate of its own, perhaps of another version, and cannot reach into the one that
//! JavaScript's participant lives in. What the two have in common is the control segment. So the addon is told, by a
//! [`Handle`], which participant calls it; it maps the segment itself, makes sure that it means the same cluster, layout
//! and thread, and then acts under the same name in the words of locks and barriers: what it holds, JavaScript holds, and
//! the other way round, with whatever that implies for deadlock and death.
//!
//! It owns nothing of it: the slot and its token stay with the one who claimed it.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use crate::cluster::Member;
use crate::control::{Control, other_version, refuse_bare_fork};
use crate::layout;
use crate::sys::process;
use crate::word::Owner;
use crate::{Error, Result};

/// Which participant it is: what `res.handle()` and `cluster.handle()` give in JavaScript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handle {
    /// The cluster's name.
    pub cluster: String,
    /// Tells two clusters of one name apart.
    pub uuid: String,
    /// The version of the layout that the participant was built with: [`layout::ABI`].
    pub abi: u32,
    /// Slot and generation, as they stand in a lock word: [`Owner::bits`].
    pub participant: u32,
    /// The run whose task calls; 0 outside of tasks.
    pub run: u32,
}

impl Handle {
    /// The handle of a participant that lives in this process.
    pub fn of(control: &Control, owner: Owner, run: u32) -> Handle {
        let (cluster, uuid) = (control.cluster().to_owned(), uuid_of(control));
        Handle { cluster, uuid, abi: layout::ABI, participant: owner.bits(), run }
    }
}

/// The calling thread's participant, which somebody else has claimed. Stays on this thread, as the participant does.
///
/// Once that participant has left, or its cluster was closed, every call answers [`Error::Closed`]: so it may be kept,
/// and does not keep anything going.
#[derive(Debug)]
pub struct Adopted {
    member: Member,
    /// A participant is one thread.
    here: PhantomData<*const ()>,
}

impl Adopted {
    /// Maps the control segment (some 30 µs), and checks that the handle is of the calling thread.
    ///
    /// # Errors
    /// [`Error::IncompatibleSegment`] when the participant was built with another layout; [`Error::Closed`] when it has
    /// left, or its cluster has ended; [`Error::InvalidArgument`] when it is another thread's; [`Error::Unsupported`] in a
    /// process made by fork without exec; [`Error::System`].
    pub fn new(handle: &Handle) -> Result<Adopted> {
        refuse_bare_fork()?;
        if handle.abi != layout::ABI {
            return Err(other_version(&handle.cluster, "layout version", handle.abi.into(), layout::ABI.into()));
        }
        let control = attach(handle)?;
        let left = || Error::Closed(format!("the participant of cluster '{}' that this handle is of", handle.cluster));
        let owner = Owner::in_word(handle.participant).filter(|owner| owner.bits() == handle.participant);
        let owner = owner.filter(|&owner| control.claims_to_live(owner)).ok_or_else(left)?;
        let occupant = control.occupant(owner.slot()).ok_or_else(left)?;
        if (occupant.pid, occupant.tid) != (std::process::id(), process::tid()) {
            return Err(Error::InvalidArgument(format!(
                "this handle is of thread {} in process {}; only that thread can act under it",
                occupant.tid, occupant.pid
            )));
        }
        Ok(Adopted { member: Member::new(control, owner, occupant.worker, handle.run), here: PhantomData })
    }
}

impl Deref for Adopted {
    type Target = Member;

    fn deref(&self) -> &Member {
        &self.member
    }
}

/// The control segment of this very cluster, not of a later one of the same name.
fn attach(handle: &Handle) -> Result<Arc<Control>> {
    let ended = || Error::Closed(format!("cluster '{}'", handle.cluster));
    match Control::attach(&handle.cluster) {
        Ok(control) if uuid_of(&control) == handle.uuid => Ok(control),
        Ok(_) | Err(Error::NotFound { .. }) => Err(ended()),
        Err(error) => Err(error),
    }
}

fn uuid_of(control: &Control) -> String {
    let [low, high] = control.uuid();
    format!("{high:016x}{low:016x}")
}
