//! What waits to be told to the application, in one order over all kinds.

use std::collections::{BTreeSet, VecDeque};

use crate::event::Event;
use crate::ids::{CallId, SubscriptionId, WatchId};

/// Entries that may wait while hints are still added.
const MAX_HINTS: usize = 16_384;

/// Invocations that were taken back and may stay in the queue.
const MAX_STALE: usize = 1024;

/// Something to be told that is not in a queue of its own.
#[derive(Debug)]
pub(crate) enum Pending {
    Event(Event),
    /// The invocation's particulars are in the in-flight table, so that cancelling takes it back.
    Invoke(CallId),
    /// How much it is by now is in the in-flight table.
    Credit(CallId),
}

/// A queue of its own that has something to tell and may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    Watch(WatchId),
    Subscription(SubscriptionId),
}

/// What comes next.
pub(crate) enum Next {
    Pending(Pending),
    Source(Source),
}

/// Subscriptions and watches have bounded queues and credit of their own; everything else has
/// this one. A stamp, drawn for each entry of any of them, says what came first.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    pending: VecDeque<(u64, Pending)>,
    ready: BTreeSet<(u64, Source)>,
    last_stamp: u64,
    /// Invocations among `pending` that were taken back.
    stale: usize,
}

impl Deliveries {
    pub(crate) fn stamp(&mut self) -> u64 {
        self.last_stamp += 1;
        self.last_stamp
    }

    pub(crate) fn push(&mut self, event: Event) {
        let stamp = self.stamp();
        self.pending.push_back((stamp, Pending::Event(event)));
    }

    /// An event that says nothing the application could not ask for, and that peers can cause in
    /// any number: dropped while too much is waiting.
    pub(crate) fn push_hint(&mut self, event: Event) {
        if self.pending.len() < MAX_HINTS {
            self.push(event);
        }
    }

    pub(crate) fn push_invoke(&mut self, call: CallId) {
        let stamp = self.stamp();
        self.pending.push_back((stamp, Pending::Invoke(call)));
    }

    pub(crate) fn push_credit(&mut self, call: CallId) {
        let stamp = self.stamp();
        self.pending.push_back((stamp, Pending::Credit(call)));
    }

    /// An invocation that was not told was taken back. Now and then, so that it costs little, those
    /// for which `is_wanted` does not hold are thrown out: an application that does not listen must
    /// not let them pile up.
    pub(crate) fn take_back_invoke(&mut self, is_wanted: impl Fn(CallId) -> bool) {
        self.stale += 1;
        if self.stale >= MAX_STALE.max(self.pending.len() / 2) {
            self.pending.retain(|(_, pending)| match pending {
                Pending::Invoke(call) => is_wanted(*call),
                Pending::Event(_) | Pending::Credit(_) => true,
            });
            self.stale = 0;
        }
    }

    /// The source's oldest entry has this stamp, and it has credit.
    pub(crate) fn ready(&mut self, stamp: u64, source: Source) {
        self.ready.insert((stamp, source));
    }

    /// The source's entry of that stamp is gone.
    pub(crate) fn unready(&mut self, stamp: u64, source: Source) {
        self.ready.remove(&(stamp, source));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.ready.is_empty()
    }

    /// Takes out what came first. A source must be made ready again for its following entry.
    pub(crate) fn next(&mut self) -> Option<Next> {
        let pending = self.pending.front().map(|(stamp, _)| *stamp);
        let source = self.ready.first().copied();
        match (pending, source) {
            (Some(stamp), Some((earlier, source))) if earlier < stamp => {
                self.ready.remove(&(earlier, source));
                Some(Next::Source(source))
            }
            (Some(_), _) => self.pending.pop_front().map(|(_, pending)| Next::Pending(pending)),
            (None, Some(first)) => {
                self.ready.remove(&first);
                Some(Next::Source(first.1))
            }
            (None, None) => None,
        }
    }
}
