//! Promise 6, the backlog of promise 23, and who connects without becoming a link (promise 2).

use std::io::{ErrorKind, Read};
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use netsvc_core::wire::{Hello, Message};
use netsvc_core::{Event, Limits, ProcessSecret, ReasonCode, Role};
use netsvc_net::{ListenAddress, ListenTarget, Scheme, Target};

use crate::support::{
    Node, RawPeer, SOON, assert_error, assert_reason, eventually, hello, hello_of, loopback,
    throughout,
};

fn hosts(hosts: &[&str], port: u16) -> ListenTarget {
    ListenTarget::Tcp {
        hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        port,
        scheme: Scheme::Auto,
    }
}

#[test]
fn a_port_in_use_is_a_typed_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let hub = Node::start("hub");
    let exchange = hub.exchange(Role::Server);
    let refused = hub.listen(exchange, loopback(port));
    assert!(refused.as_ref().unwrap_err().message.contains(&format!("127.0.0.1:{port}")));
    assert_error(refused, "address-in-use");
    drop(taken);
    assert_eq!(hub.listen_tcp(exchange, port), port);
}

#[test]
fn of_several_hosts_all_are_bound_or_none() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let hub = Node::start("hub");
    let exchange = hub.exchange(Role::Server);
    assert_error(hub.listen(exchange, hosts(&["127.0.0.2", "127.0.0.1"], port)), "address-in-use");
    TcpListener::bind(("127.0.0.2", port)).expect("the first host is free again");
}

#[test]
fn several_hosts_share_the_port_that_the_system_chose() {
    let hub = Node::start("hub");
    let exchange = hub.exchange(Role::Server);
    let bound = hub.listen(exchange, hosts(&["127.0.0.1", "127.0.0.2"], 0)).unwrap();
    let [ListenAddress::Tcp(first), ListenAddress::Tcp(second)] = bound[..] else {
        panic!("unexpected addresses {bound:?}");
    };
    assert_eq!(first.port(), second.port());
    assert_ne!(first.ip(), second.ip());
    for address in [first, second] {
        TcpStream::connect(address).unwrap();
    }
}

#[test]
fn the_default_hosts_work_with_and_without_ipv6() {
    let hub = Node::start("hub");
    let bound = hub.listen(hub.exchange(Role::Server), hosts(&["127.0.0.1", "::1"], 0)).unwrap();
    let has_ipv6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    assert_eq!(bound.len(), if has_ipv6 { 2 } else { 1 });
    for address in bound {
        let ListenAddress::Tcp(address) = address else { panic!("{address:?}") };
        TcpStream::connect(address).unwrap();
    }
}

#[test]
fn what_cannot_be_listened_on_is_said() {
    let hub = Node::start("hub");
    let exchange = hub.exchange(Role::Server);
    assert_error(hub.listen(exchange, hosts(&["192.0.2.1"], 0)), "address-not-available");
    assert_error(hub.listen(exchange, hosts(&["no.such.host.invalid"], 0)), "resolve-failed");
    assert_error(hub.listen(exchange, hosts(&[], 0)), "invalid");
    let client = Node::start("client");
    assert_error(client.listen(client.exchange(Role::Client), loopback(0)), "role");
    hub.engine.close(Duration::ZERO);
    assert_error(hub.listen(exchange, loopback(0)), "closed");
}

#[test]
fn the_port_of_a_closed_exchange_is_free_when_the_event_says_so() {
    let hub = Node::start("hub");
    let exchange = hub.exchange(Role::Server);
    let port = hub.listen_tcp(exchange, 0);
    let client = Node::client("client", port);
    hub.active();
    hub.engine.with(|process, now| process.close_exchange(now, exchange, Duration::from_secs(1)));
    hub.wait("the end of the exchange", |event| {
        matches!(event, Event::ExchangeClosed(closed) if *closed == exchange).then_some(())
    });
    client.inactive();
    let again = hub.exchange(Role::Server);
    assert_eq!(hub.listen_tcp(again, port), port);
    client.active();
}

#[test]
fn handshakes_beyond_the_limit_wait_in_the_backlog() {
    let (hub, port) = Node::hub(Limits { handshakes: 2, ..Limits::default() });
    hub.engine.with(|process, _| {
        let exchange = netsvc_core::ExchangeId(1);
        process.require_authorisation(exchange, true);
    });
    // The application is in no hurry to decide about these.
    let asked = || {
        hub.wait("a question", |event| match event {
            Event::Authorise(about) => Some(about.link),
            _ => None,
        })
    };
    let others = [1, 2].map(|id| {
        let mut peer = RawPeer::connect(port);
        peer.send(&Message::Hello(hello_of(id, Duration::from_secs(60))));
        (peer, asked())
    });
    let client = Node::start("client");
    client.connect(client.exchange(Role::Client), port, SOON);
    throughout(Duration::from_millis(300), "the client waits", || {
        hub.take(|event| matches!(event, Event::Authorise(_)).then_some(())).is_none()
    });
    hub.engine.with(|process, now| process.authorise(now, others[0].1, true));
    let link = asked();
    hub.engine.with(|process, now| process.authorise(now, link, true));
    assert_eq!(client.active().attempt, 1);
}

#[test]
fn who_connects_and_says_nothing_keeps_nobody_out() {
    const CROWD: usize = 300;
    let (hub, port) = Node::hub(Limits { handshakes: 16, ..Limits::default() });
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        // As soon as one of them is dropped, another comes.
        scope.spawn(|| {
            let mut crowd: Vec<TcpStream> = Vec::new();
            while !over.load(Ordering::Relaxed) {
                crowd.retain(|stream| {
                    let read = (&*stream).read(&mut [0]);
                    matches!(read, Err(error) if error.kind() == ErrorKind::WouldBlock)
                });
                while crowd.len() < CROWD {
                    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
                    stream.set_nonblocking(true).unwrap();
                    crowd.push(stream);
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
        eventually("a crowd", || {
            hub.take(|event| matches!(event, Event::AttemptFailed(_)).then_some(())).is_some()
        });
        for scheme in [Scheme::Auto, Scheme::Tcp] {
            let client = Node::start("client");
            let host = "127.0.0.1".to_owned();
            let target = Target::Tcp { host, port, scheme: scheme.clone() };
            let began = Instant::now();
            client.engine.connect(client.exchange(Role::Client), target, SOON).unwrap();
            assert_eq!(client.active().attempt, 1);
            println!("{scheme:?}: linked after {:?}", began.elapsed());
        }
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn who_says_nothing_is_dropped_after_a_second() {
    let (hub, port) = Node::hub(Limits::default());
    let mut silent = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let began = Instant::now();
    assert_reason(&hub.failed(), ReasonCode::ConnectTimeout);
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    let waited = began.elapsed();
    assert!(waited >= Duration::from_millis(900) && waited < Duration::from_secs(4), "{waited:?}");
}

#[test]
fn who_takes_no_events_has_no_end_of_links_only_later() {
    const LINKS: u32 = 2048; // of two events each
    let (hub, port) = Node::hub(Limits::default());
    for count in 0..LINKS {
        let mut peer = RawPeer::connect(port);
        let mut secret = [0; 32];
        secret[..4].copy_from_slice(&count.to_be_bytes());
        let secret = ProcessSecret::new(secret);
        let (process, hello) = (secret.process(), hello(Duration::from_secs(60)));
        peer.send(&Message::Hello(Hello { process, secret: Some(secret), ..hello }));
        peer.send(&Message::Synced);
        // All of it: what is left unread would reset the connection.
        peer.receive_until(|message| matches!(message, Message::Synced).then_some(()));
    }
    let links = || {
        let sizes = hub.engine.with(|process, _| process.table_sizes());
        sizes.into_iter().find_map(|(name, size)| (name == "links").then_some(size))
    };
    eventually("all have left", || links() == Some(0));
    // The listener was waiting for the next already when there was still room.
    let _next = TcpStream::connect(("127.0.0.1", port)).unwrap();
    eventually("it is accepted", || links() == Some(1));
    let client = Node::start("client");
    client.connect(client.exchange(Role::Client), port, SOON);
    throughout(Duration::from_millis(300), "the client waits", || {
        client.take(|event| matches!(event, Event::LinkActive(_)).then_some(())).is_none()
    });
    hub.active();
    assert_eq!(client.active().attempt, 1);
}
