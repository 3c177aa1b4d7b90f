//! Unix sockets: who may connect, what is replaced, what is left alone, what is cleaned up.

#[cfg(target_os = "linux")]
use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use netsvc_core::{ContentRef, ContentType, Event, Limits, PublishOptions, ReasonCode, Role, Str};
use netsvc_net::{ListenAddress, ListenTarget, Reading, Target, Turns};

use crate::support::{Node, SOON, assert_error, assert_reason};
#[cfg(target_os = "linux")]
use crate::support::{accepted_at, eventually};

/// A directory of the test's own, removed at its end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("netsvc-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("hub.sock")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn listen(path: &Path) -> (Node, Result<Vec<ListenAddress>, netsvc_net::ListenError>) {
    let hub = Node::start("hub");
    let bound = hub.listen(hub.exchange(Role::Server), ListenTarget::Unix(path.to_owned()));
    (hub, bound)
}

#[test]
fn a_socket_lives_as_long_as_its_exchange() {
    let directory = Directory::new("life");
    let path = directory.socket();
    let (hub, bound) = listen(&path);
    assert_eq!(bound, Ok(vec![ListenAddress::Unix(path.clone())]));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);

    let client = Node::start("client");
    client.engine.connect(client.exchange(Role::Client), Target::Unix(path.clone()), SOON).unwrap();
    assert_eq!(client.active().peer.unwrap().process, hub.engine.process());
    assert_eq!(&*hub.active().address, path.to_str().unwrap());

    hub.engine.close(Duration::from_secs(1));
    hub.wait("the end of the exchange", |event| {
        matches!(event, Event::ExchangeClosed(_)).then_some(())
    });
    assert!(!path.exists());
    client.inactive();
}

#[test]
fn a_dead_socket_is_replaced() {
    let directory = Directory::new("dead");
    let path = directory.socket();
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let (_hub, bound) = listen(&path);
    bound.unwrap();
}

#[test]
fn a_live_socket_is_in_use() {
    let directory = Directory::new("live");
    let path = directory.socket();
    let (first, bound) = listen(&path);
    bound.unwrap();
    let (_second, refused) = listen(&path);
    assert_error(refused, "address-in-use");
    assert!(path.exists());
    drop(first);
    assert!(!path.exists());
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let directory = Directory::new("foreign");
    let path = directory.socket();
    fs::write(&path, "precious").unwrap();
    let (_hub, refused) = listen(&path);
    assert_error(refused, "invalid");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");

    let path = directory.0.join("datagram.sock");
    let _datagram = UnixDatagram::bind(&path).unwrap();
    let (_hub, refused) = listen(&path);
    assert_error(refused, "address-in-use");
    assert!(path.exists());
}

#[test]
fn a_socket_that_somebody_replaced_is_not_removed() {
    let directory = Directory::new("replaced");
    let path = directory.socket();
    let (hub, bound) = listen(&path);
    bound.unwrap();
    let moved = directory.0.join("moved.sock");
    fs::rename(&path, moved).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    drop(hub);
    assert!(path.exists());
}

#[test]
fn paths_that_cannot_be_sockets_are_refused() {
    let directory = Directory::new("paths");
    let (_hub, refused) = listen(&directory.0.join("x".repeat(200)));
    assert_error(refused, "invalid");
    let (_hub, refused) = listen(&directory.0.join("missing").join("hub.sock"));
    assert!(refused.is_err());
}

/// The kernel wakes whoever is registered for writing to a Unix socket by each message that the
/// peer receives: twice as many wake-ups for a hub.
#[cfg(target_os = "linux")]
#[test]
fn a_socket_with_room_is_not_waited_on_for_writing() {
    const WRITABLE: u32 = 4; // EPOLLOUT
    let directory = Directory::new("interest");
    let (hub, _) = listen(&directory.socket());
    let client = Node::start("client");
    let target = Target::Unix(directory.socket());
    client.engine.connect(client.exchange(Role::Client), target, SOON).unwrap();
    hub.active();

    let accepted = accepted_at(directory.socket().to_str().unwrap());
    assert_eq!(accepted.len(), 1);
    eventually("it is waited on for reading only", || {
        let watched = watched();
        accepted
            .iter()
            .all(|number| watched.get(number).is_some_and(|events| events & WRITABLE == 0))
    });
}

/// What this process waits for with epoll: events by descriptor.
#[cfg(target_os = "linux")]
fn watched() -> HashMap<String, u32> {
    let mut watched = HashMap::new();
    for entry in fs::read_dir("/proc/self/fdinfo").unwrap().map(Result::unwrap) {
        let Ok(info) = fs::read_to_string(entry.path()) else { continue };
        for line in info.lines().filter(|line| line.starts_with("tfd:")) {
            let words: Vec<&str> = line.split_whitespace().collect();
            watched.insert(words[1].to_owned(), u32::from_str_radix(words[3], 16).unwrap());
        }
    }
    watched
}

/// What is read at once ends anywhere: in a head, in a content, behind a frame that goes on as it
/// is or one that is taken apart.
#[test]
fn frames_cut_anywhere_arrive_whole_and_in_order() {
    const ALL: usize = 4_000;
    let directory = Directory::new("cut");
    let (_hub, _) = listen(&directory.socket());
    let nodes = ["publisher", "user"].map(|label| {
        // As users' clients: on sockets whose reads can be delegated.
        let reading = Reading::Drainer(Turns::default());
        let node = Node::start_reading(label, Limits::default(), None, reading);
        let target = Target::Unix(directory.socket());
        node.engine.connect(node.exchange(Role::Client), target, SOON).unwrap();
        node.active();
        node
    });
    let [publisher, user] = &nodes;
    let (number, id) = publisher.service("meter", &[]);
    user.sees("meter", &[id]);
    user.subscribe("meter");
    publisher.wait("the subscriber", |event| match event {
        Event::Subscriber { present: true, .. } => Some(()),
        _ => None,
    });
    // Of coprime steps, so that the boundaries of reads fall everywhere in time.
    let size = |n: usize| match n % 40 {
        13 => 70_000 + n,
        26 => 9_000 + n,
        39 => 4_000 + n % 200,
        _ => n * 37 % 611,
    };
    let content = |n: usize| (0..size(n)).map(|at| (n + at) as u8).collect::<Vec<u8>>();
    for burst in 0..ALL / 100 {
        publisher.engine.with(|process, now| {
            for n in burst * 100..(burst + 1) * 100 {
                let subject = Str::from(format!("s{}", n % 7));
                let bytes = content(n);
                let lying = ContentRef::new(ContentType::BYTES, &bytes);
                let options = PublishOptions::default();
                process.publish(now, number, &subject, lying, options).unwrap();
            }
        });
    }
    for n in 0..ALL {
        let report = user.wait("a report", |event| match event {
            Event::Report { report, .. } => Some(report.clone()),
            _ => None,
        });
        assert_eq!((report.sequence, report.missed), (n as u64 + 1, 0));
        assert_eq!(*report.subject, *format!("s{}", n % 7));
        assert!(report.content.bytes == content(n), "report {n}");
    }
}

#[test]
fn a_wrong_preamble_is_refused_by_its_first_bytes_at_either_end() {
    let directory = Directory::new("preamble");
    let (hub, _) = listen(&directory.socket());
    let mut stranger = UnixStream::connect(directory.socket()).unwrap();
    stranger.write_all(b"GET ").unwrap();
    assert_reason(&hub.failed(), ReasonCode::Protocol);

    let path = directory.0.join("other.sock");
    let other = UnixListener::bind(&path).unwrap();
    let reading = Reading::Drainer(Turns::default());
    let client = Node::start_reading("client", Limits::default(), None, reading);
    client.engine.connect(client.exchange(Role::Client), Target::Unix(path), SOON).unwrap();
    let (mut accepted, _) = other.accept().unwrap();
    accepted.write_all(b"220 ").unwrap();
    assert_reason(&client.failed(), ReasonCode::Protocol);
}
