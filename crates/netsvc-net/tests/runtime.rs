//! The I/O thread ends with its last engine and starts anew. A test binary of its own, with one
//! test: other engines of the process would keep the thread.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

#[path = "links/support.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod support;

use std::sync::Arc;

use netsvc_core::{Limits, Role};
use netsvc_net::Runtime;

use crate::support::{Node, eventually, loopback};

#[test]
fn the_io_thread_lives_as_long_as_engines_do() {
    for _ in 0..5 {
        let (hub, port) = Node::hub(Limits::default());
        let client = Node::client("client", port);
        assert_eq!(io_threads(), Some(1).filter(|_| cfg!(target_os = "linux")));
        drop(client);
        hub.inactive();
        drop(hub);
        eventually("the thread ends", || io_threads().is_none_or(|threads| threads == 0));
    }

    // The last owner may also go on the I/O thread itself, which must not wait for its own end.
    let node = Node::start("short-lived");
    let exchange = node.exchange(Role::Server);
    let held = Arc::clone(&node.engine);
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    node.engine.listen(
        exchange,
        loopback(0),
        Box::new(move |_| {
            // Until the test has dropped its engine.
            let _ = receiver.recv();
            drop(held);
        }),
    );
    drop(node);
    drop(sender);
    eventually("the thread ends", || io_threads().is_none_or(|threads| threads == 0));
    Runtime::shared().expect("another one starts");
}

/// How many there are, where the system tells.
fn io_threads() -> Option<usize> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    Some(names.filter(|name| name.trim() == "netsvc-io").count())
}
