//! Replays: kept values on their way to whoever subscribed late.
//!
//! The publisher answers page by page, each asked for when the one before has arrived, addressed to
//! one subscription of one process. Relays pass them on and remember nothing.

use std::time::Duration;

use crate::ids::{LinkId, ProcessNo, ServiceNo, Str};
use crate::links::link::Connection;
use crate::links::outbound::outbox::{Out, ReplayCursor};
use crate::registry::table::OWN;
use crate::reports::pattern::Pattern;
use crate::reports::subscriptions::Replay;
use crate::wire::{Message, Report};

use crate::process::Process;

/// Values and bytes of content of one page of a replay. The asker asks for the next when it has
/// this one, so that no replay fills the outboxes on its way.
const REPLAY_VALUES: usize = 1024;
const REPLAY_BYTES: usize = 256 << 10;

/// A peer's wish for kept values.
pub(in crate::process) struct ReplayAsk {
    pub(in crate::process) service: u32,
    pub(in crate::process) process: u32,
    pub(in crate::process) replay: u32,
    pub(in crate::process) pattern: Str,
    pub(in crate::process) after: u64,
    pub(in crate::process) upto: u64,
}

impl Process {
    /// Somebody wants the kept values of a service.
    pub(in crate::process) fn handle_replay_request(&mut self, link: LinkId, ask: &ReplayAsk) {
        let no = ServiceNo(ask.service);
        let visible = self.registry.service(no).is_some_and(|known| self.exports(known, link));
        let ReplayAsk { process, replay, after, upto, .. } = *ask;
        let Some(known) = self.registry.service(no).filter(|_| visible) else {
            // It was withdrawn meanwhile; the asker hears so on the same link. Every request is
            // answered all the same: the asker counts them.
            return self.answer_nothing(link, ask);
        };
        if let Some(publisher) = &known.publisher {
            let newest = publisher.sequence;
            let cursor = ReplayCursor {
                service: no,
                process,
                replay,
                pattern: Pattern::new(ask.pattern.clone()),
                after,
                upto: if upto == 0 { newest } else { upto.min(newest) },
                values_left: REPLAY_VALUES,
                bytes_left: REPLAY_BYTES,
            };
            return self.push(link, Out::Replay(cursor));
        }
        let Some((next, service)) = known.route() else { return };
        // Only the peer itself may ask through this process: it relays one hop.
        let peer = self.links.get(&link).and_then(|state| state.linked());
        let asker = peer.and_then(|connection| connection.processes.get(&OWN.0)).copied();
        let Some(process) = asker.filter(|_| process == OWN.0) else {
            return self.answer_nothing(link, ask);
        };
        let pattern = ask.pattern.clone();
        self.push(next, Out::ReplayRequest { service, process, replay, pattern, after, upto });
    }

    fn answer_nothing(&mut self, link: LinkId, ask: &ReplayAsk) {
        let ReplayAsk { process, replay, after: sequence, .. } = *ask;
        self.ignore(link);
        let end = Message::ReplayEnd { process, replay, sequence, more_after: 0 };
        self.push(link, Out::Message(end));
    }

    /// A kept value for whoever asked.
    pub(in crate::process) fn handle_replayed(
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
            let Some(Replay { subscription, .. }) =
                self.subscriptions.replays.get(&replay).copied()
            else {
                return self.ignore(link);
            };
            let state = self.subscriptions.get(subscription);
            if state.is_some_and(|state| state.pattern.matches(&report.subject)) {
                self.deliver(subscription, no, &report, Some(replay));
            }
            return;
        }
        if let Some(next) = self.way_on(link, ProcessNo(process)) {
            let message = Message::Replayed { process: OWN.0, replay, remaining, report };
            self.push(next, Out::Message(message));
        }
    }

    /// A page of a replay is complete.
    pub(in crate::process) fn handle_replay_end(
        &mut self,
        link: LinkId,
        process: u32,
        replay: u32,
        sequence: u64,
        more_after: u64,
    ) {
        if process != OWN.0 {
            if let Some(next) = self.way_on(link, ProcessNo(process)) {
                let message = Message::ReplayEnd { process: OWN.0, replay, sequence, more_after };
                self.push(next, Out::Message(message));
            }
            return;
        }
        let known = self.subscriptions.replays.get(&replay).copied();
        let Some(Replay { subscription, service: id, .. }) = known else {
            return self.ignore(link);
        };
        if more_after > 0 {
            return self.ask_for_more(subscription, id, replay, more_after, sequence);
        }
        self.end_replay(replay);
        self.update_subscription(subscription, |subscription, stamp| {
            subscription.end_replay(id, replay, sequence, stamp);
        });
    }

    /// A replay is complete, or no longer wanted: another may be asked for.
    pub(in crate::process) fn end_replay(&mut self, replay: u32) {
        let ended = self.subscriptions.replays.remove(&replay);
        let Some((link, publisher)) = ended.and_then(|ended| ended.asked) else { return };
        let connection =
            self.links.get_mut(&link).and_then(|state| state.connection.as_deref_mut());
        let Some(connection) = connection else { return };
        if let Some(asks) = &mut connection.asks {
            asks.end(publisher);
            if asks.is_idle() {
                connection.asks = None;
            } else {
                connection.mark_dirty(&mut self.dirty);
            }
        }
    }

    /// The next request for a replay over a link, if any may be sent.
    pub(in crate::process) fn next_ask(
        &mut self,
        link: LinkId,
        connection: &mut Connection,
    ) -> Option<Message> {
        let asks = connection.asks.as_deref_mut()?;
        let message = loop {
            let (id, publisher) = if let Some(waited) = asks.next_waiting() {
                waited
            } else {
                let Some(id) = asks.next_incoming() else { break None };
                match self.publisher_of(id) {
                    Some(publisher) if asks.admits(id, publisher) => (id, publisher),
                    _ => continue,
                }
            };
            if let Some(message) = self.ask(link, id, publisher) {
                asks.begin(publisher);
                break Some(message);
            }
            asks.forget_idle(publisher);
        };
        if asks.is_idle() {
            connection.asks = None;
        }
        message
    }

    /// Whose values a replay is about; `None`: it has ended.
    fn publisher_of(&self, replay: u32) -> Option<ProcessNo> {
        let replay = self.subscriptions.replays.get(&replay)?;
        let no = self.registry.service_no(replay.service)?;
        self.registry.service(no).map(|service| service.process)
    }

    /// The request for a replay; `None`: it is not wanted any more, at least not over that link.
    fn ask(&mut self, link: LinkId, id: u32, publisher: ProcessNo) -> Option<Message> {
        let Replay { subscription, service: about, .. } = *self.subscriptions.replays.get(&id)?;
        let no = self.registry.service_no(about)?;
        let (_, service) =
            self.registry.service(no)?.route().filter(|(route, _)| *route == link)?;
        let subscription = self.subscriptions.get(subscription)?;
        let (pattern, after) =
            (subscription.pattern.text().clone(), subscription.wanted_after(about));
        self.subscriptions.replays.get_mut(&id)?.asked = Some((link, publisher));
        let process = Self::wire_no(OWN);
        Some(Message::ReplayRequest { service, process, replay: id, pattern, after, upto: 0 })
    }
}
