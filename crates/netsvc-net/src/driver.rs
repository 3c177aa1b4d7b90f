//! Drives one `Process`: every call into the core goes through here, and what the call brought
//! about is done afterwards, under no lock.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use netsvc_core::limits::PUBLISH_HIGH_WATER;
use netsvc_core::{ConnId, ContentRef, ExchangeId, Process, Reason, ServiceNo, Str, Time};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::connection::Connection;
use crate::connection::reader::Reader;
use crate::read_delegate::{Loans, Standing};
use crate::signal::Signal;
use crate::state::{Effects, Registry};
use crate::sync::lock;
use crate::tasks::connection;
use crate::transport::resolver::Resolver;
use crate::transport::stream::Socket;

/// One registry with its sockets, as its engine and its tasks share it.
pub(crate) struct Driver {
    /// Itself, for the tasks that it starts.
    this: Weak<Self>,
    registry: Mutex<Registry>,
    pub(crate) clock: Clock,
    pub(crate) runtime: Handle,
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) signal: Signal,
    /// The core's next wake-up came closer, or everything was dropped.
    pub(crate) timer: Notify,
    max_payload: usize,
    /// Lent connections that were found readable, to be read by whoever drains.
    pub(crate) readable: Mutex<VecDeque<Arc<Connection>>>,
    /// `None`: this registry reads all connections itself.
    pub(crate) loans: Option<Loans>,
}

/// Bytes that a thread writes to connections after one call into the core. The connections' own
/// tasks write the rest, so that the application's thread is not kept.
const DIRECT_WRITE: usize = 256 << 10;

impl Driver {
    pub(crate) fn new(
        process: Process,
        clock: Clock,
        runtime: Handle,
        resolver: Arc<dyn Resolver>,
        signal: Signal,
        loans: Option<Loans>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            readable: Mutex::default(),
            max_payload: process.limits().payload,
            registry: Mutex::new(Registry::new(process)),
            clock,
            runtime,
            resolver,
            signal,
            timer: Notify::new(),
            loans,
        })
    }

    /// `None` while the last owner is being dropped.
    pub(crate) fn shared(&self) -> Option<Arc<Self>> {
        self.this.upgrade()
    }

    /// Whoever changes the core through this settles the registry before unlocking.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Registry> {
        lock(&self.registry)
    }

    /// Calls the core and notes what is to be done about it.
    pub(crate) fn apply<R>(
        &self,
        effects: &mut Effects,
        call: impl FnOnce(&mut Process, Time) -> R,
    ) -> R {
        self.apply_registry(effects, |registry, now| call(&mut registry.process, now))
    }

    /// As [`Driver::apply`], for a change of the sockets' side as well.
    pub(crate) fn apply_registry<R>(
        &self,
        effects: &mut Effects,
        call: impl FnOnce(&mut Registry, Time) -> R,
    ) -> R {
        let mut registry = self.lock();
        // The clock is read under the mutex, so that the core never sees time going backwards.
        let result = call(&mut registry, self.clock.now());
        registry.settle(self, effects);
        result
    }

    /// Runs `work` and then does what it noted.
    pub(crate) fn perform_with<R>(&self, work: impl FnOnce(&mut Effects) -> R) -> R {
        let mut effects = Effects::default();
        let result = work(&mut effects);
        self.perform(effects);
        result
    }

    /// An attempt to connect ended. If the core closed it meanwhile, the socket is dropped.
    pub(crate) fn attempt_ended(&self, conn: ConnId, outcome: Result<(Socket, Str), Reason>) {
        self.perform_with(|effects| {
            let adopted = self.apply_registry(effects, |registry, now| {
                registry.attempts.remove(&conn)?;
                match outcome {
                    Ok((socket, address)) => {
                        let can_be_lent = self.loans.is_some() && socket.is_loose();
                        let standing = can_be_lent.then(Standing::new);
                        let adopted = self.adopt(registry, conn, socket, standing);
                        registry.process.handle_opened(now, conn, address);
                        adopted
                    }
                    Err(reason) => {
                        registry.process.handle_open_failed(now, conn, reason);
                        None
                    }
                }
            });
            effects.lent.extend(adopted);
        });
    }

    /// A connection was accepted; false: its exchange is closing.
    pub(crate) fn accepted(&self, exchange: ExchangeId, socket: Socket, address: Str) -> bool {
        self.perform_with(|effects| {
            self.apply_registry(effects, |registry, now| {
                let conn = registry.process.handle_accepted(now, exchange, address);
                if let Some(conn) = conn {
                    self.adopt(registry, conn, socket, None);
                }
                conn.is_some()
            })
        })
    }

    /// Publishes a large report without a lifetime by writing it straight from where it lies, which a
    /// process with one connection can, for which nothing waits. Whether the publisher may go on;
    /// `None`: nothing was done.
    pub(crate) fn publish_through(
        &self,
        service: ServiceNo,
        subject: &Str,
        content: ContentRef<'_>,
    ) -> Option<bool> {
        let registry = self.lock();
        let mut connections = registry.connections.values();
        let (Some(only), None) = (connections.next(), connections.next()) else { return None };
        let only = Arc::clone(only);
        drop(registry);
        let published = self.perform_with(|effects| {
            let share = &mut { DIRECT_WRITE };
            only.publish_through(self, service, subject, content, (share, effects))
        });
        published.then(|| self.lock().process.queued_bytes() <= PUBLISH_HIGH_WATER)
    }

    /// A connection ended by itself.
    pub(crate) fn connection_ended(&self, connection: &Connection) {
        self.perform_with(|effects| {
            self.apply_registry(effects, |registry, now| {
                if registry.connections.remove(&connection.id).is_some() {
                    registry.process.handle_closed(now, connection.id);
                }
            });
        });
        self.recall(connection);
    }

    /// A lent connection is readable: who drains next reads it. True: that was not known.
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

    /// Whether the I/O thread waits at this connection for whoever drains.
    pub(crate) fn waits_for_drainer(&self, connection: &Connection) -> bool {
        connection.is_lent() && self.loans.as_ref().is_some_and(Loans::are_to_drainer)
    }

    /// Whoever drains has time again for what the I/O thread has been reading.
    pub(crate) fn take_over(&self) {
        for connection in self.loans.iter().flat_map(Loans::take_over) {
            self.note_readable(connection);
        }
    }

    /// Has the borrower of a connection let go of it.
    pub(crate) fn recall(&self, connection: &Connection) {
        if let (Some(loans), Some(standing)) = (&self.loans, &connection.standing) {
            loans.recall(standing);
        }
    }

    /// Writes what needs no waiting, closes the core, and drops every socket.
    pub(crate) fn shut_down(&self) {
        let registry = self.lock();
        if registry.shut {
            return;
        }
        let connections: Vec<_> = registry.connections.values().cloned().collect();
        drop(registry);
        self.perform_with(|effects| {
            for connection in connections {
                connection.write(self, &mut { usize::MAX }, effects);
            }
        });
        self.perform_with(|effects| {
            self.apply_registry(effects, |registry, now| {
                registry.process.close(now, Duration::ZERO);
            });
        });
        let mut registry = self.lock();
        registry.shut = true;
        for (_, attempt) in registry.attempts.drain() {
            attempt.abort();
        }
        let connections: Vec<_> = registry.connections.drain().collect();
        for listener in registry.listeners.drain(..) {
            listener.close();
        }
        registry.full.clear();
        drop(registry);
        for (_, connection) in connections {
            connection.close(self);
        }
        self.timer.notify_one();
        if let Some(loans) = &self.loans {
            loans.begun.notify_one();
        }
    }

    /// From now on the socket belongs to a task of its own.
    fn adopt(
        &self,
        registry: &mut Registry,
        conn: ConnId,
        socket: Socket,
        standing: Option<Standing>,
    ) -> Option<Arc<Connection>> {
        let driver = self.shared().filter(|_| !registry.shut)?;
        let reader = Reader::new(self.max_payload);
        let connection = Arc::new(Connection::new(conn, socket, reader, standing));
        registry.connections.insert(conn, Arc::clone(&connection));
        self.runtime.spawn(connection::run(Arc::clone(&connection), driver));
        Some(connection)
    }

    fn perform(&self, mut effects: Effects) {
        let mut share = DIRECT_WRITE;
        while let Some(connection) = effects.dirty.pop() {
            connection.write(self, &mut share, &mut effects);
        }
        for connection in effects.closed {
            connection.close(self);
        }
        if let Some(loans) = &self.loans {
            for connection in effects.lent {
                loans.lend(connection, self.this.clone());
            }
        }
        for listener in effects.with_room {
            listener.kick();
        }
        if effects.rearm {
            self.timer.notify_one();
        }
        if effects.signal {
            self.signal.raise();
        }
    }
}
