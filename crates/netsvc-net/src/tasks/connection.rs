//! What the task of a connection does: waits for its socket, reads, and writes what is left over.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::connection::{BROKEN, CLOSE, Connection, GONE, TURN, Turn, WRITE, WRITE_WHEN_READY};
use crate::driver::Driver;
use crate::sync::caught;
use crate::transport::readiness::Readiness;

/// A connection that this end closed is drained for this long and this many bytes: closing a
/// socket with unread bytes resets it, and the peer could lose the reason just written.
const LINGER: Duration = Duration::from_millis(250);
const LINGER_BYTES: usize = 1 << 20;

#[derive(Clone, Copy, Debug)]
struct Ready {
    to_read: bool,
    /// The peer writes no more, or the socket has failed.
    ending: bool,
    to_write: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Served {
    /// The core closed the connection.
    Closed,
    /// The connection ended.
    Ended,
}

/// The connection's task.
pub(crate) async fn run(connection: Arc<Connection>, driver: Arc<Driver>) {
    let mut readiness = Readiness::new(&connection.socket);
    let served = caught(pin!(serve(&connection, &driver, &mut readiness))).await;
    if served == Some(Served::Closed) {
        let _ = timeout(LINGER, discard(&connection, &mut readiness)).await;
    } else {
        connection.end(&driver);
    }
    // Its borrower may hold the descriptor for some time yet.
    connection.socket.finish();
}

async fn serve(
    connection: &Arc<Connection>,
    driver: &Driver,
    readiness: &mut Readiness<'_>,
) -> Served {
    loop {
        let to_write = connection.duties() & WRITE_WHEN_READY != 0;
        let is_lent = connection.is_lent();
        let to_read = !is_lent || driver.waits_for_drainer(connection);
        if readiness.want(to_read, to_write, is_lent).is_err() {
            return Served::Ended;
        }
        let ready = ready(connection, readiness).await;
        let duties = connection.duties();
        if duties & CLOSE != 0 {
            return Served::Closed;
        }
        if duties & GONE != 0 {
            return Served::Ended;
        }
        if duties & WRITE != 0 || ready.to_write {
            connection.discharge_writing();
            let left = readiness.write(|| {
                driver.perform_with(|effects| connection.write(driver, &mut { TURN }, effects));
                let left = connection.duties();
                (left, left & WRITE_WHEN_READY != 0)
            });
            if left & WRITE != 0 {
                yield_now().await;
            }
        }
        // At the end there is no further edge to wait for, so that is read here.
        let ending = ready.ending || duties & BROKEN != 0;
        if ready.to_read && !ending && driver.waits_for_drainer(connection) {
            // Forgotten before the drainer is told: what it does not find then wakes this task again.
            readiness.read(|| ((), true));
            if driver.note_readable(Arc::clone(connection)) {
                driver.signal.raise();
            }
        } else if ready.to_read || duties & BROKEN != 0 {
            let turn = readiness.read(|| {
                let turn = connection.read(driver);
                (turn, turn == Turn::Idle)
            });
            match turn {
                Turn::Idle if duties & BROKEN != 0 => return Served::Ended,
                Turn::Idle => {}
                Turn::More => yield_now().await,
                Turn::Ended => return Served::Ended,
            }
        }
    }
}

/// Waits for something to do.
async fn ready(connection: &Connection, readiness: &Readiness<'_>) -> Ready {
    let mut kicked = pin!(connection.kick.notified());
    poll_fn(|context| {
        let duties = connection.duties();
        let due = duties & (CLOSE | WRITE | BROKEN | GONE) != 0;
        // Errors make a socket ready too; they show when it is used.
        let to_read = readiness.poll_read_ready(context);
        let ending = matches!(to_read, Poll::Ready(Ok(true) | Err(_)));
        let to_read = to_read.is_ready();
        let to_write =
            duties & WRITE_WHEN_READY != 0 && readiness.poll_write_ready(context).is_ready();
        let kicked = kicked.as_mut().poll(context).is_ready();
        if due || to_read || to_write || kicked {
            Poll::Ready(Ready { to_read, ending, to_write })
        } else {
            Poll::Pending
        }
    })
    .await
}

/// Reads to the end, for nobody.
async fn discard(connection: &Connection, readiness: &mut Readiness<'_>) {
    let mut buffer = BytesMut::with_capacity(TURN / 16);
    let mut left = LINGER_BYTES;
    if readiness.want(true, false, false).is_err() {
        return;
    }
    while left > 0 {
        if poll_fn(|context| readiness.poll_read_ready(context)).await.is_err() {
            return;
        }
        buffer.clear();
        let read = readiness.read(|| {
            let read = connection.socket.read(&mut (&mut buffer).limit(TURN / 16));
            let empty = matches!(&read, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
            (read, empty)
        });
        match read {
            Ok(read) if read.count == 0 => return,
            Ok(read) => left = left.saturating_sub(read.count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}
