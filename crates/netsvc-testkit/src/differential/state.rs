//! What a run knows of its world: what applications have begun, and what they were told.

use std::collections::BTreeMap;

use netsvc_core::{
    CallId, Content, DeliveredReport, Event, ExchangeId, LinkId, Outcome, Pattern, ServiceId,
    ServiceNo, Str, SubscriptionId, SubscriptionLimits,
};

/// A service of some process.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) node: usize,
    /// Of [`NAMES`].
    pub(super) name: usize,
    pub(super) no: ServiceNo,
    pub(super) id: ServiceId,
    pub(super) audience: &'static str,
    pub(super) member: bool,
    pub(super) open: bool,
    /// By sequence, from 1.
    pub(super) published: Vec<Published>,
}

/// A report as it was published.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) subject: usize,
    pub(super) content: Content,
    /// The only process that it is for.
    pub(super) to: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) node: usize,
    pub(super) id: SubscriptionId,
    pub(super) pattern: Pattern,
    pub(super) limits: SubscriptionLimits,
    pub(super) of_group: bool,
    pub(super) open: bool,
    pub(super) reports: Vec<DeliveredReport>,
    /// Services whose reports it is entitled to, and after which sequence.
    pub(super) entitled: BTreeMap<usize, u64>,
}

#[derive(Debug)]
pub(super) struct Request {
    pub(super) node: usize,
    pub(super) outcomes: Vec<Outcome>,
    /// Handlers that were told of it.
    pub(super) invoked: usize,
    pub(super) parts_granted: u32,
    pub(super) parts: u32,
    /// The application gave it up, unless it had an outcome.
    pub(super) cancelled: bool,
}

#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) node: usize,
    pub(super) request: Option<usize>,
    pub(super) call: CallId,
    /// Parts that its caller takes.
    pub(super) parts: u32,
    pub(super) open: bool,
}

#[allow(clippy::struct_excessive_bools, reason = "each changes by itself")]
#[derive(Debug)]
pub(super) struct Link {
    pub(super) client: usize,
    pub(super) hub: usize,
    pub(super) group: &'static str,
    pub(super) exchange: ExchangeId,
    pub(super) id: LinkId,
    /// For good.
    pub(super) closed: bool,
    pub(super) active: bool,
    pub(super) plugged: bool,
    pub(super) frozen: bool,
}

/// What one application was told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Everything, in order, with the numbers of invocations replaced.
    pub(super) events: Vec<Event>,
    /// After how many operations each of them was told.
    pub(super) times: Vec<usize>,
    /// Invocations by what they are called in `events`.
    pub(super) calls: BTreeMap<CallId, CallId>,
    /// What its watch amounts to: each service with its groups.
    pub(super) services: BTreeMap<ServiceId, Vec<Str>>,
}

impl Subscription {
    /// Which reports it drops depends on how soon the application takes them.
    pub(super) fn is_bounded(&self) -> bool {
        self.limits.latest || self.limits.reports < ROOM || self.limits.bytes < ROOM
    }
}

/// More reports, and more bytes, than there are in a sequence.
pub(super) const ROOM: usize = 1 << 30;
/// Subjects of reports.
pub(super) const SUBJECTS: [&str; 6] = ["a", "b", "a.b", "b.c", "a.b.c", "grün"];
/// Patterns of subscriptions.
pub(super) const PATTERNS: [&str; 5] = ["*", "a*", "?", "b.c", "*.b*"];
/// The service group that there is.
pub(super) const GROUP: &str = "members";
/// Names of services.
pub(super) const NAMES: [&str; 3] = ["x", "y", "z"];
