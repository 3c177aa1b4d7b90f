//! The hub of a message exchange as a program: `netsvcd`, and `netsvc hub` within Node, where the
//! addon runs it. Both read the same options, write the same log and end with the same codes.
//!
//! The I/O thread of netsvc-net runs the engine, the hub's task (`hub.rs`) and the watchdog; the
//! thread that called [`Program::run`] writes the log, so that a reader of stderr that does not
//! read holds up nothing.

mod address;
mod command_line;
mod config_file;
mod control;
mod exit;
mod host;
mod hub;
mod label;
mod link_log;
mod log;
mod message;
mod notify;
mod open_files;
mod options;
mod program;
mod timestamp;
mod value;
#[cfg(test)]
mod vectors;

pub use control::Control;
pub use exit::Exit;
pub use host::Host;
pub use program::Program;
