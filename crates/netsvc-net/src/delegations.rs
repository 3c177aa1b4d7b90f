//! The connections of one registry whose reads may be delegated, and those that wait to be read.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::Notify;

use crate::connection::Connection;
use crate::connection::read_owner::{OnEnd, ReadOwner};
use crate::sync::lock;

/// Counts what a thread of the application drains, of whatever engine. As long as it counts, the
/// thread is at work and comes to everything in its turn, however much there is.
#[derive(Clone, Debug, Default)]
pub struct Turns(Arc<AtomicU64>);

impl Turns {
    /// Something is drained.
    pub fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn counted(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub(crate) struct Delegations {
    /// `None`: whoever drains is the delegate, for whom the I/O thread waits.
    on_end: Option<OnEnd>,
    pub(crate) turns: Turns,
    /// The I/O thread reads some in the drainer's stead.
    wanting: AtomicBool,
    connections: Mutex<Vec<Weak<Connection>>>,
    /// Those that were found readable, to be read by whoever drains.
    readable: Mutex<VecDeque<Arc<Connection>>>,
    /// There is a first connection, or the registry ends.
    pub(crate) begun: Notify,
}

impl Delegations {
    pub(crate) fn new(on_end: Option<OnEnd>, turns: Turns) -> Self {
        Self {
            on_end,
            turns,
            wanting: AtomicBool::new(false),
            connections: Mutex::default(),
            readable: Mutex::default(),
            begun: Notify::new(),
        }
    }

    /// For a connection whose reads can be delegated.
    pub(crate) fn owner(&self) -> ReadOwner {
        ReadOwner::new(self.on_end.clone())
    }

    pub(crate) fn add(&self, connection: &Arc<Connection>) {
        lock(&self.connections).push(Arc::downgrade(connection));
        self.want_service();
        self.begun.notify_one();
    }

    /// Those that have not ended.
    pub(crate) fn connections(&self) -> Vec<Arc<Connection>> {
        let mut connections = lock(&self.connections);
        connections.retain(|connection| connection.strong_count() > 0);
        connections.iter().filter_map(Weak::upgrade).filter(|one| one.is_open()).collect()
    }

    fn are_to_drainer(&self) -> bool {
        self.on_end.is_none()
    }

    /// Whether the I/O thread waits at this connection for whoever drains.
    pub(crate) fn waits_for_drainer(&self, connection: &Connection) -> bool {
        self.are_to_drainer() && connection.is_delegated()
    }

    /// There is one that the I/O thread reads.
    pub(crate) fn want_service(&self) {
        self.wanting.store(true, Ordering::Release);
    }

    /// Whoever drains has time again for what the I/O thread has been reading.
    pub(crate) fn take_over(&self) {
        let wanting = self.are_to_drainer() && self.wanting.load(Ordering::Relaxed);
        if !wanting || !self.wanting.swap(false, Ordering::AcqRel) {
            return;
        }
        for connection in self.connections().into_iter().filter(|one| one.wants_service()) {
            self.note_readable(connection);
        }
    }

    /// A connection is readable: who drains next reads it. True: that was not known.
    pub(crate) fn note_readable(&self, connection: Arc<Connection>) -> bool {
        let is_new = connection.note();
        if is_new {
            lock(&self.readable).push_back(connection);
        }
        is_new
    }

    /// A connection that the caller, who drains, is to read.
    pub(crate) fn next_readable(&self) -> Option<Arc<Connection>> {
        let connection = lock(&self.readable).pop_front()?;
        connection.unnote();
        Some(connection)
    }

    pub(crate) fn has_readable(&self) -> bool {
        !lock(&self.readable).is_empty()
    }
}
