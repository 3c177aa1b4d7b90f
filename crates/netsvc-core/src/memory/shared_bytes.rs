//! Bytes that several links may wait for, counted once: until the last of them lets go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// The sum of them all. Atomic, since transports let go of what they have written under no lock.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedTotal(Arc<AtomicUsize>);

/// Memory that counts until it is freed.
struct Counted<T> {
    memory: T,
    bytes: usize,
    total: SharedTotal,
}

impl SharedTotal {
    /// The same bytes, which count as long as any part of them is held.
    pub(crate) fn count<T: AsRef<[u8]> + Send + 'static>(&self, memory: T) -> Bytes {
        let bytes = memory.as_ref().len();
        self.0.fetch_add(bytes, Ordering::Relaxed);
        Bytes::from_owner(Counted { memory, bytes, total: self.clone() })
    }

    pub(crate) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl<T: AsRef<[u8]>> AsRef<[u8]> for Counted<T> {
    fn as_ref(&self) -> &[u8] {
        self.memory.as_ref()
    }
}

impl<T> Drop for Counted<T> {
    fn drop(&mut self) {
        self.total.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
