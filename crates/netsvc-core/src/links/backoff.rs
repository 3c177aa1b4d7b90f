//! When a connecting link tries again.

use std::time::Duration;

use crate::random::Random;
use crate::time::Time;

/// Retrying as fast as the network allows helps nobody; smaller fixed delays count as this.
pub const MIN_DELAY: Duration = Duration::from_millis(10);
/// Longest delay of the default schedule.
pub const MAX_DELAY: Duration = Duration::from_secs(5);

/// The first retry spreads the clients of a restarted hub over this time.
const FIRST: Duration = Duration::from_millis(100);
/// Later retries of a young outage: a hub that restarts is back within seconds.
const EARLY: Duration = Duration::from_millis(250);
/// An outage younger than this is young.
const YOUNG: Duration = Duration::from_secs(10);
/// A link that was active this long, its snapshot complete, starts the schedule anew: a hub that
/// crashes every few seconds is to be found in each of its lives. One that drops its clients sooner
/// is tried ever more slowly, and one that refuses them at the longest delay.
const STABLE: Duration = Duration::from_secs(1);

/// What `connect` was told about retrying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The default: quick at first, then ever slower, up to [`MAX_DELAY`], for ever.
    Backoff,
    /// Always this delay, for ever; at least [`MIN_DELAY`].
    Fixed(Duration),
    /// One attempt, never again.
    Once,
}

/// The schedule of one link.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    retry: Retry,
    /// Since when the link is down, and how often it was tried since.
    outage: Option<(Time, u32)>,
    /// Last delay of the doubling phase.
    delay: Duration,
}

impl Schedule {
    pub(crate) fn new(retry: Retry) -> Self {
        Self { retry, outage: None, delay: EARLY }
    }

    /// The link was active from `since` until `now`.
    pub(crate) fn was_active(&mut self, since: Time, now: Time) {
        if now.since(since) >= STABLE {
            self.outage = None;
            self.delay = EARLY;
        }
    }

    /// An attempt failed or the link was lost: how long to wait, or `None` never to try again.
    /// `refused`: the peer answered and does not want us now; hurrying would only disturb it.
    pub(crate) fn next(
        &mut self,
        now: Time,
        refused: bool,
        random: &mut Random,
    ) -> Option<Duration> {
        match self.retry {
            Retry::Once => None,
            Retry::Fixed(delay) => Some(delay.max(MIN_DELAY)),
            Retry::Backoff => Some(self.backoff(now, refused, random)),
        }
    }

    fn backoff(&mut self, now: Time, refused: bool, random: &mut Random) -> Duration {
        let (since, tries) = self.outage.unwrap_or((now, 0));
        self.outage = Some((since, tries.saturating_add(1)));
        if refused {
            self.delay = MAX_DELAY;
        } else if tries == 0 {
            return random.between(Duration::ZERO, FIRST);
        } else if now.since(since) < YOUNG {
            return random.between(EARLY / 2, EARLY);
        } else {
            self.delay = (self.delay * 2).min(MAX_DELAY);
        }
        random.between(self.delay / 2, self.delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time(seconds * 1_000_000)
    }

    #[test]
    fn the_default_schedule_is_quick_then_doubles_up_to_five_seconds() {
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let mut schedule = Schedule::new(Retry::Backoff);
            let mut now = at(100);
            let first = schedule.next(now, false, &mut random).unwrap();
            assert!(first <= FIRST);
            now = now + first;
            let mut expected = EARLY;
            for _ in 0..200 {
                let delay = schedule.next(now, false, &mut random).unwrap();
                if now.since(at(100)) < YOUNG {
                    assert!(delay >= EARLY / 2 && delay <= EARLY);
                } else {
                    expected = (expected * 2).min(MAX_DELAY);
                    assert!(delay >= expected / 2 && delay <= expected);
                }
                now = now + delay;
            }
            assert_eq!(expected, MAX_DELAY);
        }
    }

    #[test]
    fn a_refusal_goes_straight_to_the_longest_delay() {
        let mut random = Random::new(1);
        let mut schedule = Schedule::new(Retry::Backoff);
        let delay = schedule.next(at(0), true, &mut random).unwrap();
        assert!(delay >= MAX_DELAY / 2 && delay <= MAX_DELAY);
    }

    #[test]
    fn the_schedule_starts_anew_only_after_an_active_second() {
        let mut random = Random::new(7);
        let mut schedule = Schedule::new(Retry::Backoff);
        for second in 0..60 {
            schedule.next(at(second), false, &mut random);
        }
        schedule.was_active(at(60), at(60) + Duration::from_millis(999));
        assert!(schedule.next(at(61), false, &mut random).unwrap() >= MAX_DELAY / 2);
        schedule.was_active(at(70), at(71));
        // Even then a hub that has refused is not hurried.
        assert!(schedule.clone().next(at(71), true, &mut random).unwrap() >= MAX_DELAY / 2);
        assert!(schedule.next(at(71), false, &mut random).unwrap() <= FIRST);
    }

    #[test]
    fn a_fixed_delay_stays_and_is_at_least_ten_milliseconds() {
        let mut random = Random::new(7);
        let mut schedule = Schedule::new(Retry::Fixed(Duration::from_millis(1500)));
        for second in 0..5 {
            let delay = schedule.next(at(second), second == 3, &mut random);
            assert_eq!(delay, Some(Duration::from_millis(1500)));
        }
        let mut schedule = Schedule::new(Retry::Fixed(Duration::from_micros(1)));
        assert_eq!(schedule.next(at(0), false, &mut random), Some(MIN_DELAY));
        assert_eq!(Schedule::new(Retry::Once).next(at(0), false, &mut random), None);
    }
}
