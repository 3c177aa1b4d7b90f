//! Watches of this registry.

use crate::delivery::event::{Change, Event, Status};
use crate::delivery::queue::Source;
use crate::ids::{ServiceNo, Str, WatchId};
use crate::registry::table::Filter;
use crate::registry::watch::Watch;

use crate::process::Process;

impl Process {
    /// Begins a watch: what exists (`replayed`), then `Current`, then each change once, in order.
    ///
    /// A watch with a group tells of membership only (`Joined`, `Left`); any other tells of
    /// services, and of each membership after its service is available and before it is withdrawn.
    pub fn watch(&mut self, filter: Filter) -> WatchId {
        self.last_watch = self.last_watch.wrapping_add(1);
        let id = WatchId(self.last_watch);
        self.watches.insert(id, Watch::new(filter));
        self.replay_watch(id);
        id
    }

    /// Ends a watch; nothing more is told.
    pub fn unwatch(&mut self, watch: WatchId) {
        if let Some(state) = self.watches.remove(&watch)
            && let Some(stamp) = state.head()
        {
            self.deliveries.unready(stamp, Source::Watch(watch));
        }
    }

    /// Allows a watch to tell that many more changes.
    pub fn grant_watch(&mut self, watch: WatchId, changes: u32) {
        if let Some(state) = self.watches.get_mut(&watch) {
            state.grant(changes);
            if let Some(stamp) = state.ready() {
                self.deliveries.ready(stamp, Source::Watch(watch));
            }
        }
    }

    /// Tells all watches that this concerns.
    pub(in crate::process) fn tell_change(
        &mut self,
        status: Status,
        no: ServiceNo,
        group: Option<&Str>,
    ) {
        self.changes += 1;
        if self.watches.is_empty() {
            return;
        }
        let Some(service) = self.registry.service(no) else { return };
        let (revision, stamp) = (self.changes, self.deliveries.stamp());
        let concerned = |watch: &Watch| {
            watch.filter.admits(service)
                && !watch.awaits_reset()
                && match (&watch.filter.group, group) {
                    (None, _) => true,
                    (Some(wanted), Some(group)) => wanted == group,
                    (Some(_), None) => false,
                }
        };
        if !self.watches.values().any(concerned) {
            return;
        }
        let mut info = Some(self.describe(service));
        let mut watches = self.watches.iter_mut().filter(|(_, watch)| concerned(watch)).peekable();
        while let Some((id, watch)) = watches.next() {
            let service = if watches.peek().is_some() { info.clone() } else { info.take() };
            let group = group.cloned();
            let change = Change { status, revision, replayed: false, service, group };
            if let Some(gone) = watch.push(stamp, change) {
                self.deliveries.unready(gone, Source::Watch(*id));
            }
            if let Some(first) = watch.ready() {
                self.deliveries.ready(first, Source::Watch(*id));
            }
        }
    }

    /// The next change of a watch whose turn it is.
    pub(in crate::process) fn pop_change(&mut self, id: WatchId) -> Option<Event> {
        let change = self.watches.get_mut(&id)?.pop()?;
        if change.status == Status::Reset {
            self.replay_watch(id);
        } else if let Some(stamp) = self.watches.get(&id).and_then(Watch::ready) {
            self.deliveries.ready(stamp, Source::Watch(id));
        }
        Some(Event::Change { watch: id, change })
    }

    fn replay_watch(&mut self, id: WatchId) {
        let Some(filter) = self.watches.get(&id).map(|watch| watch.filter.clone()) else { return };
        let revision = self.changes;
        let mut existing = Vec::new();
        for service in self.registry.lookup(&filter) {
            let info = self.describe(service);
            let mut tell = |status, group| {
                existing.push(Change {
                    status,
                    revision,
                    replayed: true,
                    service: Some(info.clone()),
                    group,
                });
            };
            if let Some(group) = &filter.group {
                tell(Status::Joined, Some(group.clone()));
            } else {
                tell(Status::Available, None);
                for group in &service.groups {
                    tell(Status::Joined, Some(group.clone()));
                }
            }
        }
        let stamp = self.deliveries.stamp();
        if let Some(watch) = self.watches.get_mut(&id) {
            watch.replay(stamp, existing, revision);
            if let Some(first) = watch.ready() {
                self.deliveries.ready(first, Source::Watch(id));
            }
        }
    }
}
