//! Requests and results that are passed on, or told, straight from the buffer they were read into.
//! Each function does all of it or nothing: if it returns false, the message takes the general way.

use crate::calls::{Call, Caller, Provider};
use crate::event::Asked;
use crate::ids::{CallId, LinkId, ProcessNo, ServiceNo};
use crate::outbox::OVERHEAD;
use crate::registry::Named;
use crate::time::Time;
use crate::timers::Timer;
use crate::way::Way;
use crate::wire::{RequestView, ResultView};

use super::Process;
use super::receiving::Teller;

/// A request that is passed on or told.
struct Passed {
    from: LinkId,
    /// The calling process.
    process: ProcessNo,
    service: ServiceNo,
    deadline: Time,
}

impl Passed {
    #[inline]
    fn call(&self, view: &RequestView<'_>, provider: Provider) -> Call {
        Call {
            caller: Caller::Link(self.from, view.call),
            process: self.process,
            service: Some(self.service),
            provider,
            deadline: self.deadline,
            timeout: view.remaining,
            parts: view.parts,
            untold: 0,
            stream: view.parts > 0,
            in_line: false,
            rest: None,
        }
    }
}

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
        let Some(state) = self.links.get(&link) else { return false };
        let Some(connection) = state.linked() else { return false };
        let Some(process) = connection.process_of(view.caller) else { return false };
        if (view.caller != 0 && !connection.peer_is_server())
            || connection.inbound.len() >= pending
            || connection.inbound.get(view.call).is_some()
        {
            return false;
        }
        let (service, route) = match &connection.way {
            Some(way) if way.is_for(view, self.registry.epoch()) => (way.service, way.route),
            _ => match self.find_way(link, view) {
                Some(found) => found,
                None => return false,
            },
        };
        let call = Passed { from: link, process, service, deadline: now + view.remaining };
        match (route, teller) {
            (Some((to, peer_no)), _) => self.relay_request(&call, to, peer_no, view),
            (None, Some(teller)) => self.invoke_now(&call, view, teller),
            (None, None) => None,
        }
        .is_some()
    }

    /// Where a request goes: the service, and the link to it with the peer's number.
    fn find_way(
        &mut self,
        link: LinkId,
        view: &RequestView<'_>,
    ) -> Option<(ServiceNo, Option<(LinkId, u32)>)> {
        let service = match view.target {
            Ok(no) => ServiceNo(no),
            Err(name) => match self.registry.count_named(name) {
                Named::One(no) => no,
                Named::Nobody | Named::Several => return None,
            },
        };
        let known = self.registry.service(service)?;
        if !self.may_ask(service, Caller::Link(link, view.call)) || !known.has_method(view.method) {
            return None;
        }
        let route = known.route();
        let way = Way {
            epoch: self.registry.epoch(),
            target: view.target.map_err(Clone::clone),
            method: view.method.clone(),
            service,
            route,
        };
        let connection = self.links.get_mut(&link)?.linked_mut()?;
        match &mut connection.way {
            Some(known) => **known = way,
            none => *none = Some(Box::new(way)),
        }
        Some((service, route))
    }

    #[inline]
    fn relay_request(
        &mut self,
        request: &Passed,
        to: LinkId,
        peer_no: u32,
        view: &RequestView<'_>,
    ) -> Option<()> {
        let (pending, ahead) = (self.limits.pending_requests, self.limits.ahead());
        let connection = self.links.get_mut(&to)?.linked_mut()?;
        if !connection.accepts(view.content.len())
            || connection.outbound >= pending
            || !connection.flows(OVERHEAD + view.content.len(), ahead)
            || !connection.introduce(&self.registry, request.process)
        {
            return None;
        }
        self.registry.service_mut(request.service)?.running += 1;
        let id = self.calls.insert(request.call(view, Provider::Link(to)));
        let caller = Self::wire_no(request.process);
        let frame = RequestView { call: id.0, caller, target: Ok(peer_no), ..*view };
        connection.encoder.request_view(&frame, &mut connection.ready);
        connection.outbound += 1;
        connection.mark_dirty(&mut self.dirty);
        if let Some(caller) = self.links.get_mut(&request.from).and_then(|state| state.linked_mut())
        {
            caller.inbound.insert(view.call, id);
        }
        Some(())
    }

    #[inline]
    fn invoke_now(
        &mut self,
        request: &Passed,
        view: &RequestView<'_>,
        teller: &mut dyn Teller,
    ) -> Option<()> {
        let service = request.service;
        let (entry, known) = self.registry.process_and_service(request.process, service)?;
        let names = view.method.len() + entry.label.len();
        if !self.deliveries.is_empty()
            || known.running >= self.limits.running_requests
            || view.content.len() > self.limits.payload
            || !teller.has_room_for(view.content.len(), names)
        {
            return None;
        }
        let connection = self.links.get_mut(&request.from)?.linked_mut()?;
        known.running += 1;
        let id = self.calls.insert(request.call(view, Provider::Local));
        connection.inbound.insert(view.call, id);
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
        Some(())
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
                let view = ResultView { call: wire, ..*view };
                connection.encoder.result_view(&view, &mut connection.ready);
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
