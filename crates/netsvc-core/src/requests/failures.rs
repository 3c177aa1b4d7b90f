//! How much a provider has failed of late.
//!
//! Who fails at once never has much under way, so it would be asked most. Therefore a failure
//! counts like a request that is still running, until a second has passed.

use crate::time::Time;

/// A second, in microseconds.
const WINDOW: u64 = 1_000_000;

/// Failures of one provider.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    /// The second that is counted.
    window: u64,
    current: u32,
    /// Of the second before.
    previous: u32,
}

impl Failures {
    #[cold]
    pub(crate) fn add(&mut self, now: Time) {
        let (current, previous) = self.at(now);
        (self.window, self.current, self.previous) =
            (now.0 / WINDOW, current.saturating_add(1), previous);
    }

    /// How many there were within a second, nearly.
    pub(crate) fn recent(&self, now: Time) -> usize {
        let (current, previous) = self.at(now);
        let left = WINDOW - now.0 % WINDOW;
        current as usize + (u64::from(previous) * left).div_ceil(WINDOW) as usize
    }

    /// Those of the second that is now, and of the one before.
    fn at(&self, now: Time) -> (u32, u32) {
        match (now.0 / WINDOW).saturating_sub(self.window) {
            0 => (self.current, self.previous),
            1 => (0, self.current),
            _ => (0, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_forgotten_in_a_second_or_two() {
        let mut failures = Failures::default();
        assert_eq!(failures.recent(Time(5_000_000)), 0);
        for micros in [5_000_000, 5_500_000, 5_900_000, 5_999_999] {
            failures.add(Time(micros));
        }
        let recent = [5_999_999, 6_000_000, 6_500_000, 6_999_999, 7_000_000, 9_000_000];
        let recent = recent.map(|micros| failures.recent(Time(micros)));
        assert_eq!(recent, [4, 4, 2, 1, 0, 0]);
        failures.add(Time(9_000_000));
        assert_eq!(failures.recent(Time(9_000_000)), 1);
    }
}
