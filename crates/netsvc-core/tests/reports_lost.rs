//! Promise 20: whoever drops reports counts them and says so; `missed` is exact per subject, an
//! upper bound after a reconnect or with very many subjects, and never too low.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use bytes::Bytes;
use netsvc_core::wire::Message;
use netsvc_core::{
    Content, DeliveredReport, Heartbeat, Lifetime, Limits, NewService, Retry, ServiceNo,
    SubscriptionId, SubscriptionLimits, SubscriptionTarget,
};
use netsvc_testkit::{Node, RawPeer, Verbs, World, announcement, link_event, service};

const LIVE: Lifetime = Lifetime::None;

fn outbox(bytes: usize) -> Limits {
    Limits { outbox: bytes, ..Limits::default() }
}

/// A hub, a publisher and a subscriber with these limits, linked, and a service `x`.
fn line(seed: u64, hub: Limits, publisher: Limits) -> (World, [Node; 3], ServiceNo) {
    let mut world = World::new(seed);
    let nodes = [
        world.process_with("hub", hub),
        world.process_with("publisher", publisher),
        world.process("subscriber"),
    ];
    world.hub(nodes[0], "");
    world.connect(nodes[1], nodes[0]);
    world.connect(nodes[2], nodes[0]);
    let (no, _) = world.create(nodes[1], "x");
    world.settle();
    (world, nodes, no)
}

fn publish(world: &mut World, node: Node, no: ServiceNo, subject: &str, size: usize) {
    let (now, content) = (world.now(), Content::raw(vec![0; size]));
    world.at(node).report(now, no, subject, content, LIVE).unwrap();
}

fn small(world: &mut World, node: Node, reports: usize) -> SubscriptionId {
    let limits = SubscriptionLimits { reports, bytes: usize::MAX >> 1, latest: false };
    world.subscribe_to(node, SubscriptionTarget::Name("x".into()), "*", limits)
}

/// For a publisher of one subject, followed from its first report on: every hole is told where it
/// is. Returns how many were missed.
fn holes_are_told(reports: &[DeliveredReport]) -> u64 {
    let mut previous = 0;
    for report in reports {
        let expected = previous + 1 + report.missed;
        assert_eq!(report.sequence, expected, "after {previous}: {report:?}");
        previous = report.sequence;
    }
    reports.iter().map(|report| report.missed).sum()
}

#[test]
fn what_the_publishers_outbox_drops_is_told_where_it_is_missing() {
    let (mut world, [_, a, b], no) = line(1, Limits::default(), outbox(20_000));
    let subscription = world.subscribe(b, "x", "*");
    world.settle();
    let mut reports = Vec::new();
    for burst in 0..20 {
        for _ in 0..burst * 3 {
            publish(&mut world, a, no, "s", 1000);
        }
        reports.extend(world.told(b).reports_of(subscription).to_vec());
    }
    let missed = holes_are_told(&reports);
    assert!(missed > 100, "{missed}");
    assert_eq!(reports.last().unwrap().sequence, 570);
    assert_eq!(world.at(b).missed(subscription), missed);
}

#[test]
fn what_the_hubs_outbox_drops_is_told_where_it_is_missing_and_only_to_whom_it_concerns() {
    let (mut world, [hub, a, b], no) = line(2, outbox(20_000), Limits::default());
    let c = world.process("reads at once");
    world.connect(c, hub);
    let slow = world.subscribe(b, "x", "*");
    let fast = world.subscribe(c, "x", "*");
    world.settle();
    let (mut at_b, mut at_c) = (Vec::new(), Vec::new());
    for round in 0..10 {
        world.host(b).stopped = true;
        // In portions that the hub passes on to the fast one at once.
        for _ in 0..400 {
            publish(&mut world, a, no, "s", 1000);
            world.settle();
        }
        at_c.extend(world.told(c).reports_of(fast).to_vec());
        world.host(b).stopped = false;
        at_b.extend(world.told(b).reports_of(slow).to_vec());
        assert_eq!(at_b.last().unwrap().sequence, (round + 1) * 400);
    }
    assert!(holes_are_told(&at_b) > 100);
    assert_eq!(holes_are_told(&at_c), 0);
    assert_eq!(at_c.len(), 4000);
}

#[test]
fn what_publisher_hub_and_subscriber_drop_adds_up() {
    let (mut world, [_, a, b], no) = line(3, outbox(20_000), outbox(30_000));
    let subscription = small(&mut world, b, 7);
    let roomy = world.subscribe(b, "x", "*");
    world.settle();
    let (mut few, mut all) = (Vec::new(), Vec::new());
    let mut published = 0;
    for round in 0..60_usize {
        world.host(b).listening = round % 3 == 2;
        world.host(b).stopped = round % 4 < 2;
        for _ in 0..(round * 7) % 50 {
            publish(&mut world, a, no, "s", 1000);
            published += 1;
        }
        let told = world.told(b);
        few.extend(told.reports_of(subscription).to_vec());
        all.extend(told.reports_of(roomy).to_vec());
    }
    world.host(b).listening = true;
    world.host(b).stopped = false;
    let told = world.told(b);
    few.extend(told.reports_of(subscription).to_vec());
    all.extend(told.reports_of(roomy).to_vec());
    let missed_on_the_way = holes_are_told(&all);
    let missed = holes_are_told(&few);
    assert!(missed_on_the_way > 0 && missed > missed_on_the_way);
    assert_eq!(all.len() as u64 + missed_on_the_way, published);
    assert_eq!(few.len() as u64 + missed, published);
    assert_eq!(world.at(b).missed(subscription), missed);
    assert_eq!(world.at(b).missed(roomy), missed_on_the_way);
}

#[test]
fn several_subjects_are_counted_each_by_itself_for_each_pattern() {
    let (mut world, [_, a, b], no) = line(4, Limits::default(), outbox(20_000));
    let patterns = ["*", "a.*", "b.1", "a.?", "c.*"];
    let subscriptions = patterns.map(|pattern| (pattern, world.subscribe(b, "x", pattern)));
    world.settle();
    let mut published: Vec<String> = Vec::new();
    for round in 0..40_usize {
        for n in 0..round * 2 {
            let subject = format!("{}.{}", ["a", "b", "c"][(n * 7 + round) % 3], n % 12);
            publish(&mut world, a, no, &subject, 900);
            published.push(subject);
        }
        world.settle();
    }
    let told = world.told(b);
    for (pattern, subscription) in subscriptions {
        let compiled = netsvc_core::Pattern::new(pattern);
        let wanted = published.iter().filter(|subject| compiled.matches(subject)).count();
        let received = told.reports_of(subscription).len();
        let missed = world.at(b).missed(subscription);
        assert_eq!(received as u64 + missed, wanted as u64, "{pattern}");
        let told_missed: u64 =
            told.reports_of(subscription).iter().map(|report| report.missed).sum();
        assert!(told_missed <= missed);
        assert!(missed > 0, "{pattern}");
    }
}

#[test]
fn beyond_256_subjects_it_is_an_upper_bound() {
    let (mut world, [_, a, b], no) = line(5, Limits::default(), outbox(10_000));
    let all = world.subscribe(b, "x", "*");
    let some = world.subscribe(b, "x", "s1*");
    let exact = world.subscribe(b, "x", "s0");
    world.settle();
    for n in 0..1000 {
        publish(&mut world, a, no, &format!("s{n}"), 500);
    }
    let told = world.told(b);
    let received = |id| told.reports_of(id).len() as u64;
    let wanted = (0..1000).filter(|n| n.to_string().starts_with('1')).count() as u64;
    assert_eq!(received(all) + world.at(b).missed(all), 1000, "of all it is exact all the same");
    assert!(received(some) + world.at(b).missed(some) >= wanted);
    assert!(received(exact) + world.at(b).missed(exact) >= 1);
}

#[test]
fn losses_are_told_also_when_nothing_follows() {
    let (mut world, [_, a, b], no) = line(6, Limits::default(), outbox(20_000));
    let all = world.subscribe(b, "x", "*");
    let first = world.subscribe(b, "x", "first");
    world.settle();
    publish(&mut world, a, no, "first", 1000);
    for _ in 0..50 {
        publish(&mut world, a, no, "then", 1000);
    }
    let told = world.told(b);
    assert!(told.reports_of(first).is_empty());
    assert_eq!(world.at(b).missed(first), 1, "although no report can tell it");
    assert_eq!(told.reports_of(all).len() as u64 + world.at(b).missed(all), 51);
}

#[test]
fn losses_are_told_before_the_service_is_withdrawn() {
    // By its publisher.
    let (mut world, [_, a, b], no) = line(7, Limits::default(), outbox(20_000));
    let all = world.subscribe(b, "x", "*");
    let first = world.subscribe(b, "x", "first");
    world.settle();
    publish(&mut world, a, no, "first", 1000);
    for _ in 0..50 {
        publish(&mut world, a, no, "then", 1000);
    }
    let now = world.now();
    world.at(a).close_service(now, no);
    let told = world.told(b);
    assert_eq!(told.reports_of(all).len() as u64 + world.at(b).missed(all), 51);
    assert_eq!(world.at(b).missed(first), 1);

    // By the death of its process, which the hub tells.
    let (mut world, [_, a, b], no) = line(8, outbox(20_000), Limits::default());
    let all = world.subscribe(b, "x", "*");
    world.settle();
    world.host(b).stopped = true;
    for _ in 0..500 {
        publish(&mut world, a, no, "then", 1000);
    }
    world.settle();
    world.kill(a);
    world.settle();
    world.host(b).stopped = false;
    let told = world.told(b);
    let received = told.reports_of(all).len() as u64;
    assert!(received < 500, "something was lost");
    assert_eq!(received + world.at(b).missed(all), 500);
}

#[test]
fn losses_are_told_before_the_publisher_says_goodbye() {
    let (mut world, [_, a, b], no) = line(9, Limits::default(), outbox(20_000));
    let (other, _) = world.create(a, "y");
    let of_other = world.subscribe(b, "y", "*");
    let all = world.subscribe(b, "x", "*");
    world.settle();
    // Nothing follows of the one that loses its only report.
    publish(&mut world, a, other, "only", 1000);
    for _ in 0..50 {
        publish(&mut world, a, no, "then", 1000);
    }
    let events = world.host(a).take_events();
    let link = events.iter().find_map(link_event).unwrap().link;
    let now = world.now();
    world.at(a).close_link(now, link, Duration::from_secs(1));
    let told = world.told(b);
    assert_eq!(told.reports_of(all).len() as u64 + world.at(b).missed(all), 50);
    assert!(told.reports_of(of_other).is_empty());
    assert_eq!(world.at(b).missed(of_other), 1);
}

#[test]
fn a_report_that_a_peer_does_not_accept_is_lost_to_those_behind_it() {
    let mut world = World::new(10);
    let [hub, a, c] = ["hub", "a", "c"].map(|label| world.process(label));
    let b = world.process_with("b", Limits { payload: 1000, ..Limits::default() });
    world.hub(hub, "");
    for client in [a, b, c] {
        world.connect(client, hub);
    }
    let (no, _) = world.create(a, "x");
    let [at_b, at_c] = [b, c].map(|node| world.subscribe(node, "x", "*"));
    world.settle();
    for size in [1000, 1001, 1001, 1000] {
        publish(&mut world, a, no, "s", size);
    }
    let told = world.told(b);
    assert_eq!(told.sequences(at_b), [1, 4]);
    assert_eq!(holes_are_told(told.reports_of(at_b)), 2);
    let told = world.told(c);
    assert_eq!(told.sequences(at_c), [1, 2, 3, 4]);
    assert_eq!(holes_are_told(told.reports_of(at_c)), 0);
}

#[test]
fn after_a_reconnect_it_is_an_upper_bound_told_by_the_first_report() {
    let (mut world, [hub, a, b], no) = line(11, Limits::default(), Limits::default());
    let all = world.subscribe(b, "x", "*");
    let other = world.subscribe(b, "x", "t");
    world.settle();
    for subject in ["s", "t", "s"] {
        publish(&mut world, a, no, subject, 10);
    }
    world.told(b);
    world.cut(b, hub);
    for subject in ["s", "t", "s", "s"] {
        publish(&mut world, a, no, subject, 10);
    }
    world.advance(Duration::from_secs(2));
    for subject in ["s", "t"] {
        publish(&mut world, a, no, subject, 10);
    }
    let told = world.told(b);
    let brief = |id| {
        let reports = told.reports_of(id).iter();
        reports.map(|r| (r.sequence, r.resumed, r.missed)).collect::<Vec<_>>()
    };
    assert_eq!(brief(all), [(8, true, 4), (9, false, 0)]);
    let [(9, true, missed)] = brief(other)[..] else { panic!("{:?}", brief(other)) };
    assert!((1..=5).contains(&missed), "one of that subject, five in all: {missed}");
}

#[test]
fn what_is_published_while_a_group_of_its_process_is_cut_off_is_missed() {
    // The publisher stays linked in another group, so that its process never goes.
    let mut world = World::new(12);
    let [hub, a, b] = ["hub", "a", "b"].map(|label| world.process(label));
    world.hub(hub, "");
    world.connect(a, hub);
    world.settle();
    let plant = world.hub(hub, "plant");
    let link = world.connect_with(a, hub, "plant", Retry::Backoff, Heartbeat::default());
    world.connect_with(b, hub, "plant", Retry::Backoff, Heartbeat::default());
    let described = NewService { audience: "plant".into(), ..service("x") };
    let (no, _) = world.create_with(a, described);
    let subscription = world.subscribe(b, "x", "*");
    world.settle();
    publish(&mut world, a, no, "s", 10);
    assert_eq!(world.told(b).sequences(subscription), [1]);
    world.cut_link(a, link);
    world.settle();
    assert!(world.told(b).others.is_empty(), "its own link stays");
    for _ in 0..3 {
        publish(&mut world, a, no, "s", 10);
    }
    assert_eq!(world.listening_exchange(hub), plant);
    world.advance(Duration::from_secs(2));
    publish(&mut world, a, no, "s", 10);
    let told = world.told(b);
    assert_eq!(told.sequences(subscription), [5]);
    let report = &told.reports_of(subscription)[0];
    assert_eq!((report.resumed, report.missed), (true, 3));
}

#[test]
fn losses_during_a_replay_are_told_where_they_are() {
    let mut world = World::new(13);
    let hub = world.process("hub");
    let b = world.process("b");
    let exchange = world.hub(hub, "");
    world.connect(b, hub);
    world.settle();
    let (now, mut peer) = announce_by_hand(&mut world, hub, exchange);
    let subscription = world.subscribe(b, "x", "*");
    world.settle();
    let heard = peer.hear(world.at(hub), now);
    let asked = heard.iter().find_map(|message| match message {
        Message::ReplayRequest { process, replay, .. } => Some((*process, *replay)),
        _ => None,
    });
    let (process, replay) = asked.unwrap_or_else(|| panic!("{heard:?}"));
    let lost = |count| Message::Lost { service: 1, subject: Some("s".into()), count };
    let kept = Message::Replayed { process, replay, remaining: None, report: report(4) };
    let end = Message::ReplayEnd { process, replay, sequence: 4, more_after: 0, complete_after: 0 };
    let messages =
        [Message::Report(report(5)), lost(2), Message::Report(report(8)), kept, end, lost(1)];
    peer.say(world.at(hub), now, messages);
    peer.say(world.at(hub), now, [Message::Report(report(10))]);
    let told = world.told(b);
    let brief: Vec<_> =
        told.reports_of(subscription).iter().map(|r| (r.sequence, r.missed)).collect();
    assert_eq!(brief, [(4, 0), (5, 0), (8, 2), (10, 1)]);
}

#[test]
fn counts_without_end_saturate() {
    let mut world = World::new(14);
    let hub = world.process_with("hub", outbox(4000));
    let b = world.process("b");
    let exchange = world.hub(hub, "");
    world.connect(b, hub);
    world.settle();
    let (now, mut peer) = announce_by_hand(&mut world, hub, exchange);
    let small = small(&mut world, b, 1);
    let at_hub = world.subscribe(hub, "x", "*");
    world.settle();
    world.host(b).stopped = true;
    for round in 0..20_u64 {
        let subject = Some("s".into());
        let lost = Message::Lost { service: 1, subject, count: u64::MAX };
        peer.say(world.at(hub), now, [lost.clone(), lost]);
        let lost = Message::Lost { service: 1, subject: None, count: u64::MAX };
        peer.say(world.at(hub), now, [lost.clone(), lost]);
        for n in 0..10 {
            peer.say(world.at(hub), now, [Message::Report(report(round * 10 + n + 1))]);
        }
        world.settle();
    }
    world.host(b).stopped = false;
    world.told(b);
    assert_eq!(world.at(b).missed(small), u64::MAX);
    assert_eq!(world.at(hub).missed(at_hub), u64::MAX);
}

#[test]
fn what_is_lost_during_a_replay_is_told_after_all_that_came_before_it() {
    let mut world = World::new(30);
    let hub = world.process("hub");
    let exchange = world.hub(hub, "");
    let (now, mut peer) = announce_by_hand(&mut world, hub, exchange);
    let subscription = world.subscribe(hub, "x", "*");
    let asked = peer.hear(world.at(hub), now);
    let replay = asked.iter().find_map(|message| match message {
        Message::ReplayRequest { replay, .. } => Some(*replay),
        _ => None,
    });
    let replay = replay.unwrap();
    let kept = |sequence| Message::Replayed {
        process: 0,
        replay,
        remaining: None,
        report: report(sequence),
    };
    let lost = Message::Lost { service: 1, subject: Some("s".into()), count: 5 };
    let end =
        Message::ReplayEnd { process: 0, replay, sequence: 10, more_after: 0, complete_after: 0 };
    let said = [kept(1), Message::Report(report(11)), lost, kept(2), end];
    peer.say(world.at(hub), now, said);
    peer.say(world.at(hub), now, [Message::Report(report(17))]);
    let told = world.told(hub);
    let missed: Vec<_> = told
        .reports_of(subscription)
        .iter()
        .map(|report| (report.sequence, report.replayed, report.missed))
        .collect();
    assert_eq!(missed, [(1, true, 0), (2, true, 0), (11, false, 0), (17, false, 5)]);
    assert_eq!(world.at(hub).missed(subscription), 5);
}

/// A client of the hub that the test speaks for, with a service `x` that it numbers 1.
fn announce_by_hand(
    world: &mut World,
    hub: Node,
    exchange: netsvc_core::ExchangeId,
) -> (netsvc_core::Time, RawPeer) {
    let now = world.now();
    let mut peer = RawPeer::client(world.at(hub), now, exchange, 7);
    peer.say(world.at(hub), now, [announcement("x", &[])]);
    world.settle();
    (now, peer)
}

fn report(sequence: u64) -> netsvc_core::wire::Report {
    netsvc_core::wire::Report {
        service: 1,
        subject: "s".into(),
        sequence,
        content: Content::raw(vec![0; 500]),
        extensions: Bytes::new(),
    }
}
