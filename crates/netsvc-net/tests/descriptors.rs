//! Running out of file descriptors. A process of its own, because the limit is the process's.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

#[path = "links/support.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod support;

use std::net::TcpStream;
use std::process::Command;

use netsvc_core::Limits;

use crate::support::Node;

const INSIDE: &str = "NETSVC_TEST_FEW_DESCRIPTORS";

#[test]
fn a_hub_without_descriptors_accepts_again_when_there_are_some() {
    if std::env::var_os(INSIDE).is_some() {
        return exhaust_and_recover();
    }
    let status = Command::new("sh")
        .args(["-c", "ulimit -n 64 && exec \"$0\" --exact --nocapture \"$1\""])
        .arg(std::env::current_exe().unwrap())
        .arg("a_hub_without_descriptors_accepts_again_when_there_are_some")
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}

fn exhaust_and_recover() {
    let (hub, port) = Node::hub(Limits { handshakes: 1000, ..Limits::default() });
    let early = Node::client("early", port);
    hub.active();
    let mut streams = Vec::new();
    while let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) {
        streams.push(stream);
        assert!(streams.len() < 64, "the limit is not in force");
    }
    let (_, id) = early.service("still here", &[]);
    hub.sees("still here", &[id]);
    drop(streams);
    let late = Node::client("late", port);
    late.sees("still here", &[id]);
}
