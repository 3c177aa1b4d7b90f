//! Time of each step when a process with many services comes and goes. For a quick look.
#![allow(clippy::print_stdout, reason = "it is what it is for")]

use std::time::{Duration, Instant};

use netsvc_bench::Discovery;

const SERVICES: usize = 1000;

fn main() {
    let rounds = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(100);
    let mut best = [Duration::MAX; 5];
    for _ in 0..rounds {
        let mut times = [Duration::ZERO; 5];
        let mut world = timed(&mut times[0], || Discovery::new(SERVICES));
        world.join();
        timed(&mut times[1], || world.welcome());
        world.carry();
        assert_eq!(timed(&mut times[2], || world.hear()), SERVICES);
        timed(&mut times[3], || world.lose());
        world.carry();
        assert_eq!(timed(&mut times[4], || world.hear()), SERVICES);
        best = std::array::from_fn(|step| best[step].min(times[step]));
    }
    let [made, snapshot, heard, lost, gone] = best.map(|time| time.as_micros());
    println!(
        "{SERVICES} services, µs: create and announce {made}, snapshot {snapshot}, hear {heard}, \
         lose {lost}, hear of it {gone}"
    );
}

fn timed<T>(time: &mut Duration, step: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = step();
    *time += start.elapsed();
    result
}
