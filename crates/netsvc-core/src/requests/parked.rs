//! Requests of the application that wait for a provider, none of which can be dropped.
//!
//! They count as long as they wait: [`Limits::memory`](crate::Limits::memory).

use std::collections::BTreeMap;

use crate::ids::CallId;
use crate::memory::budget::Budget;
use crate::steps;

/// Each with the bytes that it is charged.
#[derive(Debug, Default)]
pub(crate) struct Parked {
    calls: BTreeMap<CallId, usize>,
    /// Bytes that they count for.
    counted: usize,
}

impl Parked {
    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    pub(super) fn contains(&self, call: CallId) -> bool {
        self.calls.contains_key(&call)
    }

    /// Whether there is room for one of that many bytes.
    pub(super) fn has_room(&self, size: usize, budget: &Budget) -> bool {
        budget.may_park(self.counted, size)
    }

    pub(super) fn insert(&mut self, call: CallId, size: usize, budget: &Budget) {
        let before = self.calls.insert(call, size).unwrap_or(0);
        let now = self.counted - before + size;
        budget.recount(&mut self.counted, now);
    }

    pub(super) fn remove(&mut self, call: CallId, budget: &Budget) {
        if let Some(size) = self.calls.remove(&call) {
            let now = self.counted - size;
            budget.recount(&mut self.counted, now);
        }
    }

    /// All of them, oldest first. Where their numbers have begun again, those from before are above
    /// the `next` to be given.
    pub(super) fn in_order(&self, next: CallId) -> impl Iterator<Item = CallId> {
        steps::count(self.calls.len());
        self.calls.range(next..).chain(self.calls.range(..next)).map(|(call, _)| *call)
    }
}
