//! Promises 15 and 23, a caller that takes all it can and says nothing any more: others are served,
//! and what it has ends by its deadline.

use std::time::Duration;

use bytes::Bytes;
use netsvc_core::wire::{Message, Request, RequestTarget};
use netsvc_core::{
    AbortReason, Event, HandlerResult, Limits, Outcome, RequestCode, RequestOptions,
};
use netsvc_testkit::{Target, Verbs};

use crate::support::{Node, RawPeer, content};

const PATIENT: Duration = Duration::from_secs(60);
const LIMIT: usize = 64;

fn request(call: u64) -> Message {
    Message::Request(Request {
        call,
        caller: 0,
        target: RequestTarget::Name("echo".into()),
        method: "say".into(),
        remaining: Duration::from_secs(2),
        parts: 0,
        content: content("bad"),
        extensions: Bytes::new(),
    })
}

#[test]
fn a_caller_has_its_share_until_its_deadline_and_others_are_served() {
    let (hub, port) = Node::hub(Limits { running_requests: LIMIT, ..Limits::default() });
    hub.service("echo", &["say"]);
    let good = Node::client("good", port);
    hub.active();
    let mut bad = RawPeer::connect(port);
    bad.join(PATIENT);
    hub.active();
    for call in 1..=2 * LIMIT as u64 {
        bad.send(&request(call));
    }
    let mut refused = 0;
    while refused < LIMIT + LIMIT / 2 {
        let code = bad.receive_until(|message| match message {
            Message::Response { outcome: Outcome::Error(error), .. } => Some(error.code),
            _ => None,
        });
        assert_eq!(code, RequestCode::Overloaded);
        refused += 1;
    }
    for key in 0..4 {
        good.engine.with(|process, now| {
            let target = Target::Name("echo".into());
            let options = RequestOptions::within(PATIENT);
            process.ask(now, key, target, "say", content("good"), options);
        });
        let call = hub.wait("a request of the good caller", |event| match event {
            Event::Invoke(invocation) if &*invocation.caller_label == "good" => {
                Some(invocation.call)
            }
            _ => None,
        });
        hub.engine.with(|process, _| {
            process.answer(call, HandlerResult::Response(content("good")));
        });
        assert!(matches!(good.outcome(key), Outcome::Response(_)));
    }
    for _ in 0..LIMIT / 2 {
        let code = bad.receive_until(|message| match message {
            Message::Response { outcome: Outcome::Error(error), .. } => Some(error.code),
            _ => None,
        });
        assert_eq!(code, RequestCode::Deadline);
        let reason = hub.wait("an end", |event| match event {
            Event::Abort { reason, .. } => Some(*reason),
            _ => None,
        });
        assert_eq!(reason, AbortReason::Deadline);
    }
}
