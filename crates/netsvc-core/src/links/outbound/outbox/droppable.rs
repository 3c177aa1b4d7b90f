//! Where in an outbox those entries are that may be dropped.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::ids::Str;

use super::out::Out;

/// Absolute positions of entries, oldest first. Those of entries that were dropped may be among
/// them.
#[derive(Debug, Default)]
pub(super) struct Droppable {
    reports: VecDeque<u64>,
    /// Of replayed values. They go last: a page of them is small, and a kept value need not be
    /// published ever again.
    replayed: VecDeque<u64>,
    /// Where the newest report of a subject is that a newer one may replace.
    replaceable: FxHashMap<(u32, Str), u64>,
}

impl Droppable {
    /// An entry that may be dropped is at that position.
    pub(super) fn note(&mut self, position: u64, out: &Out) {
        if out.is_replayed() {
            self.replayed.push_back(position);
        } else {
            self.reports.push_back(position);
        }
        if let Out::Report { report, latest: true, .. } = out {
            self.replaceable.insert((report.service, report.subject.clone()), position);
        }
    }

    /// The first entry of all has left.
    pub(super) fn forget(&mut self, position: u64, out: &Out) {
        if let Out::Report { report, latest: true, .. } = out {
            let key = (report.service, report.subject.clone());
            if self.replaceable.get(&key) == Some(&position) {
                self.replaceable.remove(&key);
            }
        }
        for positions in [&mut self.reports, &mut self.replayed] {
            while positions.front().is_some_and(|first| *first <= position) {
                positions.pop_front();
            }
        }
    }

    /// Takes out the position of what is to be dropped first.
    pub(super) fn next(&mut self) -> Option<u64> {
        self.reports.pop_front().or_else(|| self.replayed.pop_front())
    }

    /// Where a report is that a newer one of its subject may replace.
    pub(super) fn replaceable(&self, service: u32, subject: &Str) -> Option<u64> {
        if self.replaceable.is_empty() {
            return None;
        }
        self.replaceable.get(&(service, subject.clone())).copied()
    }
}
