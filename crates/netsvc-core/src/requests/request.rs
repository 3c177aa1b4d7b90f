//! Requests that begin here: the application's, and those that peers ask this process to answer or
//! to pass on.

use std::time::Duration;

use bytes::Bytes;

use crate::content::ContentRef;
use crate::delivery::event::{AbortReason, Event, Invocation};
use crate::delivery::sink::{NoSink, Sink};
use crate::ids::{CallId, LinkId, ServiceNo, Str};
use crate::limits::MAX_NAME;
use crate::outcome::{Delivered, Outcome, RequestCode, RequestError};
use crate::policy::party::Party;
use crate::reason::Reason;
use crate::registry::checks::check_own_extensions;
use crate::registry::process_table::OWN;
use crate::time::Time;
use crate::wire::{OutcomeRef, RequestRef, RequestTargetRef, ResponseRef};

use super::call_table::{Call, Caller, Provider, Rest};
use super::explanations::may_pass;
use super::options::{Prefer, RequestOptions, TargetRef};
use super::place::Placed;
use super::question::Question;
use super::route_cache::GoalRef;
use super::router::Router;

/// A request cancelled this shortly before its deadline counts as given up for the deadline:
/// remaining times are rounded up to milliseconds at each hop.
const DEADLINE_MARGIN: Duration = Duration::from_millis(10);

impl Router<'_> {
    /// See [`Process::request`](crate::Process::request).
    #[inline]
    pub(crate) fn request(
        &mut self,
        now: Time,
        key: u64,
        target: TargetRef<'_>,
        method: &Str,
        content: ContentRef<'_>,
        options: RequestOptions<'_>,
    ) {
        let RequestOptions { timeout, wait, prefer, parts, extensions } = options;
        let fits = method.len() <= MAX_NAME && content.bytes.len() <= self.rules.limits.payload;
        if (!fits || !extensions.is_empty())
            && let Err(error) = self.check_request(method, content.bytes.len(), extensions)
        {
            return self.refuse(key, error);
        }
        let call = Call {
            caller: Caller::Local(key),
            process: OWN,
            service: None,
            provider: Provider::Nobody,
            deadline: now + timeout,
            timeout,
            parts,
            untold: 0,
            stream: parts > 0,
            in_line: false,
            prefer,
            again: false,
            rest: None,
        };
        let id = self.requests.calls.insert(call);
        self.requests.keys.insert(key, id);
        // The deadline of a stream moves.
        if parts > 0 || !self.requests.deadlines.add(now, timeout, id) {
            self.requests.timers.set(id, now + timeout);
        } else if let Some(call) = self.requests.calls.get_mut(id) {
            call.in_line = true;
        }
        let goal = match target {
            TargetRef::Name(name) => GoalRef::Name(name),
            TargetRef::Identity(id) => GoalRef::Identity(id),
        };
        self.requests.clock = now;
        let question = Question {
            by: Party { process: OWN, link: None },
            deadline: now + timeout,
            parts,
            goal,
            method,
            content,
            extensions,
            waits: wait,
        };
        self.begin(now, id, &question, &mut NoSink);
    }

    /// The outcome of a request that is not even begun.
    pub(crate) fn refuse(&mut self, key: u64, error: RequestError) {
        let (outcome, extensions) = (Outcome::Error(error), Bytes::new());
        self.deliveries.push(Event::Outcome { key, outcome, extensions });
    }

    /// A peer asks.
    #[allow(clippy::inline_always, reason = "the path of every request")]
    #[inline(always)]
    pub(crate) fn handle_request(
        &mut self,
        now: Time,
        link: LinkId,
        request: &RequestRef<'_>,
        sink: &mut (dyn Sink + '_),
    ) -> Result<(), Reason> {
        let pending = self.rules.limits.pending_requests;
        let Some(connection) = self.links.linked_mut(link) else { return Ok(()) };
        if request.caller != 0 && !connection.capabilities().introduces {
            return Err(Reason::violation("a client asked in another process's name"));
        }
        let Some(process) = connection.process_of(request.caller) else {
            return Err(Reason::violation("a caller that was not introduced"));
        };
        if connection.inbound.get(request.call).is_some() {
            return Err(Reason::violation("a request's id was used twice"));
        }
        if connection.inbound.len() >= pending {
            let text =
                format!("{pending} requests of this link are pending: limits.pendingRequests");
            self.refuse_peer(link, request.call, &text);
            return Ok(());
        }
        let deadline = now.after_millis(request.remaining);
        self.requests.expiry.note(deadline);
        let id = self.requests.calls.insert(Call {
            caller: Caller::Link(link, request.call),
            process,
            service: None,
            provider: Provider::Nobody,
            deadline,
            timeout: Duration::from_millis(request.remaining.into()),
            parts: request.parts,
            untold: 0,
            stream: request.parts > 0,
            in_line: false,
            prefer: Prefer::Any,
            again: false,
            rest: None,
        });
        connection.inbound.insert_new(request.call, id);
        let goal = match request.target {
            RequestTargetRef::Service(no) => GoalRef::Service(ServiceNo(no)),
            RequestTargetRef::Name(name) => GoalRef::Name(name),
        };
        let RequestRef { parts, method, content, extensions, .. } = *request;
        self.requests.clock = now;
        let question = Question {
            by: Party { process, link: Some(link) },
            deadline,
            parts,
            goal,
            method,
            content,
            extensions,
            waits: false,
        };
        self.begin(now, id, &question, sink);
        Ok(())
    }

    /// Hands a new request to a provider, keeps it until one takes it, or settles it.
    #[allow(clippy::inline_always, reason = "the path of every request")]
    #[inline(always)]
    fn begin(
        &mut self,
        now: Time,
        id: CallId,
        question: &Question<'_>,
        sink: &mut (dyn Sink + '_),
    ) {
        match self.place(Some(now), id, question, sink) {
            Ok(Placed::Sent) if !question.waits => {}
            Ok(placed) => {
                let mut rest = question.keep();
                rest.unsent = !placed.is_sent();
                rest.number = placed.number();
                if placed.is_queued() || placed.is_sent() || question.waits {
                    // To wait for as long as it takes.
                    rest.content = rest.content.detached();
                }
                self.requests.calls.keep(id, Box::new(rest));
            }
            Err(error) => self.wait_or_settle(id, question, error),
        }
    }

    /// Nobody takes a new request: it waits for somebody, or ends.
    #[cold]
    #[inline(never)]
    fn wait_or_settle(&mut self, id: CallId, question: &Question<'_>, error: RequestError) {
        if !question.waits || !may_pass(&error, question.goal) {
            return self.settle_error(id, &error);
        }
        self.requests.calls.keep(id, Box::new(question.keep()));
        if let Err(error) = self.park(id, error) {
            self.settle_error(id, &error);
        }
    }

    /// A peer gave a request up.
    pub(crate) fn handle_cancel(&mut self, now: Time, link: LinkId, call: u64) {
        let Some(connection) = self.links.linked_mut(link) else { return };
        // Unknown: the outcome is on its way already.
        if let Some(id) = connection.inbound.remove(call) {
            // The caller's deadline decides, and this process knows when that is.
            let late =
                self.requests.calls.get(id).is_some_and(|call| {
                    !call.stream && call.deadline.since(now) <= DEADLINE_MARGIN
                });
            let reason = if late { AbortReason::Deadline } else { AbortReason::Cancelled };
            self.abandon(id, reason);
        }
    }

    /// Gives up a request of the application, unless it has an outcome already (`None`).
    pub(crate) fn cancel(&mut self, key: u64) -> Option<Delivered> {
        let call = *self.requests.keys.get(key)?;
        self.give_up(call, RequestCode::Cancelled, "the caller cancelled the request")
    }

    /// The invocation of a request whose turn it is; `None` if it was given up meanwhile.
    #[allow(clippy::inline_always, reason = "the path of every request that waits")]
    #[inline(always)]
    pub(crate) fn invocation(&mut self, now: Time, id: CallId) -> Option<Event> {
        let (call, rest) = self.requests.calls.send(id, Provider::Local)?;
        let service = self.registry.services.get_mut(call.service?)?;
        service.waiting = service.waiting.saturating_sub(rest.size());
        let entry = self.registry.processes.get(call.process)?;
        let Rest { method, content, extensions, .. } = *rest;
        Some(Event::Invoke(Invocation {
            call: id,
            service: service.no,
            method,
            caller: entry.id,
            caller_label: entry.label.clone(),
            remaining: call.deadline.since(now),
            parts: call.parts,
            content,
            extensions,
        }))
    }

    #[cold]
    fn refuse_peer(&mut self, link: LinkId, call: u64, message: &str) {
        let (code, delivered) = (RequestCode::Overloaded, Delivered::No);
        let outcome = OutcomeRef::Error { code, delivered, message };
        if let Some(mut outlet) = self.links.outlet(link) {
            outlet.respond(&ResponseRef { call, outcome, extensions: &[] });
        }
    }

    #[cold]
    fn check_request(
        &self,
        method: &str,
        size: usize,
        extensions: &[u8],
    ) -> Result<(), RequestError> {
        if method.len() > MAX_NAME {
            let text = "no method has such a name";
            return Err(RequestError::new(RequestCode::NoMethod, Delivered::No, text));
        }
        let limit = self.rules.limits.payload;
        if size > limit {
            return Err(RequestError::too_large(size, limit, "the caller"));
        }
        check_own_extensions(extensions).map_err(|error| {
            RequestError::new(RequestCode::Encoding, Delivered::No, error.to_string())
        })
    }
}
