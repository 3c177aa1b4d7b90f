//! Requests: from this process's application or a peer, to a handler here or beyond a link.

use std::time::Duration;

use bytes::Bytes;

use crate::calls::{Call, Caller, Provider, Unsent};
use crate::content::Content;
use crate::event::{AbortReason, Event, Invocation};
use crate::ids::{CallId, LinkId, ProcessNo, ServiceId, ServiceNo, Str};
use crate::limits::MAX_NAME;
use crate::outbox::Out;
use crate::outcome::{Delivered, Outcome, RequestCode, RequestError};
use crate::registry::OWN;
use crate::time::Time;
use crate::timers::Timer;
use crate::wire::{Message, Request, RequestTarget};

use super::Process;
use super::balancing::{To, no_method};

/// Whom the application asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Any visible service of that name, one of this process first.
    Name(Str),
    /// One service.
    Identity(ServiceId),
}

/// What a handler came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandlerResult {
    /// Its result.
    Response(Content),
    /// The application's failure: encoded code, message and data.
    Failure(Content),
    /// The result could not be sent: `Encoding` or `TooLarge`, with an explanation.
    Error(RequestCode, Str),
}

impl Process {
    /// Asks a service. Exactly one [`Event::Outcome`] with `key` follows, whatever happens; `key`
    /// must not be in use. `timeout` from now decides if nothing else did before.
    pub fn request(
        &mut self,
        now: Time,
        key: u64,
        target: &Target,
        method: impl Into<Str>,
        content: Content,
        timeout: Duration,
    ) {
        let method = method.into();
        let outcome = |error| Event::Outcome { key, outcome: Outcome::Error(error) };
        if self.closed {
            let error = error(RequestCode::LinkLost, Delivered::No, "the registry is closed");
            return self.deliveries.push(outcome(error));
        }
        if method.len() > MAX_NAME {
            let error = error(RequestCode::NoMethod, Delivered::No, "no method has such a name");
            return self.deliveries.push(outcome(error));
        }
        match self.choose(target, &method) {
            Err(error) => self.deliveries.push(outcome(error)),
            Ok(choice) => {
                let deadline = now + timeout;
                let call = Call {
                    caller: Caller::Local(key),
                    process: OWN,
                    service: choice.service,
                    name: match target {
                        Target::Name(name) => Some(name.clone()),
                        Target::Identity(_) => None,
                    },
                    provider: Provider::Local(None),
                    method,
                    deadline,
                    extensions: Bytes::new(),
                };
                match self.dispatch(call, choice.to, content) {
                    Err(error) => self.deliveries.push(outcome(error)),
                    Ok(call) => {
                        self.keys.insert(key, call);
                        self.timers.set(Timer::Call(call), deadline);
                    }
                }
            }
        }
    }

    /// Gives a request up: its outcome is `cancelled` unless it has one already.
    pub fn cancel(&mut self, key: u64) {
        if let Some(call) = self.keys.get(&key).copied() {
            self.give_up(call, RequestCode::Cancelled, "the caller cancelled the request");
        }
    }

    /// Ends an invocation. Every one must be ended, aborted ones too.
    pub fn respond(&mut self, call: CallId, result: HandlerResult) {
        let Some(Provider::Local(_)) = self.calls.get(call).map(|call| &call.provider) else {
            return;
        };
        let limit = self.limits.payload;
        let outcome = match result {
            HandlerResult::Response(content) | HandlerResult::Failure(content)
                if content.bytes.len() > limit =>
            {
                let size = content.bytes.len();
                let text = format!("the result of {size} bytes exceeds the limit of {limit}");
                Outcome::Error(error(RequestCode::TooLarge, Delivered::Yes, text))
            }
            HandlerResult::Response(content) => Outcome::Response(content),
            HandlerResult::Failure(content) => Outcome::Failure(content),
            HandlerResult::Error(code, text) => {
                Outcome::Error(RequestError { code, delivered: Delivered::Yes, message: text })
            }
        };
        self.settle(call, outcome, Bytes::new());
    }

    /// A peer asks.
    pub(super) fn handle_request(&mut self, now: Time, link: LinkId, request: Request) {
        let Some(connection) = self.links.get(&link).and_then(|state| state.linked()) else {
            return;
        };
        if !connection.peer_is_server() && request.caller != 0 {
            return self.break_rules(now, link, "a client asked in another process's name");
        }
        let Some(process) = connection.processes.get(&request.caller).copied() else {
            return self.break_rules(now, link, "a caller that was not introduced");
        };
        if connection.inbound.contains_key(&request.call) {
            return self.break_rules(now, link, "a request's id was used twice");
        }
        let routed = if connection.inbound.len() >= self.limits.pending_requests {
            let text = format!("{} requests of this link are pending", connection.inbound.len());
            Err(error(RequestCode::Overloaded, Delivered::No, text))
        } else {
            self.route(link, &request).and_then(|(service, to)| {
                let call = Call {
                    caller: Caller::Link(link, request.call),
                    process,
                    service: Some(service),
                    name: match request.target {
                        RequestTarget::Name(name) => Some(name),
                        RequestTarget::Service(_) => None,
                    },
                    provider: Provider::Local(None),
                    method: request.method,
                    deadline: now + request.remaining,
                    extensions: request.extensions,
                };
                self.dispatch(call, to, request.content)
            })
        };
        match routed {
            Ok(call) => {
                if let Some(connection) =
                    self.links.get_mut(&link).and_then(|state| state.linked_mut())
                {
                    connection.inbound.insert(request.call, call);
                }
            }
            Err(error) => self.answer(link, request.call, Outcome::Error(error), Bytes::new()),
        }
    }

    /// A peer answered.
    pub(super) fn handle_response(
        &mut self,
        link: LinkId,
        call: u64,
        outcome: Outcome,
        extensions: Bytes,
    ) {
        let id = CallId(call);
        // Late outcomes find another generation, or a request that was never sent that way.
        match self.calls.get(id).map(|call| &call.provider) {
            Some(Provider::Link(provider, None)) if *provider == link => {
                self.settle(id, outcome, extensions);
            }
            _ => self.ignore(link),
        }
    }

    /// A peer gave a request up.
    pub(super) fn handle_cancel(&mut self, link: LinkId, call: u64) {
        let Some(connection) = self.links.get_mut(&link).and_then(|state| state.linked_mut())
        else {
            return;
        };
        // Unknown: the outcome is on its way already.
        if let Some(id) = connection.inbound.remove(&call) {
            self.abandon(id, AbortReason::Cancelled);
        }
    }

    /// The deadline of a request of this process passed.
    pub(super) fn call_deadline(&mut self, call: CallId) {
        self.give_up(call, RequestCode::Deadline, "the deadline passed before an outcome arrived");
    }

    /// The invocation of a request whose turn it is; `None` if it was given up meanwhile.
    pub(super) fn invocation(&mut self, now: Time, id: CallId) -> Option<Event> {
        let call = self.calls.get_mut(id)?;
        let Provider::Local(content) = &mut call.provider else { return None };
        let content = content.take()?;
        let entry = self.registry.process(call.process)?;
        Some(Event::Invoke(Invocation {
            call: id,
            service: call.service?,
            method: call.method.clone(),
            caller: entry.id,
            caller_label: entry.label.clone(),
            remaining: call.deadline.since(now),
            content,
        }))
    }

    /// Everything sent, or to be sent, over a lost link fails.
    pub(super) fn fail_calls_over(&mut self, _now: Time, link: LinkId) {
        let Some(connection) =
            self.links.get_mut(&link).and_then(|state| state.connection.as_deref_mut())
        else {
            return;
        };
        let own_hub = connection.peer_is_server();
        let mut calls: Vec<CallId> = connection.outbound.iter().copied().collect();
        calls.sort_unstable();
        for id in calls {
            if !own_hub && self.redirect(id) {
                continue;
            }
            let Some(call) = self.calls.get(id) else { continue };
            let delivered = if call.is_unsent() { Delivered::No } else { Delivered::Unknown };
            let lost = if own_hub {
                error(RequestCode::LinkLost, delivered, "the link was lost before the outcome")
            } else {
                error(RequestCode::Lost, delivered, "the provider was lost before the outcome")
            };
            self.settle(id, Outcome::Error(lost), Bytes::new());
        }
    }

    /// Requests of processes that are no longer reachable are given up.
    pub(super) fn abandon_calls_of(
        &mut self,
        _now: Time,
        processes: &[ProcessNo],
        link: Option<LinkId>,
    ) {
        let Some(link) = link else { return };
        let Some(connection) =
            self.links.get_mut(&link).and_then(|state| state.connection.as_deref_mut())
        else {
            return;
        };
        let mut calls: Vec<(u64, CallId)> =
            connection.inbound.iter().map(|(wire, call)| (*wire, *call)).collect();
        calls.sort_unstable();
        for (wire, id) in calls {
            if !self.calls.get(id).is_some_and(|call| processes.contains(&call.process)) {
                continue;
            }
            if let Some(connection) =
                self.links.get_mut(&link).and_then(|state| state.connection.as_deref_mut())
            {
                connection.inbound.remove(&wire);
            }
            self.abandon(id, AbortReason::CallerGone);
        }
    }

    /// Requests to a service that is withdrawn fail.
    pub(super) fn fail_calls_to(&mut self, _now: Time, service: ServiceNo) {
        let mut calls = self.calls.find(|call| call.service == Some(service));
        calls.sort_unstable();
        for id in calls {
            let Some(call) = self.calls.get(id) else { continue };
            if call.caller == Caller::Gone || self.redirect(id) {
                continue;
            }
            let Some(call) = self.calls.get(id) else { continue };
            let delivered = if call.is_unsent() { Delivered::No } else { Delivered::Unknown };
            let told = matches!(call.provider, Provider::Local(None));
            let lost = error(RequestCode::Lost, delivered, "the service was withdrawn");
            if told {
                self.detach_caller(id, Outcome::Error(lost), Bytes::new());
                let reason = AbortReason::ServiceClosed;
                self.deliveries.push(Event::Abort { call: id, reason });
            } else {
                self.settle(id, Outcome::Error(lost), Bytes::new());
            }
        }
    }

    pub(super) fn cancel_all(&mut self, _now: Time) {
        let mut calls: Vec<CallId> = self.keys.values().copied().collect();
        calls.sort_unstable();
        for call in calls {
            self.give_up(call, RequestCode::Cancelled, "the registry was closed");
        }
    }

    /// Hands a request to its provider, or says why that cannot be.
    pub(super) fn dispatch(
        &mut self,
        mut call: Call,
        to: To,
        content: Content,
    ) -> Result<CallId, RequestError> {
        let size = content.bytes.len();
        match to {
            To::Here(no) => {
                let limit = self.limits.running_requests;
                let Some(service) = self.registry.service_mut(no) else {
                    return Err(error(RequestCode::NoService, Delivered::No, "withdrawn"));
                };
                if !service.has_method(&call.method) {
                    return Err(no_method(service, &call.method));
                }
                if size > self.limits.payload {
                    return Err(too_large(size, self.limits.payload));
                }
                if service.running >= limit {
                    let text = format!("the service has {limit} requests running already");
                    return Err(error(RequestCode::Overloaded, Delivered::No, text));
                }
                service.running += 1;
                call.provider = Provider::Local(Some(content));
                let id = self.calls.insert(call);
                self.deliveries.push_invoke(id);
                Ok(id)
            }
            To::Link(link, target) => {
                let (pending, outbox) = (self.limits.pending_requests, self.limits.outbox);
                let own_limit = self.limits.payload;
                let Some(connection) =
                    self.links.get_mut(&link).and_then(|state| state.linked_mut())
                else {
                    return Err(error(RequestCode::NoService, Delivered::No, "not reachable"));
                };
                let peers = connection.peer.as_ref().map_or(own_limit, |peer| peer.max_payload);
                if size > own_limit.min(peers) {
                    return Err(too_large(size, own_limit.min(peers)));
                }
                if connection.outbound.len() >= pending {
                    let text = format!("{pending} requests are pending over the link already");
                    return Err(error(RequestCode::Overloaded, Delivered::No, text));
                }
                let room = outbox.saturating_sub(size + crate::outbox::OVERHEAD);
                if !connection.outbox.drop_reports(room) {
                    let text = "the link's outbox is full: the peer reads too slowly";
                    return Err(error(RequestCode::Overloaded, Delivered::No, text));
                }
                if let Some(service) = call.service.and_then(|no| self.registry.service_mut(no)) {
                    service.running += 1;
                }
                call.provider = Provider::Link(link, Some(Unsent { target, content }));
                let id = self.calls.insert(call);
                connection.outbound.insert(id);
                connection.outbox.push_request(id, size);
                self.mark_dirty(link);
                Ok(id)
            }
        }
    }

    /// Ends a request with an outcome, at both ends.
    fn settle(&mut self, id: CallId, outcome: Outcome, extensions: Bytes) {
        self.detach_caller(id, outcome, extensions);
        self.release(id);
    }

    /// The caller gets the outcome; the handler, if it was told, goes on for itself.
    fn detach_caller(&mut self, id: CallId, outcome: Outcome, extensions: Bytes) {
        let Some(call) = self.calls.get_mut(id) else { return };
        let caller = std::mem::replace(&mut call.caller, Caller::Gone);
        self.tell_caller(id, &caller, outcome, extensions);
    }

    pub(super) fn tell_caller(
        &mut self,
        id: CallId,
        caller: &Caller,
        outcome: Outcome,
        extensions: Bytes,
    ) {
        match *caller {
            Caller::Local(key) => {
                self.keys.remove(&key);
                self.timers.clear(Timer::Call(id));
                self.deliveries.push(Event::Outcome { key, outcome });
            }
            Caller::Link(link, wire) => {
                if let Some(connection) =
                    self.links.get_mut(&link).and_then(|state| state.linked_mut())
                {
                    connection.inbound.remove(&wire);
                }
                self.answer(link, wire, outcome, extensions);
            }
            Caller::Gone => {}
        }
    }

    /// Forgets a request; its slots are free.
    pub(super) fn release(&mut self, id: CallId) -> Option<Call> {
        let call = self.calls.remove(id)?;
        if let Some(service) = call.service.and_then(|no| self.registry.service_mut(no)) {
            service.running = service.running.saturating_sub(1);
        }
        if let Provider::Link(link, _) = &call.provider
            && let Some(connection) =
                self.links.get_mut(link).and_then(|state| state.connection.as_deref_mut())
        {
            connection.outbound.remove(&id);
        }
        Some(call)
    }

    /// The local caller does not wait any longer.
    fn give_up(&mut self, id: CallId, code: RequestCode, text: &str) {
        let Some(call) = self.calls.get(id) else { return };
        let delivered = if call.is_unsent() { Delivered::No } else { Delivered::Unknown };
        self.detach_caller(id, Outcome::Error(error(code, delivered, text)), Bytes::new());
        self.abandon(id, AbortReason::Cancelled);
    }

    /// Nobody wants the outcome any more: what was not sent is taken back, the rest is cancelled.
    fn abandon(&mut self, id: CallId, reason: AbortReason) {
        let Some(call) = self.calls.get_mut(id) else { return };
        if let Caller::Local(_) | Caller::Link(..) = call.caller {
            call.caller = Caller::Gone;
        }
        match &call.provider {
            // Its entry in the queue finds nothing and is skipped.
            Provider::Local(Some(_)) | Provider::Link(_, Some(_)) => {
                self.release(id);
            }
            Provider::Local(None) => self.deliveries.push(Event::Abort { call: id, reason }),
            Provider::Link(link, None) => {
                let (link, process) = (*link, call.process);
                self.release(id);
                // That a process is gone is told once, and ends its requests at the peer.
                let routes = self.registry.process(process).map_or(0, |entry| entry.routes.len());
                if reason != AbortReason::CallerGone || routes > 1 {
                    self.push(link, Out::Message(Message::Cancel { call: id.0 }));
                }
            }
        }
    }

    fn answer(&mut self, link: LinkId, call: u64, outcome: Outcome, extensions: Bytes) {
        let max = self
            .links
            .get(&link)
            .and_then(|state| state.linked())
            .and_then(|connection| connection.peer.as_ref())
            .map_or(usize::MAX, |peer| peer.max_payload);
        let outcome = match outcome {
            Outcome::Response(content) | Outcome::Failure(content) if content.bytes.len() > max => {
                let text = format!("the result exceeds the {max} bytes that the caller accepts");
                Outcome::Error(error(RequestCode::TooLarge, Delivered::Yes, text))
            }
            outcome => outcome,
        };
        self.push(link, Out::Message(Message::Response { call, outcome, extensions }));
    }
}

pub(super) fn error(code: RequestCode, delivered: Delivered, text: impl Into<Str>) -> RequestError {
    RequestError { code, delivered, message: text.into() }
}

fn too_large(size: usize, limit: usize) -> RequestError {
    let text = format!("arguments of {size} bytes exceed the limit of {limit} bytes");
    error(RequestCode::TooLarge, Delivered::No, text)
}
