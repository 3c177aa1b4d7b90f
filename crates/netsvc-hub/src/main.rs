//! `netsvcd`: the hub of a message exchange as a process of its own.
//!
//! Two threads: the I/O thread runs the hub and takes signals; the main thread writes the log.

mod signals;

use std::io;
use std::process::ExitCode;

use netsvc_hub::{Control, Exit, Host, Program};

struct Daemon;

impl Host for Daemon {
    fn forward_signals(&mut self, control: &Control) -> io::Result<()> {
        signals::forward(control)
    }

    fn notice(&self) -> Option<&str> {
        None
    }

    fn log_is_stuck(self, exit: Exit) {
        std::process::exit(i32::from(exit.code()));
    }
}

fn main() -> ExitCode {
    let exit = Program::default().run(std::env::args_os().skip(1), Daemon);
    ExitCode::from(exit.code())
}
