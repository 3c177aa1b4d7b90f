//! Packs deliveries for JavaScript: an array of words, and a buffer of bytes they refer to.
//!
//! Three header words (words used; 1 if more is waiting; where the bytes end), then deliveries: a
//! kind, then its fixed fields. 64-bit numbers are a low and a high word; contents and strings are
//! an offset and a length in the buffer. The word of a content's type, or of an error's code, has
//! it in its lowest byte; above that is the length of the message's extension fields, which lie
//! right behind the content.
//!
//! The buffer is memory that JavaScript owns, so that nothing is allocated for a batch. A delivery
//! that does not fit into it gets a batch and a buffer of its own.

use std::time::Duration;

use netsvc_core::{
    Change, Content, ContentType, Delivered, DeliveredRef, DeliveredReport, Event, FlushError,
    Invocation, InvocationRef, LinkEvent, Outcome, ProcessId, ServiceInfo, Str, SubscriptionId,
    WatchId,
};

use crate::deliveries::buffer::{Buffer, Span};
use crate::deliveries::delivery::{Delivery, FIXED, event_size};
use crate::deliveries::service_info;
use crate::deliveries::strings::{KnownServices, Slot, Strings, Tell, hex};
use crate::numbers::{absent, delivered, delivery, flush, link_event, report_flag, status};

/// Words that an array for deliveries must have at least.
pub(crate) const MIN_WORDS: usize = 64;

const HEADER_WORDS: usize = 3;
/// Words of the longest delivery together with what it may need told before: INVOKE and three
/// STRINGs.
const MAX_WORDS: usize = 12 + 3 * 4;
/// Words of a REPORT.
const REPORT_WORDS: usize = 11;
/// Services of a batch are compared with so many before them for what they have in common.
const COMMONS: usize = 8;

/// What outlives a batch: what JavaScript has been told already.
#[derive(Debug, Default)]
pub(crate) struct Packer {
    strings: Strings,
    services: KnownServices,
}

impl Packer {
    /// Begins a batch in `words`, of which there must be [`MIN_WORDS`].
    pub(crate) fn begin<'a>(
        &'a mut self,
        words: &'a mut [u32],
        buffer: Buffer<'a>,
    ) -> Option<Batch<'a>> {
        if words.len() < MIN_WORDS {
            return None;
        }
        let Self { strings, services } = self;
        let commons = [Span::NONE; COMMONS];
        Some(Batch { strings, services, buffer, commons, words, used: HEADER_WORDS })
    }
}

/// One batch being packed.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    strings: &'a mut Strings,
    services: &'a mut KnownServices,
    buffer: Buffer<'a>,
    /// What services of this batch have in common with later ones, the newest first.
    commons: [Span; COMMONS],
    words: &'a mut [u32],
    used: usize,
}

impl Batch<'_> {
    /// Packs one delivery. False: it does not fit.
    pub(crate) fn push(&mut self, delivery: &Delivery) -> bool {
        let (op, count, code, message) = match delivery {
            Delivery::Event(event) => return self.push_event(event),
            _ if !self.has_room(delivery.size()) => return false,
            Delivery::Listening { token, result } => {
                self.listening(*token, result);
                return true;
            }
            Delivery::CommandFailed { op, count, code, message } => (*op, *count, code, message),
        };
        let span = self.texts(&[code, &**message]);
        self.put(&[delivery::COMMAND_FAILED, op.into(), count, span.offset, span.length]);
        true
    }

    /// Packs one event. False: it does not fit.
    pub(crate) fn push_event(&mut self, event: &Event) -> bool {
        let room = self.has_room(event_size(event));
        if room {
            self.event(event);
        }
        room
    }

    /// Whether there is nothing in it yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.used == HEADER_WORDS
    }

    /// Whether a report fits for so many subscriptions. What is told before comes once.
    pub(crate) fn has_room_for(&self, reports: usize, report: &DeliveredRef<'_>) -> bool {
        let words = MAX_WORDS + reports.saturating_mul(REPORT_WORDS);
        let names = report.subject.len() + report.name.len() + FIXED;
        let body = report.content.len() + report.extensions.len();
        let bytes = reports.saturating_mul(body).saturating_add(names);
        self.words.len() - self.used >= words && self.buffer.has_room(bytes)
    }

    /// Whether a delivery fits that refers to a content of so many bytes, with names and extension
    /// fields of so many beside it.
    pub(crate) fn has_room_beside(&self, content: usize, beside: usize) -> bool {
        self.has_room(content + beside + FIXED)
    }

    /// Bytes that can be added.
    pub(crate) fn room(&self) -> usize {
        self.buffer.room()
    }

    /// Writes the header. `more`: deliveries are left for the next batch.
    pub(crate) fn finish(self, more: bool) {
        self.words[0] = self.used as u32;
        self.words[1] = more.into();
        self.words[2] = self.buffer.at() as u32;
    }

    /// Whether a delivery fits that refers to so many bytes.
    fn has_room(&self, bytes: usize) -> bool {
        self.words.len() - self.used >= MAX_WORDS && self.buffer.has_room(bytes)
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::LinkActive(link) => self.link(link_event::ACTIVE, link),
            Event::LinkInactive(link) => self.link(link_event::INACTIVE, link),
            Event::AttemptFailed(link) => self.link(link_event::ATTEMPT_FAILED, link),
            Event::LinkClosed(link) => self.link(link_event::CLOSED, link),
            Event::Authorise(link) => self.link(link_event::AUTHORISE, link),
            Event::ExchangeClosed(exchange) => self.put(&[delivery::EXCHANGE_CLOSED, exchange.0]),
            Event::Flushed { flush: no, result } => {
                let result = match result {
                    Ok(()) => flush::DONE,
                    Err(FlushError::LinkLost) => flush::LINK_LOST,
                    Err(FlushError::Deadline) => flush::DEADLINE,
                };
                self.put(&[delivery::FLUSHED, no.0, result]);
            }
            Event::Change { watch, change } => self.change(*watch, change),
            Event::Report { subscription, report } => self.report(*subscription, report),
            Event::Invoke(invocation) => self.invoke(invocation),
            Event::Abort { call, reason } => {
                let [low, high] = halves(call.0);
                self.put(&[delivery::ABORT, low, high, *reason as u32]);
            }
            Event::Credit { call, parts } => {
                let [low, high] = halves(call.0);
                self.put(&[delivery::CREDIT, low, high, *parts]);
            }
            Event::Part { key, content } => self.part(*key, content),
            Event::Outcome { key, outcome, extensions } => self.outcome(*key, outcome, extensions),
            Event::ProcessGone(process) => {
                let process = self.process(*process, &[]);
                self.put(&[delivery::PROCESS_GONE, process]);
            }
            Event::Subscriber { service, process, label, pattern, present } => {
                let span = self.texts(&[&process.to_string(), &**label, &**pattern]);
                let present = (*present).into();
                self.put(&[delivery::SUBSCRIBER, service.0, present, span.offset, span.length]);
            }
        }
    }

    fn report(&mut self, subscription: SubscriptionId, report: &DeliveredReport) {
        let told = DeliveredRef {
            service: report.service,
            id: report.id,
            name: &report.name,
            subject: &report.subject,
            sequence: report.sequence,
            resumed: report.resumed,
            missed: report.missed,
            kind: report.content.kind,
            content: &report.content.bytes,
            extensions: &report.extensions,
        };
        self.told_report(subscription, &told, report.replayed);
    }

    /// Packs a report for which [`has_room_for`](Self::has_room_for) found room.
    pub(crate) fn told_report(
        &mut self,
        subscription: SubscriptionId,
        report: &DeliveredRef<'_>,
        replayed: bool,
    ) {
        self.introduce(report);
        let subject = self.string(report.subject, &[]);
        let [low, high] = halves(report.sequence);
        let flags = if replayed { report_flag::REPLAYED } else { 0 }
            | if report.resumed { report_flag::RESUMED } else { 0 };
        let missed = u32::try_from(report.missed).unwrap_or(u32::MAX);
        let span = self.body(report.content, report.extensions);
        self.put(&[
            delivery::REPORT,
            subscription.0,
            report.service.0,
            subject,
            low,
            high,
            flags,
            missed,
            kind_word(report.kind.0, report.extensions),
            span.offset,
            span.length,
        ]);
    }

    /// Makes JavaScript know the service of a report.
    fn introduce(&mut self, report: &DeliveredRef<'_>) {
        let Tell::Service { forget } = self.services.name(report.service, report.id) else {
            return;
        };
        if let Some(oldest) = forget {
            self.put(&[delivery::SERVICE_FORGOTTEN, oldest.0]);
        }
        let span = self.texts(&[&*report.id.to_string(), &**report.name]);
        self.put(&[delivery::SERVICE, report.service.0, span.offset, span.length]);
    }

    fn invoke(&mut self, invocation: &Invocation) {
        self.invoke_now(&InvocationRef {
            call: invocation.call,
            service: invocation.service,
            method: &invocation.method,
            caller: invocation.caller,
            caller_label: &invocation.caller_label,
            remaining: invocation.remaining,
            parts: invocation.parts,
            kind: invocation.content.kind,
            content: &invocation.content.bytes,
            extensions: &invocation.extensions,
        });
    }

    /// Packs a request for which [`has_room`](Self::has_room) found room.
    pub(crate) fn invoke_now(&mut self, request: &InvocationRef<'_>) {
        let method = self.string(request.method, &[]);
        let caller = self.process(request.caller, &[method]);
        let label = self.string(request.caller_label, &[method, caller]);
        let [low, high] = halves(request.call.0);
        let span = self.body(request.content, request.extensions);
        self.put(&[
            delivery::INVOKE,
            low,
            high,
            request.service.0,
            method,
            millis(request.remaining),
            request.parts,
            caller,
            label,
            kind_word(request.kind.0, request.extensions),
            span.offset,
            span.length,
        ]);
    }

    fn part(&mut self, key: u64, content: &Content) {
        let span = self.buffer.span(|buffer| buffer.put(&content.bytes));
        let kind = content.kind.0.into();
        self.put(&[delivery::PART, key as u32, kind, span.offset, span.length]);
    }

    fn outcome(&mut self, key: u64, outcome: &Outcome, extensions: &[u8]) {
        let (status, how, delivered, bytes) = match outcome {
            Outcome::Response(content) => {
                (status::RESPONSE, content.kind.0, delivered::YES, &content.bytes[..])
            }
            Outcome::Failure(content) => {
                (status::FAILURE, content.kind.0, delivered::YES, &content.bytes[..])
            }
            Outcome::Error(error) => {
                let delivered = delivered_number(error.delivered);
                (status::ERROR, error.code as u8, delivered, error.message.as_bytes())
            }
        };
        self.put_outcome(key, status, how, delivered, bytes, extensions);
    }

    /// Packs a result for which [`has_room`](Self::has_room) found room.
    pub(crate) fn result(
        &mut self,
        key: u64,
        kind: ContentType,
        content: &[u8],
        extensions: &[u8],
    ) {
        self.put_outcome(key, status::RESPONSE, kind.0, delivered::YES, content, extensions);
    }

    /// `how`: the content's type, or the code of an error.
    fn put_outcome(
        &mut self,
        key: u64,
        status: u8,
        how: u8,
        delivered: u32,
        bytes: &[u8],
        extensions: &[u8],
    ) {
        let span = self.body(bytes, extensions);
        // Keys come from JavaScript as u32; the core only carries them.
        let (key, status, how) = (key as u32, status.into(), kind_word(how, extensions));
        self.put(&[delivery::OUTCOME, key, status, how, delivered, span.offset, span.length]);
    }

    fn change(&mut self, watch: WatchId, change: &Change) {
        let [low, high] = halves(change.revision);
        let group = change.group.as_ref().map_or(absent::STRING, |group| self.string(group, &[]));
        let service = change.service.as_ref();
        let common = service.map_or(absent::SERVICE, |service| self.common(service).offset);
        let name = service.map_or(Span::NONE, |service| {
            self.buffer.span(|buffer| buffer.put(service.name.as_bytes()))
        });
        self.put(&[
            delivery::CHANGE,
            watch.0,
            change.status as u32,
            low,
            high,
            change.replayed.into(),
            group,
            service.map_or(0, |service| service.id.counter),
            name.offset,
            name.length,
            common,
        ]);
    }

    /// What a service has in common with others of this batch, packed once.
    fn common(&mut self, service: &ServiceInfo) -> Span {
        let span = self
            .buffer
            .span_once(&self.commons, |buffer| service_info::pack_common(service, buffer));
        if !self.commons.contains(&span) {
            self.commons.rotate_right(1);
            self.commons[0] = span;
        }
        span
    }

    fn link(&mut self, what: u32, event: &LinkEvent) {
        let process = event.peer.as_ref().map(|peer| peer.process.to_string());
        let span = self.texts(&[
            process.as_deref().unwrap_or_default(),
            event.peer.as_ref().map_or("", |peer| &peer.label),
            &event.address,
            event.reason.as_ref().map_or("", |reason| &reason.message),
        ]);
        self.put(&[
            delivery::LINK,
            what,
            event.exchange.0,
            event.link.0,
            event.attempt,
            event.reason.as_ref().map_or(0, |reason| reason.code as u32),
            event.retry_in.map_or(absent::TIME, millis),
            span.offset,
            span.length,
        ]);
    }

    fn listening(&mut self, token: u32, result: &Result<Vec<String>, (&'static str, String)>) {
        let (ok, span) = match result {
            Ok(addresses) => (1, self.texts(addresses)),
            Err((code, message)) => (0, self.texts(&[*code, message])),
        };
        self.put(&[delivery::LISTENING, token, ok, span.offset, span.length]);
    }

    fn process(&mut self, process: ProcessId, keep: &[u32]) -> u32 {
        let slot = self.strings.process(process, keep);
        self.define(slot, || hex(process))
    }

    fn string(&mut self, text: &Str, keep: &[u32]) -> u32 {
        let slot = self.strings.intern(text, keep);
        self.define(slot, || text.as_bytes())
    }

    fn define<T: AsRef<[u8]>>(&mut self, slot: Slot, text: impl FnOnce() -> T) -> u32 {
        if slot.new {
            let span = self.buffer.span(|buffer| buffer.put(text().as_ref()));
            self.put(&[delivery::STRING, slot.no, span.offset, span.length]);
        }
        slot.no
    }

    /// Appends a content and the extension fields behind it; the span is that of the content.
    fn body(&mut self, content: &[u8], extensions: &[u8]) -> Span {
        let span = self.buffer.span(|buffer| buffer.put(content));
        if !extensions.is_empty() {
            self.buffer.put(extensions);
        }
        span
    }

    fn texts<T: AsRef<str>>(&mut self, texts: &[T]) -> Span {
        self.buffer.span(|buffer| texts.iter().for_each(|text| buffer.put_text(text.as_ref())))
    }

    fn put(&mut self, delivery: &[u32]) {
        self.words[self.used..self.used + delivery.len()].copy_from_slice(delivery);
        self.used += delivery.len();
    }
}

/// Whether a request was delivered, as the border numbers it.
pub(crate) fn delivered_number(delivered: Delivered) -> u32 {
    match delivered {
        Delivered::No => delivered::NO,
        Delivered::Yes => delivered::YES,
        Delivered::Unknown => delivered::UNKNOWN,
    }
}

/// A type of content or code of an error, with the length of the extension fields above it. The
/// core lets them have 4,096 bytes.
fn kind_word(kind: u8, extensions: &[u8]) -> u32 {
    u32::from(kind) | (extensions.len() as u32) << 8
}

fn halves(value: u64) -> [u32; 2] {
    [value as u32, (value >> 32) as u32]
}

/// Milliseconds, rounded up so that what is left of a deadline never reads as less.
fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros().div_ceil(1000)).unwrap_or(u32::MAX - 1)
}

#[cfg(test)]
mod tests;
