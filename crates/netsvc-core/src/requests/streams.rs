//! Streamed results: parts on their way to the caller, credit on its way to the handler.
//!
//! The caller grants parts; nobody on the way takes more than it granted, so that a stream whose
//! reader is slow rests at its handler. A stream ends with an outcome, like every request.

use std::mem;

use bytes::Bytes;

use crate::content::{Content, ContentRef};
use crate::delivery::event::{AbortReason, Event};
use crate::delivery::sink::NoSink;
use crate::error::CommandError;
use crate::ids::{CallId, LinkId};
use crate::limits::RESTING_STREAM;
use crate::links::outbound::outbox::Out;
use crate::outcome::RequestError;
use crate::reason::Reason;
use crate::time::Time;
use crate::wire::{Message, OutcomeRef};

use super::call_table::{Caller, Provider};
use super::router::Router;

impl Router<'_> {
    /// See [`Process::send_part`](crate::Process::send_part).
    pub(crate) fn send_part(
        &mut self,
        now: Time,
        call: CallId,
        content: ContentRef<'_>,
    ) -> Result<u32, CommandError> {
        let (size, limit) = (content.bytes.len(), self.rules.limits.payload);
        if size > limit {
            return Err(CommandError::TooLarge { size, limit });
        }
        let ended = CommandError::Closed { what: "the request" };
        let state = self.requests.calls.get_mut(call).ok_or(ended.clone())?;
        if state.caller == Caller::Gone || !state.is_told() {
            return Err(ended);
        }
        if state.parts == 0 {
            return Err(CommandError::Limit { what: "parts granted by the caller", limit: 0 });
        }
        state.parts -= 1;
        let left = state.parts;
        self.pass_part(now, call, content.keep(), Bytes::new());
        Ok(left)
    }

    /// The application takes further parts of a streamed result.
    pub(crate) fn grant_parts(&mut self, now: Time, key: u64, parts: u32) {
        if let Some(call) = self.requests.keys.get(key).copied() {
            self.add_credit(call, parts);
            // A part that is waited for already is waited for no longer than before.
            let in_line = self.requests.calls.get(call).is_some_and(|call| call.in_line);
            if !in_line && !self.requests.timers.is_set(call) {
                self.arm_stream(now, call);
            }
        }
    }

    /// A peer sent a part.
    pub(crate) fn handle_part(
        &mut self,
        now: Time,
        link: LinkId,
        call: u64,
        content: Content,
        extensions: Bytes,
    ) -> Result<(), Reason> {
        let id = CallId(call);
        let state = self.requests.calls.get_mut(id).filter(|state| state.is_sent_over(link));
        let Some(state) = state else {
            self.links.ignore(link);
            return Ok(());
        };
        if state.parts == 0 {
            return Err(Reason::violation("more parts than were granted"));
        }
        state.parts -= 1;
        self.pass_part(now, id, content, extensions);
        Ok(())
    }

    /// A peer takes further parts.
    pub(crate) fn handle_credit(&mut self, link: LinkId, call: u64, parts: u32) {
        let call =
            self.links.linked(link).and_then(|connection| connection.inbound.get(call).copied());
        match call {
            Some(call) => self.add_credit(call, parts),
            // The outcome is on its way already.
            None => self.links.ignore(link),
        }
    }

    /// A part goes on to the caller.
    fn pass_part(&mut self, now: Time, id: CallId, content: Content, extensions: Bytes) {
        match self.requests.calls.get(id).map(|call| call.caller) {
            Some(Caller::Local(key)) => {
                self.arm_stream(now, id);
                self.deliveries.push(Event::Part { key, content });
            }
            Some(Caller::Link(link, call)) => {
                let connection = self.links.linked(link);
                let (max, whose) = connection.map_or((usize::MAX, ""), |connection| {
                    (connection.max_payload(), connection.asks_as())
                });
                let size = content.bytes.len();
                if size <= max {
                    self.renew_stream(now, id);
                    let message = Message::Part { call, content, extensions };
                    return self.links.send(link, Out::Message(message));
                }
                let error = RequestError::result_too_large("a part", size, max, whose);
                self.detach_caller(id, &OutcomeRef::from(&error), &[], &mut NoSink);
                self.abandon(id, AbortReason::Cancelled);
            }
            Some(Caller::Gone) | None => {}
        }
    }

    /// A part goes to a peer, whose deadline moves with it. How far is not known here: its
    /// application takes parts when it likes.
    fn renew_stream(&mut self, now: Time, id: CallId) {
        if let Some(call) = self.requests.calls.get_mut(id) {
            call.deadline = now + call.timeout.max(RESTING_STREAM);
        }
    }

    /// The credit of an invocation that its handler was not told of; `None` if it has ended.
    pub(crate) fn credit(&mut self, id: CallId) -> Option<Event> {
        let parts = std::mem::take(&mut self.requests.calls.get_mut(id)?.untold);
        Some(Event::Credit { call: id, parts })
    }

    fn add_credit(&mut self, id: CallId, parts: u32) {
        let Some(call) = self.requests.calls.get_mut(id) else { return };
        call.parts = call.parts.saturating_add(parts);
        call.stream |= parts > 0;
        if call.is_unsent() {
            // Told together with the request.
            return;
        }
        match call.provider {
            Provider::Local => {
                // One event at a time, or a peer could cause any number of them.
                if call.untold == 0 && parts > 0 {
                    self.deliveries.push_credit(id);
                }
                call.untold = call.untold.saturating_add(parts);
            }
            Provider::Link(link) => {
                self.links.send(link, Out::Message(Message::Credit { call: id.0, parts }));
            }
            Provider::Nobody => {}
        }
    }

    /// The deadline of a stream is that of its next part, while the caller waits for one.
    fn arm_stream(&mut self, now: Time, id: CallId) {
        if let Some(call) = self.requests.calls.get_mut(id)
            && mem::take(&mut call.in_line)
        {
            let timeout = call.timeout;
            self.requests.leave_line(timeout, id);
        }
        let Some(call) = self.requests.calls.get(id) else { return };
        let due = if call.parts > 0 { now + call.timeout } else { Time::NEVER };
        self.requests.timers.set(id, due);
    }
}
