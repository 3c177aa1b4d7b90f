//! Promise 19, with more kept values than fit anywhere on their way: they come as the subscriber
//! takes them, and none is lost, whoever reads slowly or not at all for a while.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use netsvc_core::{
    Content, DeliveredReport as Delivered, Event, Lifetime, Limits, Process, ServiceId, ServiceNo,
    SubscriptionId, SubscriptionLimits, SubscriptionTarget,
};
use netsvc_testkit::{Node, Verbs, World, service};

const SECOND: Duration = Duration::from_secs(1);
const PUBLISHERS: usize = 12;
const VALUES: usize = 300;
const ALL: usize = PUBLISHERS * VALUES;
const SIZE: usize = 1024;
const MIB: usize = 1 << 20;

/// A hub and publishers, each with a service `x` of 300 kept values of 1 KiB, and a client, at the
/// ends of connections that hold 64 KiB.
struct Scene {
    world: World,
    hub: Node,
    publishers: Vec<(Node, ServiceNo)>,
    late: Node,
}

fn publish(process: &mut Process, now: netsvc_core::Time, no: ServiceNo, subject: &str) {
    let content = Content::raw(vec![0; SIZE]);
    process.report(now, no, subject, content, Lifetime::Forever).unwrap();
}

impl Scene {
    fn new(seed: u64, outbox: usize) -> Self {
        let mut world = World::new(seed);
        world.capacity = 64 << 10;
        let limits = Limits { outbox, ..Limits::default() };
        let hub = world.process_with("hub", limits.clone());
        world.hub(hub, "");
        let mut publishers = Vec::new();
        for n in 0..PUBLISHERS {
            let node = world.process_with(&format!("p{n}"), limits.clone());
            world.connect(node, hub);
            let (no, _) = world.create(node, "x");
            let now = world.now();
            for value in 0..VALUES {
                publish(world.at(node), now, no, &format!("s{value}"));
            }
            publishers.push((node, no));
        }
        let late = world.process("late");
        world.connect(late, hub);
        world.settle();
        for node in 0..PUBLISHERS + 2 {
            world.host(Node(node)).take_events();
        }
        Self { world, hub, publishers, late }
    }

    fn subscribe(&mut self, reports: usize, bytes: usize, latest: bool) -> SubscriptionId {
        let limits = SubscriptionLimits { reports, bytes, latest };
        let target = SubscriptionTarget::Name("x".into());
        self.world.subscribe_to(self.late, target, "*", limits)
    }

    /// What the subscriber is told until nothing more comes.
    fn told(&mut self) -> Vec<(SubscriptionId, Delivered)> {
        self.world.host(self.late).listening = true;
        let mut most = 0;
        let hub = self.hub;
        self.world.until(120 * SECOND, |world| {
            most = most.max(world.at(hub).queued_bytes());
            false
        });
        let events = self.world.host(self.late).take_events();
        let report = |event| match event {
            Event::Report { subscription, report } => (subscription, report),
            other => panic!("no link is lost: {other:?}"),
        };
        let told = events.into_iter().map(report).collect();
        assert_eq!(self.world.table(self.late, "replays"), 0);
        assert_eq!(self.world.table(self.late, "asks"), 0);
        assert_eq!(self.world.table(self.hub, "replays asked"), 0);
        told
    }

    fn missed(&mut self, subscription: SubscriptionId) -> u64 {
        self.world.at(self.late).missed(subscription)
    }
}

fn by_service(told: &[(SubscriptionId, Delivered)]) -> BTreeMap<ServiceId, Vec<&Delivered>> {
    let mut services: BTreeMap<ServiceId, Vec<&Delivered>> = BTreeMap::new();
    for (_, report) in told {
        services.entry(report.id).or_default().push(report);
    }
    services
}

fn assert_whole(told: &[(SubscriptionId, Delivered)]) {
    let services = by_service(told);
    assert_eq!(services.len(), PUBLISHERS);
    for reports in services.values() {
        let sequences: Vec<u64> = reports.iter().map(|report| report.sequence).collect();
        assert_eq!(sequences, (1..=VALUES as u64).collect::<Vec<_>>());
        assert!(reports.iter().all(|report| report.replayed && report.missed == 0));
    }
}

#[test]
fn a_subscriber_that_is_blocked_gets_all_values_when_it_reads() {
    for (latest, reports, bytes) in
        [(false, 65_536, MIB), (false, 1000, 32 * MIB), (false, 200, 32 * MIB), (true, 1000, MIB)]
    {
        let mut scene = Scene::new(1, Limits::default().outbox);
        scene.world.host(scene.late).listening = false;
        let subscription = scene.subscribe(reports, bytes, latest);
        scene.world.advance(20 * SECOND);
        let told = scene.told();
        assert_eq!(told.len(), ALL, "latest: {latest}, {reports} reports, {bytes} bytes");
        assert_whole(&told);
        assert_eq!(scene.missed(subscription), 0);
    }
}

#[test]
fn what_waits_stays_within_the_limits_of_the_subscription() {
    let mut scene = Scene::new(2, Limits::default().outbox);
    scene.world.host(scene.late).listening = false;
    scene.subscribe(1000, 32 * MIB, false);
    scene.subscribe(65_536, MIB, false);
    scene.world.advance(20 * SECOND);
    let now = scene.world.now();
    let late = scene.world.at(scene.late);
    let mut waiting: HashMap<SubscriptionId, usize> = HashMap::new();
    while let Some(Event::Report { subscription, .. }) = late.poll_event(now) {
        *waiting.entry(subscription).or_default() += 1;
    }
    let mut waiting: Vec<usize> = waiting.into_values().collect();
    waiting.sort_unstable();
    assert!((200..=1000).contains(&waiting[0]), "{waiting:?}");
    assert!((200..=1024).contains(&waiting[1]), "{waiting:?}");
}

#[test]
fn a_subscriber_that_is_stopped_in_the_middle_gets_all_values() {
    for outbox in [600 << 10, 32 * MIB] {
        let mut scene = Scene::new(3, outbox);
        let subscription = scene.subscribe(65_536, 32 * MIB, false);
        let late = scene.late;
        let begun = scene.world.until(SECOND, |world| world.host(late).events.len() > ALL / 10);
        assert!(begun);
        scene.world.host(late).stopped = true;
        let mut most = 0;
        let nodes: Vec<Node> = scene.publishers.iter().map(|(node, _)| *node).collect();
        let hub = scene.hub;
        scene.world.until(6 * SECOND, |world| {
            let publishers = nodes.iter().map(|node| world.at(*node).queued_bytes());
            most = publishers.fold(most, usize::max).max(world.at(hub).queued_bytes());
            false
        });
        assert!(most <= outbox, "{most}");
        scene.world.host(late).stopped = false;
        let told = scene.told();
        assert_whole(&told);
        assert_eq!(scene.missed(subscription), 0);
        for node in nodes.into_iter().chain([hub]) {
            let lost = |event: &Event| matches!(event, Event::LinkInactive(_));
            assert!(!scene.world.host(node).events.iter().any(lost));
        }
    }
}

#[test]
fn while_values_are_published_anew_each_subject_comes_with_its_last_value() {
    for (latest, reports) in [(false, 65_536), (false, 1000), (true, 1000)] {
        let mut scene = Scene::new(4, Limits::default().outbox);
        scene.world.host(scene.late).listening = false;
        let subscription = scene.subscribe(reports, 2 * MIB, latest);
        // A reader that is busy at first, then takes little at a time, then as much as there is.
        for round in 0..400_usize {
            for n in 0..10 {
                let (node, no) = scene.publishers[(round * 7 + n) % PUBLISHERS];
                let now = scene.world.now();
                let subject = format!("s{}", (round * 31 + n) % VALUES);
                publish(scene.world.at(node), now, no, &subject);
            }
            scene.world.host(scene.late).listening = round % 20 == 0 && round > 100;
            scene.world.advance(Duration::from_millis(10));
        }
        let told = scene.told();
        let mut newest: HashMap<(ServiceId, &str), u64> = HashMap::new();
        for reports in by_service(&told).values() {
            // What waits is replaced in its place, if only the latest counts.
            let in_order = reports.windows(2).all(|pair| pair[0].sequence < pair[1].sequence);
            assert!(latest || in_order);
            for report in reports {
                newest.insert((report.id, &*report.subject), report.sequence);
            }
        }
        assert_eq!(newest.len(), ALL, "each subject, latest: {latest}, {reports} reports");
        // Told and missed cover everything that was published meanwhile.
        let told = u64::try_from(told.len()).unwrap();
        let replaced = 4000;
        assert!(told + scene.missed(subscription) >= ALL as u64);
        assert!(told <= ALL as u64 + replaced);
    }
}

#[test]
fn values_of_the_own_process_come_as_they_are_taken() {
    let mut world = World::new(5);
    let a = world.process("a");
    let (no, _) = world.create(a, "x");
    let now = world.now();
    for value in 0..VALUES {
        publish(world.at(a), now, no, &format!("s{value}"));
    }
    let limits = SubscriptionLimits { reports: 10, bytes: 32 * MIB, latest: false };
    world.host(a).listening = false;
    let target = SubscriptionTarget::Name("x".into());
    let subscription = world.subscribe_to(a, target, "*", limits);
    world.settle();
    publish(world.at(a), now, no, "live");
    world.host(a).listening = true;
    let told = world.told(a);
    assert_eq!(told.sequences(subscription), (1..=VALUES as u64 + 1).collect::<Vec<_>>());
    let reports = told.reports_of(subscription);
    assert!(reports[..VALUES].iter().all(|report| report.replayed));
    assert!(!reports[VALUES].replayed);
    assert_eq!(world.at(a).missed(subscription), 0);
    assert_eq!(world.table(a, "replays"), 0);
}

#[test]
fn kept_values_hold_up_the_live_reports_of_their_service_only() {
    let mut scene = Scene::new(7, Limits::default().outbox);
    let (node, history) = scene.publishers[0];
    let now = scene.world.now();
    let alarms = service("x");
    let (alarms, _) = scene.world.at(node).create_service(now, alarms).unwrap();
    scene.world.settle();
    scene.world.host(scene.late).listening = false;
    scene.subscribe(100, 32 * MIB, false);
    scene.world.advance(SECOND);
    for no in [history, alarms, history, alarms] {
        scene.world.publish(node, no, "live", Lifetime::None);
    }
    let told = scene.told();
    let live = told.iter().filter(|(_, report)| !report.replayed);
    let live: Vec<u64> = live.map(|(_, report)| report.sequence).collect();
    let of_history = VALUES as u64;
    assert_eq!(live, [1, 2, of_history + 1, of_history + 2]);
}

#[test]
fn what_is_parked_ends_with_its_service_or_its_subscription() {
    let mut scene = Scene::new(6, Limits::default().outbox);
    scene.world.host(scene.late).listening = false;
    let one = scene.subscribe(100, 32 * MIB, false);
    let other = scene.subscribe(100, 32 * MIB, false);
    scene.world.advance(SECOND);
    scene.world.at(scene.late).unsubscribe(one);
    for (node, no) in &scene.publishers[..PUBLISHERS - 1] {
        let now = scene.world.now();
        scene.world.at(*node).close_service(now, *no);
    }
    let told = scene.told();
    assert!(told.iter().all(|(subscription, _)| *subscription == other));
    let services = by_service(&told);
    let whole = services.values().filter(|reports| reports.len() == VALUES).count();
    assert!(whole >= 1, "the service that stays");
    assert_eq!(scene.missed(other), 0);
}
