//! netsvcd as a process: what it tells, whom it serves, how it ends.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod configuration;
mod life;
mod service_manager;
mod support;
