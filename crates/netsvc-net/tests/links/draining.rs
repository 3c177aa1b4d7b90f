//! Connections that the I/O thread waits for and whoever drains reads: nothing may be lost, doubled
//! or left lying, whether the drainer comes at once, late, or not at all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use netsvc_core::{
    ContentType, DeliveredRef, Event, Heartbeat, InvocationRef, Limits, Role, ServiceNo, Sink,
    SubscriptionId,
};
use netsvc_net::{ListenTarget, Patience, Reading, Taker, Target, Turns};

use crate::support::{Node, PATIENCE, SOON, eventually, throughout};

/// What a drainer was given: reports by their sequences, told at once or as events.
#[derive(Default)]
struct Drained {
    sequences: Vec<u64>,
    told: usize,
    inactive: bool,
}

impl Sink for Drained {
    fn has_room(&mut self, _reports: usize, _report: &DeliveredRef<'_>) -> bool {
        true
    }

    fn report(&mut self, _subscription: SubscriptionId, report: &DeliveredRef<'_>) {
        self.sequences.push(report.sequence);
        self.told += 1;
    }

    fn has_room_for(&mut self, _content: usize, _names: usize) -> bool {
        true
    }

    fn result(&mut self, _: u64, _: ContentType, _content: &[u8], _extensions: &[u8]) {}

    fn invoke(&mut self, _request: &InvocationRef<'_>) {}
}

impl Taker for Drained {
    fn take(&mut self, event: Event) -> bool {
        match event {
            Event::Report { report, .. } => self.sequences.push(report.sequence),
            Event::LinkInactive(_) => self.inactive = true,
            _ => {}
        }
        true
    }

    fn is_full(&self) -> bool {
        false
    }

    fn room(&self) -> usize {
        1 << 20
    }
}

impl Drained {
    /// Drains whenever the engine says so, until `enough`.
    fn until(&mut self, node: &Node, what: &str, enough: impl Fn(&Self) -> bool) {
        let until = Instant::now() + PATIENCE;
        loop {
            while node.engine.drain_into(self) {}
            if enough(self) {
                return;
            }
            node.until_signalled(until, what);
        }
    }

    fn has(&self, count: u64) -> bool {
        self.sequences.len() as u64 >= count
    }

    fn assert_whole(&self, count: u64) {
        assert!(self.sequences.iter().copied().eq(1..=count), "{:?}", self.sequences);
    }
}

/// A process that reads its connections when it drains.
fn draining(turns: Turns) -> Node {
    Node::start_reading("drainer", Limits::default(), None, Reading::Drainer(turns))
}

fn drainer(port: u16) -> Node {
    let node = draining(Turns::default());
    node.connect(node.exchange(Role::Client), port, SOON);
    node
}

/// A service of `publisher` to which `subscriber`, who drains, subscribes.
fn feed(publisher: &Node, subscriber: &Node) -> ServiceNo {
    let (service, id) = publisher.service("feed", &[]);
    subscriber.subscribe("feed");
    eventually("the service", || {
        while subscriber.engine.drain_into(&mut Drained::default()) {}
        subscriber.lookup("feed").iter().any(|service| service.id == id)
    });
    publisher.wait("a subscriber", |event| {
        matches!(event, Event::Subscriber { present: true, .. }).then_some(())
    });
    service
}

fn events_wait(node: &Node) -> bool {
    node.engine.with(|process, _| process.has_events())
}

#[test]
fn whoever_drains_reads_and_is_told_at_once() {
    let (hub, port) = Node::hub(Limits::default());
    let client = drainer(port);
    let service = feed(&hub, &client);
    let mut drained = Drained::default();
    for number in 1..=1000 {
        hub.publish(service, 100);
        drained.until(&client, "the report", |drained| drained.has(number));
    }
    drained.assert_whole(1000);
    // The watchdog may have been sooner now and then, on a machine that lets this thread wait.
    assert!(drained.told > 100, "{}", drained.told);
}

#[test]
fn a_drainer_that_does_not_come_is_not_waited_for_and_may_come_back() {
    let (hub, port) = Node::hub(Limits::default());
    let client = drainer(port);
    let service = feed(&hub, &client);
    let mut drained = Drained::default();
    for round in 0..3 {
        hub.publish(service, 100);
        eventually("it was read", || events_wait(&client));
        drained.until(&client, "the first", |drained| drained.has(round * 11 + 1));
        for number in 2..=11 {
            hub.publish(service, 100);
            drained.until(&client, "the next", |drained| drained.has(round * 11 + number));
        }
    }
    drained.assert_whole(33);
}

#[test]
fn a_drainer_that_does_not_come_loses_no_link_however_short_the_dead_time() {
    let interval = Duration::from_millis(20);
    let hub = Node::start("hub");
    let hubs = Heartbeat { interval, dead: PATIENCE };
    let port = hub.listen_tcp(hub.exchange_of(Role::Server, "", hubs), 0);
    let client = draining(Turns::default());
    let clients = Heartbeat { interval, dead: Duration::from_millis(200) };
    client.connect(client.exchange_of(Role::Client, "", clients), port, SOON);
    feed(&hub, &client);
    throughout(Duration::from_secs(2), "the link is kept", || {
        client.take(|event| matches!(event, Event::LinkInactive(_)).then_some(())).is_none()
    });
}

#[test]
fn a_drainer_at_work_elsewhere_is_waited_for_until_it_stops() {
    let (hub, port) = Node::hub(Limits::default());
    let turns = Turns::default();
    let client = draining(turns.clone());
    client.connect(client.exchange(Role::Client), port, SOON);
    let service = feed(&hub, &client);
    // What came with the handshake was read by the I/O thread.
    let mut drained = Drained::default();
    hub.publish(service, 100);
    drained.until(&client, "the first", |drained| drained.has(1));
    hub.publish(service, 100);
    throughout(Duration::from_secs(1), "it is left to the drainer", || {
        turns.count();
        !events_wait(&client)
    });
    eventually("it was read", || events_wait(&client));
    drained.until(&client, "the second", |drained| drained.has(2));
}

#[test]
fn a_stream_is_whole_whether_the_drainer_is_slow_or_quick() {
    let (hub, port) = Node::hub(Limits::default());
    let client = drainer(port);
    let service = feed(&hub, &client);
    let reports = 6000; // 4 MB, which the outbox takes
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..reports {
                hub.publish(service, if number % 500 == 0 { 70_000 } else { number % 1000 });
            }
        });
        let mut drained = Drained::default();
        while !drained.has(reports as u64) {
            let next = drained.sequences.len() as u64 + 1500;
            drained.until(&client, "the stream", |drained| drained.has(next.min(reports as u64)));
            if !drained.has(reports as u64) {
                eventually("the watchdog reads", || events_wait(&client));
            }
        }
        drained.assert_whole(reports as u64);
    });
}

#[test]
fn what_a_peer_said_before_it_went_is_told_although_nobody_drained() {
    let (hub, port) = Node::hub(Limits::default());
    let client = drainer(port);
    let service = feed(&hub, &client);
    for _ in 0..100 {
        hub.publish(service, 1000);
    }
    drop(hub);
    eventually("the end was seen", || client.lookup("feed").is_empty());
    let mut drained = Drained::default();
    drained.until(&client, "the end", |drained| drained.inactive);
    drained.assert_whole(100);
}

#[test]
fn a_client_that_is_shut_down_lets_go_of_what_it_was_to_read() {
    let (hub, port) = Node::hub(Limits::default());
    let client = drainer(port);
    let service = feed(&hub, &client);
    hub.publish(service, 100);
    client.engine.shutdown_now(Patience::NONE);
    hub.inactive();
    while client.engine.drain_into(&mut Drained::default()) {}
    let engine = Arc::downgrade(&client.engine);
    drop(client);
    assert!(engine.upgrade().is_none());
}

#[test]
fn unix_sockets_are_read_by_the_drainer_as_well() {
    let path = std::env::temp_dir().join(format!("netsvc-drained-{}.sock", std::process::id()));
    let hub = Node::start("hub");
    hub.listen(hub.exchange(Role::Server), ListenTarget::Unix(path.clone())).unwrap();
    let client = draining(Turns::default());
    client.engine.connect(client.exchange(Role::Client), Target::Unix(path), SOON).unwrap();
    let service = feed(&hub, &client);
    let mut drained = Drained::default();
    for number in 1..=100 {
        hub.publish(service, 100);
        drained.until(&client, "the report", |drained| drained.has(number));
    }
    drained.assert_whole(100);
    assert!(drained.told > 10, "{}", drained.told);
}
