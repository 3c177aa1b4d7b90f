//! The state machine of one process.

mod dispatch;
mod ingress;
mod links;
mod registry;
mod reports;
mod requests;
mod timers;

use std::collections::{BTreeSet, VecDeque};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::collections::id_map::IdMap;
use crate::collections::seeded_map::{SeededMap, SeededState};
use crate::collections::timers::Timers;
use crate::delivery::event::Event;
use crate::delivery::queue::{Deliveries, Next, Pending, Source};
use crate::ids::{CallId, ConnId, ExchangeId, LinkId, ProcessId, ProcessNo, Str, WatchId};
use crate::limits::Limits;
use crate::links::exchange::Exchange;
use crate::links::link::Link;
use crate::links::outbound::report_batch::ReportBatch;
use crate::random::Random;
use crate::registry::table::{OWN, Registry};
use crate::registry::watch::Watch;
use crate::reports::interest::{OwnInterests, Wishes};
use crate::reports::subscriptions::Subscriptions;
use crate::requests::call_table::CallTable;
use crate::requests::deadlines::Deadlines;
use crate::time::Time;
use crate::wire::{Message, SharedSymbols};

pub use self::registry::local_services::NewService;
pub use self::requests::request::{HandlerResult, RequestOptions, Target, TargetRef};
pub use ingress::Teller;
pub use links::encode::Progress;

/// What a process starts from.
#[derive(Clone, Debug)]
pub struct Config {
    /// 128 random bits.
    pub id: ProcessId,
    /// For people; at most `limits::MAX_NAME` bytes, more are cut.
    pub label: Str,
    /// Its bounds.
    pub limits: Limits,
    /// Random and unknown to peers: it jitters retries and keeps hash tables safe.
    pub seed: u64,
}

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
}

/// One process: its registry, exchanges and links, without any I/O.
///
/// There are four kinds of methods:
/// - *commands* of the application (`create_service`, `request`, `connect`, …), which return at
///   once; what comes of them arrives as events;
/// - `handle_*`: something happened outside: a connection was opened, messages arrived, time passed;
/// - `poll_*`: work that came of it, to be done by the caller;
/// - getters, which change nothing.
///
/// After any command or `handle_*`, in this order: [`poll_action`](Self::poll_action) until `None`;
/// [`poll_dirty`](Self::poll_dirty) until `None`, with [`poll_write`](Self::poll_write) for each
/// connection as far as its transport takes bytes; [`poll_wake`](Self::poll_wake), and
/// [`handle_time`](Self::handle_time) no later than that; and [`poll_event`](Self::poll_event) when
/// the application is ready. None of them blocks, and none panics on any input from a peer.
#[derive(Debug)]
pub struct Process {
    id: ProcessId,
    label: Str,
    limits: Limits,
    random: Random,
    seed: u64,
    closed: bool,

    exchanges: FxHashMap<ExchangeId, Exchange>,
    last_exchange: u32,
    links: FxHashMap<LinkId, Link>,
    last_link: u32,
    conns: FxHashMap<ConnId, LinkId>,
    last_conn: u32,

    registry: Registry,
    /// Counts the changes of this process's own services.
    revision: u64,
    last_counter: u32,
    /// Changes whenever the route to any process does.
    route_epoch: u64,
    /// Processes whose end the application asked to be told.
    tracked: FxHashSet<ProcessNo>,

    watches: FxHashMap<WatchId, Watch>,
    last_watch: u32,
    /// Counts the changes told in this registry.
    changes: u64,

    calls: CallTable,
    /// Those of this process's application, by its keys.
    keys: IdMap,
    /// Requests that wait for a provider.
    parked: BTreeSet<CallId>,
    round_robin: SeededMap<Str, u32>,

    subscriptions: Subscriptions,
    interests: OwnInterests,
    wishes: Wishes,

    /// Number and bytes of all kept values.
    kept: (usize, usize),

    flushes: links::flush::Flushes,
    deliveries: Deliveries,
    actions: VecDeque<Action>,
    dirty: VecDeque<ConnId>,
    timers: Timers,
    deadlines: Deadlines,
    /// For frames that several links share.
    symbols: SharedSymbols,
    /// Reports that were read and go on together; empty between calls.
    run: ReportBatch,
    /// Empty; its memory is used again for every run of messages.
    decoded: Vec<Message>,
    /// Peers are not judged dead before this time: they may have spoken while this process slept.
    judge_from: Time,
}

impl Process {
    /// A process without exchanges: its services, requests and reports already work among
    /// themselves.
    pub fn new(config: Config, now: Time) -> Self {
        let Config { id, label, limits, seed } = config;
        let label = registry::local_services::cut(&label, crate::limits::MAX_NAME);
        Self {
            id,
            limits,
            random: Random::new(seed),
            seed,
            closed: false,
            exchanges: FxHashMap::default(),
            last_exchange: 0,
            links: FxHashMap::default(),
            last_link: 0,
            conns: FxHashMap::default(),
            last_conn: 0,
            registry: Registry::new(id, label.clone(), seed),
            label,
            revision: 0,
            last_counter: 0,
            route_epoch: 0,
            tracked: FxHashSet::default(),
            watches: FxHashMap::default(),
            last_watch: 0,
            changes: 0,
            calls: CallTable::default(),
            keys: IdMap::default(),
            parked: BTreeSet::new(),
            round_robin: SeededMap::with_hasher(SeededState(seed)),
            subscriptions: Subscriptions::new(seed),
            interests: OwnInterests::new(seed),
            wishes: Wishes::new(seed),
            kept: (0, 0),
            flushes: links::flush::Flushes::default(),
            deliveries: Deliveries::default(),
            actions: VecDeque::new(),
            dirty: VecDeque::new(),
            timers: Timers::default(),
            deadlines: Deadlines::default(),
            symbols: SharedSymbols::new(seed),
            run: ReportBatch::default(),
            decoded: Vec::new(),
            judge_from: now,
        }
    }

    /// Its identity.
    pub fn id(&self) -> ProcessId {
        self.id
    }

    /// Its label.
    pub fn label(&self) -> &Str {
        &self.label
    }

    /// Its bounds.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether `close` was called.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// The next thing to do with transports.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`handle_time`](Self::handle_time) is due; [`Time::NEVER`] if it is not.
    pub fn poll_wake(&self) -> Time {
        self.timers.next().min(self.deadlines.next())
    }

    /// Whether [`poll_event`](Self::poll_event) has something, or nearly so: a request that was
    /// cancelled meanwhile may turn out to be nothing.
    pub fn has_events(&self) -> bool {
        !self.deliveries.is_empty()
    }

    /// The next delivery to the application.
    pub fn poll_event(&mut self, now: Time) -> Option<Event> {
        loop {
            match self.deliveries.next()? {
                Next::Pending(Pending::Event(event)) => return Some(event),
                Next::Pending(Pending::Invoke(call)) => {
                    if let Some(event) = self.invocation(now, call) {
                        return Some(event);
                    }
                }
                Next::Pending(Pending::Credit(call)) => {
                    if let Some(event) = self.credit(call) {
                        return Some(event);
                    }
                }
                Next::Source(Source::Watch(watch)) => {
                    if let Some(event) = self.pop_change(watch) {
                        return Some(event);
                    }
                }
                Next::Source(Source::Subscription(id)) => {
                    let Some(subscription) = self.subscriptions.get_mut(id) else { continue };
                    let report = subscription.pop();
                    if let Some(stamp) = subscription.ready() {
                        self.deliveries.ready(stamp, Source::Subscription(id));
                    }
                    if let Some(report) = report {
                        return Some(Event::Report { subscription: id, report });
                    }
                }
            }
        }
    }

    /// Entries of every table, by name: what has to return to its start when everything that was
    /// begun has ended.
    pub fn table_sizes(&self) -> Vec<(&'static str, usize)> {
        let linked = self.links.values().filter_map(|state| state.linked());
        let told = linked.map(|connection| connection.told.len() + connection.subscribers.len());
        let asks = self.links.values().filter_map(|state| state.linked()?.asks.as_ref());
        vec![
            ("exchanges", self.exchanges.len()),
            ("links", self.links.len()),
            ("connections", self.conns.len()),
            ("services", self.registry.len()),
            ("processes", self.registry.processes()),
            ("tracked", self.tracked.len()),
            ("watches", self.watches.len()),
            ("calls", self.calls.len()),
            ("keys", self.keys.len()),
            ("parked", self.parked.len()),
            ("subscriptions", self.subscriptions.len()),
            ("replays", self.subscriptions.replays.len()),
            ("asks", asks.map(|asks| asks.len()).sum()),
            ("interests", self.interests.len()),
            ("wishes", self.wishes.len()),
            ("told subscribers", told.sum()),
            ("round robin", self.round_robin.len()),
            ("kept values", self.kept.0),
            ("flushes", self.flushes.len()),
            ("timers", self.timers.len() + self.deadlines.len()),
        ]
    }

    /// Messages that the peers linked now have sent and this process had no use for: forbidden
    /// announcements, and what crossed a change of this side on its way. For diagnosis.
    pub fn ignored(&self) -> u64 {
        let linked = self.links.values().filter_map(|state| state.linked());
        linked.map(|connection| connection.ignored).sum()
    }

    fn exchange_of(&self, link: LinkId) -> Option<&Exchange> {
        self.exchanges.get(&self.links.get(&link)?.exchange)
    }

    /// The number of a process on the wire.
    fn wire_no(process: ProcessNo) -> u32 {
        debug_assert_eq!(OWN.0, 0);
        process.0
    }
}
