//! The one way to send on a link in use.
//!
//! Whatever is sent is encoded at once while the link flows, and waits in its outbox while it does
//! not. What waits can still be dropped, replaced or taken back; what is encoded is final.

use std::collections::VecDeque;

use crate::collections::timers::Timers;
use crate::ids::{CallId, ConnId, LinkId, ProcessNo, Str};
use crate::limits::ANSWERS_AHEAD;
use crate::links::Links;
use crate::links::charges::{Charges, NOBODY};
use crate::links::connection::Connection;
use crate::links::timer::LinkTimer;
use crate::memory::shared_bytes::SharedTotal;
use crate::outcome::{Delivered, RequestCode, RequestError};
use crate::registry::process_table::ProcessTable;
use crate::requests::arguments::{check_arguments, may_exceed};
use crate::requests::call_table::{CallTable, Provider};
use crate::time::Time;
use crate::wire::{Message, OutcomeRef, RequestRef, ResponseRef};

use super::bounds::Bounds;
use super::outbox::{OVERHEAD, Out, message_size};
use super::overflow::Overflow;

/// A link in use, to send on. See [`Links::outlet`].
pub(crate) struct Outlet<'a> {
    link: LinkId,
    connection: &'a mut Connection,
    bounds: &'a Bounds,
    dirty: &'a mut VecDeque<ConnId>,
    charges: &'a mut Charges,
    timers: &'a mut Timers<LinkTimer>,
}

/// Whether something is encoded now or has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Now,
    Later,
}

impl Links {
    /// The way to the peer of a link; `None`: it is not in use, so nothing is to be sent.
    ///
    /// To ask for it ends the open batch of reports: whatever is sent comes after them.
    #[inline]
    pub(crate) fn outlet(&mut self, link: LinkId) -> Option<Outlet<'_>> {
        self.end_batch();
        self.outlet_beside_batch(link, self.origin)
    }

    /// As [`outlet`](Self::outlet), for what somebody behind a link has asked for; `None`: this
    /// process.
    #[inline]
    pub(crate) fn outlet_for(&mut self, by: Option<LinkId>, link: LinkId) -> Option<Outlet<'_>> {
        self.end_batch();
        self.outlet_beside_batch(link, by.unwrap_or(NOBODY))
    }

    /// As [`outlet`](Self::outlet), for the batch itself and for what it lets pass.
    #[allow(clippy::inline_always, reason = "the path of every message")]
    #[inline(always)]
    pub(super) fn outlet_beside_batch(
        &mut self,
        link: LinkId,
        origin: LinkId,
    ) -> Option<Outlet<'_>> {
        if !self.changes.is_empty() {
            self.stay_behind(link, origin);
        }
        let connection = self.table.get_mut(link)?.linked_mut()?;
        let Self { bounds, dirty, charges, timers, .. } = self;
        Some(Outlet { link, connection, bounds, dirty, charges, timers })
    }

    /// There may be links for which handlers of requests are to begin later.
    #[inline]
    pub(crate) fn has_backlogs(&self) -> bool {
        !self.charges.backlogged.is_empty()
    }

    /// Whether handlers of requests over a link are to begin later, as the answers to earlier ones
    /// wait to be written.
    #[inline]
    pub(crate) fn is_backlogged(&self, link: LinkId) -> bool {
        self.has_backlogs() && self.has_backlog(link)
    }

    #[cold]
    fn has_backlog(&self, link: LinkId) -> bool {
        let connection = self.table.get(link).and_then(|link| link.connection.as_deref());
        connection.is_some_and(|connection| connection.out.outbox.answers() >= ANSWERS_AHEAD)
    }

    /// A link is not backlogged any more, or not in use.
    pub(crate) fn forget_backlog(&mut self, link: LinkId) {
        self.charges.backlogged.remove(&link);
    }

    /// Sends on a link; nothing happens if it is not in use.
    pub(crate) fn send(&mut self, link: LinkId, out: Out) {
        if let Some(mut outlet) = self.outlet(link) {
            outlet.send(out);
        }
    }
}

impl<'a> Outlet<'a> {
    pub(crate) fn connection(self) -> &'a mut Connection {
        self.connection
    }

    /// How something of that many bytes leaves.
    #[inline]
    pub(super) fn offer(&self, size: usize) -> Admission {
        if self.connection.out.flows(size, self.bounds.ahead) {
            Admission::Now
        } else {
            Admission::Later
        }
    }

    /// Sends anything but what has a method of its own below.
    pub(crate) fn send(&mut self, out: Out) {
        self.charges.add_work(1);
        if let Some(report) = out.report()
            && report.content.bytes.len() > self.connection.max_payload()
        {
            // For its subscribers it is lost.
            return self.lose(report.service, &report.subject.clone());
        }
        match out {
            Out::Message(message) if self.offer(message_size(&message)) == Admission::Now => {
                let out = &mut self.connection.out;
                out.encoder.encode(&message, &mut out.ready);
                self.mark_dirty();
            }
            out => self.queue(out.detached()),
        }
    }

    /// Sends the outcome of a request of the peer. One that the peer does not take becomes the
    /// failure that says so.
    #[allow(clippy::inline_always, reason = "the path of every request")]
    #[inline(always)]
    pub(crate) fn respond(&mut self, response: &ResponseRef<'_>) {
        let (size, limit) = (response.outcome.size(), self.connection.max_payload());
        if size > limit && !matches!(response.outcome, OutcomeRef::Error { .. }) {
            return self.respond_too_large(response, limit);
        }
        if self.offer(OVERHEAD + size + response.extensions.len()) == Admission::Now {
            let out = &mut self.connection.out;
            out.encoder.response(response, &mut out.ready);
            self.mark_dirty();
        } else {
            self.queue(Out::Message(response.detach()));
        }
    }

    #[cold]
    fn respond_too_large(&mut self, response: &ResponseRef<'_>, limit: usize) {
        let (size, whose) = (response.outcome.size(), self.connection.asks_as());
        let error = RequestError::result_too_large("the result", size, limit, whose);
        self.respond(&ResponseRef { outcome: OutcomeRef::from(&error), ..*response });
    }

    /// The largest content that the peer takes.
    #[inline]
    pub(crate) fn max_payload(&self) -> usize {
        self.connection.max_payload()
    }

    /// Whether the link takes a request of `caller` with that many bytes of arguments and, `beside`
    /// them, of extension fields, and how. Makes room for it by dropping reports. `calls`: all that
    /// are in flight.
    #[allow(clippy::inline_always, reason = "the path of every request")]
    #[inline(always)]
    pub(crate) fn admit_request(
        &mut self,
        size: usize,
        beside: usize,
        caller: ProcessNo,
        calls: &mut CallTable,
    ) -> Result<Admission, RequestError> {
        let whole = OVERHEAD + size + beside;
        let admission = self.offer(whole);
        if admission == Admission::Later {
            self.make_room(whole, caller, calls)?;
        }
        if self.connection.outbound.is_crowded() {
            self.admit_caller(caller, calls)?;
        }
        Ok(admission)
    }

    #[cold]
    fn admit_caller(&mut self, caller: ProcessNo, calls: &CallTable) -> Result<(), RequestError> {
        let over = Provider::Link(self.link);
        let callers = calls.iter().filter(|(_, call)| call.provider == over);
        let callers = callers.map(|(_, call)| call.process);
        let admitted = self.connection.outbound.admit(caller, self.bounds.pending, callers);
        let over = "pending over the link to the service";
        admitted.map_err(|full| full.error(over, "its limits.pendingRequests"))
    }

    /// Makes room for a request by dropping reports.
    #[cold]
    fn make_room(
        &mut self,
        whole: usize,
        caller: ProcessNo,
        calls: &mut CallTable,
    ) -> Result<(), RequestError> {
        let (out, room) = (&mut self.connection.out, self.bounds.requests());
        if may_exceed(whole, room, calls) {
            check_arguments((caller, whole), out.outbox.arguments(), room, calls)?;
        }
        if out.make_room(room.saturating_sub(whole)) {
            return Ok(());
        }
        let text = "the link's outbox, or limits.memory, is full: the peer reads too slowly";
        Err(RequestError::new(RequestCode::Overloaded, Delivered::No, text))
    }

    /// Encodes a request that was admitted. `caller` is introduced before; one that is gone is not
    /// answered any more, so its request is left out.
    #[inline]
    pub(crate) fn request(
        &mut self,
        processes: &ProcessTable,
        caller: ProcessNo,
        request: &RequestRef<'_>,
    ) {
        self.connection.outbound.begin();
        let out = &mut self.connection.out;
        if out.introduce(processes, caller) {
            out.encoder.request(request, &mut out.ready);
        }
        self.mark_dirty();
    }

    /// Queues a request that was admitted. Its particulars stay in the in-flight table until it is
    /// encoded, so that it can be taken back.
    pub(crate) fn queue_request(&mut self, call: CallId, size: usize) {
        self.connection.outbound.begin();
        self.connection.out.queue_request(call, size);
        self.mark_dirty();
    }

    /// Into the outbox, within its limit.
    ///
    /// Over the limit the oldest reports go first. If that is not enough the peer does not read
    /// what it must: the link ends at its next timer, as nothing may end it in the middle of a
    /// change that concerns many links.
    pub(super) fn queue(&mut self, out: Out) {
        let (outbound, limit) = (&mut self.connection.out, self.bounds.outbox);
        // What comes back to the link that has caused it is its own affair.
        let cause = if self.charges.cause == self.link { NOBODY } else { self.charges.cause };
        let share_of = limit.min(outbound.budget.left());
        if outbound.outbox.push_from(cause, out, share_of) {
            self.charges.over.push(cause);
            self.timers.set(LinkTimer::Link(self.link), Time(0));
        }
        if outbound.outbox.bytes() > limit && !outbound.outbox.drop_reports(limit) {
            outbound.overflow.get_or_insert(Overflow::Outbox);
            self.timers.set(LinkTimer::Link(self.link), Time(0));
        }
        if outbound.outbox.answers() >= ANSWERS_AHEAD {
            self.charges.backlogged.insert(self.link);
        }
        outbound.recount();
        if outbound.budget.is_exceeded() {
            // It is relieved then, if not before: see `relief.rs`.
            self.timers.set(LinkTimer::Link(self.link), Time(0));
        }
        self.mark_dirty();
    }

    /// Counts a report that does not reach the peer.
    pub(super) fn lose(&mut self, service: u32, subject: &Str) {
        self.queue(Out::Lost { service, subject: Some(subject.clone()), count: 1 });
    }

    #[inline]
    pub(super) fn mark_dirty(&mut self) {
        let Connection { id, phase, out, .. } = &mut *self.connection;
        out.mark_dirty(*id, phase, self.dirty);
    }

    /// What is counted once for several links.
    pub(super) fn shared(&self) -> &SharedTotal {
        self.charges.budget.shared()
    }

    /// The parts that reports need.
    pub(super) fn parts(&mut self) -> (&mut Connection, &Bounds) {
        (self.connection, self.bounds)
    }
}

impl ResponseRef<'_> {
    /// The message, ready to wait.
    fn detach(&self) -> Message {
        let extensions = bytes::Bytes::copy_from_slice(self.extensions);
        Message::Response { call: self.call, outcome: self.outcome.detach(), extensions }
    }
}
