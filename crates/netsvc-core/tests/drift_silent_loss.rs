//! Promises 13 and 20: what a service publishes before anybody has told it its subscribers goes to
//! every hub, also in batches; and a batch follows the route of the moment.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::{Content, Heartbeat, Lifetime, LinkId, Retry, ServiceNo, Str};
use netsvc_testkit::{Node, Told, Ways, World, service};

fn publish(world: &mut World, node: Node, no: ServiceNo, subject: &Str, size: usize) {
    let (now, content) = (world.now(), Content::raw(vec![7; size]));
    world.host(node).publish(now, no, subject, &content, Lifetime::None).unwrap();
}

/// What was told from the first report on, with what was missed: every report counts once.
fn accounted(told: &Told, subscription: netsvc_core::SubscriptionId) -> (usize, u64) {
    let reports = told.reports_of(subscription);
    (reports.len(), reports.iter().map(|report| report.missed).sum())
}

#[test]
fn the_first_reports_of_a_service_reach_a_subscriber_that_was_there_before() {
    let (mut world, _, [publisher, subscriber]) = World::star(1);
    let subscription = world.subscribe(subscriber, "x", "*");
    world.settle();
    world.host(publisher).ways = Ways::Quick;
    let (no, _) = world.create(publisher, "x");
    let subject = Str::from("s");
    publish(&mut world, publisher, no, &subject, 100);
    // Too large for a batch.
    publish(&mut world, publisher, no, &subject, 8 << 10);
    assert_eq!(world.told(subscriber).sequences(subscription), [1, 2]);
}

#[test]
fn a_burst_of_a_service_that_is_not_asked_yet_is_told_or_counted_to_its_last_report() {
    let (mut world, _, [publisher, subscriber]) = World::star(2);
    let subscription = world.subscribe(subscriber, "x", "*");
    world.settle();
    world.host(publisher).ways = Ways::Quick;
    let (no, _) = world.create(publisher, "x");
    // The announcement is on its way, the answer to it is not.
    world.advance(Duration::ZERO);
    let subject = Str::from("s");
    for _ in 0..1000 {
        publish(&mut world, publisher, no, &subject, 1000);
    }
    world.settle();
    publish(&mut world, publisher, no, &subject, 1000);
    let told = world.told(subscriber);
    assert_eq!(told.sequences(subscription).last(), Some(&1001));
    assert_eq!(accounted(&told, subscription), (1001, 0));
}

#[test]
fn the_first_reports_of_a_service_reach_a_hub_that_subscribes_beside_one_that_does_not() {
    let mut world = World::new(3);
    let publisher = world.process("publisher");
    let hubs = ["a", "b"].map(|group| {
        let hub = world.process(group);
        world.hub(hub, group);
        world.connect_with(publisher, hub, group, Retry::Backoff, Heartbeat::default());
        hub
    });
    let subscription = world.subscribe(hubs[1], "x", "*");
    world.settle();
    world.host(publisher).ways = Ways::Quick;
    let (no, _) = world
        .create_with(publisher, netsvc_core::NewService { audience: "b".into(), ..service("x") });
    let subject = Str::from("s");
    for _ in 0..10 {
        publish(&mut world, publisher, no, &subject, 100);
    }
    publish(&mut world, publisher, no, &subject, 8 << 10);
    let told = world.told(hubs[1]);
    assert_eq!(told.sequences(subscription), (1..=11).collect::<Vec<_>>());
}

/// A publisher and a subscriber that share two hubs, and the publisher's links to these.
fn two_ways(world: &mut World) -> (Node, Node, [Node; 2], [LinkId; 2]) {
    let (publisher, subscriber) = (world.process("publisher"), world.process("subscriber"));
    let hubs = ["a", "b"].map(|group| {
        let hub = world.process(group);
        world.hub(hub, group);
        hub
    });
    let mut connect = |node, index: usize| {
        let group = ["a", "b"][index];
        world.connect_with(node, hubs[index], group, Retry::Backoff, Heartbeat::default())
    };
    let links = [connect(publisher, 0), connect(publisher, 1)];
    connect(subscriber, 0);
    connect(subscriber, 1);
    world.settle();
    (publisher, subscriber, hubs, links)
}

#[test]
fn a_batch_does_not_go_on_over_a_link_that_was_closed() {
    let mut world = World::new(4);
    let (publisher, subscriber, _, links) = two_ways(&mut world);
    let (no, _) = world.create(publisher, "x");
    let subscription = world.subscribe(subscriber, "x", "*");
    world.settle();
    world.host(publisher).ways = Ways::Quick;
    let subject = Str::from("s");
    // More than is sent at once: the last of them wait as a batch.
    for _ in 0..40 {
        publish(&mut world, publisher, no, &subject, 4000);
    }
    let now = world.now();
    world.at(publisher).close_link(now, links[0], Duration::from_secs(5));
    for _ in 0..5 {
        publish(&mut world, publisher, no, &subject, 4000);
    }
    world.settle();
    publish(&mut world, publisher, no, &subject, 4000);
    let told = world.told(subscriber);
    let after: Vec<u64> =
        told.sequences(subscription).into_iter().filter(|sequence| *sequence > 40).collect();
    assert_eq!(after, (41..=46).collect::<Vec<_>>(), "published with the other route in use");
    let (told, missed) = accounted(&told, subscription);
    assert!(told as u64 + missed >= 46, "{told} told, {missed} missed of 46");
}
