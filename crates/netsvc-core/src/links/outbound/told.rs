//! How far a link has come in the log of changes.

use std::collections::VecDeque;

use crate::ids::ServiceNo;

/// How far a link has come in the log of changes.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Where it began: behind the end of its process's last life, if that had one here.
    pub(super) since: u64,
    /// Up to here the peer has been told.
    pub(super) position: u64,
    /// Up to here it is to be told, behind what is in the outbox; up to there before what will be.
    pub(super) queued: u64,
    pub(super) needed: u64,
    /// Bytes that it was told before what else waited, beyond as many as that has sent; 0: it knows
    /// of all changes.
    pub(super) ahead: u32,
    /// The end of the log when the snapshot had come to the last service.
    pub(super) after_snapshot: u64,
    /// The link follows the log.
    pub(super) follows: bool,
    /// How far the snapshot had come when changes happened: up to a position, since the one before
    /// it, up to a service. The peer is told of changes of those services alone, as the others are
    /// yet to come, as they are then. `None`: it has not met a change, as most do not.
    #[allow(clippy::box_collection, reason = "every link has room for it")]
    pub(super) snapshot: Option<Box<VecDeque<(u64, ServiceNo)>>>,
}

impl Told {
    /// Whether the snapshot had come past a service when something changed. Asked in the order of
    /// changes.
    pub(super) fn knew(&mut self, position: u64, no: ServiceNo) -> bool {
        let Some(snapshot) = &mut self.snapshot else { return true };
        while snapshot.front().is_some_and(|(upto, _)| *upto <= position) {
            snapshot.pop_front();
        }
        if let Some((_, cursor)) = snapshot.front() {
            return no <= *cursor;
        }
        self.snapshot = None;
        true
    }

    /// The snapshot has come up to a service at the end of the log.
    pub(super) fn note_snapshot(&mut self, end: u64, cursor: ServiceNo) {
        let last = self.snapshot.as_ref().and_then(|snapshot| snapshot.back());
        if last.map_or(self.position, |(upto, _)| *upto) < end {
            self.snapshot.get_or_insert_default().push_back((end, cursor));
        }
    }
}
