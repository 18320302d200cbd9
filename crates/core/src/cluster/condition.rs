//! A condition variable, as a participant waits in it.

use std::time::Duration;

use super::held::{Guard, Lock};
use super::place::Place;
use crate::operation::Operation;
use crate::wait::Slice;
use crate::{Error, Result, condition};

/// A condition variable: see [`crate::condition`].
#[derive(Clone, Debug)]
pub struct Condition<'a> {
    pub(super) place: Place<'a>,
    pub(super) lock: Lock<'a>,
}

impl<'a> Condition<'a> {
    /// The lock that guards what is waited for.
    pub fn lock(&self) -> &Lock<'a> {
        &self.lock
    }

    /// Gives the lock back, waits for a notification, and takes the lock again, for which it waits without end. Whether
    /// it was notified; else the time is over. It may also return without a notification, so look again at what you wait
    /// for. The lock is held afterwards, also with an error, but for [`Error::OwnerDied`] and [`Error::Closed`]:
    /// [`Guard::is_held`] says.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a guard of something else, [`Error::NotOwner`] where that has lost the lock;
    /// [`Error::OwnerDied`] when a holder died meanwhile: not held; and those of every wait: see [`super::Member`].
    pub fn wait(&self, held: &mut Guard<'_>, timeout: Option<Duration>) -> Result<bool> {
        held.check_lock(&self.lock.place)?;
        self.place.member.check()?;
        let condition = self.condition()?;
        let ticket = condition.begin();
        if let Err(lost) = held.let_go() {
            condition.abandon(ticket);
            return Err(lost);
        }
        // Never a try, which would leave the ticket behind.
        let timeout = timeout.map(|timeout| timeout.max(Duration::from_nanos(1)));
        let came = self.place.wait_on(Operation::Condition(ticket), false, timeout, false);
        held.take_again()?;
        Ok(came? == Slice::Acquired)
    }

    /// Lets the first `count` of those who wait pass: how many they were. No system call where nobody waits.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn notify(&self, count: u32) -> Result<u32> {
        self.place.member.check()?;
        Ok(self.condition()?.notify(count))
    }

    fn condition(&self) -> Result<&condition::Layout> {
        self.place.member.control().condition(self.place.index)
    }
}

impl Guard<'_> {
    fn check_lock(&self, lock: &Place<'_>) -> Result<()> {
        let same = self.place.index == lock.index && self.place.member.owner() == lock.member.owner();
        if same && self.operation == Operation::Lock && self.held {
            return Ok(());
        }
        Err(Error::InvalidArgument(format!("to wait, hold {lock}, which belongs to the condition")))
    }
}
