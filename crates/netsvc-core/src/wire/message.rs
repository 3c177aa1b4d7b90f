//! The messages of the protocol, decoded. docs/protocol.md describes their bytes.
//!
//! Numbers of services and processes are *the announcer's*: whoever announced a thing to the peer
//! chose its number, and both use that number on this link. A field below says whose number it
//! is: `sender's` (the sender announced it) or `receiver's` (it was announced to the sender).
//! Process number 0 is the sender of the message itself, in either direction.

use std::time::Duration;

use bytes::Bytes;

use crate::content::Content;
use crate::ids::{LinkToken, ProcessId, ServiceId, Str};
use crate::outcome::Outcome;
use crate::process_secret::ProcessSecret;
use crate::reason::Reason;

/// The version of the protocol that this code speaks.
pub const VERSION: u16 = 1;

/// One message of the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// The connector introduces itself; the first message on a connection.
    Hello(Hello),
    /// The acceptor takes the link; its answer to `Hello`.
    Welcome(Hello),
    /// The link is refused; the sender closes the connection after it.
    Refuse(Reason),
    /// The sender is alive. Sent when nothing else was for a heartbeat interval; never answered.
    Heartbeat,
    /// The sender closes the link after this message.
    Goodbye(Reason),
    /// Asks for `Flushed` with the same token once everything before it has been applied.
    Flush {
        /// Chosen by the sender.
        token: u32,
    },
    /// Everything the receiver sent before `Flush` has been applied.
    Flushed {
        /// Repeated from `Flush`.
        token: u32,
    },
    /// The sender's snapshot of services and interests is complete.
    Synced,
    /// Introduces a process that the sender knows, before its number is used.
    Process(ProcessInfo),
    /// Everything that came from that process ends: requests, services, interests.
    ProcessGone {
        /// Sender's number; not used again.
        process: u32,
    },
    /// A service is available.
    Service(Announcement),
    /// A service is no longer reachable.
    Withdrawn {
        /// Sender's number; not used again.
        service: u32,
        /// Revision of the service's process.
        revision: u64,
    },
    /// A service joined a group.
    Joined(Membership),
    /// A service left a group.
    Left(Membership),
    /// The sender's process wants reports, whether or not such a service exists.
    Interest {
        /// Chosen by the sender; unique among its interests in force.
        id: u32,
        /// Whose reports.
        target: InterestTarget,
        /// Which subjects.
        pattern: Str,
        /// Only the newest report of each subject matters.
        latest: bool,
    },
    /// The interest of that id ends.
    InterestEnd {
        /// As in `Interest`.
        id: u32,
    },
    /// A process beyond the sender wants reports of a service.
    SubscriberAdded(Subscriber),
    /// It no longer wants them.
    SubscriberRemoved(Subscriber),
    /// All subscribers of the service are told; from now on only wanted reports are sent.
    SubscribersKnown {
        /// Receiver's number.
        service: u32,
        /// Of the service as the sender knows it.
        revision: u64,
    },
    /// A request.
    Request(Request),
    /// The outcome of a request.
    Response {
        /// As in `Request`.
        call: u64,
        /// How it ended.
        outcome: Outcome,
        /// Extension fields to be passed on unchanged.
        extensions: Bytes,
    },
    /// The caller no longer wants the outcome.
    Cancel {
        /// As in `Request`.
        call: u64,
    },
    /// A part of a streamed result; the outcome follows the last one.
    Part {
        /// As in `Request`.
        call: u64,
        /// The part.
        content: Content,
        /// Extension fields to be passed on unchanged.
        extensions: Bytes,
    },
    /// The caller takes that many further parts.
    Credit {
        /// As in `Request`.
        call: u64,
        /// Parts.
        parts: u32,
    },
    /// A live report.
    Report(Report),
    /// A report for one process only.
    Targeted {
        /// For whom; receiver's number (0: the receiver itself).
        process: u32,
        /// The report.
        report: Report,
    },
    /// Reports were dropped on their way, before the next report of that service.
    Lost {
        /// Sender's number.
        service: u32,
        /// Their subject; `None`: of several subjects, too many to tell them apart.
        subject: Option<Str>,
        /// How many, at least 1.
        count: u64,
    },
    /// Asks the publisher for its kept values.
    ReplayRequest {
        /// Receiver's number.
        service: u32,
        /// Who asks; sender's number (0: the sender itself).
        process: u32,
        /// Chosen by the asking process; unique among its replays under way.
        replay: u32,
        /// Which subjects.
        pattern: Str,
        /// Only values with a higher sequence.
        after: u64,
        /// Up to this sequence; 0: up to the newest when the publisher answers.
        upto: u64,
    },
    /// A kept value, for one asker.
    Replayed {
        /// Who asked; receiver's number (0: the receiver itself).
        process: u32,
        /// As in `ReplayRequest`.
        replay: u32,
        /// What is left of the value's lifetime; `None`: for ever. Whole milliseconds on the wire.
        remaining: Option<Duration>,
        /// The value.
        report: Report,
    },
    /// The answer to a `ReplayRequest` is complete.
    ReplayEnd {
        /// Who asked; receiver's number (0: the receiver itself).
        process: u32,
        /// As in `ReplayRequest`.
        replay: u32,
        /// The service's sequence when it began to answer, or `upto` of the request.
        sequence: u64,
        /// 0: all matching values were sent. Otherwise the sequence up to which they were; the
        /// asker asks for the rest when it has room.
        more_after: u64,
        /// The sequence after which reports of the pattern have all been sent over this link.
        complete_after: u64,
    },
}

/// What each end says of itself when a link begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Optional features; bits unknown to the receiver are ignored.
    pub features: u64,
    /// Role of the sender's exchange.
    pub role: Role,
    /// Exchange group.
    pub group: Str,
    /// The sender's process.
    pub process: ProcessId,
    /// Proves to an acceptor that this is its process. `None` in `Welcome`, which never tells it.
    pub secret: Option<ProcessSecret>,
    /// Its label, for people.
    pub label: Str,
    /// Chosen by the connector's `connect`; the acceptor repeats it.
    pub token: LinkToken,
    /// Attempts of that `connect`, from 1; the acceptor repeats it.
    pub attempt: u32,
    /// Longest silence of the sender, at most.
    pub heartbeat: Duration,
    /// Largest content the sender accepts, in bytes.
    pub max_payload: u32,
}

/// Role of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Role {
    /// Connects to a server.
    Client = 0,
    /// The hub: listens, and relays between its clients.
    Server = 1,
}

/// A process as introduced on a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessInfo {
    /// Sender's number.
    pub process: u32,
    /// The process.
    pub id: ProcessId,
    /// Its label, for people.
    pub label: Str,
}

/// A service, complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Sender's number.
    pub service: u32,
    /// Its process; sender's number (0: the sender itself).
    pub process: u32,
    /// Counter part of its identity.
    pub counter: u32,
    /// Revision of its process at its last change.
    pub revision: u64,
    /// Name; need not be unique.
    pub name: Str,
    /// Who may see it.
    pub audience: Str,
    /// Service groups, in the order joined.
    pub groups: Vec<Str>,
    /// Methods.
    pub methods: Vec<Str>,
    /// Extension fields to be passed on unchanged.
    pub extensions: Bytes,
}

/// A change of group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Sender's number.
    pub service: u32,
    /// Revision of the service's process.
    pub revision: u64,
    /// The group.
    pub group: Str,
}

/// Whose reports are wanted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InterestTarget {
    /// All services of that name.
    Name(Str),
    /// One service.
    Identity(ServiceId),
    /// All services in that group.
    Group(Str),
}

/// A subscriber beyond the sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriber {
    /// Receiver's number.
    pub service: u32,
    /// The subscribing process; sender's number (0: the sender itself).
    pub process: u32,
    /// Which subjects.
    pub pattern: Str,
    /// Only the newest report of each subject matters.
    pub latest: bool,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Chosen by the sender; unique among its requests in flight on this link.
    pub call: u64,
    /// The calling process; sender's number (0: the sender itself).
    pub caller: u32,
    /// Who is asked.
    pub target: RequestTarget,
    /// Which method.
    pub method: Str,
    /// What is left until the caller's deadline. Whole milliseconds on the wire, rounded up.
    pub remaining: Duration,
    /// Parts of a streamed result that the caller takes at first; 0: it wants no stream.
    pub parts: u32,
    /// Arguments.
    pub content: Content,
    /// Extension fields to be passed on unchanged.
    pub extensions: Bytes,
}

/// Who is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestTarget {
    /// One service; receiver's number.
    Service(u32),
    /// Any service of that name that the caller can see; the receiver picks.
    Name(Str),
}

impl Report {
    /// Ready to wait: see [`Content::detached`].
    pub(crate) fn detached(self) -> Self {
        Self { content: self.content.detached(), ..self }
    }
}

/// A report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its publisher; sender's number.
    pub service: u32,
    /// Its subject.
    pub subject: Str,
    /// Counts everything the service published, from 1.
    pub sequence: u64,
    /// What was published.
    pub content: Content,
    /// Extension fields to be passed on unchanged.
    pub extensions: Bytes,
}
