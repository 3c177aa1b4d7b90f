//! What no attack may cause.

use crate::figures::{Figures, LONG};

/// Milliseconds of 99 in 100 good requests: what takes longer counts as long.
pub(crate) const P99: f64 = LONG.as_secs_f64() * 1e3;
/// Seconds from the attack's end until good requests are answered in time again.
pub(crate) const RECOVERY: f64 = 1.0;
/// Milliseconds of a newcomer, from its attempt until it is linked.
pub(crate) const NEWCOMER: f64 = 1000.0;

/// How long good clients may have to wait; milliseconds, and seconds for the recovery.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) p99: f64,
    pub(crate) recovery: f64,
    pub(crate) newcomer: f64,
}

impl Times {
    /// On a machine that does nothing else.
    pub(crate) const IDLE: Self = Self { p99: P99, recovery: RECOVERY, newcomer: NEWCOMER };

    /// On one that does: three to ten times as much, and ten times as long as without an attack in
    /// the same run. What else the machine does may begin after that. A hub that stands still takes
    /// seconds, and errors, missed reports, processor time and memory are judged as ever.
    pub(crate) fn beside(undisturbed: &Figures) -> Self {
        Self {
            p99: 10.0 * (P99 + undisturbed.p99),
            recovery: 3.0 * RECOVERY + undisturbed.p99 / 100.0,
            newcomer: 3.0 * NEWCOMER + 10.0 * undisturbed.slowest,
        }
    }
}

/// What the hub may still have when the attack has been over for ten seconds, of `start`; MiB.
pub(crate) fn memory_after(start: f64) -> f64 {
    start * 1.1 + 8.0
}
