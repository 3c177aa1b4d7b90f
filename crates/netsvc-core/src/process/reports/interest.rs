//! Interest: who wants whose reports, and telling the publishers.

use crate::delivery::event::Event;
use crate::ids::{LinkId, ProcessNo, ServiceNo};
use crate::links::outbound::outbox::Out;
use crate::reason::{Reason, ReasonCode};
use crate::registry::table::OWN;
use crate::reports::interest::{PeerInterests, Want};
use crate::reports::pattern::Pattern;
use crate::time::Time;
use crate::wire::{InterestTarget, Message, Subscriber};

use crate::process::Process;

impl Process {
    /// A client declared an interest.
    pub(in crate::process) fn handle_interest(
        &mut self,
        now: Time,
        link: LinkId,
        id: u32,
        target: &InterestTarget,
        want: &Want,
    ) {
        let limit = self.limits.interests;
        let Some(connection) = self.links.get_mut(&link).and_then(|state| state.linked_mut())
        else {
            return;
        };
        let Some(process) = connection.peer.as_ref().map(|peer| peer.process) else { return };
        if connection.peer_is_server() {
            return self.break_rules(now, link, "a server declared an interest");
        }
        if connection.interests.len() >= limit {
            let text = format!("more than {limit} interests of one process");
            return self.reject(now, link, Reason::new(ReasonCode::Limit, text));
        }
        // Not replaced: what is in force ends with the link, which needs to know it.
        if connection.interests.contains_key(&id) {
            return self.break_rules(now, link, "an interest's id was used twice");
        }
        connection.interests.insert(id, (target.clone(), want.clone()));
        self.wish(process, target, want);
    }

    /// A client ended an interest.
    pub(in crate::process) fn handle_interest_end(&mut self, link: LinkId, id: u32) {
        let Some(connection) = self.links.get_mut(&link).and_then(|state| state.linked_mut())
        else {
            return;
        };
        let Some(process) = connection.peer.as_ref().map(|peer| peer.process) else { return };
        match connection.interests.remove(&id) {
            Some((target, want)) => self.unwish(process, &target, &want),
            None => self.ignore(link),
        }
    }

    /// A server told of a subscriber of a local service, or of its end.
    pub(in crate::process) fn handle_subscriber(
        &mut self,
        now: Time,
        link: LinkId,
        change: Subscriber,
        added: bool,
    ) {
        let Some(connection) = self.links.get_mut(&link).and_then(|state| state.linked_mut())
        else {
            return;
        };
        if !connection.peer_is_server() {
            return self.break_rules(now, link, "a client told of a subscriber");
        }
        let Some(process) = connection.processes.get(&change.process).copied() else {
            return self.break_rules(now, link, "a subscriber that was not introduced");
        };
        let no = ServiceNo(change.service);
        let entry = (no, process, change.pattern.clone(), change.latest);
        // It may have crossed the service's withdrawal on its way.
        let local =
            self.registry.service(no).is_some_and(crate::registry::table::Service::is_local);
        let changed = if added {
            local && connection.subscribers.insert(entry)
        } else {
            connection.subscribers.remove(&entry)
        };
        if !changed {
            return;
        }
        let want = Want { pattern: Pattern::new(change.pattern), latest: change.latest };
        if added {
            self.add_subscriber(no, process, &want);
        } else {
            self.remove_subscriber(no, process, &want);
        }
    }

    /// A server has told all subscribers of a local service.
    pub(in crate::process) fn handle_subscribers_known(&mut self, link: LinkId, service: u32) {
        let no = ServiceNo(service);
        let local =
            self.registry.service(no).is_some_and(crate::registry::table::Service::is_local);
        if let Some(connection) = self.links.get_mut(&link).and_then(|state| state.linked_mut())
            && local
        {
            connection.told.insert(no);
            if let Some(known) = self.registry.service_mut(no) {
                known.subscribers.forget_plans();
            }
        }
    }

    /// A process wants reports: note it, and tell the publishers that exist.
    pub(in crate::process) fn wish(
        &mut self,
        process: ProcessNo,
        target: &InterestTarget,
        want: &Want,
    ) {
        self.wishes.add(process, target, want);
        for no in self.targets(target) {
            if self.may_subscribe(process, no) {
                self.add_subscriber(no, process, want);
            }
        }
    }

    /// A process no longer wants them.
    pub(in crate::process) fn unwish(
        &mut self,
        process: ProcessNo,
        target: &InterestTarget,
        want: &Want,
    ) {
        self.wishes.remove(process, target, want);
        for no in self.targets(target) {
            if self.may_subscribe(process, no) {
                self.remove_subscriber(no, process, want);
            }
        }
    }

    /// A service is new: its subscribers are those who wished for it before.
    pub(in crate::process) fn grant_wishes(&mut self, no: ServiceNo) {
        let Some(service) = self.registry.service(no) else { return };
        let wishes = self.wishes.of(&service.name, service.id);
        for (process, want) in wishes {
            if self.may_subscribe(process, no) {
                self.add_subscriber(no, process, &want);
            }
        }
        if let Some((link, peer_no)) = self.publisher_to_tell(no) {
            let known = Message::SubscribersKnown { service: peer_no };
            self.push(link, Out::Message(known));
        }
    }

    /// Everything that a process declared, or that was told of it, over a link ends.
    pub(in crate::process) fn end_wishes(&mut self, process: ProcessNo, link: LinkId) {
        let Some(connection) =
            self.links.get_mut(&link).and_then(|state| state.connection.as_deref_mut())
        else {
            return;
        };
        let own = connection.peer.as_ref().is_some_and(|peer| peer.process == process);
        let interests =
            if own { std::mem::take(&mut connection.interests) } else { PeerInterests::default() };
        let told: Vec<_> = connection
            .subscribers
            .iter()
            .filter(|(_, subscriber, ..)| *subscriber == process)
            .cloned()
            .collect();
        for entry in &told {
            connection.subscribers.remove(entry);
        }
        let mut interests: Vec<_> = interests.into_iter().collect();
        interests.sort_unstable_by_key(|(id, _)| *id);
        for (_, (target, want)) in interests {
            self.unwish(process, &target, &want);
        }
        for (service, process, pattern, latest) in told {
            let want = Want { pattern: Pattern::new(pattern), latest };
            self.remove_subscriber(service, process, &want);
        }
    }

    /// A service of this process ends: what links know of its subscribers is forgotten. Nobody is
    /// told but by the withdrawal.
    pub(in crate::process) fn end_subscribers(&mut self, no: ServiceNo) {
        for state in self.links.values_mut() {
            if let Some(connection) = state.connection.as_deref_mut() {
                connection.told.remove(&no);
                connection.subscribers.retain(|(service, ..)| *service != no);
            }
        }
    }

    fn add_subscriber(&mut self, no: ServiceNo, process: ProcessNo, want: &Want) {
        let Some(service) = self.registry.service_mut(no) else { return };
        if service.subscribers.add(process, want) {
            self.tell_subscriber(no, process, want, true);
        }
    }

    fn remove_subscriber(&mut self, no: ServiceNo, process: ProcessNo, want: &Want) {
        let Some(service) = self.registry.service_mut(no) else { return };
        if service.subscribers.remove(process, want) {
            self.tell_subscriber(no, process, want, false);
        }
    }

    /// Tells the publisher: the application if it is local, its process if this is its hub.
    fn tell_subscriber(&mut self, no: ServiceNo, process: ProcessNo, want: &Want, added: bool) {
        let Some(service) = self.registry.service(no) else { return };
        if service.is_local() {
            let Some(entry) = self.registry.process(process) else { return };
            let event = Event::Subscriber {
                service: no,
                process: entry.id,
                label: entry.label.clone(),
                pattern: want.pattern.text().clone(),
                present: added,
            };
            self.deliveries.push_hint(event);
        } else if let Some((link, service)) = self.publisher_to_tell(no) {
            let want = want.clone();
            self.push(link, Out::Subscriber { added, service, process, want });
        }
    }

    /// The link and number of a remote service whose hub this process is.
    fn publisher_to_tell(&self, no: ServiceNo) -> Option<(LinkId, u32)> {
        let (link, peer_no) = self.registry.service(no)?.route()?;
        let connection = self.links.get(&link)?.linked()?;
        (!connection.peer_is_server()).then_some((link, peer_no))
    }

    /// Whether a wish of a process counts for a service: a server decides it for its clients and
    /// for itself; a client's own wishes go to its server as interests instead.
    fn may_subscribe(&self, process: ProcessNo, no: ServiceNo) -> bool {
        let Some(service) = self.registry.service(no) else { return false };
        if service.process == process {
            return false;
        }
        if process == OWN {
            return self.publisher_to_tell(no).is_some();
        }
        let Some(entry) = self.registry.process(process) else { return false };
        entry.routes.iter().any(|link| self.exports(service, *link))
    }

    fn targets(&self, target: &InterestTarget) -> Vec<ServiceNo> {
        match target {
            InterestTarget::Name(name) => self.registry.named(name).to_vec(),
            InterestTarget::Identity(id) => self.registry.service_no(*id).into_iter().collect(),
        }
    }
}
