//! Who reads a connection whose reads may be delegated: the I/O thread, or a delegate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

/// Names one connection's delegated reads within an operating system process; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DelegationId(u64);

/// Called when a connection has ended, with the name of its delegated reads.
pub(crate) type OnEnd = Arc<dyn Fn(DelegationId) + Send + Sync>;

/// Of one connection.
pub(crate) struct ReadOwner {
    pub(crate) id: DelegationId,
    reader: AtomicU8,
    /// The delegate has looked after it since the watchdog last looked.
    serviced: AtomicBool,
    on_end: Option<OnEnd>,
}

/// Who waits for a connection to become readable: the I/O thread, the delegate.
const THREAD: u8 = 0;
const DELEGATE: u8 = 1;

impl ReadOwner {
    pub(crate) fn new(on_end: Option<OnEnd>) -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let id = DelegationId(LAST.fetch_add(1, Ordering::Relaxed));
        Self { id, reader: AtomicU8::new(THREAD), serviced: AtomicBool::new(false), on_end }
    }

    /// The delegate reads, the I/O thread need not.
    pub(crate) fn is_delegate(&self) -> bool {
        self.reader.load(Ordering::Acquire) == DELEGATE
    }

    /// The delegate looks after it. True: the I/O thread did so until now.
    pub(crate) fn service(&self) -> bool {
        self.serviced.store(true, Ordering::Release);
        self.reader.swap(DELEGATE, Ordering::AcqRel) != DELEGATE
    }

    /// The I/O thread reads from now on.
    pub(crate) fn take_back(&self) {
        self.reader.store(THREAD, Ordering::Release);
    }

    /// Whether the delegate has left it alone since this was last called.
    pub(crate) fn is_neglected(&self) -> bool {
        self.is_delegate() && !self.serviced.swap(false, Ordering::AcqRel)
    }

    /// Has the delegate let go of the connection. Call it under none of our locks.
    pub(crate) fn end(&self) {
        if let Some(on_end) = &self.on_end {
            on_end(self.id);
        }
    }
}
