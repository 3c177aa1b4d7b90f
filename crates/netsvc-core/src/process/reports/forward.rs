//! Reports on their way to links, as bytes: those that were read are renumbered and passed on in
//! runs, one copy for all links together. What this process publishes while a link is full joins
//! them there.

use std::mem;
use std::sync::Arc;

use crate::ids::{LinkId, ServiceNo};
use crate::links::outbound::outbox::Out;
use crate::links::outbound::report_batch::{BatchRoute, SealedBatch};
use crate::wire::{ReportView, SEGMENT_FROM};

use crate::process::Process;

impl Process {
    /// Adds a report to the run for the links with subscribers behind them. `from`: the link over
    /// which it came, `None` if it is this process's. `likely`: bytes that may follow. Before anything
    /// else is sent, [`end_run`](Self::end_run).
    #[allow(clippy::inline_always, reason = "a sixth fewer instructions per report at a hub")]
    #[inline(always)]
    pub(in crate::process) fn relay(
        &mut self,
        no: ServiceNo,
        view: &ReportView<'_>,
        from: Option<LinkId>,
        likely: usize,
    ) {
        let most = match from {
            // So that, of what one read brings, the second run still finds room.
            Some(_) => self.limits.ahead() / 2,
            // What is submitted at once, 64 KiB of commands, becomes one run.
            None => self.limits.ahead() / 4 * 3,
        };
        if let Some(slot) = self.run.symbol_of_last(no, view.subject)
            && self.run.len_with(view) <= most
        {
            return self.run.add(no, slot, view);
        }
        self.relay_other(no, view, from, likely.min(most), most);
    }

    /// Adds a report of this process to the run.
    #[inline(never)] // Kept out of the way of those that flow.
    pub(in crate::process) fn join_run(&mut self, no: ServiceNo, view: &ReportView<'_>) {
        self.relay(no, view, None, self.limits.ahead());
    }

    /// A report that differs from the one before.
    fn relay_other(
        &mut self,
        no: ServiceNo,
        view: &ReportView<'_>,
        from: Option<LinkId>,
        likely: usize,
        most: usize,
    ) {
        let Some(known) = self.registry.service(no) else { return };
        if known.subscribers.is_empty() {
            return;
        }
        let epoch = self.route_epoch;
        let to = match known.subscribers.known_links(view.subject, epoch) {
            Some(plan) => Arc::clone(plan),
            None => self.planned_links(no, view.subject, epoch),
        };
        if to.iter().all(|(link, _)| Some(*link) == from) {
            return;
        }
        let slot = self.symbols.slot(view.subject);
        let epoch = self.symbols.epoch();
        if self.run.len_with(view) > most || !self.run.leads(no, &to, epoch) {
            self.end_run();
            self.run.begin(BatchRoute { service: no, from, to, epoch }, likely);
        }
        self.run.name(slot, view.subject);
        self.run.add(no, slot, view);
    }

    /// Sends the run that was begun, if any.
    #[inline]
    pub(in crate::process) fn end_run(&mut self) {
        if self.run.is_open() {
            self.send_run();
        }
    }

    fn send_run(&mut self) {
        let Some(way) = self.run.close() else { return };
        let ahead = self.limits.ahead();
        let mut run = mem::take(&mut self.run);
        let (size, largest) = (run.frames.len(), run.largest);
        // A small one is copied to each link, unless one has to wait.
        let mut sealed = (size >= SEGMENT_FROM).then(|| run.seal(way.service));
        for (link, latest) in way.to.iter().copied().filter(|(link, _)| Some(*link) != way.from) {
            let Some(connection) = self.links.get_mut(&link).and_then(|state| state.linked_mut())
            else {
                continue;
            };
            if !connection.has_told_service(way.service) {
                continue;
            }
            let accepts = connection.accepts(largest);
            if !accepts || !connection.flows(size, ahead) {
                let sealed = sealed.get_or_insert_with(|| run.seal(way.service));
                self.queue_run(link, sealed, latest, accepts);
                continue;
            }
            let (encoder, ready) = (&mut connection.encoder, &mut connection.ready);
            if let Some(sealed) = &sealed {
                sealed.encode(encoder, ready);
            } else {
                encoder.shared_symbols(&run.symbols, ready);
                ready.copy(&run.frames);
            }
            connection.mark_dirty(&mut self.dirty);
        }
        run.clear();
        self.run = run;
    }

    /// Into the outbox of a link, which knows the service. Where each report counts by itself, or
    /// where they are few, one by one.
    fn queue_run(&mut self, link: LinkId, run: &Arc<SealedBatch>, latest: bool, accepts: bool) {
        if accepts && !latest && run.frames.len() >= SEGMENT_FROM {
            return self.queue(link, Out::Batch(Arc::clone(run)));
        }
        for report in run.reports() {
            self.queue_report(link, report.detached(), latest);
        }
    }
}
