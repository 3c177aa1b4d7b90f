//! The promises about links, over real sockets: one file for each kind.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

mod churn;
mod connecting;
#[cfg(unix)]
mod delegated_reads;
#[cfg(unix)]
mod draining;
mod listening;
#[cfg(target_os = "linux")]
mod loopback;
mod misbehaving;
mod panics;
mod relayed;
mod shares;
mod shutdown;
mod support;
mod traffic;
#[cfg(unix)]
mod unix_sockets;
