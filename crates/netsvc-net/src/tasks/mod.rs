//! What runs on the I/O thread.

pub(crate) mod accept;
pub(crate) mod connection;
pub(crate) mod read_watchdog;
pub(crate) mod timer;
