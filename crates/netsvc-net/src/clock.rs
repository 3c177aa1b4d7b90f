//! The core's time: monotonic microseconds since the engine's start.

use std::time::{Duration, Instant};

use netsvc_core::Time;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { origin: Instant::now() }
    }

    pub(crate) fn now(self) -> Time {
        Time::default() + self.origin.elapsed()
    }

    /// `None`: never, or too far away for the platform's clock.
    pub(crate) fn instant(self, time: Time) -> Option<Instant> {
        if time == Time::NEVER {
            return None;
        }
        self.origin.checked_add(Duration::from_micros(time.0))
    }
}
