//! The outbound side of a connection: from the core's outbox into the socket.

use std::io::{self, IoSlice};
use std::ops::ControlFlow;

use bytes::Bytes;
use netsvc_core::ConnId;
use netsvc_core::wire::WriteBatch;

use crate::connection::combiner::Baton;
use crate::driver::Driver;
use crate::state::Effects;
use crate::transport::stream::Socket;

/// Encoded bytes on their way into a socket. Everything else waits in the core's outbox, where
/// its policy applies.
pub(crate) struct Writer {
    batch: Baton<WriteBatch>,
}

/// What keeps an attempt to write from writing everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// The socket takes no more for now.
    Full,
    /// The caller's share is used up.
    Share,
    /// The connection is gone.
    Broken,
}

/// Bytes moved from the outbox at once: the most that is encoded under the registry's mutex.
const CHUNK: usize = 64 << 10;
/// Slices of one system call. More gain nothing measurable, and the array lives on the stack.
const SLICES: usize = 64;

impl Writer {
    pub(crate) fn new() -> Self {
        Self { batch: Baton::new(WriteBatch::new()) }
    }

    /// Writes until the outbox is empty, or an obstacle is met; `share` bytes at most, of which it
    /// takes off what it used. Whoever put something into the outbox calls this afterwards.
    pub(crate) fn write(
        &self,
        conn: ConnId,
        socket: &Socket,
        driver: &Driver,
        share: &mut usize,
        effects: &mut Effects,
    ) -> ControlFlow<Obstacle> {
        self.batch.work(|batch| write_batch(batch, conn, socket, driver, share, effects))
    }

    /// As [`write`](Self::write), with `content` before what else there is: if nothing waits here, and
    /// `begin` has put the beginning of its frame into the batch. False: it has not been written.
    pub(crate) fn write_through(
        &self,
        conn: ConnId,
        socket: &Socket,
        driver: &Driver,
        (begin, content): (impl FnOnce(&mut WriteBatch, &mut Effects) -> bool, &[u8]),
        share: &mut usize,
        effects: &mut Effects,
    ) -> (bool, ControlFlow<Obstacle>) {
        let (mut begin, mut done) = (Some(begin), false);
        let flow = self.batch.work(|batch| {
            if let Some(begin) = begin.take()
                && batch.is_empty()
                && begin(batch, effects)
            {
                done = true;
                let Ok(written) = write_with(batch, content, socket) else {
                    return ControlFlow::Break(Obstacle::Broken);
                };
                *share = share.saturating_sub(written);
                let left = batch.len();
                driver.apply(effects, |process, now| process.handle_written(now, conn, left));
                if left > 0 {
                    return ControlFlow::Break(Obstacle::Full);
                }
            }
            write_batch(batch, conn, socket, driver, share, effects)
        });
        (done, flow)
    }

    /// Writes what has left the outbox already, as far as the socket takes it at once.
    pub(crate) fn write_rest(&self, socket: &Socket) {
        self.batch.try_with(|batch| {
            while !batch.is_empty() && write_once(batch, socket).is_ok() {}
            batch.clear();
        });
    }
}

fn write_batch(
    batch: &mut WriteBatch,
    conn: ConnId,
    socket: &Socket,
    driver: &Driver,
    share: &mut usize,
    effects: &mut Effects,
) -> ControlFlow<Obstacle> {
    let mut wrote = false;
    loop {
        if wrote || batch.is_empty() {
            driver.apply(effects, |process, now| {
                if wrote {
                    process.handle_written(now, conn, batch.len());
                }
                if batch.is_empty() {
                    process.poll_write(now, conn, batch, CHUNK);
                }
            });
        }
        if batch.is_empty() {
            return ControlFlow::Continue(());
        }
        if *share == 0 {
            return ControlFlow::Break(Obstacle::Share);
        }
        match write_once(batch, socket) {
            Ok(count) => {
                *share = share.saturating_sub(count);
                wrote = true;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return ControlFlow::Break(Obstacle::Full);
            }
            Err(_) => return ControlFlow::Break(Obstacle::Broken),
        }
    }
}

/// Writes the batch and `content` at once; copies what is left of that into the batch.
fn write_with(batch: &mut WriteBatch, content: &[u8], socket: &Socket) -> io::Result<usize> {
    let head = batch.len();
    let mut slices = [IoSlice::new(&[]); SLICES];
    let used = batch.slices(&mut slices[..SLICES - 1]);
    slices[used] = IoSlice::new(content);
    let result = match write_slices(&slices[..=used], socket) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        result => result,
    };
    // Also after an error: whoever tries once more must not go on behind half a frame.
    let written = *result.as_ref().unwrap_or(&0);
    batch.advance(written.min(head));
    let rest = content.get(written.saturating_sub(head)..).unwrap_or_default();
    batch.push(Bytes::copy_from_slice(rest));
    result
}

fn write_once(batch: &mut WriteBatch, socket: &Socket) -> io::Result<usize> {
    let mut slices = [IoSlice::new(&[]); SLICES];
    let used = batch.slices(&mut slices);
    let count = write_slices(&slices[..used], socket)?;
    batch.advance(count);
    Ok(count)
}

/// 0: interrupted.
fn write_slices(slices: &[IoSlice<'_>], socket: &Socket) -> io::Result<usize> {
    match socket.write_vectored(slices) {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
        result => result,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_could_not_be_written_with_the_batch_is_in_it_after_an_error_too() -> io::Result<()> {
        let (near, far) = std::os::unix::net::UnixStream::pair()?;
        near.set_nonblocking(true)?;
        let socket = Socket::Loose(Arc::new(near.into()));
        let content = vec![7; 1 << 20];
        let mut batch = WriteBatch::new();
        batch.push(Bytes::from_static(b"head"));
        // As much as fits.
        let written = write_with(&mut batch, &content, &socket)?;
        assert!(written > 0 && written < content.len());
        assert_eq!(batch.len(), 4 + content.len() - written);
        // Nothing fits, and then nobody is there.
        for gone in [false, true] {
            let mut batch = WriteBatch::new();
            batch.push(Bytes::from_static(b"head"));
            if gone {
                far.shutdown(std::net::Shutdown::Both)?;
            }
            assert_eq!(write_with(&mut batch, &content, &socket).is_err(), gone);
            assert_eq!(batch.len(), 4 + content.len());
        }
        Ok(())
    }
}
