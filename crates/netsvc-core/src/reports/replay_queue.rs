//! Replays that are still to be asked for over one link, some of each publisher at a time.
//!
//! When a link comes up, every subscription asks every service it concerns for kept values. That
//! is the product of two numbers, more than fits into the outboxes here, at the hub and on the way
//! back. So a replay to be asked for is an id in a row, and becomes a message when earlier ones of
//! the same publisher have been answered. A publisher that does not answer holds up nobody else.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::ids::ProcessNo;
use crate::limits::{MAX_REPLAYS, MAX_REPLAYS_OF_LINK};

/// What is to be asked over one link.
#[derive(Debug, Default)]
pub(crate) struct ReplayQueue {
    /// Not looked at yet.
    incoming: Rows,
    /// Those of which something is under way or waits.
    publishers: FxHashMap<ProcessNo, Publisher>,
    /// Publishers of which more may be asked for, unless that changed meanwhile.
    free: VecDeque<ProcessNo>,
    /// Those that were asked for and are not answered, wanted or not, and of whom: hubs and
    /// publishers count them, too.
    under_way: FxHashMap<u32, ProcessNo>,
}

#[derive(Debug, Default)]
struct Publisher {
    under_way: usize,
    waiting: Rows,
    /// It is in `free`.
    listed: bool,
}

/// Ids of replays that follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    first: u32,
    count: u32,
}

#[derive(Debug, Default)]
struct Rows(VecDeque<Row>);

impl ReplayQueue {
    /// These are to be asked for.
    pub(crate) fn add(&mut self, row: Row) {
        self.incoming.push(row);
    }

    /// There may be one to be asked for now.
    pub(crate) fn may_ask(&self) -> bool {
        self.has_room() && (!self.incoming.0.is_empty() || !self.free.is_empty())
    }

    /// Whether one was asked for and is not answered.
    pub(crate) fn has_asked(&self, id: u32) -> bool {
        self.under_way.contains_key(&id)
    }

    /// Takes out one that has waited and may be asked for now.
    pub(crate) fn next_waiting(&mut self) -> Option<(u32, ProcessNo)> {
        while self.has_room()
            && let Some(process) = self.free.pop_front()
        {
            let Some(publisher) = self.publishers.get_mut(&process) else { continue };
            publisher.listed = false;
            if publisher.under_way >= MAX_REPLAYS {
                continue;
            }
            let Some(id) = publisher.waiting.pop() else { continue };
            self.list(process);
            return Some((id, process));
        }
        None
    }

    /// Takes out one that nobody has looked at yet.
    pub(crate) fn next_incoming(&mut self) -> Option<u32> {
        if self.has_room() { self.incoming.pop() } else { None }
    }

    /// Whether another of a publisher may be asked for; if not, `id` has to wait.
    pub(crate) fn admits(&mut self, id: u32, process: ProcessNo) -> bool {
        let Some(publisher) = self.publishers.get_mut(&process) else { return true };
        let admits = publisher.under_way < MAX_REPLAYS && publisher.waiting.0.is_empty();
        if !admits {
            publisher.waiting.push(Row::from(id));
            self.list(process);
        }
        admits
    }

    /// One of a publisher is asked for.
    pub(crate) fn begin(&mut self, id: u32, process: ProcessNo) {
        self.publishers.entry(process).or_default().under_way += 1;
        self.under_way.insert(id, process);
    }

    /// One that was asked for is answered.
    pub(crate) fn end(&mut self, id: u32) {
        let Some(process) = self.under_way.remove(&id) else { return };
        if let Some(publisher) = self.publishers.get_mut(&process) {
            debug_assert!(publisher.under_way > 0, "each begins once and ends once");
            publisher.under_way = publisher.under_way.saturating_sub(1);
        }
        self.list(process);
        self.forget_idle(process);
    }

    /// Nothing is under way or waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.incoming.0.is_empty() && self.publishers.is_empty()
    }

    /// Replays under way, and rows that wait.
    pub(crate) fn len(&self) -> usize {
        let waiting = self.publishers.values().map(|one| one.waiting.0.len());
        waiting.sum::<usize>() + self.under_way.len() + self.incoming.0.len()
    }

    fn has_room(&self) -> bool {
        self.under_way.len() < MAX_REPLAYS_OF_LINK
    }

    /// Something of a publisher waits, and may not have to any more.
    fn list(&mut self, process: ProcessNo) {
        if let Some(publisher) = self.publishers.get_mut(&process)
            && publisher.under_way < MAX_REPLAYS
            && !publisher.waiting.0.is_empty()
            && !publisher.listed
        {
            publisher.listed = true;
            self.free.push_back(process);
        }
    }

    /// Forgets a publisher of which nothing is under way or waits, as when what was taken out is
    /// not to be asked for after all.
    pub(crate) fn forget_idle(&mut self, process: ProcessNo) {
        let known = self.publishers.get(&process);
        if known.is_some_and(|known| known.under_way == 0 && known.waiting.0.is_empty()) {
            self.publishers.remove(&process);
        }
    }
}

impl From<u32> for Row {
    fn from(id: u32) -> Self {
        Self { first: id, count: 1 }
    }
}

impl Row {
    /// Takes in what follows; false: the other does not follow.
    pub(crate) fn extend(&mut self, other: Self) -> bool {
        let follows = self.first.wrapping_add(self.count) == other.first;
        if follows {
            self.count += other.count;
        }
        follows
    }
}

impl Rows {
    fn push(&mut self, row: Row) {
        if !self.0.back_mut().is_some_and(|last| last.extend(row)) {
            self.0.push_back(row);
        }
    }

    fn pop(&mut self) -> Option<u32> {
        let row = self.0.front_mut()?;
        let id = row.first;
        if row.count > 1 {
            *row = Row { first: id.wrapping_add(1), count: row.count - 1 };
        } else {
            self.0.pop_front();
        }
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ProcessNo = ProcessNo(1);
    const B: ProcessNo = ProcessNo(2);

    /// Asks for whatever may be asked for; `of` says whose an id is.
    fn ask(asks: &mut ReplayQueue, of: impl Fn(u32) -> ProcessNo) -> Vec<u32> {
        let mut asked = Vec::new();
        loop {
            let (id, process) = match asks.next_waiting() {
                Some(found) => found,
                None => match asks.next_incoming() {
                    Some(id) if asks.admits(id, of(id)) => (id, of(id)),
                    Some(_) => continue,
                    None => return asked,
                },
            };
            asks.begin(id, process);
            asked.push(id);
        }
    }

    #[test]
    fn rows_go_on_across_the_end_of_numbers() {
        let mut rows = Rows::default();
        rows.push(Row { first: u32::MAX, count: 2 });
        rows.push(Row { first: 1, count: 1 });
        rows.push(Row { first: 7, count: 1 });
        assert_eq!(rows.0.len(), 2);
        let popped: Vec<u32> = std::iter::from_fn(|| rows.pop()).collect();
        assert_eq!(popped, [u32::MAX, 0, 1, 7]);
    }

    #[test]
    fn of_each_publisher_no_more_than_allowed_are_under_way() {
        let mut asks = ReplayQueue::default();
        let of = |id| if id < 1000 { A } else { B };
        asks.add(Row { first: 0, count: 1010 });
        let first: Vec<u32> = (0..256).chain(1000..1010).collect();
        assert_eq!(ask(&mut asks, of), first);
        assert!(!asks.may_ask() && !asks.is_idle());
        // Whoever comes later waits behind those of its publisher.
        asks.add(Row { first: 500, count: 1 });
        assert_eq!(ask(&mut asks, of), []);
        asks.end(1000);
        assert!(!asks.may_ask());
        asks.end(0);
        asks.end(1);
        assert!(asks.may_ask());
        assert_eq!(ask(&mut asks, of), [256, 257]);
    }

    #[test]
    fn all_are_asked_for_and_nothing_is_left() {
        let mut asks = ReplayQueue::default();
        asks.add(Row { first: 0, count: 3000 });
        let of = |id| if id % 2 == 0 { A } else { B };
        let mut asked = Vec::new();
        loop {
            let now = ask(&mut asks, of);
            if now.is_empty() {
                break;
            }
            for id in &now {
                asks.end(*id);
            }
            asked.extend(now);
        }
        assert!(asks.is_idle() && asks.len() == 0);
        asked.sort_unstable();
        assert_eq!(asked, (0..3000).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_no_longer_wanted_takes_no_place() {
        let mut asks = ReplayQueue::default();
        asks.add(Row { first: 0, count: 300 });
        assert_eq!(ask(&mut asks, |_| A).len(), 256);
        for id in 0..256 {
            asks.end(id);
        }
        while let Some((_, process)) = asks.next_waiting() {
            asks.forget_idle(process);
        }
        assert!(asks.is_idle());
    }
}
