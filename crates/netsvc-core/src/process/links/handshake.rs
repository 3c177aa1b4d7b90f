//! From an open transport to a link whose peer is known.

use crate::delivery::event::{Event, LinkEvent, Peer};
use crate::ids::{ConnId, ExchangeId, LinkId, LinkToken, Str};
use crate::links::link::{Connection, Ending, Link, PeerState, Phase, Snapshot};
use crate::reason::{Reason, ReasonCode};
use crate::registry::table::OWN;
use crate::time::Time;
use crate::wire::{Hello, Message, Role, WireError};

use crate::process::Process;

impl Process {
    /// Whether another connection may be accepted; if not, it should wait in the backlog.
    pub fn can_accept(&self, exchange: ExchangeId) -> bool {
        let handshakes: usize = self.exchanges.values().map(|state| state.handshakes).sum();
        handshakes < self.limits.handshakes
            && self.exchanges.get(&exchange).is_some_and(|state| !state.closing)
    }

    /// A connection was accepted for an exchange; `None`: the exchange is gone, drop it.
    pub fn handle_accepted(
        &mut self,
        now: Time,
        exchange: ExchangeId,
        address: impl Into<Str>,
    ) -> Option<ConnId> {
        let state = self.exchanges.get_mut(&exchange).filter(|state| !state.closing)?;
        state.handshakes += 1;
        let (link, conn) = (self.next_link(), self.next_conn());
        let seed = self.random.next() ^ self.seed;
        let connection = Connection::new(conn, Phase::Handshake, address.into(), seed, now);
        let connection = Some(Box::new(connection));
        self.links.insert(link, Link { id: link, exchange, connector: None, connection });
        self.conns.insert(conn, link);
        self.arm_link(link);
        Some(conn)
    }

    /// An [`Action::Open`](crate::process::Action::Open) succeeded.
    pub fn handle_opened(&mut self, now: Time, conn: ConnId, address: impl Into<Str>) {
        let Some(link) = self.conns.get(&conn).copied() else { return };
        let Some(state) = self.links.get(&link) else { return };
        let Some(connector) = &state.connector else { return };
        let hello = self.hello(state.exchange, connector.token, connector.attempts);
        let Some(connection) = self.links.get_mut(&link).and_then(|l| l.connection.as_deref_mut())
        else {
            return;
        };
        if connection.phase != Phase::Opening {
            return;
        }
        connection.phase = Phase::Handshake;
        connection.address = address.into();
        connection.last_received = now;
        connection.last_sent = now;
        connection.last_progress = now;
        connection.urgent.push_back(Message::Hello(hello));
        self.mark_dirty(link);
    }

    /// An [`Action::Open`](crate::process::Action::Open) failed, with `ResolveFailed` or `ConnectFailed`.
    pub fn handle_open_failed(&mut self, now: Time, conn: ConnId, reason: Reason) {
        if let Some(link) = self.conns.get(&conn).copied() {
            self.end_connection(now, link, Ending { reason, farewell: None, refused: false });
        }
    }

    /// The decoder of a connection failed: what the peer sends makes no sense any more.
    pub fn handle_wire_error(&mut self, now: Time, conn: ConnId, error: &WireError) {
        if let Some(link) = self.conns.get(&conn).copied() {
            self.reject(now, link, error.reason());
        }
    }

    /// The transport ended: end of file, or an error.
    pub fn handle_closed(&mut self, now: Time, conn: ConnId) {
        let Some(link) = self.conns.get(&conn).copied() else { return };
        let reason = Reason::new(ReasonCode::ConnectionLost, "the connection ended");
        self.end_connection(now, link, Ending { reason, farewell: None, refused: false });
        // One that was closing already: the peer has answered the farewell.
        if self.conns.get(&conn) == Some(&link) {
            self.drop_connection(now, link);
        }
    }

    /// Takes a link that [`Event::Authorise`] asked about, or refuses it.
    ///
    /// The peer is told no more than that it may not; it goes on trying, slowly. Too late, or for
    /// a link that is gone, it does nothing.
    pub fn authorise(&mut self, now: Time, link: LinkId, may: bool) {
        let Some(connection) = self.links.get_mut(&link).and_then(|l| l.connection.as_deref_mut())
        else {
            return;
        };
        if connection.phase != Phase::Authorising {
            return;
        }
        let Some(hello) = connection.applicant.clone() else { return };
        if may {
            // The world may have changed since it was judged first.
            match self.judge_hello(link, &hello) {
                Ok(replaced) => self.take_link(now, link, &hello, replaced),
                Err(reason) => self.reject(now, link, reason),
            }
        } else {
            let text = "this exchange does not take links from this process";
            self.reject(now, link, Reason::new(ReasonCode::Denied, text));
        }
    }

    /// The acceptor's side.
    pub(in crate::process) fn handle_hello(&mut self, now: Time, link: LinkId, hello: &Hello) {
        if let Some(state) = self.links.get_mut(&link)
            && state.connector.is_none()
            && let Some(connection) = state.connection.as_deref_mut()
        {
            connection.applicant = Some(Box::new(hello.clone()));
        }
        match self.judge_hello(link, hello) {
            Ok(replaced) => {
                let asks = self.exchange_of(link).is_some_and(|exchange| exchange.authorise);
                if asks {
                    self.ask_application(link, hello);
                } else {
                    self.take_link(now, link, hello, replaced);
                }
            }
            Err(reason) => self.reject(now, link, reason),
        }
    }

    fn ask_application(&mut self, link: LinkId, hello: &Hello) {
        let Some(state) = self.links.get_mut(&link) else { return };
        let exchange = state.exchange;
        let Some(connection) = state.connection.as_deref_mut() else { return };
        connection.phase = Phase::Authorising;
        self.deliveries.push(Event::Authorise(LinkEvent {
            exchange,
            link,
            peer: Some(Peer { process: hello.process, label: hello.label.clone() }),
            address: connection.address.clone(),
            attempt: hello.attempt,
            reason: None,
            retry_in: None,
        }));
    }

    fn take_link(&mut self, now: Time, link: LinkId, hello: &Hello, replaced: Option<LinkId>) {
        if let Some(old) = replaced {
            let text = "a newer attempt of the same link took its place";
            let reason = Reason::new(ReasonCode::Replaced, text);
            let farewell = Some(Message::Goodbye(reason.clone()));
            self.end_connection(now, old, Ending { reason, farewell, refused: false });
        }
        let Some(exchange) = self.links.get(&link).map(|state| state.exchange) else { return };
        let welcome = self.hello(exchange, hello.token, hello.attempt);
        self.become_linked(now, link, hello, Some(Message::Welcome(welcome)));
    }

    /// The connector's side.
    pub(in crate::process) fn handle_welcome(&mut self, now: Time, link: LinkId, welcome: &Hello) {
        let Some(state) = self.links.get(&link) else { return };
        let Some(connector) = &state.connector else {
            return self.reject(now, link, protocol("WELCOME sent to an acceptor"));
        };
        if welcome.token != connector.token || welcome.attempt != connector.attempts {
            return self.reject(now, link, protocol("WELCOME answers another HELLO"));
        }
        if welcome.role != Role::Server {
            let reason = Reason::new(ReasonCode::Role, "the peer's exchange is not a server");
            return self.reject(now, link, reason);
        }
        if welcome.process == self.id {
            return self.reject(now, link, own_process());
        }
        if self.exchange_of(link).is_some_and(|exchange| exchange.group != welcome.group) {
            let text = format!("the peer's exchange group is {:?}", welcome.group);
            return self.reject(now, link, Reason::new(ReasonCode::GroupMismatch, text));
        }
        self.become_linked(now, link, welcome, None);
    }

    /// The peer does not want this link.
    pub(in crate::process) fn handle_refuse(&mut self, now: Time, link: LinkId, reason: Reason) {
        // A version that we speak not, or nonsense of ours, will not get better by hurrying either.
        self.end_connection(now, link, Ending { reason, farewell: None, refused: true });
    }

    /// Ends a connection whose peer broke the rules, and tells it why.
    pub(in crate::process) fn reject(&mut self, now: Time, link: LinkId, reason: Reason) {
        // A connector has sent its greeting already; an acceptor's refusal is its greeting.
        let phase = self.links.get(&link).and_then(Link::phase);
        let greeting =
            matches!(phase, Some(Phase::Handshake | Phase::Authorising)) && self.is_accepted(link);
        let farewell = if greeting {
            Message::Refuse(reason.clone())
        } else {
            Message::Goodbye(reason.clone())
        };
        self.end_connection(now, link, Ending { reason, farewell: Some(farewell), refused: true });
    }

    fn hello(&self, exchange: ExchangeId, token: LinkToken, attempt: u32) -> Hello {
        let (role, group, heartbeat) = match self.exchanges.get(&exchange) {
            Some(state) => (state.role, state.group.clone(), state.heartbeat.interval),
            None => (Role::Client, Str::from(""), std::time::Duration::ZERO),
        };
        Hello {
            features: 0,
            role,
            group,
            process: self.id,
            label: self.label.clone(),
            token,
            attempt,
            heartbeat,
            max_payload: u32::try_from(self.limits.payload).unwrap_or(u32::MAX),
        }
    }

    /// Whether to take a link, and which older one it replaces.
    fn judge_hello(&self, link: LinkId, hello: &Hello) -> Result<Option<LinkId>, Reason> {
        let Some(state) = self.links.get(&link) else { return Err(closing()) };
        let Some(exchange) = self.exchanges.get(&state.exchange) else { return Err(closing()) };
        if state.connector.is_some() {
            return Err(protocol("HELLO sent to a connector"));
        }
        if exchange.closing {
            return Err(closing());
        }
        if hello.group != exchange.group {
            let text = format!(
                "this exchange belongs to group {:?}, the peer's to {:?}",
                exchange.group, hello.group
            );
            return Err(Reason::new(ReasonCode::GroupMismatch, text));
        }
        if hello.role != Role::Client {
            let text = "links between two servers are not supported by this version";
            return Err(Reason::new(ReasonCode::Role, text));
        }
        if hello.process == self.id {
            return Err(own_process());
        }
        if let Some(process) = self.registry.process_no(hello.process) {
            let existing = self.links.values().find(|other| {
                other.exchange == state.exchange
                    && other
                        .linked()
                        .and_then(|connection| connection.peer.as_ref())
                        .is_some_and(|peer| peer.process == process)
            });
            if let Some(other) = existing {
                return judge_duplicate(other, hello);
            }
        }
        let taken = self
            .links
            .values()
            .filter(|other| other.connector.is_some() || other.linked().is_some())
            .count();
        if taken >= self.limits.links {
            let text = format!("this process has its {} links already", self.limits.links);
            return Err(Reason::new(ReasonCode::Limit, text));
        }
        Ok(None)
    }

    /// The handshake is done: snapshots follow, both ways.
    fn become_linked(&mut self, now: Time, link: LinkId, peer: &Hello, answer: Option<Message>) {
        let Some(state) = self.links.get(&link) else { return };
        let (exchange, accepted) = (state.exchange, state.connector.is_none());
        if accepted && let Some(exchange) = self.exchanges.get_mut(&exchange) {
            exchange.handshakes = exchange.handshakes.saturating_sub(1);
        }
        let process = self.registry.add_process(peer.process, peer.label.clone(), link);
        self.route_epoch += 1;
        let Some(connection) = self.links.get_mut(&link).and_then(|l| l.connection.as_deref_mut())
        else {
            return;
        };
        connection.phase = Phase::Syncing;
        connection.applicant = None;
        connection.snapshot = Snapshot::Services(crate::ids::ServiceNo(0));
        connection.processes.insert(OWN.0, process);
        connection.introduced.insert(process);
        connection.last_received = now;
        connection.last_progress = now;
        connection.peer = Some(PeerState {
            process,
            role: peer.role,
            token: peer.token,
            attempt: peer.attempt,
            heartbeat: peer.heartbeat,
            max_payload: peer.max_payload as usize,
        });
        connection.urgent.extend(answer);
        self.mark_dirty(link);
        self.arm_link(link);
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
