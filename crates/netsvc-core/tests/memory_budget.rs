//! Promise 23, all links together: what a hub holds for its clients stays within `limits.memory`.
//! The largest consumer is hit first, and nobody else notices.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::{
    Content, Delivered, Lifetime, Limits, Outcome, RequestCode, ServiceNo, SubscriptionId,
};
use netsvc_testkit::{Node, Random, Target, Verbs, World, link_story};

const NOTHING: [&str; 0] = [];
const SECOND: Duration = Duration::from_secs(1);
const MEMORY: usize = 1 << 20;
/// Largest content of these tests.
const LARGEST: usize = 40_000;
/// What entries of outboxes count for beside a content that they share, and what is on its way into
/// a transport.
const BESIDE: usize = 8 << 10;

/// A hub with a small budget and a publisher, and readers with a service each that only they hear.
struct Scene {
    world: World,
    hub: Node,
    publisher: Node,
    readers: Vec<(Node, SubscriptionId, ServiceNo)>,
    /// Heard by all readers.
    news: (ServiceNo, Vec<SubscriptionId>),
    sent: Vec<u64>,
}

impl Scene {
    fn new(seed: u64, readers: usize) -> Self {
        let mut world = World::new(seed);
        world.capacity = 16 << 10;
        let limits = Limits { memory: MEMORY, ..Limits::default() };
        let hub = world.process_with("hub", limits);
        world.hub(hub, "");
        let publisher = world.process("publisher");
        world.connect(publisher, hub);
        let (news, _) = world.create(publisher, "news");
        let mut all = Vec::new();
        let mut heard = Vec::new();
        for number in 0..readers {
            let reader = world.process("reader");
            world.connect(reader, hub);
            let name = format!("only.{number}");
            let (service, _) = world.create(publisher, &name);
            let subscription = world.subscribe(reader, &name, "*");
            heard.push(world.subscribe(reader, "news", "*"));
            all.push((reader, subscription, service));
        }
        world.settle();
        for (reader, ..) in &all {
            world.host(*reader).take_events();
        }
        world.host(hub).take_events();
        let sent = vec![0; readers];
        Self { world, hub, publisher, readers: all, news: (news, heard), sent }
    }

    fn held(&mut self) -> usize {
        self.world.table(self.hub, "bytes held")
    }

    fn publish(&mut self, service: ServiceNo, bytes: usize) {
        let (now, content) = (self.world.now(), Content::raw(vec![0; bytes]));
        let publisher = self.world.at(self.publisher);
        publisher.report(now, service, "subject", content, Lifetime::None).unwrap();
        self.world.settle();
    }

    fn publish_to(&mut self, reader: usize, bytes: usize) {
        self.publish(self.readers[reader].2, bytes);
        self.sent[reader] += 1;
    }

    fn stop(&mut self, reader: usize, stopped: bool) {
        let node = self.readers[reader].0;
        self.world.host(node).stopped = stopped;
    }

    /// Reports of its own that a reader got, and those that it missed.
    fn got(&mut self, reader: usize) -> (u64, u64) {
        let (node, subscription, _) = self.readers[reader];
        let told = self.world.told(node);
        let reports = told.reports_of(subscription);
        (reports.len() as u64, reports.iter().map(|report| report.missed).sum())
    }

    fn links_of_hub(&mut self) -> Vec<String> {
        link_story(&self.world.host(self.hub).take_events())
    }
}

#[test]
fn whatever_is_sent_to_readers_that_do_not_read_the_sum_stays_within_the_budget() {
    for seed in 1..=10 {
        let mut scene = Scene::new(seed, 16);
        let mut random = Random::new(seed);
        let at_rest = scene.held();
        // Three read, and lose nothing.
        let unread = 3..16;
        unread.clone().for_each(|reader| scene.stop(reader, true));
        for _ in 0..400 {
            let size = random.below(LARGEST);
            if random.one_in(20) {
                scene.publish(scene.news.0, size);
            } else {
                let reader = random.below(16);
                scene.publish_to(reader, size);
            }
            let held = scene.held();
            assert!(held <= MEMORY + LARGEST + BESIDE, "seed {seed}: {held} bytes");
        }
        assert!(scene.held() > MEMORY / 2, "what fits is kept");
        assert_eq!(scene.links_of_hub(), NOTHING);
        unread.clone().for_each(|reader| scene.stop(reader, false));
        // What was missed is told with the next.
        scene.world.settle();
        (0..16).for_each(|reader| scene.publish_to(reader, 10));
        let mut missed = 0;
        for reader in 0..16 {
            let (got, lost) = scene.got(reader);
            assert_eq!(got + lost, scene.sent[reader], "seed {seed}: every one is accounted for");
            assert!(lost == 0 || unread.contains(&reader), "seed {seed}: {reader} lost {lost}");
            missed += lost;
        }
        assert!(missed > 0);
        assert_eq!(scene.held(), at_rest, "nothing waits");
    }
}

#[test]
fn the_largest_consumer_loses_reports_and_smaller_ones_none() {
    let mut scene = Scene::new(1, 3);
    (0..3).for_each(|reader| scene.stop(reader, true));
    // 200 KB, 300 KB, and 2 MB.
    for round in 0..100 {
        if round < 10 {
            scene.publish_to(0, 20_000);
        }
        if round < 15 {
            scene.publish_to(1, 20_000);
        }
        scene.publish_to(2, 20_000);
    }
    assert_eq!(scene.links_of_hub(), NOTHING);
    (0..3).for_each(|reader| scene.stop(reader, false));
    scene.world.settle();
    (0..3).for_each(|reader| scene.publish_to(reader, 10));
    assert_eq!([scene.got(0), scene.got(1)], [(11, 0), (16, 0)]);
    let (got, missed) = scene.got(2);
    assert!(got > 15 && missed > 50, "{got} came, {missed} were missed");
}

#[test]
fn what_many_wait_for_counts_once() {
    let mut scene = Scene::new(2, 16);
    (0..16).for_each(|reader| scene.stop(reader, true));
    for _ in 0..20 {
        scene.publish(scene.news.0, LARGEST);
    }
    let held = scene.held();
    assert!((19 * LARGEST..MEMORY).contains(&held), "{held} bytes, not 16 times as many");
    (0..16).for_each(|reader| scene.stop(reader, false));
    scene.world.settle();
    for (number, (reader, ..)) in scene.readers.clone().into_iter().enumerate() {
        let told = scene.world.told(reader);
        assert_eq!(told.sequences(scene.news.1[number]), (1..=20).collect::<Vec<_>>());
    }
}

#[test]
fn a_link_whose_answers_nobody_reads_ends_before_anybody_else_loses_anything() {
    let mut scene = Scene::new(3, 2);
    let caller = scene.world.process("caller");
    scene.world.connect(caller, scene.hub);
    scene.world.create(scene.publisher, "provider");
    scene.world.settle();
    scene.links_of_hub();
    scene.stop(0, true);
    (0..10).for_each(|_| scene.publish_to(0, 20_000));
    scene.world.host(caller).take_events();
    for key in 0..60 {
        let target = Target::Name("provider".into());
        scene.world.ask_with(caller, key, &target, "", 60 * SECOND);
        scene.world.settle();
    }
    scene.world.host(caller).stopped = true;
    for invocation in scene.world.told(scene.publisher).invoked {
        scene.world.respond(scene.publisher, invocation.call, &"x".repeat(20_000));
        scene.world.settle();
        assert!(scene.held() <= MEMORY + LARGEST + BESIDE);
    }
    assert_eq!(scene.links_of_hub(), ["inactive slow-consumer"]);
    scene.stop(0, false);
    scene.world.settle();
    assert_eq!(scene.got(0), (10, 0));
}

#[test]
fn when_little_is_left_requests_to_a_large_consumer_are_refused_and_others_are_not() {
    let mut scene = Scene::new(4, 1);
    let [busy, idle, caller] = ["busy", "idle", "caller"].map(|name| {
        let node = scene.world.process(name);
        scene.world.connect(node, scene.hub);
        scene.world.create(node, name);
        node
    });
    scene.world.settle();
    scene.world.host(busy).stopped = true;
    for key in 0..60 {
        let target = Target::Name("busy".into());
        scene.world.ask_with(caller, key, &target, &"x".repeat(20_000), 60 * SECOND);
        scene.world.settle();
    }
    let refused = scene.world.told(caller).outcomes;
    assert!((10..20).contains(&refused.len()), "{} refused", refused.len());
    for (_, outcome) in &refused {
        let Outcome::Error(error) = outcome else { panic!("{outcome:?}") };
        assert_eq!((error.code, error.delivered), (RequestCode::Overloaded, Delivered::No));
        assert!(error.message.contains("limits.memory"), "{}", error.message);
    }
    scene.world.ask_with(caller, 100, &Target::Name("idle".into()), "", 60 * SECOND);
    scene.world.settle();
    assert_eq!(scene.world.told(idle).invoked.len(), 1);
    let ended = scene.links_of_hub();
    assert!(ended.iter().all(|event| event == "active"), "{ended:?}");
}

#[test]
fn who_announces_and_is_interested_in_too_much_has_to_go() {
    let mut scene = Scene::new(5, 1);
    let greedy = scene.world.process("greedy");
    scene.world.connect(greedy, scene.hub);
    scene.world.settle();
    scene.links_of_hub();
    for number in 0..2000 {
        scene.world.subscribe(greedy, &format!("anything.{number}"), "*");
    }
    scene.world.settle();
    let told = scene.links_of_hub();
    assert_eq!(told.first().map(String::as_str), Some("inactive limit"), "{told:?}");
    scene.publish_to(0, 10);
    assert_eq!(scene.got(0), (1, 0), "{told:?}");
    // It comes back, and the same happens; without it nothing is held.
    scene.world.kill(greedy);
    scene.world.advance(20 * SECOND);
    let services = scene.held();
    assert!(services < 20_000, "{services} bytes");
}
