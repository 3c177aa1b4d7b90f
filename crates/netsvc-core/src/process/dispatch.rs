//! What peers say, one message after the other.

use crate::delivery::event::{Event, LinkEvent, Peer};
use crate::ids::{ConnId, LinkId};
use crate::links::link::{Ending, Link, Phase};
use crate::links::outbound::outbox::Out;
use crate::reason::{Reason, ReasonCode};
use crate::reports::interest::Want;
use crate::reports::pattern::Pattern;
use crate::time::Time;
use crate::wire::{Message, ProcessInfo};

use crate::process::Process;
use crate::process::reports::replay::ReplayAsk;

impl Process {
    /// Bytes arrived on a connection, whether or not they make a message yet: the peer is alive.
    pub fn handle_received(&mut self, now: Time, conn: ConnId) {
        if let Some(link) = self.conns.get(&conn)
            && let Some(connection) =
                self.links.get_mut(link).and_then(|state| state.connection.as_deref_mut())
        {
            connection.last_received = now;
        }
    }

    /// Messages of a connection, in order. Drains `messages`; what follows the end of the
    /// connection is dropped.
    pub fn handle_messages(&mut self, now: Time, conn: ConnId, messages: &mut Vec<Message>) {
        self.deliveries.batch();
        // The link, as long as only reports came, which end no link.
        let mut in_use = None;
        for message in messages.iter_mut() {
            if let (Some(link), Message::Report(report)) = (in_use, &mut *message) {
                self.handle_report(link, report);
                continue;
            }
            in_use = None;
            let Some(link) = self.conns.get(&conn).copied() else { break };
            match self.links.get(&link).and_then(Link::phase) {
                Some(Phase::Syncing | Phase::Active(_)) => match message {
                    // The most frequent one is not moved about.
                    Message::Report(report) => {
                        in_use = Some(link);
                        self.handle_report(link, report);
                    }
                    other => self.handle_message(now, link, take(other)),
                },
                Some(Phase::Handshake) => self.handle_handshake(now, link, take(message)),
                Some(Phase::Authorising) => match take(message) {
                    Message::Goodbye(reason) => self.handle_refuse(now, link, reason),
                    _ => {
                        self.break_rules(now, link, "a message before the handshake was answered");
                    }
                },
                // Both ends close: neither applies what the other still has to say.
                Some(Phase::Closing { .. }) if matches!(message, Message::Goodbye(_)) => {
                    self.drop_connection(now, link);
                }
                Some(Phase::Closing { .. }) => {}
                Some(Phase::Opening) | None => break,
            }
        }
        messages.clear();
    }

    fn handle_handshake(&mut self, now: Time, link: LinkId, message: Message) {
        match message {
            Message::Hello(hello) => self.handle_hello(now, link, &hello),
            Message::Welcome(welcome) => self.handle_welcome(now, link, &welcome),
            Message::Refuse(reason) | Message::Goodbye(reason) => {
                self.handle_refuse(now, link, reason);
            }
            _ => self.break_rules(now, link, "a message before the handshake"),
        }
    }

    fn handle_message(&mut self, now: Time, link: LinkId, message: Message) {
        match message {
            Message::Hello(_) | Message::Welcome(_) | Message::Refuse(_) => {
                self.break_rules(now, link, "a second handshake");
            }
            Message::Heartbeat => {}
            Message::Goodbye(reason) => {
                // A peer that threw us out for what we are or do will not like us better at once.
                let refused = reason.code.is_refusal();
                self.end_connection(now, link, Ending { reason, farewell: None, refused });
            }
            Message::Flush { token } => self.push(link, Out::Message(Message::Flushed { token })),
            Message::Flushed { token } => self.handle_flushed(link, token),
            Message::Synced => self.handle_synced(now, link),
            Message::Process(process) => self.handle_process(now, link, &process),
            Message::ProcessGone { process } => self.handle_process_gone(now, link, process),
            Message::Service(service) => self.handle_service(now, link, service),
            Message::Withdrawn { service, revision } => {
                self.handle_withdrawn(now, link, service, revision);
            }
            Message::Joined(change) => self.handle_membership(now, link, change, true),
            Message::Left(change) => self.handle_membership(now, link, change, false),
            Message::Interest { id, target, pattern, latest } => {
                let want = Want { pattern: Pattern::new(pattern), latest };
                self.handle_interest(now, link, id, &target, &want);
            }
            Message::InterestEnd { id } => self.handle_interest_end(link, id),
            Message::SubscriberAdded(change) => self.handle_subscriber(now, link, change, true),
            Message::SubscriberRemoved(change) => self.handle_subscriber(now, link, change, false),
            Message::SubscribersKnown { service } => self.handle_subscribers_known(link, service),
            Message::Request(request) => self.handle_request(now, link, request),
            Message::Response { call, outcome, extensions } => {
                self.handle_response(link, call, outcome, extensions);
            }
            Message::Cancel { call } => self.handle_cancel(now, link, call),
            Message::Part { call, content, extensions } => {
                self.handle_part(now, link, call, content, extensions);
            }
            Message::Credit { call, parts } => self.handle_credit(link, call, parts),
            Message::Report(mut report) => self.handle_report(link, &mut report),
            Message::Targeted { process, report } => self.handle_targeted(link, process, report),
            Message::Lost { service, subject, count } => {
                self.handle_lost(link, service, subject.as_ref(), count);
            }
            Message::ReplayRequest { service, process, replay, pattern, after, upto } => {
                let ask = ReplayAsk { service, process, replay, pattern, after, upto };
                self.handle_replay_request(link, &ask);
            }
            Message::Replayed { process, replay, remaining, report } => {
                self.handle_replayed(link, process, replay, remaining, report);
            }
            Message::ReplayEnd { process, replay, sequence, more_after } => {
                self.handle_replay_end(link, process, replay, sequence, more_after);
            }
        }
    }

    /// The peer's snapshot is complete: the link is active.
    fn handle_synced(&mut self, now: Time, link: LinkId) {
        let Some(state) = self.links.get_mut(&link) else { return };
        let Some(connection) = state.connection.as_deref_mut() else { return };
        if connection.phase != Phase::Syncing {
            return self.break_rules(now, link, "a second end of the snapshot");
        }
        connection.phase = Phase::Active(now);
        let peer = connection.peer.as_ref().map(|peer| (peer.process, peer.attempt));
        let attempt = match &state.connector {
            Some(connector) => connector.attempts_of_outage,
            None => peer.map_or(0, |(_, attempt)| attempt),
        };
        let event = LinkEvent {
            exchange: state.exchange,
            link,
            peer: peer.and_then(|(process, _)| {
                let entry = self.registry.process(process)?;
                Some(Peer { process: entry.id, label: entry.label.clone() })
            }),
            address: connection.address.clone(),
            attempt,
            reason: None,
            retry_in: None,
        };
        self.deliveries.push(Event::LinkActive(event));
        self.begin_waiting_flushes(link);
    }

    fn handle_process(&mut self, now: Time, link: LinkId, process: &ProcessInfo) {
        let Some(connection) = self.links.get(&link).and_then(|state| state.linked()) else {
            return;
        };
        if !connection.peer_is_server() {
            return self.break_rules(now, link, "a client introduced another process");
        }
        if process.process == 0 || connection.processes.contains_key(&process.process) {
            return self.break_rules(now, link, "a process number was used twice");
        }
        if process.id == self.id {
            return self.break_rules(now, link, "a process was introduced to itself");
        }
        let no = self.registry.add_process(process.id, process.label.clone(), link);
        self.route_epoch += 1;
        if let Some(connection) = self.links.get_mut(&link).and_then(|state| state.linked_mut()) {
            connection.processes.insert(process.process, no);
        }
    }

    fn handle_process_gone(&mut self, now: Time, link: LinkId, process: u32) {
        let Some(connection) = self.links.get_mut(&link).and_then(|state| state.linked_mut())
        else {
            return;
        };
        if process == 0 {
            return self.break_rules(now, link, "the peer declared itself gone");
        }
        match connection.processes.remove(&process) {
            Some(no) => self.lose_process(now, link, no),
            None => self.ignore(link),
        }
    }

    /// The peer did what the protocol does not allow.
    pub(in crate::process) fn break_rules(&mut self, now: Time, link: LinkId, what: &str) {
        let reason = Reason::new(ReasonCode::Protocol, format!("protocol violation: {what}"));
        self.reject(now, link, reason);
    }

    /// The peer said something that this process cannot use, which is allowed: the two may have
    /// changed their minds at the same time.
    pub(in crate::process) fn ignore(&mut self, link: LinkId) {
        if let Some(connection) = self.links.get_mut(&link).and_then(|state| state.linked_mut()) {
            connection.ignored += 1;
        }
    }
}

/// The message, with the cheapest one in its place.
fn take(message: &mut Message) -> Message {
    std::mem::replace(message, Message::Heartbeat)
}
