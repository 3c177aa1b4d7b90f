//! Promises 13, 17 and 18: who gets which reports, and what does not cross the wire.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::wire::{InterestTarget, Message, Role};
use netsvc_core::{
    Content, Heartbeat, Lifetime, LinkToken, NewService, Retry, ServiceId, SubscriptionTarget,
};
use netsvc_testkit::{ROOMY, RawPeer, Verbs, World, service};

const LIVE: Lifetime = Lifetime::None;

#[test]
fn reports_reach_subscribers_in_every_direction() {
    let (mut world, hub, [a, b]) = World::star(1);
    let nodes = [hub, a, b];
    let services = nodes.map(|node| world.create(node, "x"));
    let subscriptions = nodes.map(|node| world.subscribe(node, "x", "*"));
    world.settle();
    for (node, (no, _)) in nodes.into_iter().zip(services) {
        world.publish(node, no, "s", LIVE);
    }
    for (node, subscription) in nodes.into_iter().zip(subscriptions) {
        let told = world.told(node);
        let mut from: Vec<ServiceId> =
            told.reports_of(subscription).iter().map(|report| report.id).collect();
        from.sort();
        let mut all = services.map(|(_, id)| id).to_vec();
        all.sort();
        assert_eq!(from, all);
    }
}

#[test]
fn patterns_match_whole_subjects_and_each_subscription_gets_its_own() {
    let (mut world, _, [a, b]) = World::star(2);
    let (no, _) = world.create(a, "x");
    let dotted = world.subscribe(b, "x", "system.*");
    let one = world.subscribe(b, "x", "s?stem");
    let all = world.subscribe(b, "x", "*");
    world.settle();
    for subject in ["system", "system.time", "system.a.b", "System", "sstem"] {
        world.publish(a, no, subject, LIVE);
    }
    let told = world.told(b);
    assert_eq!(told.subjects(dotted), ["system.time", "system.a.b"]);
    assert_eq!(told.subjects(one), ["system"]);
    assert_eq!(told.subjects(all), ["system", "system.time", "system.a.b", "System", "sstem"]);
    let holes = told.sequences(dotted);
    assert_eq!(holes, [2, 3], "the sequence counts everything published");
    assert!(told.reports_of(dotted).iter().all(|report| report.missed == 0 && !report.resumed));
}

#[test]
fn a_subscription_may_come_before_its_service() {
    let (mut world, hub, [a, b]) = World::star(3);
    let by_name = [hub, a, b].map(|node| (node, world.subscribe(node, "x", "*")));
    world.settle();
    let (no, _) = world.create(a, "x");
    world.publish(a, no, "at once", LIVE);
    for (node, subscription) in by_name {
        assert_eq!(world.told(node).subjects(subscription), ["at once"]);
    }
    let (no, id) = world.create(hub, "y");
    let now = world.now();
    world.at(hub).close_service(now, no);
    let next = ServiceId { counter: id.counter + 1, ..id };
    let by_id = world.subscribe_to(b, SubscriptionTarget::Identity(next), "*", ROOMY);
    world.settle();
    let (no, _) = world.create(hub, "whatever");
    world.publish(hub, no, "at once", LIVE);
    assert_eq!(world.told(b).subjects(by_id), ["at once"]);
}

#[test]
fn what_is_published_right_after_creation_is_not_lost_also_when_the_link_is_young() {
    let mut world = World::new(4);
    let [hub, a, b] = ["hub", "a", "b"].map(|label| world.process(label));
    world.hub(hub, "");
    world.connect(b, hub);
    let subscription = world.subscribe(b, "x", "*");
    world.settle();
    world.connect(a, hub);
    world.settle();
    // One hop of delay and the answer to the announcement are under way while it publishes.
    let (no, _) = world.create(a, "x");
    for n in 0..5 {
        world.publish(a, no, &n.to_string(), LIVE);
        world.advance(Duration::from_micros(700));
    }
    let told = world.told(b);
    assert_eq!(told.sequences(subscription), [1, 2, 3, 4, 5]);
}

#[test]
fn nobody_interested_means_that_nothing_crosses_the_wire() {
    let (mut world, hub, [a, b]) = World::star(5);
    let (no, _) = world.create(a, "x");
    let (hubs, _) = world.create(hub, "y");
    world.subscribe(b, "other", "*");
    let never = world.subscribe(b, "x", "never.*");
    world.settle();
    let before = [(a, hub), (hub, a), (hub, b), (b, hub)]
        .map(|(from, to)| (from, to, world.bytes_sent(from, to)));
    for n in 0..100 {
        world.publish(a, no, &format!("s{n}"), Lifetime::Forever);
        world.publish(hub, hubs, &format!("s{n}"), LIVE);
    }
    world.settle();
    for (from, to, bytes) in before {
        assert_eq!(world.bytes_sent(from, to), bytes, "{from:?} to {to:?}");
    }
    // And it was no broken link.
    world.publish(a, no, "never.say", LIVE);
    assert_eq!(world.told(b).subjects(never), ["never.say"]);
}

#[test]
fn before_the_first_set_of_subscribers_reports_go_unasked_and_afterwards_only_if_wanted() {
    let mut process = netsvc_core::Process::new(
        netsvc_core::Config {
            secret: netsvc_core::ProcessSecret::new([9; 32]),
            label: "".into(),
            limits: netsvc_core::Limits::default(),
            seed: 1,
        },
        netsvc_core::Time(1),
    );
    let now = netsvc_core::Time(2);
    let (mut peer, _) = RawPeer::server(&mut process, now, 7);
    peer.hear(&mut process, now);
    let (no, _) = process.create_service(now, service("x")).unwrap();
    let reports = |process: &mut netsvc_core::Process, peer: &mut RawPeer| {
        process.report(now, no, "s", Content::raw("content"), LIVE).unwrap();
        let heard = peer.hear(process, now);
        heard.iter().filter(|message| matches!(message, Message::Report(_))).count()
    };
    assert_eq!(reports(&mut process, &mut peer), 1);
    peer.say(&mut process, now, [Message::SubscribersKnown { service: no.0, revision: u64::MAX }]);
    assert_eq!(reports(&mut process, &mut peer), 0);
}

#[test]
fn one_copy_crosses_a_link_however_many_subscribe_behind_it() {
    let cost = |subscriptions: usize| {
        let (mut world, hub, [a, b, c]) = World::star(6);
        let (no, _) = world.create(a, "x");
        for n in 0..subscriptions {
            // Different patterns too, and both processes: still one copy to the hub.
            world.subscribe(b, "x", if n % 2 == 0 { "*" } else { "s*" });
            world.subscribe(c, "x", "*");
        }
        world.settle();
        let links = [(a, hub), (hub, b), (hub, c)];
        let before = links.map(|(from, to)| world.bytes_sent(from, to));
        for n in 0..50 {
            world.publish(a, no, &format!("s{n}"), LIVE);
        }
        world.settle();
        for node in [b, c] {
            let told = world.told(node);
            assert!(told.reports.values().all(|reports| reports.len() == 50));
        }
        let after = links.map(|(from, to)| world.bytes_sent(from, to));
        [after[0] - before[0], after[1] - before[1], after[2] - before[2]]
    };
    assert_eq!(cost(1), cost(20));
}

/// What a client says to a raw hub after `act`.
fn said(act: impl FnOnce(&mut netsvc_core::Process)) -> Vec<Message> {
    let config = netsvc_core::Config {
        secret: netsvc_core::ProcessSecret::new([9; 32]),
        label: "".into(),
        limits: netsvc_core::Limits::default(),
        seed: 1,
    };
    let now = netsvc_core::Time(2);
    let mut process = netsvc_core::Process::new(config, now);
    let (mut peer, _) = RawPeer::server(&mut process, now, 7);
    peer.hear(&mut process, now);
    act(&mut process);
    peer.hear(&mut process, now)
}

#[test]
fn interest_is_told_once_however_many_subscriptions_share_it_and_ends_with_the_last() {
    let now = netsvc_core::Time(2);
    let target = || SubscriptionTarget::Name("x".into());
    let heard = said(|process| {
        let ids: Vec<_> =
            (0..5).map(|_| process.subscribe(now, target(), "p", ROOMY).unwrap()).collect();
        for id in &ids[1..] {
            process.unsubscribe(*id);
        }
    });
    let expected = Message::Interest {
        id: 1,
        target: InterestTarget::Name("x".into()),
        pattern: "p".into(),
        latest: false,
    };
    assert_eq!(heard, std::slice::from_ref(&expected));
    let heard = said(|process| {
        let one = process.subscribe(now, target(), "p", ROOMY).unwrap();
        let other = process.subscribe(now, target(), "p", ROOMY).unwrap();
        process.unsubscribe(one);
        process.unsubscribe(one);
        process.unsubscribe(other);
    });
    assert_eq!(heard, [expected, Message::InterestEnd { id: 1 }]);
}

#[test]
fn interest_is_kept_while_disconnected_and_told_again_in_the_snapshot() {
    let mut world = World::new(7);
    let [hub, a, b] = ["hub", "a", "b"].map(|label| world.process(label));
    let subscription = world.subscribe(b, "x", "*");
    let ended = world.subscribe(b, "x", "*");
    let (no, _) = world.create(a, "x");
    world.hub(hub, "");
    world.connect(a, hub);
    world.connect(b, hub);
    world.settle();
    world.publish(a, no, "first", LIVE);
    assert_eq!(world.told(b).subjects(subscription), ["first"]);
    for round in 0..3 {
        world.cut(b, hub);
        world.settle();
        if round == 1 {
            world.at(b).unsubscribe(ended);
        }
        world.advance(Duration::from_secs(3));
        world.publish(a, no, "again", LIVE);
        assert_eq!(world.told(b).subjects(subscription), ["again"]);
    }
    world.restart(hub);
    world.hub(hub, "");
    world.advance(Duration::from_secs(10));
    world.publish(a, no, "new hub", LIVE);
    assert_eq!(world.told(b).subjects(subscription), ["new hub"]);
}

#[test]
fn without_a_link_reports_reach_local_subscribers_only() {
    let (mut world, hub, [a, b]) = World::star(8);
    let (no, _) = world.create(a, "x");
    let here = world.subscribe(a, "x", "*");
    let there = world.subscribe(b, "x", "*");
    world.settle();
    world.stop_listening(hub);
    world.cut(a, hub);
    world.settle();
    world.publish(a, no, "alone", LIVE);
    assert_eq!(world.told(a).subjects(here), ["alone"]);
    world.restart(hub);
    world.hub(hub, "");
    world.advance(Duration::from_secs(10));
    assert!(world.told(b).subjects(there).is_empty(), "at most once, and never later");
}

#[test]
fn a_publisher_is_told_of_subscribing_processes_and_of_their_end() {
    let (mut world, hub, [a, b, c]) = World::star(9);
    let (no, _) = world.create(a, "x");
    world.settle();
    let one = world.subscribe(b, "x", "p");
    world.subscribe(b, "x", "p");
    world.subscribe(b, "x", "q");
    world.subscribe(hub, "x", "h");
    let ids = [hub, b].map(|node| world.at(node).id());
    let mut told = world.told(a).subscribers;
    told.sort();
    let mut expected = vec![
        (no, ids[1], "p".into(), true),
        (no, ids[1], "q".into(), true),
        (no, ids[0], "h".into(), true),
    ];
    expected.sort();
    assert_eq!(told, expected);
    world.at(b).unsubscribe(one);
    assert!(world.told(a).subscribers.is_empty(), "another subscription shares the interest");
    world.cut(b, hub);
    let mut told = world.told(a).subscribers;
    told.sort();
    assert_eq!(told, [(no, ids[1], "p".into(), false), (no, ids[1], "q".into(), false)]);
    world.advance(Duration::from_secs(3));
    assert_eq!(world.told(a).subscribers.len(), 2, "it comes back by itself");
    world.kill(c);
    assert!(world.told(a).subscribers.is_empty());
}

#[test]
fn what_is_not_visible_cannot_be_subscribed() {
    let (mut world, hub, [a, b]) = World::star(10);
    let (private, id) = world.create_with(a, NewService { audience: "".into(), ..service("x") });
    let (plant, _) =
        world.create_with(hub, NewService { audience: "plant".into(), ..service("x") });
    let by_name = world.subscribe(b, "x", "*");
    let by_id = world.subscribe_to(b, SubscriptionTarget::Identity(id), "*", ROOMY);
    world.settle();
    let before = world.bytes_sent(hub, b);
    world.publish(a, private, "s", Lifetime::Forever);
    world.publish(hub, plant, "s", Lifetime::Forever);
    let told = world.told(b);
    assert!(told.subjects(by_name).is_empty() && told.subjects(by_id).is_empty());
    assert_eq!(world.bytes_sent(hub, b), before);
    assert!(world.told(hub).subscribers.is_empty());
}

#[test]
fn a_process_in_two_groups_gets_each_report_over_a_link_that_may_carry_it() {
    // Both clients are in both groups; the service is for "plant" only.
    let mut world = World::new(11);
    let [hub, plant, a, b] = ["hub", "plant", "a", "b"].map(|label| world.process(label));
    world.hub(hub, "");
    world.hub(plant, "plant");
    for node in [a, b] {
        world.connect(node, hub);
    }
    world.create(a, "makes a known to b over the default group");
    world.create(b, "makes b known to a over the default group");
    world.settle();
    for node in [a, b] {
        world.connect_with(node, plant, "plant", Retry::Backoff, Heartbeat::default());
    }
    let (no, _) = world.create_with(a, NewService { audience: "plant".into(), ..service("x") });
    let subscription = world.subscribe(b, "x", "*");
    world.settle();
    world.publish(a, no, "s", LIVE);
    assert_eq!(world.told(b).subjects(subscription), ["s"]);
}

#[test]
fn a_group_subscription_follows_the_members() {
    let (mut world, hub, [a, b]) = World::star(12);
    let target = || SubscriptionTarget::Group("g".into());
    let nodes = [hub, a, b];
    let subscriptions = nodes.map(|node| (node, world.subscribe_to(node, target(), "*", ROOMY)));
    let (no, _) = world.create(a, "x");
    let member = NewService { groups: vec!["g".into()], ..service("y") };
    let (from_start, _) = world.create_with(hub, member);
    world.settle();
    world.publish(hub, from_start, "from the start", LIVE);
    world.publish(a, no, "no member yet", LIVE);
    for (node, subscription) in subscriptions {
        assert_eq!(world.told(node).subjects(subscription), ["from the start"]);
    }
    let now = world.now();
    world.at(a).join(now, no, "g").unwrap();
    world.settle();
    world.publish(a, no, "member", LIVE);
    for (node, subscription) in subscriptions {
        assert_eq!(world.told(node).subjects(subscription), ["member"]);
    }
    let now = world.now();
    world.at(a).leave(now, no, "g").unwrap();
    world.settle();
    let before = world.bytes_sent(a, hub);
    world.publish(a, no, "no member any more", LIVE);
    for (node, subscription) in subscriptions {
        assert!(world.told(node).subjects(subscription).is_empty());
    }
    assert_eq!(world.bytes_sent(a, hub), before);
}

#[test]
fn a_member_of_a_subscribed_group_that_publishes_its_kept_values_before_joining_has_them_replayed()
{
    let (mut world, _, [a, b]) = World::star(13);
    let (no, _) = world.create(a, "x");
    world.publish(a, no, "kept", Lifetime::Forever);
    let target = SubscriptionTarget::Group("g".into());
    let subscription = world.subscribe_to(b, target, "*", ROOMY);
    assert!(world.told(b).subjects(subscription).is_empty());
    let now = world.now();
    world.at(a).join(now, no, "g").unwrap();
    let told = world.told(b);
    assert_eq!(told.subjects(subscription), ["kept"]);
    assert!(told.reports_of(subscription)[0].replayed);
}

#[test]
fn a_client_that_tells_a_hub_of_subscribers_breaks_the_rules() {
    let mut world = World::new(14);
    let hub = world.process("hub");
    let exchange = world.hub(hub, "");
    let (no, _) = world.create(hub, "x");
    let now = world.now();
    let mut peer = RawPeer::connect(world.at(hub), now, exchange, 7);
    let hello = peer.hello(Role::Client, LinkToken([7; 16]), 1);
    let subscriber = netsvc_core::wire::Subscriber {
        service: no.0,
        process: 0,
        pattern: "*".into(),
        latest: false,
    };
    peer.say(
        world.at(hub),
        now,
        [Message::Hello(hello), Message::Synced, Message::SubscriberAdded(subscriber)],
    );
    let heard = peer.hear(world.at(hub), now);
    assert!(matches!(heard.last(), Some(Message::Goodbye(_))), "{heard:?}");
    assert!(world.told(hub).subscribers.is_empty());
}
