//! How long to spin before sleeping.
//!
//! With a core for every slot that is inside a task, the other side is running and will be done soon: a PAUSE loop
//! catches it in a fraction of what a sleep and a wake cost. Without one, spinning keeps the other side *from* running:
//! a few PAUSEs, some `sched_yield`, then sleep. The environment variable [`VARIABLE`] overrides both.

use crate::error::{Error, Result};
use crate::primitive;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Microseconds to spin before sleeping, whatever the cores: `0` = sleep at once. Not set, or `auto`: as it pays.
pub const VARIABLE: &str = "TSDSM_SPIN";

/// A lock is held for a short time or for a long one; a wake to a core that went idle costs 20 to 45 µs.
const LOCK_SPIN: Duration = Duration::from_micros(2);
/// The parties of a barrier are usually about as far as each other.
const BARRIER_SPIN: Duration = Duration::from_micros(40);
/// Without a core for everyone.
const FEW_PAUSES: u32 = 8;
const YIELDS: u32 = 16;
/// No spin is longer, whatever the variable says: a thread that spins does not return to its event loop.
const LONGEST: u64 = 10_000;

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// The release of a lock.
    Lock,
    /// The last arrival at a barrier.
    Barrier,
}

/// How often to look at the word before sleeping.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Budget {
    pauses: u32,
    yields: u32,
}

/// What this process has found out about its machine and its environment, once.
struct Policy {
    cores: u32,
    pauses_per_us: u32,
    fixed: Option<u32>,
}

impl Policy {
    fn get() -> &'static Policy {
        static POLICY: OnceLock<Policy> = OnceLock::new();
        POLICY.get_or_init(|| Policy {
            cores: crate::cores::usable() as u32,
            pauses_per_us: pauses_per_us(),
            fixed: from_environment().unwrap_or(None),
        })
    }

    fn budget(&self, what: What, busy: u32) -> Budget {
        if let Some(us) = self.fixed {
            return Budget { pauses: us.saturating_mul(self.pauses_per_us), yields: 0 };
        }
        if self.cores >= 2 && busy <= self.cores {
            let time = if what == What::Lock { LOCK_SPIN } else { BARRIER_SPIN };
            return Budget { pauses: time.as_micros() as u32 * self.pauses_per_us, yields: 0 };
        }
        Budget { pauses: if self.cores >= 2 { FEW_PAUSES } else { 0 }, yields: YIELDS }
    }
}

/// Refuses a [`VARIABLE`] that means nothing, so that a start can say so: the slow paths have no way to.
///
/// # Errors
/// [`Error::InvalidArgument`].
pub fn check_environment() -> Result<()> {
    from_environment().map(drop)
}

fn from_environment() -> Result<Option<u32>> {
    match std::env::var_os(VARIABLE) {
        Some(value) => parse(&value.to_string_lossy()),
        None => Ok(None),
    }
}

fn parse(value: &str) -> Result<Option<u32>> {
    if value.is_empty() || value == "auto" {
        return Ok(None);
    }
    match value.parse::<u64>() {
        Ok(us) if us <= LONGEST => Ok(Some(us as u32)),
        _ => Err(Error::InvalidArgument(format!(
            "the environment variable {VARIABLE} is '{value}'; it takes 'auto' or whole microseconds from 0 to {LONGEST}"
        ))),
    }
}

/// PAUSE costs 5 to 140 cycles by processor: measured, not assumed. The fastest of a few tries, since the others were
/// interrupted.
fn pauses_per_us() -> u32 {
    const PAUSES: u32 = 128;
    let fastest = (0..8)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..PAUSES {
                std::hint::spin_loop();
            }
            start.elapsed().as_nanos().max(1)
        })
        .min()
        .unwrap_or(1);
    ((u128::from(PAUSES) * 1000 / fastest) as u32).clamp(1, 10_000)
}

/// Looks until `done` or until the budget for `what` is spent, with `busy` slots inside a task. Returns whether `done`.
pub(crate) fn spin_until(what: What, busy: u32, mut done: impl FnMut() -> bool) -> bool {
    if !primitive::SPINS {
        return done();
    }
    let budget = Policy::get().budget(what, busy);
    for _ in 0..budget.pauses {
        if done() {
            return true;
        }
        std::hint::spin_loop();
    }
    for _ in 0..budget.yields {
        if done() {
            return true;
        }
        primitive::yield_now();
    }
    done()
}
