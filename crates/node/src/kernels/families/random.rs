//! Random numbers.

use tsdsm_kernels::random::{Generator, integers, normal, permutation, uniform, words};

use crate::kernels::answer::Answer;
use crate::kernels::call::Call;
use crate::kernels::table::Table;

/// Where the numbers that a kernel has beside its generator's begin.
const OWN: usize = 4;

/// Enters them.
pub fn register(table: &mut Table) {
    table.writes("random", "randomWords", |call| words(call.out(0)?, &generator(call), &call.elementwise()?));
    table.writes("random", "uniform", |call| {
        let (low, high) = (call.frame().number(OWN), call.frame().number(OWN + 1));
        uniform(call.out(0)?, low, high, &generator(call), &call.elementwise()?)
    });
    table.writes("random", "normal", |call| {
        let (mean, deviation) = (call.frame().number(OWN), call.frame().number(OWN + 1));
        normal(call.out(0)?, mean, deviation, &generator(call), &call.elementwise()?)
    });
    table.writes("random", "integers", |call| {
        integers(call.out(0)?, wide(call, OWN), wide(call, OWN + 2), &generator(call), &call.elementwise()?)
    });
    table.answers("random", "permutation", 1, |call| {
        permutation(call.out(0)?, &generator(call), call.threads()?).map(|()| Answer::Nothing)
    });
}

fn generator(call: &Call<'_>) -> Generator {
    let word = |which| call.frame().word(which);
    Generator { key: [word(0), word(1)], stream: word(2), offset: word(3) }
}

/// An integer of two words, the low one first.
fn wide(call: &Call<'_>, which: usize) -> i128 {
    i128::from(call.frame().word(which)) | i128::from(call.frame().word(which + 1) as i64) << 64
}
