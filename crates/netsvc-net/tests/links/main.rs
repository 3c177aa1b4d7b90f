//! The promises about links, over real sockets: one file for each kind.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

mod churn;
mod connecting;
#[cfg(unix)]
mod draining;
#[cfg(unix)]
mod lending;
mod listening;
mod misbehaving;
#[cfg(target_os = "linux")]
mod shortcut;
mod shutdown;
mod support;
mod traffic;
#[cfg(unix)]
mod unix_sockets;
