//! The processes that are reachable from here.

use crate::collections::id_allocator::IdAllocator;
use crate::collections::id_map::IdMap;
use crate::collections::seeded_map::{SeededMap, SeededState};
use crate::ids::{ExchangeId, LinkId, ProcessId, ProcessNo, Str};

/// This process in its own tables, and "the sender itself" on the wire.
pub(crate) const OWN: ProcessNo = ProcessNo(0);

/// A known process.
#[derive(Debug)]
pub(crate) struct ProcessEntry {
    pub(crate) id: ProcessId,
    pub(crate) label: Str,
    /// Links over which it is reachable, with their exchanges, the one in use first. Empty: this
    /// process.
    pub(crate) routes: Vec<(LinkId, ExchangeId)>,
}

#[derive(Debug)]
pub(crate) struct ProcessTable {
    entries: IdMap<ProcessNo, ProcessEntry>,
    nos: SeededMap<ProcessId, ProcessNo>,
    ids: IdAllocator,
}

impl ProcessEntry {
    /// The link to it within an exchange.
    pub(crate) fn route_in(&self, exchange: ExchangeId) -> Option<LinkId> {
        self.routes.iter().find(|(_, of)| *of == exchange).map(|(link, _)| *link)
    }
}

impl ProcessTable {
    /// With this process in it.
    pub(crate) fn new(own: ProcessId, label: Str, seed: u64) -> Self {
        let mut nos = SeededMap::with_hasher(SeededState(seed));
        nos.insert(own, OWN);
        let mut entries = IdMap::default();
        entries.insert(OWN, ProcessEntry { id: own, label, routes: Vec::new() });
        Self { entries, nos, ids: IdAllocator::default() }
    }

    #[inline]
    pub(crate) fn get(&self, no: ProcessNo) -> Option<&ProcessEntry> {
        self.entries.get(no)
    }

    pub(crate) fn no_of(&self, id: ProcessId) -> Option<ProcessNo> {
        self.nos.get(&id).copied()
    }

    /// How many are known, this one included.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// A process is reachable over a link.
    pub(crate) fn add_route(
        &mut self,
        id: ProcessId,
        label: Str,
        link: LinkId,
        exchange: ExchangeId,
    ) -> ProcessNo {
        if let Some(no) = self.nos.get(&id).copied() {
            if let Some(entry) = self.entries.get_mut(no)
                && no != OWN
                && entry.routes.iter().all(|(known, _)| *known != link)
            {
                entry.routes.push((link, exchange));
            }
            return no;
        }
        let entries = &self.entries;
        let no = ProcessNo(self.ids.allocate(|no| entries.contains(ProcessNo(no))));
        self.nos.insert(id, no);
        self.entries.insert(no, ProcessEntry { id, label, routes: vec![(link, exchange)] });
        no
    }

    /// A process is no longer reachable over a link; true if it is not over any other either, and
    /// was forgotten. Its services must be withdrawn before.
    pub(crate) fn drop_route(&mut self, no: ProcessNo, link: LinkId) -> bool {
        let Some(entry) = self.entries.get_mut(no) else { return false };
        entry.routes.retain(|(route, _)| *route != link);
        if no == OWN || !entry.routes.is_empty() {
            return false;
        }
        let id = entry.id;
        self.entries.remove(no);
        self.nos.remove(&id);
        true
    }

    /// For tests: see [`IdAllocator::skip_to_end`].
    pub(crate) fn skip_to_end(&mut self, left: u32) {
        self.ids.skip_to_end(left);
    }
}
