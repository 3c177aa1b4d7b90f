//! Accepts at one listening socket while the core has room for another handshake.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::connection;
use crate::listener::Listener;
use crate::pump::{self, Turn};
use crate::shared::Shared;
use crate::sync::caught;
use crate::transport::Connected;

/// Accepting failed, most likely because there are no descriptors left: closing connections
/// helps, trying again at once does not.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(100);

/// The listener's task.
pub(crate) async fn run(listener: Arc<Listener>, shared: Arc<Shared>) {
    while caught(pin!(accept_all(&listener, &shared))).await.is_none() {
        sleep(PAUSE_AFTER_ERROR).await;
    }
}

async fn accept_all(listener: &Arc<Listener>, shared: &Arc<Shared>) {
    loop {
        if !has_room(listener, shared) {
            listener.kicked().await;
            continue;
        }
        match listener.accept().await {
            None => return,
            Some(Ok(connected)) => {
                if !accepted(listener, shared, connected) {
                    return listener.close();
                }
            }
            // The peer gave up while it waited in the backlog.
            Some(Err(error)) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Some(Err(_)) => sleep(PAUSE_AFTER_ERROR).await,
        }
    }
}

/// False: whoever makes room in the core kicks this listener. True when closed: accepting
/// tells.
fn has_room(listener: &Arc<Listener>, shared: &Shared) -> bool {
    let mut state = shared.lock();
    let now = shared.clock.now();
    let can_accept = state.process.can_accept(now, listener.exchange, listener.number);
    let has_room = can_accept || listener.is_closed();
    if !has_room && !state.full.iter().any(|full| Arc::ptr_eq(full, listener)) {
        state.full.push(Arc::clone(listener));
    }
    has_room
}

/// Reads the connection that the next would displace: what it said may lie in its socket, because
/// this process stood still.
fn read_before_displacing(listener: &Listener, shared: &Shared) {
    let displaced = {
        let state = shared.lock();
        let conn = state.process.next_displaced(shared.clock.now(), listener.number);
        conn.and_then(|conn| state.connections.get(&conn).cloned())
    };
    if let Some(connection) = displaced
        && pump::read(shared, &connection) == Turn::Ended
    {
        pump::end(shared, &connection);
    }
}

/// False: the exchange is closing.
fn accepted(listener: &Listener, shared: &Arc<Shared>, connected: Connected) -> bool {
    read_before_displacing(listener, shared);
    let Connected { stream, peer } = connected;
    pump::perform_with(shared, |effects| {
        shared.apply_state(effects, |state, now| {
            let newcomer = peer.newcomer(listener.number);
            let conn = state.process.handle_accepted(now, listener.exchange, newcomer);
            if let Some(conn) = conn {
                connection::adopt(shared, state, conn, stream, None);
            }
            conn.is_some()
        })
    })
}
