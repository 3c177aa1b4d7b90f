//! Promise 19, with very many subscriptions and services: their kept values are asked for a few at
//! a time, so that no link ends because too much is asked or answered over it at once.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::wire::Message;
use netsvc_core::{Event, Lifetime, Limits, SubscriptionId};
use netsvc_testkit::{Node, RawPeer, World};

const SECOND: Duration = Duration::from_secs(1);
const SERVICES: usize = 200;
const SUBSCRIPTIONS: usize = 100;
/// Much less than a question for each pair of the two takes.
const OUTBOX: usize = 400 << 10;

/// A hub; a process whose services, all of one name, have kept a value each; one with subscriptions
/// to the name that is not connected yet. All at the ends of slow connections.
fn many(seed: u64) -> (World, [Node; 3], Vec<SubscriptionId>) {
    let mut world = World::new(seed);
    world.capacity = 16 << 10;
    let limits = Limits { outbox: OUTBOX, ..Limits::default() };
    let nodes = ["hub", "a", "b"].map(|label| world.process_with(label, limits.clone()));
    let [hub, a, b] = nodes;
    world.hub(hub, "");
    world.connect(a, hub);
    for _ in 0..SERVICES {
        let (no, _) = world.create(a, "x");
        world.publish(a, no, "s", Lifetime::Forever);
    }
    let subscriptions = (0..SUBSCRIPTIONS).map(|_| world.subscribe(b, "x", "*")).collect();
    world.settle();
    world.host(a).take_events();
    world.host(hub).take_events();
    (world, nodes, subscriptions)
}

fn is_loss(event: &Event) -> bool {
    matches!(event, Event::LinkInactive(_) | Event::AttemptFailed(_))
}

#[test]
fn every_pair_gets_its_values_and_no_link_ends() {
    let (mut world, nodes, subscriptions) = many(11);
    let [hub, a, b] = nodes;
    world.connect(b, hub);
    let mut most = 0;
    let done = world.until(120 * SECOND, |world| {
        most = nodes.map(|node| world.at(node).queued_bytes()).into_iter().fold(most, usize::max);
        world.table(b, "services") == SERVICES && world.table(b, "replays") == 0
    });
    assert!(done);
    assert!(most < OUTBOX / 2, "{most}");
    for node in nodes {
        assert!(!world.host(node).events.iter().any(is_loss));
    }
    let told = world.told(b);
    for subscription in &subscriptions {
        let reports = told.reports_of(*subscription);
        assert_eq!(reports.len(), SERVICES);
        assert!(reports.iter().all(|report| report.replayed && report.missed == 0));
    }
    assert_eq!(world.table(b, "asks"), 0);
    // What is published from now on comes at once.
    let (no, _) = world.create(a, "x");
    world.publish(a, no, "live", Lifetime::None);
    world.settle();
    let told = world.told(b);
    for subscription in &subscriptions {
        assert_eq!(told.subjects(*subscription), ["live"]);
    }
}

#[test]
fn a_publisher_that_does_not_answer_holds_up_nobody() {
    let (mut world, [hub, a, b], subscriptions) = many(12);
    let c = world.process("c");
    world.connect(c, hub);
    for _ in 0..SERVICES {
        let (no, _) = world.create(c, "x");
        world.publish(c, no, "s", Lifetime::Forever);
    }
    world.settle();
    world.freeze(a, hub, true);
    world.connect(b, hub);
    let of_c = SERVICES * SUBSCRIPTIONS;
    // Before the hub gives `a` up for its silence.
    let done = world.until(5 * SECOND, |world| world.table(b, "replays") == of_c);
    assert!(done, "{}", world.table(b, "replays"));
    assert_eq!(world.table(b, "services"), 2 * SERVICES);
    let told = world.told(b);
    for subscription in &subscriptions {
        assert_eq!(told.reports_of(*subscription).len(), SERVICES);
    }
    // What `a` was asked and never answered ends with it.
    world.kill(a);
    let gone = world.until(60 * SECOND, |world| world.table(b, "services") == SERVICES);
    assert!(gone, "the hub finds out, by silence");
    assert_eq!(world.table(b, "replays") + world.table(b, "asks"), 0);
    assert_eq!(world.table(hub, "asks"), 0);
}

#[test]
fn what_is_no_longer_wanted_is_not_asked_for() {
    let (mut world, [hub, _, b], subscriptions) = many(13);
    world.connect(b, hub);
    let begun = world.until(10 * SECOND, |world| world.table(b, "services") == SERVICES);
    assert!(begun);
    for subscription in subscriptions {
        world.at(b).unsubscribe(subscription);
    }
    let sent = world.bytes_sent(b, hub);
    assert_eq!(world.table(b, "replays"), 0);
    world.settle();
    assert!(world.bytes_sent(b, hub) - sent < 128 << 10, "{}", world.bytes_sent(b, hub) - sent);
    assert!(!world.host(b).events.iter().any(is_loss));
}

#[test]
fn a_request_about_a_service_that_is_gone_is_answered_too() {
    let mut world = World::new(14);
    let hub = world.process("hub");
    let exchange = world.hub(hub, "");
    let (no, _) = world.create(hub, "x");
    let now = world.now();
    let mut peer = RawPeer::client(world.at(hub), now, exchange, 7);
    world.at(hub).close_service(now, no);
    let (service, pattern) = (no.0, "*".into());
    let ask = Message::ReplayRequest { service, process: 0, replay: 3, pattern, after: 5, upto: 0 };
    peer.say(world.at(hub), now, [ask]);
    let end =
        Message::ReplayEnd { process: 0, replay: 3, sequence: 5, more_after: 0, complete_after: 0 };
    assert_eq!(peer.hear(world.at(hub), now).last(), Some(&end));
}
