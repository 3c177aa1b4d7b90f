//! One registry with its sockets, as the binding sees it.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use netsvc_core::{
    CommandError, Config, ContentRef, Event, ExchangeId, Limits, LinkId, LinkToken, Process,
    ProcessId, ProcessSecret, PublishOptions, Retry, ServiceNo, Str, Time,
};

use crate::clock::Clock;
use crate::closing::Closing;
use crate::drain::{self, Taker};
use crate::listener::Listener;
use crate::patience::Patience;
use crate::pump;
use crate::read_delegate::Reading;
use crate::runtime::Runtime;
use crate::shared::Shared;
use crate::signal::Signal;
use crate::sync::{call_caught, caught};
use crate::tasks::attempt::{self, Means};
use crate::tasks::{accept, read_watchdog, timer};
use crate::transport::address::{ListenTarget, Target};
use crate::transport::bind::bind;
use crate::transport::listen_address::ListenAddress;
use crate::transport::listen_error::ListenError;
use crate::transport::resolver::{Resolver, SystemResolver};

/// One registry with its sockets. All methods may be called from any thread.
///
/// Dropping it is [`Engine::shutdown_now`] without patience.
pub struct Engine {
    shared: Arc<Shared>,
    resolver: Arc<dyn Resolver>,
    id: ProcessId,
    /// Keeps the I/O thread.
    runtime: Arc<Runtime>,
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
    /// Events wait for [`Engine::drain`], or connections that its caller is to read. Called from
    /// any thread, under no lock of ours, and not again before the next `drain`.
    pub on_events: Box<dyn Fn() + Send + Sync>,
}

/// Called on the I/O thread with what listening came to.
pub type ListenDone = Box<dyn FnOnce(Result<Vec<ListenAddress>, ListenError>) + Send>;

impl Engine {
    /// Starts a registry. Its secret and seed are drawn from the operating system; an error says
    /// that it has no randomness to offer.
    pub fn start(runtime: Arc<Runtime>, options: EngineOptions) -> io::Result<Arc<Self>> {
        let secret = ProcessSecret::new(random()?);
        let id = secret.process();
        let seed = u64::from_ne_bytes(random()?);
        let clock = Clock::start();
        let config = Config { secret, label: options.label.into(), limits: options.limits, seed };
        let process = Process::new(config, clock.now());
        let (delegations, delegate) = options.reading.split();
        let signal = Signal::new(options.on_events);
        let shared = Arc::new(Shared::new(process, clock, signal, delegations));
        let resolver = options.resolver.unwrap_or_else(|| Arc::new(SystemResolver));
        let tasks = runtime.handle();
        tasks.spawn(timer::run(Arc::clone(&shared)));
        let means = Means { resolver: Arc::clone(&resolver), delegate };
        tasks.spawn(attempt::run(Arc::clone(&shared), Arc::new(means)));
        if shared.delegations.is_some() {
            tasks.spawn(read_watchdog::run(Arc::clone(&shared)));
        }
        Ok(Arc::new(Self { shared, resolver, id, runtime }))
    }

    /// The process's id.
    pub fn process(&self) -> ProcessId {
        self.id
    }

    /// Runs a command under the registry's mutex, then does what it brought about: opens and
    /// closes connections, sets the timer, signals events, and writes to sockets without waiting,
    /// at most 256 KiB on this thread. `command` must neither block nor call the engine.
    pub fn with<R>(&self, command: impl FnOnce(&mut Process, Time) -> R) -> R {
        pump::perform_with(&self.shared, |effects| self.shared.apply(effects, command))
    }

    /// As [`Process::publish`]. Where it can, it writes a large report straight from `content`, as
    /// much as the socket takes, and copies the rest only; `options.direct` is its own.
    pub fn publish(
        &self,
        service: ServiceNo,
        subject: &Str,
        content: ContentRef<'_>,
        options: &PublishOptions<'_>,
    ) -> Result<bool, CommandError> {
        pump::publish(&self.shared, service, subject, content, options)
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
        pump::perform_with(&self.shared, |effects| {
            self.shared.apply_state(effects, |state, now| {
                let link = state.process.connect(now, exchange, retry, token)?;
                state.targets.insert(link, (exchange, target));
                Ok(link)
            })
        })
    }

    /// Binds all of `target` or nothing, and accepts until the exchange closes. Several calls for
    /// one exchange add up. `done` is called exactly once, on the I/O thread, unless this engine
    /// is dropped before.
    pub fn listen(&self, exchange: ExchangeId, target: ListenTarget, done: ListenDone) {
        let (shared, resolver) = (Arc::clone(&self.shared), Arc::clone(&self.resolver));
        self.runtime.handle().spawn(async move {
            let listening = caught(pin!(listen(&shared, &*resolver, exchange, target))).await;
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
        drain::drain(&self.shared, take)
    }

    /// As [`drain`](Self::drain), and reads connections whose reads are delegated to
    /// the drainer, or that [`DelegatedReads::readable`] told of, as long as no event waits:
    /// reports are then told to `taker` where they lie. Reads 256 KiB at most, so that the caller's
    /// thread gets on with other things.
    ///
    /// True: events wait; or there may be more to read, for which it should be called again too.
    /// `on_events` is not called for events that this call itself brought about.
    ///
    /// [`DelegatedReads::readable`]: crate::DelegatedReads::readable
    pub fn drain_into(&self, taker: &mut dyn Taker) -> bool {
        drain::drain_into(&self.shared, taker)
    }

    /// Closes everything: gracefully within `drain`, hard afterwards. The events that tell of it
    /// still arrive.
    pub fn close(&self, drain: Duration) {
        self.with(|process, now| process.close(now, drain));
    }

    /// Writes what the sockets take at once, says goodbye, and drops everything. What the I/O
    /// thread has begun to write is waited for with `patience`, which the end of an operating
    /// system's process needs: otherwise that thread finishes it. Further calls do nothing.
    pub fn shutdown_now(&self, patience: Patience) -> Closing {
        let shared = &self.shared;
        let state = shared.lock();
        if state.shut {
            return Closing::default();
        }
        let connections: Vec<_> = state.connections.values().cloned().collect();
        drop(state);
        pump::write_all(shared, &connections, patience);
        self.close(Duration::ZERO);
        let last = shared.lock().shut_down();
        // The goodbyes, where that was left to a task.
        pump::write_all(shared, &last, patience);
        // Those as well that the core has closed meanwhile: somebody may be writing to them.
        for connection in &connections {
            connection.close(patience);
        }
        for connection in last {
            connection.close(patience);
        }
        shared.timer.notify_one();
        shared.open.notify_one();
        if let Some(delegations) = &shared.delegations {
            delegations.begun.notify_one();
        }
        Closing::new(connections, Arc::clone(&self.runtime))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shutdown_now(Patience::NONE);
    }
}

async fn listen(
    shared: &Arc<Shared>,
    resolver: &dyn Resolver,
    exchange: ExchangeId,
    target: ListenTarget,
) -> Result<Vec<ListenAddress>, ListenError> {
    let dead = {
        let state = shared.lock();
        check_listen(&state.process, exchange)?;
        state.process.dead_time(exchange).unwrap_or_default()
    };
    let (sockets, addresses) = bind(&target, resolver, dead).await?;
    let mut state = shared.lock();
    check_listen(&state.process, exchange)?;
    for socket in sockets {
        state.last_listener += 1;
        let listener = Arc::new(Listener::new(exchange, state.last_listener, socket));
        tokio::spawn(accept::run(Arc::clone(&listener), Arc::clone(shared)));
        state.listeners.push(listener);
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
