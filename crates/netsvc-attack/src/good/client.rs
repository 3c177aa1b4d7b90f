//! A client by the library, as applications have it.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use netsvc_core::{Event, Heartbeat, Limits, Retry, Role};
use netsvc_net::{Engine, EngineOptions, Patience, Reading, Runtime, Target};

/// Closed when dropped.
pub(crate) struct Client {
    pub(crate) engine: Arc<Engine>,
    signal: Arc<Signal>,
}

#[derive(Default)]
struct Signal {
    given: Mutex<bool>,
    changed: Condvar,
}

impl Client {
    /// Begins to connect.
    pub(crate) fn start(label: &str, target: Target, retry: Retry) -> io::Result<Self> {
        let signal = Arc::new(Signal::default());
        let given = Arc::clone(&signal);
        let options = EngineOptions {
            label: label.to_owned(),
            limits: Limits::default(),
            resolver: None,
            reading: Reading::Thread,
            on_events: Box::new(move || {
                *given.given.lock().unwrap_or_else(PoisonError::into_inner) = true;
                given.changed.notify_all();
            }),
        };
        let engine = Engine::start(Runtime::shared()?, options)?;
        let heartbeat = Heartbeat::default();
        let exchange =
            engine.with(|process, _| process.create_exchange(Role::Client, "", heartbeat));
        let exchange = exchange.map_err(io::Error::other)?;
        engine.connect(exchange, target, retry).map_err(io::Error::other)?;
        Ok(Self { engine, signal })
    }

    /// Waits until there are events, or until then, and takes them out.
    pub(crate) fn events(&self, until: Instant, mut take: impl FnMut(Event)) {
        let left = until.saturating_duration_since(Instant::now());
        let given = self.signal.given.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.signal.changed.wait_timeout_while(given, left, |given| !*given);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
        let mut events = Vec::new();
        while self.engine.drain(&mut |event| {
            events.push(event);
            true
        }) {}
        events.into_iter().for_each(&mut take);
    }

    /// Waits for an event.
    pub(crate) fn wait<T>(
        &self,
        within: Duration,
        mut found: impl FnMut(Event) -> Option<T>,
    ) -> Option<T> {
        let until = Instant::now() + within;
        let mut result = None;
        while result.is_none() && Instant::now() < until {
            self.events(until, |event| result = result.take().or_else(|| found(event)));
        }
        result
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.engine.shutdown_now(Patience::NONE);
    }
}
