//! Messages to bytes, and back: what each costs in a burst of [`BURST`].

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use criterion::{
    BatchSize, BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use netsvc_core::wire::{
    Decoder, Encoder, Hello, Message, Report, Request, RequestTarget, Role, SendBuffer,
};
use netsvc_core::{Content, LinkToken, Outcome, ProcessId, ProcessSecret};

/// As many as come at once.
const BURST: usize = 64;

const SIZES: [usize; 3] = [16, 128, 1024];

/// Makes a message with a content of that many bytes.
type Make = fn(usize) -> Message;

const MESSAGES: [(&str, Make); 3] =
    [("report", report), ("request", request), ("response", response)];

fn content(size: usize) -> Content {
    Content::raw(vec![7; size])
}

fn report(size: usize) -> Message {
    Message::Report(Report {
        service: 3,
        subject: "temperature.kitchen".into(),
        sequence: 1 << 20,
        content: content(size),
        extensions: Bytes::new(),
    })
}

fn request(size: usize) -> Message {
    Message::Request(Request {
        call: 7 << 32,
        caller: 0,
        target: RequestTarget::Name("responder".into()),
        method: "echo".into(),
        remaining: Duration::from_secs(5),
        parts: 0,
        content: content(size),
        extensions: Bytes::new(),
    })
}

fn response(size: usize) -> Message {
    let outcome = Outcome::Response(content(size));
    Message::Response { call: 7 << 32, outcome, extensions: Bytes::new() }
}

fn hello() -> Message {
    Message::Hello(Hello {
        features: 0,
        role: Role::Client,
        group: "".into(),
        process: ProcessId([1; 16]),
        secret: Some(ProcessSecret::new([1; 32])),
        label: "benchmark".into(),
        token: LinkToken([1; 16]),
        attempt: 1,
        heartbeat: Duration::from_secs(5),
        max_payload: 1 << 20,
    })
}

fn each(
    group: &mut BenchmarkGroup<'_, criterion::measurement::WallTime>,
    mut measure: impl FnMut(&mut criterion::Bencher<'_>, Message),
) {
    group.throughput(Throughput::Elements(BURST as u64));
    for (name, make) in MESSAGES {
        for size in SIZES {
            let id = BenchmarkId::new(name, size);
            group.bench_function(id, |bencher| measure(bencher, make(size)));
        }
    }
}

fn encode_burst(encoder: &mut Encoder, message: &Message, batch: &mut SendBuffer) {
    for _ in 0..BURST {
        encoder.encode(message, batch);
    }
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    each(&mut group, |bencher, message| {
        let (mut encoder, mut batch) = (Encoder::new(1), SendBuffer::new());
        bencher.iter(|| {
            encode_burst(&mut encoder, &message, &mut batch);
            // As after a write that took everything: memory is asked for anew.
            batch.clear();
        });
    });
    group.finish();
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    each(&mut group, |bencher, message| {
        let mut encoder = Encoder::new(1);
        let mut decoder = Decoder::new(1 << 20);
        let mut greeting = Some(hello());
        let mut burst = || {
            let mut batch = SendBuffer::new();
            if let Some(greeting) = greeting.take() {
                encoder.encode(&greeting, &mut batch);
            }
            encode_burst(&mut encoder, &message, &mut batch);
            bytes_of(&batch)
        };
        // Preamble, greeting and symbols come once.
        for count in [BURST + 1, BURST] {
            assert_eq!(decode_all(&mut decoder, &mut burst()), count);
        }
        let burst = burst();
        bencher.iter_batched_ref(
            || burst.clone(),
            |buffer| {
                assert_eq!(decode_all(&mut decoder, buffer), BURST);
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn decode_all(decoder: &mut Decoder, buffer: &mut BytesMut) -> usize {
    std::iter::from_fn(|| decoder.decode(buffer).ok().flatten()).count()
}

fn bytes_of(batch: &SendBuffer) -> BytesMut {
    let mut slices = [std::io::IoSlice::new(&[]); 4 * BURST];
    let used = batch.slices(&mut slices);
    slices[..used].iter().flat_map(|slice| slice.iter().copied()).collect()
}

criterion_group! {
    name = codec;
    config = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2));
    targets = encode, decode
}
criterion_main!(codec);
