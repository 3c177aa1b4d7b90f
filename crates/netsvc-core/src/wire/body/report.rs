//! REPORT, and the frames that carry a report for one process: TARGETED and REPLAYED.

use std::time::Duration;

use bytes::Bytes;

use crate::content::{ContentRef, ContentType};
use crate::ids::Str;
use crate::wire::error::WireError;
use crate::wire::frame::{DataKind, HEADER, data_header};
use crate::wire::message::{Message, Report};
use crate::wire::symbols::link::ReceivedSymbols;
use crate::wire::words::{put_words, words};
use crate::wire::writer::millis;

use super::payload::Payload;

/// Bytes of the fixed fields of a REPORT.
pub(in crate::wire) const REPORT_FIXED: usize = 16;
/// Bytes of the fixed fields of a TARGETED.
pub(in crate::wire) const TARGETED_FIXED: usize = 4 + REPORT_FIXED;
/// Bytes of the fixed fields of a REPLAYED.
pub(in crate::wire) const REPLAYED_FIXED: usize = 12 + REPORT_FIXED;
/// `remaining` of a value that is kept for ever.
const FOR_EVER: u32 = u32::MAX;

/// A report where it lies: the one shape of a report on its way. [`Report`] is its copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportRef<'a> {
    /// Its publisher; number of the process or sender that names it.
    pub service: u32,
    /// Its subject.
    pub subject: &'a Str,
    /// Counts everything the service published, from 1.
    pub sequence: u64,
    /// What was published.
    pub content: ContentRef<'a>,
    /// Extension fields to be passed on unchanged.
    pub extensions: &'a [u8],
}

impl ReportRef<'_> {
    /// A copy that may wait for as long as it takes.
    pub(crate) fn detach(&self) -> Report {
        Report {
            service: self.service,
            subject: self.subject.clone(),
            sequence: self.sequence,
            content: self.content.detach(),
            extensions: Bytes::copy_from_slice(self.extensions),
        }
    }

    /// A copy that shares what it can.
    pub(crate) fn keep(&self) -> Report {
        Report {
            service: self.service,
            subject: self.subject.clone(),
            sequence: self.sequence,
            content: self.content.keep(),
            extensions: Bytes::copy_from_slice(self.extensions),
        }
    }

    /// Bytes that vary.
    pub(crate) fn size(&self) -> usize {
        self.content.bytes.len() + self.subject.len() + self.extensions.len()
    }
}

impl Report {
    /// The same report, borrowed.
    pub fn by_ref(&self) -> ReportRef<'_> {
        ReportRef {
            service: self.service,
            subject: &self.subject,
            sequence: self.sequence,
            content: self.content.by_ref(),
            extensions: &self.extensions,
        }
    }
}

/// Reads the body of a REPORT; `None`: [`fault`] says why not.
#[inline]
pub(in crate::wire) fn read<'a>(
    fixed: [u8; REPORT_FIXED],
    payload: Payload<'a>,
    symbols: &'a ReceivedSymbols,
) -> Option<ReportRef<'a>> {
    let [first, sequence] = words(fixed);
    if first >> 56 != 0 {
        return None;
    }
    Some(ReportRef {
        service: first as u32,
        subject: symbols.get((first >> 32) as u16)?,
        sequence,
        content: payload.content(ContentType((first >> 48) as u8)),
        extensions: payload.extensions,
    })
}

/// What is wrong with the fixed fields of a REPORT.
pub(in crate::wire) fn fault(fixed: [u8; REPORT_FIXED], symbols: &ReceivedSymbols) -> WireError {
    let [first, _] = words(fixed);
    match symbols.subject((first >> 32) as u16) {
        Err(error) if first >> 56 == 0 => error,
        _ => WireError::Value { field: "reserved", value: (first >> 56) as u32 },
    }
}

/// Reads the body of a TARGETED.
pub(in crate::wire) fn read_targeted(
    fixed: [u8; TARGETED_FIXED],
    payload: Payload<'_>,
    symbols: &ReceivedSymbols,
) -> Option<Message> {
    let [p0, p1, p2, p3, report @ ..] = fixed;
    let process = u32::from_le_bytes([p0, p1, p2, p3]);
    Some(Message::Targeted { process, report: read(report, payload, symbols)?.keep() })
}

/// Reads the body of a REPLAYED.
pub(in crate::wire) fn read_replayed(
    fixed: [u8; REPLAYED_FIXED],
    payload: Payload<'_>,
    symbols: &ReceivedSymbols,
) -> Option<Message> {
    let [p0, p1, p2, p3, r0, r1, r2, r3, m0, m1, m2, m3, report @ ..] = fixed;
    Some(Message::Replayed {
        process: u32::from_le_bytes([p0, p1, p2, p3]),
        replay: u32::from_le_bytes([r0, r1, r2, r3]),
        remaining: match u32::from_le_bytes([m0, m1, m2, m3]) {
            FOR_EVER => None,
            millis => Some(Duration::from_millis(millis.into())),
        },
        report: read(report, payload, symbols)?.keep(),
    })
}

/// Everything of a REPORT before its extension fields and content.
#[inline]
pub(in crate::wire) fn head(
    service: u32,
    subject: u16,
    report: &ReportRef<'_>,
) -> [u8; HEADER + REPORT_FIXED] {
    let [subject, kind] = [subject.into(), u64::from(report.content.kind.0)];
    let mut head = [0; HEADER + REPORT_FIXED];
    let words = [
        data_header(DataKind::Report, report.extensions.len(), report.content.bytes.len()),
        u64::from(service) | subject << 32 | kind << 48,
        report.sequence,
    ];
    put_words(&mut head, words);
    head
}

/// As [`head`], of a TARGETED.
pub(in crate::wire) fn targeted_head(
    process: u32,
    subject: u16,
    report: &ReportRef<'_>,
) -> [u8; HEADER + TARGETED_FIXED] {
    head_with(DataKind::Targeted, &process.to_le_bytes(), subject, report)
}

/// As [`head`], of a REPLAYED.
pub(in crate::wire) fn replayed_head(
    process: u32,
    replay: u32,
    remaining: Option<Duration>,
    subject: u16,
    report: &ReportRef<'_>,
) -> [u8; HEADER + REPLAYED_FIXED] {
    let remaining =
        remaining.map_or(FOR_EVER, |remaining| millis(remaining).min(FOR_EVER - 1)).to_le_bytes();
    let mut before = [0; 12];
    for (place, field) in
        before.chunks_exact_mut(4).zip([process.to_le_bytes(), replay.to_le_bytes(), remaining])
    {
        place.copy_from_slice(&field);
    }
    head_with(DataKind::Replayed, &before, subject, report)
}

/// The head of a frame with fields `before` those of a REPORT.
fn head_with<const HEAD: usize>(
    kind: DataKind,
    before: &[u8],
    subject: u16,
    report: &ReportRef<'_>,
) -> [u8; HEAD] {
    let mut out = [0; HEAD];
    let header = data_header(kind, report.extensions.len(), report.content.bytes.len());
    let (start, rest) = out.split_at_mut(HEADER);
    start.copy_from_slice(&header.to_le_bytes());
    let (place, fixed) = rest.split_at_mut(before.len());
    place.copy_from_slice(before);
    fixed.copy_from_slice(&head(report.service, subject, report)[HEADER..]);
    out
}
