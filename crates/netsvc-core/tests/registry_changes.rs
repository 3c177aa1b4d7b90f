//! What a hub tells its clients of services, when there are many of both: what waits is there once,
//! whoever asks does not wait for it, and nobody is asked about what it has not been told of.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::collections::BTreeSet;
use std::time::Duration;

use netsvc_core::{
    Content, Event, Filter, HandlerResult, Lifetime, NewService, Outcome, ServiceNo, Status,
};
use netsvc_testkit::{Node, Target, Told, World, link_story, service};
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);
const NOTHING: [&str; 0] = [];

/// A hub and clients that read nothing for now.
fn stopped_clients(seed: u64, many: usize) -> (World, Node, Vec<Node>) {
    let mut world = World::new(seed);
    world.capacity = 1000;
    let hub = world.process("hub");
    world.hub(hub, "");
    let clients: Vec<Node> = (0..many).map(|n| world.process(&format!("client {n}"))).collect();
    for client in &clients {
        world.connect(*client, hub);
    }
    world.settle();
    for client in &clients {
        world.host(*client).stopped = true;
    }
    (world, hub, clients)
}

#[test]
fn what_many_announce_waits_once_for_all() {
    let (mut world, hub, clients) = stopped_clients(1, 50);
    let mut announcers = Vec::new();
    for number in 0..10 {
        let announcer = world.process(&format!("announcer {number}"));
        world.connect(announcer, hub);
        announcers.push(announcer);
    }
    world.settle();
    let waiting = |world: &mut World| world.table(hub, "queued");
    let before = waiting(&mut world);
    for announcer in &announcers {
        for number in 0..100 {
            world.create(*announcer, &format!("s{number}"));
        }
    }
    world.settle();
    // Services and links, not services times links; but for the few that sockets have taken.
    let changes = world.table(hub, "changes");
    assert!((900..=1000).contains(&changes), "{changes}");
    assert!(waiting(&mut world) <= before + clients.len(), "{}", waiting(&mut world));
    for client in &clients {
        world.host(*client).stopped = false;
    }
    world.advance(9 * SECOND);
    for client in clients {
        assert_eq!(world.at(client).lookup(&Filter::default()).len(), 1000);
    }
    assert_eq!((world.table(hub, "changes"), world.table(hub, "queued")), (0, 0));
    assert_eq!(world.at(hub).queued_bytes(), 0);
}

#[test]
fn who_need_not_be_told_keeps_nothing_waiting() {
    let mut world = World::new(2);
    world.capacity = 1000;
    let [hub, stopped, announcer, other] =
        ["hub", "stopped", "announcer", "other"].map(|label| world.process(label));
    world.hub(hub, "");
    world.hub(hub, "plant");
    world.connect(announcer, hub);
    world.connect(other, hub);
    let heartbeat = netsvc_core::Heartbeat::default();
    world.connect_with(stopped, hub, "plant", netsvc_core::Retry::Backoff, heartbeat);
    world.settle();
    world.host(stopped).stopped = true;
    for number in 0..100 {
        world.create(announcer, &format!("s{number}"));
    }
    world.settle();
    assert_eq!(world.at(other).lookup(&Filter::default()).len(), 100);
    assert_eq!(world.table(hub, "changes"), 0);
}

#[test]
fn a_link_that_goes_keeps_nothing_waiting() {
    let (mut world, hub, clients) = stopped_clients(3, 3);
    let announcer = world.process("announcer");
    world.connect(announcer, hub);
    world.settle();
    for number in 0..100 {
        world.create(announcer, &format!("s{number}"));
    }
    world.settle();
    assert!(world.table(hub, "changes") > 50);
    for client in clients {
        world.cut(client, hub);
    }
    world.settle();
    assert_eq!(world.table(hub, "changes"), 0);
}

/// A provider that reads slowly, a caller whose socket takes so much, and somebody who announces a
/// lot.
fn slow_provider(seed: u64, capacity: usize) -> (World, [Node; 4]) {
    let mut world = World::new(seed);
    let nodes = ["hub", "provider", "caller", "announcer"].map(|label| world.process(label));
    let [hub, provider, caller, announcer] = nodes;
    world.hub(hub, "");
    world.create(provider, "provider");
    world.capacity = 2000;
    world.connect(provider, hub);
    world.settle();
    world.capacity = capacity;
    world.connect(caller, hub);
    world.settle();
    world.capacity = 256 << 10;
    world.connect(announcer, hub);
    world.settle();
    for node in nodes {
        world.host(node).take_events();
    }
    (world, nodes)
}

#[test]
fn a_request_does_not_wait_for_what_others_announce() {
    let (mut world, [_, provider, caller, announcer]) = slow_provider(4, 300);
    for number in 0..1000 {
        world.create(announcer, &format!("{number}{}", "n".repeat(200)));
    }
    world.advance(5 * MILLISECOND);
    let began = world.now();
    world.ask_with(caller, 1, &Target::Name("provider".into()), "?", 5 * SECOND);
    let asked = world.until(SECOND, |world| {
        world.host(provider).events.iter().any(|event| matches!(event, Event::Invoke(_)))
    });
    assert!(asked);
    let told = world.at(provider).lookup(&Filter::default()).len();
    assert!(told < 500, "{told} were told before, in {:?}", world.now().since(began));
    // The others are told as well, although requests go on.
    let since = world.now();
    while world.at(provider).lookup(&Filter::default()).len() < 1001 {
        world.ask_with(caller, 2, &Target::Name("provider".into()), "?", 5 * SECOND);
        world.advance(MILLISECOND);
        assert!(world.now().since(since) < SECOND);
    }
}

#[test]
fn a_request_comes_behind_what_its_caller_has_announced_and_knows() {
    let (mut world, [_, provider, caller, announcer]) = slow_provider(5, 256 << 10);
    for number in 0..200 {
        world.create(announcer, &format!("a service with a name as long as usual {number}"));
    }
    world.create(announcer, "known");
    let knows = |world: &mut World, node: Node, name: &str| {
        let filter = Filter { name: Some(name.into()), ..Filter::default() };
        !world.at(node).lookup(&filter).is_empty()
    };
    assert!(world.until(SECOND, |world| knows(world, caller, "known")));
    assert!(!knows(&mut world, provider, "known"), "it reads slowly");
    world.create(caller, "own");
    world.ask_with(caller, 1, &Target::Name("provider".into()), "?", 5 * SECOND);
    let asked = world.until(SECOND, |world| {
        world.host(provider).events.iter().any(|event| matches!(event, Event::Invoke(_)))
    });
    assert!(asked);
    assert!(knows(&mut world, provider, "known") && knows(&mut world, provider, "own"));
}

#[test]
fn a_service_that_is_used_and_closed_in_one_breath_is_heard_by_who_reads_slowly() {
    let (mut world, [hub, provider, caller, announcer]) = slow_provider(6, 2000);
    let (watch, heard) = (world.watch_all(provider), world.subscribe(provider, "brief", "*"));
    world.settle();
    world.host(provider).take_events();
    world.host(provider).stopped = true;
    for number in 0..100 {
        world.create(caller, &format!("a service with a name as long as usual {number}"));
    }
    let (no, _) = world.create(announcer, "brief");
    let now = world.now();
    assert_eq!(world.at(announcer).join(now, no, "g"), Ok(true));
    world.publish(announcer, no, "x", Lifetime::None);
    assert_eq!(world.at(announcer).leave(now, no, "g"), Ok(true));
    world.publish(announcer, no, "y", Lifetime::None);
    world.at(announcer).close_service(now, no);
    world.settle();
    world.host(provider).stopped = false;
    let told = world.told(provider);
    assert_eq!(told.subjects(heard), ["x", "y"]);
    let of_it = told
        .changes_of(watch)
        .iter()
        .filter(|change| change.service.as_ref().is_some_and(|service| &*service.name == "brief"));
    let statuses: Vec<Status> = of_it.map(|change| change.status).collect();
    assert_eq!(statuses, [Status::Available, Status::Joined, Status::Left, Status::Withdrawn]);
    assert_eq!(world.table(hub, "changes"), 0);
}

/// What happens while one client is stopped for a while.
#[derive(Clone, Debug)]
enum Step {
    Create { node: usize, group: bool },
    Close { node: usize, service: usize },
    Join { node: usize, service: usize },
    Leave { node: usize, service: usize },
    Ask { from: usize, to: usize },
    Cut { node: usize },
    Stop { node: usize },
    Go { node: usize },
    Pass { micros: u64 },
}

const CLIENTS: usize = 4;

fn step() -> impl Strategy<Value = Step> {
    let node = 0..CLIENTS;
    let one = (node.clone(), 0..6_usize);
    prop_oneof![
        8 => (node.clone(), any::<bool>()).prop_map(|(node, group)| Step::Create { node, group }),
        3 => one.clone().prop_map(|(node, service)| Step::Close { node, service }),
        2 => one.clone().prop_map(|(node, service)| Step::Join { node, service }),
        2 => one.prop_map(|(node, service)| Step::Leave { node, service }),
        6 => (node.clone(), node.clone()).prop_map(|(from, to)| Step::Ask { from, to }),
        1 => node.clone().prop_map(|node| Step::Cut { node }),
        2 => node.clone().prop_map(|node| Step::Stop { node }),
        3 => node.prop_map(|node| Step::Go { node }),
        6 => (0..5_000_u64).prop_map(|micros| Step::Pass { micros }),
    ]
}

/// Clients that come to know of services, and ask each other about them.
struct Run {
    world: World,
    hub: Node,
    clients: Vec<Node>,
    /// Of each client, those that live, with their groups.
    services: Vec<Vec<(ServiceNo, String, BTreeSet<String>)>>,
    /// Names of services that are closed or were cut off, at some time.
    gone: BTreeSet<String>,
    created: u32,
    asked: u64,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        // So narrow that they fall behind, each more than the one before.
        let hub = world.process("hub");
        world.hub(hub, "");
        let mut clients = Vec::new();
        for number in 0..CLIENTS {
            world.capacity = 1200 / (number + 1);
            let client = world.process(&format!("p{number}"));
            world.connect(client, hub);
            world.create(client, &format!("p{number}"));
            clients.push(client);
        }
        world.settle();
        let services = vec![Vec::new(); CLIENTS];
        Self { world, hub, clients, services, gone: BTreeSet::new(), created: 0, asked: 0 }
    }

    fn names(&mut self, node: Node) -> BTreeSet<String> {
        let seen = self.world.at(node).lookup(&Filter::default());
        seen.iter().map(|info| info.name.to_string()).collect()
    }

    /// A client asks another, and says what it knows.
    fn ask(&mut self, from: usize, to: usize) {
        if from == to || self.world.host(self.clients[from]).stopped {
            return;
        }
        let names: Vec<String> = self.names(self.clients[from]).into_iter().collect();
        self.asked += 1;
        let target = Target::Name(format!("p{to}").into());
        let (node, key) = (self.clients[from], self.asked);
        self.world.ask_with(node, key, &target, &names.join(","), 5 * SECOND);
    }

    /// Who is asked knows all of that, but for what has gone since.
    fn answer(&mut self) {
        for index in 0..CLIENTS {
            let node = self.clients[index];
            for invocation in Told::of(self.world.host(node).take_events()).invoked {
                let content = String::from_utf8(invocation.content.bytes.to_vec()).unwrap();
                let knows = self.names(node);
                for name in content.split(',') {
                    assert!(
                        knows.contains(name) || self.gone.contains(name),
                        "p{index} is asked about {name} and knows {knows:?}"
                    );
                }
                let result = HandlerResult::Response(Content::raw(vec![1]));
                self.world.host(node).respond(invocation.call, &result);
            }
        }
    }

    fn apply(&mut self, step: &Step) {
        let now = self.world.now();
        match *step {
            Step::Create { node, group } => {
                self.created += 1;
                let name = format!("service {} with a name as long as usual", self.created);
                let groups: BTreeSet<String> = group.then(|| "g".to_owned()).into_iter().collect();
                let new = NewService {
                    groups: groups.iter().map(|group| group.as_str().into()).collect(),
                    ..service(&name)
                };
                let (no, _) = self.world.create_with(self.clients[node], new);
                self.services[node].push((no, name, groups));
            }
            Step::Close { node, service } => {
                if service < self.services[node].len() {
                    let (no, name, _) = self.services[node].remove(service);
                    self.gone.insert(name);
                    self.world.at(self.clients[node]).close_service(now, no);
                }
            }
            Step::Join { node, service } => {
                if let Some((no, _, groups)) = self.services[node].get_mut(service) {
                    groups.insert("g".to_owned());
                    self.world.at(self.clients[node]).join(now, *no, "g").unwrap();
                }
            }
            Step::Leave { node, service } => {
                if let Some((no, _, groups)) = self.services[node].get_mut(service) {
                    groups.clear();
                    self.world.at(self.clients[node]).leave(now, *no, "g").unwrap();
                }
            }
            Step::Ask { from, to } => self.ask(from, to),
            Step::Cut { node } => {
                // Everybody loses it, and it loses everybody.
                let all = self.services.iter().flatten().map(|(_, name, _)| name.clone());
                self.gone.extend(all.chain((0..CLIENTS).map(|n| format!("p{n}"))));
                self.world.cut(self.clients[node], self.hub);
            }
            Step::Stop { node } => self.world.host(self.clients[node]).stopped = true,
            Step::Go { node } => self.world.host(self.clients[node]).stopped = false,
            Step::Pass { micros } => {
                self.world.advance(Duration::from_micros(micros));
                self.answer();
            }
        }
    }

    fn finish(&mut self) {
        for index in 0..CLIENTS {
            self.world.host(self.clients[index]).stopped = false;
        }
        for _ in 0..200 {
            self.world.advance(100 * MILLISECOND);
            self.answer();
        }
        let mut living: Vec<(String, BTreeSet<String>)> =
            (0..CLIENTS).map(|n| (format!("p{n}"), BTreeSet::new())).collect();
        living
            .extend(self.services.iter().flatten().map(|(_, name, of)| (name.clone(), of.clone())));
        living.sort();
        for node in self.clients.iter().copied().chain([self.hub]) {
            let seen = self.world.at(node).lookup(&Filter::default());
            let mut seen: Vec<(String, BTreeSet<String>)> = seen
                .iter()
                .map(|info| {
                    let groups = info.groups.iter().map(ToString::to_string).collect();
                    (info.name.to_string(), groups)
                })
                .collect();
            seen.sort();
            assert_eq!(seen, living);
        }
        for table in ["changes", "queued"] {
            assert_eq!(self.world.table(self.hub, table), 0, "{table}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_is_asked_about_what_it_was_not_told_of_and_all_come_to_know_the_same(
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut run = Run::new(seed);
        for step in &steps {
            run.apply(step);
        }
        run.finish();
    }
}

/// The bad client announces without end, and is held up; the others are not.
#[test]
fn who_announces_too_much_waits_alone() {
    let (mut world, [hub, provider, caller, announcer]) = slow_provider(7, 2000);
    let now = world.now();
    let (no, _) = world.create(announcer, "restless");
    for _ in 0..20_000 {
        world.at(announcer).join(now, no, "g").unwrap();
        world.at(announcer).leave(now, no, "g").unwrap();
    }
    let mut answered = 0;
    for key in 0..200 {
        world.ask_with(caller, key, &Target::Name("provider".into()), "?", 5 * SECOND);
        world.advance(5 * MILLISECOND);
        for invocation in Told::of(world.host(provider).take_events()).invoked {
            let result = HandlerResult::Response(Content::raw(vec![1]));
            world.host(provider).respond(invocation.call, &result);
        }
        for event in world.host(caller).take_events() {
            answered +=
                usize::from(matches!(event, Event::Outcome { outcome: Outcome::Response(_), .. }));
        }
        // 1 MiB is charged to it, each of its changes as a hundred bytes.
        assert!(world.table(hub, "changes") < 20_000, "{}", world.table(hub, "changes"));
    }
    assert!(answered >= 195, "{answered} of 200");
    for node in [hub, provider, caller, announcer] {
        assert_eq!(link_story(&world.host(node).take_events()), NOTHING);
    }
}
