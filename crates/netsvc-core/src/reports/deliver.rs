//! Reports on their way to the application.

use std::sync::Arc;

use bytes::Bytes;

use crate::delivery::event::Delivered;
use crate::delivery::sink::{DeliveredRef, Sink};
use crate::ids::{LinkId, ServiceNo, SubscriptionId};
use crate::wire::ReportRef;

use super::distributor::Distributor;
use super::feed::{Take, Telling};

impl Distributor<'_> {
    /// To every subscription of this process that a report concerns, which came `via` a link: to
    /// `sink` where it lies, if nothing that came before waits and there is room for all, otherwise
    /// into the subscriptions' queues.
    pub(crate) fn deliver(
        &mut self,
        no: ServiceNo,
        report: &ReportRef<'_>,
        via: Option<LinkId>,
        sink: &mut (dyn Sink + '_),
    ) {
        // The list is borrowed, not cloned: see wire/words.rs on atomic operations.
        let Some((matching, table)) = self.reports.subscriptions.matching(no, report.subject)
        else {
            return;
        };
        if matching.is_empty() {
            return;
        }
        let Some(service) = self.registry.services.get(no) else { return };
        if self.deliveries.is_empty() {
            let mut delivered = DeliveredRef {
                service: no,
                id: service.id,
                name: &service.name,
                subject: report.subject,
                sequence: report.sequence,
                resumed: false,
                missed: 0,
                kind: report.content.kind,
                content: report.content.bytes,
                extensions: report.extensions,
            };
            let (sequence, size) = (report.sequence, report.content.bytes.len());
            let mut can_take = |id: &SubscriptionId| {
                let subscription = table.get_mut(id);
                subscription.is_none_or(|it| it.can_take(no, service.id, sequence, size, via))
            };
            // One alone says so when it takes the report.
            let ready = sink.has_room(matching.len(), &delivered)
                && (matching.len() == 1 || matching.iter().all(&mut can_take));
            if ready {
                let mut waits = false;
                for id in matching.iter() {
                    let Some(subscription) = table.get_mut(id) else { continue };
                    match subscription.take(no, service.id, sequence, size, via) {
                        Take::Now(Telling { missed, resumed }) => {
                            (delivered.missed, delivered.resumed) = (missed, resumed);
                            sink.report(*id, &delivered);
                        }
                        Take::Later => waits = true,
                        Take::Never => {}
                    }
                }
                if !waits {
                    return;
                }
            }
        }
        for id in Arc::clone(matching).iter() {
            self.queue(*id, no, report, via, None);
        }
    }

    /// Into the queue of one subscription whose pattern matches. `replay`: it is a kept value that
    /// belongs to that replay.
    #[inline(never)]
    pub(super) fn queue(
        &mut self,
        id: SubscriptionId,
        no: ServiceNo,
        report: &ReportRef<'_>,
        via: Option<LinkId>,
        replay: Option<u32>,
    ) {
        let Some(service) = self.registry.services.get(no) else { return };
        let content = &report.content;
        let delivered = Delivered {
            service: no,
            id: service.id,
            name: service.name.clone(),
            subject: report.subject.clone(),
            sequence: report.sequence,
            replayed: replay.is_some(),
            resumed: false,
            missed: 0,
            content: if self.deliveries.is_waiting() { content.detach() } else { content.keep() },
            extensions: Bytes::copy_from_slice(report.extensions),
        };
        self.reports.update(id, self.deliveries, |subscription, stamp| {
            subscription.arrive(delivered, replay, via, stamp);
        });
    }
}
