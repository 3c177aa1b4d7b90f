//! Services with what they need of the other parts: who is told of them.

use crate::delivery::event::{Event, ServiceInfo, Status};
use crate::delivery::queue::Deliveries;
use crate::ids::{ProcessNo, ServiceNo, Str, WatchId};
use crate::links::Links;
use crate::links::exchange::Exchange;
use crate::links::outbound::changes::{Change, Scope};

use super::Registry;
use super::filter::Filter;
use super::process_table::ProcessTable;
use super::service::{Service, ServiceRoute};
use super::watch::Watch;

/// The part that owns what is visible, and the others as far as that concerns them.
pub(crate) struct Announcer<'a> {
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

/// For whom a service exists that is known by a route, or is this process's own: peers behind the
/// other links of the route's exchange, if that relays. `None`: for nobody.
fn scope(links: &Links, route: Option<ServiceRoute>, audience: &Str) -> Option<Scope> {
    let relays = |route: ServiceRoute| links.exchange(route.exchange).is_some_and(Exchange::relays);
    (!audience.is_empty() && route.is_none_or(relays)).then(|| Scope::new(route, audience))
}

/// As [`scope`], by all routes: one for each exchange.
fn scopes(links: &Links, service: &Service) -> Vec<Scope> {
    let audience = &service.audience;
    if service.is_local() {
        return scope(links, None, audience).into_iter().collect();
    }
    let firsts = service.routes.iter().enumerate().filter(|(index, route)| {
        let earlier = service.routes.iter().take(*index);
        earlier.into_iter().all(|earlier| earlier.exchange != route.exchange)
    });
    firsts.filter_map(|(_, route)| scope(links, Some(*route), audience)).collect()
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

    /// Tells peers of a new service: those for whom it exists.
    pub(crate) fn announce(&mut self, no: ServiceNo) {
        let Some(service) = self.registry.services.get_mut(no) else { return };
        if let Some(scope) = scopes(self.links, service).pop() {
            let bytes = service.announced_len();
            service.announced_at = self.links.note_change(Change::Appeared(no), scope, bytes);
        }
    }

    /// Tells those of a service for whom a route has made it exist.
    pub(crate) fn announce_to(&mut self, no: ServiceNo, route: ServiceRoute) {
        let Some(service) = self.registry.services.get(no) else { return };
        if let Some(scope) = scope(self.links, Some(route), &service.audience) {
            let announcement = Box::new(service.announcement().keep());
            self.links.note_change(Change::Announced(service.process, announcement), scope, 0);
        }
    }

    /// Tells those of a service's withdrawal for whom only that route has made it exist.
    pub(crate) fn withdraw_from(&mut self, no: ServiceNo, route: ServiceRoute) {
        let Some(service) = self.registry.services.get(no) else { return };
        if let Some(scope) = scope(self.links, Some(route), &service.audience) {
            let change = Change::Withdrawn(service.process, no, service.revision);
            self.links.note_change(change, scope, 0);
        }
    }

    /// Tells those of a change of a service for whom it exists.
    pub(crate) fn tell_peers(&mut self, no: ServiceNo, change: impl Fn(ProcessNo) -> Change) {
        let Some(service) = self.registry.services.get(no) else { return };
        for scope in scopes(self.links, service) {
            self.links.note_change(change(service.process), scope, 0);
        }
    }
}
