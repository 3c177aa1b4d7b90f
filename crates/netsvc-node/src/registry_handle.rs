//! One registry on its environment's thread: its engine until it is disposed of, and its inbox.

use std::cell::RefCell;
use std::sync::Arc;

use netsvc_core::{LazyCopy, Process};
use netsvc_net::{
    Engine, EngineOptions, ListenAddress, ListenError, ListenTarget, Reading, Runtime,
};

use crate::commands::apply::{Applier, Apply};
use crate::commands::decode::{self, Commands, Malformed};
use crate::commands::strings::Strings;
use crate::deliveries::buffer::Buffer;
use crate::deliveries::delivery::Delivery;
use crate::deliveries::encode::{MIN_WORDS, delivered_number};
use crate::deliveries::inbox::Inbox;
use crate::error::{Code, Error, Result, guard, invalid};
use crate::options::{RegistryOptions, limits};
use crate::wakeup::Wakeup;

/// Bytes of commands that are run under one hold of the engine's lock.
const LOCKED_BYTES: usize = 64 << 10;

pub(crate) struct RegistryHandle {
    /// Its number in its environment, never used twice there.
    pub(crate) no: u32,
    wakeup: Arc<Wakeup>,
    /// `None` once disposed of.
    engine: RefCell<Option<Arc<Engine>>>,
    inbox: RefCell<Inbox>,
    strings: RefCell<Strings>,
}

impl RegistryHandle {
    pub(crate) fn start(
        no: u32,
        wakeup: Arc<Wakeup>,
        reading: Reading,
        options: RegistryOptions,
    ) -> Result<Self> {
        let signal = Arc::clone(&wakeup);
        let options = EngineOptions {
            label: options.label,
            limits: limits(options.limits)?,
            resolver: None,
            reading,
            on_events: Box::new(move || signal.signal(no)),
        };
        let engine = Runtime::shared()
            .and_then(|runtime| Engine::start(runtime, options))
            .map_err(|error| Error::new(Code::IO, format!("cannot start a registry: {error}")))?;
        Ok(Self {
            no,
            wakeup,
            engine: RefCell::new(Some(engine)),
            inbox: RefCell::default(),
            strings: RefCell::default(),
        })
    }

    /// The engine, while there is one.
    pub(crate) fn engine(&self) -> Result<Arc<Engine>> {
        let engine = self.engine.borrow();
        engine.clone().ok_or_else(|| Error::new(Code::CLOSED, "this registry is closed"))
    }

    /// Writes what the sockets take without waiting, then lets everything go.
    pub(crate) fn dispose(&self) {
        if let Some(engine) = self.engine.take() {
            engine.shutdown_now();
        }
        // What is left to tell has nobody to hear it.
        self.wakeup.forget(self.no);
        self.inbox.take();
        self.strings.take();
    }

    /// Listens; the end is delivered as LISTENING with `token`.
    pub(crate) fn listen(
        &self,
        exchange: netsvc_core::ExchangeId,
        target: ListenTarget,
        token: u32,
    ) -> Result<()> {
        let notices = self.inbox.borrow().notices.clone();
        let (no, wakeup) = (self.no, Arc::clone(&self.wakeup));
        let done = move |result: std::result::Result<Vec<ListenAddress>, ListenError>| {
            let result = result
                .map(|addresses| addresses.iter().map(place).collect())
                .map_err(|error| (error.code, error.message));
            notices.push(Delivery::Listening { token, result });
            wakeup.signal(no);
        };
        self.engine()?.listen(exchange, target, Box::new(done));
        Ok(())
    }

    /// Runs the commands in the first `length` bytes of a buffer. Returns the bytes queued for the
    /// link that has most.
    pub(crate) fn submit(&self, buffer: &[u8], length: u32) -> Result<usize> {
        let engine = self.engine()?;
        let buffer = buffer
            .get(..length as usize)
            .ok_or(Malformed { at: buffer.len(), what: "shorter than the length given" });
        let mut strings = self.strings.borrow_mut();
        let slots = strings.len();
        let checked = buffer.and_then(|buffer| decode::check(buffer, slots).map(|()| buffer));
        let buffer = checked.map_err(|error| Error::new(Code::MALFORMED, error.to_string()))?;
        let notices = &self.inbox.borrow().notices;
        let mut commands = Commands::checked(buffer, slots);
        let copy = LazyCopy::of(buffer);
        let mut applier = Applier::new(&copy, &mut strings, notices);
        let queued = loop {
            let end = commands.at() + LOCKED_BYTES;
            let queued = engine.with(|process: &mut Process, now| {
                while commands.at() < end
                    && commands.next(Apply { applier: &mut applier, process, now })
                {
                }
                commands.is_done().then(|| process.queued_bytes())
            });
            if let Some(queued) = queued {
                break queued;
            }
        };
        if applier.failed {
            self.wakeup.signal(self.no);
        }
        Ok(queued)
    }

    /// Fills `words` with the next deliveries, and `memory` from `at` on with their bytes. If the
    /// first does not fit into it, memory of the size that `alone` gets is filled with that
    /// instead. JavaScript comes back for what is left over; it is woken only for what comes later.
    pub(crate) fn drain<R>(
        &self,
        words: &mut [u32],
        memory: &mut [u8],
        at: usize,
        alone: impl FnOnce(usize, &mut dyn FnMut(&mut [u8])) -> Result<R>,
    ) -> Result<Option<R>> {
        self.wakeup.turns.count();
        let engine = self.engine.borrow().clone();
        let mut inbox = self.inbox.borrow_mut();
        let buffer = Buffer::new(memory, at);
        let filled = inbox
            .fill(words, buffer, |taker| engine.is_some_and(|engine| engine.drain_into(taker)))
            .ok_or_else(|| invalid(format!("deliveries need {MIN_WORDS} words or more")))?;
        let Some(size) = filled.large else { return Ok(None) };
        alone(size, &mut |memory| inbox.fill_alone(words, memory, filled.more)).map(Some)
    }
}

impl RegistryHandle {
    /// Fills pairs of words with requests whose deadline has passed; returns how many they are.
    pub(crate) fn overdue(&self, words: &mut [u32]) -> u32 {
        let Some(engine) = self.engine.borrow().clone() else { return 0 };
        engine.with(|process, _| {
            let mut count = 0;
            for pair in words.as_chunks_mut::<2>().0 {
                let Some((key, delivered)) = process.poll_overdue() else { break };
                *pair = [u32::try_from(key).unwrap_or(u32::MAX), delivered_number(delivered)];
                count += 1;
            }
            count
        })
    }
}

impl Drop for RegistryHandle {
    /// JavaScript's garbage collector may be who drops it, and a panic there ends the process.
    fn drop(&mut self) {
        let _nobody_to_tell = guard(|| {
            self.dispose();
            Ok(())
        });
    }
}

/// As LISTENING tells an address: host and port, or a path.
fn place(address: &ListenAddress) -> String {
    match address {
        ListenAddress::Tcp(address) => format!("{} {}", address.ip(), address.port()),
        ListenAddress::Unix(path) => path.to_string_lossy().into_owned(),
    }
}
