//! What bounds the outbound side of every link.

use crate::limits::Limits;

/// In bytes, but for `pending`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// What may be encoded ahead of the transport.
    pub(crate) ahead: usize,
    /// What may wait in the outbox.
    pub(crate) outbox: usize,
    /// Requests pending over one link.
    pub(crate) pending: usize,
}

impl Bounds {
    pub(crate) fn of(limits: &Limits) -> Self {
        Self { ahead: limits.ahead(), outbox: limits.outbox, pending: limits.pending_requests }
    }

    /// What may wait in the outbox once another request is in it: they can be refused, and leave
    /// room for what cannot.
    pub(super) fn requests(&self) -> usize {
        self.outbox - self.outbox / 16
    }

    /// Bytes of one batch of reports. Of those that are passed on, so many that the second batch
    /// of one read still finds room; of this process's `own`, so that what is submitted at once,
    /// 64 KiB of commands, becomes one batch.
    pub(super) fn batch(&self, own: bool) -> usize {
        if own { self.ahead / 4 * 3 } else { self.ahead / 2 }
    }
}
