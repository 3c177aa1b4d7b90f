//! What carries bytes between processes: one [`Transport`] per file.
//!
//! A transport opens and accepts; a [`Stream`](stream::Stream) is what comes of that. Both are
//! called dynamically: each call stands beside a system call, which takes a hundred times as long,
//! and a new transport is thereby a file of its own and a [scheme](scheme::Scheme). Frames never
//! pass through a boxed future; only opening and listening do.
//!
//! A handshake of a transport's own belongs into [`Transport::open`], where the deadline of the
//! attempt bounds it, and into [`ListenSocket::poll_accept`], which has to bound it itself, in
//! number and in time: the core counts and judges a connection from when it is returned.

pub(crate) mod address;
pub(crate) mod bind;
pub(crate) mod connect;
pub(crate) mod listen_address;
pub(crate) mod listen_error;
#[cfg(unix)]
mod loopback;
pub(crate) mod peer;
#[cfg(unix)]
mod raw_socket;
pub(crate) mod readiness;
pub(crate) mod resolver;
pub(crate) mod scheme;
#[cfg(unix)]
mod socket_file;
pub(crate) mod stream;
mod tcp;
#[cfg(unix)]
mod unix;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use self::listen_address::ListenAddress;
use self::listen_error::ListenError;
use self::peer::Peer;
use self::stream::Stream;

/// A way to connect and to listen.
pub(crate) trait Transport: Send + Sync {
    /// An IP address and port, or a path.
    type Address: ?Sized;

    /// Connects. There is no deadline here: the future is dropped when the core gives up.
    fn open<'a>(
        &'a self,
        address: &'a Self::Address,
        options: OpenOptions,
    ) -> Pending<'a, io::Result<Connected>>;

    /// Binds and listens.
    fn listen<'a>(
        &'a self,
        address: &'a Self::Address,
        options: ListenOptions,
    ) -> Pending<'a, Result<Listening, ListenError>>;
}

pub(crate) type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a connection is opened for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenOptions {
    /// The dead time of its exchange.
    pub(crate) dead: Duration,
    /// Its reads are to be delegated, if the transport can.
    #[cfg_attr(not(unix), allow(dead_code, reason = "none can there"))]
    pub(crate) delegated_reads: bool,
}

/// What is listened for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListenOptions {
    /// The dead time of the exchange.
    pub(crate) dead: Duration,
    /// An unspecified IPv6 address takes IPv4 connections too.
    pub(crate) dual: bool,
}

/// A connection just made.
pub(crate) struct Connected {
    pub(crate) stream: Box<dyn Stream>,
    pub(crate) peer: Peer,
}

/// What one address is listened on with.
pub(crate) struct Listening {
    pub(crate) sockets: Vec<Box<dyn ListenSocket>>,
    /// With the port that was chosen, if that was left open.
    pub(crate) address: ListenAddress,
}

/// A bound, listening socket; closed when dropped.
pub(crate) trait ListenSocket: Send {
    /// `ConnectionAborted`: that peer gave up, the next may be accepted at once.
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Connected>>;
}
