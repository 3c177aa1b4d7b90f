//! Promises 20, 21 and 23, as far as they concern reports: bounds, what is dropped, and that it is
//! counted where it is told.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::limits::MAX_SUBJECT;
use netsvc_core::steps;
use netsvc_core::{
    CommandError, Content, Lifetime, Limits, SubscriptionId, SubscriptionLimits, SubscriptionTarget,
};
use netsvc_testkit::{Node, ROOMY, Verbs, World};

const LIVE: Lifetime = Lifetime::None;

fn bounded(world: &mut World, node: Node, reports: usize, bytes: usize) -> SubscriptionId {
    let limits = SubscriptionLimits { reports, bytes, latest: false };
    world.subscribe_to(node, SubscriptionTarget::Name("x".into()), "*", limits)
}

#[test]
fn a_full_subscription_drops_the_oldest_and_counts_it_in_the_next_report() {
    let (mut world, _, [a, b]) = World::star(1);
    let (no, _) = world.create(a, "x");
    let small = bounded(&mut world, b, 3, usize::MAX);
    let large = bounded(&mut world, b, 100, usize::MAX);
    world.settle();
    world.host(b).listening = false;
    for n in 0..10 {
        world.publish(a, no, &n.to_string(), LIVE);
    }
    world.settle();
    world.host(b).listening = true;
    let told = world.told(b);
    assert_eq!(told.subjects(small), ["7", "8", "9"]);
    let missed: Vec<u64> = told.reports_of(small).iter().map(|report| report.missed).collect();
    assert_eq!(missed, [7, 0, 0]);
    assert_eq!(world.at(b).missed(small), 7);
    assert_eq!(told.subjects(large).len(), 10, "nobody else is concerned");
    assert_eq!(world.at(b).missed(large), 0);
}

#[test]
fn a_subscription_is_bounded_in_bytes_too() {
    let (mut world, _, [a, b]) = World::star(2);
    let (no, _) = world.create(a, "x");
    let subscription = bounded(&mut world, b, 1000, 100);
    world.settle();
    world.host(b).listening = false;
    let publish = |world: &mut World, size: usize| {
        let (now, content) = (world.now(), Content::raw("c".repeat(size)));
        world.at(a).report(now, no, "s", content, LIVE).unwrap();
    };
    for _ in 0..4 {
        publish(&mut world, 30);
    }
    world.settle();
    world.host(b).listening = true;
    let told = world.told(b);
    assert_eq!(told.sequences(subscription), [2, 3, 4]);
    assert_eq!(told.reports_of(subscription)[0].missed, 1);
    // One that does not fit at all is dropped by itself.
    publish(&mut world, 101);
    publish(&mut world, 100);
    let told = world.told(b);
    assert_eq!(told.sequences(subscription), [6]);
    assert_eq!(told.reports_of(subscription)[0].missed, 1);
    assert_eq!(world.at(b).missed(subscription), 2);
}

#[test]
fn what_is_held_during_a_replay_counts_towards_the_bounds() {
    let (mut world, _, [a, b]) = World::star(3);
    let (no, _) = world.create(a, "x");
    for n in 0..50 {
        world.publish(a, no, &n.to_string(), Lifetime::Forever);
    }
    world.settle();
    world.host(b).listening = false;
    let subscription = bounded(&mut world, b, 10, usize::MAX);
    world.settle();
    let now = world.now();
    let waiting: Vec<_> = std::iter::from_fn(|| world.at(b).poll_event(now)).collect();
    assert!((5..=10).contains(&waiting.len()), "{}", waiting.len());
    world.host(b).events.extend(waiting);
    // The others are still at the publisher, and come when there is room for them.
    world.host(b).listening = true;
    let told = world.told(b);
    assert_eq!(told.sequences(subscription), (1..=50).collect::<Vec<_>>());
    assert_eq!(world.at(b).missed(subscription), 0);
}

#[test]
fn replayed_values_are_dropped_last_for_nobody_may_publish_them_again() {
    // The reader does not read: before, or only after the replay has ended.
    for held in [true, false] {
        let (mut world, hub, [a, b]) = World::star(4);
        let (no, _) = world.create(a, "x");
        for n in 0..8 {
            world.publish(a, no, &format!("kept {n}"), Lifetime::Forever);
        }
        // Another one has asked for what is live.
        world.subscribe(b, "x", "*");
        world.told(b);
        world.host(b).listening = false;
        let subscription = bounded(&mut world, b, 10, usize::MAX);
        if held {
            // The replay cannot end while the hub is stopped, and comes behind what is live.
            world.host(hub).stopped = true;
        } else {
            world.settle();
        }
        for _ in 0..20 {
            world.publish(a, no, "live", Lifetime::None);
        }
        world.host(hub).stopped = false;
        world.settle();
        world.host(b).listening = true;
        let told = world.told(b);
        let expected: Vec<u64> = (1..=8).chain(27..=28).collect();
        assert_eq!(told.sequences(subscription), expected, "held: {held}");
        let reports = told.reports_of(subscription);
        assert!(reports[..8].iter().all(|report| report.replayed && report.missed == 0));
        assert_eq!(reports[8].missed, 18, "held: {held}");
        assert_eq!(world.at(b).missed(subscription), 18);
    }
}

#[test]
fn without_credit_nothing_is_told_and_a_grant_resumes_in_order() {
    let (mut world, _, [a, b]) = World::star(4);
    let (no, _) = world.create(a, "x");
    let now = world.now();
    let target = SubscriptionTarget::Name("x".into());
    let subscription = world.at(b).subscribe(now, target, "*", ROOMY).unwrap();
    let fast = world.subscribe(b, "x", "*");
    world.settle();
    for n in 0..3000 {
        world.publish(a, no, &n.to_string(), LIVE);
    }
    let told = world.told(b);
    let first = told.sequences(subscription).len() as u64;
    assert!(first < 3000);
    assert_eq!(told.sequences(fast).len(), 3000, "a slow subscription holds up nobody");
    assert!(!world.at(b).has_events());
    world.at(b).grant(subscription, 5);
    let told = world.told(b);
    assert_eq!(told.sequences(subscription), (first + 1..=first + 5).collect::<Vec<_>>());
    world.at(b).grant(subscription, u32::MAX);
    let told = world.told(b);
    assert_eq!(told.sequences(subscription), (first + 6..=3000).collect::<Vec<_>>());
    assert_eq!(world.at(b).missed(subscription), 0);
}

#[test]
fn a_frozen_subscriber_costs_the_others_nothing() {
    let (mut world, _, [a, b, c]) = World::star(5);
    let (no, _) = world.create(a, "x");
    let frozen = bounded(&mut world, b, 10, usize::MAX);
    let awake = bounded(&mut world, c, 10_000, usize::MAX);
    world.settle();
    world.host(b).stopped = true;
    for n in 0..1000 {
        let (now, content) = (world.now(), Content::raw("c".repeat(1000)));
        world.at(a).report(now, no, n.to_string(), content, LIVE).unwrap();
        if n % 100 == 0 {
            world.settle();
        }
    }
    let told = world.told(c);
    assert_eq!(told.sequences(awake), (1..=1000).collect::<Vec<_>>());
    world.host(b).stopped = false;
    let told = world.told(b);
    let sequences = told.sequences(frozen);
    assert!(sequences.windows(2).all(|pair| pair[0] < pair[1]));
    let missed: u64 = told.reports_of(frozen).iter().map(|report| report.missed).sum();
    assert_eq!(missed + sequences.len() as u64, 1000);
}

#[test]
fn publishing_never_blocks_and_says_when_much_is_queued() {
    let (mut world, _, [a, b]) = World::star(6);
    let (no, _) = world.create(a, "x");
    let subscription = world.subscribe(b, "x", "*");
    world.settle();
    let mut low = 0;
    for n in 0..40_u32 {
        let (now, content) = (world.now(), Content::raw(vec![0; 64 << 10]));
        let accepted = world.at(a).report(now, no, n.to_string(), content, LIVE).unwrap();
        if accepted {
            low += 1;
        }
    }
    assert!((10..20).contains(&low), "false above 1 MiB: {low}");
    assert!(world.at(a).queued_bytes() > 1 << 20);
    assert_eq!(world.told(b).sequences(subscription).len(), 40, "nothing was lost");
    assert_eq!(world.at(a).queued_bytes(), 0);
}

#[test]
fn a_full_outbox_drops_the_oldest_reports_and_keeps_the_link() {
    let mut world = World::new(7);
    let hub = world.process("hub");
    let a = world.process_with("a", Limits { outbox: 100_000, ..Limits::default() });
    let b = world.process("b");
    world.hub(hub, "");
    world.connect(a, hub);
    world.connect(b, hub);
    let (no, _) = world.create(a, "x");
    let subscription = world.subscribe(b, "x", "*");
    world.told(a);
    for n in 0..100_u32 {
        let (now, content) = (world.now(), Content::raw(vec![0; 10_000]));
        world.at(a).report(now, no, n.to_string(), content, LIVE).unwrap();
    }
    let told = world.told(b);
    let sequences = told.sequences(subscription);
    assert!(sequences.len() < 15, "{sequences:?}");
    assert_eq!(sequences.last(), Some(&100), "the newest survive");
    assert!(world.told(a).others.is_empty(), "the link stays");
}

#[test]
fn bad_arguments_are_refused_and_change_nothing() {
    let mut world = World::new(8);
    let limits = Limits { interests: 2, services: 2, payload: 1000, ..Limits::default() };
    let a = world.process_with("a", limits);
    let (no, _) = world.create(a, "x");
    let now = world.now();
    let process = world.at(a);
    let target = |name: &str| SubscriptionTarget::Name(name.into());
    let none = SubscriptionLimits { reports: 0, bytes: 1, latest: false };
    let invalid = |result: Result<SubscriptionId, CommandError>| result.unwrap_err().code();
    assert_eq!(invalid(process.subscribe(now, target("x"), "*", none)), "invalid");
    let long = "s".repeat(MAX_SUBJECT + 1);
    assert_eq!(invalid(process.subscribe(now, target("x"), long.as_str(), ROOMY)), "invalid");
    let long_name = "n".repeat(256);
    assert_eq!(invalid(process.subscribe(now, target(&long_name), "*", ROOMY)), "invalid");
    let publish = process.report(now, no, long.as_str(), Content::raw(""), LIVE);
    assert_eq!(publish.unwrap_err().code(), "invalid");
    let publish = process.report(now, no, "s", Content::raw(vec![0; 1001]), LIVE);
    assert_eq!(publish.unwrap_err(), CommandError::TooLarge { size: 1001, limit: 1000 });
    let nobody = netsvc_core::ServiceNo(99);
    let publish = process.report(now, nobody, "s", Content::raw(""), LIVE);
    assert_eq!(publish.unwrap_err().code(), "closed");

    process.subscribe(now, target("x"), "1", ROOMY).unwrap();
    process.subscribe(now, target("x"), "2", ROOMY).unwrap();
    process.subscribe(now, target("x"), "2", ROOMY).unwrap();
    assert_eq!(invalid(process.subscribe(now, target("x"), "3", ROOMY)), "limit");
    let service = netsvc_testkit::service;
    process.create_service(now, service("y")).unwrap();
    assert_eq!(process.create_service(now, service("z")).unwrap_err().code(), "limit");
    let nameless = netsvc_core::NewService { groups: vec!["".into()], ..service("z") };
    assert_eq!(process.create_service(now, nameless).unwrap_err().code(), "invalid");
}

#[test]
fn a_publish_that_is_refused_for_kept_values_looks_at_none_of_them() {
    const VALUES: usize = 10_000;
    let mut world = World::new(31);
    let a = world.process_with("a", Limits { kept_values: VALUES, ..Limits::default() });
    let [(long, _), (short, _)] = [world.create(a, "long"), world.create(a, "short")];
    let keep = |world: &mut World, service, subject: String, seconds| {
        let (now, lifetime) = (world.now(), Lifetime::For(seconds * Duration::from_secs(1)));
        world.at(a).report(now, service, &*subject, Content::raw("x"), lifetime)
    };
    for number in 0..VALUES as u32 {
        // One after the other.
        let (service, seconds) = if number < 100 { (short, 1 + number) } else { (long, 86_400) };
        keep(&mut world, service, format!("s{number}"), seconds).unwrap();
    }
    let before = steps::taken();
    for second in 0..100 {
        for number in 0..10 {
            let refused = keep(&mut world, long, format!("more {second} {number}"), 86_400);
            assert!(matches!(refused, Err(CommandError::Limit { what: "kept_values", .. })));
        }
        world.advance(Duration::from_secs(1));
        keep(&mut world, long, format!("in its place {second}"), 86_400).unwrap();
    }
    let steps = steps::taken() - before;
    assert!(steps < VALUES as u64, "{steps} steps for 1,000 refusals and 100 values");
}
