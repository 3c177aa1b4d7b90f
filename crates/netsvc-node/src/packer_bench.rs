//! What packing an event for JavaScript costs.
//!
//! A program of its own, the root of which lies among the addon's modules: the addon exports
//! nothing to Rust and needs Node to be loaded, the modules of its packer do not.
#![allow(dead_code, unused_imports, reason = "the modules have what only the addon and tests use")]
#![allow(missing_docs, reason = "of what criterion's macro makes")]

mod deliveries;
mod numbers;

use bytes::Bytes;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use netsvc_core::{
    CallId, Content, DeliveredReport, Event, Invocation, Outcome, ProcessId, ServiceId, ServiceNo,
    SubscriptionId,
};

use deliveries::buffer::Buffer;
use deliveries::encode::Packer;

/// Events of a batch. All sizes fit.
const BATCH: u32 = 16;

/// What JavaScript provides: words for deliveries, and bytes for what they refer to.
const WORDS: usize = 4096;
const MEMORY: usize = 32 << 10;

/// Makes the nth event of a batch, with a content of that many bytes.
type Make = fn(u32, usize) -> Event;

fn report(index: u32, size: usize) -> Event {
    Event::Report {
        subscription: SubscriptionId(1),
        report: DeliveredReport {
            service: ServiceNo(3),
            id: ServiceId { process: ProcessId([1; 16]), counter: 1 },
            name: "publisher".into(),
            subject: "temperature.kitchen".into(),
            sequence: index.into(),
            replayed: false,
            resumed: false,
            missed: 0,
            content: Content::raw(vec![7; size]),
            extensions: Bytes::new(),
        },
    }
}

fn invoke(index: u32, size: usize) -> Event {
    Event::Invoke(Invocation {
        call: CallId(index.into()),
        service: ServiceNo(3),
        method: "echo".into(),
        caller: ProcessId([1; 16]),
        caller_label: "gateway:1234".into(),
        remaining: Duration::from_secs(5),
        parts: 0,
        content: Content::raw(vec![7; size]),
        extensions: Bytes::new(),
    })
}

fn outcome(index: u32, size: usize) -> Event {
    let outcome = Outcome::Response(Content::raw(vec![7; size]));
    Event::Outcome { key: index.into(), outcome, extensions: Bytes::new() }
}

fn pack(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pack");
    group.throughput(Throughput::Elements(BATCH.into()));
    for (name, make) in [("report", report as Make), ("invoke", invoke), ("outcome", outcome)] {
        for size in [16, 128, 1024] {
            let mut packer = Packer::default();
            let (mut words, mut memory) = (vec![0; WORDS], vec![0; MEMORY]);
            let events: Vec<_> = (0..BATCH).map(|index| make(index, size)).collect();
            group.bench_function(BenchmarkId::new(name, size), |bencher| {
                bencher.iter(|| {
                    let batch = packer.begin(&mut words, Buffer::new(&mut memory, 0));
                    let fits = batch.is_some_and(|mut batch| {
                        let fits = events.iter().all(|event| batch.push_event(event));
                        batch.finish(false);
                        fits
                    });
                    assert!(fits, "the batch is too small");
                    black_box(&words);
                });
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = packer;
    config = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2));
    targets = pack
}
criterion_main!(packer);
