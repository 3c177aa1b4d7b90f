//! What one process wants costs the others no more than it said, and what it publishes keeps
//! nobody's memory.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use netsvc_core::{CommandError, Lifetime, Limits, NewService, Process, SubscriptionTarget};
use netsvc_testkit::{Node, ROOMY, World, link_story, service};

const LIVE: Lifetime = Lifetime::None;

fn table(process: &Process, name: &str) -> usize {
    process.table_sizes().into_iter().find(|(table, _)| *table == name).unwrap().1
}

/// As many services of a name as a client may have, each wanted by as many interests, were as many
/// subscribers as the product: 98 s of the hub and 247 MiB. Now those beyond a bound get all
/// reports, of which each takes what it wants.
#[test]
fn interests_times_services_are_told_apart_up_to_a_bound() {
    let limits = Limits { interests: 40, ..Limits::default() };
    let (mut world, _, publisher, subscriber) = star(limits);
    let (many, bound) = (30, 16 * 40);
    assert!(many * many > bound);
    let subscriptions: Vec<_> = (0..many)
        .map(|number| world.subscribe(subscriber, "x", &format!("subject {number}")))
        .collect();
    world.settle();
    let services: Vec<_> = (0..many).map(|_| world.create(publisher, "x").0).collect();
    world.settle();
    assert!(table(world.at(publisher), "told subscribers") <= bound + many);
    for no in [services[0], services[many - 1]] {
        world.told(subscriber);
        for subject in ["subject 0", "subject 29", "subject 30"] {
            world.publish(publisher, no, subject, LIVE);
        }
        let told = world.told(subscriber);
        assert_eq!(told.subjects(subscriptions[0]), ["subject 0"]);
        assert_eq!(told.subjects(subscriptions[29]), ["subject 29"]);
        assert!(told.subjects(subscriptions[15]).is_empty());
    }
    // What ends, ends for both kinds, in any order.
    for subscription in subscriptions.iter().step_by(2) {
        world.at(subscriber).unsubscribe(*subscription);
    }
    world.settle();
    world.told(subscriber);
    world.publish(publisher, services[many - 1], "subject 29", LIVE);
    assert_eq!(world.told(subscriber).subjects(subscriptions[29]), ["subject 29"]);
    for subscription in subscriptions.iter().skip(1).step_by(2) {
        world.at(subscriber).unsubscribe(*subscription);
    }
    world.settle();
    assert_eq!(table(world.at(publisher), "told subscribers"), many, "services that were told of");
}

/// Its own, so that no other process pays for them: see `Pattern::weight`.
#[test]
fn patterns_that_have_to_be_tried_count_for_more() {
    let mut world = World::new(2);
    let node = world.process_with("a", Limits { interests: 70, ..Limits::default() });
    let mut subscribe = |pattern: &str| {
        let (now, target) = (world.now(), SubscriptionTarget::Name("x".into()));
        world.at(node).subscribe(now, target, pattern, ROOMY)
    };
    let refused = Err(CommandError::Limit { what: "interests", limit: 70 });
    assert!(subscribe("*a?b*").is_ok(), "64");
    assert!(subscribe("a*b").is_ok(), "4");
    assert_eq!(subscribe("a*c"), refused);
    assert!(subscribe("a*b").is_ok(), "shared");
    assert!(subscribe("a*").is_ok(), "1");
    assert!(subscribe("*a").is_ok(), "1");
    assert_eq!(subscribe("a"), refused);
}

fn star(limits: Limits) -> (World, Node, Node, Node) {
    let mut world = World::new(3);
    let hub = world.process_with("hub", limits);
    let bad = world.process_with("bad", Limits { announced_bytes: 1 << 30, ..Limits::default() });
    let good = world.process("good");
    world.hub(hub, "");
    world.connect(bad, hub);
    world.connect(good, hub);
    world.settle();
    (world, hub, bad, good)
}

/// A client may have 1,024 services of 64 KiB each otherwise.
#[test]
fn a_client_that_announces_too_much_is_told_to_go() {
    let limits = Limits { announced_bytes: 10_000, ..Limits::default() };
    let (mut world, hub, bad, good) = star(limits);
    let (first, _) = world.create(good, "stays");
    let large = |number: usize| NewService {
        methods: (0..40).map(|method| format!("{number:>50}{method:>50}").into()).collect(),
        ..service("x")
    };
    world.create_with(bad, large(1));
    world.create_with(bad, large(2));
    world.settle();
    assert_eq!(world.sees(hub).len(), 3);
    world.told(hub);
    world.create_with(bad, large(3));
    world.settle();
    assert_eq!(link_story(&world.host(hub).take_events())[0], "inactive limit");
    assert_eq!(world.sees(hub), ["stays"]);
    assert!(world.at(good).join(netsvc_core::Time(0), first, "group").is_ok());
}

/// Groups that it joins later count as well.
#[test]
fn a_client_that_joins_too_many_groups_is_told_to_go() {
    let limits = Limits { announced_bytes: 10_000, ..Limits::default() };
    let (mut world, hub, bad, _) = star(limits);
    let (no, _) = world.create(bad, "x");
    world.settle();
    world.told(hub);
    for number in 0..38 {
        let now = world.now();
        world.at(bad).join(now, no, format!("{number:>250}")).unwrap();
    }
    world.settle();
    assert_eq!(world.sees(hub), ["x"]);
    for number in 38..40 {
        let now = world.now();
        world.at(bad).join(now, no, format!("{number:>250}")).unwrap();
    }
    world.settle();
    assert_eq!(link_story(&world.host(hub).take_events())[0], "inactive limit");
    assert!(world.sees(hub).is_empty());
}

#[test]
fn what_the_application_announces_is_bounded_as_well() {
    let mut world = World::new(4);
    let node = world.process_with("a", Limits { announced_bytes: 200, ..Limits::default() });
    let now = world.now();
    let process = world.at(node);
    let named = |length: usize| service(&"n".repeat(length));
    let refused = CommandError::Limit { what: "announced_bytes", limit: 200 };
    let (no, _) = process.create_service(now, named(100)).unwrap();
    assert_eq!(process.create_service(now, named(100)).unwrap_err(), refused);
    assert_eq!(process.join(now, no, "g".repeat(100)).unwrap_err(), refused);
    assert_eq!(process.join(now, no, "g".repeat(20)), Ok(true));
    assert_eq!(process.leave(now, no, &"g".repeat(20)), Ok(true));
    assert_eq!(process.join(now, no, "h".repeat(20)), Ok(true));
    process.close_service(now, no);
    assert!(process.create_service(now, named(100)).is_ok(), "room again");
}
