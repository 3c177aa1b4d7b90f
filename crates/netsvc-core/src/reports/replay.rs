//! Replays: kept values on their way to whoever subscribed late.
//!
//! The publisher answers page by page, each asked for when the one before has arrived, addressed to
//! one subscription of one process. Relays pass them on and remember nothing.

use std::time::Duration;

use crate::ids::{LinkId, ProcessNo, ServiceId, ServiceNo, Str, SubscriptionId};
use crate::links::outbound::outbox::{Out, ReplayCursor};
use crate::policy::party::Party;
use crate::registry::Registry;
use crate::registry::process_table::OWN;
use crate::wire::{Message, Report};

use super::Reports;
use super::distributor::Distributor;
use super::pattern::Pattern;
use super::replay_queue::ReplayQueue;
use super::subscriptions::Replay;

/// Values and bytes of content of one page of a replay. The asker asks for the next when it has
/// this one, so that no replay fills the outboxes on its way.
const REPLAY_VALUES: usize = 1024;
const REPLAY_BYTES: usize = 256 << 10;

/// A peer's question for kept values.
pub(crate) struct ReplayQuestion {
    pub(crate) service: u32,
    pub(crate) process: u32,
    pub(crate) replay: u32,
    pub(crate) pattern: Str,
    pub(crate) after: u64,
    pub(crate) upto: u64,
}

impl Distributor<'_> {
    /// Somebody wants the kept values of a service.
    pub(crate) fn handle_replay_request(&mut self, link: LinkId, question: &ReplayQuestion) {
        let no = ServiceNo(question.service);
        let ReplayQuestion { process, replay, after, upto, .. } = *question;
        let known = self.registry.services.get(no);
        let by = Party { process: self.asker(link, process), link: Some(link) };
        let Some(known) = known.filter(|known| self.policy().may_subscribe(by, known)) else {
            // It was withdrawn meanwhile; the asker hears so on the same link. Every request is
            // answered all the same: the asker counts them.
            return self.answer_nothing(link, question);
        };
        if let Some(publisher) = &known.publisher {
            let newest = publisher.sequence;
            self.note_way(no, link, process, replay);
            let cursor = ReplayCursor {
                service: no,
                process,
                replay,
                pattern: Pattern::new(question.pattern.clone()),
                after,
                upto: if upto == 0 { newest } else { upto.min(newest) },
                values_left: REPLAY_VALUES,
                bytes_left: REPLAY_BYTES,
            };
            return self.links.send(link, Out::Replay(cursor));
        }
        let exchange = self.links.exchange_of(link).map(|exchange| exchange.id);
        let Some(route) = known.route_in(exchange) else { return };
        // Only the peer itself may ask through this process: it relays one hop.
        let peer = self.links.linked(link).and_then(|connection| connection.process_of(OWN.0));
        let Some(process) = peer.filter(|_| process == OWN.0) else {
            return self.answer_nothing(link, question);
        };
        let (service, pattern) = (route.peer_no, question.pattern.clone());
        let ask = Out::ReplayRequest { service, process, replay, pattern, after, upto };
        self.links.send(route.link, ask);
    }

    /// The asker's reports go over the same link from now on, behind the answer.
    fn note_way(&mut self, no: ServiceNo, link: LinkId, asker: u32, replay: u32) {
        let asker = self.links.linked(link).and_then(|connection| connection.process_of(asker));
        let (Some(asker), Some(known)) = (asker, self.registry.services.get_mut(no)) else {
            return;
        };
        if known.subscribers.ask(asker, link, replay) {
            self.registry.subscribers_changed();
        }
    }

    /// The process that asks over a link, by the peer's number; the peer itself if that is unknown.
    fn asker(&self, link: LinkId, process: u32) -> ProcessNo {
        let peer = self.links.linked(link);
        let known = |no| peer.and_then(|peer| peer.process_of(no));
        known(process).or_else(|| known(OWN.0)).unwrap_or(OWN)
    }

    fn answer_nothing(&mut self, link: LinkId, question: &ReplayQuestion) {
        let ReplayQuestion { process, replay, after: sequence, .. } = *question;
        self.links.ignore(link);
        let end = Message::ReplayEnd { process, replay, sequence, more_after: 0 };
        self.links.send(link, Out::Message(end));
    }

    /// A kept value for whoever asked.
    pub(crate) fn handle_replayed(
        &mut self,
        link: LinkId,
        process: u32,
        replay: u32,
        remaining: Option<Duration>,
        mut report: Report,
    ) {
        let Some(no) = self.policy().publisher(link, &report.by_ref()) else {
            return self.links.ignore(link);
        };
        report.service = no.0;
        if process == OWN.0 {
            let known = self.reports.subscriptions.replays.get(&replay).copied();
            let Some(Replay { subscription, .. }) = known else { return self.links.ignore(link) };
            let state = self.reports.subscriptions.get(subscription);
            if state.is_some_and(|state| state.pattern.matches(&report.subject)) {
                self.queue(subscription, no, &report.by_ref(), Some(link), Some(replay));
            }
            return;
        }
        if let Some(next) = self.route_on(link, ProcessNo(process)) {
            let message = Message::Replayed { process: OWN.0, replay, remaining, report };
            self.links.send(next, Out::Message(message));
        }
    }

    /// A page of a replay is complete.
    pub(crate) fn handle_replay_end(
        &mut self,
        link: LinkId,
        process: u32,
        replay: u32,
        sequence: u64,
        more_after: u64,
    ) {
        if process != OWN.0 {
            if let Some(next) = self.route_on(link, ProcessNo(process)) {
                let message = Message::ReplayEnd { process: OWN.0, replay, sequence, more_after };
                self.links.send(next, Out::Message(message));
            }
            return;
        }
        let known = self.reports.subscriptions.replays.get(&replay).copied();
        let Some(Replay { subscription, service, .. }) = known else {
            return self.links.ignore(link);
        };
        if more_after > 0 {
            return self.ask_for_more(subscription, service, replay, more_after, sequence);
        }
        self.end_replay(replay);
        self.reports.update(subscription, self.deliveries, |subscription, stamp| {
            subscription.end_replay(service, replay, sequence, stamp);
        });
    }

    /// A replay is complete, or no longer wanted: another may be asked for.
    pub(super) fn end_replay(&mut self, replay: u32) {
        let ended = self.reports.subscriptions.replays.remove(&replay);
        if let Some((link, publisher)) = ended.and_then(|ended| ended.asked) {
            self.links.end_replay(link, publisher);
        }
    }

    /// The rest of a replay of which a page has arrived.
    fn ask_for_more(
        &mut self,
        id: SubscriptionId,
        service: ServiceId,
        replay: u32,
        after: u64,
        upto: u64,
    ) {
        let Some(subscription) = self.reports.subscriptions.get(id) else { return };
        let pattern = subscription.pattern.text().clone();
        let services = &self.registry.services;
        let known = services.no_of(service).and_then(|no| services.get(no));
        let Some(route) = known.and_then(super::super::registry::service::Service::route) else {
            return;
        };
        let (service, process) = (route.peer_no, OWN);
        let ask = Out::ReplayRequest { service, process, replay, pattern, after, upto };
        self.links.send(route.link, ask);
    }
}

impl Reports {
    /// The next question for a replay over a link, if any may be sent.
    pub(crate) fn next_question(
        &mut self,
        registry: &Registry,
        link: LinkId,
        queue: &mut ReplayQueue,
    ) -> Option<Message> {
        loop {
            let (id, publisher) = if let Some(waited) = queue.next_waiting() {
                waited
            } else {
                let id = queue.next_incoming()?;
                match self.publisher_of(registry, id) {
                    Some(publisher) if queue.admits(id, publisher) => (id, publisher),
                    _ => continue,
                }
            };
            if let Some(message) = self.question(registry, link, id, publisher) {
                queue.begin(publisher);
                return Some(message);
            }
            queue.forget_idle(publisher);
        }
    }

    /// Whose values a replay is about; `None`: it has ended.
    fn publisher_of(&self, registry: &Registry, replay: u32) -> Option<ProcessNo> {
        let replay = self.subscriptions.replays.get(&replay)?;
        let no = registry.services.no_of(replay.service)?;
        registry.services.get(no).map(|service| service.process)
    }

    /// The question for a replay; `None`: it is not wanted any more, at least not over that link.
    fn question(
        &mut self,
        registry: &Registry,
        link: LinkId,
        id: u32,
        publisher: ProcessNo,
    ) -> Option<Message> {
        let Replay { subscription, service: about, .. } = *self.subscriptions.replays.get(&id)?;
        let no = registry.services.no_of(about)?;
        let route = registry.services.get(no)?.route().filter(|route| route.link == link)?;
        let subscription = self.subscriptions.get(subscription)?;
        let (pattern, after) =
            (subscription.pattern.text().clone(), subscription.wanted_after(about));
        self.subscriptions.replays.get_mut(&id)?.asked = Some((link, publisher));
        let (service, process) = (route.peer_no, OWN.0);
        Some(Message::ReplayRequest { service, process, replay: id, pattern, after, upto: 0 })
    }
}
