//! Running out of memory for what a peer announces or sends. A process of its own, because the
//! limit is the process's.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

#[path = "links/support.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod support;

use std::io::Write;
use std::process::Command;
use std::time::Duration;

use netsvc_core::wire::Message;
use netsvc_core::{Limits, ReasonCode};

use crate::support::{Node, RawPeer, assert_reason, hello_of};

const INSIDE: &str = "NETSVC_TEST_LITTLE_MEMORY";
const PAYLOAD: usize = 64 << 20;
/// Address space that is left, in MiB.
const LEFT: usize = 40;

#[test]
fn a_frame_for_which_there_is_no_memory_ends_its_link_alone() {
    if std::env::var_os(INSIDE).is_some() {
        return announce_and_send();
    }
    let status = Command::new("sh")
        .args(["-c", "ulimit -v 2000000 && exec \"$0\" --exact --nocapture \"$1\""])
        .arg(std::env::current_exe().unwrap())
        .arg("a_frame_for_which_there_is_no_memory_ends_its_link_alone")
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}

fn announce_and_send() {
    let (hub, port) = Node::hub(Limits { payload: PAYLOAD, ..Limits::default() });
    let witness = Node::client("witness", port);
    hub.active();
    let mut peers: Vec<RawPeer> = (1..=LEFT as u8 / 2).map(|id| joined(port, id)).collect();
    let ballast = fill_up();

    // The largest report there may be: its header, and the fields before its content.
    let mut begin = vec![0x50, 0, 0, 0];
    begin.extend_from_slice(&(16 + PAYLOAD as u32).to_le_bytes());
    begin.extend_from_slice(&[0; 16]);
    for peer in &mut peers {
        peer.stream.write_all(&begin).unwrap();
    }
    let piece = vec![7; 1 << 16];
    let mut sent = 0;
    while sent < PAYLOAD && peers[0].stream.write_all(&piece).is_ok() {
        sent += piece.len();
    }
    assert_reason(&hub.inactive(), ReasonCode::Limit);
    drop(ballast);
    let reason = peers[0].receive_until(|message| match message {
        Message::Goodbye(reason) => Some(reason),
        _ => None,
    });
    assert_eq!(reason.code, ReasonCode::Limit);
    assert!(reason.message.starts_with("no memory for"), "{reason:?}");
    // The others have announced only, and are still linked; so is who does nothing wrong.
    assert!(
        hub.take(|event| matches!(event, netsvc_core::Event::LinkInactive(_)).then_some(()))
            .is_none()
    );
    let (_, id) = hub.service("after", &[]);
    witness.sees("after", &[id]);
}

fn joined(port: u16, id: u8) -> RawPeer {
    let mut peer = RawPeer::connect(port);
    peer.send(&Message::Hello(hello_of(id, Duration::from_secs(60))));
    assert!(matches!(peer.receive(), Some(Message::Welcome(_))));
    peer.send(&Message::Synced);
    peer
}

/// Takes all address space but `LEFT` MiB.
fn fill_up() -> Vec<Vec<u8>> {
    let mut ballast = Vec::with_capacity(4096);
    loop {
        let mut piece: Vec<u8> = Vec::new();
        if piece.try_reserve_exact(1 << 20).is_err() {
            break;
        }
        ballast.push(piece);
    }
    ballast.truncate(ballast.len() - LEFT);
    ballast
}
