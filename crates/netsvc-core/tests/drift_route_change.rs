//! Promise 20 when the route from publisher to subscriber changes: what was still queued on the old
//! one is told, or counted on the new one.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::{Content, Heartbeat, Lifetime, LinkId, Retry, ServiceNo};
use netsvc_testkit::{Node, Ways, World};

struct TwoWays {
    world: World,
    publisher: Node,
    subscriber: Node,
    hubs: [Node; 2],
    /// Of the publisher; the first is in use.
    links: [LinkId; 2],
    no: ServiceNo,
}

/// A publisher of `x` and a subscriber that share two hubs.
fn two_ways(seed: u64) -> TwoWays {
    let mut world = World::new(seed);
    world.capacity = 1000;
    let [publisher, subscriber] = ["publisher", "subscriber"].map(|label| world.process(label));
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
    let (no, _) = world.create(publisher, "x");
    world.settle();
    TwoWays { world, publisher, subscriber, hubs, links, no }
}

impl TwoWays {
    fn publish(&mut self, reports: usize) {
        for _ in 0..reports {
            let (now, content) = (self.world.now(), Content::raw(vec![7; 500]));
            let host = self.world.host(self.publisher);
            host.publish(now, self.no, &"s".into(), &content, Lifetime::None).unwrap();
        }
    }

    /// The route in use ends by `end` with 40 reports queued; four follow on the other.
    fn change(mut self, ways: Ways, end: impl FnOnce(&mut Self)) {
        self.world.host(self.publisher).ways = ways;
        let subscription = self.world.subscribe(self.subscriber, "x", "*");
        self.world.settle();
        self.publish(1);
        self.world.settle();
        self.world.freeze(self.publisher, self.hubs[0], true);
        self.publish(39);
        end(&mut self);
        self.world.advance(Duration::from_secs(2));
        self.publish(4);
        self.world.freeze(self.publisher, self.hubs[0], false);
        self.world.advance(Duration::from_secs(60));
        let told = self.world.told(self.subscriber);
        let sequences = told.sequences(subscription);
        assert_eq!(sequences.last(), Some(&44), "{sequences:?}");
        let missed: u64 = told.reports_of(subscription).iter().map(|report| report.missed).sum();
        let sum = sequences.len() as u64 + missed;
        assert!(sum >= 44, "told {sequences:?}, missed {missed} of 44, {ways:?}");
        assert!(sequences.is_sorted_by(|one, next| one < next), "{sequences:?}");
    }
}

#[test]
fn reports_queued_on_a_route_that_is_closed_are_told_or_counted() {
    for ways in [Ways::General, Ways::Quick] {
        two_ways(1).change(ways, |ways| {
            let now = ways.world.now();
            ways.world.at(ways.publisher).close_link(now, ways.links[0], Duration::from_secs(1));
        });
    }
}
