//! How far a link has come in the log of changes.

use std::collections::VecDeque;

use crate::ids::ServiceNo;

/// How far a link has come in the log of changes.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Up to here the peer has been told.
    pub(super) position: u64,
    /// Up to here it is to be told, behind what is in the outbox; up to there before what will be.
    pub(super) queued: u64,
    pub(super) needed: u64,
    /// Bytes that it may be told before what else waits: as many as that has sent.
    pub(super) credit: usize,
    /// The end of the log when the snapshot had come to the last service.
    pub(super) after_snapshot: u64,
    /// The link follows the log.
    pub(super) follows: bool,
    /// How far the snapshot had come when changes happened: up to a position, since the one before
    /// it, up to a service. The peer is told of changes of those services alone, as the others are
    /// yet to come, as they are then.
    pub(super) snapshot: VecDeque<(u64, ServiceNo)>,
}

impl Told {
    /// Whether the snapshot had come past a service when something changed. Asked in the order of
    /// changes.
    pub(super) fn knew(&mut self, position: u64, no: ServiceNo) -> bool {
        while self.snapshot.front().is_some_and(|(upto, _)| *upto <= position) {
            self.snapshot.pop_front();
        }
        self.snapshot.front().is_none_or(|(_, cursor)| no <= *cursor)
    }
}
