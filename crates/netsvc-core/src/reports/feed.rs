//! What a subscription knows of one service.

use std::collections::BTreeMap;
use std::mem;

use crate::delivery::event::Delivered;
use crate::ids::LinkId;
use crate::reports::replay_buffer::ReplayBuffer;

/// What a subscription knows of one service.
///
/// Reports may come by several links, if both processes have several hubs in common. Those that the
/// publisher sends to this process come by one *way* at a time, completely and in order: over the
/// link that was asked for kept values last. The answer marks where in the publisher's stream the
/// way begins. What other links bring are copies, for others behind the same hub, or what the
/// publisher sent before it was asked.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    /// Everything up to this sequence was told, dropped, not wanted or missed; nothing at or below
    /// it is told again.
    pub(super) last: u64,
    /// The link over which reports come. `None`: it is a service of this process.
    pub(super) way: Option<LinkId>,
    /// Under way: its id, and what arrived meanwhile.
    pub(super) replay: Option<(u32, ReplayBuffer)>,
    /// Its link was lost since the last delivery.
    pub(super) resumed: bool,
    /// Lost on the way before the next live report to arrive.
    pub(super) lost: u64,
    /// Dropped from the queues, by the number of the first kept report behind them, or the next to
    /// be queued: what is to be told by it, or by the first of this service after it.
    pub(super) dropped: BTreeMap<u64, u64>,
    /// Holes up to this sequence were published while its link was lost: missed, or not wanted.
    pub(super) unseen: u64,
    /// Of those, what the next report has to tell.
    pub(super) gap: u64,
    /// Copies that came by other ways, and before which others may be missing.
    pub(super) ahead: BTreeMap<u64, Delivered>,
    pub(super) present: bool,
    /// While it is not: how many services had become absent by then.
    pub(super) departure: u64,
}

/// What a report tells besides itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Telling {
    pub(crate) missed: u64,
    pub(crate) resumed: bool,
}

/// What becomes of a report that arrives, see
/// [`Subscription::take`](super::subscription::Subscription::take).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Take {
    /// It is delivered.
    Now(Telling),
    /// It has to `arrive` in the queue; nothing was done.
    Later,
    /// It is no news.
    Never,
}

impl Feed {
    /// Whether a report of that sequence is news.
    #[inline]
    pub(super) fn wants(&self, sequence: u64) -> bool {
        self.present && sequence > self.last
    }

    /// Others may have to be told before it.
    #[inline]
    pub(super) fn waits(&self, via: Option<LinkId>, sequence: u64) -> bool {
        self.replay.is_some() || self.is_astray(via, sequence)
    }

    /// A report came by another way than the one in use, and others that are wanted may come before
    /// it by that. It comes there, too; or that way is about to end, and then it is told, and what
    /// is missing before it is counted.
    #[inline]
    pub(super) fn is_astray(&self, via: Option<LinkId>, sequence: u64) -> bool {
        self.way != via && sequence > self.last + 1
    }

    /// Takes out a copy of a report up to this sequence, which comes by the way in use.
    pub(super) fn pass(&mut self, sequence: u64) -> Option<Delivered> {
        let first = self.ahead.first_entry().filter(|first| *first.key() <= sequence)?;
        Some(first.remove())
    }

    /// The next report has this sequence: what it has to tell, and of that what nobody counted
    /// before.
    #[inline]
    pub(super) fn advance(&mut self, sequence: u64) -> (Telling, u64) {
        // Some of the holes may be other subjects, so this is an upper bound.
        let gap = (sequence - 1).min(self.unseen).saturating_sub(self.last);
        let told = mem::take(&mut self.gap).saturating_add(mem::take(&mut self.lost));
        self.last = sequence;
        let missed = gap.saturating_add(told);
        (Telling { missed, resumed: mem::take(&mut self.resumed) }, gap)
    }
}
