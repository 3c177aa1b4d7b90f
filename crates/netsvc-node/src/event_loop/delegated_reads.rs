//! Connections that an environment's thread may read, on their way to that thread.

use std::sync::{Arc, Mutex, PoisonError};

use netsvc_net::{DelegatedReads, DelegationId, ReadDelegate};

use crate::wakeup::Wakeup;

/// Takes delegated reads, from any thread, for one environment.
pub(crate) struct DelegationQueue {
    wakeup: Arc<Wakeup>,
    /// `None` once closed.
    changes: Mutex<Option<Vec<Change>>>,
}

/// What the environment's thread has to hear, in this order.
pub(crate) enum Change {
    /// It may read this connection.
    Delegate(DelegatedReads),
    /// The connection has ended.
    Revoke(DelegationId),
}

impl DelegationQueue {
    pub(crate) fn open(wakeup: Arc<Wakeup>) -> Arc<Self> {
        Arc::new(Self { wakeup, changes: Mutex::new(Some(Vec::new())) })
    }

    /// All changes since the last call.
    pub(crate) fn take(&self) -> Vec<Change> {
        self.changes(|changes| changes.as_mut().map(std::mem::take)).unwrap_or_default()
    }

    /// Gives back all that is delegated, now and from now on.
    pub(crate) fn close(&self) {
        // Not under the lock: giving back calls into net.
        drop(self.changes(Option::take));
    }

    fn put(&self, change: Change) {
        let refused = self.changes(|changes| match changes {
            Some(changes) => {
                changes.push(change);
                None
            }
            None => Some(change),
        });
        match refused {
            None => self.wakeup.nudge(),
            Some(change) => drop(change),
        }
    }

    /// Whoever panicked with it: one entry is put in, or all are taken out.
    fn changes<R>(&self, work: impl FnOnce(&mut Option<Vec<Change>>) -> R) -> R {
        work(&mut self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ReadDelegate for DelegationQueue {
    fn delegate(&self, reads: DelegatedReads) {
        self.put(Change::Delegate(reads));
    }

    fn revoke(&self, id: DelegationId) {
        self.put(Change::Revoke(id));
    }
}
