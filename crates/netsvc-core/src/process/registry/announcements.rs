//! Services coming and going: what a change brings about here, and who else is told.

use std::sync::Arc;

use crate::delivery::event::Status;
use crate::ids::{LinkId, ServiceId, ServiceNo, Str};
use crate::limits::{MAX_CONTROL, MAX_GROUPS};
use crate::links::outbound::outbox::Out;
use crate::reason::{Reason, ReasonCode};
use crate::registry::table::{Description, Service};
use crate::time::Time;
use crate::visibility;
use crate::wire::{Announcement, Membership, Message, Role};

use crate::process::Process;
use crate::process::registry::local_services::each_once;

impl Process {
    /// A peer announced a service.
    pub(in crate::process) fn handle_service(
        &mut self,
        now: Time,
        link: LinkId,
        service: Announcement,
    ) {
        let Some(connection) = self.links.get(&link).and_then(|state| state.linked()) else {
            return;
        };
        let Some(process) = connection.processes.get(&service.process).copied() else {
            return self.break_rules(now, link, "a service of a process that was not introduced");
        };
        if !connection.peer_is_server() && service.process != 0 {
            return self.break_rules(now, link, "a client announced another process's service");
        }
        if service.service == 0 {
            return self.break_rules(now, link, "a service without a number");
        }
        if connection.services.contains_key(&service.service) {
            return self.break_rules(now, link, "a service number was used twice");
        }
        if !connection.peer_is_server() && connection.services.len() >= self.limits.services {
            let text = format!("more than {} services of one process", self.limits.services);
            return self.reject(now, link, Reason::new(ReasonCode::Limit, text));
        }
        let group = self.exchange_of(link).map(|exchange| exchange.group.clone());
        if !group.is_some_and(|group| visibility::passes(&service.audience, &group)) {
            return self.ignore(link);
        }
        let Some(entry) = self.registry.process(process) else { return };
        let id = ServiceId { process: entry.id, counter: service.counter };
        let peer_no = service.service;
        let known = self.registry.service_no(id);
        let no = if let Some(no) = known {
            // Known over another link: one more route. Its contents are those of the newer
            // revision, which is the same thing unless a change is still under way.
            let Some(existing) = self.registry.service(no) else { return };
            if existing.is_local() || existing.routes.iter().any(|(route, _)| *route == link) {
                return self.break_rules(now, link, "a service was announced twice");
            }
            self.registry.add_route(no, link, peer_no);
            self.route_epoch += 1;
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
            self.registry.insert(id, process, description, Some((link, peer_no)))
        };
        if let Some(connection) = self.links.get_mut(&link).and_then(|state| state.linked_mut()) {
            connection.services.insert(peer_no, no);
        }
        if known.is_none() {
            self.appeared(now, no);
        }
    }

    /// A peer withdrew a service.
    pub(in crate::process) fn handle_withdrawn(
        &mut self,
        now: Time,
        link: LinkId,
        peer_no: u32,
        revision: u64,
    ) {
        let Some(connection) = self.links.get_mut(&link).and_then(|state| state.linked_mut())
        else {
            return;
        };
        let Some(no) = connection.services.remove(&peer_no) else { return self.ignore(link) };
        let Some(service) = self.registry.service_mut(no) else { return };
        if service.routes.len() > 1 {
            self.registry.drop_route(no, link);
            self.route_epoch += 1;
            return self.reattach(now, no);
        }
        // Relays pass it on unchanged.
        service.revision = service.revision.max(revision);
        self.fail_calls_to(no);
        self.withdraw_all(now, &[no], None);
    }

    /// A peer told of a change of group.
    pub(in crate::process) fn handle_membership(
        &mut self,
        now: Time,
        link: LinkId,
        change: Membership,
        joined: bool,
    ) {
        let Some(connection) = self.links.get(&link).and_then(|state| state.linked()) else {
            return;
        };
        let Some(no) = connection.services.get(&change.service).copied() else {
            return self.ignore(link);
        };
        let Some(service) = self.registry.service(no) else { return };
        // It has to fit into one announcement, for those who hear of the service later.
        let size = announcement(service).body_len() + 2 + change.group.len();
        if joined && (service.groups.len() >= MAX_GROUPS || size > MAX_CONTROL) {
            return self.break_rules(now, link, "a service is in too many groups");
        }
        // Of one origin the higher revision wins, whatever way it took.
        if change.revision > service.revision {
            self.membership(now, no, change.group, change.revision, joined);
        }
    }

    /// A service is new here: tell the application, connect subscriptions and wishes, tell peers.
    pub(in crate::process) fn appeared(&mut self, now: Time, no: ServiceNo) {
        let Some(service) = self.registry.service(no) else { return };
        let groups = service.groups.clone();
        let concerned = self.subscriptions.concerned(service);
        self.tell_change(Status::Available, no, None);
        for group in groups {
            self.tell_change(Status::Joined, no, Some(&group));
        }
        self.grant_wishes(no);
        for subscription in concerned {
            self.attach(now, subscription, no);
        }
        if let Some(service) = self.registry.service(no) {
            let announcement = Arc::new(announcement(service));
            let process = service.process;
            for link in self.links_to_tell(no) {
                // A snapshot under way has yet to come to the newest service.
                if self.snapshot_done(link) {
                    self.push(link, Out::Announce(announcement.clone(), process));
                }
            }
        }
        self.start_parked(no);
    }

    /// A change of group of any service: apply, tell, pass on.
    pub(in crate::process) fn membership(
        &mut self,
        now: Time,
        no: ServiceNo,
        group: Str,
        revision: u64,
        joined: bool,
    ) {
        if let Some(service) = self.registry.service_mut(no) {
            service.revision = revision;
        }
        let changed =
            if joined { self.registry.join(no, &group) } else { self.registry.leave(no, &group) };
        if !changed {
            return;
        }
        let status = if joined { Status::Joined } else { Status::Left };
        self.tell_change(status, no, Some(&group));
        for subscription in self.subscriptions.of_group(&group) {
            if joined {
                self.attach(now, subscription, no);
            } else {
                self.detach(now, subscription, no, false);
            }
        }
        let change = Membership { service: no.0, revision, group };
        let message = if joined { Message::Joined(change) } else { Message::Left(change) };
        self.tell_peers(no, &message);
    }

    /// A service is gone from here. `relay`: tell those peers who were told of it.
    pub(in crate::process) fn withdraw(&mut self, no: ServiceNo, relay: bool) {
        let Some(service) = self.registry.service(no) else { return };
        let revision = service.revision;
        self.tell_change(Status::Withdrawn, no, None);
        if relay {
            self.tell_peers(no, &Message::Withdrawn { service: no.0, revision });
        }
        if let Some(service) = self.registry.remove(no) {
            if let Some(publisher) = &service.publisher {
                // Only of services of this process do links know subscribers.
                self.end_subscribers(no);
                self.kept.0 -= publisher.kept.len();
                self.kept.1 -= publisher.kept.bytes();
                self.rest_sweeping();
            }
            if !self.round_robin.is_empty() && self.registry.named(&service.name).is_empty() {
                self.round_robin.remove(&service.name);
            }
            for (link, peer_no) in service.routes {
                if let Some(connection) =
                    self.links.get_mut(&link).and_then(|state| state.connection.as_mut())
                {
                    connection.services.remove(&peer_no);
                }
            }
        }
    }

    /// Whether a service exists for whoever is behind a link: the one rule for announcements,
    /// requests and subscriptions. It changes for no link unless the registry's epoch does.
    pub(in crate::process) fn exports(&self, service: &Service, link: LinkId) -> bool {
        let Some(exchange) = self.exchange_of(link) else { return false };
        if !visibility::passes(&service.audience, &exchange.group) {
            return false;
        }
        if service.is_local() {
            return true;
        }
        // Only a server relays, only within its own exchange, and never back.
        exchange.role == Role::Server
            && service.routes.iter().all(|(route, _)| *route != link)
            && service.route().is_some_and(|(route, _)| {
                self.links.get(&route).is_some_and(|state| state.exchange == exchange.id)
            })
    }

    /// A message about a service, to the peers that have been told of the service.
    fn tell_peers(&mut self, no: ServiceNo, message: &Message) {
        for link in self.links_to_tell(no) {
            let told = self
                .links
                .get(&link)
                .and_then(|state| state.linked())
                .is_some_and(|connection| connection.has_told_service(no));
            if told {
                self.push(link, Out::Message(message.clone()));
            }
        }
    }

    fn links_to_tell(&self, no: ServiceNo) -> Vec<LinkId> {
        let Some(service) = self.registry.service(no) else { return Vec::new() };
        if service.audience.is_empty() {
            return Vec::new();
        }
        let linked = self.links.values().filter(|state| state.linked().is_some());
        linked.map(|state| state.id).filter(|link| self.exports(service, *link)).collect()
    }

    fn snapshot_done(&self, link: LinkId) -> bool {
        self.links.get(&link).and_then(|state| state.linked()).is_some_and(|connection| {
            !matches!(
                connection.snapshot,
                crate::links::link::Snapshot::Waiting | crate::links::link::Snapshot::Services(_)
            )
        })
    }
}

/// A service as peers are told of it.
pub(in crate::process) fn announcement(service: &Service) -> Announcement {
    Announcement {
        service: service.no.0,
        process: Process::wire_no(service.process),
        counter: service.id.counter,
        revision: service.revision,
        name: service.name.clone(),
        audience: service.audience.clone(),
        groups: service.groups.clone(),
        methods: service.methods.to_vec(),
        extensions: service.extensions.clone(),
    }
}
