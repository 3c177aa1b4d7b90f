//! The verbs of an application, and reading, by whichever of several ways to the same end a test
//! wants. Nothing else in the testkit knows that there are several.

use bytes::{Buf, Bytes};
use netsvc_core::{
    Asked, CallId, CommandError, ConnId, Content, ContentType, DeliveredReport, Event,
    HandlerResult, Invocation, Lifetime, Limits, Outcome, ProcessId, RequestOptions, ServiceNo,
    Str, SubscriptionId, Target, Teller, Time, Told,
};

use crate::host::{End, Host};

/// Which ways a process takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ways {
    /// Reads by the quick ways, commands by the general ones.
    Usual,
    /// The quick ways wherever they are possible.
    Quick,
    /// The general ways only, as far as the process lets itself be kept from others.
    General,
}

impl Ways {
    /// Limits that leave as much to tests as they would without
    /// [`hold_to_ways`](Host::hold_to_ways).
    pub fn limits(self, limits: &Limits) -> Limits {
        let services = limits.services.saturating_add(1);
        let kept_values = limits.kept_values + usize::from(self == Self::General);
        Limits { services, kept_values, ..limits.clone() }
    }
}

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
        if lifetime == Lifetime::None && self.publish_quickly(now, service, subject, content) {
            return Ok(true);
        }
        self.process.publish(now, service, subject.clone(), content.clone(), lifetime)
    }

    /// Publishes a report without a lifetime if there is a quick way. False: nothing was done.
    pub fn publish_quickly(
        &mut self,
        now: Time,
        service: ServiceNo,
        subject: &Str,
        content: &Content,
    ) -> bool {
        if self.ways != Ways::Quick {
            return false;
        }
        if content.bytes.len() >= LARGE {
            return self.publish_from_memory(now, service, subject, content);
        }
        self.process.publish_now(service, subject, content.by_ref())
    }

    /// Publishes a report by writing it straight from memory, if its only receiver is the peer of a
    /// connection for which nothing waits. False: nothing was done.
    pub fn publish_from_memory(
        &mut self,
        now: Time,
        service: ServiceNo,
        subject: &Str,
        content: &Content,
    ) -> bool {
        let conns: Vec<ConnId> = self.ends.keys().copied().collect();
        conns.into_iter().any(|conn| {
            let Some(end) = self.ends.get_mut(&conn) else { return false };
            let (process, borrowed) = (&mut self.process, content.by_ref());
            let done = end.batch.is_empty()
                && process.publish_through(now, conn, service, subject, borrowed, &mut end.batch);
            if done {
                end.batch.push(content.bytes.clone());
                process.handle_written(now, conn, end.batch.len());
            }
            done
        })
    }

    /// Publishes a report for one process.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn publish_to(
        &mut self,
        service: ServiceNo,
        to: ProcessId,
        subject: &Str,
        content: &Content,
    ) -> Result<bool, CommandError> {
        self.process.publish_to(service, to, subject.clone(), content.clone())
    }

    /// Asks a service.
    pub fn request(
        &mut self,
        now: Time,
        key: u64,
        target: &Target,
        method: &Str,
        content: &Content,
        options: RequestOptions,
    ) {
        let (process, borrowed) = (&mut self.process, content.by_ref());
        if self.ways == Ways::Quick
            && process.request_now(now, key, target.by_ref(), method, borrowed, options)
        {
            return;
        }
        process.request(now, key, target.clone(), method.clone(), content.clone(), options);
    }

    /// Ends an invocation.
    pub fn respond(&mut self, call: CallId, result: HandlerResult) {
        if self.ways == Ways::Quick
            && let HandlerResult::Response(content) = &result
            && self.process.respond_now(call, content.by_ref())
        {
            return;
        }
        self.process.respond(call, result);
    }

    /// Keeps a process whose [`Ways`] are general from quick ways that its commands take by
    /// themselves. Costs one service that nobody else sees, whatever the ways are.
    ///
    /// # Panics
    /// If the process refuses.
    pub fn hold_to_ways(&mut self, now: Time) {
        let service = netsvc_core::NewService { name: "ways".into(), ..Default::default() };
        let made = self.process.create_service(now, service);
        let (no, _) = made.unwrap_or_else(|error| panic!("no service: {error}"));
        if self.ways == Ways::General {
            // While a value is kept, no report takes a quick way.
            let kept = self.process.publish(now, no, "", Content::raw(""), Lifetime::Forever);
            kept.unwrap_or_else(|error| panic!("not kept: {error}"));
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
        if self.ways == Ways::General {
            let mut messages = Vec::new();
            let result = loop {
                match decoder.decode(buffer) {
                    Ok(Some(message)) => messages.push(message),
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            process.handle_received(now, conn);
            process.handle_messages(now, conn, &mut messages);
            if let Err(error) = result {
                buffer.clear();
                process.handle_wire_error(now, conn, &error);
                *deaf = true;
            }
            return;
        }
        let mut events = Events(&mut self.events);
        let tells = self.listening && (self.telling || self.ways == Ways::Quick);
        // Both ways to the same end, as different sockets go.
        if self.ways == Ways::Quick || buffer.len() % 2 == 1 {
            let teller: Option<&mut dyn Teller> = if tells { Some(&mut events) } else { None };
            let front = process.handle_front(now, conn, decoder, buffer, teller);
            buffer.advance(front);
            self.applied_in_place += front as u64;
        }
        let teller: Option<&mut dyn Teller> = if tells { Some(&mut events) } else { None };
        *deaf = process.handle_bytes(now, conn, decoder, buffer, teller).is_err();
    }
}

/// Takes reports as the events that they would be.
struct Events<'a>(&'a mut Vec<Event>);

impl Teller for Events<'_> {
    fn has_room(&mut self, _: usize, report: &Told<'_>) -> bool {
        // Now and then there is none.
        !report.sequence.is_multiple_of(5)
    }

    fn tell(&mut self, subscription: SubscriptionId, report: &Told<'_>) {
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
        };
        self.0.push(Event::Report { subscription, report });
    }

    fn has_room_for(&mut self, content: usize, _: usize) -> bool {
        content % 7 != 6
    }

    fn result(&mut self, key: u64, kind: ContentType, content: &[u8]) {
        let outcome = Outcome::Response(owned(kind, content));
        self.0.push(Event::Outcome { key, outcome });
    }

    fn invoke(&mut self, request: &Asked<'_>) {
        self.0.push(Event::Invoke(Invocation {
            call: request.call,
            service: request.service,
            method: request.method.clone(),
            caller: request.caller,
            caller_label: request.caller_label.clone(),
            remaining: request.remaining,
            parts: request.parts,
            content: owned(request.kind, request.content),
        }));
    }
}

fn owned(kind: ContentType, bytes: &[u8]) -> Content {
    Content { kind, bytes: Bytes::copy_from_slice(bytes) }
}
