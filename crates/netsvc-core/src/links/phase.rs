//! Where a connection stands.

use crate::time::Time;

/// Where a connection stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The transport is being opened.
    Opening,
    /// The handshake is not finished.
    Handshake,
    /// The peer has introduced itself; the application decides whether to take the link.
    Authorising,
    /// The peer is known; its snapshot is not complete.
    Syncing,
    /// In use since.
    Active(Time),
    /// Only what is queued is still written; the registry knows nothing of it any more.
    Closing { until: Time },
}
