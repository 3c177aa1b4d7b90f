//! Promise 19, with very many kept values: they come page by page, so that no outbox fills up, and
//! what is published meanwhile has neither gap nor duplicate.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::collections::HashSet;
use std::time::Duration;

use netsvc_core::{Content, Event, Lifetime, Limits, ServiceNo};
use netsvc_testkit::{Node, Verbs, World};

const SECOND: Duration = Duration::from_secs(1);
const KEPT: Lifetime = Lifetime::Forever;

/// Ten thousand kept values in a publisher whose and whose hub's outbox have this limit, and a
/// subscriber; all at the ends of slow connections.
fn ten_thousand(seed: u64, outbox: usize) -> (World, [Node; 3], ServiceNo) {
    let mut world = World::new(seed);
    world.capacity = 16 << 10;
    let limits = Limits { outbox, ..Limits::default() };
    let [hub, a] = ["hub", "a"].map(|label| world.process_with(label, limits.clone()));
    let b = world.process("b");
    world.hub(hub, "");
    world.connect(a, hub);
    world.connect(b, hub);
    let (no, _) = world.create(a, "x");
    for n in 0..10_000 {
        world.publish(a, no, &format!("s{n}"), KEPT);
    }
    world.settle();
    for node in [hub, a, b] {
        world.host(node).take_events();
    }
    (world, [hub, a, b], no)
}

#[test]
fn ten_thousand_kept_values_reach_a_late_subscriber_while_the_publisher_publishes() {
    let (mut world, [hub, a, b], no) = ten_thousand(7, Limits::default().outbox);
    let subscription = world.subscribe(b, "x", "*");
    assert!(world.until(SECOND, |world| world.at(a).queued_bytes() > 0), "the replay begins");
    // As fast as the link takes it, for longer than the replay takes.
    let mut published = 10_000;
    let mut reports = Vec::new();
    while published < 20_000 {
        for n in 0..20 {
            world.publish(a, no, &format!("s{}", (published * 7 + n) % 10_000), KEPT);
            published += 1;
        }
        world.until(SECOND, |world| world.at(a).queued_bytes() < 8 << 10);
        let events = world.host(b).take_events();
        for event in events {
            match event {
                Event::Report { report, .. } => reports.push(report),
                other => panic!("no link is lost: {other:?}"),
            }
        }
    }
    let told = world.told(b);
    reports.extend(told.reports_of(subscription).to_vec());
    assert!(told.others.is_empty() && world.told(hub).others.is_empty());
    assert!(reports.windows(2).all(|pair| pair[0].sequence < pair[1].sequence), "no duplicate");
    let live = reports.iter().filter(|report| !report.replayed);
    let live: Vec<u64> = live.map(|report| report.sequence).collect();
    let first = live[0];
    assert_eq!(live, (first..=20_000).collect::<Vec<_>>(), "no gap");
    assert!(first < 10_100 && reports.iter().any(|report| report.replayed));
    let subjects: HashSet<&str> = reports.iter().map(|report| &*report.subject).collect();
    assert_eq!(subjects.len(), 10_000);
    assert!(reports.iter().all(|report| report.missed == 0 && !report.resumed));
    assert_eq!(world.at(b).missed(subscription), 0);
    assert_eq!(world.table(b, "replays"), 0);
}

#[test]
fn a_replay_never_fills_an_outbox() {
    // Room for one page and little more; ten thousand values need several times that.
    let limit = 400 << 10;
    let (mut world, [hub, a, b], _) = ten_thousand(8, limit);
    let subscription = world.subscribe(b, "x", "*");
    let mut most = 0;
    let done = world.until(60 * SECOND, |world| {
        most = most.max(world.at(hub).queued_bytes()).max(world.at(a).queued_bytes());
        world.host(b).events.len() == 10_000
    });
    assert!(done);
    assert!(most < limit / 2, "{most}");
    let told = world.told(b);
    assert_eq!(told.sequences(subscription), (1..=10_000).collect::<Vec<_>>());
    assert_eq!(world.at(b).missed(subscription), 0);
    for node in [hub, a] {
        assert!(world.told(node).others.is_empty(), "no link is lost");
    }
}

#[test]
fn pages_are_bounded_in_bytes_as_well() {
    let mut world = World::new(9);
    world.capacity = 16 << 10;
    let limits = Limits { outbox: 600 << 10, ..Limits::default() };
    let [hub, a] = ["hub", "a"].map(|label| world.process_with(label, limits.clone()));
    let b = world.process("b");
    world.hub(hub, "");
    world.connect(a, hub);
    world.connect(b, hub);
    let (no, _) = world.create(a, "x");
    let now = world.now();
    for n in 0..50 {
        let content = Content::raw(vec![0; 100_000]);
        world.at(a).report(now, no, format!("s{n}"), content, KEPT).unwrap();
    }
    world.settle();
    let subscription = world.subscribe(b, "x", "*");
    let told = world.told(b);
    assert_eq!(told.sequences(subscription), (1..=50).collect::<Vec<_>>());
    assert_eq!(world.at(b).missed(subscription), 0);
}

#[test]
fn a_service_withdrawn_between_two_pages_ends_its_replay() {
    let (mut world, [hub, a, b], no) = ten_thousand(10, Limits::default().outbox);
    let subscription = world.subscribe(b, "x", "*");
    world.advance(Duration::from_millis(20));
    let told = world.host(b).events.len();
    assert!(told < 10_000, "no more is told than the pages that have arrived: {told}");
    let now = world.now();
    world.at(a).close_service(now, no);
    let told = world.told(b);
    let sequences = told.sequences(subscription);
    assert!(!sequences.is_empty() && sequences.len() < 10_000, "{}", sequences.len());
    assert!(sequences.windows(2).all(|pair| pair[0] + 1 == pair[1]));
    assert_eq!(world.table(b, "replays"), 0);
    assert!(told.others.is_empty() && world.told(hub).others.is_empty());
}
