//! Where to connect and where to listen.

use std::fmt;
use std::path::PathBuf;

use super::scheme::Scheme;

/// Where a link connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A host name or address, resolved anew at each attempt.
    Tcp {
        /// Name or literal address (IPv6 without brackets).
        host: String,
        /// TCP port.
        port: u16,
        /// What carries the connection.
        scheme: Scheme,
    },
    /// A Unix socket. On platforms without them each attempt fails with `connect-failed`.
    Unix(PathBuf),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port, .. } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port, .. } => write!(f, "{host}:{port}"),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// Where an exchange listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenTarget {
    /// All addresses of all hosts, at one port.
    Tcp {
        /// Names or literal addresses. `::1` is left out on a machine without IPv6 if another
        /// host could be bound. `::` as the only host takes IPv4 connections too.
        hosts: Vec<String>,
        /// TCP port; 0: a free one, the same for all hosts.
        port: u16,
        /// What carries the connections.
        scheme: Scheme,
    },
    /// A Unix socket with mode 0660. A dead socket file is replaced; the file is removed on close.
    Unix(PathBuf),
}
