//! The verbs of an application, and reading, by quick ways or without them. Nothing else in the
//! testkit knows the difference.

use bytes::{Buf, Bytes};
use netsvc_core::{
    CallId, CommandError, ConnId, Content, ContentType, DeliveredRef, DeliveredReport, Direct,
    Event, HandlerResult, Invocation, InvocationRef, Lifetime, Outcome, ProcessId, PublishOptions,
    RequestOptions, ServiceNo, Sink, Str, SubscriptionId, Time,
};

use crate::end::End;
use crate::host::Host;
use crate::target::Target;
use crate::ways::Ways;

/// Contents from this size on are written straight from the application's memory.
const LARGE: usize = 64 << 10;

impl Host {
    /// Publishes a report. False: much is queued for some link.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn publish(
        &mut self,
        now: Time,
        service: ServiceNo,
        subject: &Str,
        content: &Content,
        lifetime: Lifetime,
    ) -> Result<bool, CommandError> {
        let options = PublishOptions { lifetime, ..PublishOptions::default() };
        if self.ways == Ways::Quick && content.bytes.len() >= LARGE {
            return self.publish_from_memory(now, service, subject, content, options);
        }
        self.process.publish(now, service, subject, content.by_ref(), options)
    }

    /// Publishes a report by writing it straight from memory, if its only receiver is the peer of a
    /// connection for which nothing waits.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn publish_from_memory(
        &mut self,
        now: Time,
        service: ServiceNo,
        subject: &Str,
        content: &Content,
        options: PublishOptions<'_>,
    ) -> Result<bool, CommandError> {
        let mut idle: Vec<ConnId> = self.ends.keys().copied().collect();
        idle.retain(|conn| self.ends[conn].batch.is_empty());
        idle.sort_unstable();
        let borrowed = content.by_ref();
        let [conn] = idle[..] else {
            return self.process.publish(now, service, subject, borrowed, options);
        };
        let Some(end) = self.ends.get_mut(&conn) else { return Ok(true) };
        let direct = Some(Direct { conn, out: &mut end.batch });
        let options = PublishOptions { direct, ..options };
        let result = self.process.publish(now, service, subject, borrowed, options);
        if !end.batch.is_empty() {
            end.batch.push(content.bytes.clone());
            self.process.handle_written(now, conn, end.batch.len());
        }
        result
    }

    /// Publishes a report for one process.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn publish_to(
        &mut self,
        now: Time,
        service: ServiceNo,
        to: ProcessId,
        subject: &Str,
        content: &Content,
    ) -> Result<bool, CommandError> {
        let options = PublishOptions { to: Some(to), ..PublishOptions::default() };
        self.process.publish(now, service, subject, content.by_ref(), options)
    }

    /// Asks a service.
    pub fn request(
        &mut self,
        now: Time,
        key: u64,
        target: &Target,
        method: &Str,
        content: &Content,
        options: RequestOptions<'_>,
    ) {
        self.process.request(now, key, target.by_ref(), method, content.by_ref(), options);
    }

    /// Ends an invocation.
    pub fn respond(&mut self, call: CallId, result: &HandlerResult) {
        self.process.respond(call, result.by_ref(), &[]);
    }

    /// Keeps a process whose [`Ways`] are general from quick ones.
    pub fn hold_to_ways(&mut self) {
        if self.ways == Ways::General {
            self.process.forbid_quick_ways();
        }
    }

    /// Bytes arrived.
    pub(crate) fn receive(&mut self, now: Time, conn: ConnId, bytes: &[u8]) {
        let Some(End { decoder, buffer, deaf, .. }) = self.ends.get_mut(&conn) else { return };
        if *deaf {
            return;
        }
        buffer.extend_from_slice(bytes);
        let process = &mut self.process;
        let mut events = Events(&mut self.events);
        let tells = self.listening && (self.telling || self.ways == Ways::Quick);
        // Both ways to the same end, as different sockets go.
        if self.ways == Ways::Quick || buffer.len() % 2 == 1 {
            let sink: Option<&mut dyn Sink> = if tells { Some(&mut events) } else { None };
            let Ok(front) = process.handle_front(now, conn, decoder, buffer, sink) else {
                buffer.clear();
                *deaf = true;
                return;
            };
            buffer.advance(front);
            self.applied_in_place += front as u64;
        }
        loop {
            let sink: Option<&mut dyn Sink> = if tells { Some(&mut events) } else { None };
            *deaf = process.handle_bytes(now, conn, decoder, buffer, sink).is_err();
            // Nobody else waits for a turn.
            if !process.has_stopped() {
                break;
            }
        }
    }
}

/// Takes reports as the events that they would be.
struct Events<'a>(&'a mut Vec<Event>);

impl Sink for Events<'_> {
    fn has_room(&mut self, _: usize, report: &DeliveredRef<'_>) -> bool {
        // Now and then there is none.
        !report.sequence.is_multiple_of(5)
    }

    fn report(&mut self, subscription: SubscriptionId, report: &DeliveredRef<'_>) {
        let report = DeliveredReport {
            service: report.service,
            id: report.id,
            name: report.name.clone(),
            subject: report.subject.clone(),
            sequence: report.sequence,
            replayed: false,
            resumed: report.resumed,
            missed: report.missed,
            content: owned(report.kind, report.content),
            extensions: Bytes::copy_from_slice(report.extensions),
        };
        self.0.push(Event::Report { subscription, report });
    }

    fn has_room_for(&mut self, content: usize, _: usize) -> bool {
        content % 7 != 6
    }

    fn result(&mut self, key: u64, kind: ContentType, content: &[u8], extensions: &[u8]) {
        let outcome = Outcome::Response(owned(kind, content));
        let extensions = Bytes::copy_from_slice(extensions);
        self.0.push(Event::Outcome { key, outcome, extensions });
    }

    fn invoke(&mut self, request: &InvocationRef<'_>) {
        self.0.push(Event::Invoke(Invocation {
            call: request.call,
            service: request.service,
            method: request.method.clone(),
            caller: request.caller,
            caller_label: request.caller_label.clone(),
            remaining: request.remaining,
            parts: request.parts,
            content: owned(request.kind, request.content),
            extensions: Bytes::copy_from_slice(request.extensions),
        }));
    }
}

fn owned(kind: ContentType, bytes: &[u8]) -> Content {
    Content { kind, bytes: Bytes::copy_from_slice(bytes) }
}
