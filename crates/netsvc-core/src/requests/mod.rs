//! Requests: those of this process, those it passes on and those it handles.

pub(crate) mod arguments;
pub(crate) mod call_table;
pub(crate) mod deadlines;
mod expiry;
mod explanations;
pub(crate) mod failures;
mod holding_back;
pub(crate) mod load;
pub(crate) mod options;
mod parked;
mod place;
mod question;
pub(crate) mod refusals;
mod request;
mod route;
pub(crate) mod route_cache;
pub(crate) mod router;
mod settle;
mod streams;

use std::time::Duration;

use crate::collections::id_map::IdMap;
use crate::collections::seeded_map::{SeededMap, SeededState};
use crate::collections::timers::Timers;
use crate::ids::{CallId, Str};
use crate::time::Time;

use call_table::CallTable;
use deadlines::Deadlines;
use expiry::Expiry;
use parked::Parked;
use route_cache::RouteCache;

/// The part of a process that owns requests in flight.
#[derive(Debug)]
pub(crate) struct Requests {
    pub(crate) calls: CallTable,
    /// Those of this process's application, by its keys.
    keys: IdMap<u64, CallId>,
    /// Requests that wait for a provider.
    parked: Parked,
    /// Whom the requests of a name went to last, while several have it.
    round_robin: SeededMap<Str, u32>,
    /// Of the application's last request.
    route: Option<Box<RouteCache>>,
    deadlines: Deadlines,
    /// Deadlines that have no line of their own in `deadlines`.
    timers: Timers<CallId>,
    /// Those of peers.
    expiry: Expiry,
    /// When a request last came.
    clock: Time,
    /// Routes may be remembered.
    caches: bool,
}

impl Requests {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            calls: CallTable::default(),
            keys: IdMap::default(),
            parked: Parked::default(),
            round_robin: SeededMap::with_hasher(SeededState(seed)),
            route: None,
            deadlines: Deadlines::default(),
            timers: Timers::default(),
            expiry: Expiry::default(),
            clock: Time(0),
            caches: true,
        }
    }

    /// Requests that wait for a provider, oldest first.
    pub(crate) fn parked_in_order(&self) -> impl Iterator<Item = CallId> {
        self.parked.in_order(self.calls.next_of_slot(0))
    }

    /// For tests: numbers that stand for things soon begin again.
    pub(crate) fn skip_to_end(&mut self, left: u32) {
        self.calls.skip_to_end(left);
    }

    /// From now on no route is remembered.
    pub(crate) fn forbid_caches(&mut self) {
        self.caches = false;
        self.route = None;
    }

    /// When the next deadline of the application passes.
    #[inline]
    pub(crate) fn next_deadline(&self) -> Time {
        self.timers.next().min(self.deadlines.next())
    }

    /// When the requests of peers are to be looked at.
    #[inline]
    pub(crate) fn next_expiry(&self) -> Time {
        self.expiry.next()
    }

    /// A request of the application whose deadline has passed. It has to end before this is asked
    /// again.
    pub(crate) fn due(&mut self, now: Time) -> Option<CallId> {
        // In the order of their times.
        if self.deadlines.next() < self.timers.next()
            && let Some(call) = self.deadlines.due(now)
        {
            return Some(call);
        }
        self.timers.due(now)
    }

    /// A request's deadline is not among those of its timeout any more.
    #[allow(clippy::inline_always, reason = "the path of every request")]
    #[inline(always)]
    pub(super) fn leave_line(&mut self, timeout: Duration, id: CallId) {
        let calls = &self.calls;
        let waits = |id| calls.get(id).is_some_and(|call| call.in_line);
        self.deadlines.end(timeout, id, waits);
    }

    /// The application's requests in flight.
    pub(crate) fn own(&self) -> Vec<CallId> {
        let mut calls: Vec<CallId> = self.keys.values().copied().collect();
        calls.sort_unstable();
        calls
    }

    /// The application's keys of those.
    pub(crate) fn own_keys(&self) -> Vec<u64> {
        let mut keys: Vec<u64> = self.keys.iter().map(|(key, _)| key).collect();
        keys.sort_unstable();
        keys
    }

    /// The last service of a name is gone.
    pub(crate) fn forget_name(&mut self, name: &str) {
        if !self.round_robin.is_empty() {
            self.round_robin.remove(name);
        }
    }

    /// Entries of every table, by name.
    pub(crate) fn table_sizes(&self) -> Vec<(&'static str, usize)> {
        vec![
            ("calls", self.calls.len()),
            ("keys", self.keys.len()),
            ("parked", self.parked.len()),
            ("round robin", self.round_robin.len()),
            ("timers", self.timers.len() + self.deadlines.len()),
        ]
    }
}
