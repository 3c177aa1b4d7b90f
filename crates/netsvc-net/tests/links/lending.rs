//! Connections that are read by a thread of the application's: promise 5 must hold whatever that
//! thread does, and nothing may be lost or doubled when reading changes hands.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use netsvc_core::{Event, Heartbeat, Limits, Role, ServiceNo};
use netsvc_net::{Borrower, ListenTarget, Loan, LoanId, Reading, Serviced, Target, Turns};

use crate::support::{Node, PATIENCE, RawPeer, SOON, eventually, throughout};

/// Bytes that one service may read: little, so that a burst takes several.
const SHARE: usize = 64 << 10;

/// Holds loans for the test to service, and notes what it is told about them.
#[derive(Default)]
struct Desk {
    loans: Mutex<Vec<Loan>>,
    told: Mutex<Vec<(&'static str, LoanId)>>,
}

impl Borrower for Desk {
    fn lend(&self, loan: Loan) {
        self.tell("lent", loan.id());
        self.loans.lock().unwrap().push(loan);
    }

    fn recall(&self, loan: LoanId) {
        self.tell("recall", loan);
    }
}

impl Desk {
    fn tell(&self, what: &'static str, loan: LoanId) {
        self.told.lock().unwrap().push((what, loan));
    }

    fn until_told(&self, what: &'static str, loan: LoanId) {
        let told = || self.told.lock().unwrap().contains(&(what, loan));
        eventually(what, told);
    }

    /// The oldest loan, once there is one.
    fn loan(&self) -> Loan {
        eventually("a loan", || !self.loans.lock().unwrap().is_empty());
        self.loans.lock().unwrap().remove(0)
    }
}

/// A client of the hub at `port` whose connection is lent, and has been serviced once.
fn lending_client(port: u16) -> (Node, Arc<Desk>, Loan) {
    let desk = Arc::<Desk>::default();
    let node = Node::start_reading(
        "lender",
        Limits::default(),
        None,
        Reading::Borrower(desk.clone(), Turns::default()),
    );
    node.connect(node.exchange(Role::Client), port, SOON);
    let loan = desk.loan();
    // The handshake needs nobody's service.
    node.active();
    take_over(&node, &loan);
    (node, desk, loan)
}

/// Has the test's thread read from now on.
fn take_over(node: &Node, loan: &Loan) {
    let until = Instant::now() + PATIENCE;
    while loan.service(SHARE) != Serviced::Lent {
        assert!(Instant::now() < until, "it cannot be serviced");
        node.take(|_| None::<()>);
    }
}

/// Waits until the loan's socket is readable; false: it took longer than `time`.
fn readable(loan: &Loan, time: Duration) -> bool {
    let stream = TcpStream::from(loan.as_fd().try_clone_to_owned().unwrap());
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
    let (client, _desk, loan) = lending_client(port);
    let service = feed(&hub, &client);
    let mut here = 0;
    // The guard may be sooner on a machine that lets this thread wait, but not always.
    for _ in 0..100 {
        hub.publish(service, 100);
        let is_readable = readable(&loan, Duration::from_millis(100));
        assert!(matches!(loan.service(SHARE), Serviced::Lent | Serviced::Behind));
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
    let (client, _desk, loan) = lending_client(port);
    let service = feed(&hub, &client);
    hub.publish(service, 100);
    // Whoever reads it, this thread or the guard.
    eventually("events wait", || loan.service(SHARE) == Serviced::Behind);
    client.wait("the report", report);
    take_over(&client, &loan);
}

#[test]
fn a_borrower_that_does_nothing_is_not_waited_for() {
    let (hub, port) = Node::hub(Limits::default());
    let (client, _desk, loan) = lending_client(port);
    let service = feed(&hub, &client);
    for expected in 1..=3 {
        hub.publish(service, 100);
        assert_eq!(client.wait("the report", report), expected);
        // And it may come back at any time.
        take_over(&client, &loan);
    }
}

#[test]
fn a_borrower_that_does_nothing_loses_no_link_however_short_the_dead_time() {
    // The client's is shorter than the guard takes; the hub beats often enough for it.
    let interval = Duration::from_millis(20);
    let hub = Node::start("hub");
    let hubs = Heartbeat { interval, dead: PATIENCE };
    let port = hub.listen_tcp(hub.exchange_of(Role::Server, "", hubs), 0);
    let desk = Arc::<Desk>::default();
    let client = Node::start_reading(
        "lender",
        Limits::default(),
        None,
        Reading::Borrower(desk.clone(), Turns::default()),
    );
    let clients = Heartbeat { interval, dead: Duration::from_millis(200) };
    client.connect(client.exchange_of(Role::Client, "", clients), port, SOON);
    let loan = desk.loan();
    client.active();
    take_over(&client, &loan);
    throughout(Duration::from_secs(2), "the link is kept", || {
        client.take(|event| matches!(event, Event::LinkInactive(_)).then_some(())).is_none()
    });
}

#[test]
fn a_loan_given_back_is_read_as_any_other() {
    let (hub, port) = Node::hub(Limits::default());
    let (client, _desk, loan) = lending_client(port);
    let service = feed(&hub, &client);
    take_over(&client, &loan);
    drop(loan);
    for expected in 1..=100 {
        hub.publish(service, 100);
        assert_eq!(client.wait("the report", report), expected);
    }
}

#[test]
fn reading_that_changes_hands_all_the_time_loses_and_doubles_nothing() {
    let (hub, port) = Node::hub(Limits::default());
    let (client, _desk, loan) = lending_client(port);
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
                assert_ne!(loan.service(SHARE), Serviced::Ended);
            } else if rounds % 64 == 32 {
                client.engine.with(|_, _| ());
            }
            last = take_all(&client, last);
        }
    });
}

#[test]
fn a_peer_that_goes_ends_the_loan() {
    let (hub, port) = Node::hub(Limits::default());
    let (client, desk, loan) = lending_client(port);
    drop(hub);
    // Whoever sees it first: this thread, or the guard.
    eventually("the end", || {
        client.take(|_| None::<()>);
        loan.service(SHARE) == Serviced::Ended
    });
    desk.until_told("recall", loan.id());
    drop(loan);
}

#[test]
fn a_peer_that_goes_is_noticed_without_service() {
    let (hub, port) = Node::hub(Limits::default());
    let (client, desk, loan) = lending_client(port);
    drop(hub);
    client.inactive();
    desk.until_told("recall", loan.id());
    assert_eq!(loan.service(SHARE), Serviced::Ended);
}

#[test]
fn each_connection_of_a_link_is_a_loan_of_its_own() {
    let (mut hub, port) = Node::hub(Limits::default());
    let (client, desk, mut loan) = lending_client(port);
    for _ in 0..5 {
        drop(hub);
        client.inactive();
        desk.until_told("recall", loan.id());
        hub = Node::start("hub");
        hub.listen_tcp(hub.exchange(Role::Server), port);
        client.active();
        let next = desk.loans.lock().unwrap().pop().unwrap();
        assert_ne!(next.id(), loan.id());
        loan = next;
        take_over(&client, &loan);
        let service = feed(&hub, &client);
        hub.publish(service, 100);
        client.wait("the report", report);
        desk.loans.lock().unwrap().clear();
    }
}

#[test]
fn a_link_that_is_closed_recalls_its_loan_and_the_peer_hears_although_it_is_kept() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let desk = Arc::<Desk>::default();
    let client = Node::start_reading(
        "lender",
        Limits::default(),
        None,
        Reading::Borrower(desk.clone(), Turns::default()),
    );
    client.connect(client.exchange(Role::Client), port, SOON);
    let (mut peer, _) = RawPeer::accept(&listener);
    let loan = desk.loan();
    client.engine.shutdown_now();
    desk.until_told("recall", loan.id());
    assert_eq!(loan.service(SHARE), Serviced::Ended);
    // The end of the connection, with the loan's descriptor still open.
    while peer.receive().is_some() {}
    drop(client);
    assert_eq!(loan.service(SHARE), Serviced::Ended);
}

#[test]
fn what_a_lent_connection_cannot_write_at_once_is_written_later() {
    let (hub, port) = Node::hub(Limits::default());
    let (client, _desk, loan) = lending_client(port);
    let service = feed(&client, &hub);
    take_over(&client, &loan);
    // Far more than the socket takes.
    for _ in 0..200 {
        client.publish(service, 100_000);
    }
    for expected in 1..=200 {
        assert_eq!(hub.wait("the report", report), expected);
    }
}

#[test]
fn connections_that_were_accepted_are_not_lent() {
    let desk = Arc::<Desk>::default();
    let hub = Node::start_reading(
        "hub",
        Limits::default(),
        None,
        Reading::Borrower(desk.clone(), Turns::default()),
    );
    let port = hub.listen_tcp(hub.exchange(Role::Server), 0);
    let _client = Node::client("client", port);
    hub.active();
    assert!(desk.told.lock().unwrap().is_empty());
}

#[test]
fn unix_sockets_are_lent_as_well() {
    let path = std::env::temp_dir().join(format!("netsvc-lent-{}.sock", std::process::id()));
    let hub = Node::start("hub");
    hub.listen(hub.exchange(Role::Server), ListenTarget::Unix(path.clone())).unwrap();
    let desk = Arc::<Desk>::default();
    let client = Node::start_reading(
        "lender",
        Limits::default(),
        None,
        Reading::Borrower(desk.clone(), Turns::default()),
    );
    client.engine.connect(client.exchange(Role::Client), Target::Unix(path), SOON).unwrap();
    let loan = desk.loan();
    client.active();
    let service = feed(&hub, &client);
    for expected in 1..=10 {
        take_over(&client, &loan);
        hub.publish(service, 100);
        assert_eq!(client.wait("the report", report), expected);
    }
}
