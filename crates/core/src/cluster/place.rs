//! Waiting at an object of the table, for a participant.

use std::fmt;
use std::time::Duration;

use super::member::Member;
use crate::objects::Kind;
use crate::operation::Operation;
use crate::primitive::Deadline;
use crate::wait::{Request, Slice, tick};
use crate::{Error, Result};

/// An object of the table, as one participant has found it.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    pub member: &'a Member,
    pub name: String,
    pub index: u32,
    pub kind: Kind,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} '{}'", self.kind.noun(), self.name)
    }
}

impl Place<'_> {
    /// Waits until it is decided.
    pub fn wait(&self, operation: Operation, recover: bool, timeout: Option<Duration>) -> Result<Slice> {
        self.member.check()?;
        self.wait_on(operation, recover, timeout, false)
    }

    /// As [`Place::wait`], for one that has begun: whatever ends it early, it is abandoned. Nothing but the end of the
    /// cluster ends one that is `lasting`.
    pub fn wait_on(
        &self,
        operation: Operation,
        recover: bool,
        timeout: Option<Duration>,
        lasting: bool,
    ) -> Result<Slice> {
        let (control, me) = (self.member.control(), self.member.owner());
        let only_try = timeout.is_some_and(|timeout| timeout.is_zero());
        let deadline = timeout.map(Deadline::after);
        let mut request = Request { recover, only_try, deadline, ..Request::default() };
        for n in 0.. {
            request.tick = tick(n);
            let slice = control.wait_slice(self.index, operation, me, &request)?;
            if !request.resume(slice) {
                return Ok(slice);
            }
            if let Err(reason) = self.member.go_on(self)
                && (!lasting || matches!(reason, Error::Closed(_)))
            {
                control.abandon(self.index, operation, me, request.halfway)?;
                return Err(reason);
            }
        }
        unreachable!("the loop above ends by returning")
    }

    /// What a wait came to that has not got what it waited for.
    pub fn refusal(&self, slice: Slice, timeout: Option<Duration>) -> Error {
        match slice {
            Slice::TimedOut => self.timed_out(timeout),
            Slice::Deadlock => {
                Error::Deadlock(format!("this participant holds {self} already, and would wait for itself"))
            }
            _ => Error::Closed(self.to_string()),
        }
    }

    pub fn timed_out(&self, timeout: Option<Duration>) -> Error {
        Error::TimedOut { what: self.to_string(), timeout: timeout.unwrap_or_default() }
    }

    /// Gives back what was got.
    pub fn give_back(&self, operation: Operation) -> Result<()> {
        if self.member.control().release(self.index, operation, self.member.owner())? {
            return Ok(());
        }
        Err(Error::NotOwner(self.to_string()))
    }
}
