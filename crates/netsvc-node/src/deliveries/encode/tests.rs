use bytes::Bytes;
use netsvc_core::{
    AbortReason, CallId, Content, ContentType, ExchangeId, FlushId, LinkId, Peer, Reason,
    ReasonCode, RequestCode, RequestError, ServiceId, ServiceNo, Status,
};

use super::*;
use crate::deliveries::service_info::tests::{packed, thermometer};

/// Bytes that JavaScript provides for a batch.
const CHUNK: usize = 32 << 10;

/// Packs one batch and gives back what did not fit, as words and buffer.
fn pack(
    packer: &mut Packer,
    words: usize,
    deliveries: Vec<Delivery>,
) -> (Vec<u32>, Vec<u8>, Vec<Delivery>) {
    let (mut words, mut memory) = (vec![0; words], vec![0; CHUNK]);
    let mut left = Vec::new();
    let mut batch = packer.begin(&mut words, Buffer::new(&mut memory, 0)).unwrap();
    for delivery in deliveries {
        if !left.is_empty() || !batch.push(&delivery) {
            left.push(delivery);
        }
    }
    batch.finish(!left.is_empty());
    memory.truncate(words[2] as usize);
    (words, memory, left)
}

/// Packs one event with a new packer and splits the words at `lengths`.
fn records(event: Event, lengths: &[usize]) -> (Vec<Vec<u32>>, Vec<u8>) {
    let deliveries = vec![Delivery::Event(event)];
    let (words, buffer, left) = pack(&mut Packer::default(), MIN_WORDS, deliveries);
    assert!(left.is_empty());
    assert_eq!(words[..2], [3 + lengths.iter().sum::<usize>() as u32, 0]);
    let mut rest = &words[3..];
    let records = lengths.iter().map(|length| {
        let (record, more) = rest.split_at(*length);
        rest = more;
        record.to_vec()
    });
    (records.collect(), buffer)
}

fn report(subject: &str, service: u32, sequence: u64, content: &[u8]) -> Event {
    Event::Report {
        subscription: SubscriptionId(5),
        report: DeliveredReport {
            service: ServiceNo(service),
            id: ServiceId { process: ProcessId([1; 16]), counter: service },
            name: "thermometer".into(),
            subject: subject.into(),
            sequence,
            replayed: true,
            resumed: true,
            missed: 3,
            content: Content { kind: ContentType::CBOR, bytes: Bytes::copy_from_slice(content) },
            extensions: Bytes::new(),
        },
    }
}

fn text(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_le_bytes(), bytes].concat()
}

#[test]
fn a_report_tells_its_service_and_subject_before() {
    let (records, buffer) = records(report("kitchen", 9, (7 << 32) + 6, b"21.5"), &[4, 4, 11]);
    let identity = format!("{}.9", "01".repeat(16));
    let service = [text(identity.as_bytes()), text(b"thermometer")].concat();
    let (at, end) = (service.len() as u32, service.len() as u32 + 7);
    assert_eq!(records[0], [14, 9, 0, at]);
    assert_eq!(records[1], [1, 0, at, 7]);
    assert_eq!(records[2], [2, 5, 9, 0, 6, 7, 3, 3, 1, end, 4]);
    assert_eq!(buffer, [&service[..], b"kitchen21.5"].concat());
}

#[test]
fn what_was_told_is_not_repeated() {
    let mut packer = Packer::default();
    let first = pack(&mut packer, MIN_WORDS, vec![Delivery::Event(report("a", 9, 1, b"1"))]);
    let second = pack(&mut packer, MIN_WORDS, vec![Delivery::Event(report("a", 9, 2, b"2"))]);
    assert_eq!(first.0[0], 3 + 4 + 4 + 11);
    assert_eq!(second.0[..14], [14, 0, 1, 2, 5, 9, 0, 2, 0, 3, 3, 1, 0, 1]);
    assert_eq!(second.1, b"2");
}

/// Packs with extension fields what `pack` does, and gives back the last delivery and the buffer.
fn extended(words: usize, pack: impl FnOnce(&mut Batch<'_>, &[u8])) -> (Vec<u32>, Vec<u8>) {
    let (mut memory, mut array) = ([0; 1024], [0; MIN_WORDS]);
    let mut packer = Packer::default();
    let mut batch = packer.begin(&mut array, Buffer::new(&mut memory, 0)).unwrap();
    pack(&mut batch, b"fields");
    batch.finish(false);
    let (used, end) = (array[0] as usize, array[2] as usize);
    (array[used - words..used].to_vec(), memory[..end].to_vec())
}

#[test]
fn extension_fields_lie_behind_the_content() {
    let report = |batch: &mut Batch<'_>, extensions: &[u8]| {
        let told = DeliveredRef {
            service: ServiceNo(9),
            id: ServiceId { process: ProcessId([1; 16]), counter: 9 },
            name: &"thermometer".into(),
            subject: &"kitchen".into(),
            sequence: 1,
            resumed: false,
            missed: 0,
            kind: ContentType::CBOR,
            content: b"21.5",
            extensions,
        };
        batch.told_report(SubscriptionId(5), &told, false);
    };
    let invoke = |batch: &mut Batch<'_>, extensions: &[u8]| {
        let request = InvocationRef {
            call: CallId(1),
            service: ServiceNo(4),
            method: &"read".into(),
            caller: ProcessId([0xcd; 16]),
            caller_label: &"host:7".into(),
            remaining: Duration::ZERO,
            parts: 0,
            kind: ContentType::CBOR,
            content: b"21.5",
            extensions,
        };
        batch.invoke_now(&request);
    };
    let outcome = |batch: &mut Batch<'_>, extensions: &[u8]| {
        batch.put_outcome(8, status::RESPONSE, 1, delivered::YES, b"21.5", extensions);
    };
    for (packed, buffer, kind) in
        [(extended(11, report), 8), (extended(12, invoke), 9), (extended(7, outcome), 3)]
            .map(|((packed, buffer), kind)| (packed, buffer, kind))
    {
        let [.., offset, length] = packed[..] else { panic!("{packed:?}") };
        assert_eq!((packed[kind], length), (1 | 6 << 8, 4));
        assert_eq!(buffer[offset as usize..], *b"21.5fields");
    }
}

#[test]
fn missed_is_saturated() {
    let mut event = report("a", 9, 1, b"");
    if let Event::Report { report, .. } = &mut event {
        report.missed = u64::MAX;
    }
    assert_eq!(records(event, &[4, 4, 11]).0[2][7], u32::MAX);
}

#[test]
fn an_invocation_tells_method_and_caller_before() {
    let invocation = Invocation {
        call: CallId((2 << 32) + 1),
        service: ServiceNo(4),
        method: "read".into(),
        caller: ProcessId([0xcd; 16]),
        caller_label: "host:7".into(),
        remaining: Duration::from_micros(1500),
        parts: 16,
        content: Content::raw(&b"xy"[..]),
        extensions: Bytes::new(),
    };
    let (records, buffer) = records(Event::Invoke(invocation), &[4, 4, 4, 12]);
    assert_eq!(records[0], [1, 0, 0, 4]);
    assert_eq!(records[1], [1, 1, 4, 32]);
    assert_eq!(records[2], [1, 2, 36, 6]);
    assert_eq!(records[3], [3, 1, 2, 4, 0, 2, 16, 1, 2, 0, 42, 2]);
    assert_eq!(buffer, format!("read{}host:7xy", "cd".repeat(16)).as_bytes());
}

#[test]
fn outcomes() {
    let outcome =
        |outcome| records(Event::Outcome { key: 8, outcome, extensions: Bytes::new() }, &[7]);
    let response = Outcome::Response(Content::raw(&b"r"[..]));
    assert_eq!(outcome(response), (vec![vec![5, 8, 0, 0, 1, 0, 1]], b"r".to_vec()));
    let failure = Outcome::Failure(Content { kind: ContentType::CBOR, bytes: Bytes::new() });
    assert_eq!(outcome(failure), (vec![vec![5, 8, 1, 1, 1, 0, 0]], vec![]));
    let codes = [Delivered::No, Delivered::Yes, Delivered::Unknown];
    for (number, delivered) in codes.into_iter().enumerate() {
        let (code, message) = (RequestCode::LinkLost, "gone".into());
        let error = Outcome::Error(RequestError { code, delivered, message });
        let expected = vec![5, 8, 2, 6, number as u32, 0, 4];
        assert_eq!(outcome(error), (vec![expected], b"gone".to_vec()));
    }
}

#[test]
fn changes() {
    let mut change = Change {
        status: Status::Joined,
        revision: (1 << 32) + 2,
        replayed: true,
        service: Some(thermometer()),
        group: Some("attic".into()),
    };
    let event = |change: &Change| Event::Change { watch: WatchId(3), change: change.clone() };
    let (_, common) = packed(&thermometer());
    let at = 5 + common.len() as u32;
    let (packed, buffer) = records(event(&change), &[4, 11]);
    assert_eq!(packed[0], [1, 0, 0, 5]);
    assert_eq!(packed[1], [6, 3, 2, 2, 1, 1, 0, 2, at, 11, 5]);
    assert_eq!(buffer, [b"attic", &common[..], b"thermometer"].concat());

    change = Change { status: Status::Current, service: None, group: None, ..change };
    let (packed, buffer) = records(event(&change), &[11]);
    assert_eq!(packed[0], [6, 3, 4, 2, 1, 1, u32::MAX, 0, 0, 0, u32::MAX]);
    assert_eq!(buffer, b"");
}

#[test]
fn what_services_of_a_batch_have_in_common_is_packed_once() {
    let change = |counter: u32, methods: &[&str]| {
        let methods = methods.iter().map(|method| Str::from(*method)).collect();
        let id = ServiceId { counter, ..thermometer().id };
        let service = Some(ServiceInfo { id, methods, ..thermometer() });
        let (status, revision) = (Status::Available, counter.into());
        let change = Change { status, revision, replayed: false, service, group: None };
        Delivery::Event(Event::Change { watch: WatchId(3), change })
    };
    let kinds: Vec<String> = (0..=COMMONS).map(|no| no.to_string()).collect();
    let mut packer = Packer::default();
    let mut commons = |deliveries: Vec<Delivery>| -> Vec<u32> {
        let (words, _, left) = pack(&mut packer, 1024, deliveries);
        assert!(left.is_empty());
        words[3..words[0] as usize].chunks(11).map(|record| record[10]).collect()
    };
    let two = commons(vec![change(1, &["a"]), change(2, &["b"]), change(3, &["a"])]);
    assert_eq!(two[0], two[2]);
    assert_ne!(two[0], two[1]);
    // Nothing is known from an earlier batch, and only so many kinds within one.
    let all = kinds.iter().chain(&kinds[..1]).map(|kind| change(1, &[kind]));
    let mut offsets = commons(all.collect());
    assert_eq!(offsets[0], 0);
    offsets.dedup();
    offsets.sort_unstable();
    offsets.dedup();
    assert_eq!(offsets.len(), COMMONS + 2);
}

#[test]
fn links() {
    let mut link = LinkEvent {
        exchange: ExchangeId(1),
        link: LinkId(2),
        peer: Some(Peer { process: ProcessId([0xee; 16]), label: "hub:1".into() }),
        address: "127.0.0.1:9".into(),
        attempt: 4,
        reason: Some(Reason::new(ReasonCode::Version, "speaks version 9")),
        retry_in: Some(Duration::from_secs(5)),
    };
    let (packed, buffer) = records(Event::AttemptFailed(link.clone()), &[9]);
    let process = "ee".repeat(16);
    let texts = [process.as_bytes(), b"hub:1", b"127.0.0.1:9", b"speaks version 9"].map(text);
    assert_eq!(buffer, texts.concat());
    assert_eq!(packed[0], [7, 2, 1, 2, 4, 33, 5000, 0, buffer.len() as u32]);

    link = LinkEvent { peer: None, reason: None, retry_in: None, ..link };
    let (packed, buffer) = records(Event::LinkClosed(link.clone()), &[9]);
    assert_eq!(buffer, [&b""[..], b"", b"127.0.0.1:9", b""].map(text).concat());
    assert_eq!(packed[0], [7, 3, 1, 2, 4, 0, u32::MAX, 0, buffer.len() as u32]);
    assert_eq!(records(Event::LinkActive(link.clone()), &[9]).0[0][1], 0);
    assert_eq!(records(Event::LinkInactive(link.clone()), &[9]).0[0][1], 1);
    assert_eq!(records(Event::Authorise(link), &[9]).0[0][1], 4);
}

#[test]
fn small_records() {
    let closed = Event::ExchangeClosed(ExchangeId(6));
    assert_eq!(records(closed, &[2]).0[0], [8, 6]);
    let results = [Ok(()), Err(FlushError::LinkLost), Err(FlushError::Deadline)];
    for (number, result) in results.into_iter().enumerate() {
        let flushed = Event::Flushed { flush: FlushId(7), result };
        assert_eq!(records(flushed, &[3]).0[0], [9, 7, number as u32]);
    }
    let abort = Event::Abort { call: CallId(3 << 32), reason: AbortReason::Deadline };
    assert_eq!(records(abort, &[4]).0[0], [4, 0, 3, 2]);
    let credit = Event::Credit { call: CallId((3 << 32) + 1), parts: 8 };
    assert_eq!(records(credit, &[4]).0[0], [17, 1, 3, 8]);
    let part = Event::Part { key: 8, content: Content::raw(&b"part"[..]) };
    assert_eq!(records(part, &[5]), (vec![vec![16, 8, 0, 0, 4]], b"part".to_vec()));
    let gone = Event::ProcessGone(ProcessId([9; 16]));
    let (packed, buffer) = records(gone, &[4, 2]);
    assert_eq!(packed, [vec![1, 0, 0, 32], vec![10, 0]]);
    assert_eq!(buffer, "09".repeat(16).as_bytes());
    let subscriber = Event::Subscriber {
        service: ServiceNo(2),
        process: ProcessId([9; 16]),
        label: "host:9".into(),
        pattern: "t.*".into(),
        present: true,
    };
    let (packed, buffer) = records(subscriber, &[5]);
    assert_eq!(packed[0], [11, 2, 1, 0, buffer.len() as u32]);
    assert_eq!(buffer, [&buffer[2..34], b"host:9", b"t.*"].map(text).concat());
}

#[test]
fn listening_and_failed_commands() {
    let addresses = vec!["127.0.0.1 80".into(), "::1 80".into()];
    let refused = ("address-in-use", "taken".to_string());
    let deliveries = vec![
        Delivery::Listening { token: 1, result: Ok(addresses) },
        Delivery::Listening { token: 2, result: Err(refused) },
        Delivery::CommandFailed { op: 4, count: 2, code: "closed", message: "m".into() },
    ];
    let (words, buffer, left) = pack(&mut Packer::default(), MIN_WORDS, deliveries);
    assert!(left.is_empty());
    assert_eq!(words[..8], [18, 0, 56, 12, 1, 1, 0, 22]);
    assert_eq!(words[8..13], [12, 2, 0, 22, 23]);
    assert_eq!(words[13..18], [13, 4, 2, 45, 11]);
    let texts: [&[u8]; 6] =
        [b"127.0.0.1 80", b"::1 80", b"address-in-use", b"taken", b"closed", b"m"];
    assert_eq!(buffer, texts.map(text).concat());
}

#[test]
fn what_does_not_fit_is_given_back_whole() {
    let reports = |count: usize| {
        (0..count).map(|no| Delivery::Event(report("s", 1, no as u64, &[7; 4000]))).collect()
    };
    let mut packer = Packer::default();
    let (words, buffer, left) = pack(&mut packer, 4096, reports(20));
    assert!(buffer.len() <= CHUNK);
    assert_eq!(words[1], 1);
    assert_eq!(left.len(), 20 - (buffer.len() / 4000));

    let (words, buffer, left) = pack(&mut packer, MIN_WORDS, reports(20));
    assert_eq!((words[0], buffer.len()), (3 + 4 * 11, 4 * 4000));
    assert_eq!(left.len(), 16);
}

#[test]
fn what_was_lent_is_filled_from_where_it_is_free() {
    let (mut words, mut memory) = (vec![0; MIN_WORDS], vec![9; 1000]);
    let mut packer = Packer::default();
    let mut batch = packer.begin(&mut words, Buffer::new(&mut memory, 100)).unwrap();
    assert!(batch.is_empty());
    assert!(batch.push_event(&Event::Part { key: 8, content: Content::raw(&b"part"[..]) }));
    // Whatever a delivery is, it is as large as if nothing had been told before.
    assert!(!batch.push_event(&report("s", 1, 1, &[7; 780])));
    assert!(!batch.is_empty());
    batch.finish(true);
    assert_eq!(words[..8], [8, 1, 104, 16, 8, 0, 100, 4]);
    assert_eq!(memory[99..105], *b"\x09part\x09");
}

#[test]
fn memory_of_the_size_of_a_delivery_takes_it() {
    let large = Delivery::Event(report("s", 1, 2, &vec![7; 1 << 20]));
    let mut memory = vec![0; large.size()];
    let mut packer = Packer::default();
    let mut words = vec![0; MIN_WORDS];
    let mut batch = packer.begin(&mut words, Buffer::new(&mut memory, 0)).unwrap();
    assert!(batch.push(&large));
    batch.finish(false);
    assert!(memory.len() - (1 << 20) < 1000);
    assert_eq!(words[0], 3 + 4 + 4 + 11);
}

/// Reads words and buffer as JavaScript does, with its memory of symbols and services.
#[test]
fn every_report_reads_back_under_pressure_on_slots() {
    let mut packer = Packer::default();
    let mut symbols = std::collections::HashMap::new();
    let mut services = std::collections::HashMap::new();
    let mut queue: Vec<_> = (0..30_000u64)
        .map(|no| (format!("s{}", no * 7919 % 6000), (no * 104_729 % 5000) as u32, no))
        .rev()
        .collect();
    let mut expected = queue.iter().rev().cloned().collect::<Vec<_>>().into_iter();
    let (mut words, mut memory) = (vec![0; 1024], vec![0; CHUNK]);
    let mut pending = None;
    while pending.is_some() || !queue.is_empty() {
        let mut batch = packer.begin(&mut words, Buffer::new(&mut memory, 0)).unwrap();
        loop {
            let next = pending.take().or_else(|| {
                let (subject, service, no) = queue.pop()?;
                Some(Delivery::Event(report(&subject, service, no, b"c")))
            });
            let Some(next) = next else { break };
            if !batch.push(&next) {
                pending = Some(next);
                break;
            }
        }
        batch.finish(pending.is_some());
        let text = |at: u32, length: u32| memory[at as usize..(at + length) as usize].to_vec();
        let mut at = 3;
        while at < words[0] as usize {
            let record = &words[at..];
            at += match record[0] {
                1 => {
                    symbols.insert(record[1], text(record[2], record[3]));
                    4
                }
                14 => {
                    services.insert(record[1], text(record[2], record[3]));
                    4
                }
                15 => {
                    assert!(services.remove(&record[1]).is_some());
                    2
                }
                2 => {
                    let (subject, service, no) = expected.next().unwrap();
                    assert_eq!(symbols[&record[3]], subject.as_bytes());
                    assert_eq!((record[2], record[4]), (service, no as u32));
                    assert!(services.contains_key(&service));
                    assert!(services.len() <= 4096 && symbols.len() <= 4096);
                    11
                }
                other => panic!("kind {other}"),
            }
        }
    }
    assert_eq!(expected.next(), None);
}
