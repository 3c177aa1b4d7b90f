//! A hub among many peers that may say anything, and what that costs.

use std::time::Duration;

use netsvc_core::wire::{Hello, Message, Role};
use netsvc_core::{
    Action, Config, ConnId, Event, ExchangeId, Filter, Heartbeat, Limits, LinkToken, NewService,
    Process, ProcessSecret, PublishOptions, ServiceNo, Str, SubscriptionLimits, SubscriptionTarget,
    Time, steps,
};

use crate::verbs::Verbs;

use super::peer::Peer;

/// Peers that are linked at once. What is taken for each of them, whoever is meant, shows.
pub(super) const PEERS: usize = 12;
/// Interests that each may have.
pub(super) const INTERESTS: usize = 256;
/// Services that each may have.
pub(super) const SERVICES: u32 = 128;
/// Values that its application may keep.
pub(super) const KEPT: usize = 512;
/// What an event, and what a command of the hub's own application, may cost beside its content.
const EVENT: u64 = 16;
const COMMAND: u64 = 128;
/// What looking at all timers may cost.
const WAKE: u64 = 16;

/// What an input has cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bill {
    /// Bytes that were received, and delivered.
    pub bytes: u64,
    /// Steps that were taken for them, beside those that were charged to a turn.
    pub steps: u64,
    /// The most that was charged to one turn.
    pub most_work: usize,
}

/// A hub, an application that uses it, and its peers.
#[derive(Debug)]
pub(super) struct Crowd {
    process: Process,
    exchange: ExchangeId,
    now: Time,
    own: ServiceNo,
    peers: [Option<Peer>; PEERS],
    /// Peers that read only when they are told to.
    slow: [bool; PEERS],
    /// Bytes for which steps may be taken.
    paid: u64,
    /// Steps that were taken before.
    before: u64,
    /// The most that any peer has caused in one turn.
    most_work: usize,
}

impl Crowd {
    /// All peers are linked.
    pub(super) fn new() -> Self {
        let now = Time(1_000_000_000);
        let secret = ProcessSecret::new([0xff; 32]);
        let config = Config { secret, label: "hub".into(), limits: limits(), seed: 5 };
        let mut process = Process::new(config, now);
        let exchange = process.create_exchange(Role::Server, "", Heartbeat::default());
        let exchange = exchange.unwrap_or_else(|error| panic!("no exchange: {error}"));
        let own = use_hub(&mut process, now);
        let peers = [const { None }; PEERS];
        let before = steps::taken();
        let slow = [false; PEERS];
        let mut crowd =
            Self { process, exchange, now, own, peers, slow, paid: 0, before, most_work: 0 };
        for slot in 0..PEERS {
            crowd.link(slot);
        }
        crowd
    }

    /// What it has cost so far.
    pub(super) fn bill(&self) -> Bill {
        let open: u64 = self.peers.iter().flatten().map(|peer| peer.traffic).sum();
        let steps = steps::taken() - self.before;
        Bill { bytes: self.paid + open, steps, most_work: self.most_work }
    }

    /// A peer links, anew if it is linked.
    pub(super) fn link(&mut self, slot: usize) {
        self.cut(slot);
        let secret = ProcessSecret::new([slot as u8; 32]);
        let hello = Hello {
            features: 0,
            role: Role::Client,
            group: "".into(),
            process: secret.process(),
            secret: Some(secret),
            label: "peer".into(),
            token: LinkToken([slot as u8; 16]),
            attempt: 1,
            heartbeat: Duration::from_secs(5),
            max_payload: 1 << 20,
        };
        let accepted = self.process.handle_accepted(self.now, self.exchange, "peer");
        self.peers[slot] = accepted.map(|conn| Peer::new(conn, &self.process));
        self.run();
        self.say(slot, &Message::Hello(hello));
        self.say(slot, &Message::Synced);
        if !self.slow[slot] {
            self.hear(slot, usize::MAX);
        }
    }

    /// A peer says something, unless it is to wait.
    pub(super) fn say(&mut self, slot: usize, message: &Message) {
        if let Some(peer) = &mut self.peers[slot]
            && self.process.may_read(peer.conn)
        {
            peer.say(&mut self.process, self.now, message);
            self.most_work = self.most_work.max(peer.most_work);
            self.run();
        }
    }

    pub(super) fn hear(&mut self, slot: usize, most: usize) {
        if let Some(peer) = &mut self.peers[slot] {
            peer.ignore(&mut self.process, self.now, most);
            self.run();
        }
    }

    /// All that are not slow have read what there is for them.
    pub(super) fn hear_all(&mut self) {
        for slot in 0..PEERS {
            if !self.slow[slot] {
                self.hear(slot, usize::MAX);
            }
        }
    }

    /// A peer begins to read slowly, or no longer does.
    pub(super) fn change_pace(&mut self, slot: usize) {
        self.slow[slot] = !self.slow[slot];
    }

    pub(super) fn cut(&mut self, slot: usize) {
        if let Some(peer) = self.peers[slot].take() {
            self.paid += peer.traffic;
            self.process.handle_closed(self.now, peer.conn);
            self.run();
        }
    }

    /// The hub's own application publishes.
    pub(super) fn publish(&mut self, subject: &Str, options: PublishOptions<'_>) {
        self.paid += COMMAND;
        let content = super::messages::content(&mut super::source::Source::new(&[]));
        let _ = self.process.publish(self.now, self.own, subject, content.by_ref(), options);
        self.run();
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.run();
    }

    fn run(&mut self) {
        loop {
            let mut busy = self.process.poll_wake() <= self.now;
            if busy {
                self.paid += WAKE;
                self.process.handle_time(self.now);
            }
            while let Some(action) = self.process.poll_action() {
                busy = true;
                if let Action::Close { conn } = action {
                    self.forget(conn);
                }
            }
            while self.process.poll_dirty().is_some() {}
            while let Some(event) = self.process.poll_event(self.now) {
                busy = true;
                self.paid += EVENT;
                match event {
                    Event::Report { report, .. } => self.paid += report.content.bytes.len() as u64,
                    Event::Invoke(call) => self.process.answer(call.call, empty_failure()),
                    _ => {}
                }
            }
            if !busy {
                return;
            }
        }
    }

    fn forget(&mut self, conn: ConnId) {
        for peer in &mut self.peers {
            if let Some(gone) = peer.take_if(|peer| peer.conn == conn) {
                self.paid += gone.traffic;
            }
        }
    }
}

/// So small that many of a thing fit into an input, so large that a walk over them shows.
fn limits() -> Limits {
    Limits {
        payload: 4096,
        outbox: 2 << 20,
        running_requests: 64,
        pending_requests: 512,
        services: SERVICES as usize,
        announced_bytes: 64 << 10,
        interests: INTERESTS,
        kept_values: KEPT,
        links: 64,
        ..Limits::default()
    }
}

/// What an application of a hub does: it watches, subscribes, and has a service.
fn use_hub(process: &mut Process, now: Time) -> ServiceNo {
    let watch = process.watch(Filter::default());
    process.grant_watch(watch, u32::MAX);
    let limits = SubscriptionLimits { reports: 64, bytes: 4096, latest: false };
    let targets = [SubscriptionTarget::Name("a".into()), SubscriptionTarget::Group("b".into())];
    for target in targets {
        if let Ok(subscription) = process.subscribe(now, target, "s.*", limits) {
            process.grant(subscription, u32::MAX);
        }
    }
    let service = NewService {
        name: "own".into(),
        audience: "*".into(),
        groups: vec!["b".into()],
        methods: vec!["run".into()],
    };
    let created = process.create_service(now, service);
    created.unwrap_or_else(|error| panic!("no service: {error}")).0
}

fn empty_failure() -> netsvc_core::HandlerResult {
    let enough = netsvc_core::RequestCode::Encoding;
    netsvc_core::HandlerResult::Error(enough, "enough".into())
}
