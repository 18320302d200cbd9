//! What happens to bytes.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use proptest::prelude::*;
use proptest::sample::Index;

/// One thing that happens to words. Which words, is said by a part of them and a place in it.
#[derive(Debug, Clone)]
pub struct Damage {
    part: Index,
    place: Index,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    /// One bit becomes another.
    Flip(u32),
    /// So many words become this.
    Overwrite(u64, usize),
    /// A half of a word becomes this.
    Half(bool, u32),
    /// So many words become what stands in another part.
    Copy(Index, Index, usize),
}

/// A value that a parser may have forgotten, or any.
fn value() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        Just(u64::MAX),
        Just(u64::MAX >> 1),
        0..70_u64,
        (0..64_u32).prop_map(|bit| 1 << bit),
        (0..64_u32).prop_map(|bit| u64::MAX << bit),
        any::<u64>(),
    ]
}

pub fn damage() -> impl Strategy<Value = Damage> {
    let what = prop_oneof![
        (0..64_u32).prop_map(What::Flip),
        (value(), 1..40_usize).prop_map(|(value, words)| What::Overwrite(value, words)),
        value().prop_map(|value| What::Overwrite(value, 1)),
        (any::<bool>(), value()).prop_map(|(upper, value)| What::Half(upper, value as u32)),
        (any::<Index>(), any::<Index>(), 1..40_usize).prop_map(|(part, place, words)| What::Copy(part, place, words)),
    ];
    (any::<Index>(), any::<Index>(), what).prop_map(|(part, place, what)| Damage { part, place, what })
}

impl Damage {
    /// Does it to the words, in one of the parts.
    pub fn apply(&self, words: &[AtomicU64], parts: &[Range<usize>]) {
        let find = |part: &Index, place: &Index| {
            let part = &parts[part.index(parts.len())];
            part.start + place.index(part.len())..part.end
        };
        let at = find(&self.part, &self.place);
        let first = &words[at.start];
        let now = first.load(Relaxed);
        match &self.what {
            What::Flip(bit) => first.store(now ^ 1 << bit, Relaxed),
            What::Overwrite(value, count) => words[at].iter().take(*count).for_each(|word| word.store(*value, Relaxed)),
            What::Half(true, value) => first.store(now & u64::from(u32::MAX) | u64::from(*value) << 32, Relaxed),
            What::Half(false, value) => first.store(now & !u64::from(u32::MAX) | u64::from(*value), Relaxed),
            What::Copy(part, place, count) => {
                let from = find(part, place);
                let values: Vec<u64> = words[from].iter().take(*count).map(|word| word.load(Relaxed)).collect();
                words[at].iter().zip(values).for_each(|(word, value)| word.store(value, Relaxed));
            }
        }
    }
}
