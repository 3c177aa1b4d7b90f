//! How a report leaves, be it this process's own or one on its way.
//!
//! While all links that it goes to flow, a report of this process is encoded for each of them at
//! once. Otherwise small reports of one service to the same links are encoded once for all of them,
//! in a batch that ends before anything else is sent. Large ones are not worth it.

use std::mem;
use std::sync::Arc;

use crate::ids::{ConnId, LinkId, ServiceNo};
use crate::limits::PUBLISH_HIGH_WATER;
use crate::links::Links;
use crate::links::charges::NOBODY;
use crate::links::connection::Connection;
use crate::reports::destinations::Destinations;
use crate::time::Time;
use crate::wire::{Report, ReportRef, SEGMENT_FROM, SendBuffer};

use super::outbox::{OVERHEAD, Out};
use super::outlet::{Admission, Outlet};
use super::report_batch::{BatchRoute, ReportBatch, SealedBatch};

/// Where a report comes from and goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReportRoute<'a> {
    pub(crate) service: ServiceNo,
    /// The link over which it came; `None`: it is of this process.
    pub(crate) from: Option<LinkId>,
    pub(crate) to: &'a Destinations,
    /// Of what decided about `to`.
    pub(crate) epoch: u64,
    /// Bytes that may follow on the same route.
    pub(crate) likely: usize,
}

/// A transport that its owner is about to write to, and nothing waits for. See
/// [`PublishOptions::direct`](crate::PublishOptions::direct).
#[derive(Debug)]
pub struct Direct<'a> {
    /// Its connection.
    pub conn: ConnId,
    /// The buffer that is written to it; must be empty. If something is in it afterwards, that is
    /// the beginning of the report's frame: now the content is to be written, whole, before
    /// anything else, and [`handle_written`](crate::Process::handle_written) to be told how much of
    /// both is left.
    pub out: &'a mut SendBuffer,
}

impl Links {
    /// Adds a report to the open batch if it continues it: another of the same subject, while
    /// nothing has changed that decides where it goes. False: nothing was done.
    #[allow(clippy::inline_always, reason = "a sixth fewer instructions per report at a hub")]
    #[inline(always)]
    pub(crate) fn continue_batch(
        &mut self,
        service: ServiceNo,
        report: &ReportRef<'_>,
        epoch: u64,
    ) -> bool {
        let Some(slot) = self.batch.continued_by(service, report, epoch) else { return false };
        self.batch.add(service, slot, report);
        true
    }

    /// Sends a report to all its destinations but the link that it came over. False: some link
    /// has more than [`PUBLISH_HIGH_WATER`] bytes queued.
    pub(crate) fn send_report(&mut self, route: &ReportRoute<'_>, report: &ReportRef<'_>) -> bool {
        let ReportRoute { to, from, .. } = *route;
        if to.iter().all(|(link, _)| Some(*link) == from) {
            return true;
        }
        // Batches do not overtake, and nothing overtakes them.
        let may_be_first = from.is_none() && !self.batch.is_open();
        if may_be_first && self.encode_for_all(to, report) {
            return true;
        }
        if report.content.bytes.len() <= SEGMENT_FROM && self.bounds.ahead > 0 {
            return self.join_batch(route, report);
        }
        self.end_batch();
        let (mut kept, mut low) = (None, true);
        for (link, latest) in to.iter().copied().filter(|(link, _)| Some(*link) != from) {
            if let Some(mut outlet) = self.outlet_beside_batch(link, from.unwrap_or(NOBODY)) {
                low &= outlet.report(report, (latest, to.len() > 1), &mut kept);
            }
        }
        self.relieve();
        low
    }

    /// Writes a report straight from where it lies, if it goes to nobody but the peer of one
    /// connection for which nothing waits at all.
    pub(crate) fn send_directly(
        &mut self,
        now: Time,
        route: &ReportRoute<'_>,
        report: &ReportRef<'_>,
        direct: &mut Direct<'_>,
    ) -> bool {
        self.end_batch();
        let [(only, _)] = route.to[..] else { return false };
        if self.link_of(direct.conn) != Some(only) {
            return false;
        }
        let size = report.content.bytes.len();
        let Some(mut outlet) = self.outlet_beside_batch(only, NOBODY) else { return false };
        let (connection, _) = outlet.parts();
        let told = connection.has_told_service(route.service);
        let Connection { phase, out, .. } = connection;
        if !told || out.is_writing(phase) || size > connection.max_payload() {
            return false;
        }
        let out = &mut connection.out;
        out.encoder.report_before_content(report, direct.out);
        out.unwritten = direct.out.len() + size;
        out.last_sent = now;
        out.last_progress = now;
        self.arm_writing(only, now);
        true
    }

    /// Sends the batch that is open, if any.
    #[inline]
    pub(crate) fn end_batch(&mut self) {
        if self.batch.is_open() {
            self.send_batch();
        }
    }

    /// Encodes a report for all links at once, if all of them flow; false: for none.
    #[inline]
    fn encode_for_all(&mut self, to: &Destinations, report: &ReportRef<'_>) -> bool {
        let (size, ahead) = (OVERHEAD + report.size(), self.bounds.ahead);
        let changes = self.changes.end();
        let takes = |connection: &Connection| {
            connection.out.flows(size, ahead)
                && connection.out.knows_all(changes)
                && report.content.bytes.len() <= connection.max_payload()
        };
        if to.len() > 1 {
            let mut links = to.iter().map(|(link, _)| self.table.get(*link));
            // Links that are not in use are skipped.
            if !links.all(|link| link.and_then(|link| link.linked()).is_none_or(takes)) {
                return false;
            }
            if report.content.bytes.len() >= SEGMENT_FROM {
                self.note_shared(to, report.content.bytes.len());
            }
        }
        for (link, _) in to.iter() {
            let connection = self.table.get_mut(*link).and_then(|link| link.linked_mut());
            let Some(connection) = connection else { continue };
            if to.len() == 1 && !takes(connection) {
                return false;
            }
            let Connection { id, phase, out, .. } = connection;
            out.encoder.report(report, &mut out.ready);
            out.mark_dirty(*id, phase, &mut self.dirty);
        }
        true
    }

    /// A content of that many bytes is about to be referred to by all of these.
    #[inline(never)] // Kept out of the way of small reports.
    fn note_shared(&mut self, to: &Destinations, bytes: usize) {
        for (link, _) in to.iter() {
            if let Some(connection) = self.linked_mut(*link) {
                connection.out.ready.note_shared(bytes);
            }
        }
    }

    /// Into the open batch, or into a new one.
    #[inline(never)] // Kept out of the way of reports that are encoded at once.
    fn join_batch(&mut self, route: &ReportRoute<'_>, report: &ReportRef<'_>) -> bool {
        let ReportRoute { service, from, to, epoch, likely } = *route;
        let most = self.bounds.batch(from.is_none());
        let slot = self.symbols.slot(report.subject);
        let symbols = self.symbols.epoch();
        if !self.batch.has_room(report) || !self.batch.leads(service, from, to, symbols) {
            self.end_batch();
            let to = Arc::clone(to);
            self.batch.begin(BatchRoute { service, from, to, symbols }, most, likely);
        }
        self.batch.name(slot, report.subject, epoch);
        self.batch.add(service, slot, report);
        from.is_some() || to.iter().all(|(link, _)| self.is_low(*link))
    }

    fn send_batch(&mut self) {
        let Some(route) = self.batch.close() else { return };
        let mut batch = mem::take(&mut self.batch);
        let (size, largest) = (batch.frames.len(), batch.largest);
        // A small one is copied to each link, unless one has to wait.
        let mut sealed =
            (size >= SEGMENT_FROM).then(|| batch.seal(route.service, self.charges.budget.shared()));
        for (link, latest) in route.to.iter().copied() {
            if Some(link) == route.from {
                continue;
            }
            let origin = route.from.unwrap_or(NOBODY);
            let Some(mut outlet) = self.outlet_beside_batch(link, origin) else { continue };
            let admission = outlet.offer(size);
            let (connection, _) = outlet.parts();
            if !connection.has_told_service(route.service) {
                continue;
            }
            let accepts = largest <= connection.max_payload();
            if !accepts || admission == Admission::Later {
                outlet.batch_later(&mut sealed, &mut batch, (route.service, latest, accepts));
                continue;
            }
            let out = &mut connection.out;
            if let Some(sealed) = &sealed {
                sealed.encode(&mut out.encoder, &mut out.ready);
            } else {
                out.encoder.shared_symbols(&batch.symbols, &mut out.ready);
                out.ready.copy(&batch.frames);
            }
            outlet.mark_dirty();
        }
        batch.clear();
        self.batch = batch;
        self.relieve();
    }

    /// Whether little enough is queued for a link that a publisher may go on.
    fn is_low(&self, link: LinkId) -> bool {
        self.linked(link).is_none_or(|connection| connection.queued() <= PUBLISH_HIGH_WATER)
    }
}

impl Outlet<'_> {
    /// One report by itself. `many`: it goes to other links as well. `kept`: its copy, once it has
    /// to wait for some link.
    fn report(
        &mut self,
        report: &ReportRef<'_>,
        (latest, many): (bool, bool),
        kept: &mut Option<Report>,
    ) -> bool {
        let admission = self.offer(OVERHEAD + report.size());
        let (connection, _) = self.parts();
        if admission == Admission::Now && report.content.bytes.len() <= connection.max_payload() {
            let out = &mut connection.out;
            out.encoder.report(report, &mut out.ready);
            if many && report.content.bytes.len() >= SEGMENT_FROM {
                out.ready.note_shared(report.content.bytes.len());
            }
            self.mark_dirty();
            return true;
        }
        let shared = self.shared();
        let keep = || {
            let mut report = report.detach();
            report.content.bytes = shared.count(report.content.bytes);
            report
        };
        self.queue_report(kept.get_or_insert_with(keep).clone(), latest, true)
    }

    /// A batch that has to wait: sealed for the first link for which it has to.
    fn batch_later(
        &mut self,
        sealed: &mut Option<Arc<SealedBatch>>,
        open: &mut ReportBatch,
        (service, latest, accepts): (ServiceNo, bool, bool),
    ) {
        let shared = self.shared();
        let sealed = sealed.get_or_insert_with(|| open.seal(service, shared));
        self.batch(&Arc::clone(sealed), latest, accepts);
    }

    /// A batch that has to wait. Where each report counts by itself, or where they are few, one by
    /// one.
    fn batch(&mut self, batch: &Arc<SealedBatch>, latest: bool, accepts: bool) {
        if accepts && !latest && batch.frames.len() >= SEGMENT_FROM {
            return self.queue(Out::Batch(Arc::clone(batch)));
        }
        for report in batch.reports() {
            self.queue_report(report.detached(), latest, false);
        }
    }

    /// Into the outbox, ready to wait there. False: much is queued.
    fn queue_report(&mut self, report: Report, latest: bool, shared: bool) -> bool {
        let (connection, bounds) = self.parts();
        if !connection.has_told_service(ServiceNo(report.service)) {
            return true;
        }
        if report.content.bytes.len() > connection.max_payload() {
            // For its subscribers it is lost.
            self.lose(report.service, &report.subject);
            return true;
        }
        let outbox = &mut connection.out.outbox;
        if latest && outbox.bytes() + report.content.bytes.len() > bounds.outbox {
            outbox.replace(report.service, &report.subject);
        }
        self.queue(Out::Report { report, latest, shared });
        let (connection, _) = self.parts();
        connection.queued() <= PUBLISH_HIGH_WATER
    }
}
