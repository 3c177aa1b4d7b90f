//! Where connections that an environment is to read lie until its thread comes for them.

use std::sync::{Arc, Mutex, PoisonError};

use netsvc_net::{DelegatedReads, DelegationId, ReadDelegate};

use crate::gate::Gate;

/// Takes delegated reads, from any thread, for one environment.
pub(crate) struct Desk {
    gate: Arc<Gate>,
    /// `None` once closed.
    notes: Mutex<Option<Vec<Note>>>,
}

/// What the environment's thread is to do, in this order.
pub(crate) enum Note {
    Delegate(DelegatedReads),
    Revoke(DelegationId),
}

impl Desk {
    pub(crate) fn open(gate: Arc<Gate>) -> Arc<Self> {
        Arc::new(Self { gate, notes: Mutex::new(Some(Vec::new())) })
    }

    /// All that lies here.
    pub(crate) fn take(&self) -> Vec<Note> {
        self.notes(|notes| notes.as_mut().map(std::mem::take)).unwrap_or_default()
    }

    /// Gives all connections back, now and from now on.
    pub(crate) fn close(&self) {
        // Not under the lock: giving back calls others.
        drop(self.notes(Option::take));
    }

    fn put(&self, note: Note) {
        let refused = self.notes(|notes| match notes {
            Some(notes) => {
                notes.push(note);
                None
            }
            None => Some(note),
        });
        match refused {
            None => self.gate.nudge(),
            Some(note) => drop(note),
        }
    }

    fn notes<R>(&self, work: impl FnOnce(&mut Option<Vec<Note>>) -> R) -> R {
        work(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ReadDelegate for Desk {
    fn delegate(&self, reads: DelegatedReads) {
        self.put(Note::Delegate(reads));
    }

    fn revoke(&self, id: DelegationId) {
        self.put(Note::Revoke(id));
    }
}
