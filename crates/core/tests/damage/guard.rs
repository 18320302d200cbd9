//! A process of its own for each parser, in which a crash, a hang and a greedy allocation are seen.

use std::alloc::{GlobalAlloc, Layout, System};
use std::env;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use crate::scratch::roles::{play, subject, succeeded};

/// A guard against an input that hangs, in seconds; not a time that anything is expected to take.
const TOO_LONG: u32 = 60;
/// The most that reading one input may ask for at once, and in all: everything that is read has less than a quarter of a
/// MiB, and a few copies of it are made.
const TOO_LARGE: usize = 1 << 20;
const TOO_MUCH: usize = 16 << 20;

/// Counts what is asked for.
struct Counting;

static LARGEST: AtomicUsize = AtomicUsize::new(0);
static ALL: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator, and two counters.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Relaxed);
        ALL.fetch_add(layout.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// Plays `role`, which calls [`read_each`], in a process of its own.
pub fn survive(role: &str) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = number("TSDSM_SEED").unwrap_or(now % 1_000_000_007);
    let output = play(role, &seed.to_string()).stdin(Stdio::null()).output().unwrap();
    if !output.status.success() {
        eprintln!("{role}: TSDSM_SEED={seed} makes the same inputs again");
    }
    succeeded(&output);
    String::from_utf8_lossy(&output.stderr).lines().filter(|line| line.starts_with("damage:")).for_each(|line| {
        eprintln!("{line}");
    });
}

/// In a role: reads as many inputs as are this parser's share, in percent.
pub fn read_each<S: Strategy>(parser: &str, percent: u64, inputs: S, read: impl Fn(S::Value)) {
    let count = number("TSDSM_INPUTS").unwrap_or(10_000) * percent / 100;
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&subject().parse::<u64>().unwrap().to_le_bytes());
    let config = ProptestConfig { cases: count as u32, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let outcome = runner.run(&inputs, |input| {
        // The signal of the alarm ends the process.
        // SAFETY: no pointers.
        unsafe { libc::alarm(TOO_LONG) };
        LARGEST.store(0, Relaxed);
        ALL.store(0, Relaxed);
        read(input);
        prop_assert!(LARGEST.load(Relaxed) <= TOO_LARGE, "{} bytes were asked for", LARGEST.load(Relaxed));
        prop_assert!(ALL.load(Relaxed) <= TOO_MUCH, "{} bytes were asked for in all", ALL.load(Relaxed));
        Ok(())
    });
    // SAFETY: as above.
    unsafe { libc::alarm(0) };
    outcome.unwrap_or_else(|error| panic!("{parser}: {error}"));
    eprintln!("damage: {parser}: {count} inputs");
}
