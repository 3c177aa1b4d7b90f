//! Services of which the peer of a link is sent less than before, while it may not know yet.
//!
//! A publisher stops sending what a hub no longer wants. What is on its way to the hub by then may
//! still find a subscriber there, one that is new; if the publisher hears of that one later, what
//! it published in between is missing in the middle of what the subscriber is told. The publisher
//! alone knows of that. So it remembers from which sequence on it has sent less, until the hub has
//! confirmed, by a flush, that it has everything before.

use crate::ids::{FlushId, LinkId, ServiceNo};
use crate::links::Links;
use crate::wire::Message;

use super::connection::Connection;
use super::outbound::outbox::Out;

impl Links {
    /// Less of some local services is sent to the peer of a link than up to these sequences.
    pub(crate) fn narrow(&mut self, link: LinkId, services: &[(ServiceNo, u64)]) {
        if services.is_empty() || self.linked(link).is_none() {
            return;
        }
        // None that an application waits for: its end is of no interest to anybody else.
        let flush = self.flushes.next_id();
        if let Some(connection) = self.linked_mut(link) {
            let narrowed = connection.narrowed.get_or_insert_default();
            for (service, since) in services {
                narrowed.entry(*service).or_insert((*since, flush)).1 = flush;
            }
        }
        self.send(link, Out::Message(Message::Flush { token: flush.0 }));
    }

    /// The sequence since which the peer of a link is sent less of a service, if what was sent
    /// before may still be on its way.
    pub(crate) fn narrowed_since(&self, link: LinkId, service: ServiceNo) -> Option<u64> {
        let narrowed = self.linked(link)?.narrowed.as_ref()?;
        narrowed.get(&service).map(|(since, _)| *since)
    }
}

impl Connection {
    /// The peer has everything that was sent before a flush.
    pub(super) fn end_narrowing(&mut self, flush: FlushId) {
        if let Some(narrowed) = &mut self.narrowed {
            narrowed.retain(|_, (_, confirms)| *confirms != flush);
            self.release_narrowed();
        }
    }

    /// A service has ended.
    pub(crate) fn forget_narrowing(&mut self, service: ServiceNo) {
        if let Some(narrowed) = &mut self.narrowed {
            narrowed.remove(&service);
            self.release_narrowed();
        }
    }

    /// A link without any owns no memory for them.
    fn release_narrowed(&mut self) {
        if self.narrowed.as_ref().is_some_and(|narrowed| narrowed.is_empty()) {
            self.narrowed = None;
        }
    }
}
