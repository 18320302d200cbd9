//! What several tests need.
#![allow(dead_code)]

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use tsdsm_kernels::{Array, DType, Share, Threads};

/// So many threads.
pub fn threads(count: usize) -> Share {
    Share { threads: Threads::new(NonZeroUsize::new(count).unwrap()), range: None }
}

/// Words without a pattern: SplitMix64.
pub fn words(seed: u64) -> impl Iterator<Item = u64> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    })
}

/// Does `body` while another thread does `scribble` again and again, until `body` is done or has panicked.
pub fn while_scribbled(mut scribble: impl FnMut() + Send, body: impl FnOnce()) {
    struct Stop<'a>(&'a AtomicBool);

    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _stop = Stop(&stop);
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                scribble();
            }
        });
        body();
    });
}

/// Does `body` with 4,096 indices below that, which another thread scribbles over: mostly right, so that the first look at
/// all of them passes.
pub fn with_scribbled_indices(body: impl FnOnce(&Array<'_>)) {
    let shared: Vec<AtomicI64> = (0..4096).map(AtomicI64::new).collect();
    let mut words = words(8);
    let scribble = || {
        let (at, word) = (words.next().unwrap(), words.next().unwrap());
        shared[at as usize % 4096].store(word as i64, Ordering::Relaxed);
        shared[at as usize % 4096].store((word % 4096) as i64, Ordering::Relaxed);
    };
    // SAFETY: the vector's memory; others write to it by atomic stores.
    let indices = unsafe { Array::from_raw(shared.as_ptr().cast(), DType::I64, &[4096], &[1]) }.unwrap();
    while_scribbled(scribble, || body(&indices));
}
