//! An exchange: an endpoint of the message exchange in a registry.

use crate::ids::{ExchangeId, Str};
use crate::links::link::Heartbeat;
use crate::wire::Role;

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
    /// Accepted connections that have not finished their handshake.
    pub(crate) handshakes: usize,
}
