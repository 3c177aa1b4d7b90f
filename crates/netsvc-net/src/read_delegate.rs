//! Connections that the application's own thread reads.
//!
//! The reads of a client's connection can be delegated: a [`ReadDelegate`] waits until the socket
//! is readable and then calls [`DelegatedReads::service`], which reads and applies on the calling
//! thread. So what arrives needs no change of threads on its way to the application. Where nobody
//! can wait, the drainer is the delegate: the I/O thread waits, and whoever drains the engine
//! reads. That costs a change of threads, but neither a queue nor a second look at what was read.
//! Everything else stays with the I/O thread, which also reads such a connection
//!
//! - until the delegate services it for the first time;
//! - when the delegate has left it alone although something is there (see `read_watchdog.rs`),
//!   until it services it again;
//! - before the core judges its peer dead;
//! - when the delegate gives it back, and at the end.

use std::sync::{Arc, Weak};

use crate::connection::Connection;
use crate::connection::read_owner::DelegationId;
use crate::delegations::{Delegations, Turns};
use crate::pump::{self, Serviced};
use crate::shared::Shared;

/// Who reads the connections of clients whose transport lets reads be delegated, which none does on
/// Windows. All others, and these while their reader is busy, are read by the I/O thread.
#[derive(Clone, Default)]
pub enum Reading {
    /// The I/O thread.
    #[default]
    Thread,
    /// Whoever calls [`Engine::drain_into`](crate::Engine::drain_into); what is there to be
    /// read is told by `on_events`.
    Drainer(Turns),
    /// Whoever waits for them by its own means, and drains then.
    Delegate(Arc<dyn ReadDelegate>, Turns),
}

/// A thread of the application that reads connections, or the way to it. Its methods are called
/// from any thread, that one included, under no lock of ours.
pub trait ReadDelegate: Send + Sync {
    /// A connection may be read from now on. Dropping `reads`, now or later, gives it back.
    fn delegate(&self, reads: DelegatedReads);

    /// The connection has ended: its [`DelegatedReads`] are to be dropped soon, for they keep the
    /// socket open. Also called for those that were dropped before.
    fn revoke(&self, id: DelegationId);
}

/// The right to read a connection. Dropping it gives it back.
pub struct DelegatedReads {
    id: DelegationId,
    connection: Arc<Connection>,
    #[cfg(unix)]
    socket: Arc<socket2::Socket>,
    shared: Weak<Shared>,
}

impl Reading {
    /// `None`: nothing is delegated, or to nobody in particular.
    pub(crate) fn split(self) -> (Option<Delegations>, Option<Arc<dyn ReadDelegate>>) {
        match self {
            Self::Thread => (None, None),
            Self::Drainer(turns) => (Some(Delegations::new(None, turns)), None),
            Self::Delegate(delegate, turns) => {
                let told = Arc::clone(&delegate);
                let on_end = Arc::new(move |id| told.revoke(id));
                (Some(Delegations::new(Some(on_end), turns)), Some(delegate))
            }
        }
    }
}

impl DelegatedReads {
    /// `None`: the reads of this connection cannot be delegated.
    pub(crate) fn of(connection: Arc<Connection>, shared: &Arc<Shared>) -> Option<Self> {
        let id = connection.owner.as_ref()?.id;
        #[cfg(unix)]
        let socket = Arc::clone(connection.stream.delegated_reads()?);
        Some(Self {
            id,
            connection,
            #[cfg(unix)]
            socket,
            shared: Arc::downgrade(shared),
        })
    }

    /// Their name.
    pub fn id(&self) -> DelegationId {
        self.id
    }

    /// The I/O thread reads in the delegate's stead, and stops when this is serviced: a delegate
    /// that is at work anyway does so, for the socket may never be found readable as long as both
    /// wait.
    pub fn wants_service(&self) -> bool {
        self.connection.wants_service()
    }

    /// The connection is readable: says so by `on_events`, and the next
    /// [`Engine::drain_into`](crate::Engine::drain_into) reads it. False: it has been said,
    /// and nobody has come for it yet.
    pub fn readable(&self) -> bool {
        let shared = self.shared.upgrade();
        shared.is_some_and(|shared| pump::tell_readable(&shared, &self.connection))
    }

    /// Reads what has arrived, `share` bytes or little more, and does what comes of it; does not
    /// wait. To be called when the socket is readable, and when it is wanted.
    pub fn service(&self, share: usize) -> Serviced {
        match self.shared.upgrade() {
            Some(shared) => pump::service(&shared, &self.connection, share),
            None => Serviced::Ended,
        }
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for DelegatedReads {
    /// To wait on, until it is readable; not to be read or written. Open as long as this is.
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for DelegatedReads {
    fn drop(&mut self) {
        self.connection.take_back();
    }
}
