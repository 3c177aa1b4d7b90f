//! One established connection: what its task does, and how it ends.

use std::future::{Future, poll_fn};
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use netsvc_core::ConnId;
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::driver::Driver;
use crate::reader::Reader;
use crate::registry::Effects;
use crate::scratch;
use crate::socket::Socket;
use crate::sync::{caught, lock};
use crate::writer::{Obstacle, Writer};

/// A connection. Any thread may write; the task reads and writes what is left over.
pub(crate) struct Connection {
    pub(crate) id: ConnId,
    socket: Socket,
    reader: Mutex<Reader>,
    writer: Writer,
    /// What the task is to do, see the constants below; changed before `kick`.
    duties: AtomicU8,
    kick: Notify,
}

/// The core has closed the connection.
const CLOSE: u8 = 1;
/// Something is left to be written.
const WRITE: u8 = 2;
/// Something is left to be written as soon as the socket takes it.
const WRITE_WHEN_READY: u8 = 4;
/// Writing failed: read what the peer still said, then end.
const BROKEN: u8 = 8;

/// A connection yields to the others after this many bytes in one direction.
const TURN: usize = 256 << 10;
/// A connection that this end closed is drained for this long and this many bytes: closing a
/// socket with unread bytes resets it, and the peer could lose the reason just written.
const LINGER: Duration = Duration::from_millis(250);
const LINGER_BYTES: usize = 1 << 20;

/// How a turn of reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// The socket is empty.
    Idle,
    /// More may be there.
    More,
    /// The peer is gone.
    Ended,
}

impl Connection {
    pub(crate) fn new(id: ConnId, socket: Socket, reader: Reader) -> Self {
        Self {
            id,
            socket,
            reader: Mutex::new(reader),
            writer: Writer::new(),
            duties: AtomicU8::new(0),
            kick: Notify::new(),
        }
    }

    /// Writes at most `share` bytes without waiting; leaves the rest to the task.
    pub(crate) fn write(&self, driver: &Driver, share: &mut usize, effects: &mut Effects) {
        match self.writer.write(self.id, &self.socket, driver, share, effects) {
            ControlFlow::Continue(()) => {}
            ControlFlow::Break(Obstacle::Share) => self.oblige(WRITE),
            ControlFlow::Break(Obstacle::Full) => self.oblige(WRITE_WHEN_READY),
            ControlFlow::Break(Obstacle::Broken) => self.oblige(BROKEN),
        }
    }

    /// The core has closed it: what is encoded already is written if that needs no waiting.
    pub(crate) fn close(&self) {
        self.writer.write_rest(&self.socket);
        self.socket.finish_writing();
        self.oblige(CLOSE);
    }

    /// The connection's task.
    pub(crate) async fn run(self: Arc<Self>, driver: Arc<Driver>) {
        let closed = caught(self.serve(&driver)).await == Some(Served::Closed);
        if closed {
            let _ = timeout(LINGER, self.discard()).await;
        } else {
            driver.connection_ended(self.id);
        }
    }

    async fn serve(&self, driver: &Driver) -> Served {
        loop {
            let ready = self.ready().await;
            let duties = self.duties.load(Ordering::Acquire);
            if duties & CLOSE != 0 {
                return Served::Closed;
            }
            if duties & WRITE != 0 || ready.to_write {
                self.duties.fetch_and(!(WRITE | WRITE_WHEN_READY), Ordering::AcqRel);
                driver.perform_with(|effects| self.write(driver, &mut { TURN }, effects));
                if self.duties.load(Ordering::Acquire) & WRITE != 0 {
                    yield_now().await;
                }
            }
            if ready.to_read || duties & BROKEN != 0 {
                match self.read(driver) {
                    Turn::Idle if duties & BROKEN != 0 => return Served::Ended,
                    Turn::Idle => {}
                    Turn::More => yield_now().await,
                    Turn::Ended => return Served::Ended,
                }
            }
        }
    }

    /// Waits for something to do.
    async fn ready(&self) -> Ready {
        let mut kicked = pin!(self.kick.notified());
        poll_fn(|context| {
            let duties = self.duties.load(Ordering::Acquire);
            let due = duties & (CLOSE | WRITE | BROKEN) != 0;
            // Errors make a socket ready too; they show when it is used.
            let to_read = self.socket.poll_read_ready(context).is_ready();
            let to_write =
                duties & WRITE_WHEN_READY != 0 && self.socket.poll_write_ready(context).is_ready();
            let kicked = kicked.as_mut().poll(context).is_ready();
            if due || to_read || to_write || kicked {
                Poll::Ready(Ready { to_read, to_write })
            } else {
                Poll::Pending
            }
        })
        .await
    }

    /// Reads and applies one turn's share.
    fn read(&self, driver: &Driver) -> Turn {
        let mut left = TURN;
        loop {
            let turn = driver.perform_with(|effects| self.read_once(driver, &mut left, effects));
            match turn {
                Turn::More if left > 0 => {}
                turn => return turn,
            }
        }
    }

    fn read_once(&self, driver: &Driver, left: &mut usize, effects: &mut Effects) -> Turn {
        let mut reader = lock(&self.reader);
        let read = match reader.fill(&self.socket) {
            Ok(read) if read.count == 0 => return Turn::Ended,
            Ok(read) => read,
            Err(error) => {
                return match error.kind() {
                    std::io::ErrorKind::WouldBlock => Turn::Idle,
                    std::io::ErrorKind::Interrupted => Turn::More,
                    _ => Turn::Ended,
                };
            }
        };
        *left = left.saturating_sub(read.count);
        scratch::with_messages(|messages| {
            loop {
                let decoded = reader.decode(messages);
                driver.apply(effects, |process, now| {
                    process.handle_received(now, self.id);
                    if !messages.is_empty() {
                        process.handle_messages(now, self.id, messages);
                    }
                    if let Err(error) = &decoded {
                        process.handle_wire_error(now, self.id, error);
                    }
                });
                if !matches!(decoded, Ok(true)) {
                    break;
                }
            }
        });
        if read.maybe_more { Turn::More } else { Turn::Idle }
    }

    /// Reads to the end, for nobody.
    async fn discard(&self) {
        let mut buffer = BytesMut::with_capacity(TURN / 16);
        let mut left = LINGER_BYTES;
        while left > 0 {
            if poll_fn(|context| self.socket.poll_read_ready(context)).await.is_err() {
                return;
            }
            buffer.clear();
            match self.socket.read(&mut bytes::BufMut::limit(&mut buffer, TURN / 16)) {
                Ok(read) if read.count == 0 => return,
                Ok(read) => left = left.saturating_sub(read.count),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }

    fn oblige(&self, duty: u8) {
        // While the socket is full every writer says so, and the task need hear it only once.
        if self.duties.fetch_or(duty, Ordering::AcqRel) & duty == 0 {
            self.kick.notify_one();
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Ready {
    to_read: bool,
    to_write: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Served {
    /// The core closed the connection.
    Closed,
    /// The connection ended; the core does not know yet.
    Ended,
}
