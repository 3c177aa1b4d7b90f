//! Interest: who wants whose reports, and what publishers are told of it.

use crate::delivery::event::Event;
use crate::ids::{ExchangeId, LinkId, ProcessNo, ServiceNo, Str};
use crate::links::outbound::outbox::Out;
use crate::policy::party::Party;
use crate::reason::{Reason, ReasonCode};
use crate::registry::process_table::OWN;
use crate::registry::service::{Service, ServiceRoute};
use crate::steps;
use crate::wire::{InterestTarget, Message};

use super::distributor::Distributor;
use super::interest::PeerInterests;
use super::pattern::Pattern;
use super::subscribers::Changed;
use super::want::Want;

/// So many times the interests that a process may have are told apart at services that share a
/// name, on average.
const TOLD_APART: usize = 16;

/// Who is told of the end of what somebody wants, besides the application of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Telling {
    Publishers,
    Nobody,
}

impl Distributor<'_> {
    /// A client declared an interest.
    pub(crate) fn handle_interest(
        &mut self,
        link: LinkId,
        id: u32,
        target: &InterestTarget,
        want: &Want,
    ) -> Result<(), Reason> {
        let limit = self.rules.limits.interests;
        let Some(connection) = self.links.linked_mut(link) else { return Ok(()) };
        let Some(process) = connection.peer.as_ref().map(|peer| peer.process) else {
            return Ok(());
        };
        if connection.capabilities().relays_for_us {
            return Err(Reason::violation("a server declared an interest"));
        }
        if connection.interests.weight() + want.pattern.weight() > limit {
            let text =
                format!("more interests of one process than limits.interests of the hub: {limit}");
            return Err(Reason::new(ReasonCode::Limit, text));
        }
        // Not replaced: what is in force ends with the link, which needs to know it.
        if connection.interests.contains(id) {
            return Err(Reason::violation("an interest's id was used twice"));
        }
        connection.interests.insert(id, target.clone(), want.clone());
        self.wish(process, Some(link), target, want);
        Ok(())
    }

    /// A client ended an interest.
    pub(crate) fn handle_interest_end(&mut self, link: LinkId, id: u32) {
        let Some(connection) = self.links.linked_mut(link) else { return };
        let Some(process) = connection.peer.as_ref().map(|peer| peer.process) else { return };
        match connection.interests.remove(id) {
            Some((target, want)) => self.unwish(process, Some(link), &target, &want),
            None => self.links.ignore(link),
        }
    }

    /// This process wants reports of others: a hub tells those of its clients that publish them.
    pub(super) fn wish_own(&mut self, target: &InterestTarget, want: &Want) {
        self.wish(OWN, None, target, want);
    }

    /// It no longer wants them.
    pub(super) fn unwish_own(&mut self, target: &InterestTarget, want: &Want) {
        self.unwish(OWN, None, target, want);
    }

    /// A service is new, or there is a route to it in another exchange: those who wanted its
    /// reports before become its subscribers. `within`: the exchange; `None`: all.
    pub(crate) fn grant_wishes(&mut self, no: ServiceNo, within: Option<ExchangeId>) {
        let Some(service) = self.registry.services.get(no) else { return };
        let groups = service.groups.iter().cloned().map(InterestTarget::Group);
        let mut targets: Vec<_> = groups.collect();
        targets.push(InterestTarget::Name(service.name.clone()));
        targets.push(InterestTarget::Identity(service.id));
        self.grant(no, &targets, within);
    }

    /// A service has joined a group: who wants reports of that becomes its subscriber.
    pub(crate) fn grant_group(&mut self, no: ServiceNo, group: &Str) {
        self.grant(no, &[InterestTarget::Group(group.clone())], None);
    }

    /// It has left the group.
    pub(crate) fn end_group(&mut self, no: ServiceNo, group: &Str) {
        let target = InterestTarget::Group(group.clone());
        let wishes: Vec<_> = self.reports.wishes.of(&target).collect();
        self.links.charge(wishes.len());
        for (process, link, want) in wishes {
            if self.may_subscribe(process, link, no) {
                self.remove_subscriber(no, process, link, &want, Telling::Publishers);
            }
        }
    }

    fn grant(&mut self, no: ServiceNo, targets: &[InterestTarget], within: Option<ExchangeId>) {
        let wishes: Vec<_> = targets
            .iter()
            .flat_map(|target| self.reports.wishes.of(target).map(move |wish| (target, wish)))
            .collect();
        self.links.charge(wishes.len());
        let newly = |route: &ServiceRoute| within.is_none_or(|within| route.exchange == within);
        let routes: Vec<_> = self.publisher_routes(no).into_iter().filter(newly).collect();
        for (target, (process, link, want)) in wishes {
            match link {
                // Subscribers here count once; publishers are told of them over every route.
                None if within.is_some() && self.has_subscriber(no, process, &want) => {
                    for route in &routes {
                        self.tell_route(*route, (process, None), &want, true);
                    }
                }
                link => {
                    let of = link.and_then(|link| self.links.exchange_of(link)).map(|of| of.id);
                    let concerned = within.is_none() || of == within;
                    if concerned && self.may_subscribe(process, link, no) {
                        let room = self.has_room(process, link, target);
                        self.add_subscriber(no, process, link, &want, room);
                    }
                }
            }
        }
        let revision = self.registry.services.get(no).map_or(0, |service| service.revision);
        for route in routes {
            let known = Message::SubscribersKnown { service: route.peer_no, revision };
            self.links.send(route.link, Out::Message(known));
        }
    }

    /// A service does not exist any more for whoever is behind a link: what was wanted of it over
    /// that link ends. `None`: its publisher is not a client of this process any more.
    pub(crate) fn end_wishes_of(&mut self, no: ServiceNo, link: Option<LinkId>) {
        self.take_over(no, link, Telling::Publishers);
    }

    fn take_over(&mut self, no: ServiceNo, link: Option<LinkId>, telling: Telling) {
        let Some(service) = self.registry.services.get_mut(no) else { return };
        let taken = service.subscribers.take_over(link);
        if taken.is_empty() {
            return;
        }
        self.registry.subscribers_changed();
        self.links.charge(taken.len());
        for (process, want, changed) in taken {
            self.tell_end(no, process, link, &want, changed, telling);
        }
    }

    /// As [`end_wishes_of`](Self::end_wishes_of), for whoever is behind the links of an exchange.
    pub(crate) fn end_wishes_within(&mut self, no: ServiceNo, exchange: ExchangeId) {
        let Some(service) = self.registry.services.get(no) else { return };
        let links = service.subscribers.links().into_iter();
        let within =
            |link: &LinkId| self.links.exchange_of(*link).is_some_and(|of| of.id == exchange);
        for link in links.filter(within).collect::<Vec<_>>() {
            self.end_wishes_of(no, Some(link));
        }
    }

    /// Everything that a process declared, or that was told of it, over a link ends. `left`: it has
    /// left the link's exchange, which publishers there are told instead.
    pub(crate) fn end_wishes(&mut self, process: ProcessNo, link: LinkId, left: bool) {
        let Some(connection) = self.links.connection_mut(link) else { return };
        let own = connection.peer.as_ref().is_some_and(|peer| peer.process == process);
        let interests =
            if own { std::mem::take(&mut connection.interests) } else { PeerInterests::default() };
        let of_process = (process, ServiceNo(0), Str::default(), false)..;
        let others = connection.subscribers.range(of_process);
        let told: Vec<_> =
            others.take_while(|(subscriber, ..)| *subscriber == process).cloned().collect();
        for entry in &told {
            connection.subscribers.remove(entry);
        }
        let telling = if left { Telling::Nobody } else { Telling::Publishers };
        for (target, wants) in interests.into_targets() {
            self.unwish_all(process, link, &target, &wants, telling);
        }
        for (process, service, pattern, latest) in told {
            let want = Want { pattern: Pattern::new(pattern), latest };
            self.remove_subscriber(service, process, Some(link), &want, Telling::Publishers);
        }
    }

    /// Everything that a process wants of one target over a link ends.
    fn unwish_all(
        &mut self,
        process: ProcessNo,
        link: LinkId,
        target: &InterestTarget,
        wants: &[Want],
        telling: Telling,
    ) {
        for want in wants {
            self.reports.wishes.remove(process, Some(link), target, want);
        }
        for no in self.targets(target) {
            let known = self.registry.services.get(no);
            let patterns = known.map_or(0, |service| service.subscribers.patterns());
            // All at once, unless most of it is others'.
            if wants.len() >= patterns / 8 {
                self.take_over(no, Some(link), telling);
                continue;
            }
            for want in wants {
                self.remove_subscriber(no, process, Some(link), want, telling);
            }
        }
    }

    /// A process wants reports: note it, and tell the publishers that exist.
    fn wish(
        &mut self,
        process: ProcessNo,
        link: Option<LinkId>,
        target: &InterestTarget,
        want: &Want,
    ) {
        self.reports.wishes.add(process, link, target, want);
        let room = self.has_room(process, link, target);
        for no in self.targets(target) {
            if self.may_subscribe(process, link, no) {
                self.add_subscriber(no, process, link, want, room);
            }
        }
    }

    /// A process no longer wants them.
    fn unwish(
        &mut self,
        process: ProcessNo,
        link: Option<LinkId>,
        target: &InterestTarget,
        want: &Want,
    ) {
        self.reports.wishes.remove(process, link, target, want);
        for no in self.targets(target) {
            self.remove_subscriber(no, process, link, want, Telling::Publishers);
        }
    }

    pub(super) fn add_subscriber(
        &mut self,
        no: ServiceNo,
        process: ProcessNo,
        link: Option<LinkId>,
        want: &Want,
        room: bool,
    ) {
        let since = self.sent_since(no, link);
        let Some(service) = self.registry.services.get_mut(no) else { return };
        let (want, changed) = service.subscribers.add(process, link, want, room, since);
        self.registry.subscribers_changed();
        self.tell_subscriber(no, process, link, &want, changed, true);
    }

    /// Whether a process's interests in services of a name or in a group are told apart at each of
    /// them: their number is not bounded by what that process said, nor by what their publishers
    /// did.
    fn has_room(&self, process: ProcessNo, link: Option<LinkId>, target: &InterestTarget) -> bool {
        let services = &self.registry.services;
        let services = match target {
            InterestTarget::Name(name) => services.named(name).len(),
            InterestTarget::Group(group) => services.members(group).len(),
            InterestTarget::Identity(_) => return true,
        };
        let interests = self.reports.wishes.count(process, link, target);
        let most = self.rules.limits.interests.saturating_mul(TOLD_APART);
        link.is_none() || interests.saturating_mul(services) <= most
    }

    pub(super) fn remove_subscriber(
        &mut self,
        no: ServiceNo,
        process: ProcessNo,
        link: Option<LinkId>,
        want: &Want,
        telling: Telling,
    ) {
        let Some(service) = self.registry.services.get_mut(no) else { return };
        let (want, changed) = service.subscribers.remove(process, link, want);
        self.registry.subscribers_changed();
        self.tell_end(no, process, link, &want, changed, telling);
    }

    fn tell_end(
        &mut self,
        no: ServiceNo,
        process: ProcessNo,
        link: Option<LinkId>,
        want: &Want,
        changed: Changed,
        telling: Telling,
    ) {
        let is_local = || self.registry.services.get(no).is_some_and(Service::is_local);
        if telling == Telling::Publishers || is_local() {
            self.tell_subscriber(no, process, link, want, changed, false);
        }
    }

    /// Tells the publisher: the application if it is local, its process if this is its hub.
    fn tell_subscriber(
        &mut self,
        no: ServiceNo,
        process: ProcessNo,
        link: Option<LinkId>,
        want: &Want,
        changed: Changed,
        added: bool,
    ) {
        let Some(service) = self.registry.services.get(no) else { return };
        if service.is_local() {
            let entry = self.registry.processes.get(process);
            let Some(entry) = entry.filter(|_| changed == Changed::Process) else { return };
            let event = Event::Subscriber {
                service: no,
                process: entry.id,
                label: entry.label.clone(),
                pattern: want.pattern.text().clone(),
                present: added,
            };
            return self.deliveries.push_hint(event);
        }
        if changed == Changed::Nothing {
            return;
        }
        let within = link.and_then(|link| self.links.exchange_of(link)).map(|of| of.id);
        for route in self.publisher_routes(no) {
            if within.is_none_or(|within| route.exchange == within) {
                self.tell_route(route, (process, link), want, added);
            }
        }
    }

    /// Whether this process's own wish is known as a subscriber.
    fn has_subscriber(&self, no: ServiceNo, process: ProcessNo, want: &Want) -> bool {
        let known = self.registry.services.get(no);
        known.is_some_and(|known| known.subscribers.has(process, None, want))
    }

    fn tell_route(
        &mut self,
        route: ServiceRoute,
        (process, link): (ProcessNo, Option<LinkId>),
        want: &Want,
        added: bool,
    ) {
        let (service, want) = (route.peer_no, want.clone());
        if let Some(link) = link {
            self.links.stay_behind_ends(route.link, link);
        }
        self.links.send(route.link, Out::Subscriber { added, service, process, want });
    }

    /// The routes over which the publisher itself is reached: this process is its hub.
    pub(crate) fn publisher_routes(&self, no: ServiceNo) -> Vec<ServiceRoute> {
        let Some(service) = self.registry.services.get(no) else { return Vec::new() };
        let direct = |route: &&ServiceRoute| {
            self.links
                .linked(route.link)
                .is_some_and(|connection| !connection.capabilities().relays_for_us)
        };
        steps::count(service.routes.len());
        service.routes.iter().filter(direct).copied().collect()
    }

    /// Whether a wish of a process counts for a service: a server decides it for its clients and
    /// for itself; a client's own wishes go to its server as interests instead.
    fn may_subscribe(&self, process: ProcessNo, link: Option<LinkId>, no: ServiceNo) -> bool {
        let Some(service) = self.registry.services.get(no) else { return false };
        let concerned = match link {
            None => !self.publisher_routes(no).is_empty(),
            Some(_) => true,
        };
        concerned && self.policy().may_subscribe(Party { process, link }, service)
    }

    fn targets(&mut self, target: &InterestTarget) -> Vec<ServiceNo> {
        let services = &self.registry.services;
        let targets: Vec<ServiceNo> = match target {
            InterestTarget::Name(name) => services.named(name).iter().copied().collect(),
            InterestTarget::Identity(id) => services.no_of(*id).into_iter().collect(),
            InterestTarget::Group(group) => services.members(group).iter().copied().collect(),
        };
        self.links.charge(targets.len());
        targets
    }
}
