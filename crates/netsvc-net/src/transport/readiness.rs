//! What the I/O thread waits for at a socket.

use std::io;
use std::task::{Context, Poll};

#[cfg(unix)]
use std::sync::Arc;
#[cfg(unix)]
use tokio::io::{Interest, unix::AsyncFd};

use super::stream::Stream;

/// The readiness of one connection's stream, for its task. A stream that is registered with the I/O
/// thread for good stays so, and what is wanted here is of no consequence. One that is registered
/// [on demand](Stream::on_demand) is registered for what is wanted only: for reading, only if
/// nobody else reads, whom everything would wake, too; for writing, only while it is full, for a
/// Unix socket has room anew with each message that the peer receives.
pub(crate) struct Readiness<'a> {
    stream: &'a dyn Stream,
    #[cfg(unix)]
    registered: Option<(Interest, AsyncFd<Arc<socket2::Socket>>)>,
    /// For whom it is registered.
    #[cfg(unix)]
    delegated: bool,
}

impl<'a> Readiness<'a> {
    pub(crate) fn new(stream: &'a dyn Stream) -> Self {
        Self {
            stream,
            #[cfg(unix)]
            registered: None,
            #[cfg(unix)]
            delegated: false,
        }
    }

    /// What will be waited for. When reading is delegated, or no longer, the socket is
    /// found readable anew: whoever read it before may have left something. An error says that the
    /// operating system has no room for it.
    #[cfg(unix)]
    pub(crate) fn want(
        &mut self,
        to_read: bool,
        to_write: bool,
        delegated: bool,
    ) -> io::Result<()> {
        let Some(socket) = self.stream.on_demand() else { return Ok(()) };
        let wanted = match (to_read, to_write) {
            (false, false) => None,
            (false, true) => Some(Interest::WRITABLE),
            (true, false) => Some(Interest::READABLE),
            (true, true) => Some(Interest::READABLE | Interest::WRITABLE),
        };
        let registered = self.registered.as_ref().map(|(interest, _)| *interest);
        if wanted != registered || self.delegated != delegated {
            // One descriptor is registered once at a time.
            (self.registered, self.delegated) = (None, delegated);
            if let Some(interest) = wanted {
                #[allow(deprecated, reason = "sound for who owns the descriptor, and safe to call")]
                let registered = AsyncFd::with_interest(Arc::clone(socket), interest)?;
                self.registered = Some((interest, registered));
            }
        }
        Ok(())
    }

    #[cfg(not(unix))]
    pub(crate) fn want(&mut self, _read: bool, _write: bool, _delegated: bool) -> io::Result<()> {
        Ok(())
    }

    /// Pending for good while nobody wants to read. Whether the peer will write no more, if that
    /// can be told.
    pub(crate) fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        match self.stream.on_demand() {
            #[cfg(unix)]
            Some(_) => match &self.registered {
                Some((interest, registered)) if interest.is_readable() => {
                    let ready = registered.poll_read_ready(context);
                    ready.map_ok(|guard| guard.ready().is_read_closed())
                }
                _ => Poll::Pending,
            },
            _ => self.stream.poll_read_ready(context).map_ok(|()| false),
        }
    }

    /// Pending for good while nobody wants to write.
    pub(crate) fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.stream.on_demand() {
            #[cfg(unix)]
            Some(_) => match &self.registered {
                Some((_, registered)) => {
                    registered.poll_write_ready(context).map_ok(|mut guard| guard.retain_ready())
                }
                None => Poll::Pending,
            },
            _ => self.stream.poll_write_ready(context),
        }
    }

    /// Reads by `read`, which says whether the socket is empty then; if so, waits for more next.
    pub(crate) fn read<R>(&self, mut read: impl FnMut() -> (R, bool)) -> R {
        #[cfg(unix)]
        if let Some((_, registered)) = &self.registered {
            return attempt(registered, Interest::READABLE, read);
        }
        read().0
    }

    /// Writes by `write`, which says whether the socket is full then; if so, waits for room next.
    pub(crate) fn write<R>(&self, mut write: impl FnMut() -> (R, bool)) -> R {
        #[cfg(unix)]
        if let Some((_, registered)) = &self.registered {
            return attempt(registered, Interest::WRITABLE, write);
        }
        write().0
    }
}

/// Does `work`, ready or not; forgets that the socket is ready when `work` says that it is not,
/// unless it became so meanwhile.
#[cfg(unix)]
fn attempt<R>(
    registered: &AsyncFd<Arc<socket2::Socket>>,
    interest: Interest,
    mut work: impl FnMut() -> (R, bool),
) -> R {
    let mut done = None;
    let _ = registered.try_io(interest, |_| {
        let (result, exhausted) = work();
        done = Some(result);
        if exhausted { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
    });
    // It is not ready, so there is nothing to forget.
    done.unwrap_or_else(|| work().0)
}
