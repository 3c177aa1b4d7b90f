//! Promise 21: `latest` keeps the newest report of each subject in the place of the one before, in
//! the subscriber's queue and, over the limit, in the outboxes on the way.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use netsvc_core::{
    Content, DeliveredReport, Lifetime, Limits, ServiceNo, SubscriptionId, SubscriptionLimits,
    SubscriptionTarget,
};
use netsvc_testkit::{Node, Verbs, World};

const LIVE: Lifetime = Lifetime::None;

fn subscribe(world: &mut World, node: Node, pattern: &str, reports: usize) -> SubscriptionId {
    let limits = SubscriptionLimits { reports, bytes: usize::MAX >> 1, latest: true };
    world.subscribe_to(node, SubscriptionTarget::Name("x".into()), pattern, limits)
}

fn publish(world: &mut World, node: Node, no: ServiceNo, subject: &str, size: usize) {
    let (now, content) = (world.now(), Content::raw(vec![0; size]));
    world.at(node).report(now, no, subject, content, LIVE).unwrap();
}

fn brief(reports: &[DeliveredReport]) -> Vec<(&str, u64, u64)> {
    reports.iter().map(|report| (&*report.subject, report.sequence, report.missed)).collect()
}

#[test]
fn a_waiting_report_is_replaced_in_its_place_by_the_newest_of_its_subject() {
    let (mut world, _, [a, b]) = World::star(1);
    let (no, _) = world.create(a, "x");
    let latest = subscribe(&mut world, b, "*", 100);
    let all = world.subscribe(b, "x", "*");
    world.settle();
    world.host(b).listening = false;
    for subject in ["a", "b", "a", "c", "a", "b"] {
        world.publish(a, no, subject, LIVE);
    }
    world.settle();
    world.host(b).listening = true;
    let told = world.told(b);
    // `a` stays the first although it was published again and again.
    assert_eq!(brief(told.reports_of(latest)), [("a", 5, 2), ("b", 6, 1), ("c", 4, 0)]);
    assert_eq!(told.reports_of(latest)[0].content, Content::raw("a"));
    assert_eq!(world.at(b).missed(latest), 3);
    assert_eq!(told.sequences(all), [1, 2, 3, 4, 5, 6], "another subscription is not concerned");
    // Once told, nothing is replaced any more.
    for subject in ["b", "a"] {
        world.publish(a, no, subject, LIVE);
    }
    let told = world.told(b);
    assert_eq!(brief(told.reports_of(latest)), [("b", 7, 0), ("a", 8, 0)]);
}

#[test]
fn no_subject_starves_behind_a_busy_one() {
    let (mut world, _, [a, b]) = World::star(2);
    let (no, _) = world.create(a, "x");
    let now = world.now();
    let limits = SubscriptionLimits { reports: 10, bytes: usize::MAX >> 1, latest: true };
    let target = SubscriptionTarget::Name("x".into());
    let subscription = world.at(b).subscribe(now, target, "*", limits).unwrap();
    world.settle();
    // Uses up what may be told before the application grants more.
    for n in 0..1024_u64 {
        publish(&mut world, a, no, &format!("{}", n % 3), 1);
        world.settle();
    }
    world.told(b);
    let mut told_of = [0; 3];
    for round in 0..30 {
        for n in 0..50 {
            // Nearly everything is about subject 0.
            let subject = if n == 25 { 1 + round % 2 } else { 0 };
            publish(&mut world, a, no, &subject.to_string(), 1);
        }
        world.settle();
        world.at(b).grant(subscription, 2);
        for subject in world.told(b).subjects(subscription) {
            told_of[subject.parse::<usize>().unwrap()] += 1;
        }
    }
    assert!(told_of.iter().all(|told| *told >= 14), "{told_of:?}");
}

#[test]
fn the_bound_holds_for_distinct_subjects_and_drops_the_oldest() {
    let (mut world, _, [a, b]) = World::star(3);
    let (no, _) = world.create(a, "x");
    let latest = subscribe(&mut world, b, "*", 2);
    world.settle();
    world.host(b).listening = false;
    for subject in ["a", "a", "b", "c", "b", "c"] {
        world.publish(a, no, subject, LIVE);
    }
    world.settle();
    world.host(b).listening = true;
    let told = world.told(b);
    // Dropping `a` loses one, and it had replaced another.
    assert_eq!(brief(told.reports_of(latest)), [("b", 5, 3), ("c", 6, 1)]);
    assert_eq!(world.at(b).missed(latest), 4);
}

#[test]
fn subjects_of_different_services_are_different() {
    let (mut world, _, [a, b, c]) = World::star(4);
    let services = [a, c].map(|node| (node, world.create(node, "x").0));
    let latest = subscribe(&mut world, b, "*", 10);
    world.settle();
    world.host(b).listening = false;
    for (node, no) in services {
        for _ in 0..3 {
            world.publish(node, no, "s", LIVE);
        }
        world.settle();
    }
    world.host(b).listening = true;
    let told = world.told(b);
    assert_eq!(brief(told.reports_of(latest)), [("s", 3, 2), ("s", 3, 2)]);
}

#[test]
fn kept_values_are_replayed_as_to_everybody_and_then_replaced() {
    let (mut world, _, [a, b]) = World::star(5);
    let (no, _) = world.create(a, "x");
    for subject in ["a", "b"] {
        world.publish(a, no, subject, Lifetime::Forever);
    }
    world.settle();
    world.host(b).listening = false;
    let latest = subscribe(&mut world, b, "*", 10);
    world.settle();
    world.publish(a, no, "a", Lifetime::Forever);
    world.settle();
    world.host(b).listening = true;
    let told = world.told(b);
    let reports = told.reports_of(latest);
    assert_eq!(brief(reports), [("a", 3, 1), ("b", 2, 0)]);
    assert_eq!(reports.iter().map(|report| report.replayed).collect::<Vec<_>>(), [false, true]);
}

/// A publisher with a small outbox, a hub, and subscribers as given: pattern, `latest`.
fn behind_a_small_outbox<const N: usize>(
    seed: u64,
    wants: [(&str, bool); N],
) -> (World, Node, ServiceNo, [(Node, SubscriptionId); N]) {
    let mut world = World::new(seed);
    let hub = world.process("hub");
    let publisher = world.process_with("a", Limits { outbox: 20_000, ..Limits::default() });
    world.hub(hub, "");
    world.connect(publisher, hub);
    let (no, _) = world.create(publisher, "x");
    let subscriptions = wants.map(|(pattern, latest)| {
        let node = world.process("subscriber");
        world.connect(node, hub);
        let subscription = if latest {
            subscribe(&mut world, node, pattern, 1000)
        } else {
            world.subscribe(node, "x", pattern)
        };
        (node, subscription)
    });
    world.settle();
    (world, publisher, no, subscriptions)
}

#[test]
fn over_the_limit_an_outbox_replaces_if_all_behind_the_link_want_the_newest() {
    let (mut world, a, no, [(b, at_b), (c, at_c)]) =
        behind_a_small_outbox(6, [("*", true), ("*", true)]);
    // Ten subjects with a thousand bytes each fit, and a hundred rounds do not.
    for _ in 0..100 {
        for subject in 0..10 {
            publish(&mut world, a, no, &subject.to_string(), 1000);
        }
    }
    for (node, subscription) in [(b, at_b), (c, at_c)] {
        let told = world.told(node);
        let newest: Vec<_> = told.reports_of(subscription).iter().collect();
        // Every subject is there, with its newest report.
        for subject in 0..10_u64 {
            let last = newest.iter().rfind(|report| *report.subject == *subject.to_string());
            assert_eq!(last.map(|report| report.sequence), Some(991 + subject));
        }
        let missed = world.at(node).missed(subscription);
        assert_eq!(newest.len() as u64 + missed, 1000);
        let told_missed: u64 = newest.iter().map(|report| report.missed).sum();
        assert_eq!(told_missed, missed);
    }
}

#[test]
fn a_rare_subject_survives_a_busy_one_in_the_outbox() {
    let (mut world, a, no, [(b, at_b)]) = behind_a_small_outbox(7, [("*", true)]);
    publish(&mut world, a, no, "rare", 1000);
    for _ in 0..500 {
        publish(&mut world, a, no, "busy", 1000);
    }
    let told = world.told(b);
    let subjects = told.subjects(at_b);
    assert!(subjects.contains(&"rare"), "{subjects:?}");
    assert_eq!(told.sequences(at_b).iter().max(), Some(&501));
    assert_eq!(subjects.len() as u64 + world.at(b).missed(at_b), 501);
}

#[test]
fn one_who_wants_every_report_keeps_the_outbox_from_replacing() {
    let (mut world, a, no, [(b, latest), (c, all)]) =
        behind_a_small_outbox(8, [("*", true), ("*", false)]);
    publish(&mut world, a, no, "rare", 1000);
    for _ in 0..500 {
        publish(&mut world, a, no, "busy", 1000);
    }
    // The oldest go, so that who wants all has no holes in what is left.
    let told = world.told(c);
    let sequences = told.sequences(all);
    assert!(!told.subjects(all).contains(&"rare"));
    assert!(sequences.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{sequences:?}");
    assert_eq!(sequences.last(), Some(&501));
    assert_eq!(sequences.len() as u64 + world.at(c).missed(all), 501);
    let told = world.told(b);
    assert_eq!(told.reports_of(latest).len() as u64 + world.at(b).missed(latest), 501);
}

#[test]
fn who_wants_every_report_of_other_subjects_does_not_matter() {
    let (mut world, a, no, [(b, latest), (c, all)]) =
        behind_a_small_outbox(9, [("*", true), ("special", false)]);
    publish(&mut world, a, no, "special", 1000);
    publish(&mut world, a, no, "rare", 1000);
    for _ in 0..500 {
        publish(&mut world, a, no, "busy", 1000);
    }
    let told = world.told(b);
    let subjects = told.subjects(latest);
    assert!(subjects.contains(&"rare") && subjects.contains(&"special"), "{subjects:?}");
    assert_eq!(world.told(c).subjects(all), ["special"]);
    assert_eq!(world.at(c).missed(all), 0);
}

#[test]
fn below_the_limit_nothing_is_replaced_on_the_way() {
    let (mut world, a, no, [(b, latest)]) = behind_a_small_outbox(10, [("*", true)]);
    let hub = Node(0);
    let before = world.bytes_sent(a, hub);
    for _ in 0..10 {
        publish(&mut world, a, no, "s", 500);
    }
    let told = world.told(b);
    assert!(world.bytes_sent(a, hub) - before > 10 * 500, "all ten crossed the link");
    // Only the subscriber's own queue, where they arrived at once, has replaced them.
    assert_eq!(brief(told.reports_of(latest)), [("s", 10, 9)]);
}

#[test]
fn the_hubs_outbox_replaces_for_each_subscriber_by_itself() {
    let mut world = World::new(11);
    let hub = world.process_with("hub", Limits { outbox: 20_000, ..Limits::default() });
    world.hub(hub, "");
    world.capacity = 4000;
    let [a, b, c] = ["a", "b", "c"].map(|label| world.process(label));
    for client in [a, b, c] {
        world.connect(client, hub);
    }
    let (no, _) = world.create(a, "x");
    let latest = subscribe(&mut world, b, "*", 1000);
    let all = world.subscribe(c, "x", "*");
    world.settle();
    for node in [b, c] {
        world.host(node).stopped = true;
    }
    publish(&mut world, a, no, "rare", 1000);
    for _ in 0..500 {
        publish(&mut world, a, no, "busy", 1000);
        world.settle();
    }
    for node in [b, c] {
        world.host(node).stopped = false;
    }
    for (node, subscription) in [(b, latest), (c, all)] {
        let told = world.told(node);
        assert_eq!(told.sequences(subscription).last(), Some(&501));
        let missed = world.at(node).missed(subscription);
        assert_eq!(told.reports_of(subscription).len() as u64 + missed, 501);
        assert!(missed > 0);
    }
}

#[test]
fn whether_it_is_latest_travels_with_the_interest_and_ends_with_it() {
    let (mut world, a, no, [(b, latest), (c, all)]) =
        behind_a_small_outbox(12, [("*", true), ("*", false)]);
    // The one that wanted every report goes: from now on the outbox replaces.
    world.at(c).unsubscribe(all);
    world.settle();
    world.told(b);
    publish(&mut world, a, no, "rare", 1000);
    for _ in 0..500 {
        publish(&mut world, a, no, "busy", 1000);
    }
    assert!(world.told(b).subjects(latest).contains(&"rare"));
    // And comes back.
    let again = world.subscribe(c, "x", "*");
    world.settle();
    publish(&mut world, a, no, "rare", 1000);
    for _ in 0..500 {
        publish(&mut world, a, no, "busy", 1000);
    }
    assert!(!world.told(c).subjects(again).contains(&"rare"));
}
