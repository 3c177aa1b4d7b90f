//! Who gets a request.

use crate::ids::{ExchangeId, LinkId, ServiceNo, Str};
use crate::outcome::{RequestCode, RequestError};
use crate::policy::party::Party;
use crate::registry::service::Service;
use crate::registry::service_table::Named;

use super::options::Prefer;
use super::question::Question;
use super::refusals::no_service;
use super::route_cache::{GoalRef, Route, RouteCache, To};
use super::router::Router;

impl Router<'_> {
    /// Where a request goes, if that was found for one that asked the same.
    #[allow(clippy::inline_always, reason = "the path of every request")]
    #[inline(always)]
    pub(super) fn known_route(&self, question: &Question<'_>) -> Option<Route> {
        let Question { by, goal, method, .. } = *question;
        let known = match by.link {
            None => self.requests.route.as_deref(),
            Some(link) => self.links.linked(link).and_then(|link| link.route.as_deref()),
        };
        known?.get(goal, method, self.registry.services.epoch())
    }

    /// Where a request goes, asked of policy and registry, and then remembered. `except`: not to
    /// that provider.
    pub(super) fn find_route(
        &mut self,
        question: &Question<'_>,
        prefer: Prefer,
        except: Option<ServiceNo>,
    ) -> Result<Route, RequestError> {
        let Question { by, goal, method, .. } = *question;
        let services = &mut self.registry.services;
        let (service, several) = match goal {
            GoalRef::Service(no) => (Some(no), false),
            GoalRef::Identity(id) => (services.no_of(id), false),
            GoalRef::Name(name) => match services.count_named(name) {
                Named::Nobody => (None, false),
                Named::One(no) => (Some(no), false),
                Named::Several => (self.pick(name, question, prefer, except), true),
            },
        };
        let service = service.filter(|no| Some(*no) != except);
        let known = service.and_then(|no| self.registry.services.get(no));
        let known = known.filter(|service| self.is_reachable(by, service));
        let Some(known) = known else { return Err(no_service(goal)) };
        let within = self.exchange_of(by);
        let to = match known.route_in(within) {
            None => To::Here,
            Some(route) => {
                // The hub knows how loaded the providers are, and which of them are still there.
                let picks = matches!((goal, by.link), (GoalRef::Name(_), None))
                    && self
                        .links
                        .linked(route.link)
                        .is_some_and(|connection| connection.capabilities().picks_providers);
                To::Link(route.link, (!picks).then_some(route.peer_no))
            }
        };
        if let Err(error) = self.policy().check_request(by, goal, method, known, to) {
            return Err(match goal {
                GoalRef::Name(name) if error.code == RequestCode::NoMethod => {
                    self.nobody_has(method, name, by).unwrap_or(error)
                }
                _ => error,
            });
        }
        let route = Route { service: known.no, to, several };
        if !several && self.requests.caches {
            self.remember(by, goal, method, route);
        }
        Ok(route)
    }

    fn remember(&mut self, by: Party, goal: GoalRef<'_>, method: &Str, route: Route) {
        let cache = RouteCache::new(self.registry.services.epoch(), goal, method, route);
        let place = match by.link {
            None => &mut self.requests.route,
            Some(link) => match self.links.linked_mut(link) {
                Some(connection) => &mut connection.route,
                None => return,
            },
        };
        match place {
            Some(known) => **known = cache,
            none => *none = Some(Box::new(cache)),
        }
    }

    /// Whether a service exists for a party, and can be reached.
    pub(super) fn may_ask(&self, no: ServiceNo, by: Party) -> bool {
        let service = self.registry.services.get(no);
        service.is_some_and(|service| {
            self.is_reachable(by, service) && self.policy().sees(by, service)
        })
    }

    fn is_reachable(&self, by: Party, service: &Service) -> bool {
        let linked = match service.route_in(self.exchange_of(by)) {
            None => true,
            Some(route) => self.links.linked(route.link).is_some(),
        };
        linked && !service.ending
    }

    /// The exchange within which a party's requests are passed on.
    fn exchange_of(&self, by: Party) -> Option<ExchangeId> {
        Some(self.links.get(by.link?)?.exchange)
    }

    /// Whether somebody of a name who has the method can be asked without a link.
    pub(super) fn has_provider_besides(
        &self,
        goal: GoalRef<'_>,
        method: &str,
        by: Party,
        link: LinkId,
    ) -> bool {
        let GoalRef::Name(name) = goal else { return false };
        self.registry.services.named(name).iter().any(|no| {
            let Some(service) = self.registry.services.get(*no) else { return false };
            service.route().is_none_or(|route| route.link != link)
                && service.has_method(method)
                && self.may_ask(*no, by)
        })
    }

    /// The service of a name to ask, among those that have the method: one of this process first,
    /// if that is preferred, then the least loaded. If none has it, any: its caller is told.
    fn pick(
        &mut self,
        name: &Str,
        question: &Question<'_>,
        prefer: Prefer,
        except: Option<ServiceNo>,
    ) -> Option<ServiceNo> {
        let Question { by, method, .. } = *question;
        let services = &self.registry.services;
        let is =
            |no: &ServiceNo, what: &dyn Fn(&Service) -> bool| services.get(*no).is_some_and(what);
        let named = services.named(name).iter().copied().filter(|no| Some(*no) != except);
        let mut candidates: Vec<ServiceNo> = named.filter(|no| self.may_ask(*no, by)).collect();
        let able = |no: &ServiceNo| is(no, &|service| service.has_method(method));
        if candidates.iter().any(able) {
            candidates.retain(able);
        }
        let local = |no: &ServiceNo| is(no, &Service::is_local);
        if prefer == Prefer::Local && candidates.iter().any(local) {
            candidates.retain(local);
        }
        self.links.charge(services.named(name).len());
        self.least_loaded(name, &candidates)
    }

    /// Among equals each in turn.
    fn least_loaded(&mut self, name: &Str, candidates: &[ServiceNo]) -> Option<ServiceNo> {
        if candidates.len() <= 1 {
            return candidates.first().copied();
        }
        let (services, now) = (&self.registry.services, self.requests.clock);
        let load = |no: &ServiceNo| {
            services.get(*no).map_or(0, |known| known.load.count() + known.failures.recent(now))
        };
        let least = candidates.iter().map(load).min()?;
        let equal: Vec<ServiceNo> =
            candidates.iter().filter(|no| load(no) == least).copied().collect();
        let previous = self.requests.round_robin.get(name).copied().unwrap_or(0);
        let chosen = equal.iter().find(|no| no.0 > previous).or(equal.first()).copied()?;
        self.requests.round_robin.insert(name.clone(), chosen.0);
        Some(chosen)
    }
}
