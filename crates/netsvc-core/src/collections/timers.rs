//! Timers, in the order in which they fire.

use std::collections::BTreeSet;
use std::hash::Hash;

use rustc_hash::FxHashMap;

use crate::time::Time;

/// Timers, one per key.
#[derive(Debug)]
pub(crate) struct Timers<K> {
    order: BTreeSet<(Time, K)>,
    times: FxHashMap<K, Time>,
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Self { order: BTreeSet::new(), times: FxHashMap::default() }
    }
}

impl<K: Copy + Ord + Hash> Timers<K> {
    /// Sets the timer, replacing its former time.
    pub(crate) fn set(&mut self, timer: K, time: Time) {
        self.clear(timer);
        if time != Time::NEVER {
            self.order.insert((time, timer));
            self.times.insert(timer, time);
        }
    }

    /// Sets the timer unless it fires earlier anyway.
    pub(crate) fn set_earlier(&mut self, timer: K, time: Time) {
        if self.times.get(&timer).is_none_or(|set| time < *set) {
            self.set(timer, time);
        }
    }

    pub(crate) fn clear(&mut self, timer: K) {
        if let Some(time) = self.times.remove(&timer) {
            self.order.remove(&(time, timer));
        }
    }

    pub(crate) fn is_set(&self, timer: K) -> bool {
        self.times.contains_key(&timer)
    }

    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    /// When the next one fires.
    pub(crate) fn next(&self) -> Time {
        self.order.first().map_or(Time::NEVER, |(time, _)| *time)
    }

    /// Takes out one that is due.
    pub(crate) fn due(&mut self, now: Time) -> Option<K> {
        let (time, timer) = *self.order.first()?;
        if time > now {
            return None;
        }
        self.clear(timer);
        Some(timer)
    }
}
