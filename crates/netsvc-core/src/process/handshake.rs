//! From an open transport to a link whose peer is known, step by step.

use crate::delivery::event::{Event, LinkEvent, Peer};
use crate::ids::{ConnId, ExchangeId, LinkId, Str};
use crate::links::connection::Ending;
use crate::links::handshake::Introduction;
use crate::links::newcomer::Newcomer;
use crate::links::phase::Phase;
use crate::policy::identity::check_identity;
use crate::process::Process;
use crate::reason::{Reason, ReasonCode};
use crate::time::Time;
use crate::wire::{Hello, Message, WireError};

impl Process {
    /// Whether another connection may be accepted at a listener of an exchange; if not, it should
    /// wait in the backlog. Ask again after every change, [`handle_time`](Self::handle_time) too.
    pub fn can_accept(&self, now: Time, exchange: ExchangeId, listener: u32) -> bool {
        !self.deliveries.is_behind_with_links() && self.links.can_accept(now, exchange, listener)
    }

    /// The connection that [`handle_accepted`](Self::handle_accepted) would drop to make room at a
    /// listener. Whoever has not looked into its socket lately should do so before.
    pub fn next_displaced(&self, now: Time, listener: u32) -> Option<ConnId> {
        if !self.links.is_crowded(listener) {
            return None;
        }
        let link = self.links.get(self.links.first_to_go(now, listener)?)?;
        link.connection.as_deref().map(|connection| connection.id)
    }

    /// A connection was accepted for an exchange; `None`: the exchange is gone, drop it. One that
    /// has not introduced itself makes room for it, if that is needed.
    pub fn handle_accepted(
        &mut self,
        now: Time,
        exchange: ExchangeId,
        newcomer: impl Into<Newcomer>,
    ) -> Option<ConnId> {
        let newcomer = newcomer.into();
        let is_open = self.links.exchange(exchange).is_some_and(|exchange| !exchange.closing);
        if is_open && let Some(conn) = self.next_displaced(now, newcomer.listener) {
            let text = "it made room for a newer connection before it had introduced itself";
            self.drop_connection(now, conn, Reason::new(ReasonCode::Limit, text));
        }
        self.links.accept(now, exchange, newcomer)
    }

    /// An [`Action::Open`](crate::Action::Open) succeeded.
    pub fn handle_opened(&mut self, now: Time, conn: ConnId, address: impl Into<Str>) {
        let Self { links, id, secret, label, rules, .. } = self;
        let own = Introduction { process: *id, label, max_payload: rules.limits.payload };
        links.handle_opened(now, conn, address.into(), own, secret);
    }

    /// An [`Action::Open`](crate::Action::Open) failed, with `ResolveFailed` or `ConnectFailed`.
    pub fn handle_open_failed(&mut self, now: Time, conn: ConnId, reason: Reason) {
        if let Some(link) = self.links.link_of(conn) {
            self.end_connection(now, link, Ending::silent(reason));
        }
    }

    /// The decoder of a connection failed: what the peer sends makes no sense any more.
    pub fn handle_wire_error(&mut self, now: Time, conn: ConnId, error: &WireError) {
        if let Some(link) = self.links.link_of(conn) {
            self.reject(now, link, error.reason());
        }
    }

    /// The transport ended: end of file, or an error.
    pub fn handle_closed(&mut self, now: Time, conn: ConnId) {
        let reason = Reason::new(ReasonCode::ConnectionLost, "the connection ended");
        self.drop_connection(now, conn, reason);
    }

    fn drop_connection(&mut self, now: Time, conn: ConnId, reason: Reason) {
        let Some(link) = self.links.link_of(conn) else { return };
        self.end_connection(now, link, Ending::silent(reason));
        // One that was closing already, its farewell answered or not.
        if self.links.link_of(conn) == Some(link) {
            self.links.drop_connection(now, link, &mut self.deliveries);
        }
    }

    /// Takes a link that [`Event::Authorise`] asked about, or refuses it.
    ///
    /// A refused peer learns only that, and goes on trying, slowly. Without effect when it is too
    /// late or the link is gone.
    pub fn authorise(&mut self, now: Time, link: LinkId, may: bool) {
        let Some(connection) = self.links.connection_mut(link) else { return };
        if connection.phase != Phase::Authorising {
            return;
        }
        let Some(hello) = connection.applicant.clone() else { return };
        if may {
            // Something may have changed since it was first judged.
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
    pub(super) fn handle_hello(&mut self, now: Time, link: LinkId, mut hello: Hello) {
        // Before anything is kept or told of the process that the peer claims to be.
        if let Err(reason) = check_identity(&mut hello) {
            return self.reject(now, link, reason);
        }
        self.consider(now, link, &hello);
    }

    /// A peer that has proved its identity wants a link.
    fn consider(&mut self, now: Time, link: LinkId, hello: &Hello) {
        self.links.note_applicant(link, hello);
        match self.judge_hello(link, hello) {
            Ok(replaced) => {
                if self.links.exchange_of(link).is_some_and(|exchange| exchange.authorise) {
                    // Otherwise its turn comes when it was decided about another.
                    if self.links.may_ask(link)
                        && let Some(event) = self.links.begin_authorising(link, hello)
                    {
                        self.deliveries.push(Event::Authorise(event));
                    }
                } else {
                    self.take_link(now, link, hello, replaced);
                }
            }
            Err(reason) => self.reject(now, link, reason),
        }
    }

    /// It was decided about an applicant: the next that waited for that is asked about.
    pub(super) fn ask_next(&mut self, now: Time, next: Option<(LinkId, Hello)>) {
        if let Some((link, hello)) = next {
            self.consider(now, link, &hello);
        }
    }

    /// The connector's side.
    pub(super) fn handle_welcome(&mut self, now: Time, link: LinkId, welcome: &Hello) {
        match self.links.judge_welcome(link, welcome, self.id) {
            Ok(()) => self.become_linked(now, link, welcome, None),
            Err(reason) => self.reject(now, link, reason),
        }
    }

    /// The peer does not want this link.
    pub(super) fn handle_refuse(&mut self, now: Time, link: LinkId, reason: Reason) {
        // Retrying soon does not help against another version or a fault of this side either.
        self.end_connection(now, link, Ending { reason, farewell: None, refused: true });
    }

    /// Ends a connection whose peer broke the rules, and tells it why.
    pub(super) fn reject(&mut self, now: Time, link: LinkId, reason: Reason) {
        // A connector has sent its greeting already; an acceptor's refusal is its greeting.
        let phase = self.links.phase(link);
        let accepts = self
            .links
            .exchange_of(link)
            .is_some_and(super::super::links::exchange::Exchange::accepts);
        let greeting = accepts && matches!(phase, Some(Phase::Handshake | Phase::Authorising));
        let farewell = if greeting {
            Message::Refuse(reason.clone())
        } else {
            Message::Goodbye(reason.clone())
        };
        self.end_connection(now, link, Ending { reason, farewell: Some(farewell), refused: true });
    }

    /// The peer's snapshot is complete: the link is active.
    pub(super) fn handle_synced(&mut self, now: Time, link: LinkId) -> Result<(), Reason> {
        let Some(connection) = self.links.connection_mut(link) else { return Ok(()) };
        if connection.phase != Phase::Syncing {
            return Err(Reason::violation("a second end of the snapshot"));
        }
        connection.phase = Phase::Active(now);
        let peer = connection.peer.as_ref().map(|peer| (peer.process, peer.attempt));
        let address = connection.address.clone();
        let Some(state) = self.links.get(link) else { return Ok(()) };
        let event = LinkEvent {
            exchange: state.exchange,
            link,
            peer: peer.and_then(|(process, _)| {
                let entry = self.registry.processes.get(process)?;
                Some(Peer { process: entry.id, label: entry.label.clone() })
            }),
            address,
            attempt: state.attempts(peer.map_or(0, |(_, attempt)| attempt)),
            reason: None,
            retry_in: None,
        };
        self.deliveries.push(Event::LinkActive(event));
        self.links.begin_waiting_flushes(link);
        Ok(())
    }

    fn judge_hello(&self, link: LinkId, hello: &Hello) -> Result<Option<LinkId>, Reason> {
        self.links.judge_hello(link, hello, self.id, &self.registry.processes)
    }

    /// The older link that it replaces goes first.
    fn take_link(&mut self, now: Time, link: LinkId, hello: &Hello, replaced: Option<LinkId>) {
        if let Some(old) = replaced {
            let text = "a newer attempt of the same link took its place";
            self.end_connection(now, old, Ending::told(Reason::new(ReasonCode::Replaced, text)));
        }
        if self.links.get(link).is_none() {
            return;
        }
        let (process, max_payload) = (self.id, self.rules.limits.payload);
        let own = Introduction { process, label: &self.label, max_payload };
        let welcome = self.links.welcome(link, hello, own);
        let next = self.links.next_applicant(link);
        self.become_linked(now, link, hello, Some(welcome));
        self.ask_next(now, next);
    }

    /// The handshake is done: snapshots follow, both ways.
    fn become_linked(&mut self, now: Time, link: LinkId, peer: &Hello, answer: Option<Message>) {
        let Some(exchange) = self.links.get(link).map(|state| state.exchange) else { return };
        let (id, label) = (peer.process, peer.label.clone());
        let process = self.registry.processes.add_route(id, label, link, exchange);
        self.registry.routes_changed();
        self.links.become_linked(now, link, peer, process, answer);
    }
}
