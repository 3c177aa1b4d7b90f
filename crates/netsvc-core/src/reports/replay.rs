//! Replays: kept values on their way to whoever subscribed late.
//!
//! The publisher answers page by page, each asked for when the one before has arrived, addressed to
//! one subscription of one process. Relays remember what was asked through them until it is
//! answered, and pass on nothing else.

use std::time::Duration;

use crate::ids::{LinkId, ProcessNo, ServiceNo, Str};
use crate::limits::MAX_REPLAYS;
use crate::links::outbound::outbox::Out;
use crate::links::outbound::replay_cursor::ReplayCursor;
use crate::policy::party::Party;
use crate::reason::Reason;
use crate::registry::process_table::OWN;
use crate::wire::{Message, Report};

use super::distributor::Distributor;
use super::pattern::Pattern;
use super::replay_end::ReplayEnd;
use super::replays_asked::Asked;

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
            let pattern = Pattern::new(question.pattern.clone());
            let complete_after = self.complete_after(no, by, &pattern);
            let cursor = ReplayCursor {
                service: no,
                process,
                replay,
                pattern,
                complete_after,
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
            Asked { over: route.link, publisher: known.process, cut: None },
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
        let (more_after, complete_after) = (0, 0);
        let end = Message::ReplayEnd { process, replay, sequence, more_after, complete_after };
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
            return self.take_replayed(link, replay, no, &report.by_ref());
        }
        if let Some(next) = self.asker_of(link, process, replay)
            && self.links.has_room_for_replayed(next, replay, &report)
        {
            let message = Message::Replayed { process: OWN.0, replay, remaining, report };
            self.links.send(next, Out::Message(message));
        }
    }

    /// A page of a replay is complete.
    pub(crate) fn handle_replay_end(&mut self, link: LinkId, end: ReplayEnd) {
        let ReplayEnd { process, replay, sequence, more_after, complete_after } = end;
        if process == OWN.0 {
            return self.take_page(link, end);
        }
        if let Some(next) = self.asker_of(link, process, replay) {
            // What there was no room for is asked for again.
            let cut = self.links.end_expected_replay(next, replay);
            let more_after = cut.unwrap_or(more_after);
            let process = OWN.0;
            let message =
                Message::ReplayEnd { process, replay, sequence, more_after, complete_after };
            self.links.send(next, Out::Message(message));
        }
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
            let (process, sequence, more_after, complete_after) = (OWN.0, 0, 0, 0);
            let end = Message::ReplayEnd { process, replay, sequence, more_after, complete_after };
            self.links.send(asker, Out::Message(end));
        }
    }
}
