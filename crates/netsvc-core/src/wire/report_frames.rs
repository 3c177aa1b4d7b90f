//! Frames of REPORTs of one service, back to back, as several links can share them: nothing in them
//! is the link's own but the meaning of their symbols, which are shared ones.

use bytes::{Buf, Bytes, BytesMut};

use crate::content::{Content, ContentType};

use super::body::report::{REPORT_FIXED, ReportRef, head};
use super::frame::{DataKind, HEADER, Header, Kind};

/// Bytes that a report has in frames besides its content and extension fields.
pub(crate) const REPORT_HEAD: usize = HEADER + REPORT_FIXED;

/// A report in such frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawReport {
    /// Shared symbol of its subject.
    pub(crate) subject: u16,
    pub(crate) sequence: u64,
    pub(crate) content: Content,
    pub(crate) extensions: Bytes,
}

/// Appends a report's frame. `service` is the sender's number, `subject` a shared symbol.
#[allow(clippy::inline_always, reason = "the path of every report at a hub")]
#[inline(always)]
pub(crate) fn put_report(
    frames: &mut BytesMut,
    service: u32,
    subject: u16,
    report: &ReportRef<'_>,
) {
    let head = head(service, subject, report);
    if report.extensions.is_empty() {
        frames.extend_from_slice(&head);
    } else {
        let (header, fixed) = head.split_at(HEADER);
        frames.extend_from_slice(header);
        frames.extend_from_slice(report.extensions);
        frames.extend_from_slice(fixed);
    }
    frames.extend_from_slice(report.content.bytes);
}

/// The reports in frames that [`put_report`] has written.
pub(crate) fn report_frames(mut frames: Bytes) -> impl Iterator<Item = RawReport> {
    std::iter::from_fn(move || {
        let header = Header::read(*frames.first_chunk()?, crate::limits::MAX_PAYLOAD).ok()?;
        debug_assert_eq!(header.kind, Kind::Data(DataKind::Report));
        let mut frame = frames.split_to(header.frame().min(frames.len()));
        frame.advance(HEADER);
        let extensions = frame.split_to(header.extensions.min(frame.len()));
        let [_, _, _, _, t0, t1, kind, _, sequence @ ..] = *frame.first_chunk::<REPORT_FIXED>()?;
        frame.advance(REPORT_FIXED);
        Some(RawReport {
            subject: u16::from_le_bytes([t0, t1]),
            sequence: u64::from_le_bytes(sequence),
            content: Content { kind: ContentType(kind), bytes: frame },
            extensions,
        })
    })
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::ContentRef;
    use crate::ids::Str;
    use crate::reason::{Reason, ReasonCode};
    use crate::wire::{Decoder, Encoder, Message, Report, SendBuffer};

    fn report<'a>(subject: &'a Str, sequence: u64, content: &'a [u8]) -> ReportRef<'a> {
        let content = ContentRef::new(ContentType(3), content);
        ReportRef { service: 99, subject, sequence, content, extensions: &[] }
    }

    #[test]
    fn what_was_put_is_read() {
        let (subject, mut frames) = (Str::from("a.b"), BytesMut::new());
        for (sequence, content) in [(1, &b"one"[..]), (2, b""), (u64::MAX, b"last")] {
            put_report(&mut frames, 7, 5000, &report(&subject, sequence, content));
        }
        let read: Vec<_> = report_frames(frames.freeze())
            .map(|RawReport { subject, sequence, content, .. }| (subject, sequence, content.bytes))
            .collect();
        let expected = [(1, &b"one"[..]), (2, b""), (u64::MAX, b"last")]
            .map(|(sequence, content)| (5000, sequence, Bytes::from_static(content)));
        assert_eq!(read, expected);
    }

    #[test]
    fn extension_fields_are_put_before_the_fixed_ones_and_read_again() {
        let (subject, mut frames) = (Str::from("a.b"), BytesMut::new());
        let extensions = &[2, 0, 3, 0, 7, 7, 7][..];
        let with = ReportRef { extensions, ..report(&subject, 1, b"one") };
        put_report(&mut frames, 7, 5000, &with);
        put_report(&mut frames, 7, 5000, &report(&subject, 2, b"two"));
        let read: Vec<_> = report_frames(frames.freeze())
            .map(|report| (report.extensions, report.content.bytes))
            .collect();
        let expected = [(extensions, &b"one"[..]), (&[], b"two")].map(|(extensions, content)| {
            (Bytes::from_static(extensions), Bytes::from_static(content))
        });
        assert_eq!(read, expected);
    }

    #[test]
    fn a_decoder_reads_the_same() {
        let (subject, mut frames) = (Str::from("a.b"), BytesMut::new());
        put_report(&mut frames, 7, 5000, &report(&subject, 4, b"content"));
        let (mut encoder, mut batch) = (Encoder::new(1), SendBuffer::new());
        let mut decoder = Decoder::new(1 << 20);
        let greeting = Reason::new(ReasonCode::Denied, "a greeting");
        encoder.encode(&Message::Refuse(greeting), &mut batch);
        for _ in 0..2 {
            encoder.shared_symbols(&[(5000, subject.clone())], &mut batch);
        }
        let mut slices = [std::io::IoSlice::new(&[]); 8];
        let used = batch.slices(&mut slices);
        let mut received = BytesMut::new();
        slices[..used].iter().for_each(|slice| received.extend_from_slice(slice));
        received.extend_from_slice(&frames);
        let mut messages = Vec::new();
        while let Ok(Some(message)) = decoder.decode(&mut received) {
            messages.push(message);
        }
        let content = Content { kind: ContentType(3), bytes: Bytes::from_static(b"content") };
        let report = Report { service: 7, subject, sequence: 4, content, extensions: Bytes::new() };
        assert_eq!(messages.last(), Some(&Message::Report(report)));
    }
}
