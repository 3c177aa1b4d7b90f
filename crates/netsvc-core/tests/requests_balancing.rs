//! Promise 14: who gets a request by name.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::{Content, Delivered, HandlerResult, NewService, Outcome, RequestCode, Target};
use netsvc_testkit::{Node, World, service};

/// How many requests each node was told since.
fn counts<const N: usize>(world: &mut World, nodes: [Node; N]) -> [usize; N] {
    world.settle();
    nodes.map(|node| world.told(node).invoked.len())
}

#[test]
fn the_own_process_comes_first() {
    let (mut world, hub, [a, b]) = World::star(1);
    for node in [hub, a, b] {
        world.create(node, "x");
    }
    world.settle();
    for key in 0..6 {
        world.ask(a, key, "x", "");
        world.ask(hub, key, "x", "");
    }
    assert_eq!(counts(&mut world, [hub, a, b]), [6, 6, 0]);
}

#[test]
fn among_equals_the_hub_takes_each_in_turn_its_own_included() {
    let (mut world, hub, [a, b, user]) = World::star(2);
    for node in [hub, a, b] {
        world.create(node, "x");
    }
    world.settle();
    for key in 0..9 {
        world.ask(user, key, "x", "");
        for node in [hub, a, b] {
            world.serve(node, |_| Some(HandlerResult::Response(Content::raw(""))));
        }
    }
    // All were free each time: nothing but turns decides. The answers were taken above.
    assert_eq!(world.told(user).outcomes.len(), 9);
    for node in [hub, a, b] {
        world.told(node);
    }
    for key in 9..18 {
        world.ask(user, key, "x", "");
    }
    assert_eq!(counts(&mut world, [hub, a, b]), [3, 3, 3]);
}

#[test]
fn the_least_loaded_gets_it() {
    let (mut world, _, [a, b, user]) = World::star(3);
    let (_, at_a) = world.create(a, "x");
    world.create(b, "x");
    world.settle();
    for key in 0..4 {
        world.ask_with(user, key, &Target::Identity(at_a), "", Duration::from_secs(60));
    }
    assert_eq!(counts(&mut world, [a, b]), [4, 0]);
    for key in 4..8 {
        world.ask(user, key, "x", "");
    }
    assert_eq!(counts(&mut world, [a, b]), [0, 4]);
    for key in 8..12 {
        world.ask(user, key, "x", "");
    }
    assert_eq!(counts(&mut world, [a, b]), [2, 2]);
}

#[test]
fn a_provider_that_the_caller_cannot_see_is_not_picked() {
    let (mut world, hub, [a, user]) = World::star(4);
    world.create_with(hub, NewService { audience: "".into(), ..service("x") });
    world.create_with(hub, NewService { audience: "plant".into(), ..service("x") });
    world.create(a, "x");
    world.settle();
    for key in 0..4 {
        world.ask(user, key, "x", "");
    }
    assert_eq!(counts(&mut world, [hub, a]), [0, 4]);
}

#[test]
fn an_identity_means_that_one_and_no_other() {
    let (mut world, hub, [a, b, user]) = World::star(5);
    let (no, at_a) = world.create(a, "x");
    world.create(b, "x");
    world.create(user, "x");
    world.create(hub, "x");
    world.settle();
    let target = Target::Identity(at_a);
    for key in 0..3 {
        world.ask_with(user, key, &target, "", Duration::from_secs(5));
    }
    assert_eq!(counts(&mut world, [a, b, user, hub]), [3, 0, 0, 0]);
    let now = world.now();
    world.at(a).close_service(now, no);
    world.settle();
    world.told(user);
    world.ask_with(user, 9, &target, "", Duration::from_secs(5));
    let told = world.told(user);
    assert_eq!(told.only_error().code, RequestCode::NoService);
}

#[test]
fn a_name_goes_on_working_while_its_providers_come_and_go() {
    let (mut world, _, [a, b, user]) = World::star(6);
    let (mut no, _) = world.create(a, "x");
    world.create(b, "x");
    world.settle();
    for key in 0..10 {
        world.ask(user, key, "x", "");
        for node in [a, b] {
            world.serve(node, |_| Some(HandlerResult::Response(Content::raw("ok"))));
        }
        let outcomes = world.told(user).outcomes;
        assert_eq!(outcomes, [(key, Outcome::Response(Content::raw("ok")))]);
        let now = world.now();
        world.at(a).close_service(now, no);
        no = world.create(a, "x").0;
    }
}

#[test]
fn a_provider_lost_before_the_request_left_the_hubs_queue_is_replaced_by_another() {
    let (mut world, hub, [a, b, user]) = World::star(7);
    world.create(a, "x");
    world.settle();
    // The way to the only provider is full; the request stays in the hub's queue.
    world.freeze(a, hub, true);
    world.ask_with(
        hub,
        1,
        &Target::Name("x".into()),
        &"f".repeat(1 << 19),
        Duration::from_secs(60),
    );
    world.settle();
    world.ask_with(user, 2, &Target::Name("x".into()), "moved", Duration::from_secs(60));
    world.settle();
    world.create(b, "x");
    // Longer than it takes to give the provider up.
    world.advance(Duration::from_secs(20));
    let told = world.serve(b, |_| Some(HandlerResult::Response(Content::raw("by b"))));
    assert_eq!(told.only_invocation().content, Content::raw("moved"));
    assert_eq!(world.told(user).outcomes, [(2, Outcome::Response(Content::raw("by b")))]);
    // The first may have been seen: it was under way.
    let error = world.told(hub);
    assert_eq!(error.only_error().delivered, Delivered::Unknown);
}

#[test]
fn a_request_that_may_have_been_seen_is_not_given_to_another() {
    let (mut world, _, [a, b, user]) = World::star(8);
    world.create(a, "x");
    world.settle();
    world.ask(user, 1, "x", "");
    world.settle();
    world.create(b, "x");
    world.settle();
    world.kill(a);
    let told = world.told(user);
    assert_eq!(told.only_error().code, RequestCode::Lost);
    assert!(world.told(b).invoked.is_empty());
}
