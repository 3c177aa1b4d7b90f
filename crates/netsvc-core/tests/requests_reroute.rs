//! Promise 14: a request that was not sent yet when its provider went goes to another one, and to
//! that one alone.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use bytes::Bytes;
use netsvc_core::wire::{Message, Request, RequestTarget};
use netsvc_core::{Content, Delivered, Outcome, RequestCode, RequestError};
use netsvc_testkit::{Node, RawPeer, World, announcement};

fn requests(heard: Vec<Message>) -> Vec<Request> {
    let request = |message| match message {
        Message::Request(request) => Some(request),
        _ => None,
    };
    heard.into_iter().filter_map(request).collect()
}

/// A hub with two providers of `x` and a caller.
fn hub_of_three() -> (World, Node, [RawPeer; 3]) {
    let mut world = World::new(1);
    let hub = world.process("hub");
    let exchange = world.hub(hub, "");
    let now = world.now();
    let [mut first, mut second, caller] =
        [7, 8, 9].map(|id| RawPeer::client(world.at(hub), now, exchange, id));
    for provider in [&mut first, &mut second] {
        provider.say(world.at(hub), now, [announcement("x", &["run"])]);
        provider.hear(world.at(hub), now);
    }
    (world, hub, [first, second, caller])
}

fn request(content: Content) -> Message {
    Message::Request(Request {
        call: 1,
        caller: 0,
        target: RequestTarget::Name("x".into()),
        method: "run".into(),
        remaining: Duration::from_secs(5),
        parts: 0,
        content,
        extensions: Bytes::new(),
    })
}

fn response(call: u64, outcome: Outcome) -> Message {
    Message::Response { call, outcome, extensions: Bytes::new() }
}

fn refusal(code: RequestCode) -> Outcome {
    Outcome::Error(RequestError { code, delivered: Delivered::No, message: "by hand".into() })
}

#[test]
fn one_that_is_withdrawn_while_the_request_is_on_its_way_is_replaced_once() {
    for code in [RequestCode::NoService, RequestCode::Lost, RequestCode::Overloaded] {
        let (mut world, hub, [mut first, mut second, mut caller]) = hub_of_three();
        let now = world.now();
        caller.hear(world.at(hub), now);
        caller.say(world.at(hub), now, [request(Content::raw("question"))]);
        // Whichever was picked has seen nothing of it.
        let mut asked = [&mut first, &mut second];
        let mut calls = asked.each_mut().map(|peer| requests(peer.hear(world.at(hub), now)));
        if calls[0].is_empty() {
            asked.reverse();
            calls.reverse();
        }
        assert_eq!((calls[0].len(), calls[1].len()), (1, 0));
        asked[0].say(world.at(hub), now, [response(calls[0][0].call, refusal(code))]);
        let again = requests(asked[1].hear(world.at(hub), now));
        assert_eq!(again.len(), 1, "{code:?}");
        assert_eq!(again[0].content, Content::raw("question"));
        assert_eq!(answers(caller.hear(world.at(hub), now)), []);
        // The second refuses, too: the first is not asked anew.
        asked[1].say(world.at(hub), now, [response(again[0].call, refusal(code))]);
        assert!(requests(asked[0].hear(world.at(hub), now)).is_empty());
        assert_eq!(answers(caller.hear(world.at(hub), now)), [refusal(code)]);
    }
}

#[test]
fn if_the_other_is_gone_meanwhile_the_caller_hears_at_once() {
    for code in [RequestCode::NoService, RequestCode::Lost, RequestCode::Overloaded] {
        let (mut world, hub, [mut first, mut second, mut caller]) = hub_of_three();
        let now = world.now();
        caller.hear(world.at(hub), now);
        caller.say(world.at(hub), now, [request(Content::raw("question"))]);
        let mut asked = [&mut first, &mut second];
        let mut calls = asked.each_mut().map(|peer| requests(peer.hear(world.at(hub), now)));
        if calls[0].is_empty() {
            asked.reverse();
            calls.reverse();
        }
        asked[1].say(world.at(hub), now, [Message::Withdrawn { service: 1, revision: 2 }]);
        asked[0].say(world.at(hub), now, [response(calls[0][0].call, refusal(code))]);
        assert_eq!(answers(caller.hear(world.at(hub), now)), [refusal(code)], "{code:?}");
    }
}

fn answers(heard: Vec<Message>) -> Vec<Outcome> {
    let answer = |message| match message {
        Message::Response { call: 1, outcome, .. } => Some(outcome),
        _ => None,
    };
    heard.into_iter().filter_map(answer).collect()
}

#[test]
fn a_request_taken_from_a_link_is_not_sent_there_any_more() {
    let (mut world, hub, [mut first, mut second, mut caller]) = hub_of_three();
    let now = world.now();
    // More than is encoded at once: it waits in an outbox, of the provider that came first.
    let content = Content::raw(vec![5; 200_000]);
    caller.say(world.at(hub), now, [request(content.clone())]);
    first.say(world.at(hub), now, [Message::Withdrawn { service: 1, revision: 2 }]);
    assert!(requests(first.hear(world.at(hub), now)).is_empty());
    let sent = requests(second.hear(world.at(hub), now));
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].content, content);
    assert_eq!(sent[0].target, RequestTarget::Service(1));
    let outcome = Outcome::Response(Content::raw("done"));
    second.say(world.at(hub), now, [response(sent[0].call, outcome.clone())]);
    assert_eq!(answers(caller.hear(world.at(hub), now)), [outcome]);
}
