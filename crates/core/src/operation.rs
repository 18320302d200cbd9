//! What participants wait for at the objects of the table, and give back.

use crate::control::Control;
use crate::objects::Kind;
use crate::wait::{Request, Slice};
use crate::word::Owner;
use crate::{Error, Result};

/// What is waited for, or held, at an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// To hold a lock.
    Lock,
    /// To read under a reader-writer lock.
    Read,
    /// To write under a reader-writer lock.
    Write,
    /// To have so many permits of a semaphore.
    Acquire(u32),
    /// To pass an event, in a wait that began in this generation.
    Event(u32),
    /// To pass a latch, in a wait that began in this epoch.
    Latch(u32),
    /// To be the one who does what is done once, or to find it done.
    Once,
    /// To be notified, in a wait in a condition that has this ticket.
    Condition(u32),
}

impl Operation {
    /// The operation of this number, with what belongs to it.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a number that stands for none.
    pub fn from_code(code: u32, argument: u32) -> Result<Operation> {
        match code {
            1 => Ok(Operation::Lock),
            2 => Ok(Operation::Read),
            3 => Ok(Operation::Write),
            4 => Ok(Operation::Acquire(argument)),
            5 => Ok(Operation::Event(argument)),
            6 => Ok(Operation::Latch(argument)),
            7 => Ok(Operation::Once),
            8 => Ok(Operation::Condition(argument)),
            _ => Err(Error::InvalidArgument(format!("there is no operation {code} on an object"))),
        }
    }

    fn kind(self) -> Kind {
        match self {
            Operation::Lock => Kind::Lock,
            Operation::Read | Operation::Write => Kind::RwLock,
            Operation::Acquire(_) => Kind::Semaphore,
            Operation::Event(_) => Kind::Event,
            Operation::Latch(_) => Kind::Latch,
            Operation::Once => Kind::Once,
            Operation::Condition(_) => Kind::Condition,
        }
    }
}

impl Control {
    /// One slice of waiting: spins while that may help, then sleeps once at most.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an index out of range, or of an object that has no such operation.
    pub fn wait_slice(&self, index: u32, operation: Operation, me: Owner, request: &Request) -> Result<Slice> {
        Ok(match operation {
            Operation::Lock => match self.fair_lock(index)? {
                Some(lock) => lock.lock_slice(me, request, self),
                None => self.mutex(index)?.lock_slice(me, request, self),
            },
            Operation::Read => self.rwlock(index)?.read_slice(me, request, self),
            Operation::Write => self.rwlock(index)?.write_slice(me, request, self),
            Operation::Acquire(permits) => self.semaphore(index)?.acquire_slice(me, permits, request, self),
            Operation::Event(since) => self.event(index)?.wait_slice(me, since, request, self),
            Operation::Once => self.once(index)?.begin_slice(me, request, self),
            Operation::Latch(since) => self.latch(index)?.wait_slice(me, since, request, self),
            Operation::Condition(ticket) => self.condition(index)?.wait_slice(me, ticket, request, self),
        })
    }

    /// Whether the object has this operation.
    ///
    /// # Errors
    /// As [`Control::wait_slice`].
    pub fn check_operation(&self, index: u32, operation: Operation) -> Result<()> {
        self.check_kind(index, operation.kind())
    }

    /// Leaves a wait after [`Slice::Again`] or, with `halfway`, after [`Slice::Halfway`].
    ///
    /// # Errors
    /// As [`Control::wait_slice`].
    pub fn abandon(&self, index: u32, operation: Operation, me: Owner, halfway: bool) -> Result<()> {
        match operation {
            Operation::Lock => match self.fair_lock(index)? {
                Some(lock) => lock.abandon(me),
                None => self.mutex(index)?.abandon(),
            },
            Operation::Event(_) => self.event(index)?.abandon(),
            Operation::Once => self.once(index)?.abandon(),
            Operation::Condition(ticket) => self.condition(index)?.abandon(ticket),
            Operation::Read | Operation::Acquire(_) | Operation::Latch(_) => self.check_operation(index, operation)?,
            Operation::Write => self.rwlock(index)?.abandon_write(me, halfway),
        }
        Ok(())
    }

    /// Gives back what a wait has got. False, and nothing changed, if `me` does not hold it.
    ///
    /// # Errors
    /// As [`Control::wait_slice`].
    pub fn release(&self, index: u32, operation: Operation, me: Owner) -> Result<bool> {
        Ok(match operation {
            Operation::Lock => match self.fair_lock(index)? {
                Some(lock) => lock.unlock(me),
                None => self.mutex(index)?.unlock(me),
            },
            Operation::Read => self.rwlock(index)?.unlock_read(me),
            Operation::Write => self.rwlock(index)?.unlock_write(me),
            Operation::Acquire(permits) => self.semaphore(index)?.release(me, permits),
            Operation::Event(_) => {
                self.event(index)?.give_back();
                true
            }
            Operation::Latch(_) => self.latch(index).map(|_| true)?,
            Operation::Once => self.once(index)?.give_back(me),
            Operation::Condition(_) => {
                self.condition(index)?.notify(1);
                true
            }
        })
    }
}
