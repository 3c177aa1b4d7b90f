//! What an attack did to the hub and to good clients.

use std::time::{Duration, Instant};

use crate::journal::{Answer, Entries};

/// A good request that takes longer is not answered in time.
pub(crate) const LONG: Duration = Duration::from_millis(100);

pub(crate) struct Figures {
    /// Resident memory of the hub in MiB: before, at most, and after.
    pub(crate) memory: [f64; 3],
    /// Seconds of a processor that the hub used from the attack's beginning.
    pub(crate) cpu: f64,
    pub(crate) requests: usize,
    /// Of good requests that were answered or failed, in milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) most: f64,
    /// What good requests failed with, and how many.
    pub(crate) faults: Vec<(String, usize)>,
    pub(crate) thrown_out: Vec<String>,
    pub(crate) reports: u64,
    pub(crate) missed: u64,
    pub(crate) newcomers: usize,
    pub(crate) locked_out: Vec<String>,
    /// The newcomer that took longest, in milliseconds.
    pub(crate) slowest: f64,
    /// From the attack's end until good requests were answered in time, in seconds.
    pub(crate) recovery: f64,
    /// What the attack said of itself.
    pub(crate) said: String,
    /// What else went wrong: the attack got what nobody may have, did not end, ended the hub.
    pub(crate) wrong: Vec<String>,
}

impl Figures {
    pub(crate) fn new(entries: Entries, end: Instant) -> Self {
        let mut took: Vec<f64> = entries.answers.iter().map(|a| milliseconds(a.took())).collect();
        took.sort_by(f64::total_cmp);
        let quantile = |percent: usize| {
            let place = (took.len() * percent / 100).min(took.len().saturating_sub(1));
            took.get(place).copied().unwrap_or(f64::NAN)
        };
        let newcomers = entries.newcomers.iter();
        Self {
            memory: [0.0; 3],
            cpu: 0.0,
            requests: took.len(),
            p50: quantile(50),
            p99: quantile(99),
            most: quantile(100),
            faults: counted(entries.answers.iter().filter_map(|answer| answer.fault.as_deref())),
            thrown_out: entries.thrown_out,
            reports: entries.reports,
            missed: entries.missed,
            newcomers: entries.newcomers.len(),
            slowest: newcomers.map(|one| milliseconds(one.took)).fold(0.0, f64::max),
            locked_out: entries.newcomers.into_iter().filter_map(|one| one.fault).collect(),
            recovery: recovery(&entries.answers, end).as_secs_f64(),
            said: String::new(),
            wrong: Vec::new(),
        }
    }

    pub(crate) fn errors(&self) -> usize {
        self.faults.iter().map(|(_, count)| count).sum()
    }
}

/// From the attack's end until the last good request had ended that failed or was slow.
fn recovery(answers: &[Answer], end: Instant) -> Duration {
    let is_slow = |answer: &Answer| answer.took() > LONG;
    let bad = answers.iter().filter(|answer| answer.fault.is_some() || is_slow(answer));
    bad.map(|answer| answer.ended.saturating_duration_since(end)).max().unwrap_or_default()
}

fn counted<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<(String, usize)> {
    let mut counts = std::collections::BTreeMap::new();
    texts.for_each(|text| *counts.entry(text.to_owned()).or_insert(0) += 1);
    counts.into_iter().collect()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
