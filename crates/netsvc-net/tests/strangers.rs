//! Memory that peers take whose greeting is not answered. A process of its own, because memory is
//! the process's.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

#[path = "links/support.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod support;

use std::io::Write;
use std::time::Duration;

use netsvc_core::wire::Message;
use netsvc_core::{Event, ExchangeId, Limits};

use crate::support::{Node, RawPeer, eventually, hello_of};

const STRANGERS: usize = 48; // so many are asked about at once
const PAYLOAD: usize = 8 << 20;

#[test]
fn strangers_take_no_memory() {
    let (hub, port) = Node::hub(Limits { payload: PAYLOAD, ..Limits::default() });
    hub.engine.with(|process, _| process.require_authorisation(ExchangeId(1), true));
    let mut strangers = Vec::new();
    for id in 1..=STRANGERS as u8 {
        let mut peer = RawPeer::connect(port);
        peer.send(&Message::Hello(hello_of(id, Duration::from_secs(60))));
        hub.wait("a question", |event| matches!(event, Event::Authorise(_)).then_some(()));
        strangers.push(peer);
    }
    let before = resident();
    // What the connection takes of a report in fragments; it may be reset at any time.
    let fixed = [1, 0, 0, 0, 0x50, 0, 0, 0];
    let chunk = [&fixed[..], &(PAYLOAD as u32).to_le_bytes(), &vec![7; 60_000]].concat();
    let fragment = [&[0x11, 0, 0, 0][..], &(chunk.len() as u32).to_le_bytes(), &chunk].concat();
    for peer in &mut strangers {
        for _ in 0..PAYLOAD / 60_000 - 1 {
            if peer.stream.write_all(&fragment).is_err() {
                break;
            }
        }
    }
    let during = resident();
    println!("{STRANGERS} strangers: {before} KiB before, {during} KiB with what they sent");
    assert!(during < before + (8 << 10), "{before} KiB, {during} KiB");
    eventually("all are refused", || {
        let sizes = hub.engine.with(|process, _| process.table_sizes());
        sizes.contains(&("strangers", 0))
    });
}

/// Memory of this process, in KiB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
