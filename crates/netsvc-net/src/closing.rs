//! Connections that are closed and not over: their peers may still be reading.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::connection::Connection;
use crate::patience::Patience;
use crate::runtime::Runtime;

const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

/// The last connections of an engine. A process that ends while something of a peer's is unread, or
/// on its way, resets the connection, and the peer's kernel may discard what this process said
/// last. Until it is dropped the I/O thread reads them to their ends, for a quarter of a second.
#[derive(Default)]
pub struct Closing {
    connections: Vec<Arc<Connection>>,
    /// Keeps the I/O thread.
    _runtime: Option<Arc<Runtime>>,
}

impl Closing {
    pub(crate) fn new(connections: Vec<Arc<Connection>>, runtime: Arc<Runtime>) -> Self {
        Self { connections, _runtime: Some(runtime) }
    }

    /// Waits, on any thread but the I/O thread, until all are over: their peers have read
    /// everything, or do not.
    pub fn wait(&self, patience: Patience) {
        while !self.are_over() && patience.wait() {}
    }

    /// As [`wait`](Self::wait), for a task; a quarter of a second at most.
    pub async fn over(&self) {
        while !self.are_over() {
            sleep(BETWEEN_LOOKS).await;
        }
    }

    fn are_over(&self) -> bool {
        self.connections.iter().all(|connection| connection.is_over())
    }
}
