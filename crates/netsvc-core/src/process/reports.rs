//! Reports on their way from publishers to subscribers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::content::Content;
use crate::error::CommandError;
use crate::event::Delivered;
use crate::ids::{LinkId, ServiceNo, Str, SubscriptionId};
use crate::kept::{KeptValue, KeptValues, Lifetime};
use crate::limits::{MAX_SUBJECT, PUBLISH_HIGH_WATER};
use crate::outbox::{Out, ReplayCursor};
use crate::pattern::Pattern;
use crate::registry::{OWN, Publisher};
use crate::time::Time;
use crate::timers::Timer;
use crate::wire::{Message, Report};

use super::Process;
use super::services::check_length;

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
        check_length("subject", &subject, MAX_SUBJECT)?;
        let (size, limit) = (content.bytes.len(), self.limits.payload);
        if size > limit {
            return Err(CommandError::TooLarge { size, limit });
        }
        let closed = CommandError::Closed { what: "the service" };
        if self.registry.service(service).is_none_or(|known| known.publisher.is_none()) {
            return Err(closed);
        }
        let expires = match lifetime {
            Lifetime::None => None,
            Lifetime::For(duration) => Some(now + duration),
            Lifetime::Forever => Some(Time::NEVER),
        };
        if expires.is_some() {
            self.make_room(now, service, &subject, size)?;
        }
        let Some(known) = self.registry.service_mut(service) else { return Err(closed) };
        let Some(publisher) = &mut known.publisher else { return Err(closed) };
        publisher.sequence += 1;
        let sequence = publisher.sequence;
        if let Some(expires) = expires {
            let value = KeptValue { subject: subject.clone(), content: content.clone(), expires };
            self.change_kept(service, |kept| kept.insert(sequence, value));
            if expires != Time::NEVER {
                self.timers.set_earlier(Timer::Sweep, now + SWEEP);
            }
        } else if publisher.kept.len() > 0 {
            self.change_kept(service, |kept| kept.remove(&subject));
        }
        let report =
            Report { service: service.0, subject, sequence, content, extensions: Bytes::new() };
        Ok(self.distribute(service, report, None))
    }

    /// Bytes queued for the link that has most.
    pub fn queued_bytes(&self) -> usize {
        let linked = self.links.values().filter_map(|state| state.linked());
        linked.map(|connection| connection.outbox.bytes() + connection.unwritten).max().unwrap_or(0)
    }

    /// A live report came over a link.
    pub(super) fn handle_report(&mut self, link: LinkId, mut report: Report) {
        let Some(no) = self.service_of_peer(link, report.service) else {
            return self.ignore(link);
        };
        report.service = no.0;
        self.distribute(no, report, Some(link));
    }

    /// Somebody wants the kept values of a service.
    pub(super) fn handle_replay_request(
        &mut self,
        link: LinkId,
        service: u32,
        process: u32,
        replay: u32,
        pattern: Str,
        after: u64,
    ) {
        let no = ServiceNo(service);
        let visible = self.registry.service(no).is_some_and(|known| self.exports(known, link));
        let Some(known) = self.registry.service(no).filter(|_| visible) else {
            // It was withdrawn meanwhile; the asker hears so on the same link.
            return self.ignore(link);
        };
        if let Some(publisher) = &known.publisher {
            let (upto, pattern) = (publisher.sequence, Pattern::new(pattern));
            let cursor = ReplayCursor { service: no, process, replay, pattern, after, upto };
            return self.push(link, Out::Replay(cursor));
        }
        let Some((next, peer_no)) = known.route() else { return };
        let asker = self.links.get(&link).and_then(|state| state.linked()).and_then(|connection| {
            if process == 0 { connection.processes.get(&0).copied() } else { None }
        });
        // Only the peer itself may ask through this process: it relays one hop.
        let Some(process) = asker else { return self.ignore(link) };
        self.push(next, Out::ReplayRequest { service: peer_no, process, replay, pattern, after });
    }

    /// A kept value for whoever asked.
    pub(super) fn handle_replayed(
        &mut self,
        link: LinkId,
        process: u32,
        replay: u32,
        remaining: Option<Duration>,
        mut report: Report,
    ) {
        let Some(no) = self.service_of_peer(link, report.service) else {
            return self.ignore(link);
        };
        report.service = no.0;
        if process == OWN.0 {
            let Some((subscription, _)) = self.subscriptions.replays.get(&replay).copied() else {
                return self.ignore(link);
            };
            return self.deliver(subscription, no, &report, Some(replay));
        }
        if let Some(next) = self.registry.route_to(crate::ids::ProcessNo(process)) {
            let message = Message::Replayed { process: OWN.0, replay, remaining, report };
            self.push(next, Out::Message(message));
        }
    }

    /// A replay is complete.
    pub(super) fn handle_replay_end(
        &mut self,
        link: LinkId,
        process: u32,
        replay: u32,
        sequence: u64,
    ) {
        if process == OWN.0 {
            let Some((subscription, service)) = self.subscriptions.replays.remove(&replay) else {
                return self.ignore(link);
            };
            return self.update_subscription(subscription, |subscription, stamp| {
                subscription.end_replay(service, replay, sequence, stamp);
            });
        }
        if let Some(next) = self.registry.route_to(crate::ids::ProcessNo(process)) {
            let message = Message::ReplayEnd { process: OWN.0, replay, sequence };
            self.push(next, Out::Message(message));
        }
    }

    /// Drops kept values whose lifetime is over.
    pub(super) fn sweep(&mut self, now: Time) {
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
    fn distribute(&mut self, no: ServiceNo, report: Report, from: Option<LinkId>) -> bool {
        for index in 0..self.subscriptions.attached(no).len() {
            if let Some(subscription) = self.subscriptions.attached(no).get(index).copied() {
                self.deliver(subscription, no, &report, None);
            }
        }
        let epoch = self.route_epoch;
        let (links, unasked) = {
            let registry = &self.registry;
            let unasked = registry.service(no).filter(|known| known.is_local()).map_or_else(
                Vec::new,
                |service| {
                    let candidates = self.links.values().filter(|state| {
                        state.linked().is_some_and(|connection| {
                            connection.peer_is_server()
                                && connection.has_told_service(no)
                                && !connection.told.contains(&no)
                        })
                    });
                    candidates
                        .filter(|state| self.exports(service, state.id))
                        .map(|state| state.id)
                        .collect::<Vec<_>>()
                },
            );
            (self.planned_links(no, &report.subject, epoch), unasked)
        };
        if links.is_empty() && unasked.is_empty() {
            return true;
        }
        let report = Arc::new(report);
        let mut low = true;
        let more = unasked.iter().filter(|link| !links.contains(link));
        for link in links.iter().chain(more) {
            if Some(*link) == from {
                continue;
            }
            low &= self.push_report(*link, &report);
        }
        low
    }

    fn planned_links(&mut self, no: ServiceNo, subject: &Str, epoch: u64) -> Arc<[LinkId]> {
        // The subscribers are taken out while the routes are looked up in the same table.
        let Some(service) = self.registry.service_mut(no) else { return Arc::from([]) };
        let mut subscribers = std::mem::take(&mut service.subscribers);
        let links = subscribers.links(subject, epoch, |process| {
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

    fn push_report(&mut self, link: LinkId, report: &Arc<Report>) -> bool {
        let Some(connection) = self.links.get_mut(&link).and_then(|state| state.linked_mut())
        else {
            return true;
        };
        let too_large = connection
            .peer
            .as_ref()
            .is_some_and(|peer| report.content.bytes.len() > peer.max_payload);
        if too_large || !connection.has_told_service(ServiceNo(report.service)) {
            connection.outbox.dropped += u64::from(too_large);
            return true;
        }
        self.push(link, Out::Report(report.clone()));
        self.links.get(&link).and_then(|state| state.linked()).is_none_or(|connection| {
            connection.outbox.bytes() + connection.unwritten <= PUBLISH_HIGH_WATER
        })
    }

    fn deliver(&mut self, id: SubscriptionId, no: ServiceNo, report: &Report, replay: Option<u32>) {
        let Some(service) = self.registry.service(no) else { return };
        let wanted = self
            .subscriptions
            .get(id)
            .is_some_and(|subscription| subscription.pattern.matches(&report.subject));
        if !wanted {
            return;
        }
        let delivered = Delivered {
            service: no,
            id: service.id,
            name: service.name.clone(),
            subject: report.subject.clone(),
            sequence: report.sequence,
            replayed: replay.is_some(),
            resumed: false,
            missed: 0,
            content: report.content.clone(),
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
    fn change_kept(&mut self, no: ServiceNo, change: impl FnOnce(&mut KeptValues)) {
        let known = self.registry.service_mut(no).and_then(|known| known.publisher.as_mut());
        let Some(Publisher { kept, .. }) = known else { return };
        let before = (kept.len(), kept.bytes());
        change(kept);
        self.kept.0 = self.kept.0 - before.0 + kept.len();
        self.kept.1 = self.kept.1 - before.1 + kept.bytes();
    }

    fn service_of_peer(&self, link: LinkId, peer_no: u32) -> Option<ServiceNo> {
        self.links.get(&link)?.linked()?.services.get(&peer_no).copied()
    }
}
