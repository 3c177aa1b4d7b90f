//! Packs deliveries for JavaScript: an array of words, and a buffer of bytes they refer to.
//!
//! Three header words (words used; 1 if more is waiting; where the bytes end), then records: a kind,
//! then its fixed fields. 64-bit numbers are a low and a high word; contents and strings are an offset
//! and a length in the buffer.
//!
//! The buffer is memory that JavaScript owns and lends, so that nothing is allocated for a batch. A delivery
//! that does not fit into it gets a batch and a buffer of its own.

use std::time::Duration;

use netsvc_core::{
    Asked, Change, Content, ContentType, Delivered, DeliveredReport, Event, FlushError, Invocation,
    LinkEvent, Outcome, ProcessId, ServiceInfo, Str, SubscriptionId, Told as ToldReport, WatchId,
};

use crate::deliveries::buffer::{Buffer, Span};
use crate::deliveries::service_info;
use crate::deliveries::strings::{Slot, Symbols, Tell, Told, hex};

/// Words that an array of records must have at least.
pub(crate) const MIN_WORDS: usize = 64;

const HEADER_WORDS: usize = 3;
/// Stands for no string where a slot is expected, and for no service.
const NONE: u32 = u32::MAX;
/// Words of the longest record together with what it may need told before: INVOKE and three
/// SYMBOLs.
const MAX_RECORD_WORDS: usize = 12 + 3 * 4;
/// Words of a REPORT.
const REPORT_WORDS: usize = 11;
/// Kinds of services that a process may have and each is still told once.
const COMMONS: usize = 8;

mod kind {
    pub(super) const SYMBOL: u32 = 1;
    pub(super) const REPORT: u32 = 2;
    pub(super) const INVOKE: u32 = 3;
    pub(super) const ABORT: u32 = 4;
    pub(super) const OUTCOME: u32 = 5;
    pub(super) const CHANGE: u32 = 6;
    pub(super) const LINK: u32 = 7;
    pub(super) const EXCHANGE_CLOSED: u32 = 8;
    pub(super) const FLUSHED: u32 = 9;
    pub(super) const PROCESS_GONE: u32 = 10;
    pub(super) const SUBSCRIBER: u32 = 11;
    pub(super) const LISTENING: u32 = 12;
    pub(super) const COMMAND_FAILED: u32 = 13;
    pub(super) const SERVICE: u32 = 14;
    pub(super) const SERVICE_FORGOTTEN: u32 = 15;
    pub(super) const PART: u32 = 16;
    pub(super) const CREDIT: u32 = 17;
}

/// Something to tell JavaScript: an event of the core, or what only the addon knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Event(Event),
    /// A `listen` ended: the addresses, or code and message of its error.
    Listening {
        token: u32,
        result: Result<Vec<String>, (&'static str, String)>,
    },
    /// Commands of a staging buffer failed, `count` times in the same way.
    CommandFailed {
        op: u8,
        count: u32,
        code: &'static str,
        message: String,
    },
}

/// What outlives a batch: what JavaScript has been told already.
#[derive(Debug, Default)]
pub(crate) struct Packer {
    symbols: Symbols,
    told: Told,
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
        let Self { symbols, told } = self;
        let commons = [Span::NONE; COMMONS];
        Some(Batch { symbols, told, buffer, commons, words, used: HEADER_WORDS })
    }
}

/// One batch being packed.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    symbols: &'a mut Symbols,
    told: &'a mut Told,
    buffer: Buffer<'a>,
    /// What services that the batch told of may have in common with further ones, the newest first.
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
        self.put(&[kind::COMMAND_FAILED, op.into(), count, span.offset, span.length]);
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

    /// Whether that many records of a report fit. What is told before comes once.
    pub(crate) fn has_room_for(&self, reports: usize, report: &ToldReport<'_>) -> bool {
        let words = MAX_RECORD_WORDS + reports.saturating_mul(REPORT_WORDS);
        let names = report.subject.len() + report.name.len() + FIXED;
        let bytes = reports.saturating_mul(report.content.len()).saturating_add(names);
        self.words.len() - self.used >= words && self.buffer.has_room(bytes)
    }

    /// Whether a record fits that refers to a content and names of so many bytes.
    pub(crate) fn has_room_beside(&self, content: usize, names: usize) -> bool {
        self.has_room(content + names + FIXED)
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

    /// Whether a record fits that refers to so many bytes.
    fn has_room(&self, bytes: usize) -> bool {
        self.words.len() - self.used >= MAX_RECORD_WORDS && self.buffer.has_room(bytes)
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::LinkActive(link) => self.link(0, link),
            Event::LinkInactive(link) => self.link(1, link),
            Event::AttemptFailed(link) => self.link(2, link),
            Event::LinkClosed(link) => self.link(3, link),
            Event::Authorise(link) => self.link(4, link),
            Event::ExchangeClosed(exchange) => self.put(&[kind::EXCHANGE_CLOSED, exchange.0]),
            Event::Flushed { flush, result } => {
                let result = match result {
                    Ok(()) => 0,
                    Err(FlushError::LinkLost) => 1,
                    Err(FlushError::Deadline) => 2,
                };
                self.put(&[kind::FLUSHED, flush.0, result]);
            }
            Event::Change { watch, change } => self.change(*watch, change),
            Event::Report { subscription, report } => self.report(*subscription, report),
            Event::Invoke(invocation) => self.invoke(invocation),
            Event::Abort { call, reason } => {
                let [low, high] = halves(call.0);
                self.put(&[kind::ABORT, low, high, *reason as u32]);
            }
            Event::Credit { call, parts } => {
                let [low, high] = halves(call.0);
                self.put(&[kind::CREDIT, low, high, *parts]);
            }
            Event::Part { key, content } => self.part(*key, content),
            Event::Outcome { key, outcome } => self.outcome(*key, outcome),
            Event::ProcessGone(process) => {
                let process = self.process(*process, &[]);
                self.put(&[kind::PROCESS_GONE, process]);
            }
            Event::Subscriber { service, process, label, pattern, present } => {
                let span = self.texts(&[&process.to_string(), &**label, &**pattern]);
                let present = (*present).into();
                self.put(&[kind::SUBSCRIBER, service.0, present, span.offset, span.length]);
            }
        }
    }

    fn report(&mut self, subscription: SubscriptionId, report: &DeliveredReport) {
        let told = ToldReport {
            service: report.service,
            id: report.id,
            name: &report.name,
            subject: &report.subject,
            sequence: report.sequence,
            resumed: report.resumed,
            missed: report.missed,
            kind: report.content.kind,
            content: &report.content.bytes,
        };
        self.told_report(subscription, &told, report.replayed);
    }

    /// Packs a report for which [`has_room_for`](Self::has_room_for) found room.
    pub(crate) fn told_report(
        &mut self,
        subscription: SubscriptionId,
        report: &ToldReport<'_>,
        replayed: bool,
    ) {
        self.introduce(report);
        let subject = self.symbol(report.subject, &[]);
        let [low, high] = halves(report.sequence);
        let flags = u32::from(replayed) | u32::from(report.resumed) << 1;
        let missed = u32::try_from(report.missed).unwrap_or(u32::MAX);
        let span = self.buffer.span(|buffer| buffer.put(report.content));
        self.put(&[
            kind::REPORT,
            subscription.0,
            report.service.0,
            subject,
            low,
            high,
            flags,
            missed,
            report.kind.0.into(),
            span.offset,
            span.length,
        ]);
    }

    /// Makes JavaScript know the service of a report.
    fn introduce(&mut self, report: &ToldReport<'_>) {
        let Tell::Service { forget } = self.told.name(report.service) else { return };
        if let Some(oldest) = forget {
            self.put(&[kind::SERVICE_FORGOTTEN, oldest.0]);
        }
        let span = self.texts(&[&*report.id.to_string(), &**report.name]);
        self.put(&[kind::SERVICE, report.service.0, span.offset, span.length]);
    }

    fn invoke(&mut self, invocation: &Invocation) {
        self.invoke_now(&Asked {
            call: invocation.call,
            service: invocation.service,
            method: &invocation.method,
            caller: invocation.caller,
            caller_label: &invocation.caller_label,
            remaining: invocation.remaining,
            parts: invocation.parts,
            kind: invocation.content.kind,
            content: &invocation.content.bytes,
        });
    }

    /// Packs a request for which [`has_room`](Self::has_room) found room.
    pub(crate) fn invoke_now(&mut self, request: &Asked<'_>) {
        let method = self.symbol(request.method, &[]);
        let caller = self.process(request.caller, &[method]);
        let label = self.symbol(request.caller_label, &[method, caller]);
        let [low, high] = halves(request.call.0);
        let span = self.buffer.span(|buffer| buffer.put(request.content));
        self.put(&[
            kind::INVOKE,
            low,
            high,
            request.service.0,
            method,
            millis(request.remaining),
            request.parts,
            caller,
            label,
            request.kind.0.into(),
            span.offset,
            span.length,
        ]);
    }

    fn part(&mut self, key: u64, content: &Content) {
        let span = self.buffer.span(|buffer| buffer.put(&content.bytes));
        let kind = content.kind.0.into();
        self.put(&[kind::PART, key as u32, kind, span.offset, span.length]);
    }

    fn outcome(&mut self, key: u64, outcome: &Outcome) {
        let (status, how, delivered, bytes) = match outcome {
            Outcome::Response(content) => (0, content.kind.0, 1, &content.bytes[..]),
            Outcome::Failure(content) => (1, content.kind.0, 1, &content.bytes[..]),
            Outcome::Error(error) => {
                let delivered = delivered_number(error.delivered);
                (2, error.code as u8, delivered, error.message.as_bytes())
            }
        };
        self.outcome_of(key, [status, how.into(), delivered], bytes);
    }

    /// Packs a result for which [`has_room`](Self::has_room) found room.
    pub(crate) fn result(&mut self, key: u64, kind: ContentType, content: &[u8]) {
        self.outcome_of(key, [0, kind.0.into(), 1], content);
    }

    fn outcome_of(&mut self, key: u64, how: [u32; 3], bytes: &[u8]) {
        let [status, kind, delivered] = how;
        let span = self.buffer.span(|buffer| buffer.put(bytes));
        // Keys come from JavaScript as u32; the core only carries them.
        let key = key as u32;
        self.put(&[kind::OUTCOME, key, status, kind, delivered, span.offset, span.length]);
    }

    fn change(&mut self, watch: WatchId, change: &Change) {
        let [low, high] = halves(change.revision);
        let group = change.group.as_ref().map_or(NONE, |group| self.symbol(group, &[]));
        let service = change.service.as_ref();
        let common = service.map_or(NONE, |service| self.common(service).offset);
        let name = service.map_or(Span::NONE, |service| {
            self.buffer.span(|buffer| buffer.put(service.name.as_bytes()))
        });
        self.put(&[
            kind::CHANGE,
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

    /// What a service may have in common with others that this batch tells of.
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
            kind::LINK,
            what,
            event.exchange.0,
            event.link.0,
            event.attempt,
            event.reason.as_ref().map_or(0, |reason| reason.code as u32),
            event.retry_in.map_or(u32::MAX, millis),
            span.offset,
            span.length,
        ]);
    }

    fn listening(&mut self, token: u32, result: &Result<Vec<String>, (&'static str, String)>) {
        let (ok, span) = match result {
            Ok(addresses) => (1, self.texts(addresses)),
            Err((code, message)) => (0, self.texts(&[*code, message])),
        };
        self.put(&[kind::LISTENING, token, ok, span.offset, span.length]);
    }

    fn process(&mut self, process: ProcessId, keep: &[u32]) -> u32 {
        let slot = self.symbols.process(process, keep);
        self.define(slot, || hex(process))
    }

    fn symbol(&mut self, text: &Str, keep: &[u32]) -> u32 {
        let slot = self.symbols.intern(text, keep);
        self.define(slot, || text.as_bytes())
    }

    fn define<T: AsRef<[u8]>>(&mut self, slot: Slot, text: impl FnOnce() -> T) -> u32 {
        if slot.new {
            let span = self.buffer.span(|buffer| buffer.put(text().as_ref()));
            self.put(&[kind::SYMBOL, slot.no, span.offset, span.length]);
        }
        slot.no
    }

    fn texts<T: AsRef<str>>(&mut self, texts: &[T]) -> Span {
        self.buffer.span(|buffer| texts.iter().for_each(|text| buffer.put_text(text.as_ref())))
    }

    fn put(&mut self, record: &[u32]) {
        self.words[self.used..self.used + record.len()].copy_from_slice(record);
        self.used += record.len();
    }
}

impl Delivery {
    /// Bytes that it takes in a buffer, at most: as if nothing had been told before.
    pub(crate) fn size(&self) -> usize {
        FIXED
            + match self {
                Self::Event(event) => return event_size(event),
                Self::Listening { result: Ok(addresses), .. } => {
                    addresses.iter().map(|address| address.len() + 2).sum()
                }
                Self::Listening { result: Err((_, message)), .. }
                | Self::CommandFailed { message, .. } => message.len(),
            }
    }
}

/// More than an identity, a process id and the lengths of the strings beside it.
const FIXED: usize = 128;

fn event_size(event: &Event) -> usize {
    let text = |text: &Str| text.len();
    FIXED
        + match event {
            Event::Report { report, .. } => {
                report.content.bytes.len() + report.subject.len() + report.name.len()
            }
            Event::Invoke(invocation) => {
                invocation.content.bytes.len()
                    + invocation.method.len()
                    + invocation.caller_label.len()
            }
            Event::Outcome { outcome, .. } => match outcome {
                Outcome::Response(content) | Outcome::Failure(content) => content.bytes.len(),
                Outcome::Error(error) => error.message.len(),
            },
            Event::Change { change, .. } => {
                change.group.as_ref().map_or(0, text)
                    + change.service.as_ref().map_or(0, service_info::size)
            }
            Event::LinkActive(link)
            | Event::LinkInactive(link)
            | Event::AttemptFailed(link)
            | Event::LinkClosed(link)
            | Event::Authorise(link) => {
                link.address.len()
                    + link.peer.as_ref().map_or(0, |peer| peer.label.len())
                    + link.reason.as_ref().map_or(0, |reason| reason.message.len())
            }
            Event::Part { content, .. } => content.bytes.len(),
            Event::Subscriber { label, pattern, .. } => label.len() + pattern.len(),
            Event::ExchangeClosed(_)
            | Event::Flushed { .. }
            | Event::Abort { .. }
            | Event::Credit { .. }
            | Event::ProcessGone(_) => 0,
        }
}

/// Whether a request was delivered, as the border numbers it.
pub(crate) fn delivered_number(delivered: Delivered) -> u32 {
    match delivered {
        Delivered::No => 0,
        Delivered::Yes => 1,
        Delivered::Unknown => 2,
    }
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
