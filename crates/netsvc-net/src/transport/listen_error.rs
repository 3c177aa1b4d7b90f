//! Why listening failed.

use std::fmt::Display;
use std::io;

/// Why [`crate::Engine::listen`] failed. Nothing stays bound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ListenError {
    /// Stable, to branch on: `address-in-use`, `address-not-available`, `permission`,
    /// `resolve-failed`, `unsupported`, `invalid`, `closed`, `role` or `io`.
    pub code: &'static str,
    /// The same for people, with the particulars.
    pub message: String,
}

impl ListenError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// `place` is what could not be listened on.
    pub(crate) fn from_io(place: &dyn Display, error: &io::Error) -> Self {
        let code = match error.kind() {
            io::ErrorKind::AddrInUse => "address-in-use",
            io::ErrorKind::AddrNotAvailable => "address-not-available",
            io::ErrorKind::PermissionDenied => "permission",
            io::ErrorKind::InvalidInput => "invalid",
            io::ErrorKind::Unsupported => "unsupported",
            _ => "io",
        };
        Self::new(code, format!("cannot listen on {place}: {error}"))
    }
}
