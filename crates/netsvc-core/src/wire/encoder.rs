//! Messages in, bytes out.

use std::time::Duration;

use bytes::{BufMut, Bytes};

use crate::content::Content;
use crate::ids::Str;
use crate::limits::{MAX_NAME, MAX_SUBJECT};
use crate::outcome::Outcome;

use super::control;
use super::data;
use super::frame::{DataKind, HEADER, Header, Kind, preamble};
use super::message::{Message, Report, RequestTarget};
use super::shared_symbols::ToldSymbols;
use super::symbols::{NO_SYMBOL, SentSymbols, Use};
use super::views::{self, ReportView, RequestView, ResultView};
use super::write_batch::WriteBatch;
use super::writer::{Fixed, fitting, string};

/// A request, borrowed from where it is kept; see [`Request`](super::Request).
pub(crate) struct RequestFrame<'a> {
    pub(crate) call: u64,
    pub(crate) caller: u32,
    pub(crate) target: Asked<'a>,
    pub(crate) method: &'a Str,
    pub(crate) remaining: Duration,
    pub(crate) parts: u32,
    pub(crate) content: &'a Content,
    pub(crate) extensions: &'a Bytes,
}

/// Who is asked; see [`RequestTarget`].
#[derive(Clone, Copy)]
pub(crate) enum Asked<'a> {
    Service(u32),
    Name(&'a Str),
}

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
    pub fn encode(&mut self, message: &Message, out: &mut WriteBatch) {
        match message {
            Message::Request(request) => {
                let target = match &request.target {
                    RequestTarget::Service(service) => Asked::Service(*service),
                    RequestTarget::Name(name) => Asked::Name(name),
                };
                let request = RequestFrame {
                    call: request.call,
                    caller: request.caller,
                    target,
                    method: &request.method,
                    remaining: request.remaining,
                    parts: request.parts,
                    content: &request.content,
                    extensions: &request.extensions,
                };
                self.request(&request, out);
            }
            Message::Response { call, outcome, extensions } => {
                self.response(*call, outcome, extensions, out);
            }
            Message::Report(report) => {
                let Report { service, subject, sequence, content, extensions } = report;
                self.report(*service, subject, *sequence, content, extensions, out);
            }
            Message::Part { call, content, extensions } => {
                self.part(*call, content, extensions, out);
            }
            Message::Targeted { process, report } => self.targeted(*process, report, out),
            Message::Replayed { process, replay, remaining, report } => {
                self.replayed(*process, *replay, *remaining, report, out);
            }
            control => {
                let mut body = Vec::new();
                if let Some(kind) = control::write(control, &mut body) {
                    let extensions = match control {
                        Message::Service(announcement) => &announcement.extensions[..],
                        _ => &[],
                    };
                    self.control(Kind::Control(kind), extensions, &body, out);
                }
            }
        }
    }

    /// As [`encode`](Self::encode) of a report.
    pub fn report(
        &mut self,
        service: u32,
        subject: &Str,
        sequence: u64,
        content: &Content,
        extensions: &Bytes,
        out: &mut WriteBatch,
    ) {
        let subject = self.symbol(subject, Use::Subject, out);
        let mut fixed = Fixed::default();
        data::write_report(&mut fixed, service, subject, sequence, content);
        self.data(DataKind::Report, &fixed, extensions, &content.bytes, out);
    }

    /// As [`report`](Self::report), of one that has just been read and is small.
    #[inline]
    pub(crate) fn report_view(
        &mut self,
        service: u32,
        view: &ReportView<'_>,
        out: &mut WriteBatch,
    ) {
        let subject = self.symbol(view.subject, Use::Subject, out);
        debug_assert!(self.begun, "a report is not the first message");
        out.copy_both(&views::report_head(service, subject, view), view.content);
    }

    /// As [`report_view`](Self::report_view), but for the content, which is to follow.
    pub(crate) fn report_before_content(
        &mut self,
        service: u32,
        view: &ReportView<'_>,
        out: &mut WriteBatch,
    ) {
        let subject = self.symbol(view.subject, Use::Subject, out);
        debug_assert!(self.begun, "a report is not the first message");
        out.copy(&views::report_head(service, subject, view));
    }

    /// As [`request`](Self::request), of a small one in somebody else's buffer.
    #[inline]
    pub(crate) fn request_view(&mut self, view: &RequestView<'_>, out: &mut WriteBatch) {
        debug_assert!(self.begun, "a request is not the first message");
        let (name, method) = self.target(view.target.err(), view.method, out);
        out.copy_both(&views::request_head(name, method, view), view.content);
    }

    /// As [`response`](Self::response), of a result that has just been read.
    #[inline]
    pub(crate) fn result_view(&mut self, view: &ResultView<'_>, out: &mut WriteBatch) {
        debug_assert!(self.begun, "a result is not the first message");
        out.copy_both(&views::result_head(view), view.content);
    }

    /// As [`encode`](Self::encode) of a report for one process.
    pub fn targeted(&mut self, process: u32, report: &Report, out: &mut WriteBatch) {
        let Report { service, subject, sequence, content, extensions } = report;
        let subject = self.symbol(subject, Use::Subject, out);
        let mut fixed = Fixed::default();
        data::write_targeted(&mut fixed, process);
        data::write_report(&mut fixed, *service, subject, *sequence, content);
        self.data(DataKind::Targeted, &fixed, extensions, &content.bytes, out);
    }

    /// As [`encode`](Self::encode) of a kept value.
    pub fn replayed(
        &mut self,
        process: u32,
        replay: u32,
        remaining: Option<Duration>,
        report: &Report,
        out: &mut WriteBatch,
    ) {
        let Report { service, subject, sequence, content, extensions } = report;
        let subject = self.symbol(subject, Use::Subject, out);
        let mut fixed = Fixed::default();
        data::write_replayed(&mut fixed, process, replay, remaining);
        data::write_report(&mut fixed, *service, subject, *sequence, content);
        self.data(DataKind::Replayed, &fixed, extensions, &content.bytes, out);
    }

    /// As [`encode`](Self::encode) of a request.
    pub(crate) fn request(&mut self, request: &RequestFrame<'_>, out: &mut WriteBatch) {
        let name = match request.target {
            Asked::Service(_) => None,
            Asked::Name(name) => Some(name),
        };
        let (name, method) = self.target(name, request.method, out);
        let mut fixed = Fixed::default();
        data::write_request(&mut fixed, request, name, method);
        self.data(DataKind::Request, &fixed, request.extensions, &request.content.bytes, out);
    }

    /// As [`encode`](Self::encode) of a response.
    pub fn response(
        &mut self,
        call: u64,
        outcome: &Outcome,
        extensions: &Bytes,
        out: &mut WriteBatch,
    ) {
        let mut fixed = Fixed::default();
        let payload = data::write_outcome(&mut fixed, call, outcome);
        self.data(DataKind::Response, &fixed, extensions, &payload, out);
    }

    /// As [`encode`](Self::encode) of a part of a streamed result.
    pub fn part(&mut self, call: u64, content: &Content, extensions: &Bytes, out: &mut WriteBatch) {
        let mut fixed = Fixed::default();
        data::write_part(&mut fixed, call, content);
        self.data(DataKind::Part, &fixed, extensions, &content.bytes, out);
    }

    /// The symbols of a request: of the service's name, if it is asked by that, and of the method.
    #[inline]
    fn target(&mut self, name: Option<&Str>, method: &Str, out: &mut WriteBatch) -> (u16, u16) {
        let slot = self.symbol(method, Use::Method, out);
        let Some(name) = name else { return (NO_SYMBOL, slot) };
        let name = self.symbol(name, Use::Name, out);
        // To define the name may have taken the method's slot. The next one is not the name's, so
        // this time both hold.
        (name, self.symbol(method, Use::Method, out))
    }

    /// The symbol of `text`, good until the next one is asked for.
    #[inline]
    fn symbol(&mut self, text: &Str, used: Use, out: &mut WriteBatch) -> u16 {
        match self.symbols.last(text, used) {
            Some(slot) => slot,
            None => self.other_symbol(text, used, out),
        }
    }

    fn other_symbol(&mut self, text: &Str, used: Use, out: &mut WriteBatch) -> u16 {
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

    /// Sees to it that the peer knows what shared symbols stand for.
    pub(crate) fn shared_symbols(&mut self, symbols: &[(u16, Str)], out: &mut WriteBatch) {
        for (slot, text) in symbols {
            if self.told.tell(*slot, text) {
                self.define(*slot, text, out);
            }
        }
    }

    fn define(&mut self, slot: u16, text: &str, out: &mut WriteBatch) {
        let mut body = Vec::with_capacity(4 + text.len());
        body.put_u16_le(slot);
        string(&mut body, text, MAX_SUBJECT);
        self.control(Kind::Symbol, &[], &body, out);
    }

    fn control(&mut self, kind: Kind, extensions: &[u8], body: &[u8], out: &mut WriteBatch) {
        let header = Header { kind, extensions: extensions.len(), body: body.len() };
        if let Some(header) = self.header(header, out) {
            out.copy(&header);
            out.copy(extensions);
            out.copy(body);
        }
    }

    fn data(
        &mut self,
        kind: DataKind,
        fixed: &Fixed,
        extensions: &[u8],
        payload: &Bytes,
        out: &mut WriteBatch,
    ) {
        let body = fixed.bytes().len() + payload.len();
        let header = Header { kind: Kind::Data(kind), extensions: extensions.len(), body };
        if let Some(header) = self.header(header, out) {
            if extensions.is_empty() {
                out.frame(&header, fixed.bytes(), payload);
            } else {
                out.copy(&header);
                out.copy(extensions);
                out.frame(&[], fixed.bytes(), payload);
            }
        }
    }

    /// The bytes of a header, preceded in `out` by the preamble if they are the first.
    fn header(&mut self, header: Header, out: &mut WriteBatch) -> Option<[u8; HEADER]> {
        if !self.begun {
            self.begun = true;
            out.copy(&preamble());
        }
        let bytes = header.write();
        debug_assert!(bytes.is_some(), "{header:?} exceeds the limits");
        bytes
    }
}
