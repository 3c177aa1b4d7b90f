//! Requests and results that are passed on, or told, straight from the buffer they were read into.
//! Each function does all of it or nothing: if it returns false, the message takes the general way.

use crate::calls::{Call, Caller, Provider};
use crate::event::Asked;
use crate::ids::{CallId, LinkId, ServiceNo};
use crate::outbox::OVERHEAD;
use crate::registry::Named;
use crate::time::Time;
use crate::timers::Timer;
use crate::wire::{RequestView, ResultView};

use super::Process;
use super::announce::is_exported;
use super::receiving::Teller;

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
        let service = match view.target {
            Ok(no) => ServiceNo(no),
            Err(name) => match self.registry.count_named(name) {
                Named::One(no) => no,
                Named::Nobody | Named::Several => return false,
            },
        };
        let (Some(known), Some(exchange)) =
            (self.registry.service(service), self.exchanges.get(&state.exchange))
        else {
            return false;
        };
        let route = known.route();
        let provider = route.and_then(|(to, _)| self.links.get(&to));
        if known.ending
            || !is_exported(known, exchange, link, provider.map(|state| state.exchange))
            || !known.has_method(view.method)
        {
            return false;
        }
        let call = Call {
            caller: Caller::Link(link, view.call),
            process,
            service: Some(service),
            provider: route.map_or(Provider::Local, |(to, _)| Provider::Link(to)),
            deadline: now + view.remaining,
            timeout: view.remaining,
            parts: view.parts,
            untold: 0,
            stream: view.parts > 0,
            in_line: false,
            rest: None,
        };
        match (route, teller) {
            (Some((to, peer_no)), _) => self.relay_request(call, link, to, peer_no, view),
            (None, Some(teller)) => self.invoke_now(call, link, view, teller),
            (None, None) => None,
        }
        .is_some()
    }

    #[inline]
    fn relay_request(
        &mut self,
        call: Call,
        from: LinkId,
        to: LinkId,
        peer_no: u32,
        view: &RequestView<'_>,
    ) -> Option<()> {
        debug_assert_ne!(from, to, "a request never goes back");
        let (pending, ahead) = (self.limits.pending_requests, self.limits.ahead());
        let [Some(caller), Some(provider)] = self.links.get_disjoint_mut([&from, &to]) else {
            return None;
        };
        let connection = provider.linked_mut()?;
        if !connection.accepts(view.content.len())
            || connection.outbound >= pending
            || !connection.flows(OVERHEAD + view.content.len(), ahead)
            || !connection.introduce(&self.registry, call.process)
        {
            return None;
        }
        let (inbound, known) =
            (&mut caller.linked_mut()?.inbound, self.registry.service_mut(call.service?)?);
        known.running += 1;
        let process = Self::wire_no(call.process);
        let id = self.calls.insert(call);
        inbound.insert(view.call, id);
        let view = RequestView { call: id.0, caller: process, target: Ok(peer_no), ..*view };
        connection.encoder.request_view(&view, &mut connection.ready);
        connection.outbound += 1;
        connection.mark_dirty(&mut self.dirty);
        Some(())
    }

    #[inline]
    fn invoke_now(
        &mut self,
        call: Call,
        from: LinkId,
        view: &RequestView<'_>,
        teller: &mut dyn Teller,
    ) -> Option<()> {
        let service = call.service?;
        let (entry, known) = self.registry.process_and_service(call.process, service)?;
        let names = view.method.len() + entry.label.len();
        if !self.deliveries.is_empty()
            || known.running >= self.limits.running_requests
            || view.content.len() > self.limits.payload
            || !teller.has_room_for(view.content.len(), names)
        {
            return None;
        }
        let connection = self.links.get_mut(&from)?.linked_mut()?;
        known.running += 1;
        let id = self.calls.insert(call);
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
