//! Requests and results that are passed on, or told, straight from the buffer they were read into.
//! Each function does all of it or nothing: if it returns false, the message takes the general way.

use crate::calls::{Call, Caller, Provider};
use crate::event::Asked;
use crate::ids::{CallId, LinkId, ServiceNo};
use crate::outbox::OVERHEAD;
use crate::registry::{Named, Service};
use crate::time::Time;
use crate::timers::Timer;
use crate::wire::{RequestView, ResultView};

use super::Process;
use super::receiving::Teller;
use super::writing::introduce;

impl Process {
    /// A request whose provider is beyond another link that flows, or a handler here that is told
    /// at once.
    pub(super) fn pass_request(
        &mut self,
        now: Time,
        link: LinkId,
        view: &RequestView<'_>,
        teller: Option<&mut dyn Teller>,
    ) -> bool {
        let pending = self.limits.pending_requests;
        let Some(connection) = self.links.get(&link).and_then(|state| state.linked()) else {
            return false;
        };
        let Some(process) = connection.process_of(view.caller) else { return false };
        if (view.caller != 0 && !connection.peer_is_server())
            || connection.inbound.len() >= pending
            || connection.inbound.get(view.call).is_some()
        {
            return false;
        }
        let caller = Caller::Link(link, view.call);
        let service = match view.target {
            Ok(no) => ServiceNo(no),
            Err(name) => match self.registry.count_named(name) {
                Named::One(no) => no,
                Named::Nobody | Named::Several => return false,
            },
        };
        if !self.may_ask(service, caller) {
            return false;
        }
        let Some(known) = self.registry.service(service) else { return false };
        if !known.has_method(view.method) {
            return false;
        }
        let route = known.route();
        let call = Call {
            caller,
            process,
            service: Some(service),
            provider: Provider::Local,
            deadline: now + view.remaining,
            timeout: view.remaining,
            parts: view.parts,
            untold: 0,
            stream: view.parts > 0,
            in_line: false,
            rest: None,
        };
        let id = match (route, teller) {
            (Some((to, peer_no)), _) => self.relay_request(call, to, peer_no, view),
            (None, Some(teller)) => self.invoke_now(call, view, teller),
            (None, None) => None,
        };
        let Some(id) = id else { return false };
        if let Some(known) = self.registry.service_mut(service) {
            known.running += 1;
        }
        if let Some(connection) = self.links.get_mut(&link).and_then(|state| state.linked_mut()) {
            connection.inbound.insert(view.call, id);
        }
        true
    }

    fn relay_request(
        &mut self,
        mut call: Call,
        to: LinkId,
        peer_no: u32,
        view: &RequestView<'_>,
    ) -> Option<CallId> {
        let (pending, ahead) = (self.limits.pending_requests, self.limits.ahead());
        let connection = self.links.get_mut(&to)?.linked_mut()?;
        if !connection.accepts(view.content.len())
            || connection.outbound >= pending
            || !connection.flows(OVERHEAD + view.content.len(), ahead)
        {
            return None;
        }
        let mut ready = std::mem::take(&mut connection.ready);
        let known = introduce(&self.registry, connection, call.process, &mut ready);
        if known {
            let process = Self::wire_no(call.process);
            call.provider = Provider::Link(to);
            let id = self.calls.insert(call);
            connection.encoder.request_view(id.0, process, peer_no, view, &mut ready);
            connection.ready = ready;
            connection.outbound += 1;
            connection.mark_dirty(&mut self.dirty);
            return Some(id);
        }
        connection.ready = ready;
        None
    }

    fn invoke_now(
        &mut self,
        call: Call,
        view: &RequestView<'_>,
        teller: &mut dyn Teller,
    ) -> Option<CallId> {
        let service = call.service?;
        let entry = self.registry.process(call.process)?;
        let running = self.registry.service(service).map_or(usize::MAX, Service::running);
        let names = view.method.len() + entry.label.len();
        if !self.deliveries.is_empty()
            || running >= self.limits.running_requests
            || view.content.len() > self.limits.payload
            || !teller.has_room_for(view.content.len(), names)
        {
            return None;
        }
        let id = self.calls.insert(call);
        teller.invoke(&Asked {
            call: id,
            service,
            method: view.method,
            caller: entry.id,
            caller_label: &entry.label,
            remaining: view.remaining,
            parts: view.parts,
            kind: view.kind,
            content: view.content,
        });
        Some(id)
    }

    /// The result of a request that came over another link that flows, or of the application's own.
    pub(super) fn pass_result(
        &mut self,
        link: LinkId,
        view: &ResultView<'_>,
        teller: Option<&mut dyn Teller>,
    ) -> bool {
        let id = CallId(view.call);
        let Some(call) = self.calls.get(id) else { return false };
        if !call.is_sent_over(link) {
            return false;
        }
        match (call.caller, teller) {
            (Caller::Link(to, wire), _) => {
                let ahead = self.limits.ahead();
                let connection = self.links.get_mut(&to).and_then(|state| state.linked_mut());
                let Some(connection) = connection else { return false };
                if !connection.accepts(view.content.len())
                    || !connection.flows(OVERHEAD + view.content.len(), ahead)
                {
                    return false;
                }
                connection.inbound.remove(wire);
                connection.encoder.result_view(wire, view, &mut connection.ready);
                connection.mark_dirty(&mut self.dirty);
            }
            (Caller::Local(key), Some(teller)) => {
                let in_line = call.in_line;
                if !self.deliveries.is_empty() || !teller.has_room_for(view.content.len(), 0) {
                    return false;
                }
                self.keys.remove(&key);
                if in_line {
                    self.leave_line(id);
                } else {
                    self.timers.clear(Timer::Call(id));
                }
                teller.result(key, view.kind, view.content);
            }
            _ => return false,
        }
        self.release(id);
        true
    }
}
