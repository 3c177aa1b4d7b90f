//! Counts the steps that a process takes, for tests: what peers make it do must be paid for by what
//! they send, or by what comes of it for them.
//!
//! A step is what takes about as long whatever the tables hold: one entry looked at on a walk, one
//! pattern tried, one thing copied, 256 bytes moved or compared. Where a walk may be long it counts
//! itself; what takes the same time for every message counts nothing. Without the feature `steps`
//! nothing is counted, and nothing of this is in the program.

#[cfg(feature = "steps")]
use std::cell::Cell;

#[cfg(feature = "steps")]
thread_local! {
    static TAKEN: Cell<u64> = const { Cell::new(0) };
}

/// So many steps are taken.
#[allow(clippy::inline_always, reason = "nothing is left of it")]
#[inline(always)]
pub(crate) fn count(steps: usize) {
    #[cfg(feature = "steps")]
    TAKEN.with(|taken| taken.set(taken.get() + steps as u64));
    #[cfg(not(feature = "steps"))]
    let _ = steps;
}

/// So many bytes are moved or compared.
#[allow(clippy::inline_always, reason = "nothing is left of it")]
#[inline(always)]
pub(crate) fn count_bytes(bytes: usize) {
    count(bytes / 256);
}

/// Steps that all processes of this thread have taken so far.
#[cfg(feature = "steps")]
pub fn taken() -> u64 {
    TAKEN.with(Cell::get)
}
