//! The locks on a control file's bytes: who lives, and who may change what.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use super::{Control, Patience, system};
use crate::segment::{self, Draft};
use crate::sys::locks::{self, Holder};
use crate::word::MAX_SLOTS;
use crate::{Error, Result, name};

/// The byte of the control file that main holds as long as the cluster lives.
const OWNER: Range<u64> = 0..1;
/// Held while somebody recovers what a dead participant held.
const RECOVERY: Range<u64> = 1..2;
/// Held while somebody writes to the output that all workers share.
const OUTPUT: Range<u64> = 2..3;
/// Held while somebody changes the object table or the catalogue.
const TABLE: Range<u64> = 3..4;
/// Held while what a cluster without a main left behind is removed.
const CLEANING: Range<u64> = 4..5;
/// The byte of slot 0.
const SLOT_0: u64 = 64;
/// Every byte that anybody may hold, whatever the limits: who has them all knows that nobody lives.
pub(crate) const ALL: Range<u64> = 0..SLOT_0 + MAX_SLOTS as u64;

/// Who has a cluster's control file, by the locks on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// A living main.
    Main,
    /// Main is gone, and somebody is removing what it left.
    Cleaning,
    /// Main is gone. Others may still live.
    Nobody,
}

impl Ownership {
    pub(crate) fn of(file: &File) -> Result<Ownership> {
        // A janitor takes every byte at once, main's too; those who wait for main's end get a read lock on it.
        if locks::holder(file, CLEANING)? != Holder::Nobody {
            return Ok(Ownership::Cleaning);
        }
        let main = locks::holder(file, OWNER)? == Holder::Exclusive;
        Ok(if main { Ownership::Main } else { Ownership::Nobody })
    }
}

/// Takes main's byte of a control file that nobody knows yet.
pub(crate) fn own(draft: &Draft) -> Result<File> {
    let token = draft.file().try_clone().map_err(|source| system("dup", source))?;
    if locks::try_lock(&token, OWNER)? {
        return Ok(token);
    }
    Err(Error::Unsupported("a file that nobody knows is locked by somebody; is /dev/shm a tmpfs?".to_owned()))
}

/// Gives main's byte back.
pub(super) fn disown(file: &File) {
    locks::unlock(file, OWNER);
}

impl Control {
    pub(crate) fn ownership(&self) -> Result<Ownership> {
        Ownership::of(&self.file)
    }

    /// Whether main lives.
    ///
    /// # Errors
    /// [`Error::System`].
    pub fn has_owner(&self) -> Result<bool> {
        Ok(self.ownership()? == Ownership::Main)
    }

    /// Calls `write` while no other process is inside this call: for output that must not be torn apart. Blocks.
    ///
    /// # Errors
    /// [`Error::System`]; `write` was not called.
    pub fn with_output_lock<T>(&self, write: impl FnOnce() -> T) -> Result<T> {
        let _guard = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        locks::lock(&self.file, OUTPUT)?;
        let _held = Held { file: &self.file, bytes: OUTPUT, _guard };
        Ok(write())
    }

    /// Holds off all other changes to the object table and the catalogue. If a holder dies, the kernel lets go for it,
    /// and there is nothing to repair: half-written entries are not [`crate::layout::LIVE`].
    pub(crate) fn hold_table(&self) -> Result<Held<'_>> {
        self.hold(&self.table, TABLE)
    }

    /// Holds off all other recoverers.
    pub(crate) fn hold_recovery(&self) -> Result<Held<'_>> {
        self.hold(&self.recovery, RECOVERY)
    }

    /// As [`Control::hold_recovery`], but `None` if somebody is at work.
    pub(crate) fn try_hold_recovery(&self) -> Result<Option<Held<'_>>> {
        let guard = match self.recovery.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Poisoned(left)) => left.into_inner(),
            Ok(guard) => guard,
        };
        let held = locks::try_lock(&self.file, RECOVERY)?;
        Ok(held.then_some(Held { file: &self.file, bytes: RECOVERY, _guard: guard }))
    }

    /// What is done under these locks takes microseconds: whoever has one for seconds is stopped, and nobody is to hang
    /// with it.
    fn hold<'a>(&'a self, mutex: &'a Mutex<()>, bytes: Range<u64>) -> Result<Held<'a>> {
        let guard = mutex.lock().unwrap_or_else(PoisonError::into_inner);
        let mut patience = Patience::new();
        while !locks::try_lock(&self.file, bytes.clone())? {
            if !patience.wait() {
                let call = format!("a lock of cluster '{}', which another process has for seconds", self.cluster);
                return Err(Error::System { call, source: io::ErrorKind::TimedOut.into() });
            }
        }
        Ok(Held { file: &self.file, bytes, _guard: guard })
    }

    /// A description of its own, for a token or a watch.
    pub(crate) fn reopen(&self) -> Result<File> {
        locks::reopen(&self.file, &segment::path(&name::control_segment(&self.cluster)))
    }

    /// Blocks until main is gone.
    pub(crate) fn wait_for_end(file: &File) -> Result<()> {
        locks::lock_shared(file, OWNER)
    }

    /// Calls `clean` while no other process cleans up after this cluster. Waits a while for one that does, and goes
    /// without when that one is stopped: what is left then is removed by the next start.
    pub(crate) fn clean(file: &File, clean: impl FnOnce()) -> Result<()> {
        let mut patience = Patience::new();
        while !locks::try_lock(file, CLEANING)? {
            if !patience.wait() {
                return Ok(());
            }
        }
        clean();
        locks::unlock(file, CLEANING);
        Ok(())
    }

    /// Takes the byte of a slot through `file`.
    pub(crate) fn try_lock_slot(file: &File, slot: u32) -> Result<bool> {
        locks::try_lock(file, slot_byte(slot))
    }

    /// Gives the byte of a slot back.
    pub(crate) fn unlock_slot(file: &File, slot: u32) {
        locks::unlock(file, slot_byte(slot));
    }

    /// Whether nobody holds the byte of this slot. Where the system cannot say: no.
    pub(crate) fn slot_is_free(&self, slot: u32) -> bool {
        locks::holder(&self.file, slot_byte(slot)).is_ok_and(|holder| holder == Holder::Nobody)
    }
}

fn slot_byte(slot: u32) -> Range<u64> {
    SLOT_0 + u64::from(slot)..SLOT_0 + u64::from(slot) + 1
}

/// A byte of the control file, held.
pub(crate) struct Held<'a> {
    file: &'a File,
    bytes: Range<u64>,
    _guard: MutexGuard<'a, ()>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        locks::unlock(self.file, self.bytes.clone());
    }
}
