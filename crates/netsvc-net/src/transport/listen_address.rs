//! Where an exchange turned out to listen.

use std::net::SocketAddr;
use std::path::PathBuf;

/// What an exchange listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// A bound TCP address.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}
