//! Promises 12 and 20: whatever a process sends over a link leaves in the order in which it was
//! said. A report that overtakes another takes its place at the subscriber: the overtaken one is
//! dropped there and nobody counts it.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::{Content, Event, HandlerResult, Lifetime, LinkId, ServiceNo, Str};
use netsvc_testkit::{Node, Told, Ways, World, link_event, link_story, story};

const LIVE: Lifetime = Lifetime::None;

fn publish(
    world: &mut World,
    node: Node,
    no: ServiceNo,
    subject: &Str,
    size: usize,
    lifetime: Lifetime,
) {
    let (now, content) = (world.now(), Content::raw(vec![7; size]));
    world.host(node).publish(now, no, subject, &content, lifetime).unwrap();
}

/// A hub with the service `x` and two clients that subscribe to these patterns. The second does not
/// read: for it something waits. Told so far: one report, of the subject `ab`.
fn beside_a_slow_one(seed: u64, patterns: [&str; 2]) -> Beside {
    let mut world = World::new(seed);
    world.capacity = 1000;
    let hub = world.process("hub");
    world.hub(hub, "");
    let clients = ["quick", "slow"].map(|label| world.process(label));
    let (no, _) = world.create(hub, "x");
    let mut subscriptions = Vec::new();
    for (client, pattern) in clients.into_iter().zip(patterns) {
        world.connect(client, hub);
        world.settle();
        subscriptions.push(world.subscribe(client, "x", pattern));
    }
    world.settle();
    world.host(hub).ways = Ways::Quick;
    world.freeze(hub, clients[1], true);
    publish(&mut world, hub, no, &"ab".into(), 4000, LIVE);
    world.settle();
    let [quick, slow] = clients;
    assert_eq!(world.told(quick).sequences(subscriptions[0]), [1]);
    Beside { world, hub, no, quick, slow, subscription: subscriptions[0] }
}

struct Beside {
    world: World,
    hub: Node,
    no: ServiceNo,
    quick: Node,
    slow: Node,
    subscription: netsvc_core::SubscriptionId,
}

impl Beside {
    fn publish(&mut self, subject: &str, size: usize, lifetime: Lifetime) {
        publish(&mut self.world, self.hub, self.no, &subject.into(), size, lifetime);
    }

    /// Sequences that the quick one was told, with what it missed.
    fn told(&mut self) -> Vec<(u64, u64)> {
        let told = self.world.told(self.quick);
        let reports = told.reports_of(self.subscription).iter();
        reports.map(|report| (report.sequence, report.missed)).collect()
    }
}

#[test]
fn a_large_report_does_not_overtake_a_small_one_that_waits_for_a_slow_link() {
    let mut slow = beside_a_slow_one(1, ["*", "*"]);
    slow.publish("ab", 100, LIVE);
    slow.publish("ab", 8 << 10, LIVE);
    assert_eq!(slow.told(), [(2, 0), (3, 0)]);
}

#[test]
fn a_kept_value_does_not_overtake_a_report_that_waits_for_a_slow_link() {
    let mut slow = beside_a_slow_one(2, ["*", "*"]);
    slow.publish("ab", 100, LIVE);
    slow.publish("ab", 100, Lifetime::Forever);
    assert_eq!(slow.told(), [(2, 0), (3, 0)]);
}

#[test]
fn a_report_for_one_link_does_not_overtake_one_for_several() {
    let mut slow = beside_a_slow_one(3, ["*", "a*"]);
    slow.publish("ab", 100, LIVE);
    slow.publish("bb", 8 << 10, LIVE);
    assert_eq!(slow.told(), [(2, 0), (3, 0)]);
}

#[test]
fn a_report_written_from_memory_does_not_overtake_a_batch() {
    let mut slow = beside_a_slow_one(4, ["*", "a*"]);
    slow.publish("ab", 100, LIVE);
    // Of 64 KiB, which one link takes as they lie.
    slow.publish("bb", 70 << 10, LIVE);
    assert_eq!(slow.told(), [(2, 0), (3, 0)]);
}

#[test]
fn large_reports_among_small_ones_lose_nothing_although_one_client_is_stopped() {
    let mut slow = beside_a_slow_one(5, ["*", "*"]);
    let mut told = Vec::new();
    for _ in 0..50 {
        slow.publish("ab", 100, LIVE);
        slow.publish("ab", 8 << 10, LIVE);
        told.extend(slow.told());
    }
    let lost = (2..=101).filter(|sequence| !told.contains(&(*sequence, 0))).count();
    assert_eq!(lost, 0, "of 100 for the client that reads");
}

/// A client with the service `x`, its link, and a hub that subscribes.
fn pair(seed: u64) -> (World, [Node; 2], ServiceNo, LinkId, netsvc_core::SubscriptionId) {
    let mut world = World::new(seed);
    let [hub, client] = ["hub", "client"].map(|label| world.process(label));
    world.hub(hub, "");
    world.connect(client, hub);
    let (no, _) = world.create(client, "x");
    let subscription = world.subscribe(hub, "x", "*");
    world.settle();
    let events = world.host(client).take_events();
    let link = events.iter().find_map(link_event).unwrap().link;
    world.host(hub).take_events();
    world.host(client).ways = Ways::Quick;
    (world, [hub, client], no, link, subscription)
}

#[test]
fn a_small_kept_value_does_not_overtake_what_is_too_much_to_be_sent_at_once() {
    let (mut world, [hub, client], no, _, subscription) = pair(6);
    let subject = Str::from("s");
    for _ in 0..50 {
        publish(&mut world, client, no, &subject, 4000, LIVE);
    }
    publish(&mut world, client, no, &subject, 1, Lifetime::Forever);
    let told = world.told(hub).sequences(subscription);
    assert_eq!((told.len(), first_hole(&told)), (51, None));
}

#[test]
fn a_failure_does_not_overtake_the_reports_before_it() {
    for failure in [true, false] {
        let (mut world, [hub, client], no, _, subscription) = pair(7);
        world.ask(hub, 1, "x", "");
        let call = world.told(client).only_invocation().call;
        let subject = Str::from("s");
        for _ in 0..40 {
            publish(&mut world, client, no, &subject, 4000, LIVE);
        }
        let content = Content::raw("sorry");
        let result = if failure {
            HandlerResult::Failure(content)
        } else {
            HandlerResult::Response(content)
        };
        world.host(client).respond(call, &result);
        world.settle();
        let events = world.host(hub).take_events();
        let outcome = events.iter().position(|event| matches!(event, Event::Outcome { .. }));
        assert_eq!(outcome, Some(40), "after 40 reports; a failure: {failure}");
        assert_eq!(Told::of(events).sequences(subscription), (1..=40).collect::<Vec<_>>());
    }
}

#[test]
fn closing_a_link_sends_what_waits_as_a_batch_before_the_goodbye() {
    let (mut world, [hub, client], no, link, subscription) = pair(8);
    let subject = Str::from("s");
    for _ in 0..400 {
        publish(&mut world, client, no, &subject, 500, LIVE);
    }
    let now = world.now();
    world.at(client).close_link(now, link, Duration::from_secs(5));
    world.settle();
    let events = world.host(hub).take_events();
    assert_eq!(link_story(&events), ["inactive peer-closed"]);
    let told = Told::of(events).sequences(subscription);
    assert_eq!((told.len(), first_hole(&told)), (400, None));
}

#[test]
fn closing_an_exchange_sends_what_waits_as_a_batch_before_the_goodbye() {
    // The hub publishes, and closes with all its links.
    let (mut world, hub, [client]) = World::star(9);
    let (no, _) = world.create(hub, "x");
    let subscription = world.subscribe(client, "x", "*");
    world.settle();
    world.host(hub).ways = Ways::Quick;
    let subject = Str::from("s");
    for _ in 0..400 {
        publish(&mut world, hub, no, &subject, 500, LIVE);
    }
    let (now, exchange) = (world.now(), world.listening_exchange(hub));
    world.at(hub).close_exchange(now, exchange, Duration::from_secs(5));
    let told = world.told(client).sequences(subscription);
    assert_eq!((told.len(), first_hole(&told)), (400, None));
}

#[test]
fn a_request_that_is_given_to_another_provider_does_not_overtake_reports() {
    let Beside { mut world, hub, no, quick, slow, .. } = beside_a_slow_one(10, ["*", "*"]);
    for client in [slow, quick] {
        world.create(client, "asked");
    }
    // The slow one's service is known, but nothing more gets through to it.
    world.freeze(hub, slow, false);
    world.settle();
    world.freeze(hub, slow, true);
    publish(&mut world, hub, no, &"ab".into(), 4000, LIVE);
    world.settle();
    let links = world.host(hub).take_events();
    let slow_id = world.at(slow).id();
    let to_slow = links
        .iter()
        .filter_map(link_event)
        .find(|event| event.peer.as_ref().is_some_and(|peer| peer.process == slow_id));
    let to_slow = to_slow.unwrap().link;
    world.host(quick).take_events();
    // In turn: the first goes to the quick one, the second to the slow one, where it waits.
    world.ask(hub, 0, "asked", "");
    let first = world.told(quick).only_invocation().call;
    world.respond(quick, first, "");
    world.settle();
    world.host(quick).take_events();
    world.ask(hub, 1, "asked", "");
    publish(&mut world, hub, no, &"ab".into(), 100, LIVE);
    let now = world.now();
    world.at(hub).close_link(now, to_slow, Duration::ZERO);
    world.settle();
    let told = story(&world.host(quick).take_events());
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    assert_eq!(told, ["report ab", "invoke run"]);
}

/// The first sequence that is missing, from 1 on.
fn first_hole(sequences: &[u64]) -> Option<u64> {
    (1..).zip(sequences).find(|(expected, told)| expected != *told).map(|(expected, _)| expected)
}
