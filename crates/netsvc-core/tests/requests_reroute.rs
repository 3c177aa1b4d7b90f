//! Promise 14: a request that was not sent yet when its provider went goes to another one, and to
//! that one alone.

#![allow(clippy::unwrap_used)] // a test that cannot go on should fail where it stands

use std::time::Duration;

use bytes::Bytes;
use netsvc_core::wire::{Message, Request, RequestTarget};
use netsvc_core::{Content, Outcome};
use netsvc_testkit::{RawPeer, World, announcement};

fn requests(heard: Vec<Message>) -> Vec<Request> {
    let request = |message| match message {
        Message::Request(request) => Some(request),
        _ => None,
    };
    heard.into_iter().filter_map(request).collect()
}

#[test]
fn a_request_taken_from_a_link_is_not_sent_there_any_more() {
    let mut world = World::new(1);
    let hub = world.process("hub");
    let exchange = world.hub(hub, "");
    let now = world.now();
    let [mut first, mut second, mut caller] =
        [7, 8, 9].map(|id| RawPeer::client(world.at(hub), now, exchange, id));
    for provider in [&mut first, &mut second] {
        provider.say(world.at(hub), now, [announcement("x", &["run"])]);
        provider.hear(world.at(hub), now);
    }
    // More than is encoded at once: it waits in an outbox, of the provider that came first.
    let content = Content::raw(vec![5; 200_000]);
    let request = Request {
        call: 1,
        caller: 0,
        target: RequestTarget::Name("x".into()),
        method: "run".into(),
        remaining: Duration::from_secs(5),
        parts: 0,
        content: content.clone(),
        extensions: Bytes::new(),
    };
    caller.say(world.at(hub), now, [Message::Request(request)]);
    first.say(world.at(hub), now, [Message::Withdrawn { service: 1, revision: 2 }]);
    assert!(requests(first.hear(world.at(hub), now)).is_empty());
    let sent = requests(second.hear(world.at(hub), now));
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].content, content);
    assert_eq!(sent[0].target, RequestTarget::Service(1));
    let (call, extensions) = (sent[0].call, Bytes::new());
    let outcome = Outcome::Response(Content::raw("done"));
    second.say(
        world.at(hub),
        now,
        [Message::Response { call, outcome: outcome.clone(), extensions }],
    );
    let answered = caller.hear(world.at(hub), now).into_iter().any(
        |message| matches!(message, Message::Response { call: 1, outcome: told, .. } if told == outcome),
    );
    assert!(answered);
}
