//! Why a link was refused, failed or was lost. One list for both ends of a link and for the logs.

use crate::ids::Str;

/// A reason with its explanation for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What happened; stable, to branch on.
    pub code: ReasonCode,
    /// The same for people, with the particulars.
    pub message: Str,
}

impl Reason {
    /// A reason with its explanation.
    pub fn new(code: ReasonCode, message: impl Into<Str>) -> Self {
        Self { code, message: message.into() }
    }

    /// The peer did what the protocol does not allow.
    pub(crate) fn violation(what: &str) -> Self {
        Self::new(ReasonCode::Protocol, format!("protocol violation: {what}"))
    }
}

/// Stable codes of link events. The numbers are those on the wire (REFUSE, GOODBYE).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ReasonCode {
    /// This end closed the link.
    Closed = 1,
    /// The peer said goodbye.
    PeerClosed = 2,
    /// The connection ended without a goodbye.
    ConnectionLost = 3,
    /// Nothing arrived within the dead time.
    HeartbeatLost = 4,
    /// The peer read too slowly: its outbox exceeded its limit or stood still.
    SlowConsumer = 5,
    /// A newer attempt of the same link took this one's place.
    Replaced = 6,
    /// A fault in netsvc itself has ended this process's registry.
    Internal = 7,
    /// The host name could not be resolved.
    ResolveFailed = 16,
    /// No address accepted the connection.
    ConnectFailed = 17,
    /// Resolving, connecting and handshake took longer than allowed.
    ConnectTimeout = 18,
    /// What the peer sent is not the netsvc protocol or breaks its rules.
    Protocol = 32,
    /// The peer speaks another version of the protocol.
    Version = 33,
    /// The peer's exchange belongs to another exchange group.
    GroupMismatch = 34,
    /// The peer's exchange has a role that this one cannot be linked with.
    Role = 35,
    /// An attempt of this link that is not older is already linked.
    Stale = 36,
    /// The peer's process is already linked by another `connect`.
    AlreadyConnected = 37,
    /// A process tried to link with itself.
    OwnProcess = 38,
    /// A limit of the peer was reached.
    Limit = 39,
    /// The peer does not want this link.
    Denied = 40,
    /// The peer's exchange is closing.
    Closing = 41,
    /// The peer did not prove that it is the process whose id it claims.
    Identity = 42,
}

impl ReasonCode {
    /// All codes.
    pub const ALL: [Self; 21] = [
        Self::Closed,
        Self::PeerClosed,
        Self::ConnectionLost,
        Self::HeartbeatLost,
        Self::SlowConsumer,
        Self::Replaced,
        Self::Internal,
        Self::ResolveFailed,
        Self::ConnectFailed,
        Self::ConnectTimeout,
        Self::Protocol,
        Self::Version,
        Self::GroupMismatch,
        Self::Role,
        Self::Stale,
        Self::AlreadyConnected,
        Self::OwnProcess,
        Self::Limit,
        Self::Denied,
        Self::Closing,
        Self::Identity,
    ];

    /// The peer answered and does not want the link, as opposed to having lost it.
    pub fn is_refusal(self) -> bool {
        self as u8 >= Self::Protocol as u8
    }

    /// The code of a number read from the wire.
    pub fn from_wire(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|code| *code as u8 == number)
    }

    /// The stable name that applications see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::PeerClosed => "peer-closed",
            Self::ConnectionLost => "connection-lost",
            Self::HeartbeatLost => "heartbeat-lost",
            Self::SlowConsumer => "slow-consumer",
            Self::Replaced => "replaced",
            Self::Internal => "internal",
            Self::ResolveFailed => "resolve-failed",
            Self::ConnectFailed => "connect-failed",
            Self::ConnectTimeout => "connect-timeout",
            Self::Protocol => "protocol",
            Self::Version => "version",
            Self::GroupMismatch => "group-mismatch",
            Self::Role => "role",
            Self::Stale => "stale",
            Self::AlreadyConnected => "already-connected",
            Self::OwnProcess => "own-process",
            Self::Limit => "limit",
            Self::Denied => "denied",
            Self::Closing => "closing",
            Self::Identity => "identity",
        }
    }
}
