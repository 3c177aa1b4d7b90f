//! Who gets a request.

use crate::content::Content;
use crate::ids::{CallId, LinkId, ServiceNo, Str};
use crate::links::outbound::outbox::OVERHEAD;
use crate::outcome::{Delivered, Outcome, RequestCode, RequestError};
use crate::registry::table::{Named, Service};
use crate::requests::call_table::{Call, Caller, Goal, Provider};
use crate::time::Time;

use crate::process::Process;
use crate::process::links::encode::{introduce, request_frame};
use crate::process::requests::request::{error, too_large};

/// Where a request goes.
enum To {
    Here,
    /// With the peer's number of the service; `None`: by its name, the hub picks.
    Link(LinkId, Option<u32>),
}

impl Process {
    /// Hands a request that nobody has to a provider, or settles it.
    pub(in crate::process) fn start(&mut self, id: CallId) {
        self.start_at(id, None);
    }

    /// As [`start`](Self::start); with `now` it is encoded at once if its link flows.
    pub(in crate::process) fn start_at(&mut self, id: CallId, now: Option<Time>) {
        if let Err(error) = self.place(id, now)
            && (error.code != RequestCode::NoService || !self.park(id))
        {
            self.settle(id, Outcome::Error(error), bytes::Bytes::new());
        }
    }

    /// A provider is lost before it can have seen a request: another gets it, or else the caller
    /// gets `error`. False if somebody may have seen it.
    pub(in crate::process) fn reroute(&mut self, id: CallId, error: &RequestError) -> bool {
        let Some(call) = self.calls.get(id) else { return true };
        let by_name = call.rest.as_ref().is_some_and(|rest| matches!(rest.goal, Goal::Name(_)));
        if !call.is_unsent() || (!by_name && !call.waits()) {
            return false;
        }
        self.take_from_provider(id);
        if let Err(other) = self.place(id, None)
            && (other.code != RequestCode::NoService || !self.park(id))
        {
            self.settle(id, Outcome::Error(error.clone()), bytes::Bytes::new());
        }
        true
    }

    /// The hub of a link knew no provider any more, but the caller waits: it will be tried again.
    pub(in crate::process) fn wait_again(&mut self, id: CallId, link: LinkId) -> bool {
        let Some(rest) = self.calls.get_mut(id).and_then(|call| call.rest.as_deref_mut()) else {
            return false;
        };
        if rest.wait.is_none() {
            return false;
        }
        rest.content = rest.wait.clone();
        self.take_from_provider(id);
        // What this registry still shows over that link is about to be withdrawn.
        if self.has_provider_besides(id, link) {
            self.start(id);
            return true;
        }
        self.park(id)
    }

    /// A service is there: requests that wait for it go on.
    pub(in crate::process) fn start_parked(&mut self, no: ServiceNo) {
        if self.parked.is_empty() {
            return;
        }
        let Some(service) = self.registry.service(no) else { return };
        let concerned = |call: &Call| match call.rest.as_ref().map(|rest| &rest.goal) {
            Some(Goal::Name(name)) => *name == service.name,
            Some(Goal::Identity(id)) => *id == service.id,
            Some(Goal::Service(_)) | None => false,
        };
        let parked: Vec<CallId> = self
            .parked
            .iter()
            .filter(|id| self.calls.get(**id).is_some_and(&concerned))
            .copied()
            .collect();
        for id in parked {
            self.parked.remove(&id);
            self.start(id);
        }
    }

    fn park(&mut self, id: CallId) -> bool {
        // As many may wait for a provider as may be pending over a link.
        let room = self.parked.len() < self.limits.pending_requests;
        let waits = room && self.calls.get(id).is_some_and(Call::waits);
        if waits {
            self.parked.insert(id);
            if let Some(rest) = self.calls.get_mut(id).and_then(|call| call.rest.as_deref_mut()) {
                rest.content = rest.content.take().map(Content::detached);
                rest.wait = rest.content.clone();
            }
        }
        waits
    }

    /// The arguments are back with this process.
    fn take_from_provider(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(id) else { return };
        let provider = std::mem::replace(&mut call.provider, Provider::Nobody);
        if let Some(service) = call.service.take().and_then(|no| self.registry.service_mut(no)) {
            service.running = service.running.saturating_sub(1);
        }
        if let Provider::Link(link) = provider {
            self.leave_outbound(link);
        }
    }

    /// `now`: it may be encoded at once.
    fn place(&mut self, id: CallId, now: Option<Time>) -> Result<(), RequestError> {
        let Some((call, rest)) = self.calls.unplaced(id) else { return Ok(()) };
        let caller = call.caller;
        let service = match &rest.goal {
            Goal::Service(no) => Some(*no).filter(|no| self.may_ask(*no, caller)),
            Goal::Identity(id) => {
                self.registry.service_no(*id).filter(|no| self.may_ask(*no, caller))
            }
            Goal::Name(name) => {
                let name = name.clone();
                match self.registry.count_named(&name) {
                    Named::Nobody => None,
                    Named::One(no) => Some(no).filter(|no| self.may_ask(*no, caller)),
                    Named::Several => self.pick(&name, caller),
                }
            }
        };
        let Some((_, rest)) = self.calls.unplaced(id) else { return Ok(()) };
        let service = service.ok_or_else(|| no_service(&rest.goal))?;
        let to = self.way_to(service, &rest.goal, caller);
        let size = rest.content.as_ref().map_or(0, |content| content.bytes.len());
        let Some(known) = self.registry.service(service) else {
            return Err(no_service(&rest.goal));
        };
        let by_hub = matches!(to, To::Link(_, None));
        // The hub's choice may differ, so that it says whether the method exists.
        if !by_hub && !known.has_method(&rest.method) {
            return Err(no_method(known, &rest.method));
        }
        let (link, number) = match to {
            To::Here => return self.place_here(id, service, size),
            To::Link(link, number) => (link, number),
        };
        let (pending, outbox) = (self.limits.pending_requests, self.limits.outbox);
        let Some(connection) = self.links.get_mut(&link).and_then(|state| state.linked_mut())
        else {
            return Err(no_service(&rest.goal));
        };
        let accepts = connection.peer.as_ref().map_or(usize::MAX, |peer| peer.max_payload);
        if size > accepts {
            return Err(too_large(size, accepts));
        }
        if connection.outbound >= pending {
            let text = format!("{pending} requests are pending over the link already");
            return Err(error(RequestCode::Overloaded, Delivered::No, text));
        }
        if !connection.outbox.drop_reports(outbox.saturating_sub(size + OVERHEAD)) {
            let text = "the link's outbox is full: the peer reads too slowly";
            return Err(error(RequestCode::Overloaded, Delivered::No, text));
        }
        let Some(call) = self.calls.get_mut(id) else { return Ok(()) };
        call.provider = Provider::Link(link);
        if !by_hub {
            call.service = Some(service);
            if let Some(known) = self.registry.service_mut(service) {
                known.running += 1;
            }
        }
        connection.outbound += 1;
        let Some(rest) = &mut call.rest else { return Ok(()) };
        rest.number = number;
        if let Some(now) = now
            && connection.flows(size + OVERHEAD, self.limits.ahead())
        {
            let content = rest.content.take();
            let mut ready = std::mem::take(&mut connection.ready);
            if introduce(&self.registry, connection, call.process, &mut ready)
                && let (Some(rest), Some(content)) = (&call.rest, &content)
            {
                let frame = request_frame(now, id, call, rest, content);
                connection.encoder.request(&frame, &mut ready);
            }
            connection.ready = ready;
            call.drop_rest();
        } else {
            rest.content = rest.content.take().map(Content::detached);
            connection.outbox.push_request(id, size);
        }
        connection.mark_dirty(&mut self.dirty);
        Ok(())
    }

    /// A handler of this process gets it.
    fn place_here(
        &mut self,
        id: CallId,
        service: ServiceNo,
        size: usize,
    ) -> Result<(), RequestError> {
        let limit = self.limits.running_requests;
        if size > self.limits.payload {
            return Err(too_large(size, self.limits.payload));
        }
        let Some(known) = self.registry.service_mut(service) else { return Ok(()) };
        if known.running >= limit {
            let text = format!("the service has {limit} requests running already");
            return Err(error(RequestCode::Overloaded, Delivered::No, text));
        }
        known.running += 1;
        let waits = self.deliveries.is_waiting();
        let Some(call) = self.calls.get_mut(id) else { return Ok(()) };
        call.service = Some(service);
        call.provider = Provider::Local;
        if waits && let Some(rest) = &mut call.rest {
            rest.content = rest.content.take().map(Content::detached);
        }
        self.deliveries.push_invoke(id);
        Ok(())
    }

    /// The service of a name to ask: one of this process first, then the least loaded.
    fn pick(&mut self, name: &Str, caller: Caller) -> Option<ServiceNo> {
        let named = self.registry.named(name).iter().copied();
        let mut candidates: Vec<ServiceNo> = named.filter(|no| self.may_ask(*no, caller)).collect();
        if matches!(caller, Caller::Local(_)) {
            let local = |no: &ServiceNo| self.registry.service(*no).is_some_and(Service::is_local);
            if candidates.iter().any(local) {
                candidates.retain(local);
            }
        }
        self.least_loaded(name, &candidates)
    }

    fn has_provider_besides(&self, id: CallId, link: LinkId) -> bool {
        let Some(call) = self.calls.get(id) else { return false };
        let Some(Goal::Name(name)) = call.rest.as_ref().map(|rest| &rest.goal) else {
            return false;
        };
        self.registry.named(name).iter().any(|no| {
            let route = self.registry.service(*no).and_then(Service::route);
            route.is_none_or(|(over, _)| over != link) && self.may_ask(*no, call.caller)
        })
    }

    /// Whether a service exists for a caller, and can be reached.
    pub(in crate::process) fn may_ask(&self, no: ServiceNo, caller: Caller) -> bool {
        let Some(service) = self.registry.service(no) else { return false };
        let reachable = match service.route() {
            None => true,
            Some((link, _)) => self.links.get(&link).is_some_and(|state| state.linked().is_some()),
        };
        let visible = match caller {
            Caller::Link(link, _) => self.exports(service, link),
            Caller::Local(_) | Caller::Gone => true,
        };
        reachable && visible && !service.ending
    }

    fn way_to(&self, no: ServiceNo, goal: &Goal, caller: Caller) -> To {
        let Some((link, peer_no)) = self.registry.service(no).and_then(Service::route) else {
            return To::Here;
        };
        let hub = self
            .links
            .get(&link)
            .and_then(|state| state.linked())
            .is_some_and(crate::links::link::Connection::peer_is_server);
        match goal {
            // The hub knows how loaded the providers are, and which of them are still there.
            Goal::Name(_) if hub && matches!(caller, Caller::Local(_)) => To::Link(link, None),
            _ => To::Link(link, Some(peer_no)),
        }
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
}

fn no_service(goal: &Goal) -> RequestError {
    let text = match goal {
        Goal::Name(name) => format!("no service named {name:?} is visible"),
        Goal::Identity(id) => format!("no service with identity {id} is visible"),
        Goal::Service(_) => "the service was withdrawn".to_owned(),
    };
    error(RequestCode::NoService, Delivered::No, text)
}

fn no_method(service: &Service, method: &str) -> RequestError {
    let text = format!("service {:?} has no method {method:?}", service.name);
    error(RequestCode::NoMethod, Delivered::No, text)
}
