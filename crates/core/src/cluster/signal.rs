//! What is waited for and not held: events, latches, what is done once.

use std::time::Duration;

use super::place::Place;
use crate::latch::{self, Stand};
use crate::operation::Operation;
use crate::wait::Slice;
use crate::{Error, Result};

/// An event: see [`crate::event`].
#[derive(Clone, Debug)]
pub struct Event<'a> {
    pub(super) place: Place<'a>,
}

impl Event<'_> {
    /// Waits until it has happened.
    ///
    /// # Errors
    /// [`Error::TimedOut`], and those of every wait: see [`super::Member`].
    pub fn wait(&self, timeout: Option<Duration>) -> Result<()> {
        let since = self.place.member.control().event(self.place.index)?.generation();
        match self.place.wait(Operation::Event(since), false, timeout)? {
            Slice::Acquired => Ok(()),
            other => Err(self.place.refusal(other, timeout)),
        }
    }

    /// It has happened: all who wait pass or, where it resets itself, one does.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn set(&self) -> Result<()> {
        self.place.member.check()?;
        self.place.member.control().event(self.place.index)?.set();
        Ok(())
    }

    /// It has not happened any more.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn reset(&self) -> Result<()> {
        self.place.member.check()?;
        self.place.member.control().event(self.place.index)?.reset();
        Ok(())
    }

    /// Whether it has happened.
    ///
    /// # Errors
    /// None, while the event exists.
    pub fn is_set(&self) -> Result<bool> {
        Ok(self.place.member.control().event(self.place.index)?.is_set())
    }
}

/// A latch: see [`crate::latch`]. A joiner that dies before it has counted breaks none: only workers are its parties.
#[derive(Clone, Debug)]
pub struct Latch<'a> {
    pub(super) place: Place<'a>,
}

impl Latch<'_> {
    /// Waits until it is open.
    ///
    /// # Errors
    /// [`Error::BrokenLatch`], [`Error::TimedOut`], and those of every wait: see [`super::Member`].
    pub fn wait(&self, timeout: Option<Duration>) -> Result<()> {
        let since = self.info()?.epoch;
        match self.place.wait(Operation::Latch(since), false, timeout)? {
            Slice::Acquired => Ok(()),
            Slice::Over => Err(self.broken()?),
            other => Err(self.place.refusal(other, timeout)),
        }
    }

    /// Counts down by `by`, to 0 at least: whether it is open now.
    ///
    /// # Errors
    /// [`Error::BrokenLatch`], [`Error::Closed`].
    pub fn count_down(&self, by: u32) -> Result<bool> {
        self.place.member.check()?;
        let latch = self.place.member.control().latch(self.place.index)?;
        match latch.count_down(self.place.member.worker(), by) {
            Stand::Broken => Err(self.broken()?),
            stand => Ok(stand == Stand::Open),
        }
    }

    /// Begins anew. Whoever waits gets [`Error::BrokenLatch`].
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn reset(&self) -> Result<()> {
        self.place.member.check()?;
        self.place.member.control().latch(self.place.index)?.reset();
        Ok(())
    }

    /// How it stands.
    ///
    /// # Errors
    /// None, while the latch exists.
    pub fn info(&self) -> Result<latch::Info> {
        Ok(self.place.member.control().latch(self.place.index)?.info())
    }

    fn broken(&self) -> Result<Error> {
        let latch::Info { stand, broken_by, .. } = self.info()?;
        let (name, reset) = (self.place.name.clone(), stand != Stand::Broken);
        Ok(Error::BrokenLatch { name, worker: broken_by, reset })
    }
}

/// Something that is done once: see [`crate::once`].
#[derive(Clone, Debug)]
pub struct Once<'a> {
    pub(super) place: Place<'a>,
}

impl Once<'_> {
    /// Calls `work` unless that was done before, by anybody; waits while another is at it. When `work` panics, the next
    /// in line does it. `work` gets whether one before died over it. Whether it was this call that did it.
    ///
    /// # Errors
    /// [`Error::TimedOut`] while another is at it, [`Error::Deadlock`] inside `work` itself, and those of every wait: see
    /// [`super::Member`].
    pub fn run(&self, timeout: Option<Duration>, work: impl FnOnce(bool)) -> Result<bool> {
        let slice = match self.place.wait(Operation::Once, false, timeout)? {
            Slice::Over => return Ok(false),
            slice if slice.is_held() => slice,
            other => return Err(self.place.refusal(other, timeout)),
        };
        let unfinished = Unfinished(&self.place);
        work(slice == Slice::AcquiredPoisoned);
        std::mem::forget(unfinished);
        let once = self.place.member.control().once(self.place.index)?;
        if once.finish(self.place.member.owner()) { Ok(true) } else { Err(Error::NotOwner(self.place.to_string())) }
    }

    /// Whether it is done. What was done is seen then.
    ///
    /// # Errors
    /// None, while it exists.
    pub fn is_done(&self) -> Result<bool> {
        Ok(self.place.member.control().once(self.place.index)?.is_done())
    }
}

/// Gives the work to the next in line.
struct Unfinished<'a>(&'a Place<'a>);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        let _ = self.0.give_back(Operation::Once);
    }
}
