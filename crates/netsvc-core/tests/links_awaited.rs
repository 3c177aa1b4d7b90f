//! Promise 23, against a bad client: news of very many services keep nobody waiting. What somebody
//! waits for can be written without them.

#![allow(clippy::unwrap_used)] // a test may fail by panicking, in its helpers too

use bytes::Bytes;
use netsvc_core::wire::{Announcement, Message, Role};
use netsvc_core::{Config, ExchangeId, Heartbeat, Limits, Process, ProcessSecret, Progress, Time};
use netsvc_testkit::RawPeer;

const NOW: Time = Time(1_000_000_000);
const SERVICES: u32 = 1000;
/// What is written at once.
const BYTES: usize = 2000;

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
