//! All watches of this registry, and what they are told.

use rustc_hash::FxHashMap;

use crate::collections::id_allocator::IdAllocator;
use crate::delivery::event::{Change, Event, ServiceInfo, Status};
use crate::delivery::queue::{Deliveries, Source};
use crate::ids::{Str, WatchId};
use crate::steps;

use super::service::Service;
use super::watch::Watch;

#[derive(Debug, Default)]
pub(crate) struct Watches {
    table: FxHashMap<WatchId, Watch>,
    ids: IdAllocator,
    /// Counts the changes told in this registry.
    changes: u64,
}

impl Watches {
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn ids(&self) -> Vec<WatchId> {
        self.table.keys().copied().collect()
    }

    pub(crate) fn get(&self, id: WatchId) -> Option<&Watch> {
        self.table.get(&id)
    }

    pub(crate) fn insert(&mut self, watch: Watch) -> WatchId {
        let table = &self.table;
        let id = WatchId(self.ids.allocate(|id| table.contains_key(&WatchId(id))));
        self.table.insert(id, watch);
        id
    }

    /// For tests: see [`IdAllocator::skip_to_end`].
    pub(crate) fn skip_to_end(&mut self, left: u32) {
        self.ids.skip_to_end(left);
    }

    pub(crate) fn remove(&mut self, id: WatchId, deliveries: &mut Deliveries) {
        if let Some(watch) = self.table.remove(&id)
            && let Some(stamp) = watch.head()
        {
            deliveries.unready(stamp, Source::Watch(id));
        }
    }

    pub(crate) fn grant(&mut self, id: WatchId, changes: u32, deliveries: &mut Deliveries) {
        if let Some(watch) = self.table.get_mut(&id) {
            watch.grant(changes);
            if let Some(stamp) = watch.ready() {
                deliveries.ready(stamp, Source::Watch(id));
            }
        }
    }

    /// Tells all watches that a change of a service concerns. `describe` is asked only then.
    pub(crate) fn tell(
        &mut self,
        status: Status,
        service: &Service,
        group: Option<&Str>,
        describe: impl FnOnce() -> ServiceInfo,
        deliveries: &mut Deliveries,
    ) {
        self.changes += 1;
        steps::count(self.table.len());
        let concerned = |watch: &Watch| {
            watch.filter.admits(service)
                && !watch.awaits_reset()
                && match (&watch.filter.group, group) {
                    (None, _) => true,
                    (Some(wanted), Some(group)) => wanted == group,
                    (Some(_), None) => false,
                }
        };
        if !self.table.values().any(concerned) {
            return;
        }
        let (revision, stamp) = (self.changes, deliveries.stamp());
        let mut info = Some(describe());
        let mut watches = self.table.iter_mut().filter(|(_, watch)| concerned(watch)).peekable();
        while let Some((id, watch)) = watches.next() {
            let service = if watches.peek().is_some() { info.clone() } else { info.take() };
            let group = group.cloned();
            let change = Change { status, revision, replayed: false, service, group };
            if let Some(gone) = watch.push(stamp, change) {
                deliveries.unready(gone, Source::Watch(*id));
            }
            if let Some(first) = watch.ready() {
                deliveries.ready(first, Source::Watch(*id));
            }
        }
    }

    /// The next change of a watch whose turn it is, and whether a new replay is to follow.
    pub(crate) fn pop(
        &mut self,
        id: WatchId,
        deliveries: &mut Deliveries,
    ) -> Option<(Event, bool)> {
        let watch = self.table.get_mut(&id)?;
        let change = watch.pop()?;
        let again = change.status == Status::Reset;
        if !again && let Some(stamp) = watch.ready() {
            deliveries.ready(stamp, Source::Watch(id));
        }
        Some((Event::Change { watch: id, change }, again))
    }

    /// Queues what exists: services that the watch's filter admits, each with its groups.
    pub(crate) fn replay<'a>(
        &mut self,
        id: WatchId,
        existing: impl Iterator<Item = (&'a Service, ServiceInfo)>,
        deliveries: &mut Deliveries,
    ) {
        let Some(watch) = self.table.get_mut(&id) else { return };
        let revision = self.changes;
        let mut changes = Vec::new();
        for (service, info) in existing {
            let mut tell = |status, group| {
                let service = Some(info.clone());
                changes.push(Change { status, revision, replayed: true, service, group });
            };
            if let Some(group) = &watch.filter.group {
                tell(Status::Joined, Some(group.clone()));
            } else {
                tell(Status::Available, None);
                for group in &service.groups {
                    tell(Status::Joined, Some(group.clone()));
                }
            }
        }
        watch.replay(deliveries.stamp(), changes, revision);
        if let Some(first) = watch.ready() {
            deliveries.ready(first, Source::Watch(id));
        }
    }
}
