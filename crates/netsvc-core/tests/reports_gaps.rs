//! Promises 19 and 20, where the way is long: whoever subscribes while a publisher is being told
//! who wants what is told everything from the first report that it is told, and whoever wanted it
//! before is told everything from the first there is. Nobody is told to have missed anything.

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

    fn create(&mut self, groups: &[&str]) -> ServiceNo {
        let groups = groups.iter().map(|group| (*group).into()).collect();
        self.world.create_with(self.publisher, NewService { groups, ..service("x") }).0
    }

    fn subscribe(&mut self, client: Node, target: &Target, pattern: &str) -> SubscriptionId {
        let target = match target {
            Target::Name => SubscriptionTarget::Name("x".into()),
            Target::Group(group) => SubscriptionTarget::Group((*group).into()),
        };
        self.world.subscribe_to(client, target, pattern, ROOMY)
    }

    /// Publishes for a time, a report in each millisecond.
    fn publish(&mut self, no: ServiceNo, milliseconds: usize) {
        for _ in 0..milliseconds {
            let subject = SUBJECTS[self.random.below(3)];
            self.world.publish(self.publisher, no, subject, Lifetime::None);
            self.published.push(subject);
            self.world.advance(MILLISECOND);
        }
    }

    /// What is wanted of what was published, by sequence.
    fn wanted(&self, pattern: &str) -> Vec<u64> {
        let numbered = (1..).zip(&self.published);
        let wanted = numbered.filter(|(_, subject)| pattern == "*" || **subject == pattern);
        wanted.map(|(sequence, _)| sequence).collect()
    }

    /// Of each subscription of a client: everything up to the end was told, from the given report
    /// on or whichever was told first, and nothing counted as missed. Returns with which report the
    /// last of them begins.
    fn judge_all(
        &mut self,
        client: Node,
        subscriptions: &[(SubscriptionId, &str, Option<u64>)],
    ) -> u64 {
        let told = self.world.told(client);
        let mut begins = 0;
        for (subscription, pattern, first) in subscriptions {
            let reports = told.reports_of(*subscription);
            let sequences: Vec<u64> = reports.iter().map(|report| report.sequence).collect();
            assert!(reports.iter().all(|report| report.missed == 0));
            let first = first.unwrap_or_else(|| *sequences.first().unwrap());
            let mut wanted = self.wanted(pattern);
            wanted.retain(|sequence| *sequence >= first);
            assert_eq!(sequences, wanted);
            assert_eq!(self.world.at(client).missed(*subscription), 0);
            begins = begins.max(sequences[0]);
        }
        begins
    }

    /// As `judge_all`, of the only one.
    fn judge(
        &mut self,
        client: Node,
        subscription: SubscriptionId,
        pattern: &str,
        first: Option<u64>,
    ) -> u64 {
        self.judge_all(client, &[(subscription, pattern, first)])
    }
}

/// What is subscribed to.
enum Target {
    Name,
    Group(&'static str),
}

const TARGETS: [Target; 2] = [Target::Name, Target::Group("g")];

#[test]
fn who_subscribes_while_a_publisher_is_told_that_nobody_wants_it() {
    for seed in 0..12 {
        let mut scene = Scene::new(seed);
        let no = scene.create(&["g"]);
        let before = scene.random.below(700);
        scene.publish(no, before);
        let client = scene.clients[0];
        let pattern = ["*", "a"][scene.random.below(2)];
        let target = &TARGETS[scene.random.below(2)];
        let subscription = scene.subscribe(client, target, pattern);
        scene.publish(no, 1000);
        scene.world.settle();
        scene.judge(client, subscription, pattern, None);
    }
}

#[test]
fn who_subscribes_while_a_publisher_is_told_that_another_has_left() {
    for seed in 100..112 {
        let mut scene = Scene::new(seed);
        let no = scene.create(&["g"]);
        let [b, c] = scene.clients;
        let patterns = [scene.random.below(2), scene.random.below(2)].map(|at| ["*", "a"][at]);
        let left = scene.subscribe(c, &Target::Name, patterns[0]);
        scene.publish(no, 900);
        scene.world.at(c).unsubscribe(left);
        let between = scene.random.below(500);
        scene.publish(no, between);
        let target = &TARGETS[scene.random.below(2)];
        let subscription = scene.subscribe(b, target, patterns[1]);
        scene.publish(no, 1000);
        scene.world.settle();
        scene.judge(b, subscription, patterns[1], None);
    }
}

#[test]
fn who_wants_more_than_what_flows_already() {
    for seed in 200..210 {
        let mut scene = Scene::new(seed);
        let no = scene.create(&["g"]);
        let [b, c] = scene.clients;
        let narrow = scene.subscribe(c, &Target::Name, "a");
        let own = scene.random.below(2) == 0;
        let own = own.then(|| scene.subscribe(b, &Target::Name, "b"));
        scene.publish(no, 900);
        let target = &TARGETS[scene.random.below(2)];
        let wide = scene.subscribe(b, target, "*");
        scene.publish(no, 900);
        scene.world.settle();
        let mut of_b = vec![(wide, "*", None)];
        of_b.extend(own.map(|own| (own, "b", None)));
        scene.judge_all(b, &of_b);
        scene.judge(c, narrow, "a", None);
    }
}

#[test]
fn who_subscribes_to_what_flows_is_told_at_once() {
    let mut scene = Scene::new(300);
    let no = scene.create(&[]);
    let [b, c] = scene.clients;
    let first = scene.subscribe(c, &Target::Name, "*");
    scene.publish(no, 900);
    let second = scene.subscribe(b, &Target::Name, "a");
    let on_its_way = scene.published.len() as u64;
    scene.publish(no, 900);
    scene.world.settle();
    let told = scene.judge(b, second, "a", None);
    assert!(told <= on_its_way, "begins with {told}, although {on_its_way} was on its way");
    scene.judge(c, first, "*", None);
}

#[test]
fn who_wanted_the_members_of_a_group_before_is_told_their_first_reports() {
    for seed in 400..410 {
        let mut scene = Scene::new(seed);
        let [b, c] = scene.clients;
        let pattern = ["*", "a"][scene.random.below(2)];
        let subscription = scene.subscribe(b, &Target::Group("g"), pattern);
        scene.world.settle();
        let no = scene.create(&["g"]);
        let before = scene.random.below(300);
        scene.publish(no, before);
        let other = scene.subscribe(c, &Target::Name, "*");
        scene.publish(no, 700);
        scene.world.settle();
        scene.judge(b, subscription, pattern, Some(1));
        scene.judge(c, other, "*", None);
    }
}

#[test]
fn who_wanted_the_members_of_a_group_before_one_joins_is_told_its_first_reports() {
    for seed in 500..512 {
        let mut scene = Scene::new(seed);
        let [b, c] = scene.clients;
        let no = scene.create(&[]);
        let other = (scene.random.below(2) == 0).then(|| scene.subscribe(c, &Target::Name, "a"));
        let before = 400 + scene.random.below(200);
        scene.publish(no, before);
        let subscription = scene.subscribe(b, &Target::Group("g"), "*");
        scene.world.advance(MILLISECOND * 400);
        // The answer to the one is not taken for the answer to the other.
        let now = scene.world.now();
        if scene.random.below(2) == 0 {
            scene.world.at(scene.publisher).join(now, no, "h").unwrap();
            let between = scene.random.below(100);
            scene.publish(no, between);
        }
        let now = scene.world.now();
        scene.world.at(scene.publisher).join(now, no, "g").unwrap();
        let joined = scene.published.len() as u64;
        scene.publish(no, 1000);
        scene.world.settle();
        scene.judge(b, subscription, "*", Some(joined + 1));
        if let Some(other) = other {
            scene.judge(c, other, "a", None);
        }
        // One or two subscribers, and that they are all.
        let known = 2 + usize::from(other.is_some());
        assert_eq!(scene.world.table(scene.publisher, "told subscribers"), known);
    }
}

#[test]
fn a_service_that_joins_a_group_right_after_its_creation_is_told_from_its_first_report() {
    for seed in 800..810 {
        let mut scene = Scene::new(seed);
        let [b, c] = scene.clients;
        let by_name = scene.subscribe(b, &Target::Name, "*");
        let by_group = scene.subscribe(c, &Target::Group("g"), "*");
        scene.world.settle();
        let no = scene.create(&[]);
        let before = 1 + scene.random.below(100);
        scene.publish(no, before);
        let now = scene.world.now();
        scene.world.at(scene.publisher).join(now, no, "g").unwrap();
        let joined = scene.published.len() as u64;
        scene.publish(no, 600);
        scene.world.settle();
        scene.judge(b, by_name, "*", Some(1));
        scene.judge(c, by_group, "*", Some(joined + 1));
    }
}

#[test]
fn a_kept_value_that_is_on_its_way_to_another_subscription_is_told_to_both() {
    let mut scene = Scene::new(700);
    let no = scene.create(&[]);
    let [b, c] = scene.clients;
    for who in [b, c] {
        let before = scene.subscribe(who, &Target::Name, "a");
        scene.world.advance(Duration::from_secs(1));
        scene.world.publish(scene.publisher, no, "a", Lifetime::Forever);
        let late = scene.subscribe(b, &Target::Name, "?");
        scene.world.advance(Duration::from_secs(1));
        let told = scene.world.told(b);
        assert_eq!(told.subjects(late), ["a"]);
        scene.world.at(b).unsubscribe(late);
        scene.world.at(who).unsubscribe(before);
    }
}

#[test]
fn a_member_that_has_left_sends_no_more() {
    let mut scene = Scene::new(600);
    let b = scene.clients[0];
    let no = scene.create(&["g"]);
    let subscription = scene.subscribe(b, &Target::Group("g"), "*");
    scene.world.settle();
    scene.publish(no, 10);
    scene.world.settle();
    let now = scene.world.now();
    scene.world.at(scene.publisher).leave(now, no, "g").unwrap();
    scene.world.settle();
    scene.publish(no, 10);
    scene.world.settle();
    assert_eq!(scene.world.told(b).reports_of(subscription).len(), 10);
    // Only that there is none.
    assert_eq!(scene.world.table(scene.publisher, "told subscribers"), 1);
}
