//! What a process says last arrives, however little its I/O thread gets to run: with everything on
//! one processor and that thread at the lowest priority it is often preempted at the worst moment.
//! A test binary of its own: its processor and its children are nobody else's.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

#[path = "links/support.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod support;

use std::io::{IoSlice, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio, exit};
use std::time::Duration;
use std::{env, fs};

use netsvc_core::wire::{Encoder, Hello, Message, SendBuffer};
use netsvc_core::{Event, Lifetime, Limits, ProcessSecret, ReasonCode, Role};
use netsvc_net::{ListenAddress, ListenTarget, Patience, Reading, Scheme, Target, Turns};
use netsvc_testkit::Verbs;
use rustix::process::{Pid, setpriority_process};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use socket2::{Domain, Socket, Type};

use crate::support::{Node, RawPeer, SOON, content};

/// Where a child connects: a port or a path.
const TO: &str = "NETSVC_TEST_LAST_WORDS_TO";
/// How many reports it publishes.
const REPORTS: &str = "NETSVC_TEST_LAST_WORDS";
/// How often a process exits: more, for a proof, if this says so.
const EXITS: &str = "NETSVC_TEST_LAST_WORDS_EXITS";
const LOWEST: i32 = 19;

#[test]
#[ignore = "the child of the tests below"]
fn says_its_last_words() {
    let target = env::var(TO).unwrap();
    let reports: usize = env::var(REPORTS).unwrap().parse().unwrap();
    let reading = Reading::Drainer(Turns::default());
    let node = Node::start_reading("child", Limits::default(), None, reading);
    let target = match target.parse() {
        Ok(port) => Target::Tcp { host: "127.0.0.1".to_owned(), port, scheme: Scheme::Tcp },
        Err(_) => Target::Unix(target.into()),
    };
    let (service, _) = node.service("hasty", &[]);
    node.engine.connect(node.exchange(Role::Client), target, SOON).unwrap();
    for task in fs::read_dir("/proc/self/task").unwrap() {
        let path = task.unwrap().path();
        if fs::read_to_string(path.join("comm")).unwrap().trim() == "netsvc-io" {
            let id = path.file_name().unwrap().to_str().unwrap().parse().unwrap();
            setpriority_process(Pid::from_raw(id), LOWEST).unwrap();
        }
    }
    node.active();
    node.engine.with(|process, now| {
        for number in 0..reports {
            let text = content(&format!("{number:0100}"));
            process.report(now, service, "last words", text, Lifetime::None).unwrap();
        }
    });
    let patience = Patience::at_exit();
    node.engine.shutdown_now(patience).wait(patience);
    exit(0);
}

fn child(to: &str, reports: usize) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "says_its_last_words", "--ignored"])
        .env(TO, to)
        .env(REPORTS, reports.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Has many processes connect and exit. A goodbye is said last: who hears it has heard everything.
fn hear_last_words(hub: &Node, to: &str) {
    let exits = env::var(EXITS).ok().and_then(|exits| exits.parse().ok()).unwrap_or(50);
    let mut lost = 0;
    for _ in 0..exits {
        let mut child = child(to, 20);
        let end = hub.wait("the end of a child's link", |event| match event {
            Event::LinkInactive(link) | Event::AttemptFailed(link) => link.reason.clone(),
            _ => None,
        });
        assert!(child.wait().unwrap().success());
        lost += usize::from(end.code != ReasonCode::PeerClosed);
    }
    assert_eq!(lost, 0, "of {exits} exits");
}

fn on_one_processor() {
    let all = sched_getaffinity(None).unwrap();
    let first = (0..CpuSet::MAX_CPU).find(|cpu| all.is_set(*cpu)).unwrap();
    let mut one = CpuSet::new();
    one.set(first);
    sched_setaffinity(None, &one).unwrap();
}

#[test]
fn by_tcp() {
    on_one_processor();
    let hub = Node::start("hub");
    let (hosts, port) = (vec!["127.0.0.1".to_owned()], 0);
    let target = ListenTarget::Tcp { hosts, port, scheme: Scheme::Tcp };
    let bound = hub.listen(hub.exchange(Role::Server), target).unwrap();
    let [ListenAddress::Tcp(address)] = bound[..] else { panic!("{bound:?}") };
    hear_last_words(&hub, &address.port().to_string());
}

#[test]
fn by_a_unix_socket() {
    on_one_processor();
    let hub = Node::start("hub");
    let path = env::temp_dir().join(format!("netsvc-{}-last-words", std::process::id()));
    hub.listen(hub.exchange(Role::Server), ListenTarget::Unix(path.clone())).unwrap();
    hear_last_words(&hub, path.to_str().unwrap());
}

#[test]
fn a_hub_that_is_still_writing_loses_nothing_of_them() {
    // A client waits for its hub for 250 ms, within which a busy machine may not let that read.
    let heard: Vec<_> = (0..5).map(|_| last_heard_while_writing()).collect();
    let all = |last: &Option<Message>| matches!(last, Some(Message::Goodbye(_)));
    assert!(heard.iter().any(all), "{heard:?}");
}

/// The last message that a hub reads of a client which exits while that hub writes.
fn last_heard_while_writing() -> Option<Message> {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    // So that most of it waits in the client's kernel, which a reset has it forget.
    listener.set_recv_buffer_size(4096).unwrap();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(1).unwrap();
    let listener = TcpListener::from(listener);
    let mut client = child(&listener.local_addr().unwrap().port().to_string(), 1500);
    let (mut hub, _) = RawPeer::accept(&listener);
    let Some(Message::Hello(hello)) = hub.receive() else { panic!("no greeting") };
    let secret = ProcessSecret::new([1; 32]);
    let (role, process) = (Role::Server, secret.process());
    hub.send(&Message::Welcome(Hello { role, process, secret: None, ..hello }));
    hub.send(&Message::Synced);
    let mut batch = SendBuffer::new();
    Encoder::new(1).encode(&Message::Heartbeat, &mut batch);
    let mut heartbeat = [IoSlice::new(&[])];
    batch.slices(&mut heartbeat);
    // The client has said everything by then, or is about to.
    hub.stream.peek(&mut [0; 3000]).unwrap();
    let mut writing = hub.stream.try_clone().unwrap();
    for _ in 0..20 {
        // An error: the client has reset the connection.
        let _ = writing.write_all(&heartbeat[0]);
        std::thread::sleep(Duration::from_millis(1));
    }
    let mut last = None;
    while let Some(message) = hub.receive() {
        last = Some(message);
    }
    drop((hub, writing));
    assert!(client.wait().unwrap().success());
    last
}
