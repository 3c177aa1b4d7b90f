//! Deadlines of requests: nearly all share a few timeouts, and nearly all end long before.

use std::collections::VecDeque;
use std::time::Duration;

use crate::ids::CallId;
use crate::steps;
use crate::time::Time;

/// Different timeouts that have a line of their own; further ones are left to the general timers.
const MAX_LINES: usize = 8;
/// Ended requests that may stay in a line before it is looked through.
const SPARE: usize = 64;

/// One line per timeout. Time does not run backwards, so each line is in order: to set a deadline
/// is to append it, to clear one costs nothing until it comes to the front.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    lines: Vec<Line>,
    len: usize,
}

/// The front of a line is always a request under way.
#[derive(Debug)]
struct Line {
    timeout: Duration,
    queue: VecDeque<(Time, CallId)>,
    /// Entries whose request has ended.
    ended: usize,
}

impl Deadlines {
    /// Deadlines that are set.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Sets the deadline of a new request; false: it must be set elsewhere.
    pub(crate) fn add(&mut self, now: Time, timeout: Duration, call: CallId) -> bool {
        let due = now + timeout;
        let line = match self.lines.iter_mut().position(|line| line.timeout == timeout) {
            Some(index) => &mut self.lines[index],
            None if self.lines.len() < MAX_LINES => {
                self.lines.push(Line { timeout, queue: VecDeque::new(), ended: 0 });
                let last = self.lines.len() - 1;
                &mut self.lines[last]
            }
            None => return false,
        };
        if line.queue.back().is_some_and(|(last, _)| *last > due) {
            return false;
        }
        line.queue.push_back((due, call));
        self.len += 1;
        true
    }

    /// A request that may have a deadline here has ended. `lives` says which have not.
    pub(crate) fn end(&mut self, timeout: Duration, call: CallId, lives: impl Fn(CallId) -> bool) {
        let Some(index) = self.lines.iter().position(|line| line.timeout == timeout) else {
            return;
        };
        let line = &mut self.lines[index];
        self.len -= 1;
        if line.queue.front().is_some_and(|(_, first)| *first == call) {
            line.queue.pop_front();
            line.skip_ended(&lives);
        } else {
            line.ended += 1;
            if line.ended > SPARE + line.queue.len() / 2 {
                steps::count(line.queue.len());
                line.queue.retain(|(_, call)| lives(*call));
                line.ended = 0;
            }
        }
        if line.queue.is_empty() {
            self.lines.swap_remove(index);
        }
    }

    /// When the next one passes.
    pub(crate) fn next(&self) -> Time {
        let fronts = self.lines.iter().filter_map(|line| line.queue.front());
        fronts.map(|(due, _)| *due).min().unwrap_or(Time::NEVER)
    }

    /// A request whose deadline has passed. It has to end before this is asked again.
    pub(crate) fn due(&self, now: Time) -> Option<CallId> {
        let fronts = self.lines.iter().filter_map(|line| line.queue.front());
        let (due, call) = *fronts.min()?;
        (due <= now).then_some(call)
    }
}

impl Line {
    fn skip_ended(&mut self, lives: &impl Fn(CallId) -> bool) {
        while self.queue.front().is_some_and(|(_, call)| !lives(*call)) {
            steps::count(1);
            self.queue.pop_front();
            self.ended -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn as_a_sorted_table_would_do_it() {
        let mut deadlines = Deadlines::default();
        let mut model = BTreeMap::new();
        let (mut state, mut now) = (1u64, Time(1));
        for number in 0..50_000u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(number);
            now = now + Duration::from_millis(state >> 60);
            let timeout = seconds(1 + (state >> 40) % 6);
            let call = CallId(number);
            assert!(deadlines.add(now, timeout, call));
            model.insert(call, (now + timeout, timeout));
            // Some end at once, some later, some by their deadline.
            while model.len() > 100 {
                let victim = *model.keys().nth((state >> 33) as usize % model.len()).unwrap();
                let (_, timeout) = model.remove(&victim).unwrap();
                deadlines.end(timeout, victim, |call| model.contains_key(&call));
            }
            while let Some(call) = deadlines.due(now) {
                let (due, timeout) = model.remove(&call).unwrap();
                assert!(due <= now);
                deadlines.end(timeout, call, |call| model.contains_key(&call));
            }
            let next = model.values().map(|(due, _)| *due).min().unwrap_or(Time::NEVER);
            assert_eq!(deadlines.next(), next);
            assert_eq!(deadlines.len(), model.len());
            let held: usize = deadlines.lines.iter().map(|line| line.queue.len()).sum();
            assert!(held <= 6 * (2 * SPARE + 200), "{held} entries");
        }
    }

    #[test]
    fn too_many_different_timeouts_are_left_to_others() {
        let mut deadlines = Deadlines::default();
        for number in 0..MAX_LINES as u64 {
            assert!(deadlines.add(Time(1), seconds(1 + number), CallId(number)));
        }
        assert!(!deadlines.add(Time(1), seconds(100), CallId(100)));
        deadlines.end(seconds(1), CallId(0), |_| true);
        assert!(deadlines.add(Time(1), seconds(100), CallId(100)));
    }
}
