//! Replays that are still to be asked for over one link, a few at a time.
//!
//! When a link comes up, every subscription asks every service it concerns for kept values: products
//! of two numbers, more than fits into outboxes here, at the hub and on the way back. So an ask is an
//! id in a row, and becomes a message when earlier ones have been answered.

use std::collections::VecDeque;

/// Replays that may be under way over one link. Their answers, without values, are 64 KiB on the wire; a
/// hub that relays them for a hundred clients at once holds 10 MiB for a publisher that is slow.
const MAX_UNDER_WAY: usize = 1024;

/// What is to be asked over one link.
#[derive(Debug, Default)]
pub(crate) struct Asks {
    /// Ids of replays in the order in which they are asked for: the first of a row, and how many.
    waiting: VecDeque<(u32, u32)>,
    under_way: usize,
}

impl Asks {
    /// Replays with `count` ids from `first` on are to be asked for.
    pub(crate) fn add(&mut self, first: u32, count: u32) {
        self.waiting.push_back((first, count));
    }

    /// There is one that may be asked for now.
    pub(crate) fn may_ask(&self) -> bool {
        self.under_way < MAX_UNDER_WAY && !self.waiting.is_empty()
    }

    /// Takes out the id of the next, if it may be asked for.
    pub(crate) fn next(&mut self) -> Option<u32> {
        if self.under_way >= MAX_UNDER_WAY {
            return None;
        }
        let (first, count) = self.waiting.pop_front()?;
        if count > 1 {
            self.waiting.push_front((first.wrapping_add(1), count - 1));
        }
        Some(first)
    }

    /// The one taken out last is asked for.
    pub(crate) fn begin(&mut self) {
        self.under_way += 1;
    }

    /// One that was asked for is answered, or no longer wanted.
    pub(crate) fn end(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Nothing is under way or waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.under_way == 0 && self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_asked_in_their_order_across_the_end_of_numbers() {
        let mut asks = Asks::default();
        asks.add(u32::MAX, 3);
        asks.add(7, 1);
        let asked: Vec<u32> = std::iter::from_fn(|| asks.next()).collect();
        assert_eq!(asked, [u32::MAX, 0, 1, 7]);
        assert!(asks.is_idle());
    }

    #[test]
    fn no_more_than_allowed_are_under_way() {
        let mut asks = Asks::default();
        asks.add(1, 2000);
        while asks.next().is_some() {
            asks.begin();
        }
        assert!(!asks.may_ask() && !asks.is_idle());
        asks.end();
        assert!(asks.may_ask());
        assert_eq!(asks.next(), Some(1025));
    }
}
