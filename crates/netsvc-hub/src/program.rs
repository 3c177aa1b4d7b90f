//! The program, from its arguments to its exit code.

use std::ffi::OsString;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use netsvc_net::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::command_line::{self, Command};
use crate::config_file;
use crate::control::Control;
use crate::exit::Exit;
use crate::host::Host;
use crate::hub::{Hub, Source};
use crate::log::{Entry, Level, Line, Lines, Log};
use crate::message::Message;
use crate::options::Settings;

/// Lines of the log that wait for stderr.
const LOG_LINES: usize = 1024;
/// How long the last lines may take.
const LOG_FLUSH: Duration = Duration::from_secs(1);
/// Between two looks whether stderr, which does not block, has room again.
const FULL: Duration = Duration::from_millis(20);

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
        let lines = Lines::new(lines);
        let lost = lines.lost();
        let task =
            self.supervise(Arc::clone(&runtime), source, settings, host, lines, Arc::clone(&exit));
        runtime.handle().spawn(task);
        write_log(&written, &lost);
        // Without an exit the task has panicked.
        exit.get().copied().unwrap_or(Exit::Fault)
    }

    async fn supervise(
        self,
        runtime: Arc<Runtime>,
        source: Source,
        settings: Settings,
        mut host: impl Host,
        lines: Lines,
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

/// Until nobody is left who writes to the log. What stderr refuses is counted in `lost`.
fn write_log(lines: &Receiver<Line>, lost: &AtomicU64) {
    for line in lines {
        if write_patiently(&mut io::stderr(), line.text.as_bytes()).is_err() {
            lost.fetch_add(line.messages, Ordering::Relaxed);
        }
    }
}

/// Also to a pipe that is full and does not block, as who started this process may have made it.
fn write_patiently(out: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match out.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(FULL),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn usage(error: &str) -> Exit {
    complain(error);
    Exit::Usage
}

/// Before there is a log. Nobody may be reading stderr.
fn complain(error: &str) {
    let line = format!("netsvcd: {error}\n");
    let (done, is_done) = channel();
    let write = move || {
        let _ = write_patiently(&mut io::stderr(), line.as_bytes());
        // An error: it was not waited for any longer.
        let _ = done.send(());
    };
    if thread::Builder::new().spawn(write).is_ok() {
        let _ = is_done.recv_timeout(LOG_FLUSH);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Full at every other call, and then takes one byte.
    struct Slow(Vec<u8>, bool);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.0.push(bytes[0]);
            Ok(1)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_pipe_that_does_not_block_gets_whole_lines() {
        let mut out = Slow(Vec::new(), false);
        write_patiently(&mut out, b"line\n").unwrap();
        assert_eq!(out.0, b"line\n");
    }
}
