//! Promises 13 and 20 where a subscription, a new service and a route change at about the same
//! time: reports are told or counted from the first one on.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::{
    Content, Heartbeat, Lifetime, NewService, Retry, ServiceNo, SubscriptionId, SubscriptionTarget,
};
use netsvc_testkit::{Node, ROOMY, Told, World, service};

fn publish(world: &mut World, node: Node, no: ServiceNo) {
    let (now, content) = (world.now(), Content::raw("21"));
    world.host(node).publish(now, no, &"s".into(), &content, Lifetime::None).unwrap();
}

/// Reports that were neither told nor counted, from the first one told on.
fn untold(told: &Told, subscription: SubscriptionId) -> u64 {
    let mut untold = 0;
    for pair in told.reports_of(subscription).windows(2) {
        let between = pair[1].sequence - pair[0].sequence - 1;
        untold += between.saturating_sub(pair[1].missed);
    }
    untold
}

#[test]
fn a_subscription_made_while_a_new_service_publishes_has_no_untold_gap() {
    let mut gaps = Vec::new();
    for offset in 0..40 {
        let (mut world, _, [publisher, subscriber]) = World::star(1);
        let (no, _) = world.create(publisher, "x");
        let mut subscription = None;
        for tick in 0..60 {
            if tick == offset {
                subscription = Some(world.subscribe(subscriber, "x", "*"));
            }
            publish(&mut world, publisher, no);
            world.advance(Duration::from_micros(200));
        }
        let told = world.told(subscriber);
        let subscription = subscription.unwrap();
        assert_eq!(told.sequences(subscription).last(), Some(&60));
        let untold = untold(&told, subscription);
        if untold > 0 {
            gaps.push((offset, untold));
        }
    }
    assert_eq!(gaps, [], "tick of the subscription, reports that nobody told");
}

#[test]
fn a_group_subscription_hears_the_first_reports_of_a_new_member() {
    let (mut world, _, [publisher, subscriber]) = World::star(2);
    let target = SubscriptionTarget::Group("sensors".into());
    let subscription = world.subscribe_to(subscriber, target, "*", ROOMY);
    world.settle();
    let described = NewService { groups: vec!["sensors".into()], ..service("x") };
    let (no, _) = world.create_with(publisher, described);
    for _ in 0..10 {
        publish(&mut world, publisher, no);
    }
    world.settle();
    publish(&mut world, publisher, no);
    let sequences = world.told(subscriber).sequences(subscription);
    assert_eq!(sequences, (1..=11).collect::<Vec<_>>());
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
