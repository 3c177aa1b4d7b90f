//! Accepts at one listening socket while the core has room for another handshake.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::connection;
use crate::listener::Listener;
use crate::pump;
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
    let has_room = state.process.can_accept(listener.exchange) || listener.is_closed();
    if !has_room && !state.full.iter().any(|full| Arc::ptr_eq(full, listener)) {
        state.full.push(Arc::clone(listener));
    }
    has_room
}

/// False: the exchange is closing.
fn accepted(listener: &Listener, shared: &Arc<Shared>, connected: Connected) -> bool {
    let Connected { stream, peer } = connected;
    pump::perform_with(shared, |effects| {
        shared.apply_state(effects, |state, now| {
            let conn = state.process.handle_accepted(now, listener.exchange, peer.address);
            if let Some(conn) = conn {
                connection::adopt(shared, state, conn, stream, None);
            }
            conn.is_some()
        })
    })
}
