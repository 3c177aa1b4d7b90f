//! Services with what they need of the other parts: who is told of them.

use std::sync::Arc;

use crate::delivery::event::{Event, ServiceInfo, Status};
use crate::delivery::queue::Deliveries;
use crate::ids::{LinkId, ServiceNo, Str, WatchId};
use crate::links::Links;
use crate::links::outbound::outbox::Out;
use crate::policy::{Policy, Rules};
use crate::steps;
use crate::wire::Message;

use super::Registry;
use super::filter::Filter;
use super::process_table::ProcessTable;
use super::service::Service;
use super::watch::Watch;

/// The part that owns what is visible, and the others as far as that concerns them.
pub(crate) struct Announcer<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) registry: &'a mut Registry,
    pub(crate) links: &'a mut Links,
    pub(crate) deliveries: &'a mut Deliveries,
}

/// A service as the application sees it.
pub(crate) fn describe(processes: &ProcessTable, links: &Links, service: &Service) -> ServiceInfo {
    let exchange = service.route().and_then(|route| links.exchange(route.exchange));
    let process = processes.get(service.process);
    ServiceInfo {
        no: service.no,
        id: service.id,
        name: service.name.clone(),
        audience: service.audience.clone(),
        groups: service.groups.clone(),
        methods: service.methods.clone(),
        label: process.map_or_else(|| Str::from(""), |process| process.label.clone()),
        local: service.is_local(),
        exchange_group: exchange.map(|exchange| exchange.group.clone()),
    }
}

impl Announcer<'_> {
    pub(crate) fn watch(&mut self, filter: Filter) -> WatchId {
        let id = self.registry.watches.insert(Watch::new(filter));
        self.replay_watch(id);
        id
    }

    /// The next change of a watch whose turn it is.
    pub(crate) fn pop_change(&mut self, id: WatchId) -> Option<Event> {
        let (event, again) = self.registry.watches.pop(id, self.deliveries)?;
        if again {
            self.replay_watch(id);
        }
        Some(event)
    }

    fn replay_watch(&mut self, id: WatchId) {
        let Registry { processes, services, watches, .. } = &mut *self.registry;
        let Some(filter) = watches.get(id).map(|watch| watch.filter.clone()) else { return };
        let found = services.lookup(&filter).into_iter();
        let existing = found.map(|service| (service, describe(processes, self.links, service)));
        watches.replay(id, existing, self.deliveries);
    }

    /// Tells all watches that a change concerns.
    pub(crate) fn tell_change(&mut self, status: Status, no: ServiceNo, group: Option<&Str>) {
        let Registry { processes, services, watches, .. } = &mut *self.registry;
        if let Some(service) = services.get(no) {
            let describe = || describe(processes, self.links, service);
            watches.tell(status, service, group, describe, self.deliveries);
        }
    }

    /// Tells peers of a service: those for whom it exists. A snapshot under way has yet to come to
    /// the newest service.
    pub(crate) fn announce(&mut self, no: ServiceNo, links: &[LinkId]) {
        let Some(service) = self.registry.services.get(no) else { return };
        let (announcement, process) = (Arc::new(service.announcement()), service.process);
        for link in links {
            let told = self.links.linked(*link).is_some_and(|it| it.has_told_service(no));
            if told {
                self.links.send(*link, Out::Announce(announcement.clone(), process));
            }
        }
    }

    /// A message about a service, to those of these peers that have been told of the service.
    pub(crate) fn tell_peers(&mut self, no: ServiceNo, links: &[LinkId], message: &Message) {
        steps::count(links.len());
        for link in links {
            if self.links.linked(*link).is_some_and(|it| it.has_told_service(no)) {
                self.links.send(*link, Out::Message(message.clone()));
            }
        }
    }

    /// The links over which somebody is, or is to be, told of a service.
    pub(crate) fn links_to_tell(&self, no: ServiceNo) -> Vec<LinkId> {
        let Some(service) = self.registry.services.get(no) else { return Vec::new() };
        if service.audience.is_empty() {
            return Vec::new();
        }
        let policy = Policy { rules: self.rules, registry: self.registry, links: self.links };
        let linked = self.links.all_linked().map(|(link, _)| link.id);
        let mut found: Vec<LinkId> = linked.filter(|link| policy.exports(service, *link)).collect();
        found.sort_unstable();
        found
    }
}
