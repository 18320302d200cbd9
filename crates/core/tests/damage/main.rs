//! Damage at rest: bytes of a segment or a file that are not what was written there. Whoever reads them finds a typed error,
//! or what might as well have been written; nobody panics, crashes, hangs, or asks for memory without end.
//!
//! Each input begins as something valid, of which a few parts are flipped, overwritten, copied or cut off. `TSDSM_INPUTS` is
//! how many there are in all; 10,000 unless told. `TSDSM_SEED`, which is printed by a test that fails, makes the same again.
//! The long form: `npm run soak`.
#![cfg(not(loom))]

#[path = "../scratch/mod.rs"]
mod scratch;

mod arrays;
mod damage;
mod guard;
mod headers;
mod objects;
mod tables;
mod victim;
