//! Requests and results that are passed on, or told, straight from the buffer they were read into.
//! Each function does all of it or nothing: if it returns false, the message takes the general way.

use std::time::Duration;

use crate::collections::timers::Timer;
use crate::delivery::event::Asked;
use crate::ids::{CallId, LinkId, ServiceNo};
use crate::links::outbound::outbox::OVERHEAD;
use crate::registry::table::Named;
use crate::requests::call_table::{Call, Caller, Provider};
use crate::requests::route_cache::RouteCache;
use crate::time::Time;
use crate::wire::{RequestView, ResultView};

use crate::process::Process;
use crate::process::ingress::Teller;

impl Process {
    /// A request whose provider is beyond another link that flows, or a handler here that is told
    /// at once.
    pub(in crate::process) fn pass_request(
        &mut self,
        now: Time,
        link: LinkId,
        view: &RequestView<'_>,
        teller: Option<&mut dyn Teller>,
    ) -> bool {
        let pending = self.limits.pending_requests;
        let connection = self.links.get_mut(&link).and_then(|state| state.linked_mut());
        let Some(connection) = connection else { return false };
        let Some(process) = connection.process_of(view.caller) else { return false };
        if (view.caller != 0 && !connection.peer_is_server())
            || connection.inbound.len() >= pending
            || connection.inbound.get(view.call).is_some()
        {
            return false;
        }
        let epoch = self.registry.epoch();
        let way = connection.way.as_deref().filter(|way| way.is_for(view, epoch));
        let Some(&RouteCache { service, route, .. }) = way else {
            // From now on it is known.
            return self.find_way(link, view) && self.pass_request(now, link, view, teller);
        };
        let provider = route.map_or(Provider::Local, |(to, _)| Provider::Link(to));
        let call = Call {
            caller: Caller::Link(link, view.call),
            process,
            service: Some(service),
            provider,
            deadline: now.after_millis(view.remaining),
            timeout: Duration::ZERO,
            parts: view.parts,
            untold: 0,
            stream: view.parts > 0,
            in_line: false,
            rest: None,
        };
        let teller = match (route, teller) {
            (None, Some(teller)) => teller,
            (None, None) => return false,
            (Some((to, peer_no)), _) => {
                let Some(id) = self.relay_request(call, to, peer_no, view) else { return false };
                if let Some(caller) = self.links.get_mut(&link).and_then(|state| state.linked_mut())
                {
                    caller.inbound.insert(view.call, id);
                }
                return true;
            }
        };
        let Some((entry, known)) = self.registry.process_and_service(process, service) else {
            return false;
        };
        let names = view.method.len() + entry.label.len();
        if !self.deliveries.is_empty()
            || known.running >= self.limits.running_requests
            || view.content.len() > self.limits.payload
            || !teller.has_room_for(view.content.len(), names)
        {
            return false;
        }
        known.running += 1;
        let id = self.calls.insert(call);
        connection.inbound.insert(view.call, id);
        teller.invoke(&Asked {
            call: id,
            service,
            method: view.method,
            caller: entry.id,
            caller_label: &entry.label,
            remaining: Duration::from_millis(view.remaining.into()),
            parts: view.parts,
            kind: view.kind,
            content: view.content,
        });
        true
    }

    /// Where a request goes; false: nowhere, or it is not to be said once and for all.
    fn find_way(&mut self, link: LinkId, view: &RequestView<'_>) -> bool {
        let service = match view.target {
            Ok(no) => ServiceNo(no),
            Err(name) => match self.registry.count_named(name) {
                Named::One(no) => no,
                Named::Nobody | Named::Several => return false,
            },
        };
        let Some(known) = self.registry.service(service) else { return false };
        if !self.may_ask(service, Caller::Link(link, view.call)) || !known.has_method(view.method) {
            return false;
        }
        let way = RouteCache {
            epoch: self.registry.epoch(),
            target: view.target.map_err(Clone::clone),
            method: view.method.clone(),
            service,
            route: known.route(),
        };
        let connection = self.links.get_mut(&link).and_then(|state| state.linked_mut());
        let Some(connection) = connection else { return false };
        match &mut connection.way {
            Some(known) => **known = way,
            none => *none = Some(Box::new(way)),
        }
        true
    }

    #[inline]
    fn relay_request(
        &mut self,
        call: Call,
        to: LinkId,
        peer_no: u32,
        view: &RequestView<'_>,
    ) -> Option<CallId> {
        let (pending, ahead) = (self.limits.pending_requests, self.limits.ahead());
        let connection = self.links.get_mut(&to)?.linked_mut()?;
        if !connection.accepts(view.content.len())
            || connection.outbound >= pending
            || !connection.flows(OVERHEAD + view.content.len(), ahead)
            || !connection.introduce(&self.registry, call.process)
        {
            return None;
        }
        self.registry.service_mut(call.service?)?.running += 1;
        let caller = Self::wire_no(call.process);
        let id = self.calls.insert(call);
        let frame = RequestView { call: id.0, caller, target: Ok(peer_no), ..*view };
        connection.encoder.request_view(&frame, &mut connection.ready);
        connection.outbound += 1;
        connection.mark_dirty(&mut self.dirty);
        Some(id)
    }

    /// The result of a request that came over another link that flows, or of the application's own.
    pub(in crate::process) fn pass_result(
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
                self.keys.remove(key);
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
