//! Services coming and going, in the order in which that is told.

use crate::delivery::event::Status;
use crate::ids::{LinkId, ProcessNo, ServiceId, ServiceNo, Str};
use crate::limits::{MAX_CONTROL, MAX_GROUPS};
use crate::links::outbound::changes::Change;
use crate::process::Process;
use crate::reason::{Reason, ReasonCode};
use crate::registry::checks::each_once;
use crate::registry::service::{Description, Service, ServiceRoute};
use crate::time::Time;
use crate::wire::{Announcement, Membership, ProcessInfo, group_len};

impl Process {
    pub(super) fn handle_process(
        &mut self,
        link: LinkId,
        process: &ProcessInfo,
    ) -> Result<(), Reason> {
        let Some(exchange) = self.links.get(link).map(|link| link.exchange) else { return Ok(()) };
        let Some(connection) = self.links.linked_mut(link) else { return Ok(()) };
        if !connection.capabilities().introduces {
            return Err(Reason::violation("a client introduced another process"));
        }
        if process.process == 0 || connection.processes.contains(process.process) {
            return Err(Reason::violation("a process number was used twice"));
        }
        if process.id == self.id {
            return Err(Reason::violation("a process was introduced to itself"));
        }
        let (id, label) = (process.id, process.label.clone());
        let no = self.registry.processes.add_route(id, label, link, exchange);
        connection.processes.insert(process.process, no);
        self.registry.routes_changed();
        Ok(())
    }

    pub(super) fn handle_process_gone(&mut self, link: LinkId, process: u32) -> Result<(), Reason> {
        let Some(connection) = self.links.linked_mut(link) else { return Ok(()) };
        if process == 0 {
            return Err(Reason::violation("the peer declared itself gone"));
        }
        match connection.processes.remove(process) {
            Some(no) => {
                self.links.forget_asker(link, process);
                self.lose_process(link, no);
            }
            None => self.links.ignore(link),
        }
        Ok(())
    }

    /// A peer announced a service.
    pub(super) fn handle_service(
        &mut self,
        now: Time,
        link: LinkId,
        service: Announcement,
    ) -> Result<(), Reason> {
        let Some(exchange) = self.links.get(link).map(|link| link.exchange) else { return Ok(()) };
        let Some(connection) = self.links.linked(link) else { return Ok(()) };
        let Some(process) = connection.process_of(service.process) else {
            return Err(Reason::violation("a service of a process that was not introduced"));
        };
        let introduces = connection.capabilities().introduces;
        if !introduces && service.process != 0 {
            return Err(Reason::violation("a client announced another process's service"));
        }
        if service.service == 0 {
            return Err(Reason::violation("a service without a number"));
        }
        if connection.services.contains(service.service) {
            return Err(Reason::violation("a service number was used twice"));
        }
        let limit = self.rules.limits.services;
        if !introduces && connection.services.len() >= limit {
            let text =
                format!("more services of one process than limits.services of the hub: {limit}");
            return Err(Reason::new(ReasonCode::Limit, text));
        }
        if !introduces {
            self.check_announced(process, service.body_len())?;
        }
        if !self.policy().may_announce(link, &service) {
            self.links.ignore(link);
            return Ok(());
        }
        let Some(entry) = self.registry.processes.get(process) else { return Ok(()) };
        let id = ServiceId { process: entry.id, counter: service.counter };
        let route = ServiceRoute { link, exchange, peer_no: service.service };
        let known = self.registry.services.no_of(id);
        let (groups, revision) = (service.groups.clone(), service.revision);
        let no = if let Some(no) = known {
            let existing = self.registry.services.get(no);
            let twice = existing.is_none_or(|existing| {
                existing.is_local() || existing.routes.iter().any(|known| known.link == link)
            });
            if twice {
                return Err(Reason::violation("a service was announced twice"));
            }
            no
        } else {
            let description = Description {
                name: service.name,
                audience: service.audience,
                groups: each_once(service.groups),
                methods: service.methods,
                revision: service.revision,
                extensions: service.extensions,
            };
            self.registry.services.insert(id, process, description, Some(route))
        };
        if let Some(connection) = self.links.linked_mut(link) {
            connection.services.insert(route.peer_no, no);
        }
        match known {
            None => self.appeared(now, no),
            Some(no) => {
                self.gain_route(no, route);
                self.catch_up(now, no, groups, revision);
            }
        }
        Ok(())
    }

    /// A service that is known already is announced over a further link: of one origin the higher
    /// revision wins, whatever way it took. Changes of group may be held up on the other way.
    fn catch_up(&mut self, now: Time, no: ServiceNo, groups: Vec<Str>, revision: u64) {
        let Some(service) = self.registry.services.get(no) else { return };
        if revision <= service.revision {
            return;
        }
        let groups = each_once(groups);
        let left = service.groups.iter().filter(|group| !groups.contains(group));
        let left: Vec<Str> = left.cloned().collect();
        for group in left {
            self.membership(now, no, &group, revision, false);
        }
        for group in groups {
            self.membership(now, no, &group, revision, true);
        }
    }

    /// A peer withdrew a service.
    pub(super) fn handle_withdrawn(&mut self, link: LinkId, peer_no: u32, revision: u64) {
        let Some(connection) = self.links.linked_mut(link) else { return };
        let Some(no) = connection.services.remove(peer_no) else {
            return self.links.ignore(link);
        };
        self.preserve(no);
        let Some(service) = self.registry.services.get_mut(no) else { return };
        // Relays pass it on unchanged.
        service.revision = service.revision.max(revision);
        if service.routes.len() > 1 {
            self.router().fail_calls_to_over(no, link);
            self.lose_route(no, link, true);
            self.registry.routes_changed();
            return;
        }
        self.router().fail_calls_to(no);
        self.withdraw_all(&[no], None);
    }

    /// A peer reported a change of group.
    pub(super) fn handle_membership(
        &mut self,
        now: Time,
        link: LinkId,
        change: &Membership,
        joined: bool,
    ) -> Result<(), Reason> {
        let Some(no) = self.links.service_of_peer(link, change.service) else {
            self.links.ignore(link);
            return Ok(());
        };
        let Some(service) = self.registry.services.get(no) else { return Ok(()) };
        // It has to fit into one announcement, for those who hear of the service later.
        let news = joined && !service.in_group(&change.group);
        let more = group_len(&change.group);
        let size = || service.announced_len() + more;
        if news && (service.groups.len() >= MAX_GROUPS || size() > MAX_CONTROL) {
            return Err(Reason::violation("a service is in too many groups"));
        }
        let client = self.links.linked(link).is_some_and(|peer| !peer.capabilities().introduces);
        if news && client {
            self.check_announced(service.process, more)?;
        }
        // Of one origin the higher revision wins, whatever way it took.
        if change.revision > service.revision {
            self.membership(now, no, &change.group, change.revision, joined);
        }
        Ok(())
    }

    /// Whether a client may announce that many bytes more.
    fn check_announced(&self, process: ProcessNo, more: usize) -> Result<(), Reason> {
        let limit = self.rules.limits.announced_bytes;
        if self.registry.services.announced(process) + more <= limit {
            return Ok(());
        }
        let text = format!(
            "more bytes of announcements of one process than limits.announcedBytes of the hub: {limit}"
        );
        Err(Reason::new(ReasonCode::Limit, text))
    }

    /// A service is new here: tell the application, connect subscriptions and wishes, tell peers.
    pub(super) fn appeared(&mut self, now: Time, no: ServiceNo) {
        let Some(service) = self.registry.services.get(no) else { return };
        let groups = service.groups.clone();
        let concerned = self.reports.subscriptions.concerned(service);
        self.announcer().tell_change(Status::Available, no, None);
        for group in groups {
            self.announcer().tell_change(Status::Joined, no, Some(&group));
        }
        self.distributor().grant_wishes(no, None);
        for subscription in concerned {
            self.distributor().attach(now, subscription, no);
        }
        self.announcer().announce(no);
        self.router().start_parked(no);
    }

    /// A service is reachable over a further link: it begins to exist for those behind the other
    /// links of that exchange.
    fn gain_route(&mut self, no: ServiceNo, route: ServiceRoute) {
        let known = self.registry.services.get(no);
        let is_first =
            known.is_some_and(|service| service.route_in(Some(route.exchange)).is_none());
        self.registry.services.add_route(no, route);
        self.registry.routes_changed();
        self.distributor().grant_wishes(no, Some(route.exchange));
        if is_first {
            self.announcer().announce_to(no, route);
        }
    }

    /// A service is no longer reachable over a link, but over another: it ceases to exist for those
    /// to whom only that link led. `told`: they get a withdrawal.
    pub(super) fn lose_route(&mut self, no: ServiceNo, link: LinkId, told: bool) {
        let Some(service) = self.registry.services.get(no) else { return };
        let was_in_use = service.route();
        let Some(lost) = service.routes.iter().find(|route| route.link == link).copied() else {
            return;
        };
        self.registry.services.drop_route(no, link);
        let known = self.registry.services.get(no);
        let ceases = known.is_some_and(|service| service.route_in(Some(lost.exchange)).is_none());
        if ceases && told {
            self.announcer().withdraw_from(no, lost);
        }
        let mut distributor = self.distributor();
        if ceases {
            distributor.end_wishes_within(no, lost.exchange);
        }
        if distributor.publisher_routes(no).is_empty() {
            distributor.end_wishes_of(no, None);
        }
        if was_in_use.is_some_and(|route| route.link == link) {
            distributor.reattach(no);
        }
    }

    /// A change of group of any service: apply, tell, pass on.
    pub(super) fn membership(
        &mut self,
        now: Time,
        no: ServiceNo,
        group: &Str,
        revision: u64,
        joined: bool,
    ) {
        self.preserve(no);
        let services = &mut self.registry.services;
        if let Some(service) = services.get_mut(no) {
            service.revision = revision;
        }
        let changed = if joined { services.join(no, group) } else { services.leave(no, group) };
        if !changed {
            return;
        }
        let status = if joined { Status::Joined } else { Status::Left };
        self.announcer().tell_change(status, no, Some(group));
        let mut distributor = self.distributor();
        if joined {
            distributor.ask_for_subscribers(no);
            distributor.grant_group(no, group);
        } else {
            distributor.end_group(no, group);
        }
        for subscription in self.reports.subscriptions.of_group(group) {
            if joined {
                self.distributor().attach(now, subscription, no);
            } else {
                self.distributor().detach(subscription, no, false);
            }
        }
        self.announcer().tell_peers(no, |process| {
            let change = Box::new(Membership { service: no.0, revision, group: group.clone() });
            Change::Member { process, joined, change }
        });
    }

    /// A service is about to change: who has yet to be told of it is told how it was.
    pub(super) fn preserve(&mut self, no: ServiceNo) {
        if let Some(service) = self.registry.services.get(no) {
            self.links.changes.preserve(service);
        }
    }

    /// Announces that services are gone from here: first all group leaves, then the withdrawals.
    /// `lost`: they are lost with that link, and peers hear of the lost process once instead.
    pub(super) fn withdraw_all(&mut self, services: &[ServiceNo], lost: Option<LinkId>) {
        let mut members: Vec<(ServiceNo, Vec<Str>)> = Vec::new();
        for no in services {
            let Some(known) = self.registry.services.get(*no) else { continue };
            // A service of another process may merely be cut off, here or elsewhere, and return.
            let cut_off = !known.is_local();
            if !known.groups.is_empty() {
                members.push((*no, known.groups.clone()));
            }
            // Reports buffered for a replay that will never end were sent before all that follows.
            for subscription in self.reports.subscriptions.attached(*no).to_vec() {
                self.distributor().detach(subscription, *no, cut_off);
            }
        }
        for (no, groups) in members {
            for group in groups {
                self.announcer().tell_change(Status::Left, no, Some(&group));
            }
        }
        for no in services {
            let process = self.registry.services.get(*no).map(|service| service.process);
            let leaves =
                lost.zip(process).is_some_and(|(link, process)| self.leaves(process, link));
            self.withdraw(*no, !leaves);
        }
    }

    /// A service is gone from here. `relay`: tell those peers who were told of it.
    fn withdraw(&mut self, no: ServiceNo, relay: bool) {
        let Some(revision) = self.registry.services.get(no).map(|service| service.revision) else {
            return;
        };
        let mut announcer = self.announcer();
        announcer.tell_change(Status::Withdrawn, no, None);
        if relay {
            announcer.tell_peers(no, |process| Change::Withdrawn(process, no, revision));
        }
        self.preserve(no);
        let Some(service) = self.registry.services.remove(no) else { return };
        self.registry.subscribers_changed();
        let Service { publisher, name, routes, .. } = &*service;
        if let Some(publisher) = publisher {
            // Links know subscribers only of services of this process.
            self.distributor().end_subscribers(&service);
            self.distributor().forget_kept(no, publisher);
        }
        if self.registry.services.named(name).is_empty() {
            self.requests.forget_name(name);
        }
        for route in routes {
            if let Some(connection) = self.links.connection_mut(route.link) {
                connection.services.remove(route.peer_no);
            }
        }
    }
}
