//! A netsvcd of a test's own, and clients for it.

use std::fs;
use std::io::{BufRead, BufReader, IoSlice, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};

use netsvc_core::wire::{Encoder, Hello, Message, SendBuffer};
use netsvc_core::{
    Event, Filter, Heartbeat, Limits, LinkToken, NewService, ProcessId, ProcessSecret, ReasonCode,
    Retry, Role,
};
use netsvc_net::{Engine, EngineOptions, Reading, Runtime, Scheme, Target};
use serde_json::Value;

/// Nothing here takes this long unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running netsvcd that logs JSON at level debug unless told otherwise. Killed when dropped.
pub(crate) struct Hub {
    child: Running,
    lines: mpsc::Receiver<String>,
    /// What was read so far.
    pub(crate) told: Vec<Value>,
}

impl Hub {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[])
    }

    pub(crate) fn start_with(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = command(arguments, environment)
            .args(["--log-format=json"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child: Running(child), lines, told: Vec::new() }
    }

    /// At a free port of 127.0.0.1.
    pub(crate) fn at_free_port(arguments: &[&str]) -> (Self, SocketAddr) {
        let mut hub = Self::start(&[&["--listen=127.0.0.1:0"], arguments].concat());
        let start = hub.wait("start", |_| true);
        let address = start["addresses"][0].as_str().unwrap().parse().unwrap();
        (hub, address)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// The first message of that event that fits and was not looked at yet.
    #[track_caller]
    pub(crate) fn wait(&mut self, event: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no message {event} that fits among {:#?}", self.told);
            };
            let message: Value = serde_json::from_str(&line).expect(&line);
            self.told.push(message.clone());
            if message["event"] == event && fits(&message) {
                return message;
            }
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.id(), name);
    }

    #[track_caller]
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        exit(&mut self.child.0).code()
    }
}

pub(crate) fn command(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netsvcd"));
    command.args(arguments).stdin(Stdio::null()).envs(environment.iter().copied());
    for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
        if environment.iter().all(|(set, _)| *set != name) {
            command.env_remove(name);
        }
    }
    command
}

/// A process that does not outlive the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn signal(process: u32, name: &str) {
    let status = Command::new("kill").args(["-s", name, &process.to_string()]).status();
    assert!(status.unwrap().success());
}

/// Waits for the end of a process.
#[track_caller]
pub(crate) fn exit(child: &mut Child) -> ExitStatus {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(Instant::now() < until, "netsvcd does not end");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A folder of the test's own, removed when dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let name = format!("netsvcd-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A client of the library.
pub(crate) struct Client {
    pub(crate) engine: Arc<Engine>,
    signalled: Arc<(Mutex<bool>, Condvar)>,
}

impl Client {
    pub(crate) fn connect(label: &str, group: &str, target: Target) -> Self {
        Self::connect_with(label, group, target, Retry::Once)
    }

    fn connect_with(label: &str, group: &str, target: Target, retry: Retry) -> Self {
        let signalled = Arc::new((Mutex::new(false), Condvar::new()));
        let signal = Arc::clone(&signalled);
        let options = EngineOptions {
            label: label.to_owned(),
            limits: Limits::default(),
            resolver: None,
            reading: Reading::Thread,
            on_events: Box::new(move || {
                *signal.0.lock().unwrap() = true;
                signal.1.notify_all();
            }),
        };
        let engine = Engine::start(Runtime::shared().unwrap(), options).unwrap();
        let heartbeat = Heartbeat::default();
        let exchange =
            engine.with(|process, _| process.create_exchange(Role::Client, group, heartbeat));
        engine.connect(exchange.unwrap(), target, retry).unwrap();
        Self { engine, signalled }
    }

    pub(crate) fn tcp(label: &str, address: SocketAddr) -> Self {
        let target = Target::Tcp {
            host: address.ip().to_string(),
            port: address.port(),
            scheme: Scheme::Auto,
        };
        Self::connect(label, "", target)
    }

    pub(crate) fn unix(label: &str, path: &Path) -> Self {
        Self::connect(label, "", Target::Unix(path.to_owned()))
    }

    /// As [`unix`](Self::unix), and tries again: a backlog that is full refuses at once.
    pub(crate) fn unix_again(label: &str, path: &Path) -> Self {
        Self::connect_with(label, "", Target::Unix(path.to_owned()), Retry::Backoff)
    }

    #[track_caller]
    pub(crate) fn active(&self) {
        self.event("an active link", |event| matches!(event, Event::LinkActive(_)).then_some(()));
    }

    /// Why its link ended, or never was.
    #[track_caller]
    pub(crate) fn reason(&self) -> ReasonCode {
        self.event("the end of the link", |event| match event {
            Event::LinkInactive(link) | Event::AttemptFailed(link) => link.reason.map(|r| r.code),
            _ => None,
        })
    }

    pub(crate) fn announce(&self, name: &str) {
        let service = NewService {
            name: name.into(),
            audience: "*".into(),
            groups: Vec::new(),
            methods: Vec::new(),
        };
        self.engine.with(|process, now| process.create_service(now, service)).unwrap();
    }

    #[track_caller]
    pub(crate) fn sees(&self, name: &str) {
        let until = Instant::now() + PATIENCE;
        let filter = Filter { name: Some(name.into()), ..Filter::default() };
        while self.engine.with(|process, _| process.lookup(&filter)).is_empty() {
            assert!(Instant::now() < until, "{name} never came");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    #[track_caller]
    fn event<T>(&self, what: &str, choose: impl Fn(Event) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            let mut found = None;
            self.engine.drain(&mut |event| {
                found = choose(event);
                found.is_none()
            });
            if let Some(found) = found {
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{what} never came");
            let signalled = self.signalled.0.lock().unwrap();
            let waited = self.signalled.1.wait_timeout_while(signalled, left, |set| !*set);
            *waited.unwrap().0 = false;
        }
    }
}

/// A client that becomes active and then neither reads nor goes.
pub(crate) fn frozen_client(path: &Path) -> UnixStream {
    let mut stream = UnixStream::connect(path).unwrap();
    greet(&mut stream, None);
    stream
}

/// Says what a client without anything says at first. `claimed`: that it is that process, which it
/// cannot prove.
pub(crate) fn greet(stream: &mut impl Write, claimed: Option<ProcessId>) {
    let secret = ProcessSecret::new([9; 32]);
    let hello = Hello {
        features: 0,
        role: Role::Client,
        group: "".into(),
        process: claimed.unwrap_or_else(|| secret.process()),
        secret: Some(secret),
        label: "by hand".into(),
        token: LinkToken([3; 16]),
        attempt: 1,
        heartbeat: PATIENCE,
        max_payload: 1 << 20,
    };
    let mut encoder = Encoder::new(7);
    let mut batch = SendBuffer::new();
    encoder.encode(&Message::Hello(hello), &mut batch);
    encoder.encode(&Message::Synced, &mut batch);
    let mut slices = [IoSlice::new(&[]); 8];
    let used = batch.slices(&mut slices);
    for slice in &slices[..used] {
        stream.write_all(slice).unwrap();
    }
}
