//! Promise 20, where the way is long: whoever subscribes while a publisher is being told who wants
//! what is told, or told to have missed, everything from the first report that it is told.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::{Lifetime, NewService, ServiceNo, SubscriptionId, SubscriptionTarget};
use netsvc_testkit::{Node, ROOMY, Random, World, service};

const MILLISECOND: Duration = Duration::from_millis(1);
const SUBJECTS: [&str; 3] = ["a", "b", "c"];

/// A hub with two clients near by, and a publisher from which it takes `delay` to the hub.
struct Scene {
    world: World,
    clients: [Node; 2],
    publisher: Node,
    /// Subjects of all reports, by their sequence.
    published: Vec<&'static str>,
    random: Random,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut world = World::new(seed);
        world.delay = MILLISECOND;
        let [hub, publisher, b, c] = ["hub", "a", "b", "c"].map(|label| world.process(label));
        world.hub(hub, "");
        world.connect(b, hub);
        world.connect(c, hub);
        world.settle();
        world.delay = MILLISECOND * u32::try_from(20 + random.below(180)).unwrap();
        world.connect(publisher, hub);
        world.advance(Duration::from_secs(2));
        Self { world, clients: [b, c], publisher, published: Vec::new(), random }
    }

    fn create(&mut self, group: bool) -> ServiceNo {
        let groups = if group { vec!["g".into()] } else { Vec::new() };
        self.world.create_with(self.publisher, NewService { groups, ..service("x") }).0
    }

    /// Publishes for a time, a report in each millisecond or so.
    fn publish(&mut self, no: ServiceNo, milliseconds: usize) {
        for _ in 0..milliseconds {
            let subject = SUBJECTS[self.random.below(3)];
            self.world.publish(self.publisher, no, subject, Lifetime::None);
            self.published.push(subject);
            self.world.advance(MILLISECOND);
        }
    }

    /// Of what came after the first report that was told, everything was told or missed.
    fn judge(&mut self, client: Node, subscription: SubscriptionId, pattern: &str, first: bool) {
        let told = self.world.told(client);
        let mut last = if first { Some(0) } else { None };
        for report in told.reports_of(subscription) {
            if let Some(last) = last {
                let between = &self.published[last..usize::try_from(report.sequence).unwrap() - 1];
                let wanted =
                    between.iter().filter(|subject| pattern == "*" || **subject == pattern);
                let wanted = wanted.count() as u64;
                let sequence = report.sequence;
                assert!(report.missed >= wanted, "{} of {wanted} before {sequence}", report.missed);
            }
            last = Some(usize::try_from(report.sequence).unwrap());
        }
        assert_eq!(
            last,
            Some(
                self.published
                    .iter()
                    .rposition(|subject| { pattern == "*" || *subject == pattern })
                    .unwrap()
                    + 1
            )
        );
    }
}

fn named() -> SubscriptionTarget {
    SubscriptionTarget::Name("x".into())
}

#[test]
fn who_subscribes_while_a_publisher_is_told_that_nobody_wants_it() {
    for seed in 0..30 {
        let mut scene = Scene::new(seed);
        let no = scene.create(false);
        let before = scene.random.below(700);
        scene.publish(no, before);
        let client = scene.clients[0];
        let pattern = ["*", "a"][scene.random.below(2)];
        let subscription = scene.world.subscribe_to(client, named(), pattern, ROOMY);
        scene.publish(no, 1000);
        scene.world.settle();
        scene.judge(client, subscription, pattern, false);
    }
}

#[test]
fn who_subscribes_while_a_publisher_is_told_that_another_has_left() {
    for seed in 100..130 {
        let mut scene = Scene::new(seed);
        let no = scene.create(false);
        let [b, c] = scene.clients;
        // No less than the next one wants: else that finds holes in what comes first.
        let patterns = [["*", "*"], ["*", "a"], ["a", "a"]][scene.random.below(3)];
        let left = scene.world.subscribe_to(c, named(), patterns[0], ROOMY);
        scene.publish(no, 900);
        scene.world.at(c).unsubscribe(left);
        let between = scene.random.below(500);
        scene.publish(no, between);
        let pattern = patterns[1];
        let subscription = scene.world.subscribe_to(b, named(), pattern, ROOMY);
        scene.publish(no, 1000);
        scene.world.settle();
        scene.judge(b, subscription, pattern, false);
    }
}

#[test]
fn a_subscription_by_group_is_told_that_it_missed_the_first_reports_of_a_new_member() {
    for seed in 200..210 {
        let mut scene = Scene::new(seed);
        let b = scene.clients[0];
        let target = SubscriptionTarget::Group("g".into());
        let subscription = scene.world.subscribe_to(b, target, "*", ROOMY);
        scene.world.settle();
        let no = scene.create(true);
        scene.publish(no, 1000);
        scene.world.settle();
        scene.judge(b, subscription, "*", true);
    }
}

#[test]
fn who_subscribes_to_what_nobody_wants_has_missed_nothing() {
    let mut scene = Scene::new(300);
    let no = scene.create(false);
    scene.publish(no, 1500);
    let client = scene.clients[0];
    let subscription = scene.world.subscribe_to(client, named(), "*", ROOMY);
    scene.publish(no, 1000);
    scene.world.settle();
    assert_eq!(scene.world.at(client).missed(subscription), 0);
}
