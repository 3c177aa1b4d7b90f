//! Promises 15 and 16: every outcome with what it says about delivery, exactly one of them for
//! each request.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use netsvc_core::wire::{Message, Request, RequestTarget};
use netsvc_core::{
    Content, Delivered, Event, HandlerResult, Outcome, RequestCode, RequestError, RequestOptions,
};
use netsvc_testkit::{
    RawPeer, Target, Told, Verbs, World, announcement, assert_nothing_pending, service, verdict,
};

const FIVE: Duration = Duration::from_secs(5);

fn named(name: &str) -> Target {
    Target::Name(name.into())
}

#[test]
fn a_response_and_an_application_failure_arrive_as_they_were_given() {
    let (mut world, hub, [provider, user]) = World::star(1);
    world.create(provider, "x");
    world.settle();
    for (key, result) in [
        (1, HandlerResult::Response(Content::raw("answer"))),
        (2, HandlerResult::Failure(Content::raw("failure"))),
    ] {
        world.ask(user, key, "x", "question");
        let told = world.serve(provider, |invocation| {
            assert_eq!(invocation.content, Content::raw("question"));
            assert_eq!(&*invocation.method, "run");
            assert_eq!(&*invocation.caller_label, "client 1");
            Some(result.clone())
        });
        assert_eq!(told.invoked.len(), 1);
    }
    assert_eq!(
        world.told(user).outcomes,
        [
            (1, Outcome::Response(Content::raw("answer"))),
            (2, Outcome::Failure(Content::raw("failure"))),
        ]
    );
    assert_nothing_pending(&mut world, &[hub, provider, user]);
}

#[test]
fn requests_work_in_every_direction() {
    let (mut world, hub, [a, b]) = World::star(2);
    for (node, name) in [(hub, "of hub"), (a, "of a"), (b, "of b")] {
        world.create(node, name);
    }
    world.settle();
    let mut key = 0;
    for caller in [hub, a, b] {
        for (provider, name) in [(hub, "of hub"), (a, "of a"), (b, "of b")] {
            key += 1;
            world.ask(caller, key, name, name);
            world.serve(provider, |call| Some(HandlerResult::Response(call.content.clone())));
            let expected = (key, Outcome::Response(Content::raw(name)));
            let told = world.told(caller);
            // A caller that is the provider was told already.
            if caller != provider {
                assert_eq!(told.outcomes, [expected]);
            }
        }
    }
    assert_nothing_pending(&mut world, &[hub, a, b]);
}

#[test]
fn a_private_process_may_ask_whom_it_sees() {
    // The caller needs no service, let alone a visible one.
    let (mut world, _, [provider, user]) = World::star(3);
    let private = netsvc_core::NewService { audience: "".into(), ..service("mine") };
    world.create_with(user, private);
    world.create(provider, "x");
    world.settle();
    world.ask(user, 1, "x", "");
    world.serve(provider, |_| Some(HandlerResult::Response(Content::raw("yes"))));
    assert_eq!(world.told(user).outcomes, [(1, Outcome::Response(Content::raw("yes")))]);
}

#[test]
fn nobody_of_that_name_or_identity_is_no_service_at_once() {
    let (mut world, _, [provider, user]) = World::star(4);
    let (_, id) = world.create_with(
        provider,
        netsvc_core::NewService { audience: "".into(), ..service("private") },
    );
    world.settle();
    for target in [named("nobody"), named("private"), Target::Identity(id)] {
        world.ask_with(user, 1, &target, "", FIVE);
        // Without a step of the world: at once.
        let told = Told::of(
            std::iter::from_fn(|| {
                let now = world.now();
                world.at(user).poll_event(now)
            })
            .collect(),
        );
        assert_eq!(verdict(&told), (RequestCode::NoService, Delivered::No));
    }
}

#[test]
fn a_method_that_does_not_exist_is_no_method_and_the_handler_never_hears_of_it() {
    let (mut world, hub, [provider, user]) = World::star(5);
    let (_, id) = world.create(provider, "x");
    world.settle();
    for (node, target) in [
        (user, named("x")),
        (user, Target::Identity(id)),
        (hub, named("x")),
        (provider, named("x")),
    ] {
        let now = world.now();
        world.at(node).ask(now, 1, target, "other", Content::raw(""), RequestOptions::within(FIVE));
        assert_eq!(verdict(&world.told(node)), (RequestCode::NoMethod, Delivered::No));
        assert!(world.told(provider).invoked.is_empty());
    }
}

#[test]
fn a_result_that_cannot_be_encoded_is_told_as_the_handler_told_it() {
    let (mut world, _, [provider, user]) = World::star(9);
    world.create(provider, "x");
    world.settle();
    world.ask(user, 1, "x", "");
    let failed = HandlerResult::Error(RequestCode::Encoding, "a function".into());
    world.serve(provider, |_| Some(failed.clone()));
    let expected = RequestError {
        code: RequestCode::Encoding,
        delivered: Delivered::Yes,
        message: "a function".into(),
    };
    assert_eq!(world.told(user).only_error(), &expected);
}

#[test]
fn the_death_of_a_provider_fails_its_requests_at_once() {
    let (mut world, hub, [provider, user]) = World::star(14);
    world.create(provider, "x");
    world.settle();
    world.ask(user, 1, "x", "");
    world.ask(hub, 2, "x", "");
    assert_eq!(world.told(provider).invoked.len(), 2);
    let before = world.now();
    world.kill(provider);
    for node in [user, hub] {
        assert_eq!(verdict(&world.told(node)), (RequestCode::Lost, Delivered::Unknown));
    }
    assert!(world.now().since(before) < Duration::from_millis(100), "not by the deadline");
    assert_nothing_pending(&mut world, &[hub, user]);
}

#[test]
fn the_withdrawal_of_a_service_fails_its_requests_and_stops_its_handlers() {
    let (mut world, hub, [provider, user]) = World::star(15);
    let (no, _) = world.create(provider, "x");
    world.settle();
    world.ask(user, 1, "x", "");
    world.ask(provider, 2, "x", "");
    let running = world.told(provider).invoked;
    let now = world.now();
    world.at(provider).close_service(now, no);
    assert_eq!(verdict(&world.told(user)), (RequestCode::Lost, Delivered::Unknown));
    let told = world.told(provider);
    assert_eq!(verdict(&told), (RequestCode::Lost, Delivered::Unknown));
    let mut aborted: Vec<_> = told.aborted.iter().map(|(call, _)| *call).collect();
    aborted.sort();
    let mut expected: Vec<_> = running.iter().map(|invocation| invocation.call).collect();
    expected.sort();
    assert_eq!(aborted, expected);
    // The handlers end in their own time, and nobody hears of it.
    for invocation in running {
        world.respond(provider, invocation.call, "too late");
    }
    assert_eq!(world.told(user), Told::default());
    assert_eq!(world.told(provider), Told::default());
    assert_nothing_pending(&mut world, &[hub, provider, user]);
}

#[test]
fn a_request_that_no_handler_saw_before_the_withdrawal_is_lost_and_not_delivered() {
    let (mut world, _, [provider]) = World::star(16);
    let (no, _) = world.create(provider, "x");
    world.settle();
    world.host(provider).listening = false;
    world.ask(provider, 1, "x", "");
    world.settle();
    let now = world.now();
    world.at(provider).close_service(now, no);
    world.host(provider).listening = true;
    let told = world.told(provider);
    assert_eq!(verdict(&told), (RequestCode::Lost, Delivered::No));
    assert!(told.invoked.is_empty());
}

#[test]
fn the_loss_of_the_callers_own_link_is_link_lost() {
    let (mut world, hub, [provider, user]) = World::star(17);
    world.create(provider, "x");
    world.settle();
    world.ask(user, 1, "x", "");
    let running = world.told(provider).invoked;
    world.cut(user, hub);
    // Asked after the cut, before this end has noticed: queued, never sent.
    world.ask(user, 2, "x", "");
    let told = world.told(user);
    let verdicts: Vec<_> = told
        .outcomes
        .iter()
        .map(|(key, outcome)| match outcome {
            Outcome::Error(error) => (*key, error.code, error.delivered),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(verdicts[0], (1, RequestCode::LinkLost, Delivered::Unknown));
    assert_eq!((verdicts[1].0, verdicts[1].1), (2, RequestCode::LinkLost));
    // The handler is told to stop, and its result goes nowhere, also after the reconnect.
    let told = world.told(provider);
    assert_eq!(told.aborted.len(), 1);
    world.advance(Duration::from_secs(2));
    world.respond(provider, running[0].call, "too late");
    world.advance(Duration::from_secs(2));
    assert!(world.told(user).outcomes.is_empty());
    assert!(world.told(provider).invoked.is_empty(), "nothing is sent a second time");
    assert_nothing_pending(&mut world, &[hub, provider, user]);
}

#[test]
fn a_request_still_in_the_queue_of_a_lost_link_was_not_delivered() {
    let (mut world, hub, [provider, user]) = World::star(18);
    world.create(provider, "x");
    world.settle();
    // The link takes nothing more: the peer is frozen and the pipe is full.
    world.freeze(user, hub, true);
    world.ask(user, 1, "x", &"c".repeat(1 << 19));
    world.settle();
    world.ask(user, 2, "x", "");
    world.settle();
    world.cut(user, hub);
    world.freeze(user, hub, false);
    world.advance(Duration::from_secs(6));
    let told = world.told(user);
    let second = told.outcomes.iter().find(|(key, _)| *key == 2).unwrap();
    let Outcome::Error(error) = &second.1 else { panic!("{second:?}") };
    assert_eq!(error.delivered, Delivered::No, "{error:?}");
    assert!(world.told(provider).invoked.is_empty());
}

#[test]
fn without_a_link_remote_services_do_not_exist_and_local_ones_work() {
    let (mut world, hub, [provider, user]) = World::star(19);
    world.create(provider, "x");
    world.create(user, "mine");
    world.settle();
    world.stop_listening(hub);
    world.cut(user, hub);
    world.settle();
    world.told(user);
    world.ask(user, 1, "x", "");
    assert_eq!(verdict(&world.told(user)), (RequestCode::NoService, Delivered::No));
    world.ask(user, 2, "mine", "");
    let told = world.serve(user, |_| Some(HandlerResult::Response(Content::raw("still"))));
    assert_eq!(told.outcomes, [(2, Outcome::Response(Content::raw("still")))]);
}

#[test]
fn a_closed_registry_ends_every_request() {
    let (mut world, hub, [provider, user]) = World::star(20);
    world.create(provider, "x");
    world.settle();
    world.ask(user, 1, "x", "");
    let running = world.told(provider).invoked;
    let now = world.now();
    world.at(user).close(now, Duration::from_secs(1));
    world.ask(user, 2, "x", "");
    let told = world.told(user);
    let keys: Vec<u64> = told.outcomes.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, [1, 2]);
    assert_eq!(world.told(provider).aborted.len(), 1);
    world.respond(provider, running[0].call, "");
    world.settle();
    assert_nothing_pending(&mut world, &[hub, provider, user]);
}

#[test]
fn a_thousand_interleaved_requests_each_get_their_own_response() {
    let (mut world, hub, [provider, user]) = World::star(21);
    world.create(provider, "x");
    world.settle();
    let mut waiting = Vec::new();
    let mut answered = 0;
    for key in 0..1000_u64 {
        world.ask(user, key, "x", &key.to_string());
        if key % 7 == 0 {
            waiting.extend(world.told(provider).invoked);
        }
        if key % 11 == 0 && !waiting.is_empty() {
            // From the middle, so that the order of responses is another one.
            let invocation = waiting.swap_remove(waiting.len() / 2);
            let text = String::from_utf8(invocation.content.bytes.to_vec()).unwrap();
            world.respond(provider, invocation.call, &text);
            answered += 1;
        }
    }
    waiting.extend(world.told(provider).invoked);
    assert_eq!(waiting.len() + answered, 1000);
    for invocation in waiting.into_iter().rev() {
        let text = String::from_utf8(invocation.content.bytes.to_vec()).unwrap();
        world.respond(provider, invocation.call, &text);
    }
    let mut outcomes = world.told(user).outcomes;
    outcomes.sort_by_key(|(key, _)| *key);
    assert_eq!(outcomes.len(), 1000);
    for (key, (found, outcome)) in (0..).zip(outcomes) {
        assert_eq!((found, outcome), (key, Outcome::Response(Content::raw(key.to_string()))));
    }
    assert_nothing_pending(&mut world, &[hub, provider, user]);
}

#[test]
fn a_second_or_unknown_response_settles_nothing() {
    let mut world = World::new(22);
    let [hub, user] = ["hub", "user"].map(|label| world.process(label));
    let exchange = world.hub(hub, "");
    world.connect(user, hub);
    world.settle();
    let now = world.now();
    let mut peer = RawPeer::client(world.at(hub), now, exchange, 7);
    peer.say(world.at(hub), now, [announcement("x", &["run"])]);
    world.settle();
    let response = |call, text: &'static str| Message::Response {
        call,
        outcome: Outcome::Response(Content::raw(text)),
        extensions: bytes::Bytes::new(),
    };
    let asked = |world: &mut World, peer: &mut RawPeer| -> u64 {
        world.settle();
        let now = world.now();
        let heard = peer.hear(world.at(hub), now);
        heard
            .iter()
            .find_map(|message| match message {
                Message::Request(request) => Some(request.call),
                _ => None,
            })
            .unwrap()
    };
    world.ask(user, 1, "x", "");
    let first = asked(&mut world, &mut peer);
    let now = world.now();
    peer.say(world.at(hub), now, [response(first, "one"), response(first, "two")]);
    world.ask(user, 2, "x", "");
    let second = asked(&mut world, &mut peer);
    assert_ne!(first, second, "a slot is never used twice under the same id");
    let now = world.now();
    peer.say(world.at(hub), now, [response(first, "three"), response(77, "four")]);
    peer.say(world.at(hub), now, [response(second, "five")]);
    let told = world.told(user);
    assert_eq!(
        told.outcomes,
        [(1, Outcome::Response(Content::raw("one"))), (2, Outcome::Response(Content::raw("five"))),]
    );
    assert_eq!(world.at(hub).ignored(), 3);
}

#[test]
fn a_client_cannot_ask_in_anothers_name_nor_use_an_id_twice() {
    for twice in [false, true] {
        let mut world = World::new(23);
        let hub = world.process("hub");
        let exchange = world.hub(hub, "");
        world.create(hub, "x");
        let now = world.now();
        let mut peer = RawPeer::client(world.at(hub), now, exchange, 7);
        world.told(hub);
        let request = Request {
            call: 1,
            caller: u32::from(!twice),
            target: RequestTarget::Name("x".into()),
            method: "run".into(),
            remaining: FIVE,
            parts: 0,
            content: Content::raw(""),
            extensions: bytes::Bytes::new(),
        };
        peer.say(
            world.at(hub),
            now,
            [Message::Request(request.clone()), Message::Request(request)],
        );
        let told = world.told(hub);
        assert!(matches!(told.others[..], [Event::LinkInactive(_)]), "{told:?}");
        assert_eq!(told.invoked.len(), 0, "what it asked before is taken back");
    }
}

#[test]
fn the_number_of_a_service_that_is_not_visible_is_no_service() {
    let mut world = World::new(24);
    let hub = world.process("hub");
    let exchange = world.hub(hub, "");
    let (no, _) = world
        .create_with(hub, netsvc_core::NewService { audience: "".into(), ..service("private") });
    let now = world.now();
    let mut peer = RawPeer::client(world.at(hub), now, exchange, 7);
    peer.hear(world.at(hub), now);
    let request = Request {
        call: 1,
        caller: 0,
        target: RequestTarget::Service(no.0),
        method: "run".into(),
        remaining: FIVE,
        parts: 0,
        content: Content::raw(""),
        extensions: bytes::Bytes::new(),
    };
    peer.say(world.at(hub), now, [Message::Request(request)]);
    let heard = peer.hear(world.at(hub), now);
    let [Message::Response { outcome: Outcome::Error(error), .. }] = &heard[..] else {
        panic!("{heard:?}")
    };
    assert_eq!((error.code, error.delivered), (RequestCode::NoService, Delivered::No));
    assert!(world.told(hub).invoked.is_empty());
}
