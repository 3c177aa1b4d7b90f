//! The replica of all services visible to this process, and of the processes they belong to.
//!
//! A table without policy: it keeps its indexes consistent and says what changed.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use crate::collections::pointer_cache::PointerCache;
use crate::collections::seeded_map::{SeededMap, SeededState};
use crate::delivery::event::ServiceInfo;
use crate::ids::{LinkId, ProcessId, ProcessNo, ServiceId, ServiceNo, Str};
use crate::reports::interest::Subscribers;
use crate::reports::retained::RetainedValues;

/// This process in its own tables, and "the sender itself" on the wire.
pub(crate) const OWN: ProcessNo = ProcessNo(0);

/// What a watch or a look-up is about. All given conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Services of this name.
    pub name: Option<Str>,
    /// This service.
    pub id: Option<ServiceId>,
    /// Members of this service group. A watch with it tells of membership only.
    pub group: Option<Str>,
}

impl Filter {
    /// Whether the conditions that never change hold.
    pub(crate) fn admits(&self, service: &Service) -> bool {
        self.name.as_ref().is_none_or(|name| *name == service.name)
            && self.id.is_none_or(|id| id == service.id)
    }
}

/// A known process.
#[derive(Debug)]
pub(crate) struct ProcessEntry {
    pub(crate) id: ProcessId,
    pub(crate) label: Str,
    /// Links over which it is reachable, the one in use first. Empty: this process.
    pub(crate) routes: Vec<LinkId>,
}

/// A visible service.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) no: ServiceNo,
    pub(crate) id: ServiceId,
    pub(crate) process: ProcessNo,
    pub(crate) name: Str,
    pub(crate) audience: Str,
    pub(crate) groups: Vec<Str>,
    pub(crate) methods: Arc<[Str]>,
    /// Revision of its process at its last applied change.
    pub(crate) revision: u64,
    pub(crate) extensions: Bytes,
    /// Links that announced it, with the peer's number for it; the one in use first. Empty: local.
    pub(crate) routes: Vec<(LinkId, u32)>,
    /// Processes beyond this one that want its reports.
    pub(crate) subscribers: Subscribers,
    /// Requests under way to it through this process.
    pub(crate) running: usize,
    /// It is being withdrawn: nobody is routed to it any more.
    pub(crate) ending: bool,
    /// Only for local services.
    pub(crate) publisher: Option<Publisher>,
}

/// What a local service has published.
#[derive(Debug)]
pub(crate) struct Publisher {
    /// Counts everything published.
    pub(crate) sequence: u64,
    pub(crate) kept: RetainedValues,
}

impl Service {
    pub(crate) fn is_local(&self) -> bool {
        self.routes.is_empty()
    }

    /// The link in use and the peer's number; `None`: local.
    pub(crate) fn route(&self) -> Option<(LinkId, u32)> {
        self.routes.first().copied()
    }

    pub(crate) fn has_method(&self, method: &str) -> bool {
        self.methods.iter().any(|known| **known == *method)
    }

    pub(crate) fn in_group(&self, group: &str) -> bool {
        self.groups.iter().any(|known| **known == *group)
    }
}

#[derive(Debug)]
pub(crate) struct Registry {
    processes: FxHashMap<ProcessNo, ProcessEntry>,
    process_nos: SeededMap<ProcessId, ProcessNo>,
    /// Each in memory of its own: a table that grows moves none of them, and those of a process, which
    /// come and go together, tend to lie beside each other.
    services: FxHashMap<ServiceNo, Box<Service>>,
    order: BTreeSet<ServiceNo>,
    by_id: SeededMap<ServiceId, ServiceNo>,
    by_name: Index,
    /// What `by_name` said, while it does not change.
    known_names: PointerCache<Named>,
    by_group: Index,
    last_process: u32,
    last_service: u32,
    /// Services of this process.
    local: usize,
    /// Changes whenever it may be another service that is meant by a name or a number, or another
    /// way to it.
    epoch: u64,
    seed: u64,
}

impl Registry {
    pub(crate) fn new(own: ProcessId, label: Str, seed: u64) -> Self {
        let state = || SeededState(seed);
        let mut registry = Self {
            processes: FxHashMap::default(),
            process_nos: SeededMap::with_hasher(state()),
            services: FxHashMap::default(),
            order: BTreeSet::new(),
            by_id: SeededMap::with_hasher(state()),
            by_name: SeededMap::with_hasher(state()),
            known_names: PointerCache::new(MAX_KNOWN_NAMES),
            by_group: SeededMap::with_hasher(state()),
            last_process: 0,
            last_service: 0,
            local: 0,
            epoch: 0,
            seed,
        };
        registry.process_nos.insert(own, OWN);
        registry.processes.insert(OWN, ProcessEntry { id: own, label, routes: Vec::new() });
        registry
    }

    // Processes.

    pub(crate) fn process(&self, no: ProcessNo) -> Option<&ProcessEntry> {
        self.processes.get(&no)
    }

    pub(crate) fn process_no(&self, id: ProcessId) -> Option<ProcessNo> {
        self.process_nos.get(&id).copied()
    }

    /// The link in use to a process; `None` for this one and for unknown ones.
    pub(crate) fn route_to(&self, no: ProcessNo) -> Option<LinkId> {
        self.processes.get(&no)?.routes.first().copied()
    }

    /// A process is reachable over a link.
    pub(crate) fn add_process(&mut self, id: ProcessId, label: Str, link: LinkId) -> ProcessNo {
        if let Some(no) = self.process_nos.get(&id).copied() {
            if let Some(entry) = self.processes.get_mut(&no)
                && no != OWN
                && !entry.routes.contains(&link)
            {
                entry.routes.push(link);
            }
            return no;
        }
        self.last_process += 1;
        let no = ProcessNo(self.last_process);
        self.process_nos.insert(id, no);
        self.processes.insert(no, ProcessEntry { id, label, routes: vec![link] });
        no
    }

    /// A process is no longer reachable over a link; true if it is not over any other either, and
    /// was forgotten. Its services must be withdrawn before.
    pub(crate) fn drop_process_route(&mut self, no: ProcessNo, link: LinkId) -> bool {
        let Some(entry) = self.processes.get_mut(&no) else { return false };
        entry.routes.retain(|route| *route != link);
        if no == OWN || !entry.routes.is_empty() {
            return false;
        }
        let id = entry.id;
        self.processes.remove(&no);
        self.process_nos.remove(&id);
        true
    }

    /// How many processes are known, this one included.
    pub(crate) fn processes(&self) -> usize {
        self.processes.len()
    }

    /// All processes reachable over a link.
    pub(crate) fn processes_over(&self, link: LinkId) -> Vec<ProcessNo> {
        let over = |(_, entry): &(&ProcessNo, &ProcessEntry)| entry.routes.contains(&link);
        let mut found: Vec<_> = self.processes.iter().filter(over).map(|(no, _)| *no).collect();
        found.sort_unstable();
        found
    }

    // Services.

    pub(crate) fn service(&self, no: ServiceNo) -> Option<&Service> {
        self.services.get(&no).map(Box::as_ref)
    }

    pub(crate) fn service_mut(&mut self, no: ServiceNo) -> Option<&mut Service> {
        self.services.get_mut(&no).map(Box::as_mut)
    }

    /// A process, and a service to be changed.
    pub(crate) fn process_and_service(
        &mut self,
        process: ProcessNo,
        service: ServiceNo,
    ) -> Option<(&ProcessEntry, &mut Service)> {
        Some((self.processes.get(&process)?, self.services.get_mut(&service)?))
    }

    pub(crate) fn service_no(&self, id: ServiceId) -> Option<ServiceNo> {
        self.by_id.get(&id).copied()
    }

    /// Services of a name, oldest first.
    pub(crate) fn named(&self, name: &str) -> &[ServiceNo] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// How many services have a name, found quickly if it is asked by the same string again.
    pub(crate) fn count_named(&mut self, name: &Str) -> Named {
        if let Some(known) = self.known_names.get(name) {
            return *known;
        }
        let found = match self.named(name) {
            [] => Named::Nobody,
            [only] => Named::One(*only),
            _ => Named::Several,
        };
        self.known_names.insert(name, found);
        found
    }

    /// Members of a group, oldest first.
    pub(crate) fn members(&self, group: &str) -> &[ServiceNo] {
        self.by_group.get(group).map_or(&[], Vec::as_slice)
    }

    /// All services, oldest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Service> {
        self.order.iter().filter_map(|no| self.service(*no))
    }

    /// The oldest service after `cursor`.
    pub(crate) fn after(&self, cursor: ServiceNo) -> Option<&Service> {
        let no = self.order.range((Bound::Excluded(cursor), Bound::Unbounded)).next()?;
        self.service(*no)
    }

    pub(crate) fn len(&self) -> usize {
        self.services.len()
    }

    /// How many of them are this process's own.
    pub(crate) fn local(&self) -> usize {
        self.local
    }

    /// Enters a service under the next number.
    pub(crate) fn insert(
        &mut self,
        id: ServiceId,
        process: ProcessNo,
        description: Description,
        route: Option<(LinkId, u32)>,
    ) -> ServiceNo {
        self.last_service += 1;
        self.local += usize::from(route.is_none());
        let no = ServiceNo(self.last_service);
        let publisher = route
            .is_none()
            .then(|| Publisher { sequence: 0, kept: RetainedValues::new(self.seed) });
        let service = Service {
            no,
            id,
            process,
            name: description.name,
            audience: description.audience,
            groups: description.groups,
            methods: description.methods.into(),
            revision: description.revision,
            extensions: description.extensions,
            routes: route.into_iter().collect(),
            subscribers: Subscribers::default(),
            running: 0,
            ending: false,
            publisher,
        };
        self.by_id.insert(id, no);
        self.epoch += 1;
        self.known_names.clear();
        index(&mut self.by_name, &service.name, no);
        for group in &service.groups {
            index(&mut self.by_group, group, no);
        }
        self.order.insert(no);
        self.services.insert(no, Box::new(service));
        no
    }

    /// Takes a service out of the table.
    pub(crate) fn remove(&mut self, no: ServiceNo) -> Option<Box<Service>> {
        let service = self.services.remove(&no)?;
        self.local -= usize::from(service.publisher.is_some());
        self.order.remove(&no);
        self.by_id.remove(&service.id);
        self.epoch += 1;
        self.known_names.clear();
        unindex(&mut self.by_name, &service.name, no);
        for group in &service.groups {
            unindex(&mut self.by_group, group, no);
        }
        Some(service)
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// A service is reachable over a link, too.
    pub(crate) fn add_route(&mut self, no: ServiceNo, link: LinkId, peer_no: u32) {
        self.epoch += 1;
        if let Some(service) = self.services.get_mut(&no) {
            service.routes.push((link, peer_no));
        }
    }

    /// A service is no longer reachable over a link, but over another.
    pub(crate) fn drop_route(&mut self, no: ServiceNo, link: LinkId) {
        self.epoch += 1;
        if let Some(service) = self.services.get_mut(&no) {
            service.routes.retain(|(route, _)| *route != link);
        }
    }

    /// A service is about to be removed.
    pub(crate) fn end(&mut self, no: ServiceNo) {
        self.epoch += 1;
        if let Some(service) = self.services.get_mut(&no) {
            service.ending = true;
        }
    }

    /// False if it was a member already, or is not known.
    pub(crate) fn join(&mut self, no: ServiceNo, group: &Str) -> bool {
        let Some(service) = self.services.get_mut(&no) else { return false };
        if service.in_group(group) {
            return false;
        }
        service.groups.push(group.clone());
        index(&mut self.by_group, group, no);
        true
    }

    /// False if it was not a member.
    pub(crate) fn leave(&mut self, no: ServiceNo, group: &str) -> bool {
        let Some(service) = self.services.get_mut(&no) else { return false };
        let before = service.groups.len();
        service.groups.retain(|known| **known != *group);
        if service.groups.len() == before {
            return false;
        }
        unindex(&mut self.by_group, group, no);
        true
    }

    /// Services that pass a filter now, oldest first.
    pub(crate) fn lookup(&self, filter: &Filter) -> Vec<&Service> {
        let candidates: Vec<ServiceNo> = match (&filter.id, &filter.name, &filter.group) {
            (Some(id), ..) => self.service_no(*id).into_iter().collect(),
            (None, Some(name), _) => self.named(name).to_vec(),
            (None, None, Some(group)) => self.members(group).to_vec(),
            (None, None, None) => self.order.iter().copied().collect(),
        };
        candidates
            .into_iter()
            .filter_map(|no| self.service(no))
            .filter(|service| {
                filter.admits(service)
                    && filter.group.as_ref().is_none_or(|group| service.in_group(group))
            })
            .collect()
    }

    /// A service as the application sees it. `exchange_group`: of the link it was learned over.
    pub(crate) fn info(&self, service: &Service, exchange_group: Option<Str>) -> ServiceInfo {
        ServiceInfo {
            no: service.no,
            id: service.id,
            name: service.name.clone(),
            audience: service.audience.clone(),
            groups: service.groups.clone(),
            methods: service.methods.clone(),
            label: self
                .processes
                .get(&service.process)
                .map_or_else(|| Str::from(""), |process| process.label.clone()),
            local: service.is_local(),
            exchange_group,
        }
    }
}

/// Who has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    Nobody,
    One(ServiceNo),
    Several,
}

/// Names whose services are remembered.
const MAX_KNOWN_NAMES: usize = 1024;

/// What a service says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    pub(crate) name: Str,
    pub(crate) audience: Str,
    pub(crate) groups: Vec<Str>,
    pub(crate) methods: Vec<Str>,
    pub(crate) revision: u64,
    pub(crate) extensions: Bytes,
}

/// Services by a string, oldest first: that is the order of their numbers.
type Index = SeededMap<Str, Vec<ServiceNo>>;

fn index(index: &mut Index, key: &Str, no: ServiceNo) {
    let entries = index.entry(key.clone()).or_default();
    if let Err(place) = entries.binary_search(&no) {
        entries.insert(place, no);
    }
}

fn unindex(index: &mut Index, key: &str, no: ServiceNo) {
    let Some(entries) = index.get_mut(key) else { return };
    if let Ok(place) = entries.binary_search(&no) {
        entries.remove(place);
    }
    if entries.is_empty() {
        index.remove(key);
    }
}
