//! A connected stream socket of either kind, usable from any thread without blocking.

use std::io::{self, IoSlice};
use std::net::Shutdown;
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd};
#[cfg(unix)]
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BufMut;
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

#[cfg(unix)]
use crate::scratch::with_bytes;

/// What the kernel keeps of what was sent through a Unix socket and not received yet, in bytes, if
/// it is allowed to (`net.core.wmem_max`). By default that is some 200 KiB, of which the kernel's
/// own records take the larger part when messages are small: sender and receiver then wait for each
/// other every time. From 1 MiB on nothing more is gained (measured: 1 KiB reports 1.1, 1 MiB
/// reports 1.9 times as many as by default). TCP sizes its buffers itself.
#[cfg(unix)]
const UNIX_SEND_BUFFER: usize = 1 << 20;

/// Sent data may stay unacknowledged for the dead time of the link's exchange, but for this long at
/// least: a peer that is stopped for a moment and lets its window close is not dead, and the core
/// closes slow consumers by its own rule before that.
///
/// Without it a dead peer would only be noticed by the heartbeat, and the kernel would keep
/// retransmitting for minutes after that.
const LEAST_PATIENCE: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    /// Of either kind, registered only for what is waited for (see `readiness.rs`): it can be lent.
    /// Shared with who waits for it.
    #[cfg(unix)]
    Loose(Arc<socket2::Socket>),
}

macro_rules! each {
    ($self:expr, $stream:ident => $body:expr, $loose:ident => $other:expr) => {
        match $self {
            Socket::Tcp($stream) => $body,
            #[cfg(unix)]
            Socket::Loose($loose) => $other,
        }
    };
}

impl Socket {
    /// Sets what every TCP connection of ours has, connected or accepted. `dead`: the dead time of
    /// its exchange.
    pub(crate) fn tcp(stream: TcpStream, dead: Duration) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let patience = dead.max(LEAST_PATIENCE);
        #[cfg(any(target_os = "linux", target_os = "android"))]
        SockRef::from(&stream).set_tcp_user_timeout(Some(patience))?;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let _ = patience; // The heartbeat alone notices there.
        Ok(Self::Tcp(stream))
    }

    /// Sets what every Unix socket of ours has, connected or accepted. Always a loose one: the kernel
    /// tells who is registered for writing of each message that the peer receives, and those who
    /// only read would be woken for nothing.
    #[cfg(unix)]
    pub(crate) fn unix(stream: UnixStream) -> io::Result<Self> {
        let socket: socket2::Socket = stream.into_std()?.into();
        // Where it may not be as large as that, it is as large as it may be.
        let _ = socket.set_send_buffer_size(UNIX_SEND_BUFFER);
        Ok(Self::Loose(Arc::new(socket)))
    }

    /// The same socket, registered nowhere.
    #[cfg(unix)]
    pub(crate) fn loosen(self) -> io::Result<Self> {
        match self {
            Self::Tcp(stream) => Ok(Self::Loose(Arc::new(stream.into_std()?.into()))),
            Self::Loose(_) => Ok(self),
        }
    }

    /// Reads once into `buffer`.
    pub(crate) fn read(&self, buffer: &mut impl BufMut) -> io::Result<Read> {
        let room = buffer.remaining_mut();
        let mut short = None;
        let read = each!(self, stream => stream.try_io(Interest::READABLE, || {
            let count = stream.try_read_buf(buffer)?;
            if SHORT_READ_MEANS_EMPTY && count > 0 && count < room {
                // Forgets that the socket is readable, which saves the read that would find it
                // empty. Whatever arrives from now on makes it readable again.
                short = Some(count);
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(count)
        }), socket => return read_loose(socket, buffer));
        match (short, read) {
            (Some(count), _) => Ok(Read { count, maybe_more: false }),
            (None, Ok(count)) => Ok(Read { count, maybe_more: true }),
            (None, Err(error)) => Err(error),
        }
    }

    /// Reads once into `bytes`, which only a loose socket does.
    #[cfg(unix)]
    pub(crate) fn read_slice(&self, bytes: &mut [u8]) -> Option<io::Result<Read>> {
        let Self::Loose(socket) = self else { return None };
        let read = io::Read::read(&mut &**socket, bytes);
        Some(read.map(|count| Read { count, maybe_more: count == bytes.len() }))
    }

    /// Reads once into what `bytes` has reserved and does not use; there must be some.
    pub(crate) fn read_spare(&self, bytes: &mut Vec<u8>) -> io::Result<Read> {
        let room = bytes.capacity() - bytes.len();
        #[cfg(unix)]
        if let Self::Loose(socket) = self {
            let spare = rustix::buffer::spare_capacity(bytes);
            let (count, _) = rustix::net::recv(socket, spare, rustix::net::RecvFlags::empty())?;
            return Ok(Read { count, maybe_more: count == room });
        }
        self.read(&mut bytes.limit(room))
    }

    pub(crate) fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        each!(self,
        // The system call for one slice costs less.
        stream => match slices {
            [slice] => stream.try_write(slice),
            _ => stream.try_write_vectored(slices),
        },
        socket => match slices {
            [slice] => io::Write::write(&mut &**socket, slice),
            _ => io::Write::write_vectored(&mut &**socket, slices),
        })
    }

    pub(crate) fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => stream.poll_read_ready(context), _socket => Poll::Pending)
    }

    pub(crate) fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => stream.poll_write_ready(context), _socket => Poll::Pending)
    }

    /// It can be lent.
    pub(crate) fn is_loose(&self) -> bool {
        each!(self, _stream => false, _socket => true)
    }

    /// Nothing more will be written; the peer reads what was and then the end.
    pub(crate) fn finish_writing(&self) {
        // An error says that the connection is gone already.
        let _ = each!(self,
            stream => SockRef::from(stream).shutdown(Shutdown::Write),
            socket => socket.shutdown(Shutdown::Write));
    }

    /// Nothing more is done with it. A loose socket may stay open for a while nevertheless, in the
    /// hands of its borrower; the peer need not wait for that.
    pub(crate) fn finish(&self) {
        each!(self, _stream => {}, socket => {
            // An error says that the connection is gone already.
            let _ = socket.shutdown(Shutdown::Both);
        });
    }

    /// Whether something can be read, be it the end. Only of a loose socket is that known.
    pub(crate) fn has_input(&self) -> bool {
        each!(self, _stream => false, socket => {
            let mut byte = [std::mem::MaybeUninit::uninit()];
            let peeked = socket.peek(&mut byte);
            !matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
        })
    }
}

#[cfg(unix)]
fn read_loose(socket: &socket2::Socket, buffer: &mut impl BufMut) -> io::Result<Read> {
    with_bytes(|bytes| {
        let room = buffer.remaining_mut().min(bytes.len());
        let count = io::Read::read(&mut &*socket, &mut bytes[..room])?;
        buffer.put_slice(&bytes[..count]);
        Ok(Read { count, maybe_more: count == room })
    })
}

#[cfg(unix)]
impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        each!(self, stream => stream.as_fd(), socket => socket.as_fd())
    }
}

/// What a read brought. `count` 0: the peer has finished writing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read {
    pub(crate) count: usize,
    /// False: the socket was empty afterwards.
    pub(crate) maybe_more: bool,
}

/// With edge-triggered readiness (epoll, kqueue) a read that did not fill its buffer emptied the
/// socket. Windows re-arms only after a read that failed.
const SHORT_READ_MEANS_EMPTY: bool = cfg!(unix);

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
            let socket = Socket::tcp(TcpStream::from_std(stream)?, Duration::from_secs(dead))?;
            let Socket::Tcp(stream) = &socket else { return Err(io::Error::other("not TCP")) };
            let set = SockRef::from(stream).tcp_user_timeout()?;
            assert_eq!(set, Some(Duration::from_secs(patience)));
        }
        Ok(())
    }
}
