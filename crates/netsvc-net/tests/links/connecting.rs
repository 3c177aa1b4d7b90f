//! Promises 1 to 4: attempts, addresses, deadlines, and what both ends hear.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use netsvc_core::wire::Message;
use netsvc_core::{Event, Heartbeat, Limits, ReasonCode, Retry, Role};
use netsvc_net::{Resolved, Resolver, Scheme, Target};

use crate::support::{Node, RawPeer, SOON, assert_reason, hello, throughout};

/// Answers each look-up with the next list, the last one for ever, and counts.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Vec<SocketAddr>>>,
    asked: Mutex<usize>,
}

impl Script {
    fn new(answers: impl IntoIterator<Item = Vec<SocketAddr>>) -> Arc<Self> {
        let answers = Mutex::new(answers.into_iter().collect());
        Arc::new(Self { answers, asked: Mutex::default() })
    }

    fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }
}

struct Shared(Arc<Script>);

impl Resolver for Shared {
    fn resolve(&self, _host: String, _port: u16) -> Resolved {
        *self.0.asked.lock().unwrap() += 1;
        let mut answers = self.0.answers.lock().unwrap();
        let answer = match answers.len() {
            1 => answers[0].clone(),
            _ => answers.pop_front().unwrap_or_default(),
        };
        Box::pin(async move { Ok(answer) })
    }
}

fn resolving_client(script: &Arc<Script>, retry: Retry) -> Node {
    let node =
        Node::start_with("client", Limits::default(), Some(Arc::new(Shared(Arc::clone(script)))));
    let target = Target::Tcp { host: "hub.example".to_owned(), port: 1, scheme: Scheme::Tcp };
    node.engine.connect(node.exchange(Role::Client), target, retry).unwrap();
    node
}

/// An address of this machine where nobody listens.
fn dead_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn a_client_started_before_its_hub_finds_it() {
    let hub = Node::start("hub");
    let port = dead_address().port();
    let client = Node::start("client");
    client.connect(client.exchange(Role::Client), port, SOON);
    let failed = client.failed();
    assert_reason(&failed, ReasonCode::ConnectFailed);
    assert_eq!(failed.attempt, 1);
    assert_eq!(failed.retry_in, Some(Duration::from_millis(20)));
    hub.listen_tcp(hub.exchange(Role::Server), port);
    let active = client.active();
    assert!(active.attempt > 1);
    assert_eq!(active.peer.unwrap().process, hub.engine.process());
    assert_eq!(hub.active().peer.unwrap().process, client.engine.process());
}

#[test]
fn one_attempt_is_one_attempt() {
    let script = Script::new([vec![dead_address()]]);
    let client = resolving_client(&script, Retry::Once);
    let failed = client.failed();
    assert_reason(&failed, ReasonCode::ConnectFailed);
    assert_eq!(failed.retry_in, None);
    client.wait("the end of the link", |event| match event {
        Event::LinkClosed(link) => Some(link.clone()),
        _ => None,
    });
    throughout(Duration::from_millis(200), "one attempt", || script.asked() == 1);
}

#[test]
fn a_link_that_was_to_be_tried_once_is_not_made_again_after_a_loss() {
    let (hub, port) = Node::hub(Limits::default());
    let client = Node::start("client");
    client.connect(client.exchange(Role::Client), port, Retry::Once);
    client.active();
    drop(hub);
    let lost = client.inactive();
    assert_eq!(lost.retry_in, None);
    client.wait("the end of the link", |event| match event {
        Event::LinkClosed(link) => Some(link.clone()),
        _ => None,
    });
}

#[test]
fn a_peer_that_accepts_and_says_nothing_is_dropped_and_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = Node::start("client");
    let port = listener.local_addr().unwrap().port();
    let begun = Instant::now();
    client.connect(client.exchange(Role::Client), port, SOON);
    let (mut silent, _) = RawPeer::accept(&listener);
    assert!(matches!(silent.receive(), Some(Message::Hello(_))));
    assert_eq!(silent.receive(), None, "the connection is given up");
    assert!(begun.elapsed() >= Duration::from_millis(4900));
    assert_reason(&client.failed(), ReasonCode::ConnectTimeout);
    let (mut again, _) = RawPeer::accept(&listener);
    assert!(matches!(again.receive(), Some(Message::Hello(hello)) if hello.attempt == 2));
}

#[test]
fn a_client_that_connects_and_says_nothing_is_dropped_by_the_hub() {
    let (hub, port) = Node::hub(Limits::default());
    let mut silent = RawPeer::connect(port);
    while let Some(message) = silent.receive() {
        assert!(matches!(message, Message::Refuse(_)), "{message:?}");
    }
    assert_reason(&hub.failed(), ReasonCode::ConnectTimeout);
}

#[test]
fn every_address_of_a_name_is_tried_in_one_attempt() {
    let (hub, port) = Node::hub(Limits::default());
    let alive = SocketAddr::from(([127, 0, 0, 1], port));
    // A port nobody listens on, and an IPv6 address that may not even be routed.
    let discard = SocketAddr::from(([0x100, 0, 0, 0, 0, 0, 0, 1], 9));
    let script = Script::new([vec![dead_address(), discard, alive]]);
    let client = resolving_client(&script, SOON);
    let active = client.active();
    assert_eq!(active.attempt, 1);
    assert_eq!(&*active.address, alive.to_string());
    hub.active();
}

#[test]
fn a_name_is_resolved_at_each_attempt() {
    let (hub, port) = Node::hub(Limits::default());
    let alive = SocketAddr::from(([127, 0, 0, 1], port));
    let script = Script::new([vec![], vec![dead_address()], vec![alive]]);
    let client = resolving_client(&script, SOON);
    let unresolved = client.failed();
    assert_reason(&unresolved, ReasonCode::ResolveFailed);
    assert!(unresolved.reason.unwrap().message.contains("hub.example"));
    let refused = client.failed();
    assert_reason(&refused, ReasonCode::ConnectFailed);
    assert!(refused.reason.unwrap().message.contains("hub.example:1"));
    assert_eq!(client.active().attempt, 3);
    assert_eq!(script.asked(), 3);
    hub.active();
}

#[test]
fn d9_a_hub_whose_name_is_pointed_elsewhere_is_found_there() {
    let (first, port) = Node::hub(Limits::default());
    let (second, other_port) = Node::hub(Limits::default());
    let [here, there] = [port, other_port].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let script = Script::new([vec![here], vec![here], vec![there]]);
    let client = resolving_client(&script, SOON);
    assert_eq!(client.active().peer.unwrap().process, first.engine.process());
    drop(first);
    client.inactive();
    assert_reason(&client.failed(), ReasonCode::ConnectFailed);
    assert_eq!(client.active().peer.unwrap().process, second.engine.process());
}

#[test]
fn a_link_closed_while_it_waits_is_closed_at_once() {
    let client = Node::start("client");
    let link = client.connect(
        client.exchange(Role::Client),
        dead_address().port(),
        Retry::Fixed(Duration::from_secs(3600)),
    );
    client.failed();
    client.engine.with(|process, now| process.close_link(now, link, Duration::from_secs(1)));
    let closed = client.wait("the end of the link", |event| match event {
        Event::LinkClosed(link) => Some(link.clone()),
        _ => None,
    });
    assert_eq!(closed.link, link);
}

#[test]
fn a_closed_link_says_goodbye_to_the_other_end() {
    let (hub, port) = Node::hub(Limits::default());
    let client = Node::start("client");
    let link = client.connect(client.exchange(Role::Client), port, SOON);
    client.active();
    hub.active();
    client.engine.with(|process, now| process.close_link(now, link, Duration::from_secs(1)));
    assert_reason(&client.inactive(), ReasonCode::Closed);
    let lost = hub.inactive();
    assert_reason(&lost, ReasonCode::PeerClosed);
    assert_eq!(lost.peer.unwrap().process, client.engine.process());
}

#[test]
fn an_idle_link_is_kept_by_heartbeats_and_a_silent_one_is_given_up() {
    let heartbeat =
        Heartbeat { interval: Duration::from_millis(200), dead: Duration::from_millis(800) };
    let hub = Node::start("hub");
    let port = hub.listen_tcp(hub.exchange_of(Role::Server, "", heartbeat), 0);
    let client = Node::start("client");
    client.connect(client.exchange_of(Role::Client, "", heartbeat), port, Retry::Once);
    client.active();
    hub.active();
    let mut silent = RawPeer::connect(port);
    silent.join(heartbeat.interval);
    assert_eq!(hub.active().peer.unwrap().process, hello(heartbeat.interval).process);
    let lost = hub.inactive();
    assert_reason(&lost, ReasonCode::HeartbeatLost);
    assert_eq!(lost.peer.unwrap().process, hello(heartbeat.interval).process);
    // The idle client has been silent for at least as long, but for its heartbeats.
    throughout(Duration::from_secs(1), "the link is kept", || {
        client.take(|event| matches!(event, Event::LinkInactive(_)).then_some(())).is_none()
    });
}
