//! The generator Philox4x64-10: a function from a key and a counter to four words.
//!
//! After John K. Salmon, Mark A. Moraes, Ron O. Dror, David E. Shaw: Parallel random numbers: as easy as 1, 2, 3 (SC 2011).

use crate::isa::Isa;

#[cfg(target_arch = "x86_64")]
mod avx512;

/// Words of a block: what comes of one counter.
pub(super) const BLOCK: usize = 4;

const ROUNDS: usize = 10;
const MULTIPLIERS: [u64; 2] = [0xd2e7_470e_e14c_6c93, 0xca5a_8263_9512_1157];
const WEYL: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xbb67_ae85_84ca_a73b];

/// What a counter and a key are made of.
pub(super) type Counter = [u64; 4];
pub(super) type Key = [u64; 2];

/// The words of a counter.
#[inline(always)]
pub(super) fn block([mut c0, mut c1, mut c2, mut c3]: Counter, [mut k0, mut k1]: Key) -> [u64; BLOCK] {
    for _ in 0..ROUNDS {
        let a = u128::from(c0) * u128::from(MULTIPLIERS[0]);
        let b = u128::from(c2) * u128::from(MULTIPLIERS[1]);
        (c0, c1, c2, c3) = ((b >> 64) as u64 ^ c1 ^ k0, b as u64, (a >> 64) as u64 ^ c3 ^ k1, a as u64);
        k0 = k0.wrapping_add(WEYL[0]);
        k1 = k1.wrapping_add(WEYL[1]);
    }
    [c0, c1, c2, c3]
}

/// Writes the words of counters one after the other: of `counter`, of `counter` with 1 more in its first word, and so on.
/// The length of `words` has to be a multiple of [`BLOCK`].
pub(super) fn fill(words: &mut [u64], mut counter: Counter, key: Key) {
    let (blocks, rest) = words.as_chunks_mut::<BLOCK>();
    debug_assert!(rest.is_empty());
    let mut blocks = blocks;
    match Isa::best() {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => {
            let (groups, rest) = blocks.as_chunks_mut();
            // SAFETY: the processor has these instructions.
            unsafe { avx512::fill(groups, counter, key) };
            counter[0] = counter[0].wrapping_add((groups.len() * avx512::GROUP) as u64);
            blocks = rest;
        }
        _ => {}
    }
    for words in blocks {
        *words = block(counter, key);
        counter[0] = counter[0].wrapping_add(1);
    }
}
