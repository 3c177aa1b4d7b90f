//! A connection's bytes, whatever carries them.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BufMut;

use crate::scratch;

/// A connected stream, usable from any thread without blocking.
///
/// One thread reads at a time, and one writes, but both may happen at once. What takes no bytes or
/// has none says `WouldBlock`.
pub(crate) trait Stream: Send + Sync {
    /// Reads once into `bytes`, which may be the thread's [scratch] memory: it must not be used.
    fn read(&self, bytes: &mut [u8]) -> io::Result<Read>;

    /// Writes once. Bytes that are [kept back](Stream::flush) count as written: some ten KiB at
    /// most, because they count towards no limit.
    fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;

    /// The stream can be read, or is known to have failed. Not asked of one that is
    /// [registered on demand](Stream::on_demand).
    fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// As [`poll_read_ready`](Stream::poll_read_ready), for writing.
    fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// `Write`: the peer reads what was written and then the end. `Both`: nothing more is done with
    /// it. Errors are of no interest, they say that the connection is gone.
    fn shutdown(&self, how: Shutdown);

    /// Writes what earlier calls have taken and kept back, as a transport may that encodes. Called
    /// when nothing else is to be written; `WouldBlock` has it called again when there is room.
    fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    /// Reads once into the room that `buffer` has.
    fn read_buffer(&self, buffer: &mut dyn BufMut) -> io::Result<Read> {
        scratch::with_bytes(|bytes| {
            let room = buffer.remaining_mut().min(bytes.len());
            let read = self.read(&mut bytes[..room])?;
            buffer.put_slice(&bytes[..read.count]);
            Ok(read)
        })
    }

    /// Reads once into what `bytes` has reserved and does not use; there must be some.
    fn read_spare(&self, bytes: &mut Vec<u8>) -> io::Result<Read> {
        let room = bytes.capacity() - bytes.len();
        self.read_buffer(&mut bytes.limit(room))
    }

    /// Capability: [`read_buffer`](Stream::read_buffer) copies nothing, so that there is nothing to
    /// be gained by reading into the thread's memory first.
    fn reads_buffers_directly(&self) -> bool {
        false
    }

    /// Capability: whoever has a command writes, on its own thread. Otherwise the I/O thread does,
    /// but for the last words of an engine.
    fn direct_writes(&self) -> bool {
        false
    }

    /// Capability: the socket to wait for, which is registered with the I/O thread for what is
    /// wanted at the time, and with nobody otherwise. When it cannot be read, nothing is left in
    /// the stream.
    fn on_demand(&self) -> Option<&Arc<socket2::Socket>> {
        None
    }

    /// Capability: the socket that a thread of the application may wait for, so as to read in the
    /// I/O thread's stead. Requires [`on_demand`](Stream::on_demand).
    fn delegated_reads(&self) -> Option<&Arc<socket2::Socket>> {
        None
    }

    /// Whether something can be read, be it the end, as far as that is known.
    fn has_input(&self) -> bool {
        self.on_demand().is_some_and(|socket| {
            let peeked = socket.peek(&mut [std::mem::MaybeUninit::uninit()]);
            !matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
        })
    }
}

/// What a read brought. `count` 0: the peer has finished writing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read {
    pub(crate) count: usize,
    /// False: the stream was empty afterwards.
    pub(crate) maybe_more: bool,
}
