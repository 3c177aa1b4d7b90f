//! Flushes: "the peer has applied everything sent before".

use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::collections::timers::Timer;
use crate::delivery::event::{Event, FlushError};
use crate::ids::{ExchangeId, FlushId, LinkId};
use crate::links::outbound::outbox::Out;
use crate::time::Time;
use crate::wire::Message;

use crate::process::Process;

#[derive(Debug, Default)]
pub(in crate::process) struct Flushes {
    table: FxHashMap<FlushId, Flush>,
    last: u32,
}

#[derive(Debug, Default)]
struct Flush {
    /// Links whose peers have yet to confirm.
    sent: FxHashSet<LinkId>,
    /// Connecting links that are not active yet.
    waiting: FxHashSet<LinkId>,
}

impl Flushes {
    pub(in crate::process) fn len(&self) -> usize {
        self.table.len()
    }
}

impl Process {
    /// Asks the peers of all links of an exchange to confirm that they have applied everything
    /// sent before. [`Event::Flushed`] follows: a connecting link that is not active is waited for
    /// until `timeout`; a link lost while its peer has yet to confirm fails the flush.
    pub fn flush(&mut self, now: Time, exchange: ExchangeId, timeout: Duration) -> FlushId {
        self.flushes.last = self.flushes.last.wrapping_add(1);
        let id = FlushId(self.flushes.last);
        let mut flush = Flush::default();
        for (link, state) in &self.links {
            if state.exchange != exchange {
                continue;
            }
            if state.linked().is_some() {
                flush.sent.insert(*link);
            } else if state.connector.is_some() {
                flush.waiting.insert(*link);
            }
        }
        let mut links: Vec<LinkId> = flush.sent.iter().copied().collect();
        links.sort_unstable();
        self.flushes.table.insert(id, flush);
        self.timers.set(Timer::Flush(id), now + timeout);
        for link in links {
            self.send_flush(link, id);
        }
        self.finish_flush(id);
        id
    }

    pub(in crate::process) fn handle_flushed(&mut self, link: LinkId, token: u32) {
        let id = FlushId(token);
        if let Some(connection) = self.links.get_mut(&link).and_then(|state| state.linked_mut()) {
            connection.flushes.remove(&id);
        }
        if let Some(flush) = self.flushes.table.get_mut(&id) {
            flush.sent.remove(&link);
            self.finish_flush(id);
        }
    }

    pub(in crate::process) fn flush_deadline(&mut self, flush: FlushId) {
        self.end_flush(flush, Err(FlushError::Deadline));
    }

    pub(in crate::process) fn end_flush(&mut self, flush: FlushId, result: Result<(), FlushError>) {
        let Some(state) = self.flushes.table.remove(&flush) else { return };
        self.timers.clear(Timer::Flush(flush));
        for link in state.sent {
            if let Some(connection) =
                self.links.get_mut(&link).and_then(|state| state.connection.as_deref_mut())
            {
                connection.flushes.remove(&flush);
            }
        }
        self.deliveries.push(Event::Flushed { flush, result });
    }

    /// A link is active: what waited for it goes on.
    pub(in crate::process) fn begin_waiting_flushes(&mut self, link: LinkId) {
        for id in self.flushes_waiting_for(link) {
            if let Some(flush) = self.flushes.table.get_mut(&id) {
                flush.waiting.remove(&link);
                flush.sent.insert(link);
                self.send_flush(link, id);
            }
        }
    }

    /// A link is closed for good.
    pub(in crate::process) fn fail_waiting_flushes(&mut self, link: LinkId) {
        for id in self.flushes_waiting_for(link) {
            self.end_flush(id, Err(FlushError::LinkLost));
        }
    }

    fn flushes_waiting_for(&self, link: LinkId) -> Vec<FlushId> {
        let waiting = self.flushes.table.iter().filter(|(_, flush)| flush.waiting.contains(&link));
        let mut found: Vec<FlushId> = waiting.map(|(id, _)| *id).collect();
        found.sort_unstable();
        found
    }

    fn send_flush(&mut self, link: LinkId, id: FlushId) {
        if let Some(connection) = self.links.get_mut(&link).and_then(|state| state.linked_mut()) {
            connection.flushes.insert(id);
        }
        self.push(link, Out::Message(Message::Flush { token: id.0 }));
    }

    fn finish_flush(&mut self, id: FlushId) {
        let done = self
            .flushes
            .table
            .get(&id)
            .is_some_and(|flush| flush.sent.is_empty() && flush.waiting.is_empty());
        if done {
            self.end_flush(id, Ok(()));
        }
    }
}
