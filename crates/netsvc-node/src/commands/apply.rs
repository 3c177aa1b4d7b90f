//! Runs commands against the core. Publishing, requesting and responding have one function each,
//! however the command came.

use netsvc_core::{
    CallId, CommandError, Delivered, Event, HandlerResult, Lifetime, Outcome, Process, ProcessId,
    RequestCode, RequestError, RequestOptions, ServiceNo, Str, SubscriptionId, TargetRef, Time,
    WatchId,
};
use netsvc_net::Engine;

use crate::commands::command::{Body, Command, Reply, Subject, Target};
use crate::commands::contents::Contents;
use crate::commands::decode::Run;
use crate::commands::strings::Strings;
use crate::deliveries::delivery::Delivery;
use crate::deliveries::inbox::Notices;
use crate::numbers::command;
use crate::options::service_id;

/// A report that JavaScript publishes.
pub(crate) struct Publication<'a> {
    pub(crate) service: ServiceNo,
    pub(crate) subject: &'a Str,
    pub(crate) content: Body<'a>,
    /// Encoded extension fields, as on the wire.
    pub(crate) extensions: &'a [u8],
    pub(crate) lifetime: Lifetime,
    /// Whom it is for, if not for all subscribers.
    pub(crate) to: Option<ProcessId>,
    /// It may join a batch of reports that waits. The caller then does not learn whether much is
    /// queued already.
    pub(crate) may_batch: bool,
}

/// Contents from this size on are worth a system call of their own, which saves a copy.
const LARGE: usize = 64 << 10;

/// Publishes a report that did not come packed. False: much is queued already.
pub(crate) fn publish_alone(
    engine: &Engine,
    report: &Publication<'_>,
) -> Result<bool, CommandError> {
    let &Publication { service, subject, content, .. } = report;
    let plain = report.lifetime == Lifetime::None && report.to.is_none();
    if plain
        && content.bytes.len() >= LARGE
        // The core's commands take no extensions yet.
        && let Some(flowing) = engine.publish_through(service, subject, content.into())
    {
        return Ok(flowing);
    }
    // Copied before the engine is locked.
    let mut contents = Contents::copied(content.bytes);
    engine.with(|process, now| publish(process, now, report, &mut contents))
}

fn publish(
    process: &mut Process,
    now: Time,
    report: &Publication<'_>,
    contents: &mut Contents<'_>,
) -> Result<bool, CommandError> {
    let &Publication { service, subject, content, extensions, lifetime, to, may_batch } = report;
    // The core's commands take no extensions yet.
    let _ = extensions;
    if may_batch && process.publish_now(service, subject, content.into()) {
        return Ok(true);
    }
    let content = contents.keep(content);
    match to {
        None => process.publish(now, service, subject.clone(), content, lifetime),
        Some(id) => process.publish_to(service, id, subject.clone(), content),
    }
}

/// A request that JavaScript makes.
struct Demand<'a> {
    key: u32,
    target: TargetRef<'a>,
    method: &'a Str,
    content: Body<'a>,
    /// Encoded extension fields, as on the wire.
    extensions: &'a [u8],
    options: RequestOptions,
}

fn request(process: &mut Process, now: Time, demand: &Demand<'_>, contents: &mut Contents<'_>) {
    let &Demand { key, target, method, content, extensions, options } = demand;
    // The core's commands take no extensions yet.
    let _ = extensions;
    let key = key.into();
    if !process.request_now(now, key, target, method, content.into(), options) {
        let (target, method) = (target.into(), method.clone());
        process.request(now, key, target, method, contents.keep(content), options);
    }
}

fn respond(
    process: &mut Process,
    call: CallId,
    result: &Reply<'_>,
    extensions: &[u8],
    contents: &mut Contents<'_>,
) {
    // The core's commands take no extensions yet.
    let _ = extensions;
    if let Reply::Response(body) = result
        && process.respond_now(call, (*body).into())
    {
        return;
    }
    let result = match result {
        Reply::Response(body) => HandlerResult::Response(contents.keep(*body)),
        Reply::Failure(body) => HandlerResult::Failure(contents.keep(*body)),
        Reply::Error(code, message) => HandlerResult::Error(*code, (*message).into()),
    };
    process.respond(call, result);
}

/// What the commands of one buffer are run with.
pub(crate) struct Applier<'a> {
    contents: Contents<'a>,
    strings: &'a mut Strings,
    /// Where failed commands are told.
    notices: &'a Notices,
    /// Something went wrong.
    pub(crate) failed: bool,
}

impl<'a> Applier<'a> {
    /// For commands of `buffer`.
    pub(crate) fn new(buffer: &'a [u8], strings: &'a mut Strings, notices: &'a Notices) -> Self {
        Self { contents: Contents::new(buffer), strings, notices, failed: false }
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
        let (subject, may_batch) = match subject {
            Subject::Slot(slot) => (self.strings.string(slot), true),
            Subject::Text(own) => {
                text = Str::from(own);
                (&text, false)
            }
        };
        let (lifetime, to) = (Lifetime::None, None);
        let report = Publication { service, subject, content, extensions, lifetime, to, may_batch };
        if let Err(error) = publish(process, now, &report, &mut self.contents) {
            let message = format!("publish of {subject:?}: {error}");
            self.fail(command::PUBLISH, &error, message);
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
                let Applier { contents, strings, .. } = applier;
                let target = match target {
                    Target::Name(slot) => Some(TargetRef::Name(strings.string(slot))),
                    Target::Identity(slot) => {
                        service_id(strings.string(slot)).map(TargetRef::Identity)
                    }
                };
                let Some(target) = target else { return applier.no_identity(key) };
                let method = strings.string(method);
                let demand = Demand { key, target, method, content, extensions, options };
                request(process, now, &demand, contents);
            }
            Command::Respond { call, result, extensions } => {
                respond(process, CallId(call), &result, extensions, &mut applier.contents);
            }
            Command::Publish { service, subject, content, extensions } => {
                applier.publish(process, now, ServiceNo(service), subject, content, extensions);
            }
            Command::Grant { subscription, reports } => {
                process.grant(SubscriptionId(subscription), reports);
            }
            Command::GrantWatch { watch, changes } => process.grant_watch(WatchId(watch), changes),
            Command::Part { call, content } => {
                let content = applier.contents.keep(content);
                match process.send_part(now, CallId(call), content) {
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
