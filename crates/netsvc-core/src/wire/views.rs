//! The frequent messages (reports, requests and results) where they lie in the buffer they were read
//! into, and their fields before the content for the buffer they are written to. What is unusual or
//! wrong is left to [`Decoder::decode`](super::Decoder::decode).
//!
//! Fields are cut out of whole words, and put together to such. Several narrow ones would be stored on
//! the stack one by one and loaded again as one wide value: the processor forwards no such load from
//! the stores still under way, it waits for them, and so for the content written before them. Atomic
//! operations wait alike.

use crate::content::ContentType;
use crate::ids::Str;
use crate::limits::MAX_NAME;

use super::data::{REPORT_FIXED, REQUEST_FIXED, RESPONSE_FIXED, STATUS_RESPONSE};
use super::frame::{DataKind, HEADER};
use super::symbols::{NO_SYMBOL, ReceivedSymbols};

/// A report in the buffer it was read into.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReportView<'a> {
    /// Sender's number.
    pub(crate) service: u32,
    pub(crate) subject: &'a Str,
    pub(crate) sequence: u64,
    pub(crate) kind: ContentType,
    pub(crate) content: &'a [u8],
}

/// A request in the buffer it was read into.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestView<'a> {
    pub(crate) call: u64,
    /// Sender's number.
    pub(crate) caller: u32,
    /// Receiver's number; of any service of that name otherwise.
    pub(crate) target: Result<u32, &'a Str>,
    pub(crate) method: &'a Str,
    /// Until the caller's deadline, in milliseconds, rounded up.
    pub(crate) remaining: u32,
    pub(crate) parts: u32,
    pub(crate) kind: ContentType,
    pub(crate) content: &'a [u8],
}

/// A handler's result in the buffer it was read into.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResultView<'a> {
    pub(crate) call: u64,
    pub(crate) kind: ContentType,
    pub(crate) content: &'a [u8],
}

/// The body of one of the frequent messages, in the buffer it was read into.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Front<'a> {
    Report(&'a [u8]),
    Request(&'a [u8]),
    /// A RESPONSE.
    Result(&'a [u8]),
}

/// Reads the fixed fields of a REQUEST; `None`: something is wrong with them.
#[inline]
pub(super) fn request_view<'a>(
    fixed: [u8; REQUEST_FIXED],
    content: &'a [u8],
    symbols: &'a ReceivedSymbols,
) -> Option<RequestView<'a>> {
    let [call, processes, target, last] = words(fixed);
    let name = |slot| symbols.get(slot).filter(|text| text.len() <= MAX_NAME);
    let target_of = match ((processes >> 32) as u32, target as u16) {
        (0, slot) => Err(name(slot)?),
        (service, NO_SYMBOL) => Ok(service),
        _ => return None,
    };
    if last >> 40 != 0 {
        return None;
    }
    Some(RequestView {
        call,
        caller: processes as u32,
        target: target_of,
        method: name((target >> 16) as u16)?,
        remaining: (target >> 32) as u32,
        parts: last as u32,
        kind: ContentType((last >> 32) as u8),
        content,
    })
}

/// Reads the fixed fields of a RESPONSE; `None`: it is no result, or something is wrong with it.
#[inline]
pub(super) fn result_view(fixed: [u8; RESPONSE_FIXED], content: &[u8]) -> Option<ResultView<'_>> {
    let (call, how) = fixed.split_first_chunk()?;
    let how = u32::from_le_bytes(*how.first_chunk()?);
    if how as u8 != STATUS_RESPONSE || how >> 16 != 0 {
        return None;
    }
    let kind = ContentType((how >> 8) as u8);
    Some(ResultView { call: u64::from_le_bytes(*call), kind, content })
}

/// Writes words, little-endian, into as many bytes.
#[inline]
fn put_words<const WORDS: usize>(out: &mut [u8], words: [u64; WORDS]) {
    debug_assert_eq!(out.len(), 8 * WORDS);
    for (place, word) in out.chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
}

/// The header of a frame without extensions.
fn header(kind: DataKind, fixed: usize, content: &[u8]) -> u64 {
    u64::from(kind as u8) | ((fixed + content.len()) as u64) << 32
}

/// The fields of a RESPONSE before its content, header included.
#[inline]
pub(super) fn result_head(view: &ResultView<'_>) -> [u8; HEADER + RESPONSE_FIXED] {
    let mut head = [0; HEADER + RESPONSE_FIXED];
    let (words, last) = head.split_at_mut(16);
    put_words(words, [header(DataKind::Response, RESPONSE_FIXED, view.content), view.call]);
    let how = u32::from(STATUS_RESPONSE) | u32::from(view.kind.0) << 8;
    last.copy_from_slice(&how.to_le_bytes());
    head
}

/// The fields of a REQUEST before its content, header included. `name` is the symbol of the
/// service's name, if asked by name; `method` that of the method's.
#[inline]
pub(super) fn request_head(
    name: u16,
    method: u16,
    view: &RequestView<'_>,
) -> [u8; HEADER + REQUEST_FIXED] {
    let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    let mut head = [0; HEADER + REQUEST_FIXED];
    let words = [
        header(DataKind::Request, REQUEST_FIXED, view.content),
        view.call,
        pair(view.caller, view.target.unwrap_or_default()),
        pair(u32::from(name) | u32::from(method) << 16, view.remaining),
        pair(view.parts, view.kind.0.into()),
    ];
    put_words(&mut head, words);
    head
}

/// Reads the fixed fields of a REPORT; `None`: something is wrong with them.
#[inline]
pub(super) fn report_view<'a>(
    fixed: [u8; REPORT_FIXED],
    content: &'a [u8],
    symbols: &'a ReceivedSymbols,
) -> Option<ReportView<'a>> {
    let [first, sequence] = words(fixed);
    if first >> 56 != 0 {
        return None;
    }
    Some(ReportView {
        service: first as u32,
        subject: symbols.get((first >> 32) as u16)?,
        sequence,
        kind: ContentType((first >> 48) as u8),
        content,
    })
}

/// The fields of a REPORT before its content, header included.
#[inline]
pub(super) fn report_head(
    service: u32,
    subject: u16,
    view: &ReportView<'_>,
) -> [u8; HEADER + REPORT_FIXED] {
    let [subject, kind] = [subject.into(), u64::from(view.kind.0)];
    let mut head = [0; HEADER + REPORT_FIXED];
    let words = [
        header(DataKind::Report, REPORT_FIXED, view.content),
        u64::from(service) | subject << 32 | kind << 48,
        view.sequence,
    ];
    put_words(&mut head, words);
    head
}

/// Fixed fields as little-endian words.
#[inline]
pub(super) fn words<const BYTES: usize, const WORDS: usize>(fixed: [u8; BYTES]) -> [u64; WORDS] {
    const { assert!(BYTES == WORDS * 8) };
    std::array::from_fn(|word| {
        u64::from_le_bytes(std::array::from_fn(|byte| fixed[word * 8 + byte]))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::{Bytes, BytesMut};

    use super::super::encoder::{Asked, RequestFrame};
    use super::*;
    use crate::content::Content;
    use crate::outcome::Outcome;
    use crate::reason::{Reason, ReasonCode};
    use crate::wire::{Decoder, Encoder, Message, RequestTarget, WriteBatch};

    const CONTENT: &[u8] = b"content";
    const KIND: ContentType = ContentType(0xfe);

    fn bytes(batch: &WriteBatch) -> BytesMut {
        let mut slices = [std::io::IoSlice::new(&[]); 8];
        let used = batch.slices(&mut slices);
        slices[..used].iter().flat_map(|slice| slice.iter().copied()).collect()
    }

    /// Of all kinds of frequent messages one; first as written by the general way, then by views.
    /// Every field differs in all bytes from the others.
    fn frames(views: bool) -> Vec<BytesMut> {
        let (mut encoder, mut batch) = (Encoder::new(1), WriteBatch::new());
        encoder.encode(&Message::Refuse(Reason::new(ReasonCode::Denied, "a greeting")), &mut batch);
        let (subject, name, method) = (Str::from("a.b"), Str::from("name"), Str::from("method"));
        let content = Content { kind: KIND, bytes: Bytes::from_static(CONTENT) };
        let mut all = vec![bytes(&batch)];
        let mut add = |write: &mut dyn FnMut(&mut WriteBatch)| {
            let mut batch = WriteBatch::new();
            write(&mut batch);
            all.push(bytes(&batch));
        };
        add(&mut |batch| {
            let (service, sequence) = (0x0102_0304, 0x1112_1314_1516_1718);
            let view =
                ReportView { service, subject: &subject, sequence, kind: KIND, content: CONTENT };
            if views {
                encoder.report_view(service, &view, batch);
            } else {
                encoder.report(service, &subject, sequence, &content, &Bytes::new(), batch);
            }
        });
        for target in [Ok(0x5152_5354), Err(&name)] {
            add(&mut |batch| {
                let (call, caller) = (0x2122_2324_2526_2728, 0x3132_3334);
                let (remaining, parts) = (0x6162_6364, 0xf1f2_f3f4);
                if views {
                    let (method, kind, content) = (&method, KIND, CONTENT);
                    let view = RequestView {
                        call,
                        caller,
                        target,
                        method,
                        remaining,
                        parts,
                        kind,
                        content,
                    };
                    encoder.request_view(&view, batch);
                } else {
                    let frame = RequestFrame {
                        call,
                        caller,
                        target: target.map_or_else(Asked::Name, Asked::Service),
                        method: &method,
                        remaining: Duration::from_millis(remaining.into()),
                        parts,
                        content: &content,
                        extensions: &Bytes::new(),
                    };
                    encoder.request(&frame, batch);
                }
            });
        }
        add(&mut |batch| {
            let call = 0x4142_4344_4546_4748;
            if views {
                encoder.result_view(&ResultView { call, kind: KIND, content: CONTENT }, batch);
            } else {
                let outcome = Outcome::Response(content.clone());
                let message = Message::Response { call, outcome, extensions: Bytes::new() };
                encoder.encode(&message, batch);
            }
        });
        all
    }

    /// The message at the front, read by views; `None`: they leave it.
    fn viewed(decoder: &Decoder, bytes: &[u8]) -> Option<(Message, usize)> {
        let content = |kind, bytes| Content { kind, bytes: Bytes::copy_from_slice(bytes) };
        let extensions = Bytes::new();
        let (front, length) = decoder.front(bytes)?;
        let message = match front {
            Front::Report(body) => {
                let ReportView { service, subject, sequence, kind, content: bytes } =
                    decoder.report(body)?;
                let (subject, content) = (subject.clone(), content(kind, bytes));
                Message::Report(crate::wire::Report {
                    service,
                    subject,
                    sequence,
                    content,
                    extensions,
                })
            }
            Front::Request(body) => {
                let view = decoder.request(body)?;
                Message::Request(crate::wire::Request {
                    call: view.call,
                    caller: view.caller,
                    target: match view.target {
                        Ok(service) => RequestTarget::Service(service),
                        Err(name) => RequestTarget::Name(name.clone()),
                    },
                    method: view.method.clone(),
                    remaining: Duration::from_millis(view.remaining.into()),
                    parts: view.parts,
                    content: content(view.kind, view.content),
                    extensions,
                })
            }
            Front::Result(body) => {
                let view = Decoder::result(body)?;
                let outcome = Outcome::Response(content(view.kind, view.content));
                Message::Response { call: view.call, outcome, extensions }
            }
        };
        Some((message, length))
    }

    #[test]
    fn views_are_written_as_everything_else() {
        assert_eq!(frames(true), frames(false));
    }

    /// Whatever one byte of a frame becomes, views either leave it or read what decoding reads.
    #[test]
    fn views_read_what_decoding_reads_and_leave_the_rest() {
        let frames = frames(true);
        let seen = |known: &[BytesMut]| {
            let mut decoder = Decoder::new(1 << 20);
            let mut buffer: BytesMut = known.iter().flatten().copied().collect();
            while let Ok(Some(_)) = decoder.decode(&mut buffer) {}
            assert!(buffer.is_empty());
            decoder
        };
        for at in 1..frames.len() {
            // Symbols that a frame needs come before it.
            let whole = &frames[at];
            let mut decoder = seen(&frames[..at]);
            let mut rest = whole.clone();
            while viewed(&decoder, &rest).is_none() {
                let symbol = 8 + usize::from(u16::from_le_bytes([rest[4], rest[5]]));
                let mut frame = rest.split_to(symbol);
                assert_eq!(decoder.decode(&mut frame), Ok(None));
            }
            let (mut read, mut left) = (0, 0);
            for index in 0..rest.len() {
                for value in 0..=u8::MAX {
                    let mut changed = rest.clone();
                    changed[index] = value;
                    let Some((message, length)) = viewed(&decoder, &changed) else {
                        left += 1;
                        continue;
                    };
                    let mut decoder = seen(&frames[..=at]);
                    let before = changed.len();
                    assert_eq!(decoder.decode(&mut changed), Ok(Some(message)), "{index} {value}");
                    assert_eq!(before - changed.len(), length);
                    read += 1;
                }
            }
            assert!(read > 1000 && left > 1000, "{read} read, {left} left");
        }
    }
}
