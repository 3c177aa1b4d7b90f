//! Bodies of messages without content, read and written.

use std::time::Duration;

use bytes::{BufMut, Bytes};

use crate::ids::{LinkToken, ProcessId, ServiceId, Str};
use crate::limits::{MAX_GROUPS, MAX_METHODS, MAX_NAME, MAX_SUBJECT};
use crate::process_secret::ProcessSecret;
use crate::reason::{Reason, ReasonCode};

use crate::wire::error::WireError;
use crate::wire::frame::{ControlKind, MAX_TEXT};
use crate::wire::message::{
    Announcement, Hello, InterestTarget, Membership, Message, ProcessInfo, Role, Subscriber,
};
use crate::wire::reader::Reader;
use crate::wire::writer::{millis, prefix, string};

/// Target of an INTEREST: all services of a name.
const TARGET_NAME: u8 = 0;
/// Target of an INTEREST: one service.
const TARGET_IDENTITY: u8 = 1;
/// Target of an INTEREST: all services in a group.
const TARGET_GROUP: u8 = 2;

/// Reads a body. `extensions` are the frame's, well formed; messages without a place for them
/// drop them.
pub(in crate::wire) fn read(
    kind: ControlKind,
    body: &[u8],
    extensions: &[u8],
) -> Result<Message, WireError> {
    let mut reader = Reader::new(kind.name(), body);
    let r = &mut reader;
    let message = match kind {
        ControlKind::Hello => {
            let hello = read_hello(r)?;
            Message::Hello(Hello { secret: Some(ProcessSecret::new(r.array()?)), ..hello })
        }
        ControlKind::Welcome => Message::Welcome(read_hello(r)?),
        ControlKind::Refuse => Message::Refuse(read_reason(r, ReasonCode::Denied)?),
        ControlKind::Heartbeat => Message::Heartbeat,
        ControlKind::Goodbye => Message::Goodbye(read_reason(r, ReasonCode::PeerClosed)?),
        ControlKind::Flush => Message::Flush { token: r.u32()? },
        ControlKind::Flushed => Message::Flushed { token: r.u32()? },
        ControlKind::Synced => Message::Synced,
        ControlKind::Process => Message::Process(ProcessInfo {
            process: r.u32()?,
            id: ProcessId(r.array()?),
            label: r.string("label", MAX_NAME)?,
        }),
        ControlKind::ProcessGone => Message::ProcessGone { process: r.u32()? },
        ControlKind::Service => Message::Service(read_announcement(r, extensions)?),
        ControlKind::Withdrawn => Message::Withdrawn { service: r.u32()?, revision: r.u64()? },
        ControlKind::Joined => Message::Joined(read_membership(r)?),
        ControlKind::Left => Message::Left(read_membership(r)?),
        ControlKind::Interest => Message::Interest {
            id: r.u32()?,
            latest: r.flag("latest")?,
            target: read_target(r)?,
            pattern: r.string("pattern", MAX_SUBJECT)?,
        },
        ControlKind::InterestEnd => Message::InterestEnd { id: r.u32()? },
        ControlKind::SubscriberAdded => Message::SubscriberAdded(read_subscriber(r)?),
        ControlKind::SubscriberRemoved => Message::SubscriberRemoved(read_subscriber(r)?),
        ControlKind::SubscribersKnown => {
            Message::SubscribersKnown { service: r.u32()?, revision: r.u64()? }
        }
        ControlKind::Cancel => Message::Cancel { call: r.u64()? },
        ControlKind::Credit => Message::Credit { call: r.u64()?, parts: r.u32()? },
        ControlKind::ReplayRequest => Message::ReplayRequest {
            service: r.u32()?,
            process: r.u32()?,
            replay: r.u32()?,
            after: r.u64()?,
            upto: r.u64()?,
            pattern: r.string("pattern", MAX_SUBJECT)?,
        },
        ControlKind::ReplayEnd => Message::ReplayEnd {
            process: r.u32()?,
            replay: r.u32()?,
            sequence: r.u64()?,
            more_after: r.u64()?,
            complete_after: r.u64()?,
        },
        ControlKind::Lost => read_lost(r)?,
    };
    reader.end()?;
    Ok(message)
}

/// Writes the body of `message` to the empty `body`; `None` if it is one with content.
pub(in crate::wire) fn write(message: &Message, body: &mut Vec<u8>) -> Option<ControlKind> {
    Some(match message {
        Message::Hello(hello) => {
            write_hello(hello, body);
            body.put_slice(hello.secret.as_ref().map_or(&[0; 32][..], |secret| secret.bytes()));
            ControlKind::Hello
        }
        Message::Welcome(hello) => {
            write_hello(hello, body);
            ControlKind::Welcome
        }
        Message::Refuse(reason) => {
            write_reason(reason, body);
            ControlKind::Refuse
        }
        Message::Heartbeat => ControlKind::Heartbeat,
        Message::Goodbye(reason) => {
            write_reason(reason, body);
            ControlKind::Goodbye
        }
        Message::Flush { token } => {
            body.put_u32_le(*token);
            ControlKind::Flush
        }
        Message::Flushed { token } => {
            body.put_u32_le(*token);
            ControlKind::Flushed
        }
        Message::Synced => ControlKind::Synced,
        Message::Process(ProcessInfo { process, id, label }) => {
            body.put_u32_le(*process);
            body.put_slice(&id.0);
            string(body, label, MAX_NAME);
            ControlKind::Process
        }
        Message::ProcessGone { process } => {
            body.put_u32_le(*process);
            ControlKind::ProcessGone
        }
        Message::Service(announcement) => {
            announcement.by_ref().write(body);
            ControlKind::Service
        }
        Message::Withdrawn { service, revision } => {
            body.put_u32_le(*service);
            body.put_u64_le(*revision);
            ControlKind::Withdrawn
        }
        Message::Joined(membership) => {
            write_membership(membership, body);
            ControlKind::Joined
        }
        Message::Left(membership) => {
            write_membership(membership, body);
            ControlKind::Left
        }
        Message::Interest { id, target, pattern, latest } => {
            body.put_u32_le(*id);
            body.put_u8((*latest).into());
            write_target(target, body);
            string(body, pattern, MAX_SUBJECT);
            ControlKind::Interest
        }
        Message::InterestEnd { id } => {
            body.put_u32_le(*id);
            ControlKind::InterestEnd
        }
        Message::SubscriberAdded(subscriber) => {
            write_subscriber(subscriber, body);
            ControlKind::SubscriberAdded
        }
        Message::SubscriberRemoved(subscriber) => {
            write_subscriber(subscriber, body);
            ControlKind::SubscriberRemoved
        }
        Message::SubscribersKnown { service, revision } => {
            body.put_u32_le(*service);
            body.put_u64_le(*revision);
            ControlKind::SubscribersKnown
        }
        Message::Cancel { call } => {
            body.put_u64_le(*call);
            ControlKind::Cancel
        }
        Message::Credit { call, parts } => {
            body.put_u64_le(*call);
            body.put_u32_le(*parts);
            ControlKind::Credit
        }
        Message::ReplayRequest { service, process, replay, pattern, after, upto } => {
            body.put_u32_le(*service);
            body.put_u32_le(*process);
            body.put_u32_le(*replay);
            body.put_u64_le(*after);
            body.put_u64_le(*upto);
            string(body, pattern, MAX_SUBJECT);
            ControlKind::ReplayRequest
        }
        Message::ReplayEnd { process, replay, sequence, more_after, complete_after } => {
            body.put_u32_le(*process);
            body.put_u32_le(*replay);
            body.put_u64_le(*sequence);
            body.put_u64_le(*more_after);
            body.put_u64_le(*complete_after);
            ControlKind::ReplayEnd
        }
        Message::Lost { service, subject, count } => {
            write_lost(*service, subject.as_ref(), *count, body);
            ControlKind::Lost
        }
        Message::Request(_)
        | Message::Response { .. }
        | Message::Part { .. }
        | Message::Report(_)
        | Message::Targeted { .. }
        | Message::Replayed { .. } => return None,
    })
}

impl Announcement {
    /// Bytes of the message's body. It can be sent if they do not exceed
    /// [`MAX_CONTROL`](crate::limits::MAX_CONTROL).
    pub fn body_len(&self) -> usize {
        announced_len(&self.name, &self.audience, &self.groups, &self.methods)
    }
}

/// As [`Announcement::body_len`], of its parts.
pub(crate) fn announced_len(name: &Str, audience: &Str, groups: &[Str], methods: &[Str]) -> usize {
    let strings = [name, audience].into_iter().chain(groups).chain(methods);
    strings.fold(4 + 4 + 4 + 8 + 2 + 2, |len, text| len + group_len(text))
}

/// Bytes of a group in an announcement, or of any other string.
pub(crate) fn group_len(group: &str) -> usize {
    2 + group.len()
}

fn read_hello(r: &mut Reader<'_>) -> Result<Hello, WireError> {
    Ok(Hello {
        features: r.u64()?,
        role: read_role(r)?,
        process: ProcessId(r.array()?),
        secret: None,
        token: LinkToken(r.array()?),
        attempt: r.u32()?,
        heartbeat: Duration::from_millis(r.u32()?.into()),
        max_payload: r.u32()?,
        group: r.string("group", MAX_NAME)?,
        label: r.string("label", MAX_NAME)?,
    })
}

fn write_hello(hello: &Hello, body: &mut Vec<u8>) {
    body.put_u64_le(hello.features);
    body.put_u8(hello.role as u8);
    body.put_slice(&hello.process.0);
    body.put_slice(&hello.token.0);
    body.put_u32_le(hello.attempt);
    body.put_u32_le(millis(hello.heartbeat));
    body.put_u32_le(hello.max_payload);
    string(body, &hello.group, MAX_NAME);
    string(body, &hello.label, MAX_NAME);
}

fn read_role(r: &mut Reader<'_>) -> Result<Role, WireError> {
    match r.u8()? {
        0 => Ok(Role::Client),
        1 => Ok(Role::Server),
        value => Err(WireError::Value { field: "role", value: value.into() }),
    }
}

/// A code of a later version still ends the link, and the message says why: so it is read as
/// `other`, the general code of that message.
fn read_reason(r: &mut Reader<'_>, other: ReasonCode) -> Result<Reason, WireError> {
    let code = ReasonCode::from_wire(r.u8()?).unwrap_or(other);
    Ok(Reason { code, message: r.string("message", MAX_TEXT)? })
}

fn write_reason(reason: &Reason, body: &mut Vec<u8>) {
    body.put_u8(reason.code as u8);
    string(body, prefix(&reason.message, MAX_TEXT), MAX_TEXT);
}

fn read_announcement(r: &mut Reader<'_>, extensions: &[u8]) -> Result<Announcement, WireError> {
    Ok(Announcement {
        service: r.u32()?,
        process: r.u32()?,
        counter: r.u32()?,
        revision: r.u64()?,
        name: r.string("name", MAX_NAME)?,
        audience: r.string("audience", MAX_NAME)?,
        groups: r.strings("groups", MAX_GROUPS, MAX_NAME)?,
        methods: r.strings("methods", MAX_METHODS, MAX_NAME)?,
        extensions: Bytes::copy_from_slice(extensions),
    })
}

fn read_membership(r: &mut Reader<'_>) -> Result<Membership, WireError> {
    let (service, revision) = (r.u32()?, r.u64()?);
    Ok(Membership { service, revision, group: r.string("group", MAX_NAME)? })
}

fn write_membership(membership: &Membership, body: &mut Vec<u8>) {
    body.put_u32_le(membership.service);
    body.put_u64_le(membership.revision);
    string(body, &membership.group, MAX_NAME);
}

fn read_target(r: &mut Reader<'_>) -> Result<InterestTarget, WireError> {
    match r.u8()? {
        TARGET_NAME => Ok(InterestTarget::Name(r.string("name", MAX_NAME)?)),
        TARGET_IDENTITY => {
            let (process, counter) = (ProcessId(r.array()?), r.u32()?);
            Ok(InterestTarget::Identity(ServiceId { process, counter }))
        }
        TARGET_GROUP => Ok(InterestTarget::Group(r.string("group", MAX_NAME)?)),
        value => Err(WireError::Value { field: "target", value: value.into() }),
    }
}

fn write_target(target: &InterestTarget, body: &mut Vec<u8>) {
    match target {
        InterestTarget::Name(name) => {
            body.put_u8(TARGET_NAME);
            string(body, name, MAX_NAME);
        }
        InterestTarget::Identity(ServiceId { process, counter }) => {
            body.put_u8(TARGET_IDENTITY);
            body.put_slice(&process.0);
            body.put_u32_le(*counter);
        }
        InterestTarget::Group(group) => {
            body.put_u8(TARGET_GROUP);
            string(body, group, MAX_NAME);
        }
    }
}

fn read_subscriber(r: &mut Reader<'_>) -> Result<Subscriber, WireError> {
    let (service, process) = (r.u32()?, r.u32()?);
    let latest = r.flag("latest")?;
    Ok(Subscriber { service, process, pattern: r.string("pattern", MAX_SUBJECT)?, latest })
}

fn write_subscriber(subscriber: &Subscriber, body: &mut Vec<u8>) {
    body.put_u32_le(subscriber.service);
    body.put_u32_le(subscriber.process);
    body.put_u8(subscriber.latest.into());
    string(body, &subscriber.pattern, MAX_SUBJECT);
}

fn read_lost(r: &mut Reader<'_>) -> Result<Message, WireError> {
    let (service, count) = (r.u32()?, r.u64()?);
    if count == 0 {
        return Err(WireError::Value { field: "count", value: 0 });
    }
    let subject = if r.flag("present")? { Some(r.string("subject", MAX_SUBJECT)?) } else { None };
    Ok(Message::Lost { service, subject, count })
}

/// A count of 0 would end the link, and could only be a mistake of this end: it is told as 1,
/// since counts may be too high and never too low.
fn write_lost(service: u32, subject: Option<&Str>, count: u64, body: &mut Vec<u8>) {
    debug_assert!(count > 0, "nothing was lost");
    body.put_u32_le(service);
    body.put_u64_le(count.max(1));
    body.put_u8(subject.is_some().into());
    if let Some(subject) = subject {
        string(body, subject, MAX_SUBJECT);
    }
}
