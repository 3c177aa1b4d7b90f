//! What an outbox counts for, and on whose account.

use crate::ids::LinkId;
use crate::links::charges::NOBODY;
use crate::links::outbound::shares::Shares;

use super::entry::Entry;

/// The bytes that wait. Each entry is entered once and leaves once, with the same size.
///
/// Of all bytes, those that others have caused are in shares, or nobody's; the rest the receiver
/// has asked for.
#[derive(Debug, Default)]
pub(super) struct Account {
    all: usize,
    /// Those of them that count once for all links that wait for them.
    shared: usize,
    /// Those that this process has caused, or a link that could not be held up.
    unowned: usize,
    /// Those that links have caused, most of the time none.
    shares: Option<Box<Shares>>,
    /// Those of kept values that are passed on.
    replayed: usize,
    /// Those of results, failures and parts.
    answers: usize,
    /// What requests are charged, as long as they wait: their entries have no size.
    arguments: usize,
}

impl Account {
    /// An entry begins to wait, in an outbox that is to hold `limit` bytes. True: from now on the
    /// link that it is charged to has caused too much of that.
    pub(super) fn enter(&mut self, entry: &Entry, limit: usize) -> bool {
        let size = entry.size();
        self.all += size;
        self.shared += entry.out.shared();
        if entry.out.is_replayed() {
            self.replayed += size;
        }
        if entry.out.is_answer() {
            self.answers += size;
        }
        if entry.source != NOBODY {
            return self.shares.get_or_insert_default().add(entry.source, size, limit);
        }
        if entry.out.is_charged() {
            self.unowned += size;
        }
        false
    }

    /// It waits no longer.
    pub(super) fn leave(&mut self, entry: &Entry) {
        let size = entry.size();
        self.all -= size;
        self.shared -= entry.out.shared();
        if entry.out.is_replayed() {
            self.replayed -= size;
        }
        if entry.out.is_answer() {
            self.answers -= size;
        }
        if entry.source == NOBODY {
            if entry.out.is_charged() {
                self.unowned -= size;
            }
        } else if let Some(shares) = &mut self.shares {
            shares.remove(entry.source, size);
        }
    }

    /// A request that is charged so many bytes waits.
    pub(super) fn enter_request(&mut self, arguments: usize) {
        self.arguments += arguments;
        self.all += arguments;
    }

    /// It is encoded, or was taken back.
    pub(super) fn leave_request(&mut self, arguments: usize) {
        self.arguments = self.arguments.saturating_sub(arguments);
        self.all = self.all.saturating_sub(arguments);
    }

    pub(super) fn bytes(&self) -> usize {
        self.all
    }

    pub(super) fn arguments(&self) -> usize {
        self.arguments
    }

    pub(super) fn answers(&self) -> usize {
        self.answers
    }

    pub(super) fn replayed(&self) -> usize {
        self.replayed
    }

    /// Bytes that wait for this link alone.
    pub(super) fn alone(&self) -> usize {
        self.all - self.shared
    }

    /// Bytes that the receiver has asked for, with their part of so much `spare` room: neither what
    /// others have caused, nor what the end of a link has.
    pub(super) fn asked_for(&self, spare: usize) -> usize {
        let caused = self.shares.as_ref().map_or(0, |shares| shares.bytes());
        self.with_part_of(spare, self.all - caused - self.unowned)
    }

    /// Those who have caused the rest, each with its part.
    pub(super) fn caused(&self, spare: usize) -> impl Iterator<Item = (LinkId, usize)> {
        let shares = self.shares.iter().flat_map(|shares| shares.each());
        shares.map(move |(source, bytes)| (source, self.with_part_of(spare, bytes)))
    }

    /// Others are held up until some of it has left.
    pub(super) fn holds_up(&self) -> bool {
        self.shares.as_ref().is_some_and(|shares| shares.holds_up())
    }

    /// Links that are not held up any more.
    pub(super) fn take_released(&mut self) -> Vec<LinkId> {
        let Some(shares) = &mut self.shares else { return Vec::new() };
        let released = shares.take_released();
        if shares.bytes() == 0 {
            self.shares = None;
        }
        released
    }

    /// As [`take_released`](Self::take_released), when nothing of this will be written any more.
    pub(super) fn take_held(&mut self) -> Vec<LinkId> {
        self.shares.take().map_or_else(Vec::new, |mut shares| shares.take_held())
    }

    fn with_part_of(&self, spare: usize, bytes: usize) -> usize {
        let part = spare as u64 * bytes as u64 / self.all.max(1) as u64;
        bytes + usize::try_from(part).unwrap_or(usize::MAX)
    }
}
