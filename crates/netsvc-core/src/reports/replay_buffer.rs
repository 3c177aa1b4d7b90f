//! What arrives for a subscription while a replay is under way.

use std::collections::BTreeMap;

use crate::delivery::event::Delivered;

/// What arrived during a replay, by sequence.
#[derive(Debug, Default)]
pub(crate) struct ReplayBuffer {
    pub(crate) kept: BTreeMap<u64, Delivered>,
    pub(crate) live: BTreeMap<u64, Delivered>,
    /// Dropped while nothing was held that could tell of it: up to which sequence, and how many.
    pub(crate) dropped: (u64, u64),
}

impl ReplayBuffer {
    pub(crate) fn has(&self, sequence: u64) -> bool {
        self.kept.contains_key(&sequence) || self.live.contains_key(&sequence)
    }

    pub(crate) fn of(&self, kept: bool) -> &BTreeMap<u64, Delivered> {
        if kept { &self.kept } else { &self.live }
    }

    /// In the order of their sequence.
    pub(crate) fn merged(mut self) -> BTreeMap<u64, Delivered> {
        // The smaller map goes into the larger.
        if self.kept.len() > self.live.len() {
            std::mem::swap(&mut self.kept, &mut self.live);
        }
        self.live.append(&mut self.kept);
        self.live
    }
}
