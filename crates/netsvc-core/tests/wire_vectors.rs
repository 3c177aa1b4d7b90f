//! The vectors in `tests/vectors`, which the TypeScript decoder of `__test__/wire` reads too.

mod wire_support;

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write;
use std::time::Duration;

use netsvc_core::wire::{
    Hello, InterestTarget, Membership, Message, Report, RequestTarget, Role, Subscriber,
};
use netsvc_core::{Content, Delivered, Outcome, Reason};
use serde_json::{Value, json};
use wire_support::{decode, encode};

const VALID: &str = include_str!("vectors/valid.json");
const INVALID: &str = include_str!("vectors/invalid.json");

/// Every variant of `WireError`: none may be without a vector.
const ERRORS: [&str; 20] = [
    "Magic",
    "Version",
    "Kind",
    "Flags",
    "Handshake",
    "TooLarge",
    "ExtensionsTooLarge",
    "Extensions",
    "Extension",
    "Truncated",
    "Trailing",
    "StringTooLong",
    "Utf8",
    "TooMany",
    "Value",
    "Symbol",
    "SymbolSlot",
    "FragmentKind",
    "Fragment",
    "FragmentsFull",
];

struct Vector {
    name: String,
    max_payload: usize,
    canonical: bool,
    bytes: Vec<u8>,
    messages: Value,
    error: Option<String>,
}

#[test]
fn valid_streams_hold_their_messages() -> Result<(), Box<dyn Error>> {
    for vector in read(VALID)? {
        for size in [usize::MAX, 1, 5] {
            let (messages, rest) = decode(vector.max_payload, vector.bytes.chunks(size));
            assert_eq!(rest, Ok(0), "{}", vector.name);
            assert_eq!(to_json(&messages), vector.messages, "{}", vector.name);
            if vector.canonical {
                assert_eq!(hex(&encode(&messages)), hex(&vector.bytes), "{}", vector.name);
            }
        }
    }
    Ok(())
}

#[test]
fn invalid_streams_end_in_their_error() -> Result<(), Box<dyn Error>> {
    for vector in read(INVALID)? {
        for size in [usize::MAX, 1, 5] {
            let (messages, end) = decode(vector.max_payload, vector.bytes.chunks(size));
            let error = end.err().map(|error| variant(&error));
            assert_eq!(error, vector.error, "{}", vector.name);
            assert_eq!(to_json(&messages), vector.messages, "{}", vector.name);
        }
    }
    Ok(())
}

#[test]
fn every_message_and_every_error_has_a_vector() -> Result<(), Box<dyn Error>> {
    let mut types = BTreeSet::new();
    for vector in read(VALID)? {
        let messages = vector.messages.as_array().cloned().unwrap_or_default();
        types.extend(messages.iter().map(|message| message["type"].to_string()));
    }
    assert_eq!(types.len(), 30, "{types:?}");

    let seen: BTreeSet<String> =
        read(INVALID)?.into_iter().filter_map(|vector| vector.error).collect();
    assert_eq!(seen, ERRORS.iter().map(ToString::to_string).collect());
    Ok(())
}

fn read(file: &str) -> Result<Vec<Vector>, Box<dyn Error>> {
    let file: Value = serde_json::from_str(file)?;
    let vectors = file["vectors"].as_array().ok_or("no vectors")?;
    vectors.iter().map(read_vector).collect()
}

fn read_vector(vector: &Value) -> Result<Vector, Box<dyn Error>> {
    let mut bytes = Vec::new();
    for piece in vector["bytes"].as_array().ok_or("no bytes")? {
        let digits = piece[0].as_str().ok_or("no digits")?;
        for index in (0..digits.len()).step_by(2) {
            bytes.push(u8::from_str_radix(&digits[index..index + 2], 16)?);
        }
    }
    Ok(Vector {
        name: vector["name"].as_str().ok_or("no name")?.into(),
        max_payload: usize::try_from(vector["maxPayload"].as_u64().ok_or("no maxPayload")?)?,
        canonical: vector["canonical"] == true,
        bytes,
        messages: vector["messages"].clone(),
        error: vector["error"].as_str().map(Into::into),
    })
}

/// The name of an error's variant.
fn variant(error: &impl std::fmt::Debug) -> String {
    let debug = format!("{error:?}");
    debug.split(' ').next().unwrap_or_default().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

fn to_json(messages: &[Message]) -> Value {
    messages.iter().map(message_to_json).collect()
}

fn message_to_json(message: &Message) -> Value {
    match message {
        Message::Hello(hello) => hello_to_json("hello", hello),
        Message::Welcome(hello) => hello_to_json("welcome", hello),
        Message::Refuse(reason) => reason_to_json("refuse", reason),
        Message::Heartbeat => json!({ "type": "heartbeat" }),
        Message::Goodbye(reason) => reason_to_json("goodbye", reason),
        Message::Flush { token } => json!({ "type": "flush", "token": token }),
        Message::Flushed { token } => json!({ "type": "flushed", "token": token }),
        Message::Synced => json!({ "type": "synced" }),
        Message::Process(info) => json!({
            "type": "process",
            "process": info.process,
            "id": hex(&info.id.0),
            "label": &*info.label,
        }),
        Message::ProcessGone { process } => json!({ "type": "processGone", "process": process }),
        Message::Service(service) => json!({
            "type": "service",
            "service": service.service,
            "process": service.process,
            "counter": service.counter,
            "revision": service.revision.to_string(),
            "name": &*service.name,
            "audience": &*service.audience,
            "groups": service.groups.iter().map(|group| &**group).collect::<Vec<_>>(),
            "methods": service.methods.iter().map(|method| &**method).collect::<Vec<_>>(),
            "extensions": hex(&service.extensions),
        }),
        Message::Withdrawn { service, revision } => json!({
            "type": "withdrawn",
            "service": service,
            "revision": revision.to_string(),
        }),
        Message::Joined(membership) => membership_to_json("joined", membership),
        Message::Left(membership) => membership_to_json("left", membership),
        Message::Interest { id, target, pattern, latest } => json!({
            "type": "interest",
            "id": id,
            "target": match target {
                InterestTarget::Name(name) => json!({ "name": &**name }),
                InterestTarget::Group(group) => json!({ "group": &**group }),
                InterestTarget::Identity(id) => {
                    json!({ "process": hex(&id.process.0), "counter": id.counter })
                }
            },
            "pattern": &**pattern,
            "latest": latest,
        }),
        Message::InterestEnd { id } => json!({ "type": "interestEnd", "id": id }),
        Message::SubscriberAdded(subscriber) => subscriber_to_json("subscriberAdded", subscriber),
        Message::SubscriberRemoved(subscriber) => {
            subscriber_to_json("subscriberRemoved", subscriber)
        }
        Message::SubscribersKnown { service, revision } => {
            json!({
                "type": "subscribersKnown",
                "service": service,
                "revision": revision.to_string(),
            })
        }
        Message::Request(request) => json!({
            "type": "request",
            "call": request.call.to_string(),
            "caller": request.caller,
            "target": match &request.target {
                RequestTarget::Service(service) => json!({ "service": service }),
                RequestTarget::Name(name) => json!({ "name": &**name }),
            },
            "method": &*request.method,
            "remaining": millis(request.remaining),
            "parts": request.parts,
            "contentType": request.content.kind.0,
            "content": hex(&request.content.bytes),
            "extensions": hex(&request.extensions),
        }),
        Message::Response { call, outcome, extensions } => {
            let mut value = outcome_to_json(outcome);
            value["type"] = "response".into();
            value["call"] = call.to_string().into();
            value["extensions"] = hex(extensions).into();
            value
        }
        Message::Cancel { call } => json!({ "type": "cancel", "call": call.to_string() }),
        Message::Part { call, content, extensions } => json!({
            "type": "part",
            "call": call.to_string(),
            "contentType": content.kind.0,
            "content": hex(&content.bytes),
            "extensions": hex(extensions),
        }),
        Message::Credit { call, parts } => {
            json!({ "type": "credit", "call": call.to_string(), "parts": parts })
        }
        Message::Report(report) => report_to_json("report", report),
        Message::Targeted { process, report } => {
            let mut value = report_to_json("targeted", report);
            value["process"] = json!(process);
            value
        }
        Message::Lost { service, subject, count } => json!({
            "type": "lost",
            "service": service,
            "subject": subject.as_deref(),
            "count": count.to_string(),
        }),
        Message::ReplayRequest { service, process, replay, pattern, after, upto } => json!({
            "type": "replayRequest",
            "service": service,
            "process": process,
            "replay": replay,
            "pattern": &**pattern,
            "after": after.to_string(),
            "upto": upto.to_string(),
        }),
        Message::Replayed { process, replay, remaining, report } => {
            let mut value = report_to_json("replayed", report);
            value["process"] = json!(process);
            value["replay"] = json!(replay);
            value["remaining"] = remaining.map_or(Value::Null, millis);
            value
        }
        Message::ReplayEnd { process, replay, sequence, more_after, complete_after } => json!({
            "type": "replayEnd",
            "process": process,
            "replay": replay,
            "sequence": sequence.to_string(),
            "moreAfter": more_after.to_string(),
            "completeAfter": complete_after.to_string(),
        }),
    }
}

fn hello_to_json(kind: &str, hello: &Hello) -> Value {
    let mut value = json!({
        "type": kind,
        "features": hello.features.to_string(),
        "role": match hello.role {
            Role::Client => "client",
            Role::Server => "server",
        },
        "group": &*hello.group,
        "process": hex(&hello.process.0),
        "label": &*hello.label,
        "token": hex(&hello.token.0),
        "attempt": hello.attempt,
        "heartbeat": millis(hello.heartbeat),
        "maxPayload": hello.max_payload,
    });
    if let Some(secret) = &hello.secret {
        value["secret"] = hex(secret.bytes()).into();
    }
    value
}

fn reason_to_json(kind: &str, reason: &Reason) -> Value {
    json!({ "type": kind, "code": reason.code as u8, "message": &*reason.message })
}

fn membership_to_json(kind: &str, membership: &Membership) -> Value {
    json!({
        "type": kind,
        "service": membership.service,
        "revision": membership.revision.to_string(),
        "group": &*membership.group,
    })
}

fn subscriber_to_json(kind: &str, subscriber: &Subscriber) -> Value {
    json!({
        "type": kind,
        "service": subscriber.service,
        "process": subscriber.process,
        "pattern": &*subscriber.pattern,
        "latest": subscriber.latest,
    })
}

fn outcome_to_json(outcome: &Outcome) -> Value {
    let with_content = |status, content: &Content| {
        json!({
            "status": status,
            "contentType": content.kind.0,
            "content": hex(&content.bytes),
        })
    };
    match outcome {
        Outcome::Response(content) => with_content("response", content),
        Outcome::Failure(content) => with_content("failure", content),
        Outcome::Error(error) => json!({
            "status": "error",
            "code": error.code as u8,
            "delivered": match error.delivered {
                Delivered::No => "no",
                Delivered::Yes => "yes",
                Delivered::Unknown => "unknown",
            },
            "message": &*error.message,
        }),
    }
}

fn report_to_json(kind: &str, report: &Report) -> Value {
    json!({
        "type": kind,
        "service": report.service,
        "subject": &*report.subject,
        "sequence": report.sequence.to_string(),
        "contentType": report.content.kind.0,
        "content": hex(&report.content.bytes),
        "extensions": hex(&report.extensions),
    })
}

fn millis(duration: Duration) -> Value {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).into()
}
