//! Promises 18 to 20 whatever happens: each subscription is told each report once at most, in
//! order; who stays connected misses nothing; who does not is told how much, never too little.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::collections::BTreeMap;
use std::time::Duration;

use netsvc_core::{DeliveredReport, Lifetime, ServiceId, ServiceNo, SubscriptionId};
use netsvc_testkit::{Node, Told, World};
use proptest::prelude::*;

/// The hub, two publishers, two subscribers.
const NODES: usize = 5;
const HUB: usize = 0;
/// Its link is never cut.
const STEADY: usize = 3;
/// Its link is.
const UNSTEADY: usize = 4;

#[derive(Clone, Debug)]
enum Step {
    Publish { publisher: usize, subject: usize, kept: bool, times: usize },
    Subscribe { node: usize },
    Cut { client: usize },
    Pass { micros: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..3_usize, 0..4_usize, any::<bool>(), 1..6_usize).prop_map(
            |(publisher, subject, kept, times)| Step::Publish { publisher, subject, kept, times }
        ),
        2 => (0..NODES).prop_map(|node| Step::Subscribe { node }),
        2 => Just(Step::Cut { client: UNSTEADY }),
        4 => (0..5_000_u64).prop_map(|micros| Step::Pass { micros }),
        1 => (0..3_000_000_u64).prop_map(|micros| Step::Pass { micros }),
    ]
}

/// A subscription, how far each service was when it was made, and what it was told.
#[derive(Debug)]
struct Followed {
    node: usize,
    id: SubscriptionId,
    /// Nothing that happened before was under way any more.
    quiet: bool,
    from: BTreeMap<ServiceId, u64>,
    reports: Vec<DeliveredReport>,
}

struct Run {
    world: World,
    nodes: Vec<Node>,
    services: Vec<(ServiceNo, ServiceId)>,
    published: BTreeMap<ServiceId, u64>,
    followed: Vec<Followed>,
}

impl Run {
    fn new(seed: u64, piece: usize) -> Self {
        let mut world = World::new(seed);
        world.numbers_left = (seed % 4 == 1).then_some((seed % 50) as u32);
        world.piece = piece;
        world.capacity = 1000;
        let nodes: Vec<Node> = (0..NODES).map(|n| world.process(&format!("p{n}"))).collect();
        world.hub(nodes[HUB], "");
        for client in &nodes[1..] {
            world.connect(*client, nodes[HUB]);
        }
        let services: Vec<_> = (0..3).map(|node| world.create(nodes[node], "x")).collect();
        let published = services.iter().map(|(_, id)| (*id, 0)).collect();
        world.settle();
        let mut run = Self { world, nodes, services, published, followed: Vec::new() };
        for node in 0..NODES {
            run.subscribe(node, true);
        }
        run.world.settle();
        run
    }

    fn subscribe(&mut self, node: usize, quiet: bool) {
        let id = self.world.subscribe(self.nodes[node], "x", "*");
        let from = self.published.clone();
        self.followed.push(Followed { node, id, quiet, from, reports: Vec::new() });
    }

    fn collect(&mut self) {
        for (index, node) in self.nodes.iter().enumerate() {
            let mut told = Told::of(self.world.host(*node).take_events());
            for followed in self.followed.iter_mut().filter(|followed| followed.node == index) {
                followed.reports.extend(told.reports.remove(&followed.id).unwrap_or_default());
            }
        }
    }

    fn publish(&mut self, publisher: usize, subject: &str, kept: bool) {
        let (no, id) = self.services[publisher];
        let lifetime = if kept { Lifetime::Forever } else { Lifetime::None };
        self.world.publish(self.nodes[publisher], no, subject, lifetime);
        *self.published.get_mut(&id).unwrap() += 1;
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Publish { publisher, subject, kept, times } => {
                for _ in 0..times {
                    self.publish(publisher, &format!("s{subject}"), kept);
                }
            }
            Step::Subscribe { node } => self.subscribe(node, false),
            Step::Cut { client } => self.world.cut(self.nodes[client], self.nodes[HUB]),
            Step::Pass { micros } => {
                self.world.advance(Duration::from_micros(micros));
                self.collect();
            }
        }
    }
}

fn check(seed: u64, piece: usize, steps: &[Step]) -> Vec<Vec<(u64, bool, bool, u64)>> {
    let mut run = Run::new(seed, piece);
    for step in steps {
        run.apply(step);
    }
    run.world.advance(Duration::from_secs(30));
    for publisher in 0..3 {
        run.publish(publisher, "last", false);
    }
    run.world.advance(Duration::from_secs(1));
    run.collect();
    for followed in &run.followed {
        for (service, published) in &run.published {
            let what = format!("subscription {:?} of {}", followed.id, followed.node);
            let reports: Vec<&DeliveredReport> =
                followed.reports.iter().filter(|report| report.id == *service).collect();
            let sequences: Vec<u64> = reports.iter().map(|report| report.sequence).collect();
            assert!(sequences.windows(2).all(|pair| pair[0] < pair[1]), "{what}: {sequences:?}");
            assert_eq!(sequences.last(), Some(published), "{what}: the last one is told to all");
            let steady = followed.node <= STEADY;
            let missed: u64 = reports.iter().map(|report| report.missed).sum();
            if steady {
                assert!(reports.iter().all(|r| !r.resumed && r.missed == 0), "{what}");
                let live: Vec<u64> =
                    reports.iter().filter(|r| !r.replayed).map(|r| r.sequence).collect();
                assert!(live.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{what}: {live:?}");
            }
            if followed.quiet {
                assert_eq!(followed.from[service], 0);
                let told = sequences.len() as u64;
                // It wants everything, so that the upper bound is exact.
                assert_eq!(told + missed, *published, "{what}: {reports:#?}");
            }
        }
        let told: u64 = followed.reports.iter().map(|report| report.missed).sum();
        let node = run.nodes[followed.node];
        assert_eq!(run.world.at(node).missed(followed.id), told);
    }
    for node in run.nodes.clone() {
        assert_eq!(run.world.table(node, "replays"), 0, "every replay has ended");
    }
    run.followed
        .iter()
        .map(|followed| {
            let brief = |r: &DeliveredReport| (r.sequence, r.replayed, r.resumed, r.missed);
            followed.reports.iter().map(brief).collect()
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reports_come_once_in_order_and_what_is_missed_is_counted(
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        check(seed, usize::MAX, &steps);
    }

    #[test]
    fn it_makes_no_difference_how_bytes_are_cut(
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..25),
    ) {
        prop_assert_eq!(check(seed, usize::MAX, &steps), check(seed, 1, &steps));
    }
}
