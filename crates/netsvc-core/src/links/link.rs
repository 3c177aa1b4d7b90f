//! A link: what one `connect` or one accepted connection amounts to, and its connection if any.

use std::collections::VecDeque;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::collections::id_map::IdMap;
use crate::ids::{ConnId, ExchangeId, FlushId, LinkId, LinkToken, ProcessNo, ServiceNo, Str};
use crate::limits::{CONNECT_DEADLINE, STUCK_WRITER};
use crate::links::backoff::Schedule;
use crate::links::outbound::outbox::Outbox;
use crate::reason::Reason;
use crate::registry::table::OWN;
use crate::reports::interest::PeerInterests;
use crate::reports::replay_queue::ReplayQueue;
use crate::requests::route_cache::RouteCache;
use crate::time::Time;
use crate::wire::{Encoder, Hello, Message, Role, WriteBatch};

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
pub(crate) struct Link {
    pub(crate) id: LinkId,
    pub(crate) exchange: ExchangeId,
    /// Only for links that this process makes; a hub has many of the other kind.
    pub(crate) connector: Option<Box<Connector>>,
    pub(crate) connection: Option<Box<Connection>>,
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

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnId,
    pub(crate) phase: Phase,
    /// Address of the peer, as the transport names it.
    pub(crate) address: Str,
    pub(crate) began: Time,
    pub(crate) peer: Option<PeerState>,
    /// What the peer said of itself, while the application decides about it.
    pub(crate) applicant: Option<Box<Hello>>,

    // What is sent.
    pub(crate) encoder: Encoder,
    /// Goes before everything else: the handshake and heartbeats.
    pub(crate) urgent: VecDeque<Message>,
    pub(crate) snapshot: Snapshot,
    pub(crate) outbox: Outbox,
    /// Encoded at once, because nothing waited and the transport kept up; goes before the outbox.
    pub(crate) ready: WriteBatch,
    /// Replays to be asked for, most of the time none.
    pub(crate) asks: Option<Box<ReplayQueue>>,
    /// Processes introduced to the peer.
    pub(crate) introduced: FxHashSet<ProcessNo>,
    /// One of them, the last that was needed; this process, which needs no introduction: none.
    pub(crate) last_introduced: ProcessNo,
    /// It is in the list of connections that have something to write.
    pub(crate) dirty: bool,
    /// Bytes encoded but not yet taken by the transport.
    pub(crate) unwritten: usize,
    /// The outbox is over its limit although all reports were dropped.
    pub(crate) overflowed: bool,
    pub(crate) last_sent: Time,
    /// Since when the transport has taken no byte although something waits for it; `NEVER` while
    /// nothing does.
    pub(crate) last_progress: Time,

    // What is received.
    pub(crate) last_received: Time,
    /// The peer's numbers.
    pub(crate) processes: FxHashMap<u32, ProcessNo>,
    pub(crate) services: FxHashMap<u32, ServiceNo>,
    pub(crate) interests: PeerInterests,
    /// Local services whose subscribers the peer has told; others publish unasked.
    pub(crate) told: FxHashSet<ServiceNo>,
    /// Subscribers of local services that the peer has told.
    pub(crate) subscribers: FxHashSet<(ServiceNo, ProcessNo, Str, bool)>,
    /// What the peer sent and this process cannot use; for diagnosis.
    pub(crate) ignored: u64,

    // Requests.
    /// Of the peer, by its ids.
    pub(crate) inbound: IdMap,
    /// The way of the last of them.
    pub(crate) way: Option<Box<RouteCache>>,
    /// How many of those in flight were sent, or are to be sent, to the peer.
    pub(crate) outbound: usize,
    /// Sent to the peer and not confirmed.
    pub(crate) flushes: FxHashSet<FlushId>,
}

/// What the handshake told of the peer.
#[derive(Debug)]
pub(crate) struct PeerState {
    pub(crate) process: ProcessNo,
    pub(crate) role: Role,
    pub(crate) token: LinkToken,
    pub(crate) attempt: u32,
    pub(crate) heartbeat: Duration,
    pub(crate) max_payload: usize,
}

/// How far this process's snapshot has been sent: a cursor over what exists, not a queue of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Snapshot {
    /// The handshake is not finished.
    Waiting,
    /// Services up to this one were sent.
    Services(ServiceNo),
    /// Interests up to this one were sent.
    Interests(u32),
    /// Everything, and the mark.
    Done,
}

impl Connection {
    pub(crate) fn new(id: ConnId, phase: Phase, address: Str, seed: u64, now: Time) -> Self {
        Self {
            id,
            phase,
            address,
            began: now,
            peer: None,
            applicant: None,
            encoder: Encoder::new(seed),
            urgent: VecDeque::new(),
            snapshot: Snapshot::Waiting,
            outbox: Outbox::default(),
            ready: WriteBatch::new(),
            asks: None,
            introduced: FxHashSet::default(),
            last_introduced: OWN,
            dirty: false,
            unwritten: 0,
            overflowed: false,
            last_sent: now,
            last_progress: now,
            last_received: now,
            processes: FxHashMap::default(),
            services: FxHashMap::default(),
            interests: PeerInterests::default(),
            told: FxHashSet::default(),
            subscribers: FxHashSet::default(),
            ignored: 0,
            inbound: IdMap::default(),
            way: None,
            outbound: 0,
            flushes: FxHashSet::default(),
        }
    }

    /// The handshake is done and the link was not given up.
    pub(crate) fn is_linked(&self) -> bool {
        matches!(self.phase, Phase::Syncing | Phase::Active(_))
    }

    /// The snapshot's cursor has passed that service: the peer has been or is being told of it.
    pub(crate) fn has_told_service(&self, no: ServiceNo) -> bool {
        match self.snapshot {
            Snapshot::Waiting => false,
            Snapshot::Services(cursor) => no <= cursor,
            Snapshot::Interests(_) | Snapshot::Done => true,
        }
    }

    /// As `has_told_service`, for an interest of this process.
    pub(crate) fn has_told_interest(&self, id: u32) -> bool {
        match self.snapshot {
            Snapshot::Waiting | Snapshot::Services(_) => false,
            Snapshot::Interests(cursor) => id <= cursor,
            Snapshot::Done => true,
        }
    }

    /// The peer is a hub that relays for this process.
    pub(crate) fn peer_is_server(&self) -> bool {
        self.peer.as_ref().is_some_and(|peer| peer.role == Role::Server)
    }

    /// The process of a peer's number; 0 is the peer itself.
    pub(crate) fn process_of(&self, no: u32) -> Option<ProcessNo> {
        match &self.peer {
            Some(peer) if no == 0 => Some(peer.process),
            _ => self.processes.get(&no).copied(),
        }
    }

    pub(crate) fn has_something_to_write(&self) -> bool {
        match self.phase {
            Phase::Opening => false,
            Phase::Handshake | Phase::Authorising => !self.urgent.is_empty(),
            Phase::Syncing | Phase::Active(_) => {
                !self.urgent.is_empty()
                    || !self.ready.is_empty()
                    || self.snapshot != Snapshot::Done
                    || !self.outbox.is_empty()
                    || self.asks.as_ref().is_some_and(|asks| asks.may_ask())
            }
            Phase::Closing { .. } => {
                !self.urgent.is_empty() || !self.ready.is_empty() || !self.outbox.is_empty()
            }
        }
    }

    /// Silence after which the peer counts as dead.
    pub(crate) fn patience(&self, heartbeat: Heartbeat) -> Duration {
        let announced = self.peer.as_ref().map_or(Duration::ZERO, |peer| peer.heartbeat);
        heartbeat.dead.max(announced * 3)
    }

    /// When something has to be done about this connection if nothing happens until then.
    pub(crate) fn next_wake(&self, heartbeat: Heartbeat) -> Time {
        match self.phase {
            Phase::Opening | Phase::Handshake | Phase::Authorising => self.began + CONNECT_DEADLINE,
            Phase::Syncing | Phase::Active(_) => {
                let mut wake = self.last_sent + heartbeat.interval;
                wake = wake.min(self.last_received + self.patience(heartbeat));
                if self.is_writing() {
                    wake = wake.min(self.last_progress + STUCK_WRITER);
                }
                wake
            }
            Phase::Closing { until } => until,
        }
    }

    /// Nothing waits, and the transport has taken everything so far: what is sent now need not be
    /// queued as something that may still be dropped, replaced or taken back. `size` of what is to
    /// be sent, and how much may be encoded `ahead` of the transport, in bytes.
    pub(crate) fn flows(&self, size: usize, ahead: usize) -> bool {
        self.unwritten == 0
            && self.outbox.is_empty()
            && self.ready.len() + size <= ahead
            && self.snapshot == Snapshot::Done
            && self.is_linked()
    }

    /// The peer takes contents of that many bytes.
    pub(crate) fn accepts(&self, content: usize) -> bool {
        self.peer.as_ref().is_none_or(|peer| content <= peer.max_payload)
    }

    /// Bytes that wait for the transport.
    pub(crate) fn queued(&self) -> usize {
        self.outbox.bytes() + self.ready.len() + self.unwritten
    }

    /// Something waits for the transport.
    pub(crate) fn is_writing(&self) -> bool {
        self.unwritten > 0 || self.has_something_to_write()
    }
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
    pub(crate) fn linked(&self) -> Option<&Connection> {
        self.connection.as_deref().filter(|connection| connection.is_linked())
    }

    pub(crate) fn linked_mut(&mut self) -> Option<&mut Connection> {
        self.connection.as_deref_mut().filter(|connection| connection.is_linked())
    }
}

/// Why and how a connection ends.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    pub(crate) reason: Reason,
    /// Told to the peer before the connection is closed.
    pub(crate) farewell: Option<Message>,
    /// The peer answered that it does not want this link.
    pub(crate) refused: bool,
}
