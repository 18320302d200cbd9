//! The primitives between real threads and real processes.
#![cfg(not(loom))]

mod barriers;
mod conditions;
mod counters;
mod events;
mod fair_locks;
mod latches;
mod locks;
mod onces;
mod ordering;
mod quiet;
mod rwlocks;
mod semaphores;
mod world;
