//! From a link's outbox to bytes: numbers are introduced, cursors produce, symbols abbreviate.

use crate::ids::{CallId, ConnId, LinkId, ProcessNo};
use crate::links::Links;
use crate::links::connection::Connection;
use crate::links::phase::Phase;
use crate::policy::{Policy, Rules};
use crate::registry::Registry;
use crate::reports::Reports;
use crate::requests::Requests;
use crate::requests::call_table::Provider;
use crate::requests::route_cache::Goal;
use crate::time::Time;
use crate::wire::{
    AnnouncementRef, Message, RequestRef, RequestTargetRef, SEGMENT_FROM, SendBuffer, Subscriber,
    millis,
};

use super::outbox::Out;
use super::{Outbound, Snapshot};

/// How far [`Process::poll_write`](crate::Process::poll_write) came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The budget is used up; call again. If all that is left is what happens to services, the
    /// connection comes up in [`Process::poll_dirty`](crate::Process::poll_dirty) as soon as there
    /// is something else.
    More,
    /// Nothing is left; the connection comes up again in
    /// [`Process::poll_dirty`](crate::Process::poll_dirty).
    Drained,
}

/// What entries are made bytes from.
pub(crate) struct Sources<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) registry: &'a Registry,
    pub(crate) reports: &'a mut Reports,
    pub(crate) requests: &'a mut Requests,
}

impl Links {
    /// See [`Process::poll_write`](crate::Process::poll_write).
    pub(crate) fn poll_write(
        &mut self,
        now: Time,
        conn: ConnId,
        out: &mut SendBuffer,
        (budget, only_awaited): (usize, bool),
        sources: &mut Sources<'_>,
    ) -> Progress {
        self.end_batch();
        let Some(link) = self.link_of(conn) else { return Progress::Drained };
        // Taken out while the other links are consulted.
        let taken = self.table.get_mut(link).and_then(|state| state.connection.take());
        let Some(mut connection) = taken else { return Progress::Drained };
        let outbound = &mut connection.out;
        let before = out.len();
        if outbound.last_progress == Time::NEVER || (outbound.unwritten == 0 && before == 0) {
            outbound.last_progress = now;
        }
        let told = if self.changes.is_empty() { None } else { outbound.position() };
        if told.is_some() {
            outbound.note_snapshot(self.changes.end());
        }
        out.append(&mut outbound.ready);
        let mut progress = Progress::More;
        connection.out.looked = 0;
        // What was looked at in vain takes time, too.
        while out.len() < budget && (connection.out.looked < budget || out.is_empty()) {
            if only_awaited && connection.out.has_only_changes() {
                break;
            }
            if !self.encode_next(now, link, &mut connection, out, sources) {
                connection.out.dirty = false;
                progress = Progress::Drained;
                break;
            }
        }
        let Connection { phase, out: outbound, .. } = &mut *connection;
        outbound.has_more = progress == Progress::More;
        if outbound.has_more && outbound.has_only_changes() {
            // Messages do not wait until it is asked for more.
            outbound.dirty = false;
        }
        if out.len() > before {
            outbound.last_sent = now;
        }
        outbound.unwritten = out.len();
        if out.len() >= SEGMENT_FROM {
            outbound.unwritten_alone = out.alone();
        }
        if !outbound.is_writing(phase) {
            outbound.last_progress = Time::NEVER;
        }
        let closing = matches!(phase, Phase::Closing { .. });
        let mut released = Vec::new();
        if let (Some(from), Some(to)) = (told, outbound.position()) {
            self.changes.advance(from, to);
            released = self.changes.take_released();
        }
        let popped = outbound.outbox.has_popped();
        if let Some(state) = self.table.get_mut(link) {
            state.connection = Some(connection);
        }
        if !released.is_empty() {
            self.release(now, released);
        }
        if popped {
            self.note_popped(now, link);
        }
        if !closing && out.len() > before {
            self.arm_writing(link, now);
        }
        progress
    }

    /// What waited in an outbox has left.
    #[inline(never)] // Kept out of the way of links for which nothing waits.
    fn note_popped(&mut self, now: Time, link: LinkId) {
        let Some(Connection { out, .. }) = self.connection_mut(link) else { return };
        out.recount();
        let released = out.outbox.take_released();
        self.release(now, released);
        self.relieve();
    }

    /// Encodes one thing; false: there is nothing.
    fn encode_next(
        &self,
        now: Time,
        link: LinkId,
        connection: &mut Connection,
        out: &mut SendBuffer,
        sources: &mut Sources<'_>,
    ) -> bool {
        let Connection { phase, out: outbound, .. } = connection;
        if *phase == Phase::Opening {
            return false;
        }
        if let Some(message) = outbound.pop_urgent() {
            outbound.encoder.encode(&message, out);
            return true;
        }
        match phase {
            Phase::Handshake | Phase::Authorising => return false,
            Phase::Syncing | Phase::Active(_) => {
                if outbound.snapshot != Snapshot::Done {
                    self.encode_snapshot(link, connection, out, sources);
                    return true;
                }
                if let Some(replays) = outbound.replays.as_deref_mut() {
                    let question = sources.reports.next_question(sources.registry, link, replays);
                    if replays.is_idle() {
                        outbound.replays = None;
                    }
                    if let Some(question) = question {
                        outbound.encoder.encode(&question, out);
                        return true;
                    }
                }
            }
            Phase::Opening | Phase::Closing { .. } => {}
        }
        if outbound.is_answer_due(matches!(phase, Phase::Closing { .. })) {
            let max_payload = connection.max_payload();
            connection.out.encode_answer(now, out, sources, max_payload);
            return true;
        }
        let before = out.len();
        if outbound.is_change_due() {
            self.encode_change(link, outbound, out, sources);
            outbound.pay_for_changes(out.len() - before, self.changes.end());
        } else {
            let Some(entry) = outbound.outbox.pop() else { return false };
            outbound.encode_entry(now, link, entry, out, sources);
            outbound.share_with_changes(out.len() - before);
        }
        outbound.pay_answers(out.len() - before);
        true
    }

    /// The snapshot's next service or interest, or its mark.
    fn encode_snapshot(
        &self,
        link: LinkId,
        connection: &mut Connection,
        out: &mut SendBuffer,
        sources: &Sources<'_>,
    ) {
        let is_told_interests = connection.capabilities().relays_for_us;
        let outbound = &mut connection.out;
        match outbound.snapshot {
            Snapshot::Waiting | Snapshot::Done => {}
            Snapshot::Services(cursor) => {
                if let Some(service) = sources.registry.services.after(cursor) {
                    outbound.snapshot = Snapshot::Services(service.no);
                    let Sources { rules, registry, .. } = sources;
                    let policy = Policy { rules, registry, links: self };
                    if policy.exports(service, link) {
                        let (announcement, process) = (service.announcement(), service.process);
                        outbound.encode_service(&announcement, process, out, sources);
                    }
                } else {
                    outbound.end_services(self.changes.end());
                    outbound.snapshot = Snapshot::Interests(0);
                }
            }
            Snapshot::Interests(cursor) => {
                let next = sources.reports.interests.after(cursor).filter(|_| is_told_interests);
                if let Some((id, interest)) = next {
                    let (target, pattern, latest) = interest.clone();
                    let message = Message::Interest { id, target, pattern, latest };
                    outbound.snapshot = Snapshot::Interests(id);
                    outbound.encoder.encode(&message, out);
                } else {
                    outbound.snapshot = Snapshot::Done;
                    outbound.encoder.encode(&Message::Synced, out);
                }
            }
        }
    }
}

impl Outbound {
    fn encode_entry(
        &mut self,
        now: Time,
        link: LinkId,
        entry: Out,
        out: &mut SendBuffer,
        sources: &mut Sources<'_>,
    ) {
        let processes = &sources.registry.processes;
        match entry {
            Out::Nothing => {}
            Out::Changes { upto, .. } => self.postpone_changes(upto),
            Out::Message(message) => self.encoder.encode(&message, out),
            Out::Subscriber { added, service, process, want } => {
                if added && !self.introduce_in(processes, process, out) {
                    return;
                }
                if !self.has_introduced(process) {
                    return;
                }
                let (pattern, latest) = (want.pattern.text().clone(), want.latest);
                let change = Subscriber { service, process: process.0, pattern, latest };
                let message = if added {
                    Message::SubscriberAdded(change)
                } else {
                    Message::SubscriberRemoved(change)
                };
                self.encoder.encode(&message, out);
            }
            Out::Replays(row) => self.replays.get_or_insert_default().add(row),
            Out::ReplayRequest { service, process, replay, pattern, after, upto } => {
                if self.introduce_in(processes, process, out) {
                    let process = process.0;
                    let message =
                        Message::ReplayRequest { service, process, replay, pattern, after, upto };
                    self.encoder.encode(&message, out);
                }
            }
            Out::Request(call) => self.encode_request(now, link, call, out, sources),
            Out::Targeted(process, report) => {
                self.encoder.targeted(process, &report.by_ref(), out);
            }
            Out::Lost { service, subject, count } => {
                self.encoder.encode(&Message::Lost { service, subject, count }, out);
            }
            Out::Report { report, shared, .. } => {
                self.encoder.report(&report.by_ref(), out);
                if shared && report.content.bytes.len() >= SEGMENT_FROM {
                    out.note_shared(report.content.bytes.len());
                }
            }
            Out::Batch(batch) => batch.encode(&mut self.encoder, out),
            Out::Replay(cursor) => self.start_answer(cursor),
        }
    }

    pub(super) fn encode_service(
        &mut self,
        service: &AnnouncementRef<'_>,
        process: ProcessNo,
        out: &mut SendBuffer,
        sources: &Sources<'_>,
    ) {
        if self.introduce_in(&sources.registry.processes, process, out) {
            self.encoder.service(service, out);
        }
    }

    /// A request, unless it has ended or was given to another link meanwhile.
    fn encode_request(
        &mut self,
        now: Time,
        link: LinkId,
        id: CallId,
        out: &mut SendBuffer,
        sources: &mut Sources<'_>,
    ) {
        let sent = sources.requests.calls.send(id, Provider::Link(link));
        let Some((call, rest)) = sent else { return };
        self.outbox.request_left(rest.size());
        if self.introduce_in(&sources.registry.processes, call.process, out) {
            let target = match (&rest.goal, rest.number) {
                (Goal::Name(name), None) => RequestTargetRef::Name(name),
                (_, number) => RequestTargetRef::Service(number.unwrap_or_default()),
            };
            let request = RequestRef {
                call: id.0,
                caller: call.process.0,
                target,
                method: &rest.method,
                remaining: millis(call.deadline.since(now)),
                parts: call.parts,
                content: rest.content.by_ref(),
                extensions: &rest.extensions,
            };
            self.encoder.request(&request, out);
        }
    }
}
