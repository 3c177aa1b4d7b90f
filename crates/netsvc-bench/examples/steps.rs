//! Time of each step of the two workloads, per message. For a quick look; `cargo bench` is careful.
#![allow(clippy::print_stdout, reason = "it is what it is for")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use netsvc_bench::{Relay, Shape};

fn main() {
    let filter = std::env::args().nth(1).unwrap_or_default();
    for (name, shape) in [
        ("1", Shape::default()),
        ("8 receivers", Shape { receivers: 8, ..Shape::default() }),
        ("1000 patterns", Shape { patterns: 1000, ..Shape::default() }),
    ] {
        for size in [16, 128, 1024] {
            if !format!("reports {name} {size}").contains(&filter) {
                continue;
            }
            reports(name, shape, size);
        }
    }
    for (name, shape) in
        [("1", Shape::default()), ("1000 services", Shape { services: 1000, ..Shape::default() })]
    {
        if !format!("requests {name}").contains(&filter) {
            continue;
        }
        requests(name, shape);
    }
}

fn reports(title: &str, shape: Shape, size: usize) {
    let rounds = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2000);
    let burst = 400.min((64 << 10) / size);
    let mut relay = Relay::new(shape);
    let content = Bytes::from(vec![7; size]);
    let mut times = [Duration::ZERO; 3];
    let mut heard = 0;
    for _ in 0..rounds {
        times[0] += timed(|| relay.publish(burst, &content));
        relay.carry_to_hub();
        times[1] += timed(|| relay.route());
        relay.carry_from_hub();
        times[2] += timed(|| heard += relay.hear());
    }
    assert_eq!(heard, rounds * burst * shape.receivers);
    let [publish, relayed, hear] = times.map(|time| time.as_nanos() as usize / (rounds * burst));
    println!("reports {title} {size}: publish {publish} ns, route {relayed} ns, hear {hear} ns");
}

fn requests(title: &str, shape: Shape) {
    let rounds = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(4000);
    let burst = 256;
    let mut relay = Relay::new(shape);
    let content = Bytes::from(vec![7; 128]);
    let mut times = [Duration::ZERO; 5];
    let mut done = 0;
    for _ in 0..rounds {
        times[0] += timed(|| relay.ask(burst, &content));
        relay.carry_to_hub();
        times[1] += timed(|| relay.route());
        relay.carry_from_hub();
        times[2] += timed(|| {
            relay.answer();
        });
        relay.carry_back();
        times[3] += timed(|| relay.route());
        relay.carry_from_hub();
        times[4] += timed(|| done += relay.conclude());
    }
    assert_eq!(done, rounds * burst);
    let [ask, there, answer, back, conclude] =
        times.map(|time| time.as_nanos() as usize / (rounds * burst));
    println!(
        "requests {title}: ask {ask} ns, route {there} ns, answer {answer} ns, \
         route back {back} ns, conclude {conclude} ns"
    );
}

fn timed(step: impl FnOnce()) -> Duration {
    let start = Instant::now();
    step();
    start.elapsed()
}
