//! Runs commands of the staging buffer against the core.

use bytes::Bytes;
use netsvc_core::{
    CallId, CommandError, Content, ContentType, Delivered, Event, HandlerResult, Lifetime, Outcome,
    Process, RequestCode, RequestError, ServiceNo, Str, SubscriptionId, Target, Time, WatchId,
};

use crate::commands::{self, Body, Command, OP_PART, OP_PUBLISH, Reply, Subject};
use crate::inbox::Notices;
use crate::options::service_id;
use crate::records::Delivery;
use crate::texts::Texts;

/// What the commands of one staging buffer are run with.
pub(crate) struct Applier<'a> {
    /// A copy of the staging buffer, of which contents are slices.
    pub(crate) staging: &'a Bytes,
    pub(crate) texts: &'a mut Texts,
    /// Takes what goes wrong with a command.
    pub(crate) notices: &'a Notices,
    /// Something went wrong.
    pub(crate) failed: bool,
}

impl Applier<'_> {
    /// Runs one command of the buffer.
    pub(crate) fn apply(&mut self, process: &mut Process, now: Time, command: Command<'_>) {
        match command {
            Command::Symbol { slot, text } => self.texts.define(slot, text),
            Command::Request { key, options, target, method, content } => {
                let Some(target) = self.target(target) else { return self.no_identity(key) };
                let (method, content) = (self.texts.text(method), self.content(content));
                process.request(now, key.into(), target, method, content, options);
            }
            Command::Respond { call, result } => {
                process.respond(CallId(call), self.result(&result));
            }
            Command::Publish { service, subject, content } => {
                let (service, content) = (ServiceNo(service), self.content(content));
                let text = self.subject(subject);
                let result = process.publish(now, service, text, content, Lifetime::None);
                if let Err(error) = result {
                    let text = self.subject(subject);
                    self.fail(OP_PUBLISH, &error, format!("publish of {text:?}: {error}"));
                }
            }
            Command::Grant { subscription, reports } => {
                process.grant(SubscriptionId(subscription), reports);
            }
            Command::GrantWatch { watch, changes } => process.grant_watch(WatchId(watch), changes),
            Command::Part { call, content } => {
                match process.send_part(now, CallId(call), self.content(content)) {
                    // Ended meanwhile, which the handler hears by other ways: as usual as a late
                    // response.
                    Ok(_) | Err(CommandError::Closed { .. }) => {}
                    Err(error) => {
                        self.fail(OP_PART, &error, format!("part of a streamed result: {error}"));
                    }
                }
            }
            Command::GrantParts { key, parts } => process.grant_parts(now, key.into(), parts),
        }
    }

    fn subject(&self, subject: Subject<'_>) -> Str {
        match subject {
            Subject::Slot(slot) => self.texts.text(slot),
            Subject::Text(text) => text.into(),
        }
    }

    fn target(&self, target: commands::Target) -> Option<Target> {
        match target {
            commands::Target::Name(slot) => Some(Target::Name(self.texts.text(slot))),
            commands::Target::Identity(slot) => {
                service_id(&self.texts.text(slot)).map(Target::Identity)
            }
        }
    }

    fn no_identity(&mut self, key: u32) {
        let message = "an identity is 32 hexadecimal digits, a dot and a number".into();
        let (code, delivered) = (RequestCode::NoService, Delivered::No);
        let outcome = Outcome::Error(RequestError { code, delivered, message });
        self.notices.push(Delivery::Event(Event::Outcome { key: key.into(), outcome }));
        self.failed = true;
    }

    fn fail(&mut self, op: u8, error: &CommandError, message: String) {
        self.notices.push(Delivery::CommandFailed { op, count: 1, code: error.code(), message });
        self.failed = true;
    }

    fn result(&self, result: &Reply<'_>) -> HandlerResult {
        match result {
            Reply::Response(body) => HandlerResult::Response(self.content(*body)),
            Reply::Failure(body) => HandlerResult::Failure(self.content(*body)),
            Reply::Error(code, message) => HandlerResult::Error(*code, (*message).into()),
        }
    }

    /// One allocation for the contents of a burst: whoever keeps one for long copies it.
    fn content(&self, body: Body<'_>) -> Content {
        Content { kind: ContentType(body.kind), bytes: self.staging.slice_ref(body.bytes) }
    }
}
