//! Promises 20 and 23: no report that exceeds what a peer accepts is sent to it, whichever sort of
//! report it is. For its subscribers it is lost, and the link stays.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::{Content, Lifetime, Limits, ServiceNo, SubscriptionId};
use netsvc_testkit::{Node, World, link_event, link_story};

/// More than the subscriber accepts, which is 1,024 bytes.
const LARGE: usize = 2000;

struct Setup {
    world: World,
    publisher: Node,
    no: ServiceNo,
    subscriber: Node,
}

/// A subscriber that accepts little; the publisher is the hub itself, or another client.
fn setup(seed: u64, relayed: bool) -> Setup {
    let mut world = World::new(seed);
    let hub = world.process("hub");
    world.hub(hub, "");
    let publisher = if relayed { world.process("publisher") } else { hub };
    if relayed {
        world.connect(publisher, hub);
    }
    let limits = Limits { payload: 1024, ..Limits::default() };
    let subscriber = world.process_with("subscriber", limits);
    world.connect(subscriber, hub);
    let (no, _) = world.create(publisher, "x");
    world.settle();
    world.host(subscriber).take_events();
    Setup { world, publisher, no, subscriber }
}

impl Setup {
    fn publish(&mut self, subject: &str, size: usize, lifetime: Lifetime) {
        let (now, content) = (self.world.now(), Content::raw(vec![7; size]));
        let host = self.world.host(self.publisher);
        host.publish(now, self.no, &subject.into(), &content, lifetime).unwrap();
    }

    fn publish_to_subscriber(&mut self, size: usize) {
        let to = self.world.at(self.subscriber).id();
        let (now, content) = (self.world.now(), Content::raw(vec![7; size]));
        let host = self.world.host(self.publisher);
        host.publish_to(now, self.no, to, &"s".into(), &content).unwrap();
    }

    fn subscribe(&mut self) -> SubscriptionId {
        let subscription = self.world.subscribe(self.subscriber, "x", "*");
        self.world.settle();
        subscription
    }

    /// A minute later the link has never been lost, and the subscriber was told these sequences and
    /// missed that many.
    fn expect(mut self, subscription: SubscriptionId, sequences: &[u64], missed: u64) {
        self.world.advance(Duration::from_secs(60));
        let events = self.world.host(self.subscriber).take_events();
        let losses = events.iter().filter(|event| link_event(event).is_some()).count();
        assert_eq!(losses, 0, "events of the link: {:?}", link_story(&events));
        let told = netsvc_testkit::Told::of(events);
        assert_eq!(told.sequences(subscription), sequences);
        let counted: u64 = told.reports_of(subscription).iter().map(|report| report.missed).sum();
        assert_eq!(
            (counted, self.world.at(self.subscriber).missed(subscription)),
            (missed, missed)
        );
    }
}

fn kept_value(relayed: bool) {
    let mut setup = setup(1, relayed);
    setup.publish("small", 10, Lifetime::Forever);
    setup.publish("large", LARGE, Lifetime::Forever);
    setup.publish("small too", 10, Lifetime::Forever);
    let subscription = setup.subscribe();
    setup.publish("live", 10, Lifetime::None);
    setup.expect(subscription, &[1, 3, 4], 1);
}

fn report_for_one_process(relayed: bool) {
    let mut setup = setup(2, relayed);
    let subscription = setup.subscribe();
    setup.publish_to_subscriber(10);
    setup.publish_to_subscriber(LARGE);
    setup.publish_to_subscriber(10);
    setup.expect(subscription, &[1, 3], 1);
}

#[test]
fn a_kept_value_that_is_too_large_is_lost_and_the_others_are_replayed() {
    kept_value(false);
}

#[test]
fn a_kept_value_that_is_too_large_is_lost_at_the_hub() {
    kept_value(true);
}

#[test]
fn a_report_for_one_process_that_is_too_large_is_lost() {
    report_for_one_process(false);
}

#[test]
fn a_report_for_one_process_that_is_too_large_is_lost_at_the_hub() {
    report_for_one_process(true);
}
