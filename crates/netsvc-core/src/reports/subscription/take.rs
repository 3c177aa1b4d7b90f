//! Reports that are told as they arrive, without a queue.

use crate::ids::{LinkId, ServiceId, ServiceNo};
use crate::reports::feed::Take;

use super::Subscription;

impl Subscription {
    /// Whether a report that arrives now need not wait in the queue.
    pub(crate) fn can_take(
        &mut self,
        no: ServiceNo,
        id: ServiceId,
        sequence: u64,
        size: usize,
        via: Option<LinkId>,
    ) -> bool {
        let calm = self.is_calm(size);
        let place = self.feeds.place(no, id);
        let Some(feed) = place.and_then(|place| self.feeds.at(place)) else { return true };
        !feed.wants(sequence) || (calm && !feed.waits(via, sequence))
    }

    /// A report arrived `via` a link: as if it was queued and taken out at once, if it need not
    /// wait there.
    #[inline]
    pub(crate) fn take(
        &mut self,
        no: ServiceNo,
        id: ServiceId,
        sequence: u64,
        size: usize,
        via: Option<LinkId>,
    ) -> Take {
        let calm = self.is_calm(size);
        let place = self.feeds.place(no, id);
        let Some(feed) = place.and_then(|place| self.feeds.at(place)) else { return Take::Never };
        if !feed.wants(sequence) {
            return Take::Never;
        }
        if !calm || feed.waits(via, sequence) {
            return Take::Later;
        }
        let (telling, gap) = feed.advance(sequence);
        self.missed = self.missed.saturating_add(gap);
        self.credit = self.credit.saturating_sub(1);
        Take::Now(telling)
    }

    /// Nothing waits, and a report of `size` bytes of content need not either.
    #[inline]
    fn is_calm(&self, size: usize) -> bool {
        let empty = self.queue.is_empty() && self.kept.is_empty() && self.ahead == 0;
        size <= self.limits.bytes && self.credit > 0 && empty && self.untold == 0
    }
}
