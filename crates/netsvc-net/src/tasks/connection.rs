//! What the task of a connection does: waits for its socket, reads, and writes what is left over.

use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use netsvc_core::ConnId;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::connection::read_owner::ReadOwner;
use crate::connection::reader::Reader;
use crate::connection::{BROKEN, CLOSE, Connection, GONE, WRITE, WRITE_WHEN_READY};
use crate::delegations::Delegations;
use crate::pump::{self, TURN, Turn, WRITE_TURN};
use crate::shared::Shared;
use crate::state::State;
use crate::sync::caught;
use crate::transport::readiness::Readiness;
use crate::transport::stream::Stream;

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

/// From now on the stream belongs to a task of its own. `None`: everything was dropped.
pub(super) fn adopt(
    shared: &Arc<Shared>,
    state: &mut State,
    conn: ConnId,
    stream: Box<dyn Stream>,
    owner: Option<ReadOwner>,
) -> Option<Arc<Connection>> {
    if state.shut {
        return None;
    }
    let reader = Reader::new(state.process.limits().payload);
    let connection = Arc::new(Connection::new(conn, stream, reader, owner));
    state.connections.insert(conn, Arc::clone(&connection));
    tokio::spawn(run(Arc::clone(&connection), Arc::clone(shared)));
    Some(connection)
}

/// The connection's task.
async fn run(connection: Arc<Connection>, shared: Arc<Shared>) {
    let mut readiness = Readiness::new(&*connection.stream);
    let served = caught(pin!(serve(&connection, &shared, &mut readiness))).await;
    connection.reader().end();
    if served == Some(Served::Closed) {
        let _ = timeout(LINGER, discard(&connection, &mut readiness)).await;
    } else {
        pump::end(&shared, &connection);
    }
    // Its delegate may hold the descriptor for some time yet; the peer need not wait for that.
    connection.stream.shutdown(Shutdown::Both);
}

async fn serve(
    connection: &Arc<Connection>,
    shared: &Shared,
    readiness: &mut Readiness<'_>,
) -> Served {
    let waits_for_drainer = || {
        let delegations: Option<&Delegations> = shared.delegations.as_ref();
        delegations.is_some_and(|delegations| delegations.waits_for_drainer(connection))
    };
    loop {
        let to_write = connection.duties() & WRITE_WHEN_READY != 0;
        let is_delegated = connection.is_delegated();
        let to_read = (!is_delegated || waits_for_drainer()) && !connection.is_paused();
        if readiness.want(to_read, to_write, is_delegated).is_err() {
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
                pump::perform_with(shared, |effects| {
                    pump::write(shared, connection, &mut { WRITE_TURN }, effects);
                });
                let left = connection.duties();
                (left, left & WRITE_WHEN_READY != 0)
            });
            if left & WRITE != 0 {
                yield_now().await;
            }
        }
        // At the end there is no further edge to wait for, so that is read here.
        let ending = ready.ending || duties & BROKEN != 0;
        if ready.to_read && !ending && waits_for_drainer() {
            // Forgotten before the drainer is told: what it does not find then wakes this task
            // again.
            readiness.read(|| ((), true));
            pump::tell_readable(shared, connection);
        } else if ready.to_read || duties & BROKEN != 0 {
            let turn = readiness.read(|| {
                let turn = pump::read(shared, connection);
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
        let to_read =
            if connection.is_paused() { Poll::Pending } else { readiness.poll_read_ready(context) };
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
    let mut bytes = vec![0; TURN / 16];
    let mut left = LINGER_BYTES;
    if readiness.want(true, false, false).is_err() {
        return;
    }
    while left > 0 {
        if poll_fn(|context| readiness.poll_read_ready(context)).await.is_err() {
            return;
        }
        let read = readiness.read(|| {
            let read = connection.stream.read(&mut bytes);
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
