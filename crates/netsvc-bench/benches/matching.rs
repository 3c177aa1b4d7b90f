//! Subjects against patterns: one pattern of each shape, and a subscriber that has many.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use netsvc_bench::{Relay, Shape, Step};
use netsvc_core::Pattern;

const SUBJECT: &str = "temperature.house.kitchen";

/// Messages that arrive at once.
const BURST: usize = 64;

fn pattern(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pattern");
    for (name, text, matches) in [
        ("all", "*", true),
        ("exact", SUBJECT, true),
        ("exact, other", "temperature.house.cellar", false),
        ("prefix", "temperature.*", true),
        ("prefix, other", "humidity.*", false),
        ("suffix", "*.kitchen", true),
        ("middle", "temperature.*.kitchen", true),
        ("question marks", "temperature.?????.kitchen", true),
        ("many stars, other", "*e*e*e*e*e*e*e*e*", false),
    ] {
        let pattern = Pattern::new(text);
        assert_eq!(pattern.matches(SUBJECT), matches, "{text}");
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(&pattern).matches(black_box(SUBJECT)));
        });
    }
    group.finish();
}

fn subscriber(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hear");
    group.throughput(Throughput::Elements(BURST as u64));
    for patterns in [1, 10, 100, 1000] {
        let mut relay = Relay::new(Shape { patterns, ..Shape::default() });
        let content = Bytes::from(vec![7; 128]);
        group.bench_function(BenchmarkId::new("patterns", patterns), |bencher| {
            bencher.iter_custom(|rounds| relay.time(Step::Hear, rounds, BURST, &content));
        });
    }
    group.finish();
}

criterion_group! {
    name = matching;
    config = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2));
    targets = pattern, subscriber
}
criterion_main!(matching);
