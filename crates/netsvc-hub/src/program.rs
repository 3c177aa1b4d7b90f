//! The program, from its arguments to its exit code.

use std::ffi::OsString;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use netsvc_net::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::command_line::{self, Command};
use crate::config_file;
use crate::control::Control;
use crate::exit::Exit;
use crate::host::Host;
use crate::hub::{Hub, Source};
use crate::log::{Entry, Level, Log};
use crate::message::Message;
use crate::options::Settings;

/// Lines of the log that wait for stderr.
const LOG_LINES: usize = 1024;
/// How long the last lines may take.
const LOG_FLUSH: Duration = Duration::from_secs(1);

/// A hub that has not started yet.
pub struct Program {
    control: Control,
    inbox: UnboundedReceiver<Message>,
}

impl Default for Program {
    fn default() -> Self {
        let (sender, inbox) = unbounded_channel();
        Self { control: Control { sender }, inbox }
    }
}

impl Program {
    /// Controls this hub, before it runs and while it does.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Does what `arguments` ask for (without the name of the program), and returns when that is
    /// done and told. The calling thread writes the log meanwhile; the hub itself runs on the
    /// I/O thread.
    pub fn run(self, arguments: impl Iterator<Item = OsString>, host: impl Host) -> Exit {
        match command_line::parse(arguments) {
            Ok(Command::Help) => print(command_line::HELP),
            Ok(Command::Version) => print(concat!("netsvcd ", env!("CARGO_PKG_VERSION"), "\n")),
            Ok(Command::Run { config, options }) => self.start(Source { config, options }, host),
            Err(error) => usage(&format!("{error}\n       netsvcd --help tells more")),
        }
    }

    fn start(self, source: Source, host: impl Host) -> Exit {
        let settings = match settings(&source) {
            Ok(settings) => settings,
            Err(error) => return usage(&error),
        };
        let runtime = match Runtime::shared() {
            Ok(runtime) => runtime,
            Err(error) => {
                complain(&format!("cannot start: {error}"));
                return Exit::Unable;
            }
        };
        let exit = Arc::new(OnceLock::new());
        let (lines, written) = sync_channel(LOG_LINES);
        let task =
            self.supervise(Arc::clone(&runtime), source, settings, host, lines, Arc::clone(&exit));
        runtime.handle().spawn(task);
        write_log(&written);
        // Without an exit the task has panicked.
        exit.get().copied().unwrap_or(Exit::Fault)
    }

    async fn supervise(
        self,
        runtime: Arc<Runtime>,
        source: Source,
        settings: Settings,
        mut host: impl Host,
        lines: SyncSender<String>,
        ended: Arc<OnceLock<Exit>>,
    ) {
        let (level, format) = (settings.log_level, settings.log_format);
        let tell = |entry: &Entry| Log::new(level, format, lines.clone()).write(entry);
        if let Some(notice) = host.notice() {
            tell(&Entry::new(Level::Info, "embedded", notice));
        }
        let made = host
            .forward_signals(&self.control)
            .map_err(|error| format!("cannot take signals: {error}"))
            .and_then(|()| {
                let log = Log::new(level, format, lines.clone());
                Hub::new(runtime, source, settings, (self.control.sender, self.inbox), log)
            });
        let exit = match made {
            Ok(hub) => hub.run().await,
            Err(error) => {
                tell(&Entry::new(Level::Error, "start", error));
                Exit::Unable
            }
        };
        let _ = ended.set(exit);
        drop(lines);
        // Whoever writes the log returns when it has written everything, unless that hangs.
        tokio::time::sleep(LOG_FLUSH).await;
        host.log_is_stuck(exit);
    }
}

fn settings(source: &Source) -> Result<Settings, String> {
    let file = source.config.as_deref().map(config_file::load).transpose()?;
    source.options.over(&file.unwrap_or_default())
}

fn print(text: &str) -> Exit {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => Exit::Stopped,
        Err(_) => Exit::Unable,
    }
}

/// Until nobody is left who writes to the log.
fn write_log(lines: &Receiver<String>) {
    for line in lines {
        // Where stderr is closed there is nobody to tell.
        let _ = io::stderr().write_all(line.as_bytes());
    }
}

fn usage(error: &str) -> Exit {
    complain(error);
    Exit::Usage
}

/// Before there is a log.
fn complain(error: &str) {
    let _ = io::stderr().write_all(format!("netsvcd: {error}\n").as_bytes());
}
