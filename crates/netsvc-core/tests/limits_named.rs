//! Promise 23: a limit that is reached says which it is, by the name under which it is set.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use netsvc_core::limits::{MAX_EXCHANGES, MAX_WATCHES};
use netsvc_core::{
    CommandError, Content, Filter, Heartbeat, Lifetime, Limits, NewService, Role,
    SubscriptionTarget,
};
use netsvc_testkit::{Node, ROOMY, Verbs, World, service};

fn text(error: &CommandError) -> String {
    error.to_string()
}

#[test]
fn a_limit_is_named_as_it_is_set() {
    let mut world = World::new(1);
    let limits =
        Limits { kept_values: 1, kept_bytes: 10, announced_bytes: 50, ..Limits::default() };
    let a = world.process_with("a", limits);
    let (no, _) = world.create(a, "x");
    let now = world.now();
    let a = world.at(a);
    let mut keep = |subject: &str, size| {
        a.report(now, no, subject, Content::raw(vec![0; size]), Lifetime::Forever)
    };
    assert_eq!(text(&keep("s", 11).unwrap_err()), "limit keptBytes reached: 10");
    keep("s", 1).unwrap();
    assert_eq!(text(&keep("t", 1).unwrap_err()), "limit keptValues reached: 1");
    let large = a.create_service(now, service(&"n".repeat(100)));
    assert_eq!(text(&large.unwrap_err()), "limit announcedBytes reached: 50");
}

#[test]
fn too_many_subscriptions_of_one_interest_are_subscriptions_and_not_interests() {
    let mut world = World::new(2);
    let a = world.process_with("a", Limits { interests: 2, ..Limits::default() });
    let now = world.now();
    let a = world.at(a);
    let mut subscribe =
        |pattern: &str| a.subscribe(now, SubscriptionTarget::Name("x".into()), pattern, ROOMY);
    for _ in 0..32 {
        subscribe("*").unwrap();
    }
    assert_eq!(text(&subscribe("*").unwrap_err()), "limit subscriptions reached: 32");
}

/// A process that may have three interests, and as many members of a group as are asked for in
/// another.
fn members(world: &mut World, count: usize) -> Node {
    let hub = world.process("hub");
    let a = world.process("a");
    let b = world.process_with("b", Limits { interests: 3, ..Limits::default() });
    world.hub(hub, "");
    world.connect(a, hub);
    world.connect(b, hub);
    for _ in 0..count {
        let member = NewService { groups: vec!["g".into()], ..service("x") };
        world.create_with(a, member);
    }
    world.settle();
    b
}

#[test]
fn members_of_a_group_that_do_not_fit_are_not_left_unheard() {
    let group = || SubscriptionTarget::Group("g".into());
    for (count, fits) in [(3, true), (4, false)] {
        let mut world = World::new(3);
        let b = members(&mut world, count);
        let now = world.now();
        let subscribed = world.at(b).subscribe(now, group(), "*", ROOMY);
        assert_eq!(subscribed.is_ok(), fits);
        if let Err(error) = subscribed {
            assert_eq!(text(&error), "limit interests reached: 3");
            assert_eq!(world.table(b, "subscriptions") + world.table(b, "interests"), 0);
        }
    }
    // A second subscription shares the interests of the first.
    let mut world = World::new(4);
    let b = members(&mut world, 2);
    let now = world.now();
    world.at(b).subscribe(now, group(), "*", ROOMY).unwrap();
    world.at(b).subscribe(now, group(), "*", ROOMY).unwrap();
    assert_eq!(world.table(b, "interests"), 2);
}

#[test]
fn watches_and_exchanges_are_bounded() {
    let mut world = World::new(5);
    let a = world.process("a");
    let a = world.at(a);
    for n in 0..MAX_EXCHANGES {
        a.create_exchange(Role::Client, n.to_string(), Heartbeat::default()).unwrap();
    }
    let more = a.create_exchange(Role::Client, "more", Heartbeat::default());
    assert_eq!(text(&more.unwrap_err()), "limit exchanges reached: 1024");
    let watches: Vec<_> = (0..MAX_WATCHES).map(|_| a.watch(Filter::default())).collect();
    assert_eq!(text(&a.check_watch().unwrap_err()), "limit watches reached: 65536");
    a.unwatch(watches[0]);
    a.check_watch().unwrap();
}
