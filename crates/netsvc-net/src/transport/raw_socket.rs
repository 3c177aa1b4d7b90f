//! A stream socket that is registered with nobody: TCP's if its reads are delegated, and every Unix
//! socket.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::stream::{Read, Stream};

/// Shared with who waits for it.
pub(crate) struct RawSocket(Arc<socket2::Socket>);

impl RawSocket {
    /// `socket` must not block.
    pub(crate) fn new(socket: socket2::Socket) -> Self {
        Self(Arc::new(socket))
    }
}

impl Stream for RawSocket {
    fn read(&self, bytes: &mut [u8]) -> io::Result<Read> {
        let count = io::Read::read(&mut &*self.0, bytes)?;
        Ok(Read { count, maybe_more: count == bytes.len() })
    }

    fn read_spare(&self, bytes: &mut Vec<u8>) -> io::Result<Read> {
        let room = bytes.capacity() - bytes.len();
        let spare = rustix::buffer::spare_capacity(bytes);
        let (count, _) = rustix::net::recv(&self.0, spare, rustix::net::RecvFlags::empty())?;
        Ok(Read { count, maybe_more: count == room })
    }

    fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match slices {
            // The system call for one slice costs less.
            [slice] => io::Write::write(&mut &*self.0, slice),
            _ => io::Write::write_vectored(&mut &*self.0, slices),
        }
    }

    fn poll_read_ready(&self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn poll_write_ready(&self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn shutdown(&self, how: Shutdown) {
        let _ = self.0.shutdown(how);
    }

    fn direct_writes(&self) -> bool {
        true
    }

    fn on_demand(&self) -> Option<&Arc<socket2::Socket>> {
        Some(&self.0)
    }

    fn delegated_reads(&self) -> Option<&Arc<socket2::Socket>> {
        Some(&self.0)
    }
}
