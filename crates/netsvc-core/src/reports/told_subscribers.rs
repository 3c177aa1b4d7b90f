//! What servers tell a publisher of its subscribers, and since when those are sent everything.

use crate::ids::{LinkId, ServiceNo};
use crate::policy::party::Party;
use crate::reason::Reason;
use crate::registry::service::Service;
use crate::wire::Subscriber;

use super::distributor::Distributor;
use super::pattern::Pattern;
use super::want::Want;
use super::wishes::Telling;

impl Distributor<'_> {
    /// A server reported a subscriber of a local service, or its end.
    pub(crate) fn handle_subscriber(
        &mut self,
        link: LinkId,
        change: Subscriber,
        added: bool,
    ) -> Result<(), Reason> {
        let Some(connection) = self.links.linked_mut(link) else { return Ok(()) };
        if !connection.capabilities().relays_for_us {
            return Err(Reason::violation("a client told of a subscriber"));
        }
        let Some(process) = connection.process_of(change.process) else {
            return Err(Reason::violation("a subscriber that was not introduced"));
        };
        let no = ServiceNo(change.service);
        let entry = (process, no, change.pattern.clone(), change.latest);
        // It may have crossed the service's withdrawal on its way.
        let local = self.registry.services.get(no).is_some_and(Service::is_local);
        let changed = if added {
            local && connection.subscribers.insert(entry)
        } else {
            connection.subscribers.remove(&entry)
        };
        if changed {
            let want = Want { pattern: Pattern::new(change.pattern), latest: change.latest };
            if added {
                // The server has seen to it that there is room.
                self.add_subscriber(no, process, Some(link), &want, true);
            } else {
                self.remove_subscriber(no, process, Some(link), &want, Telling::Publishers);
            }
        }
        Ok(())
    }

    /// A server has named all subscribers of a local service.
    pub(crate) fn handle_subscribers_known(&mut self, link: LinkId, service: u32, revision: u64) {
        let no = ServiceNo(service);
        let Some(known) = self.registry.services.get_mut(no) else { return };
        // It may have joined another group since.
        if known.publisher.as_ref().is_none_or(|publisher| revision < publisher.asks_since) {
            return;
        }
        if let Some(connection) = self.links.linked_mut(link) {
            connection.told.insert(no, None);
            known.subscribers.forget_destinations();
            self.registry.subscribers_changed();
        }
    }

    /// A service of this process has joined a group: until servers have told who wants reports of
    /// that, they get all.
    pub(crate) fn ask_for_subscribers(&mut self, no: ServiceNo) {
        let Some(known) = self.registry.services.get_mut(no) else { return };
        let Some(publisher) = &mut known.publisher else { return };
        publisher.asks_since = known.revision;
        let sequence = publisher.sequence;
        known.subscribers.forget_destinations();
        for connection in self.links.connections_mut() {
            if let Some(told) = connection.told.get_mut(&no) {
                told.get_or_insert(sequence);
            }
        }
        self.registry.subscribers_changed();
    }

    /// A service of this process has ended: what links know of its subscribers is forgotten.
    /// Nobody is told but by the withdrawal.
    pub(crate) fn end_subscribers(&mut self, service: &Service) {
        for connection in self.links.connections_mut() {
            connection.told.remove(&service.no);
        }
        service.subscribers.for_each(|process, link, pattern, latest| {
            if let Some(connection) = link.and_then(|link| self.links.connection_mut(link)) {
                connection.subscribers.remove(&(process, service.no, pattern.clone(), latest));
            }
        });
    }

    /// Of a local service: the sequence after which everything is sent over a link, if its
    /// subscribers are not known there, or from now on what somebody wants.
    pub(super) fn sent_since(&self, no: ServiceNo, link: Option<LinkId>) -> u64 {
        let Some(known) = self.registry.services.get(no) else { return 0 };
        let Some(publisher) = &known.publisher else { return 0 };
        let connection = link.and_then(|link| self.links.linked(link));
        let relay = connection.filter(|connection| connection.capabilities().relays_for_us);
        match relay.map(|connection| connection.told.get(&no)) {
            Some(None) => 0,
            Some(Some(Some(since))) => *since,
            Some(Some(None)) | None => publisher.sequence,
        }
    }

    /// What whoever asks for kept values is to know of live reports: see
    /// [`Subscribers::complete_after`](super::subscribers::Subscribers::complete_after).
    pub(super) fn complete_after(&self, no: ServiceNo, by: Party, pattern: &Pattern) -> u64 {
        let known = self.registry.services.get(no);
        let who = (by.process, by.link);
        known.and_then(|known| known.subscribers.complete_after(who, pattern)).unwrap_or(0)
    }
}
