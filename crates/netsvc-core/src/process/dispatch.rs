//! What peers say, message by message.

use crate::delivery::sink::NoSink;
use crate::ids::{ConnId, LinkId};
use crate::links::connection::Ending;
use crate::links::outbound::outbox::Out;
use crate::links::phase::Phase;
use crate::memory::SERVICE;
use crate::process::Process;
use crate::reason::Reason;
use crate::reports::pattern::Pattern;
use crate::reports::replay::ReplayQuestion;
use crate::reports::replay_end::ReplayEnd;
use crate::reports::want::Want;
use crate::time::Time;
use crate::wire::{Message, ResponseRef};

impl Process {
    /// Messages of a connection, in order. Drains `messages`; what follows the end of the
    /// connection is dropped.
    pub fn handle_messages(&mut self, now: Time, conn: ConnId, messages: &mut Vec<Message>) {
        self.links.begin_turn(self.links.link_of(conn));
        for message in messages.drain(..) {
            let Some((link, phase)) = self.phase_of(conn) else { break };
            self.links.end_batch();
            match phase {
                Phase::Syncing | Phase::Active(_) => self.handle_message(now, link, message),
                _ => self.handle_early(now, conn, message),
            }
        }
        self.links.settle(now);
    }

    /// A message on a connection that is not in use yet, or any more.
    pub(super) fn handle_early(&mut self, now: Time, conn: ConnId, message: Message) {
        let Some((link, phase)) = self.phase_of(conn) else { return };
        match phase {
            Phase::Syncing | Phase::Active(_) => self.handle_message(now, link, message),
            Phase::Handshake => match message {
                Message::Hello(hello) => self.handle_hello(now, link, hello),
                Message::Welcome(welcome) => self.handle_welcome(now, link, &welcome),
                Message::Refuse(reason) | Message::Goodbye(reason) => {
                    self.handle_refuse(now, link, reason);
                }
                _ => self.break_rules(now, link, "a message before the handshake"),
            },
            Phase::Authorising => match message {
                Message::Goodbye(reason) => self.handle_refuse(now, link, reason),
                _ => self.break_rules(now, link, "a message before the handshake was answered"),
            },
            // Both ends close: neither applies what the other still has to say.
            Phase::Closing { .. } if matches!(message, Message::Goodbye(_)) => {
                self.links.drop_connection(now, link, &mut self.deliveries);
            }
            Phase::Closing { .. } | Phase::Opening => {}
        }
    }

    /// A message on a link in use.
    #[inline(never)] // Kept out of the way of frames with content.
    pub(super) fn handle_message(&mut self, now: Time, link: LinkId, message: Message) {
        self.links.begin_cause(link);
        let tells = matches!(
            message,
            Message::Service(_)
                | Message::Withdrawn { .. }
                | Message::Joined(_)
                | Message::Left(_)
                | Message::Interest { .. }
                | Message::InterestEnd { .. }
        );
        let result = self.apply_message(now, link, message);
        if tells {
            self.count_announced(link);
        }
        self.judge(now, link, result);
        self.links.end_cause(now);
    }

    fn apply_message(&mut self, now: Time, link: LinkId, message: Message) -> Result<(), Reason> {
        match message {
            Message::Hello(_) | Message::Welcome(_) | Message::Refuse(_) => {
                Err(Reason::violation("a second handshake"))
            }
            Message::Heartbeat => Ok(()),
            Message::Goodbye(reason) => {
                // Do not retry soon after a refusal.
                let refused = reason.code.is_refusal();
                self.end_connection(now, link, Ending { reason, farewell: None, refused });
                Ok(())
            }
            Message::Flush { token } => {
                self.links.send(link, Out::Message(Message::Flushed { token }));
                Ok(())
            }
            Message::Flushed { token } => {
                self.links.handle_flushed(link, token, &mut self.deliveries);
                Ok(())
            }
            Message::Synced => self.handle_synced(now, link),
            Message::Process(process) => self.handle_process(link, &process),
            Message::ProcessGone { process } => self.handle_process_gone(link, process),
            Message::Service(service) => self.handle_service(now, link, service),
            Message::Withdrawn { service, revision } => {
                self.handle_withdrawn(link, service, revision);
                Ok(())
            }
            Message::Joined(change) => self.handle_membership(now, link, &change, true),
            Message::Left(change) => self.handle_membership(now, link, &change, false),
            Message::Request(request) => {
                self.router().handle_request(now, link, &request.by_ref(), &mut NoSink)
            }
            Message::Response { call, outcome, extensions } => {
                let (outcome, extensions) = (outcome.by_ref(), &extensions[..]);
                let response = ResponseRef { call, outcome, extensions };
                self.router().handle_response(link, &response);
                Ok(())
            }
            Message::Cancel { call } => {
                self.router().handle_cancel(now, link, call);
                Ok(())
            }
            Message::Part { call, content, extensions } => {
                self.router().handle_part(now, link, call, content, extensions)
            }
            Message::Credit { call, parts } => {
                self.router().handle_credit(link, call, parts);
                Ok(())
            }
            report => self.handle_report_message(now, link, report),
        }
    }

    /// What the peer has announced, or is interested in, has changed.
    fn count_announced(&mut self, link: LinkId) {
        let Some(connection) = self.links.linked(link) else { return };
        let Some(peer) = &connection.peer else { return };
        // Of a process with several links here, all of it counts for each of them.
        let services = match connection.services.len() {
            0 => 0,
            count => count * SERVICE + self.registry.services.announced(peer.process),
        };
        let bytes = services + connection.interests.bytes();
        self.links.note_announced(link, bytes);
    }

    /// A message about reports.
    fn handle_report_message(
        &mut self,
        now: Time,
        link: LinkId,
        message: Message,
    ) -> Result<(), Reason> {
        let mut distributor = self.distributor();
        match message {
            Message::Interest { id, target, pattern, latest } => {
                let want = Want { pattern: Pattern::new(pattern), latest };
                return distributor.handle_interest(link, id, &target, &want);
            }
            Message::InterestEnd { id } => distributor.handle_interest_end(link, id),
            Message::SubscriberAdded(change) => {
                return distributor.handle_subscriber(link, change, true);
            }
            Message::SubscriberRemoved(change) => {
                return distributor.handle_subscriber(link, change, false);
            }
            Message::SubscribersKnown { service, revision } => {
                distributor.handle_subscribers_known(link, service, revision);
            }
            Message::Report(report) => self.handle_report_alone(now, link, &report),
            Message::Targeted { process, report } => {
                distributor.handle_targeted(link, process, report);
            }
            Message::Lost { service, subject, count } => {
                distributor.handle_lost(link, service, subject.as_ref(), count);
            }
            Message::ReplayRequest { service, process, replay, pattern, after, upto } => {
                let question = ReplayQuestion { service, process, replay, pattern, after, upto };
                return distributor.handle_replay_request(link, &question);
            }
            Message::Replayed { process, replay, remaining, report } => {
                distributor.handle_replayed(link, process, replay, remaining, report);
            }
            Message::ReplayEnd { process, replay, sequence, more_after, complete_after } => {
                let end = ReplayEnd { process, replay, sequence, more_after, complete_after };
                distributor.handle_replay_end(link, end);
            }
            // All others are matched by the caller.
            _ => {}
        }
        Ok(())
    }

    /// The peer did what the protocol does not allow.
    pub(super) fn break_rules(&mut self, now: Time, link: LinkId, what: &str) {
        self.reject(now, link, Reason::violation(what));
    }
}
