//! Requests on their way to a provider, and from one to another.

use crate::content::Content;
use crate::delivery::sink::{InvocationRef, NoSink, Sink};
use crate::ids::{CallId, LinkId, ProcessNo, ServiceNo};
use crate::links::outbound::outbox::OVERHEAD;
use crate::links::outbound::outlet::Admission;
use crate::outcome::{Delivered, RequestCode, RequestError};
use crate::registry::service::Service;
use crate::time::Time;
use crate::wire::{RequestRef, RequestTargetRef, millis};

use super::arguments::{Arguments, check_arguments, may_exceed};
use super::call_table::{Call, CallTable, Provider, Rest};
use super::explanations::may_pass;
use super::question::Question;
use super::refusals::no_service;
use super::route_cache::{Goal, GoalRef, Route, To};
use super::router::Router;

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placed {
    /// The provider has been handed it.
    Sent,
    /// So it has, but if it is overloaded another gets it.
    Offered,
    /// It waits for a link, with the peer's number of the service, if it is asked by that.
    Queued(Option<u32>),
    /// It waits for the application; for long, perhaps, if that does not listen.
    Pending { for_long: bool },
}

impl Placed {
    pub(super) fn number(self) -> Option<u32> {
        match self {
            Self::Queued(number) => number,
            Self::Sent | Self::Offered | Self::Pending { .. } => None,
        }
    }

    pub(super) fn is_sent(self) -> bool {
        matches!(self, Self::Sent | Self::Offered)
    }

    /// Its arguments must not keep a whole buffer alive.
    pub(super) fn is_queued(self) -> bool {
        matches!(self, Self::Queued(_) | Self::Pending { for_long: true })
    }
}

/// Bytes of arguments that may be kept so that another provider can be asked.
const MAX_OFFERED: usize = 1 << 20;

impl Router<'_> {
    /// Hands a request that nobody has to a provider. With `now` it may be encoded, or told to
    /// `sink`, at once.
    #[allow(clippy::inline_always, reason = "the path of every request")]
    #[inline(always)]
    pub(super) fn place(
        &mut self,
        now: Option<Time>,
        id: CallId,
        question: &Question<'_>,
        sink: &mut (dyn Sink + '_),
    ) -> Result<Placed, RequestError> {
        match self.known_route(question) {
            Some(route) => self.place_at(now, id, route, question, sink),
            None => self.place_anew(now, id, question, None, sink),
        }
    }

    /// As [`place`](Self::place), to a provider that is looked for, and is not `except`. If one of
    /// several is known to be overloaded, another gets the request, once; if it may turn out to be,
    /// the request is kept.
    #[inline(never)]
    fn place_anew(
        &mut self,
        now: Option<Time>,
        id: CallId,
        question: &Question<'_>,
        except: Option<ServiceNo>,
        sink: &mut (dyn Sink + '_),
    ) -> Result<Placed, RequestError> {
        let Some(call) = self.requests.calls.get(id) else { return Ok(Placed::Sent) };
        let route = self.find_route(question, call.prefer, except)?;
        let placed = self.place_at(now, id, route, question, sink);
        if !route.several || except.is_some() {
            return placed;
        }
        match placed {
            Err(error) if error.code == RequestCode::Overloaded => {
                let refused = Some(route.service);
                self.place_anew(None, id, question, refused, &mut NoSink).map_err(|_| error)
            }
            Ok(placed) if matches!(route.to, To::Link(_, Some(_))) => {
                let room = MAX_OFFERED.saturating_sub(self.requests.calls.kept());
                if question.content.bytes.len() >= room {
                    return Ok(placed);
                }
                if let Some(call) = self.requests.calls.get_mut(id) {
                    call.again = true;
                }
                Ok(if placed == Placed::Sent { Placed::Offered } else { placed })
            }
            placed => placed,
        }
    }

    /// Its provider refused a request before anybody saw it: another gets it, once. False: the
    /// caller has to be told.
    #[cold]
    pub(super) fn offer_again(&mut self, id: CallId) -> bool {
        let Some(call) = self.requests.calls.get_mut(id) else { return false };
        let refused = call.service;
        if !std::mem::take(&mut call.again) {
            return false;
        }
        let Some(rest) = call.rest.as_deref_mut() else { return false };
        rest.unsent = true;
        self.take_from_provider(id, false);
        self.place_again(id, refused).is_ok()
    }

    #[allow(clippy::inline_always, reason = "the path of every request")]
    #[inline(always)]
    fn place_at(
        &mut self,
        now: Option<Time>,
        id: CallId,
        route: Route,
        question: &Question<'_>,
        sink: &mut (dyn Sink + '_),
    ) -> Result<Placed, RequestError> {
        let Question { by, deadline, parts, .. } = *question;
        let Route { service, to, .. } = route;
        let size = question.content.bytes.len();
        let beside = question.extensions.len();
        let (link, number) = match to {
            To::Here => return self.place_here(now, id, service, question, sink),
            To::Link(link, number) => (link, number),
        };
        let Some(mut outlet) = self.links.outlet_for(by.link, link) else {
            let text = "the link to the service was lost";
            return Err(RequestError::new(RequestCode::NoService, Delivered::No, text));
        };
        if size > outlet.max_payload() {
            return Err(self.too_large_for(link, size));
        }
        let admission = outlet.admit_request(size, beside, by.process, &mut self.requests.calls)?;
        let placed = if let (Some(now), Admission::Now) = (now, admission) {
            let target = match (number, question.goal) {
                (None, GoalRef::Name(name)) => RequestTargetRef::Name(name),
                (number, _) => RequestTargetRef::Service(number.unwrap_or_default()),
            };
            let request = RequestRef {
                call: id.0,
                caller: by.process.0,
                target,
                method: question.method,
                remaining: millis(deadline.since(now)),
                parts,
                content: question.content,
                extensions: question.extensions,
            };
            outlet.request(&self.registry.processes, by.process, &request);
            Placed::Sent
        } else {
            outlet.queue_request(id, OVERHEAD + size + beside);
            Placed::Queued(number)
        };
        let by_peer = number.is_none();
        if let Some(call) = self.requests.calls.get_mut(id) {
            call.provider = Provider::Link(link);
            call.service = (!by_peer).then_some(service);
        }
        if !by_peer {
            self.registry.services.begin_call(service);
        }
        Ok(placed)
    }

    /// A handler of this process gets it: at once if the application takes it now, and nothing that
    /// came before waits.
    #[allow(clippy::inline_always, reason = "the path of every request")]
    #[inline(always)]
    fn place_here(
        &mut self,
        now: Option<Time>,
        id: CallId,
        service: ServiceNo,
        question: &Question<'_>,
        sink: &mut (dyn Sink + '_),
    ) -> Result<Placed, RequestError> {
        let (caller, size) = (question.by.process, question.content.bytes.len());
        let (payload, limit) = (self.rules.limits.payload, self.rules.limits.running_requests);
        if size > payload {
            return Err(self.too_large_here(size));
        }
        let may_hold_back = self.may_hold_back();
        let Some(known) = self.registry.services.get_mut(service) else { return Ok(Placed::Sent) };
        if let Some(now) = now
            && self.deliveries.is_empty()
            && !may_hold_back
            && let Some(entry) = self.registry.processes.get(caller)
        {
            let beside = question.method.len() + entry.label.len() + question.extensions.len();
            if sink.has_room_for_request(size, beside) {
                if known.load.is_crowded() {
                    admit_here(known, caller, limit, &self.requests.calls)?;
                }
                known.load.begin();
                let Some(call) = self.requests.calls.get_mut(id) else { return Ok(Placed::Sent) };
                (call.service, call.provider) = (Some(service), Provider::Local);
                sink.invoke(&InvocationRef {
                    call: id,
                    service,
                    method: question.method,
                    caller: entry.id,
                    caller_label: &entry.label,
                    remaining: question.deadline.since(now),
                    parts: question.parts,
                    kind: question.content.kind,
                    content: question.content.bytes,
                    extensions: question.extensions,
                });
                return Ok(Placed::Sent);
            }
        }
        let waiting = OVERHEAD + size + question.extensions.len();
        let room = self.rules.limits.waiting_arguments();
        if may_exceed(waiting, room, &self.requests.calls) {
            check_arguments((caller, waiting), known.waiting, room, &mut self.requests.calls)?;
        }
        if known.load.is_crowded() {
            admit_here(known, caller, limit, &self.requests.calls)?;
        }
        known.load.begin();
        known.waiting += waiting;
        let Some(call) = self.requests.calls.get_mut(id) else { return Ok(Placed::Sent) };
        (call.service, call.provider) = (Some(service), Provider::Local);
        let for_long = self.deliveries.is_waiting();
        self.deliveries.push_invoke(id);
        Ok(Placed::Pending { for_long })
    }

    /// A request that is kept is handed to a provider again, or waits for one. An error: neither.
    fn place_again(&mut self, id: CallId, refused: Option<ServiceNo>) -> Result<(), RequestError> {
        // Taken out while it is looked at; nothing below settles the request.
        let Some(call) = self.requests.calls.get(id) else { return Ok(()) };
        let (by, deadline, parts) = (call.party(), call.deadline, call.parts);
        let Some(mut rest) = self.requests.calls.take_rest(id) else { return Ok(()) };
        rest.unsent = true;
        let question = Question {
            by,
            deadline,
            parts,
            goal: rest.goal.by_ref(),
            method: &rest.method,
            content: rest.content.by_ref(),
            extensions: &rest.extensions,
            waits: rest.waits,
        };
        let placed = self.place_anew(None, id, &question, refused, &mut NoSink);
        if let Ok(placed) = placed {
            rest.unsent = !placed.is_sent();
            rest.number = placed.number();
            if placed.is_queued() {
                rest.content = rest.content.detached();
            }
        }
        self.requests.calls.keep(id, rest);
        match placed {
            Ok(_) => Ok(()),
            Err(error) => {
                let rest = self.requests.calls.get(id).and_then(|call| call.rest.as_deref());
                let passes = rest.is_some_and(|rest| may_pass(&error, rest.goal.by_ref()));
                if passes && refused.is_none() { self.park(id, error) } else { Err(error) }
            }
        }
    }

    /// A provider is lost before it can have seen a request: another gets it, or else the caller
    /// gets `error`. False if somebody may have seen it.
    pub(crate) fn reroute(&mut self, id: CallId, error: &RequestError) -> bool {
        let Some(call) = self.requests.calls.get(id) else { return true };
        let by_name = call.rest.as_ref().is_some_and(|rest| matches!(rest.goal, Goal::Name(_)));
        if !call.is_unsent() || (!by_name && !call.waits()) {
            return false;
        }
        self.take_from_provider(id, true);
        if self.place_again(id, None).is_err() {
            self.settle_error(id, error);
        }
        true
    }

    /// The hub of a link knew no provider (any more), but the caller waits: it will be tried again.
    pub(super) fn wait_again(&mut self, id: CallId, link: LinkId) -> bool {
        let Some(call) = self.requests.calls.get_mut(id) else { return false };
        let by = call.party();
        let Some(rest) = call.rest.as_deref_mut().filter(|rest| rest.waits) else { return false };
        rest.unsent = true;
        let (goal, method) = (rest.goal.clone(), rest.method.clone());
        self.take_from_provider(id, false);
        // What this registry still shows over that link is about to be withdrawn.
        if self.has_provider_besides(goal.by_ref(), &method, by, link) {
            if let Err(error) = self.place_again(id, None) {
                self.settle_error(id, &error);
            }
            return true;
        }
        let error = no_service(goal.by_ref());
        self.park(id, error).is_ok()
    }

    /// A service is there: requests that wait for it go on.
    pub(crate) fn start_parked(&mut self, no: ServiceNo) {
        if self.requests.parked.is_empty() {
            return;
        }
        let Some(service) = self.registry.services.get(no) else { return };
        let concerned = |rest: &Rest| match &rest.goal {
            // One that lacks the method changes nothing.
            Goal::Name(name) => *name == service.name && service.has_method(&rest.method),
            Goal::Identity(id) => *id == service.id,
            Goal::Service(_) => false,
        };
        let calls = &self.requests.calls;
        let waits =
            |id: &CallId| calls.get(*id).and_then(|c| c.rest.as_deref()).is_some_and(concerned);
        let parked: Vec<CallId> = self.requests.parked_in_order().filter(waits).collect();
        for id in parked {
            self.requests.parked.remove(id, self.links.budget());
            if let Err(error) = self.place_again(id, None) {
                self.settle_error(id, &error);
            }
        }
    }

    /// A request waits for a provider. What it is told if it does not: `error`, or that there is no
    /// room for it.
    pub(super) fn park(&mut self, id: CallId, error: RequestError) -> Result<(), RequestError> {
        // As many may wait for a provider as may be pending over a link.
        let room = self.requests.parked.len() < self.rules.limits.pending_requests;
        let Some(call) = self.requests.calls.get_mut(id) else { return Err(error) };
        let Some(rest) = call.rest.as_deref_mut().filter(|rest| room && rest.waits) else {
            return Err(error);
        };
        let (size, budget) = (rest.size(), self.links.budget());
        if !self.requests.parked.has_room(size, budget) {
            let text = "limits.memory has no room for more requests that wait for a provider";
            return Err(RequestError::new(RequestCode::Overloaded, Delivered::No, text));
        }
        let content = std::mem::replace(&mut rest.content, Content::raw(Vec::new()));
        rest.content = content.detached();
        self.requests.parked.insert(id, size, budget);
        Ok(())
    }

    /// The arguments are back with this process. `waited`: they were on their way.
    fn take_from_provider(&mut self, id: CallId, waited: bool) {
        let Some(call) = self.requests.calls.get_mut(id) else { return };
        let provider = std::mem::replace(&mut call.provider, Provider::Nobody);
        let (caller, service) = (call.process, call.service.take());
        if let Some(arguments) = call.rest.as_deref().filter(|_| waited).map(Rest::size) {
            let Self { requests, registry, links, deliveries, .. } = self;
            Arguments { provider, service, bytes: arguments }.take_back(
                &requests.calls,
                registry,
                links,
                deliveries,
            );
        }
        if let Some(service) = service {
            self.registry.services.end_call(service, caller);
        }
        if let Provider::Link(link) = provider {
            self.leave_outbound(link, caller);
        }
    }

    /// A request over a link has ended, or was taken back.
    #[allow(clippy::inline_always, reason = "the path of every request")]
    #[inline(always)]
    pub(super) fn leave_outbound(&mut self, link: LinkId, caller: ProcessNo) {
        if let Some(connection) = self.links.connection_mut(link) {
            connection.outbound.end(caller);
        }
    }
}

#[cold]
fn admit_here(
    known: &mut Service,
    caller: ProcessNo,
    limit: usize,
    calls: &CallTable,
) -> Result<(), RequestError> {
    let here = |call: &Call| call.provider == Provider::Local && call.service == Some(known.no);
    let callers = calls.iter().filter(|(_, call)| here(call)).map(|(_, call)| call.process);
    known
        .load
        .admit(caller, limit, callers)
        .map_err(|full| full.error("running in the service", "its limits.runningRequests"))
}
