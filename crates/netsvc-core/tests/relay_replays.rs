//! Promise 19, against a bad client: what it asks a publisher for, or answers without being asked,
//! harms nobody else.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::wire::{Announcement, Message, Report};
use netsvc_core::{
    Content, Event, HandlerResult, Lifetime, LinkToken, Outcome, ProcessSecret, ServiceNo,
};
use netsvc_testkit::{Node, Target, Verbs, Wire, World, announcement, hello, link_story};

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);
const NOTHING: [&str; 0] = [];

/// A hub, a publisher of 100 kept values of 10,000 bytes, another client, and one that is driven by
/// hand, with the number by which it is to name the publisher's service. All connections take
/// 16 MB a second.
struct Scene {
    world: World,
    nodes: [Node; 3],
    bad: Wire,
    service: u32,
    /// As the hub numbers it.
    publisher: u32,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        world.capacity = 16 << 10;
        let nodes = ["hub", "publisher", "good"].map(|label| world.process(label));
        let [hub, publisher, good] = nodes;
        world.hub(hub, "");
        world.connect(publisher, hub);
        world.connect(good, hub);
        let (no, _) = world.create(publisher, "x");
        for n in 0..100 {
            let (now, content) = (world.now(), Content::raw(vec![0; 10_000]));
            let value = format!("s{n}");
            world.at(publisher).report(now, no, value, content, Lifetime::Forever).unwrap();
        }
        world.settle();
        let mut bad = world.dial(hub);
        let hello = hello(&ProcessSecret::new([7; 32]), LinkToken([7; 16]), 1);
        for message in [Message::Hello(hello), Message::Synced] {
            world.say(&mut bad, &message);
        }
        world.settle();
        let mut known = None;
        for message in world.hear(&mut bad) {
            if let Message::Service(Announcement { service, process, .. }) = message {
                known = Some((service, process));
            }
        }
        let (service, publisher) = known.unwrap();
        for node in nodes {
            world.host(node).take_events();
        }
        Self { world, nodes, bad, service, publisher }
    }

    fn ask(&mut self, replay: u32, pattern: &str) {
        let (service, pattern) = (self.service, pattern.into());
        let ask =
            Message::ReplayRequest { service, process: 0, replay, pattern, after: 0, upto: 0 };
        self.world.say(&mut self.bad, &ask);
    }

    /// How long a request of the good client to the publisher takes.
    fn round_trip(&mut self, key: u64) -> Duration {
        let [_, publisher, good] = self.nodes;
        let began = self.world.now();
        self.world.ask_with(good, key, &Target::Name("x".into()), "?", 10 * SECOND);
        let is_response = |event: &Event| match event {
            Event::Outcome { outcome: Outcome::Response(_), .. } => true,
            Event::Outcome { outcome, .. } => panic!("{outcome:?}"),
            _ => false,
        };
        while !self.world.host(good).take_events().iter().any(is_response) {
            for event in self.world.host(publisher).take_events() {
                if let Event::Invoke(invocation) = event {
                    let result = HandlerResult::Response(Content::raw(vec![1]));
                    self.world.host(publisher).respond(invocation.call, &result);
                }
            }
            self.world.advance(MILLISECOND);
        }
        self.world.now().since(began)
    }
}

#[test]
fn who_asks_for_more_replays_than_it_may_loses_its_link() {
    let mut scene = Scene::new(1);
    for replay in 0..20_000 {
        scene.ask(replay, "*");
    }
    let mut slowest = Duration::ZERO;
    for key in 0..20 {
        slowest = slowest.max(scene.round_trip(key));
    }
    assert!(slowest < 100 * MILLISECOND, "{slowest:?}");
    let [hub, publisher, good] = scene.nodes;
    let told = link_story(&scene.world.host(hub).take_events());
    assert_eq!(told, ["inactive protocol"]);
    assert_eq!(scene.world.table(publisher, "answers"), 0, "what it asked for is forgotten");
    for node in [publisher, good] {
        assert_eq!(link_story(&scene.world.host(node).take_events()), NOTHING);
    }
    assert_eq!(scene.world.table(hub, "replays asked"), 0);
}

#[test]
fn responses_are_not_behind_the_pages_that_others_ask_for() {
    let mut scene = Scene::new(2);
    let idle = scene.round_trip(0);
    for replay in 0..256 {
        scene.ask(replay, "*");
    }
    scene.world.advance(20 * MILLISECOND);
    let [_, publisher, _] = scene.nodes;
    assert!(scene.world.table(publisher, "answers") > 200);
    assert!(scene.world.at(publisher).queued_bytes() < 100 << 10, "pages are not queued");
    for key in 1..20 {
        let took = scene.round_trip(key);
        assert!(took < 4 * idle, "{took:?} instead of {idle:?}");
    }
    assert!(scene.world.table(publisher, "answers") > 0, "all the time");
    let mut ends = 0;
    while ends < 256 {
        scene.world.advance(MILLISECOND);
        let heard = scene.world.hear(&mut scene.bad);
        ends += heard.iter().filter(|heard| matches!(heard, Message::ReplayEnd { .. })).count();
    }
    assert_eq!(scene.world.table(publisher, "answers"), 0, "each is answered once");
}

#[test]
fn looking_for_values_in_vain_gives_way_to_others_too() {
    let mut scene = Scene::new(3);
    let [_, publisher, _] = scene.nodes;
    let no = ServiceNo(1);
    for n in 0..9_000 {
        scene.world.publish(publisher, no, &format!("t{n}"), Lifetime::Forever);
    }
    scene.ask(1, "nothing");
    scene.world.settle();
    let heard = scene.world.hear(&mut scene.bad);
    let Some(Message::ReplayEnd { sequence, more_after, .. }) = heard.last() else {
        panic!("{heard:?}")
    };
    assert_eq!((*sequence, *more_after), (9_100, 4_096), "a page is bounded in what it looks at");
}

#[test]
fn what_was_asked_ends_with_the_asker() {
    let mut scene = Scene::new(4);
    for replay in 0..200 {
        scene.ask(replay, "*");
    }
    scene.world.advance(20 * MILLISECOND);
    let [hub, publisher, _] = scene.nodes;
    scene.world.hang_up(&scene.bad);
    let done = scene.world.until(50 * MILLISECOND, |world| world.table(publisher, "answers") == 0);
    assert!(done);
    assert_eq!(scene.world.table(hub, "replays asked"), 0);
    scene.world.settle();
    let sent = scene.world.bytes_sent(publisher, hub);
    scene.world.advance(SECOND);
    assert_eq!(scene.world.bytes_sent(publisher, hub), sent);
}

#[test]
fn who_waits_for_a_publisher_that_is_lost_is_answered() {
    let mut scene = Scene::new(5);
    let [hub, publisher, _] = scene.nodes;
    scene.world.host(publisher).stopped = true;
    for replay in 0..10 {
        scene.ask(replay, "*");
    }
    scene.world.settle();
    assert_eq!(scene.world.table(hub, "replays asked"), 10);
    scene.world.kill(publisher);
    scene.world.settle();
    let ends = scene.world.hear(&mut scene.bad).into_iter();
    let ends = ends.filter(|message| matches!(message, Message::ReplayEnd { .. })).count();
    assert_eq!(ends, 10);
    assert_eq!(scene.world.table(hub, "replays asked"), 0);
}

#[test]
fn what_nobody_asked_for_is_not_passed_on() {
    let mut scene = Scene::new(6);
    let [hub, publisher, good] = scene.nodes;
    scene.world.say(&mut scene.bad, &announcement("bad", &[]));
    // The good client has asked somebody else, and the bad one for something.
    scene.world.subscribe(good, "x", "*");
    scene.world.settle();
    scene.ask(1, "*");
    scene.world.settle();
    let before = [publisher, good].map(|node| scene.world.bytes_sent(hub, node));
    for replay in 0..100 {
        // Numbers of processes at the hub are small; one of them is the good client's.
        for process in 0..=scene.publisher + 3 {
            let (remaining, sequence) = (None, 1);
            let content = Content::raw(vec![0; 1000]);
            let (subject, extensions) = ("s".into(), bytes::Bytes::new());
            let report = Report { service: 1, subject, sequence, content, extensions };
            for message in [
                Message::Replayed { process, replay, remaining, report },
                Message::ReplayEnd { process, replay, sequence, more_after: 0, complete_after: 0 },
            ] {
                scene.world.say(&mut scene.bad, &message);
            }
        }
    }
    scene.world.settle();
    let after = [publisher, good].map(|node| scene.world.bytes_sent(hub, node));
    assert_eq!(after, before);
    assert!(scene.world.at(hub).ignored() >= 2 * 100 * u64::from(scene.publisher));
}

#[test]
fn a_client_asks_in_its_own_name_only() {
    let mut scene = Scene::new(7);
    let (service, pattern, process) = (scene.service, "*".into(), scene.publisher);
    let ask = Message::ReplayRequest { service, process, replay: 1, pattern, after: 0, upto: 0 };
    scene.world.say(&mut scene.bad, &ask);
    scene.world.settle();
    let [hub, ..] = scene.nodes;
    assert_eq!(link_story(&scene.world.host(hub).take_events()), ["inactive protocol"]);
}
