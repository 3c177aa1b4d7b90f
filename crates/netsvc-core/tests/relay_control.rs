//! Promise 23, against a bad client: what it makes the hub queue for others is charged to its own
//! link, which is not read while that is too much. Whoever reads, however slowly, stays.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use bytes::Bytes;
use netsvc_core::wire::{
    Announcement, Hello, InterestTarget, Membership, Message, Request, RequestTarget,
};
use netsvc_core::{
    Content, Event, HandlerResult, Heartbeat, Limits, LinkToken, Outcome, ProcessSecret, Retry, Str,
};
use netsvc_testkit::{Node, Target, Wire, World, hello, link_story};

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);
const NOTHING: [&str; 0] = [];
/// Much less than what the bad client causes.
const OUTBOX: usize = 2 << 20;
const MESSAGES: u32 = 10_000;

/// A hub; a victim that reads some 1 MB a second; two others, of which one asks the other; and a
/// client that is driven by hand.
struct Scene {
    world: World,
    nodes: [Node; 4],
    bad: Wire,
    /// The victim's service, as the hub numbers it.
    service: u32,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        let limits = Limits { outbox: OUTBOX, ..Limits::default() };
        let nodes = ["hub", "victim", "provider", "caller"];
        let nodes = nodes.map(|label| world.process_with(label, limits.clone()));
        let [hub, victim, provider, caller] = nodes;
        world.hub(hub, "");
        world.create(victim, "victim");
        world.create(provider, "provider");
        world.connect(provider, hub);
        world.connect(caller, hub);
        world.settle();
        world.capacity = 1000;
        world.connect(victim, hub);
        world.settle();
        world.capacity = 256 << 10;
        let bad = Self::dial(&mut world, hub, 7);
        let mut scene = Self { world, nodes, bad, service: 0 };
        for message in scene.world.hear(&mut scene.bad) {
            if let Message::Service(Announcement { service, name, .. }) = message
                && &*name == "victim"
            {
                scene.service = service;
            }
        }
        for node in nodes {
            scene.world.host(node).take_events();
        }
        scene
    }

    fn dial(world: &mut World, hub: Node, id: u8) -> Wire {
        let mut bad = world.dial(hub);
        let heartbeat = Duration::from_secs(300);
        let hello = hello(&ProcessSecret::new([id; 32]), LinkToken([id; 16]), 1);
        for message in [Message::Hello(Hello { heartbeat, ..hello }), Message::Synced] {
            world.say(&mut bad, &message);
        }
        world.settle();
        bad
    }

    /// Everything that the bad client has to say lies in its socket. Requests go on, nobody is
    /// lost, and little is queued for anybody, until the hub has read it all.
    fn withstands(&mut self) {
        let [hub, victim, provider, caller] = self.nodes;
        let (mut most, mut asked, mut answered) = (0, 0, 0);
        let began = self.world.now();
        while self.world.is_unread(&self.bad) {
            assert!(self.world.now().since(began) < 120 * SECOND, "it comes to an end");
            self.world.ask_with(caller, asked, &Target::Name("provider".into()), "?", 5 * SECOND);
            asked += 1;
            for _ in 0..20 {
                self.world.advance(MILLISECOND);
                most = most.max(self.world.at(hub).queued_bytes());
                for event in self.world.host(provider).take_events() {
                    if let Event::Invoke(invocation) = event {
                        let result = HandlerResult::Response(Content::raw(vec![1]));
                        self.world.host(provider).respond(invocation.call, &result);
                    }
                }
                for event in self.world.host(caller).take_events() {
                    if let Event::Outcome { outcome, .. } = event {
                        assert!(matches!(outcome, Outcome::Response(_)), "{outcome:?}");
                        answered += 1;
                    }
                }
            }
        }
        assert!(answered + 1 >= asked, "{answered} of {asked} are answered at once");
        assert!(asked > 10, "it takes time");
        assert!(most < OUTBOX / 8, "{most} bytes are queued");
        for node in [hub, victim, provider, caller] {
            assert_eq!(link_story(&self.world.host(node).take_events()), NOTHING);
        }
        self.world.settle();
        assert_eq!(self.world.at(hub).queued_bytes(), 0);
    }

    fn say(&mut self, message: &Message) {
        self.world.say(&mut self.bad, message);
    }
}

fn service(number: u32) -> Message {
    Message::Service(Announcement {
        service: number,
        process: 0,
        counter: number,
        revision: 1,
        name: "bad".into(),
        audience: "*".into(),
        groups: Vec::new(),
        methods: vec![Str::from("m".repeat(200))],
        extensions: Bytes::new(),
    })
}

fn membership(revision: u64, joined: bool) -> Message {
    let change = Membership { service: 1, revision, group: Str::from("g".repeat(200)) };
    if joined { Message::Joined(change) } else { Message::Left(change) }
}

#[test]
fn a_flood_of_announcements_throws_nobody_out() {
    let mut scene = Scene::new(1);
    for number in 1..=MESSAGES {
        scene.say(&service(number));
        scene.say(&Message::Withdrawn { service: number, revision: 2 });
    }
    scene.withstands();
}

#[test]
fn a_flood_of_changes_of_group_throws_nobody_out() {
    let mut scene = Scene::new(2);
    scene.say(&service(1));
    for number in 1..=u64::from(MESSAGES) {
        scene.say(&membership(number + 1, number % 2 == 1));
    }
    scene.withstands();
}

#[test]
fn a_flood_of_interests_throws_no_publisher_out() {
    let mut scene = Scene::new(3);
    for id in 1..=MESSAGES {
        let target = InterestTarget::Name("victim".into());
        let pattern = Str::from(format!("{id}{}", "p".repeat(100)));
        scene.say(&Message::Interest { id, target, pattern, latest: false });
        scene.say(&Message::InterestEnd { id });
    }
    scene.withstands();
}

#[test]
fn a_flood_of_credit_throws_no_provider_out() {
    let mut scene = Scene::new(4);
    let (target, method) = (RequestTarget::Service(scene.service), "run".into());
    scene.say(&Message::Request(Request {
        call: 1,
        caller: 0,
        target,
        method,
        remaining: 600 * SECOND,
        parts: 1,
        content: Content::raw(Vec::new()),
        extensions: Bytes::new(),
    }));
    for _ in 0..5 * MESSAGES {
        scene.say(&Message::Credit { call: 1, parts: 1 });
    }
    scene.withstands();
}

/// The victim reads nothing at all: it goes, and then the others go on.
#[test]
fn a_victim_that_does_not_read_goes_and_the_source_goes_on() {
    let mut scene = Scene::new(5);
    let [hub, victim, ..] = scene.nodes;
    scene.say(&service(1));
    scene.world.settle();
    scene.world.host(victim).stopped = true;
    for number in 1..=u64::from(MESSAGES) {
        scene.say(&membership(number + 1, number % 2 == 1));
    }
    scene.world.advance(5 * SECOND);
    assert!(scene.world.is_unread(&scene.bad), "it waits");
    assert_eq!(link_story(&scene.world.host(hub).take_events()), NOTHING);
    scene.world.advance(7 * SECOND);
    assert_eq!(link_story(&scene.world.host(hub).take_events()), ["inactive slow-consumer"]);
    let read = scene.world.until(10 * SECOND, |world| !world.is_unread(&scene.bad));
    assert!(read, "everything is read");
}

/// One that takes a few bytes now and then is no better.
#[test]
fn a_victim_that_trickles_goes_too() {
    let mut scene = Scene::new(6);
    let [hub, victim, ..] = scene.nodes;
    scene.say(&service(1));
    scene.world.settle();
    for number in 1..=u64::from(MESSAGES) {
        scene.say(&membership(number + 1, number % 2 == 1));
    }
    // A thousand bytes a second.
    for _ in 0..15 {
        scene.world.host(victim).stopped = true;
        scene.world.advance(998 * MILLISECOND);
        scene.world.host(victim).stopped = false;
        scene.world.advance(2 * MILLISECOND);
    }
    assert_eq!(link_story(&scene.world.host(hub).take_events())[0], "inactive slow-consumer");
    scene.world.settle();
    assert!(!scene.world.is_unread(&scene.bad));
}

#[test]
fn a_source_that_ends_while_it_is_not_read_is_noticed_and_leaves_nothing() {
    let mut scene = Scene::new(7);
    let [hub, victim, ..] = scene.nodes;
    scene.say(&service(1));
    scene.world.settle();
    scene.world.host(victim).stopped = true;
    for number in 1..=1000 {
        scene.say(&membership(number + 1, number % 2 == 1));
    }
    scene.world.advance(MILLISECOND * 10);
    assert!(scene.world.is_unread(&scene.bad));
    scene.world.hang_up(&scene.bad);
    scene.world.host(victim).stopped = false;
    scene.world.settle();
    let told = link_story(&scene.world.host(hub).take_events());
    assert_eq!(told, ["inactive connection-lost"]);
    assert_eq!(scene.world.table(hub, "links"), 3);
    assert_eq!(scene.world.at(hub).queued_bytes(), 0);
}

#[test]
fn two_that_flood_each_other_go_on() {
    let mut scene = Scene::new(8);
    let mut other = Scene::dial(&mut scene.world, scene.nodes[0], 8);
    for wire in [&mut scene.bad, &mut other] {
        scene.world.say(wire, &service(1));
        for number in 1..=u64::from(MESSAGES) {
            scene.world.say(wire, &membership(number + 1, number % 2 == 1));
        }
    }
    let [hub, ..] = scene.nodes;
    let read = scene.world.until(60 * SECOND, |world| {
        world.hear(&mut scene.bad);
        world.hear(&mut other);
        !world.is_unread(&scene.bad) && !world.is_unread(&other)
    });
    assert!(read);
    assert_eq!(link_story(&scene.world.host(hub).take_events()), ["active"]);
}

/// An honest client that is not read for longer than its writer is patient, by a hub that is
/// patient for less than that with one it does not hear: neither gives the other up.
#[test]
fn who_is_not_read_is_not_given_up_and_gives_nobody_up() {
    let mut world = World::new(9);
    let limits = Limits { outbox: 32 << 20, ..Limits::default() };
    let [hub, source, victim] =
        ["hub", "source", "victim"].map(|label| world.process_with(label, limits.clone()));
    let heartbeat = Heartbeat { interval: SECOND, dead: 3 * SECOND };
    world.hub_with(hub, "", heartbeat);
    world.capacity = 16 << 10;
    world.connect_with(source, hub, "", Retry::Backoff, heartbeat);
    world.connect_with(victim, hub, "", Retry::Backoff, heartbeat);
    let (no, _) = world.create(source, "x");
    world.settle();
    for node in [hub, source, victim] {
        world.host(node).take_events();
    }
    // The victim takes too little for 14 seconds: its socket takes 16 KiB, once a second, of 4 MiB.
    let group = Str::from("g".repeat(250));
    for _ in 0..10_000 {
        let now = world.now();
        world.at(source).join(now, no, group.clone()).unwrap();
        world.at(source).leave(now, no, &group).unwrap();
    }
    for _ in 0..14 {
        world.host(victim).stopped = true;
        world.advance(998 * MILLISECOND);
        world.host(victim).stopped = false;
        world.advance(2 * MILLISECOND);
    }
    let told = [hub, source].map(|node| link_story(&world.host(node).take_events()));
    assert_eq!(told[1], NOTHING, "the source stays");
    assert!(told[0].iter().all(|told| told != "inactive heartbeat-lost"), "{told:?}");
    world.advance(20 * SECOND);
    assert_eq!(link_story(&world.host(source).take_events()), NOTHING);
    assert_eq!(world.at(source).queued_bytes(), 0, "everything is read");
}

/// The end of a process is what publishers are told of the end of all that it wanted.
#[test]
fn of_a_process_that_is_cut_off_publishers_hear_once() {
    let mut scene = Scene::new(10);
    let [hub, victim, ..] = scene.nodes;
    for id in 1..=4000 {
        let target = InterestTarget::Name("victim".into());
        let pattern = Str::from(format!("{id}"));
        scene.say(&Message::Interest { id, target, pattern, latest: false });
    }
    assert!(scene.world.until(60 * SECOND, |world| !world.is_unread(&scene.bad)));
    scene.world.settle();
    let told = |world: &mut World| {
        let events = world.host(victim).take_events();
        events.iter().filter(|event| matches!(event, Event::Subscriber { .. })).count()
    };
    assert_eq!(told(&mut scene.world), 4000);
    scene.world.host(victim).stopped = true;
    scene.world.hang_up(&scene.bad);
    scene.world.settle();
    let queued = scene.world.at(hub).queued_bytes();
    assert!(queued < 1000, "{queued} bytes are queued");
    scene.world.host(victim).stopped = false;
    scene.world.settle();
    assert_eq!(told(&mut scene.world), 4000);
    assert_eq!(scene.world.at(hub).ignored() + scene.world.at(victim).ignored(), 0);
}
