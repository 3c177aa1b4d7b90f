//! Bursts of reports that a hub passes on to several links together: whoever is behind one of them
//! gets the same as if it were alone, whatever the others want, take or know.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use netsvc_core::limits::MAX_SYMBOLS;
use netsvc_core::{
    Content, DeliveredReport, Lifetime, Limits, ServiceNo, SubscriptionId, SubscriptionLimits,
    SubscriptionTarget,
};
use netsvc_testkit::{Node, Verbs, World};

/// Bytes that a burst must have for its frames to be shared, and more.
const LARGE: usize = 100;

/// A hub with these limits, a publisher with service `x`, and subscribers to come.
fn star<const N: usize>(seed: u64, hub: Limits) -> (World, Node, Node, ServiceNo, [Node; N]) {
    let mut world = World::new(seed);
    let hub_node = world.process_with("hub", hub);
    world.hub(hub_node, "");
    let publisher = world.process("publisher");
    world.connect(publisher, hub_node);
    let others = std::array::from_fn(|index| {
        let node = world.process(&format!("subscriber {index}"));
        world.connect(node, hub_node);
        node
    });
    let (no, _) = world.create(publisher, "x");
    world.settle();
    (world, hub_node, publisher, no, others)
}

fn publish(world: &mut World, node: Node, no: ServiceNo, subject: &str, size: usize) {
    let (now, content) = (world.now(), Content::raw(vec![size as u8; size]));
    world.at(node).report(now, no, subject, content, Lifetime::None).unwrap();
}

fn all(world: &mut World, node: Node, pattern: &str, latest: bool) -> SubscriptionId {
    let limits = SubscriptionLimits { reports: 1 << 20, bytes: usize::MAX >> 1, latest };
    world.subscribe_to(node, SubscriptionTarget::Name("x".into()), pattern, limits)
}

fn numbers(reports: &[DeliveredReport]) -> Vec<u64> {
    reports.iter().map(|report| report.sequence).collect()
}

/// Reports missing before each one told, by their own account, add up to all that are not told.
fn every_hole_is_told(reports: &[DeliveredReport], published: u64) -> u64 {
    let mut previous = 0;
    for report in reports {
        assert_eq!(report.sequence, previous + 1 + report.missed, "after {previous}");
        previous = report.sequence;
    }
    assert_eq!(previous, published);
    reports.iter().map(|report| report.missed).sum()
}

#[test]
fn each_link_gets_what_it_wants_whole_and_in_order() {
    const COUNT: u64 = 1000;
    for seed in 0..4 {
        let (mut world, _, publisher, no, [a, b, some_of_it, d]) = star(seed, Limits::default());
        let everything = [a, b].map(|node| all(&mut world, node, "*", false));
        let some = all(&mut world, some_of_it, "s3", false);
        let newest = all(&mut world, d, "*", true);
        world.settle();
        let size = |n: u64| (n * 7919 % 3000) as usize;
        let subject = |n: u64| format!("s{}", n / 5 % 7);
        for n in 1..=COUNT {
            publish(&mut world, publisher, no, &subject(n), size(n));
            if n % 300 == 0 {
                // A request's frames go between.
                world.ask(publisher, n, "nobody", "");
            }
        }
        world.settle();
        for (node, subscription) in [(a, everything[0]), (b, everything[1])] {
            let told = world.told(node);
            let reports = told.reports_of(subscription);
            assert!(numbers(reports).into_iter().eq(1..=COUNT), "seed {seed}");
            for report in reports {
                let n = report.sequence;
                assert_eq!(*report.subject, *subject(n));
                assert_eq!(report.content.bytes, vec![size(n) as u8; size(n)]);
                assert_eq!(report.missed, 0);
            }
        }
        let told = world.told(some_of_it);
        let expected = (1..=COUNT).filter(|n| n / 5 % 7 == 3);
        assert!(told.sequences(some).into_iter().eq(expected), "seed {seed}");
        let told = world.told(d);
        for wanted in 0..7 {
            let last = (1..=COUNT).rfind(|n| n / 5 % 7 == wanted).unwrap();
            assert!(told.sequences(newest).contains(&last), "seed {seed}");
        }
    }
}

#[test]
fn links_that_know_different_symbols_understand_the_same_frames() {
    let (mut world, hub, publisher, no, [early]) = star(1, Limits::default());
    let first = all(&mut world, early, "*", false);
    world.settle();
    // More than there are symbols: each of them means several things in its time.
    let subjects = MAX_SYMBOLS + 300;
    let burst = |world: &mut World, step: usize| {
        for n in 0..subjects {
            let subject = format!("s{}", n * step % subjects);
            (0..2).for_each(|_| publish(world, publisher, no, &subject, LARGE));
        }
        world.settle();
    };
    burst(&mut world, 1);
    let late = world.process("late");
    world.connect(late, hub);
    let second = all(&mut world, late, "*", false);
    world.settle();
    burst(&mut world, 1);
    burst(&mut world, 7);
    let expected = |step: usize| {
        (0..subjects).flat_map(move |n| [0, 1].map(|_| format!("s{}", n * step % subjects)))
    };
    let told = world.told(early);
    let before: Vec<String> = expected(1).chain(expected(1)).chain(expected(7)).collect();
    assert!(told.subjects(first) == before);
    let told = world.told(late);
    let after: Vec<String> = expected(1).chain(expected(7)).collect();
    assert!(told.subjects(second) == after);
}

#[test]
fn a_link_that_does_not_read_loses_the_oldest_counted_by_subject_and_nobody_else_does() {
    for seed in 0..2 {
        let limits = Limits { outbox: 4 << 20, ..Limits::default() };
        let (mut world, hub, publisher, no, [slow, fast]) = star(seed, limits);
        let every = all(&mut world, slow, "*", false);
        let one = all(&mut world, slow, "s3", false);
        let other = all(&mut world, fast, "*", false);
        world.settle();
        world.freeze(hub, slow, true);
        for n in 0..60_000u64 {
            publish(&mut world, publisher, no, &format!("s{}", n % 10), LARGE);
            if n % 200 == 0 {
                world.settle();
            }
        }
        world.settle();
        let told = world.told(fast);
        assert_eq!(every_hole_is_told(told.reports_of(other), 60_000), 0);
        world.freeze(hub, slow, false);
        world.settle();
        let told = world.told(slow);
        let missed = every_hole_is_told(told.reports_of(every), 60_000);
        assert!(missed > 10_000, "{missed}");
        // Nine reports of others lie between two of this subject; only its own count.
        let reports = told.reports_of(one);
        let own: u64 = reports.iter().map(|report| report.missed).sum();
        assert_eq!(own + reports.len() as u64, 6_000, "seed {seed}");
        assert_eq!(reports.last().map(|report| report.sequence), Some(59_994));
    }
}

#[test]
fn a_link_that_wants_the_newest_only_keeps_that_of_every_subject() {
    let limits = Limits { outbox: 4 << 20, ..Limits::default() };
    let (mut world, hub, publisher, no, [slow]) = star(3, limits);
    let newest = all(&mut world, slow, "*", true);
    world.settle();
    world.freeze(hub, slow, true);
    for subject in 0..10 {
        publish(&mut world, publisher, no, &format!("rare{subject}"), LARGE);
    }
    for n in 0..60_000 {
        publish(&mut world, publisher, no, &format!("s{}", n % 10), LARGE);
        if n % 200 == 0 {
            world.settle();
        }
    }
    world.settle();
    world.freeze(hub, slow, false);
    world.settle();
    let told = world.told(slow);
    let last: Vec<&str> = told.subjects(newest).into_iter().rev().take(10).collect();
    assert!((0..10).all(|n| last.contains(&format!("s{n}").as_str())));
    for subject in 0..10 {
        assert!(told.subjects(newest).contains(&format!("rare{subject}").as_str()));
    }
}

#[test]
fn what_one_peer_cannot_take_is_lost_for_it_alone() {
    let (mut world, hub, publisher, no, [roomy]) = star(4, Limits::default());
    let narrow = world.process_with("narrow", Limits { payload: 2000, ..Limits::default() });
    world.connect(narrow, hub);
    let [few, every] = [narrow, roomy].map(|node| all(&mut world, node, "*", false));
    world.settle();
    for n in 0..1000 {
        publish(&mut world, publisher, no, "s", if n % 4 == 3 { 2001 } else { 2000 });
    }
    world.settle();
    let told = world.told(roomy);
    assert_eq!(every_hole_is_told(told.reports_of(every), 1000), 0);
    let told = world.told(narrow);
    let reports = told.reports_of(few);
    assert_eq!(reports.len(), 750);
    assert_eq!(every_hole_is_told(reports, 999), 249);
}
