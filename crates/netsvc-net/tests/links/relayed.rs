//! Promise 23, what one client makes the hub queue for others: it waits for them.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use netsvc_core::wire::{Membership, Message};
use netsvc_core::{Event, Limits, Outcome, RequestOptions};
use netsvc_testkit::{Target, Verbs, announcement};

use crate::support::{Node, RawPeer, answer_next, assert_reason, content, hello_of};

const PATIENT: Duration = Duration::from_secs(60);
const OUTBOX: usize = 4 << 20;
/// Long enough for the bad client to fill that, at the rate at which it is taken.
const ATTACK: Duration = Duration::from_secs(4);

fn membership(revision: u64) -> Message {
    let change = Membership { service: 1, revision, group: "g".repeat(200).into() };
    if revision.is_multiple_of(2) { Message::Joined(change) } else { Message::Left(change) }
}

fn request(hub: &Node, caller: &Node, key: u64) -> Duration {
    let began = Instant::now();
    caller.engine.with(|process, now| {
        let target = Target::Name("echo".into());
        process.ask(now, key, target, "say", content("hi"), RequestOptions::within(PATIENT));
    });
    answer_next(hub);
    assert!(matches!(caller.outcome(key), Outcome::Response(_)));
    began.elapsed()
}

fn lost(event: &Event) -> Option<()> {
    matches!(event, Event::LinkInactive(_)).then_some(())
}

/// A client that writes as fast as it can what all others are told, and one that reads a megabyte a
/// second of it.
#[test]
fn a_flood_of_what_others_are_told_throws_no_slow_reader_out() {
    let (hub, port) = Node::hub(Limits { outbox: OUTBOX, ..Limits::default() });
    hub.service("echo", &["say"]);
    let witness = Node::client("witness", port);
    hub.active();
    let mut victim = RawPeer::connect(port);
    victim.send(&Message::Hello(hello_of(8, PATIENT)));
    victim.send(&Message::Synced);
    hub.active();
    let ends = Arc::new(AtomicBool::new(false));
    let read = Arc::new(AtomicUsize::new(0));
    let reader = thread::spawn({
        let (ends, read) = (Arc::clone(&ends), Arc::clone(&read));
        move || {
            let mut bytes = [0; 10_000];
            while !ends.load(Ordering::Relaxed) {
                let count = victim.stream.read(&mut bytes).unwrap();
                assert!(count > 0, "the victim stays");
                read.fetch_add(count, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(10));
            }
        }
    });
    let attacker = thread::spawn(move || {
        let mut bad = RawPeer::connect(port);
        bad.join(PATIENT);
        bad.send(&announcement("bad", &[]));
        let began = Instant::now();
        let mut revision = 1;
        while began.elapsed() < ATTACK {
            revision += 1;
            bad.send(&membership(revision));
        }
        (bad, revision)
    });
    let (mut most, mut slowest) = (0, Duration::ZERO);
    let mut key = 0;
    while !attacker.is_finished() {
        key += 1;
        slowest = slowest.max(request(&hub, &witness, key));
        most = most.max(hub.engine.with(|process, _| process.queued_bytes()));
        assert_eq!(hub.take(lost), None, "nobody is lost");
    }
    let (bad, revision) = attacker.join().unwrap();
    println!(
        "{revision} changes, {most} bytes queued, {} read, {key} requests, the slowest {slowest:?}",
        read.load(Ordering::Relaxed)
    );
    assert!(read.load(Ordering::Relaxed) > OUTBOX / 4, "the victim is told");
    assert!(most < OUTBOX / 2, "{most} bytes are queued");
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    ends.store(true, Ordering::Relaxed);
    reader.join().unwrap();
    drop(bad);
}

/// The victim reads nothing: it goes, and then the source is read again.
#[test]
fn a_source_goes_on_after_who_does_not_read_has_gone() {
    let (hub, port) = Node::hub(Limits { outbox: OUTBOX, ..Limits::default() });
    let mut stuck = RawPeer::connect(port);
    stuck.send(&Message::Hello(hello_of(8, PATIENT)));
    stuck.send(&Message::Synced);
    hub.active();
    let mut source = RawPeer::connect(port);
    source.stream.set_write_timeout(Some(PATIENT)).unwrap();
    source.join(PATIENT);
    source.send(&announcement("source", &[]));
    hub.active();
    let began = Instant::now();
    // More than sockets and share take.
    let changes = 60_000;
    let writer = thread::spawn(move || {
        for revision in 2..changes {
            source.send(&membership(revision));
        }
        source
    });
    let gone = loop {
        let lost = |event: &Event| match event {
            Event::LinkInactive(link) => Some(link.clone()),
            _ => None,
        };
        if let Some(gone) = hub.take(lost) {
            break gone;
        }
        assert!(began.elapsed() < PATIENT);
        thread::sleep(Duration::from_millis(50));
    };
    assert_reason(&gone, netsvc_core::ReasonCode::SlowConsumer);
    assert_eq!(gone.peer.unwrap().process, hello_of(8, PATIENT).process);
    let mut source = writer.join().unwrap();
    source.send(&Message::Flush { token: 5 });
    source.receive_until(|message| matches!(message, Message::Flushed { token: 5 }).then_some(()));
}
