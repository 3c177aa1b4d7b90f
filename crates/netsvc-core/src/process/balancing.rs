//! Balancing: who gets a request, by name or by identity.

use crate::calls::{Call, Caller, Provider, UnsentTarget};
use crate::ids::{CallId, LinkId, ServiceNo, Str};
use crate::outcome::{Delivered, Outcome, RequestCode, RequestError};
use crate::registry::Service;
use crate::timers::Timer;
use crate::wire::{Request, RequestTarget};

use super::Process;
use super::requests::{Target, error};

/// A provider, if it was picked here, and the way to it.
pub(super) struct Choice {
    pub(super) service: Option<ServiceNo>,
    pub(super) to: To,
}

/// The way to a provider.
pub(super) enum To {
    Here(ServiceNo),
    Link(LinkId, UnsentTarget),
}

impl Process {
    /// Picks the provider, or the hub that will pick it.
    pub(super) fn choose(&mut self, target: &Target, method: &str) -> Result<Choice, RequestError> {
        let none = || no_service(target);
        let chosen = match target {
            Target::Identity(id) => self.registry.service_no(*id).ok_or_else(none)?,
            Target::Name(name) => {
                let named = self.registry.named(name);
                let local =
                    |no: &&ServiceNo| self.registry.service(**no).is_some_and(Service::is_local);
                let locals: Vec<ServiceNo> = named.iter().filter(local).copied().collect();
                let candidates = if locals.is_empty() { named.to_vec() } else { locals };
                self.least_loaded(name, &candidates).ok_or_else(none)?
            }
        };
        let service = self.registry.service(chosen).ok_or_else(none)?;
        let Some((link, peer_no)) = service.route() else {
            return Ok(Choice { service: Some(chosen), to: To::Here(chosen) });
        };
        let hub = self
            .links
            .get(&link)
            .and_then(|state| state.linked())
            .is_some_and(crate::link::Connection::peer_is_server);
        match target {
            // The hub knows how loaded the providers are, and which of them are still there.
            Target::Name(name) if hub => {
                let target = UnsentTarget::Name(name.clone());
                Ok(Choice { service: None, to: To::Link(link, target) })
            }
            _ => {
                if !service.has_method(method) {
                    return Err(no_method(service, method));
                }
                let target = UnsentTarget::Service(peer_no);
                Ok(Choice { service: Some(chosen), to: To::Link(link, target) })
            }
        }
    }

    /// The provider of a peer's request.
    pub(super) fn route(
        &mut self,
        link: LinkId,
        request: &Request,
    ) -> Result<(ServiceNo, To), RequestError> {
        let chosen = match &request.target {
            RequestTarget::Service(no) => Some(ServiceNo(*no)).filter(|no| {
                self.registry.service(*no).is_some_and(|service| self.exports(service, link))
            }),
            RequestTarget::Name(name) => {
                let visible: Vec<ServiceNo> = self
                    .registry
                    .named(name)
                    .iter()
                    .filter(|no| {
                        self.registry
                            .service(**no)
                            .is_some_and(|service| self.exports(service, link))
                    })
                    .copied()
                    .collect();
                self.least_loaded(name, &visible)
            }
        };
        let Some((no, service)) =
            chosen.and_then(|no| self.registry.service(no).map(|service| (no, service)))
        else {
            return Err(match &request.target {
                RequestTarget::Name(name) => no_service(&Target::Name(name.clone())),
                RequestTarget::Service(_) => {
                    error(RequestCode::NoService, Delivered::No, "the service was withdrawn")
                }
            });
        };
        if !service.has_method(&request.method) {
            return Err(no_method(service, &request.method));
        }
        Ok(match service.route() {
            None => (no, To::Here(no)),
            Some((next, peer_no)) => (no, To::Link(next, UnsentTarget::Service(peer_no))),
        })
    }

    /// Among equals each in turn.
    fn least_loaded(&mut self, name: &Str, candidates: &[ServiceNo]) -> Option<ServiceNo> {
        if candidates.len() <= 1 {
            return candidates.first().copied();
        }
        let load = |no: &ServiceNo| self.registry.service(*no).map_or(0, |known| known.running);
        let least = candidates.iter().map(load).min()?;
        let equal: Vec<ServiceNo> =
            candidates.iter().filter(|no| load(no) == least).copied().collect();
        let previous = self.round_robin.get(name).copied().unwrap_or(0);
        let chosen = equal.iter().find(|no| no.0 > previous).or(equal.first()).copied()?;
        self.round_robin.insert(name.clone(), chosen.0);
        Some(chosen)
    }

    /// Gives a request whose provider is being lost to another of its name, provided that nobody
    /// can have seen it. False: it cannot be, or there is none.
    pub(super) fn redirect(&mut self, id: CallId) -> bool {
        let Some(call) = self.calls.get(id).filter(|call| call.is_unsent()) else { return false };
        let Some(name) = call.name.clone() else { return false };
        let candidates: Vec<ServiceNo> = self
            .registry
            .named(&name)
            .iter()
            .filter(|no| self.may_take_over(call, **no))
            .copied()
            .collect();
        let Some(chosen) = self.least_loaded(&name, &candidates) else { return false };
        let to = match self.registry.service(chosen).and_then(Service::route) {
            None => To::Here(chosen),
            Some((link, peer_no)) => To::Link(link, UnsentTarget::Service(peer_no)),
        };
        let Some(mut call) = self.release(id) else { return false };
        let content = match std::mem::replace(&mut call.provider, Provider::Local(None)) {
            Provider::Local(Some(content)) => content,
            Provider::Link(_, Some(unsent)) => unsent.content,
            // It was unsent above.
            Provider::Local(None) | Provider::Link(_, None) => return false,
        };
        call.service = Some(chosen);
        let (caller, deadline) = (call.caller.clone(), call.deadline);
        match self.dispatch(call, to, content) {
            Err(error) => {
                self.tell_caller(id, &caller, Outcome::Error(error), bytes::Bytes::new());
            }
            Ok(new) => match caller {
                Caller::Local(key) => {
                    self.keys.insert(key, new);
                    self.timers.clear(Timer::Call(id));
                    self.timers.set(Timer::Call(new), deadline);
                }
                Caller::Link(link, wire) => {
                    if let Some(connection) =
                        self.links.get_mut(&link).and_then(|state| state.linked_mut())
                    {
                        connection.inbound.insert(wire, new);
                    }
                }
                Caller::Gone => {}
            },
        }
        true
    }

    /// Whether a service can replace the provider of a request: visible to its caller, reachable
    /// without another hub's choice, and not on its way out itself.
    fn may_take_over(&self, call: &Call, no: ServiceNo) -> bool {
        let Some(service) = self.registry.service(no) else { return false };
        let linked = |link| self.links.get(&link).and_then(|state| state.linked());
        let reachable = service
            .route()
            .is_none_or(|(link, _)| linked(link).is_some_and(|peer| !peer.peer_is_server()));
        let visible = match call.caller {
            Caller::Local(_) => true,
            Caller::Link(link, _) => linked(link).is_some() && self.exports(service, link),
            Caller::Gone => false,
        };
        reachable && visible && call.service != Some(no) && service.has_method(&call.method)
    }
}

fn no_service(target: &Target) -> RequestError {
    let text = match target {
        Target::Name(name) => format!("no service named {name:?} is visible"),
        Target::Identity(id) => format!("no service with identity {id} is visible"),
    };
    error(RequestCode::NoService, Delivered::No, text)
}

pub(super) fn no_method(service: &Service, method: &str) -> RequestError {
    let text = format!("service {:?} has no method {method:?}", service.name);
    error(RequestCode::NoMethod, Delivered::No, text)
}
