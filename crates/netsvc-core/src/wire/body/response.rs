//! RESPONSE and PART.

use bytes::Bytes;

use crate::content::{Content, ContentRef, ContentType};
use crate::outcome::{Delivered, Outcome, RequestCode, RequestError};
use crate::wire::error::WireError;
use crate::wire::frame::{DataKind, HEADER, MAX_TEXT, data_header};
use crate::wire::message::Message;
use crate::wire::reader::{self, Reader};
use crate::wire::words::put_words;
use crate::wire::writer::prefix;

use super::payload::Payload;

/// Bytes of the fixed fields of a RESPONSE.
pub(in crate::wire) const RESPONSE_FIXED: usize = 12;
/// Bytes of the fixed fields of a PART.
pub(in crate::wire) const PART_FIXED: usize = 12;
/// Status of a RESPONSE with [`Outcome::Response`].
const STATUS_RESPONSE: u8 = 0;
/// Status of a RESPONSE with [`Outcome::Failure`].
const STATUS_FAILURE: u8 = 1;
/// Status of a RESPONSE with [`Outcome::Error`].
const STATUS_ERROR: u8 = 2;

/// An outcome on its way to the caller, where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResponseRef<'a> {
    /// As in the request.
    pub(crate) call: u64,
    /// How it ended.
    pub(crate) outcome: OutcomeRef<'a>,
    /// Extension fields to be passed on unchanged.
    pub(crate) extensions: &'a [u8],
}

impl ResponseRef<'_> {
    pub(in crate::wire) fn keep(&self) -> Message {
        Message::Response {
            call: self.call,
            outcome: self.outcome.keep(),
            extensions: Bytes::copy_from_slice(self.extensions),
        }
    }
}

/// As [`Outcome`], borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutcomeRef<'a> {
    /// The handler's result.
    Response(ContentRef<'a>),
    /// The handler failed: the application's encoded code, message and data.
    Failure(ContentRef<'a>),
    /// The framework's failure.
    Error {
        /// Which.
        code: RequestCode,
        /// Whether the handler may have seen the request.
        delivered: Delivered,
        /// For people.
        message: &'a str,
    },
}

impl<'a> OutcomeRef<'a> {
    /// Bytes of content, or of an error's explanation.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Response(content) | Self::Failure(content) => content.bytes.len(),
            Self::Error { message, .. } => message.len(),
        }
    }

    /// The same outcome, to be passed on soon.
    pub(crate) fn keep(&self) -> Outcome {
        self.own(ContentRef::keep)
    }

    /// The same outcome, to wait for as long as it takes.
    pub(crate) fn detach(&self) -> Outcome {
        self.own(ContentRef::detach)
    }

    fn own(&self, own: impl Fn(&ContentRef<'a>) -> Content) -> Outcome {
        match self {
            Self::Response(content) => Outcome::Response(own(content)),
            Self::Failure(content) => Outcome::Failure(own(content)),
            Self::Error { code, delivered, message } => {
                let (code, delivered) = (*code, *delivered);
                Outcome::Error(RequestError { code, delivered, message: (*message).into() })
            }
        }
    }
}

impl Outcome {
    /// The same outcome, borrowed.
    pub fn by_ref(&self) -> OutcomeRef<'_> {
        match self {
            Self::Response(content) => OutcomeRef::Response(content.by_ref()),
            Self::Failure(content) => OutcomeRef::Failure(content.by_ref()),
            Self::Error(RequestError { code, delivered, message }) => {
                OutcomeRef::Error { code: *code, delivered: *delivered, message }
            }
        }
    }
}

/// Reads the body of a RESPONSE with a handler's result; `None`: [`read`] it.
#[inline]
pub(in crate::wire) fn read_result(
    fixed: [u8; RESPONSE_FIXED],
    payload: Payload<'_>,
) -> Option<ResponseRef<'_>> {
    let [c0, c1, c2, c3, c4, c5, c6, c7, how @ ..] = fixed;
    let how = u32::from_le_bytes(how);
    if how as u8 != STATUS_RESPONSE || how >> 16 != 0 {
        return None;
    }
    let outcome = OutcomeRef::Response(payload.content(ContentType((how >> 8) as u8)));
    let call = u64::from_le_bytes([c0, c1, c2, c3, c4, c5, c6, c7]);
    Some(ResponseRef { call, outcome, extensions: payload.extensions })
}

/// Reads the body of any RESPONSE.
pub(in crate::wire) fn read(
    fixed: [u8; RESPONSE_FIXED],
    payload: Payload<'_>,
) -> Result<ResponseRef<'_>, WireError> {
    let [c0, c1, c2, c3, c4, c5, c6, c7, how @ ..] = fixed;
    let call = u64::from_le_bytes([c0, c1, c2, c3, c4, c5, c6, c7]);
    let content = payload.content(ContentType(how[1]));
    let outcome = read_outcome(how, content)?;
    Ok(ResponseRef { call, outcome, extensions: payload.extensions })
}

fn read_outcome(how: [u8; 4], payload: ContentRef<'_>) -> Result<OutcomeRef<'_>, WireError> {
    let [status, kind, ..] = how;
    let mut reader = Reader::new(DataKind::Response.name(), &how[2..]);
    let r = &mut reader;
    let outcome = match status {
        STATUS_RESPONSE => {
            r.reserved::<1>()?;
            OutcomeRef::Response(payload)
        }
        STATUS_FAILURE => {
            r.reserved::<1>()?;
            OutcomeRef::Failure(payload)
        }
        STATUS_ERROR => OutcomeRef::Error {
            code: RequestCode::from_wire(kind)
                .ok_or(WireError::Value { field: "code", value: kind.into() })?,
            delivered: read_delivered(r)?,
            message: read_text(payload.bytes)?,
        },
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

fn read_text(payload: &[u8]) -> Result<&str, WireError> {
    if payload.len() > MAX_TEXT {
        let bytes = payload.len();
        return Err(WireError::StringTooLong { field: "message", bytes, limit: MAX_TEXT });
    }
    reader::text("message", payload)
}

/// Reads the body of a PART.
pub(in crate::wire) fn read_part(
    fixed: [u8; PART_FIXED],
    payload: Payload<'_>,
) -> Result<Message, WireError> {
    let mut reader = Reader::new(DataKind::Part.name(), &fixed);
    let (call, kind) = (reader.u64()?, ContentType(reader.u8()?));
    reader.reserved::<3>()?;
    let extensions = Bytes::copy_from_slice(payload.extensions);
    Ok(Message::Part { call, content: payload.content(kind).keep(), extensions })
}

/// Everything of a RESPONSE before its extension fields and payload, and the payload, which is a
/// content but for errors.
#[allow(clippy::inline_always, reason = "the path of every response")]
#[inline(always)]
pub(in crate::wire) fn head<'a>(
    response: &ResponseRef<'a>,
) -> ([u8; HEADER + RESPONSE_FIXED], ContentRef<'a>) {
    let (how, payload) = match response.outcome {
        OutcomeRef::Response(content) => ([STATUS_RESPONSE, content.kind.0, 0, 0], content),
        OutcomeRef::Failure(content) => ([STATUS_FAILURE, content.kind.0, 0, 0], content),
        OutcomeRef::Error { code, delivered, message } => {
            let delivered = match delivered {
                Delivered::No => 0,
                Delivered::Yes => 1,
                Delivered::Unknown => 2,
            };
            let text = prefix(message, MAX_TEXT).as_bytes();
            ([STATUS_ERROR, code as u8, delivered, 0], ContentRef::new(ContentType::BYTES, text))
        }
    };
    let (extensions, bytes) = (response.extensions.len(), payload.bytes.len());
    (head_of(DataKind::Response, response.call, how, extensions, bytes), payload)
}

/// Everything of a PART before its extension fields and content.
pub(in crate::wire) fn part_head(
    call: u64,
    content: &ContentRef<'_>,
    extensions: &[u8],
) -> [u8; HEADER + PART_FIXED] {
    let how = [content.kind.0, 0, 0, 0];
    head_of(DataKind::Part, call, how, extensions.len(), content.bytes.len())
}

#[allow(clippy::inline_always, reason = "the path of every response")]
#[inline(always)]
fn head_of(
    kind: DataKind,
    call: u64,
    how: [u8; 4],
    extensions: usize,
    payload: usize,
) -> [u8; HEADER + RESPONSE_FIXED] {
    let mut head = [0; HEADER + RESPONSE_FIXED];
    let (words, last) = head.split_at_mut(16);
    put_words(words, [data_header(kind, extensions, payload), call]);
    last.copy_from_slice(&how);
    head
}
