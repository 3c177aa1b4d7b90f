//! What waits to be written to one link, limited in bytes.

use std::collections::VecDeque;

use crate::ids::{CallId, LinkId};
use crate::links::charges::NOBODY;
use crate::reports::drop_counts::DropCounts;
use crate::steps;

use droppable::Droppable;
use entry::Entry;
use memory::Account;

pub(crate) use charge::{OVERHEAD, message_size};
pub(crate) use out::Out;

mod charge;
mod droppable;
mod dropping;
mod entry;
mod memory;
mod out;
#[cfg(test)]
mod tests;

/// Entries that were dropped and may stay in a queue.
const MAX_HOLES: usize = 1024;

/// A queue in order; reports can be dropped from its middle, and are then counted.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    entries: VecDeque<Entry>,
    /// Absolute position of the first entry.
    base: u64,
    account: Account,
    /// `None`: nothing in it may be dropped.
    droppable: Option<Box<Droppable>>,
    /// Something has left since this was last asked.
    popped: bool,
    /// Dropped, and not told to the peer yet.
    lost: DropCounts,
    /// Entries that are `Nothing`.
    holes: u32,
    /// Requests that were taken back and may still be in it.
    stale: u32,
}

impl Outbox {
    pub(crate) fn bytes(&self) -> usize {
        self.account.bytes()
    }

    /// Entries, those that were dropped included.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of results, failures and parts.
    #[inline]
    pub(crate) fn answers(&self) -> usize {
        self.account.answers()
    }

    pub(crate) fn replayed_bytes(&self) -> usize {
        self.account.replayed()
    }

    /// Whether something has left since those were taken who were held up by that.
    #[inline]
    pub(crate) fn has_popped(&self) -> bool {
        self.popped
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.lost.is_empty()
    }

    pub(crate) fn push(&mut self, out: Out) {
        if let Out::Lost { service, subject, count } = &out
            && let Some(Out::Lost { service: last, subject: of, count: so_far }) = self.last_mut()
            && last == service
            && of == subject
        {
            // Peers count too, as high as they like.
            *so_far = so_far.saturating_add(*count);
            return;
        }
        if let Out::Replays(row) = &out
            && let Some(Out::Replays(last)) = self.last_mut()
            && last.extend(*row)
        {
            return;
        }
        if let Out::Changes { needed, upto } = out
            && let Some(Out::Changes { needed: before, upto: last }) = self.last_mut()
        {
            (*before, *last) = (needed.max(*before), upto.max(*last));
            return;
        }
        let size = out.size();
        steps::count(1);
        self.push_entry(Entry::new(out, size, NOBODY), usize::MAX);
    }

    /// As [`push`](Self::push), of what a message over the link `source` has caused, in an outbox
    /// that is to hold `limit` bytes. True: from now on that link has caused too much of it.
    pub(crate) fn push_from(&mut self, source: LinkId, out: Out, limit: usize) -> bool {
        if source == NOBODY || !out.is_charged() {
            self.push(out);
            return false;
        }
        let size = out.size();
        steps::count(1);
        self.push_entry(Entry::new(out, size, source), limit)
    }

    /// Links that are not held up any more.
    pub(crate) fn take_released(&mut self) -> Vec<LinkId> {
        self.popped = false;
        self.account.take_released()
    }

    /// As [`take_released`](Self::take_released), when nothing of this will be written any more.
    pub(crate) fn take_held(&mut self) -> Vec<LinkId> {
        self.account.take_held()
    }

    /// Others are held up until some of it has left.
    pub(crate) fn holds_up(&self) -> bool {
        self.account.holds_up()
    }

    /// Absolute positions of the first entry, and behind the last. Changes at the end are left out:
    /// as long as others follow in a row, these never end.
    pub(crate) fn positions(&self) -> (u64, u64) {
        let last = self.entries.back().map(|entry| &entry.out);
        let row = u64::from(matches!(last, Some(Out::Changes { .. })));
        (self.base, self.base + self.entries.len() as u64 - row)
    }

    /// The first entry is changes: up to where they are needed, up to where they may be told, and
    /// whether nothing else waits.
    #[inline]
    pub(crate) fn changes_first(&self) -> Option<(u64, u64, bool)> {
        match self.entries.front()?.out {
            Out::Changes { needed, upto } => Some((needed, upto, self.entries.len() == 1)),
            _ => None,
        }
    }

    /// A request that is charged so many bytes, mostly of arguments.
    pub(crate) fn push_request(&mut self, call: CallId, arguments: usize) {
        self.push_entry(Entry::new(Out::Request(call), 0, NOBODY), usize::MAX);
        self.account.enter_request(arguments);
    }

    /// What the requests in it are charged.
    pub(crate) fn arguments(&self) -> usize {
        self.account.arguments()
    }

    /// The arguments of a request are encoded, or do not wait any more.
    pub(crate) fn request_left(&mut self, arguments: usize) {
        self.account.leave_request(arguments);
    }

    /// A request was taken back. Those for which `is_wanted` does not hold are removed, so that a
    /// peer that does not read is not kept from those of others; but only now and then.
    pub(crate) fn take_back_request(
        &mut self,
        arguments: usize,
        is_wanted: impl Fn(CallId) -> bool,
    ) {
        self.request_left(arguments);
        self.stale += 1;
        if (self.stale as usize) < MAX_HOLES.max(self.entries.len() / 2) {
            return;
        }
        self.stale = 0;
        for entry in &mut self.entries {
            if matches!(entry.out, Out::Request(call) if !is_wanted(call)) {
                entry.out = Out::Nothing;
                self.holes += 1;
            }
        }
        self.close_holes();
    }

    pub(crate) fn pop(&mut self) -> Option<Out> {
        if let Some(lost) = self.lost_first() {
            self.popped = true;
            return Some(lost);
        }
        let entry = self.entries.pop_front()?;
        self.popped = true;
        self.account.leave(&entry);
        if entry.is_hole() {
            self.holes -= 1;
        }
        if let Some(droppable) = &mut self.droppable {
            droppable.forget(self.base, &entry.out);
        }
        self.base += 1;
        if self.entries.is_empty() {
            // An idle link owns no memory for its outbox.
            self.entries = VecDeque::new();
            self.droppable = None;
            self.stale = 0;
        }
        Some(entry.out)
    }

    /// Bytes of memory that it takes and that count for this link alone.
    pub(crate) fn memory_alone(&self) -> usize {
        self.account.alone() + self.spare()
    }

    /// Of all that it takes, what the receiver has asked for.
    pub(crate) fn memory_asked_for(&self) -> usize {
        self.account.asked_for(self.spare())
    }

    /// Those who have caused the rest, each with its part.
    pub(crate) fn charges(&self) -> impl Iterator<Item = (LinkId, usize)> {
        self.account.caused(self.spare())
    }

    /// Bytes of its table that no entry is charged for.
    fn spare(&self) -> usize {
        let charged = self.entries.len().saturating_sub((self.holes + self.stale) as usize);
        (self.entries.capacity() - charged) * size_of::<Entry>()
    }

    /// True: whoever has caused it has now caused too much.
    fn push_entry(&mut self, entry: Entry, limit: usize) -> bool {
        self.note(self.base + self.entries.len() as u64, &entry.out);
        let is_over = self.account.enter(&entry, limit);
        self.entries.push_back(entry);
        is_over
    }

    fn last_mut(&mut self) -> Option<&mut Out> {
        self.entries.back_mut().map(|entry| &mut entry.out)
    }
}
