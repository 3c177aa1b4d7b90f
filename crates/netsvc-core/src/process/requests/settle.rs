//! How requests end: in exactly one outcome, whatever is lost.

use bytes::Bytes;

use crate::collections::timers::Timer;
use crate::delivery::event::{AbortReason, Event};
use crate::ids::{CallId, LinkId, ProcessNo, ServiceNo};
use crate::links::outbound::outbox::{OVERHEAD, Out};
use crate::outcome::{Delivered, Outcome, RequestCode};
use crate::requests::call_table::{Caller, Provider};
use crate::wire::Message;

use crate::process::Process;
use crate::process::requests::request::error;

impl Process {
    /// The deadline of a request of this process passed.
    pub(in crate::process) fn call_deadline(&mut self, call: CallId) {
        let text = "the deadline passed before an outcome arrived";
        self.give_up(call, RequestCode::Deadline, text);
    }

    /// Everything sent, or to be sent, over a lost link fails, or is taken over by others.
    pub(in crate::process) fn fail_calls_over(&mut self, link: LinkId) {
        let Some(connection) =
            self.links.get_mut(&link).and_then(|state| state.connection.as_deref_mut())
        else {
            return;
        };
        let own_hub = connection.peer_is_server();
        if connection.outbound == 0 {
            return;
        }
        let mut calls = self.calls.find(|call| call.provider == Provider::Link(link));
        calls.sort_unstable();
        for id in calls {
            let Some(call) = self.calls.get(id) else { continue };
            let delivered = if call.is_unsent() { Delivered::No } else { Delivered::Unknown };
            let lost = if own_hub {
                error(RequestCode::LinkLost, delivered, "the link was lost before the outcome")
            } else {
                error(RequestCode::Lost, delivered, "the provider was lost before the outcome")
            };
            if !self.reroute(id, &lost) {
                self.settle(id, Outcome::Error(lost), Bytes::new());
            }
        }
    }

    /// Requests that processes sent over a link, and that they cannot be answered any more, are
    /// given up.
    pub(in crate::process) fn abandon_calls_of(&mut self, processes: &[ProcessNo], link: LinkId) {
        let Some(connection) =
            self.links.get_mut(&link).and_then(|state| state.connection.as_deref_mut())
        else {
            return;
        };
        let mut calls: Vec<(u64, CallId)> = connection.inbound.iter().collect();
        calls.retain(|(_, id)| {
            self.calls.get(*id).is_some_and(|call| processes.contains(&call.process))
        });
        calls.sort_unstable();
        for (wire, _) in &calls {
            connection.inbound.remove(*wire);
        }
        for (_, id) in calls {
            self.abandon(id, AbortReason::CallerGone);
        }
    }

    /// Requests to a service that is withdrawn fail, or are taken over by others of its name.
    pub(in crate::process) fn fail_calls_to(&mut self, service: ServiceNo) {
        self.registry.end(service);
        let mut calls = self.calls.find(|call| call.service == Some(service));
        calls.sort_unstable();
        for id in calls {
            let Some(call) = self.calls.get(id) else { continue };
            if call.caller == Caller::Gone {
                continue;
            }
            let delivered = if call.is_unsent() { Delivered::No } else { Delivered::Unknown };
            let told = call.is_told();
            let lost = error(RequestCode::Lost, delivered, "the service was withdrawn");
            if self.reroute(id, &lost) {
                continue;
            }
            if told {
                self.detach_caller(id, Outcome::Error(lost), Bytes::new());
                let reason = AbortReason::ServiceClosed;
                self.deliveries.push(Event::Abort { call: id, reason });
            } else {
                self.settle(id, Outcome::Error(lost), Bytes::new());
            }
        }
    }

    /// Gives up everything that the application has asked.
    pub(in crate::process) fn cancel_all(&mut self) {
        let mut calls: Vec<CallId> = self.keys.iter().map(|(_, call)| call).collect();
        calls.sort_unstable();
        for call in calls {
            self.give_up(call, RequestCode::Cancelled, "the registry was closed");
        }
    }

    /// Ends a request with an outcome, at both ends.
    pub(in crate::process) fn settle(&mut self, id: CallId, outcome: Outcome, extensions: Bytes) {
        self.detach_caller(id, outcome, extensions);
        self.release(id);
    }

    /// The local caller does not wait any longer.
    pub(in crate::process) fn give_up(
        &mut self,
        id: CallId,
        code: RequestCode,
        text: &str,
    ) -> Option<Delivered> {
        let call = self.calls.get(id)?;
        let delivered = if call.is_unsent() { Delivered::No } else { Delivered::Unknown };
        self.detach_caller(id, Outcome::Error(error(code, delivered, text)), Bytes::new());
        let reason = match code {
            RequestCode::Deadline => AbortReason::Deadline,
            _ => AbortReason::Cancelled,
        };
        self.abandon(id, reason);
        Some(delivered)
    }

    /// Nobody wants the outcome any more: what was not sent is taken back, the rest is cancelled.
    pub(in crate::process) fn abandon(&mut self, id: CallId, reason: AbortReason) {
        let Some(call) = self.calls.get_mut(id) else { return };
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
                let routes = self.registry.process(process).map_or(0, |entry| entry.routes.len());
                if reason != AbortReason::CallerGone || routes > 1 {
                    self.push(link, Out::Message(Message::Cancel { call: id.0 }));
                }
            }
        }
    }

    /// Tells a peer the outcome of its request.
    pub(in crate::process) fn answer(
        &mut self,
        link: LinkId,
        call: u64,
        outcome: Outcome,
        extensions: Bytes,
    ) {
        let ahead = self.limits.ahead();
        let Some(connection) = self.links.get_mut(&link).and_then(|state| state.linked_mut())
        else {
            return;
        };
        let max = connection.peer.as_ref().map_or(usize::MAX, |peer| peer.max_payload);
        let outcome = match outcome {
            Outcome::Response(content) | Outcome::Failure(content) if content.bytes.len() > max => {
                let text = format!("the result exceeds the {max} bytes that the caller accepts");
                Outcome::Error(error(RequestCode::TooLarge, Delivered::Yes, text))
            }
            outcome => outcome,
        };
        if connection.flows(OVERHEAD + outcome.size(), ahead) {
            connection.encoder.response(call, &outcome, &extensions, &mut connection.ready);
            connection.mark_dirty(&mut self.dirty);
        } else {
            let response = Out::Message(Message::Response { call, outcome, extensions });
            self.queue(link, response.detached());
        }
    }

    /// Largest content that the peer of a link takes.
    pub(in crate::process) fn accepted_by(&self, link: LinkId) -> usize {
        let connection = self.links.get(&link).and_then(|state| state.linked());
        let peer = connection.and_then(|connection| connection.peer.as_ref());
        peer.map_or(usize::MAX, |peer| peer.max_payload)
    }

    /// The caller gets the outcome; the handler, if it was told, goes on for itself.
    pub(in crate::process) fn detach_caller(
        &mut self,
        id: CallId,
        outcome: Outcome,
        extensions: Bytes,
    ) {
        let Some(call) = self.calls.get_mut(id) else { return };
        match std::mem::replace(&mut call.caller, Caller::Gone) {
            Caller::Local(key) => {
                self.keys.remove(key);
                if call.in_line {
                    self.leave_line(id);
                } else {
                    self.timers.clear(Timer::Call(id));
                }
                self.deliveries.push(Event::Outcome { key, outcome });
            }
            Caller::Link(link, wire) => {
                if let Some(connection) =
                    self.links.get_mut(&link).and_then(|state| state.linked_mut())
                {
                    connection.inbound.remove(wire);
                }
                self.answer(link, wire, outcome, extensions);
            }
            Caller::Gone => {}
        }
    }

    /// Its deadline is not among those of its timeout any more.
    pub(in crate::process) fn leave_line(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(id) else { return };
        if std::mem::take(&mut call.in_line) {
            let (timeout, calls) = (call.timeout, &self.calls);
            let waits = |id| calls.get(id).is_some_and(|call| call.in_line);
            self.deadlines.end(timeout, id, waits);
        }
    }

    /// Forgets a request; its slots are free.
    #[inline]
    pub(in crate::process) fn release(&mut self, id: CallId) {
        if !self.parked.is_empty() {
            self.parked.remove(&id);
        }
        let Some(call) = self.calls.remove(id) else { return };
        if let Some(service) = call.service.and_then(|no| self.registry.service_mut(no)) {
            service.running = service.running.saturating_sub(1);
        }
        match call.provider {
            Provider::Local if call.unsent => {
                let calls = &self.calls;
                self.deliveries.take_back_invoke(|call| calls.get(call).is_some());
            }
            Provider::Link(link) => self.leave_outbound(link),
            Provider::Nobody | Provider::Local => {}
        }
    }

    /// One request less is under way over a link.
    pub(in crate::process) fn leave_outbound(&mut self, link: LinkId) {
        if let Some(connection) =
            self.links.get_mut(&link).and_then(|state| state.connection.as_deref_mut())
        {
            connection.outbound = connection.outbound.saturating_sub(1);
        }
    }
}
