//! Exchanges, links and their connections: everything between this process and its peers.

pub(crate) mod backoff;
pub(crate) mod capabilities;
mod charges;
pub(crate) mod connection;
pub(crate) mod exchange;
mod expected_replays;
mod flush;
mod flushes;
pub(crate) mod handshake;
mod hold;
mod holding;
mod lifecycle;
pub(crate) mod link;
pub(crate) mod liveness;
pub(crate) mod newcomer;
pub(crate) mod outbound;
pub(crate) mod phase;
mod relief;
pub(crate) mod strangers;
pub(crate) mod timer;
mod turns;

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::collections::id_allocator::IdAllocator;
use crate::collections::id_map::IdMap;
use crate::collections::timers::Timers;
use crate::ids::{ConnId, ExchangeId, FlushId, LinkId, ServiceNo};
use crate::limits::Limits;
use crate::random::Random;
use crate::steps;
use crate::time::Time;
use crate::wire::{Message, SharedSymbols};

use charges::{Charges, NOBODY};
use connection::Connection;
use exchange::Exchange;
use flushes::Flushes;
use link::Link;
use outbound::bounds::Bounds;
use outbound::changes::ChangeLog;
use outbound::report_batch::ReportBatch;
use phase::Phase;
use strangers::{Standing, Strangers};
use timer::LinkTimer;

/// What the owner of the sockets has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open a transport for a connecting link; answer with `handle_opened` or `handle_open_failed`.
    Open {
        /// The new connection.
        conn: ConnId,
        /// Its link.
        link: LinkId,
    },
    /// Drop the connection, or give up opening it. Nothing more is to be reported about it.
    Close {
        /// The connection.
        conn: ConnId,
    },
    /// Read nothing from the connection until told otherwise: its peer has caused more for others
    /// than they have taken. What was read already may still be given to `handle_*`.
    Pause {
        /// The connection.
        conn: ConnId,
    },
    /// Read the connection again.
    Resume {
        /// The connection.
        conn: ConnId,
    },
}

/// The part of a process that owns its exchanges, links and connections.
#[derive(Debug)]
pub(crate) struct Links {
    exchanges: FxHashMap<ExchangeId, Exchange>,
    exchange_ids: IdAllocator,
    table: IdMap<LinkId, Link>,
    link_ids: IdAllocator,
    conns: FxHashMap<ConnId, LinkId>,
    conn_ids: IdAllocator,
    strangers: Strangers,
    flushes: Flushes,
    actions: VecDeque<Action>,
    /// Who pays for what is queued.
    charges: Charges,
    /// Connections that have something to write.
    dirty: VecDeque<ConnId>,
    timers: Timers<LinkTimer>,
    /// For frames that several links share.
    symbols: SharedSymbols,
    /// The open batch of reports; nothing else is sent before it ends.
    batch: ReportBatch,
    /// What all links are told of services and processes.
    pub(crate) changes: ChangeLog,
    /// The link over which has come what is being applied.
    origin: LinkId,
    bounds: Bounds,
    limits: Limits,
    /// Peers are not judged dead before this time: they may have spoken while this process slept.
    judge_from: Time,
    random: Random,
    seed: u64,
}

impl Links {
    pub(crate) fn new(limits: &Limits, seed: u64, now: Time) -> Self {
        let charges = Charges::new(limits.memory);
        Self {
            exchanges: FxHashMap::default(),
            exchange_ids: IdAllocator::default(),
            table: IdMap::default(),
            link_ids: IdAllocator::default(),
            conns: FxHashMap::default(),
            conn_ids: IdAllocator::default(),
            strangers: Strangers::default(),
            flushes: Flushes::default(),
            actions: VecDeque::new(),
            changes: ChangeLog::new(Arc::clone(&charges.budget)),
            charges,
            dirty: VecDeque::new(),
            timers: Timers::default(),
            symbols: SharedSymbols::new(seed),
            batch: ReportBatch::default(),
            origin: NOBODY,
            bounds: Bounds::of(limits),
            limits: limits.clone(),
            judge_from: now,
            random: Random::new(seed),
            seed,
        }
    }

    /// From now on everything waits in outboxes before it is encoded.
    pub(crate) fn encode_late(&mut self) {
        self.bounds.ahead = 0;
    }

    /// For tests: see [`IdAllocator::skip_to_end`].
    pub(crate) fn skip_to_end(&mut self, left: u32) {
        let own = [&mut self.exchange_ids, &mut self.link_ids, &mut self.conn_ids];
        own.into_iter().chain([&mut self.flushes.ids]).for_each(|ids| ids.skip_to_end(left));
    }

    pub(crate) fn exchange(&self, id: ExchangeId) -> Option<&Exchange> {
        self.exchanges.get(&id)
    }

    /// The exchange that a link belongs to.
    #[inline]
    pub(crate) fn exchange_of(&self, link: LinkId) -> Option<&Exchange> {
        self.exchanges.get(&self.table.get(link)?.exchange)
    }

    pub(crate) fn exchange_ids(&self) -> Vec<ExchangeId> {
        let mut ids: Vec<_> = self.exchanges.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// The flushes under way.
    pub(crate) fn flush_ids(&self) -> Vec<FlushId> {
        let mut ids: Vec<FlushId> = self.flushes.table.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// All links, in order.
    pub(crate) fn all(&self) -> Vec<&Link> {
        let mut links: Vec<&Link> = self.table.values().collect();
        links.sort_unstable_by_key(|link| link.id);
        links
    }

    /// What keeps hash tables safe.
    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    pub(crate) fn get(&self, link: LinkId) -> Option<&Link> {
        self.table.get(link)
    }

    /// The link of a connection.
    #[inline]
    pub(crate) fn link_of(&self, conn: ConnId) -> Option<LinkId> {
        self.conns.get(&conn).copied()
    }

    /// Where the connection of a link stands.
    pub(crate) fn phase(&self, link: LinkId) -> Option<&Phase> {
        self.table.get(link)?.phase()
    }

    /// The connection of a link, while it is in use.
    #[inline]
    pub(crate) fn linked(&self, link: LinkId) -> Option<&Connection> {
        self.table.get(link)?.linked()
    }

    #[inline]
    pub(crate) fn linked_mut(&mut self, link: LinkId) -> Option<&mut Connection> {
        self.table.get_mut(link)?.linked_mut()
    }

    /// The connection of a link, whatever its phase.
    pub(crate) fn connection_mut(&mut self, link: LinkId) -> Option<&mut Connection> {
        self.table.get_mut(link)?.connection.as_deref_mut()
    }

    /// All links in use, in no particular order.
    pub(crate) fn all_linked(&self) -> impl Iterator<Item = (&Link, &Connection)> {
        let links = self.table.values().inspect(|_| steps::count(1));
        links.filter_map(|link| Some((link, link.linked()?)))
    }

    /// All connections, in use or not.
    pub(crate) fn connections_mut(&mut self) -> impl Iterator<Item = &mut Connection> {
        let links = self.table.values_mut().inspect(|_| steps::count(1));
        links.filter_map(|link| link.connection.as_deref_mut())
    }

    /// This process's number of a service that the peer names.
    #[inline]
    pub(crate) fn service_of_peer(&self, link: LinkId, peer_no: u32) -> Option<ServiceNo> {
        self.linked(link)?.services.get(peer_no).copied()
    }

    /// The peer said something that this process cannot use, which is allowed: a change there and a
    /// change here may have crossed.
    pub(crate) fn ignore(&mut self, link: LinkId) {
        if let Some(connection) = self.linked_mut(link) {
            connection.ignored += 1;
        }
    }

    /// Messages that the peers linked now have sent and this process had no use for.
    pub(crate) fn ignored(&self) -> u64 {
        self.all_linked().map(|(_, connection)| connection.ignored).sum()
    }

    /// Bytes queued for the link that has most.
    pub(crate) fn queued_bytes(&self) -> usize {
        let queued =
            |connection: &Connection| connection.queued() + connection.out.bytes_of(&self.changes);
        let most = self.all_linked().map(|(_, connection)| queued(connection)).max();
        most.unwrap_or(0) + self.batch.frames.len()
    }

    pub(crate) fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    pub(crate) fn poll_dirty(&mut self) -> Option<ConnId> {
        self.end_batch();
        self.spread_changes();
        self.dirty.pop_front()
    }

    /// See [`Process::is_newcomer`](crate::Process::is_newcomer).
    pub(crate) fn is_newcomer(&self, conn: ConnId) -> bool {
        let link = self.link_of(conn).and_then(|link| self.table.get(link));
        let connection = link.and_then(|link| link.connection.as_deref());
        connection.is_some_and(|connection| connection.out.is_telling_all())
    }

    /// The use of a connection ends: nothing but what is queued is still written.
    pub(crate) fn begin_farewell(&mut self, link: LinkId, until: Time) {
        let changes = self.changes.end();
        if let Some(connection) = self.connection_mut(link) {
            connection.out.queue_changes(changes, changes);
            connection.phase = Phase::Closing { until };
            // The registry has forgotten that.
            connection.count_announced(0);
        }
        self.strangers.set_standing(link, Standing::Refused);
    }

    /// The last message of a connection.
    pub(crate) fn say_farewell(&mut self, link: LinkId, farewell: Message, before_link: bool) {
        if let Some(connection) = self.connection_mut(link) {
            connection.out.say_farewell(farewell, before_link);
        }
    }

    /// A connection may have something to write.
    pub(crate) fn mark_dirty(&mut self, link: LinkId) {
        let connection = self.table.get_mut(link).and_then(|link| link.connection.as_deref_mut());
        if let Some(Connection { id, phase, out, .. }) = connection {
            out.mark_dirty(*id, phase, &mut self.dirty);
        }
    }

    /// Whether this process has asked for a replay over a link, and it is not answered.
    pub(crate) fn has_asked(&self, link: LinkId, replay: u32) -> bool {
        self.linked(link).is_some_and(|connection| connection.out.has_asked(replay))
    }

    /// A replay over a link is answered: another may be asked for.
    pub(crate) fn end_replay(&mut self, link: LinkId, replay: u32) {
        if let Some(connection) = self.connection_mut(link) {
            connection.out.end_replay(replay);
            self.mark_dirty(link);
        }
    }

    /// A process, by the peer's number, asks for a replay of this process's services; false: it
    /// waits for too many already.
    pub(crate) fn begin_answer(&mut self, link: LinkId, process: u32) -> bool {
        self.linked_mut(link).is_none_or(|connection| connection.out.begin_answer(process))
    }

    /// A process, by the peer's number, is gone, and waits for no answer.
    pub(crate) fn forget_asker(&mut self, link: LinkId, process: u32) {
        if let Some(connection) = self.linked_mut(link) {
            connection.out.forget_asker(process);
        }
    }

    /// Entries of every table, by name.
    pub(crate) fn table_sizes(&self) -> Vec<(&'static str, usize)> {
        let told = self
            .all_linked()
            .map(|(_, connection)| connection.told.len() + connection.subscribers.len());
        let queued = self.all_linked().map(|(_, connection)| connection.out.entries());
        let replays = self.all_linked().map(|(_, connection)| connection.out.replays());
        let answers = self.all_linked().map(|(_, connection)| connection.out.answers());
        let asked = self.all_linked().filter_map(|(_, connection)| connection.replays.as_ref());
        let asked = asked.map(|replays| replays.len());
        vec![
            ("bytes held", self.charges.budget.needed()),
            ("exchanges", self.exchanges.len()),
            ("links", self.table.len()),
            ("connections", self.conns.len()),
            ("strangers", self.strangers.len()),
            ("told subscribers", told.sum()),
            ("asks", replays.sum()),
            ("answers", answers.sum()),
            ("replays asked", asked.sum()),
            ("flushes", self.flushes.len()),
            ("timers", self.timers.len()),
            ("changes", self.changes.len()),
            ("queued", queued.sum()),
        ]
    }
}
