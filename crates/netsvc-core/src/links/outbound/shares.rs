//! Of what waits for one link: how much of it others have caused.

use rustc_hash::FxHashMap;

use crate::ids::LinkId;
use crate::limits::RELAYED_SHARE;

/// Many sources together never fill an outbox: each may have this part of what they leave.
const PART: usize = 32;

/// Bytes of control messages that wait, by the links that have caused them.
#[derive(Debug, Default)]
pub(super) struct Shares {
    of: FxHashMap<LinkId, Share>,
    /// Of all of them.
    bytes: usize,
    /// How many shares are too large.
    over: usize,
    /// Links whose share was too large and no longer is.
    released: Vec<LinkId>,
}

#[derive(Debug, Default)]
struct Share {
    bytes: usize,
    /// It is too large until no more than this is left.
    over: Option<usize>,
}

impl Shares {
    /// A link has caused so many bytes. `limit` of the whole outbox. True: its share has become too
    /// large.
    pub(super) fn add(&mut self, source: LinkId, bytes: usize, limit: usize) -> bool {
        let most = (limit.saturating_sub(self.bytes) / PART).min(RELAYED_SHARE);
        self.bytes += bytes;
        let share = self.of.entry(source).or_default();
        share.bytes += bytes;
        if share.over.is_some() || share.bytes <= most {
            return false;
        }
        share.over = Some(most / 2);
        self.over += 1;
        true
    }

    /// So many bytes that a link has caused have left.
    pub(super) fn remove(&mut self, source: LinkId, bytes: usize) {
        let Some(share) = self.of.get_mut(&source) else { return };
        self.bytes = self.bytes.saturating_sub(bytes);
        share.bytes = share.bytes.saturating_sub(bytes);
        if share.over.is_some_and(|until| share.bytes <= until) {
            share.over = None;
            self.over -= 1;
            self.released.push(source);
        }
        if share.bytes == 0 {
            self.of.remove(&source);
        }
    }

    /// Of all of them.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Each with its bytes.
    pub(super) fn each(&self) -> impl Iterator<Item = (LinkId, usize)> {
        self.of.iter().map(|(source, share)| (*source, share.bytes))
    }

    /// Others are not read until something has left.
    pub(super) fn holds_up(&self) -> bool {
        self.over > 0
    }

    /// Takes out those whose share is no longer too large.
    pub(super) fn take_released(&mut self) -> Vec<LinkId> {
        std::mem::take(&mut self.released)
    }

    /// Nothing will leave any more: takes out those whose share is too large.
    pub(super) fn take_held(&mut self) -> Vec<LinkId> {
        let over = self.of.iter().filter(|(_, share)| share.over.is_some());
        let mut held: Vec<LinkId> = over.map(|(source, _)| *source).collect();
        held.append(&mut self.released);
        held.sort_unstable();
        *self = Self::default();
        held
    }
}
