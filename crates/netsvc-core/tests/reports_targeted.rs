//! Promise 22: publishers see who subscribes, subscribers see who publishes, and a report can be
//! meant for one process alone.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use netsvc_core::{
    CommandError, Content, Event, Heartbeat, Lifetime, Limits, ProcessId, Retry, ServiceNo,
    SubscriptionId, SubscriptionTarget,
};
use netsvc_testkit::{Node, ROOMY, Verbs, World, service};

const KEPT: Lifetime = Lifetime::Forever;
const LIVE: Lifetime = Lifetime::None;

fn publish_to(world: &mut World, node: Node, no: ServiceNo, to: Node, subject: &str) {
    let process = world.at(to).id();
    let content = Content::raw(subject.to_owned());
    assert_eq!(world.at(node).report_to(no, process, subject, content), Ok(true));
}

/// Process, label, pattern and presence of the subscriber events since.
fn subscribers(world: &mut World, node: Node) -> Vec<(ProcessId, String, String, bool)> {
    world.settle();
    let events = world.host(node).take_events();
    events
        .into_iter()
        .filter_map(|event| match event {
            Event::Subscriber { process, label, pattern, present, .. } => {
                Some((process, label.to_string(), pattern.to_string(), present))
            }
            _ => None,
        })
        .collect()
}

fn names(world: &mut World, node: Node, subscription: SubscriptionId) -> Vec<String> {
    world.settle();
    let publishers = world.at(node).publishers(subscription);
    publishers.iter().map(|info| info.name.to_string()).collect()
}

#[test]
fn it_reaches_the_one_process_wherever_the_two_are() {
    let (mut world, hub, [a, b]) = World::star(1);
    let nodes = [hub, a, b];
    for publisher in nodes {
        let (no, _) = world.create(publisher, "x");
        let subscriptions = nodes.map(|node| (node, world.subscribe(node, "x", "*")));
        world.settle();
        for (number, to) in nodes.into_iter().enumerate() {
            publish_to(&mut world, publisher, no, to, "for one");
            for (node, subscription) in subscriptions {
                let told = world.told(node);
                let expected = if node == to { vec!["for one"] } else { vec![] };
                assert_eq!(told.subjects(subscription), expected, "{publisher:?} to {to:?}");
                for report in told.reports_of(subscription) {
                    assert_eq!(report.sequence, number as u64 + 1);
                    assert_eq!((report.replayed, report.resumed, report.missed), (false, false, 0));
                }
            }
        }
        let now = world.now();
        world.at(publisher).close_service(now, no);
        for (node, subscription) in subscriptions {
            world.at(node).unsubscribe(subscription);
        }
        world.settle();
    }
}

#[test]
fn all_subscriptions_of_that_process_get_it_that_match() {
    let (mut world, _, [a, b]) = World::star(2);
    let (no, id) = world.create(a, "x");
    let all = world.subscribe(b, "x", "*");
    let by_id = world.subscribe_to(b, SubscriptionTarget::Identity(id), "s?", ROOMY);
    let other = world.subscribe(b, "x", "other");
    world.settle();
    publish_to(&mut world, a, no, b, "s1");
    let told = world.told(b);
    assert_eq!(told.subjects(all), ["s1"]);
    assert_eq!(told.subjects(by_id), ["s1"]);
    assert_eq!(told.subjects(other), [] as [&str; 0]);
}

#[test]
fn it_is_never_kept_and_leaves_what_is_kept_alone() {
    let (mut world, hub, [a, b]) = World::star(3);
    let (no, _) = world.create(a, "x");
    world.publish(a, no, "s", KEPT);
    world.subscribe(b, "x", "*");
    world.settle();
    publish_to(&mut world, a, no, b, "s");
    publish_to(&mut world, a, no, b, "t");
    assert_eq!(world.table(a, "kept values"), 1);
    for node in [hub, a, b] {
        let late = world.subscribe(node, "x", "*");
        let told = world.told(node);
        assert_eq!(told.sequences(late), [1], "the kept value is the one of before");
    }
}

#[test]
fn it_keeps_its_place_in_the_order_of_the_publisher() {
    let (mut world, _, [a, b]) = World::star(4);
    let (no, _) = world.create(a, "x");
    let subscription = world.subscribe(b, "x", "*");
    world.settle();
    for n in 0..30 {
        if n % 3 == 0 {
            publish_to(&mut world, a, no, b, "s");
        } else {
            world.publish(a, no, "s", LIVE);
        }
    }
    assert_eq!(world.told(b).sequences(subscription), (1..=30).collect::<Vec<_>>());
}

#[test]
fn who_is_not_there_or_does_not_subscribe_gets_nothing_and_nothing_fails() {
    let (mut world, hub, [a, b, c]) = World::star(5);
    let (no, _) = world.create(a, "x");
    let at_c = world.subscribe(c, "x", "*");
    world.subscribe(b, "other", "*");
    world.settle();
    let nobody = ProcessId([0xaa; 16]);
    assert_eq!(world.at(a).report_to(no, nobody, "s", Content::raw("")), Ok(true));
    publish_to(&mut world, a, no, b, "s");
    for node in [hub, a, b, c] {
        let told = world.told(node);
        assert!(told.reports.is_empty(), "{told:?}");
        assert!(told.others.is_empty(), "no link is lost: {told:?}");
    }
    world.publish(a, no, "s", LIVE);
    assert_eq!(world.told(c).sequences(at_c), [3], "each took a number");
}

#[test]
fn bad_arguments_are_refused_as_for_every_report() {
    let (mut world, _, [a, b]) = World::star(6);
    let (no, _) = world.create(a, "x");
    let (hidden, _) = world.create(b, "y");
    world.settle();
    let to = world.at(b).id();
    let process = world.at(a);
    let long = "s".repeat(1025);
    let refused = process.report_to(no, to, long.as_str(), Content::raw(""));
    assert_eq!(refused.unwrap_err().code(), "invalid");
    let large = Content::raw(vec![0; (1 << 20) + 1]);
    let refused = process.report_to(no, to, "s", large);
    assert!(matches!(refused, Err(CommandError::TooLarge { .. })));
    let refused = process.report_to(ServiceNo(hidden.0 + 90), to, "s", Content::raw(""));
    assert_eq!(refused.unwrap_err().code(), "closed");
}

#[test]
fn a_publisher_hears_of_its_subscribers_and_of_their_end_with_their_labels() {
    let (mut world, hub, [a, b, c]) = World::star(7);
    world.create(a, "x");
    world.settle();
    let ids = [hub, b, c].map(|node| world.at(node).id());
    let first = world.subscribe(b, "x", "temperature.*");
    let second = world.subscribe(b, "x", "temperature.*");
    let event = |id, label: &str, pattern: &str, present| {
        (id, label.to_owned(), pattern.to_owned(), present)
    };
    let seen = subscribers(&mut world, a);
    assert_eq!(seen, [event(ids[1], "client 1", "temperature.*", true)], "once per process");
    world.subscribe(c, "x", "*");
    let at_hub = world.subscribe(hub, "x", "h*");
    let mut seen = subscribers(&mut world, a);
    seen.sort();
    let mut expected = vec![event(ids[2], "client 2", "*", true), event(ids[0], "hub", "h*", true)];
    expected.sort();
    assert_eq!(seen, expected);
    world.at(b).unsubscribe(first);
    assert_eq!(subscribers(&mut world, a), [], "another one stands behind it");
    world.at(b).unsubscribe(second);
    assert_eq!(subscribers(&mut world, a), [event(ids[1], "client 1", "temperature.*", false)]);
    world.at(hub).unsubscribe(at_hub);
    assert_eq!(subscribers(&mut world, a), [event(ids[0], "hub", "h*", false)]);
    // The death of a subscriber ends its subscriptions.
    world.kill(c);
    assert_eq!(subscribers(&mut world, a), [event(ids[2], "client 2", "*", false)]);
}

#[test]
fn the_loss_of_the_publishers_own_link_ends_its_subscribers_until_it_is_back() {
    let (mut world, hub, [a, b]) = World::star(8);
    world.create(a, "x");
    world.subscribe(b, "x", "*");
    let present = |seen: Vec<(ProcessId, String, String, bool)>| {
        seen.into_iter().map(|(_, label, _, present)| (label, present)).collect::<Vec<_>>()
    };
    assert_eq!(present(subscribers(&mut world, a)), [("client 1".to_owned(), true)]);
    world.cut(a, hub);
    assert_eq!(present(subscribers(&mut world, a)), [("client 1".to_owned(), false)]);
    world.advance(std::time::Duration::from_secs(1));
    assert_eq!(present(subscribers(&mut world, a)), [("client 1".to_owned(), true)]);
}

#[test]
fn a_subscriber_sees_the_publishers_that_match() {
    let (mut world, hub, [a, b]) = World::star(9);
    let user = b;
    let by_name = world.subscribe(user, "x", "*");
    let by_group =
        world.subscribe_to(user, SubscriptionTarget::Group("sensors".into()), "*", ROOMY);
    assert_eq!(names(&mut world, user, by_name), [] as [&str; 0]);
    let (first, id) = world.create(a, "x");
    let by_id = world.subscribe_to(user, SubscriptionTarget::Identity(id), "*", ROOMY);
    world.create(hub, "x");
    world.create(user, "x");
    world.create(a, "y");
    let (grouped, _) = world
        .create_with(a, netsvc_core::NewService { groups: vec!["sensors".into()], ..service("z") });
    assert_eq!(names(&mut world, user, by_name), ["x", "x", "x"]);
    assert_eq!(names(&mut world, user, by_id), ["x"]);
    assert_eq!(names(&mut world, user, by_group), ["z"]);
    let publishers = world.at(user).publishers(by_name);
    let mut labels: Vec<String> = publishers.iter().map(|info| info.label.to_string()).collect();
    labels.sort();
    assert_eq!(labels, ["client 0", "client 1", "hub"]);
    let now = world.now();
    world.at(a).close_service(now, first);
    world.at(a).leave(now, grouped, "sensors").unwrap();
    assert_eq!(names(&mut world, user, by_name), ["x", "x"]);
    assert_eq!(names(&mut world, user, by_id), [] as [&str; 0]);
    assert_eq!(names(&mut world, user, by_group), [] as [&str; 0]);
    world.cut(user, hub);
    assert_eq!(names(&mut world, user, by_name), ["x"], "its own is left");
    world.at(user).unsubscribe(by_name);
    assert_eq!(names(&mut world, user, by_name), [] as [&str; 0]);
}

/// A hub of the groups `""` and `"plant"`, and clients that are linked in both, `""` first.
fn two_groups(seed: u64) -> (World, Node, [Node; 2]) {
    let mut world = World::new(seed);
    let [hub, second, a, b] = ["hub", "second", "a", "b"].map(|label| world.process(label));
    world.hub(hub, "");
    for client in [a, b] {
        world.connect(client, hub);
    }
    world.settle();
    // One process listens for one exchange at a time here; links that are made already stay.
    world.hub(hub, "plant");
    for client in [a, b] {
        world.connect_with(client, hub, "plant", Retry::Backoff, Heartbeat::default());
    }
    world.settle();
    for node in [hub, second, a, b] {
        world.host(node).take_events();
    }
    (world, hub, [a, b])
}

fn in_plant(name: &str) -> netsvc_core::NewService {
    netsvc_core::NewService { audience: "plant".into(), ..service(name) }
}

#[test]
fn it_takes_the_link_on_which_its_service_exists() {
    let (mut world, hub, [a, b]) = two_groups(10);
    for publisher in [hub, a] {
        let (no, id) = world.create_with(publisher, in_plant("x"));
        let target = SubscriptionTarget::Identity(id);
        let subscription = world.subscribe_to(b, target, "*", ROOMY);
        world.settle();
        publish_to(&mut world, publisher, no, b, "for b");
        assert_eq!(world.told(b).subjects(subscription), ["for b"], "{publisher:?}");
    }
}

#[test]
fn kept_values_take_the_link_on_which_their_service_exists() {
    let (mut world, hub, [a, b]) = two_groups(11);
    for publisher in [hub, a] {
        let (no, id) = world.create_with(publisher, in_plant("x"));
        for n in 0..5 {
            world.publish(publisher, no, &n.to_string(), KEPT);
        }
        world.settle();
        let target = SubscriptionTarget::Identity(id);
        let subscription = world.subscribe_to(b, target, "*", ROOMY);
        assert_eq!(world.told(b).sequences(subscription), [1, 2, 3, 4, 5], "{publisher:?}");
        assert_eq!(world.table(b, "replays"), 0);
    }
}

#[test]
fn it_does_not_leave_the_group_of_its_service() {
    let mut world = World::new(12);
    let [hub, inside, outside] = ["hub", "inside", "outside"].map(|label| world.process(label));
    world.hub(hub, "");
    world.connect(outside, hub);
    world.settle();
    world.hub(hub, "plant");
    world.connect_with(inside, hub, "plant", Retry::Backoff, Heartbeat::default());
    world.settle();
    let (no, _) = world.create_with(hub, in_plant("x"));
    world.subscribe(outside, "x", "*");
    world.settle();
    let before = world.bytes_sent(hub, outside);
    publish_to(&mut world, hub, no, outside, "secret");
    world.settle();
    assert_eq!(world.bytes_sent(hub, outside), before);
    assert_eq!(world.at(outside).ignored(), 0);
}

#[test]
fn one_that_the_outbox_has_no_room_for_is_missed() {
    let mut world = World::new(13);
    let hub = world.process("hub");
    let a = world.process_with("a", Limits { outbox: 20_000, ..Limits::default() });
    let b = world.process("b");
    world.hub(hub, "");
    world.connect(a, hub);
    world.connect(b, hub);
    let (no, _) = world.create(a, "x");
    let subscription = world.subscribe(b, "x", "*");
    world.settle();
    let to = world.at(b).id();
    for _ in 0..100 {
        let content = Content::raw(vec![0; 1000]);
        world.at(a).report_to(no, to, "s", content).unwrap();
    }
    let told = world.told(b);
    let sequences = told.sequences(subscription);
    assert_eq!(sequences.last(), Some(&100));
    let missed: u64 = told.reports_of(subscription).iter().map(|report| report.missed).sum();
    assert_eq!(sequences.len() as u64 + missed, 100);
    assert!(missed > 0);
}
