//! Whatever is encoded is decoded again, however the bytes arrive; other bytes do no harm.

mod wire_support;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use netsvc_core::limits::{MAX_CONTROL, MAX_SYMBOLS};
use netsvc_core::wire::{
    Announcement, Decoder, Encoder, Message, ProcessInfo, Report, Request, RequestTarget,
    SendBuffer, WireError,
};
use netsvc_core::{Content, ProcessId, Reason, ReasonCode, Str};
use proptest::collection::vec;
use proptest::prelude::*;
use wire_support::{MAX_PAYLOAD, decode, drain, encode, messages};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn messages_are_decoded_as_encoded(messages in messages()) {
        let bytes = encode(&messages);
        let (decoded, rest) = decode(MAX_PAYLOAD, [&bytes[..]]);
        prop_assert_eq!(rest, Ok(0));
        prop_assert_eq!(decoded, messages);
    }

    #[test]
    fn any_split_of_the_stream_gives_the_same_messages(
        messages in messages(),
        mut cuts in vec(any::<prop::sample::Index>(), 0..20),
        seed in any::<prop::sample::Index>(),
    ) {
        let bytes = encode(&messages);
        // Cuts are random; one more is next to the front, where preamble and first header are.
        let mut cuts: Vec<usize> = cuts.drain(..).map(|cut| cut.index(bytes.len())).collect();
        cuts.push(seed.index(20.min(bytes.len())));
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]);
        let (decoded, rest) = decode(MAX_PAYLOAD, pieces);
        prop_assert_eq!(rest, Ok(0));
        prop_assert_eq!(decoded, messages);
    }

    #[test]
    fn what_is_needed_is_exact_enough_to_read_nothing_else(messages in messages()) {
        let bytes = encode(&messages);
        let (mut decoder, mut buffer, mut decoded) =
            (Decoder::new(MAX_PAYLOAD), BytesMut::new(), Vec::new());
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let needs = decoder.needs(&buffer);
            prop_assert!(needs > 0 && needs <= rest.len(), "{} of {}", needs, rest.len());
            buffer.extend_from_slice(&rest[..needs]);
            rest = &rest[needs..];
            while let Some(message) = decoder.decode(&mut buffer)? {
                decoded.push(message);
            }
        }
        prop_assert_eq!(decoded, messages);
    }

    #[test]
    fn arbitrary_bytes_end_in_an_error_or_wait_for_more(bytes in vec(any::<u8>(), 0..400)) {
        check_garbage(&bytes)?;
    }

    #[test]
    fn arbitrary_bytes_after_a_greeting_do_no_harm(bytes in vec(any::<u8>(), 0..400)) {
        let mut stream = encode(&[Message::Refuse(Reason::new(ReasonCode::Closed, ""))]);
        stream.extend(bytes);
        check_garbage(&stream)?;
    }

    #[test]
    fn a_damaged_stream_does_no_harm(
        messages in messages(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = encode(&messages);
        for (index, value) in damage {
            let index = index.index(bytes.len());
            bytes[index] = value;
        }
        check_garbage(&bytes)?;
    }
}

/// Decodes to the end or to the error, and checks that no claim of the peer is believed: what the
/// decoder waits for is never more than one frame of the greatest length.
fn check_garbage(bytes: &[u8]) -> Result<(), TestCaseError> {
    let most = 8 + 8 + 4096 + 12 + 32 + MAX_PAYLOAD.max(MAX_CONTROL);
    let (mut decoder, mut buffer) = (Decoder::new(MAX_PAYLOAD), BytesMut::new());
    for piece in bytes.chunks(7) {
        buffer.extend_from_slice(piece);
        while let Ok(Some(_)) = decoder.decode(&mut buffer) {}
        prop_assert!(decoder.needs(&buffer) <= most);
    }
    Ok(())
}

fn refuse() -> Message {
    Message::Refuse(Reason::new(ReasonCode::Closed, ""))
}

fn report(subject: &str) -> Message {
    let content = Content::raw(&b"21.5"[..]);
    let (subject, extensions) = (subject.into(), Bytes::new());
    Message::Report(Report { service: 1, subject, sequence: 1, content, extensions })
}

fn request(name: &str, method: &str) -> Message {
    Message::Request(Request {
        call: 1,
        caller: 0,
        target: RequestTarget::Name(name.into()),
        method: method.into(),
        remaining: Duration::from_secs(5),
        parts: 0,
        content: Content::raw(Bytes::new()),
        extensions: Bytes::new(),
    })
}

#[test]
fn a_subject_travels_once() {
    let first = encode(&[refuse(), report("temperature.kitchen")]).len();
    let second =
        encode(&[refuse(), report("temperature.kitchen"), report("temperature.kitchen")]).len();
    assert_eq!(second - first, 8 + 16 + 4);
}

#[test]
fn more_subjects_than_symbols_are_told_apart() {
    let messages: Vec<Message> = std::iter::once(refuse())
        .chain((0..2 * MAX_SYMBOLS + 10).map(|number| report(&format!("subject.{number}"))))
        .chain((0..20).map(|number| report(&format!("subject.{}", number * 500))))
        .collect();
    let (decoded, rest) = decode(MAX_PAYLOAD, [&encode(&messages)[..]]);
    assert_eq!(rest, Ok(0));
    assert!(decoded == messages);
}

/// The method's symbol is the oldest one when the name's is defined, and the other way round.
#[test]
fn defining_one_symbol_of_a_request_does_not_spoil_the_other() {
    for (name, method) in [("subject.0", "new"), ("new", "subject.0"), ("new", "new")] {
        let messages: Vec<Message> = std::iter::once(refuse())
            .chain((0..MAX_SYMBOLS).map(|number| report(&format!("subject.{number}"))))
            .chain([request(name, method), request(name, method)])
            .collect();
        let (decoded, rest) = decode(MAX_PAYLOAD, [&encode(&messages)[..]]);
        assert_eq!(rest, Ok(0));
        assert!(decoded == messages, "{name} {method}");
    }
}

#[test]
fn lifetimes_and_deadlines_are_rounded_up_and_never_read_as_for_ever() {
    let Message::Report(report) = report("a") else { unreachable!() };
    let replayed = |remaining| {
        let report = report.clone();
        Message::Replayed { process: 0, replay: 0, remaining, report }
    };
    let sent = [refuse(), replayed(Some(Duration::from_nanos(1))), replayed(Some(Duration::MAX))];
    let (decoded, _) = decode(MAX_PAYLOAD, [&encode(&sent)[..]]);
    assert_eq!(decoded[1], replayed(Some(Duration::from_millis(1))));
    assert_eq!(decoded[2], replayed(Some(Duration::from_millis(u64::from(u32::MAX) - 1))));
}

#[test]
fn long_explanations_are_cut() {
    let long: Str = "ä".repeat(2000).into();
    let bytes = encode(&[Message::Refuse(Reason::new(ReasonCode::Closed, long))]);
    let (decoded, _) = decode(MAX_PAYLOAD, [&bytes[..]]);
    let cut: Str = "ä".repeat(512).into();
    assert_eq!(decoded, [Message::Refuse(Reason::new(ReasonCode::Closed, cut))]);
}

#[test]
fn the_length_of_an_announcement_is_known_beforehand() {
    let announcement = Announcement {
        service: 1,
        process: 0,
        counter: 2,
        revision: 3,
        name: "thermometer".into(),
        audience: "*".into(),
        groups: vec!["sensors".into(), "".into()],
        methods: vec!["read".into()],
        extensions: Bytes::new(),
    };
    let before = encode(&[refuse()]).len();
    let with = encode(&[refuse(), Message::Service(announcement.clone())]).len();
    assert_eq!(with - before, 8 + announcement.body_len());
}

/// Sockets deliver one byte after the other, and the greeting's limit holds from the start.
#[test]
fn a_length_is_judged_before_its_bytes_are_waited_for() {
    let limit = MAX_CONTROL as u32;
    let mut hello = b"netsvc\0\x01\x01\0\0\0".to_vec();
    hello.extend((limit + 1).to_le_bytes());
    let pieces: Vec<&[u8]> = hello.chunks(1).collect();
    let error = WireError::TooLarge { frame: "HELLO", bytes: MAX_CONTROL + 1, limit: MAX_CONTROL };
    assert_eq!(decode(MAX_PAYLOAD, pieces).1, Err(error));
}

#[test]
fn a_data_frame_may_have_a_content_of_the_limit_and_not_more() {
    for (max_payload, limit) in [(5000, 5000), (10, 1024)] {
        let content = |len| {
            let Message::Report(report) = report("a") else { unreachable!() };
            let content = Content::raw(vec![0; len]);
            encode(&[refuse(), Message::Report(Report { content, ..report })])
        };
        assert_eq!(decode(max_payload, [&content(limit)[..]]).1, Ok(0));
        let error =
            WireError::TooLarge { frame: "REPORT", bytes: 16 + limit + 1, limit: 16 + limit };
        assert_eq!(decode(max_payload, [&content(limit + 1)[..]]).1, Err(error));
    }
}

#[test]
fn garbage_is_recognised_at_its_first_byte() {
    for (index, byte) in b"netsvc".iter().enumerate() {
        let mut bytes = b"netsvc"[..=index].to_vec();
        assert_eq!(decode(MAX_PAYLOAD, [&bytes[..]]).1, Ok(index + 1));
        bytes[index] = byte ^ 0x20;
        assert_eq!(decode(MAX_PAYLOAD, [&bytes[..]]).1, Err(WireError::Magic));
    }
}

#[test]
fn a_process_that_goes_takes_its_unfinished_fragments_along() {
    let fragment = |last: u8, chunk: u8| {
        // FRAGMENT of origin 9: one byte of a RESPONSE of 12.
        [0x11, 0, 0, 0, 13, 0, 0, 0, 9, 0, 0, 0, 0x41, 0, last, 0, 12, 0, 0, 0, chunk]
    };
    let (mut encoder, mut batch) = (Encoder::new(7), SendBuffer::new());
    let process = ProcessInfo { process: 9, id: ProcessId([1; 16]), label: "x".into() };
    encoder.encode(&refuse(), &mut batch);
    encoder.encode(&Message::Process(process), &mut batch);
    let start = drain(&mut batch);
    encoder.encode(&Message::ProcessGone { process: 9 }, &mut batch);
    let gone = drain(&mut batch);

    // The twelfth byte completes the message only if the first was not forgotten.
    let rest: Vec<u8> = (0..10).flat_map(|_| fragment(0, 0)).chain(fragment(1, 0)).collect();
    let kept = [&start[..], &fragment(0, 1), &rest].concat();
    let (messages, end) = decode(MAX_PAYLOAD, [&kept[..]]);
    assert_eq!((messages.len(), end), (3, Ok(0)));
    let forgotten = [&start[..], &fragment(0, 1), &gone, &rest].concat();
    assert_eq!(decode(MAX_PAYLOAD, [&forgotten[..]]).1, Err(WireError::Fragment { origin: 9 }));
}
