//! Watches: what a watcher is told of services coming and going.

use std::collections::VecDeque;

use crate::delivery::event::{Change, Status};
use crate::limits::MAX_WATCH_BACKLOG;
use crate::registry::filter::Filter;

/// Changes that a new watch may be told before the application grants more.
pub(crate) const INITIAL_CREDIT: u32 = 1024;

/// A watch and what it has not been told yet.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) filter: Filter,
    queue: VecDeque<(u64, Change)>,
    /// Entries of the queue that belong to a replay; they do not count as backlog.
    replaying: usize,
    credit: u32,
    /// It fell too far behind: the one entry of the queue is the `Reset`.
    reset: bool,
}

impl Watch {
    pub(crate) fn new(filter: Filter) -> Self {
        Self { filter, queue: VecDeque::new(), replaying: 0, credit: INITIAL_CREDIT, reset: false }
    }

    /// Queues what already exists, then `Current`.
    pub(crate) fn replay(&mut self, stamp: u64, existing: Vec<Change>, revision: u64) {
        for change in existing {
            self.queue.push_back((stamp, change));
        }
        self.queue.push_back((stamp, mark(Status::Current, revision)));
        self.replaying = self.queue.len();
    }

    /// It is told next to forget everything: until then no change concerns it.
    pub(crate) fn awaits_reset(&self) -> bool {
        self.reset
    }

    /// Queues a change. Returns the stamp of an entry that is gone because it fell behind.
    pub(crate) fn push(&mut self, stamp: u64, change: Change) -> Option<u64> {
        if self.queue.len() - self.replaying < MAX_WATCH_BACKLOG {
            self.queue.push_back((stamp, change));
            return None;
        }
        let gone = self.queue.front().map(|(stamp, _)| *stamp);
        self.queue.clear();
        self.replaying = 0;
        self.reset = true;
        self.queue.push_back((stamp, mark(Status::Reset, change.revision)));
        gone
    }

    /// Stamp of the next entry, if it may be told.
    pub(crate) fn ready(&self) -> Option<u64> {
        if self.credit == 0 {
            return None;
        }
        self.queue.front().map(|(stamp, _)| *stamp)
    }

    /// Stamp of the next entry, told or not.
    pub(crate) fn head(&self) -> Option<u64> {
        self.queue.front().map(|(stamp, _)| *stamp)
    }

    pub(crate) fn grant(&mut self, changes: u32) {
        self.credit = self.credit.saturating_add(changes);
    }

    /// Takes the next entry out. After a `Reset` the caller must `replay`.
    pub(crate) fn pop(&mut self) -> Option<Change> {
        let (_, change) = self.queue.pop_front()?;
        self.credit = self.credit.saturating_sub(1);
        self.replaying = self.replaying.saturating_sub(1);
        if change.status == Status::Reset {
            self.reset = false;
        }
        Some(change)
    }
}

fn mark(status: Status, revision: u64) -> Change {
    Change { status, revision, replayed: false, service: None, group: None }
}
