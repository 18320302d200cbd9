//! What a barrier tells its callers.

use crate::wait::Slice;

/// Why a barrier is broken. The numbers are the binding's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Reason {
    /// A worker returned from its task.
    Returned = 0,
    /// A worker threw out of its task.
    Threw = 1,
    /// A party gave up: time-out or abort.
    GaveUp = 2,
    /// Somebody called for it.
    Explicit = 3,
    /// A party died.
    Died = 4,
    /// The run was cancelled.
    RunCancelled = 5,
}

impl Reason {
    /// The reason of this number.
    pub fn from_code(code: u32) -> Option<Self> {
        use Reason::*;
        [Returned, Threw, GaveUp, Explicit, Died, RunCancelled].into_iter().find(|&reason| reason as u32 == code)
    }
}

/// Who broke a barrier, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Breaker {
    /// Why.
    pub reason: Reason,
    /// The worker's id; none for main and others.
    pub worker: Option<u32>,
}

/// What an arrival, or one slice of waiting, came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// Arrived as number `index` (from 0); the others have not all come.
    Again(u32),
    /// All have come; this one as number `index`.
    Passed(u32),
    /// Broken, or reset during the wait.
    Broken,
    /// The deadline passed: this caller has broken the barrier.
    TimedOut,
    /// The slot waits in this round already.
    AlreadyArrived,
    /// Called off: see [`Slice::Cancelled`].
    Cancelled,
    /// The epoch asked for is over, or has not begun.
    WrongEpoch,
}

impl Turn {
    /// The binding's number: status in the low four bits, index of arrival above.
    pub fn code(self) -> u32 {
        match self {
            Turn::Again(index) => index << 4,
            Turn::Passed(index) => (index << 4) | 1,
            Turn::Broken => 3,
            Turn::TimedOut => 4,
            Turn::AlreadyArrived => 5,
            Turn::Cancelled => Slice::Cancelled as u32,
            Turn::WrongEpoch => 7,
        }
    }
}

/// How a barrier stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Info {
    /// How many have to come.
    pub parties: u32,
    /// How many have come in this round.
    pub arrived: u32,
    /// Whether it is broken.
    pub is_broken: bool,
    /// Who broke it, if it is broken (and its record is whole).
    pub broken_by: Option<Breaker>,
    /// The epoch: it changes with every reset and run.
    pub epoch: u32,
    /// The slots that belong to it and have not come in this round.
    pub missing: Vec<u32>,
}
