//! Which ceilings an attack broke, in words.

use crate::attack::Attack;
use crate::ceilings::{Times, memory_after};
use crate::figures::Figures;
use crate::surroundings::Kind;

/// Every ceiling that was broken; none: the attack harmed nobody.
pub(crate) fn broken(attack: &Attack, kind: Kind, figures: &Figures, times: Times) -> Vec<String> {
    let [start, peak, after] = figures.memory;
    let mut broken = figures.wrong.clone();
    let mut at_most = |what: &str, unit: &str, value: f64, most: f64| {
        // What could not be measured is not within its bounds either.
        if value.is_nan() || value > most {
            broken.push(format!("{what} {value:.1} {unit}, at most {most:.1}"));
        }
    };
    at_most("p99", "ms", figures.p99, times.p99);
    at_most("recovery", "s", figures.recovery, times.recovery);
    at_most("hub CPU", "s", figures.cpu, attack.most_cpu());
    at_most("hub peak", "MiB", peak, start + kind.growth());
    at_most("hub after", "MiB", after, memory_after(start));
    at_most("slowest newcomer", "ms", figures.slowest, times.newcomer);
    broken.extend(figures.faults.iter().map(|(fault, many)| format!("{many} requests: {fault}")));
    broken.extend(figures.thrown_out.iter().map(|who| format!("thrown out: {who}")));
    if let [first, ..] = &figures.locked_out[..] {
        broken.push(format!("{} newcomers not linked: {first}", figures.locked_out.len()));
    }
    if figures.missed > 0 {
        broken.push(format!("{} reports missed", figures.missed));
    }
    if figures.reports == 0 {
        broken.push("no report arrived".into());
    }
    broken
}
