//! Arbitrary messages, and streams of bytes from and to messages.
#![allow(dead_code, reason = "each test file uses a part")]

use std::io::IoSlice;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use netsvc_core::wire::{
    Announcement, Decoder, Encoder, Hello, InterestTarget, Membership, Message, ProcessInfo,
    Report, Request, RequestTarget, Role, SendBuffer, Subscriber, WireError,
};
use netsvc_core::{
    Content, ContentType, Delivered, LinkToken, Outcome, ProcessId, ProcessSecret, Reason,
    ReasonCode, RequestCode, RequestError, ServiceId, Str,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Contents up to this size are used.
pub(crate) const MAX_PAYLOAD: usize = 64 << 10;

/// The bytes of `messages` as the only ones of a direction.
pub(crate) fn encode(messages: &[Message]) -> Vec<u8> {
    let (mut encoder, mut batch) = (Encoder::new(7), SendBuffer::new());
    for message in messages {
        encoder.encode(message, &mut batch);
    }
    drain(&mut batch)
}

/// What a socket that takes everything gets.
pub(crate) fn drain(batch: &mut SendBuffer) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !batch.is_empty() {
        let mut slices = [IoSlice::new(&[]); 4];
        let used = batch.slices(&mut slices);
        let before = bytes.len();
        slices[..used].iter().for_each(|slice| bytes.extend_from_slice(slice));
        batch.advance(bytes.len() - before);
    }
    bytes
}

/// The messages of a stream that arrives in `pieces`, and what was left or went wrong.
pub(crate) fn decode<'a>(
    max_payload: usize,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Message>, Result<usize, WireError>) {
    let (mut decoder, mut buffer, mut messages) =
        (Decoder::new(max_payload), BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.decode(&mut buffer), Err(error), "errors are final");
                    return (messages, Err(error));
                }
            }
        }
        assert!(decoder.needs(&buffer) > 0, "nothing decoded although nothing is missing");
    }
    (messages, Ok(buffer.len()))
}

/// A stream of messages as one end sends it: a greeting, then anything.
pub(crate) fn messages() -> impl Strategy<Value = Vec<Message>> {
    (greeting(), vec(message(), 0..12)).prop_map(|(greeting, mut messages)| {
        messages.insert(0, greeting);
        messages
    })
}

fn greeting() -> impl Strategy<Value = Message> {
    prop_oneof![
        (hello(), any::<[u8; 32]>()).prop_map(|(hello, secret)| {
            Message::Hello(Hello { secret: Some(ProcessSecret::new(secret)), ..hello })
        }),
        hello().prop_map(Message::Welcome),
        reason().prop_map(Message::Refuse),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![session(), registry(), interest(), requests(), reports()]
}

fn session() -> impl Strategy<Value = Message> {
    prop_oneof![
        Just(Message::Heartbeat),
        reason().prop_map(Message::Goodbye),
        any::<u32>().prop_map(|token| Message::Flush { token }),
        any::<u32>().prop_map(|token| Message::Flushed { token }),
        Just(Message::Synced),
    ]
}

fn registry() -> impl Strategy<Value = Message> {
    let process = (any::<u32>(), any::<[u8; 16]>(), name()).prop_map(|(process, id, label)| {
        Message::Process(ProcessInfo { process, id: ProcessId(id), label })
    });
    let withdrawn = (any::<u32>(), any::<u64>())
        .prop_map(|(service, revision)| Message::Withdrawn { service, revision });
    prop_oneof![
        process,
        any::<u32>().prop_map(|process| Message::ProcessGone { process }),
        announcement().prop_map(Message::Service),
        withdrawn,
        membership().prop_map(Message::Joined),
        membership().prop_map(Message::Left),
    ]
}

fn interest() -> impl Strategy<Value = Message> {
    let interest = (any::<u32>(), target(), subject(), any::<bool>()).prop_map(
        |(id, target, pattern, latest)| Message::Interest { id, target, pattern, latest },
    );
    prop_oneof![
        interest,
        any::<u32>().prop_map(|id| Message::InterestEnd { id }),
        subscriber().prop_map(Message::SubscriberAdded),
        subscriber().prop_map(Message::SubscriberRemoved),
        (any::<u32>(), any::<u64>())
            .prop_map(|(service, revision)| Message::SubscribersKnown { service, revision }),
    ]
}

fn requests() -> impl Strategy<Value = Message> {
    prop_oneof![
        request().prop_map(Message::Request),
        (any::<u64>(), outcome(), extensions()).prop_map(|(call, outcome, extensions)| {
            Message::Response { call, outcome, extensions }
        }),
        any::<u64>().prop_map(|call| Message::Cancel { call }),
        (any::<u64>(), content(), extensions()).prop_map(|(call, content, extensions)| {
            Message::Part { call, content, extensions }
        }),
        (any::<u64>(), any::<u32>()).prop_map(|(call, parts)| Message::Credit { call, parts }),
    ]
}

fn reports() -> impl Strategy<Value = Message> {
    let numbers = (any::<u32>(), any::<u32>(), any::<u32>());
    let asked = (numbers, subject(), any::<u64>(), any::<u64>()).prop_map(
        |((service, process, replay), pattern, after, upto)| Message::ReplayRequest {
            service,
            process,
            replay,
            pattern,
            after,
            upto,
        },
    );
    let remaining = proptest::option::of((0..u32::MAX).prop_map(millis));
    let replayed = (any::<u32>(), any::<u32>(), remaining, report()).prop_map(
        |(process, replay, remaining, report)| Message::Replayed {
            process,
            replay,
            remaining,
            report,
        },
    );
    let end = (any::<u32>(), any::<u32>(), any::<u64>(), any::<u64>(), any::<u64>()).prop_map(
        |(process, replay, sequence, more_after, complete_after)| Message::ReplayEnd {
            process,
            replay,
            sequence,
            more_after,
            complete_after,
        },
    );
    let targeted = (any::<u32>(), report())
        .prop_map(|(process, report)| Message::Targeted { process, report });
    let lost = (any::<u32>(), proptest::option::of(subject()), 1..=u64::MAX)
        .prop_map(|(service, subject, count)| Message::Lost { service, subject, count });
    prop_oneof![
        3 => report().prop_map(Message::Report),
        1 => asked,
        1 => replayed,
        1 => end,
        1 => targeted,
        1 => lost,
    ]
}

fn hello() -> impl Strategy<Value = Hello> {
    let ends = (any::<u64>(), any::<bool>(), any::<[u8; 16]>(), any::<[u8; 16]>());
    let rest = (any::<u32>(), any::<u32>(), any::<u32>(), name(), name());
    (ends, rest).prop_map(|((features, server, process, token), rest)| {
        let (attempt, heartbeat, max_payload, group, label) = rest;
        Hello {
            features,
            role: if server { Role::Server } else { Role::Client },
            group,
            process: ProcessId(process),
            secret: None,
            label,
            token: LinkToken(token),
            attempt,
            heartbeat: millis(heartbeat),
            max_payload,
        }
    })
}

fn reason() -> impl Strategy<Value = Reason> {
    (select(&ReasonCode::ALL[..]), subject()).prop_map(|(code, message)| Reason { code, message })
}

fn announcement() -> impl Strategy<Value = Announcement> {
    let numbers = (any::<u32>(), any::<u32>(), any::<u32>(), any::<u64>());
    let names = (name(), name(), vec(name(), 0..4), vec(name(), 0..4));
    (numbers, names, extensions()).prop_map(|(numbers, names, extensions)| {
        let (service, process, counter, revision) = numbers;
        let (name, audience, groups, methods) = names;
        Announcement {
            service,
            process,
            counter,
            revision,
            name,
            audience,
            groups,
            methods,
            extensions,
        }
    })
}

fn membership() -> impl Strategy<Value = Membership> {
    (any::<u32>(), any::<u64>(), name()).prop_map(|(service, revision, group)| Membership {
        service,
        revision,
        group,
    })
}

fn target() -> impl Strategy<Value = InterestTarget> {
    prop_oneof![
        name().prop_map(InterestTarget::Name),
        name().prop_map(InterestTarget::Group),
        (any::<[u8; 16]>(), any::<u32>()).prop_map(|(process, counter)| {
            InterestTarget::Identity(ServiceId { process: ProcessId(process), counter })
        }),
    ]
}

fn subscriber() -> impl Strategy<Value = Subscriber> {
    (any::<u32>(), any::<u32>(), subject(), any::<bool>()).prop_map(
        |(service, process, pattern, latest)| Subscriber { service, process, pattern, latest },
    )
}

fn request() -> impl Strategy<Value = Request> {
    let target = prop_oneof![
        (1..=u32::MAX).prop_map(RequestTarget::Service),
        name().prop_map(RequestTarget::Name),
    ];
    let rest = (any::<u32>().prop_map(millis), any::<u32>(), content(), extensions());
    (any::<u64>(), any::<u32>(), target, name(), rest).prop_map(
        |(call, caller, target, method, (remaining, parts, content, extensions))| Request {
            call,
            caller,
            target,
            method,
            remaining,
            parts,
            content,
            extensions,
        },
    )
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let delivered = select(&[Delivered::No, Delivered::Yes, Delivered::Unknown][..]);
    prop_oneof![
        content().prop_map(Outcome::Response),
        content().prop_map(Outcome::Failure),
        (select(&RequestCode::ALL[..]), delivered, subject()).prop_map(
            |(code, delivered, message)| {
                Outcome::Error(RequestError { code, delivered, message })
            }
        ),
    ]
}

fn report() -> impl Strategy<Value = Report> {
    (any::<u32>(), subject(), any::<u64>(), content(), extensions()).prop_map(
        |(service, subject, sequence, content, extensions)| Report {
            service,
            subject,
            sequence,
            content,
            extensions,
        },
    )
}

/// Sizes on all sides of the thresholds of encoder and decoder.
fn content() -> impl Strategy<Value = Content> {
    let sizes = prop_oneof![
        6 => 0..200usize,
        1 => 4090..4100usize,
        1 => 16_380..16_390usize,
        1 => 40_000..=MAX_PAYLOAD,
    ];
    (any::<u8>(), sizes, any::<u8>()).prop_map(|(kind, size, fill)| Content {
        kind: ContentType(kind),
        bytes: (0..size).map(|index| fill.wrapping_add(index as u8)).collect(),
    })
}

/// Few distinct ones, so that symbols are used again.
fn name() -> impl Strategy<Value = Str> {
    prop_oneof!["[ab]?", "[a-zäß€😀.#:]{0,40}", "x{255}"].prop_map(Str::from)
}

fn subject() -> impl Strategy<Value = Str> {
    prop_oneof![name(), "x{1024}".prop_map(Str::from)]
}

/// Well-formed fields with even ids.
fn extensions() -> impl Strategy<Value = Bytes> {
    let field = (any::<u16>(), vec(any::<u8>(), 0..20)).prop_map(|(id, bytes)| {
        let len = u16::try_from(bytes.len()).unwrap_or_default();
        [&(id & !1).to_le_bytes()[..], &len.to_le_bytes()[..], &bytes].concat()
    });
    prop_oneof![2 => Just(Vec::new()), 1 => vec(field, 0..4)]
        .prop_map(|fields| fields.concat().into())
}

fn millis(millis: u32) -> Duration {
    Duration::from_millis(millis.into())
}
