//! Who connects to an exchange, before anything was said.

use crate::ids::Str;

/// Whom connections are counted to: equal for those that come from one host, or from one user of
/// this machine. Opaque: whoever accepts makes it up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceKey(pub [u8; 16]);

/// A connection that was accepted, as far as its transport can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newcomer {
    /// Where it comes from, for people.
    pub address: Str,
    /// The listening socket that it came by. Each has its own share of handshakes.
    pub listener: u32,
    /// Whom it is counted to.
    pub source: SourceKey,
    /// It comes from this machine: links that are reserved for those are open to it.
    pub local: bool,
}

impl From<Str> for Newcomer {
    /// From this machine, by the first listener.
    fn from(address: Str) -> Self {
        Self { address, listener: 0, source: SourceKey::default(), local: true }
    }
}

impl From<&str> for Newcomer {
    fn from(address: &str) -> Self {
        Str::from(address).into()
    }
}
