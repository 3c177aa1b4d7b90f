//! Large reports that are written straight from the buffer of the application, without a copy.

use crate::content::ContentRef;
use crate::ids::{ConnId, ServiceNo, Str};
use crate::links::link::Link;
use crate::time::Time;
use crate::wire::{ReportView, WriteBatch};

use crate::process::Process;

impl Process {
    /// As [`publish`](Self::publish) without a lifetime, if the report goes to nobody but the peer of
    /// one connection for which nothing waits at all. Appends the beginning of its frame to `out`; then
    /// `content` is to be written to the transport, whole, before anything else, and
    /// [`handle_written`](Self::handle_written) to say how much of both is left.
    ///
    /// `out` must be empty and the one that is written to that connection, which
    /// [`poll_write`](Self::poll_write) must not be asked for meanwhile. False: nothing was done, and it
    /// has to be `publish`.
    pub fn publish_through(
        &mut self,
        now: Time,
        conn: ConnId,
        service: ServiceNo,
        subject: &Str,
        content: ContentRef<'_>,
        out: &mut WriteBatch,
    ) -> bool {
        let size = content.bytes.len();
        if !self.goes_to_links_only(service, subject, size) {
            return false;
        }
        let Some(link) = self.conns.get(&conn).copied() else { return false };
        let plan = self.planned_links(service, subject, self.route_epoch);
        let [(only, _)] = plan[..] else { return false };
        let connection = self.links.get_mut(&link).and_then(Link::linked_mut);
        let publisher = self.registry.service_mut(service).and_then(|it| it.publisher.as_mut());
        let (Some(connection), Some(publisher)) = (connection, publisher) else { return false };
        if only != link
            || connection.is_writing()
            || !connection.accepts(size)
            || !connection.has_told_service(service)
        {
            return false;
        }
        publisher.sequence += 1;
        let view = ReportView {
            service: service.0,
            subject,
            sequence: publisher.sequence,
            kind: content.kind,
            content: content.bytes,
        };
        connection.encoder.report_before_content(service.0, &view, out);
        connection.unwritten = out.len() + size;
        connection.last_sent = now;
        connection.last_progress = now;
        self.arm_writing(link, now);
        true
    }
}
