//! The services that are visible here.

use std::collections::BTreeSet;
use std::collections::hash_map::Entry;
use std::ops::Bound;

use rustc_hash::FxHashMap;

use crate::collections::id_allocator::IdAllocator;
use crate::collections::id_map::IdMap;
use crate::collections::pointer_cache::PointerCache;
use crate::collections::seeded_map::{SeededMap, SeededState};
use crate::ids::{LinkId, ProcessNo, ServiceId, ServiceNo, Str};
use crate::steps;
use crate::wire::group_len;

use super::filter::Filter;
use super::process_table::OWN;
use super::service::{Description, Service, ServiceRoute};

#[derive(Debug)]
pub(crate) struct ServiceTable {
    /// Each in memory of its own: a table that grows moves none of them, and those of a process,
    /// which come and go together, tend to lie beside each other.
    services: IdMap<ServiceNo, Box<Service>>,
    order: BTreeSet<ServiceNo>,
    by_id: SeededMap<ServiceId, ServiceNo>,
    by_process: BTreeSet<(ProcessNo, ServiceNo)>,
    by_name: Index,
    /// What `by_name` said, while it does not change.
    known_names: PointerCache<Named>,
    by_group: Index,
    ids: IdAllocator,
    /// Services of this process.
    local: usize,
    /// Bytes of the announcements of each process that has services.
    announced: FxHashMap<ProcessNo, usize>,
    /// Changes whenever a name or a number may mean another service, or a service may be reached by
    /// another route.
    epoch: u64,
    seed: u64,
    /// The audience of most services.
    everybody: Str,
}

impl ServiceTable {
    pub(crate) fn new(seed: u64) -> Self {
        let state = || SeededState(seed);
        Self {
            services: IdMap::default(),
            order: BTreeSet::new(),
            by_id: SeededMap::with_hasher(state()),
            by_process: BTreeSet::new(),
            by_name: SeededMap::with_hasher(state()),
            known_names: PointerCache::new(MAX_KNOWN_NAMES),
            by_group: SeededMap::with_hasher(state()),
            ids: IdAllocator::default(),
            local: 0,
            announced: FxHashMap::default(),
            epoch: 0,
            seed,
            everybody: "*".into(),
        }
    }

    #[inline]
    pub(crate) fn get(&self, no: ServiceNo) -> Option<&Service> {
        self.services.get(no).map(Box::as_ref)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, no: ServiceNo) -> Option<&mut Service> {
        self.services.get_mut(no).map(Box::as_mut)
    }

    pub(crate) fn no_of(&self, id: ServiceId) -> Option<ServiceNo> {
        self.by_id.get(&id).copied()
    }

    /// Services of a name, oldest first.
    pub(crate) fn named(&self, name: &str) -> &BTreeSet<ServiceNo> {
        self.by_name.get(name).unwrap_or(&NONE)
    }

    /// How many services have a name, found quickly if it is asked by the same string again.
    pub(crate) fn count_named(&mut self, name: &Str) -> Named {
        if let Some(known) = self.known_names.get(name) {
            return *known;
        }
        let named = self.named(name);
        let found = match named.first() {
            None => Named::Nobody,
            Some(only) if named.len() == 1 => Named::One(*only),
            Some(_) => Named::Several,
        };
        self.known_names.insert(name, found);
        found
    }

    /// Members of a group, oldest first.
    pub(crate) fn members(&self, group: &str) -> &BTreeSet<ServiceNo> {
        self.by_group.get(group).unwrap_or(&NONE)
    }

    /// All services, oldest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Service> {
        self.order.iter().inspect(|_| steps::count(1)).filter_map(|no| self.get(*no))
    }

    /// Those of this process, oldest first.
    pub(crate) fn all_local(&self) -> Vec<ServiceNo> {
        self.of_process(OWN).map(|known| known.no).collect()
    }

    /// Those of a process, oldest first.
    pub(crate) fn of_process(&self, process: ProcessNo) -> impl Iterator<Item = &Service> {
        let of_it = (process, ServiceNo(0))..=(process, ServiceNo(u32::MAX));
        let found = self.by_process.range(of_it).inspect(|_| steps::count(1));
        found.filter_map(|(_, no)| self.get(*no))
    }

    /// The oldest service after `cursor`.
    pub(crate) fn after(&self, cursor: ServiceNo) -> Option<&Service> {
        let no = self.order.range((Bound::Excluded(cursor), Bound::Unbounded)).next()?;
        self.get(*no)
    }

    pub(crate) fn len(&self) -> usize {
        self.services.len()
    }

    /// How many of them are this process's own.
    pub(crate) fn local(&self) -> usize {
        self.local
    }

    pub(crate) fn free_destinations(&mut self) {
        for service in self.services.values_mut().inspect(|_| steps::count(1)) {
            service.subscribers.free_destinations();
        }
    }

    /// Bytes of the announcements of a process's services.
    pub(crate) fn announced(&self, process: ProcessNo) -> usize {
        self.announced.get(&process).copied().unwrap_or(0)
    }

    /// Enters a service under the next number.
    pub(crate) fn insert(
        &mut self,
        id: ServiceId,
        process: ProcessNo,
        mut description: Description,
        route: Option<ServiceRoute>,
    ) -> ServiceNo {
        // Of equal texts, one is kept.
        if let Some((name, _)) = self.by_name.get_key_value(&description.name) {
            description.name = name.clone();
        }
        if *description.audience == *self.everybody {
            description.audience = self.everybody.clone();
        }
        for group in &mut description.groups {
            if let Some((known, _)) = self.by_group.get_key_value(group) {
                *group = known.clone();
            }
        }
        self.local += usize::from(route.is_none());
        let services = &self.services;
        let no = ServiceNo(self.ids.allocate(|no| services.contains(ServiceNo(no))));
        let service = Service::new(no, id, process, description, route, self.seed);
        self.by_id.insert(id, no);
        *self.announced.entry(process).or_default() += service.announced_len();
        self.epoch += 1;
        self.known_names.clear();
        index(&mut self.by_name, &service.name, no);
        for group in &service.groups {
            index(&mut self.by_group, group, no);
        }
        self.order.insert(no);
        self.by_process.insert((process, no));
        self.services.insert(no, Box::new(service));
        no
    }

    /// Takes a service out of the table.
    pub(crate) fn remove(&mut self, no: ServiceNo) -> Option<Box<Service>> {
        let service = self.services.remove(no)?;
        self.local -= usize::from(service.publisher.is_some());
        self.order.remove(&no);
        self.by_process.remove(&(service.process, no));
        self.by_id.remove(&service.id);
        if let Entry::Occupied(mut announced) = self.announced.entry(service.process) {
            *announced.get_mut() -= service.announced_len();
            if *announced.get() == 0 {
                announced.remove();
            }
        }
        self.epoch += 1;
        self.known_names.clear();
        unindex(&mut self.by_name, &service.name, no);
        for group in &service.groups {
            unindex(&mut self.by_group, group, no);
        }
        Some(service)
    }

    /// For tests: see [`IdAllocator::skip_to_end`].
    pub(crate) fn skip_to_end(&mut self, left: u32) {
        self.ids.skip_to_end(left);
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// What was remembered about services no longer holds.
    pub(crate) fn touch(&mut self) {
        self.epoch += 1;
    }

    /// A service is reachable over a link, too.
    pub(crate) fn add_route(&mut self, no: ServiceNo, route: ServiceRoute) {
        self.epoch += 1;
        if let Some(service) = self.services.get_mut(no) {
            service.routes.push(route);
        }
    }

    /// A service is no longer reachable over a link, but over another.
    pub(crate) fn drop_route(&mut self, no: ServiceNo, link: LinkId) {
        self.epoch += 1;
        if let Some(service) = self.services.get_mut(no) {
            service.routes.retain(|route| route.link != link);
        }
    }

    /// A request is under way to a service from now on.
    #[allow(clippy::inline_always, reason = "the path of every request")]
    #[inline(always)]
    pub(crate) fn begin_call(&mut self, no: ServiceNo) {
        if let Some(service) = self.get_mut(no) {
            service.load.begin();
        }
    }

    /// A request to a service has ended, or was given to another.
    #[inline]
    pub(crate) fn end_call(&mut self, no: ServiceNo, caller: ProcessNo) {
        if let Some(service) = self.get_mut(no) {
            service.load.end(caller);
        }
    }

    /// The sequence of what a local service publishes next; `None`: it is no local service.
    #[inline]
    pub(crate) fn next_sequence(&mut self, no: ServiceNo) -> Option<u64> {
        let publisher = self.get_mut(no)?.publisher.as_mut()?;
        publisher.sequence += 1;
        Some(publisher.sequence)
    }

    /// A service is about to be removed.
    pub(crate) fn end(&mut self, no: ServiceNo) {
        self.epoch += 1;
        if let Some(service) = self.services.get_mut(no) {
            service.ending = true;
        }
    }

    /// False if it was a member already, or is not known.
    pub(crate) fn join(&mut self, no: ServiceNo, group: &Str) -> bool {
        let Some(service) = self.services.get_mut(no) else { return false };
        if service.in_group(group) {
            return false;
        }
        service.groups.push(group.clone());
        service.announced_len += group_len(group);
        *self.announced.entry(service.process).or_default() += group_len(group);
        index(&mut self.by_group, group, no);
        true
    }

    /// False if it was not a member.
    pub(crate) fn leave(&mut self, no: ServiceNo, group: &str) -> bool {
        let Some(service) = self.services.get_mut(no) else { return false };
        let before = service.groups.len();
        steps::count_bytes(size_of_val(&*service.groups));
        service.groups.retain(|known| **known != *group);
        if service.groups.len() == before {
            return false;
        }
        service.announced_len -= group_len(group);
        if let Some(announced) = self.announced.get_mut(&service.process) {
            *announced -= group_len(group);
        }
        unindex(&mut self.by_group, group, no);
        true
    }

    /// Services that pass a filter now, oldest first.
    pub(crate) fn lookup(&self, filter: &Filter) -> Vec<&Service> {
        let candidates: Vec<ServiceNo> = match (&filter.id, &filter.name, &filter.group) {
            (Some(id), ..) => self.no_of(*id).into_iter().collect(),
            (None, Some(name), _) => self.named(name).iter().copied().collect(),
            (None, None, Some(group)) => self.members(group).iter().copied().collect(),
            (None, None, None) => self.order.iter().copied().collect(),
        };
        steps::count(candidates.len());
        candidates
            .into_iter()
            .filter_map(|no| self.get(no))
            .filter(|service| {
                filter.admits(service)
                    && filter.group.as_ref().is_none_or(|group| service.in_group(group))
            })
            .collect()
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

/// Services by a string, oldest first: that is the order of their numbers, until these begin again.
/// Very many may have one name, and each of them may go at any time.
type Index = SeededMap<Str, BTreeSet<ServiceNo>>;

static NONE: BTreeSet<ServiceNo> = BTreeSet::new();

fn index(index: &mut Index, key: &Str, no: ServiceNo) {
    index.entry(key.clone()).or_default().insert(no);
}

fn unindex(index: &mut Index, key: &str, no: ServiceNo) {
    let Some(entries) = index.get_mut(key) else { return };
    entries.remove(&no);
    if entries.is_empty() {
        index.remove(key);
    }
}
