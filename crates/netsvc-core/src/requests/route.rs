//! Who gets a request.

use crate::ids::{ExchangeId, LinkId, ServiceNo, Str};
use crate::outcome::{Delivered, RequestCode, RequestError};
use crate::policy::exports;
use crate::registry::service::Service;
use crate::registry::service_table::Named;

use super::call_table::Caller;
use super::route_cache::{GoalRef, Route, RouteCache, To};
use super::router::Router;

impl Router<'_> {
    /// Where a request goes, asked of policy and registry once and then remembered.
    #[allow(clippy::inline_always, reason = "the path of every request")]
    #[inline(always)]
    pub(super) fn route(
        &mut self,
        caller: Caller,
        goal: GoalRef<'_>,
        method: &Str,
    ) -> Result<Route, RequestError> {
        let epoch = self.registry.services.epoch();
        let known = match caller {
            Caller::Local(_) | Caller::Gone => self.requests.route.as_deref(),
            Caller::Link(link, _) => {
                self.links.linked(link).and_then(|connection| connection.route.as_deref())
            }
        };
        match known.and_then(|known| known.get(goal, method, epoch)) {
            Some(route) => Ok(route),
            None => self.find_route(caller, goal, method),
        }
    }

    #[inline(never)]
    fn find_route(
        &mut self,
        caller: Caller,
        goal: GoalRef<'_>,
        method: &Str,
    ) -> Result<Route, RequestError> {
        let services = &mut self.registry.services;
        let (service, is_only) = match goal {
            GoalRef::Service(no) => (Some(no), true),
            GoalRef::Identity(id) => (services.no_of(id), true),
            GoalRef::Name(name) => match services.count_named(name) {
                Named::Nobody => (None, true),
                Named::One(no) => (Some(no), true),
                Named::Several => (self.pick(name, caller), false),
            },
        };
        let service = service.filter(|no| self.may_ask(*no, caller));
        let known = service.and_then(|no| self.registry.services.get(no));
        let Some(known) = known else { return Err(no_service(goal)) };
        let within = self.exchange_of(caller);
        let to = match known.route_in(within) {
            None => To::Here,
            Some(route) => {
                // The hub knows how loaded the providers are, and which of them are still there.
                let picks = matches!((goal, caller), (GoalRef::Name(_), Caller::Local(_)))
                    && self
                        .links
                        .linked(route.link)
                        .is_some_and(|connection| connection.capabilities().picks_providers);
                To::Link(route.link, (!picks).then_some(route.peer_no))
            }
        };
        // The hub's choice may differ, so that it says whether the method exists.
        if !matches!(to, To::Link(_, None)) && !known.has_method(method) {
            return Err(no_method(known, method));
        }
        let route = Route { service: known.no, to };
        if is_only && self.requests.caches {
            self.remember(caller, goal, method, route);
        }
        Ok(route)
    }

    fn remember(&mut self, caller: Caller, goal: GoalRef<'_>, method: &Str, route: Route) {
        let cache = RouteCache::new(self.registry.services.epoch(), goal, method, route);
        let place = match caller {
            Caller::Local(_) | Caller::Gone => &mut self.requests.route,
            Caller::Link(link, _) => match self.links.linked_mut(link) {
                Some(connection) => &mut connection.route,
                None => return,
            },
        };
        match place {
            Some(known) => **known = cache,
            none => *none = Some(Box::new(cache)),
        }
    }

    /// Whether a service exists for a caller, and can be reached.
    fn may_ask(&self, no: ServiceNo, caller: Caller) -> bool {
        let Some(service) = self.registry.services.get(no) else { return false };
        let reachable = match service.route_in(self.exchange_of(caller)) {
            None => true,
            Some(route) => self.links.linked(route.link).is_some(),
        };
        let visible = match caller {
            Caller::Link(link, _) => exports(self.links, service, link),
            Caller::Local(_) | Caller::Gone => true,
        };
        reachable && visible && !service.ending
    }

    /// The exchange within which a caller's requests are passed on.
    fn exchange_of(&self, caller: Caller) -> Option<ExchangeId> {
        match caller {
            Caller::Link(link, _) => self.links.get(link).map(|link| link.exchange),
            Caller::Local(_) | Caller::Gone => None,
        }
    }

    /// Whether somebody of a name can be asked without a link.
    pub(super) fn has_provider_besides(
        &self,
        goal: GoalRef<'_>,
        caller: Caller,
        link: LinkId,
    ) -> bool {
        let GoalRef::Name(name) = goal else { return false };
        self.registry.services.named(name).iter().any(|no| {
            let route = self.registry.services.get(*no).and_then(Service::route);
            route.is_none_or(|route| route.link != link) && self.may_ask(*no, caller)
        })
    }

    /// The service of a name to ask: one of this process first, then the least loaded.
    fn pick(&mut self, name: &Str, caller: Caller) -> Option<ServiceNo> {
        let services = &self.registry.services;
        let named = services.named(name).iter().copied();
        let mut candidates: Vec<ServiceNo> = named.filter(|no| self.may_ask(*no, caller)).collect();
        if matches!(caller, Caller::Local(_)) {
            let local = |no: &ServiceNo| services.get(*no).is_some_and(Service::is_local);
            if candidates.iter().any(local) {
                candidates.retain(local);
            }
        }
        self.least_loaded(name, &candidates)
    }

    /// Among equals each in turn.
    fn least_loaded(&mut self, name: &Str, candidates: &[ServiceNo]) -> Option<ServiceNo> {
        if candidates.len() <= 1 {
            return candidates.first().copied();
        }
        let services = &self.registry.services;
        let load = |no: &ServiceNo| services.get(*no).map_or(0, |known| known.running);
        let least = candidates.iter().map(load).min()?;
        let equal: Vec<ServiceNo> =
            candidates.iter().filter(|no| load(no) == least).copied().collect();
        let previous = self.requests.round_robin.get(name).copied().unwrap_or(0);
        let chosen = equal.iter().find(|no| no.0 > previous).or(equal.first()).copied()?;
        self.requests.round_robin.insert(name.clone(), chosen.0);
        Some(chosen)
    }
}

fn no_service(goal: GoalRef<'_>) -> RequestError {
    let text = match goal {
        GoalRef::Name(name) => format!("no service named {name:?} is visible"),
        GoalRef::Identity(id) => format!("no service with identity {id} is visible"),
        GoalRef::Service(_) => "the service was withdrawn".to_owned(),
    };
    RequestError::new(RequestCode::NoService, Delivered::No, text)
}

fn no_method(service: &Service, method: &str) -> RequestError {
    let text = format!("service {:?} has no method {method:?}", service.name);
    RequestError::new(RequestCode::NoMethod, Delivered::No, text)
}
