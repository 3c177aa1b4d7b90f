//! Runs commands against the core. Publishing, requesting and responding have one function each,
//! however the command came.

use netsvc_core::{
    CallId, CommandError, Delivered, Event, HandlerResultRef, LazyCopy, Lifetime, Outcome, Process,
    ProcessId, PublishOptions, RequestCode, RequestError, ServiceNo, Str, SubscriptionId,
    TargetRef, Time, WatchId,
};
use netsvc_net::Engine;

use crate::commands::command::{Body, Command, Reply, Subject, Target};
use crate::commands::decode::Run;
use crate::commands::strings::Strings;
use crate::deliveries::delivery::Delivery;
use crate::deliveries::inbox::Notices;
use crate::numbers::command;
use crate::options::service_id;

/// A report that JavaScript publishes by a call of its own.
pub(crate) struct Publication<'a> {
    pub(crate) service: ServiceNo,
    pub(crate) subject: &'a Str,
    pub(crate) content: Body<'a>,
    /// Encoded extension fields, as on the wire.
    pub(crate) extensions: &'a [u8],
    pub(crate) lifetime: Lifetime,
    /// Whom it is for, if not for all subscribers.
    pub(crate) to: Option<ProcessId>,
}

/// Publishes a report that did not come packed. False: much is queued already.
pub(crate) fn publish_alone(
    engine: &Engine,
    report: &Publication<'_>,
) -> Result<bool, CommandError> {
    let &Publication { service, subject, content, extensions, lifetime, to } = report;
    // Several links share one copy, if any of them needs it.
    let buffer = LazyCopy::of(content.bytes);
    let options = PublishOptions { lifetime, to, extensions, direct: None };
    engine.publish(service, subject, content.within(&buffer), &options)
}

/// What the commands of one buffer are run with.
pub(crate) struct Applier<'a> {
    /// The command buffer, which JavaScript writes again after this: copied once if a content of it
    /// has to stay.
    buffer: &'a LazyCopy<'a>,
    strings: &'a mut Strings,
    /// Where failed commands are told.
    notices: &'a Notices,
    /// Something went wrong.
    pub(crate) failed: bool,
}

impl<'a> Applier<'a> {
    /// For commands of `buffer`.
    pub(crate) fn new(
        buffer: &'a LazyCopy<'a>,
        strings: &'a mut Strings,
        notices: &'a Notices,
    ) -> Self {
        Self { buffer, strings, notices, failed: false }
    }

    fn publish(
        &mut self,
        process: &mut Process,
        now: Time,
        service: ServiceNo,
        subject: Subject<'_>,
        content: Body<'_>,
        extensions: &[u8],
    ) {
        let text;
        let subject = match subject {
            Subject::Slot(slot) => self.strings.string(slot),
            Subject::Text(own) => {
                text = Str::from(own);
                &text
            }
        };
        let options = PublishOptions { extensions, ..PublishOptions::default() };
        let content = content.within(self.buffer);
        if let Err(error) = process.publish(now, service, subject, content, options) {
            let message = format!("publish of {subject:?}: {error}");
            self.fail(command::PUBLISH, &error, message);
        }
    }

    fn no_identity(&mut self, key: u32) {
        let message = "an identity is 32 hexadecimal digits, a dot and a number".into();
        let (code, delivered) = (RequestCode::NoService, Delivered::No);
        let outcome = Outcome::Error(RequestError { code, delivered, message });
        let extensions = bytes::Bytes::new();
        self.notices.push(Delivery::Event(Event::Outcome { key: key.into(), outcome, extensions }));
        self.failed = true;
    }

    fn fail(&mut self, op: u8, error: &CommandError, message: String) {
        self.notices.push(Delivery::CommandFailed { op, count: 1, code: error.code(), message });
        self.failed = true;
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
            Command::String { slot, text } => applier.strings.define(slot, text),
            Command::Request { key, options, target, method, content, extensions } => {
                let Applier { buffer, strings, .. } = applier;
                let target = match target {
                    Target::Name(slot) => Some(TargetRef::Name(strings.string(slot))),
                    Target::Identity(slot) => {
                        service_id(strings.string(slot)).map(TargetRef::Identity)
                    }
                };
                let Some(target) = target else { return applier.no_identity(key) };
                let method = strings.string(method);
                let content = content.within(buffer);
                let options = options.with(extensions);
                process.request(now, key.into(), target, method, content, options);
            }
            Command::Respond { call, result, extensions } => {
                let result = match result {
                    Reply::Response(body) => {
                        HandlerResultRef::Response(body.within(applier.buffer))
                    }
                    Reply::Failure(body) => HandlerResultRef::Failure(body.within(applier.buffer)),
                    Reply::Error(code, message) => HandlerResultRef::Error(code, message),
                };
                process.respond(CallId(call), result, extensions);
            }
            Command::Publish { service, subject, content, extensions } => {
                applier.publish(process, now, ServiceNo(service), subject, content, extensions);
            }
            Command::Grant { subscription, reports } => {
                process.grant(SubscriptionId(subscription), reports);
            }
            Command::GrantWatch { watch, changes } => process.grant_watch(WatchId(watch), changes),
            Command::Part { call, content } => {
                match process.send_part(now, CallId(call), content.within(applier.buffer)) {
                    // A call that has ended meanwhile, as with a late response: its handler
                    // hears of that in another way.
                    Ok(_) | Err(CommandError::Closed { .. }) => {}
                    Err(error) => {
                        let message = format!("part of a streamed result: {error}");
                        applier.fail(command::PART, &error, message);
                    }
                }
            }
            Command::GrantParts { key, parts } => process.grant_parts(now, key.into(), parts),
        }
    }
}
