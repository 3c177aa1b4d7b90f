//! Exchanges and links: how they are made and closed.

use std::time::Duration;

use crate::collections::timers::Timer;
use crate::delivery::event::{Event, LinkEvent};
use crate::error::CommandError;
use crate::ids::{ConnId, ExchangeId, LinkId, LinkToken, Str};
use crate::links::backoff::{Retry, Schedule};
use crate::links::exchange::Exchange;
use crate::links::link::{Connection, Connector, Ending, Heartbeat, Link, Phase};
use crate::reason::{Reason, ReasonCode};
use crate::time::Time;
use crate::wire::{Message, Role};

use crate::process::registry::local_services::check_name;
use crate::process::{Action, Process};

impl Process {
    /// Makes an exchange. A registry has at most one for each exchange group.
    pub fn create_exchange(
        &mut self,
        role: Role,
        group: impl Into<Str>,
        heartbeat: Heartbeat,
    ) -> Result<ExchangeId, CommandError> {
        let group = group.into();
        self.check_open()?;
        check_name("exchange group", &group)?;
        if self.exchanges.values().any(|exchange| exchange.group == group) {
            return Err(CommandError::ExchangeExists { group: group.to_string() });
        }
        if heartbeat.interval.is_zero() || heartbeat.dead <= heartbeat.interval {
            return Err(CommandError::Invalid {
                what: "heartbeat",
                why: "the interval must be positive and the dead time longer than it".to_owned(),
            });
        }
        self.last_exchange += 1;
        let id = ExchangeId(self.last_exchange);
        let exchange = Exchange {
            id,
            role,
            group,
            heartbeat,
            authorise: false,
            closing: false,
            handshakes: 0,
        };
        self.exchanges.insert(id, exchange);
        Ok(id)
    }

    /// From now on the application decides who is linked with a server:
    /// [`Event::Authorise`] for each handshake, to be answered by [`authorise`](Self::authorise).
    pub fn require_authorisation(&mut self, exchange: ExchangeId, required: bool) {
        if let Some(state) = self.exchanges.get_mut(&exchange) {
            state.authorise = required;
        }
    }

    /// Begins a link to a server; [`Action::Open`] follows at once, and again for every attempt.
    ///
    /// `token` must be 128 random bits of this call's own.
    pub fn connect(
        &mut self,
        now: Time,
        exchange: ExchangeId,
        retry: Retry,
        token: LinkToken,
    ) -> Result<LinkId, CommandError> {
        self.check_role(exchange, "connect", Role::Client)?;
        if self.links.values().any(|link| link.exchange == exchange && link.connector.is_some()) {
            return Err(CommandError::AlreadyConnected);
        }
        if self.links.len() >= self.limits.links {
            return Err(CommandError::Limit { what: "links", limit: self.limits.links });
        }
        let connector = Connector {
            token,
            schedule: Schedule::new(retry),
            attempts: 0,
            attempts_of_outage: 0,
            next_attempt: Time::NEVER,
        };
        let id = self.next_link();
        let link = Link { id, exchange, connector: Some(Box::new(connector)), connection: None };
        self.links.insert(id, link);
        self.attempt(now, id);
        Ok(id)
    }

    /// Whether `listen` makes sense on an exchange.
    pub fn check_listen(&self, exchange: ExchangeId) -> Result<(), CommandError> {
        self.check_role(exchange, "listen", Role::Server)
    }

    /// Silence after which a link of the exchange is given up, if its peer announced no longer one.
    pub fn dead_time(&self, exchange: ExchangeId) -> Option<Duration> {
        self.exchanges.get(&exchange).map(|state| state.heartbeat.dead)
    }

    /// Closes a link for good. What is queued is still written, for at most `drain`.
    pub fn close_link(&mut self, now: Time, link: LinkId, drain: Duration) {
        let reason = Reason::new(ReasonCode::Closed, "closed by this process");
        self.close_link_with(now, link, drain, &reason);
    }

    /// Closes an exchange and its links; [`Event::ExchangeClosed`] follows when the last connection
    /// has ended, at most after `drain`.
    pub fn close_exchange(&mut self, now: Time, exchange: ExchangeId, drain: Duration) {
        let Some(state) = self.exchanges.get_mut(&exchange) else { return };
        if std::mem::replace(&mut state.closing, true) {
            return;
        }
        let mut links: Vec<LinkId> = self
            .links
            .values()
            .filter(|link| link.exchange == exchange)
            .map(|link| link.id)
            .collect();
        links.sort_unstable();
        let reason = Reason::new(ReasonCode::Closed, "its exchange was closed by this process");
        for link in links {
            self.close_link_with(now, link, drain, &reason);
        }
        self.finish_exchange(exchange);
    }

    /// Ends everything: services, subscriptions, watches, requests and exchanges.
    pub fn close(&mut self, now: Time, drain: Duration) {
        self.closed = true;
        for service in self.local_services() {
            self.close_service(now, service);
        }
        self.cancel_all();
        for subscription in self.subscriptions.ids() {
            self.unsubscribe(subscription);
        }
        let watches: Vec<_> = self.watches.keys().copied().collect();
        for watch in watches {
            self.unwatch(watch);
        }
        let exchanges: Vec<_> = self.exchanges.keys().copied().collect();
        for exchange in exchanges {
            self.close_exchange(now, exchange, drain);
        }
    }

    pub(in crate::process) fn check_open(&self) -> Result<(), CommandError> {
        if self.closed { Err(CommandError::Closed { what: "the registry" }) } else { Ok(()) }
    }

    fn check_role(
        &self,
        exchange: ExchangeId,
        operation: &'static str,
        role: Role,
    ) -> Result<(), CommandError> {
        self.check_open()?;
        let closed = CommandError::Closed { what: "the exchange" };
        let state = self.exchanges.get(&exchange).ok_or(closed.clone())?;
        if state.closing {
            return Err(closed);
        }
        if state.role != role {
            let role = match state.role {
                Role::Client => "client",
                Role::Server => "server",
            };
            return Err(CommandError::Role { operation, role });
        }
        Ok(())
    }

    fn close_link_with(&mut self, now: Time, link: LinkId, drain: Duration, reason: &Reason) {
        let Some(state) = self.links.get_mut(&link) else { return };
        if let Some(connector) = &mut state.connector {
            // Whatever ends now is not followed by an attempt.
            connector.schedule = Schedule::new(Retry::Once);
        }
        let ended = match state.phase() {
            None | Some(Phase::Closing { .. }) => true,
            Some(_) => false,
        };
        if !ended {
            let greeting = matches!(state.phase(), Some(Phase::Handshake | Phase::Authorising))
                && state.connector.is_none();
            let farewell = if greeting {
                // An acceptor's first frame is a greeting, and this is the only one that fits.
                Message::Refuse(Reason::new(ReasonCode::Closing, "the exchange is closing"))
            } else {
                Message::Goodbye(Reason::new(ReasonCode::PeerClosed, "the peer closed the link"))
            };
            let reason = reason.clone();
            let ending = Ending { reason, farewell: Some(farewell), refused: false };
            return self.end_connection_within(now, link, ending, drain);
        }
        let (exchange, address) = (state.exchange, state.address());
        if let Some(connector) = state.connector.take() {
            let event = LinkEvent {
                exchange,
                link,
                peer: None,
                address,
                attempt: connector.attempts_of_outage,
                reason: Some(reason.clone()),
                retry_in: None,
            };
            self.fail_waiting_flushes(link);
            self.deliveries.push(Event::LinkClosed(event));
        }
        if self.links.get(&link).is_some_and(|state| state.connection.is_none()) {
            self.links.remove(&link);
            self.timers.clear(Timer::Link(link));
        }
        self.finish_exchange(exchange);
    }

    /// Begins the next attempt of a connecting link.
    pub(in crate::process) fn attempt(&mut self, now: Time, link: LinkId) {
        let conn = self.next_conn();
        let seed = self.random.next() ^ self.seed;
        let Some(state) = self.links.get_mut(&link) else { return };
        let Some(connector) = &mut state.connector else { return };
        connector.attempts = connector.attempts.saturating_add(1);
        connector.attempts_of_outage = connector.attempts_of_outage.saturating_add(1);
        connector.next_attempt = Time::NEVER;
        let connection = Connection::new(conn, Phase::Opening, Str::from(""), seed, now);
        state.connection = Some(Box::new(connection));
        self.conns.insert(conn, link);
        self.actions.push_back(Action::Open { conn, link });
        self.arm_link(link);
    }

    /// An exchange that is closing is gone with its last link.
    pub(in crate::process) fn finish_exchange(&mut self, exchange: ExchangeId) {
        let closing = self.exchanges.get(&exchange).is_some_and(|state| state.closing);
        if closing && !self.links.values().any(|link| link.exchange == exchange) {
            self.exchanges.remove(&exchange);
            self.deliveries.push(Event::ExchangeClosed(exchange));
        }
    }

    pub(in crate::process) fn next_link(&mut self) -> LinkId {
        loop {
            self.last_link = self.last_link.wrapping_add(1);
            let link = LinkId(self.last_link);
            if !self.links.contains_key(&link) {
                return link;
            }
        }
    }

    pub(in crate::process) fn next_conn(&mut self) -> ConnId {
        loop {
            self.last_conn = self.last_conn.wrapping_add(1);
            let conn = ConnId(self.last_conn);
            if !self.conns.contains_key(&conn) {
                return conn;
            }
        }
    }
}
