//! Promise 7, and the slow consumers of promise 23: one bad link, others untouched.

use std::io::{Read, Write};
use std::time::Duration;

use netsvc_core::wire::{Hello, Message};
use netsvc_core::{
    Event, Heartbeat, Limits, Outcome, ProcessSecret, ReasonCode, RequestOptions, Retry, Role,
};
use netsvc_testkit::{Target, Verbs};

use crate::support::{
    Node, RawPeer, answer_next, assert_reason, content, eventually, hello, hello_of,
};

const PATIENT: Duration = Duration::from_secs(60);

/// A hub with a service, and a client whose link has to survive what the test does.
struct Scene {
    hub: Node,
    port: u16,
    witness: Node,
    requests: u64,
}

impl Scene {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let (hub, port) = Node::hub(limits);
        hub.service("echo", &["say"]);
        let witness = Node::client("witness", port);
        hub.active();
        Self { hub, port, witness, requests: 0 }
    }

    /// The witness's link still works, and is the one it was.
    fn assert_untouched(&mut self) {
        self.requests += 1;
        let key = self.requests;
        self.witness.engine.with(|process, now| {
            let target = Target::Name("echo".into());
            let options = RequestOptions::within(PATIENT);
            process.ask(now, key, target, "say", content("hi"), options);
        });
        answer_next(&self.hub);
        assert!(matches!(self.witness.outcome(key), Outcome::Response(_)));
        let lost = |event: &Event| matches!(event, Event::LinkInactive(_)).then_some(());
        assert_eq!(self.witness.take(lost), None);
    }
}

fn refusal(peer: &mut RawPeer) -> ReasonCode {
    peer.receive_until(|message| match message {
        Message::Refuse(reason) | Message::Goodbye(reason) => Some(reason.code),
        _ => None,
    })
}

#[test]
fn garbage_is_refused_with_a_reason_on_both_ends() {
    let mut scene = Scene::new();
    let mut peer = RawPeer::connect(scene.port);
    peer.stream.write_all(b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n").unwrap();
    assert_eq!(refusal(&mut peer), ReasonCode::Protocol);
    assert_eq!(peer.receive(), None);
    assert_reason(&scene.hub.failed(), ReasonCode::Protocol);
    scene.assert_untouched();
}

#[test]
fn another_version_is_refused_with_a_reason_on_both_ends() {
    let mut scene = Scene::new();
    let mut peer = RawPeer::connect(scene.port);
    peer.stream.write_all(b"netsvc\x00\x63and whatever version 99 says next").unwrap();
    assert_eq!(refusal(&mut peer), ReasonCode::Version);
    assert_reason(&scene.hub.failed(), ReasonCode::Version);
    scene.assert_untouched();
}

#[test]
fn garbage_after_the_handshake_ends_that_link_only() {
    let mut scene = Scene::new();
    let mut peer = RawPeer::connect(scene.port);
    peer.join(PATIENT);
    scene.hub.active();
    peer.stream.write_all(&[0xff; 4096]).unwrap();
    assert_eq!(refusal(&mut peer), ReasonCode::Protocol);
    assert_eq!(peer.receive(), None);
    assert_reason(&scene.hub.inactive(), ReasonCode::Protocol);
    scene.assert_untouched();
}

#[test]
fn an_oversized_frame_ends_the_link_before_its_body_is_read() {
    let mut scene = Scene::new();
    let mut peer = RawPeer::connect(scene.port);
    peer.join(PATIENT);
    scene.hub.active();
    // Header of a REQUEST: kind, flags, length of extensions, length of the body.
    let mut header = vec![0x40, 0, 0, 0];
    header.extend_from_slice(&u32::MAX.to_le_bytes());
    peer.stream.write_all(&header).unwrap();
    assert_eq!(refusal(&mut peer), ReasonCode::Protocol);
    assert_reason(&scene.hub.inactive(), ReasonCode::Protocol);
    scene.assert_untouched();
}

#[test]
fn symbols_and_beginnings_of_messages_beyond_the_budget_end_the_link_that_has_most() {
    let mut scene = Scene::with(Limits { memory: 2 << 20, ..Limits::default() });
    let mut modest = RawPeer::connect(scene.port);
    modest.join(PATIENT);
    scene.hub.active();
    modest.stream.write_all(&symbols(500)).unwrap();
    let mut greedy = RawPeer::connect(scene.port);
    greedy.send(&Message::Hello(hello_of(8, PATIENT)));
    greedy.send(&Message::Synced);
    scene.hub.active();
    greedy.stream.write_all(&symbols(1000)).unwrap();
    scene.assert_untouched();
    // Header of a REPORT that announces a megabyte, and half of it.
    let mut report = vec![0x50, 0, 0, 0];
    report.extend_from_slice(&(1_u32 << 20).to_le_bytes());
    report.resize(1 << 19, 0);
    // It may be cut off in the middle.
    let _ = greedy.stream.write_all(&report);
    let ended = scene.hub.inactive();
    assert_reason(&ended, ReasonCode::Limit);
    assert_eq!(ended.peer.unwrap().process, hello_of(8, PATIENT).process);
    scene.assert_untouched();
    modest.send(&Message::Flush { token: 1 });
    assert!(modest.receive_until(|message| match message {
        Message::Flushed { token } => Some(token == 1),
        _ => None,
    }));
}

/// So many SYMBOLs of a kilobyte each.
fn symbols(count: u16) -> Vec<u8> {
    let text = [b'x'; 1024];
    let frame = |slot: u16| {
        let mut frame = vec![0x10, 0, 0, 0];
        frame.extend_from_slice(&(4 + text.len() as u32).to_le_bytes());
        frame.extend_from_slice(&slot.to_le_bytes());
        frame.extend_from_slice(&(text.len() as u16).to_le_bytes());
        frame.extend_from_slice(&text);
        frame
    };
    (0..count).flat_map(frame).collect()
}

#[test]
fn exchanges_of_different_groups_refuse_each_other() {
    let mut scene = Scene::new();
    let stranger = Node::start("stranger");
    let exchange = stranger.exchange_of(Role::Client, "other", Heartbeat::default());
    stranger.connect(exchange, scene.port, Retry::Once);
    assert_reason(&stranger.failed(), ReasonCode::GroupMismatch);
    assert_reason(&scene.hub.failed(), ReasonCode::GroupMismatch);
    scene.assert_untouched();
}

#[test]
fn a_second_link_of_one_process_is_refused_and_the_first_stays() {
    let mut scene = Scene::new();
    let mut first = RawPeer::connect(scene.port);
    first.join(PATIENT);
    scene.hub.active();
    let mut second = RawPeer::connect(scene.port);
    let token = netsvc_core::LinkToken([4; 16]);
    second.send(&Message::Hello(Hello { token, ..hello(PATIENT) }));
    assert_eq!(refusal(&mut second), ReasonCode::AlreadyConnected);
    let mut stale = RawPeer::connect(scene.port);
    stale.send(&Message::Hello(hello(PATIENT)));
    assert_eq!(refusal(&mut stale), ReasonCode::Stale);
    let mut newer = RawPeer::connect(scene.port);
    newer.send(&Message::Hello(Hello { attempt: 2, ..hello(PATIENT) }));
    assert!(matches!(newer.receive(), Some(Message::Welcome(_))));
    assert_reason(&scene.hub.inactive(), ReasonCode::Replaced);
    scene.assert_untouched();
}

#[test]
fn who_claims_the_id_of_a_linked_process_is_refused_and_the_first_stays() {
    let mut scene = Scene::new();
    let mut first = RawPeer::connect(scene.port);
    first.join(PATIENT);
    scene.hub.active();
    let mut impostor = RawPeer::connect(scene.port);
    let claim = Hello { secret: Some(ProcessSecret::new([8; 32])), attempt: 2, ..hello(PATIENT) };
    let claimed = claim.process.to_string();
    impostor.send(&Message::Hello(claim));
    assert_eq!(refusal(&mut impostor), ReasonCode::Identity);
    let failed = scene.hub.failed();
    assert_reason(&failed, ReasonCode::Identity);
    assert!(failed.reason.unwrap().message.contains(&claimed), "the hub says who was claimed");
    scene.assert_untouched();
}

#[test]
fn a_peer_that_does_not_read_is_closed_and_harms_nobody() {
    let (outbox, announced_bytes) = (256 << 10, 1 << 30);
    let (hub, port) = Node::hub(Limits { outbox, announced_bytes, ..Limits::default() });
    let witness = Node::client("witness", port);
    hub.active();
    let mut stuck = RawPeer::connect(port);
    stuck.join(PATIENT);
    hub.active();
    // Announcements cannot be dropped; each of these is some 30 KB.
    let methods: Vec<String> =
        (0..120).map(|index| format!("{index:03}{}", "m".repeat(240))).collect();
    let methods: Vec<&str> = methods.iter().map(String::as_str).collect();
    let lost = loop {
        let (_, id) = hub.service("bulky", &methods);
        eventually("the witness sees it", || {
            witness.lookup("bulky").last().is_some_and(|service| service.id == id)
        });
        let lost = |event: &Event| match event {
            Event::LinkInactive(link) => Some(link.clone()),
            _ => None,
        };
        if let Some(lost) = hub.take(lost) {
            break lost;
        }
    };
    assert_reason(&lost, ReasonCode::SlowConsumer);
    assert_eq!(lost.peer.unwrap().process, hello(PATIENT).process);
    let (_, id) = hub.service("after", &[]);
    witness.sees("after", &[id]);
    // What had left the outbox is still there to be read, then the connection ends.
    let mut rest = Vec::new();
    let ended = stuck.stream.read_to_end(&mut rest);
    assert!(ended.is_ok() || ended.is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionReset));
}
