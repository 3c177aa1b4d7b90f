//! Reads connections whose delegate is busy with something else.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::shared::Shared;

/// Between two looks: what arrives for a delegate that is busy waits for up to twice this.
const LOOK: Duration = Duration::from_millis(250);

/// The watchdog's task; ends when the engine was shut down.
pub(crate) async fn run(shared: Arc<Shared>) {
    let Some(delegations) = &shared.delegations else { return };
    let mut counted = 0;
    while !shared.lock().shut {
        let connections = delegations.connections();
        let before = mem::replace(&mut counted, delegations.turns.counted());
        let at_work = counted != before;
        for connection in &connections {
            if connection.take_back_if_neglected(at_work) {
                delegations.want_service();
            }
        }
        let begun = delegations.begun.notified();
        if connections.is_empty() {
            begun.await;
        } else {
            drop(connections);
            // An error is the expected end of the wait.
            let _ = timeout(LOOK, begun).await;
        }
    }
}
