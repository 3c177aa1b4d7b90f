//! Promise 20 where a subscriber is reached in two ways and loses the one in use.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::{Content, Heartbeat, Lifetime, Retry, ServiceNo};
use netsvc_testkit::{Node, World};

fn publish(world: &mut World, node: Node, no: ServiceNo) {
    let (now, content) = (world.now(), Content::raw("21"));
    world.host(node).publish(now, no, &"s".into(), &content, Lifetime::None).unwrap();
}

#[test]
fn reports_on_the_longer_of_two_ways_are_told_or_counted_when_it_is_lost() {
    let mut world = World::new(3);
    let [hub, publisher, subscriber] =
        ["hub", "publisher", "subscriber"].map(|label| world.process(label));
    world.hub(hub, "a");
    world.hub(publisher, "b");
    let connect = |world: &mut World, node, to, group| {
        world.connect_with(node, to, group, Retry::Backoff, Heartbeat::default())
    };
    let (no, _) = world.create(publisher, "x");
    let subscription = world.subscribe(subscriber, "x", "*");
    // What the publisher hears of the hub it hears late.
    world.delay = Duration::from_millis(20);
    connect(&mut world, publisher, hub, "a");
    world.settle();
    world.delay = Duration::from_millis(1);
    let longer = connect(&mut world, subscriber, hub, "a");
    world.settle();
    connect(&mut world, subscriber, publisher, "b");
    world.settle();
    publish(&mut world, publisher, no);
    world.settle();
    world.stop_listening(hub);
    world.cut_link(subscriber, longer);
    for _ in 0..50 {
        publish(&mut world, publisher, no);
        world.advance(Duration::from_millis(1));
    }
    world.advance(Duration::from_secs(1));
    publish(&mut world, publisher, no);
    let told = world.told(subscriber);
    assert_eq!(told.sequences(subscription).last(), Some(&52));
    let missed: u64 = told.reports_of(subscription).iter().map(|report| report.missed).sum();
    let accounted = told.reports_of(subscription).len() as u64 + missed;
    assert!(accounted >= 52, "{accounted} of 52: {:?}", told.sequences(subscription));
}
