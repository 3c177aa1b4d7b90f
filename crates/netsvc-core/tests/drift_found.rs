//! What the differential test has found beside what was known: each with the promise it breaks.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::{
    Content, Event, Filter, Heartbeat, Lifetime, LinkId, RequestOptions, Retry, ServiceNo,
    SubscriptionId,
};
use netsvc_testkit::{Node, Target, Ways, World};

const GROUPS: [&str; 2] = ["a", "b"];

struct TwoWays {
    world: World,
    publisher: Node,
    subscriber: Node,
    hubs: [Node; 2],
    /// Of the publisher, then of the subscriber; in the group `a`, then in `b`.
    links: [[LinkId; 2]; 2],
    no: ServiceNo,
}

/// A publisher of `x` and a subscriber that share two hubs.
fn two_ways(seed: u64) -> TwoWays {
    let mut world = World::new(seed);
    let [publisher, subscriber] = ["publisher", "subscriber"].map(|label| world.process(label));
    let hubs = GROUPS.map(|group| {
        let hub = world.process(group);
        world.hub(hub, group);
        hub
    });
    let links = [publisher, subscriber].map(|node| {
        [0, 1].map(|index| {
            let (retry, heartbeat) = (Retry::Backoff, Heartbeat::default());
            world.connect_with(node, hubs[index], GROUPS[index], retry, heartbeat)
        })
    });
    let (no, _) = world.create(publisher, "x");
    world.settle();
    TwoWays { world, publisher, subscriber, hubs, links, no }
}

fn publish(world: &mut World, node: Node, no: ServiceNo, size: usize) {
    let (now, content) = (world.now(), Content::raw(vec![7; size]));
    world.host(node).publish(now, no, &"s".into(), &content, Lifetime::None).unwrap();
}

/// Promise 12: reports and outcomes of one process stay in order.
#[test]
fn the_outcome_of_a_closed_service_does_not_overtake_its_reports() {
    let (mut world, _, [provider, caller]) = World::star(1);
    let (no, _) = world.create(provider, "x");
    let subscription = world.subscribe(caller, "x", "*");
    world.settle();
    world.host(provider).ways = Ways::Quick;
    let options = RequestOptions::within(Duration::from_secs(5));
    let (now, content) = (world.now(), Content::raw(""));
    let target = Target::Name("x".into());
    world.host(caller).request(now, 1, &target, &"run".into(), &content, options);
    world.settle();
    world.host(caller).take_events();
    // More than is sent at once: the last of them wait as a batch.
    for _ in 0..40 {
        publish(&mut world, provider, no, 4000);
    }
    let now = world.now();
    world.at(provider).close_service(now, no);
    world.settle();
    let events = world.host(caller).take_events();
    let outcome = events.iter().position(|event| matches!(event, Event::Outcome { .. }));
    let reports = events.iter().filter(
        |event| matches!(event, Event::Report { subscription: of, .. } if *of == subscription),
    );
    assert_eq!((reports.count(), outcome), (40, Some(40)));
}

/// Promise 9: of one origin the higher revision wins, whatever way it took. What another way tells
/// of a service that is known already is not looked at.
#[test]
fn a_change_of_group_that_came_over_another_route_only_is_not_forgotten() {
    for joins in [true, false] {
        let TwoWays { mut world, publisher, subscriber, hubs, links, no } = two_ways(2);
        if !joins {
            let now = world.now();
            world.at(publisher).join(now, no, "group").unwrap();
            world.settle();
        }
        // The subscriber is away from `a`, the publisher cannot say anything to `b`: nobody tells
        // the subscriber of the change before it is back at `a`.
        world.stop_listening(hubs[0]);
        world.cut_link(subscriber, links[1][0]);
        world.settle();
        world.plug_link(publisher, links[0][1], true);
        let now = world.now();
        if joins {
            world.at(publisher).join(now, no, "group").unwrap();
        } else {
            world.at(publisher).leave(now, no, "group").unwrap();
        }
        world.settle();
        world.listen_again(hubs[0], GROUPS[0]);
        world.advance(Duration::from_secs(8));
        // It has told what it knows; the other way ends without having told anything.
        world.stop_listening(hubs[1]);
        world.cut_link(publisher, links[0][1]);
        world.advance(Duration::from_secs(8));
        let known = world.at(subscriber).lookup(&Filter::default());
        let groups: Vec<usize> = known.iter().map(|service| service.groups.len()).collect();
        assert_eq!(groups, [usize::from(joins)], "joins: {joins}");
    }
}

/// Promise 20: with two routes, the other hub may have the same reports for a subscriber of its
/// own, and passes them on to all of its clients. What is behind on the route in use is then
/// dropped as old, and not counted.
#[test]
fn reports_that_come_by_the_other_hub_lose_none_of_those_on_the_route_in_use() {
    let TwoWays { mut world, publisher, subscriber, hubs, links, no } = two_ways(3);
    let subscription = world.subscribe(subscriber, "x", "*");
    world.settle();
    publish(&mut world, publisher, no, 10);
    world.settle();
    world.freeze_link(publisher, links[0][0], true);
    publish(&mut world, publisher, no, 10);
    world.settle();
    world.subscribe(hubs[1], "x", "*");
    world.settle();
    publish(&mut world, publisher, no, 10);
    world.settle();
    world.freeze_link(publisher, links[0][0], false);
    world.settle();
    publish(&mut world, publisher, no, 10);
    let told = world.told(subscriber);
    let (sequences, reports) = (told.sequences(subscription), told.reports_of(subscription));
    let missed: u64 = reports.iter().map(|report| report.missed).sum();
    assert_eq!(sequences.last(), Some(&4));
    assert!(sequences.len() as u64 + missed >= 4, "told {sequences:?}, missed {missed} of 4");
}

impl TwoWays {
    fn publish(&mut self) {
        publish(&mut self.world, self.publisher, self.no, 10);
    }

    /// Everything recovers, one more report follows, and `published` are told or counted.
    fn accounts_for(mut self, subscription: SubscriptionId, published: u64) {
        for (node, links) in [self.publisher, self.subscriber].into_iter().zip(self.links) {
            for link in links {
                self.world.plug_link(node, link, false);
                self.world.freeze_link(node, link, false);
            }
        }
        self.world.advance(Duration::from_secs(60));
        self.publish();
        self.world.settle();
        let told = self.world.told(self.subscriber);
        let (sequences, reports) = (told.sequences(subscription), told.reports_of(subscription));
        let missed: u64 = reports.iter().map(|report| report.missed).sum();
        assert_eq!(sequences.last(), Some(&published), "{sequences:?}");
        assert!(sequences.is_sorted_by(|one, next| one < next), "{sequences:?}");
        assert!(
            sequences.len() as u64 + missed >= published,
            "told {sequences:?}, missed {missed} of {published}"
        );
    }
}

/// Promise 20: the publisher does not know yet that the subscriber has left the hub that they use,
/// and what it sends there is told to nobody.
#[test]
fn a_report_that_the_old_way_takes_after_the_subscriber_has_left_it_is_not_lost() {
    for drain in [0, 5] {
        let mut ways = two_ways(4);
        let subscription = ways.world.subscribe(ways.subscriber, "x", "*");
        ways.world.settle();
        ways.world.plug_link(ways.publisher, ways.links[0][0], true);
        let (now, drain) = (ways.world.now(), Duration::from_secs(drain));
        let link = ways.links[1][0];
        ways.world.at(ways.subscriber).close_link(now, link, drain);
        ways.world.settle();
        ways.publish();
        ways.accounts_for(subscription, 2);
    }
}

/// Promise 20: the publisher has given up the hub that they use, with a report in its queue, and
/// the subscriber has not heard of that when the next comes by the other.
#[test]
fn the_first_report_is_not_lost_with_the_way_that_the_publisher_closes() {
    let mut ways = two_ways(5);
    let subscription = ways.world.subscribe(ways.subscriber, "x", "*");
    ways.world.settle();
    ways.world.plug_link(ways.publisher, ways.links[0][0], true);
    ways.publish();
    let now = ways.world.now();
    ways.world.at(ways.publisher).close_link(now, ways.links[0][0], Duration::from_secs(5));
    ways.publish();
    ways.world.settle();
    ways.accounts_for(subscription, 3);
}

/// Promise 20: copies for a subscriber at the other hub come and go, while the way in use hangs.
#[test]
fn copies_by_the_other_hub_hide_no_report_between_them() {
    let mut ways = two_ways(6);
    let subscription = ways.world.subscribe(ways.subscriber, "x", "*");
    ways.world.settle();
    ways.world.freeze_link(ways.publisher, ways.links[0][0], true);
    for _ in 0..3 {
        // Not for the hub, then for the hub, too.
        ways.publish();
        ways.world.settle();
        let other = ways.world.subscribe(ways.hubs[1], "x", "*");
        ways.world.settle();
        ways.publish();
        ways.world.settle();
        ways.world.at(ways.hubs[1]).unsubscribe(other);
        ways.world.settle();
    }
    ways.accounts_for(subscription, 7);
}

/// Promise 20: a report for the subscriber alone goes the way of the others.
#[test]
fn a_report_for_one_process_is_not_overtaken_by_copies_of_others() {
    let mut ways = two_ways(7);
    let subscription = ways.world.subscribe(ways.subscriber, "x", "*");
    ways.world.subscribe(ways.hubs[1], "x", "*");
    ways.world.settle();
    ways.world.plug_link(ways.publisher, ways.links[0][0], true);
    let (now, to) = (ways.world.now(), ways.world.at(ways.subscriber).id());
    let host = ways.world.host(ways.publisher);
    host.publish_to(now, ways.no, to, &"s".into(), &Content::raw(vec![7; 10])).unwrap();
    ways.publish();
    ways.world.settle();
    ways.accounts_for(subscription, 3);
}

/// Copies come early, and others before them by the way in use: each is told once, none is counted.
#[test]
fn copies_by_the_other_hub_that_come_early_are_not_counted_as_missed() {
    let mut ways = two_ways(8);
    let subscription = ways.world.subscribe(ways.subscriber, "x", "*");
    ways.world.settle();
    ways.world.freeze_link(ways.publisher, ways.links[0][0], true);
    ways.publish();
    ways.world.subscribe(ways.hubs[1], "x", "*");
    ways.world.settle();
    ways.publish();
    ways.publish();
    ways.world.settle();
    ways.world.freeze_link(ways.publisher, ways.links[0][0], false);
    ways.world.settle();
    let told = ways.world.told(ways.subscriber);
    assert_eq!(told.sequences(subscription), [1, 2, 3]);
    assert!(told.reports_of(subscription).iter().all(|report| report.missed == 0));
}

/// The end of a way that was not in use says nothing of the one that is: nothing is missed, nothing
/// is resumed.
#[test]
fn losing_a_way_that_is_not_in_use_counts_nothing_as_missed() {
    let mut ways = two_ways(9);
    let subscription = ways.world.subscribe(ways.subscriber, "x", "s");
    ways.world.settle();
    let now = ways.world.now();
    let host = ways.world.host(ways.publisher);
    host.publish(now, ways.no, &"other".into(), &Content::raw(""), Lifetime::None).unwrap();
    ways.world.settle();
    ways.world.cut_link(ways.subscriber, ways.links[1][1]);
    ways.world.advance(Duration::from_secs(8));
    ways.publish();
    ways.world.settle();
    let told = ways.world.told(ways.subscriber);
    let reports = told.reports_of(subscription);
    assert_eq!((reports.len(), reports[0].missed, reports[0].resumed), (1, 0, false));
}
