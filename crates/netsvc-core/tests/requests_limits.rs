//! Promises 15 and 23: what happens to a request that is too large, or one too many.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::{
    Content, Delivered, HandlerResult, Lifetime, Limits, Outcome, RequestCode, RequestOptions,
};
use netsvc_testkit::{Target, Verbs, World, assert_nothing_pending, verdict};

const FIVE: Duration = Duration::from_secs(5);

fn named(name: &str) -> Target {
    Target::Name(name.into())
}

#[test]
fn a_method_name_that_is_too_long_is_no_method() {
    let (mut world, _, [provider, user]) = World::star(6);
    world.create(provider, "x");
    world.settle();
    let now = world.now();
    let name = "m".repeat(256);
    world.at(user).ask(now, 1, named("x"), name, Content::raw(""), RequestOptions::within(FIVE));
    assert_eq!(verdict(&world.told(user)), (RequestCode::NoMethod, Delivered::No));
}

#[test]
fn arguments_over_the_limit_of_either_end_are_too_large_and_not_delivered() {
    let mut world = World::new(7);
    let small = Limits { payload: 2000, ..Limits::default() };
    let hub = world.process("hub");
    let provider = world.process_with("provider", small.clone());
    let user = world.process("user");
    let small_user = world.process_with("small user", small);
    world.hub(hub, "");
    for node in [provider, user, small_user] {
        world.connect(node, hub);
    }
    world.create(provider, "x");
    world.settle();
    let [fits, exceeds] = ["f".repeat(2000), "e".repeat(2001)];
    for caller in [small_user, user, hub, provider] {
        world.ask(caller, 1, "x", &exceeds);
        assert_eq!(verdict(&world.told(caller)), (RequestCode::TooLarge, Delivered::No));
        assert!(world.told(provider).invoked.is_empty());
        world.ask(caller, 2, "x", &fits);
        let told = world.serve(provider, |_| Some(HandlerResult::Response(Content::raw(""))));
        assert_eq!(told.invoked.len(), 1);
        world.told(caller);
    }
    assert_nothing_pending(&mut world, &[hub, provider, user, small_user]);
}

#[test]
fn a_result_over_the_limit_of_either_end_is_too_large_and_delivered() {
    let mut world = World::new(8);
    let small = Limits { payload: 2000, ..Limits::default() };
    let hub = world.process("hub");
    let provider = world.process("provider");
    let user = world.process_with("user", small);
    world.hub(hub, "");
    world.connect(provider, hub);
    world.connect(user, hub);
    world.create(provider, "x");
    world.settle();
    for (size, fits) in [(2000, true), (2001, false), ((1 << 20) + 1, false)] {
        world.ask(user, 1, "x", "");
        let result = Content::raw("r".repeat(size));
        world.serve(provider, |_| Some(HandlerResult::Response(result.clone())));
        let told = world.told(user);
        if fits {
            assert_eq!(told.outcomes, [(1, Outcome::Response(result.clone()))]);
        } else {
            assert_eq!(verdict(&told), (RequestCode::TooLarge, Delivered::Yes));
        }
    }
    assert_nothing_pending(&mut world, &[hub, provider, user]);
}

#[test]
fn a_service_with_its_limit_running_is_overloaded_and_free_only_when_a_handler_responds() {
    let mut world = World::new(10);
    let hub = world.process("hub");
    let limits = Limits { running_requests: 2, ..Limits::default() };
    let provider = world.process_with("provider", limits);
    let user = world.process("user");
    world.hub(hub, "");
    world.connect(provider, hub);
    world.connect(user, hub);
    world.create(provider, "x");
    world.settle();
    world.ask(user, 1, "x", "");
    world.ask(provider, 2, "x", "");
    world.ask(user, 3, "x", "");
    let told = world.told(user);
    assert_eq!(told.outcomes.len(), 1);
    assert_eq!(told.outcomes[0].0, 3);
    assert_eq!(verdict(&told), (RequestCode::Overloaded, Delivered::No));
    let running = world.told(provider).invoked;
    assert_eq!(running.len(), 2);

    // Cancelled, the caller is free at once, the slot is not.
    world.at(user).cancel(1);
    world.settle();
    world.told(user);
    world.ask(user, 4, "x", "");
    assert_eq!(verdict(&world.told(user)), (RequestCode::Overloaded, Delivered::No));
    let cancelled = running.iter().find(|invocation| &*invocation.caller_label == "user").unwrap();
    world.respond(provider, cancelled.call, "too late");
    world.ask(user, 5, "x", "");
    assert!(world.told(user).outcomes.is_empty());
    assert_eq!(world.told(provider).invoked.len(), 1);
}

#[test]
fn a_link_with_its_limit_pending_is_overloaded_until_one_ends() {
    let mut world = World::new(11);
    let hub = world.process("hub");
    let provider = world.process("provider");
    let user = world.process_with("user", Limits { pending_requests: 2, ..Limits::default() });
    world.hub(hub, "");
    world.connect(provider, hub);
    world.connect(user, hub);
    world.create(provider, "x");
    world.settle();
    for key in 1..=3 {
        world.ask(user, key, "x", "");
    }
    let told = world.told(user);
    assert_eq!(told.outcomes[0].0, 3);
    assert_eq!(verdict(&told), (RequestCode::Overloaded, Delivered::No));
    let running = world.told(provider).invoked;
    world.respond(provider, running[0].call, "");
    assert_eq!(world.told(user).outcomes.len(), 1);
    world.ask(user, 4, "x", "");
    assert!(world.told(user).outcomes.is_empty());
    assert_eq!(world.told(provider).invoked.len(), 1);
}

#[test]
fn a_server_holds_a_client_to_its_own_limit_of_pending_requests() {
    let mut world = World::new(12);
    let hub = world.process_with("hub", Limits { pending_requests: 2, ..Limits::default() });
    let provider = world.process("provider");
    let user = world.process("user");
    world.hub(hub, "");
    world.connect(provider, hub);
    world.connect(user, hub);
    world.create(hub, "x");
    world.settle();
    for key in 1..=3 {
        world.ask(user, key, "x", "");
    }
    let told = world.told(user);
    assert_eq!(told.outcomes[0].0, 3);
    assert_eq!(verdict(&told), (RequestCode::Overloaded, Delivered::No));
    // Another link has a limit of its own.
    world.ask(provider, 1, "x", "");
    assert!(world.told(provider).outcomes.is_empty());
}

#[test]
fn a_request_into_a_full_outbox_is_overloaded_and_not_delivered() {
    let mut world = World::new(13);
    let hub = world.process("hub");
    let provider = world.process("provider");
    let user = world.process_with("user", Limits { outbox: 10_000, ..Limits::default() });
    world.hub(hub, "");
    world.connect(provider, hub);
    world.connect(user, hub);
    world.create(provider, "x");
    world.settle();
    let content = "c".repeat(4000);
    for key in 1..=3 {
        world.ask(user, key, "x", &content);
    }
    let told = world.told(user);
    assert_eq!(told.outcomes[0].0, 3);
    assert_eq!(verdict(&told), (RequestCode::Overloaded, Delivered::No));
    assert_eq!(world.told(provider).invoked.len(), 2);
}

#[test]
fn whose_payload_limit_it_was_is_said_with_its_value() {
    for (smallest, arguments, result) in [
        ("user", "the caller", "the caller"),
        ("hub", r#"the hub "hub""#, "the hub"),
        ("provider", r#"the provider "provider""#, "the provider"),
    ] {
        let mut world = World::new(9);
        let [hub, provider, user] = ["hub", "provider", "user"].map(|label| {
            let payload = if label == smallest { 2000 } else { 1 << 20 };
            world.process_with(label, Limits { payload, ..Limits::default() })
        });
        world.hub(hub, "");
        world.connect(provider, hub);
        world.connect(user, hub);
        world.create(provider, "x");
        world.settle();
        let large = "l".repeat(2001);
        let which = |whose| format!("exceed limits.payload of {whose}, which is 2000 bytes");
        world.ask(user, 1, "x", &large);
        let expected = format!("2001 bytes of arguments {}", which(arguments));
        assert_eq!(&*world.told(user).only_error().message, expected);
        world.ask(user, 2, "x", "");
        world.serve(provider, |_| Some(HandlerResult::Response(Content::raw(large.clone()))));
        let expected = format!("2001 bytes of the result {}", which(result));
        assert_eq!(&*world.told(user).only_error().message, expected);
        if smallest != "provider" {
            let options = RequestOptions { parts: 1, ..RequestOptions::within(FIVE) };
            world.ask_for(user, 3, &named("x"), "", options);
            let call = world.told(provider).only_invocation().call;
            let now = world.now();
            world.at(provider).part(now, call, Content::raw(large)).unwrap();
            let expected = format!("2001 bytes of a part {}", which(result));
            assert_eq!(&*world.told(user).only_error().message, expected);
        }
    }
}

#[test]
fn whose_payload_limit_a_publisher_exceeds_is_said_with_its_value() {
    let mut world = World::new(10);
    let node = world.process_with("x", Limits { payload: 2000, ..Limits::default() });
    let (service, _) = world.create(node, "x");
    let now = world.now();
    let content = Content::raw("l".repeat(2001));
    let error = world.at(node).report(now, service, "s", content, Lifetime::None).unwrap_err();
    let expected =
        "2001 bytes of content exceed limits.payload of this process, which is 2000 bytes";
    assert_eq!(error.to_string(), expected);
}
