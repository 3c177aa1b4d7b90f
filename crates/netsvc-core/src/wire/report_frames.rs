//! Frames of REPORTs of one service, back to back, as several links can share them: nothing in them
//! is the link's own but the meaning of their symbols, which are shared ones.

use bytes::{Buf, Bytes, BytesMut};

use crate::content::{Content, ContentType};

use super::data::REPORT_FIXED;
use super::frame::HEADER;
use super::views::{ReportView, report_head};

/// Bytes that a report has in frames besides its content.
pub(crate) const REPORT_HEAD: usize = HEADER + REPORT_FIXED;

/// A report in such frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawReport {
    /// Shared symbol of its subject.
    pub(crate) subject: u16,
    pub(crate) sequence: u64,
    pub(crate) content: Content,
}

/// Appends a report's frame. `service` is the sender's number, `subject` a shared symbol.
#[inline]
pub(crate) fn put_report(
    frames: &mut BytesMut,
    service: u32,
    subject: u16,
    report: &ReportView<'_>,
) {
    frames.extend_from_slice(&report_head(service, subject, report));
    frames.extend_from_slice(report.content);
}

/// The reports in frames that [`put_report`] has written.
pub(crate) fn report_frames(mut frames: Bytes) -> impl Iterator<Item = RawReport> {
    std::iter::from_fn(move || {
        let [_, _, _, _, l0, l1, l2, l3, _, _, _, _, t0, t1, kind, _, sequence @ ..] =
            *frames.first_chunk::<REPORT_HEAD>()?;
        let body = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let mut frame = frames.split_to((HEADER + body).min(frames.len()));
        frame.advance(REPORT_HEAD.min(frame.len()));
        Some(RawReport {
            subject: u16::from_le_bytes([t0, t1]),
            sequence: u64::from_le_bytes(sequence),
            content: Content { kind: ContentType(kind), bytes: frame },
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Str;
    use crate::reason::{Reason, ReasonCode};
    use crate::wire::{Decoder, Encoder, Message, Report, WriteBatch};

    fn view<'a>(subject: &'a Str, sequence: u64, content: &'a [u8]) -> ReportView<'a> {
        ReportView { service: 99, subject, sequence, kind: ContentType(3), content }
    }

    #[test]
    fn what_was_put_is_read() {
        let (subject, mut frames) = (Str::from("a.b"), BytesMut::new());
        for (sequence, content) in [(1, &b"one"[..]), (2, b""), (u64::MAX, b"last")] {
            put_report(&mut frames, 7, 5000, &view(&subject, sequence, content));
        }
        let read: Vec<_> = report_frames(frames.freeze())
            .map(|RawReport { subject, sequence, content }| (subject, sequence, content.bytes))
            .collect();
        let expected = [(1, &b"one"[..]), (2, b""), (u64::MAX, b"last")]
            .map(|(sequence, content)| (5000, sequence, Bytes::from_static(content)));
        assert_eq!(read, expected);
    }

    #[test]
    fn a_decoder_reads_the_same() {
        let (subject, mut frames) = (Str::from("a.b"), BytesMut::new());
        put_report(&mut frames, 7, 5000, &view(&subject, 4, b"content"));
        let (mut encoder, mut batch) = (Encoder::new(1), WriteBatch::new());
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
