//! Promises 4, 10, 11 and 15 under whatever can happen to links, in random order: once it is over,
//! all registries agree, no change was told twice or out of order, and every request ended once.

#![allow(clippy::unwrap_used)] // a test may fail by panicking, in its helpers too

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use netsvc_core::{CallId, Change, Event, Filter, ServiceId, ServiceNo, Status, Str};
use netsvc_testkit::{Node, World};

const CLIENTS: usize = 4;
const NAMES: [&str; 3] = ["thermometer", "barometer", "display"];

/// What one process was told, and what it has not ended yet.
#[derive(Default)]
struct Seen {
    services: BTreeMap<ServiceId, BTreeSet<Str>>,
    own: Vec<ServiceNo>,
    invoked: Vec<CallId>,
    /// Requests without an outcome.
    asked: BTreeSet<u64>,
    active: bool,
}

impl Seen {
    fn note(&mut self, event: Event, context: &str) {
        match event {
            Event::Change { change, .. } => self.note_change(&change, context),
            Event::Invoke(invocation) => self.invoked.push(invocation.call),
            Event::Outcome { key, outcome, .. } => {
                assert!(self.asked.remove(&key), "{context}: {key} ended twice, with {outcome:?}");
            }
            Event::LinkActive(_) => {
                assert!(!self.active, "{context}: active twice");
                self.active = true;
            }
            Event::LinkInactive(_) => {
                assert!(self.active, "{context}: inactive twice");
                self.active = false;
            }
            _ => {}
        }
    }

    fn note_change(&mut self, change: &Change, context: &str) {
        let Some(service) = &change.service else { return };
        let known = self.services.get_mut(&service.id);
        let group = change.group.clone();
        let fits = match (change.status, known) {
            (Status::Available, None) => {
                self.services.insert(service.id, BTreeSet::new()).is_none()
            }
            (Status::Withdrawn, Some(groups)) => {
                groups.is_empty() && self.services.remove(&service.id).is_some()
            }
            (Status::Joined, Some(groups)) => groups.insert(group.unwrap()),
            (Status::Left, Some(groups)) => groups.remove(&group.unwrap()),
            _ => false,
        };
        assert!(fits, "{context}: {change:?} makes no sense");
    }
}

struct Chaos {
    world: World,
    hub: Node,
    clients: Vec<Node>,
    seen: BTreeMap<Node, Seen>,
    random: u64,
    keys: u64,
}

impl Chaos {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        world.timers_first = seed.is_multiple_of(2);
        world.capacity = if seed.is_multiple_of(3) { 500 } else { 64 << 10 };
        let hub = world.process("hub");
        let clients: Vec<Node> =
            (0..CLIENTS).map(|number| world.process(&format!("client {number}"))).collect();
        let mut chaos = Self { world, hub, clients, seen: BTreeMap::new(), random: seed, keys: 0 };
        chaos.begin(hub);
        for client in chaos.clients.clone() {
            chaos.begin(client);
        }
        chaos
    }

    /// A process starts, or starts again.
    fn begin(&mut self, node: Node) {
        if node == self.hub {
            self.world.hub(node, "");
        } else {
            self.world.connect(node, self.hub);
        }
        self.world.watch_all(node);
        self.seen.insert(node, Seen::default());
    }

    fn below(&mut self, limit: usize) -> usize {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.random >> 33).unwrap() % limit
    }

    fn happen(&mut self) {
        let index = self.below(CLIENTS);
        let client = self.clients[index];
        let node = if self.below(5) == 0 { self.hub } else { client };
        let running = !self.world.host(node).stopped;
        match self.below(14) {
            0 => self.world.cut(self.hub, client),
            1 => self.world.freeze(self.hub, client, true),
            2 => self.world.freeze(self.hub, client, false),
            3 => self.world.host(node).stopped = true,
            4 | 5 => self.world.host(node).stopped = false,
            6 if self.below(4) == 0 => {
                self.world.restart(node);
                self.begin(node);
            }
            7 | 8 if running => {
                let name = NAMES[self.below(NAMES.len())];
                let (no, _) = self.world.create(node, name);
                self.seen.get_mut(&node).unwrap().own.push(no);
            }
            9 if running => self.change(node),
            10 | 11 if running => {
                self.keys += 1;
                self.seen.get_mut(&node).unwrap().asked.insert(self.keys);
                let name = NAMES[self.below(NAMES.len())];
                self.world.ask(node, self.keys, name, "please");
            }
            12 if running => {
                let invoked = std::mem::take(&mut self.seen.get_mut(&node).unwrap().invoked);
                for call in invoked {
                    self.world.respond(node, call, "done");
                }
            }
            _ => {}
        }
    }

    /// A service of a process joins or leaves a group, or is closed.
    fn change(&mut self, node: Node) {
        let count = self.seen[&node].own.len();
        if count == 0 {
            return;
        }
        let index = self.below(count);
        let (now, no) = (self.world.now(), self.seen[&node].own[index]);
        match self.below(3) {
            0 => drop(self.world.at(node).join(now, no, "group").unwrap()),
            1 => drop(self.world.at(node).leave(now, no, "group").unwrap()),
            _ => {
                self.world.at(node).close_service(now, no);
                self.seen.get_mut(&node).unwrap().own.remove(index);
            }
        }
    }

    fn note(&mut self, context: &str) {
        for (node, seen) in &mut self.seen {
            for event in self.world.host(*node).take_events() {
                // A hub has several links; whether each alternates is told by the clients.
                let of_link = matches!(event, Event::LinkActive(_) | Event::LinkInactive(_));
                if *node != self.hub || !of_link {
                    seen.note(event, context);
                }
            }
        }
    }

    /// What was aborted is to be ended too.
    fn respond_to_all(&mut self) {
        for (node, seen) in &mut self.seen {
            for call in seen.invoked.drain(..) {
                self.world.respond(*node, call, "done");
            }
        }
        self.world.settle();
    }

    fn calm_down(&mut self) {
        for node in self.clients.clone().into_iter().chain([self.hub]) {
            self.world.host(node).stopped = false;
            self.world.freeze(self.hub, node, false);
        }
        self.world.advance(Duration::from_secs(60));
    }
}

#[test]
fn after_any_weather_all_registries_agree_and_every_request_has_ended_once() {
    for seed in 1..=60 {
        let mut chaos = Chaos::new(seed);
        for step in 0..300 {
            chaos.happen();
            let pause = Duration::from_millis([0, 1, 50, 700, 6000][chaos.below(5)]);
            chaos.world.advance(pause);
            chaos.note(&format!("seed {seed}, step {step}"));
        }
        chaos.calm_down();
        chaos.note(&format!("seed {seed}, the end"));
        chaos.respond_to_all();
        let nodes: Vec<Node> = chaos.seen.keys().copied().collect();
        for (node, table) in nodes.iter().flat_map(|node| [(*node, "calls"), (*node, "keys")]) {
            assert_eq!(chaos.world.table(node, table), 0, "seed {seed}, {node:?}, {table}");
        }
        for table in ["links", "connections"] {
            assert_eq!(chaos.world.table(chaos.hub, table), CLIENTS, "seed {seed}, {table}");
        }
        let count: usize = chaos.seen.values().map(|seen| seen.own.len()).sum();
        let expected = &chaos.seen[&chaos.hub].services;
        assert_eq!(expected.len(), count, "seed {seed}");
        for (node, seen) in &chaos.seen {
            assert_eq!(&seen.services, expected, "seed {seed}, {node:?}");
            assert!(seen.asked.is_empty(), "seed {seed}, {node:?}: {:?}", seen.asked);
            assert!(seen.active || *node == chaos.hub, "seed {seed}, {node:?}");
            let known = chaos.world.at(*node).lookup(&Filter::default());
            let known: BTreeSet<ServiceId> = known.iter().map(|service| service.id).collect();
            assert_eq!(known, expected.keys().copied().collect(), "seed {seed}, {node:?}");
        }
    }
}
