//! Requests: what the application, its handlers and the peers say about them.

use std::time::Duration;

use bytes::Bytes;

use crate::collections::timers::Timer;
use crate::content::Content;
use crate::delivery::event::{AbortReason, Event, Invocation};
use crate::ids::{CallId, LinkId, ServiceId, ServiceNo, Str};
use crate::limits::MAX_NAME;
use crate::outcome::{Delivered, Outcome, RequestCode, RequestError};
use crate::registry::table::OWN;
use crate::requests::call_table::{Call, Caller, Goal, Provider, Rest};
use crate::time::Time;
use crate::wire::{Request, RequestTarget};

use crate::process::Process;

/// A request cancelled this shortly before its deadline was given up for the deadline: remaining
/// times are rounded up to milliseconds at each hop.
const DEADLINE_MARGIN: Duration = Duration::from_millis(10);

/// Whom the application asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Any visible service of that name, one of this process first.
    Name(Str),
    /// One service.
    Identity(ServiceId),
}

/// As [`Target`], borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetRef<'a> {
    /// Any visible service of that name, one of this process first.
    Name(&'a Str),
    /// One service.
    Identity(ServiceId),
}

impl Target {
    /// The same target, borrowed.
    pub fn by_ref(&self) -> TargetRef<'_> {
        match self {
            Self::Name(name) => TargetRef::Name(name),
            Self::Identity(id) => TargetRef::Identity(*id),
        }
    }
}

impl From<TargetRef<'_>> for Target {
    fn from(target: TargetRef<'_>) -> Self {
        match target {
            TargetRef::Name(name) => Self::Name(name.clone()),
            TargetRef::Identity(id) => Self::Identity(id),
        }
    }
}

/// How the application asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestOptions {
    /// The deadline from now; for a streamed result, the longest wait for its next part.
    pub timeout: Duration,
    /// If there is no provider, wait for one until the deadline, connected or not.
    pub wait: bool,
    /// Parts of a streamed result that the caller takes at first; 0: it wants no stream.
    pub parts: u32,
}

impl RequestOptions {
    /// A request that fails at once if there is no provider, for a result in one piece.
    pub fn within(timeout: Duration) -> Self {
        Self { timeout, wait: false, parts: 0 }
    }
}

/// What a handler came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandlerResult {
    /// Its result.
    Response(Content),
    /// The application's failure: encoded code, message and data.
    Failure(Content),
    /// The result could not be sent: `Encoding` or `TooLarge`, with an explanation.
    Error(RequestCode, Str),
}

impl Process {
    /// Asks a service. Exactly one [`Event::Outcome`] with `key` follows, whatever happens; `key`
    /// must not be in use. The deadline decides if nothing else did before.
    pub fn request(
        &mut self,
        now: Time,
        key: u64,
        target: Target,
        method: impl Into<Str>,
        content: Content,
        options: RequestOptions,
    ) {
        let method = method.into();
        if self.request_now(now, key, target.by_ref(), &method, content.by_ref(), options) {
            return;
        }
        let refused = if self.closed {
            Some(error(RequestCode::LinkLost, Delivered::No, "the registry is closed"))
        } else if method.len() > MAX_NAME {
            Some(error(RequestCode::NoMethod, Delivered::No, "no method has such a name"))
        } else if content.bytes.len() > self.limits.payload {
            Some(too_large(content.bytes.len(), self.limits.payload))
        } else {
            None
        };
        if let Some(error) = refused {
            let outcome = Outcome::Error(error);
            return self.deliveries.push(Event::Outcome { key, outcome });
        }
        let deadline = now + options.timeout;
        let id = self.calls.insert(Call {
            caller: Caller::Local(key),
            process: OWN,
            service: None,
            provider: Provider::Nobody,
            deadline,
            timeout: options.timeout,
            parts: options.parts,
            untold: 0,
            stream: options.parts > 0,
            in_line: false,
            rest: Some(Box::new(Rest {
                goal: match target {
                    Target::Name(name) => Goal::Name(name),
                    Target::Identity(id) => Goal::Identity(id),
                },
                method,
                number: None,
                wait: options.wait.then(|| content.clone()),
                content: Some(content),
                extensions: Bytes::new(),
            })),
        });
        self.keys.insert(key, id);
        // The deadline of a stream moves.
        if options.parts > 0 || !self.deadlines.add(now, options.timeout, id) {
            self.timers.set(Timer::Call(id), deadline);
        } else if let Some(call) = self.calls.get_mut(id) {
            call.in_line = true;
        }
        self.start_at(id, Some(now));
    }

    /// Gives a request up: its outcome is `cancelled`, unless it has one already (`None`).
    pub fn cancel(&mut self, key: u64) -> Option<Delivered> {
        let call = self.keys.get(key)?;
        self.give_up(call, RequestCode::Cancelled, "the caller cancelled the request")
    }

    /// Ends an invocation. Every one must be ended, aborted ones too.
    pub fn respond(&mut self, call: CallId, result: HandlerResult) {
        if let HandlerResult::Response(content) = &result
            && self.respond_now(call, content.by_ref())
        {
            return;
        }
        if self.calls.get(call).is_none_or(|call| call.provider != Provider::Local) {
            return;
        }
        let limit = self.limits.payload;
        let outcome = match result {
            HandlerResult::Response(content) | HandlerResult::Failure(content)
                if content.bytes.len() > limit =>
            {
                let size = content.bytes.len();
                let text = format!("the result of {size} bytes exceeds the limit of {limit}");
                Outcome::Error(error(RequestCode::TooLarge, Delivered::Yes, text))
            }
            HandlerResult::Response(content) => Outcome::Response(content),
            HandlerResult::Failure(content) => Outcome::Failure(content),
            HandlerResult::Error(code, text) => {
                Outcome::Error(RequestError { code, delivered: Delivered::Yes, message: text })
            }
        };
        self.settle(call, outcome, Bytes::new());
    }

    /// A peer asks.
    pub(in crate::process) fn handle_request(&mut self, now: Time, link: LinkId, request: Request) {
        let pending = self.limits.pending_requests;
        let Some(connection) = self.links.get_mut(&link).and_then(|state| state.linked_mut())
        else {
            return;
        };
        if !connection.peer_is_server() && request.caller != 0 {
            return self.break_rules(now, link, "a client asked in another process's name");
        }
        let Some(process) = connection.process_of(request.caller) else {
            return self.break_rules(now, link, "a caller that was not introduced");
        };
        if connection.inbound.get(request.call).is_some() {
            return self.break_rules(now, link, "a request's id was used twice");
        }
        if connection.inbound.len() >= pending {
            let text = format!("{pending} requests of this link are pending");
            let outcome = Outcome::Error(error(RequestCode::Overloaded, Delivered::No, text));
            return self.answer(link, request.call, outcome, Bytes::new());
        }
        let id = self.calls.insert(Call {
            caller: Caller::Link(link, request.call),
            process,
            service: None,
            provider: Provider::Nobody,
            deadline: now + request.remaining,
            timeout: request.remaining,
            parts: request.parts,
            untold: 0,
            stream: request.parts > 0,
            in_line: false,
            rest: Some(Box::new(Rest {
                goal: match request.target {
                    RequestTarget::Service(no) => Goal::Service(ServiceNo(no)),
                    RequestTarget::Name(name) => Goal::Name(name),
                },
                method: request.method,
                number: None,
                wait: None,
                content: Some(request.content),
                extensions: request.extensions,
            })),
        });
        connection.inbound.insert(request.call, id);
        self.start_at(id, Some(now));
    }

    /// A peer answered.
    pub(in crate::process) fn handle_response(
        &mut self,
        link: LinkId,
        call: u64,
        outcome: Outcome,
        extensions: Bytes,
    ) {
        let id = CallId(call);
        // Late outcomes find another generation, or a request that was never sent that way.
        if self.calls.get(id).is_none_or(|call| !call.is_sent_over(link)) {
            return self.ignore(link);
        }
        if let Outcome::Error(error) = &outcome
            && matches!(error.code, RequestCode::NoService | RequestCode::Lost)
            && error.delivered == Delivered::No
            && self.wait_again(id, link)
        {
            return;
        }
        self.settle(id, outcome, extensions);
    }

    /// A peer gave a request up.
    pub(in crate::process) fn handle_cancel(&mut self, now: Time, link: LinkId, call: u64) {
        let Some(connection) = self.links.get_mut(&link).and_then(|state| state.linked_mut())
        else {
            return;
        };
        // Unknown: the outcome is on its way already.
        if let Some(id) = connection.inbound.remove(call) {
            // The caller's deadline decides, and this process knows when that is.
            let late = self
                .calls
                .get(id)
                .is_some_and(|call| !call.stream && call.deadline.since(now) <= DEADLINE_MARGIN);
            let reason = if late { AbortReason::Deadline } else { AbortReason::Cancelled };
            self.abandon(id, reason);
        }
    }

    /// The invocation of a request whose turn it is; `None` if it was given up meanwhile.
    pub(in crate::process) fn invocation(&mut self, now: Time, id: CallId) -> Option<Event> {
        let call = self.calls.get_mut(id)?;
        if call.provider != Provider::Local {
            return None;
        }
        let content = call.take_content()?;
        let method = call.rest.as_ref()?.method.clone();
        call.drop_rest();
        let entry = self.registry.process(call.process)?;
        Some(Event::Invoke(Invocation {
            call: id,
            service: call.service?,
            method,
            caller: entry.id,
            caller_label: entry.label.clone(),
            remaining: call.deadline.since(now),
            parts: call.parts,
            content,
        }))
    }
}

pub(in crate::process) fn error(
    code: RequestCode,
    delivered: Delivered,
    text: impl Into<Str>,
) -> RequestError {
    RequestError { code, delivered, message: text.into() }
}

pub(in crate::process) fn too_large(size: usize, limit: usize) -> RequestError {
    let text = format!("arguments of {size} bytes exceed the limit of {limit} bytes");
    error(RequestCode::TooLarge, Delivered::No, text)
}
