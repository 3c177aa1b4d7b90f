//! Handshakes: which links are taken, and what is fixed then.

use std::time::Duration;

use crate::delivery::event::{LinkEvent, Peer};
use crate::ids::{ConnId, ExchangeId, LinkId, LinkToken, ProcessId, ProcessNo, Str};
use crate::limits::{CONNECT_DEADLINE, MAX_HEARTBEAT};
use crate::links::Links;
use crate::process_secret::ProcessSecret;
use crate::reason::{Reason, ReasonCode};
use crate::registry::process_table::ProcessTable;
use crate::time::Time;
use crate::wire::{Hello, Message, Role};

use super::capabilities::Capabilities;
use super::connection::PeerState;
use super::link::Link;
use super::phase::Phase;
use super::strangers::Standing;

/// What this process says of itself in every greeting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Introduction<'a> {
    pub(crate) process: ProcessId,
    pub(crate) label: &'a Str,
    pub(crate) max_payload: usize,
}

impl Links {
    /// The transport of a connecting link is open: the greeting is sent.
    pub(crate) fn handle_opened(
        &mut self,
        now: Time,
        conn: ConnId,
        address: Str,
        own: Introduction<'_>,
        secret: &ProcessSecret,
    ) {
        let Some(link) = self.link_of(conn) else { return };
        let Some(state) = self.table.get(link) else { return };
        let Some(connector) = &state.connector else { return };
        let hello = self.hello(state.exchange, connector.token, connector.attempts, own);
        let hello = Hello { secret: Some(secret.clone()), ..hello };
        let Some(connection) = self.connection_mut(link) else { return };
        if connection.phase != Phase::Opening {
            return;
        }
        connection.phase = Phase::Handshake;
        connection.address = address;
        connection.last_received = now;
        connection.out.open(Message::Hello(hello), now);
        self.mark_dirty(link);
    }

    /// An acceptor's answer to a HELLO.
    pub(crate) fn welcome(&self, link: LinkId, hello: &Hello, own: Introduction<'_>) -> Message {
        let exchange = self.table.get(link).map_or(ExchangeId(0), |state| state.exchange);
        Message::Welcome(self.hello(exchange, hello.token, hello.attempt, own))
    }

    /// Notes who wants to be linked, until that is decided.
    pub(crate) fn note_applicant(&mut self, link: LinkId, hello: &Hello) {
        if let Some(state) = self.table.get_mut(link)
            && state.connector.is_none()
            && let Some(connection) = state.connection.as_deref_mut()
        {
            connection.applicant = Some(Box::new(hello.clone()));
        }
    }

    /// Whether the application may be asked about another link from the same source now. Not for
    /// all slots of a listener: others could not come by it while the application decides.
    pub(crate) fn may_ask(&self, link: LinkId) -> bool {
        let share = self.limits.handshakes - self.limits.handshakes / 4;
        self.strangers.asking_beside(link) < share
    }

    /// Whom to ask about when it is decided about that link: who has waited longest for it.
    pub(crate) fn next_applicant(&self, link: LinkId) -> Option<(LinkId, Hello)> {
        let waiting = self.strangers.silent_beside(link);
        waiting.into_iter().find_map(|link| {
            let connection = self.table.get(link)?.connection.as_deref()?;
            Some((link, connection.applicant.as_deref()?.clone()))
        })
    }

    /// Leaves the decision about a link to the application; the event to ask it.
    pub(crate) fn begin_authorising(&mut self, link: LinkId, hello: &Hello) -> Option<LinkEvent> {
        let state = self.table.get_mut(link)?;
        let connection = state.connection.as_deref_mut()?;
        connection.phase = Phase::Authorising;
        connection.deadline = connection.began + CONNECT_DEADLINE;
        self.strangers.set_standing(link, Standing::Asking);
        Some(LinkEvent {
            exchange: state.exchange,
            link,
            peer: Some(Peer { process: hello.process, label: hello.label.clone() }),
            address: connection.address.clone(),
            attempt: hello.attempt,
            reason: None,
            retry_in: None,
        })
    }

    /// Whether to take a link, and which older one it replaces.
    pub(crate) fn judge_hello(
        &self,
        link: LinkId,
        hello: &Hello,
        own: ProcessId,
        processes: &ProcessTable,
    ) -> Result<Option<LinkId>, Reason> {
        let Some(state) = self.table.get(link) else { return Err(closing()) };
        let Some(exchange) = self.exchanges.get(&state.exchange) else { return Err(closing()) };
        if state.connector.is_some() {
            return Err(protocol("HELLO sent to a connector"));
        }
        if exchange.closing {
            return Err(closing());
        }
        if hello.group != exchange.group {
            // Its own group is none of a stranger's business.
            let text = format!("this exchange does not belong to group {:?}", hello.group);
            return Err(Reason::new(ReasonCode::GroupMismatch, text));
        }
        if hello.role != Role::Client {
            let text = "links between two servers are not supported by this version";
            return Err(Reason::new(ReasonCode::Role, text));
        }
        if hello.process == own {
            return Err(own_process());
        }
        if let Some(process) = processes.no_of(hello.process) {
            let existing = self.all_linked().find(|(other, connection)| {
                other.exchange == state.exchange
                    && connection.peer.as_ref().is_some_and(|peer| peer.process == process)
            });
            if let Some((other, _)) = existing {
                return judge_duplicate(other, hello);
            }
        }
        self.judge_number(state)?;
        Ok(None)
    }

    /// Whether there is a link left for a newcomer.
    fn judge_number(&self, newcomer: &Link) -> Result<(), Reason> {
        let links = self.table.values();
        let taken = links.filter(|other| other.connector.is_some() || other.linked().is_some());
        let (mut all, mut of_source) = (0, 0);
        for link in taken {
            all += 1;
            of_source += usize::from(link.source == newcomer.source);
        }
        let open = if newcomer.local { self.limits.links } else { self.limits.remote_links() };
        let text = if all >= self.limits.links {
            format!("the hub has {all} links already: its limits.links")
        } else if all >= open {
            let limit = self.limits.links;
            format!(
                "the hub has {all} links already, the rest of its limits.links, {limit}, is for its \
                 own machine"
            )
        } else if of_source >= self.limits.source_links() {
            format!(
                "the client's user or host has {of_source} links with the hub already: its \
                 limits.linksPerSource"
            )
        } else {
            return Ok(());
        };
        Err(Reason::new(ReasonCode::Limit, text))
    }

    /// Whether a connecting link has got the answer that it asked for.
    pub(crate) fn judge_welcome(
        &self,
        link: LinkId,
        welcome: &Hello,
        own: ProcessId,
    ) -> Result<(), Reason> {
        let Some(state) = self.table.get(link) else { return Err(closing()) };
        let Some(connector) = &state.connector else {
            return Err(protocol("WELCOME sent to an acceptor"));
        };
        if welcome.token != connector.token || welcome.attempt != connector.attempts {
            return Err(protocol("WELCOME answers another HELLO"));
        }
        if welcome.role != Role::Server {
            return Err(Reason::new(ReasonCode::Role, "the peer's exchange is not a server"));
        }
        if welcome.process == own {
            return Err(own_process());
        }
        if self.exchange_of(link).is_some_and(|exchange| exchange.group != welcome.group) {
            let text = format!("the peer's exchange group is {:?}", welcome.group);
            return Err(Reason::new(ReasonCode::GroupMismatch, text));
        }
        Ok(())
    }

    /// The handshake is done: snapshots follow, both ways. An acceptor sends its `answer` before.
    pub(crate) fn become_linked(
        &mut self,
        now: Time,
        link: LinkId,
        peer: &Hello,
        process: ProcessNo,
        answer: Option<Message>,
    ) {
        self.strangers.remove(link);
        let Some(connection) = self.connection_mut(link) else { return };
        connection.phase = Phase::Syncing;
        connection.applicant = None;
        connection.last_received = now;
        connection.peer = Some(PeerState {
            process,
            capabilities: Capabilities::of(peer.role),
            token: peer.token,
            attempt: peer.attempt,
            heartbeat: peer.heartbeat.min(MAX_HEARTBEAT),
            max_payload: peer.max_payload as usize,
        });
        connection.out.begin_snapshot(process, answer, now);
        let position = self.changes.join();
        if let Some(connection) = self.connection_mut(link) {
            connection.out.follow_changes(position);
        }
        self.mark_dirty(link);
        self.arm(link);
    }

    fn hello(
        &self,
        exchange: ExchangeId,
        token: LinkToken,
        attempt: u32,
        own: Introduction<'_>,
    ) -> Hello {
        let (role, group, heartbeat) = match self.exchanges.get(&exchange) {
            Some(state) => (state.role, state.group.clone(), state.heartbeat.interval),
            None => (Role::Client, Str::from(""), Duration::ZERO),
        };
        Hello {
            features: 0,
            role,
            group,
            process: own.process,
            secret: None,
            label: own.label.clone(),
            token,
            attempt,
            heartbeat,
            max_payload: u32::try_from(own.max_payload).unwrap_or(u32::MAX),
        }
    }
}

fn judge_duplicate(other: &Link, hello: &Hello) -> Result<Option<LinkId>, Reason> {
    let peer = other.linked().and_then(|connection| connection.peer.as_ref());
    match peer {
        Some(peer) if peer.token != hello.token => Err(Reason::new(
            ReasonCode::AlreadyConnected,
            "this process is already linked by another connect",
        )),
        Some(peer) if hello.attempt <= peer.attempt => Err(Reason::new(
            ReasonCode::Stale,
            "an attempt of this link that is not older is already linked",
        )),
        _ => Ok(Some(other.id)),
    }
}

fn protocol(text: &str) -> Reason {
    Reason::new(ReasonCode::Protocol, text)
}

fn own_process() -> Reason {
    Reason::new(ReasonCode::OwnProcess, "a process cannot be linked with itself")
}

fn closing() -> Reason {
    Reason::new(ReasonCode::Closing, "the exchange is closing")
}
