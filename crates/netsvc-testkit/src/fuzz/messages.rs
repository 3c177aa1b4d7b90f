//! Messages of every kind, within the limits of the wire: what a peer can say that is well formed,
//! whether or not it makes sense.

use std::time::Duration;

use bytes::Bytes;
use netsvc_core::limits::{MAX_NAME, MAX_SUBJECT};
use netsvc_core::wire::{
    Announcement, Hello, InterestTarget, Membership, Message, ProcessInfo, Report, Request,
    RequestTarget, Role, Subscriber,
};
use netsvc_core::{
    Content, ContentType, Delivered, LinkToken, Outcome, ProcessSecret, Reason, ReasonCode,
    RequestCode, RequestError, ServiceId, Str,
};

use super::source::Source;

/// Explanations for people are at most this long, as subjects are.
const MAX_TEXT: usize = MAX_SUBJECT;

/// Any message; greetings are as likely as any other kind.
pub(super) fn message(source: &mut Source<'_>) -> Message {
    match source.below(32) {
        0 => Message::Hello(hello(source)),
        1 => Message::Welcome(hello(source)),
        2 => Message::Refuse(reason(source)),
        3 => Message::Heartbeat,
        4 => Message::Goodbye(reason(source)),
        5 => Message::Flush { token: source.number() },
        6 => Message::Flushed { token: source.number() },
        7 => Message::Synced,
        8 => Message::Process(ProcessInfo {
            process: source.number(),
            id: source.process(),
            label: source.text(MAX_NAME),
        }),
        9 => Message::ProcessGone { process: source.number() },
        10 | 11 => Message::Service(announcement(source)),
        12 => Message::Withdrawn { service: source.number(), revision: source.long() },
        13 => Message::Joined(membership(source)),
        14 => Message::Left(membership(source)),
        15 => Message::Interest {
            id: source.number(),
            target: target(source),
            pattern: source.text(MAX_SUBJECT),
            latest: source.flag(),
        },
        16 => Message::InterestEnd { id: source.number() },
        17 => Message::SubscriberAdded(subscriber(source)),
        18 => Message::SubscriberRemoved(subscriber(source)),
        19 => Message::SubscribersKnown { service: source.number(), revision: source.long() },
        20 | 21 => Message::Request(request(source)),
        22 => Message::Response {
            call: source.long(),
            outcome: outcome(source),
            extensions: extensions(source),
        },
        23 => Message::Cancel { call: source.long() },
        24 => Message::Part {
            call: source.long(),
            content: content(source),
            extensions: extensions(source),
        },
        25 => Message::Credit { call: source.long(), parts: source.number() },
        26 => Message::Report(report(source)),
        27 => Message::Targeted { process: source.number(), report: report(source) },
        28 => Message::Lost {
            service: source.number(),
            subject: source.flag().then(|| source.text(MAX_SUBJECT)),
            count: source.long().max(1),
        },
        29 => Message::ReplayRequest {
            service: source.number(),
            process: source.number(),
            replay: source.number(),
            pattern: source.text(MAX_SUBJECT),
            after: source.long(),
            upto: source.long(),
        },
        30 => Message::Replayed {
            process: source.number(),
            replay: source.number(),
            // For ever has a number of its own on the wire.
            remaining: source.flag().then(|| millis(source.number().min(u32::MAX - 1))),
            report: report(source),
        },
        _ => Message::ReplayEnd {
            process: source.number(),
            replay: source.number(),
            sequence: source.long(),
            more_after: source.long(),
            complete_after: source.long(),
        },
    }
}

/// An introduction.
pub(super) fn hello(source: &mut Source<'_>) -> Hello {
    let features = source.long();
    let role = if source.flag() { Role::Server } else { Role::Client };
    let group = if source.below(4) == 3 { source.text(MAX_NAME) } else { "".into() };
    let secret = source.secret();
    Hello {
        features,
        role,
        group,
        process: secret.process(),
        // Now and then somebody claims to be another.
        secret: Some(if features == 7 { ProcessSecret::new([9; 32]) } else { secret }),
        label: source.text(MAX_NAME),
        token: LinkToken(source.id()),
        attempt: source.number(),
        heartbeat: millis(source.number()),
        max_payload: match source.below(4) {
            0 => source.number(),
            1 => 1024,
            _ => 1 << 20,
        },
    }
}

/// A service of any process that was introduced, or was not.
pub(super) fn announcement(source: &mut Source<'_>) -> Announcement {
    Announcement {
        service: source.number(),
        process: source.number(),
        counter: source.number(),
        revision: source.long(),
        name: source.text(MAX_NAME),
        audience: if source.below(4) == 3 { source.text(MAX_NAME) } else { "*".into() },
        groups: names(source),
        methods: names(source),
        extensions: extensions(source),
    }
}

fn names(source: &mut Source<'_>) -> Vec<Str> {
    match source.u8() {
        // Two such lists are just not too much for one message.
        255 => (0..120).map(|number| format!("{number:0>255}").into()).collect(),
        count => (0..count % 4).map(|_| source.text(MAX_NAME)).collect(),
    }
}

fn membership(source: &mut Source<'_>) -> Membership {
    Membership { service: source.number(), revision: source.long(), group: source.text(MAX_NAME) }
}

fn target(source: &mut Source<'_>) -> InterestTarget {
    if source.flag() {
        // No byte of its own decides, so that the inputs of the corpus keep their meaning.
        let text = source.text(MAX_NAME);
        if text.len() % 4 == 3 { InterestTarget::Group(text) } else { InterestTarget::Name(text) }
    } else {
        let process = source.process();
        InterestTarget::Identity(ServiceId { process, counter: source.number() })
    }
}

fn subscriber(source: &mut Source<'_>) -> Subscriber {
    Subscriber {
        service: source.number(),
        process: source.number(),
        pattern: source.text(MAX_SUBJECT),
        latest: source.flag(),
    }
}

fn request(source: &mut Source<'_>) -> Request {
    Request {
        call: source.long(),
        caller: source.number(),
        target: match source.number() {
            0 => RequestTarget::Name(source.text(MAX_NAME)),
            service => RequestTarget::Service(service),
        },
        method: if source.flag() { "run".into() } else { source.text(MAX_NAME) },
        remaining: millis(source.number()),
        parts: source.number(),
        content: content(source),
        extensions: extensions(source),
    }
}

/// How a request may end.
pub(super) fn outcome(source: &mut Source<'_>) -> Outcome {
    match source.below(4) {
        0 => Outcome::Response(content(source)),
        1 => Outcome::Failure(content(source)),
        _ => Outcome::Error(RequestError {
            code: RequestCode::ALL[source.below(RequestCode::ALL.len())],
            delivered: [Delivered::No, Delivered::Yes, Delivered::Unknown][source.below(3)],
            message: source.text(MAX_TEXT),
        }),
    }
}

fn report(source: &mut Source<'_>) -> Report {
    Report {
        service: source.number(),
        subject: source.text(MAX_SUBJECT),
        sequence: source.long(),
        content: content(source),
        extensions: extensions(source),
    }
}

/// A content of any type.
pub(super) fn content(source: &mut Source<'_>) -> Content {
    Content { kind: ContentType(source.u8() % 4), bytes: source.content() }
}

fn reason(source: &mut Source<'_>) -> Reason {
    let code = ReasonCode::ALL[source.below(ReasonCode::ALL.len())];
    Reason { code, message: source.text(MAX_TEXT) }
}

fn extensions(source: &mut Source<'_>) -> Bytes {
    match source.u8() {
        254 => [&[2, 0, 200, 0][..], &[7; 200]].concat().into(),
        255 => Bytes::from_static(&[4, 0, 1, 0, 9]),
        _ => Bytes::new(),
    }
}

fn millis(millis: u32) -> Duration {
    Duration::from_millis(millis.into())
}
