//! The hub's life: start, events, reload, stop. Runs as a task on the I/O thread.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use netsvc_core::{Event, ExchangeId, Role};
use netsvc_net::{
    Engine, EngineOptions, ListenAddress, ListenError, ListenTarget, Patience, Reading, Runtime,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::{sleep, timeout_at};

use crate::address::{show_address, show_target};
use crate::config_file;
use crate::exit::Exit;
use crate::link_log::LinkLog;
use crate::log::{Entry, Level, Log};
use crate::message::Message;
use crate::notify::{Notifier, watchdog_interval};
use crate::open_files;
use crate::options::{Options, Settings};

/// Beyond the drain time: closing needs some turns of the I/O thread.
const GRACE: Duration = Duration::from_secs(1);

/// The configuration file and what the command line sets over it, to be read again.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) config: Option<PathBuf>,
    pub(crate) options: Options,
}

pub(crate) struct Hub {
    engine: Arc<Engine>,
    exchange: ExchangeId,
    inbox: UnboundedReceiver<Message>,
    sender: UnboundedSender<Message>,
    source: Source,
    settings: Settings,
    log: Log,
    links: LinkLog,
    notifier: Arc<Notifier>,
    addresses: Vec<String>,
    /// Targets whose outcome is not known yet.
    pending: usize,
    ready: bool,
}

impl Hub {
    /// Sets up everything but the sockets. To be called on the I/O thread.
    pub(crate) fn new(
        runtime: Arc<Runtime>,
        source: Source,
        settings: Settings,
        (sender, inbox): (UnboundedSender<Message>, UnboundedReceiver<Message>),
        mut log: Log,
    ) -> Result<Self, String> {
        let events = sender.clone();
        let options = EngineOptions {
            label: settings.label.clone(),
            limits: settings.limits.clone(),
            resolver: None,
            reading: Reading::Thread,
            on_events: Box::new(move || drop(events.send(Message::Events))),
        };
        let engine = Engine::start(runtime, options)
            .map_err(|error: io::Error| format!("cannot start: {error}"))?;
        let group = settings.group.as_str();
        let exchange = engine
            .with(|process, _| process.create_exchange(Role::Server, group, settings.heartbeat))
            .map_err(|error| error.to_string())?;
        let notifier = Notifier::from_environment().unwrap_or_else(|error| {
            log.write(&Entry::new(Level::Warn, "notify", error));
            Notifier::default()
        });
        Ok(Self {
            engine,
            exchange,
            inbox,
            sender,
            source,
            settings,
            log,
            links: LinkLog::default(),
            notifier: Arc::new(notifier),
            addresses: Vec::new(),
            pending: 0,
            ready: false,
        })
    }

    /// Runs until it is told to stop, or cannot start.
    pub(crate) async fn run(mut self) -> Exit {
        if let Some(every) = watchdog_interval() {
            tokio::spawn(watch(Arc::clone(&self.engine), Arc::clone(&self.notifier), every));
        }
        for target in self.settings.listen.clone() {
            self.listen(target);
        }
        while let Some(message) = self.inbox.recv().await {
            match message {
                Message::Events => self.tell_events(),
                Message::Listened(target, result) => {
                    if let Err(error) = self.listened(&target, result) {
                        self.log.write(&error);
                        if !self.ready {
                            self.engine.shutdown_now(Patience::NONE).over().await;
                            return Exit::Unable;
                        }
                    }
                }
                Message::Reload => self.read_again(),
                Message::Read(Ok(settings)) => self.reload(&settings),
                Message::Read(Err(error)) => {
                    let message = format!("nothing was reloaded: {error}");
                    self.log.write(&Entry::new(Level::Error, "reload", message));
                }
                Message::Stop(signal) => return self.stop(signal).await,
            }
        }
        Exit::Fault
    }

    fn listen(&mut self, target: ListenTarget) {
        self.pending += 1;
        let sender = self.sender.clone();
        let listened = target.clone();
        let done = move |result| drop(sender.send(Message::Listened(listened, result)));
        self.engine.listen(self.exchange, target, Box::new(done));
    }

    fn listened(
        &mut self,
        target: &ListenTarget,
        result: Result<Vec<ListenAddress>, ListenError>,
    ) -> Result<(), Entry> {
        self.pending -= 1;
        let addresses = match result {
            Ok(addresses) => addresses.iter().map(show_address).collect::<Vec<_>>(),
            Err(error) => {
                // It may be tried again by a reload.
                self.settings.listen.retain(|other| other != target);
                return Err(Entry::new(Level::Error, "listen", error.message)
                    .text("place", show_target(target))
                    .text("reason", error.code));
            }
        };
        if self.ready {
            let message = format!("listening on {} as well", addresses.join(", "));
            self.log.write(
                &Entry::new(Level::Info, "listen", message).texts("addresses", addresses.clone()),
            );
        }
        self.addresses.extend(addresses);
        if self.pending == 0 && !self.ready {
            self.ready = true;
            self.tell_start();
        }
        if self.ready {
            self.notifier.ready(&format!("listening on {}", self.addresses.join(", ")));
        }
        Ok(())
    }

    fn tell_start(&mut self) {
        let version = env!("CARGO_PKG_VERSION");
        let addresses = self.addresses.join(", ");
        let entry = Entry::new(
            Level::Info,
            "start",
            format!("netsvcd {version} listens on {addresses} as {}", self.settings.label),
        );
        let entry = entry
            .text("version", version)
            .number("pid", std::process::id().into())
            .text("process", self.engine.process().to_string())
            .text("label", self.settings.label.as_str())
            .text("group", self.settings.group.as_str())
            .texts("addresses", self.addresses.clone());
        self.log.write(&entry);
        if let Some(hint) = open_files::shortage(self.settings.limits.links) {
            self.log.write(&Entry::new(Level::Info, "open-files", hint));
        }
    }

    fn tell_events(&mut self) {
        let mut events = Vec::new();
        // What is left is signalled again, behind whatever else waits for this task.
        self.engine.drain(&mut |event| {
            events.push(event);
            events.len() < 256
        });
        for event in events {
            self.tell(&event);
        }
    }

    /// True: the exchange is closed.
    fn tell(&mut self, event: &Event) -> bool {
        let now = Instant::now();
        let entry = match event {
            Event::LinkActive(link) => LinkLog::active(link),
            Event::LinkInactive(link) => LinkLog::inactive(link),
            Event::AttemptFailed(link) => self.links.refused(link, now),
            Event::ExchangeClosed(_) => return true,
            _ => return false,
        };
        self.log.write(&entry);
        false
    }

    fn read_again(&self) {
        let Source { config, options } = self.source.clone();
        let sender = self.sender.clone();
        // A file system that hangs must not take the hub with it.
        tokio::task::spawn_blocking(move || {
            let read = match config {
                Some(file) => config_file::load(&file).and_then(|file| options.over(&file)),
                None => Err("netsvcd was started without --config".to_owned()),
            };
            drop(sender.send(Message::Read(read.map(Box::new))));
        });
    }

    fn reload(&mut self, new: &Settings) {
        let mut applied = Vec::new();
        let old = &self.settings;
        let refused: Vec<&str> = [
            (
                "listen or socket (a place was removed)",
                old.listen.iter().any(|place| !new.listen.contains(place)),
            ),
            ("group", old.group != new.group),
            ("label", old.label != new.label),
            ("heartbeat", old.heartbeat != new.heartbeat),
            ("limits", old.limits != new.limits),
        ]
        .into_iter()
        .filter_map(|(name, changed)| changed.then_some(name))
        .collect();
        if old.log_level != new.log_level {
            applied.push("log-level");
        }
        if old.log_format != new.log_format {
            applied.push("log-format");
        }
        if old.drain != new.drain {
            applied.push("drain");
        }
        let added: Vec<_> =
            new.listen.iter().filter(|place| !old.listen.contains(place)).cloned().collect();
        if !added.is_empty() {
            applied.push("listen or socket (a place was added)");
        }
        let message = match applied.as_slice() {
            [] => "nothing that can be reloaded has changed".to_owned(),
            names => format!("reloaded {}", names.join(", ")),
        };
        (self.log.level, self.log.format) = (new.log_level, new.log_format);
        (self.settings.log_level, self.settings.log_format) = (new.log_level, new.log_format);
        self.settings.drain = new.drain;
        self.log.write(&Entry::new(Level::Info, "reload", message));
        if !refused.is_empty() {
            let message = format!("{} take effect with the next start only", refused.join(", "));
            self.log.write(&Entry::new(Level::Warn, "reload", message));
        }
        for target in added {
            self.settings.listen.push(target.clone());
            self.listen(target);
        }
    }

    async fn stop(mut self, signal: &'static str) -> Exit {
        let drain = self.settings.drain;
        self.notifier.stopping();
        self.log.write(
            &Entry::new(Level::Info, "stop", format!("stopping because of {signal}"))
                .text("signal", signal),
        );
        self.engine.close(drain);
        let until = tokio::time::Instant::now() + drain + GRACE;
        let mut ended = "what was left was dropped after the drain time";
        while let Ok(Some(message)) = timeout_at(until, self.inbox.recv()).await {
            match message {
                Message::Events if self.tell_last_events() => {
                    ended = "all links are closed";
                    break;
                }
                Message::Stop(_) => {
                    ended = "what was left was dropped because of a second signal";
                    break;
                }
                _ => {}
            }
        }
        self.engine.shutdown_now(Patience::NONE).over().await;
        self.log.write(&Entry::new(Level::Info, "stopped", format!("stopped; {ended}")));
        Exit::Stopped
    }

    fn tell_last_events(&mut self) -> bool {
        let mut events = Vec::new();
        self.engine.drain(&mut |event| {
            events.push(event);
            true
        });
        events.iter().any(|event| self.tell(event))
    }
}

/// Tells the service manager that the I/O thread runs and that the registry's mutex is free: if
/// either stands still, the messages stop, and the manager starts the hub anew.
async fn watch(engine: Arc<Engine>, notifier: Arc<Notifier>, every: Duration) {
    loop {
        engine.with(|_, _| ());
        notifier.alive();
        sleep(every).await;
    }
}
