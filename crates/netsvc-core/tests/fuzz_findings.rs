//! What the fuzz targets found, each as a test that says what was wrong.

#![allow(clippy::unwrap_used)] // a test may fail by panicking, in its helpers too

use std::time::Duration;

use bytes::Bytes;
use netsvc_core::wire::{
    Announcement, Hello, InterestTarget, Membership, Message, Report, Request, RequestTarget, Role,
};
use netsvc_core::{
    Action, Config, Content, Event, Heartbeat, Lifetime, Limits, LinkToken, Process, ProcessSecret,
    ReasonCode, Retry, Time,
};
use netsvc_testkit::{RawPeer, Verbs, hello, service};

const NOW: Time = Time(1_000_000_000);

fn process(id: u8) -> Process {
    process_with(id, Limits::default())
}

fn process_with(id: u8, limits: Limits) -> Process {
    let secret = ProcessSecret::new([id; 32]);
    let config = Config { secret, label: "process".into(), limits, seed: 1 };
    Process::new(config, NOW)
}

fn hub_and_client() -> (Process, RawPeer) {
    let (process, client, _) = hub_and_clients();
    (process, client)
}

fn hub_and_clients() -> (Process, RawPeer, RawPeer) {
    hub_and_clients_with(Limits::default())
}

fn hub_and_clients_with(limits: Limits) -> (Process, RawPeer, RawPeer) {
    let mut process = process_with(1, limits);
    let exchange = process.create_exchange(Role::Server, "", Heartbeat::default()).unwrap();
    let first = RawPeer::client(&mut process, NOW, exchange, 2);
    let second = RawPeer::client(&mut process, NOW, exchange, 3);
    (process, first, second)
}

/// A service whose announcement is nearly as large as may be.
fn announcement() -> Announcement {
    Announcement {
        service: 1,
        process: 0,
        counter: 1,
        revision: 1,
        name: "a".into(),
        audience: "*".into(),
        groups: Vec::new(),
        methods: (0..250).map(|number| format!("{number:0>255}").into()).collect(),
        extensions: Bytes::new(),
    }
}

fn table(process: &Process, name: &str) -> usize {
    process.table_sizes().into_iter().find(|(table, _)| *table == name).unwrap().1
}

/// It was taken: services that such a peer announced had no process whose loss withdrew them.
#[test]
fn a_server_that_claims_to_be_the_process_itself_is_not_linked() {
    let mut process = process(7);
    let exchange = process.create_exchange(Role::Client, "", Heartbeat::default()).unwrap();
    let token = LinkToken([1; 16]);
    process.connect(NOW, exchange, Retry::Backoff, token).unwrap();
    let Some(Action::Open { conn, .. }) = process.poll_action() else { panic!("nothing to open") };
    process.handle_opened(NOW, conn, "raw");
    let welcome = Hello { role: Role::Server, ..hello(&ProcessSecret::new([7; 32]), token, 1) };
    process.handle_messages(NOW, conn, &mut vec![Message::Welcome(welcome), Message::Synced]);
    let event = process.poll_event(NOW);
    let Some(Event::AttemptFailed(about)) = event else { panic!("{event:?}") };
    assert_eq!(about.reason.unwrap().code, ReasonCode::OwnProcess);
}

/// The first interest stayed for ever: the second had taken its place when the link ended.
#[test]
fn an_interest_whose_id_is_used_twice_ends_with_its_link() {
    let (mut process, mut peer) = hub_and_client();
    let interest = |pattern: &str| Message::Interest {
        id: 1,
        target: InterestTarget::Name("a".into()),
        pattern: pattern.into(),
        latest: false,
    };
    peer.say(&mut process, NOW, [interest("x"), interest("y")]);
    assert_eq!(table(&process, "wishes"), 0);
    let heard = peer.hear(&mut process, NOW);
    assert!(matches!(heard.last(), Some(Message::Goodbye(_))), "{heard:?}");
}

/// The relayed announcement was too large for any frame, and left out without a word.
#[test]
fn a_service_joins_no_more_groups_than_can_be_announced() {
    let (mut process, mut peer) = hub_and_client();
    peer.say(&mut process, NOW, [Message::Service(announcement())]);
    for number in 0..10_u64 {
        let group = format!("{number:0>255}").into();
        let change = Membership { service: 1, revision: 2 + number, group };
        peer.say(&mut process, NOW, [Message::Joined(change)]);
    }
    assert_eq!(table(&process, "services"), 0, "it broke the rules");
    let heard = peer.hear(&mut process, NOW);
    assert!(matches!(heard.last(), Some(Message::Goodbye(_))), "{heard:?}");
}

/// Only contents counted, so that a peer could fill a hub's memory with extension fields.
#[test]
fn extension_fields_count_towards_the_limit_of_an_outbox() {
    let (mut process, mut publisher, mut subscriber) = hub_and_clients();
    let interest = Message::Interest {
        id: 1,
        target: InterestTarget::Name("a".into()),
        pattern: "*".into(),
        latest: false,
    };
    subscriber.say(&mut process, NOW, [interest]);
    subscriber.hear(&mut process, NOW);
    let service = Announcement { methods: Vec::new(), ..announcement() };
    publisher.say(&mut process, NOW, [Message::Service(service)]);
    subscriber.hear(&mut process, NOW);
    let fields = Bytes::from([&[2, 0, 252, 15][..], &[0; 4092]].concat());
    for sequence in 1..=10 {
        let report = Report {
            service: 1,
            subject: "subject".into(),
            sequence,
            content: Content::raw(""),
            extensions: fields.clone(),
        };
        publisher.say(&mut process, NOW, [Message::Report(report)]);
    }
    assert!(process.queued_bytes() > 40_000, "{}", process.queued_bytes());
}

/// The timer that sweeps expired values was left behind, set to when the value would have expired.
#[test]
fn no_timer_outlives_the_kept_values() {
    let mut process = process(1);
    let day = Lifetime::For(Duration::from_secs(86_400));
    let service = process.create_service(NOW, service("a")).unwrap().0;
    let keep = |process: &mut Process, now: Time| {
        process.report(now, service, "subject", Content::raw("x"), day).unwrap();
        let swept = process.poll_wake();
        process.handle_time(swept);
        assert_eq!(table(process, "timers"), 1);
        swept
    };
    let later = keep(&mut process, NOW);
    process.report(later, service, "subject", Content::raw("x"), Lifetime::None).unwrap();
    assert_eq!(table(&process, "timers"), 0);
    let later = keep(&mut process, later);
    process.close_service(later, service);
    assert_eq!(table(&process, "timers"), 0);
}

/// A link that was over its limit and ended for another reason at the same moment was due at once,
/// for ever: `handle_time` did not return.
#[test]
fn a_link_that_is_over_its_limit_and_breaks_a_rule_is_not_due_for_ever() {
    let limits = Limits { outbox: 1000, ..Limits::default() };
    let (mut process, mut peer, _) = hub_and_clients_with(limits);
    let flushes = (0..100).map(|token| Message::Flush { token });
    peer.say(&mut process, NOW, flushes.chain([Message::Synced]));
    assert!(process.poll_wake() > NOW, "{:?}", process.poll_wake());
    process.handle_time(NOW);
    process.handle_time(NOW + Duration::from_secs(1));
    assert_eq!(table(&process, "links"), 1, "the other client");
}

/// Each grant waited by itself, so that a peer could fill the memory of a process whose application
/// is busy.
#[test]
fn credit_that_the_application_was_not_told_of_is_told_as_one() {
    let (mut process, mut peer) = hub_and_client();
    process.create_service(NOW, service("a")).unwrap();
    let request = Request {
        call: 1,
        caller: 0,
        target: RequestTarget::Name("a".into()),
        method: "run".into(),
        remaining: Duration::from_secs(5),
        parts: 1,
        content: Content::raw(""),
        extensions: Bytes::new(),
    };
    peer.say(&mut process, NOW, [Message::Request(request)]);
    let call = std::iter::from_fn(|| process.poll_event(NOW)).find_map(|event| match event {
        Event::Invoke(invocation) => Some(invocation.call),
        _ => None,
    });
    let call = call.unwrap();
    peer.say(&mut process, NOW, (0..1000).map(|_| Message::Credit { call: 1, parts: 2 }));
    assert_eq!(process.poll_event(NOW), Some(Event::Credit { call, parts: 2000 }));
    assert_eq!(process.poll_event(NOW), None);
    peer.say(&mut process, NOW, [Message::Credit { call: 1, parts: 3 }]);
    assert_eq!(process.poll_event(NOW), Some(Event::Credit { call, parts: 3 }));
}
