//! The flushes under way.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::collections::id_allocator::IdAllocator;
use crate::ids::{FlushId, LinkId};

#[derive(Debug, Default)]
pub(super) struct Flushes {
    pub(super) table: FxHashMap<FlushId, Flush>,
    pub(super) ids: IdAllocator,
}

#[derive(Debug, Default)]
pub(super) struct Flush {
    /// Links whose peers have yet to confirm.
    pub(super) sent: FxHashSet<LinkId>,
    /// Connecting links that are not active yet.
    pub(super) waiting: FxHashSet<LinkId>,
}

impl Flushes {
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn next_id(&mut self) -> FlushId {
        let table = &self.table;
        FlushId(self.ids.allocate(|id| table.contains_key(&FlushId(id))))
    }

    pub(super) fn waiting_for(&self, link: LinkId) -> Vec<FlushId> {
        let waiting = self.table.iter().filter(|(_, flush)| flush.waiting.contains(&link));
        let mut found: Vec<FlushId> = waiting.map(|(id, _)| *id).collect();
        found.sort_unstable();
        found
    }
}
