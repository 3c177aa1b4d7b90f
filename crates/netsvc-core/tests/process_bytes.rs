//! Bytes that arrive: what is applied, what is kept alive, and what is left in the buffer.

#![allow(clippy::unwrap_used)] // a test may fail by panicking, in its helpers too

use bytes::{Bytes, BytesMut};
use netsvc_core::wire::{Decoder, Encoder, Message, Report, Role, SendBuffer, WireError};
use netsvc_core::{
    Config, Content, Event, Heartbeat, Limits, LinkToken, Process, ProcessSecret,
    SubscriptionLimits, SubscriptionTarget, Time,
};
use netsvc_testkit::{RawPeer, announcement};

const NOW: Time = Time(1_000_000_000);
/// A REPORT too short for its fixed fields.
const BROKEN: [u8; 11] = [0x50, 0, 0, 0, 3, 0, 0, 0, 1, 2, 3];

/// A hub that wants the reports of a client, whose bytes are given by the test.
struct Bench {
    hub: Process,
    peer: RawPeer,
    encoder: Encoder,
    decoder: Decoder,
    buffer: BytesMut,
    sequence: u64,
}

impl Bench {
    fn new() -> Self {
        let secret = ProcessSecret::new([1; 32]);
        let config = Config { secret, label: "hub".into(), limits: Limits::default(), seed: 1 };
        let mut hub = Process::new(config, NOW);
        let exchange = hub.create_exchange(Role::Server, "", Heartbeat::default()).unwrap();
        let peer = RawPeer::connect(&mut hub, NOW, exchange, 2);
        let limits = SubscriptionLimits { reports: 1 << 16, bytes: 1 << 30, latest: false };
        let target = SubscriptionTarget::Name("publisher".into());
        let id = hub.subscribe(NOW, target, "*", limits).unwrap();
        hub.grant(id, u32::MAX);
        let decoder = Decoder::new(hub.limits().payload);
        let (encoder, buffer) = (Encoder::new(3), BytesMut::new());
        let mut bench = Self { hub, peer, encoder, decoder, buffer, sequence: 0 };
        let hello = bench.peer.hello(Role::Client, LinkToken([2; 16]), 1);
        let begin = [Message::Hello(hello), Message::Synced, announcement("publisher", &[])];
        let begin: Vec<u8> = begin.iter().flat_map(|message| bench.encode(message)).collect();
        bench.read(&begin).unwrap();
        // It answers what it was asked.
        bench.peer.hear(&mut bench.hub, NOW);
        let end = Message::ReplayEnd {
            process: 0,
            replay: 1,
            sequence: 0,
            more_after: 0,
            complete_after: 0,
        };
        let end = bench.encode(&end);
        bench.read(&end).unwrap();
        assert!(bench.heard().is_empty());
        bench
    }

    fn encode(&mut self, message: &Message) -> Vec<u8> {
        let mut bytes = SendBuffer::new();
        self.encoder.encode(message, &mut bytes);
        let mut slices = [std::io::IoSlice::new(&[]); 16];
        let used = bytes.slices(&mut slices);
        slices[..used].iter().flat_map(|slice| slice.to_vec()).collect()
    }

    fn report(&mut self, size: usize) -> Vec<u8> {
        self.sequence += 1;
        let content = Content { bytes: vec![7; size].into(), kind: netsvc_core::ContentType(0) };
        let (sequence, extensions) = (self.sequence, Bytes::new());
        let subject = "s".into();
        let report = Report { service: 1, subject, sequence, content, extensions };
        self.encode(&Message::Report(report))
    }

    /// As the transport does it: first where the bytes lie, then from the buffer.
    fn read_lying(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        let (hub, conn) = (&mut self.hub, self.peer.conn);
        let applied = hub.handle_front(NOW, conn, &mut self.decoder, bytes, None)?;
        self.read(&bytes[applied..])
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        self.buffer.extend_from_slice(bytes);
        let (decoder, buffer) = (&mut self.decoder, &mut self.buffer);
        self.hub.handle_bytes(NOW, self.peer.conn, decoder, buffer, None)
    }

    /// The contents of all reports that wait.
    fn heard(&mut self) -> Vec<Bytes> {
        let events = std::iter::from_fn(|| self.hub.poll_event(NOW));
        let content = |event| match event {
            Event::Report { report, .. } => Some(report.content.bytes),
            _ => None,
        };
        events.filter_map(content).collect()
    }
}

/// Whether two contents lie in one piece of memory, as far apart as in what was read.
fn together(one: &Bytes, other: &Bytes, apart: usize) -> bool {
    other.as_ptr().addr().wrapping_sub(one.as_ptr().addr()) == apart
}

/// What followed a broken frame was left in the buffer after some of them, and thrown away after
/// others.
#[test]
fn nothing_is_left_after_a_broken_frame() {
    for kept_before in [false, true] {
        for large in [false, true] {
            for lying in [false, true] {
                let mut bench = Bench::new();
                if kept_before {
                    let report = bench.report(10);
                    bench.read(&report).unwrap();
                    bench.heard();
                }
                let size = if large { 100_000 } else { 10 };
                let (good, after) = (bench.report(size), bench.report(10));
                let bytes = [&good[..], &BROKEN[..], &after[..5]].concat();
                let read = if lying { bench.read_lying(&bytes) } else { bench.read(&bytes) };
                let wanted = Err(WireError::Truncated { frame: "REPORT" });
                assert_eq!(read, wanted, "kept {kept_before}, large {large}, lying {lying}");
                let heard: Vec<_> = bench.heard().iter().map(Bytes::len).collect();
                assert_eq!(heard, [size], "what came before it");
                if !lying || large {
                    assert!(bench.buffer.is_empty(), "kept {kept_before}, large {large}");
                }
                assert_eq!(bench.read(&after), wanted, "it is final");
                assert!(bench.buffer.is_empty());
            }
        }
    }
}

/// Each read kept by reports that nobody takes holds up to 64 KiB. The 33rd holds nothing but its
/// reports; and it is the 33rd in whatever way reads are applied.
#[test]
fn thirty_two_reads_wait_as_they_are() {
    type Read = fn(&mut Bench, &[u8]) -> Result<(), WireError>;
    for (way, read) in [("lying", Bench::read_lying as Read), ("buffer", Bench::read)] {
        let mut bench = Bench::new();
        for _ in 0..40 {
            let (first, second) = (bench.report(10), bench.report(10));
            let begun = &bench.report(10)[..3];
            let bytes = [&first[..], &second, begun].concat();
            read(&mut bench, &bytes).unwrap();
            bench.buffer.clear();
        }
        let apart = bench.report(10).len();
        let heard = bench.heard();
        let shared = |pair: &[Bytes]| together(&pair[0], pair.get(1).unwrap_or(&pair[0]), apart);
        let shared: Vec<_> = heard.chunks(2).map(shared).collect();
        assert_eq!(shared.len(), 40);
        let wanted: Vec<_> = (0..40).map(|read| read < 32).collect();
        assert_eq!(shared, wanted, "{way}");
    }
}

/// A read of which nothing waits keeps nothing alive, and does not count.
#[test]
fn reads_of_which_nothing_is_kept_do_not_count() {
    let mut bench = Bench::new();
    for _ in 0..100 {
        let beat = bench.encode(&Message::Heartbeat);
        bench.read(&beat).unwrap();
    }
    let (first, second) = (bench.report(10), bench.report(10));
    bench.read(&[&first[..], &second].concat()).unwrap();
    let heard = bench.heard();
    assert!(together(&heard[0], &heard[1], second.len()));
}
