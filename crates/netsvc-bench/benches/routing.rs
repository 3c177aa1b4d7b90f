//! What a hub does with a report, a request and a response, as more links and services are around.

use std::time::Duration;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use netsvc_bench::{Relay, Shape, Step};

/// Messages that arrive at once.
const BURST: usize = 64;

const SIZE: usize = 128;

fn routing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("route");
    group.throughput(Throughput::Elements(BURST as u64));
    let links = [1, 8, 64].map(|receivers| {
        let shape = Shape { receivers, ..Shape::default() };
        (Step::RouteReport, format!("{receivers} links"), shape)
    });
    let services = [Step::RouteRequest, Step::RouteResponse].into_iter().flat_map(|step| {
        [1, 1000].map(|services| {
            // One of them is there in any case.
            let shape = Shape { services: services - 1, ..Shape::default() };
            (step, format!("{services} services"), shape)
        })
    });
    for (step, around, shape) in links.into_iter().chain(services) {
        let mut relay = Relay::new(shape);
        let content = Bytes::from(vec![7; SIZE]);
        let name = step.name().trim_start_matches("route ");
        group.bench_function(BenchmarkId::new(name, around), |bencher| {
            bencher.iter_custom(|rounds| relay.time(step, rounds, BURST, &content));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2));
    targets = routing
}
criterion_main!(benches);
