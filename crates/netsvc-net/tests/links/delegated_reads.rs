//! Connections that a thread of the application reads: promise 5 must hold whatever that
//! thread does, and nothing may be lost or doubled when reading changes hands.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use netsvc_core::{Event, Heartbeat, Limits, Role, ServiceNo};
use netsvc_net::{
    DelegatedReads, DelegationId, ListenTarget, Patience, ReadDelegate, Reading, Serviced, Target,
    Turns,
};

use crate::support::{Node, PATIENCE, RawPeer, SOON, eventually, throughout};

/// Bytes that one service may read: little, so that a burst takes several.
const SHARE: usize = 64 << 10;

/// Holds delegated reads for the test to service, and notes what it is told about them.
#[derive(Default)]
struct Delegate {
    reads: Mutex<Vec<DelegatedReads>>,
    told: Mutex<Vec<(&'static str, DelegationId)>>,
}

impl ReadDelegate for Delegate {
    fn delegate(&self, reads: DelegatedReads) {
        self.tell("delegated", reads.id());
        self.reads.lock().unwrap().push(reads);
    }

    fn revoke(&self, id: DelegationId) {
        self.tell("revoked", id);
    }
}

impl Delegate {
    fn tell(&self, what: &'static str, id: DelegationId) {
        self.told.lock().unwrap().push((what, id));
    }

    fn until_told(&self, what: &'static str, id: DelegationId) {
        let told = || self.told.lock().unwrap().contains(&(what, id));
        eventually(what, told);
    }

    /// The oldest, once there is one.
    fn first(&self) -> DelegatedReads {
        eventually("delegated reads", || !self.reads.lock().unwrap().is_empty());
        self.reads.lock().unwrap().remove(0)
    }
}

/// A client of the hub at `port` whose reads are delegated, and have been serviced once.
fn delegating_client(port: u16) -> (Node, Arc<Delegate>, DelegatedReads) {
    let delegate = Arc::<Delegate>::default();
    let node = Node::start_reading(
        "client",
        Limits::default(),
        None,
        Reading::Delegate(delegate.clone(), Turns::default()),
    );
    node.connect(node.exchange(Role::Client), port, SOON);
    let reads = delegate.first();
    // The handshake needs nobody's service.
    node.active();
    take_over(&node, &reads);
    (node, delegate, reads)
}

/// Has the test's thread read from now on.
fn take_over(node: &Node, reads: &DelegatedReads) {
    let until = Instant::now() + PATIENCE;
    while reads.service(SHARE) != Serviced::Delegated {
        assert!(Instant::now() < until, "it cannot be serviced");
        node.take(|_| None::<()>);
    }
}

/// Waits until the socket is readable; false: it took longer than `time`.
fn readable(reads: &DelegatedReads, time: Duration) -> bool {
    let stream = TcpStream::from(reads.as_fd().try_clone_to_owned().unwrap());
    let until = Instant::now() + time;
    while Instant::now() < until {
        match stream.peek(&mut [0]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
            _ => return true,
        }
    }
    false
}

/// A service of `publisher` that `subscriber` subscribes to.
fn feed(publisher: &Node, subscriber: &Node) -> ServiceNo {
    let (service, _) = publisher.service("feed", &[]);
    subscriber.subscribe("feed");
    publisher.wait("a subscriber", |event| {
        matches!(event, Event::Subscriber { present: true, .. }).then_some(())
    });
    service
}

fn report(event: &Event) -> Option<u64> {
    match event {
        Event::Report { report, .. } => Some(report.sequence),
        _ => None,
    }
}

/// Takes all events; the reports among them are those after `last`, which is returned anew.
fn take_all(node: &Node, mut last: u64) -> u64 {
    node.engine.drain(&mut |event| {
        if let Some(sequence) = report(&event) {
            assert_eq!(sequence, last + 1);
            last = sequence;
        }
        true
    });
    last
}

#[test]
fn what_arrives_is_there_when_the_service_returns() {
    let (hub, port) = Node::hub(Limits::default());
    let (client, _delegate, reads) = delegating_client(port);
    let service = feed(&hub, &client);
    let mut here = 0;
    // The watchdog may be sooner on a machine that lets this thread wait, but not always.
    for _ in 0..100 {
        hub.publish(service, 100);
        let is_readable = readable(&reads, Duration::from_millis(100));
        assert!(matches!(reads.service(SHARE), Serviced::Delegated | Serviced::Behind));
        let told = client.take(report);
        if is_readable && told.is_some() {
            here += 1;
        }
        if told.is_none() {
            client.wait("the report", report);
        }
    }
    assert!(here > 0);
}

#[test]
fn nothing_is_read_while_events_wait() {
    let (hub, port) = Node::hub(Limits::default());
    let (client, _delegate, reads) = delegating_client(port);
    let service = feed(&hub, &client);
    hub.publish(service, 100);
    // Whoever reads it, this thread or the watchdog.
    eventually("events wait", || reads.service(SHARE) == Serviced::Behind);
    client.wait("the report", report);
    take_over(&client, &reads);
}

#[test]
fn a_delegate_that_does_nothing_is_not_waited_for() {
    let (hub, port) = Node::hub(Limits::default());
    let (client, _delegate, reads) = delegating_client(port);
    let service = feed(&hub, &client);
    for expected in 1..=3 {
        hub.publish(service, 100);
        assert_eq!(client.wait("the report", report), expected);
        // And it may come back at any time.
        take_over(&client, &reads);
    }
}

#[test]
fn a_delegate_that_does_nothing_loses_no_link_however_short_the_dead_time() {
    // The client's is shorter than the watchdog takes; the hub beats often enough for it.
    let interval = Duration::from_millis(20);
    let hub = Node::start("hub");
    let hubs = Heartbeat { interval, dead: PATIENCE };
    let port = hub.listen_tcp(hub.exchange_of(Role::Server, "", hubs), 0);
    let delegate = Arc::<Delegate>::default();
    let client = Node::start_reading(
        "client",
        Limits::default(),
        None,
        Reading::Delegate(delegate.clone(), Turns::default()),
    );
    let clients = Heartbeat { interval, dead: Duration::from_millis(200) };
    client.connect(client.exchange_of(Role::Client, "", clients), port, SOON);
    let reads = delegate.first();
    client.active();
    take_over(&client, &reads);
    throughout(Duration::from_secs(2), "the link is kept", || {
        client.take(|event| matches!(event, Event::LinkInactive(_)).then_some(())).is_none()
    });
}

#[test]
fn a_connection_given_back_is_read_as_any_other() {
    let (hub, port) = Node::hub(Limits::default());
    let (client, _delegate, reads) = delegating_client(port);
    let service = feed(&hub, &client);
    take_over(&client, &reads);
    drop(reads);
    for expected in 1..=100 {
        hub.publish(service, 100);
        assert_eq!(client.wait("the report", report), expected);
    }
}

#[test]
fn reading_that_changes_hands_all_the_time_loses_and_doubles_nothing() {
    let (hub, port) = Node::hub(Limits::default());
    let (client, _delegate, reads) = delegating_client(port);
    let service = feed(&hub, &client);
    let reports = 6000;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..reports {
                hub.publish(service, [10, 100, 5000][number % 3]);
            }
        });
        let mut last = 0;
        let mut rounds = 0_u64;
        while last < reports as u64 {
            rounds += 1;
            // Now this thread reads, now the other, now both try.
            if rounds % 64 < 32 {
                assert_ne!(reads.service(SHARE), Serviced::Ended);
            } else if rounds % 64 == 32 {
                client.engine.with(|_, _| ());
            }
            last = take_all(&client, last);
        }
    });
}

#[test]
fn a_peer_that_goes_ends_the_delegation() {
    let (hub, port) = Node::hub(Limits::default());
    let (client, delegate, reads) = delegating_client(port);
    drop(hub);
    // Whoever sees it first: this thread, or the watchdog.
    eventually("the end", || {
        client.take(|_| None::<()>);
        reads.service(SHARE) == Serviced::Ended
    });
    delegate.until_told("revoked", reads.id());
    drop(reads);
}

#[test]
fn a_peer_that_goes_is_noticed_without_service() {
    let (hub, port) = Node::hub(Limits::default());
    let (client, delegate, reads) = delegating_client(port);
    drop(hub);
    client.inactive();
    delegate.until_told("revoked", reads.id());
    assert_eq!(reads.service(SHARE), Serviced::Ended);
}

#[test]
fn each_connection_of_a_link_is_delegated_anew() {
    let (mut hub, port) = Node::hub(Limits::default());
    let (client, delegate, mut reads) = delegating_client(port);
    for _ in 0..5 {
        drop(hub);
        client.inactive();
        delegate.until_told("revoked", reads.id());
        hub = Node::start("hub");
        hub.listen_tcp(hub.exchange(Role::Server), port);
        client.active();
        let next = delegate.reads.lock().unwrap().pop().unwrap();
        assert_ne!(next.id(), reads.id());
        reads = next;
        take_over(&client, &reads);
        let service = feed(&hub, &client);
        hub.publish(service, 100);
        client.wait("the report", report);
        delegate.reads.lock().unwrap().clear();
    }
}

#[test]
fn a_link_that_is_closed_revokes_its_reads_and_the_peer_hears_although_they_are_kept() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let delegate = Arc::<Delegate>::default();
    let client = Node::start_reading(
        "client",
        Limits::default(),
        None,
        Reading::Delegate(delegate.clone(), Turns::default()),
    );
    client.connect(client.exchange(Role::Client), port, SOON);
    let (mut peer, _) = RawPeer::accept(&listener);
    let reads = delegate.first();
    client.engine.shutdown_now(Patience::NONE);
    delegate.until_told("revoked", reads.id());
    assert_eq!(reads.service(SHARE), Serviced::Ended);
    // The end of the connection, with the delegate's descriptor still open.
    while peer.receive().is_some() {}
    drop(client);
    assert_eq!(reads.service(SHARE), Serviced::Ended);
}

#[test]
fn what_a_delegated_connection_cannot_write_at_once_is_written_later() {
    let (hub, port) = Node::hub(Limits::default());
    let (client, _delegate, reads) = delegating_client(port);
    let service = feed(&client, &hub);
    take_over(&client, &reads);
    // Far more than the socket takes.
    for _ in 0..200 {
        client.publish(service, 100_000);
    }
    for expected in 1..=200 {
        assert_eq!(hub.wait("the report", report), expected);
    }
}

#[test]
fn connections_that_were_accepted_are_not_delegated() {
    let delegate = Arc::<Delegate>::default();
    let hub = Node::start_reading(
        "hub",
        Limits::default(),
        None,
        Reading::Delegate(delegate.clone(), Turns::default()),
    );
    let port = hub.listen_tcp(hub.exchange(Role::Server), 0);
    let _client = Node::client("client", port);
    hub.active();
    assert!(delegate.told.lock().unwrap().is_empty());
}

#[test]
fn unix_sockets_are_delegated_as_well() {
    let path = std::env::temp_dir().join(format!("netsvc-delegated-{}.sock", std::process::id()));
    let hub = Node::start("hub");
    hub.listen(hub.exchange(Role::Server), ListenTarget::Unix(path.clone())).unwrap();
    let delegate = Arc::<Delegate>::default();
    let client = Node::start_reading(
        "client",
        Limits::default(),
        None,
        Reading::Delegate(delegate.clone(), Turns::default()),
    );
    client.engine.connect(client.exchange(Role::Client), Target::Unix(path), SOON).unwrap();
    let reads = delegate.first();
    client.active();
    let service = feed(&hub, &client);
    for expected in 1..=10 {
        take_over(&client, &reads);
        hub.publish(service, 100);
        assert_eq!(client.wait("the report", report), expected);
    }
}
