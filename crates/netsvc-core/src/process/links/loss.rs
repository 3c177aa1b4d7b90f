//! What is lost with a connection, told in one piece and in one order: pending requests fail;
//! handlers' signals abort; group leaves; withdrawals; publishers hear of lost subscribers; the
//! link is inactive.

use std::time::Duration;

use rustc_hash::FxHashSet;

use crate::collections::timers::Timer;
use crate::delivery::event::{Event, FlushError, LinkEvent, Peer, Status};
use crate::ids::{LinkId, ProcessNo, ServiceNo, Str};
use crate::links::link::{Ending, Phase};
use crate::links::outbound::outbox::Out;
use crate::reason::ReasonCode;
use crate::registry::table::OWN;
use crate::time::Time;
use crate::wire::Role;

use crate::process::{Action, Process};

/// How long a farewell may take to be written and answered by closing.
const FAREWELL: Duration = Duration::from_secs(1);

impl Process {
    /// Ends the use of a link's connection. The transport is closed once the farewell, if any, is
    /// written; a connecting link goes on according to its schedule.
    pub(in crate::process) fn end_connection(&mut self, now: Time, link: LinkId, ending: Ending) {
        self.end_connection_within(now, link, ending, FAREWELL);
    }

    /// As `end_connection`; what is queued may take until `drain` has passed.
    pub(in crate::process) fn end_connection_within(
        &mut self,
        now: Time,
        link: LinkId,
        ending: Ending,
        drain: Duration,
    ) {
        let Some(state) = self.links.get(&link) else { return };
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
                let entry = self.registry.process(process)?;
                Some(Peer { process: entry.id, label: entry.label.clone() })
            })
            .or_else(|| {
                applicant.map(|hello| Peer { process: hello.process, label: hello.label.clone() })
            });

        // Marked first: nothing that follows is to be sent over it.
        let writes = ending.farewell.is_some() && phase != Phase::Opening;
        if let Some(connection) = self.links.get_mut(&link).and_then(|l| l.connection.as_mut()) {
            connection.phase = Phase::Closing { until: now + drain };
        }
        if matches!(phase, Phase::Syncing | Phase::Active(_)) {
            self.lose_everything_over(now, link);
        } else if matches!(phase, Phase::Handshake | Phase::Authorising)
            && self.is_accepted(link)
            && let Some(exchange) = self.exchanges.get_mut(&exchange)
        {
            exchange.handshakes = exchange.handshakes.saturating_sub(1);
        }
        if let Some(connection) = self.links.get_mut(&link).and_then(|l| l.connection.as_mut())
            && let Some(farewell) = ending.farewell
        {
            if matches!(phase, Phase::Handshake | Phase::Authorising) {
                connection.urgent.push_back(farewell);
            } else {
                connection.outbox.push(Out::Message(farewell));
            }
        }

        let retry_in = self.schedule_retry(now, link, &phase, ending.refused);
        let attempt = match self.links.get(&link).and_then(|state| state.connector.as_ref()) {
            Some(connector) => connector.attempts_of_outage,
            None => of_peer,
        };
        if matches!(phase, Phase::Active(_))
            && let Some(connector) =
                self.links.get_mut(&link).and_then(|state| state.connector.as_mut())
        {
            connector.attempts_of_outage = 0;
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
        } else if self.is_accepted(link) {
            // Strangers may cause any number of them.
            self.deliveries.push_hint(Event::AttemptFailed(event.clone()));
        } else if !own_wish {
            self.deliveries.push(Event::AttemptFailed(event.clone()));
        }
        let connecting = self.links.get(&link).is_some_and(|state| state.connector.is_some());
        if connecting && retry_in.is_none() {
            if let Some(state) = self.links.get_mut(&link) {
                state.connector = None;
            }
            self.fail_waiting_flushes(link);
            self.deliveries.push(Event::LinkClosed(event));
        }
        if writes {
            self.mark_dirty(link);
            self.arm_link(link);
        } else {
            self.drop_connection(now, link);
        }
    }

    /// Forgets a connection whose transport is gone or no longer wanted.
    pub(in crate::process) fn drop_connection(&mut self, now: Time, link: LinkId) {
        let Some(state) = self.links.get_mut(&link) else { return };
        let Some(connection) = state.connection.take() else { return };
        let (exchange, lasting) = (state.exchange, state.connector.is_some());
        self.conns.remove(&connection.id);
        self.actions.push_back(Action::Close { conn: connection.id });
        if lasting {
            self.arm_link(link);
            let due = self
                .links
                .get(&link)
                .and_then(|state| state.connector.as_ref())
                .is_some_and(|connector| connector.next_attempt <= now);
            if due {
                self.attempt(now, link);
            }
        } else {
            self.links.remove(&link);
            self.timers.clear(Timer::Link(link));
            self.finish_exchange(exchange);
        }
    }

    /// A process is no longer reachable over a link that stays.
    pub(in crate::process) fn lose_process(&mut self, now: Time, link: LinkId, process: ProcessNo) {
        self.abandon_calls_of(&[process], link);
        self.lose_routes(now, link, &[process]);
    }

    fn lose_everything_over(&mut self, now: Time, link: LinkId) {
        let processes = self.registry.processes_over(link);
        self.fail_calls_over(link);
        self.abandon_calls_of(&processes, link);
        self.lose_routes(now, link, &processes);
        let Some(connection) = self.links.get_mut(&link).and_then(|l| l.connection.as_mut()) else {
            return;
        };
        connection.services.clear();
        connection.processes.clear();
        let mut flushes: Vec<_> = std::mem::take(&mut connection.flushes).into_iter().collect();
        flushes.sort_unstable();
        for flush in flushes {
            self.end_flush(flush, Err(FlushError::LinkLost));
        }
    }

    /// Takes a link out of the routes of processes: of their services first, then of themselves.
    fn lose_routes(&mut self, now: Time, link: LinkId, processes: &[ProcessNo]) {
        let lost: FxHashSet<ProcessNo> = processes.iter().copied().collect();
        let mut gone: Vec<ServiceNo> = Vec::new();
        let mut rerouted: Vec<ServiceNo> = Vec::new();
        for service in self.registry.all().filter(|service| lost.contains(&service.process)) {
            match service.routes.as_slice() {
                [(route, _)] if *route == link => gone.push(service.no),
                routes if routes.iter().any(|(route, _)| *route == link) => {
                    rerouted.push(service.no);
                }
                _ => {}
            }
        }
        for no in &rerouted {
            self.registry.drop_route(*no, link);
        }
        for no in rerouted {
            self.reattach(now, no);
        }
        self.withdraw_all(now, &gone, Some(link));

        self.route_epoch += 1;
        for process in processes {
            // What the process wanted ends with its last route, and with it everything of it here.
            let Some(entry) = self.registry.process(*process) else { continue };
            let (id, goes) = (entry.id, entry.routes == [link]);
            if goes {
                // Before its subscriptions end: peers hear of its services first, as everybody.
                self.tell_process_gone(*process);
            }
            self.end_wishes(*process, link);
            if self.registry.drop_process_route(*process, link) && self.tracked.remove(process) {
                self.deliveries.push(Event::ProcessGone(id));
            }
        }
    }

    fn tell_process_gone(&mut self, process: ProcessNo) {
        debug_assert_ne!(process, OWN);
        let links: Vec<LinkId> = self.links.keys().copied().collect();
        for link in links {
            let Some(connection) = self.links.get_mut(&link).and_then(|state| state.linked_mut())
            else {
                continue;
            };
            // Queued entries may still introduce it; the entry for its end then follows them.
            if connection.introduced.contains(&process) || !connection.outbox.is_empty() {
                self.push(link, Out::ProcessGone(process));
            }
        }
    }

    /// Announces that services are gone from here: first all group leaves, then the withdrawals.
    /// `lost`: with that link; peers then hear of a lost process once instead.
    pub(in crate::process) fn withdraw_all(
        &mut self,
        now: Time,
        services: &[ServiceNo],
        lost: Option<LinkId>,
    ) {
        let mut members: Vec<(ServiceNo, Vec<Str>)> = Vec::new();
        for no in services {
            let Some(known) = self.registry.service(*no) else { continue };
            // One of another process only comes back if it was merely cut off, here or elsewhere.
            let cut_off = !known.is_local();
            if !known.groups.is_empty() {
                members.push((*no, known.groups.clone()));
            }
            // Reports held for a replay that will not end now were sent before all that follows.
            for subscription in self.subscriptions.attached(*no).to_vec() {
                self.detach(now, subscription, *no, cut_off);
            }
        }
        for (no, groups) in members {
            for group in groups {
                self.tell_change(Status::Left, no, Some(&group));
            }
        }
        for no in services {
            let process_goes = lost.is_some_and(|link| {
                self.registry
                    .service(*no)
                    .and_then(|service| self.registry.process(service.process))
                    .is_some_and(|process| process.routes == [link])
            });
            self.withdraw(*no, !process_goes);
        }
    }

    fn schedule_retry(
        &mut self,
        now: Time,
        link: LinkId,
        phase: &Phase,
        refused: bool,
    ) -> Option<Duration> {
        let random = &mut self.random;
        let connector = self.links.get_mut(&link)?.connector.as_mut()?;
        if let Phase::Active(since) = phase {
            connector.schedule.was_active(*since, now);
        }
        let delay = connector.schedule.next(now, refused, random)?;
        connector.next_attempt = now + delay;
        Some(delay)
    }

    pub(in crate::process) fn is_accepted(&self, link: LinkId) -> bool {
        // Only servers accept; a connecting link that is being closed has lost its connector.
        self.exchange_of(link).is_some_and(|exchange| exchange.role == Role::Server)
    }
}
