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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const MACHINE: Policy = Policy { cores: 4, pauses_per_us: 20, fixed: None };

    #[test]
    fn with_a_core_for_everyone_it_spins_and_without_it_yields() {
        let budget = |what, busy| MACHINE.budget(what, busy);
        assert_eq!(budget(What::Lock, 4), Budget { pauses: 2 * 20, yields: 0 });
        assert_eq!(budget(What::Barrier, 2), Budget { pauses: 40 * 20, yields: 0 });
        assert_eq!(budget(What::Barrier, 5), Budget { pauses: FEW_PAUSES, yields: YIELDS });
        let alone = Policy { cores: 1, ..MACHINE };
        assert_eq!(alone.budget(What::Barrier, 1), Budget { pauses: 0, yields: YIELDS });
    }

    #[test]
    fn the_variable_overrides_and_nonsense_in_it_is_refused() {
        let fixed = |us| Policy { fixed: Some(us), ..MACHINE };
        assert_eq!(fixed(0).budget(What::Lock, 1), Budget { pauses: 0, yields: 0 });
        assert_eq!(fixed(100).budget(What::Barrier, 9), Budget { pauses: 2000, yields: 0 });
        assert_eq!(parse("").unwrap(), None);
        assert_eq!(parse("auto").unwrap(), None);
        assert_eq!(parse("0").unwrap(), Some(0));
        assert_eq!(parse("10000").unwrap(), Some(10_000));
        for wrong in ["10001", "-1", "1.5", "yes", " 5", "99999999999999999999"] {
            assert_eq!(parse(wrong).unwrap_err().code(), "ERR_TSDSM_INVALID_ARGUMENT");
        }
    }

    #[test]
    fn a_spin_ends_as_soon_as_its_condition_holds() {
        let mut looks = 0;
        assert!(spin_until(What::Barrier, 1, || {
            looks += 1;
            looks == 3
        }));
        assert_eq!(looks, 3);
        assert!(!spin_until(What::Lock, 1, || false));
    }
}
