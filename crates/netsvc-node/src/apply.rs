//! Runs commands of the staging buffer against the core.

use bytes::Bytes;
use netsvc_core::{
    CallId, CommandError, Content, ContentType, Delivered, Event, HandlerResult, Lifetime, Outcome,
    Process, RequestCode, RequestError, RequestOptions, ServiceNo, SubscriptionId, Target, Time,
    WatchId,
};

use crate::commands::{self, Body, Command, OP_PART, OP_PUBLISH, Reply};
use crate::inbox::Notices;
use crate::options::service_id;
use crate::records::Delivery;

/// Runs one command. What goes wrong with it is queued in `notices`; returns whether something
/// was.
pub(crate) fn apply(
    process: &mut Process,
    now: Time,
    command: Command<'_>,
    notices: &Notices,
) -> bool {
    match command {
        Command::Request { key, options, target, method, content } => {
            return request(process, now, key, options, &target, method, content, notices);
        }
        Command::Respond { call, result } => process.respond(CallId(call), handler(&result)),
        Command::Publish { service, subject, content } => {
            let (service, content) = (ServiceNo(service), self::content(content));
            let result = process.publish(now, service, subject, content, Lifetime::None);
            if let Err(error) = result {
                let message = format!("publish of {subject:?}: {error}");
                return failed(notices, OP_PUBLISH, &error, message);
            }
        }
        Command::Grant { subscription, reports } => {
            process.grant(SubscriptionId(subscription), reports);
        }
        Command::GrantWatch { watch, changes } => process.grant_watch(WatchId(watch), changes),
        Command::Part { call, content } => {
            match process.send_part(now, CallId(call), self::content(content)) {
                // Ended meanwhile, which the handler hears by other ways: as usual as a late
                // response.
                Ok(_) | Err(CommandError::Closed { .. }) => {}
                Err(error) => {
                    let message = format!("part of a streamed result: {error}");
                    return failed(notices, OP_PART, &error, message);
                }
            }
        }
        Command::GrantParts { key, parts } => process.grant_parts(now, key.into(), parts),
    }
    false
}

fn failed(notices: &Notices, op: u8, error: &CommandError, message: String) -> bool {
    notices.push(Delivery::CommandFailed { op, count: 1, code: error.code(), message });
    true
}

#[allow(clippy::too_many_arguments, reason = "the fields of one command")]
fn request(
    process: &mut Process,
    now: Time,
    key: u32,
    options: RequestOptions,
    target: &commands::Target<'_>,
    method: &str,
    content: Body<'_>,
    notices: &Notices,
) -> bool {
    let target = match target {
        commands::Target::Name(name) => Some(Target::Name((*name).into())),
        commands::Target::Identity(text) => service_id(text).map(Target::Identity),
    };
    let Some(target) = target else {
        let message = "an identity is 32 hexadecimal digits, a dot and a number".into();
        let (code, delivered) = (RequestCode::NoService, Delivered::No);
        let outcome = Outcome::Error(RequestError { code, delivered, message });
        notices.push(Delivery::Event(Event::Outcome { key: key.into(), outcome }));
        return true;
    };
    process.request(now, key.into(), target, method, self::content(content), options);
    false
}

fn handler(result: &Reply<'_>) -> HandlerResult {
    match result {
        Reply::Response(body) => HandlerResult::Response(content(*body)),
        Reply::Failure(body) => HandlerResult::Failure(content(*body)),
        Reply::Error(code, message) => HandlerResult::Error(*code, (*message).into()),
    }
}

/// Copied: the staging buffer is written again, and a slice of a shared copy would pin all of it.
fn content(body: Body<'_>) -> Content {
    Content { kind: ContentType(body.kind), bytes: Bytes::copy_from_slice(body.bytes) }
}
