//! One run: a world in which the operations of a sequence happen one after the other.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use netsvc_core::{ExchangeId, Heartbeat, Lifetime, LinkId, Prefer, RequestOptions, Retry, Str};

use super::layout::Layout;
use super::operation::Operation;
use super::state::{Invocation, Link, Request, SUBJECTS, Service, Subscription, Told};
use crate::node::Node;
use crate::ways::Ways;
use crate::world::World;

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
    /// From this number of operations on, what it was told depends on how soon applications look at
    /// what they are told.
    pub(super) loose_from: usize,
    /// Operations that have happened.
    pub(super) done: usize,
    /// Contents are slices of it.
    pub(super) filler: Bytes,
    pub(super) subjects: Vec<Str>,
}

impl Run {
    /// All processes are there and linked.
    pub(super) fn new(layout: &'static Layout, seed: u64, ways: Ways) -> Self {
        let mut world = World::new(seed);
        world.ways = ways;
        world.numbers_left = (seed % 4 == 1).then_some((seed % 50) as u32);
        world.writes_between = true;
        world.timers_first = seed.is_multiple_of(3);
        world.piece = if seed.is_multiple_of(7) { 1_000 } else { usize::MAX };
        world.capacity = if layout.exact { 1 << 30 } else { 4_000 };
        for (index, label) in layout.nodes.iter().enumerate() {
            let node = world.process_with(label, (layout.limits)(index));
            world.host(node).hold_to_ways();
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
            loose_from: usize::MAX,
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
                    // Of the same bits, so that sequences that were found stay what they are.
                    prefer: if parts % 2 == 0 { Prefer::Local } else { Prefer::Any },
                    parts: parts.into(),
                    extensions: &[],
                };
                self.request(node, aim, size, options, known);
            }
            Operation::Cancel { request } => {
                let Some(key) = self.open_request(request) else { return };
                let Request { node, cancelled, .. } = &mut self.requests[key];
                *cancelled = true;
                let node = *node;
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
            id: link,
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

    pub(super) fn open_service(&self, number: u8) -> Option<usize> {
        nth(self.services.iter().map(|service| service.open), number)
    }

    fn open_subscription(&self, number: u8) -> Option<usize> {
        nth(self.subscriptions.iter().map(|subscription| subscription.open), number)
    }

    fn open_request(&self, number: u8) -> Option<usize> {
        nth(self.requests.iter().map(|request| request.outcomes.is_empty()), number)
    }

    pub(super) fn open_invocation(&self, number: u8) -> Option<usize> {
        nth(self.invocations.iter().map(|invocation| invocation.open), number)
    }

    pub(super) fn link_of(&self, node: usize, link: LinkId) -> Option<usize> {
        self.links.iter().position(|known| known.client == node && known.id == link)
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
