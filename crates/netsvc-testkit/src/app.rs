//! A small application layer: commands with the usual arguments, and what applications were told,
//! sorted by kind.

use std::collections::BTreeMap;
use std::time::Duration;

use netsvc_core::{
    AbortReason, CallId, Change, Content, Delivered, DeliveredReport, Event, Filter, HandlerResult,
    Invocation, Lifetime, NewService, Outcome, ProcessId, RequestCode, RequestError,
    RequestOptions, ServiceId, ServiceNo, Str, SubscriptionId, SubscriptionLimits,
    SubscriptionTarget, WatchId,
};

use crate::node::Node;
use crate::target::Target;
use crate::world::World;

/// Bounds of subscriptions that are not about bounds.
pub const ROOMY: SubscriptionLimits =
    SubscriptionLimits { reports: 1 << 20, bytes: usize::MAX >> 1, latest: false };

/// What an application was told, by kind, each kind in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Ends of requests.
    pub outcomes: Vec<(u64, Outcome)>,
    /// Methods to be run.
    pub invoked: Vec<Invocation>,
    /// Invocations to be stopped.
    pub aborted: Vec<(CallId, AbortReason)>,
    /// Changes of each watch.
    pub changes: BTreeMap<WatchId, Vec<Change>>,
    /// Reports of each subscription.
    pub reports: BTreeMap<SubscriptionId, Vec<DeliveredReport>>,
    /// Parts of streamed results, by the request's key.
    pub parts: BTreeMap<u64, Vec<Content>>,
    /// Further parts that callers of streaming invocations take.
    pub credits: Vec<(CallId, u32)>,
    /// Subscribers of local services that came (true) and went.
    pub subscribers: Vec<(ServiceNo, ProcessId, Str, bool)>,
    /// Everything else: links, flushes, tracked processes.
    pub others: Vec<Event>,
}

impl Told {
    /// Sorts events by kind.
    pub fn of(events: Vec<Event>) -> Self {
        let mut told = Self::default();
        for event in events {
            match event {
                Event::Outcome { key, outcome, .. } => told.outcomes.push((key, outcome)),
                Event::Invoke(invocation) => told.invoked.push(invocation),
                Event::Abort { call, reason } => told.aborted.push((call, reason)),
                Event::Change { watch, change } => {
                    told.changes.entry(watch).or_default().push(change);
                }
                Event::Report { subscription, report } => {
                    told.reports.entry(subscription).or_default().push(report);
                }
                Event::Part { key, content } => told.parts.entry(key).or_default().push(content),
                Event::Credit { call, parts } => told.credits.push((call, parts)),
                Event::Subscriber { service, process, pattern, present, .. } => {
                    told.subscribers.push((service, process, pattern, present));
                }
                other => told.others.push(other),
            }
        }
        told
    }

    /// Reports of one subscription.
    pub fn reports_of(&self, subscription: SubscriptionId) -> &[DeliveredReport] {
        self.reports.get(&subscription).map_or(&[], Vec::as_slice)
    }

    /// Subjects of the reports of one subscription.
    pub fn subjects(&self, subscription: SubscriptionId) -> Vec<&str> {
        self.reports_of(subscription).iter().map(|report| &*report.subject).collect()
    }

    /// Sequences of the reports of one subscription.
    pub fn sequences(&self, subscription: SubscriptionId) -> Vec<u64> {
        self.reports_of(subscription).iter().map(|report| report.sequence).collect()
    }

    /// Changes of one watch.
    pub fn changes_of(&self, watch: WatchId) -> &[Change] {
        self.changes.get(&watch).map_or(&[], Vec::as_slice)
    }

    /// The one outcome there is.
    ///
    /// # Panics
    /// If there is none, or more than one.
    pub fn only_outcome(&self) -> &Outcome {
        match &self.outcomes[..] {
            [(_, outcome)] => outcome,
            others => panic!("not one outcome but {others:?}"),
        }
    }

    /// The one outcome there is, which is an error.
    ///
    /// # Panics
    /// If it is not.
    pub fn only_error(&self) -> &RequestError {
        match self.only_outcome() {
            Outcome::Error(error) => error,
            other => panic!("not an error but {other:?}"),
        }
    }

    /// The one invocation there is.
    ///
    /// # Panics
    /// If there is none, or more than one.
    pub fn only_invocation(&self) -> &Invocation {
        match &self.invoked[..] {
            [invocation] => invocation,
            others => panic!("not one invocation but {others:?}"),
        }
    }
}

/// Code and delivery of the one outcome, which is an error that explains itself.
///
/// # Panics
/// If there is none, or something else.
pub fn verdict(told: &Told) -> (RequestCode, Delivered) {
    let error = told.only_error();
    assert!(!error.message.is_empty(), "every error says what happened");
    (error.code, error.delivered)
}

/// Fails if a table that requests use is not empty.
///
/// # Panics
/// Then.
pub fn assert_nothing_pending(world: &mut World, nodes: &[Node]) {
    for node in nodes {
        for table in ["calls", "keys"] {
            assert_eq!(world.table(*node, table), 0, "{table} of {node:?}");
        }
    }
}

/// A service of audience `"*"` with one method, `run`.
pub fn service(name: &str) -> NewService {
    NewService {
        name: name.into(),
        audience: "*".into(),
        groups: Vec::new(),
        methods: vec!["run".into()],
    }
}

impl World {
    /// A hub of the default group and its clients, all linked and told of it.
    pub fn star<const N: usize>(seed: u64) -> (Self, Node, [Node; N]) {
        let mut world = Self::new(seed);
        let hub = world.process("hub");
        world.hub(hub, "");
        let clients = std::array::from_fn(|index| world.process(&format!("client {index}")));
        for client in clients {
            world.connect(client, hub);
        }
        world.settle();
        for node in clients.into_iter().chain([hub]) {
            world.host(node).take_events();
        }
        (world, hub, clients)
    }

    /// Names of the services that a process sees, sorted.
    pub fn sees(&mut self, node: Node) -> Vec<String> {
        self.settle();
        let seen = self.at(node).lookup(&Filter::default());
        let mut names: Vec<String> = seen.iter().map(|info| info.name.to_string()).collect();
        names.sort();
        names
    }

    /// Creates a service of audience `"*"` with one method, `run`.
    ///
    /// # Panics
    /// If it is refused.
    pub fn create(&mut self, node: Node, name: &str) -> (ServiceNo, ServiceId) {
        self.create_with(node, service(name))
    }

    /// Creates a service.
    ///
    /// # Panics
    /// If it is refused.
    pub fn create_with(&mut self, node: Node, service: NewService) -> (ServiceNo, ServiceId) {
        let now = self.now();
        let created = self.at(node).create_service(now, service);
        created.unwrap_or_else(|error| panic!("no service: {error}"))
    }

    /// Publishes a report whose content is its subject.
    ///
    /// # Panics
    /// If it is refused.
    pub fn publish(&mut self, node: Node, no: ServiceNo, subject: &str, lifetime: Lifetime) {
        let (now, content) = (self.now(), Content::raw(subject.to_owned()));
        let published = self.host(node).publish(now, no, &subject.into(), &content, lifetime);
        published.unwrap_or_else(|error| panic!("not published: {error}"));
    }

    /// Subscribes by name, without tight bounds.
    ///
    /// # Panics
    /// If it is refused.
    pub fn subscribe(&mut self, node: Node, name: &str, pattern: &str) -> SubscriptionId {
        self.subscribe_to(node, SubscriptionTarget::Name(name.into()), pattern, ROOMY)
    }

    /// Subscribes; reports are told without further grants.
    ///
    /// # Panics
    /// If it is refused.
    pub fn subscribe_to(
        &mut self,
        node: Node,
        target: SubscriptionTarget,
        pattern: &str,
        limits: SubscriptionLimits,
    ) -> SubscriptionId {
        let now = self.now();
        let made = self.at(node).subscribe(now, target, pattern, limits);
        let subscription = made.unwrap_or_else(|error| panic!("no subscription: {error}"));
        self.at(node).grant(subscription, u32::MAX);
        subscription
    }

    /// Watches everything; changes are told without further grants.
    pub fn watch_all(&mut self, node: Node) -> WatchId {
        let watch = self.at(node).watch(Filter::default());
        self.at(node).grant_watch(watch, u32::MAX);
        watch
    }

    /// Requests `run` of a service by name, with five seconds.
    pub fn ask(&mut self, node: Node, key: u64, name: &str, content: &str) {
        let target = Target::Name(name.into());
        self.ask_with(node, key, &target, content, Duration::from_secs(5));
    }

    /// Requests `run`.
    pub fn ask_with(
        &mut self,
        node: Node,
        key: u64,
        target: &Target,
        content: &str,
        timeout: Duration,
    ) {
        self.ask_for(node, key, target, content, RequestOptions::within(timeout));
    }

    /// Requests `run` with all options.
    pub fn ask_for(
        &mut self,
        node: Node,
        key: u64,
        target: &Target,
        content: &str,
        options: RequestOptions<'_>,
    ) {
        let (now, content) = (self.now(), Content::raw(content.to_owned()));
        self.host(node).request(now, key, target, &"run".into(), &content, options);
    }

    /// Ends an invocation with a response.
    pub fn respond(&mut self, node: Node, call: CallId, content: &str) {
        let result = HandlerResult::Response(Content::raw(content.to_owned()));
        self.host(node).respond(call, &result);
    }

    /// Settles, then takes what an application was told.
    pub fn told(&mut self, node: Node) -> Told {
        self.settle();
        Told::of(self.host(node).take_events())
    }

    /// Settles while an application answers invocations; `None` leaves one running. Returns what
    /// it was told, invocations included.
    pub fn serve(
        &mut self,
        node: Node,
        mut handler: impl FnMut(&Invocation) -> Option<HandlerResult>,
    ) -> Told {
        let mut events = Vec::new();
        loop {
            self.settle();
            let new = self.host(node).take_events();
            if new.is_empty() {
                return Told::of(events);
            }
            for event in &new {
                if let Event::Invoke(invocation) = event
                    && let Some(result) = handler(invocation)
                {
                    self.host(node).respond(invocation.call, &result);
                }
            }
            events.extend(new);
        }
    }
}
