//! Messages as attacks have them.

use std::time::Duration;

use bytes::Bytes;
use netsvc_core::wire::{Announcement, InterestTarget, Message, Report, Request, RequestTarget};
use netsvc_core::{Content, ContentType, Str};

/// Kinds of frames that only the codec sends, and of one that is made by hand (docs/protocol.md).
const SYMBOL: u8 = 0x10;
const FRAGMENT: u8 = 0x11;
const REPORT: u8 = 0x50;

/// A service of the sender's own, without methods.
pub(crate) fn service(number: u32, name: &str) -> Message {
    service_with(number, name, Vec::new())
}

pub(crate) fn service_with(number: u32, name: &str, methods: Vec<Str>) -> Message {
    Message::Service(Announcement {
        service: number,
        process: 0,
        counter: number,
        revision: u64::from(number),
        name: name.into(),
        audience: "*".into(),
        groups: Vec::new(),
        methods,
        extensions: Bytes::new(),
    })
}

pub(crate) fn interest(id: u32, name: &str, pattern: &str) -> Message {
    let target = InterestTarget::Name(name.into());
    Message::Interest { id, target, pattern: pattern.into(), latest: false }
}

pub(crate) fn report(service: u32, subject: &str, sequence: u64, content: &Bytes) -> Report {
    Report {
        service,
        subject: subject.into(),
        sequence,
        content: Content::raw(content.clone()),
        extensions: Bytes::new(),
    }
}

/// A service of another as if it were the sender's own, whose number is `process`.
pub(crate) fn foreign_service(service: u32, process: u32, of: &Announcement) -> Message {
    let revision = u64::MAX - 1;
    Message::Service(Announcement { service, process, revision, ..of.clone() })
}

/// A request of any service of that name.
pub(crate) fn named_request(call: u64, name: &str) -> Message {
    let mut message = request(call, 0, "method", &Bytes::new());
    if let Message::Request(request) = &mut message {
        request.target = RequestTarget::Name(name.into());
    }
    message
}

/// A request with arguments in CBOR.
pub(crate) fn request(call: u64, service: u32, method: &str, arguments: &Bytes) -> Message {
    Message::Request(Request {
        call,
        caller: 0,
        target: RequestTarget::Service(service),
        method: method.into(),
        remaining: Duration::from_secs(60),
        parts: 0,
        content: Content { kind: ContentType::CBOR, bytes: arguments.clone() },
        extensions: Bytes::new(),
    })
}

/// Defines a symbol that nothing uses.
pub(crate) fn symbol(slot: u16, text: &[u8]) -> Bytes {
    let length = (text.len() as u16).to_le_bytes();
    frame(SYMBOL, 4 + text.len(), &[&slot.to_le_bytes(), &length, text])
}

/// The first piece of a report of `total` bytes.
pub(crate) fn first_fragment(total: u32, piece: &[u8]) -> Bytes {
    let head = [&[0; 4], &[REPORT, 0, 0, 0][..], &total.to_le_bytes()].concat();
    frame(FRAGMENT, 12 + piece.len(), &[&head, piece])
}

/// The header of a report of `body` bytes, and nothing of it.
pub(crate) fn promised_report(body: usize) -> Bytes {
    frame(REPORT, body, &[])
}

fn frame(kind: u8, body: usize, parts: &[&[u8]]) -> Bytes {
    let mut frame = vec![kind, 0, 0, 0];
    frame.extend((body as u32).to_le_bytes());
    frame.extend(parts.concat());
    frame.into()
}
