//! What peers make a hub do is paid for by what they send and hear.

use std::time::Duration;

use netsvc_core::limits::TURN_STEPS;
use netsvc_core::wire::{
    Announcement, InterestTarget, Membership, Message, Report, Request, RequestTarget,
};
use netsvc_core::{Content, ContentType, Lifetime, PublishOptions, ServiceId};

use super::control::another;
use super::crowd::{Bill, Crowd, INTERESTS, KEPT, PEERS, SERVICES};
use super::messages::message;
use super::source::Source;

/// Steps that a byte pays for.
const PER_BYTE: u64 = 1;
/// Steps that one message may take, beside those that it pays for: everybody's interests in one
/// service are looked at, and told to it; or all patterns are tried, and they are long.
const ONE_MESSAGE: usize = 16 * PEERS * INTERESTS;
/// Steps that nobody has to pay for: what few things cost, and what is taken from tables that are
/// small by themselves.
const FREE: u64 = 20_000;
/// Messages of one input.
const MOST: usize = 8000;

/// Lets many peers say anything to a hub that they can encode, often much of one kind.
///
/// - The steps that it takes are at most [`PER_BYTE`] for each byte that it receives or delivers.
///   That is so in the end, not for each message: who was paid for when it was announced may be
///   walked over once when it goes.
/// - Where there is no such bound, they are charged to the turn of whoever causes them, and the
///   turn ends when they are [`TURN_STEPS`].
///
/// # Panics
/// If it takes more.
pub fn cost(data: &[u8]) {
    let Bill { bytes, steps, most_work } = bill(data);
    assert!(steps <= bytes * PER_BYTE + FREE, "{steps} steps for {bytes} bytes");
    assert!(most_work <= TURN_STEPS + ONE_MESSAGE, "{most_work} steps in one turn");
}

/// As [`cost`], without judging it.
pub fn bill(data: &[u8]) -> Bill {
    let mut source = Source::new(data);
    let mut crowd = Crowd::new();
    let mut left = MOST;
    while !source.is_empty() && left > 0 {
        let (what, slot) = (source.u8() % 16, source.below(PEERS));
        match what {
            0..=3 => {
                let message = message(&mut source);
                let count = how_many(&mut source, &mut left);
                for number in 0..count {
                    crowd.say(slot, &another(&message, number as u8));
                }
            }
            4..=11 => {
                let kind = source.below(KINDS);
                let count = how_many(&mut source, &mut left);
                let first = source.u8();
                for number in 0..count {
                    let number = u32::from(first) * 64 + number as u32;
                    one_of(kind, number, &mut |message| crowd.say(slot, &message));
                    // Whoever makes much for itself reads it.
                    if kind == TOGGLE {
                        crowd.hear(slot, usize::MAX);
                    }
                    if number.is_multiple_of(32) {
                        crowd.hear_all();
                    }
                }
                crowd.hear_all();
            }
            12 => match source.u8() {
                255 => crowd.change_pace(slot),
                some => crowd.hear(slot, usize::from(some) * 256),
            },
            13 => {
                crowd.link(slot);
                // It is told of all services.
                left = left.saturating_sub(32);
            }
            14 => crowd.cut(slot),
            _ if source.flag() => {
                crowd.pass(Duration::from_millis([1, 10, 100, 1000][source.below(4)]));
            }
            _ => {
                for number in 0..how_many(&mut source, &mut left) {
                    let lifetime = if number % 2 == 0 { Lifetime::Forever } else { Lifetime::None };
                    let options = PublishOptions { lifetime, ..PublishOptions::default() };
                    // Kept values that are too many are its own affair.
                    crowd.publish(&format!("s.{}", number % KEPT).into(), options);
                }
            }
        }
    }
    (0..PEERS).for_each(|slot| crowd.hear(slot, usize::MAX));
    (0..PEERS).for_each(|slot| crowd.cut(slot));
    crowd.bill()
}

/// One, or up to two thousand.
fn how_many(source: &mut Source<'_>, left: &mut usize) -> usize {
    let count = match source.u8() {
        few @ 0..=223 => usize::from(few % 8) + 1,
        many => usize::from(many - 223) * 64,
    };
    let count = count.min(*left);
    *left -= count;
    count
}

const KINDS: usize = 20;
const TOGGLE: usize = 11;
/// The service that comes and goes.
const TOGGLED: u32 = 1000;

/// A message of a series, or two that undo each other: what attacks consist of.
fn one_of(kind: usize, number: u32, say: &mut dyn FnMut(Message)) {
    let text = |before: &str| format!("{before}{number}").into();
    let interest = |name: &str, pattern: String| Message::Interest {
        id: number,
        target: InterestTarget::Name(name.into()),
        pattern: pattern.into(),
        latest: false,
    };
    match kind {
        0 => say(interest("a", format!("s.{number}"))),
        1 => say(interest("a", format!("s.{number}*"))),
        2 => say(interest("a", format!("*.{number}"))),
        3 => say(interest("a", format!("s.*{number}*b"))),
        4 => say(interest(&format!("n{number}"), "s.*".into())),
        5 => {
            let target = InterestTarget::Identity(ServiceId {
                process: netsvc_core::ProcessSecret::new([1; 32]).process(),
                counter: number,
            });
            say(Message::Interest { id: number, target, pattern: "*".into(), latest: true });
        }
        6 => say(Message::InterestEnd { id: number }),
        7 => {
            say(interest("a", "s.1".to_owned()));
            say(Message::InterestEnd { id: number });
        }
        8 => say(Message::Service(service(number % SERVICES + 1, number, "a"))),
        9 => say(Message::Service(service(number % SERVICES + 1, number, &format!("n{number}")))),
        10 => say(Message::Withdrawn { service: number % SERVICES + 1, revision: number.into() }),
        TOGGLE => {
            say(Message::Service(service(TOGGLED, number, "a")));
            say(Message::Withdrawn { service: TOGGLED, revision: number.into() });
        }
        12 => {
            let (service, revision) = (1, 2 * u64::from(number));
            say(Message::Joined(Membership { service, revision, group: "b".into() }));
            say(Message::Left(Membership { service, revision: revision + 1, group: "b".into() }));
        }
        13 => {
            let revision = u64::from(number) + 1;
            say(Message::Joined(Membership { service: 1, revision, group: text("g") }));
        }
        14 => say(Message::Report(report(number % 4 + 1, number, text("s.")))),
        15 => say(Message::Report(report(1, number, "s.1".into()))),
        16 => say(Message::ReplayRequest {
            service: number % 8 + 1,
            process: 0,
            replay: number,
            pattern: if number.is_multiple_of(2) { "s.*".into() } else { "none".into() },
            after: 0,
            upto: 0,
        }),
        17 => say(Message::Request(request(number, RequestTarget::Name("a".into())))),
        18 => {
            say(Message::Request(request(number, RequestTarget::Service(number % 8 + 1))));
            say(Message::Cancel { call: number.into() });
        }
        _ => say(Message::Lost { service: 1, subject: Some(text("s.")), count: 1 }),
    }
}

fn service(service: u32, counter: u32, name: &str) -> Announcement {
    Announcement {
        service,
        process: 0,
        counter: counter + 1,
        revision: 1,
        name: name.into(),
        audience: "*".into(),
        groups: vec!["b".into()],
        methods: vec!["run".into()],
        extensions: bytes::Bytes::new(),
    }
}

fn report(service: u32, sequence: u32, subject: netsvc_core::Str) -> Report {
    Report {
        service,
        subject,
        sequence: sequence.into(),
        content: Content { kind: ContentType(0), bytes: bytes::Bytes::new() },
        extensions: bytes::Bytes::new(),
    }
}

fn request(call: u32, target: RequestTarget) -> Request {
    Request {
        call: call.into(),
        caller: 0,
        target,
        method: "run".into(),
        remaining: Duration::from_secs(5),
        parts: 0,
        content: Content { kind: ContentType(0), bytes: bytes::Bytes::new() },
        extensions: bytes::Bytes::new(),
    }
}
