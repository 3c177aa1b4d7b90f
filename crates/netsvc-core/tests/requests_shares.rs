//! Promise 23, against a bad caller: whatever it has under way, the requests of others get through,
//! and what it does not end is ended for it.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use netsvc_core::wire::{Announcement, Hello, Message, Request, RequestTarget};
use netsvc_core::{
    AbortReason, Content, Delivered, HandlerResult, Invocation, Limits, LinkToken, Outcome,
    ProcessSecret, RequestCode, RequestOptions,
};
use netsvc_testkit::{
    Node, Target, Told, Verbs, Wire, World, assert_nothing_pending, hello, verdict,
};
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

/// A hub, a provider and a good caller; and bad ones, which are driven by hand.
struct Scene {
    world: World,
    nodes: [Node; 3],
    bad: Vec<Wire>,
    /// The provider's service, as the hub numbers it.
    service: u32,
    last: u64,
}

impl Scene {
    fn new(seed: u64, limits: &Limits, bad: u8) -> Self {
        let mut world = World::new(seed);
        let nodes = ["hub", "provider", "good"];
        let nodes = nodes.map(|label| world.process_with(label, limits.clone()));
        let [hub, provider, good] = nodes;
        world.hub(hub, "");
        world.create(provider, "x");
        world.connect(provider, hub);
        world.connect(good, hub);
        world.settle();
        let mut scene = Self { world, nodes, bad: Vec::new(), service: 0, last: 0 };
        for id in 0..bad {
            let wire = scene.dial(id + 10);
            scene.bad.push(wire);
        }
        for node in nodes {
            scene.world.host(node).take_events();
        }
        scene
    }

    fn dial(&mut self, id: u8) -> Wire {
        let mut wire = self.world.dial(self.nodes[0]);
        let heartbeat = Duration::from_secs(60);
        let hello = hello(&ProcessSecret::new([id; 32]), LinkToken([id; 16]), 1);
        for message in [Message::Hello(Hello { heartbeat, ..hello }), Message::Synced] {
            self.world.say(&mut wire, &message);
        }
        self.world.settle();
        for message in self.world.hear(&mut wire) {
            if let Message::Service(Announcement { service, .. }) = message {
                self.service = service;
            }
        }
        wire
    }

    /// A bad caller asks, with so many bytes of arguments.
    fn ask(&mut self, by: usize, remaining: Duration, arguments: usize) -> u64 {
        self.last += 1;
        let message = Message::Request(Request {
            call: self.last,
            caller: 0,
            target: RequestTarget::Service(self.service),
            method: "run".into(),
            remaining,
            parts: 0,
            content: Content::raw(vec![b'b'; arguments]),
            extensions: Bytes::new(),
        });
        self.world.say(&mut self.bad[by], &message);
        self.last
    }

    fn cancel(&mut self, by: usize, call: u64) {
        self.world.say(&mut self.bad[by], &Message::Cancel { call });
    }

    /// The failures that a bad caller has heard of, and their explanations.
    fn failures(&mut self, by: usize) -> Vec<(u64, RequestCode, Delivered, String)> {
        self.world.settle();
        let heard = self.world.hear(&mut self.bad[by]).into_iter();
        let failures = heard.filter_map(|message| match message {
            Message::Response { call, outcome: Outcome::Error(error), .. } => {
                Some((call, error.code, error.delivered, error.message.to_string()))
            }
            _ => None,
        });
        failures.collect()
    }

    /// What the provider's application has not been told before.
    fn invoked(&mut self) -> Vec<Invocation> {
        self.world.told(self.nodes[1]).invoked
    }
}

fn limits(running: usize, pending: usize) -> Limits {
    Limits { running_requests: running, pending_requests: pending, ..Limits::default() }
}

#[test]
fn a_caller_has_half_of_what_others_leave_and_hears_whose_share_it_was() {
    let mut scene = Scene::new(1, &limits(64, 8192), 3);
    for by in 0..3 {
        for _ in 0..100 {
            scene.ask(by, 60 * SECOND, 0);
        }
        scene.world.settle();
    }
    let running = scene.invoked();
    assert_eq!(running.len(), 32 + 16 + 8);
    for (by, share) in [32, 16, 8].into_iter().enumerate() {
        let refused = scene.failures(by);
        assert_eq!(refused.len(), 100 - share);
        for (_, code, delivered, text) in refused {
            assert_eq!((code, delivered), (RequestCode::Overloaded, Delivered::No));
            let expected = format!(
                "{share} requests of this caller are running in the service: its share of 64"
            );
            assert_eq!(text, expected);
        }
    }
    let [hub, provider, good] = scene.nodes;
    for key in 0..4 {
        scene.world.ask(good, key, "x", "good");
    }
    let told = scene.world.serve(provider, |_| Some(HandlerResult::Response(Content::raw("yes"))));
    assert_eq!(told.invoked.len(), 4);
    assert_eq!(scene.world.told(good).outcomes.len(), 4);
    for invocation in running {
        scene.world.respond(provider, invocation.call, "");
    }
    scene.world.settle();
    assert_nothing_pending(&mut scene.world, &[hub, provider, good]);
}

#[test]
fn what_is_pending_over_a_link_is_shared_by_its_callers() {
    let mut scene = Scene::new(2, &limits(100_000, 64), 2);
    for by in 0..2 {
        for _ in 0..64 {
            scene.ask(by, 60 * SECOND, 0);
        }
        scene.world.settle();
    }
    assert_eq!(scene.invoked().len(), 32 + 16);
    let refused = scene.failures(1);
    assert_eq!(refused.len(), 48);
    assert!(refused[0].3.contains("pending over the link to the service: its share of 64"));
    let [_, provider, good] = scene.nodes;
    scene.world.ask(good, 1, "x", "good");
    scene.world.serve(provider, |_| Some(HandlerResult::Response(Content::raw("yes"))));
    assert_eq!(scene.world.told(good).outcomes.len(), 1);
}

#[test]
fn arguments_that_wait_for_a_provider_that_does_not_read_are_shared_by_their_callers() {
    let limits = Limits { outbox: 8 << 20, ..Limits::default() };
    let mut scene = Scene::new(3, &limits, 1);
    let [hub, provider, good] = scene.nodes;
    scene.world.freeze(provider, hub, true);
    for _ in 0..400 {
        scene.ask(0, 60 * SECOND, 64 << 10);
        scene.world.settle();
    }
    let refused = scene.failures(0);
    assert!((330..350).contains(&refused.len()), "{} refused", refused.len());
    assert!(refused[0].3.contains("bytes of this caller's arguments wait"), "{}", refused[0].3);
    scene.world.ask(good, 1, "x", &"g".repeat(256 << 10));
    scene.world.settle();
    assert_eq!(scene.world.told(good), Told::default(), "it waits");
    scene.world.freeze(provider, hub, false);
    scene.world.serve(provider, |_| Some(HandlerResult::Response(Content::raw("yes"))));
    assert_eq!(scene.world.told(good).outcomes.len(), 1);
}

#[test]
fn so_are_those_that_wait_for_an_application_that_is_busy() {
    let mut scene = Scene::new(4, &Limits::default(), 1);
    let [_, provider, good] = scene.nodes;
    scene.world.host(provider).listening = false;
    for _ in 0..100 {
        scene.ask(0, 60 * SECOND, 1 << 20);
        scene.world.settle();
    }
    let refused = scene.failures(0);
    assert_eq!(refused.len(), 100 - 16, "16 MiB wait");
    for key in 0..4 {
        scene.world.ask(good, key, "x", &"g".repeat(1 << 20));
        scene.world.settle();
    }
    assert_eq!(scene.world.told(good), Told::default(), "they wait");
    scene.world.host(provider).listening = true;
    let told = scene.world.serve(provider, |_| Some(HandlerResult::Response(Content::raw(""))));
    assert_eq!(told.invoked.len(), 16 + 4);
    assert_eq!(scene.world.told(good).outcomes.len(), 4);
}

#[test]
fn requests_that_are_taken_back_leave_room_in_the_outbox_of_a_provider_that_does_not_read() {
    let limits = Limits { outbox: 2 << 20, ..Limits::default() };
    let mut scene = Scene::new(5, &limits, 1);
    let [hub, provider, good] = scene.nodes;
    scene.world.freeze(provider, hub, true);
    for _ in 0..20 {
        let calls: Vec<u64> = (0..1000).map(|_| scene.ask(0, 60 * SECOND, 500)).collect();
        for call in calls {
            scene.cancel(0, call);
        }
        scene.world.settle();
    }
    scene.world.ask(good, 1, "x", "good");
    assert_eq!(scene.world.told(good), Told::default(), "it waits");
    scene.world.freeze(provider, hub, false);
    scene.world.serve(provider, |_| Some(HandlerResult::Response(Content::raw("yes"))));
    assert_eq!(scene.world.told(good).outcomes.len(), 1);
}

#[test]
fn a_request_that_its_caller_neither_ends_nor_cancels_ends_by_its_deadline_everywhere() {
    let mut scene = Scene::new(6, &limits(64, 8192), 1);
    let [hub, provider, good] = scene.nodes;
    let calls: Vec<u64> = (0..20).map(|_| scene.ask(0, 2 * SECOND, 0)).collect();
    let running = scene.invoked();
    assert_eq!(running.len(), 20);
    scene.world.advance(2 * SECOND);
    assert_eq!(scene.failures(0), [], "not before its caller can have ended it");
    scene.world.advance(SECOND);
    let ended: Vec<u64> = scene
        .failures(0)
        .into_iter()
        .map(|(call, code, delivered, _)| {
            assert_eq!((code, delivered), (RequestCode::Deadline, Delivered::Unknown));
            call
        })
        .collect();
    assert_eq!(ended, calls);
    let aborted = scene.world.told(provider).aborted;
    assert_eq!(aborted.len(), 20);
    assert!(aborted.iter().all(|(_, reason)| *reason == AbortReason::Deadline));
    assert_eq!(scene.world.table(hub, "calls"), 0);
    // Its handlers have their slots until they end, and what they say then is nobody's.
    assert_eq!(scene.world.table(provider, "calls"), 20);
    for invocation in running {
        scene.world.respond(provider, invocation.call, "late");
    }
    assert_eq!(scene.failures(0), []);
    assert_nothing_pending(&mut scene.world, &[hub, provider, good]);
}

#[test]
fn so_it_does_at_a_provider_whose_hub_is_stopped_and_while_it_waits_there() {
    let mut scene = Scene::new(7, &Limits::default(), 1);
    let [hub, provider, _] = scene.nodes;
    scene.ask(0, 2 * SECOND, 0);
    assert_eq!(scene.invoked().len(), 1);
    scene.world.host(provider).listening = false;
    scene.ask(0, 2 * SECOND, 1000);
    scene.world.settle();
    scene.world.host(hub).stopped = true;
    scene.world.advance(3 * SECOND);
    scene.world.host(provider).listening = true;
    let told = scene.world.told(provider);
    assert_eq!(told.invoked, [], "what waited is not told any more");
    assert_eq!(told.aborted.len(), 1);
    assert_eq!(told.aborted[0].1, AbortReason::Deadline);
    assert_eq!(scene.world.table(provider, "calls"), 1);
    scene.world.host(hub).stopped = false;
    scene.world.settle();
    assert_eq!(scene.world.table(hub, "calls"), 0);
}

#[test]
fn an_honest_caller_decides_by_its_own_clock_and_hears_nothing_twice() {
    let mut scene = Scene::new(8, &Limits::default(), 0);
    let [hub, provider, good] = scene.nodes;
    let asked = scene.world.now();
    let target = Target::Name("x".into());
    scene.world.ask_with(good, 1, &target, "", 2 * SECOND);
    let running = scene.invoked();
    assert!(scene.world.until(9 * SECOND, |world| !world.host(good).events.is_empty()));
    assert_eq!(scene.world.now(), asked + 2 * SECOND);
    assert_eq!(verdict(&scene.world.told(good)), (RequestCode::Deadline, Delivered::Unknown));
    scene.world.advance(5 * SECOND);
    assert_eq!(scene.world.told(provider).aborted, [(running[0].call, AbortReason::Deadline)]);
    assert_eq!(scene.world.told(good), Told::default());
    scene.world.respond(provider, running[0].call, "");
    assert_nothing_pending(&mut scene.world, &[hub, provider, good]);
}

#[test]
fn a_stream_of_which_nothing_passes_rests_for_an_hour_and_then_ends() {
    let mut scene = Scene::new(9, &Limits::default(), 0);
    let [hub, provider, good] = scene.nodes;
    let target = Target::Name("x".into());
    let options = RequestOptions { parts: 1, ..RequestOptions::within(2 * SECOND) };
    scene.world.ask_for(good, 1, &target, "", options);
    let call = scene.invoked()[0].call;
    let now = scene.world.now();
    scene.world.at(provider).part(now, call, Content::raw("part")).unwrap();
    assert_eq!(scene.world.told(good).parts.len(), 1);
    scene.world.advance(3599 * SECOND);
    assert_eq!(scene.world.told(good), Told::default(), "its caller takes no more for the time");
    scene.world.advance(2 * SECOND);
    assert_eq!(verdict(&scene.world.told(good)), (RequestCode::Deadline, Delivered::Unknown));
    assert_eq!(scene.world.told(provider).aborted, [(call, AbortReason::Deadline)]);
    scene.world.respond(provider, call, "");
    assert_nothing_pending(&mut scene.world, &[hub, provider, good]);
}

/// What bad callers do.
#[derive(Clone, Debug)]
enum Step {
    Ask { by: usize, times: usize, millis: u64, arguments: usize },
    Cancel { by: usize, nth: usize },
    Answer { nth: usize },
    Pass { millis: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..2_usize, 1..80_usize, 1..30_000_u64, 0..2000_usize).prop_map(
            |(by, times, millis, arguments)| Step::Ask { by, times, millis, arguments }
        ),
        3 => (0..2_usize, any::<usize>()).prop_map(|(by, nth)| Step::Cancel { by, nth }),
        3 => any::<usize>().prop_map(|nth| Step::Answer { nth }),
        3 => (0..10_000_u64).prop_map(|millis| Step::Pass { millis }),
    ]
}

/// Has two callers do what they like, while a good one has at most four requests under way.
fn check(seed: u64, steps: &[Step]) {
    let mut scene = Scene::new(seed, &limits(64, 128), 2);
    let [hub, provider, good] = scene.nodes;
    let mut asked: [Vec<u64>; 2] = Default::default();
    let mut cancelled = Vec::new();
    let mut outcomes: BTreeMap<u64, usize> = BTreeMap::new();
    let mut running: Vec<Invocation> = Vec::new();
    let mut key = 0;
    for step in steps {
        match *step {
            Step::Ask { by, times, millis, arguments } => {
                for _ in 0..times {
                    asked[by].push(scene.ask(by, Duration::from_millis(millis), arguments));
                }
            }
            Step::Cancel { by, nth } if !asked[by].is_empty() => {
                let call = asked[by][nth % asked[by].len()];
                cancelled.push(call);
                scene.cancel(by, call);
            }
            Step::Answer { nth } if !running.is_empty() => {
                let invocation = running.swap_remove(nth % running.len());
                scene.world.respond(provider, invocation.call, "");
            }
            Step::Pass { millis } => scene.world.advance(Duration::from_millis(millis)),
            Step::Cancel { .. } | Step::Answer { .. } => {}
        }
        for _ in 0..4 {
            key += 1;
            scene.world.ask(good, key, "x", "good");
        }
        let told = scene.world.serve(provider, |invocation| {
            let of_good = &*invocation.caller_label == "good";
            of_good.then(|| HandlerResult::Response(Content::raw("yes")))
        });
        let bad = told.invoked.into_iter().filter(|call| &*call.caller_label != "good");
        running.extend(bad);
        assert!(running.len() <= 64);
        let answers = scene.world.told(good).outcomes;
        assert_eq!(answers.len(), 4);
        for (_, outcome) in answers {
            assert_eq!(outcome, Outcome::Response(Content::raw("yes")));
        }
    }
    for invocation in running {
        scene.world.respond(provider, invocation.call, "");
    }
    scene.world.advance(40 * SECOND);
    for (by, asked) in asked.iter().enumerate() {
        scene.world.settle();
        for message in scene.world.hear(&mut scene.bad[by]) {
            if let Message::Response { call, .. } = message {
                *outcomes.entry(call).or_default() += 1;
            }
        }
        for call in asked {
            let times = outcomes.get(call).copied().unwrap_or(0);
            let expected = if cancelled.contains(call) { 0..=1 } else { 1..=1 };
            assert!(expected.contains(&times), "request {call} ended {times} times");
        }
    }
    // Those that were aborted, or came last.
    scene.world.serve(provider, |_| Some(HandlerResult::Response(Content::raw(""))));
    assert_nothing_pending(&mut scene.world, &[hub, provider, good]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_others_do_who_has_little_under_way_gets_through(
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..25),
    ) {
        check(seed, &steps);
    }
}
