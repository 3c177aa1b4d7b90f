//! What this process publishes.

use crate::content::ContentRef;
use crate::delivery::sink::NoSink;
use crate::error::CommandError;
use crate::ids::{LinkId, ProcessId, ProcessNo, ServiceNo, Str};
use crate::limits::{MAX_SUBJECT, PUBLISH_HIGH_WATER};
use crate::links::outbound::outbox::Out;
use crate::policy::exports;
use crate::registry::checks::check_own_extensions;
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
        let fits =
            subject.len() <= MAX_SUBJECT && content.bytes.len() <= self.reports.limits.payload;
        if !fits || !extensions.is_empty() {
            self.check_report(subject, content.bytes.len(), extensions)?;
        }
        if to.is_none() {
            self.keep(now, service, subject, &content, lifetime)?;
        }
        let closed = CommandError::Closed { what: "the service" };
        let sequence = self.registry.services.next_sequence(service).ok_or(closed)?;
        let report = ReportRef { service: service.0, subject, sequence, content, extensions };
        if let Some(process) = to {
            return Ok(self.send_to(service, process, &report));
        }
        if lifetime != Lifetime::None {
            self.note_kept(now, service, &report, lifetime);
        }
        if self.reports.subscriptions.concern_any() {
            self.deliver(service, &report, None, &mut NoSink);
        }
        let epoch = self.registry.destinations_epoch();
        if self.links.continue_batch(service, &report, epoch) {
            return Ok(true);
        }
        Ok(self.forward(now, service, &report, Origin::Own(direct)))
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
            if !connection.has_told_service(service) || !exports(self.links, known, *link) {
                return None;
            }
            let numbers = connection.processes.iter();
            let number = numbers.filter(|(_, no)| **no == process).map(|(number, _)| number);
            Some((*link, number.min()?))
        })
    }

    #[cold]
    fn check_report(
        &self,
        subject: &str,
        size: usize,
        extensions: &[u8],
    ) -> Result<(), CommandError> {
        if subject.len() > MAX_SUBJECT {
            let why = format!("{} bytes are more than the {MAX_SUBJECT} allowed", subject.len());
            return Err(CommandError::Invalid { what: "subject", why });
        }
        let limit = self.reports.limits.payload;
        if size > limit {
            return Err(CommandError::TooLarge { size, limit });
        }
        check_own_extensions(extensions)
    }
}
