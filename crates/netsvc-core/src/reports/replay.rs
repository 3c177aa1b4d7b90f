//! Replays: kept values on their way to whoever subscribed late.
//!
//! The publisher answers page by page, each asked for when the one before has arrived, addressed to
//! one subscription of one process. Relays remember what was asked through them until it is
//! answered, and pass on nothing else.

use std::time::Duration;

use crate::ids::{LinkId, ProcessNo, ServiceId, ServiceNo, Str, SubscriptionId};
use crate::limits::MAX_REPLAYS;
use crate::links::outbound::outbox::Out;
use crate::links::outbound::replay_cursor::ReplayCursor;
use crate::policy::party::Party;
use crate::reason::Reason;
use crate::registry::Registry;
use crate::registry::process_table::OWN;
use crate::wire::{Message, Report};

use super::Reports;
use super::distributor::Distributor;
use super::pattern::Pattern;
use super::replay_queue::ReplayQueue;
use super::replays_asked::Asked;
use super::subscriptions::Replay;

/// Values and bytes of content of one page of a replay. The asker asks for the next when it has
/// this one, so that no replay fills the outboxes on its way.
const REPLAY_VALUES: usize = 1024;
const REPLAY_BYTES: usize = 256 << 10;
/// Values that are looked at for one page: few may match.
const REPLAY_LOOKS: usize = 4096;

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
    pub(crate) fn handle_replay_request(
        &mut self,
        link: LinkId,
        question: &ReplayQuestion,
    ) -> Result<(), Reason> {
        let no = ServiceNo(question.service);
        let ReplayQuestion { process, replay, after, upto, .. } = *question;
        let Some(connection) = self.links.linked(link) else { return Ok(()) };
        // A process may have only so many under way: it must not ask in the names of others.
        let introduces = connection.capabilities().introduces;
        if process != OWN.0 && !introduces {
            return Err(Reason::violation("a client asked in another process's name"));
        }
        let Some(asker) = connection.process_of(process) else {
            self.answer_nothing(link, question);
            return Ok(());
        };
        let known = self.registry.services.get(no);
        let by = Party { process: asker, link: Some(link) };
        let Some(known) = known.filter(|known| self.policy().may_subscribe(by, known)) else {
            // It was withdrawn meanwhile; the asker hears so on the same link. Every request is
            // answered all the same: the asker counts them.
            self.answer_nothing(link, question);
            return Ok(());
        };
        if let Some(publisher) = &known.publisher {
            let newest = publisher.sequence;
            if !self.links.begin_answer(link, process) {
                let text = format!("more than {MAX_REPLAYS} replays of one process at a time");
                return Err(Reason::violation(&text));
            }
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
                looks_left: REPLAY_LOOKS,
            };
            self.links.send(link, Out::Replay(cursor));
            return Ok(());
        }
        let exchange = self.links.exchange_of(link).map(|exchange| exchange.id);
        // Only the peer itself may ask through this process: it relays one hop.
        let Some(route) = known.route_in(exchange).filter(|_| !introduces) else {
            self.answer_nothing(link, question);
            return Ok(());
        };
        self.links.expect_replay(
            link,
            replay,
            Asked { over: route.link, publisher: known.process },
        )?;
        let (service, pattern) = (route.peer_no, question.pattern.clone());
        let ask = Out::ReplayRequest { service, process: asker, replay, pattern, after, upto };
        self.links.send(route.link, ask);
        Ok(())
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
            if !self.links.has_asked(link, replay) {
                return self.links.ignore(link);
            }
            let known = self.reports.subscriptions.replays.get(&replay).copied();
            let Some(Replay { subscription, .. }) = known else { return self.links.ignore(link) };
            let state = self.reports.subscriptions.get(subscription);
            if state.is_some_and(|state| state.pattern.matches(&report.subject)) {
                self.queue(subscription, no, &report.by_ref(), Some(link), Some(replay));
            }
            return;
        }
        if let Some(next) = self.asker_of(link, process, replay) {
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
            if let Some(next) = self.asker_of(link, process, replay) {
                self.links.end_expected_replay(next, replay);
                let message = Message::ReplayEnd { process: OWN.0, replay, sequence, more_after };
                self.links.send(next, Out::Message(message));
            }
            return;
        }
        if !self.links.has_asked(link, replay) {
            return self.links.ignore(link);
        }
        let wanted = self.reports.subscriptions.replays.get(&replay).copied();
        if more_after > 0
            && let Some(Replay { subscription, service, .. }) = wanted
            && self.ask_for_more(link, subscription, service, replay, more_after, sequence)
        {
            return;
        }
        self.links.end_replay(link, replay);
        let Some(Replay { subscription, service, .. }) = wanted else { return };
        self.end_replay(replay);
        self.reports.update(subscription, self.deliveries, |subscription, stamp| {
            subscription.end_replay(service, replay, sequence, stamp);
        });
    }

    /// The link to a process that has asked for a replay, which is to be answered over `link`. What
    /// nobody has asked for, or asks for any more, is not passed on.
    fn asker_of(&mut self, link: LinkId, process: u32, replay: u32) -> Option<LinkId> {
        let next = self.route_on(link, ProcessNo(process));
        let next = next.filter(|next| self.links.expects_replay(*next, replay, link));
        if next.is_none() {
            self.links.ignore(link);
        }
        next
    }

    /// A link is lost, or no longer used: who waits for answers that were to come over it waits no
    /// longer.
    pub(crate) fn end_replays_over(&mut self, link: LinkId) {
        for (asker, replay) in self.links.take_expected_replays(link) {
            let (process, sequence, more_after) = (OWN.0, 0, 0);
            let end = Message::ReplayEnd { process, replay, sequence, more_after };
            self.links.send(asker, Out::Message(end));
        }
    }

    /// A replay is complete, or no longer wanted. Its place among those under way is free when it
    /// is answered.
    pub(super) fn end_replay(&mut self, replay: u32) {
        self.reports.subscriptions.replays.remove(&replay);
    }

    /// The rest of a replay of which a page has arrived; false: it cannot be had over that link.
    fn ask_for_more(
        &mut self,
        link: LinkId,
        id: SubscriptionId,
        service: ServiceId,
        replay: u32,
        after: u64,
        upto: u64,
    ) -> bool {
        let Some(subscription) = self.reports.subscriptions.get(id) else { return false };
        let pattern = subscription.pattern.text().clone();
        let services = &self.registry.services;
        let known = services.no_of(service).and_then(|no| services.get(no));
        let route = known.and_then(super::super::registry::service::Service::route);
        let Some(route) = route.filter(|route| route.link == link) else { return false };
        let (service, process) = (route.peer_no, OWN);
        let ask = Out::ReplayRequest { service, process, replay, pattern, after, upto };
        self.links.send(link, ask);
        true
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
            if let Some(message) = self.question(registry, link, id) {
                queue.begin(id, publisher);
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
    fn question(&self, registry: &Registry, link: LinkId, id: u32) -> Option<Message> {
        let Replay { subscription, service: about, .. } = *self.subscriptions.replays.get(&id)?;
        let no = registry.services.no_of(about)?;
        let route = registry.services.get(no)?.route().filter(|route| route.link == link)?;
        let subscription = self.subscriptions.get(subscription)?;
        let (pattern, after) =
            (subscription.pattern.text().clone(), subscription.wanted_after(about));
        let (service, process) = (route.peer_no, OWN.0);
        Some(Message::ReplayRequest { service, process, replay: id, pattern, after, upto: 0 })
    }
}
