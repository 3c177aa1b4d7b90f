//! How much is held, and how much may be.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::shared_bytes::SharedTotal;

/// The budget of a process. Whoever holds something has a reference, and counts by itself.
///
/// It changes under the lock around the process, but for what is shared: plain loads and stores
/// would do. Atomics make it a part of what may move between threads.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    limit: usize,
    /// What is held for one link alone.
    alone: AtomicUsize,
    /// What is held for several.
    shared: SharedTotal,
    /// What is remembered and can be found out again.
    remembered: AtomicUsize,
    /// That is to be forgotten, and does not count any more.
    forgets: AtomicBool,
    /// It was exceeded, and nothing has been done about that yet.
    exceeded: AtomicBool,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn shared(&self) -> &SharedTotal {
        &self.shared
    }

    /// Bytes that are held.
    pub(crate) fn held(&self) -> usize {
        self.needed() + self.remembered.load(Ordering::Relaxed)
    }

    /// Those of them that are not only remembered.
    pub(crate) fn needed(&self) -> usize {
        self.alone.load(Ordering::Relaxed) + self.shared.bytes()
    }

    /// Bytes that may still be held.
    pub(crate) fn left(&self) -> usize {
        self.limit.saturating_sub(self.held())
    }

    /// What has counted as `counted` is `now`.
    pub(crate) fn recount(&self, counted: &mut usize, now: usize) {
        let alone = self.alone.load(Ordering::Relaxed) - *counted + now;
        self.alone.store(alone, Ordering::Relaxed);
        *counted = now;
        self.check();
    }

    /// So many bytes are remembered.
    pub(crate) fn remember(&self, bytes: usize) {
        self.remembered.store(bytes, Ordering::Relaxed);
        self.check();
    }

    /// So many may be: the rest is for what cannot be found out again.
    pub(crate) fn may_remember(&self) -> usize {
        self.limit / 32
    }

    /// Gives up what is remembered; true: there was something.
    pub(crate) fn forget(&self) -> bool {
        let had = self.remembered.swap(0, Ordering::Relaxed) > 0;
        self.forgets.fetch_or(had, Ordering::Relaxed);
        had
    }

    /// Whether what is remembered was given up since this was last asked.
    pub(crate) fn take_forgets(&self) -> bool {
        self.forgets.swap(false, Ordering::Relaxed)
    }

    /// Whether so much more of requests of this process's application may wait for a provider,
    /// beside what does: they can be refused, and leave room for what cannot.
    pub(crate) fn may_park(&self, parked: usize, more: usize) -> bool {
        parked + more <= self.limit / 4 && self.left() >= self.limit / 16 + more
    }

    fn check(&self) {
        if self.held() > self.limit {
            self.exceeded.store(true, Ordering::Relaxed);
        }
    }

    /// Whether it was exceeded since this was last asked.
    pub(crate) fn take_exceeded(&self) -> bool {
        self.exceeded.swap(false, Ordering::Relaxed)
    }

    /// Whether it was exceeded, and something is to be done about that.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.exceeded.load(Ordering::Relaxed)
    }

    /// So much is left when something had to be shed: otherwise there would be as little work to be
    /// done again with the next message.
    pub(crate) fn goal(&self) -> usize {
        self.limit - self.limit / 64
    }

    /// So little is left that a link that consumes so much is given no more requests: they can be
    /// refused, and leave room for what cannot.
    pub(crate) fn refuses_requests(&self, consumption: usize) -> bool {
        self.left() < self.limit / 16 && consumption > self.limit / 64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_counts_until_it_is_given_up() {
        let budget = Budget::new(1000);
        budget.remember(30);
        assert_eq!((budget.held(), budget.take_forgets()), (30, false));
        assert!(budget.forget() && !budget.forget());
        assert_eq!((budget.held(), budget.take_forgets(), budget.take_forgets()), (0, true, false));
    }

    #[test]
    fn what_is_shared_counts_once_and_until_the_last_lets_go() {
        let budget = Budget::new(1000);
        let (mut one, mut other) = (0, 0);
        budget.recount(&mut one, 300);
        let shared = budget.shared().count(vec![0; 500]);
        let part = shared.slice(100..101);
        assert_eq!((budget.held(), budget.left()), (800, 200));
        budget.recount(&mut other, 200);
        assert!(!budget.take_exceeded());
        budget.recount(&mut other, 201);
        assert!(budget.take_exceeded() && !budget.take_exceeded());
        drop(shared);
        assert_eq!(budget.held(), 1001);
        drop(part);
        budget.recount(&mut one, 0);
        budget.recount(&mut other, 0);
        assert_eq!((budget.held(), one, other), (0, 0, 0));
    }
}
