//! One registry with its sockets, as the binding sees it.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use netsvc_core::{
    CommandError, Config, ContentRef, Event, ExchangeId, Limits, LinkId, LinkToken, Process,
    ProcessId, Retry, ServiceNo, Str, Teller, Time,
};

use crate::clock::Clock;
use crate::driver::Driver;
use crate::read_delegate::{Loans, Reading};
use crate::runtime::Runtime;
use crate::signal::Signal;
use crate::sync::{call_caught, caught, lock};
use crate::tasks::accept::Listener;
use crate::tasks::read_watchdog;
use crate::tasks::timer;
use crate::transport::address::{ListenAddress, ListenTarget, Target};
use crate::transport::bind::bind;
use crate::transport::listen_error::ListenError;
use crate::transport::resolver::{Resolver, SystemResolver};

/// One registry with its sockets. All methods may be called from any thread.
///
/// Dropping it is [`Engine::shutdown_now`].
pub struct Engine {
    driver: Arc<Driver>,
    id: ProcessId,
    /// Keeps the I/O thread.
    _runtime: Arc<Runtime>,
}

/// What an engine is started with.
pub struct EngineOptions {
    /// Names the process to people.
    pub label: String,
    /// Bounds of everything.
    pub limits: Limits,
    /// `None`: the operating system's.
    pub resolver: Option<Arc<dyn Resolver>>,
    /// Who reads the connections of clients.
    pub reading: Reading,
    /// Events wait for [`Engine::drain`], or connections that its caller is to read. Called from any
    /// thread, under no lock of ours, and not again before the next `drain`.
    pub on_events: Box<dyn Fn() + Send + Sync>,
}

/// Bytes that one call of [`Engine::drain_telling`] reads at most.
const SHARE: usize = 256 << 10;
/// Of which so many of one connection before the others get their turn.
const CHUNK: usize = 64 << 10;
/// With less room than that it does not read: memory for a batch has more.
const LEAST: usize = 4 << 10;

/// Who drains events, and reports while they are read.
pub trait Taker: Teller {
    /// Takes an event; false: that was the last for now.
    fn take(&mut self, event: Event) -> bool;

    /// Whether it took its last event.
    fn is_full(&self) -> bool;

    /// Bytes of content that it has room for; more than that is not read for it at once.
    fn room(&self) -> usize;
}

/// Called on the I/O thread with what listening came to.
pub type ListenDone = Box<dyn FnOnce(Result<Vec<ListenAddress>, ListenError>) + Send>;

impl Engine {
    /// Starts a registry. Its id and seed are drawn from the operating system; an error says that
    /// it has no randomness to offer.
    pub fn start(runtime: Arc<Runtime>, options: EngineOptions) -> io::Result<Arc<Self>> {
        let id = ProcessId(random()?);
        let seed = u64::from_ne_bytes(random()?);
        let clock = Clock::start();
        let config = Config { id, label: options.label.into(), limits: options.limits, seed };
        let driver = Driver::new(
            Process::new(config, clock.now()),
            clock,
            runtime.handle().clone(),
            options.resolver.unwrap_or_else(|| Arc::new(SystemResolver)),
            Signal::new(options.on_events),
            Loans::new(options.reading),
        );
        driver.runtime.spawn(timer::run(Arc::clone(&driver)));
        if driver.loans.is_some() {
            driver.runtime.spawn(read_watchdog::run(Arc::clone(&driver)));
        }
        Ok(Arc::new(Self { driver, id, _runtime: runtime }))
    }

    /// The process's id.
    pub fn process(&self) -> ProcessId {
        self.id
    }

    /// Runs a command under the registry's mutex, then does what it brought about: opens and
    /// closes connections, sets the timer, signals events, and writes to sockets without waiting,
    /// at most 256 KiB on this thread. `command` must neither block nor call the engine.
    pub fn with<R>(&self, command: impl FnOnce(&mut Process, Time) -> R) -> R {
        self.driver.perform_with(|effects| self.driver.apply(effects, command))
    }

    /// As [`Process::publish`] without a lifetime, for large contents: where it can, it writes the
    /// report straight from `content`, as much as the socket takes, and copies the rest only. `None`:
    /// it cannot, and nothing was done.
    pub fn publish_through(
        &self,
        service: ServiceNo,
        subject: &Str,
        content: ContentRef<'_>,
    ) -> Option<bool> {
        self.driver.publish_through(service, subject, content)
    }

    /// Begins a link. Returns at once; how it fares is told by events.
    pub fn connect(
        &self,
        exchange: ExchangeId,
        target: Target,
        retry: Retry,
    ) -> Result<LinkId, CommandError> {
        let token = random().map(LinkToken).map_err(|error| CommandError::Invalid {
            what: "random numbers of the operating system",
            why: error.to_string(),
        })?;
        self.driver.perform_with(|effects| {
            self.driver.apply_registry(effects, |registry, now| {
                let link = registry.process.connect(now, exchange, retry, token)?;
                registry.targets.insert(link, (exchange, target));
                Ok(link)
            })
        })
    }

    /// Binds all of `target` or nothing, and accepts until the exchange closes. Several calls for
    /// one exchange add up. `done` is called exactly once, on the I/O thread, unless this engine
    /// is dropped before.
    pub fn listen(&self, exchange: ExchangeId, target: ListenTarget, done: ListenDone) {
        let driver = Arc::clone(&self.driver);
        self.driver.runtime.spawn(async move {
            let listening = caught(pin!(listen(&driver, exchange, target))).await;
            let fault = || Err(ListenError::new("io", "a fault in netsvc or in the resolver"));
            call_caught(|| done(listening.unwrap_or_else(fault)));
        });
    }

    /// Takes out events, in order, until `take` returns false or none is left. `take` runs under
    /// the registry's mutex: it may only copy.
    ///
    /// True: more is waiting. `on_events` has been called again then; the caller may also just
    /// call `drain` again.
    pub fn drain(&self, take: &mut dyn FnMut(Event) -> bool) -> bool {
        self.driver.perform_with(|effects| {
            self.driver.apply_registry(effects, |registry, now| {
                self.driver.signal.rearm();
                while let Some(event) = registry.next_event(now) {
                    if !take(event) {
                        break;
                    }
                }
                registry.process.has_events()
            })
        })
    }

    /// As [`drain`](Self::drain), and reads connections that are lent to the drainer, or that
    /// [`Loan::readable`] told of, as long as no event waits: reports are then told to `taker` where
    /// they lie. Reads 256 KiB at most, so that the caller's thread gets on with other things.
    ///
    /// True: events wait; or there may be more to read, for which it should be called again too.
    /// `on_events` is not called for events that this call itself brought about.
    ///
    /// [`Loan::readable`]: crate::Loan::readable
    pub fn drain_telling(&self, taker: &mut dyn Taker) -> bool {
        let driver = &self.driver;
        // Whoever tells of events from here on finds that it was told already.
        driver.signal.hold();
        driver.take_over();
        let mut left = SHARE;
        loop {
            let waits = driver.perform_with(|effects| {
                driver.apply_registry(effects, |registry, now| {
                    while let Some(event) = registry.next_event(now) {
                        if !taker.take(event) {
                            break;
                        }
                    }
                    let waits = registry.process.has_events() || taker.is_full();
                    if !waits {
                        driver.signal.rearm();
                    }
                    waits
                })
            });
            // What was read but found no room would have to be queued, message by message.
            if waits || left == 0 || taker.room() < LEAST {
                return waits || !lock(&driver.readable).is_empty();
            }
            let Some(connection) = driver.next_readable() else { return false };
            driver.signal.hold();
            let share = left.min(taker.room()).min(CHUNK);
            left -= share;
            let (_, more) = connection.service_telling(driver, share, Some(taker));
            if more {
                driver.note_readable(connection);
            }
        }
    }

    /// Closes everything: gracefully within `drain`, hard afterwards. The events that tell of it
    /// still arrive.
    pub fn close(&self, drain: Duration) {
        self.with(|process, now| process.close(now, drain));
    }

    /// Writes what the sockets take without waiting, says goodbye, and drops everything. For the
    /// exit of the operating system's process. Further calls do nothing.
    pub fn shutdown_now(&self) {
        self.driver.shut_down();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shutdown_now();
    }
}

async fn listen(
    driver: &Arc<Driver>,
    exchange: ExchangeId,
    target: ListenTarget,
) -> Result<Vec<ListenAddress>, ListenError> {
    check_listen(&driver.lock().process, exchange)?;
    let (sockets, addresses) = bind(&target, &*driver.resolver).await?;
    let mut registry = driver.lock();
    check_listen(&registry.process, exchange)?;
    let dead = registry.process.dead_time(exchange).unwrap_or_default();
    for socket in sockets {
        let listener = Arc::new(Listener::new(exchange, dead, socket));
        driver.runtime.spawn(Arc::clone(&listener).run(Arc::clone(driver)));
        registry.listeners.push(listener);
    }
    Ok(addresses)
}

fn check_listen(process: &Process, exchange: ExchangeId) -> Result<(), ListenError> {
    process
        .check_listen(exchange)
        .map_err(|error| ListenError::new(error.code(), error.to_string()))
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}
