//! Promise 19: kept values, their replay, and what is told after a reconnect.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::wire::{Message, Report};
use netsvc_core::{
    CommandError, Config, Content, DeliveredReport, Event, Lifetime, Limits, Process,
    ProcessSecret, SubscriptionTarget, Time,
};
use netsvc_testkit::{ROOMY, RawPeer, Verbs, World, announcement};

const SECOND: Duration = Duration::from_secs(1);
const KEPT: Lifetime = Lifetime::Forever;
const LIVE: Lifetime = Lifetime::None;

/// Subject and whether it was replayed.
fn brief(reports: &[DeliveredReport]) -> Vec<(&str, bool)> {
    reports.iter().map(|report| (&*report.subject, report.replayed)).collect()
}

#[test]
fn a_late_subscriber_gets_the_last_value_of_each_subject_then_what_is_live() {
    let (mut world, hub, [a, b]) = World::star(1);
    let (no, _) = world.create(a, "x");
    for subject in ["one", "two", "one"] {
        world.publish(a, no, subject, KEPT);
    }
    world.publish(a, no, "not kept", LIVE);
    world.settle();
    for node in [hub, a, b] {
        let subscription = world.subscribe(node, "x", "*");
        let told = world.told(node);
        let reports = told.reports_of(subscription);
        assert_eq!(brief(reports), [("two", true), ("one", true)]);
        assert_eq!(told.sequences(subscription), [2, 3]);
        assert!(reports.iter().all(|report| report.missed == 0 && !report.resumed));
        assert_eq!(world.at(node).missed(subscription), 0);
    }
    world.publish(a, no, "live", LIVE);
    let told = world.told(b);
    assert_eq!(
        told.reports.values().map(|reports| brief(reports)).collect::<Vec<_>>(),
        [[("live", false)]]
    );
}

#[test]
fn each_lifetime_ends_in_its_time_and_none_removes_the_kept_value() {
    let (mut world, hub, [a, b]) = World::star(2);
    let (no, _) = world.create(a, "x");
    world.publish(a, no, "none", LIVE);
    world.publish(a, no, "two seconds", Lifetime::For(2 * SECOND));
    world.publish(a, no, "for ever", KEPT);
    for node in [hub, a, b] {
        world.told(node);
    }
    world.advance(SECOND);
    for node in [hub, a, b] {
        let subscription = world.subscribe(node, "x", "*");
        assert_eq!(world.told(node).subjects(subscription), ["two seconds", "for ever"]);
        world.at(node).unsubscribe(subscription);
    }
    world.advance(2 * SECOND);
    for node in [hub, a, b] {
        let subscription = world.subscribe(node, "x", "*");
        assert_eq!(world.told(node).subjects(subscription), ["for ever"]);
        world.at(node).unsubscribe(subscription);
    }
    world.settle();
    world.publish(a, no, "for ever", LIVE);
    world.settle();
    for node in [hub, a, b] {
        let subscription = world.subscribe(node, "x", "*");
        assert!(world.told(node).subjects(subscription).is_empty());
    }
}

#[test]
fn expired_values_leave_no_trace_in_the_tables() {
    let (mut world, _, [a]) = World::star(3);
    let (no, _) = world.create(a, "x");
    let kept = |world: &mut World| world.table(a, "kept values");
    for n in 0..10 {
        world.publish(a, no, &format!("s{n}"), Lifetime::For(SECOND));
    }
    assert_eq!(kept(&mut world), 10);
    world.advance(20 * SECOND);
    assert_eq!(kept(&mut world), 0);
    world.publish(a, no, "s", KEPT);
    assert_eq!(kept(&mut world), 1);
    let now = world.now();
    world.at(a).close_service(now, no);
    assert_eq!(kept(&mut world), 0, "kept values end with their service");
}

#[test]
fn a_replayed_value_travels_with_what_is_left_of_its_lifetime() {
    let mut world = World::new(4);
    let hub = world.process("hub");
    let exchange = world.hub(hub, "");
    let (no, _) = world.create(hub, "x");
    world.publish(hub, no, "five", Lifetime::For(5 * SECOND));
    world.publish(hub, no, "ever", KEPT);
    world.advance(2 * SECOND);
    let now = world.now();
    let mut peer = RawPeer::client(world.at(hub), now, exchange, 7);
    let ask = Message::ReplayRequest {
        service: no.0,
        process: 0,
        replay: 3,
        pattern: "*".into(),
        after: 0,
        upto: 0,
    };
    peer.say(world.at(hub), now, [ask]);
    let heard = peer.hear(world.at(hub), now);
    let remaining: Vec<_> = heard
        .iter()
        .filter_map(|message| match message {
            Message::Replayed { remaining, replay: 3, process: 0, .. } => Some(*remaining),
            _ => None,
        })
        .collect();
    assert_eq!(remaining, [Some(3 * SECOND), None]);
    assert_eq!(
        heard.last(),
        Some(&Message::ReplayEnd {
            process: 0,
            replay: 3,
            sequence: 2,
            more_after: 0,
            complete_after: 0
        })
    );
}

#[test]
fn each_subscription_gets_a_replay_of_its_own() {
    let (mut world, _, [a, b]) = World::star(5);
    let (no, id) = world.create(a, "x");
    world.publish(a, no, "kept", KEPT);
    world.settle();
    let first = world.subscribe(b, "x", "*");
    assert_eq!(world.told(b).subjects(first), ["kept"]);
    let second = world.subscribe(b, "x", "*");
    let by_id = world.subscribe_to(b, SubscriptionTarget::Identity(id), "k*", ROOMY);
    let other = world.subscribe(b, "x", "other");
    let told = world.told(b);
    assert!(told.subjects(first).is_empty(), "it had its own already");
    assert_eq!(told.subjects(second), ["kept"]);
    assert_eq!(told.subjects(by_id), ["kept"]);
    assert!(told.subjects(other).is_empty());
    assert_eq!(world.table(b, "replays"), 0);
}

#[test]
fn replayed_and_live_reports_are_merged_by_sequence_each_once_while_the_publisher_publishes() {
    let (mut world, _, [a, b]) = World::star(6);
    // Small pipes: the replay takes many rounds, and publishing goes on meanwhile.
    let (no, _) = world.create(a, "x");
    for n in 0..200 {
        world.publish(a, no, &format!("s{n}"), KEPT);
    }
    world.settle();
    let subscription = world.subscribe(b, "x", "*");
    let mut last = 200;
    for n in 0..20 {
        world.publish(a, no, &format!("s{}", n * 7), KEPT);
        last += 1;
        world.advance(Duration::from_micros(400));
    }
    let told = world.told(b);
    let sequences = told.sequences(subscription);
    assert!(sequences.windows(2).all(|pair| pair[0] < pair[1]), "{sequences:?}");
    // Everything that is the newest of its subject was told, and everything live after the mark.
    for sequence in 201..=last {
        assert!(sequences.contains(&sequence), "{sequence} of {sequences:?}");
    }
    let mut subjects = told.subjects(subscription);
    subjects.sort_unstable();
    subjects.dedup();
    assert_eq!(subjects.len(), 200);
}

#[test]
fn after_a_reconnect_nothing_is_told_at_or_below_what_was_seen() {
    let (mut world, hub, [a, b]) = World::star(8);
    let (no, _) = world.create(a, "x");
    for n in 0..5 {
        world.publish(a, no, &format!("kept {n}"), KEPT);
    }
    let subscription = world.subscribe(b, "x", "*");
    world.settle();
    world.publish(a, no, "live", LIVE);
    assert_eq!(world.told(b).sequences(subscription), [1, 2, 3, 4, 5, 6]);
    for _ in 0..2 {
        world.cut(b, hub);
        world.advance(3 * SECOND);
        assert!(world.told(b).sequences(subscription).is_empty());
    }
    world.cut(a, hub);
    world.advance(3 * SECOND);
    assert!(world.told(b).sequences(subscription).is_empty());
    world.publish(a, no, "next", LIVE);
    let told = world.told(b);
    let [report] = told.reports_of(subscription) else { panic!("{told:?}") };
    assert_eq!((report.sequence, report.resumed, report.missed), (7, true, 0));
    world.publish(a, no, "next", LIVE);
    assert!(!world.told(b).reports_of(subscription)[0].resumed, "only the first");
}

#[test]
fn the_first_report_after_a_reconnect_counts_what_was_missed() {
    let (mut world, hub, [a, b]) = World::star(9);
    let (no, _) = world.create(a, "x");
    let subscription = world.subscribe(b, "x", "*");
    world.settle();
    world.publish(a, no, "seen", LIVE);
    world.told(b);
    world.cut(b, hub);
    world.settle();
    for _ in 0..3 {
        world.publish(a, no, "unseen", LIVE);
    }
    world.advance(3 * SECOND);
    world.publish(a, no, "again", LIVE);
    let told = world.told(b);
    let [report] = told.reports_of(subscription) else { panic!("{told:?}") };
    assert_eq!((report.sequence, report.resumed, report.missed), (5, true, 3));
    assert_eq!(world.at(b).missed(subscription), 3);
}

#[test]
fn what_was_missed_between_replayed_values_is_counted_too() {
    let (mut world, hub, [a, b]) = World::star(10);
    let (no, _) = world.create(a, "x");
    let subscription = world.subscribe(b, "x", "*");
    world.settle();
    world.publish(a, no, "seen", LIVE);
    world.told(b);
    world.cut(b, hub);
    world.settle();
    // 2 kept, 3 not, 4 kept, 5 not.
    for (subject, lifetime) in [("k1", KEPT), ("n", LIVE), ("k2", KEPT), ("n", LIVE)] {
        world.publish(a, no, subject, lifetime);
    }
    world.advance(3 * SECOND);
    let told = world.told(b);
    assert_eq!(brief(told.reports_of(subscription)), [("k1", true), ("k2", true)]);
    world.publish(a, no, "again", LIVE);
    let again = world.told(b);
    let all: Vec<&DeliveredReport> =
        told.reports_of(subscription).iter().chain(again.reports_of(subscription)).collect();
    let flags: Vec<_> = all.iter().map(|report| (report.sequence, report.resumed)).collect();
    assert_eq!(flags, [(2, true), (4, false), (6, false)]);
    let missed: Vec<u64> = all.iter().map(|report| report.missed).collect();
    assert_eq!(missed, [0, 1, 1]);
    assert_eq!(world.at(b).missed(subscription), 2);
}

#[test]
fn what_was_missed_is_counted_also_when_nothing_was_ever_told_before() {
    let (mut world, hub, [a, b]) = World::star(11);
    let (no, _) = world.create(a, "x");
    let subscription = world.subscribe(b, "x", "*");
    world.settle();
    world.cut(b, hub);
    world.settle();
    world.publish(a, no, "unseen", LIVE);
    world.advance(3 * SECOND);
    world.publish(a, no, "seen", LIVE);
    let told = world.told(b);
    let [report] = told.reports_of(subscription) else { panic!("{told:?}") };
    assert_eq!((report.resumed, report.missed), (true, 1));
}

#[test]
fn a_withdrawn_service_that_never_lost_its_link_is_not_resumed() {
    let (mut world, _, [a, b]) = World::star(12);
    let subscription = world.subscribe(b, "x", "*");
    world.settle();
    for _ in 0..2 {
        let (no, _) = world.create(a, "x");
        world.publish(a, no, "s", LIVE);
        world.settle();
        let now = world.now();
        world.at(a).close_service(now, no);
    }
    let told = world.told(b);
    assert_eq!(told.sequences(subscription), [1, 1], "each service counts for itself");
    assert!(told.reports_of(subscription).iter().all(|r| !r.resumed && r.missed == 0));
}

#[test]
fn a_link_lost_in_the_middle_of_a_replay_costs_no_kept_value() {
    let mut world = World::new(13);
    world.capacity = 2000;
    let [hub, a, b] = ["hub", "a", "b"].map(|label| world.process(label));
    world.hub(hub, "");
    world.connect(a, hub);
    world.connect(b, hub);
    let (no, _) = world.create(a, "x");
    for n in 0..500 {
        world.publish(a, no, &format!("s{n}"), KEPT);
    }
    world.settle();
    let subscription = world.subscribe(b, "x", "*");
    world.advance(Duration::from_millis(10));
    world.cut(b, hub);
    world.advance(5 * SECOND);
    let told = world.told(b);
    assert_eq!(told.sequences(subscription), (1..=500).collect::<Vec<_>>());
}

#[test]
fn at_the_limit_of_kept_values_publishing_is_refused_and_nothing_is_evicted() {
    let mut world = World::new(14);
    let limits = Limits { kept_values: 2, kept_bytes: 100, ..Limits::default() };
    let a = world.process_with("a", limits);
    let (no, _) = world.create(a, "x");
    let publish = |world: &mut World, subject: &str, size: usize, lifetime| {
        let (now, content) = (world.now(), Content::raw("c".repeat(size)));
        world.at(a).report(now, no, subject, content, lifetime)
    };
    publish(&mut world, "one", 40, KEPT).unwrap();
    publish(&mut world, "two", 40, Lifetime::For(SECOND)).unwrap();
    let refused = publish(&mut world, "three", 1, KEPT);
    assert_eq!(refused, Err(CommandError::Limit { what: "kept_values", limit: 2 }));
    let refused = publish(&mut world, "one", 61, KEPT);
    assert_eq!(refused, Err(CommandError::Limit { what: "kept_bytes", limit: 100 }));
    publish(&mut world, "one", 60, KEPT).unwrap();
    publish(&mut world, "four", 1000, LIVE).unwrap();
    let subscription = world.subscribe(a, "x", "*");
    let told = world.told(a);
    assert_eq!(told.subjects(subscription), ["two", "one"]);
    assert_eq!(told.reports_of(subscription)[1].content.bytes.len(), 60);
    // A refused report was not published: it took no sequence.
    assert_eq!(told.sequences(subscription), [2, 3]);
    // What has expired makes room.
    world.advance(2 * SECOND);
    publish(&mut world, "three", 40, KEPT).unwrap();
}

#[test]
fn kept_values_are_limited_over_all_services_of_a_process() {
    let mut world = World::new(15);
    let a = world.process_with("a", Limits { kept_values: 2, ..Limits::default() });
    let [(x, _), (y, _)] = [world.create(a, "x"), world.create(a, "y")];
    world.publish(a, x, "s", KEPT);
    world.publish(a, y, "s", KEPT);
    let now = world.now();
    let third = world.at(a).report(now, y, "t", Content::raw(""), KEPT);
    assert_eq!(third.unwrap_err().code(), "limit");
    world.at(a).close_service(now, x);
    assert_eq!(world.at(a).report(now, y, "t", Content::raw(""), KEPT), Ok(true));
}

#[test]
fn a_peer_that_repeats_itself_is_told_on_once() {
    let config = Config {
        secret: ProcessSecret::new([9; 32]),
        label: "".into(),
        limits: Limits::default(),
        seed: 1,
    };
    let now = Time(2);
    let mut process = Process::new(config, now);
    let (mut peer, _) = RawPeer::server(&mut process, now, 7);
    let target = SubscriptionTarget::Name("x".into());
    process.subscribe(now, target, "*", ROOMY).unwrap();
    peer.say(&mut process, now, [announcement("x", &[])]);
    let heard = peer.hear(&mut process, now);
    let Some(Message::ReplayRequest { replay, .. }) = heard.last() else { panic!("{heard:?}") };
    let report = |sequence| Report {
        service: 1,
        subject: "s".into(),
        sequence,
        content: Content::raw(""),
        extensions: bytes::Bytes::new(),
    };
    let live = |sequence| Message::Report(report(sequence));
    let kept = |sequence, replay| Message::Replayed {
        process: 0,
        replay,
        remaining: None,
        report: report(sequence),
    };
    let end = Message::ReplayEnd {
        process: 0,
        replay: *replay,
        sequence: 4,
        more_after: 0,
        complete_after: 0,
    };
    peer.say(
        &mut process,
        now,
        [
            live(4),
            kept(2, *replay),
            kept(2, *replay),
            kept(1, *replay + 1),
            kept(4, *replay),
            live(0),
            end.clone(),
            end,
            kept(3, *replay),
            live(3),
            live(u64::MAX - 1),
            live(5),
            live(u64::MAX),
        ],
    );
    let told: Vec<u64> = std::iter::from_fn(|| process.poll_event(now))
        .filter_map(|event| match event {
            Event::Report { report, .. } => Some(report.sequence),
            _ => None,
        })
        .collect();
    assert_eq!(told, [2, 4, u64::MAX - 1, u64::MAX]);
}

#[test]
fn a_subscription_ended_during_its_replay_leaves_nothing_behind() {
    let (mut world, _, [a, b]) = World::star(16);
    let (no, _) = world.create(a, "x");
    for n in 0..100 {
        world.publish(a, no, &n.to_string(), KEPT);
    }
    world.settle();
    let subscription = world.subscribe(b, "x", "*");
    world.at(b).unsubscribe(subscription);
    assert!(world.told(b).reports.is_empty());
    for table in ["replays", "subscriptions", "interests"] {
        assert_eq!(world.table(b, table), 0, "{table}");
    }
}
