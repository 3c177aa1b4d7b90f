//! Every bound of a process in one place: nothing in netsvc grows without one.

use std::time::Duration;

/// Largest value that [`Limits::payload`] may be set to: 64 MiB.
pub const MAX_PAYLOAD: usize = 64 << 20;
/// Smallest value that [`Limits::memory`] may be set to: 1 MiB.
pub const MIN_MEMORY: usize = 1 << 20;
/// Longest service name, audience, exchange group, service group, method name and label, in bytes.
pub const MAX_NAME: usize = 255;
/// Longest subject and pattern, in bytes.
pub const MAX_SUBJECT: usize = 1024;
/// Service groups of one service.
pub const MAX_GROUPS: usize = 256;
/// Methods of one service.
pub const MAX_METHODS: usize = 1024;
/// Strings that a sender may have abbreviated on one link at a time; as many more may be shared by
/// all its links.
pub const MAX_SYMBOLS: usize = 4096;
/// Bytes of a control message: everything but the payload of requests, responses and reports.
/// A service with the most groups and methods of the greatest length exceeds it and is refused.
pub const MAX_CONTROL: usize = 64 << 10;
/// Bytes of extension fields of one message.
pub const MAX_EXTENSIONS: usize = 4096;
/// Replays of one publisher that a process may have asked for over one link, and that are not
/// answered yet. A process that asks for more waits.
pub const MAX_REPLAYS: usize = 256;
/// As [`MAX_REPLAYS`], of all publishers.
pub const MAX_REPLAYS_OF_LINK: usize = 8192;
/// Watches of one process.
pub const MAX_WATCHES: usize = 65_536;
/// Exchanges of one process.
pub const MAX_EXCHANGES: usize = 1024;
/// A watcher that falls further behind than this many changes starts anew.
pub const MAX_WATCH_BACKLOG: usize = 4096;
/// Queued bytes above which `publish` returns `false`: the publisher should wait for `flush`.
pub const PUBLISH_HIGH_WATER: usize = 1 << 20;
/// Bytes of answers that may wait for a link before handlers of other requests over it begin: what
/// they return would join the end of that. Streams have their credit, and go on.
pub const ANSWERS_AHEAD: usize = 1 << 20;
/// No byte written for this long although something is queued: the peer does not read.
pub const STUCK_WRITER: Duration = Duration::from_secs(10);
/// Longest silence between two signs of life that a peer can ask for: what announces a longer
/// heartbeat is treated as if it were this. Otherwise a link could be kept for ever.
pub const MAX_HEARTBEAT: Duration = Duration::from_secs(60);
/// The preamble of an accepted connection has to come within this time.
pub const PREAMBLE_DEADLINE: Duration = Duration::from_secs(1);
/// As [`STUCK_WRITER`], for the writer of a connecting link whose server goes on speaking: it may
/// hold this process back until others have taken what that has caused.
pub const STUCK_SERVER: Duration = Duration::from_secs(60);
/// Bytes of control messages that one link may have caused and that wait for another, at most a
/// 32nd of what that may still hold of them. Above it the first is not read until half of them are
/// written. It exceeds what an honest process causes at once: 8,192 cancelled requests, or 1,024
/// services announced.
pub const RELAYED_SHARE: usize = 1 << 20;
/// Steps that one accepted link may cause in a turn of reading beyond those for which the size of
/// its messages pays: one for each interest, service, link or pattern that has to be looked at. The
/// message that takes the last is applied to its end; what follows waits until others had their
/// turn. So many take one to two milliseconds, as the 64 KiB that are read at once do otherwise.
pub const TURN_STEPS: usize = 8192;
/// While a link is not read for that reason, it is read once in this time: so its end is seen.
pub const PAUSED_READ: Duration = Duration::from_secs(4);
/// Bytes per second that a link must take while others wait for it, or it is a slow consumer after
/// [`STUCK_WRITER`].
pub const SLOWEST_READER: f64 = 1_048_576.0;
/// Bytes of arguments that may wait in one service for the application to take them, at least four
/// of the largest size.
pub const MAX_WAITING_ARGUMENTS: usize = 32 << 20;
/// A stream of a peer ends if no part of it has passed for this long, or for its first deadline if
/// that is longer: its caller need not take any for as long as it likes.
pub const RESTING_STREAM: Duration = Duration::from_secs(3600);
/// Resolving, connecting and handshake together may take this long.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// Limits of one process; each can be set by name. The defaults suit a small gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of content of one request, response or report, without headers.
    pub payload: usize,
    /// Bytes queued for one link.
    pub outbox: usize,
    /// Bytes held for all peers together: what waits for links, what peers announce and are
    /// interested in, and what has arrived of their messages.
    pub memory: usize,
    /// Reports queued for one subscription.
    pub subscription_reports: usize,
    /// Bytes of content queued for one subscription.
    pub subscription_bytes: usize,
    /// Requests running in one service (queued for its handlers included).
    pub running_requests: usize,
    /// Requests pending over one link, each direction by itself.
    pub pending_requests: usize,
    /// Services of one process.
    pub services: usize,
    /// Bytes that one process announces of its services: their names, audiences, groups and
    /// methods.
    pub announced_bytes: usize,
    /// Interests of one process; see [`Pattern::weight`](crate::Pattern::weight).
    pub interests: usize,
    /// Kept values of one process.
    pub kept_values: usize,
    /// Bytes of content of all kept values of one process.
    pub kept_bytes: usize,
    /// Links of one process. A sixteenth of them is reserved for peers on this machine.
    pub links: usize,
    /// Accepted links from one host, or of one user of this machine; never more than three quarters
    /// of `links`.
    pub links_per_source: usize,
    /// Accepted connections that have not finished their handshake, of each listening socket.
    pub handshakes: usize,
}

impl Limits {
    /// Bytes of arguments that may wait in one service.
    pub(crate) fn waiting_arguments(&self) -> usize {
        MAX_WAITING_ARGUMENTS.max(self.payload * 4)
    }

    /// Links that peers from elsewhere can have together.
    pub(crate) fn remote_links(&self) -> usize {
        self.links - self.links / 16
    }

    /// Links that one source can have.
    pub(crate) fn source_links(&self) -> usize {
        self.links_per_source.min(self.links - self.links / 4)
    }

    /// Bytes that are encoded ahead of a transport that takes everything: as many as come out of
    /// what is read at once, less for a small outbox, since they are beyond its reach.
    pub(crate) fn ahead(&self) -> usize {
        (self.outbox / 256).min(128 << 10)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            payload: 1 << 20,
            outbox: 32 << 20,
            memory: 256 << 20,
            subscription_reports: 65_536,
            subscription_bytes: 32 << 20,
            running_requests: 2048,
            pending_requests: 8192,
            services: 1024,
            announced_bytes: 1 << 20,
            interests: 4096,
            kept_values: 10_000,
            kept_bytes: 32 << 20,
            links: 1024,
            links_per_source: 768,
            handshakes: 64,
        }
    }
}
