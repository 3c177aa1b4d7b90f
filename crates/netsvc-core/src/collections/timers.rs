//! What has to happen at which time.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::ids::{CallId, FlushId, LinkId};
use crate::time::Time;

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Timer {
    /// Deadlines, heartbeats and retries of a link: one timer, which the link computes anew when it
    /// fires. It may fire too early (liveness only moves forward), never too late.
    Link(LinkId),
    /// The deadline of a request of this process.
    Call(CallId),
    /// The deadline of a flush.
    Flush(FlushId),
    /// Kept values whose lifetime is over are to be dropped.
    Sweep,
}

/// All timers, one per key.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    order: BTreeSet<(Time, Timer)>,
    times: FxHashMap<Timer, Time>,
}

impl Timers {
    /// Sets the timer, replacing its former time.
    pub(crate) fn set(&mut self, timer: Timer, time: Time) {
        self.clear(timer);
        if time != Time::NEVER {
            self.order.insert((time, timer));
            self.times.insert(timer, time);
        }
    }

    /// Sets the timer unless it fires earlier anyway.
    pub(crate) fn set_earlier(&mut self, timer: Timer, time: Time) {
        if self.times.get(&timer).is_none_or(|set| time < *set) {
            self.set(timer, time);
        }
    }

    pub(crate) fn clear(&mut self, timer: Timer) {
        if let Some(time) = self.times.remove(&timer) {
            self.order.remove(&(time, timer));
        }
    }

    pub(crate) fn is_set(&self, timer: Timer) -> bool {
        self.times.contains_key(&timer)
    }

    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    /// When the next one fires.
    pub(crate) fn next(&self) -> Time {
        self.order.first().map_or(Time::NEVER, |(time, _)| *time)
    }

    /// Takes out one that is due.
    pub(crate) fn due(&mut self, now: Time) -> Option<Timer> {
        let (time, timer) = *self.order.first()?;
        if time > now {
            return None;
        }
        self.clear(timer);
        Some(timer)
    }
}
