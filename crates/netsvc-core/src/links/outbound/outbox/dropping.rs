//! What is dropped from an outbox, and how its receiver hears of that.

use crate::ids::Str;
use crate::steps;
use crate::wire::Message;

use super::{MAX_HOLES, Out, Outbox};

impl Outbox {
    /// Makes room: a report that only the newest of matters first replaces its predecessor; then
    /// the oldest reports are dropped. False if more than `limit` bytes are left all the same.
    pub(crate) fn drop_reports(&mut self, limit: usize) -> bool {
        while self.bytes() > limit {
            if !self.drop_oldest() {
                return false;
            }
        }
        true
    }

    /// Drops the oldest report; false: there is none.
    pub(crate) fn drop_oldest(&mut self) -> bool {
        loop {
            let next = self.droppable.as_mut().and_then(|droppable| droppable.next());
            let Some(position) = next else { return false };
            let Some(index) = position.checked_sub(self.base) else { continue };
            if self.drop_entry(index) {
                return true;
            }
        }
    }

    /// If a report of the same subject waits that nobody behind the link needs once there is a
    /// newer one, it is dropped. For a link over its limit.
    pub(crate) fn replace(&mut self, service: u32, subject: &Str) -> bool {
        let droppable = self.droppable.as_ref();
        let position = droppable.and_then(|droppable| droppable.replaceable(service, subject));
        let Some(position) = position else { return false };
        position.checked_sub(self.base).is_some_and(|index| self.drop_entry(index))
    }

    /// Something that was dropped of that service, or of any, and not told to the peer yet. It is
    /// about to hear of the end of that.
    pub(crate) fn lost_of(&mut self, service: Option<u32>) -> Option<Out> {
        if self.lost.is_empty() || service.is_some_and(|service| !self.lost.has(service)) {
            return None;
        }
        let mut records = self.lost.take(service).into_iter();
        let (service, subject, count) = records.next()?;
        for (service, subject, count) in records {
            self.lost.add(service, subject.as_ref(), count);
        }
        Some(Out::Lost { service, subject, count })
    }

    /// What was dropped is told just before the next report of its service, before the service's
    /// end, or when nothing else is left.
    pub(super) fn lost_first(&mut self) -> Option<Out> {
        if self.lost.is_empty() {
            return None;
        }
        let service = match self.entries.front().map(|entry| &entry.out) {
            Some(Out::Message(Message::Goodbye(_))) | None => None,
            Some(out) => Some(out.droppable()?),
        };
        self.lost_of(service)
    }

    /// Notes what may become of an entry at an absolute position.
    pub(super) fn note(&mut self, position: u64, out: &Out) {
        if out.droppable().is_some() {
            self.droppable.get_or_insert_default().note(position, out);
        }
    }

    /// Throws out entries that were dropped, once they are many and most: the queue of a peer that
    /// does not read must not grow by what it has lost.
    pub(super) fn close_holes(&mut self) {
        let holes = self.holes as usize;
        if holes < MAX_HOLES || holes * 2 < self.entries.len() {
            return;
        }
        self.holes = 0;
        steps::count(2 * self.entries.len());
        self.entries.retain(|entry| !entry.is_hole());
        self.entries.shrink_to(2 * self.entries.len());
        self.droppable = None;
        let entries = std::mem::take(&mut self.entries);
        for (index, entry) in entries.iter().enumerate() {
            self.note(self.base + index as u64, &entry.out);
        }
        self.entries = entries;
    }

    fn drop_entry(&mut self, index: u64) -> bool {
        let entry = usize::try_from(index).ok().and_then(|index| self.entries.get_mut(index));
        let Some(entry) = entry.filter(|entry| entry.out.droppable().is_some()) else {
            return false;
        };
        entry.out.lose(&mut self.lost);
        self.account.leave(entry);
        (entry.out, entry.size) = (Out::Nothing, 0);
        self.holes += 1;
        self.close_holes();
        true
    }
}
