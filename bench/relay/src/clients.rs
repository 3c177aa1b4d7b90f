//! The clients: what they receive is counted and checked as in the other peers.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::control::{Options, Role, now};
use crate::frames::{Frames, HEAD, batch, each};
use crate::hub::{PUBLISHER, REQUESTER, RESPONDER, SUBSCRIBER};
use crate::socket::{self, Writer};

/// A publisher writes about that many bytes at once.
const BURST: usize = 64 << 10;
/// How long messages that are under way may take.
const SETTLE: Duration = Duration::from_secs(15);

fn join(options: &Options, kind: u8) -> io::Result<(Frames, Writer)> {
    let (mut reader, mut writer) = socket::connect(options)?;
    writer.write_all(&[kind])?;
    reader.read_exact(&mut [0])?;
    Ok((Frames::new(reader), writer))
}

/// The same as in `lib/content.mjs`.
fn content_of(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|index| u8::try_from((index * 7 + 3) & 0xff).unwrap_or_default()).collect()
}

/// Checks the length of each content, and the bytes of the first three.
struct Check {
    expected: Vec<u8>,
    left: u8,
}

impl Check {
    fn new(bytes: usize) -> Self {
        let expected = content_of(bytes);
        Self { expected, left: 3 }
    }

    /// Checks frames back to back; how many they are.
    fn frames(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let mut count = 0;
        for frame in each(bytes) {
            let content = &frame[HEAD..];
            let fits = content.len() == self.expected.len();
            if !fits || (self.left > 0 && content != self.expected) {
                return Err(io::Error::other("content is not what was sent"));
            }
            self.left = self.left.saturating_sub(1);
            count += 1;
        }
        Ok(count)
    }
}

fn mark(count: u64) -> String {
    format!(r#"{{"count":{count},"at":{}}}"#, now())
}

pub struct Responder;

impl Role for Responder {
    fn command(&mut self, command: &str, _: &Options) -> Result<String, String> {
        Err(format!("no command {command}"))
    }
}

pub fn responder(options: &Options) -> io::Result<Responder> {
    let (mut frames, mut writer) = join(options, RESPONDER)?;
    thread::spawn(move || -> io::Result<()> {
        while let Some(bytes) = frames.next()? {
            writer.write_all(bytes)?;
        }
        Ok(())
    });
    Ok(Responder)
}

/// The connection is lent to a thread while there is load.
type Connection = (Frames, Writer, Check);

pub struct Requester {
    content: Vec<u8>,
    connection: Option<Connection>,
    load: Option<JoinHandle<io::Result<Connection>>>,
    replies: Arc<AtomicU64>,
    stopping: Arc<AtomicBool>,
}

impl Requester {
    pub fn start(options: &Options) -> io::Result<Self> {
        let bytes = options.number("bytes").unwrap_or(0);
        let (frames, writer) = join(options, REQUESTER)?;
        Ok(Self {
            content: content_of(bytes),
            connection: Some((frames, writer, Check::new(bytes))),
            load: None,
            replies: Arc::default(),
            stopping: Arc::default(),
        })
    }

    fn latency(&mut self, warm_up: usize, count: usize) -> io::Result<String> {
        let Some((frames, writer, check)) = &mut self.connection else {
            return Err(io::Error::other("there is load"));
        };
        let request = batch(&self.content, 1);
        let mut times = Vec::with_capacity(count);
        for index in 0..warm_up + count {
            let before = Instant::now();
            writer.write_all(&request)?;
            let reply = frames.next()?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if index >= warm_up {
                times.push(before.elapsed().as_nanos());
            }
            check.frames(reply)?;
        }
        times.sort_unstable();
        let micros = |permille: usize| {
            let index = (times.len() * permille).div_ceil(1000).saturating_sub(1);
            let nanos = times.get(index).copied().unwrap_or_default();
            Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)).as_secs_f64() * 1e6
        };
        let (p50, p99, p999) = (micros(500), micros(990), micros(999));
        Ok(format!(r#"{{"p50":{p50},"p99":{p99},"p999":{p999}}}"#))
    }

    fn load(&mut self, in_flight: usize) {
        let Some((mut frames, mut writer, mut check)) = self.connection.take() else {
            return;
        };
        let content = self.content.clone();
        let (replies, stopping) = (Arc::clone(&self.replies), Arc::clone(&self.stopping));
        self.load = Some(thread::spawn(move || {
            let requests = batch(&content, in_flight);
            let frame = HEAD + content.len();
            let mut under_way = in_flight;
            writer.write_all(&requests)?;
            while under_way > 0 {
                let bytes = frames.next()?.ok_or(io::ErrorKind::UnexpectedEof)?;
                let count = check.frames(bytes)?;
                replies.fetch_add(count, Ordering::Relaxed);
                let count = usize::try_from(count).unwrap_or_default();
                if stopping.load(Ordering::Relaxed) {
                    under_way -= count;
                } else {
                    writer.write_all(&requests[..count * frame])?;
                }
            }
            Ok((frames, writer, check))
        }));
    }

    fn stop(&mut self) -> io::Result<String> {
        self.stopping.store(true, Ordering::Relaxed);
        if let Some(load) = self.load.take() {
            let ended = load.join().map_err(|_| io::Error::other("it panicked"))?;
            self.connection = Some(ended?);
        }
        Ok("null".to_owned())
    }
}

impl Role for Requester {
    fn command(&mut self, command: &str, options: &Options) -> Result<String, String> {
        let number = |name| options.number(name).unwrap_or_default();
        match command {
            "latency" => self.latency(number("warmUp"), number("count")),
            "load" => {
                self.load(number("inFlight"));
                Ok("null".to_owned())
            }
            "mark" => Ok(mark(self.replies.load(Ordering::Relaxed))),
            "stop" => self.stop(),
            _ => Err(io::Error::other("no such command")),
        }
        .map_err(|error| error.to_string())
    }
}

/// Publishes as fast as the connection takes it.
pub struct Publisher {
    thread: Option<JoinHandle<io::Result<u64>>>,
    stopping: Arc<AtomicBool>,
}

impl Publisher {
    pub fn start(options: &Options) -> io::Result<Self> {
        let content = content_of(options.number("bytes").unwrap_or(0));
        let (_, mut writer) = join(options, PUBLISHER)?;
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let thread = thread::spawn(move || {
            let count = (BURST / (HEAD + content.len())).max(1);
            let burst = batch(&content, count);
            let mut sent = 0;
            while !stop.load(Ordering::Relaxed) {
                writer.write_all(&burst)?;
                sent += count as u64;
            }
            Ok(sent)
        });
        Ok(Self { thread: Some(thread), stopping })
    }
}

impl Role for Publisher {
    fn command(&mut self, command: &str, _: &Options) -> Result<String, String> {
        let ("stop", Some(thread)) = (command, self.thread.take()) else {
            return Err("no such command".to_owned());
        };
        self.stopping.store(true, Ordering::Relaxed);
        match thread.join() {
            Ok(Ok(sent)) => Ok(sent.to_string()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("it panicked".to_owned()),
        }
    }
}

#[derive(Default)]
struct Received {
    count: AtomicU64,
    wrong: AtomicBool,
}

/// Several subscribers, a connection and a thread each.
pub struct Subscribers {
    all: Vec<Arc<Received>>,
}

impl Subscribers {
    pub fn start(options: &Options) -> io::Result<Self> {
        let connections = options.number("connections").unwrap_or(1);
        let bytes = options.number("bytes").unwrap_or(0);
        let all = (0..connections)
            .map(|_| {
                let (mut frames, _writer) = join(options, SUBSCRIBER)?;
                let received = Arc::<Received>::default();
                let counted = Arc::clone(&received);
                thread::spawn(move || -> io::Result<()> {
                    let mut check = Check::new(bytes);
                    while let Some(bytes) = frames.next()? {
                        let checked = check.frames(bytes);
                        counted.wrong.fetch_or(checked.is_err(), Ordering::Relaxed);
                        counted.count.fetch_add(checked?, Ordering::Relaxed);
                    }
                    Ok(())
                });
                Ok(received)
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { all })
    }

    fn settle(&self, sent: u64) -> Result<String, String> {
        let end = Instant::now() + SETTLE;
        let received = |one: &Arc<Received>| one.count.load(Ordering::Relaxed);
        while self.all.iter().any(|one| received(one) < sent) && Instant::now() < end {
            thread::sleep(Duration::from_millis(20));
        }
        if self.all.iter().any(|one| one.wrong.load(Ordering::Relaxed)) {
            return Err("content is not what was sent".to_owned());
        }
        match self.all.iter().map(received).find(|count| *count != sent) {
            Some(count) => Err(format!("{count} messages arrived of {sent}")),
            None => Ok("null".to_owned()),
        }
    }
}

impl Role for Subscribers {
    fn command(&mut self, command: &str, options: &Options) -> Result<String, String> {
        match command {
            "mark" => {
                let counts = self.all.iter().map(|one| one.count.load(Ordering::Relaxed));
                Ok(mark(counts.sum()))
            }
            "settle" => self.settle(options.number("sent").unwrap_or_default() as u64),
            _ => Err("no such command".to_owned()),
        }
    }
}
