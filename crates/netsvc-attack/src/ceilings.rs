//! What no attack may cause.

use std::time::Duration;

/// Milliseconds of 99 in 100 good requests.
pub(crate) const P99: f64 = 100.0;
/// The same.
pub(crate) const LONG: Duration = Duration::from_millis(100);
/// Seconds from the attack's end until good requests are answered in time again.
pub(crate) const RECOVERY: f64 = 1.0;
/// Milliseconds of a newcomer, from its attempt until it is linked.
pub(crate) const NEWCOMER: f64 = 1000.0;

/// What the hub may still have when the attack has been over for ten seconds, of `start`; MiB.
pub(crate) fn memory_after(start: f64) -> f64 {
    start * 1.1 + 8.0
}
