//! Participants of a cluster are killed at random, again and again, while they use all it has; those who live go on, what
//! a lock protects stays whole, and nothing is left.
//!
//! `TSDSM_KILLS` is how many are killed in all, half of them where there are more participants than cores; 200 unless told.
//! `TSDSM_SEED` makes all choices anew that were made with that seed, which is printed at the start; when a kill comes is up
//! to the machine, too.
//!
//! For release builds, whose code is what is used: `cargo test --release -p tsdsm-core --test soak -- --nocapture`, or
//! `npm run soak`.
#![cfg(not(any(loom, debug_assertions)))]

#[path = "../scratch/mod.rs"]
mod scratch;

mod actor;
mod crowd;
mod shared;

use std::env;
use std::time::{SystemTime, UNIX_EPOCH};

use crowd::Crowd;

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

#[test]
fn kills_at_random_moments_hang_nobody_and_leave_nothing() {
    let kills = number("TSDSM_KILLS").unwrap_or(200);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = number("TSDSM_SEED").unwrap_or(now % 1_000_000_007);
    let cores = tsdsm_core::cores::usable();
    for (actors, share) in [(cores.max(2), kills / 2), (4 * cores, kills - kills / 2)] {
        eprintln!("soak: {share} kills of {actors} participants on {cores} cores, seed {seed}");
        Crowd::new(actors, seed).soak(share);
    }
}
