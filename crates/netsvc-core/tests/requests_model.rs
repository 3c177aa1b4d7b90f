//! Promises 14 to 16 whatever happens: every request ends in exactly one outcome, no handler sees
//! one twice, and the tables return to empty.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::collections::BTreeMap;
use std::time::Duration;

use netsvc_core::{Delivered, Invocation, Limits, Outcome, RequestCode, ServiceId};
use netsvc_testkit::{Node, Target, Told, World};
use proptest::prelude::*;

/// The hub, two providers, two users.
const NODES: usize = 5;
const HUB: usize = 0;

#[derive(Clone, Debug)]
enum Step {
    Ask { node: usize, by_name: bool, millis: u64, large: bool },
    Cancel { key: usize },
    Answer { node: usize, nth: usize },
    Busy { node: usize, busy: bool },
    Cut { client: usize },
    Freeze { client: usize, frozen: bool },
    Restart { provider: usize },
    Pass { micros: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..NODES, any::<bool>(), 1..20_000_u64, prop::bool::weighted(0.1)).prop_map(
            |(node, by_name, millis, large)| Step::Ask { node, by_name, millis, large }
        ),
        2 => (0..40_usize).prop_map(|key| Step::Cancel { key }),
        6 => (0..3_usize, 0..4_usize).prop_map(|(node, nth)| Step::Answer { node, nth }),
        1 => (0..3_usize, any::<bool>()).prop_map(|(node, busy)| Step::Busy { node, busy }),
        2 => (1..NODES).prop_map(|client| Step::Cut { client }),
        2 => (1..NODES, any::<bool>()).prop_map(|(client, frozen)| Step::Freeze { client, frozen }),
        1 => (1..3_usize).prop_map(|provider| Step::Restart { provider }),
        4 => (0..5_000_u64).prop_map(|micros| Step::Pass { micros }),
        2 => (0..4_000_000_u64).prop_map(|micros| Step::Pass { micros }),
    ]
}

#[derive(Default)]
struct Seen {
    outcomes: BTreeMap<u64, Vec<Outcome>>,
    invoked: BTreeMap<u64, usize>,
    responded: BTreeMap<u64, usize>,
}

struct Run {
    world: World,
    nodes: Vec<Node>,
    /// Services by node, for requests to one of them.
    services: Vec<Option<ServiceId>>,
    /// By whom each key was asked.
    asked: Vec<usize>,
    running: Vec<Vec<Invocation>>,
    seen: Seen,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        world.numbers_left = (seed % 4 == 1).then_some((seed % 50) as u32);
        world.capacity = 2000;
        let limits = Limits { running_requests: 5, pending_requests: 8, ..Limits::default() };
        let nodes: Vec<Node> =
            (0..NODES).map(|n| world.process_with(&format!("p{n}"), limits.clone())).collect();
        world.hub(nodes[HUB], "");
        for client in &nodes[1..] {
            world.connect(*client, nodes[HUB]);
        }
        let services =
            (0..NODES).map(|node| (node < 3).then(|| world.create(nodes[node], "x").1)).collect();
        world.settle();
        let running = (0..NODES).map(|_| Vec::new()).collect();
        Self { world, nodes, services, asked: Vec::new(), running, seen: Seen::default() }
    }

    fn collect(&mut self) {
        for node in 0..NODES {
            let told = Told::of(self.world.host(self.nodes[node]).take_events());
            for invocation in told.invoked {
                *self.seen.invoked.entry(key_of(&invocation)).or_default() += 1;
                self.running[node].push(invocation);
            }
            for (key, outcome) in told.outcomes {
                assert_eq!(self.asked[usize::try_from(key).unwrap()], node, "another's outcome");
                self.seen.outcomes.entry(key).or_default().push(outcome);
            }
        }
    }

    fn answer(&mut self, node: usize, nth: usize) {
        let invocation = self.running[node].remove(nth);
        let key = key_of(&invocation);
        *self.seen.responded.entry(key).or_default() += 1;
        self.world.respond(self.nodes[node], invocation.call, &key.to_string());
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Ask { node, by_name, millis, large } => {
                let target = match self.services[self.asked.len() % 3] {
                    Some(id) if !by_name => Target::Identity(id),
                    _ => Target::Name("x".into()),
                };
                let key = self.asked.len() as u64;
                self.asked.push(node);
                let padding = if large { 5000 } else { 0 };
                let content = format!("{key:0>padding$}");
                let timeout = Duration::from_millis(millis);
                self.world.ask_with(self.nodes[node], key, &target, &content, timeout);
            }
            Step::Cancel { key } => {
                if let Some(node) = self.asked.get(key) {
                    self.world.at(self.nodes[*node]).cancel(key as u64);
                }
            }
            Step::Answer { node, nth } => {
                if nth < self.running[node].len() {
                    self.answer(node, nth);
                }
            }
            Step::Busy { node, busy } => {
                self.world.host(self.nodes[node]).listening = !busy;
            }
            Step::Cut { client } => self.world.cut(self.nodes[client], self.nodes[HUB]),
            Step::Freeze { client, frozen } => {
                self.world.freeze(self.nodes[client], self.nodes[HUB], frozen);
            }
            Step::Restart { provider } => {
                self.collect();
                // Its own requests die with it.
                for (key, node) in self.asked.iter().enumerate() {
                    if *node == provider {
                        let ended = self.seen.outcomes.entry(key as u64).or_default();
                        if ended.is_empty() {
                            let error = netsvc_core::RequestError {
                                code: RequestCode::Lost,
                                delivered: Delivered::Unknown,
                                message: "died".into(),
                            };
                            ended.push(Outcome::Error(error));
                        }
                    }
                }
                self.running[provider].clear();
                self.world.restart(self.nodes[provider]);
                let (_, id) = self.world.create(self.nodes[provider], "x");
                self.services[provider] = Some(id);
                self.world.connect(self.nodes[provider], self.nodes[HUB]);
            }
            Step::Pass { micros } => {
                self.world.advance(Duration::from_micros(micros));
                self.collect();
            }
        }
    }
}

fn key_of(invocation: &Invocation) -> u64 {
    String::from_utf8_lossy(&invocation.content.bytes).parse().unwrap()
}

fn check(seed: u64, piece: usize, steps: &[Step]) {
    let mut run = Run::new(seed);
    run.world.piece = piece;
    for step in steps {
        run.apply(step);
    }
    for node in 0..NODES {
        run.world.host(run.nodes[node]).listening = true;
    }
    for client in 1..NODES {
        run.world.freeze(run.nodes[client], run.nodes[HUB], false);
    }
    // Handlers may take as long as they like; the callers have heard by their deadlines.
    run.world.advance(Duration::from_secs(60));
    run.collect();
    for (key, node) in run.asked.iter().enumerate() {
        let outcomes = run.seen.outcomes.get(&(key as u64)).map_or(&[][..], Vec::as_slice);
        let [outcome] = outcomes else { panic!("request {key} of {node}: {outcomes:?}") };
        let invoked = run.seen.invoked.get(&(key as u64)).copied().unwrap_or(0);
        assert!(invoked <= 1, "request {key} reached {invoked} handlers");
        match outcome {
            Outcome::Response(content) => {
                assert_eq!(*content.bytes, *key.to_string().as_bytes(), "another's response");
                assert_eq!(run.seen.responded.get(&(key as u64)), Some(&1));
            }
            Outcome::Failure(content) => panic!("nobody said {content:?}"),
            Outcome::Error(error) => {
                assert_ne!(error.code, RequestCode::NoMethod);
                if error.delivered == Delivered::No {
                    assert_eq!(invoked, 0, "request {key} was delivered after all: {error:?}");
                }
            }
        }
    }
    for node in 0..3 {
        while !run.running[node].is_empty() {
            run.answer(node, 0);
        }
    }
    run.world.settle();
    run.collect();
    for node in &run.nodes {
        let sizes = run.world.at(*node).table_sizes();
        for (table, len) in sizes {
            if matches!(table, "calls" | "keys" | "flushes" | "tracked") {
                assert_eq!(len, 0, "{table} of {node:?}");
            }
        }
    }
    let total: usize = run.seen.outcomes.values().map(Vec::len).sum();
    assert_eq!(total, run.asked.len(), "answering late changes nothing");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_request_ends_once_and_reaches_one_handler_at_most(
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        check(seed, usize::MAX, &steps);
    }

    #[test]
    fn so_it_does_when_every_byte_arrives_by_itself(
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..30),
    ) {
        check(seed, 1, &steps);
    }
}
