//! An exchange: an endpoint of the message exchange in a registry.

use std::time::Duration;

use crate::ids::{ExchangeId, Str};
use crate::wire::Role;

/// How often a link shows that it is alive, and when it is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// A heartbeat is sent after this long without sending anything.
    pub interval: Duration,
    /// The link is dead after this long without receiving anything, or after three times the
    /// peer's interval if that is longer.
    pub dead: Duration,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self { interval: Duration::from_secs(5), dead: Duration::from_secs(15) }
    }
}

#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) id: ExchangeId,
    pub(crate) role: Role,
    pub(crate) group: Str,
    pub(crate) heartbeat: Heartbeat,
    /// The application decides who may be linked.
    pub(crate) authorise: bool,
    /// It waits only for its connections to end.
    pub(crate) closing: bool,
}

impl Exchange {
    /// Peers of its links hear of each other.
    pub(crate) fn relays(&self) -> bool {
        self.role == Role::Server
    }

    /// Its links are connections that it has accepted. One that is closing may have lost its
    /// connector, so this cannot be told from the link.
    pub(crate) fn accepts(&self) -> bool {
        self.role == Role::Server
    }
}
