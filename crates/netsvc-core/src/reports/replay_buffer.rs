//! What arrives for a subscription while a replay is under way.

use std::collections::{BTreeMap, BTreeSet};

use crate::delivery::event::Delivered;
use crate::reports::pace::Amount;

/// What arrived during a replay, by sequence.
#[derive(Debug, Default)]
pub(crate) struct ReplayBuffer {
    pub(crate) kept: BTreeMap<u64, Delivered>,
    pub(crate) live: BTreeMap<u64, Delivered>,
    /// Live ones that are kept values, too.
    pub(crate) kept_too: BTreeSet<u64>,
    /// Live ones that came by another way than the one that was asked.
    pub(crate) astray: BTreeSet<u64>,
    /// Dropped while nothing was held that could tell of it: up to which sequence, and how many.
    pub(crate) dropped: (u64, u64),
    /// The publisher has begun to answer.
    pub(crate) begun: bool,
    /// What has arrived of the page under way, refused or not.
    pub(crate) page: Amount,
    /// Values of that page above this sequence are refused: there is no room for them.
    pub(crate) cut: Option<u64>,
    /// Live reports were dropped, of which some may be kept by now.
    pub(crate) refill: bool,
}

impl ReplayBuffer {
    pub(crate) fn has(&self, sequence: u64) -> bool {
        self.kept.contains_key(&sequence) || self.live.contains_key(&sequence)
    }

    /// A live report arrives, perhaps a copy of one that is held.
    pub(crate) fn note_way(&mut self, sequence: u64, by_the_one_asked: bool) {
        if by_the_one_asked {
            self.astray.remove(&sequence);
        } else if !self.has(sequence) {
            self.astray.insert(sequence);
        }
    }

    pub(crate) fn of(&self, kept: bool) -> &BTreeMap<u64, Delivered> {
        if kept { &self.kept } else { &self.live }
    }

    /// Takes out what was published up to a sequence, which the publisher sent before the answer.
    pub(crate) fn take_upto(&mut self, sequence: u64) -> Self {
        let above = sequence.saturating_add(1);
        self.astray = self.astray.split_off(&above);
        let kept = self.kept.split_off(&above);
        let live = self.live.split_off(&above);
        Self {
            kept: std::mem::replace(&mut self.kept, kept),
            live: std::mem::replace(&mut self.live, live),
            ..Self::default()
        }
    }

    /// Takes out live reports up to a sequence that are no kept values: they are not to be told.
    pub(crate) fn drop_live_upto(&mut self, sequence: u64) -> Vec<Delivered> {
        let kept_too = std::mem::take(&mut self.kept_too);
        let above = self.live.split_off(&sequence.saturating_add(1));
        let before = std::mem::replace(&mut self.live, above);
        let (kept, dropped): (Vec<_>, Vec<_>) =
            before.into_values().partition(|report| kept_too.contains(&report.sequence));
        for report in &dropped {
            self.astray.remove(&report.sequence);
        }
        self.live.extend(kept.into_iter().map(|report| (report.sequence, report)));
        dropped
    }

    /// The sequence of the first that is held.
    pub(crate) fn first(&self) -> Option<u64> {
        let firsts = [self.kept.first_key_value(), self.live.first_key_value()];
        firsts.into_iter().flatten().map(|(sequence, _)| *sequence).min()
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
