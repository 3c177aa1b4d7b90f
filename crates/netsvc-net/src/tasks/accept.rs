//! One listening socket: accepts while the core has room for another handshake.

use std::future::{Future, poll_fn};
use std::io;
#[cfg(unix)]
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use netsvc_core::{ExchangeId, Str};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::driver::Driver;
use crate::sync::{caught, lock};
#[cfg(unix)]
use crate::transport::socket_file::SocketFile;
use crate::transport::stream::Socket;

/// A listening socket that any thread can close at once.
pub(crate) struct Listener {
    pub(crate) exchange: ExchangeId,
    /// Dead time of the exchange.
    dead: Duration,
    /// `None`: closed. The task holds the mutex only while it looks, so that closing need not
    /// wait for it: the address is free when `close` returns.
    socket: Mutex<Option<ListenSocket>>,
    /// Closed, or the core has room again.
    kick: Notify,
}

/// A bound, listening socket of either kind.
pub(crate) enum ListenSocket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix {
        /// Removed from the file system before the socket closes, so that nobody finds it dead.
        file: SocketFile,
        listener: UnixListener,
    },
    /// Beside a TCP address, see `shortcut.rs`.
    #[cfg(unix)]
    Shortcut {
        address: SocketAddr,
        listener: UnixListener,
    },
}

/// Accepting failed, most likely because there are no descriptors left: closing connections
/// helps, trying again at once does not.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(100);

impl Listener {
    pub(crate) fn new(exchange: ExchangeId, dead: Duration, socket: ListenSocket) -> Self {
        Self { exchange, dead, socket: Mutex::new(Some(socket)), kick: Notify::new() }
    }

    pub(crate) fn close(&self) {
        drop(lock(&self.socket).take());
        self.kick();
    }

    pub(crate) fn kick(&self) {
        self.kick.notify_one();
    }

    /// The listener's task.
    pub(crate) async fn run(self: Arc<Self>, driver: Arc<Driver>) {
        while caught(pin!(self.accept_all(&driver))).await.is_none() {
            sleep(PAUSE_AFTER_ERROR).await;
        }
    }

    async fn accept_all(self: &Arc<Self>, driver: &Driver) {
        loop {
            if !self.has_room(driver) {
                self.kick.notified().await;
                continue;
            }
            match self.accept().await {
                None => return,
                Some(Ok((socket, address))) => {
                    if !driver.accepted(self.exchange, socket, address) {
                        return self.close();
                    }
                }
                // The peer gave up while it waited in the backlog.
                Some(Err(error)) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Some(Err(_)) => sleep(PAUSE_AFTER_ERROR).await,
            }
        }
    }

    /// False: whoever makes room in the core kicks this listener. True when closed: accepting
    /// tells.
    fn has_room(self: &Arc<Self>, driver: &Driver) -> bool {
        let mut registry = driver.lock();
        let has_room = registry.process.can_accept(self.exchange) || self.is_closed();
        if !has_room && !registry.full.iter().any(|listener| Arc::ptr_eq(listener, self)) {
            registry.full.push(Arc::clone(self));
        }
        has_room
    }

    fn is_closed(&self) -> bool {
        lock(&self.socket).is_none()
    }

    /// `None`: closed.
    async fn accept(&self) -> Option<io::Result<(Socket, Str)>> {
        loop {
            let mut kicked = pin!(self.kick.notified());
            let accepted = poll_fn(|context| {
                let accepted = match &*lock(&self.socket) {
                    None => return Poll::Ready(Some(None)),
                    Some(socket) => socket.poll_accept(context, self.dead),
                };
                match accepted {
                    Poll::Ready(accepted) => Poll::Ready(Some(Some(accepted))),
                    Poll::Pending => kicked.as_mut().poll(context).map(|()| None),
                }
            })
            .await;
            if let Some(accepted) = accepted {
                return accepted;
            }
        }
    }
}

impl ListenSocket {
    fn poll_accept(
        &self,
        context: &mut Context<'_>,
        dead: Duration,
    ) -> Poll<io::Result<(Socket, Str)>> {
        match self {
            Self::Tcp(listener) => listener.poll_accept(context).map(|accepted| {
                let (stream, address) = accepted?;
                // Options cannot be set once the peer has reset the connection.
                let socket =
                    Socket::tcp(stream, dead).map_err(|_| io::ErrorKind::ConnectionAborted)?;
                Ok((socket, address.to_string().into()))
            }),
            #[cfg(unix)]
            Self::Unix { listener, file } => listener
                .poll_accept(context)
                .map(|accepted| Ok((Socket::unix(accepted?.0)?, file.to_string().into()))),
            // The peer has no address of its own.
            #[cfg(unix)]
            Self::Shortcut { listener, address } => listener
                .poll_accept(context)
                .map(|accepted| Ok((Socket::unix(accepted?.0)?, address.to_string().into()))),
        }
    }
}
