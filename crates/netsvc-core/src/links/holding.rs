//! Links that are not read because others have yet to take what they have caused.
//!
//! Only links that this process has accepted are held up: over those that it makes, its server
//! speaks for everybody, and what that says is never relayed to others. One that is held up is
//! still written to, so two that flood each other go on as they read; and it is not judged by its
//! silence.

use crate::ids::{ConnId, LinkId};
use crate::limits::PAUSED_READ;
use crate::time::Time;

use super::charges::NOBODY;
use super::connection::Connection;
use super::hold::Hold;
use super::{Action, Links};

impl Links {
    /// A message of a link is about to be applied: what that brings about for others is charged to
    /// it.
    pub(crate) fn begin_cause(&mut self, link: LinkId) {
        self.charges.cause = link;
    }

    /// It is applied.
    pub(crate) fn end_cause(&mut self, now: Time) {
        self.charges.cause = NOBODY;
        while let Some(source) = self.charges.over.pop() {
            self.hold(now, source);
        }
        self.relieve();
    }

    /// See [`Process::may_read`](crate::Process::may_read).
    pub(crate) fn may_read(&self, conn: ConnId) -> bool {
        let link = self.link_of(conn).and_then(|link| self.table.get(link));
        let hold = link.and_then(|link| link.connection.as_deref()?.hold.as_ref());
        hold.is_none_or(|hold| !hold.paused)
    }

    /// These no longer have too much in one outbox.
    pub(super) fn release(&mut self, now: Time, sources: Vec<LinkId>) {
        for source in sources {
            if let Some(at) = self.charges.over.iter().position(|over| *over == source) {
                // Its message is still being applied.
                self.charges.over.swap_remove(at);
                continue;
            }
            let Some(connection) = self.connection_mut(source) else { continue };
            let Some(hold) = &mut connection.hold else { continue };
            hold.by = hold.by.saturating_sub(1);
            if hold.by > 0 {
                continue;
            }
            let (conn, paused) = (connection.id, hold.paused);
            connection.hold = None;
            // What it has said meanwhile is still to be read.
            connection.last_received = now;
            if paused {
                self.actions.push_back(Action::Resume { conn });
            }
            self.arm(source);
        }
    }

    /// The time of a link that is held up: it is read once.
    pub(super) fn read_once(&mut self, now: Time, link: LinkId) {
        let Some(connection) = self.connection_mut(link) else { return };
        let Connection { id: conn, hold: Some(hold), .. } = connection else { return };
        if now >= hold.read_at {
            hold.read_at = now + PAUSED_READ;
            if hold.paused {
                hold.paused = false;
                let conn = *conn;
                self.actions.push_back(Action::Resume { conn });
            }
        }
    }

    /// It was read, and is still held up.
    #[cold]
    pub(super) fn pause_again(&mut self, now: Time, link: LinkId) {
        let Some(connection) = self.connection_mut(link) else { return };
        let Connection { id: conn, hold: Some(hold), .. } = connection else { return };
        if !hold.paused {
            (hold.paused, hold.read_at) = (true, now + PAUSED_READ);
            let conn = *conn;
            self.actions.push_back(Action::Pause { conn });
            self.arm(link);
        }
    }

    fn hold(&mut self, now: Time, source: LinkId) {
        let accepts = self.exchange_of(source).is_some_and(super::exchange::Exchange::accepts);
        let Some(connection) = self.linked_mut(source).filter(|_| accepts) else { return };
        match &mut connection.hold {
            Some(hold) => hold.by += 1,
            none => {
                let read_at = now + PAUSED_READ;
                *none = Some(Box::new(Hold { by: 1, paused: true, read_at }));
                let conn = connection.id;
                self.actions.push_back(Action::Pause { conn });
                self.arm(source);
            }
        }
    }
}
