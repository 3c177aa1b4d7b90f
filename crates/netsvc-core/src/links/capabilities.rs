//! What a peer may say and what it does for this process, fixed at the handshake.

use crate::wire::Role;

/// By name, so that no rule elsewhere asks for a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capabilities {
    /// It introduces further processes, and speaks in their names: announces their services, asks
    /// for them, tells of them as subscribers.
    pub(crate) introduces: bool,
    /// It passes on what this process publishes, and wants to hear of this process's interests.
    pub(crate) relays_for_us: bool,
    /// Asked by name it picks among providers, and knows which of them are there.
    pub(crate) picks_providers: bool,
}

impl Capabilities {
    /// Before the handshake is done.
    pub(crate) const NONE: Self =
        Self { introduces: false, relays_for_us: false, picks_providers: false };

    /// Of the peer at the other end.
    pub(crate) fn of(role: Role) -> Self {
        let is_hub = role == Role::Server;
        Self { introduces: is_hub, relays_for_us: is_hub, picks_providers: is_hub }
    }
}
