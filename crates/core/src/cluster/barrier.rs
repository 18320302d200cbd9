//! A barrier, as a participant waits in it.

use std::time::Duration;

use super::place::Place;
use crate::barrier::{self, Breaker, Info, Patience, Reason, Turn};
use crate::primitive::Deadline;
use crate::wait::tick;
use crate::{Error, Result};

/// A barrier: see [`crate::barrier`]. A participant is a member from its first arrival on: its death breaks it.
#[derive(Clone, Debug)]
pub struct Barrier<'a> {
    pub(super) place: Place<'a>,
    pub(super) epoch: Option<u32>,
}

impl Barrier<'_> {
    /// Waits until all have come: the index of arrival, 0 for the first. What each did before it came is seen by all
    /// after it. A zero time-out breaks the barrier unless this is the last to come.
    ///
    /// # Errors
    /// [`Error::BrokenBarrier`]; [`Error::TimedOut`], and the errors of every wait (see [`super::Member`]), which leave it
    /// broken for all; [`Error::Deadlock`] where this participant waits in it already; [`Error::Closed`] when its run is
    /// over.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<u32> {
        let member = self.place.member;
        member.check()?;
        let (control, slot, worker) = (member.control(), member.owner().slot(), member.worker());
        let barrier = self.barrier()?;
        let deadline = timeout.map(Deadline::after);
        let mut turn = barrier.arrive(slot, self.epoch);
        for n in 0.. {
            match turn {
                Turn::Again(_) if n == 0 => {}
                Turn::Again(_) => {
                    if let Err(reason) = member.go_on(&self.place) {
                        let by = Breaker { reason: Reason::GaveUp, worker };
                        // The round may have been complete before: that wins.
                        return if let Turn::Passed(index) = barrier.leave(slot, by) { Ok(index) } else { Err(reason) };
                    }
                }
                Turn::Passed(index) => return Ok(index),
                Turn::Broken => return Err(self.broken()?),
                Turn::TimedOut => return Err(self.place.timed_out(timeout)),
                Turn::AlreadyArrived => {
                    return Err(Error::Deadlock(format!("this participant waits in {} already", self.place)));
                }
                Turn::Cancelled => return Err(Error::Cancelled),
                Turn::WrongEpoch => return Err(Error::Closed(format!("the run of {}", self.place))),
            }
            turn = barrier.wait_slice(slot, &Patience { deadline, tick: tick(n), worker }, &**control);
        }
        unreachable!("the loop above ends by returning")
    }

    /// Breaks it for all who wait and all who come.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn break_now(&self) -> Result<()> {
        self.place.member.check()?;
        let by = Breaker { reason: Reason::Explicit, worker: self.place.member.worker() };
        self.barrier()?.break_now(by);
        Ok(())
    }

    /// Makes it sound again. Whoever waits in it gets [`Error::BrokenBarrier`].
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn reset(&self) -> Result<()> {
        self.place.member.check()?;
        self.barrier()?.reset();
        Ok(())
    }

    /// How it stands.
    ///
    /// # Errors
    /// None, while the barrier exists.
    pub fn info(&self) -> Result<Info> {
        Ok(self.barrier()?.info())
    }

    fn barrier(&self) -> Result<barrier::Barrier<'_>> {
        self.place.member.control().barrier(self.place.index)
    }

    fn broken(&self) -> Result<Error> {
        let Info { is_broken, broken_by, missing, .. } = self.info()?;
        let control = self.place.member.control();
        let worker_in = |slot: &u32| control.occupant(*slot).and_then(|occupant| occupant.worker);
        // Broken for those who waited, and sound again: somebody has reset it.
        let by = broken_by.unwrap_or(Breaker { reason: Reason::Explicit, worker: None });
        let mut missing: Vec<u32> = missing.iter().filter_map(worker_in).collect();
        missing.sort_unstable();
        Ok(Error::BrokenBarrier {
            name: self.place.name.clone(),
            reason: is_broken.then_some(by.reason),
            worker: by.worker.filter(|_| is_broken),
            missing: if is_broken { missing } else { Vec::new() },
        })
    }
}
