//! A process with many services comes and goes, step by step.

use netsvc_core::wire::Role;
use netsvc_core::{
    ConnId, Event, ExchangeId, Filter, Heartbeat, LinkToken, NewService, Retry, Status, Str, Time,
};

use crate::end::End;

/// A provider of services, a hub, and somebody who watches.
#[derive(Debug)]
pub struct Discovery {
    provider: End,
    hub: End,
    watcher: End,
    server: ExchangeId,
    accepted: Vec<ConnId>,
    now: Time,
}

impl Discovery {
    /// The provider's services are known to the hub; the watcher has not come yet.
    ///
    /// # Panics
    /// If the processes refuse to be set up so.
    #[allow(clippy::expect_used, reason = "a benchmark that cannot be set up must not run")]
    pub fn new(services: usize) -> Self {
        let now = Time(1_000_000_000);
        let mut hub = End::new(1, now);
        let server = hub.process.create_exchange(Role::Server, "", Heartbeat::default());
        let server = server.expect("a hub");
        let (provider, watcher) = (End::new(2, now), End::new(3, now));
        let mut all = Self { provider, hub, watcher, server, accepted: Vec::new(), now };
        for number in 0..services {
            let service = NewService {
                name: format!("service-{number}").into(),
                audience: "*".into(),
                groups: vec!["sensors".into()],
                methods: vec!["read".into()],
            };
            all.provider.process.create_service(now, service).expect("a service");
        }
        let Self { provider, hub, accepted, .. } = &mut all;
        accepted.push(link(provider, hub, server, now));
        for _ in 0..8 {
            exchange(&mut all.provider, &mut all.hub, 0, now);
        }
        all
    }

    /// The watcher says hello.
    pub fn join(&mut self) {
        let Self { hub, watcher, server, accepted, now, .. } = self;
        watcher.process.watch(Filter::default());
        accepted.push(link(watcher, hub, *server, *now));
        watcher.encode(*now);
        watcher.take(0, |bytes| hub.receive(1, bytes));
    }

    /// The hub answers, with everything it knows.
    #[inline(never)]
    pub fn welcome(&mut self) {
        self.hub.apply(self.now);
        self.hub.encode(self.now);
    }

    /// The watcher applies what has come, and tells its application; returns how many services came
    /// or went.
    #[inline(never)]
    pub fn hear(&mut self) -> usize {
        self.watcher.apply(self.now);
        let mut told = 0;
        self.watcher.drain(self.now, |process, event| {
            if let Event::Change { watch, change } = event {
                process.grant_watch(watch, 1);
                told += usize::from(matches!(change.status, Status::Available | Status::Withdrawn));
            }
        });
        told
    }

    /// The hub loses the provider.
    #[inline(never)]
    pub fn lose(&mut self) {
        let Self { hub, accepted, now, .. } = self;
        hub.process.handle_closed(*now, accepted[0]);
        hub.encode(*now);
    }

    /// Carries what the hub wrote to the watcher.
    pub fn carry(&mut self) {
        let Self { hub, watcher, .. } = self;
        hub.take(1, |bytes| watcher.receive(0, bytes));
    }
}

/// Links a client with the hub, as far as both ends of a connection go; returns the hub's.
#[allow(clippy::expect_used, reason = "a benchmark that cannot be set up must not run")]
fn link(client: &mut End, hub: &mut End, server: ExchangeId, now: Time) -> ConnId {
    let own = client.process.create_exchange(Role::Client, "", Heartbeat::default());
    let token = LinkToken([7; 16]);
    client.process.connect(now, own.expect("a client"), Retry::Backoff, token).expect("a link");
    let conn = client.wants_open().expect("an attempt");
    client.add(conn);
    client.process.handle_opened(now, conn, Str::from("memory"));
    let accepted = hub.process.handle_accepted(now, server, Str::from("memory")).expect("room");
    hub.add(accepted);
    accepted
}

fn exchange(client: &mut End, hub: &mut End, conn: usize, now: Time) {
    client.encode(now);
    client.take(0, |bytes| hub.receive(conn, bytes));
    hub.apply(now);
    hub.encode(now);
    hub.take(conn, |bytes| client.receive(0, bytes));
    client.apply(now);
    client.drain(now, |_, _| {});
}
