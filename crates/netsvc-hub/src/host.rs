//! The program that a hub runs in.

use std::io;

use crate::control::Control;
use crate::exit::Exit;

/// How the hub depends on the program around it: netsvcd, or Node.
pub trait Host: Send + 'static {
    /// Has signals of the operating system forwarded to `control`. Called once, on the I/O thread,
    /// before the hub listens.
    fn forward_signals(&mut self, control: &Control) -> io::Result<()>;

    /// What the operator should know of this program, for the log.
    fn notice(&self) -> Option<&str>;

    /// The hub has ended, but a second later the end of its log is still not written, as nobody
    /// reads stderr. The process has to end all the same.
    fn log_is_stuck(self, exit: Exit);
}
