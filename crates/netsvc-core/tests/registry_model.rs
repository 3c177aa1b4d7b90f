//! Promises 9 to 11 against a model: whatever happens in whatever order, every registry comes to
//! hold exactly what is visible, and what a watcher was told leads to the same.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use netsvc_core::{Change, Filter, NewService, ServiceId, ServiceNo, Status, WatchId};
use netsvc_testkit::{Node, World, service};
use proptest::prelude::*;

const NODES: usize = 4;
const HUB: usize = 0;
const GROUPS: [&str; 3] = ["g", "h", "i"];
const AUDIENCES: [&str; 3] = ["*", "", "plant"];

#[derive(Clone, Debug)]
enum Step {
    Create { node: usize, audience: usize, groups: usize },
    Close { node: usize, service: usize },
    Join { node: usize, service: usize, group: usize },
    Leave { node: usize, service: usize, group: usize },
    Cut { client: usize },
    Restart { node: usize },
    Watch { node: usize },
    Pass { micros: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let node = 0..NODES;
    prop_oneof![
        4 => (node.clone(), 0..3_usize, 0..8_usize)
            .prop_map(|(node, audience, groups)| Step::Create { node, audience, groups }),
        2 => (node.clone(), 0..8_usize).prop_map(|(node, service)| Step::Close { node, service }),
        3 => (node.clone(), 0..8_usize, 0..3_usize)
            .prop_map(|(node, service, group)| Step::Join { node, service, group }),
        2 => (node.clone(), 0..8_usize, 0..3_usize)
            .prop_map(|(node, service, group)| Step::Leave { node, service, group }),
        2 => (1..NODES).prop_map(|client| Step::Cut { client }),
        1 => node.clone().prop_map(|node| Step::Restart { node }),
        1 => node.prop_map(|node| Step::Watch { node }),
        4 => (0..3_000_000_u64).prop_map(|micros| Step::Pass { micros }),
        4 => (0..3_000_u64).prop_map(|micros| Step::Pass { micros }),
    ]
}

/// What a registry shows of a service.
type Shown = BTreeMap<ServiceId, (String, BTreeSet<String>)>;

/// A service of the model.
#[derive(Debug)]
struct Modelled {
    no: ServiceNo,
    id: ServiceId,
    name: String,
    audience: &'static str,
    groups: BTreeSet<String>,
}

struct Run {
    world: World,
    nodes: Vec<Node>,
    services: Vec<Vec<Modelled>>,
    watches: Vec<Vec<WatchId>>,
    told: Vec<BTreeMap<WatchId, Vec<Change>>>,
    created: u32,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        world.numbers_left = (seed % 4 == 1).then_some((seed % 50) as u32);
        // So narrow that snapshots take their time while things happen.
        world.capacity = 150;
        let nodes: Vec<Node> = (0..NODES).map(|n| world.process(&format!("p{n}"))).collect();
        world.hub(nodes[HUB], "");
        for client in &nodes[1..] {
            world.connect(*client, nodes[HUB]);
        }
        let empty = || (0..NODES).map(|_| Vec::new()).collect::<Vec<_>>();
        let mut run = Self {
            world,
            nodes,
            services: (0..NODES).map(|_| Vec::new()).collect(),
            watches: empty(),
            told: vec![BTreeMap::new(); NODES],
            created: 0,
        };
        for node in 0..NODES {
            run.watch(node);
        }
        run
    }

    fn watch(&mut self, node: usize) {
        let watch = self.world.watch_all(self.nodes[node]);
        self.watches[node].push(watch);
    }

    fn collect(&mut self) {
        for node in 0..NODES {
            let events = self.world.host(self.nodes[node]).take_events();
            for (watch, changes) in netsvc_testkit::Told::of(events).changes {
                self.told[node].entry(watch).or_default().extend(changes);
            }
        }
    }

    fn apply(&mut self, step: &Step) {
        let now = self.world.now();
        match *step {
            Step::Create { node, audience, groups } => {
                self.created += 1;
                let name = format!("s{}", self.created % 5);
                let audience = AUDIENCES[audience];
                let groups: BTreeSet<String> = GROUPS
                    .iter()
                    .enumerate()
                    .filter(|(bit, _)| groups & (1 << bit) != 0)
                    .map(|(_, group)| (*group).to_owned())
                    .collect();
                let new = NewService {
                    audience: audience.into(),
                    groups: groups.iter().map(|group| group.as_str().into()).collect(),
                    ..service(&name)
                };
                let (no, id) = self.world.create_with(self.nodes[node], new);
                self.services[node].push(Modelled { no, id, name, audience, groups });
            }
            Step::Close { node, service } => {
                if service < self.services[node].len() {
                    let closed = self.services[node].remove(service);
                    self.world.at(self.nodes[node]).close_service(now, closed.no);
                }
            }
            Step::Join { node, service, group } => {
                if let Some(known) = self.services[node].get_mut(service) {
                    let new = known.groups.insert(GROUPS[group].to_owned());
                    let joined = self.world.at(self.nodes[node]).join(now, known.no, GROUPS[group]);
                    assert_eq!(joined, Ok(new));
                }
            }
            Step::Leave { node, service, group } => {
                if let Some(known) = self.services[node].get_mut(service) {
                    let was = known.groups.remove(GROUPS[group]);
                    let left = self.world.at(self.nodes[node]).leave(now, known.no, GROUPS[group]);
                    assert_eq!(left, Ok(was));
                }
            }
            Step::Cut { client } => self.world.cut(self.nodes[client], self.nodes[HUB]),
            Step::Restart { node } => {
                self.services[node].clear();
                self.watches[node].clear();
                self.told[node].clear();
                let hub = self.nodes[HUB];
                self.world.restart(self.nodes[node]);
                if node == HUB {
                    self.world.hub(hub, "");
                } else {
                    self.world.connect(self.nodes[node], hub);
                }
                self.watch(node);
            }
            Step::Watch { node } => self.watch(node),
            Step::Pass { micros } => {
                self.world.advance(Duration::from_micros(micros));
                self.collect();
            }
        }
    }

    fn visible(&self, viewer: usize) -> Shown {
        let mut visible = Shown::new();
        for (node, services) in self.services.iter().enumerate() {
            for service in services {
                if node == viewer || service.audience == "*" {
                    visible.insert(service.id, (service.name.clone(), service.groups.clone()));
                }
            }
        }
        visible
    }

    fn registry(&mut self, node: usize) -> Shown {
        let seen = self.world.at(self.nodes[node]).lookup(&Filter::default());
        seen.into_iter()
            .map(|info| {
                let groups = info.groups.iter().map(ToString::to_string).collect();
                (info.id, (info.name.to_string(), groups))
            })
            .collect()
    }
}

/// What a watcher knows who believes what it is told; every change must make sense to it.
fn followed(changes: &[Change]) -> Shown {
    let mut shown = Shown::new();
    let mut last = 0;
    let mut current = false;
    for change in changes {
        assert!(change.revision >= last, "revisions go backwards");
        if current {
            assert!(change.revision > last, "a change was told twice");
            assert!(!change.replayed);
        }
        last = change.revision;
        let group = || change.group.as_ref().unwrap().to_string();
        match (change.status, &change.service) {
            (Status::Current, None) => {
                assert!(!current, "two replays");
                current = true;
            }
            (Status::Available, Some(info)) => {
                let entry = (info.name.to_string(), BTreeSet::new());
                assert!(shown.insert(info.id, entry).is_none(), "available twice");
            }
            (Status::Joined, Some(info)) => {
                assert!(shown.get_mut(&info.id).unwrap().1.insert(group()), "joined twice");
            }
            (Status::Left, Some(info)) => {
                assert!(shown.get_mut(&info.id).unwrap().1.remove(&group()), "left twice");
            }
            (Status::Withdrawn, Some(info)) => {
                let (_, groups) = shown.remove(&info.id).unwrap();
                assert!(groups.is_empty(), "withdrawn while counted in {groups:?}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(current);
    shown
}

fn check(seed: u64, piece: usize, steps: &[Step]) {
    let mut run = Run::new(seed);
    run.world.piece = piece;
    for step in steps {
        run.apply(step);
    }
    // Longer than any retry and than it takes to notice a dead peer.
    run.world.advance(Duration::from_secs(30));
    run.collect();
    for node in 0..NODES {
        let expected = run.visible(node);
        assert_eq!(run.registry(node), expected, "registry of {node}");
        for watch in &run.watches[node] {
            let told = run.told[node].get(watch).map_or(&[][..], Vec::as_slice);
            assert_eq!(followed(told), expected, "watch {watch:?} of {node}");
        }
    }
    // When everything is closed nothing is left but the processes themselves.
    for node in 0..NODES {
        let now = run.world.now();
        for service in run.services[node].drain(..) {
            run.world.at(run.nodes[node]).close_service(now, service.no);
        }
    }
    run.world.settle();
    for node in 0..NODES {
        let sizes = run.world.at(run.nodes[node]).table_sizes();
        let size = |table| sizes.iter().find(|(name, _)| *name == table).unwrap().1;
        assert_eq!(size("services"), 0);
        assert_eq!(size("links"), if node == HUB { NODES - 1 } else { 1 });
        assert_eq!(size("connections"), size("links"));
        assert!(size("processes") <= NODES, "{sizes:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_registry_and_every_watcher_comes_to_what_is_visible(
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        check(seed, usize::MAX, &steps);
    }

    #[test]
    fn so_it_does_when_every_byte_arrives_by_itself(
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..25),
    ) {
        check(seed, 1, &steps);
    }
}
