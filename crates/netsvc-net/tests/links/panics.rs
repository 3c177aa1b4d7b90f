//! A panic in the middle of a change ends the registry in which it happened, for the reason
//! `internal`, and nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};

use netsvc_core::{
    Delivered, Event, ExchangeId, Heartbeat, Limits, LinkToken, Outcome, ReasonCode,
    RequestOptions, Role,
};
use netsvc_net::Patience;
use netsvc_testkit::{Target, Verbs};

use crate::support::{Node, PATIENCE, answer_next, assert_reason, content, eventually, loopback};

/// Somebody panics under the mutex of a node.
fn tear(node: &Node) {
    let torn = catch_unwind(AssertUnwindSafe(|| {
        node.engine.with(|process, now| {
            let half = process.create_exchange(Role::Client, "half", Heartbeat::default());
            process
                .connect(now, half.unwrap(), netsvc_core::Retry::Backoff, LinkToken([1; 16]))
                .unwrap();
            panic!("on purpose");
        });
    }));
    assert!(torn.is_err());
}

fn ask(node: &Node, key: u64) {
    node.engine.with(|process, now| {
        let target = Target::Name("echo".into());
        process.ask(now, key, target, "run", content("?"), RequestOptions::within(PATIENCE));
    });
}

fn closed_exchange(node: &Node) -> ExchangeId {
    node.wait("a closed exchange", |event| match event {
        Event::ExchangeClosed(exchange) => Some(*exchange),
        _ => None,
    })
}

#[test]
fn a_client_that_is_torn_ends_its_links_and_requests_and_says_so() {
    let (hub, port) = Node::hub(Limits::default());
    let provider = Node::client("provider", port);
    let (_, id) = provider.service("echo", &["run"]);
    let (torn, other) = (Node::client("torn", port), Node::client("other", port));
    for client in [&torn, &other] {
        client.sees("echo", &[id]);
    }
    ask(&torn, 1);
    provider.wait("a request", |event| matches!(event, Event::Invoke(_)).then_some(()));

    tear(&torn);
    // Nobody calls it: it is told by itself.
    let Outcome::Error(error) = torn.outcome(1) else { panic!("a response") };
    assert_eq!(error.delivered, Delivered::Unknown);
    assert_reason(&torn.inactive(), ReasonCode::Internal);
    closed_exchange(&torn);
    // Its hub hears that it is gone, and so does who was asked; the others go on.
    provider.wait("an abort", |event| matches!(event, Event::Abort { .. }).then_some(()));
    let gone = hub.inactive();
    assert_eq!(&*gone.peer.unwrap().label, "torn");
    ask(&other, 2);
    answer_next(&provider);
    assert!(matches!(other.outcome(2), Outcome::Response(_)));
    // What is asked of it from now on is refused.
    let refused = torn
        .engine
        .with(|process, _| process.create_exchange(Role::Client, "", Heartbeat::default()));
    assert_eq!(refused.unwrap_err().code(), "closed");
    torn.engine.shutdown_now(Patience::NONE);
}

#[test]
fn a_hub_that_is_torn_lets_its_clients_go_and_frees_its_port() {
    let (hub, port) = Node::hub(Limits::default());
    let client = Node::client("client", port);
    hub.active();
    tear(&hub);
    assert_reason(&hub.inactive(), ReasonCode::Internal);
    closed_exchange(&hub);
    assert_reason(&client.inactive(), ReasonCode::ConnectionLost);
    // Another takes its place, and the client finds it.
    let next = Node::start("next");
    let exchange = next.exchange(Role::Server);
    eventually("the port is free", || next.listen(exchange, loopback(port)).is_ok());
    client.active();
}
