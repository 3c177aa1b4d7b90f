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
use crate::connection::{BROKEN, CLOSE, Connection, GONE, OVER, WRITE, WRITE_WHEN_READY};
use crate::delegations::Delegations;
use crate::pump::{self, TURN, Turn};
use crate::shared::Shared;
use crate::state::State;
use crate::sync::caught;
use crate::transport::readiness::Readiness;
use crate::transport::stream::Stream;
use crate::turns::{self, Extent, Queued, SMALL};

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
        let turn = shared.turns.wait(true).await;
        pump::end(&shared, &connection);
        turn.end().await;
    }
    // Its delegate may hold the descriptor for some time yet; the peer need not wait for that.
    connection.stream.shutdown(Shutdown::Both);
    connection.oblige(OVER);
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
    let is_newcomer = || shared.lock().process.is_newcomer(connection.id);
    // What is left of either waits for the next long turn.
    let (mut to_go_on_reading, mut to_go_on_writing) = (false, false);
    let mut queued = None;
    loop {
        let to_write = connection.duties() & WRITE_WHEN_READY != 0;
        let is_delegated = connection.is_delegated();
        let to_read = (!is_delegated || waits_for_drainer()) && !connection.is_paused();
        if readiness.want(to_read, to_write, is_delegated).is_err() {
            return Served::Ended;
        }
        let (ready, turn) = ready(connection, readiness, &mut queued, to_go_on_reading).await;
        let duties = connection.duties();
        if duties & CLOSE != 0 {
            return Served::Closed;
        }
        if duties & GONE != 0 {
            return Served::Ended;
        }
        let turn = turn.unwrap_or_else(|| match &queued {
            None => shared.turns.begin(),
            Some(_) => turns::Turn::Small,
        });
        let (extent, mut moved) = (turn.extent(), 0);
        let is_long = extent != Extent::Small;
        let writes = duties & WRITE != 0 || ready.to_write;
        if writes {
            connection.discharge_writing();
        }
        // Who has told it to write has written what somebody waits for.
        if to_go_on_writing && is_long || writes && !to_go_on_writing {
            let (written, left) = readiness.write(|| {
                let written = pump::write_in_turn(shared, connection, extent);
                let left = connection.duties();
                ((written, left), left & WRITE_WHEN_READY != 0)
            });
            moved += written;
            to_go_on_writing = left & WRITE != 0;
        }
        // At the end there is no further edge to wait for, so that is read here.
        let ending = ready.ending || duties & BROKEN != 0;
        let may_read = ready.to_read && (is_long || !to_go_on_reading);
        // It may not be read any more.
        to_go_on_reading &= !is_long;
        if ready.to_read && !ending && waits_for_drainer() {
            // Forgotten before the drainer is told: what it does not find then wakes this task
            // again.
            readiness.read(|| ((), true));
            pump::tell_readable(shared, connection);
        } else if duties & BROKEN != 0 || may_read {
            let (turn, read) = readiness.read(|| {
                let (turn, moved) = pump::read_in_turn(shared, connection, extent);
                ((turn, moved), turn == Turn::Idle)
            });
            moved += read;
            to_go_on_reading = turn == Turn::More;
            match turn {
                Turn::Idle if duties & BROKEN != 0 => return Served::Ended,
                Turn::Idle | Turn::More => {}
                Turn::Ended => return Served::Ended,
            }
        }
        let goes_on = to_go_on_reading || to_go_on_writing;
        if is_long && (goes_on || moved > SMALL) {
            turn.end().await;
        } else if duties & BROKEN != 0 {
            yield_now().await;
        }
        if !goes_on {
            queued = None;
        } else if queued.is_none() {
            queued = Some(shared.turns.queue(is_newcomer()));
        }
    }
}

/// Waits for something to do, or for the turn to do it all. What is left to be read is no news.
async fn ready<'a>(
    connection: &Connection,
    readiness: &Readiness<'_>,
    queued: &mut Option<Queued<'a>>,
    is_left: bool,
) -> (Ready, Option<turns::Turn<'a>>) {
    let mut kicked = pin!(connection.kick.notified());
    let ready = poll_fn(|context| {
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
        let turn = match queued.as_mut().map(|queued| queued.as_mut().poll(context)) {
            Some(Poll::Ready(turn)) => Some(turn),
            _ => None,
        };
        let is_news = due || (to_read && !is_left) || to_write || kicked;
        if is_news || turn.is_some() {
            Poll::Ready((Ready { to_read, ending, to_write }, turn))
        } else {
            Poll::Pending
        }
    })
    .await;
    if ready.1.is_some() {
        *queued = None;
    }
    ready
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
