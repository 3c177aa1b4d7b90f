//! The state machine of one process: a thin owner of its parts.
//!
//! Each part is a struct with its own tables and rules, and gets what it needs of another as an
//! argument. The files of this folder are what an application or the owner of the sockets calls,
//! and the order of things where one change concerns several parts.

mod arrivals;
mod collapse;
mod dispatch;
mod exchanges;
mod handshake;
mod ingress;
mod loss;
mod reports;
mod requests;
mod services;
mod timers;

use std::collections::BTreeMap;

use crate::delivery::event::Event;
use crate::delivery::held::Held;
use crate::delivery::queue::{Deliveries, Next, Pending, Source};
use crate::error::CommandError;
use crate::ids::{ConnId, ProcessId, Str};
use crate::limits::{Limits, MAX_NAME};
use crate::links::outbound::encode::{Progress, Sources};
use crate::links::{Action, Links};
use crate::outcome::{Delivered, Outcome};
use crate::policy::{Policy, Rules};
use crate::process_secret::ProcessSecret;
use crate::registry::Registry;
use crate::registry::announcer::Announcer;
use crate::registry::checks::cut;
use crate::reports::Reports;
use crate::reports::distributor::Distributor;
use crate::requests::Requests;
use crate::requests::router::Router;
use crate::time::Time;
use crate::wire::SendBuffer;

/// What a process starts from.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its id follows from it.
    pub secret: ProcessSecret,
    /// For people; at most `limits::MAX_NAME` bytes, more are cut.
    pub label: Str,
    /// Its bounds.
    pub limits: Limits,
    /// Random and unknown to peers: it jitters retries and keeps hash tables safe.
    pub seed: u64,
}

/// One process: its registry, exchanges and links, without any I/O.
///
/// There are four kinds of methods:
/// - *commands* of the application (`create_service`, `request`, `connect`, …), which return at
///   once; what comes of them arrives as events;
/// - `handle_*`: something happened outside: a connection was opened, messages arrived, time
///   passed;
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
    secret: ProcessSecret,
    label: Str,
    rules: Rules,
    closed: bool,
    /// What arrives is given to a sink where possible, instead of being queued.
    tells_at_once: bool,
    links: Links,
    registry: Registry,
    reports: Reports,
    requests: Requests,
    deliveries: Deliveries,
}

impl Process {
    /// A process without exchanges: its services, requests and reports already work among
    /// themselves.
    pub fn new(config: Config, now: Time) -> Self {
        let Config { secret, label, limits, seed } = config;
        let id = secret.process();
        let label = cut(&label, MAX_NAME);
        Self {
            id,
            secret,
            closed: false,
            tells_at_once: true,
            links: Links::new(&limits, seed, now),
            registry: Registry::new(id, label.clone(), seed),
            reports: Reports::new(seed),
            requests: Requests::new(seed),
            deliveries: Deliveries::default(),
            label,
            rules: Rules { limits },
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
        &self.rules.limits
    }

    /// Whether `close` was called.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// For tests. From now on everything waits before it is encoded, everything is queued before it
    /// is told, and no route is remembered; what applications observe must not differ.
    #[doc(hidden)]
    pub fn forbid_quick_ways(&mut self) {
        self.links.encode_late();
        self.requests.forbid_caches();
        self.tells_at_once = false;
    }

    /// For tests. After `left` more of each, numbers that stand for things begin again at 1, where
    /// they are free.
    #[doc(hidden)]
    pub fn skip_numbers(&mut self, left: u32) {
        self.links.skip_to_end(left);
        self.registry.skip_to_end(left);
        self.reports.skip_to_end(left);
        self.requests.skip_to_end(left);
    }

    /// For tests. After `left` more services, this process can create no more.
    #[doc(hidden)]
    pub fn exhaust_services(&mut self, left: u32) {
        self.registry.exhaust_counters(left);
    }

    /// The next thing to do with transports.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.links.poll_action()
    }

    /// Whether a connection is to be read: not between [`Action::Pause`] and [`Action::Resume`].
    ///
    /// While a client has caused more for others than they have taken, it is not read: else it
    /// would throw out those that read more slowly than it writes. Always true for connections that
    /// this process has made.
    pub fn may_read(&self, conn: ConnId) -> bool {
        self.links.may_read(conn)
    }

    /// The next connection that has something to write, each once until
    /// [`poll_write`](Self::poll_write) has drained it.
    pub fn poll_dirty(&mut self) -> Option<ConnId> {
        self.links.poll_dirty()
    }

    /// Encodes what is queued for a connection into `out`, until about `budget` bytes are in it.
    ///
    /// What has been encoded must be written whole and in order; report it to
    /// [`handle_written`](Self::handle_written).
    pub fn poll_write(
        &mut self,
        now: Time,
        conn: ConnId,
        out: &mut SendBuffer,
        budget: usize,
    ) -> Progress {
        let Self { rules, links, registry, reports, requests, .. } = self;
        let sources = &mut Sources { rules, registry, reports, requests };
        links.poll_write(now, conn, out, (budget, false), sources)
    }

    /// As [`poll_write`](Self::poll_write), for who is short of time: without what has happened to
    /// services, unless somebody waits for what comes behind that. If the rest is left, there is
    /// [`More`](Progress::More).
    pub fn poll_awaited(
        &mut self,
        now: Time,
        conn: ConnId,
        out: &mut SendBuffer,
        budget: usize,
    ) -> Progress {
        let Self { rules, links, registry, reports, requests, .. } = self;
        let sources = &mut Sources { rules, registry, reports, requests };
        links.poll_write(now, conn, out, (budget, true), sources)
    }

    /// Whether the peer of a connection is being told of all that there is, and so not linked yet.
    pub fn is_newcomer(&self, conn: ConnId) -> bool {
        self.links.is_newcomer(conn)
    }

    /// The transport took bytes; `unwritten` are left in the connection's send buffer.
    pub fn handle_written(&mut self, now: Time, conn: ConnId, unwritten: usize) {
        self.links.handle_written(now, conn, unwritten);
    }

    /// When [`handle_time`](Self::handle_time) is due; [`Time::NEVER`] if it is not.
    pub fn poll_wake(&self) -> Time {
        let links = self.links.next_timer().min(self.reports.next_sweep());
        links.min(self.requests.next_deadline()).min(self.requests.next_expiry())
    }

    /// Whether [`poll_event`](Self::poll_event) has something, or nearly so: a request that was
    /// cancelled meanwhile may turn out to be nothing.
    pub fn has_events(&self) -> bool {
        !self.deliveries.is_empty() || self.has_room_for_held()
    }

    /// The next delivery to the application.
    pub fn poll_event(&mut self, now: Time) -> Option<Event> {
        if self.deliveries.held().is_some() { self.poll_held(now) } else { self.poll_next(now) }
    }

    fn poll_next(&mut self, now: Time) -> Option<Event> {
        loop {
            let event = match self.deliveries.next()? {
                Next::Pending(Pending::Event(event)) => Some(event),
                Next::Pending(Pending::Invoke(call)) => {
                    let mut router = self.router();
                    if router.may_hold_back() && router.hold_back(call) {
                        None
                    } else {
                        router.invocation(now, call)
                    }
                }
                Next::Pending(Pending::Credit(call)) => self.router().credit(call),
                Next::Source(Source::Watch(watch)) => self.announcer().pop_change(watch),
                Next::Source(Source::Subscription(id)) => {
                    let mut parked = false;
                    let report = self.reports.next_report(id, &mut self.deliveries, &mut parked);
                    if parked {
                        self.distributor().resume_all_replays(now, id);
                    }
                    report
                }
            };
            if event.is_some() {
                return event;
            }
        }
    }

    /// The next request of the application whose deadline has passed, if any: of deliveries, these
    /// come first. For who has taken others already and takes its time to tell them.
    pub fn poll_overdue(&mut self) -> Option<(u64, Delivered)> {
        match self.deliveries.next_overdue()? {
            Event::Outcome { key, outcome: Outcome::Error(error), .. } => {
                Some((key, error.delivered))
            }
            _ => None,
        }
    }

    /// Entries of every table, by name. They return to what they were when everything that was
    /// begun has ended.
    pub fn table_sizes(&self) -> Vec<(&'static str, usize)> {
        let parts = [
            self.links.table_sizes(),
            self.registry.table_sizes(),
            self.reports.table_sizes(),
            self.requests.table_sizes(),
        ];
        let held_back = self.deliveries.held().map_or(0, Held::len);
        let mut sizes = BTreeMap::from([("requests held back", held_back)]);
        for (table, size) in parts.into_iter().flatten() {
            *sizes.entry(table).or_insert(0) += size;
        }
        sizes.into_iter().collect()
    }

    /// Bytes that count towards [`Limits::memory`]; with what is only remembered, which no table
    /// size has.
    pub fn held_bytes(&self) -> usize {
        self.links.budget().held()
    }

    /// Messages that the peers linked now have sent and this process had no use for: forbidden
    /// announcements, and what crossed a change of this side on its way. For diagnosis.
    pub fn ignored(&self) -> u64 {
        self.links.ignored()
    }

    /// The next request that was held back and may be told, or whatever is next.
    #[cold]
    #[inline(never)]
    fn poll_held(&mut self, now: Time) -> Option<Event> {
        while let Some(call) = self.router().next_held() {
            let event = self.router().invocation(now, call);
            if event.is_some() {
                return event;
            }
        }
        self.poll_next(now)
    }

    /// Requests that were held back may be told.
    #[inline]
    fn has_room_for_held(&self) -> bool {
        let held = self.deliveries.held();
        held.is_some_and(|held| held.links().any(|link| !self.links.is_backlogged(link)))
    }

    #[inline]
    fn router(&mut self) -> Router<'_> {
        let Self { rules, requests, registry, links, deliveries, .. } = self;
        Router { rules, requests, registry, links, deliveries }
    }

    #[inline]
    fn distributor(&mut self) -> Distributor<'_> {
        let Self { rules, reports, registry, links, deliveries, .. } = self;
        Distributor { rules, reports, registry, links, deliveries }
    }

    fn announcer(&mut self) -> Announcer<'_> {
        let Self { registry, links, deliveries, .. } = self;
        Announcer { registry, links, deliveries }
    }

    fn policy(&self) -> Policy<'_> {
        Policy { rules: &self.rules, registry: &self.registry, links: &self.links }
    }

    fn check_open(&self) -> Result<(), CommandError> {
        if self.closed { Err(CommandError::Closed { what: "the registry" }) } else { Ok(()) }
    }
}
