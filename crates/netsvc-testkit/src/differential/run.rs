//! One run: a world in which the operations of a sequence happen one after the other.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use netsvc_core::{
    Content, ExchangeId, HandlerResult, Heartbeat, Lifetime, LinkId, NewService, RequestCode,
    RequestOptions, Retry, Str, SubscriptionLimits, SubscriptionTarget, Target,
};

use super::layout::Layout;
use super::operation::{Aim, Operation};
use super::state::{
    GROUP, Invocation, Link, NAMES, PATTERNS, Published, Request, SUBJECTS, Service, Subscription,
    Told,
};
use crate::ways::Ways;
use crate::world::{Node, World};

/// A run as far as it has come.
pub(super) struct Run {
    pub(super) world: World,
    pub(super) layout: &'static Layout,
    pub(super) services: Vec<Service>,
    pub(super) subscriptions: Vec<Subscription>,
    /// By key.
    pub(super) requests: Vec<Request>,
    pub(super) invocations: Vec<Invocation>,
    pub(super) links: Vec<Link>,
    /// Links as hubs number them, by client, hub and its exchange.
    pub(super) accepted: BTreeMap<(usize, usize, ExchangeId), LinkId>,
    pub(super) told: Vec<Told>,
    /// What commands said of errors.
    pub(super) refused: Vec<(usize, &'static str)>,
    /// Tables before anything happened, of each process.
    pub(super) tables: Vec<Vec<(&'static str, usize)>>,
    /// Broken promises that were noticed on the way.
    pub(super) broken: Vec<String>,
    /// Operations that have happened.
    pub(super) done: usize,
    /// Contents are slices of it.
    filler: Bytes,
    subjects: Vec<Str>,
}

impl Run {
    /// All processes are there and linked.
    pub(super) fn new(layout: &'static Layout, seed: u64, ways: Ways) -> Self {
        let mut world = World::new(seed);
        world.ways = ways;
        world.timers_first = seed.is_multiple_of(3);
        world.piece = if seed.is_multiple_of(7) { 1_000 } else { usize::MAX };
        world.capacity = if layout.exact { 1 << 30 } else { 4_000 };
        for (index, label) in layout.nodes.iter().enumerate() {
            let node = world.process_with(label, ways.limits((layout.limits)(index)));
            let now = world.now();
            world.host(node).hold_to_ways(now);
            world.watch_all(node);
        }
        for (hub, group) in layout.hubs {
            world.hub(Node(*hub), group);
        }
        let mut run = Self {
            world,
            layout,
            services: Vec::new(),
            subscriptions: Vec::new(),
            requests: Vec::new(),
            invocations: Vec::new(),
            links: Vec::new(),
            accepted: BTreeMap::new(),
            told: layout.nodes.iter().map(|_| Told::default()).collect(),
            refused: Vec::new(),
            tables: Vec::new(),
            broken: Vec::new(),
            done: 0,
            filler: filler(),
            subjects: SUBJECTS.iter().map(|subject| Str::from(*subject)).collect(),
        };
        for (client, hub, group) in layout.links {
            run.connect(*client, *hub, group);
        }
        run.settle();
        run.tables = run.table_sizes();
        run
    }

    /// What happens next.
    pub(super) fn apply(&mut self, operation: &Operation) {
        self.done += 1;
        match *operation {
            Operation::Create { node, name, audience, member } => {
                self.create(node, name, self.layout.audience(audience), member);
            }
            Operation::Close { service } => self.close(service),
            Operation::Member { service, joins } => self.change_member(service, joins),
            Operation::Publish { service, subject, size, lifetime, times, subjects } => {
                let Some(index) = self.open_service(service) else { return };
                let lifetime = match lifetime {
                    0 => Lifetime::None,
                    u32::MAX => Lifetime::Forever,
                    millis => Lifetime::For(Duration::from_millis(millis.into())),
                };
                for time in 0..times {
                    let subject = usize::from(subject) + usize::from(time % subjects.max(1));
                    self.publish(index, subject % SUBJECTS.len(), size, lifetime);
                }
            }
            Operation::PublishTo { service, node, subject, size } => {
                self.publish_to(service, node, subject, size);
            }
            Operation::Subscribe { node, aim, pattern, policy } => {
                self.subscribe(node, aim, pattern, policy);
            }
            Operation::Unsubscribe { subscription } => {
                let Some(index) = self.open_subscription(subscription) else { return };
                self.unsubscribe(index);
            }
            Operation::Grant { subscription, reports } => {
                let Some(index) = self.open_subscription(subscription) else { return };
                let Subscription { node, id, .. } = self.subscriptions[index];
                self.world.at(Node(node)).grant(id, reports.into());
            }
            Operation::Request { node, aim, size, timeout, wait, parts, known } => {
                let options = RequestOptions {
                    timeout: Duration::from_millis(timeout.into()),
                    wait,
                    parts: parts.into(),
                };
                self.request(node, aim, size, options, known);
            }
            Operation::Cancel { request } => {
                let Some(key) = self.open_request(request) else { return };
                let node = self.requests[key].node;
                self.world.at(Node(node)).cancel(key as u64);
            }
            Operation::GrantParts { request, parts } => {
                let Some(key) = self.open_request(request) else { return };
                let Request { node, parts_granted, .. } = &mut self.requests[key];
                *parts_granted += u32::from(parts);
                let (now, node) = (self.world.now(), *node);
                self.world.at(Node(node)).grant_parts(now, key as u64, parts.into());
            }
            Operation::Respond { invocation, result, size } => {
                let Some(index) = self.open_invocation(invocation) else { return };
                self.respond(index, result, size);
            }
            Operation::Part { invocation, size } => self.part(invocation, size),
            Operation::Settle => {
                self.settle();
                self.entitle();
            }
            Operation::Pass { millis } => {
                self.world.advance(Duration::from_millis(millis.into()));
                self.collect();
            }
            _ => self.trouble(operation),
        }
    }

    /// Everything that follows.
    pub(super) fn settle(&mut self) {
        self.world.settle();
        self.collect();
    }

    pub(super) fn connect(&mut self, client: usize, hub: usize, group: &'static str) {
        let (retry, heartbeat) = (Retry::Backoff, Heartbeat::default());
        let link = self.world.connect_with(Node(client), Node(hub), group, retry, heartbeat);
        let exchange = self.world.exchange_of(Node(client), group);
        self.links.push(Link {
            client,
            hub,
            group,
            exchange,
            link,
            closed: false,
            active: false,
            plugged: false,
            frozen: false,
        });
    }

    /// Of each process.
    pub(super) fn table_sizes(&mut self) -> Vec<Vec<(&'static str, usize)>> {
        (0..self.layout.nodes.len()).map(|node| self.world.at(Node(node)).table_sizes()).collect()
    }

    fn create(&mut self, node: u8, name: u8, audience: &'static str, member: bool) {
        let node = self.layout.providers[usize::from(node) % self.layout.providers.len()];
        let (now, name) = (self.world.now(), NAMES[usize::from(name) % NAMES.len()]);
        let described = NewService {
            name: name.into(),
            audience: audience.into(),
            groups: if member { vec![GROUP.into()] } else { Vec::new() },
            methods: vec!["run".into()],
        };
        match self.world.at(Node(node)).create_service(now, described) {
            Ok((no, id)) => {
                let published = Vec::new();
                self.services.push(Service {
                    node,
                    no,
                    id,
                    audience,
                    member,
                    open: true,
                    published,
                });
            }
            Err(error) => self.refused.push((self.done, error.code())),
        }
    }

    fn close(&mut self, service: u8) {
        let Some(index) = self.open_service(service) else { return };
        self.close_service(index);
    }

    pub(super) fn close_service(&mut self, index: usize) {
        let Service { node, no, open, .. } = &mut self.services[index];
        *open = false;
        let (now, node, no) = (self.world.now(), *node, *no);
        self.world.at(Node(node)).close_service(now, no);
    }

    fn change_member(&mut self, service: u8, joins: bool) {
        let Some(index) = self.open_service(service) else { return };
        let Service { node, no, member, .. } = &mut self.services[index];
        *member = joins;
        let (now, node, no) = (self.world.now(), *node, *no);
        let process = self.world.at(Node(node));
        let result =
            if joins { process.join(now, no, GROUP) } else { process.leave(now, no, GROUP) };
        if let Err(error) = result {
            self.refused.push((self.done, error.code()));
        }
        if !joins {
            for subscription in self.subscriptions.iter_mut().filter(|one| one.of_group) {
                subscription.entitled.remove(&index);
            }
        }
    }

    pub(super) fn publish(&mut self, index: usize, subject: usize, size: u32, lifetime: Lifetime) {
        let now = self.world.now();
        let Service { node, no, published, .. } = &self.services[index];
        let content = self.content(published.len() as u64, size);
        let host = self.world.host(Node(*node));
        match host.publish(now, *no, &self.subjects[subject], &content, lifetime) {
            Ok(_) => {
                let report = Published { subject, content, to: None };
                self.services[index].published.push(report);
            }
            Err(error) => self.refused.push((self.done, error.code())),
        }
    }

    fn publish_to(&mut self, service: u8, to: u8, subject: u8, size: u32) {
        let Some(index) = self.open_service(service) else { return };
        let (to, subject) =
            (usize::from(to) % self.layout.nodes.len(), usize::from(subject) % SUBJECTS.len());
        let process = self.world.at(Node(to)).id();
        let Service { node, no, published, .. } = &self.services[index];
        let content = self.content(published.len() as u64, size);
        let host = self.world.host(Node(*node));
        match host.publish_to(*no, process, &self.subjects[subject], &content) {
            Ok(_) => {
                let report = Published { subject, content, to: Some(to) };
                self.services[index].published.push(report);
            }
            Err(error) => self.refused.push((self.done, error.code())),
        }
    }

    fn subscribe(&mut self, node: u8, aim: Aim, pattern: u8, policy: u8) {
        let node = usize::from(node) % self.layout.nodes.len();
        let target = match self.target(aim) {
            Some(Target::Name(name)) if aim != Aim::Group => SubscriptionTarget::Name(name),
            Some(Target::Identity(id)) => SubscriptionTarget::Identity(id),
            _ => SubscriptionTarget::Group(GROUP.into()),
        };
        let pattern = PATTERNS[usize::from(pattern) % PATTERNS.len()];
        let roomy = SubscriptionLimits { reports: 1 << 20, bytes: usize::MAX >> 1, latest: false };
        // What it may tell without further grants comes last.
        let (limits, credit) = match policy % 6 {
            0 => (roomy, u32::MAX),
            1 => (SubscriptionLimits { latest: true, ..roomy }, u32::MAX),
            2 => (SubscriptionLimits { reports: 3, ..roomy }, 0),
            3 => (SubscriptionLimits { bytes: 9_000, ..roomy }, u32::MAX),
            4 => (SubscriptionLimits { reports: 20, latest: true, ..roomy }, u32::MAX),
            _ => (SubscriptionLimits { reports: 1, ..roomy }, u32::MAX),
        };
        let now = self.world.now();
        let process = self.world.at(Node(node));
        let of_group = matches!(target, SubscriptionTarget::Group(_));
        match process.subscribe(now, target, pattern, limits) {
            Ok(id) => {
                process.grant(id, credit);
                self.subscriptions.push(Subscription {
                    node,
                    id,
                    pattern: netsvc_core::Pattern::new(pattern),
                    limits,
                    of_group,
                    open: true,
                    reports: Vec::new(),
                    entitled: Default::default(),
                });
            }
            Err(error) => self.refused.push((self.done, error.code())),
        }
    }

    pub(super) fn unsubscribe(&mut self, index: usize) {
        let Subscription { node, id, open, .. } = &mut self.subscriptions[index];
        *open = false;
        let (node, id) = (*node, *id);
        self.world.at(Node(node)).unsubscribe(id);
    }

    fn request(&mut self, node: u8, aim: Aim, size: u32, options: RequestOptions, known: bool) {
        let node = usize::from(node) % self.layout.nodes.len();
        let target = self.target(aim).unwrap_or(Target::Name(NAMES[0].into()));
        let key = self.requests.len() as u64;
        let mut bytes = key.to_le_bytes().to_vec();
        bytes.extend_from_slice(&self.content(key, size).bytes);
        let parts_granted = options.parts;
        self.requests.push(Request {
            node,
            outcomes: Vec::new(),
            invoked: 0,
            parts_granted,
            parts: 0,
        });
        let (now, method) = (self.world.now(), Str::from(if known { "run" } else { "walk" }));
        let host = self.world.host(Node(node));
        host.request(now, key, &target, &method, &Content::raw(bytes), options);
    }

    pub(super) fn respond(&mut self, index: usize, result: u8, size: u32) {
        let Invocation { node, call, open, .. } = &mut self.invocations[index];
        *open = false;
        let (node, call) = (*node, *call);
        let content = self.content(index as u64, size);
        let result = match result {
            0 => HandlerResult::Response(content),
            1 => HandlerResult::Failure(content),
            _ => HandlerResult::Error(RequestCode::Encoding, "cannot be encoded".into()),
        };
        self.world.host(Node(node)).respond(call, result);
    }

    fn part(&mut self, invocation: u8, size: u32) {
        let Some(index) = self.open_invocation(invocation) else { return };
        let content = self.content(index as u64 + 7, size);
        let Invocation { node, call, parts, .. } = &mut self.invocations[index];
        if *parts == 0 {
            return;
        }
        let now = self.world.now();
        match self.world.at(Node(*node)).send_part(now, *call, content) {
            Ok(left) => *parts = left,
            Err(error) => self.refused.push((self.done, error.code())),
        }
    }

    fn target(&self, aim: Aim) -> Option<Target> {
        match aim {
            Aim::Name(name) => Some(Target::Name(NAMES[usize::from(name) % NAMES.len()].into())),
            Aim::Service(_) if self.services.is_empty() => Some(Target::Name(NAMES[0].into())),
            Aim::Service(service) => {
                let index = usize::from(service) % self.services.len();
                Some(Target::Identity(self.services[index].id))
            }
            Aim::Group => None,
        }
    }

    /// So that no two in a row are alike.
    fn content(&self, number: u64, size: u32) -> Content {
        let start = (number as usize * 13) % 4_096;
        Content::raw(self.filler.slice(start..start + size as usize))
    }

    fn open_service(&self, number: u8) -> Option<usize> {
        nth(self.services.iter().map(|service| service.open), number)
    }

    fn open_subscription(&self, number: u8) -> Option<usize> {
        nth(self.subscriptions.iter().map(|subscription| subscription.open), number)
    }

    fn open_request(&self, number: u8) -> Option<usize> {
        nth(self.requests.iter().map(|request| request.outcomes.is_empty()), number)
    }

    fn open_invocation(&self, number: u8) -> Option<usize> {
        nth(self.invocations.iter().map(|invocation| invocation.open), number)
    }

    pub(super) fn link_of(&self, node: usize, link: LinkId) -> Option<usize> {
        self.links.iter().position(|known| known.client == node && known.link == link)
    }
}

/// Among those that hold, in turn.
fn nth(holds: impl Iterator<Item = bool>, number: u8) -> Option<usize> {
    let those: Vec<usize> = holds.enumerate().filter(|(_, holds)| *holds).map(|it| it.0).collect();
    let number = usize::from(number).checked_rem(those.len())?;
    Some(those[number])
}

fn filler() -> Bytes {
    use std::sync::OnceLock;
    static FILLER: OnceLock<Bytes> = OnceLock::new();
    let made = || (0..80_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    FILLER.get_or_init(made).clone()
}
