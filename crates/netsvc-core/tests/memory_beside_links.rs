//! Promise 23: `limits.memory` has what no single link waits for, too: changes that peers have yet
//! to be told of, what is remembered of where reports go, and requests that wait for a provider.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::{
    Content, Delivered, Lifetime, Limits, Outcome, RequestCode, RequestOptions, ServiceNo,
};
use netsvc_testkit::{Node, Target, Verbs, World, link_story};

const NOTHING: [&str; 0] = [];
const MEMORY: usize = 1 << 20;
const LIMITS: fn() -> Limits = || Limits { memory: MEMORY, ..Limits::default() };

/// A hub with a small budget, and clients of it.
fn star<const N: usize>(seed: u64) -> (World, Node, [Node; N]) {
    let mut world = World::new(seed);
    world.capacity = 16 << 10;
    let hub = world.process_with("hub", LIMITS());
    world.hub(hub, "");
    let clients = [(); N].map(|()| {
        let client = world.process("client");
        world.connect(client, hub);
        client
    });
    world.settle();
    (world, hub, clients)
}

fn held(world: &mut World, node: Node) -> usize {
    world.settle();
    world.at(node).held_bytes()
}

/// Creates and closes a service that many times.
fn come_and_go(world: &mut World, node: Node, times: usize) {
    for _ in 0..times {
        let (service, _) = world.create(node, "moth");
        world.settle();
        let now = world.now();
        world.at(node).close_service(now, service);
        world.settle();
    }
}

fn publish(world: &mut World, node: Node, service: ServiceNo, subject: &str, bytes: usize) {
    let (now, content) = (world.now(), Content::raw(vec![0; bytes]));
    world.at(node).report(now, service, subject, content, Lifetime::None).unwrap();
    world.settle();
}

#[test]
fn changes_that_peers_have_yet_to_be_told_of_count_once_for_all() {
    // Until who causes them is held up.
    const TIMES: usize = 400;
    let mut counted = [0; 2];
    for (number, stopped) in [1, 3].into_iter().enumerate() {
        let (mut world, hub, [moth, readers @ ..]) = star::<4>(1);
        let at_rest = held(&mut world, hub);
        for reader in &readers[..stopped] {
            world.host(*reader).stopped = true;
        }
        come_and_go(&mut world, moth, TIMES);
        counted[number] = held(&mut world, hub) - at_rest;
        for reader in readers {
            world.host(reader).stopped = false;
        }
        world.settle();
        assert_eq!(held(&mut world, hub), at_rest, "everybody has been told");
    }
    // Some of the changes are on their way.
    let [one, three] = counted;
    assert!(one > MEMORY / 64, "{one} bytes");
    assert!(three < one + one / 4, "{three} bytes for three, {one} for one");
}

#[test]
fn who_causes_changes_that_are_not_read_is_held_up_and_nobody_loses_anything() {
    let (mut world, hub, [moth, sleeper, publisher, reader]) = star(2);
    let (service, _) = world.create(publisher, "news");
    let subscription = world.subscribe(reader, "news", "*");
    world.settle();
    world.host(sleeper).stopped = true;
    world.host(hub).take_events();
    for round in 1..=20 {
        come_and_go(&mut world, moth, 200);
        publish(&mut world, publisher, service, "s", 10);
        let bytes = held(&mut world, hub);
        assert!(bytes <= MEMORY / 4, "round {round}: {bytes} bytes");
    }
    let told = world.told(reader);
    assert_eq!(told.sequences(subscription), (1..=20).collect::<Vec<_>>());
    world.host(sleeper).stopped = false;
    world.settle();
    assert_eq!(link_story(&world.host(hub).take_events()), NOTHING);
}

#[test]
fn what_is_remembered_of_subjects_is_a_small_part_of_a_small_budget() {
    let (mut world, hub, [publisher, reader]) = star(3);
    let (service, _) = world.create(publisher, "news");
    world.subscribe(reader, "news", "*");
    world.settle();
    let at_rest = held(&mut world, hub);
    let mut most = 0;
    for number in 0..500 {
        publish(&mut world, publisher, service, &format!("{number:0>1000}"), 10);
        most = most.max(held(&mut world, hub) - at_rest);
    }
    assert!((MEMORY / 64..=MEMORY / 32).contains(&most), "{most} bytes");
}

#[test]
fn what_is_remembered_of_subjects_is_forgotten_before_a_report_is_lost() {
    let (mut world, hub, [publisher, sleeper, reader]) = star(4);
    let [(to_sleeper, _), (to_reader, _)] =
        ["slow", "quick"].map(|name| world.create(publisher, name));
    let subscription = world.subscribe(sleeper, "slow", "*");
    world.subscribe(reader, "quick", "*");
    world.settle();
    world.host(sleeper).stopped = true;
    // Until nearly nothing is left, and then a little that is remembered.
    let mut sent = 0;
    while held(&mut world, hub) < MEMORY - 12_000 {
        publish(&mut world, publisher, to_sleeper, "s", 4000);
        sent += 1;
    }
    let full = held(&mut world, hub);
    for number in 0..15 {
        publish(&mut world, publisher, to_reader, &format!("{number:0>1000}"), 10);
    }
    let after = held(&mut world, hub);
    assert!(after < MEMORY, "{after} bytes");
    assert!(after + 4000 > full, "{after} bytes after {full}: a report was dropped");
    world.host(sleeper).stopped = false;
    let told = world.told(sleeper);
    assert_eq!(told.sequences(subscription), (1..=sent).collect::<Vec<_>>());
}

/// Requests of 20 kB for a service that does not exist; how many are refused at once.
fn wait_for_nobody(world: &mut World, node: Node, keys: std::ops::Range<u64>) -> usize {
    let (content, target) = ("x".repeat(20_000), Target::Name("nobody".into()));
    let options = RequestOptions { wait: true, ..RequestOptions::within(Duration::from_secs(10)) };
    keys.for_each(|key| world.ask_for(node, key, &target, &content, options));
    let refused = world.told(node).outcomes;
    for (_, outcome) in &refused {
        let Outcome::Error(error) = outcome else { panic!("{outcome:?}") };
        assert_eq!((error.code, error.delivered), (RequestCode::Overloaded, Delivered::No));
        assert!(error.message.contains("limits.memory"), "{}", error.message);
    }
    refused.len()
}

#[test]
fn a_quarter_of_it_may_wait_for_providers_and_counts_until_it_does_not() {
    let mut world = World::new(5);
    let node = world.process_with("alone", LIMITS());
    let at_rest = held(&mut world, node);
    let fit = MEMORY / 4 / 20_500;
    assert_eq!(wait_for_nobody(&mut world, node, 0..60), 60 - fit - 1);
    let waiting = held(&mut world, node) - at_rest;
    assert!((MEMORY / 4 - 20_500..=MEMORY / 4).contains(&waiting), "{waiting} bytes");
    // One makes room for one.
    world.at(node).cancel(0);
    world.told(node);
    assert_eq!(wait_for_nobody(&mut world, node, 60..62), 1);
    // They go on to a provider, or their time is up.
    world.create(node, "nobody");
    world.told(node);
    assert_eq!(held(&mut world, node), at_rest);
    assert_eq!(world.table(node, "parked"), 0);
}

#[test]
fn no_request_begins_to_wait_for_a_provider_when_little_is_left() {
    let (mut world, hub, [publisher, sleeper]) = star(6);
    let (service, _) = world.create(publisher, "news");
    let subscription = world.subscribe(sleeper, "news", "*");
    world.settle();
    assert_eq!(wait_for_nobody(&mut world, hub, 0..1), 0);
    world.host(sleeper).stopped = true;
    let mut sent = 0;
    while held(&mut world, hub) < MEMORY - MEMORY / 16 {
        publish(&mut world, publisher, service, "s", 4000);
        sent += 1;
    }
    assert_eq!(wait_for_nobody(&mut world, hub, 1..2), 1);
    world.host(sleeper).stopped = false;
    let told = world.told(sleeper);
    assert_eq!(told.sequences(subscription), (1..=sent).collect::<Vec<_>>());
    assert_eq!(wait_for_nobody(&mut world, hub, 2..3), 0);
}
