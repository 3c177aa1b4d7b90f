//! Reports of one service that come in a row and go to the same links: encoded once for all of
//! them.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use rustc_hash::FxHashSet;

use crate::ids::{LinkId, ServiceNo, Str};
use crate::memory::shared_bytes::SharedTotal;
use crate::reports::destinations::Destinations;
use crate::wire::{
    Encoder, REPORT_HEAD, RawReport, Report, ReportRef, SEGMENT_FROM, SendBuffer, put_report,
    report_frames,
};

/// Memory for frames that is kept from batch to batch.
const KEPT: usize = 4 << 10;

/// A batch whose frames links share, written or waiting.
#[derive(Debug)]
pub(crate) struct SealedBatch {
    pub(crate) service: ServiceNo,
    /// What the symbols in its frames stand for, in their order.
    pub(crate) symbols: Vec<(u16, Str)>,
    /// They count as long as they are held.
    pub(crate) frames: Bytes,
}

impl SealedBatch {
    /// Bytes that it is charged.
    pub(crate) fn size(&self) -> usize {
        let symbols = self.symbols.iter().map(|symbol| size_of_val(symbol) + symbol.1.len());
        self.frames.len() + symbols.sum::<usize>()
    }

    /// Appends it, without a copy if it is not small, after the symbols that the peer lacks.
    pub(crate) fn encode(&self, encoder: &mut Encoder, out: &mut SendBuffer) {
        encoder.shared_symbols(&self.symbols, out);
        if self.frames.len() < SEGMENT_FROM {
            out.copy(&self.frames);
        } else {
            out.push_shared(self.frames.clone());
        }
    }

    /// Its reports, whose contents are slices of its frames.
    pub(crate) fn reports(&self) -> impl Iterator<Item = Report> {
        report_frames(self.frames.clone()).filter_map(
            |RawReport { subject, sequence, content, extensions }| {
                let index = self.symbols.binary_search_by_key(&subject, |(slot, _)| *slot).ok()?;
                Some(Report {
                    service: self.service.0,
                    subject: self.symbols.get(index)?.1.clone(),
                    sequence,
                    content,
                    extensions,
                })
            },
        )
    }
}

/// Where the reports of a batch come from and go.
#[derive(Debug)]
pub(crate) struct BatchRoute {
    pub(crate) service: ServiceNo,
    /// `None`: this process.
    pub(crate) from: Option<LinkId>,
    pub(crate) to: Destinations,
    /// Epoch of the shared symbols when it began: they keep their meaning during a batch.
    pub(crate) symbols: u64,
}

/// What the report added last was about.
#[derive(Debug)]
struct Last {
    service: ServiceNo,
    subject: Str,
    /// The subject's symbol.
    slot: u16,
    /// Of what decided where it goes.
    epoch: u64,
}

/// A batch to which reports are added.
#[derive(Debug, Default)]
pub(crate) struct ReportBatch {
    /// `None`: it is empty.
    route: Option<BatchRoute>,
    /// Of a report that continues it.
    last: Option<Last>,
    /// Bytes of frames that it may have.
    most: usize,
    named: FxHashSet<u16>,
    pub(crate) symbols: Vec<(u16, Str)>,
    pub(crate) frames: BytesMut,
    /// Bytes of its largest content.
    pub(crate) largest: usize,
}

impl ReportBatch {
    /// Whether it has a route.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.route.is_some()
    }

    /// The symbol of a report's subject, if the last report had that too, and another one goes
    /// where that went and still finds room.
    #[inline]
    pub(crate) fn continued_by(
        &self,
        service: ServiceNo,
        report: &ReportRef<'_>,
        epoch: u64,
    ) -> Option<u16> {
        let last = self.last.as_ref()?;
        let same = Arc::ptr_eq(&last.subject, report.subject)
            && last.service == service
            && last.epoch == epoch;
        (same && self.has_room(report)).then_some(last.slot)
    }

    /// Whether there is room for one more report.
    #[inline]
    pub(crate) fn has_room(&self, report: &ReportRef<'_>) -> bool {
        let size = REPORT_HEAD + report.extensions.len() + report.content.bytes.len();
        self.frames.len() + size <= self.most
    }

    /// Whether reports of that service over that link to those links belong in it.
    pub(crate) fn leads(
        &self,
        service: ServiceNo,
        from: Option<LinkId>,
        to: &Destinations,
        symbols: u64,
    ) -> bool {
        self.route.as_ref().is_some_and(|route| {
            route.service == service
                && route.from == from
                && route.symbols == symbols
                && (Arc::ptr_eq(&route.to, to) || route.to == *to)
        })
    }

    /// Begins one of `most` bytes; it must be empty. `likely`: bytes of frames that may come.
    pub(crate) fn begin(&mut self, route: BatchRoute, most: usize, likely: usize) {
        let likely = likely.min(most);
        self.most = most;
        self.route = Some(route);
        if self.frames.capacity() < likely {
            self.frames = BytesMut::with_capacity(likely.max(KEPT));
        }
    }

    /// Adds a report; `slot` is the symbol of its subject.
    #[inline]
    pub(crate) fn add(&mut self, service: ServiceNo, slot: u16, report: &ReportRef<'_>) {
        put_report(&mut self.frames, service.0, slot, report);
        self.largest = self.largest.max(report.content.bytes.len());
    }

    /// Notes the symbol of the report that is added next.
    pub(crate) fn name(&mut self, slot: u16, subject: &Str, epoch: u64) {
        if self.named.insert(slot) {
            self.symbols.push((slot, subject.clone()));
        }
        let service = self.route.as_ref().map(|route| route.service);
        self.last = service.map(|service| Last { service, subject: subject.clone(), slot, epoch });
    }

    /// Takes out where it goes: from now on it counts as empty.
    pub(crate) fn close(&mut self) -> Option<BatchRoute> {
        self.last = None;
        self.route.take()
    }

    /// Takes out what was added, to be shared. It owns at most twice the memory of its frames.
    pub(crate) fn seal(&mut self, service: ServiceNo, total: &SharedTotal) -> Arc<SealedBatch> {
        let mut symbols = std::mem::take(&mut self.symbols);
        symbols.sort_unstable_by_key(|(slot, _)| *slot);
        let frames = if self.frames.len() >= self.frames.capacity() / 2 {
            total.count(std::mem::take(&mut self.frames))
        } else {
            total.count(self.frames.to_vec())
        };
        Arc::new(SealedBatch { service, symbols, frames })
    }

    /// Forgets what was added; between batches it owns little memory.
    pub(crate) fn clear(&mut self) {
        self.named.clear();
        self.symbols.clear();
        self.frames.clear();
        self.largest = 0;
        if self.frames.capacity() > KEPT {
            self.frames = BytesMut::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{ContentRef, ContentType};

    const FROM: Option<LinkId> = Some(LinkId(9));

    fn route(service: u32) -> BatchRoute {
        let to = Destinations::from([(LinkId(1), false), (LinkId(2), true)]);
        BatchRoute { service: ServiceNo(service), from: FROM, to, symbols: 0 }
    }

    fn filled(reports: u64, size: usize, likely: usize) -> ReportBatch {
        let mut batch = ReportBatch::default();
        batch.begin(route(3), usize::MAX, likely);
        let content = vec![5; size];
        for sequence in 0..reports {
            // Slots in no order.
            let number = sequence * 7 % 10;
            let (slot, subject) = (5000 - number as u16, Str::from(format!("s{number}")));
            let content = ContentRef::new(ContentType(1), &content);
            let extensions = &[];
            let report = ReportRef { service: 1, subject: &subject, sequence, content, extensions };
            batch.name(slot, &subject, 0);
            batch.add(ServiceNo(3), slot, &report);
        }
        batch
    }

    #[test]
    fn its_reports_come_back_with_their_subjects() {
        let batch = filled(100, 20, 0).seal(ServiceNo(3), &SharedTotal::default());
        assert_eq!(batch.symbols.len(), 10);
        let read: Vec<_> = batch.reports().collect();
        assert_eq!(read.len(), 100);
        for (sequence, report) in read.iter().enumerate() {
            assert_eq!(*report.subject, *format!("s{}", sequence * 7 % 10));
            assert_eq!((report.service, report.sequence), (3, sequence as u64));
            assert_eq!(report.content.bytes, vec![5; 20]);
        }
    }

    #[test]
    fn what_is_shared_pins_little_more_than_itself() {
        for (reports, likely) in [(1, 60_000), (1000, 60_000), (1000, 0)] {
            let mut open = filled(reports, 40, likely);
            let before = open.frames.as_ptr();
            let taken = open.frames.len() >= open.frames.capacity() / 2;
            let batch = open.seal(ServiceNo(3), &SharedTotal::default());
            assert_eq!(std::ptr::eq(batch.frames.as_ptr(), before), taken);
            open.clear();
            assert!(open.frames.capacity() <= KEPT);
        }
    }

    #[test]
    fn a_report_belongs_into_the_batch_of_its_service_and_links_only() {
        let mut batch = filled(1, 1, 0);
        let (to, other) = (route(3).to, Destinations::from([(LinkId(1), false)]));
        assert!(batch.leads(ServiceNo(3), FROM, &to, 0));
        assert!(!batch.leads(ServiceNo(4), FROM, &to, 0));
        assert!(!batch.leads(ServiceNo(3), None, &to, 0));
        assert!(!batch.leads(ServiceNo(3), FROM, &to, 1));
        assert!(!batch.leads(ServiceNo(3), FROM, &other, 0));
        assert!(batch.close().is_some() && batch.close().is_none());
        assert!(!batch.leads(ServiceNo(3), FROM, &to, 0));
    }

    #[test]
    fn a_batch_continues_only_while_nothing_has_changed_that_decides_where_it_goes() {
        let mut batch = filled(1, 1, 0);
        let subject = Str::from("s");
        batch.name(7, &subject, 5);
        let continued = |batch: &ReportBatch, service, subject: &Str, epoch| {
            let content = ContentRef::new(ContentType(1), &[0; 100]);
            let extensions = &[];
            let report = ReportRef { service: 1, subject, sequence: 2, content, extensions };
            batch.continued_by(ServiceNo(service), &report, epoch)
        };
        assert_eq!(continued(&batch, 3, &subject, 5), Some(7));
        assert_eq!(continued(&batch, 3, &subject, 6), None);
        assert_eq!(continued(&batch, 4, &subject, 5), None);
        assert_eq!(continued(&batch, 3, &Str::from("s"), 5), None);
        batch.most = batch.frames.len() + REPORT_HEAD + 99;
        assert_eq!(continued(&batch, 3, &subject, 5), None);
    }
}
