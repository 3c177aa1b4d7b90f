//! How requests end: in exactly one outcome, whatever is lost.

use std::mem;
use std::time::Duration;

use bytes::Bytes;

use crate::delivery::event::{AbortReason, Event};
use crate::delivery::sink::{NoSink, Sink};
use crate::ids::{CallId, LinkId, ProcessNo, ServiceNo};
use crate::links::outbound::outbox::Out;
use crate::outcome::{DEADLINE_PASSED, Delivered, RequestCode, RequestError};
use crate::registry::checks::check_own_extensions;
use crate::time::Time;
use crate::wire::{Message, OutcomeRef, ResponseRef};

use super::Requests;
use super::arguments::Arguments;
use super::call_table::{Call, Caller, Provider, Removed};
use super::options::HandlerResultRef;
use super::route_cache::Goal;
use super::router::Router;

impl Router<'_> {
    /// See [`Process::respond`](crate::Process::respond).
    #[inline]
    pub(crate) fn respond(&mut self, id: CallId, result: HandlerResultRef<'_>, extensions: &[u8]) {
        if !self.requests.calls.get(id).is_some_and(Call::is_told) {
            return;
        }
        let valid = extensions.is_empty() || check_own_extensions(extensions).is_ok();
        let extensions = if valid { extensions } else { &[] };
        let limit = self.rules.limits.payload;
        let delivered = Delivered::Yes;
        let outcome = match result {
            HandlerResultRef::Response(content) if content.bytes.len() <= limit => {
                OutcomeRef::Response(content)
            }
            HandlerResultRef::Failure(content) if content.bytes.len() <= limit => {
                OutcomeRef::Failure(content)
            }
            HandlerResultRef::Response(content) | HandlerResultRef::Failure(content) => {
                let size = content.bytes.len();
                let error =
                    RequestError::result_too_large("the result", size, limit, "the provider");
                return self.settle_error(id, &error);
            }
            HandlerResultRef::Error(code, message) => {
                OutcomeRef::Error { code, delivered, message }
            }
        };
        if !matches!(outcome, OutcomeRef::Response(_)) {
            self.note_failure(id);
        }
        self.settle(id, &outcome, extensions, &mut NoSink);
    }

    /// A peer answered.
    pub(crate) fn handle_response(&mut self, link: LinkId, response: &ResponseRef<'_>) {
        let id = CallId(response.call);
        if matches!(response.outcome, OutcomeRef::Response(_))
            || self.requests.calls.get(id).is_none_or(|call| !call.is_sent_over(link))
        {
            return self.handle_result(link, response, &mut NoSink);
        }
        if !self.handle_failure(link, id, &response.outcome) {
            // Whether or not it was taken from its provider to be given to another.
            self.settle(id, &response.outcome, response.extensions, &mut NoSink);
        }
    }

    /// A peer answered with a result, or with the last that is to be said of a request.
    #[allow(clippy::inline_always, reason = "the path of every request")]
    #[inline(always)]
    pub(crate) fn handle_result(
        &mut self,
        link: LinkId,
        response: &ResponseRef<'_>,
        sink: &mut (dyn Sink + '_),
    ) {
        let id = CallId(response.call);
        // Late outcomes find another generation, or a request that was never sent that way.
        if self.requests.calls.get(id).is_none_or(|call| !call.is_sent_over(link)) {
            return self.links.ignore(link);
        }
        self.settle(id, &response.outcome, response.extensions, sink);
    }

    /// A peer's answer is no result. True: another provider has been asked, or is waited for.
    #[cold]
    fn handle_failure(&mut self, link: LinkId, id: CallId, outcome: &OutcomeRef<'_>) -> bool {
        self.note_failure(id);
        let OutcomeRef::Error { code, delivered: Delivered::No, .. } = *outcome else {
            return false;
        };
        match code {
            // Withdrawn, while the request was on its way.
            RequestCode::NoService | RequestCode::Lost => {
                self.offer_again(id) || self.wait_again(id, link)
            }
            RequestCode::NoMethod => {
                let rest = self.requests.calls.get(id).and_then(|call| call.rest.as_deref());
                let by_name = rest.is_some_and(|rest| matches!(rest.goal, Goal::Name(_)));
                by_name && self.wait_again(id, link)
            }
            RequestCode::Overloaded => self.offer_again(id),
            _ => false,
        }
    }

    /// The provider of a request has failed: it is asked less for a while.
    #[cold]
    fn note_failure(&mut self, id: CallId) {
        let service = self.requests.calls.get(id).and_then(|call| call.service);
        if let Some(service) = service.and_then(|no| self.registry.services.get_mut(no)) {
            service.failures.add(self.requests.clock);
        }
    }

    /// The deadline of a request passed.
    pub(crate) fn call_deadline(&mut self, call: CallId) {
        if let Some(RequestError { code, message, .. }) = self.waits_in_vain(call) {
            self.give_up(call, code, &message);
            return;
        }
        self.give_up(call, RequestCode::Deadline, DEADLINE_PASSED);
    }

    /// It is time to look at the requests of peers: those that have run out end.
    pub(crate) fn expire(&mut self, now: Time) {
        let Requests { calls, expiry, .. } = &mut *self.requests;
        for id in expiry.look(now, calls) {
            self.call_deadline(id);
        }
    }

    /// Everything sent, or to be sent, over a lost link fails, or is taken over by others.
    pub(crate) fn fail_calls_over(&mut self, link: LinkId) {
        let Some(connection) = self.links.connection_mut(link) else { return };
        if connection.outbound.count() == 0 {
            return;
        }
        // Its loss is that of all that it relayed for this process.
        let (code, text) = if connection.capabilities().relays_for_us {
            (RequestCode::LinkLost, "the link was lost before the outcome")
        } else {
            (RequestCode::Lost, "the provider was lost before the outcome")
        };
        let over = |call: &Call| call.provider == Provider::Link(link);
        self.fail_calls(over, code, text);
    }

    /// Requests to a service that is withdrawn fail, or are taken over by others of its name.
    pub(crate) fn fail_calls_to(&mut self, service: ServiceNo) {
        self.registry.services.end(service);
        let running = self.registry.services.get(service).map_or(0, |known| known.load.count());
        if running == 0 {
            return;
        }
        let to = |call: &Call| call.service == Some(service);
        self.fail_calls(to, RequestCode::Lost, "the service was withdrawn");
    }

    /// As [`fail_calls_to`](Self::fail_calls_to), of a service that is withdrawn over one link
    /// only.
    pub(crate) fn fail_calls_to_over(&mut self, service: ServiceNo, link: LinkId) {
        let to =
            |call: &Call| call.service == Some(service) && call.provider == Provider::Link(link);
        self.fail_calls(to, RequestCode::Lost, "the service was withdrawn");
    }

    fn fail_calls(&mut self, which: impl Fn(&Call) -> bool, code: RequestCode, text: &str) {
        self.links.charge(self.requests.calls.slots());
        let mut calls = self.requests.calls.find(which);
        calls.sort_unstable();
        for id in calls {
            let Some(call) = self.requests.calls.get(id) else { continue };
            if call.caller == Caller::Gone && call.provider == Provider::Local {
                continue;
            }
            let delivered = if call.is_unsent() { Delivered::No } else { Delivered::Unknown };
            let told = call.is_told();
            let lost = RequestError::new(code, delivered, text);
            if self.reroute(id, &lost) {
                continue;
            }
            if told {
                self.detach_caller(id, &OutcomeRef::from(&lost), &[], &mut NoSink);
                let reason = AbortReason::ServiceClosed;
                self.deliveries.push(Event::Abort { call: id, reason });
            } else {
                self.settle_error(id, &lost);
            }
        }
    }

    /// Gives up requests that processes sent over a link over which they can no longer be answered.
    pub(crate) fn abandon_calls_of(&mut self, processes: &[ProcessNo], link: LinkId) {
        let Some(connection) = self.links.connection_mut(link) else { return };
        let calls = &self.requests.calls;
        let of_them =
            |id: CallId| calls.get(id).is_some_and(|call| processes.contains(&call.process));
        crate::steps::count(connection.inbound.len() * processes.len());
        let inbound = connection.inbound.iter().map(|(wire, id)| (wire, *id));
        let mut inbound: Vec<(u64, CallId)> = inbound.filter(|(_, id)| of_them(*id)).collect();
        inbound.sort_unstable();
        for (wire, _) in &inbound {
            connection.inbound.remove(*wire);
        }
        for (_, id) in inbound {
            self.abandon(id, AbortReason::CallerGone);
        }
    }

    /// Gives up everything that the application has asked.
    pub(crate) fn cancel_all(&mut self) {
        for call in self.requests.own() {
            self.give_up(call, RequestCode::Cancelled, "the registry was closed");
        }
    }

    /// Ends a request with an outcome, at both ends.
    #[allow(clippy::inline_always, reason = "the path of every response")]
    #[inline(always)]
    pub(super) fn settle(
        &mut self,
        id: CallId,
        outcome: &OutcomeRef<'_>,
        extensions: &[u8],
        sink: &mut (dyn Sink + '_),
    ) {
        let Some(call) = self.requests.calls.remove(id) else { return };
        self.tell_caller(id, call.caller, call.line, outcome, extensions, sink);
        self.forget(id, &call);
    }

    /// As [`settle`](Self::settle), with a failure of the framework.
    #[cold]
    pub(super) fn settle_error(&mut self, id: CallId, error: &RequestError) {
        self.settle(id, &OutcomeRef::from(error), &[], &mut NoSink);
    }

    /// The local caller does not wait any longer.
    pub(super) fn give_up(
        &mut self,
        id: CallId,
        code: RequestCode,
        text: &str,
    ) -> Option<Delivered> {
        let call = self.requests.calls.get(id)?;
        let delivered = if call.is_unsent() { Delivered::No } else { Delivered::Unknown };
        // Parts of a stream come before its outcome.
        let overdue = code == RequestCode::Deadline && !call.stream;
        let overdue = overdue && matches!(call.caller, Caller::Local(_));
        let outcome = OutcomeRef::Error { code, delivered, message: text };
        self.detach_caller(id, &outcome, &[], &mut NoSink);
        if overdue {
            self.deliveries.hasten_last();
        }
        let reason = match code {
            RequestCode::Deadline => AbortReason::Deadline,
            _ => AbortReason::Cancelled,
        };
        self.abandon(id, reason);
        Some(delivered)
    }

    /// Nobody wants the outcome any more: what was not sent is taken back, the rest is cancelled.
    pub(super) fn abandon(&mut self, id: CallId, reason: AbortReason) {
        let Some(call) = self.requests.calls.get_mut(id) else { return };
        call.caller = Caller::Gone;
        match call.provider {
            // Its entry in a queue, if any, finds nothing and is skipped.
            _ if call.is_unsent() => self.release(id),
            Provider::Nobody => self.release(id),
            Provider::Local => self.deliveries.push(Event::Abort { call: id, reason }),
            Provider::Link(link) => {
                let process = call.process;
                self.release(id);
                // That a process is gone is told once, and ends its requests at the peer.
                let goes = reason == AbortReason::CallerGone && !self.remains(process, link);
                if !goes {
                    self.links.send(link, Out::Message(Message::Cancel { call: id.0 }));
                }
            }
        }
    }

    /// Whether a process that is lost over one link is still reachable in the exchange of another.
    fn remains(&self, process: ProcessNo, link: LinkId) -> bool {
        let Some(exchange) = self.links.get(link).map(|link| link.exchange) else { return false };
        let entry = self.registry.processes.get(process);
        let routes =
            entry.map_or(0, |entry| entry.routes.iter().filter(|(_, of)| *of == exchange).count());
        routes > 1
    }

    /// The caller gets the outcome; the handler, if it was told, goes on for itself.
    pub(super) fn detach_caller(
        &mut self,
        id: CallId,
        outcome: &OutcomeRef<'_>,
        extensions: &[u8],
        sink: &mut (dyn Sink + '_),
    ) {
        let Some(call) = self.requests.calls.get_mut(id) else { return };
        let caller = mem::replace(&mut call.caller, Caller::Gone);
        let line = mem::take(&mut call.in_line).then_some(call.timeout);
        self.tell_caller(id, caller, line, outcome, extensions, sink);
    }

    /// The caller gets the outcome, at once if it is the application and takes it now. `timeout`:
    /// its deadline was among those of that.
    #[allow(clippy::inline_always, reason = "the path of every request")]
    #[inline(always)]
    fn tell_caller(
        &mut self,
        id: CallId,
        caller: Caller,
        timeout: Option<Duration>,
        outcome: &OutcomeRef<'_>,
        extensions: &[u8],
        sink: &mut (dyn Sink + '_),
    ) {
        match caller {
            Caller::Local(key) => {
                self.requests.keys.remove(key);
                match timeout {
                    Some(timeout) => self.requests.leave_line(timeout, id),
                    None => self.requests.timers.clear(id),
                }
                self.tell_outcome(key, outcome, extensions, sink);
            }
            Caller::Link(link, number) => {
                let outlet = if tells_of_providers(outcome) {
                    self.links.outlet_for(None, link)
                } else {
                    self.links.outlet(link)
                };
                if let Some(mut outlet) = outlet {
                    outlet.respond(&ResponseRef { call: number, outcome: *outcome, extensions });
                    outlet.connection().inbound.remove(number);
                }
            }
            Caller::Gone => {}
        }
    }

    #[allow(clippy::inline_always, reason = "the path of every request")]
    #[inline(always)]
    fn tell_outcome(
        &mut self,
        key: u64,
        outcome: &OutcomeRef<'_>,
        extensions: &[u8],
        sink: &mut (dyn Sink + '_),
    ) {
        if let OutcomeRef::Response(content) = outcome
            && self.deliveries.is_empty()
            && sink.has_room_for(content.bytes.len(), extensions.len())
        {
            return sink.result(key, content.kind, content.bytes, extensions);
        }
        let extensions = Bytes::copy_from_slice(extensions);
        self.deliveries.push(Event::Outcome { key, outcome: outcome.keep(), extensions });
    }

    /// Forgets a request; its slots are free.
    pub(super) fn release(&mut self, id: CallId) {
        if let Some(call) = self.requests.calls.remove(id) {
            self.forget(id, &call);
        }
    }

    /// The provider has nothing to do with it any more.
    #[allow(clippy::inline_always, reason = "the path of every request")]
    #[inline(always)]
    fn forget(&mut self, id: CallId, call: &Removed) {
        if let Some(waiting) = call.waiting {
            let Self { requests, registry, links, deliveries, .. } = self;
            requests.parked.remove(id, links.budget());
            let Removed { provider, service, .. } = *call;
            Arguments { provider, service, bytes: waiting.get() }.take_back(
                &requests.calls,
                registry,
                links,
                deliveries,
            );
        }
        if let Some(service) = call.service {
            self.registry.services.end_call(service, call.process);
        }
        if let Provider::Link(link) = call.provider {
            self.leave_outbound(link, call.process);
        }
    }
}

impl<'a> From<&'a RequestError> for OutcomeRef<'a> {
    fn from(error: &'a RequestError) -> Self {
        let RequestError { code, delivered, message } = error;
        Self::Error { code: *code, delivered: *delivered, message }
    }
}

/// Whether an outcome is about who is there, or is not: what has become known of that is told
/// before.
fn tells_of_providers(outcome: &OutcomeRef<'_>) -> bool {
    matches!(
        outcome,
        OutcomeRef::Error {
            code: RequestCode::NoService | RequestCode::NoMethod | RequestCode::Lost,
            ..
        }
    )
}
