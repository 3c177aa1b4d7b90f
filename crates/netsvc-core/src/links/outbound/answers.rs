//! Replays that the peer of a link waits for: kept values of this process's services.
//!
//! Each is a cursor, so nothing of its page is queued: a value becomes bytes when its turn comes.
//! The askers take turns, and whatever else waits for the link gets as many bytes as they do, so
//! that neither responses nor live reports are behind pages. A replay begins where its question
//! stands among what was sent: see [`Out::Replay`](super::outbox::Out::Replay).

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::limits::MAX_REPLAYS;
use crate::steps;

use super::replay_cursor::ReplayCursor;

/// What is to be answered over one link.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// By the peer's number of who asked.
    askers: FxHashMap<u32, Asker>,
    /// Those with a cursor, each once.
    turns: VecDeque<u32>,
    /// Bytes that others may send before the next turn.
    owed: usize,
}

#[derive(Debug, Default)]
struct Asker {
    /// Not answered to the end, whether their turn has come or not.
    unanswered: usize,
    cursors: VecDeque<ReplayCursor>,
}

impl Answers {
    /// Questions that are not answered.
    pub(super) fn len(&self) -> usize {
        self.askers.values().map(|asker| asker.unanswered).sum()
    }

    /// A process asks; false: it waits for too many answers already.
    pub(super) fn begin(&mut self, process: u32) -> bool {
        let asker = self.askers.entry(process).or_default();
        let admitted = asker.unanswered < MAX_REPLAYS;
        asker.unanswered += usize::from(admitted);
        admitted
    }

    /// A process is gone, and what it has asked for with it.
    pub(super) fn forget(&mut self, process: u32) {
        self.askers.remove(&process);
        steps::count(self.turns.len());
        self.turns.retain(|turn| *turn != process);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.askers.is_empty()
    }

    /// Values wait for their turn.
    pub(super) fn has_turns(&self) -> bool {
        !self.turns.is_empty()
    }

    /// Others have sent so many bytes.
    pub(super) fn pay(&mut self, bytes: usize) {
        self.owed = self.owed.saturating_sub(bytes);
    }

    /// A turn took so many bytes, which others may send now.
    pub(super) fn owe(&mut self, bytes: usize) {
        self.owed += bytes;
    }

    /// A turn is to be taken. `alone`: nothing else is to be sent.
    pub(super) fn is_due(&self, alone: bool) -> bool {
        !self.turns.is_empty() && (alone || self.owed == 0)
    }

    /// A cursor waits for its turn, before or behind those of its asker.
    pub(super) fn put(&mut self, cursor: ReplayCursor, first: bool) {
        // Nobody waits for what a process asked that is gone.
        let Some(asker) = self.askers.get_mut(&cursor.process) else { return };
        if asker.cursors.is_empty() {
            self.turns.push_back(cursor.process);
        }
        if first {
            asker.cursors.push_front(cursor);
        } else {
            asker.cursors.push_back(cursor);
        }
    }

    /// Whose turn it is.
    pub(super) fn take(&mut self) -> Option<ReplayCursor> {
        let process = self.turns.pop_front()?;
        let cursors = &mut self.askers.get_mut(&process)?.cursors;
        let cursor = cursors.pop_front();
        if !cursors.is_empty() {
            self.turns.push_back(process);
        }
        cursor
    }

    /// One is answered.
    pub(super) fn end(&mut self, process: u32) {
        if let Some(asker) = self.askers.get_mut(&process) {
            asker.unanswered -= 1;
            if asker.unanswered == 0 {
                self.askers.remove(&process);
            }
        }
    }
}
