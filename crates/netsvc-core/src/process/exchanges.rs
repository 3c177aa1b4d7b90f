//! Exchanges and links, as the application makes and closes them.

use std::time::Duration;

use crate::delivery::event::{Event, LinkEvent};
use crate::error::CommandError;
use crate::ids::{ConnId, ExchangeId, FlushId, LinkId, LinkToken, Str};
use crate::links::backoff::Retry;
use crate::links::connection::Ending;
use crate::links::exchange::Heartbeat;
use crate::links::phase::Phase;
use crate::process::Process;
use crate::reason::{Reason, ReasonCode};
use crate::registry::checks::check_name;
use crate::time::Time;
use crate::wire::{Message, Role};

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
        self.links.create_exchange(role, group, heartbeat)
    }

    /// From now on the application decides who is linked with a server:
    /// [`Event::Authorise`] for each handshake, to be answered by [`authorise`](Self::authorise).
    pub fn require_authorisation(&mut self, exchange: ExchangeId, required: bool) {
        self.links.require_authorisation(exchange, required);
    }

    /// Begins a link to a server; [`Action::Open`](crate::Action::Open) follows at once, and again
    /// for every attempt.
    ///
    /// `token` must be 128 random bits of this call's own.
    pub fn connect(
        &mut self,
        now: Time,
        exchange: ExchangeId,
        retry: Retry,
        token: LinkToken,
    ) -> Result<LinkId, CommandError> {
        self.check_open()?;
        self.links.connect(now, exchange, retry, token)
    }

    /// Whether an exchange may listen.
    pub fn check_listen(&self, exchange: ExchangeId) -> Result<(), CommandError> {
        self.check_open()?;
        self.links.check_role(exchange, "listen", Role::Server)
    }

    /// Silence after which a link of the exchange is given up, if its peer announced no longer one.
    pub fn dead_time(&self, exchange: ExchangeId) -> Option<Duration> {
        self.links.dead_time(exchange)
    }

    /// Whether [`handle_time`](Self::handle_time) would end this connection now because nothing
    /// arrived on it. Whoever has not looked into its socket lately should do so before.
    pub fn is_suspect(&self, now: Time, conn: ConnId) -> bool {
        self.links.is_suspect(now, conn)
    }

    /// Asks the peers of all links of an exchange to confirm that they have applied everything
    /// sent before. [`Event::Flushed`] follows: a connecting link that is not active is waited for
    /// until `timeout`; a link lost while its peer has yet to confirm fails the flush.
    pub fn flush(&mut self, now: Time, exchange: ExchangeId, timeout: Duration) -> FlushId {
        self.links.flush(now, exchange, timeout, &mut self.deliveries)
    }

    /// Closes a link for good. What is queued is still written, for at most `drain`.
    pub fn close_link(&mut self, now: Time, link: LinkId, drain: Duration) {
        let reason = Reason::new(ReasonCode::Closed, "closed by this process");
        self.close_link_with(now, link, drain, &reason);
    }

    /// Closes an exchange and its links; [`Event::ExchangeClosed`] follows when the last connection
    /// has ended, at most after `drain`.
    pub fn close_exchange(&mut self, now: Time, exchange: ExchangeId, drain: Duration) {
        let Some(links) = self.links.begin_closing(exchange) else { return };
        let reason = Reason::new(ReasonCode::Closed, "its exchange was closed by this process");
        for link in links {
            self.close_link_with(now, link, drain, &reason);
        }
        self.links.finish_exchange(exchange, &mut self.deliveries);
    }

    /// Ends everything: services, subscriptions, watches, requests and exchanges.
    pub fn close(&mut self, now: Time, drain: Duration) {
        self.closed = true;
        for service in self.registry.services.all_local() {
            self.close_service(now, service);
        }
        self.router().cancel_all();
        for subscription in self.reports.subscriptions.ids() {
            self.unsubscribe(subscription);
        }
        for watch in self.registry.watches.ids() {
            self.unwatch(watch);
        }
        for exchange in self.links.exchange_ids() {
            self.close_exchange(now, exchange, drain);
        }
    }

    fn close_link_with(&mut self, now: Time, link: LinkId, drain: Duration, reason: &Reason) {
        self.links.stop_retrying(link);
        let Some(state) = self.links.get(link) else { return };
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
        if let Some(connector) = self.links.take_connector(link) {
            let event = LinkEvent {
                exchange,
                link,
                peer: None,
                address,
                attempt: connector.attempts_of_outage,
                reason: Some(reason.clone()),
                retry_in: None,
            };
            self.links.fail_waiting_flushes(link, &mut self.deliveries);
            self.deliveries.push(Event::LinkClosed(event));
        }
        self.links.forget(link, &mut self.deliveries);
    }
}
