//! What the core tells the application, in the order in which it happened.

use std::time::Duration;

use bytes::Bytes;

use crate::content::Content;
use crate::ids::{
    CallId, ExchangeId, FlushId, LinkId, ProcessId, ServiceId, ServiceNo, Str, SubscriptionId,
    WatchId,
};
use crate::outcome::Outcome;
use crate::reason::Reason;

/// One delivery to the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A link is active: the peer's snapshot is in the registry, its announcements came before.
    LinkActive(LinkEvent),
    /// An active link was lost or closed; everything it brought has been withdrawn before.
    LinkInactive(LinkEvent),
    /// Somebody wants to be linked with an exchange that decides who may; answer by `authorise`
    /// before the handshake's deadline.
    Authorise(LinkEvent),
    /// An attempt failed, or (at a server) an accepted connection ended before it was active.
    AttemptFailed(LinkEvent),
    /// The link is closed for good. The last event of a link.
    LinkClosed(LinkEvent),
    /// The exchange and all its links are closed.
    ExchangeClosed(ExchangeId),
    /// A flush ended.
    Flushed {
        /// Which.
        flush: FlushId,
        /// `Err`: a link was lost or the deadline passed before the peer confirmed.
        result: Result<(), FlushError>,
    },
    /// A watch has something to tell.
    Change {
        /// Which watch.
        watch: WatchId,
        /// What it tells.
        change: Change,
    },
    /// A report for a subscription.
    Report {
        /// Which subscription.
        subscription: SubscriptionId,
        /// The report.
        report: Delivered,
    },
    /// A method of a local service is to be run. Ends with `respond` in every case.
    Invoke(Invocation),
    /// The caller no longer wants the outcome; the handler should stop. It still ends with
    /// `respond`, which frees its slot.
    Abort {
        /// Which invocation.
        call: CallId,
        /// Why.
        reason: AbortReason,
    },
    /// The caller of a streaming invocation takes further parts.
    Credit {
        /// Which invocation.
        call: CallId,
        /// How many more.
        parts: u32,
    },
    /// A part of a streamed result.
    Part {
        /// The application's key, as given to `request`.
        key: u64,
        /// The part.
        content: Content,
    },
    /// A request of the application ended.
    Outcome {
        /// The application's key, as given to `request`.
        key: u64,
        /// How it ended.
        outcome: Outcome,
        /// Extension fields of the handler's outcome.
        extensions: Bytes,
    },
    /// A process that the application asked to be told of is no longer reachable.
    ProcessGone(ProcessId),
    /// A process subscribed to a local service, or ended its subscription.
    Subscriber {
        /// The service.
        service: ServiceNo,
        /// The subscribing process.
        process: ProcessId,
        /// Its label.
        label: Str,
        /// Its pattern.
        pattern: Str,
        /// False: it ended.
        present: bool,
    },
}

/// An event of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkEvent {
    /// The exchange.
    pub exchange: ExchangeId,
    /// The link.
    pub link: LinkId,
    /// The peer, as far as it is known.
    pub peer: Option<Peer>,
    /// Address of the peer as the transport names it; empty when unknown.
    pub address: Str,
    /// Attempts of this `connect` since its last activation, from 1 (at a server: the peer's).
    pub attempt: u32,
    /// Why; `None` for `LinkActive`.
    pub reason: Option<Reason>,
    /// When the next attempt is made; `None`: never.
    pub retry_in: Option<Duration>,
}

/// Who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The process.
    pub process: ProcessId,
    /// Its label.
    pub label: Str,
}

/// Why a flush failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlushError {
    /// A link was lost before its peer confirmed.
    #[error("a link was lost before its peer had applied everything")]
    LinkLost,
    /// The deadline passed.
    #[error("the deadline passed before the peer had applied everything")]
    Deadline,
}

/// What a watch tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What happened.
    pub status: Status,
    /// Number of this change in this registry; equal for all watches. 0 for `Current` and
    /// `Reset` on an empty registry.
    pub revision: u64,
    /// It told what already existed.
    pub replayed: bool,
    /// The service; `None` for `Current` and `Reset`.
    pub service: Option<ServiceInfo>,
    /// The group of `Joined` and `Left`.
    pub group: Option<Str>,
}

/// What happened to a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Status {
    /// It is available.
    Available = 0,
    /// It is no longer reachable from here.
    Withdrawn = 1,
    /// It joined a group.
    Joined = 2,
    /// It left a group (also just before it is withdrawn).
    Left = 3,
    /// Everything that existed has been told; from now on each change once.
    Current = 4,
    /// The watch fell too far behind: forget everything, a new replay follows.
    Reset = 5,
}

/// A service as this registry knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceInfo {
    /// Its number in this registry.
    pub no: ServiceNo,
    /// Its identity.
    pub id: ServiceId,
    /// Its name.
    pub name: Str,
    /// Who may see it.
    pub audience: Str,
    /// Its groups, in the order joined.
    pub groups: Vec<Str>,
    /// Its methods.
    pub methods: std::sync::Arc<[Str]>,
    /// Label of its process.
    pub label: Str,
    /// It belongs to this process.
    pub local: bool,
    /// Exchange group over which it was learned; `None` when local.
    pub exchange_group: Option<Str>,
}

/// A report as delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Number of the publishing service in this registry.
    pub service: ServiceNo,
    /// Its identity.
    pub id: ServiceId,
    /// Its name.
    pub name: Str,
    /// The subject.
    pub subject: Str,
    /// Counts everything the service published, from 1.
    pub sequence: u64,
    /// A kept value, published before the subscription was in force.
    pub replayed: bool,
    /// The first of this service after its link was lost, or after a gap from a change of links.
    pub resumed: bool,
    /// Reports of this subscription that were dropped before this one since the last delivery.
    pub missed: u64,
    /// What was published.
    pub content: Content,
    /// Extension fields that were published with it.
    pub extensions: Bytes,
}

impl Event {
    /// It tells of a link what the application must not miss. Failed attempts do not.
    pub(crate) fn tells_of_link(&self) -> bool {
        matches!(self, Self::LinkActive(_) | Self::LinkInactive(_) | Self::Authorise(_))
    }

    /// The same event, ready to wait: see `Content::detached`.
    pub(crate) fn detached(self) -> Self {
        match self {
            Self::Part { key, content } => Self::Part { key, content: content.detached() },
            Self::Outcome { key, outcome: Outcome::Response(content), extensions } => {
                let outcome = Outcome::Response(content.detached());
                Self::Outcome { key, outcome, extensions }
            }
            Self::Outcome { key, outcome: Outcome::Failure(content), extensions } => {
                let outcome = Outcome::Failure(content.detached());
                Self::Outcome { key, outcome, extensions }
            }
            other => other,
        }
    }
}

/// A method to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Names the invocation in `respond`.
    pub call: CallId,
    /// The local service.
    pub service: ServiceNo,
    /// The method.
    pub method: Str,
    /// The calling process, as this process or the hub established it.
    pub caller: ProcessId,
    /// Its label.
    pub caller_label: Str,
    /// What is left until the caller's deadline.
    pub remaining: Duration,
    /// Parts of a streamed result that the caller takes at first; 0: it wants no stream.
    pub parts: u32,
    /// Arguments.
    pub content: Content,
    /// Extension fields of the request.
    pub extensions: Bytes,
}

/// Why an invocation should stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum AbortReason {
    /// The caller cancelled.
    Cancelled = 0,
    /// The caller's process is no longer reachable.
    CallerGone = 1,
    /// The caller's deadline passed.
    Deadline = 2,
    /// The service was closed.
    ServiceClosed = 3,
}
