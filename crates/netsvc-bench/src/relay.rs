//! A hub with a sender and receivers: the two workloads that matter, step by step.

use std::time::Duration;

use bytes::Bytes;
use netsvc_core::wire::Role;
use netsvc_core::{
    Content, ContentRef, ContentType, Event, HandlerResultRef, Heartbeat, LinkToken, NewService,
    Outcome, Process, PublishOptions, RequestOptions, Retry, ServiceNo, Str, SubscriptionId,
    SubscriptionLimits, SubscriptionTarget, TargetRef, Time,
};

use crate::end::End;
use crate::told::Counter;

/// Reports after which a subscription is granted more.
const GRANT: u32 = 256;

/// What a relay is made of.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Processes that receive.
    pub receivers: usize,
    /// Patterns that each of them subscribes, the one that matches last.
    pub patterns: usize,
    /// Further services in everybody's registry.
    pub services: usize,
}

impl Default for Shape {
    fn default() -> Self {
        Self { receivers: 1, patterns: 1, services: 0 }
    }
}

/// A sender, a hub and receivers.
#[derive(Debug)]
pub struct Relay {
    /// Publishes and asks.
    pub sender: End,
    /// Between them.
    pub hub: End,
    /// Subscribe, and the first answers.
    pub receivers: Vec<End>,
    now: Time,
    service: ServiceNo,
    subject: Str,
    target: Str,
    method: Str,
    /// Of the last request. Begins anew when all are concluded: JavaScript's are indexes of slots.
    key: u64,
    /// Reports that each receiver has heard since it last granted more.
    ungranted: Vec<u32>,
    told: Counter,
}

impl Relay {
    /// Linked and subscribed.
    ///
    /// # Panics
    /// If the processes refuse to be set up so.
    #[allow(clippy::expect_used, reason = "a benchmark that cannot be set up must not run")]
    pub fn new(shape: Shape) -> Self {
        let now = Time(1_000_000_000);
        let mut relay = Self {
            sender: End::new(1, now),
            hub: End::new(2, now),
            receivers: (0..shape.receivers).map(|index| End::new(10 + index as u8, now)).collect(),
            now,
            service: ServiceNo(0),
            subject: "temperature.kitchen".into(),
            target: "responder".into(),
            method: "echo".into(),
            key: 0,
            ungranted: vec![0; shape.receivers],
            told: Counter::default(),
        };
        let heartbeat = Heartbeat::default();
        let server = relay.hub.process.create_exchange(Role::Server, "", heartbeat);
        let server = server.expect("a hub");
        let Relay { sender, hub, receivers, .. } = &mut relay;
        for (index, client) in std::iter::once(sender).chain(receivers).enumerate() {
            let exchange = client.process.create_exchange(Role::Client, "", heartbeat);
            let token = LinkToken([index as u8; 16]);
            let exchange = exchange.expect("a client");
            client.process.connect(now, exchange, Retry::Backoff, token).expect("a link");
            let conn = client.wants_open().expect("an attempt");
            client.add(conn);
            client.process.handle_opened(now, conn, Str::from("memory"));
            let accepted = hub.process.handle_accepted(now, server, Str::from("memory"));
            hub.add(accepted.expect("room"));
        }
        relay.settle();
        let named = |name: String, methods: &[Str]| NewService {
            name: name.into(),
            audience: "*".into(),
            groups: Vec::new(),
            methods: methods.to_vec(),
        };
        let sender = &mut relay.sender.process;
        let made = sender.create_service(now, named("publisher".into(), &[]));
        relay.service = made.expect("a service").0;
        for (index, receiver) in relay.receivers.iter_mut().enumerate() {
            let process = &mut receiver.process;
            let name = if index == 0 { "responder".into() } else { format!("other {index}") };
            process.create_service(now, named(name, &["echo".into()])).expect("a service");
            let limits = SubscriptionLimits { reports: 65_536, bytes: 32 << 20, latest: false };
            for pattern in (1..shape.patterns).map(|number| format!("other.{number}.*")) {
                let target = SubscriptionTarget::Name("publisher".into());
                process.subscribe(now, target, pattern, limits).expect("a subscription");
            }
            let target = SubscriptionTarget::Name("publisher".into());
            process.subscribe(now, target, "temperature.*", limits).expect("a subscription");
        }
        for number in 0..shape.services {
            let process = &mut relay.receivers[0].process;
            let name = format!("service {number}");
            process.create_service(now, named(name, &["echo".into()])).expect("a service");
        }
        relay.settle();
        relay
    }

    /// Publishes `count` reports.
    #[inline(never)]
    pub fn publish(&mut self, count: usize, content: &Bytes) {
        let content = Content::raw(content.clone());
        let process = &mut self.sender.process;
        for _ in 0..count {
            let options = PublishOptions::default();
            let content = content.by_ref();
            let done = process.publish(self.now, self.service, &self.subject, content, options);
            debug_assert!(done.is_ok());
        }
        self.sender.encode(self.now);
    }

    /// Begins `count` requests.
    #[inline(never)]
    pub fn ask(&mut self, count: usize, content: &Bytes) {
        let options = RequestOptions::within(Duration::from_secs(5));
        let content = Content::raw(content.clone());
        let process = &mut self.sender.process;
        for _ in 0..count {
            self.key += 1;
            let (target, method) = (TargetRef::Name(&self.target), &self.method);
            process.request(self.now, self.key, target, method, content.by_ref(), options);
        }
        self.sender.encode(self.now);
    }

    /// Carries what the sender wrote to the hub.
    pub fn carry_to_hub(&mut self) {
        let Self { sender, hub, .. } = self;
        sender.take(0, |bytes| hub.receive(0, bytes));
    }

    /// The hub routes what has arrived.
    #[inline(never)]
    pub fn route(&mut self) {
        self.hub.apply(self.now);
        self.hub.encode(self.now);
    }

    /// Carries what the hub wrote to everybody.
    pub fn carry_from_hub(&mut self) {
        let Self { sender, hub, receivers, .. } = self;
        for (index, client) in std::iter::once(sender).chain(receivers).enumerate() {
            hub.take(index, |bytes| client.receive(0, bytes));
        }
    }

    /// Receivers apply reports and are told them at once, as far as that goes; returns how many.
    #[inline(never)]
    pub fn hear(&mut self) -> usize {
        let mut heard = 0;
        for index in 0..self.receivers.len() {
            self.receivers[index].apply_telling(self.now, &mut self.told);
            heard += self.told.reports.len();
            for subscription in self.told.reports.drain(..) {
                let process = &mut self.receivers[index].process;
                grant(process, &mut self.ungranted[index], subscription);
            }
            heard += self.drain_reports(index);
        }
        heard
    }

    /// As [`hear`](Self::hear), of reports that are queued before they are told.
    #[inline(never)]
    pub fn hear_queued(&mut self) -> usize {
        let mut heard = 0;
        for index in 0..self.receivers.len() {
            self.receivers[index].apply(self.now);
            heard += self.drain_reports(index);
        }
        heard
    }

    fn drain_reports(&mut self, receiver: usize) -> usize {
        let mut heard = 0;
        let ungranted = &mut self.ungranted[receiver];
        self.receivers[receiver].drain(self.now, |process, event| {
            if let Event::Report { subscription, .. } = event {
                heard += 1;
                grant(process, ungranted, subscription);
            }
        });
        heard
    }

    /// The first receiver is told requests at once, as far as that goes, and answers all of them;
    /// returns how many.
    #[inline(never)]
    pub fn answer(&mut self) -> usize {
        let Self { receivers, told, now, .. } = self;
        let receiver = &mut receivers[0];
        receiver.apply_telling(*now, told);
        let answered = told.requests.len();
        let mut at = 0;
        for (call, length) in told.requests.drain(..) {
            let bytes = &told.contents[at..at + length];
            let content = ContentRef::new(ContentType::BYTES, bytes);
            receiver.process.respond(call, HandlerResultRef::Response(content), &[]);
            at += length;
        }
        told.contents.clear();
        answered + answer_all(receiver, *now)
    }

    /// As [`answer`](Self::answer), of requests that are queued before they are told.
    #[inline(never)]
    pub fn answer_queued(&mut self) -> usize {
        self.receivers[0].apply(self.now);
        answer_all(&mut self.receivers[0], self.now)
    }

    /// Carries what the first receiver wrote to the hub.
    pub fn carry_back(&mut self) {
        let Self { hub, receivers, .. } = self;
        receivers[0].take(0, |bytes| hub.receive(1, bytes));
    }

    /// The sender is told the responses at once, as far as that goes; returns how many.
    #[inline(never)]
    pub fn conclude(&mut self) -> usize {
        self.sender.apply_telling(self.now, &mut self.told);
        std::mem::take(&mut self.told.results) + self.drain_responses()
    }

    /// As [`conclude`](Self::conclude), of responses that are queued before they are told.
    #[inline(never)]
    pub fn conclude_queued(&mut self) -> usize {
        self.sender.apply(self.now);
        self.drain_responses()
    }

    fn drain_responses(&mut self) -> usize {
        self.key = 0;
        let mut done = 0;
        self.sender.drain(self.now, |_, event| {
            done +=
                usize::from(matches!(event, Event::Outcome { outcome: Outcome::Response(_), .. }));
        });
        done
    }

    /// Everything that follows from what was done so far.
    fn settle(&mut self) {
        for _ in 0..8 {
            let now = self.now;
            let Self { sender, hub, receivers, .. } = self;
            for (index, client) in std::iter::once(sender).chain(receivers).enumerate() {
                client.encode(now);
                client.take(0, |bytes| hub.receive(index, bytes));
            }
            self.route();
            self.carry_from_hub();
            let Self { sender, receivers, .. } = self;
            for client in std::iter::once(sender).chain(receivers) {
                client.apply(now);
                client.drain(now, |_, _| {});
            }
        }
    }
}

/// A report was heard: now and then the subscription takes more.
fn grant(process: &mut Process, ungranted: &mut u32, subscription: SubscriptionId) {
    *ungranted += 1;
    if *ungranted == GRANT {
        process.grant(subscription, GRANT);
        *ungranted = 0;
    }
}

/// Answers every request that waits, and encodes; returns how many.
fn answer_all(receiver: &mut End, now: Time) -> usize {
    let mut answered = 0;
    receiver.drain(now, |process, event| {
        if let Event::Invoke(invocation) = event {
            answered += 1;
            let result = HandlerResultRef::Response(invocation.content.by_ref());
            process.respond(invocation.call, result, &[]);
        }
    });
    receiver.encode(now);
    answered
}
