//! Requests of peers that are forgotten because their time is up.
//!
//! A caller's own clock decides about its outcome, and an honest one cancels what has run out. Of
//! one that is stopped, or lies, nothing comes: so whoever passes its request on or handles it ends
//! it a little later, and nothing of it stays.
//!
//! Nearly all end long before, so none has a timer: all are looked at when the earliest deadline
//! has passed, which is about once in the time that they are given.

use std::time::Duration;

use crate::ids::CallId;
use crate::time::Time;

use super::call_table::{Call, CallTable, Caller};

/// So much longer than its caller waits for it: that is heard of first, unless it does not speak.
const GRACE: Duration = Duration::from_millis(250);
/// Time between two looks, and again for each so many requests in flight: so that short deadlines,
/// and many requests, take no more than a fraction of the time.
const PAUSE: Duration = Duration::from_millis(250);
const LOOKED_AT: usize = 1 << 16;

/// When those of peers are looked at.
#[derive(Debug)]
pub(crate) struct Expiry {
    /// No deadline is before this.
    earliest: Time,
    /// They are not looked at before this.
    rests_until: Time,
}

impl Default for Expiry {
    fn default() -> Self {
        Self { earliest: Time::NEVER, rests_until: Time(0) }
    }
}

impl Expiry {
    /// A peer's request has that deadline.
    #[inline]
    pub(crate) fn note(&mut self, deadline: Time) {
        if deadline < self.earliest {
            self.earliest = deadline;
        }
    }

    /// When they are to be looked at.
    #[inline]
    pub(crate) fn next(&self) -> Time {
        (self.earliest + GRACE).max(self.rests_until)
    }

    /// Looks at them: those that have run out.
    pub(crate) fn look(&mut self, now: Time, calls: &CallTable) -> Vec<CallId> {
        let of_peer = |call: &Call| matches!(call.caller, Caller::Link(..));
        self.earliest = Time::NEVER;
        let mut due: Vec<CallId> = Vec::new();
        for (id, call) in calls.iter().filter(|(_, call)| of_peer(call)) {
            if call.deadline + GRACE <= now {
                due.push(id);
            } else {
                self.earliest = self.earliest.min(call.deadline);
            }
        }
        let pauses = u32::try_from(1 + calls.len() / LOOKED_AT).unwrap_or(u32::MAX);
        self.rests_until = now + PAUSE * pauses;
        due.sort_unstable();
        due
    }
}
