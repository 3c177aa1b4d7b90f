//! When a burst is over, free memory is returned to the operating system.
//!
//! Memory can grow only by what peers send, is taken by what is written, and goes with a
//! connection. So nothing is done in a process at rest, and what it costs in a busy one is bounded
//! by what moved.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

/// Bytes after which there may be something to return.
const BURST: usize = 1 << 20;
/// It is returned so long after that, and again after the same time; no more often.
const EVERY: Duration = Duration::from_secs(4);

/// Bytes that moved since memory was returned, in all registries: they share the allocator.
static MOVED: AtomicUsize = AtomicUsize::new(0);
static DUE: Notify = Notify::const_new();

/// So many bytes were read or written.
pub(crate) fn moved(bytes: usize) {
    let before = MOVED.fetch_add(bytes, Ordering::Relaxed);
    if before < BURST && before.saturating_add(bytes) >= BURST {
        DUE.notify_one();
    }
}

/// A connection has ended, and whatever waited for it is free.
pub(crate) fn ended() {
    moved(BURST);
}

/// The task that returns memory.
pub(crate) async fn run() {
    loop {
        DUE.notified().await;
        sleep(EVERY).await;
        MOVED.store(0, Ordering::Relaxed);
        netsvc_malloc::give_back();
        // Once more: what a burst has left is not freed at once.
        sleep(EVERY).await;
        netsvc_malloc::give_back();
    }
}
