//! What the application says, straight from the buffer that it staged it in. Each function does all
//! of it or nothing: if it returns false, the general way is to be taken, which also tells what is
//! wrong, if something is.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::collections::timers::Timer;
use crate::content::ContentRef;
use crate::ids::{CallId, ConnId, LinkId, ServiceNo, Str};
use crate::limits::{MAX_NAME, MAX_SUBJECT};
use crate::links::link::{Connection, Link};
use crate::links::outbound::outbox::OVERHEAD;
use crate::registry::table::{Named, OWN};
use crate::reports::interest::Destinations;
use crate::requests::call_table::{Call, Caller, Provider};
use crate::time::Time;
use crate::wire::{ReportView, RequestView, ResultView, SEGMENT_FROM, millis};

use crate::process::Process;
use crate::process::requests::request::{RequestOptions, TargetRef};

impl Process {
    /// As [`request`](Self::request), if that comes down to encoding it for a link on which nothing
    /// waits; what is borrowed is not needed afterwards. False: nothing was done, and it has to be
    /// `request`. So it is for services of this process, for arguments over 4 KiB, for streams and
    /// for requests that may wait for a provider.
    pub fn request_now(
        &mut self,
        now: Time,
        key: u64,
        target: TargetRef<'_>,
        method: &Str,
        content: ContentRef<'_>,
        options: RequestOptions,
    ) -> bool {
        self.end_run();
        let RequestOptions { timeout, wait, parts } = options;
        let size = content.bytes.len();
        let plain = !wait && parts == 0 && method.len() <= MAX_NAME;
        if !plain || self.closed || size > SEGMENT_FROM.min(self.limits.payload) {
            return false;
        }
        let service = match target {
            TargetRef::Name(name) => match self.registry.count_named(name) {
                Named::One(no) => no,
                Named::Nobody | Named::Several => return false,
            },
            TargetRef::Identity(id) => match self.registry.service_no(id) {
                Some(no) => no,
                None => return false,
            },
        };
        let (pending, ahead) = (self.limits.pending_requests, self.limits.ahead());
        let Some(known) = self.registry.service_mut(service) else { return false };
        let Some((link, peer_no)) = known.route() else { return false };
        let connection = self.links.get_mut(&link).and_then(|state| state.linked_mut());
        let Some(connection) = connection else { return false };
        // As `way_to` has it: the hub picks, and says whether the method exists.
        let picks = match target {
            TargetRef::Name(name) if connection.peer_is_server() => Some(name),
            _ => None,
        };
        if known.ending
            || (picks.is_none() && !known.has_method(method))
            || connection.outbound >= pending
            || !connection.accepts(size)
            || !connection.flows(OVERHEAD + size, ahead)
        {
            return false;
        }
        if picks.is_none() {
            known.running += 1;
        }
        connection.outbound += 1;
        let (id, call) = self.calls.insert_mut(Call {
            caller: Caller::Local(key),
            process: OWN,
            service: picks.is_none().then_some(service),
            provider: Provider::Link(link),
            deadline: now + timeout,
            timeout,
            parts,
            untold: 0,
            stream: false,
            in_line: true,
            rest: None,
        });
        if !self.deadlines.add(now, timeout, id) {
            call.in_line = false;
            self.timers.set(Timer::Call(id), call.deadline);
        }
        self.keys.insert(key, id);
        let view = RequestView {
            call: id.0,
            caller: Self::wire_no(OWN),
            target: picks.map_or(Ok(peer_no), Err),
            method,
            remaining: millis(timeout),
            parts,
            kind: content.kind,
            content: content.bytes,
        };
        connection.encoder.request_view(&view, &mut connection.ready);
        connection.mark_dirty(&mut self.dirty);
        true
    }

    /// As [`respond`](Self::respond) with a result, if that comes down to encoding it for a link on
    /// which nothing waits; `content` is not needed afterwards. False: nothing was done, and it has
    /// to be `respond`. So it is for callers in this process, and for results over 4 KiB.
    pub fn respond_now(&mut self, call: CallId, content: ContentRef<'_>) -> bool {
        self.end_run();
        let Some(known) = self.calls.get(call) else { return false };
        let Caller::Link(link, wire) = known.caller else { return false };
        let size = content.bytes.len();
        if !known.is_told() || size > SEGMENT_FROM.min(self.limits.payload) {
            return false;
        }
        let ahead = self.limits.ahead();
        let connection = self.links.get_mut(&link).and_then(|state| state.linked_mut());
        let Some(connection) = connection else { return false };
        if !connection.accepts(size) || !connection.flows(OVERHEAD + size, ahead) {
            return false;
        }
        connection.inbound.remove(wire);
        let view = ResultView { call: wire, kind: content.kind, content: content.bytes };
        connection.encoder.result_view(&view, &mut connection.ready);
        connection.mark_dirty(&mut self.dirty);
        self.release(call);
        true
    }

    /// As [`publish`](Self::publish) without a lifetime, if that comes down to encoding the report
    /// for links; what is borrowed is not needed afterwards. On links where something waits it is
    /// queued in a run with those before and after it. False: nothing was done, and it has to be
    /// `publish`. So it is while this process keeps values, for subjects to which it subscribes
    /// itself, and for contents over 4 KiB.
    pub fn publish_now(
        &mut self,
        service: ServiceNo,
        subject: &Str,
        content: ContentRef<'_>,
    ) -> bool {
        self.publish_or_join(service, subject, content, true)
    }

    /// As [`publish_now`](Self::publish_now); false also if it would have to join a run and may not.
    pub(in crate::process) fn publish_or_join(
        &mut self,
        service: ServiceNo,
        subject: &Str,
        content: ContentRef<'_>,
        may_join: bool,
    ) -> bool {
        let size = content.bytes.len();
        if size > SEGMENT_FROM || !self.goes_to_links_only(service, subject, size) {
            return false;
        }
        let Some(known) = self.registry.service(service) else { return false };
        let Some(publisher) = &known.publisher else { return false };
        let sequence = publisher.sequence + 1;
        let epoch = self.route_epoch;
        // Borrowed, not cloned: see wire/views.rs on atomic operations.
        let found;
        let plan = if let Some(plan) = known.subscribers.known_links(subject, epoch) {
            plan
        } else {
            found = self.planned_links(service, subject, epoch);
            &found
        };
        let (whole, ahead) = (OVERHEAD + size + subject.len(), self.limits.ahead());
        let takes = |connection: &Connection| {
            connection.flows(whole, ahead)
                && connection.accepts(size)
                && connection.has_told_service(service)
        };
        let view = ReportView {
            service: service.0,
            subject,
            sequence,
            kind: content.kind,
            content: content.bytes,
        };
        // A run that is under way must not be overtaken.
        let free = !self.run.is_open();
        if !(free && encode_report(&mut self.links, &mut self.dirty, plan, &view, takes)) {
            if !may_join {
                return false;
            }
            self.join_run(service, &view);
        }
        let known = self.registry.service_mut(service);
        if let Some(publisher) = known.and_then(|known| known.publisher.as_mut()) {
            publisher.sequence = sequence;
        }
        true
    }

    /// Whether a report without a lifetime concerns nothing but links: no error to be told, no value to
    /// be replaced, no subscription of this process.
    pub(in crate::process) fn goes_to_links_only(
        &self,
        service: ServiceNo,
        subject: &Str,
        size: usize,
    ) -> bool {
        size <= self.limits.payload
            && subject.len() <= MAX_SUBJECT
            && self.kept.0 == 0
            && self.subscriptions.attached(service).is_empty()
    }
}

/// Encodes a report for these links if all of them take it; false: for none.
#[inline]
fn encode_report(
    links: &mut FxHashMap<LinkId, Link>,
    dirty: &mut VecDeque<ConnId>,
    plan: &Destinations,
    view: &ReportView<'_>,
    takes: impl Fn(&Connection) -> bool,
) -> bool {
    if plan.len() > 1 {
        let mut states = plan.iter().map(|(link, _)| links.get(link));
        // One that is not in use gets nothing, now as ever.
        if !states.all(|state| state.and_then(Link::linked).is_none_or(&takes)) {
            return false;
        }
    }
    for (link, _) in plan.iter() {
        let connection = links.get_mut(link).and_then(Link::linked_mut);
        let Some(connection) = connection else { continue };
        if plan.len() == 1 && !takes(connection) {
            return false;
        }
        connection.encoder.report_view(view.service, view, &mut connection.ready);
        connection.mark_dirty(dirty);
    }
    true
}
