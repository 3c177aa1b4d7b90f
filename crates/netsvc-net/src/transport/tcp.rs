//! TCP.

use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BufMut;
use socket2::{Domain, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream};

use super::listen_address::ListenAddress;
use super::listen_error::ListenError;
use super::peer::Peer;
#[cfg(unix)]
use super::raw_socket::RawSocket;
use super::stream::{Read, Stream};
use super::{Connected, ListenOptions, ListenSocket, Listening, OpenOptions};
use super::{Pending, Transport};

/// Connections that the kernel keeps while the core has no room for their handshakes; the kernel
/// lowers it to its own limit.
pub(super) const BACKLOG: i32 = 1024;

/// Sent data may stay unacknowledged for the dead time of the link's exchange, but for this long at
/// least: a peer that is stopped for a moment and lets its window close is not dead, and the core
/// closes slow consumers by its own rule before that.
///
/// Without it a dead peer would only be noticed by the heartbeat, and the kernel would keep
/// retransmitting for minutes after that.
const LEAST_PATIENCE: Duration = Duration::from_secs(15);

/// With edge-triggered readiness (epoll, kqueue) a read that did not fill its buffer emptied the
/// socket. Windows re-arms only after a read that failed.
const SHORT_READ_MEANS_EMPTY: bool = cfg!(unix);

/// TCP and nothing else.
pub(super) struct Tcp;

impl Transport for Tcp {
    type Address = SocketAddr;

    fn open<'a>(
        &'a self,
        address: &'a SocketAddr,
        options: OpenOptions,
    ) -> Pending<'a, io::Result<Connected>> {
        Box::pin(async move {
            let stream = TcpStream::connect(*address).await?;
            if stream.local_addr()? == stream.peer_addr()? {
                // TCP connects a socket to itself when its own random port is the one it calls,
                // which happens to whoever retries a local port for long. It would also keep the
                // port from the hub; reset, it is free at once.
                let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            configure(&stream, options.dead)?;
            #[cfg(unix)]
            if options.delegated_reads {
                let socket = RawSocket::new(stream.into_std()?.into());
                return Ok(Connected { stream: Box::new(socket), peer: Peer::at(address) });
            }
            Ok(Connected { stream: Box::new(stream), peer: Peer::at(address) })
        })
    }

    fn listen<'a>(
        &'a self,
        address: &'a SocketAddr,
        options: ListenOptions,
    ) -> Pending<'a, Result<Listening, ListenError>> {
        let listening = || {
            let (socket, address) = bind(*address, options.dual)?;
            let sockets = vec![listen(socket, options.dead)?];
            Ok(Listening { sockets, address: ListenAddress::Tcp(address) })
        };
        let listening = listening().map_err(|error| ListenError::from_io(address, &error));
        Box::pin(async move { listening })
    }
}

/// Binds, and tells the address with its port.
pub(super) fn bind(address: SocketAddr, dual: bool) -> io::Result<(Socket, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(!dual)?;
    }
    // Elsewhere the option would let two programs listen on one port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    let address = socket.local_addr()?.as_socket().unwrap_or(address);
    Ok((socket, address))
}

/// Listens on a bound socket. `dead`: the dead time of the exchange.
pub(super) fn listen(socket: Socket, dead: Duration) -> io::Result<Box<dyn ListenSocket>> {
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from_std(socket.into())?;
    Ok(Box::new(TcpListenSocket { listener, dead }))
}

struct TcpListenSocket {
    listener: TcpListener,
    dead: Duration,
}

impl ListenSocket for TcpListenSocket {
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Connected>> {
        self.listener.poll_accept(context).map(|accepted| {
            let (stream, address) = accepted?;
            // Options cannot be set once the peer has reset the connection.
            configure(&stream, self.dead).map_err(|_| io::ErrorKind::ConnectionAborted)?;
            Ok(Connected { stream: Box::new(stream), peer: Peer::from_ip(address) })
        })
    }
}

/// Sets what every connection of ours has, connected or accepted.
fn configure(stream: &TcpStream, dead: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let patience = dead.max(LEAST_PATIENCE);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    SockRef::from(stream).set_tcp_user_timeout(Some(patience))?;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = patience; // The heartbeat alone notices there.
    Ok(())
}

/// Registered with the I/O thread for good: nobody else waits for it.
impl Stream for TcpStream {
    fn read(&self, mut bytes: &mut [u8]) -> io::Result<Read> {
        self.read_buffer(&mut bytes)
    }

    fn read_buffer(&self, mut buffer: &mut dyn BufMut) -> io::Result<Read> {
        let room = buffer.remaining_mut();
        let mut short = None;
        let read = self.try_io(Interest::READABLE, || {
            let count = self.try_read_buf(&mut buffer)?;
            if SHORT_READ_MEANS_EMPTY && count > 0 && count < room {
                // Forgets that the socket is readable, which saves the read that would find it
                // empty. Whatever arrives from now on makes it readable again.
                short = Some(count);
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(count)
        });
        match (short, read) {
            (Some(count), _) => Ok(Read { count, maybe_more: false }),
            (None, Ok(count)) => Ok(Read { count, maybe_more: true }),
            (None, Err(error)) => Err(error),
        }
    }

    fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match slices {
            // The system call for one slice costs less.
            [slice] => self.try_write(slice),
            _ => self.try_write_vectored(slices),
        }
    }

    fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        TcpStream::poll_read_ready(self, context)
    }

    fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        TcpStream::poll_write_ready(self, context)
    }

    fn shutdown(&self, how: Shutdown) {
        // It is closed when it is dropped, soon after its task has ended, and nobody else has it.
        if how != Shutdown::Both {
            let _ = SockRef::from(self).shutdown(how);
        }
    }

    fn reads_buffers_directly(&self) -> bool {
        true
    }

    fn direct_writes(&self) -> bool {
        true
    }
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use super::*;

    #[test]
    fn patience_with_unacknowledged_data_is_the_dead_time_or_15_seconds() -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let _inside = runtime.enter();
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        for (dead, patience) in [(1, 15), (15, 15), (60, 60)] {
            let stream = std::net::TcpStream::connect(listener.local_addr()?)?;
            stream.set_nonblocking(true)?;
            let stream = TcpStream::from_std(stream)?;
            configure(&stream, Duration::from_secs(dead))?;
            let set = SockRef::from(&stream).tcp_user_timeout()?;
            assert_eq!(set, Some(Duration::from_secs(patience)));
        }
        Ok(())
    }
}
