//! Promise 14: who gets a request by name.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::{
    Content, Delivered, HandlerResult, Limits, NewService, Outcome, Prefer, RequestCode,
    RequestOptions,
};
use netsvc_testkit::{Node, Target, World, service};

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

#[test]
fn what_was_answered_no_longer_counts() {
    let (mut world, _, [a, b, user]) = World::star(9);
    for node in [a, b] {
        world.create(node, "x");
    }
    world.settle();
    for key in 0..4 {
        world.ask(user, key, "x", "");
    }
    let (at_a, at_b) = (world.told(a).invoked, world.told(b).invoked);
    assert_eq!((at_a.len(), at_b.len()), (2, 2));
    for invocation in &at_a {
        world.respond(a, invocation.call, "");
    }
    world.settle();
    for key in 4..6 {
        world.ask(user, key, "x", "");
    }
    assert_eq!(counts(&mut world, [a, b]), [2, 0]);
    // As many at both again: in turn.
    for key in 6..8 {
        world.ask(user, key, "x", "");
    }
    assert_eq!(counts(&mut world, [a, b]), [1, 1]);
}

#[test]
fn each_name_has_its_own_turns() {
    let (mut world, _, [a, b, user]) = World::star(10);
    for node in [a, b] {
        for name in ["x", "y"] {
            world.create(node, name);
        }
    }
    world.settle();
    let mut seen = [(0, 0); 2];
    for key in 0..12 {
        let name = if key % 2 == 0 { "x" } else { "y" };
        world.ask(user, key, name, "");
        for (at, node) in [a, b].into_iter().enumerate() {
            let told = world.serve(node, |_| Some(HandlerResult::Response(Content::raw(""))));
            match name {
                "x" => seen[at].0 += told.invoked.len(),
                _ => seen[at].1 += told.invoked.len(),
            }
        }
    }
    assert_eq!(seen, [(3, 3), (3, 3)]);
    assert_eq!(world.told(user).outcomes.len(), 12);
}

/// A service closes whose handler has not seen a request of its own process, since the application
/// does not listen. Returns the outcome, if the process has it at once.
fn close_with_one_waiting(world: &mut World, node: Node) -> Vec<(u64, Outcome)> {
    let (no, _) = world.create(node, "x");
    world.settle();
    world.host(node).listening = false;
    world.ask(node, 1, "x", "question");
    world.settle();
    let now = world.now();
    world.at(node).close_service(now, no);
    world.settle();
    world.host(node).listening = true;
    let told = world.told(node);
    assert!(told.invoked.is_empty());
    told.outcomes
}

#[test]
fn when_a_local_service_closes_what_its_handler_has_not_seen_goes_to_another() {
    // To another of the same process.
    let (mut world, _, [user]) = World::star(11);
    let (first, _) = world.create(user, "x");
    world.create(user, "x");
    world.host(user).listening = false;
    for key in 0..4 {
        world.ask(user, key, "x", "");
    }
    let now = world.now();
    world.at(user).close_service(now, first);
    world.host(user).listening = true;
    let told = world.serve(user, |_| Some(HandlerResult::Response(Content::raw("other"))));
    assert_eq!(told.invoked.len(), 4, "each once");
    assert!(told.invoked.iter().all(|call| call.service != first));
    let ok = Outcome::Response(Content::raw("other"));
    let mut outcomes = told.outcomes;
    outcomes.sort_by_key(|(key, _)| *key);
    assert_eq!(outcomes, (0..4).map(|key| (key, ok.clone())).collect::<Vec<_>>());

    // To another process.
    let (mut world, _, [a, user]) = World::star(12);
    world.create(a, "x");
    world.settle();
    let outcomes = close_with_one_waiting(&mut world, user);
    assert_eq!(outcomes, []);
    let told = world.serve(a, |_| Some(HandlerResult::Response(Content::raw("a"))));
    assert_eq!(told.only_invocation().content, Content::raw("question"));
    assert_eq!(world.told(user).outcomes, [(1, Outcome::Response(Content::raw("a")))]);
    assert_eq!(world.table(user, "calls"), 0);

    // At the hub, for a client.
    let (mut world, hub, [a, user]) = World::star(13);
    let (no, _) = world.create(hub, "x");
    world.settle();
    world.host(hub).listening = false;
    world.ask(user, 1, "x", "question");
    world.settle();
    world.create(a, "x");
    world.settle();
    let now = world.now();
    world.at(hub).close_service(now, no);
    let told = world.serve(a, |_| Some(HandlerResult::Response(Content::raw("a"))));
    assert_eq!(told.invoked.len(), 1);
    assert_eq!(world.told(user).outcomes, [(1, Outcome::Response(Content::raw("a")))]);
    world.host(hub).listening = true;
    assert!(world.told(hub).invoked.is_empty(), "it was taken back");
}

#[test]
fn without_another_what_no_handler_has_seen_is_lost_and_not_delivered() {
    let (mut world, _, [user]) = World::star(14);
    let outcomes = close_with_one_waiting(&mut world, user);
    let [(1, Outcome::Error(error))] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert_eq!((error.code, error.delivered), (RequestCode::Lost, Delivered::No));
}

#[test]
fn a_request_by_identity_is_never_given_to_another() {
    let (mut world, hub, [a, user]) = World::star(15);
    let (no, id) = world.create(hub, "x");
    world.create(a, "x");
    world.settle();
    world.host(hub).listening = false;
    world.ask_with(user, 1, &Target::Identity(id), "", Duration::from_secs(60));
    world.settle();
    let now = world.now();
    world.at(hub).close_service(now, no);
    let told = world.told(user);
    assert_eq!(told.only_error().code, RequestCode::Lost);
    assert_eq!(told.only_error().delivered, Delivered::No);
    assert!(world.told(a).invoked.is_empty());
}

#[test]
fn a_service_withdrawn_before_the_request_left_the_hubs_queue_is_replaced_by_another() {
    let (mut world, hub, [a, b, user]) = World::star(16);
    let (no, _) = world.create(a, "x");
    world.settle();
    // The provider reads nothing, so that the way to it is full; the rest waits at the hub.
    world.host(a).stopped = true;
    world.ask(hub, 1, "x", &"f".repeat(1 << 19));
    world.settle();
    for key in 2..6 {
        world.ask(user, key, "x", "moved");
    }
    world.settle();
    world.create(b, "x");
    world.settle();
    // What it says gets through before it has read all that.
    let now = world.now();
    world.at(a).close_service(now, no);
    world.host(a).stopped = false;
    let told = world.serve(b, |_| Some(HandlerResult::Response(Content::raw("by b"))));
    assert!(told.invoked.iter().all(|call| call.content == Content::raw("moved")));
    assert_eq!(told.invoked.len(), 4);
    assert!(world.told(a).invoked.is_empty());
    let ok = Outcome::Response(Content::raw("by b"));
    let mut outcomes = world.told(user).outcomes;
    outcomes.sort_by_key(|(key, _)| *key);
    assert_eq!(outcomes, (2..6).map(|key| (key, ok.clone())).collect::<Vec<_>>());
    // The first was under way.
    assert_eq!(world.told(hub).only_error().delivered, Delivered::Unknown);
}

fn failure() -> HandlerResult {
    HandlerResult::Failure(Content::raw("no"))
}

/// A service that has `run` only if it is told so.
fn version(runs: bool) -> NewService {
    let method = if runs { "run" } else { "old" };
    NewService { methods: vec![method.into()], ..service("x") }
}

#[test]
fn who_lacks_the_method_is_not_asked_while_another_has_it() {
    for lacking_first in [false, true] {
        let (mut world, hub, [a, b, user]) = World::star(20);
        let (old, new) = if lacking_first { (a, b) } else { (b, a) };
        world.create_with(a, version(a == new));
        world.create_with(b, version(b == new));
        world.settle();
        for caller in [user, hub, new, old] {
            for key in 0..4 {
                world.ask(caller, key, "x", "");
            }
            assert_eq!(counts(&mut world, [old, new]), [0, 4], "asked by {caller:?}");
        }
    }
}

#[test]
fn nobody_has_the_method_only_if_nobody_visible_has_it() {
    let (mut world, hub, [a, b, user]) = World::star(21);
    world.create_with(a, version(false));
    world.create_with(b, version(false));
    world.create_with(hub, NewService { audience: "plant".into(), ..version(true) });
    world.settle();
    for caller in [user, a, hub] {
        let expected =
            if caller == hub { None } else { Some((RequestCode::NoMethod, Delivered::No)) };
        world.ask(caller, 1, "x", "");
        world.serve(hub, |_| Some(HandlerResult::Response(Content::raw(""))));
        if let Some(expected) = expected {
            assert_eq!(netsvc_testkit::verdict(&world.told(caller)), expected);
        }
    }
    assert_eq!(counts(&mut world, [a, b]), [0, 0]);
}

#[test]
fn the_own_process_is_not_preferred_if_the_caller_does_not_care() {
    let (mut world, _, [a, b]) = World::star(22);
    world.create(a, "x");
    world.create(b, "x");
    world.settle();
    let options =
        RequestOptions { prefer: Prefer::Any, ..RequestOptions::within(Duration::from_secs(5)) };
    for key in 0..8 {
        world.ask_for(a, key, &Target::Name("x".into()), "", options);
        world.settle();
    }
    let [at_a, at_b] = counts(&mut world, [a, b]);
    assert_eq!(at_a + at_b, 8);
    assert!(at_b >= 3, "{at_b} of 8 went to the other");
}

#[test]
fn an_overloaded_provider_is_replaced_once_before_the_caller_hears_of_it() {
    let mut world = World::new(23);
    let full = Limits { running_requests: 1, ..Limits::default() };
    let [hub, user] = ["hub", "user"].map(|label| world.process(label));
    let [a, b, c] = ["a", "b", "c"].map(|label| world.process_with(label, full.clone()));
    world.hub(hub, "");
    for node in [a, b, c, user] {
        world.connect(node, hub);
    }
    // Each has its only slot taken by itself, of which the hub knows nothing.
    for node in [a, b] {
        world.create(node, "x");
        world.ask_with(node, 1, &Target::Name("x".into()), "own", Duration::from_secs(60));
    }
    world.settle();
    world.create(c, "x");
    world.settle();
    counts(&mut world, [a, b, c]);
    let mut answered = 0;
    for key in 0..9 {
        world.ask(user, key, "x", "arguments");
        let told = world.serve(c, |_| Some(HandlerResult::Response(Content::raw(""))));
        answered += told.invoked.len();
        for invocation in told.invoked {
            assert_eq!(invocation.content, Content::raw("arguments"));
        }
    }
    let outcomes = world.told(user).outcomes;
    assert_eq!(outcomes.len(), 9);
    let overloaded = |outcome: &Outcome| matches!(outcome, Outcome::Error(error) if error.code == RequestCode::Overloaded && error.delivered == Delivered::No);
    let refused = outcomes.iter().filter(|(_, outcome)| overloaded(outcome)).count();
    assert_eq!(answered + refused, 9);
    assert!(answered >= 6, "{answered} of 9: two in a row may be overloaded");
    assert_eq!(counts(&mut world, [a, b, c]), [0, 0, 0]);
    // When all are, the caller hears it.
    world.ask_with(c, 1, &Target::Name("x".into()), "own", Duration::from_secs(60));
    world.ask(user, 100, "x", "");
    let told = world.told(user);
    assert_eq!(netsvc_testkit::verdict(&told), (RequestCode::Overloaded, Delivered::No));
    assert_eq!(world.table(hub, "calls"), 0);
}

#[test]
fn a_provider_that_fails_at_once_draws_little() {
    let (mut world, hub, [a, b, c, user]) = World::star(24);
    for node in [a, b, c] {
        world.create(node, "x");
    }
    world.settle();
    let mut asked = [0; 3];
    let mut running: Vec<(Node, netsvc_core::CallId)> = Vec::new();
    for key in 0..1000 {
        world.ask(user, key, "x", "");
        asked[0] += world.serve(a, |_| Some(failure())).invoked.len();
        for (index, node) in [(1, b), (2, c)] {
            for invocation in world.told(node).invoked {
                asked[index] += 1;
                running.push((node, invocation.call));
            }
        }
        // The others take some 20 ms for each.
        if running.len() > 4 {
            let (node, call) = running.remove(0);
            world.respond(node, call, "");
        }
        world.advance(Duration::from_millis(5));
    }
    assert_eq!(asked.iter().sum::<usize>(), 1000);
    assert!(asked[0] < 100, "{asked:?}");
    assert!(asked[1] > 400 && asked[2] > 400, "{asked:?}");
    // It is asked as before a while after it has recovered.
    for (node, call) in running {
        world.respond(node, call, "");
    }
    world.advance(Duration::from_secs(3));
    for node in [a, b, c, user] {
        world.told(node);
    }
    for key in 2000..2009 {
        world.ask(user, key, "x", "");
    }
    assert_eq!(counts(&mut world, [a, b, c]), [3, 3, 3]);
    assert_eq!(world.table(hub, "round robin"), 1);
}

#[test]
fn those_that_all_fail_are_asked_alike() {
    let (mut world, _, [a, b, user]) = World::star(25);
    for node in [a, b] {
        world.create(node, "x");
    }
    world.settle();
    let mut asked = [0; 2];
    for key in 0..100 {
        world.ask(user, key, "x", "");
        for (index, node) in [(0, a), (1, b)] {
            asked[index] += world.serve(node, |_| Some(failure())).invoked.len();
        }
        world.advance(Duration::from_millis(5));
    }
    assert_eq!(asked, [50, 50]);
}
