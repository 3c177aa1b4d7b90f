//! What is lost with a connection, told in one piece and in one order: pending requests fail;
//! handlers' signals abort; group leaves; withdrawals; publishers hear of lost subscribers; the
//! link is inactive.

use std::time::Duration;

use rustc_hash::FxHashSet;

use crate::collections::id_map::IdMap;
use crate::delivery::event::{Event, LinkEvent, Peer};
use crate::ids::{LinkId, ProcessNo, ServiceNo};
use crate::links::connection::Ending;
use crate::links::outbound::changes::{Change, Scope};
use crate::links::phase::Phase;
use crate::process::Process;
use crate::reason::ReasonCode;
use crate::registry::process_table::OWN;
use crate::registry::service::Service;
use crate::time::Time;

/// How long a farewell may take to be written and answered by closing.
const FAREWELL: Duration = Duration::from_secs(1);

impl Process {
    /// Ends the use of a link's connection. The transport is closed once the farewell, if any, is
    /// written; a connecting link goes on according to its schedule.
    pub(super) fn end_connection(&mut self, now: Time, link: LinkId, ending: Ending) {
        self.end_connection_within(now, link, ending, FAREWELL);
    }

    /// As `end_connection`; what is queued may take until `drain` has passed.
    pub(super) fn end_connection_within(
        &mut self,
        now: Time,
        link: LinkId,
        ending: Ending,
        drain: Duration,
    ) {
        // Reports published before the end are sent before the end.
        self.links.end_batch();
        let Some(state) = self.links.get(link) else { return };
        let Some(connection) = state.connection.as_deref() else { return };
        let phase = connection.phase.clone();
        if matches!(phase, Phase::Closing { .. }) {
            return;
        }
        let (exchange, address) = (state.exchange, connection.address.clone());
        let peer = connection.peer.as_ref().map(|peer| (peer.process, peer.attempt));
        let applicant = connection.applicant.as_ref();
        let of_peer = peer.map(|(_, attempt)| attempt);
        let of_peer = of_peer.or(applicant.map(|hello| hello.attempt)).unwrap_or(0);
        let about = peer
            .and_then(|(process, _)| {
                let entry = self.registry.processes.get(process)?;
                Some(Peer { process: entry.id, label: entry.label.clone() })
            })
            .or_else(|| {
                applicant.map(|hello| Peer { process: hello.process, label: hello.label.clone() })
            });
        let accepted = self
            .links
            .exchange_of(link)
            .is_some_and(super::super::links::exchange::Exchange::accepts);

        let next = (phase == Phase::Authorising).then(|| self.links.next_applicant(link)).flatten();
        // Marked first: nothing that follows is to be sent over it.
        let before_link = matches!(phase, Phase::Handshake | Phase::Authorising);
        let writes = ending.farewell.is_some() && phase != Phase::Opening;
        self.links.begin_farewell(link, now + drain);
        if matches!(phase, Phase::Syncing | Phase::Active(_)) {
            self.lose_everything_over(link);
        }
        if let Some(farewell) = ending.farewell {
            self.links.say_farewell(link, farewell, before_link);
        }

        let retry_in = self.links.schedule_retry(now, link, &phase, ending.refused);
        let attempt = self.links.get(link).map_or(of_peer, |state| state.attempts(of_peer));
        if matches!(phase, Phase::Active(_)) {
            self.links.begin_outage(link);
        }
        let event = LinkEvent {
            exchange,
            link,
            peer: about,
            address,
            attempt,
            reason: Some(ending.reason),
            retry_in,
        };
        let own_wish =
            event.reason.as_ref().is_some_and(|reason| reason.code == ReasonCode::Closed);
        if matches!(phase, Phase::Active(_)) {
            self.deliveries.push(Event::LinkInactive(event.clone()));
        } else if accepted {
            // Anybody who connects can cause any number of them.
            self.deliveries.push_hint(Event::AttemptFailed(event.clone()));
        } else if !own_wish {
            self.deliveries.push(Event::AttemptFailed(event.clone()));
        }
        if retry_in.is_none() && self.links.take_connector(link).is_some() {
            self.links.fail_waiting_flushes(link, &mut self.deliveries);
            self.deliveries.push(Event::LinkClosed(event));
        }
        if writes {
            self.links.mark_dirty(link);
            self.links.arm(link);
        } else {
            self.links.drop_connection(now, link, &mut self.deliveries);
        }
        self.ask_next(now, next);
    }

    /// A process is no longer reachable over a link that stays.
    pub(super) fn lose_process(&mut self, link: LinkId, process: ProcessNo) {
        self.router().abandon_calls_of(&[process], link);
        self.lose_routes(link, &[process]);
    }

    fn lose_everything_over(&mut self, link: LinkId) {
        // Routes over it are still there, and must not be taken.
        self.registry.services.touch();
        let Some(connection) = self.links.connection_mut(link) else { return };
        let mut processes: Vec<ProcessNo> = connection.all_processes().map(|(_, no)| no).collect();
        processes.sort_unstable();
        processes.dedup();
        self.router().fail_calls_over(link);
        self.router().abandon_calls_of(&processes, link);
        self.lose_routes(link, &processes);
        // Behind the withdrawals: what they were about is not wanted any more.
        self.distributor().end_replays_over(link);
        if let Some(connection) = self.links.connection_mut(link) {
            connection.services = IdMap::default();
            connection.processes = IdMap::default();
        }
        self.links.fail_sent_flushes(link, &mut self.deliveries);
        // What ends with it was charged to its turns when it began.
        self.links.waive_work();
    }

    /// Takes a link out of the routes of processes: of their services first, then of themselves.
    fn lose_routes(&mut self, link: LinkId, processes: &[ProcessNo]) {
        let mut gone: Vec<ServiceNo> = Vec::new();
        let mut rerouted: Vec<ServiceNo> = Vec::new();
        let services = &self.registry.services;
        let mut lost: Vec<&Service> =
            processes.iter().flat_map(|process| services.of_process(*process)).collect();
        // The oldest first, whoever's it is.
        lost.sort_unstable_by_key(|service| service.no);
        for service in lost {
            match service.routes.as_slice() {
                [route] if route.link == link => gone.push(service.no),
                routes if routes.iter().any(|route| route.link == link) => {
                    rerouted.push(service.no);
                }
                _ => {}
            }
        }
        let leaving: FxHashSet<ProcessNo> =
            processes.iter().copied().filter(|process| self.leaves(*process, link)).collect();
        for no in rerouted {
            let process = self.registry.services.get(no).map(|service| service.process);
            // Peers hear of a lost process once instead of each of its services.
            let told = process.is_some_and(|process| !leaving.contains(&process));
            self.lose_route(no, link, told);
        }
        self.withdraw_all(&gone, Some(link));

        self.registry.routes_changed();
        for process in processes {
            // What the process wanted over this link ends. With its last route it is forgotten.
            let Some(id) = self.registry.processes.get(*process).map(|entry| entry.id) else {
                continue;
            };
            if leaving.contains(process) {
                // Before its subscriptions end: like everybody, peers hear of its services first.
                self.tell_process_gone(*process, link);
            }
            self.distributor().end_wishes(*process, link, leaving.contains(process));
            let forgotten = self.registry.processes.drop_route(*process, link);
            if forgotten && self.registry.tracked.remove(process) {
                self.deliveries.push(Event::ProcessGone(id));
            }
        }
    }

    /// Whether a link is the last one to a process within its exchange, so that the process is gone
    /// for whoever is behind the exchange's other links.
    pub(super) fn leaves(&self, process: ProcessNo, link: LinkId) -> bool {
        let Some(exchange) = self.links.get(link).map(|link| link.exchange) else { return false };
        self.registry.processes.get(process).is_some_and(|entry| {
            let mut others = entry.routes.iter().filter(|(route, _)| *route != link);
            process != OWN && !others.any(|(_, of)| *of == exchange)
        })
    }

    /// Tells those who know a process, within the exchange that it has left.
    fn tell_process_gone(&mut self, process: ProcessNo, link: LinkId) {
        if let Some(exchange) = self.links.get(link).map(|link| link.exchange) {
            let scope = Scope { via: Some((exchange, link)), audience: None };
            self.links.note_change(Change::ProcessGone(process), scope, 0);
        }
    }
}
