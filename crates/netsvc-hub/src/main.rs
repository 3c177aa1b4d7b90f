//! `netsvcd`: the hub of a message exchange as a process of its own.
//!
//! Two threads: the I/O thread of netsvc-net runs the engine, the hub's task (`hub.rs`), signals
//! and the watchdog; the main thread writes the log, so that a reader of stderr that does not
//! read holds up nothing.

mod address;
mod command_line;
mod config_file;
mod config_syntax;
mod exit;
mod hub;
mod label;
mod link_log;
mod log;
mod notify;
mod open_files;
mod options;
mod signals;
mod timestamp;
#[cfg(test)]
mod vectors;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use netsvc_net::Runtime;

use crate::command_line::Command;
use crate::exit::Exit;
use crate::hub::Hub;
use crate::log::{Entry, Level, Log};
use crate::options::{Options, Settings};

/// Lines of the log that wait for stderr.
const LOG_LINES: usize = 1024;
/// How long the last lines may take.
const LOG_FLUSH: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let exit = match command_line::parse(std::env::args_os().skip(1)) {
        Ok(Command::Help) => print(command_line::HELP),
        Ok(Command::Version) => print(concat!("netsvcd ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Command::Run { config, options }) => start(config, options),
        Err(error) => usage(&format!("{error}\n       netsvcd --help tells more")),
    };
    ExitCode::from(exit as u8)
}

fn print(text: &str) -> Exit {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => Exit::Stopped,
        Err(_) => Exit::Unable,
    }
}

fn start(config: Option<PathBuf>, options: Options) -> Exit {
    let file = match config.as_deref().map(config_file::load).transpose() {
        Ok(file) => file.unwrap_or_default(),
        Err(error) => return usage(&error),
    };
    let settings = match options.over(&file) {
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
    let source = (config, options);
    let task = supervise(Arc::clone(&runtime), source, settings, lines, Arc::clone(&exit));
    runtime.handle().spawn(task);
    write_log(&written);
    // Without an exit the task has panicked.
    exit.get().copied().unwrap_or(Exit::Fault)
}

async fn supervise(
    runtime: Arc<Runtime>,
    source: (Option<PathBuf>, Options),
    settings: Settings,
    lines: SyncSender<String>,
    ended: Arc<OnceLock<Exit>>,
) {
    let log = || Log::new(settings.log_level, settings.log_format, lines.clone());
    let exit = match Hub::new(runtime, source, settings.clone(), log()) {
        Ok(hub) => hub.run().await,
        Err(error) => {
            log().write(&Entry::new(Level::Error, "start", error));
            Exit::Unable
        }
    };
    let _ = ended.set(exit);
    // The main thread ends the process when it has written everything, unless that hangs.
    drop(lines);
    tokio::time::sleep(LOG_FLUSH).await;
    std::process::exit(i32::from(exit as u8));
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
