//! Whose turn it is, when connections of a registry have more to do than they may do at once.
//!
//! A connection with little to read or to write does that as soon as it can. One with more has a
//! long turn, and there is one of these between two looks at the sockets: so a hundred connections
//! that have much to say delay who says one word by one such turn, not by a hundred. While somebody
//! has it the others do [a little](SMALL), and queue for the rest.
//!
//! Every other long turn is for newcomers, as long as there are any: they are not linked before
//! they are told of everything, and much may be told to others just now.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::yield_now;

/// Bytes that are read, or written to one connection, beside a long turn.
pub(crate) const SMALL: usize = 8 << 10;

/// The long turns of one registry.
pub(crate) struct Turns {
    turn: Semaphore,
    /// First come, first served, in each of these. One of each may wait for the turn itself, which
    /// therefore goes to them alternately.
    newcomers: Semaphore,
    others: Semaphore,
    /// How many wait.
    waiting: AtomicUsize,
}

/// A connection's turn.
pub(crate) enum Turn<'a> {
    Long(Long<'a>),
    /// Somebody else has the long one.
    Small,
}

/// A long turn, until it is dropped.
pub(crate) struct Long<'a> {
    turns: &'a Turns,
    newcomer: bool,
    _turn: SemaphorePermit<'a>,
    /// Whoever has not queued has none.
    _place: Option<SemaphorePermit<'a>>,
}

/// A connection that waits for a long turn. It gives up when this is dropped.
pub(crate) type Queued<'a> = Pin<Box<dyn Future<Output = Turn<'a>> + Send + 'a>>;

/// How much may be done in a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Nobody else has much to do.
    Whole,
    /// Others wait for theirs.
    Shared,
    /// They do, and it is a newcomer's.
    Newcomer,
    /// Somebody else has the long turn.
    Small,
}

impl Turns {
    pub(crate) fn new() -> Self {
        let one = || Semaphore::new(1);
        Self { turn: one(), newcomers: one(), others: one(), waiting: AtomicUsize::new(0) }
    }

    /// The turn of a connection that has not left anything undone.
    pub(crate) fn begin(&self) -> Turn<'_> {
        match self.turn.try_acquire() {
            Ok(turn) => {
                Turn::Long(Long { turns: self, newcomer: false, _turn: turn, _place: None })
            }
            Err(_) => Turn::Small,
        }
    }

    /// The next long turn, for a newcomer or another connection.
    pub(crate) async fn wait(&self, newcomer: bool) -> Turn<'_> {
        let _waiting = Waiting::new(&self.waiting);
        let places = if newcomer { &self.newcomers } else { &self.others };
        // They are never closed.
        let (Ok(place), Ok(turn)) = (places.acquire().await, self.turn.acquire().await) else {
            return Turn::Small;
        };
        Turn::Long(Long { turns: self, newcomer, _turn: turn, _place: Some(place) })
    }

    /// As [`wait`](Self::wait), for a connection that does other things meanwhile.
    pub(crate) fn queue(&self, newcomer: bool) -> Queued<'_> {
        Box::pin(self.wait(newcomer))
    }
}

impl Turn<'_> {
    pub(crate) fn extent(&self) -> Extent {
        match self {
            Self::Small => Extent::Small,
            Self::Long(long) if long.turns.waiting.load(Ordering::Relaxed) == 0 => Extent::Whole,
            Self::Long(long) if long.newcomer => Extent::Newcomer,
            Self::Long(_) => Extent::Shared,
        }
    }

    /// Much was done: whoever has become ready meanwhile is looked after before the next long turn
    /// begins.
    pub(crate) async fn end(self) {
        if let Self::Long(long) = self {
            yield_now().await;
            drop(long);
        }
    }
}

/// Counts who waits, also one who gives up.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn now<T>(future: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Option<T> {
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    #[test]
    fn there_is_one_long_turn_and_others_do_little_meanwhile() {
        let turns = Turns::new();
        let first = turns.begin();
        assert_eq!(first.extent(), Extent::Whole);
        assert_eq!(turns.begin().extent(), Extent::Small);
        let mut next = pin!(turns.wait(false));
        assert!(now(next.as_mut()).is_none());
        assert_eq!(first.extent(), Extent::Shared);
        // It is over when others have been looked after.
        let mut end = pin!(first.end());
        assert!(now(end.as_mut()).is_none() && now(next.as_mut()).is_none());
        assert!(now(end).is_some());
        let next = now(next);
        assert_eq!(next.as_ref().map(Turn::extent), Some(Extent::Whole));
        assert_eq!(turns.begin().extent(), Extent::Small);
        drop(next);
        assert_eq!(turns.begin().extent(), Extent::Whole);
    }

    #[test]
    fn every_other_turn_is_for_newcomers() {
        let turns = Turns::new();
        let mut held = Some(turns.begin());
        let classes = [false, false, false, true, true];
        let mut waiting: Vec<_> =
            classes.iter().map(|newcomer| Some(Box::pin(turns.wait(*newcomer)))).collect();
        let mut order = Vec::new();
        while order.len() < classes.len() {
            // All of them look, as they would whenever one is woken.
            let mut came = None;
            for _ in 0..2 {
                for (at, future) in waiting.iter_mut().enumerate() {
                    if let Some(waits) = future
                        && let Some(turn) = now(waits.as_mut())
                    {
                        (came, *future) = (Some(turn), None);
                        order.push(at);
                    }
                }
                // The turn ends.
                held = came.take().or_else(|| held.take().and(None));
            }
        }
        drop(held);
        assert_eq!(order, [0, 3, 1, 4, 2]);
    }

    #[test]
    fn who_gives_up_keeps_nobody_waiting() {
        let turns = Turns::new();
        let first = turns.begin();
        let mut queued = turns.queue(true);
        assert!(now(queued.as_mut()).is_none());
        assert_eq!(first.extent(), Extent::Shared);
        drop(queued);
        assert_eq!(first.extent(), Extent::Whole);
        drop(first);
        assert!(now(pin!(turns.wait(true))).is_some());
    }
}
