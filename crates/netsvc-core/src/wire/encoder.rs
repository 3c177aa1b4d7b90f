//! Messages in, bytes out.

use std::time::Duration;

use bytes::BufMut;

use crate::content::ContentRef;
use crate::ids::Str;
use crate::limits::{MAX_EXTENSIONS, MAX_NAME, MAX_PAYLOAD, MAX_SUBJECT};

use super::body::announcement::AnnouncementRef;
use super::body::control;
use super::body::report::{self, ReportRef};
use super::body::request::{self, RequestRef, RequestTargetRef};
use super::body::response::{self, ResponseRef};
use super::frame::{ControlKind, HEADER, Header, Kind, preamble};
use super::message::Message;
use super::send_buffer::{SEGMENT_FROM, SendBuffer};
use super::symbols::link::{NO_SYMBOL, SentSymbols, Use};
use super::symbols::shared::ToldSymbols;
use super::writer::{fitting, string};

/// Encodes what is sent on one link, from its first byte.
///
/// Later frames refer to earlier ones (symbols): what is encoded must be sent, whole and in
/// order. Messages must keep the limits of [`limits`](crate::limits); debug builds assert it.
/// Otherwise a string is cut, and a frame that no receiver would accept is left out.
#[derive(Debug)]
pub struct Encoder {
    symbols: SentSymbols,
    told: ToldSymbols,
    begun: bool,
}

impl Encoder {
    /// An encoder for a new connection. `seed` should be random and stay unknown to peers, so that
    /// they cannot choose subjects that make the table of symbols slow.
    pub fn new(seed: u64) -> Self {
        Self { symbols: SentSymbols::new(seed), told: ToldSymbols::default(), begun: false }
    }

    /// Appends `message` to `out`.
    pub fn encode(&mut self, message: &Message, out: &mut SendBuffer) {
        self.begin(out);
        match message {
            Message::Request(request) => self.request(&request.by_ref(), out),
            Message::Response { call, outcome, extensions } => {
                let (call, outcome) = (*call, outcome.by_ref());
                self.response(&ResponseRef { call, outcome, extensions }, out);
            }
            Message::Report(report) => self.report(&report.by_ref(), out),
            Message::Part { call, content, extensions } => {
                self.part(*call, &content.by_ref(), extensions, out);
            }
            Message::Targeted { process, report } => {
                self.targeted(*process, &report.by_ref(), out);
            }
            Message::Replayed { process, replay, remaining, report } => {
                self.replayed(*process, *replay, *remaining, &report.by_ref(), out);
            }
            Message::Service(announcement) => self.service(&announcement.by_ref(), out),
            control => {
                let mut body = Vec::new();
                if let Some(kind) = control::write(control, &mut body) {
                    self.control(Kind::Control(kind), &[], &body, out);
                }
            }
        }
    }

    /// Appends a SERVICE.
    pub(crate) fn service(&mut self, service: &AnnouncementRef<'_>, out: &mut SendBuffer) {
        let mut body = Vec::new();
        service.write(&mut body);
        self.control(Kind::Control(ControlKind::Service), service.extensions, &body, out);
    }

    /// Appends a REPORT.
    #[allow(clippy::inline_always, reason = "the path of every report")]
    #[inline(always)]
    pub(crate) fn report(&mut self, report: &ReportRef<'_>, out: &mut SendBuffer) {
        let subject = self.symbol(report.subject, Use::Subject, out);
        let head = report::head(report.service, subject, report);
        self.put(&head, report.extensions, &report.content, out);
    }

    /// Appends a REPORT but for its content, which is to follow.
    pub(crate) fn report_before_content(&mut self, report: &ReportRef<'_>, out: &mut SendBuffer) {
        let subject = self.symbol(report.subject, Use::Subject, out);
        let head = report::head(report.service, subject, report);
        put_head(&head, report.extensions, out);
    }

    /// Appends a TARGETED for a process as the peer numbers it.
    pub(crate) fn targeted(&mut self, process: u32, report: &ReportRef<'_>, out: &mut SendBuffer) {
        let subject = self.symbol(report.subject, Use::Subject, out);
        let head = report::targeted_head(process, subject, report);
        self.put(&head, report.extensions, &report.content, out);
    }

    /// Appends a REPLAYED for a process as the peer numbers it.
    pub(crate) fn replayed(
        &mut self,
        process: u32,
        replay: u32,
        remaining: Option<Duration>,
        report: &ReportRef<'_>,
        out: &mut SendBuffer,
    ) {
        let subject = self.symbol(report.subject, Use::Subject, out);
        let head = report::replayed_head(process, replay, remaining, subject, report);
        self.put(&head, report.extensions, &report.content, out);
    }

    /// Appends a REQUEST.
    #[allow(clippy::inline_always, reason = "the path of every message")]
    #[inline(always)]
    pub(crate) fn request(&mut self, request: &RequestRef<'_>, out: &mut SendBuffer) {
        let name = match request.target {
            RequestTargetRef::Service(_) => None,
            RequestTargetRef::Name(name) => Some(name),
        };
        let (name, method) = self.target(name, request.method, out);
        let head = request::head(name, method, request);
        self.put(&head, request.extensions, &request.content, out);
    }

    /// Appends a RESPONSE.
    #[allow(clippy::inline_always, reason = "the path of every message")]
    #[inline(always)]
    pub(crate) fn response(&mut self, response: &ResponseRef<'_>, out: &mut SendBuffer) {
        let (head, payload) = response::head(response);
        self.put(&head, response.extensions, &payload, out);
    }

    /// Appends a PART.
    pub(crate) fn part(
        &mut self,
        call: u64,
        content: &ContentRef<'_>,
        extensions: &[u8],
        out: &mut SendBuffer,
    ) {
        self.put(&response::part_head(call, content, extensions), extensions, content, out);
    }

    /// Sees to it that the peer knows what shared symbols stand for.
    pub(crate) fn shared_symbols(&mut self, symbols: &[(u16, Str)], out: &mut SendBuffer) {
        for (slot, text) in symbols {
            if self.told.tell(*slot, text) {
                self.define(*slot, text, out);
            }
        }
    }

    /// The symbols of a request: of the service's name, if it is asked by that, and of the method.
    #[inline]
    fn target(&mut self, name: Option<&Str>, method: &Str, out: &mut SendBuffer) -> (u16, u16) {
        let slot = self.symbol(method, Use::Method, out);
        let Some(name) = name else { return (NO_SYMBOL, slot) };
        let name = self.symbol(name, Use::Name, out);
        // To define the name may have taken the method's slot. The next one is not the name's, so
        // this time both hold.
        (name, self.symbol(method, Use::Method, out))
    }

    /// The symbol of `text`, good until the next one is asked for.
    #[inline]
    fn symbol(&mut self, text: &Str, used: Use, out: &mut SendBuffer) -> u16 {
        match self.symbols.last(text, used) {
            Some(slot) => slot,
            None => self.other_symbol(text, used, out),
        }
    }

    fn other_symbol(&mut self, text: &Str, used: Use, out: &mut SendBuffer) -> u16 {
        let limit = match used {
            Use::Subject => MAX_SUBJECT,
            Use::Name | Use::Method => MAX_NAME,
        };
        let fitting = fitting(text, limit);
        let (slot, new) = if fitting.len() == text.len() {
            self.symbols.slot(text, used)
        } else {
            self.symbols.slot(&fitting.into(), used)
        };
        if new {
            self.define(slot, fitting, out);
        }
        slot
    }

    fn define(&mut self, slot: u16, text: &str, out: &mut SendBuffer) {
        let mut body = Vec::with_capacity(4 + text.len());
        body.put_u16_le(slot);
        string(&mut body, text, MAX_SUBJECT);
        self.control(Kind::Symbol, &[], &body, out);
    }

    fn control(&mut self, kind: Kind, extensions: &[u8], body: &[u8], out: &mut SendBuffer) {
        self.begin(out);
        let header = Header { kind, extensions: extensions.len(), body: body.len() };
        let bytes = header.write();
        debug_assert!(bytes.is_some(), "{header:?} exceeds the limits");
        if let Some(bytes) = bytes {
            out.copy(&bytes);
            out.copy(extensions);
            out.copy(body);
        }
    }

    /// Appends a data frame.
    #[allow(clippy::inline_always, reason = "the path of every message")]
    #[inline(always)]
    fn put(&self, head: &[u8], extensions: &[u8], content: &ContentRef<'_>, out: &mut SendBuffer) {
        debug_assert!(self.begun, "a direction begins with a greeting");
        if extensions.is_empty() && content.bytes.len() < SEGMENT_FROM {
            out.copy_both(head, content.bytes);
        } else {
            put_large(head, extensions, content, out);
        }
    }

    /// The preamble, before the first frame.
    #[inline]
    fn begin(&mut self, out: &mut SendBuffer) {
        if !self.begun {
            self.begun = true;
            out.copy(&preamble());
        }
    }
}

#[inline(never)]
fn put_large(head: &[u8], extensions: &[u8], content: &ContentRef<'_>, out: &mut SendBuffer) {
    if extensions.len() > MAX_EXTENSIONS || content.bytes.len() > MAX_PAYLOAD {
        return;
    }
    put_head(head, extensions, out);
    if content.bytes.len() < SEGMENT_FROM {
        out.copy(content.bytes);
    } else {
        out.push(content.share());
    }
}

/// Extension fields come between the header and the fixed fields.
fn put_head(head: &[u8], extensions: &[u8], out: &mut SendBuffer) {
    let (header, fixed) = head.split_at(HEADER);
    out.copy(header);
    out.copy(extensions);
    out.copy(fixed);
}
