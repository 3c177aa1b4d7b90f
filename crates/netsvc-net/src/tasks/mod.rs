//! What runs on the I/O thread: one file per kind of task.

pub(crate) mod accept;
pub(crate) mod attempt;
pub(crate) mod connection;
pub(crate) mod read_watchdog;
pub(crate) mod timer;
