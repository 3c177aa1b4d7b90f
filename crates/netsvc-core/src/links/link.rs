//! A link: what one `connect` or one accepted connection amounts to.

use crate::ids::{ExchangeId, LinkId, LinkToken, Str};
use crate::time::Time;

use super::backoff::Schedule;
use super::connection::Connection;
use super::newcomer::SourceKey;
use super::phase::Phase;

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) id: LinkId,
    pub(crate) exchange: ExchangeId,
    /// Only for links that this process makes; a hub has many of the other kind.
    pub(crate) connector: Option<Box<Connector>>,
    pub(crate) connection: Option<Box<Connection>>,
    /// Whom it is counted to; `None`: this process made it.
    pub(crate) source: Option<SourceKey>,
    /// It comes from this machine.
    pub(crate) local: bool,
}

/// The lasting side of a connecting link.
#[derive(Debug)]
pub(crate) struct Connector {
    pub(crate) token: LinkToken,
    pub(crate) schedule: Schedule,
    /// Attempts of this `connect`; the peer tells newer from older by it.
    pub(crate) attempts: u32,
    /// Attempts since the link was last active, for events.
    pub(crate) attempts_of_outage: u32,
    /// When the next attempt is due; `NEVER` while one is under way.
    pub(crate) next_attempt: Time,
}

impl Link {
    /// Address of the peer; empty while there is no connection.
    pub(crate) fn address(&self) -> Str {
        self.connection
            .as_ref()
            .map_or_else(|| Str::from(""), |connection| connection.address.clone())
    }

    pub(crate) fn phase(&self) -> Option<&Phase> {
        self.connection.as_ref().map(|connection| &connection.phase)
    }

    /// Its connection, while it is in use.
    #[inline]
    pub(crate) fn linked(&self) -> Option<&Connection> {
        self.connection.as_deref().filter(|connection| connection.is_linked())
    }

    #[inline]
    pub(crate) fn linked_mut(&mut self) -> Option<&mut Connection> {
        self.connection.as_deref_mut().filter(|connection| connection.is_linked())
    }

    /// Attempts as events tell them: since the last activation, or as the peer counts them.
    pub(crate) fn attempts(&self, of_peer: u32) -> u32 {
        self.connector.as_ref().map_or(of_peer, |connector| connector.attempts_of_outage)
    }
}
