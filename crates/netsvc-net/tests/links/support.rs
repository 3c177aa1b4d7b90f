//! Processes with real sockets, and peers that misbehave, for tests that read as a story.

use std::fmt::Debug;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use netsvc_core::wire::{Decoder, Encoder, Hello, Message, SendBuffer};
use netsvc_core::{
    Content, Event, ExchangeId, Filter, HandlerResult, Heartbeat, Lifetime, Limits, LinkEvent,
    LinkId, LinkToken, NewService, Outcome, Process, ProcessSecret, ReasonCode, Retry, Role,
    ServiceId, ServiceInfo, ServiceNo, SubscriptionLimits, SubscriptionTarget,
};
use netsvc_net::{
    Engine, EngineOptions, ListenAddress, ListenError, ListenTarget, Reading, Resolver, Runtime,
    Scheme, Target,
};
use netsvc_testkit::Verbs;

/// Nothing here takes this long unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// A retry that tests need not wait for.
pub(crate) const SOON: Retry = Retry::Fixed(Duration::from_millis(20));

/// One process: an engine, and the events that it told so far.
pub(crate) struct Node {
    pub(crate) engine: Arc<Engine>,
    signalled: Arc<(Mutex<bool>, Condvar)>,
    /// Told and not yet looked at.
    events: Mutex<Vec<Event>>,
}

impl Node {
    pub(crate) fn start(label: &str) -> Self {
        Self::start_with(label, Limits::default(), None)
    }

    pub(crate) fn start_with(
        label: &str,
        limits: Limits,
        resolver: Option<Arc<dyn Resolver>>,
    ) -> Self {
        Self::start_reading(label, limits, resolver, Reading::Thread)
    }

    pub(crate) fn start_reading(
        label: &str,
        limits: Limits,
        resolver: Option<Arc<dyn Resolver>>,
        reading: Reading,
    ) -> Self {
        let signalled = Arc::new((Mutex::new(false), Condvar::new()));
        let signal = Arc::clone(&signalled);
        let options = EngineOptions {
            label: label.to_owned(),
            limits,
            resolver,
            reading,
            on_events: Box::new(move || {
                *signal.0.lock().unwrap() = true;
                signal.1.notify_all();
            }),
        };
        let engine = Engine::start(Runtime::shared().unwrap(), options).unwrap();
        Self { engine, signalled, events: Mutex::default() }
    }

    pub(crate) fn exchange(&self, role: Role) -> ExchangeId {
        self.exchange_of(role, "", Heartbeat::default())
    }

    pub(crate) fn exchange_of(&self, role: Role, group: &str, heartbeat: Heartbeat) -> ExchangeId {
        self.engine.with(|process, _| process.create_exchange(role, group, heartbeat)).unwrap()
    }

    pub(crate) fn listen(
        &self,
        exchange: ExchangeId,
        target: ListenTarget,
    ) -> Result<Vec<ListenAddress>, ListenError> {
        let (sender, receiver) = mpsc::channel();
        let done = Box::new(move |result| sender.send(result).unwrap());
        self.engine.listen(exchange, target, done);
        receiver.recv_timeout(PATIENCE).expect("listen never ended")
    }

    /// Listens on 127.0.0.1; returns the port. Somebody else's connection may happen to use the
    /// port as its own for a moment, so a given one is tried for a while.
    pub(crate) fn listen_tcp(&self, exchange: ExchangeId, port: u16) -> u16 {
        let mut result = self.listen(exchange, loopback(port));
        let until = Instant::now() + PATIENCE;
        while port != 0 && result.is_err() && Instant::now() < until {
            result = self.listen(exchange, loopback(port));
        }
        match result.unwrap().as_slice() {
            [ListenAddress::Tcp(address)] => address.port(),
            other => panic!("unexpected addresses {other:?}"),
        }
    }

    /// By TCP and nothing else.
    pub(crate) fn connect(&self, exchange: ExchangeId, port: u16, retry: Retry) -> LinkId {
        let target = Target::Tcp { host: "127.0.0.1".to_owned(), port, scheme: Scheme::Tcp };
        self.engine.connect(exchange, target, retry).unwrap()
    }

    /// A client that is connected to the hub at `port`.
    pub(crate) fn client(label: &str, port: u16) -> Self {
        let node = Self::start(label);
        node.connect(node.exchange(Role::Client), port, SOON);
        node.active();
        node
    }

    /// A hub at a free port of 127.0.0.1.
    pub(crate) fn hub(limits: Limits) -> (Self, u16) {
        let node = Self::start_with("hub", limits, None);
        let port = node.listen_tcp(node.exchange(Role::Server), 0);
        (node, port)
    }

    pub(crate) fn service(&self, name: &str, methods: &[&str]) -> (ServiceNo, ServiceId) {
        let service = NewService {
            name: name.into(),
            audience: "*".into(),
            groups: Vec::new(),
            methods: methods.iter().map(|method| (*method).into()).collect(),
        };
        self.engine.with(|process, now| process.create_service(now, service)).unwrap()
    }

    /// Subscribes to all reports of a service, without tight bounds.
    pub(crate) fn subscribe(&self, name: &str) {
        self.engine.with(|process, now| {
            let limits = SubscriptionLimits { reports: 1_000_000, bytes: 1 << 30, latest: false };
            let target = SubscriptionTarget::Name(name.into());
            let subscription = process.subscribe(now, target, "*", limits).unwrap();
            process.grant(subscription, 1_000_000);
        });
    }

    /// Publishes a report of that size.
    pub(crate) fn publish(&self, service: ServiceNo, size: usize) {
        let content = Content::raw(vec![7; size]);
        let publish = |process: &mut Process, now| {
            process.report(now, service, "s", content, Lifetime::None).unwrap();
        };
        self.engine.with(publish);
    }

    pub(crate) fn lookup(&self, name: &str) -> Vec<ServiceInfo> {
        let filter = Filter { name: Some(name.into()), ..Filter::default() };
        self.engine.with(|process, _| process.lookup(&filter))
    }

    /// Waits until exactly the given services of a name are visible.
    pub(crate) fn sees(&self, name: &str, ids: &[ServiceId]) {
        eventually(&format!("{ids:?} visible as {name}"), || {
            self.lookup(name).iter().map(|service| service.id).eq(ids.iter().copied())
        });
    }

    pub(crate) fn active(&self) -> LinkEvent {
        self.wait("an active link", |event| match event {
            Event::LinkActive(link) => Some(link.clone()),
            _ => None,
        })
    }

    pub(crate) fn inactive(&self) -> LinkEvent {
        self.wait("an inactive link", |event| match event {
            Event::LinkInactive(link) => Some(link.clone()),
            _ => None,
        })
    }

    pub(crate) fn failed(&self) -> LinkEvent {
        self.wait("a failed attempt", |event| match event {
            Event::AttemptFailed(link) => Some(link.clone()),
            _ => None,
        })
    }

    pub(crate) fn outcome(&self, key: u64) -> Outcome {
        self.wait("an outcome", |event| match event {
            Event::Outcome { key: of, outcome, .. } if *of == key => Some(outcome.clone()),
            _ => None,
        })
    }

    /// The next event that `choose` takes; those before it are forgotten.
    pub(crate) fn wait<T>(&self, what: &str, choose: impl Fn(&Event) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = self.take(&choose) {
                return found;
            }
            self.until_signalled(until, what);
        }
    }

    /// Waits for the engine to say that something is to be drained.
    pub(crate) fn until_signalled(&self, until: Instant, what: &str) {
        let (flag, condition) = &*self.signalled;
        let left = until.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "{what} never came");
        let signalled = flag.lock().unwrap();
        let (mut signalled, _) =
            condition.wait_timeout_while(signalled, left, |signalled| !*signalled).unwrap();
        *signalled = false;
    }

    /// As `wait`, but does not wait.
    pub(crate) fn take<T>(&self, choose: impl Fn(&Event) -> Option<T>) -> Option<T> {
        let mut events = self.events.lock().unwrap();
        self.engine.drain(&mut |event| {
            events.push(event);
            true
        });
        let (index, found) =
            events.iter().enumerate().find_map(|(index, event)| Some((index, choose(event)?)))?;
        events.drain(..=index);
        Some(found)
    }
}

pub(crate) fn loopback(port: u16) -> ListenTarget {
    ListenTarget::Tcp { hosts: vec!["127.0.0.1".to_owned()], port, scheme: Scheme::Auto }
}

/// Waits for a condition that no event tells.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < until, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Fails if a condition ceases to hold within `duration`.
pub(crate) fn throughout(duration: Duration, what: &str, condition: impl Fn() -> bool) {
    let until = Instant::now() + duration;
    while Instant::now() < until {
        assert!(condition(), "not any more: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[track_caller]
pub(crate) fn assert_reason(event: &LinkEvent, code: ReasonCode) {
    assert_eq!(event.reason.as_ref().map(|reason| reason.code), Some(code), "{event:?}");
}

#[track_caller]
pub(crate) fn assert_error<T: Debug>(result: Result<T, ListenError>, code: &str) {
    match result {
        Err(error) => assert_eq!(error.code, code, "{error}"),
        Ok(bound) => panic!("expected {code}, but bound {bound:?}"),
    }
}

pub(crate) fn content(text: &str) -> Content {
    Content::raw(text.to_owned())
}

/// Answers the next request to a service of `node` with its own arguments.
pub(crate) fn answer_next(node: &Node) {
    let (call, content) = node.wait("a request", |event| match event {
        Event::Invoke(invocation) => Some((invocation.call, invocation.content.clone())),
        _ => None,
    });
    node.engine.with(|process, _| {
        process.answer(call, HandlerResult::Response(content));
    });
}

/// A peer that speaks the protocol byte by byte as the test says.
pub(crate) struct RawPeer {
    pub(crate) stream: TcpStream,
    encoder: Encoder,
    decoder: Decoder,
    buffer: BytesMut,
}

impl RawPeer {
    pub(crate) fn connect(port: u16) -> Self {
        Self::on(TcpStream::connect(("127.0.0.1", port)).unwrap())
    }

    pub(crate) fn accept(listener: &TcpListener) -> (Self, SocketAddr) {
        let (stream, address) = listener.accept().unwrap();
        (Self::on(stream), address)
    }

    fn on(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let decoder = Decoder::new(Limits::default().payload);
        Self { stream, encoder: Encoder::new(7), decoder, buffer: BytesMut::new() }
    }

    pub(crate) fn send(&mut self, message: &Message) {
        let mut batch = SendBuffer::new();
        self.encoder.encode(message, &mut batch);
        let mut slices = [std::io::IoSlice::new(&[]); 8];
        let used = batch.slices(&mut slices);
        for slice in &slices[..used] {
            self.stream.write_all(slice).unwrap();
        }
    }

    /// The next message; `None` at the end of the connection, also when it was reset.
    pub(crate) fn receive(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.decoder.decode(&mut self.buffer).unwrap() {
                return Some(message);
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => return None,
                Ok(count) => self.buffer.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("waiting for a message: {error}"),
            }
        }
    }

    pub(crate) fn receive_until<T>(&mut self, choose: impl Fn(Message) -> Option<T>) -> T {
        while let Some(message) = self.receive() {
            if let Some(found) = choose(message) {
                return found;
            }
        }
        panic!("the connection ended");
    }

    /// The handshake of a client, up to its own mark.
    pub(crate) fn join(&mut self, heartbeat: Duration) {
        self.send(&Message::Hello(hello(heartbeat)));
        assert!(matches!(self.receive(), Some(Message::Welcome(_))));
        self.send(&Message::Synced);
    }
}

/// The greeting of a client that no engine of the test runs.
pub(crate) fn hello(heartbeat: Duration) -> Hello {
    hello_of(9, heartbeat)
}

/// As [`hello`], of another process.
pub(crate) fn hello_of(id: u8, heartbeat: Duration) -> Hello {
    let secret = ProcessSecret::new([id; 32]);
    Hello {
        features: 0,
        role: Role::Client,
        group: "".into(),
        process: secret.process(),
        secret: Some(secret),
        label: "raw".into(),
        token: LinkToken([id; 16]),
        attempt: 1,
        heartbeat,
        max_payload: 1 << 20,
    }
}

/// This process's descriptors of the sockets that were accepted at `path`; an abstract name begins
/// with `@`.
#[cfg(target_os = "linux")]
pub(crate) fn accepted_at(path: &str) -> Vec<String> {
    let sockets = std::fs::read_to_string("/proc/net/unix").unwrap();
    let links: Vec<String> = sockets
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| words.last() == Some(&path) && words[5] == "03") // connected
        .map(|words| format!("socket:[{}]", words[6]))
        .collect();
    let is_among = |entry: &std::fs::DirEntry| {
        let link = std::fs::read_link(entry.path()).unwrap_or_default();
        links.iter().any(|one| link.as_os_str() == one.as_str())
    };
    let entries = std::fs::read_dir("/proc/self/fd").unwrap().map(Result::unwrap);
    entries.filter(is_among).map(|entry| entry.file_name().into_string().unwrap()).collect()
}
