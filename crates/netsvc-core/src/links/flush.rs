//! Flushes: "the peer has applied everything sent before".

use std::time::Duration;

use crate::delivery::event::{Event, FlushError};
use crate::delivery::queue::Deliveries;
use crate::ids::{ExchangeId, FlushId, LinkId};
use crate::links::Links;
use crate::time::Time;
use crate::wire::Message;

use super::flushes::Flush;
use super::outbound::outbox::Out;
use super::timer::LinkTimer;

impl Links {
    /// See [`Process::flush`](crate::Process::flush).
    pub(crate) fn flush(
        &mut self,
        now: Time,
        exchange: ExchangeId,
        timeout: Duration,
        deliveries: &mut Deliveries,
    ) -> FlushId {
        let id = self.flushes.next_id();
        let mut flush = Flush::default();
        for (link, state) in self.table.iter() {
            if state.exchange != exchange {
                continue;
            }
            if state.linked().is_some() {
                flush.sent.insert(link);
            } else if state.connector.is_some() {
                flush.waiting.insert(link);
            }
        }
        let mut links: Vec<LinkId> = flush.sent.iter().copied().collect();
        links.sort_unstable();
        self.flushes.table.insert(id, flush);
        self.timers.set(LinkTimer::Flush(id), now + timeout);
        for link in links {
            self.send_flush(link, id);
        }
        self.finish_flush(id, deliveries);
        id
    }

    /// The peer has applied everything before a FLUSH.
    pub(crate) fn handle_flushed(&mut self, link: LinkId, token: u32, deliveries: &mut Deliveries) {
        let id = FlushId(token);
        if let Some(connection) = self.linked_mut(link) {
            connection.flushes.remove(&id);
        }
        if let Some(flush) = self.flushes.table.get_mut(&id) {
            flush.sent.remove(&link);
            self.finish_flush(id, deliveries);
        }
    }

    pub(crate) fn end_flush(
        &mut self,
        flush: FlushId,
        result: Result<(), FlushError>,
        deliveries: &mut Deliveries,
    ) {
        let Some(state) = self.flushes.table.remove(&flush) else { return };
        self.timers.clear(LinkTimer::Flush(flush));
        for link in state.sent {
            if let Some(connection) = self.connection_mut(link) {
                connection.flushes.remove(&flush);
            }
        }
        deliveries.push(Event::Flushed { flush, result });
    }

    /// A link is active: what waited for it goes on.
    pub(crate) fn begin_waiting_flushes(&mut self, link: LinkId) {
        for id in self.flushes.waiting_for(link) {
            if let Some(flush) = self.flushes.table.get_mut(&id) {
                flush.waiting.remove(&link);
                flush.sent.insert(link);
                self.send_flush(link, id);
            }
        }
    }

    /// A link is lost: what its peer has not confirmed it never will.
    pub(crate) fn fail_sent_flushes(&mut self, link: LinkId, deliveries: &mut Deliveries) {
        let Some(connection) = self.connection_mut(link) else { return };
        for flush in std::mem::take(&mut connection.flushes) {
            self.end_flush(flush, Err(FlushError::LinkLost), deliveries);
        }
    }

    /// A link is closed for good.
    pub(crate) fn fail_waiting_flushes(&mut self, link: LinkId, deliveries: &mut Deliveries) {
        for id in self.flushes.waiting_for(link) {
            self.end_flush(id, Err(FlushError::LinkLost), deliveries);
        }
    }

    fn send_flush(&mut self, link: LinkId, id: FlushId) {
        if let Some(connection) = self.linked_mut(link) {
            connection.flushes.insert(id);
        }
        self.send(link, Out::Message(Message::Flush { token: id.0 }));
    }

    fn finish_flush(&mut self, id: FlushId, deliveries: &mut Deliveries) {
        let flush = self.flushes.table.get(&id);
        if flush.is_some_and(|flush| flush.sent.is_empty() && flush.waiting.is_empty()) {
            self.end_flush(id, Ok(()), deliveries);
        }
    }
}
