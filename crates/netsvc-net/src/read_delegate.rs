//! Connections that the application's own thread reads.
//!
//! A client's connection can be lent to a [`Borrower`]: it waits until the socket is readable and
//! then calls [`Loan::service`], which reads and applies on the calling thread. So what arrives
//! needs no change of threads on its way to the application. Where nobody can wait, it is lent to
//! the drainer: the I/O thread waits, and whoever drains the engine reads. That costs a change of
//! threads, but neither a queue nor a second look at what was read. Everything else stays with the I/O
//! thread, which also reads a lent connection
//!
//! - until the borrower services it for the first time;
//! - when the borrower has left it alone although something is there (see `guard.rs`), until it
//!   services it again;
//! - before the core judges its peer dead;
//! - when the borrower gives the loan back, and at the end.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::Notify;

use crate::connection::Connection;
use crate::driver::Driver;
use crate::sync::lock;

/// Who reads the connections of clients where sockets can be lent, which is not so on Windows. All
/// others, and these while their reader is busy, are read by the I/O thread.
#[derive(Clone, Default)]
pub enum Reading {
    /// The I/O thread.
    #[default]
    Thread,
    /// Whoever calls [`Engine::drain_telling`](crate::Engine::drain_telling); what is there to be
    /// read is told by `on_events`.
    Drainer(Turns),
    /// Whoever waits for them by its own means, and drains then.
    Borrower(Arc<dyn Borrower>, Turns),
}

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

/// A thread of the application that reads connections, or the way to it. Its methods are called
/// from any thread, that one included, under no lock of ours.
pub trait Borrower: Send + Sync {
    /// A connection may be read from now on. Dropping the loan, now or later, gives it back.
    fn lend(&self, loan: Loan);

    /// The connection has ended: its loan is to be dropped soon, for it keeps the socket open. Also
    /// called for loans that were dropped before.
    fn recall(&self, loan: LoanId);
}

/// Names a loan within an operating system process; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LoanId(u64);

/// The right to read a connection. Dropping it gives it back.
pub struct Loan {
    id: LoanId,
    connection: Arc<Connection>,
    driver: Weak<Driver>,
}

/// What servicing a loan came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serviced {
    /// Call again when the socket is readable, which it may be already.
    Lent,
    /// Nothing was read: events of that registry wait, drain them first.
    Behind,
    /// The connection has ended: drop the loan.
    Ended,
}

impl Loan {
    /// Its name.
    pub fn id(&self) -> LoanId {
        self.id
    }

    /// The I/O thread reads in the borrower's stead, and stops when this is serviced: a borrower that
    /// is at work anyway does so, for the socket may never be found readable as long as both wait.
    pub fn wants_service(&self) -> bool {
        self.connection.standing.as_ref().is_some_and(Standing::wants_service)
    }

    /// It is readable: says so by `on_events`, and the next
    /// [`Engine::drain_telling`](crate::Engine::drain_telling) reads it. False: it has been said, and
    /// nobody has come for it yet.
    pub fn readable(&self) -> bool {
        let Some(driver) = self.driver.upgrade() else { return false };
        let is_new = driver.note_readable(Arc::clone(&self.connection));
        if is_new {
            driver.signal.raise();
        }
        is_new
    }

    /// Reads what has arrived, `share` bytes or little more, and does what comes of it; does not
    /// wait. To be called when the socket is readable, and when the loan wants it.
    pub fn service(&self, share: usize) -> Serviced {
        match self.driver.upgrade() {
            Some(driver) => self.connection.service(&driver, share),
            None => Serviced::Ended,
        }
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for Loan {
    /// To wait on, until it is readable; not to be read or written. Open as long as the loan is.
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.connection.socket.as_fd()
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.connection.take_back();
    }
}

/// How a connection that can be lent stands.
pub(crate) struct Standing {
    id: LoanId,
    reader: AtomicU8,
    /// The borrower has looked after it since the guard last looked.
    serviced: AtomicBool,
}

/// Who waits for a connection to become readable: the I/O thread, the borrower.
const THREAD: u8 = 0;
const BORROWER: u8 = 1;

impl Standing {
    pub(crate) fn new() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let id = LoanId(LAST.fetch_add(1, Ordering::Relaxed));
        Self { id, reader: AtomicU8::new(THREAD), serviced: AtomicBool::new(false) }
    }

    /// The borrower reads, the I/O thread need not.
    pub(crate) fn is_lent(&self) -> bool {
        self.reader.load(Ordering::Acquire) == BORROWER
    }

    /// The I/O thread reads because the borrower does not.
    fn wants_service(&self) -> bool {
        self.reader.load(Ordering::Acquire) == THREAD
    }

    /// The borrower looks after it. True: the I/O thread did so until now.
    pub(crate) fn service(&self) -> bool {
        self.serviced.store(true, Ordering::Release);
        self.reader.swap(BORROWER, Ordering::AcqRel) != BORROWER
    }

    /// The I/O thread reads from now on.
    pub(crate) fn take_back(&self) {
        self.reader.store(THREAD, Ordering::Release);
    }

    /// Whether the borrower has left it alone since this was last called.
    pub(crate) fn is_neglected(&self) -> bool {
        self.is_lent() && !self.serviced.swap(false, Ordering::AcqRel)
    }
}

/// The loans of one registry.
pub(crate) struct Loans {
    /// `None`: they are lent to the drainer.
    borrower: Option<Arc<dyn Borrower>>,
    pub(crate) turns: Turns,
    /// The I/O thread reads some in the drainer's stead.
    wanting: AtomicBool,
    connections: Mutex<Vec<Weak<Connection>>>,
    /// There is a first loan, or the registry ends.
    pub(crate) begun: Notify,
}

impl Loans {
    /// `None`: there are none.
    pub(crate) fn new(reading: Reading) -> Option<Self> {
        let (borrower, turns) = match reading {
            Reading::Thread => return None,
            Reading::Drainer(turns) => (None, turns),
            Reading::Borrower(borrower, turns) => (Some(borrower), turns),
        };
        Some(Self {
            borrower,
            turns,
            wanting: AtomicBool::new(false),
            connections: Mutex::default(),
            begun: Notify::new(),
        })
    }

    /// The I/O thread waits for what is lent.
    pub(crate) fn are_to_drainer(&self) -> bool {
        self.borrower.is_none()
    }

    /// There is one that the I/O thread reads.
    pub(crate) fn want_service(&self) {
        self.wanting.store(true, Ordering::Release);
    }

    /// Those that the I/O thread has been reading in the drainer's stead, who has time again.
    pub(crate) fn take_over(&self) -> Vec<Arc<Connection>> {
        let wanting = self.are_to_drainer() && self.wanting.load(Ordering::Relaxed);
        if !wanting || !self.wanting.swap(false, Ordering::AcqRel) {
            return Vec::new();
        }
        let wants =
            |one: &Arc<Connection>| one.standing.as_ref().is_some_and(Standing::wants_service);
        self.connections().into_iter().filter(wants).collect()
    }

    /// Call it under none of our locks, as with all that calls the borrower.
    pub(crate) fn lend(&self, connection: Arc<Connection>, driver: Weak<Driver>) {
        let Some(id) = connection.standing.as_ref().map(|standing| standing.id) else { return };
        lock(&self.connections).push(Arc::downgrade(&connection));
        self.want_service();
        self.begun.notify_one();
        if let Some(borrower) = &self.borrower {
            borrower.lend(Loan { id, connection, driver });
        }
    }

    pub(crate) fn recall(&self, standing: &Standing) {
        if let Some(borrower) = &self.borrower {
            borrower.recall(standing.id);
        }
    }

    /// Those that have not ended.
    pub(crate) fn connections(&self) -> Vec<Arc<Connection>> {
        let mut connections = lock(&self.connections);
        connections.retain(|connection| connection.strong_count() > 0);
        connections.iter().filter_map(Weak::upgrade).filter(|one| one.is_open()).collect()
    }
}
