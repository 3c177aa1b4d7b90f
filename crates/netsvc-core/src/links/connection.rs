//! A connection: one attempt of a link, or one accepted socket.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::collections::id_map::IdMap;
use crate::ids::{CallId, ConnId, FlushId, LinkToken, ProcessNo, ServiceNo, Str};
use crate::limits::{CONNECT_DEADLINE, STUCK_SERVER, STUCK_WRITER};
use crate::memory::budget::Budget;
use crate::reason::Reason;
use crate::reports::interest::PeerInterests;
use crate::reports::replays_asked::ReplaysAsked;
use crate::requests::load::Load;
use crate::requests::route_cache::RouteCache;
use crate::time::Time;
use crate::wire::{Hello, Message};

use super::capabilities::Capabilities;
use super::exchange::Heartbeat;
use super::hold::Hold;
use super::outbound::Outbound;
use super::outbound::overflow::Overflow;
use super::phase::Phase;

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnId,
    pub(crate) phase: Phase,
    /// Address of the peer, as the transport names it.
    pub(crate) address: Str,
    pub(crate) began: Time,
    /// When it has to be a link, or (one that was accepted) to have said something at all.
    pub(crate) deadline: Time,
    pub(crate) peer: Option<PeerState>,
    /// What the peer said of itself, while the application decides about it.
    pub(crate) applicant: Option<Box<Hello>>,
    pub(crate) last_received: Time,

    /// What is sent. Only files of `links` touch it: see [`Links::outlet`](super::Links::outlet).
    pub(super) out: Outbound,

    /// Processes that the peer has introduced, by its numbers.
    pub(crate) processes: IdMap<u32, ProcessNo>,
    /// Services, by the peer's numbers.
    pub(crate) services: IdMap<u32, ServiceNo>,
    /// Declared by the peer.
    pub(crate) interests: PeerInterests,
    /// Local services whose subscribers the peer has told; others publish unasked. `Some`: it has
    /// to tell them again, and gets all reports after that sequence until then.
    pub(crate) told: FxHashMap<ServiceNo, Option<u64>>,
    /// Subscribers of local services that the peer has told.
    pub(crate) subscribers: BTreeSet<(ProcessNo, ServiceNo, Str, bool)>,
    /// Replays that the peer has asked for through this process or is to answer, most of the time
    /// none.
    pub(crate) replays: Option<Box<ReplaysAsked>>,
    /// Bytes that it counts for, by what the peer has announced and is interested in.
    pub(super) announced: usize,
    /// Bytes that it counts for, by what has arrived of messages, and the peer's symbols.
    pub(super) arriving: usize,
    /// It is not read, since others have yet to take what it has caused.
    pub(super) hold: Option<Box<Hold>>,
    /// Messages of the peer that this process cannot use; for diagnosis.
    pub(crate) ignored: u64,

    /// Requests of the peer, by its ids.
    pub(crate) inbound: IdMap<u64, CallId>,
    /// The route of the last of them.
    pub(crate) route: Option<Box<RouteCache>>,
    /// How many of those in flight were sent, or are to be sent, to the peer.
    pub(crate) outbound: Load,
    /// Sent to the peer and not confirmed.
    pub(crate) flushes: BTreeSet<FlushId>,
}

/// What the handshake told of the peer.
#[derive(Debug)]
pub(crate) struct PeerState {
    pub(crate) process: ProcessNo,
    pub(crate) capabilities: Capabilities,
    pub(crate) token: LinkToken,
    pub(crate) attempt: u32,
    pub(crate) heartbeat: Duration,
    pub(crate) max_payload: usize,
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

impl Ending {
    /// The peer is gone, or will not hear a farewell.
    pub(crate) fn silent(reason: Reason) -> Self {
        Self { reason, farewell: None, refused: false }
    }

    /// The peer is told why.
    pub(crate) fn told(reason: Reason) -> Self {
        let farewell = Some(Message::Goodbye(reason.clone()));
        Self { reason, farewell, refused: false }
    }
}

impl Connection {
    pub(crate) fn new(
        (id, address): (ConnId, Str),
        phase: Phase,
        budget: Arc<Budget>,
        seed: u64,
        now: Time,
    ) -> Self {
        Self {
            id,
            phase,
            address,
            began: now,
            deadline: now + CONNECT_DEADLINE,
            peer: None,
            applicant: None,
            last_received: now,
            out: Outbound::new(seed, budget, now),
            processes: IdMap::default(),
            services: IdMap::default(),
            interests: PeerInterests::default(),
            told: FxHashMap::default(),
            subscribers: BTreeSet::new(),
            replays: None,
            announced: 0,
            arriving: 0,
            hold: None,
            ignored: 0,
            inbound: IdMap::default(),
            route: None,
            outbound: Load::default(),
            flushes: BTreeSet::new(),
        }
    }

    /// The handshake is done and the link was not given up.
    #[inline]
    pub(crate) fn is_linked(&self) -> bool {
        matches!(self.phase, Phase::Syncing | Phase::Active(_))
    }

    /// The snapshot's cursor has passed that service: the peer has been or is being told of it.
    pub(crate) fn has_told_service(&self, no: ServiceNo) -> bool {
        self.out.has_told_service(no)
    }

    /// As `has_told_service`, for an interest of this process.
    pub(crate) fn has_told_interest(&self, id: u32) -> bool {
        self.out.has_told_interest(id)
    }

    /// What the peer may say and does for this process; nothing before the handshake is done.
    #[inline]
    pub(crate) fn capabilities(&self) -> Capabilities {
        self.peer.as_ref().map_or(Capabilities::NONE, |peer| peer.capabilities)
    }

    /// The process of a peer's number; 0 is the peer itself.
    pub(crate) fn process_of(&self, no: u32) -> Option<ProcessNo> {
        match &self.peer {
            Some(peer) if no == 0 => Some(peer.process),
            _ => self.processes.get(no).copied(),
        }
    }

    /// All processes of the peer's numbers, itself among them.
    pub(crate) fn all_processes(&self) -> impl Iterator<Item = (u32, ProcessNo)> {
        let peer = self.peer.iter().map(|peer| (0, peer.process));
        peer.chain(self.processes.iter().map(|(number, process)| (number, *process)))
    }

    /// The largest content that the peer takes.
    #[inline]
    pub(crate) fn max_payload(&self) -> usize {
        self.peer.as_ref().map_or(usize::MAX, |peer| peer.max_payload)
    }

    /// Whether the peer has told the subscribers of a local service.
    pub(crate) fn has_told(&self, service: ServiceNo) -> bool {
        self.told.get(&service).is_some_and(Option::is_none)
    }

    /// What the peer is to a request that came over this link.
    pub(crate) fn asks_as(&self) -> &'static str {
        if self.capabilities().relays_for_us { "the hub" } else { "the caller" }
    }

    /// Silence after which the peer counts as dead.
    pub(crate) fn patience(&self, heartbeat: Heartbeat) -> Duration {
        let announced = self.peer.as_ref().map_or(Duration::ZERO, |peer| peer.heartbeat);
        heartbeat.dead.max(announced * 3)
    }

    /// How long the transport may take no byte. A server that goes on speaking may hold this
    /// process up for some time: its silence ends the link sooner.
    pub(super) fn stuck_after(&self) -> Duration {
        if self.capabilities().relays_for_us { STUCK_SERVER } else { STUCK_WRITER }
    }

    /// When something has to be done about this connection if nothing happens until then.
    pub(super) fn next_wake(&self, heartbeat: Heartbeat) -> Time {
        match self.phase {
            Phase::Opening | Phase::Handshake | Phase::Authorising => self.deadline,
            Phase::Syncing | Phase::Active(_) => {
                // One that is not read is not judged by its silence.
                let silent = self.last_received + self.patience(heartbeat);
                let due = self.hold.as_ref().map_or(silent, |hold| hold.read_at);
                let stuck = self.stuck_after();
                self.out.next_wake(&self.phase, heartbeat.interval, stuck).min(due)
            }
            Phase::Closing { until } => until,
        }
    }

    /// A request that waited for the peer, with so many bytes of arguments, was taken back.
    pub(crate) fn take_back_request(
        &mut self,
        arguments: usize,
        is_wanted: impl Fn(CallId) -> bool,
    ) {
        self.out.take_back_request(arguments, is_wanted);
    }

    /// Bytes that wait for the transport.
    pub(crate) fn queued(&self) -> usize {
        self.out.queued()
    }

    /// It is to end for that reason, or is gone: it no longer counts.
    pub(super) fn uncount(&mut self, overflow: Overflow) {
        self.out.uncount(overflow);
        self.count_announced(0);
        self.count_arriving(0);
    }

    pub(super) fn count_announced(&mut self, bytes: usize) {
        self.out.budget().recount(&mut self.announced, bytes);
    }

    pub(super) fn count_arriving(&mut self, bytes: usize) {
        self.out.budget().recount(&mut self.arriving, bytes);
    }
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use super::*;
    use crate::links::link::Link;
    use crate::wire::Decoder;

    /// A hub has a thousand links that do nothing most of the time. What a link seldom needs is in
    /// a box of its own.
    #[test]
    fn a_link_at_rest_is_small() {
        let sizes = [size_of::<Connection>(), size_of::<Link>(), size_of::<Decoder>()];
        let most = [1056, 48, 112];
        assert!(sizes.iter().zip(most).all(|(size, most)| *size <= most), "{sizes:?}, of {most:?}");
    }
}
