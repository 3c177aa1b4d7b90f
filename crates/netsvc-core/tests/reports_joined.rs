//! Bursts of reports that a process publishes while a link of it is full: they wait together, and
//! arrive as if each had waited alone.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::{
    Content, ContentRef, ContentType, Event, Heartbeat, Lifetime, Limits, PublishOptions,
    RequestOptions, Retry, ServiceNo, Str, SubscriptionId, SubscriptionTarget, TargetRef,
};
use netsvc_testkit::{Node, ROOMY, Verbs, World};

const SUBJECTS: u64 = 10;

/// A publisher of service `x`, and that many hubs that subscribe to it.
fn hubs<const N: usize>(seed: u64, limits: Limits) -> (World, Node, ServiceNo, [Node; N]) {
    let mut world = World::new(seed);
    let publisher = world.process_with("publisher", limits);
    let hubs = std::array::from_fn(|index| {
        let hub = world.process(&format!("hub {index}"));
        let group = index.to_string();
        world.hub(hub, &group);
        world.connect_with(publisher, hub, &group, Retry::Backoff, Heartbeat::default());
        hub
    });
    let (no, _) = world.create(publisher, "x");
    world.settle();
    (world, publisher, no, hubs)
}

fn subscribe(world: &mut World, hub: Node, pattern: &str) -> SubscriptionId {
    let subscription =
        world.subscribe_to(hub, SubscriptionTarget::Name("x".into()), pattern, ROOMY);
    world.settle();
    subscription
}

/// Publishes `numbers` in one burst, with subjects in turn.
fn burst(world: &mut World, node: Node, no: ServiceNo, numbers: std::ops::Range<u64>) {
    let subjects: Vec<Str> = (0..SUBJECTS).map(|n| Str::from(format!("s{n}"))).collect();
    for number in numbers {
        let bytes = number.to_le_bytes().repeat(1 + number as usize % 20);
        let content = ContentRef::new(ContentType(0), &bytes);
        let (now, subject) = (world.now(), &subjects[(number % SUBJECTS) as usize]);
        let options = PublishOptions::default();
        world.at(node).publish(now, no, subject, content, options).unwrap();
    }
    world.settle();
}

/// Publishes until nothing flows any more; returns how many it were.
fn fill(world: &mut World, node: Node, no: ServiceNo) -> u64 {
    let mut count = 0;
    while world.at(node).queued_bytes() < 200_000 {
        burst(world, node, no, count..count + 500);
        count += 500;
    }
    count
}

/// All reports of `x` that a process was told: their sequences, each with what it says of itself.
fn reports(world: &mut World, hub: Node, subscription: SubscriptionId) -> Vec<(u64, u64)> {
    let told = world.told(hub);
    let reports = told.reports_of(subscription).iter();
    reports
        .map(|report| {
            let number = report.sequence - 1;
            assert_eq!(*report.subject, *format!("s{}", number % SUBJECTS));
            let bytes = &report.content.bytes;
            assert_eq!(bytes.len(), 8 * (1 + number as usize % 20));
            assert!(bytes.chunks(8).all(|chunk| chunk == number.to_le_bytes()));
            (report.sequence, report.missed)
        })
        .collect()
}

#[test]
fn they_arrive_whole_and_in_order() {
    for seed in 0..5 {
        let (mut world, publisher, no, [hub]) = hubs(seed, Limits::default());
        let subscription = subscribe(&mut world, hub, "*");
        world.freeze(publisher, hub, true);
        let filled = fill(&mut world, publisher, no);
        burst(&mut world, publisher, no, filled..filled + 5000);
        world.freeze(publisher, hub, false);
        world.settle();
        burst(&mut world, publisher, no, filled + 5000..filled + 5100);
        let reports = reports(&mut world, hub, subscription);
        assert!(reports.into_iter().eq((1..=filled + 5100).map(|sequence| (sequence, 0))));
        assert_eq!(world.at(publisher).queued_bytes(), 0);
    }
}

#[test]
fn what_does_not_fit_is_counted_report_by_report() {
    let (mut world, publisher, no, [hub]) =
        hubs(1, Limits { outbox: 1 << 20, ..Limits::default() });
    let subscription = subscribe(&mut world, hub, "*");
    world.freeze(publisher, hub, true);
    let total = fill(&mut world, publisher, no) + 40_000;
    for start in (total - 40_000..total).step_by(1000) {
        burst(&mut world, publisher, no, start..start + 1000);
    }
    world.freeze(publisher, hub, false);
    world.settle();
    let (mut previous, mut lost) = (0, 0);
    for (sequence, missed) in reports(&mut world, hub, subscription) {
        assert_eq!(sequence, previous + 1 + missed);
        (previous, lost) = (sequence, lost + missed);
    }
    assert_eq!(previous, total);
    assert!(lost > 10_000, "{lost}");
}

#[test]
fn nothing_overtakes_them() {
    let (mut world, publisher, no, [hub]) = hubs(2, Limits::default());
    subscribe(&mut world, hub, "*");
    world.create(hub, "asked");
    world.settle();
    world.freeze(publisher, hub, true);
    let filled = fill(&mut world, publisher, no);
    let now = world.now();
    let (subject, method) = (Str::from("s"), Str::from("run"));
    let content = ContentRef::new(ContentType(0), &[1; 50]);
    let process = world.at(publisher);
    for key in 1..=3 {
        process.publish(now, no, &subject, content, PublishOptions::default()).unwrap();
        let target = TargetRef::Name(&"asked".into());
        let options = RequestOptions::within(Duration::from_secs(60));
        process.request(now, key, target, &method, content, options);
        process.publish(now, no, &subject, content, PublishOptions::default()).unwrap();
        let kept = Content::raw(vec![2; 50]);
        assert_eq!(process.report(now, no, "s", kept, Lifetime::None), Ok(true));
    }
    world.settle();
    world.freeze(publisher, hub, false);
    world.settle();
    let told = world.host(hub).take_events().into_iter().filter_map(|event| match event {
        Event::Report { report, .. } => report.sequence.checked_sub(filled + 1),
        Event::Invoke(_) => Some(100),
        _ => None,
    });
    let told: Vec<_> = told.collect();
    assert_eq!(told, [0, 100, 1, 2, 3, 100, 4, 5, 6, 100, 7, 8]);
}

#[test]
fn a_link_that_is_full_keeps_nothing_from_the_others() {
    let (mut world, publisher, no, [slow, quick]) = hubs(3, Limits::default());
    // Subjects that go to both, behind which those that go to one must not be hurried.
    let slowly = subscribe(&mut world, slow, "s3");
    let quickly = subscribe(&mut world, quick, "*");
    world.freeze(publisher, slow, true);
    let filled = fill(&mut world, publisher, no);
    burst(&mut world, publisher, no, filled..filled + 100);
    let everything: Vec<_> = (1..=filled + 100).map(|sequence| (sequence, 0)).collect();
    assert_eq!(reports(&mut world, quick, quickly), everything);
    world.freeze(publisher, slow, false);
    world.settle();
    let third = (4..=filled + 100).step_by(10).map(|sequence| (sequence, 0));
    assert!(reports(&mut world, slow, slowly).into_iter().eq(third));
}
