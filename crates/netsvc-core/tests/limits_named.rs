//! Promise 23: a limit that is reached says which it is, by the name under which it is set.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use netsvc_core::limits::{MAX_EXCHANGES, MAX_WATCHES};
use netsvc_core::{
    CommandError, Content, Filter, Heartbeat, Lifetime, Limits, NewService, Role,
    SubscriptionTarget,
};
use netsvc_testkit::{ROOMY, Verbs, World, service};

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

#[test]
fn a_subscription_by_group_is_one_interest_however_many_members_there_are() {
    let mut world = World::new(3);
    let [hub, a] = ["hub", "a"].map(|label| world.process(label));
    let b = world.process_with("b", Limits { interests: 1, ..Limits::default() });
    world.hub(hub, "");
    world.connect(a, hub);
    world.connect(b, hub);
    let member = || NewService { groups: vec!["g".into()], ..service("x") };
    let mut members: Vec<_> = (0..4).map(|_| world.create_with(a, member()).0).collect();
    world.settle();
    let group = SubscriptionTarget::Group("g".into());
    let subscription = world.subscribe_to(b, group.clone(), "*", ROOMY);
    world.settle();
    members.push(world.create_with(a, member()).0);
    for member in members {
        world.publish(a, member, "s", Lifetime::None);
    }
    world.settle();
    assert_eq!(world.table(b, "interests"), 1);
    assert_eq!(world.told(b).reports_of(subscription).len(), 5);
    let now = world.now();
    let other = world.at(b).subscribe(now, group, "other", ROOMY).unwrap_err();
    assert_eq!(text(&other), "limit interests reached: 1");
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
