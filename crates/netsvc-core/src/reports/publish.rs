//! What this process publishes.

use crate::content::ContentRef;
use crate::delivery::sink::NoSink;
use crate::error::CommandError;
use crate::ids::{LinkId, ProcessId, ProcessNo, ServiceNo, Str};
use crate::limits::PUBLISH_HIGH_WATER;
use crate::links::outbound::outbox::Out;
use crate::registry::process_table::OWN;
use crate::time::Time;
use crate::wire::ReportRef;

use super::distributor::Distributor;
use super::options::PublishOptions;
use super::origin::Origin;
use super::retained::Lifetime;

impl Distributor<'_> {
    /// See [`Process::publish`](crate::Process::publish).
    #[inline]
    pub(crate) fn publish(
        &mut self,
        now: Time,
        service: ServiceNo,
        subject: &Str,
        content: ContentRef<'_>,
        options: PublishOptions<'_>,
    ) -> Result<bool, CommandError> {
        let PublishOptions { lifetime, to, extensions, direct } = options;
        let no = service.0;
        let mut report = ReportRef { service: no, subject, sequence: 0, content, extensions };
        self.policy().check_report(&report)?;
        if to.is_none() {
            self.keep(now, service, subject, &content, lifetime)?;
        }
        let closed = CommandError::Closed { what: "the service" };
        report.sequence = self.registry.services.next_sequence(service).ok_or(closed)?;
        if let Some(process) = to {
            return Ok(self.send_to(service, process, &report));
        }
        if lifetime != Lifetime::None {
            self.note_kept(now, service, &report, lifetime);
        }
        if self.reports.subscriptions.concern_any() {
            self.deliver(service, &report, None, &mut NoSink);
        }
        Ok(self.pass_on(now, service, &report, Origin::Own(direct)))
    }

    /// To one process, wherever it is.
    fn send_to(&mut self, service: ServiceNo, process: ProcessId, report: &ReportRef<'_>) -> bool {
        match self.registry.processes.no_of(process) {
            None => true,
            Some(OWN) => {
                self.deliver(service, report, None, &mut NoSink);
                true
            }
            Some(no) => {
                let Some((link, number)) = self.route_out(service, no) else { return true };
                self.links.send(link, Out::Targeted(number, report.detach()));
                let queued = self
                    .links
                    .linked(link)
                    .map_or(0, super::super::links::connection::Connection::queued);
                queued <= PUBLISH_HIGH_WATER
            }
        }
    }

    /// The link to a process on which a local service exists, and the peer's number of the process.
    fn route_out(&self, service: ServiceNo, process: ProcessNo) -> Option<(LinkId, u32)> {
        let known = self.registry.services.get(service)?;
        // As its other reports go.
        let way = known.subscribers.way_to(process);
        let routes = self.registry.processes.get(process)?.routes.iter().map(|(link, _)| link);
        way.iter().chain(routes).find_map(|link| {
            let connection = self.links.linked(*link)?;
            if !connection.has_told_service(service) || !self.policy().exports(known, *link) {
                return None;
            }
            let numbers = connection.all_processes();
            let number = numbers.filter(|(_, no)| *no == process).map(|(number, _)| number);
            Some((*link, number.min()?))
        })
    }
}
