//! Processes and services that are visible here.

pub(crate) mod table;
pub(crate) mod watch;
