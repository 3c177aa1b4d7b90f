//! Promise 23, against a bad client: news of very many services keep nobody waiting. What somebody
//! waits for can be written without them.

#![allow(clippy::unwrap_used)] // a test may fail by panicking, in its helpers too

use std::time::Duration;

use bytes::Bytes;
use netsvc_core::wire::{Announcement, InterestTarget, Message, Request, RequestTarget, Role};
use netsvc_core::{
    Config, Content, ContentType, ExchangeId, Heartbeat, Limits, Process, ProcessSecret, Progress,
    Time,
};
use netsvc_testkit::RawPeer;

const NOW: Time = Time(1_000_000_000);
const SERVICES: u32 = 1000;
/// What is written at once: more than goes before everything else.
const BYTES: usize = 4000;

fn hub() -> (Process, ExchangeId) {
    let secret = ProcessSecret::new([0xff; 32]);
    let config = Config { secret, label: "hub".into(), limits: Limits::default(), seed: 1 };
    let mut hub = Process::new(config, NOW);
    let exchange = hub.create_exchange(Role::Server, "", Heartbeat::default()).unwrap();
    (hub, exchange)
}

fn service(no: u32) -> Message {
    Message::Service(Announcement {
        service: no,
        process: 0,
        counter: no,
        revision: 1,
        name: "one of many".into(),
        audience: "*".into(),
        groups: Vec::new(),
        methods: Vec::new(),
        extensions: Bytes::new(),
    })
}

fn services(messages: &[Message]) -> usize {
    messages.iter().filter(|message| matches!(message, Message::Service(_))).count()
}

#[test]
fn a_message_is_written_before_the_news_that_are_left() {
    let (mut hub, exchange) = hub();
    let mut good = RawPeer::client(&mut hub, NOW, exchange, 1);
    let mut bad = RawPeer::client(&mut hub, NOW, exchange, 2);
    good.hear(&mut hub, NOW);
    bad.say(&mut hub, NOW, (1..SERVICES).map(service));
    assert!(!hub.is_newcomer(good.conn));
    let dirty = |hub: &mut Process| -> Vec<_> { std::iter::from_fn(|| hub.poll_dirty()).collect() };
    assert!(dirty(&mut hub).contains(&good.conn));
    let (first, progress) = good.hear_once(&mut hub, NOW, BYTES, false);
    assert!((1..100).contains(&services(&first)));
    assert_eq!(progress, Progress::More);

    // Whoever writes knows that there is more.
    bad.say(&mut hub, NOW, [service(SERVICES)]);
    assert!(!dirty(&mut hub).contains(&good.conn));
    assert_eq!(good.hear_once(&mut hub, NOW, BYTES, true), (Vec::new(), Progress::More));

    good.say(&mut hub, NOW, [Message::Flush { token: 7 }]);
    assert_eq!(dirty(&mut hub), [good.conn]);
    let awaited = good.hear_once(&mut hub, NOW, BYTES, true);
    assert_eq!(awaited, (vec![Message::Flushed { token: 7 }], Progress::More));

    let rest = good.hear(&mut hub, NOW);
    assert_eq!(services(&first) + services(&rest), SERVICES as usize);
    bad.say(&mut hub, NOW, [Message::Withdrawn { service: 1, revision: 2 }]);
    assert!(dirty(&mut hub).contains(&good.conn));
    assert_eq!(good.hear(&mut hub, NOW).len(), 1);
    assert_eq!(good.hear_once(&mut hub, NOW, BYTES, true), (Vec::new(), Progress::Drained));
}

#[test]
fn a_newcomer_is_one_until_it_is_told_of_everything() {
    let (mut hub, exchange) = hub();
    let mut bad = RawPeer::client(&mut hub, NOW, exchange, 2);
    bad.say(&mut hub, NOW, (1..=SERVICES).map(service));
    let mut newcomer = RawPeer::connect(&mut hub, NOW, exchange, 1);
    assert!(!hub.is_newcomer(newcomer.conn));
    let hello = newcomer.hello(Role::Client, netsvc_core::LinkToken([1; 16]), 1);
    newcomer.say(&mut hub, NOW, [Message::Hello(hello), Message::Synced]);
    let mut told = 0;
    while told < SERVICES as usize {
        assert!(hub.is_newcomer(newcomer.conn));
        // That is awaited.
        told += services(&newcomer.hear_once(&mut hub, NOW, BYTES, true).0);
    }
    newcomer.hear(&mut hub, NOW);
    assert!(!hub.is_newcomer(newcomer.conn));
}

/// Clients come and go all the time.
#[test]
fn a_message_does_not_wait_for_the_news_that_some_client_is_gone() {
    let (mut hub, exchange) = hub();
    let mut good = RawPeer::client(&mut hub, NOW, exchange, 1);
    let mut bad = RawPeer::client(&mut hub, NOW, exchange, 2);
    let other = RawPeer::client(&mut hub, NOW, exchange, 3);
    good.hear(&mut hub, NOW);
    bad.say(&mut hub, NOW, (1..=SERVICES).map(service));
    hub.handle_closed(NOW, other.conn);
    good.hear_once(&mut hub, NOW, BYTES, false);
    good.say(&mut hub, NOW, [Message::Flush { token: 7 }]);
    let awaited = good.hear_once(&mut hub, NOW, BYTES, true);
    assert_eq!(awaited, (vec![Message::Flushed { token: 7 }], Progress::More));
}

/// It has another number then, and what was said of its old one is not about the new one.
#[test]
fn what_is_about_a_client_that_has_come_back_comes_behind_its_end() {
    // Told because of the subscriber; because of the publisher.
    for wanted in ["first", "second"] {
        let (mut hub, exchange) = hub();
        let mut publisher = RawPeer::client(&mut hub, NOW, exchange, 1);
        let mut bad = RawPeer::client(&mut hub, NOW, exchange, 2);
        let subscribe = |hub: &mut Process, name: &str| {
            let mut subscriber = RawPeer::client(hub, NOW, exchange, 3);
            subscriber.hear(hub, NOW);
            let target = InterestTarget::Name(name.into());
            let interest = Message::Interest { id: 1, target, pattern: "*".into(), latest: false };
            subscriber.say(hub, NOW, [interest]);
            subscriber
        };
        let announce = |no, name: &str| {
            let Message::Service(service) = service(no) else { panic!("no service") };
            Message::Service(Announcement { name: name.into(), ..service })
        };
        publisher.say(&mut hub, NOW, [announce(1, "first")]);
        let subscriber = subscribe(&mut hub, "first");
        publisher.hear(&mut hub, NOW);
        bad.say(&mut hub, NOW, (1..=SERVICES).map(service));
        hub.handle_closed(NOW, subscriber.conn);
        let subscriber = subscribe(&mut hub, wanted);
        publisher.say(&mut hub, NOW, [announce(2, "second")]);
        let heard = publisher.hear(&mut hub, NOW);
        let gone = heard.iter().position(|said| matches!(said, Message::ProcessGone { .. }));
        let back = heard.iter().position(
            |said| matches!(said, Message::Process(process) if process.id == subscriber.id),
        );
        let added = heard.iter().position(|said| matches!(said, Message::SubscriberAdded(_)));
        assert!(gone.is_some() && gone < back && back < added, "{gone:?} {back:?} {added:?}");
    }
}

/// Few: they need no patience of anybody.
#[test]
fn little_news_come_before_the_messages_that_are_sent_after_them() {
    let (mut hub, exchange) = hub();
    let mut good = RawPeer::client(&mut hub, NOW, exchange, 1);
    let mut other = RawPeer::client(&mut hub, NOW, exchange, 2);
    good.hear(&mut hub, NOW);
    for round in 1..=SERVICES {
        other.say(&mut hub, NOW, [service(round)]);
        good.say(&mut hub, NOW, [Message::Flush { token: round }]);
        let heard = good.hear(&mut hub, NOW);
        let told = matches!(heard[..], [.., Message::Service(_), Message::Flushed { .. }]);
        assert!(told, "{heard:?}");
    }
}

#[test]
fn that_a_service_is_not_there_comes_behind_its_end() {
    for says_so in [true, false] {
        let (mut hub, exchange) = hub();
        let mut good = RawPeer::client(&mut hub, NOW, exchange, 1);
        let mut bad = RawPeer::client(&mut hub, NOW, exchange, 2);
        let mut provider = RawPeer::client(&mut hub, NOW, exchange, 3);
        provider.say(&mut hub, NOW, [service(1)]);
        let announced = good.hear(&mut hub, NOW);
        let known = announced.iter().find_map(|message| match message {
            Message::Service(service) => Some(service.service),
            _ => None,
        });
        bad.say(&mut hub, NOW, (1..=SERVICES).map(service));
        if says_so {
            provider.say(&mut hub, NOW, [Message::Withdrawn { service: 1, revision: 2 }]);
        } else {
            hub.handle_closed(NOW, provider.conn);
        }
        let request = Message::Request(Request {
            call: 7,
            caller: 0,
            target: RequestTarget::Service(known.unwrap()),
            method: "run".into(),
            remaining: Duration::from_secs(1),
            parts: 0,
            content: Content { kind: ContentType::BYTES, bytes: Bytes::new() },
            extensions: Bytes::new(),
        });
        good.say(&mut hub, NOW, [request]);
        let heard = good.hear(&mut hub, NOW);
        let end = heard.iter().position(|said| match said {
            Message::Withdrawn { service, .. } => says_so && Some(*service) == known,
            Message::ProcessGone { .. } => !says_so,
            _ => false,
        });
        let answer = heard.iter().position(|said| matches!(said, Message::Response { .. }));
        assert!(end.is_some() && end < answer, "{end:?} {answer:?}");
    }
}
