//! From a link's outbox to bytes: numbers are introduced, cursors produce, symbols abbreviate.

use std::collections::VecDeque;

use crate::content::Content;
use crate::ids::{CallId, ConnId, LinkId, ProcessNo};
use crate::links::link::{Connection, Phase, Snapshot};
use crate::links::outbound::outbox::{Out, ReplayCursor};
use crate::registry::table::{OWN, Registry};
use crate::reports::retained::RetainedValue;
use crate::requests::call_table::{Call, Goal, Provider, Rest};
use crate::time::Time;
use crate::wire::{
    Announcement, Asked, Message, ProcessInfo, Report, RequestFrame, Subscriber, WriteBatch,
};

use crate::process::Process;
use crate::process::registry::announcements::announcement;

/// How far [`Process::poll_write`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The budget is used up; call again.
    More,
    /// Nothing is left; the connection comes up again in [`Process::poll_dirty`].
    Drained,
}

impl Process {
    /// Encodes what is queued for a connection into `out`, until about `budget` bytes are in it.
    ///
    /// What has been encoded must be written whole and in order; report it to
    /// [`handle_written`](Self::handle_written).
    pub fn poll_write(
        &mut self,
        now: Time,
        conn: ConnId,
        out: &mut WriteBatch,
        budget: usize,
    ) -> Progress {
        let Some(link) = self.conns.get(&conn).copied() else { return Progress::Drained };
        // Taken out while the rest of the process is consulted.
        let Some(mut connection) = self.links.get_mut(&link).and_then(|l| l.connection.take())
        else {
            return Progress::Drained;
        };
        let before = out.len();
        if connection.last_progress == Time::NEVER || (connection.unwritten == 0 && before == 0) {
            connection.last_progress = now;
        }
        out.append(&mut connection.ready);
        let mut progress = Progress::More;
        while out.len() < budget {
            if !self.encode_next(now, link, &mut connection, out) {
                connection.dirty = false;
                progress = Progress::Drained;
                break;
            }
        }
        if out.len() > before {
            connection.last_sent = now;
        }
        connection.unwritten = out.len();
        if !connection.is_writing() {
            connection.last_progress = Time::NEVER;
        }
        let closing = matches!(connection.phase, Phase::Closing { .. });
        if let Some(state) = self.links.get_mut(&link) {
            state.connection = Some(connection);
        }
        if !closing && out.len() > before {
            self.arm_writing(link, now);
        }
        progress
    }

    /// The transport took bytes; `unwritten` are left in the connection's batch.
    pub fn handle_written(&mut self, now: Time, conn: ConnId, unwritten: usize) {
        let Some(link) = self.conns.get(&conn) else { return };
        let Some(connection) =
            self.links.get_mut(link).and_then(|state| state.connection.as_deref_mut())
        else {
            return;
        };
        if unwritten < connection.unwritten || unwritten == 0 {
            connection.last_progress = now;
        }
        connection.unwritten = unwritten;
        if !connection.is_writing() {
            connection.last_progress = Time::NEVER;
        }
    }

    /// Encodes one thing; false: there is nothing.
    fn encode_next(
        &mut self,
        now: Time,
        link: LinkId,
        connection: &mut Connection,
        out: &mut WriteBatch,
    ) -> bool {
        if connection.phase == Phase::Opening {
            return false;
        }
        if let Some(message) = connection.urgent.pop_front() {
            if connection.urgent.is_empty() {
                // An idle link owns no memory for it: most have nothing to say but heartbeats.
                connection.urgent = VecDeque::new();
            }
            connection.encoder.encode(&message, out);
            return true;
        }
        match connection.phase {
            Phase::Handshake | Phase::Authorising => return false,
            Phase::Syncing | Phase::Active(_) if connection.snapshot != Snapshot::Done => {
                self.encode_snapshot(link, connection, out);
                return true;
            }
            _ => {}
        }
        if let Phase::Syncing | Phase::Active(_) = connection.phase
            && let Some(message) = self.next_ask(link, connection)
        {
            connection.encoder.encode(&message, out);
            return true;
        }
        let Some(entry) = connection.outbox.pop() else { return false };
        self.encode_entry(now, link, connection, entry, out);
        true
    }

    /// The snapshot's next service or interest, or its mark.
    fn encode_snapshot(&mut self, link: LinkId, connection: &mut Connection, out: &mut WriteBatch) {
        match connection.snapshot {
            Snapshot::Waiting | Snapshot::Done => {}
            Snapshot::Services(cursor) => match self.registry.after(cursor) {
                Some(service) => {
                    connection.snapshot = Snapshot::Services(service.no);
                    if self.exports(service, link) {
                        let process = service.process;
                        let announcement = announcement(service);
                        self.encode_service(connection, announcement, process, out);
                    }
                }
                None => connection.snapshot = Snapshot::Interests(0),
            },
            Snapshot::Interests(cursor) => {
                let next = self.interests.after(cursor).filter(|_| connection.peer_is_server());
                if let Some((id, interest)) = next {
                    let (target, pattern, latest) = interest.clone();
                    let message = Message::Interest { id, target, pattern, latest };
                    connection.snapshot = Snapshot::Interests(id);
                    connection.encoder.encode(&message, out);
                } else {
                    connection.snapshot = Snapshot::Done;
                    connection.encoder.encode(&Message::Synced, out);
                }
            }
        }
    }

    fn encode_entry(
        &mut self,
        now: Time,
        link: LinkId,
        connection: &mut Connection,
        entry: Out,
        out: &mut WriteBatch,
    ) {
        match entry {
            Out::Nothing => {}
            Out::Message(message) => connection.encoder.encode(&message, out),
            Out::Announce(announcement, process) => {
                self.encode_service(connection, (*announcement).clone(), process, out);
            }
            Out::ProcessGone(process) => {
                if connection.introduced.remove(&process) {
                    connection.last_introduced = OWN;
                    let process = Self::wire_no(process);
                    connection.encoder.encode(&Message::ProcessGone { process }, out);
                }
            }
            Out::Subscriber { added, service, process, want } => {
                if added && !introduce(&self.registry, connection, process, out) {
                    return;
                }
                if process != OWN && !connection.introduced.contains(&process) {
                    return;
                }
                let change = Subscriber {
                    service,
                    process: Self::wire_no(process),
                    pattern: want.pattern.text().clone(),
                    latest: want.latest,
                };
                let message = if added {
                    Message::SubscriberAdded(change)
                } else {
                    Message::SubscriberRemoved(change)
                };
                connection.encoder.encode(&message, out);
            }
            Out::ReplayQueue(row) => connection.asks.get_or_insert_default().add(row),
            Out::ReplayRequest { service, process, replay, pattern, after, upto } => {
                if introduce(&self.registry, connection, process, out) {
                    let process = Self::wire_no(process);
                    let message =
                        Message::ReplayRequest { service, process, replay, pattern, after, upto };
                    connection.encoder.encode(&message, out);
                }
            }
            Out::Request(call) => self.encode_request(now, link, connection, call, out),
            Out::Targeted(process, report) => connection.encoder.targeted(process, &report, out),
            Out::Lost { service, subject, count } => {
                let message = Message::Lost { service, subject, count };
                connection.encoder.encode(&message, out);
            }
            Out::Report { report, .. } => {
                let Report { service, subject, sequence, content, extensions } = &report;
                connection.encoder.report(*service, subject, *sequence, content, extensions, out);
            }
            Out::Batch(run) => run.encode(&mut connection.encoder, out),
            Out::Replay(cursor) => self.encode_replay(now, connection, cursor, out),
        }
    }

    fn encode_service(
        &self,
        connection: &mut Connection,
        announcement: Announcement,
        process: ProcessNo,
        out: &mut WriteBatch,
    ) {
        if introduce(&self.registry, connection, process, out) {
            connection.encoder.encode(&Message::Service(announcement), out);
        }
    }

    /// A request, unless it has ended or was given to another link meanwhile.
    fn encode_request(
        &mut self,
        now: Time,
        link: LinkId,
        connection: &mut Connection,
        id: CallId,
        out: &mut WriteBatch,
    ) {
        let Some(call) = self.calls.get_mut(id) else { return };
        if !matches!(call.provider, Provider::Link(provider) if provider == link) {
            return;
        }
        let Some(content) = call.take_content() else { return };
        if introduce(&self.registry, connection, call.process, out)
            && let Some(rest) = &call.rest
        {
            let frame = request_frame(now, id, call, rest, &content);
            connection.encoder.request(&frame, out);
        }
        call.drop_rest();
    }

    /// One kept value, or the mark when there is none left. A value that was replaced since the
    /// replay began is left out: its successor follows as a live report.
    fn encode_replay(
        &mut self,
        now: Time,
        connection: &mut Connection,
        cursor: ReplayCursor,
        out: &mut WriteBatch,
    ) {
        let ReplayCursor { service, process, replay, after, upto, .. } = cursor;
        let next = self
            .registry
            .service(service)
            .and_then(|known| known.publisher.as_ref())
            .and_then(|publisher| publisher.kept.next(now, &cursor.pattern, after, upto));
        let full = cursor.values_left == 0 || cursor.bytes_left == 0;
        let Some((sequence, value)) = next.filter(|_| !full) else {
            let more_after = if next.is_some() { after } else { 0 };
            let end = Message::ReplayEnd { process, replay, sequence: upto, more_after };
            return connection.encoder.encode(&end, out);
        };
        let RetainedValue { subject, content, expires } = value;
        let remaining = (*expires != Time::NEVER).then(|| expires.since(now));
        let report = Report {
            service: service.0,
            subject: subject.clone(),
            sequence,
            content: content.clone(),
            extensions: bytes::Bytes::new(),
        };
        connection.encoder.replayed(process, replay, remaining, &report, out);
        connection.outbox.unpop(Out::Replay(ReplayCursor {
            after: sequence,
            values_left: cursor.values_left - 1,
            bytes_left: cursor.bytes_left.saturating_sub(report.content.bytes.len()),
            ..cursor
        }));
    }

    /// Something was encoded: from now on the transport must make progress.
    pub(in crate::process) fn arm_writing(&mut self, link: LinkId, now: Time) {
        let due = now + crate::limits::STUCK_WRITER;
        self.timers.set_earlier(crate::collections::timers::Timer::Link(link), due);
    }
}

/// Makes a process known to the peer before its number is used; false: it is gone.
pub(in crate::process) fn introduce(
    registry: &Registry,
    connection: &mut Connection,
    process: ProcessNo,
    out: &mut WriteBatch,
) -> bool {
    if process == OWN {
        return true;
    }
    let Some(entry) = registry.process(process) else { return false };
    if connection.introduced.insert(process) {
        let (id, label) = (entry.id, entry.label.clone());
        let process = Process::wire_no(process);
        let message = Message::Process(ProcessInfo { process, id, label });
        connection.encoder.encode(&message, out);
    }
    connection.last_introduced = process;
    true
}

impl Connection {
    /// As [`introduce`], of a process that is there, behind what is ready.
    #[inline]
    pub(in crate::process) fn introduce(
        &mut self,
        registry: &Registry,
        process: ProcessNo,
    ) -> bool {
        if process == OWN || process == self.last_introduced {
            return true;
        }
        let mut ready = std::mem::take(&mut self.ready);
        let known = introduce(registry, self, process, &mut ready);
        self.ready = ready;
        known
    }
}

/// A request as it is encoded.
pub(in crate::process) fn request_frame<'a>(
    now: Time,
    id: CallId,
    call: &Call,
    rest: &'a Rest,
    content: &'a Content,
) -> RequestFrame<'a> {
    let target = match (&rest.goal, rest.number) {
        (Goal::Name(name), None) => Asked::Name(name),
        (_, number) => Asked::Service(number.unwrap_or_default()),
    };
    RequestFrame {
        call: id.0,
        caller: Process::wire_no(call.process),
        target,
        method: &rest.method,
        remaining: call.deadline.since(now),
        parts: call.parts,
        content,
        extensions: &rest.extensions,
    }
}
