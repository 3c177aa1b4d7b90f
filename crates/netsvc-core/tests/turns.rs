//! Promise 23, against a bad client: what it makes the hub do at once is bounded, whatever its
//! messages cost. The rest waits for its next turn, and is applied as if nothing had happened.

#![allow(clippy::unwrap_used)] // a test may fail by panicking, in its helpers too

use bytes::{Bytes, BytesMut};
use netsvc_core::limits::TURN_STEPS;
use netsvc_core::wire::{
    Announcement, Decoder, Encoder, InterestTarget, Message, Report, Request, RequestTarget, Role,
    SendBuffer,
};
use netsvc_core::{
    Config, Content, ContentType, ExchangeId, Filter, Heartbeat, Limits, LinkToken, Process,
    ProcessSecret, SubscriptionLimits, SubscriptionTarget, Time,
};
use netsvc_testkit::RawPeer;

const NOW: Time = Time(1_000_000_000);
/// Clients that want the reports of a service, and interests of each.
const WISHERS: u8 = 4;
const INTERESTS: u32 = 1000;
/// How often a service comes and goes.
const TIMES: u32 = 12;

/// A hub, its clients that want the same, and one more, whose bytes are given by the test.
struct Scene {
    hub: Process,
    bad: RawPeer,
    encoder: Encoder,
    decoder: Decoder,
    buffer: BytesMut,
}

fn hub() -> (Process, ExchangeId) {
    let secret = ProcessSecret::new([0xff; 32]);
    let config = Config { secret, label: "hub".into(), limits: Limits::default(), seed: 1 };
    let mut hub = Process::new(config, NOW);
    let exchange = hub.create_exchange(Role::Server, "", Heartbeat::default()).unwrap();
    (hub, exchange)
}

fn encode(encoder: &mut Encoder, message: &Message) -> Vec<u8> {
    let mut bytes = SendBuffer::new();
    encoder.encode(message, &mut bytes);
    let mut slices = [std::io::IoSlice::new(&[]); 16];
    let used = bytes.slices(&mut slices);
    slices[..used].iter().flat_map(|slice| slice.to_vec()).collect()
}

fn announcement(service: u32, counter: u32, name: &str) -> Message {
    Message::Service(Announcement {
        service,
        process: 0,
        counter,
        revision: 1,
        name: name.into(),
        audience: "*".into(),
        groups: Vec::new(),
        methods: vec!["run".into()],
        extensions: Bytes::new(),
    })
}

/// A service that everybody wants comes and goes.
fn toggling() -> impl Iterator<Item = Message> {
    (10..10 + TIMES).flat_map(|counter| {
        let service = announcement(7, counter, "wanted");
        [service, Message::Withdrawn { service: 7, revision: 2 }]
    })
}

impl Scene {
    fn new() -> (Self, ExchangeId) {
        let (mut hub, exchange) = hub();
        for id in 0..WISHERS {
            let mut peer = RawPeer::client(&mut hub, NOW, exchange, id);
            let interests = (0..INTERESTS).map(|id| Message::Interest {
                id,
                target: InterestTarget::Name("wanted".into()),
                pattern: format!("s.{id}").into(),
                latest: false,
            });
            peer.say(&mut hub, NOW, interests);
        }
        let bad = RawPeer::connect(&mut hub, NOW, exchange, WISHERS);
        let hello = bad.hello(Role::Client, LinkToken([2; 16]), 1);
        let (encoder, decoder) = (Encoder::new(3), Decoder::new(hub.limits().payload));
        let mut scene = Self { hub, bad, encoder, decoder, buffer: BytesMut::new() };
        scene.receive([Message::Hello(hello), Message::Synced]);
        scene.turn();
        scene.bad.hear(&mut scene.hub, NOW);
        (scene, exchange)
    }

    fn receive(&mut self, messages: impl IntoIterator<Item = Message>) {
        for message in messages {
            self.buffer.extend_from_slice(&encode(&mut self.encoder, &message));
        }
    }

    /// False: there is nothing left for another turn.
    fn turn(&mut self) -> bool {
        let Self { hub, bad, decoder, buffer, .. } = self;
        hub.handle_bytes(NOW, bad.conn, decoder, buffer, None).unwrap();
        bad.hear(hub, NOW);
        hub.has_stopped()
    }

    /// Turns that it takes until nothing is left.
    fn turns(&mut self) -> u32 {
        let mut turns = 1;
        while self.turn() {
            turns += 1;
            assert!(!self.buffer.is_empty());
            // The last message was applied to its end.
            let of_one = 2 * usize::from(WISHERS) * INTERESTS as usize + 100;
            assert!((TURN_STEPS..TURN_STEPS + of_one).contains(&self.hub.work()));
        }
        turns
    }
}

#[test]
fn what_takes_many_steps_is_applied_in_several_turns() {
    let (mut scene, _) = Scene::new();
    scene.receive(toggling());
    assert!(scene.buffer.len() < 8192);
    let turns = scene.turns();
    assert!((TIMES / 2..=2 * TIMES).contains(&turns), "{turns} turns");
    assert!(scene.buffer.is_empty());
    assert_eq!((scene.hub.lookup(&Filter::default()).len(), scene.hub.ignored()), (0, 0));
}

/// What lay behind the end of a turn was in memory that reports share, and has to come back.
#[test]
fn nothing_is_lost_of_what_was_read_with_reports_that_are_kept() {
    let (mut scene, _) = Scene::new();
    let limits = SubscriptionLimits { reports: 1 << 16, bytes: 1 << 30, latest: false };
    let target = SubscriptionTarget::Name("publisher".into());
    scene.hub.subscribe(NOW, target, "*", limits).unwrap();
    let report = |sequence| {
        Message::Report(Report {
            service: 1,
            subject: "s".into(),
            sequence,
            content: Content { bytes: vec![7; 10].into(), kind: ContentType(0) },
            extensions: Bytes::new(),
        })
    };
    let end =
        Message::ReplayEnd { process: 0, replay: 1, sequence: 0, more_after: 0, complete_after: 0 };
    scene.receive([netsvc_testkit::announcement("publisher", &[])]);
    scene.turn();
    scene.receive([end, report(1)]);
    scene.turn();
    for (sequence, toggle) in (2..).zip(toggling()) {
        scene.receive([report(sequence), toggle]);
    }
    assert!(scene.turns() > 1);
    let reports =
        std::iter::from_fn(|| scene.hub.poll_event(NOW)).filter_map(|event| match event {
            netsvc_core::Event::Report { report, .. } => Some(report.sequence),
            _ => None,
        });
    assert!(reports.eq(1..=1 + 2 * u64::from(TIMES)));
    assert_eq!((scene.hub.lookup(&Filter::default()).len(), scene.hub.ignored()), (1, 0));
}

#[test]
fn messages_that_pay_for_themselves_take_one_turn() {
    let (mut scene, _) = Scene::new();
    scene.receive((0..3000).map(|token| Message::Flush { token }));
    assert_eq!(scene.turns(), 1);
    assert!(scene.hub.work() < TURN_STEPS);
}

#[test]
fn requests_by_a_name_that_very_many_have_are_placed_in_several_turns() {
    const PROVIDERS: u32 = 1000;
    const REQUESTS: u32 = 200;
    let (mut scene, exchange) = Scene::new();
    let mut provider = RawPeer::client(&mut scene.hub, NOW, exchange, WISHERS + 1);
    let services = (1..=PROVIDERS).map(|no| announcement(no, no, "many"));
    provider.say(&mut scene.hub, NOW, services);
    scene.receive((1..=REQUESTS).map(|call| {
        Message::Request(Request {
            call: call.into(),
            caller: 0,
            target: RequestTarget::Name("many".into()),
            method: "run".into(),
            remaining: std::time::Duration::from_secs(5),
            parts: 0,
            content: Content { bytes: Bytes::new(), kind: ContentType(0) },
            extensions: Bytes::new(),
        })
    }));
    let turns = scene.turns();
    let each = TURN_STEPS as u32 / PROVIDERS + 1;
    assert!((REQUESTS / each / 2..=REQUESTS).contains(&turns), "{turns} turns");
    let asked = provider.hear(&mut scene.hub, NOW).into_iter();
    let asked = asked.filter(|message| matches!(message, Message::Request(_)));
    assert_eq!((asked.count(), scene.hub.ignored()), (REQUESTS as usize, 0));
}
