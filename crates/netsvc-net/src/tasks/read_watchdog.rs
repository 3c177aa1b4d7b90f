//! Looks after lent connections whose borrower is busy with something else.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::driver::Driver;

/// Between two looks: what arrives for a borrower that is busy waits for up to twice this.
const LOOK: Duration = Duration::from_millis(250);

/// The guard's task; ends when the engine was shut down.
pub(crate) async fn run(driver: Arc<Driver>) {
    let Some(loans) = &driver.loans else { return };
    let mut counted = 0;
    while !driver.lock().shut {
        let connections = loans.connections();
        let before = mem::replace(&mut counted, loans.turns.counted());
        let at_work = counted != before;
        for connection in &connections {
            if connection.mind(at_work) {
                loans.want_service();
            }
        }
        let begun = loans.begun.notified();
        if connections.is_empty() {
            begun.await;
        } else {
            drop(connections);
            // An error is the expected end of the wait.
            let _ = timeout(LOOK, begun).await;
        }
    }
}
