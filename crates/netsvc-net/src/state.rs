//! What the registry's mutex guards: the core, and the sockets that its numbers stand for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use netsvc_core::{Action, ConnId, Event, ExchangeId, LinkId, Process, Reason, ReasonCode, Time};
use tokio::task::AbortHandle;

use crate::connection::Connection;
use crate::effects::Effects;
use crate::listener::Listener;
use crate::transport::address::Target;

pub(crate) struct State {
    pub(crate) process: Process,
    /// Where the links of this process connect to, and for which exchange.
    pub(crate) targets: HashMap<LinkId, (ExchangeId, Target)>,
    /// Attempts to connect that have not begun.
    pub(crate) opening: Vec<Opening>,
    pub(crate) attempts: HashMap<ConnId, AbortHandle>,
    pub(crate) connections: HashMap<ConnId, Arc<Connection>>,
    pub(crate) listeners: Vec<Arc<Listener>>,
    pub(crate) last_listener: u32,
    /// Those of them that wait until the core has room for another handshake.
    pub(crate) full: Vec<Arc<Listener>>,
    /// When the timer's task will call the core, unless told otherwise.
    pub(crate) armed: Time,
    /// Everything was dropped; nothing is opened any more.
    pub(crate) shut: bool,
    /// Connections of a core that somebody has left half-changed: to be closed.
    torn: Vec<Arc<Connection>>,
}

/// A connection that the core wants opened.
pub(crate) struct Opening {
    pub(crate) conn: ConnId,
    pub(crate) target: Target,
    /// The dead time of its exchange.
    pub(crate) dead: Duration,
}

impl State {
    pub(crate) fn new(process: Process) -> Self {
        Self {
            process,
            targets: HashMap::new(),
            opening: Vec::new(),
            attempts: HashMap::new(),
            connections: HashMap::new(),
            listeners: Vec::new(),
            last_listener: 0,
            full: Vec::new(),
            armed: Time::NEVER,
            shut: false,
            torn: Vec::new(),
        }
    }

    /// Somebody has panicked under the mutex. The core ends, and tells so; everything that it had
    /// open is dropped. Listeners follow when the state is settled: their exchanges are gone.
    pub(crate) fn end_torn(&mut self, now: Time) {
        self.process.collapse(now);
        self.targets.clear();
        self.opening.clear();
        for (_, attempt) in self.attempts.drain() {
            attempt.abort();
        }
        self.torn.extend(self.connections.drain().map(|(_, connection)| connection));
        self.armed = Time::NEVER;
    }

    /// Follows a call into the core: takes out what it wants done, and does what needs no system
    /// call on a connection.
    pub(crate) fn settle(&mut self, now: Time, effects: &mut Effects) {
        effects.closed.append(&mut self.torn);
        // Before the actions, because a connection that is closed is written to once more.
        self.note_dirty(effects);
        while let Some(action) = self.process.poll_action() {
            match action {
                Action::Open { conn, link } => self.open(now, conn, link),
                Action::Close { conn } => self.close(conn, effects),
                Action::Pause { conn } => self.pause(conn, true),
                Action::Resume { conn } => self.pause(conn, false),
            }
        }
        self.note_dirty(effects);
        effects.open |= !self.opening.is_empty();
        self.mind_listeners(now, effects);
        let wake = self.process.poll_wake();
        if wake < self.armed {
            self.armed = wake;
            effects.rearm = true;
        }
        effects.signal |= self.process.has_events();
    }

    /// The next event, for the application.
    pub(crate) fn next_event(&mut self, now: Time) -> Option<Event> {
        let event = self.process.poll_event(now)?;
        if let Event::LinkClosed(closed) = &event {
            self.targets.remove(&closed.link);
        }
        Some(event)
    }

    /// Drops every attempt and every listener, and gives the connections out, to be closed.
    pub(crate) fn shut_down(&mut self) -> Vec<Arc<Connection>> {
        self.shut = true;
        self.opening.clear();
        for (_, attempt) in self.attempts.drain() {
            attempt.abort();
        }
        for listener in self.listeners.drain(..) {
            listener.close();
        }
        self.full.clear();
        self.connections.drain().map(|(_, connection)| connection).collect()
    }

    fn note_dirty(&mut self, effects: &mut Effects) {
        while let Some(conn) = self.process.poll_dirty() {
            effects.dirty.extend(self.connections.get(&conn).cloned());
        }
    }

    /// Wakes those that waited for room. Closes those whose exchange is closing: before the
    /// application hears that it is closed, so that it can listen there again at once.
    fn mind_listeners(&mut self, now: Time, effects: &mut Effects) {
        let process = &self.process;
        if !self.full.is_empty() {
            let with_room = |listener: &mut Arc<Listener>| {
                process.can_accept(now, listener.exchange, listener.number)
            };
            effects.with_room.extend(self.full.extract_if(.., with_room));
        }
        self.listeners.retain(|listener| {
            let stays = process.check_listen(listener.exchange).is_ok();
            if !stays {
                self.full.retain(|full| !Arc::ptr_eq(full, listener));
                listener.close();
            }
            stays
        });
    }

    fn open(&mut self, now: Time, conn: ConnId, link: LinkId) {
        if self.shut {
            return;
        }
        let Some((exchange, target)) = self.targets.get(&link).cloned() else {
            let text = "the link has no address to connect to";
            let reason = Reason::new(ReasonCode::ConnectFailed, text);
            return self.process.handle_open_failed(now, conn, reason);
        };
        let dead = self.process.dead_time(exchange).unwrap_or_default();
        self.opening.push(Opening { conn, target, dead });
    }

    fn pause(&self, conn: ConnId, pause: bool) {
        if let Some(connection) = self.connections.get(&conn) {
            connection.pause(pause);
        }
    }

    fn close(&mut self, conn: ConnId, effects: &mut Effects) {
        self.opening.retain(|opening| opening.conn != conn);
        if let Some(attempt) = self.attempts.remove(&conn) {
            attempt.abort();
        }
        effects.closed.extend(self.connections.remove(&conn));
    }
}
