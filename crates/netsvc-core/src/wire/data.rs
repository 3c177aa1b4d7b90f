//! Bodies of messages with content: fixed fields, then the content up to the end of the frame.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;

use crate::content::{Content, ContentType};
use crate::ids::Str;
use crate::outcome::{Delivered, Outcome, RequestCode, RequestError};

use super::encoder::{Asked, RequestFrame};
use super::error::WireError;
use super::frame::{DataKind, MAX_TEXT};
use super::message::{Message, Report, Request, RequestTarget};
use super::reader::{Reader, utf8};
use super::symbols::{NO_SYMBOL, ReceivedSymbols};
use super::views::words;
use super::writer::{Fixed, millis, prefix};

/// Bytes of the fixed fields of a REQUEST.
pub(super) const REQUEST_FIXED: usize = 32;
/// Bytes of the fixed fields of a RESPONSE.
pub(super) const RESPONSE_FIXED: usize = 12;
/// Bytes of the fixed fields of a REPORT.
pub(super) const REPORT_FIXED: usize = 16;
/// `remaining` of a value that is kept for ever.
const FOR_EVER: u32 = u32::MAX;
/// Status of a RESPONSE with [`Outcome::Response`].
pub(super) const STATUS_RESPONSE: u8 = 0;
/// Status of a RESPONSE with [`Outcome::Failure`].
const STATUS_FAILURE: u8 = 1;
/// Status of a RESPONSE with [`Outcome::Error`].
const STATUS_ERROR: u8 = 2;

/// Reads a body: `fixed` are its [`DataKind::fixed`] first bytes, `payload` is the rest.
pub(super) fn read(
    kind: DataKind,
    fixed: &[u8],
    payload: Bytes,
    extensions: Bytes,
    symbols: &ReceivedSymbols,
) -> Result<Message, WireError> {
    let mut reader = Reader::new(kind.name(), fixed);
    let r = &mut reader;
    let message = match kind {
        DataKind::Request => Message::Request(read_request(r, payload, extensions, symbols)?),
        DataKind::Response => {
            Message::Response { call: r.u64()?, outcome: read_outcome(r, payload)?, extensions }
        }
        DataKind::Part => {
            let call = r.u64()?;
            let content = Content { kind: ContentType(r.u8()?), bytes: payload };
            r.reserved::<3>()?;
            Message::Part { call, content, extensions }
        }
        DataKind::Report => Message::Report(read_report(r, payload, extensions, symbols)?),
        DataKind::Targeted => Message::Targeted {
            process: r.u32()?,
            report: read_report(r, payload, extensions, symbols)?,
        },
        DataKind::Replayed => Message::Replayed {
            process: r.u32()?,
            replay: r.u32()?,
            remaining: match r.u32()? {
                FOR_EVER => None,
                millis => Some(Duration::from_millis(millis.into())),
            },
            report: read_report(r, payload, extensions, symbols)?,
        },
    };
    reader.end()?;
    Ok(message)
}

/// Writes the fixed fields of a REQUEST. `name` is the symbol of the service's name, if asked by
/// name; `method` that of the method's.
pub(super) fn write_request(fixed: &mut Fixed, request: &RequestFrame<'_>, name: u16, method: u16) {
    debug_assert!(!matches!(request.target, Asked::Service(0)), "service 0 stands for none");
    fixed.u64(request.call);
    fixed.u32(request.caller);
    fixed.u32(match request.target {
        Asked::Service(service) => service,
        Asked::Name(_) => 0,
    });
    fixed.u16(name);
    fixed.u16(method);
    fixed.u32(millis(request.remaining));
    fixed.u32(request.parts);
    fixed.u8(request.content.kind.0);
    fixed.array([0; 3]);
}

/// Writes the fixed fields of a RESPONSE; returns its payload.
pub(super) fn write_outcome<'a>(
    fixed: &mut Fixed,
    call: u64,
    outcome: &'a Outcome,
) -> Cow<'a, Bytes> {
    fixed.u64(call);
    match outcome {
        Outcome::Response(content) => {
            fixed.array([STATUS_RESPONSE, content.kind.0, 0, 0]);
            Cow::Borrowed(&content.bytes)
        }
        Outcome::Failure(content) => {
            fixed.array([STATUS_FAILURE, content.kind.0, 0, 0]);
            Cow::Borrowed(&content.bytes)
        }
        Outcome::Error(RequestError { code, delivered, message }) => {
            let delivered = match delivered {
                Delivered::No => 0,
                Delivered::Yes => 1,
                Delivered::Unknown => 2,
            };
            fixed.array([STATUS_ERROR, *code as u8, delivered, 0]);
            Cow::Owned(Bytes::copy_from_slice(prefix(message, MAX_TEXT).as_bytes()))
        }
    }
}

/// Writes the fixed fields of a PART.
pub(super) fn write_part(fixed: &mut Fixed, call: u64, content: &Content) {
    fixed.u64(call);
    fixed.array([content.kind.0, 0, 0, 0]);
}

/// Writes the fixed fields of a REPORT. `subject` is the subject's symbol.
pub(super) fn write_report(
    fixed: &mut Fixed,
    service: u32,
    subject: u16,
    sequence: u64,
    content: &Content,
) {
    fixed.u32(service);
    fixed.u16(subject);
    fixed.u8(content.kind.0);
    fixed.u8(0);
    fixed.u64(sequence);
}

/// Writes the field that a TARGETED has before those of a REPORT.
pub(super) fn write_targeted(fixed: &mut Fixed, process: u32) {
    fixed.u32(process);
}

/// Writes the fields that a REPLAYED has before those of a REPORT.
pub(super) fn write_replayed(
    fixed: &mut Fixed,
    process: u32,
    replay: u32,
    remaining: Option<Duration>,
) {
    fixed.u32(process);
    fixed.u32(replay);
    fixed.u32(remaining.map_or(FOR_EVER, |remaining| millis(remaining).min(FOR_EVER - 1)));
}

fn read_request(
    r: &mut Reader<'_>,
    payload: Bytes,
    extensions: Bytes,
    symbols: &ReceivedSymbols,
) -> Result<Request, WireError> {
    request(r.array()?, payload, extensions, symbols)
}

/// Reads the fixed fields of a REQUEST.
#[inline]
pub(super) fn request(
    fixed: [u8; REQUEST_FIXED],
    payload: Bytes,
    extensions: Bytes,
    symbols: &ReceivedSymbols,
) -> Result<Request, WireError> {
    let [call, processes, target, last] = words(fixed);
    let (caller, service) = (processes as u32, (processes >> 32) as u32);
    let (name, method, remaining) = (target as u16, (target >> 16) as u16, (target >> 32) as u32);
    let (parts, kind) = (last as u32, (last >> 32) as u8);
    let target = match (service, name) {
        (0, name) => RequestTarget::Name(symbols.name("name", name)?),
        (service, NO_SYMBOL) => RequestTarget::Service(service),
        (_, name) => return Err(WireError::Value { field: "name", value: name.into() }),
    };
    let method = symbols.name("method", method)?;
    if let Some(byte) = fixed[REQUEST_FIXED - 3..].iter().find(|byte| **byte != 0) {
        return Err(WireError::Value { field: "reserved", value: u32::from(*byte) });
    }
    Ok(Request {
        call,
        caller,
        target,
        method,
        remaining: Duration::from_millis(remaining.into()),
        parts,
        content: Content { kind: ContentType(kind), bytes: payload },
        extensions,
    })
}

/// Reads a RESPONSE that is a result, by far the most frequent kind; `None`: any other.
#[inline]
pub(super) fn result(
    fixed: [u8; RESPONSE_FIXED],
    payload: impl FnOnce() -> Bytes,
) -> Option<Message> {
    let [call @ .., STATUS_RESPONSE, kind, 0, 0] = fixed else { return None };
    let content = Content { kind: ContentType(kind), bytes: payload() };
    let call = u64::from_le_bytes(call);
    Some(Message::Response { call, outcome: Outcome::Response(content), extensions: Bytes::new() })
}

fn read_outcome(r: &mut Reader<'_>, payload: Bytes) -> Result<Outcome, WireError> {
    let (status, kind) = (r.u8()?, r.u8()?);
    let content = |payload| Content { kind: ContentType(kind), bytes: payload };
    let outcome = match status {
        STATUS_RESPONSE => {
            r.reserved::<1>()?;
            Outcome::Response(content(payload))
        }
        STATUS_FAILURE => {
            r.reserved::<1>()?;
            Outcome::Failure(content(payload))
        }
        STATUS_ERROR => Outcome::Error(RequestError {
            code: RequestCode::from_wire(kind)
                .ok_or(WireError::Value { field: "code", value: kind.into() })?,
            delivered: read_delivered(r)?,
            message: read_text(&payload)?,
        }),
        value => return Err(WireError::Value { field: "status", value: value.into() }),
    };
    r.reserved::<1>()?;
    Ok(outcome)
}

fn read_delivered(r: &mut Reader<'_>) -> Result<Delivered, WireError> {
    match r.u8()? {
        0 => Ok(Delivered::No),
        1 => Ok(Delivered::Yes),
        2 => Ok(Delivered::Unknown),
        value => Err(WireError::Value { field: "delivered", value: value.into() }),
    }
}

fn read_text(payload: &[u8]) -> Result<Str, WireError> {
    if payload.len() > MAX_TEXT {
        let bytes = payload.len();
        return Err(WireError::StringTooLong { field: "message", bytes, limit: MAX_TEXT });
    }
    utf8("message", payload)
}

fn read_report(
    r: &mut Reader<'_>,
    payload: Bytes,
    extensions: Bytes,
    symbols: &ReceivedSymbols,
) -> Result<Report, WireError> {
    report(r.array()?, payload, extensions, symbols)
}

/// Reads the fixed fields of a REPORT.
#[inline]
pub(super) fn report(
    fixed: [u8; REPORT_FIXED],
    payload: Bytes,
    extensions: Bytes,
    symbols: &ReceivedSymbols,
) -> Result<Report, WireError> {
    let [s0, s1, s2, s3, t0, t1, kind, reserved, sequence @ ..] = fixed;
    if reserved != 0 {
        return Err(WireError::Value { field: "reserved", value: reserved.into() });
    }
    Ok(Report {
        service: u32::from_le_bytes([s0, s1, s2, s3]),
        subject: symbols.subject(u16::from_le_bytes([t0, t1]))?,
        sequence: u64::from_le_bytes(sequence),
        content: Content { kind: ContentType(kind), bytes: payload },
        extensions,
    })
}
