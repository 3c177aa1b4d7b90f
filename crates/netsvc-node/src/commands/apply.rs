//! Runs commands of the staging buffer against the core.

use bytes::Bytes;
use netsvc_core::{
    CallId, CommandError, Content, ContentRef, ContentType, Delivered, Event, HandlerResult,
    Lifetime, Outcome, Process, RequestCode, RequestError, ServiceNo, SubscriptionId, TargetRef,
    Time, WatchId,
};

use crate::commands::decode::{self, Body, Command, OP_PART, OP_PUBLISH, Reply, Run, Subject};
use crate::commands::strings::Strings;
use crate::deliveries::encode::Delivery;
use crate::deliveries::inbox::Notices;
use crate::options::service_id;

/// What the commands of one staging buffer are run with.
pub(crate) struct Applier<'a> {
    /// The staging buffer, which is JavaScript's: it writes it again after this.
    staging: &'a [u8],
    /// A copy of it, once a content is needed for longer.
    copy: Option<Bytes>,
    strings: &'a mut Strings,
    /// Takes what goes wrong with a command.
    notices: &'a Notices,
    /// Something went wrong.
    pub(crate) failed: bool,
}

impl<'a> Applier<'a> {
    /// For commands of `staging`.
    pub(crate) fn new(staging: &'a [u8], strings: &'a mut Strings, notices: &'a Notices) -> Self {
        Self { staging, copy: None, strings, notices, failed: false }
    }

    fn publish(
        &mut self,
        process: &mut Process,
        now: Time,
        service: ServiceNo,
        subject: Subject<'_>,
        content: Body<'_>,
    ) {
        let subject = match subject {
            Subject::Slot(slot) => {
                let subject = self.strings.text(slot);
                if process.publish_now(service, subject, content.into()) {
                    return;
                }
                subject.clone()
            }
            Subject::Text(text) => text.into(),
        };
        let content = self.content(content);
        let result = process.publish(now, service, subject.clone(), content, Lifetime::None);
        if let Err(error) = result {
            self.fail(OP_PUBLISH, &error, format!("publish of {subject:?}: {error}"));
        }
    }

    fn target(&self, target: decode::Target) -> Option<TargetRef<'_>> {
        match target {
            decode::Target::Name(slot) => Some(TargetRef::Name(self.strings.text(slot))),
            decode::Target::Identity(slot) => {
                service_id(self.strings.text(slot)).map(TargetRef::Identity)
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

    fn result(&mut self, result: &Reply<'_>) -> HandlerResult {
        match result {
            Reply::Response(body) => HandlerResult::Response(self.content(*body)),
            Reply::Failure(body) => HandlerResult::Failure(self.content(*body)),
            Reply::Error(code, message) => HandlerResult::Error(*code, (*message).into()),
        }
    }

    /// One allocation for the contents of a burst: whoever keeps one for long copies it.
    fn content(&mut self, body: Body<'_>) -> Content {
        let staging = self.staging;
        let copy = self.copy.get_or_insert_with(|| Bytes::copy_from_slice(staging));
        // As far from the beginning of the buffer as from that of its copy.
        let at = body.bytes.as_ptr().addr().saturating_sub(staging.as_ptr().addr());
        let bytes = copy.slice(at..at + body.bytes.len());
        Content { kind: ContentType(body.kind), bytes }
    }
}

/// Runs one command of the buffer.
pub(crate) struct Apply<'x, 'a> {
    pub(crate) applier: &'x mut Applier<'a>,
    pub(crate) process: &'x mut Process,
    pub(crate) now: Time,
}

impl Run<'_> for Apply<'_, '_> {
    #[allow(clippy::inline_always, reason = "see `Run`")]
    #[inline(always)]
    fn run(self, command: Command<'_>) {
        let Self { applier, process, now } = self;
        match command {
            Command::Symbol { slot, text } => applier.strings.define(slot, text),
            Command::Request { key, options, target, method, content } => {
                let Some(target) = applier.target(target) else { return applier.no_identity(key) };
                let (key, method) = (key.into(), applier.strings.text(method));
                if process.request_now(now, key, target, method, content.into(), options) {
                    return;
                }
                let (target, method) = (target.into(), method.clone());
                process.request(now, key, target, method, applier.content(content), options);
            }
            Command::Respond { call, result } => {
                if let Reply::Response(body) = result
                    && process.respond_now(CallId(call), body.into())
                {
                    return;
                }
                process.respond(CallId(call), applier.result(&result));
            }
            Command::Publish { service, subject, content } => {
                applier.publish(process, now, ServiceNo(service), subject, content);
            }
            Command::Grant { subscription, reports } => {
                process.grant(SubscriptionId(subscription), reports);
            }
            Command::GrantWatch { watch, changes } => process.grant_watch(WatchId(watch), changes),
            Command::Part { call, content } => {
                match process.send_part(now, CallId(call), applier.content(content)) {
                    // Ended meanwhile, which the handler hears by other ways: as usual as a late
                    // response.
                    Ok(_) | Err(CommandError::Closed { .. }) => {}
                    Err(error) => {
                        applier.fail(
                            OP_PART,
                            &error,
                            format!("part of a streamed result: {error}"),
                        );
                    }
                }
            }
            Command::GrantParts { key, parts } => process.grant_parts(now, key.into(), parts),
        }
    }
}

impl<'a> From<Body<'a>> for ContentRef<'a> {
    fn from(body: Body<'a>) -> Self {
        Self { kind: ContentType(body.kind), bytes: body.bytes }
    }
}
