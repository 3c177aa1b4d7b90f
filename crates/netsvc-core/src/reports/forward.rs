//! Reports on their way to other processes.

use crate::delivery::sink::NoSink;
use crate::ids::{ExchangeId, LinkId, ProcessNo, ServiceNo, Str};
use crate::links::outbound::outbox::Out;
use crate::links::outbound::reports::ReportRoute;
use crate::registry::Registry;
use crate::registry::process_table::OWN;
use crate::time::Time;
use crate::wire::{Message, Report, ReportRef, SEGMENT_FROM};

use super::destinations::{Destinations, MAX_REMEMBERED};
use super::distributor::Distributor;
use super::origin::Origin;

impl Distributor<'_> {
    /// Passes a report, numbered by this process, on to all processes beyond it that want it.
    /// Returns false if much is queued for some link.
    #[inline]
    pub(crate) fn pass_on(
        &mut self,
        now: Time,
        service: ServiceNo,
        report: &ReportRef<'_>,
        origin: Origin<'_>,
    ) -> bool {
        let epoch = self.registry.destinations_epoch();
        self.links.continue_batch(service, report, epoch)
            || self.forward(now, service, report, origin)
    }

    /// As [`pass_on`](Self::pass_on), for a report that does not continue the open batch.
    pub(crate) fn forward(
        &mut self,
        now: Time,
        service: ServiceNo,
        report: &ReportRef<'_>,
        origin: Origin<'_>,
    ) -> bool {
        let epoch = self.registry.destinations_epoch();
        let (from, within, likely, direct) = match origin {
            Origin::Own(direct) => (None, None, usize::MAX, direct),
            Origin::Link(link, exchange, left) => (Some(link), Some(exchange), left, None),
        };
        let routes = self.registry.routes_epoch();
        let Some(known) = self.registry.services.get(service) else { return true };
        if within.is_some() && known.subscribers.is_empty() {
            return true;
        }
        // Borrowed, not cloned: see wire/words.rs on atomic operations.
        let found;
        let known = known.subscribers.known_destinations(report.subject, within, routes);
        let to = if let Some(known) = known {
            known
        } else {
            found = self.destinations(service, report.subject, within);
            &found
        };
        let route = ReportRoute { service, from, to, epoch, likely };
        if let Some(mut direct) = direct
            && report.content.bytes.len() >= SEGMENT_FROM
            && self.links.send_directly(now, &route, report, &mut direct)
        {
            return true;
        }
        self.links.send_report(&route, report)
    }

    /// A report for one process came over a link.
    pub(crate) fn handle_targeted(&mut self, link: LinkId, process: u32, mut report: Report) {
        let Some(no) = self.policy().publisher(link, &report.by_ref()) else {
            return self.links.ignore(link);
        };
        report.service = no.0;
        if process == OWN.0 {
            return self.deliver(no, &report.by_ref(), Some(link), &mut NoSink);
        }
        if let Some(next) = self.route_on(link, ProcessNo(process)) {
            self.links.send(next, Out::Message(Message::Targeted { process: OWN.0, report }));
        }
    }

    /// Reports were dropped on their way: whoever would have got them is told.
    pub(crate) fn handle_lost(
        &mut self,
        link: LinkId,
        service: u32,
        subject: Option<&Str>,
        count: u64,
    ) {
        let Some(no) = self.links.service_of_peer(link, service) else {
            return self.links.ignore(link);
        };
        let Some(id) = self.registry.services.get(no).map(|known| known.id) else { return };
        for subscription in self.reports.subscriptions.attached(no).to_vec() {
            if let Some(state) = self.reports.subscriptions.get_mut(subscription)
                && subject.is_none_or(|subject| state.pattern.matches(subject))
            {
                state.lose(id, count, link);
            }
        }
        let within = self.links.exchange_of(link).map(|exchange| exchange.id);
        let links: Vec<LinkId> = if let Some(subject) = subject {
            let (known, routes) = (self.registry.services.get(no), self.registry.routes_epoch());
            let known = known.and_then(|known| {
                known.subscribers.known_destinations(subject, within, routes).cloned()
            });
            let to = known.unwrap_or_else(|| self.destinations(no, subject, within));
            to.iter().map(|(next, _)| *next).collect()
        } else {
            let links = self.registry.services.get(no).map(|known| known.subscribers.links());
            let of = |next: &LinkId| self.links.exchange_of(*next).map(|of| of.id) == within;
            links.unwrap_or_default().into_iter().filter(of).collect()
        };
        for next in links {
            if next != link {
                let subject = subject.cloned();
                self.links.send(next, Out::Lost { service: no.0, subject, count });
            }
        }
    }

    /// The next link of something for one process that came over a link. It goes on within the same
    /// exchange, since what it is about exists only there.
    pub(super) fn route_on(&self, from: LinkId, process: ProcessNo) -> Option<LinkId> {
        let exchange = self.links.get(from)?.exchange;
        let next = self.registry.processes.get(process)?.route_in(exchange)?;
        (next != from).then_some(next)
    }

    /// Where reports of a subject go, asked of policy and interest once and then remembered.
    #[inline(never)]
    pub(crate) fn destinations(
        &mut self,
        no: ServiceNo,
        subject: &Str,
        within: Option<ExchangeId>,
    ) -> Destinations {
        let unasked = if within.is_none() { self.unasked_links(no) } else { Vec::new() };
        let epoch = self.registry.routes_epoch();
        let Some(service) = self.registry.services.get(no) else { return Destinations::from([]) };
        let mut allowed = Vec::new(); // sorted
        for link in service.subscribers.links() {
            let of = self.links.exchange_of(link).map(|exchange| exchange.id);
            if (within.is_none() || of == within) && self.policy().exports(service, link) {
                allowed.push(link);
            }
        }
        let Registry { processes, services, remembered, .. } = &mut *self.registry;
        let Some(service) = services.get_mut(no) else { return Destinations::from([]) };
        let rank = |process, link| {
            allowed.binary_search(&link).ok()?;
            // Of several ways to a process, the oldest.
            let routes = &processes.get(process)?.routes;
            routes.iter().position(|(route, _)| *route == link)
        };
        let (found, steps) =
            service.subscribers.destinations(subject, within, epoch, remembered, &unasked, rank);
        let steps = steps + service.subscribers.len();
        let budget = self.links.budget();
        if *remembered > MAX_REMEMBERED.min(budget.may_remember()) {
            self.registry.forget_destinations();
        }
        budget.remember(self.registry.remembered);
        self.links.charge(steps);
        found
    }

    /// Links whose peer relays reports and has not told the subscribers of a local service yet. One
    /// that has not been told of the service is among them.
    fn unasked_links(&self, no: ServiceNo) -> Vec<LinkId> {
        let service = self.registry.services.get(no).filter(|known| known.is_local());
        let Some(service) = service else { return Vec::new() };
        let unasked = self.links.all_linked().filter(|(_, connection)| {
            connection.capabilities().relays_for_us && !connection.has_told(no)
        });
        unasked
            .map(|(link, _)| link.id)
            .filter(|link| self.policy().exports(service, *link))
            .collect()
    }
}
