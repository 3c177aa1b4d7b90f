//! Reports on their way from publishers to subscribers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::collections::timers::Timer;
use crate::content::Content;
use crate::delivery::event::Delivered;
use crate::error::CommandError;
use crate::ids::{LinkId, ProcessId, ProcessNo, ServiceNo, Str, SubscriptionId};
use crate::limits::{MAX_SUBJECT, PUBLISH_HIGH_WATER};
use crate::links::link::Connection;
use crate::links::outbound::outbox::{OVERHEAD, Out, report_size};
use crate::registry::table::{OWN, Publisher, Service};
use crate::reports::interest::Destinations;
use crate::reports::retained::{Lifetime, RetainedValue, RetainedValues};
use crate::time::Time;
use crate::wire::{Message, Report};

use crate::process::Process;
use crate::process::registry::local_services::check_length;

/// How often kept values are looked through for those whose lifetime is over.
const SWEEP: Duration = Duration::from_secs(10);

impl Process {
    /// Publishes a report of a local service. Never blocks.
    ///
    /// Returns false if more than [`PUBLISH_HIGH_WATER`] bytes are now queued for some link.
    pub fn publish(
        &mut self,
        now: Time,
        service: ServiceNo,
        subject: impl Into<Str>,
        content: Content,
        lifetime: Lifetime,
    ) -> Result<bool, CommandError> {
        let subject = subject.into();
        if lifetime == Lifetime::None
            && self.publish_or_join(service, &subject, content.by_ref(), false)
        {
            return Ok(true);
        }
        self.check_publish(service, &subject, &content)?;
        let size = content.bytes.len();
        let expires = match lifetime {
            Lifetime::None => None,
            Lifetime::For(duration) => Some(now + duration),
            Lifetime::Forever => Some(Time::NEVER),
        };
        if expires.is_some() {
            self.make_room(now, service, &subject, size)?;
        }
        let sequence = self.next_sequence(service)?;
        if let Some(expires) = expires {
            let value =
                RetainedValue { subject: subject.clone(), content: content.clone(), expires };
            self.change_kept(service, |kept| kept.insert(sequence, value));
            if expires != Time::NEVER {
                self.timers.set_earlier(Timer::Sweep, now + SWEEP);
            }
        } else if self.kept.0 > 0 {
            self.change_kept(service, |kept| kept.remove(&subject));
        }
        let report =
            Report { service: service.0, subject, sequence, content, extensions: Bytes::new() };
        Ok(self.distribute(service, &report, None))
    }

    /// Publishes a report for one process only, if it subscribes to the subject. It is never kept.
    /// A process that is no longer reachable gets nothing.
    pub fn publish_to(
        &mut self,
        service: ServiceNo,
        process: ProcessId,
        subject: impl Into<Str>,
        content: Content,
    ) -> Result<bool, CommandError> {
        let subject = subject.into();
        self.check_publish(service, &subject, &content)?;
        let sequence = self.next_sequence(service)?;
        let report =
            Report { service: service.0, subject, sequence, content, extensions: Bytes::new() };
        match self.registry.process_no(process) {
            None => {}
            Some(OWN) => self.deliver_all(service, &report),
            Some(no) => {
                if let Some((link, number)) = self.way_out(service, no) {
                    self.push(link, Out::Targeted(number, report.detached()));
                    return Ok(self.is_low(link));
                }
            }
        }
        Ok(true)
    }

    /// Bytes queued for the link that has most.
    pub fn queued_bytes(&self) -> usize {
        let linked = self.links.values().filter_map(|state| state.linked());
        linked.map(Connection::queued).max().unwrap_or(0) + self.run.frames.len()
    }

    /// A live report came over a link.
    pub(in crate::process) fn handle_report(&mut self, link: LinkId, report: &mut Report) {
        let Some(no) = self.service_of_peer(link, report.service) else {
            return self.ignore(link);
        };
        report.service = no.0;
        self.distribute(no, report, Some(link));
    }

    /// A report for one process came over a link.
    pub(in crate::process) fn handle_targeted(
        &mut self,
        link: LinkId,
        process: u32,
        mut report: Report,
    ) {
        let Some(no) = self.service_of_peer(link, report.service) else {
            return self.ignore(link);
        };
        report.service = no.0;
        if process == OWN.0 {
            return self.deliver_all(no, &report);
        }
        if let Some(next) = self.way_on(link, ProcessNo(process)) {
            self.push(next, Out::Message(Message::Targeted { process: OWN.0, report }));
        }
    }

    /// Reports were dropped on their way: whoever would have got them is told.
    pub(in crate::process) fn handle_lost(
        &mut self,
        link: LinkId,
        service: u32,
        subject: Option<&Str>,
        count: u64,
    ) {
        let Some(no) = self.service_of_peer(link, service) else { return self.ignore(link) };
        let Some(id) = self.registry.service(no).map(|known| known.id) else { return };
        for subscription in self.subscriptions.attached(no).to_vec() {
            if let Some(state) = self.subscriptions.get_mut(subscription)
                && subject.is_none_or(|subject| state.pattern.matches(subject))
            {
                state.lose(id, count);
            }
        }
        let epoch = self.route_epoch;
        let links: Vec<LinkId> = match subject {
            Some(subject) => {
                self.planned_links(no, subject, epoch).iter().map(|(link, _)| *link).collect()
            }
            None => self.links_of_subscribers(no),
        };
        for next in links {
            if next != link {
                let subject = subject.cloned();
                self.push(next, Out::Lost { service: no.0, subject, count });
            }
        }
    }

    /// Drops kept values whose lifetime is over.
    pub(in crate::process) fn sweep(&mut self, now: Time) {
        let mut next = Time::NEVER;
        for service in self.local_services() {
            self.change_kept(service, |kept| next = next.min(kept.sweep(now)));
        }
        if next != Time::NEVER {
            self.timers.set(Timer::Sweep, next.max(now + SWEEP));
        }
    }

    /// To local subscriptions, and one copy to each link with subscribers behind it. False: some
    /// link has much queued.
    fn distribute(&mut self, no: ServiceNo, report: &Report, from: Option<LinkId>) -> bool {
        self.deliver_all(no, report);
        // Most services that a client hears of are wanted by nobody beyond it.
        let ends_here = |known: &Service| !known.is_local() && known.subscribers.is_empty();
        if self.registry.service(no).is_none_or(ends_here) {
            return true;
        }
        let epoch = self.route_epoch;
        let links = self.planned_links(no, &report.subject, epoch);
        let mut waiting = None;
        let mut low = true;
        for (link, latest) in links.iter().copied() {
            if Some(link) != from {
                low &= self.push_report(link, report, latest, &mut waiting);
            }
        }
        low
    }

    /// Links whose server has not told the subscribers of a local service yet. One that has not
    /// been told of the service is among them.
    fn unasked_links(&self, no: ServiceNo) -> Vec<LinkId> {
        let service = self.registry.service(no).filter(|known| known.is_local());
        let Some(service) = service else { return Vec::new() };
        let unasked = self.links.values().filter(|state| {
            state.linked().is_some_and(|connection| {
                connection.peer_is_server() && !connection.told.contains(&no)
            })
        });
        unasked.map(|state| state.id).filter(|link| self.exports(service, *link)).collect()
    }

    /// To all local subscriptions that a service concerns.
    fn deliver_all(&mut self, no: ServiceNo, report: &Report) {
        let Some((matching, _)) = self.subscriptions.matching(no, &report.subject) else { return };
        for subscription in Arc::clone(matching).iter().copied() {
            self.deliver(subscription, no, report, None);
        }
    }

    /// The link to a process on which a local service exists, and the peer's number of the process.
    fn way_out(&self, service: ServiceNo, process: ProcessNo) -> Option<(LinkId, u32)> {
        let known = self.registry.service(service)?;
        self.registry.process(process)?.routes.iter().find_map(|link| {
            let connection = self.links.get(link)?.linked()?;
            if !connection.has_told_service(service) || !self.exports(known, *link) {
                return None;
            }
            let numbers = connection.processes.iter();
            let number = numbers.filter(|(_, no)| **no == process).map(|(number, _)| *number);
            Some((*link, number.min()?))
        })
    }

    /// Where something for one process goes that came over a link: on within the same exchange,
    /// since what it is about exists only there.
    pub(in crate::process) fn way_on(&self, from: LinkId, process: ProcessNo) -> Option<LinkId> {
        let exchange = self.links.get(&from)?.exchange;
        let within = |link: &LinkId| {
            *link != from && self.links.get(link).is_some_and(|state| state.exchange == exchange)
        };
        self.registry.process(process)?.routes.iter().copied().find(within)
    }

    /// Links with subscribers of any subject behind them.
    fn links_of_subscribers(&self, no: ServiceNo) -> Vec<LinkId> {
        let Some(service) = self.registry.service(no) else { return Vec::new() };
        let processes = service.subscribers.processes();
        let mut links: Vec<LinkId> =
            processes.filter_map(|process| self.registry.route_to(process)).collect();
        links.sort_unstable();
        links.dedup();
        links
    }

    pub(in crate::process) fn planned_links(
        &mut self,
        no: ServiceNo,
        subject: &Str,
        epoch: u64,
    ) -> Destinations {
        let known = self.registry.service(no);
        if let Some(plan) = known.and_then(|known| known.subscribers.known_links(subject, epoch)) {
            return Arc::clone(plan);
        }
        let unasked = self.unasked_links(no);
        // The subscribers are taken out while the routes are looked up in the same table.
        let Some(service) = self.registry.service_mut(no) else { return Arc::from([]) };
        let mut subscribers = std::mem::take(&mut service.subscribers);
        let links = subscribers.links(subject, epoch, &unasked, |process| {
            let service = self.registry.service(no)?;
            // Of several ways to a process, one on which the service exists.
            let mut routes = self.registry.process(process)?.routes.iter();
            routes.find(|link| self.exports(service, **link)).copied()
        });
        if let Some(service) = self.registry.service_mut(no) {
            service.subscribers = subscribers;
        }
        links
    }

    /// `waiting`: the report as it waits in the outboxes of links that do not flow.
    fn push_report(
        &mut self,
        link: LinkId,
        report: &Report,
        latest: bool,
        waiting: &mut Option<Report>,
    ) -> bool {
        let ahead = self.limits.ahead();
        let Some(connection) = self.links.get_mut(&link).and_then(|state| state.linked_mut())
        else {
            return true;
        };
        if connection.flows(OVERHEAD + report_size(report), ahead)
            && connection.has_told_service(ServiceNo(report.service))
            && connection.accepts(report.content.bytes.len())
        {
            let Report { service, subject, sequence, content, extensions } = report;
            let (encoder, ready) = (&mut connection.encoder, &mut connection.ready);
            encoder.report(*service, subject, *sequence, content, extensions, ready);
            connection.mark_dirty(&mut self.dirty);
            return true;
        }
        let report = waiting.get_or_insert_with(|| report.clone().detached()).clone();
        self.queue_report(link, report, latest)
    }

    /// Into the outbox of a link, ready to wait there.
    pub(in crate::process) fn queue_report(
        &mut self,
        link: LinkId,
        report: Report,
        latest: bool,
    ) -> bool {
        let limit = self.limits.outbox;
        let Some(connection) = self.links.get_mut(&link).and_then(|state| state.linked_mut())
        else {
            return true;
        };
        if !connection.has_told_service(ServiceNo(report.service)) {
            return true;
        }
        if !connection.accepts(report.content.bytes.len()) {
            // The peer cannot take it: for its subscribers it is lost.
            let subject = Some(report.subject);
            self.push(link, Out::Lost { service: report.service, subject, count: 1 });
            return true;
        }
        if latest && connection.outbox.bytes() + report.content.bytes.len() > limit {
            connection.outbox.replace(report.service, &report.subject);
        }
        self.queue(link, Out::Report { report, latest });
        self.is_low(link)
    }

    /// Whether little enough is queued for a link that a publisher may go on.
    fn is_low(&self, link: LinkId) -> bool {
        self.links
            .get(&link)
            .and_then(|state| state.linked())
            .is_none_or(|connection| connection.queued() <= PUBLISH_HIGH_WATER)
    }

    fn check_publish(
        &self,
        service: ServiceNo,
        subject: &str,
        content: &Content,
    ) -> Result<(), CommandError> {
        check_length("subject", subject, MAX_SUBJECT)?;
        let (size, limit) = (content.bytes.len(), self.limits.payload);
        if size > limit {
            return Err(CommandError::TooLarge { size, limit });
        }
        match self.registry.service(service) {
            Some(known) if known.publisher.is_some() => Ok(()),
            _ => Err(CommandError::Closed { what: "the service" }),
        }
    }

    fn next_sequence(&mut self, service: ServiceNo) -> Result<u64, CommandError> {
        let known = self.registry.service_mut(service);
        let publisher = known.and_then(|known| known.publisher.as_mut());
        let publisher = publisher.ok_or(CommandError::Closed { what: "the service" })?;
        publisher.sequence += 1;
        Ok(publisher.sequence)
    }

    /// To one subscription whose pattern matches.
    pub(in crate::process) fn deliver(
        &mut self,
        id: SubscriptionId,
        no: ServiceNo,
        report: &Report,
        replay: Option<u32>,
    ) {
        let Some(service) = self.registry.service(no) else { return };
        let content = report.content.clone();
        let delivered = Delivered {
            service: no,
            id: service.id,
            name: service.name.clone(),
            subject: report.subject.clone(),
            sequence: report.sequence,
            replayed: replay.is_some(),
            resumed: false,
            missed: 0,
            content: if self.deliveries.is_waiting() { content.detached() } else { content },
        };
        self.update_subscription(id, |subscription, stamp| {
            subscription.arrive(delivered, replay, stamp);
        });
    }

    /// Whether one more value may be kept; what has expired makes room.
    fn make_room(
        &mut self,
        now: Time,
        service: ServiceNo,
        subject: &str,
        size: usize,
    ) -> Result<(), CommandError> {
        let (values_limit, bytes_limit) = (self.limits.kept_values, self.limits.kept_bytes);
        for swept in [false, true] {
            let replaced = self
                .registry
                .service(service)
                .and_then(|known| known.publisher.as_ref())
                .and_then(|publisher| publisher.kept.bytes_of(subject));
            let (values, bytes) = self.kept;
            let values = values + usize::from(replaced.is_none());
            let bytes = bytes - replaced.unwrap_or(0) + size;
            if values <= values_limit && bytes <= bytes_limit {
                return Ok(());
            }
            if swept {
                let (what, limit) = if values > values_limit {
                    ("kept_values", values_limit)
                } else {
                    ("kept_bytes", bytes_limit)
                };
                return Err(CommandError::Limit { what, limit });
            }
            self.sweep(now);
        }
        Ok(())
    }

    /// Changes kept values and keeps count of them.
    fn change_kept(&mut self, no: ServiceNo, change: impl FnOnce(&mut RetainedValues)) {
        let known = self.registry.service_mut(no).and_then(|known| known.publisher.as_mut());
        let Some(Publisher { kept, .. }) = known else { return };
        let before = (kept.len(), kept.bytes());
        change(kept);
        self.kept.0 = self.kept.0 - before.0 + kept.len();
        self.kept.1 = self.kept.1 - before.1 + kept.bytes();
        self.rest_sweeping();
    }

    /// Nothing is kept, so nothing is swept.
    pub(in crate::process) fn rest_sweeping(&mut self) {
        if self.kept.0 == 0 {
            self.timers.clear(Timer::Sweep);
        }
    }

    pub(in crate::process) fn service_of_peer(
        &self,
        link: LinkId,
        peer_no: u32,
    ) -> Option<ServiceNo> {
        self.links.get(&link)?.linked()?.services.get(&peer_no).copied()
    }
}
