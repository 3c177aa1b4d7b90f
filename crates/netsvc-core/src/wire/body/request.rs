//! REQUEST.

use std::time::Duration;

use bytes::Bytes;

use crate::content::{ContentRef, ContentType};
use crate::ids::Str;
use crate::limits::MAX_NAME;
use crate::wire::error::WireError;
use crate::wire::frame::{DataKind, HEADER, data_header};
use crate::wire::message::{Request, RequestTarget};
use crate::wire::symbols::link::{NO_SYMBOL, ReceivedSymbols};
use crate::wire::words::{pair, put_words, words};
use crate::wire::writer::millis;

use super::payload::Payload;

/// Bytes of the fixed fields of a REQUEST.
pub(in crate::wire) const REQUEST_FIXED: usize = 32;

/// A request where it lies: the one shape of a request on a link. [`Request`] is its copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestRef<'a> {
    /// Chosen by the sender; unique among its requests in flight on this link.
    pub call: u64,
    /// The calling process; sender's number (0: the sender itself).
    pub caller: u32,
    /// Who is asked.
    pub target: RequestTargetRef<'a>,
    /// Which method.
    pub method: &'a Str,
    /// What is left until the caller's deadline, in milliseconds, rounded up.
    pub remaining: u32,
    /// Parts of a streamed result that the caller takes at first; 0: it wants no stream.
    pub parts: u32,
    /// Arguments.
    pub content: ContentRef<'a>,
    /// Extension fields to be passed on unchanged.
    pub extensions: &'a [u8],
}

/// Who is asked; see [`RequestTarget`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestTargetRef<'a> {
    /// One service; receiver's number.
    Service(u32),
    /// Any service of that name that the caller can see; the receiver picks.
    Name(&'a Str),
}

impl RequestRef<'_> {
    pub(in crate::wire) fn keep(&self) -> Request {
        Request {
            call: self.call,
            caller: self.caller,
            target: match self.target {
                RequestTargetRef::Service(service) => RequestTarget::Service(service),
                RequestTargetRef::Name(name) => RequestTarget::Name(name.clone()),
            },
            method: self.method.clone(),
            remaining: Duration::from_millis(self.remaining.into()),
            parts: self.parts,
            content: self.content.keep(),
            extensions: Bytes::copy_from_slice(self.extensions),
        }
    }
}

impl Request {
    /// The same request, borrowed.
    pub fn by_ref(&self) -> RequestRef<'_> {
        RequestRef {
            call: self.call,
            caller: self.caller,
            target: match &self.target {
                RequestTarget::Service(service) => RequestTargetRef::Service(*service),
                RequestTarget::Name(name) => RequestTargetRef::Name(name),
            },
            method: &self.method,
            remaining: millis(self.remaining),
            parts: self.parts,
            content: self.content.by_ref(),
            extensions: &self.extensions,
        }
    }
}

/// Reads the body of a REQUEST; `None`: [`fault`] says why not.
#[inline]
pub(in crate::wire) fn read<'a>(
    fixed: [u8; REQUEST_FIXED],
    payload: Payload<'a>,
    symbols: &'a ReceivedSymbols,
) -> Option<RequestRef<'a>> {
    let [call, processes, target, last] = words(fixed);
    let target_of = match ((processes >> 32) as u32, target as u16) {
        (0, name) => RequestTargetRef::Name(symbols.get(name).filter(|text| is_name(text))?),
        (service, NO_SYMBOL) => RequestTargetRef::Service(service),
        _ => return None,
    };
    let method = symbols.get((target >> 16) as u16).filter(|text| is_name(text))?;
    if last >> 40 != 0 {
        return None;
    }
    Some(RequestRef {
        call,
        caller: processes as u32,
        target: target_of,
        method,
        remaining: (target >> 32) as u32,
        parts: last as u32,
        content: payload.content(ContentType((last >> 32) as u8)),
        extensions: payload.extensions,
    })
}

#[inline]
fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME
}

/// What is wrong with the fixed fields of a REQUEST.
pub(in crate::wire) fn fault(fixed: [u8; REQUEST_FIXED], symbols: &ReceivedSymbols) -> WireError {
    let [_, processes, target, _] = words(fixed);
    let named = match ((processes >> 32) as u32, target as u16) {
        (0, name) => symbols.name("name", name).map(drop),
        (_, NO_SYMBOL) => Ok(()),
        (_, name) => Err(WireError::Value { field: "name", value: name.into() }),
    };
    let method = || symbols.name("method", (target >> 16) as u16).map(drop);
    if let Err(error) = named.and_then(|()| method()) {
        return error;
    }
    let reserved = fixed[REQUEST_FIXED - 3..].iter().find(|byte| **byte != 0);
    let value = reserved.copied().unwrap_or_default().into();
    WireError::Value { field: "reserved", value }
}

/// Everything of a REQUEST before its extension fields and content. `name` is the symbol of the
/// service's name, if it is asked by that; `method` that of the method's.
#[inline]
pub(in crate::wire) fn head(
    name: u16,
    method: u16,
    request: &RequestRef<'_>,
) -> [u8; HEADER + REQUEST_FIXED] {
    let service = match request.target {
        RequestTargetRef::Service(service) => service,
        RequestTargetRef::Name(_) => 0,
    };
    debug_assert!(service != 0 || name != NO_SYMBOL, "service 0 stands for none");
    let mut head = [0; HEADER + REQUEST_FIXED];
    let words = [
        data_header(DataKind::Request, request.extensions.len(), request.content.bytes.len()),
        request.call,
        pair(request.caller, service),
        pair(u32::from(name) | u32::from(method) << 16, request.remaining),
        pair(request.parts, request.content.kind.0.into()),
    ];
    put_words(&mut head, words);
    head
}
