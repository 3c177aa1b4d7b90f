//! Exchanges and links: how they are made and forgotten.

use std::sync::Arc;
use std::time::Duration;

use crate::delivery::event::Event;
use crate::delivery::queue::Deliveries;
use crate::error::CommandError;
use crate::ids::{ConnId, ExchangeId, LinkId, LinkToken, Str};
use crate::limits::{MAX_EXCHANGES, MAX_HEARTBEAT, PREAMBLE_DEADLINE};
use crate::links::{Action, Links};
use crate::time::Time;
use crate::wire::Role;

use super::backoff::{Retry, Schedule};
use super::connection::Connection;
use super::exchange::{Exchange, Heartbeat};
use super::link::{Connector, Link};
use super::newcomer::Newcomer;
use super::outbound::overflow::Overflow;
use super::phase::Phase;
use super::timer::LinkTimer;

impl Links {
    pub(crate) fn create_exchange(
        &mut self,
        role: Role,
        group: Str,
        heartbeat: Heartbeat,
    ) -> Result<ExchangeId, CommandError> {
        if self.exchanges.values().any(|exchange| exchange.group == group) {
            return Err(CommandError::ExchangeExists { group: group.to_string() });
        }
        if heartbeat.interval.is_zero() || heartbeat.dead <= heartbeat.interval {
            return Err(CommandError::Invalid {
                what: "heartbeat",
                why: "the interval must be positive and the dead time longer than it".to_owned(),
            });
        }
        if self.exchanges.len() >= MAX_EXCHANGES {
            return Err(CommandError::Limit { what: "exchanges", limit: MAX_EXCHANGES });
        }
        // Peers would treat a longer one like that.
        let interval = heartbeat.interval.min(MAX_HEARTBEAT);
        let heartbeat = Heartbeat { interval, ..heartbeat };
        let exchanges = &self.exchanges;
        let in_use = |id| exchanges.contains_key(&ExchangeId(id));
        let id = ExchangeId(self.exchange_ids.allocate(in_use));
        let (authorise, closing) = (false, false);
        let exchange = Exchange { id, role, group, heartbeat, authorise, closing };
        self.exchanges.insert(id, exchange);
        Ok(id)
    }

    pub(crate) fn require_authorisation(&mut self, exchange: ExchangeId, required: bool) {
        if let Some(state) = self.exchanges.get_mut(&exchange) {
            state.authorise = required;
        }
    }

    /// Whether an exchange has the role that an operation needs.
    pub(crate) fn check_role(
        &self,
        exchange: ExchangeId,
        operation: &'static str,
        role: Role,
    ) -> Result<(), CommandError> {
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

    pub(crate) fn dead_time(&self, exchange: ExchangeId) -> Option<Duration> {
        self.exchanges.get(&exchange).map(|state| state.heartbeat.dead)
    }

    /// Begins a link of a client's exchange.
    pub(crate) fn connect(
        &mut self,
        now: Time,
        exchange: ExchangeId,
        retry: Retry,
        token: LinkToken,
    ) -> Result<LinkId, CommandError> {
        self.check_role(exchange, "connect", Role::Client)?;
        if self.table.values().any(|link| link.exchange == exchange && link.connector.is_some()) {
            return Err(CommandError::AlreadyConnected);
        }
        if self.table.len() >= self.limits.links {
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
        let link = Link {
            id,
            exchange,
            connector: Some(Box::new(connector)),
            connection: None,
            source: None,
            local: true,
        };
        self.table.insert(id, link);
        self.attempt(now, id);
        Ok(id)
    }

    /// Begins the next attempt of a connecting link.
    pub(crate) fn attempt(&mut self, now: Time, link: LinkId) {
        let conn = self.next_conn();
        let seed = self.random.next() ^ self.seed;
        let Some(state) = self.table.get_mut(link) else { return };
        let Some(connector) = &mut state.connector else { return };
        connector.attempts = connector.attempts.saturating_add(1);
        connector.attempts_of_outage = connector.attempts_of_outage.saturating_add(1);
        connector.next_attempt = Time::NEVER;
        let (who, budget) = ((conn, Str::from("")), Arc::clone(&self.charges.budget));
        let connection = Connection::new(who, Phase::Opening, budget, seed, now);
        state.connection = Some(Box::new(connection));
        self.conns.insert(conn, link);
        self.actions.push_back(Action::Open { conn, link });
        self.arm(link);
    }

    pub(crate) fn can_accept(&self, now: Time, exchange: ExchangeId, listener: u32) -> bool {
        let is_open = self.exchanges.get(&exchange).is_some_and(|state| !state.closing);
        is_open && (!self.is_crowded(listener) || self.first_to_go(now, listener).is_some())
    }

    /// All slots of a listener are taken.
    pub(crate) fn is_crowded(&self, listener: u32) -> bool {
        self.strangers.count(listener) >= self.limits.handshakes
    }

    /// The connection that makes room for the next at a listener.
    pub(crate) fn first_to_go(&self, now: Time, listener: u32) -> Option<LinkId> {
        // After a pause, what they said still lies in their sockets.
        if now >= self.judge_from { self.strangers.first_to_go(now, listener) } else { None }
    }

    /// A connection was accepted; `None`: the exchange is gone.
    pub(crate) fn accept(
        &mut self,
        now: Time,
        exchange: ExchangeId,
        newcomer: Newcomer,
    ) -> Option<ConnId> {
        self.exchanges.get(&exchange).filter(|state| !state.closing)?;
        let Newcomer { address, listener, source, local } = newcomer;
        let (link, conn) = (self.next_link(), self.next_conn());
        let seed = self.random.next() ^ self.seed;
        let budget = Arc::clone(&self.charges.budget);
        let mut connection = Connection::new((conn, address), Phase::Handshake, budget, seed, now);
        connection.deadline = now + PREAMBLE_DEADLINE;
        let connection = Some(Box::new(connection));
        let (connector, source_of) = (None, Some(source));
        let state = Link { id: link, exchange, connector, connection, source: source_of, local };
        self.table.insert(link, state);
        self.conns.insert(conn, link);
        self.strangers.add(now, link, listener, source);
        self.arm(link);
        if self.is_crowded(listener) {
            self.arm_room(now);
        }
        Some(conn)
    }

    /// Begins to close an exchange; its links, or `None` if that was begun before.
    pub(crate) fn begin_closing(&mut self, exchange: ExchangeId) -> Option<Vec<LinkId>> {
        let state = self.exchanges.get_mut(&exchange)?;
        if std::mem::replace(&mut state.closing, true) {
            return None;
        }
        let links = self.table.values().filter(|link| link.exchange == exchange);
        let mut links: Vec<LinkId> = links.map(|link| link.id).collect();
        links.sort_unstable();
        Some(links)
    }

    /// No attempt follows when the connection ends.
    pub(crate) fn stop_retrying(&mut self, link: LinkId) {
        if let Some(connector) =
            self.table.get_mut(link).and_then(|state| state.connector.as_deref_mut())
        {
            connector.schedule = Schedule::new(Retry::Once);
        }
    }

    /// Takes the connector out of a link: no attempt follows.
    pub(crate) fn take_connector(&mut self, link: LinkId) -> Option<Box<Connector>> {
        self.table.get_mut(link)?.connector.take()
    }

    /// A connection ended after `phase`: when the next attempt is made, if ever.
    pub(crate) fn schedule_retry(
        &mut self,
        now: Time,
        link: LinkId,
        phase: &Phase,
        refused: bool,
    ) -> Option<Duration> {
        let random = &mut self.random;
        let connector = self.table.get_mut(link)?.connector.as_mut()?;
        if let Phase::Active(since) = phase {
            connector.schedule.was_active(*since, now);
        }
        let delay = connector.schedule.next(now, refused, random)?;
        connector.next_attempt = now + delay;
        Some(delay)
    }

    /// An outage begins: its attempts are counted from zero.
    pub(crate) fn begin_outage(&mut self, link: LinkId) {
        if let Some(connector) =
            self.table.get_mut(link).and_then(|state| state.connector.as_deref_mut())
        {
            connector.attempts_of_outage = 0;
        }
    }

    /// Forgets a connection whose transport is gone or no longer wanted, and its link unless that
    /// goes on trying.
    pub(crate) fn drop_connection(&mut self, now: Time, link: LinkId, deliveries: &mut Deliveries) {
        let Some(state) = self.table.get_mut(link) else { return };
        let Some(mut connection) = state.connection.take() else { return };
        let mut held = connection.out.take_held();
        if let Some(position) = connection.out.position() {
            self.changes.leave(position);
            held.extend(self.changes.take_released());
        }
        connection.uncount(Overflow::Outbox);
        let due = state.connector.as_ref().map(|connector| connector.next_attempt <= now);
        self.conns.remove(&connection.id);
        self.strangers.remove(link);
        self.forget_backlog(link);
        self.actions.push_back(Action::Close { conn: connection.id });
        self.release(now, held);
        match due {
            Some(due) => {
                self.arm(link);
                if due {
                    self.attempt(now, link);
                }
            }
            None => self.forget(link, deliveries),
        }
    }

    /// Forgets a link that has neither a connection nor an attempt to come.
    pub(crate) fn forget(&mut self, link: LinkId, deliveries: &mut Deliveries) {
        let Some(state) = self.table.get(link) else { return };
        let exchange = state.exchange;
        if state.connection.is_none() && state.connector.is_none() {
            self.table.remove(link);
            self.timers.clear(LinkTimer::Link(link));
        }
        self.finish_exchange(exchange, deliveries);
    }

    /// An exchange that is closing is gone with its last link.
    pub(crate) fn finish_exchange(&mut self, exchange: ExchangeId, deliveries: &mut Deliveries) {
        let closing = self.exchanges.get(&exchange).is_some_and(|state| state.closing);
        if closing && !self.table.values().any(|link| link.exchange == exchange) {
            self.exchanges.remove(&exchange);
            deliveries.push(Event::ExchangeClosed(exchange));
        }
    }

    fn next_link(&mut self) -> LinkId {
        let table = &self.table;
        LinkId(self.link_ids.allocate(|id| table.contains(LinkId(id))))
    }

    fn next_conn(&mut self) -> ConnId {
        let conns = &self.conns;
        ConnId(self.conn_ids.allocate(|id| conns.contains_key(&ConnId(id))))
    }
}
