//! Into a link's outbox, within its limit.

use std::collections::VecDeque;

use crate::collections::timers::Timer;
use crate::ids::{ConnId, LinkId};
use crate::links::link::{Connection, Ending};
use crate::links::outbound::outbox::Out;
use crate::reason::{Reason, ReasonCode};
use crate::time::Time;

use crate::process::Process;

impl Process {
    /// The next connection that has something to write, each once until
    /// [`poll_write`](Self::poll_write) has drained it.
    pub fn poll_dirty(&mut self) -> Option<ConnId> {
        self.end_run();
        self.dirty.pop_front()
    }

    /// Queues an entry for a link in use; for any other it is dropped.
    ///
    /// Over the limit the oldest reports go first. If that is not enough the peer does not read
    /// what it must: the link ends at its next timer, as nothing may end it in the middle of a
    /// change that concerns many links.
    pub(in crate::process) fn push(&mut self, link: LinkId, out: Out) {
        self.end_run();
        let ahead = self.limits.ahead();
        let Some(connection) = self.links.get_mut(&link).and_then(|state| state.linked_mut())
        else {
            return;
        };
        let out = if connection.flows(out.size(), ahead) {
            connection.encode_now(out)
        } else {
            Some(out)
        };
        match out {
            Some(out) => self.queue(link, out.detached()),
            None => self.mark_dirty(link),
        }
    }

    /// As [`push`](Self::push) of what has to wait.
    pub(in crate::process) fn queue(&mut self, link: LinkId, out: Out) {
        self.end_run();
        let limit = self.limits.outbox;
        let Some(connection) = self.links.get_mut(&link).and_then(|state| state.linked_mut())
        else {
            return;
        };
        connection.outbox.push(out);
        if connection.outbox.bytes() > limit && !connection.outbox.drop_reports(limit) {
            connection.overflowed = true;
            self.timers.set(Timer::Link(link), Time(0));
        }
        self.mark_dirty(link);
    }

    /// A connection has something to write.
    pub(in crate::process) fn mark_dirty(&mut self, link: LinkId) {
        if let Some(state) = self.links.get_mut(&link)
            && let Some(connection) = state.connection.as_deref_mut()
        {
            connection.mark_dirty(&mut self.dirty);
        }
    }

    /// Sets the timer of a link to the next thing that may have to be done about it.
    pub(in crate::process) fn arm_link(&mut self, link: LinkId) {
        let Some(state) = self.links.get(&link) else { return };
        let Some(exchange) = self.exchanges.get(&state.exchange) else { return };
        let attempt = state.connector.as_ref().map_or(Time::NEVER, |c| c.next_attempt);
        let wake = match state.connection.as_deref() {
            // One that is closing already has its time to be given up.
            Some(connection) if connection.overflowed && connection.is_linked() => Time(0),
            Some(connection) => connection.next_wake(exchange.heartbeat).min(attempt),
            None => attempt,
        };
        self.timers.set(Timer::Link(link), wake);
    }

    /// Ends a link whose peer reads too slowly.
    pub(in crate::process) fn end_slow(&mut self, now: Time, link: LinkId, text: &str) {
        let reason = Reason::new(ReasonCode::SlowConsumer, text);
        // A farewell would only wait behind what cannot be written.
        self.end_connection(now, link, Ending { reason, farewell: None, refused: false });
    }
}

impl Connection {
    /// Puts it into `list` if it has something to write and is not there.
    pub(in crate::process) fn mark_dirty(&mut self, list: &mut VecDeque<ConnId>) {
        if !self.dirty && self.has_something_to_write() {
            self.dirty = true;
            list.push_back(self.id);
        }
    }

    /// Encodes what needs nothing but the link's own state; gives back what does.
    fn encode_now(&mut self, out: Out) -> Option<Out> {
        match out {
            Out::Message(message) => {
                self.encoder.encode(&message, &mut self.ready);
                None
            }
            other => Some(other),
        }
    }

    /// What the transport has not taken for too long, or will not take in time.
    pub(crate) fn is_stuck(&self, now: Time) -> bool {
        self.is_writing() && now.since(self.last_progress) >= crate::limits::STUCK_WRITER
    }
}
