//! What is held for a while: locks, the sides of reader-writer locks, permits of semaphores.

use std::time::Duration;

use super::place::Place;
use crate::operation::Operation;
use crate::wait::Slice;
use crate::{Error, Result, semaphore};

/// Something held. Dropping it gives it back.
#[derive(Debug)]
#[must_use = "it is given back at once when nobody keeps it"]
pub struct Guard<'a> {
    pub(super) place: Place<'a>,
    pub(super) operation: Operation,
    recovered: bool,
    /// Dropping it is to give it back.
    pub(super) held: bool,
}

impl<'a> Guard<'a> {
    fn new(place: &Place<'a>, operation: Operation, slice: Slice) -> Guard<'a> {
        Guard { place: place.clone(), operation, recovered: slice == Slice::AcquiredPoisoned, held: true }
    }

    /// Whether it was taken over from a holder that died: what the lock guards may be half done.
    pub fn recovered(&self) -> bool {
        self.recovered
    }

    /// Declares what the lock guards sound again, so that the next in line can have it without recovering. False where
    /// this is no lock, nor the writing side of one.
    ///
    /// # Errors
    /// None, while the object exists.
    pub fn clear_poison(&self) -> Result<bool> {
        let (control, me) = (self.place.member.control(), self.place.member.owner());
        match self.operation {
            Operation::Lock => Ok(control.mutex(self.place.index)?.clear_poison(me)),
            Operation::Write => Ok(control.rwlock(self.place.index)?.clear_poison(me)),
            _ => Ok(false),
        }
    }

    /// Gives it back now, as dropping does, and says whether it was held until now.
    ///
    /// # Errors
    /// [`Error::NotOwner`] when it was lost meanwhile: this participant was taken for dead, or a new run has begun.
    pub fn release(mut self) -> Result<()> {
        self.let_go()
    }

    /// Whether dropping it gives anything back: not after a wait in a condition that could not take the lock again.
    pub fn is_held(&self) -> bool {
        self.held
    }

    /// Gives it back, and may take it again.
    pub(super) fn let_go(&mut self) -> Result<()> {
        self.held = false;
        self.place.give_back(self.operation)
    }

    /// Waits for it anew, until the cluster ends.
    pub(super) fn take_again(&mut self) -> Result<()> {
        let slice = self.place.wait_on(self.operation, false, None, true)?;
        check_held(&self.place, slice, None)?;
        self.held = true;
        Ok(())
    }

    /// Goes without giving it back: somebody does so by hand, as by [`Lock::release`]. For callers of other languages.
    pub fn keep(mut self) {
        self.held = false;
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if self.held {
            // Where it was lost meanwhile, there is nothing to give back.
            let _ = self.place.give_back(self.operation);
        }
    }
}

/// Waits for something that is held until it is given back.
fn hold<'a>(place: &Place<'a>, operation: Operation, recover: bool, timeout: Option<Duration>) -> Result<Guard<'a>> {
    let slice = place.wait(operation, recover, timeout)?;
    check_held(place, slice, timeout)?;
    Ok(Guard::new(place, operation, slice))
}

/// Refuses what a wait came to that does not hold anything.
fn check_held(place: &Place<'_>, slice: Slice, timeout: Option<Duration>) -> Result<()> {
    match slice {
        slice if slice.is_held() => Ok(()),
        Slice::OwnerDied => Err(Error::OwnerDied { name: place.name.clone(), worker: last_dead(place)? }),
        other => Err(place.refusal(other, timeout)),
    }
}

fn last_dead(place: &Place<'_>) -> Result<Option<u32>> {
    let control = place.member.control();
    match place.kind {
        crate::objects::Kind::RwLock => Ok(control.rwlock(place.index)?.info().last_dead),
        _ => Ok(control.mutex(place.index)?.last_dead()),
    }
}

/// A lock: see [`crate::mutex`].
#[derive(Clone, Debug)]
pub struct Lock<'a> {
    pub(super) place: Place<'a>,
}

impl<'a> Lock<'a> {
    /// Waits for the lock, and holds it until the guard goes.
    ///
    /// # Errors
    /// [`Error::OwnerDied`] when a holder died and nobody has cleared that, [`Error::TimedOut`], [`Error::Deadlock`] for
    /// whoever holds it already; and those of every wait: see [`super::Member`].
    pub fn acquire(&self, timeout: Option<Duration>) -> Result<Guard<'a>> {
        hold(&self.place, Operation::Lock, false, timeout)
    }

    /// As [`Lock::acquire`], but takes the lock over from a holder that died: see [`Guard::recovered`].
    ///
    /// # Errors
    /// As [`Lock::acquire`], [`Error::OwnerDied`] excepted.
    pub fn acquire_recovering(&self, timeout: Option<Duration>) -> Result<Guard<'a>> {
        hold(&self.place, Operation::Lock, true, timeout)
    }

    /// Gives it back where there is no guard any more: see [`Guard::keep`].
    ///
    /// # Errors
    /// [`Error::NotOwner`].
    pub fn release(&self) -> Result<()> {
        self.place.give_back(Operation::Lock)
    }

    /// Declares what the lock guards sound again where there is no guard any more: see [`Guard::clear_poison`].
    ///
    /// # Errors
    /// [`Error::NotOwner`].
    pub fn clear_poison(&self) -> Result<()> {
        let member = self.place.member;
        if member.control().mutex(self.place.index)?.clear_poison(member.owner()) {
            return Ok(());
        }
        Err(Error::NotOwner(self.place.to_string()))
    }

    /// Whether this participant holds it.
    ///
    /// # Errors
    /// None, while the lock exists.
    pub fn is_held(&self) -> Result<bool> {
        let lock = self.place.member.control().mutex(self.place.index)?;
        Ok(lock.holder() == Some(self.place.member.owner()))
    }
}

/// A reader-writer lock: see [`crate::rwlock`].
#[derive(Clone, Debug)]
pub struct RwLock<'a> {
    pub(super) place: Place<'a>,
}

impl<'a> RwLock<'a> {
    /// Ends one reading where there is no guard any more: see [`Guard::keep`].
    ///
    /// # Errors
    /// [`Error::NotOwner`].
    pub fn release_read(&self) -> Result<()> {
        self.place.give_back(Operation::Read)
    }

    /// Ends the writing where there is no guard any more: see [`Guard::keep`].
    ///
    /// # Errors
    /// [`Error::NotOwner`].
    pub fn release_write(&self) -> Result<()> {
        self.place.give_back(Operation::Write)
    }

    /// Waits until nobody writes, and keeps writers out until the guard goes.
    ///
    /// # Errors
    /// As [`Lock::acquire`]; the holder that died is a writer.
    pub fn read(&self, timeout: Option<Duration>) -> Result<Guard<'a>> {
        hold(&self.place, Operation::Read, false, timeout)
    }

    /// Waits until nobody else reads or writes, and keeps all out until the guard goes.
    ///
    /// # Errors
    /// As [`RwLock::read`].
    pub fn write(&self, timeout: Option<Duration>) -> Result<Guard<'a>> {
        hold(&self.place, Operation::Write, false, timeout)
    }

    /// As [`RwLock::write`], but takes the lock over from a writer that died: see [`Guard::recovered`].
    ///
    /// # Errors
    /// As [`RwLock::read`], [`Error::OwnerDied`] excepted.
    pub fn write_recovering(&self, timeout: Option<Duration>) -> Result<Guard<'a>> {
        hold(&self.place, Operation::Write, true, timeout)
    }
}

/// A counting semaphore: see [`crate::semaphore`].
#[derive(Clone, Debug)]
pub struct Semaphore<'a> {
    pub(super) place: Place<'a>,
}

impl<'a> Semaphore<'a> {
    /// Waits for so many permits, all at once, and holds them until the guard goes.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for none, [`Error::TimedOut`], [`Error::Deadlock`] where so many can never be free; and
    /// those of every wait: see [`super::Member`].
    pub fn acquire(&self, permits: u32, timeout: Option<Duration>) -> Result<Guard<'a>> {
        if !(1..=semaphore::MAX_PERMITS).contains(&permits) {
            let most = semaphore::MAX_PERMITS;
            return Err(Error::InvalidArgument(format!(
                "a semaphore gives 1 to {most} permits at once, not {permits}"
            )));
        }
        hold(&self.place, Operation::Acquire(permits), false, timeout)
    }

    /// Gives permits back where there is no guard any more: see [`Guard::keep`]. Those of an unowned semaphore anybody may give.
    ///
    /// # Errors
    /// [`Error::NotOwner`] for more than this participant holds.
    pub fn release(&self, permits: u32) -> Result<()> {
        self.place.give_back(Operation::Acquire(permits))
    }

    /// How it stands.
    ///
    /// # Errors
    /// None, while the semaphore exists.
    pub fn info(&self) -> Result<semaphore::Info> {
        Ok(self.place.member.control().semaphore(self.place.index)?.info())
    }
}
