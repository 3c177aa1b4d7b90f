//! What waits for the application, in one order over all kinds.

use std::collections::{BTreeSet, VecDeque};

use crate::delivery::event::Event;
use crate::ids::{CallId, LinkId, ProcessNo, SubscriptionId, WatchId};

use super::held::Held;

/// Entries that may wait while hints are still added.
const MAX_HINTS: usize = 16_384;

/// Events of links that may wait while connections are still accepted. They cannot be dropped, and
/// whoever connects causes some: so nobody else does, until the application has taken them.
const MAX_LINK_EVENTS: usize = 4096;

/// Pieces of memory that may be kept alive before an application that takes nothing counts as busy.
/// Each is what was read at once: 64 KiB, or one large frame.
const MAX_UNHEARD: u32 = 32;

/// Invocations that were taken back and may stay in the queue.
const MAX_STALE: usize = 1024;

/// Something to be told that is not in a queue of its own.
#[derive(Debug)]
pub(crate) enum Pending {
    Event(Event),
    /// The invocation's particulars are in the in-flight table, so that cancelling takes it back.
    Invoke(CallId),
    /// The amount, which may still grow, is in the in-flight table.
    Credit(CallId),
}

/// A queue of its own that has a next entry, and the credit to deliver it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    Watch(WatchId),
    Subscription(SubscriptionId),
}

/// What comes next.
pub(crate) enum Next {
    Pending(Pending),
    Source(Source),
}

/// Subscriptions and watches have bounded queues and credit of their own; everything else has
/// this one. A stamp, drawn for each entry of any of them, says what came first.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    pending: VecDeque<(u64, Pending)>,
    /// So many of `pending`, the first, are requests whose deadline passed. The time decided that,
    /// not a peer, so they have no place among what peers have sent: they are told before, with a
    /// stamp of 0.
    overdue: usize,
    ready: BTreeSet<(u64, Source)>,
    /// One more entry of `ready`, most of the time the only one: a burst for one subscription does
    /// not touch the tree.
    spare: Option<(u64, Source)>,
    /// Pieces of memory kept since the application took something.
    unheard: u32,
    last_stamp: u64,
    /// Contents of what arrived last had to be kept; those of what comes next likely will.
    pub(crate) last_was_kept: bool,
    /// Invocations among `pending` that were taken back.
    stale: usize,
    /// Events of links among `pending`, without hints.
    of_links: usize,
    /// Invocations whose turn has come, and whose link has no room for answers.
    held: Option<Box<Held>>,
}

impl Deliveries {
    pub(crate) fn stamp(&mut self) -> u64 {
        self.last_stamp += 1;
        self.last_stamp
    }

    /// What was read at once has been applied. `kept`: somebody holds parts of it.
    pub(crate) fn applied(&mut self, kept: bool) {
        self.unheard = self.unheard.saturating_add(u32::from(kept));
    }

    /// The application takes nothing at present: contents must be ready to wait.
    pub(crate) fn is_waiting(&self) -> bool {
        self.unheard >= MAX_UNHEARD
    }

    pub(crate) fn push(&mut self, event: Event) {
        let event = if self.is_waiting() { event.detached() } else { event };
        self.of_links += usize::from(event.tells_of_link());
        let stamp = self.stamp();
        self.pending.push_back((stamp, Pending::Event(event)));
    }

    /// What was pushed last, the outcome of a request whose deadline passed, is told first.
    pub(crate) fn hasten_last(&mut self) {
        if let Some((_, last)) = self.pending.pop_back() {
            self.pending.insert(self.overdue, (0, last));
            self.overdue += 1;
        }
    }

    /// The next request whose deadline passed.
    pub(crate) fn next_overdue(&mut self) -> Option<Event> {
        self.overdue = self.overdue.checked_sub(1)?;
        match self.pending.pop_front()? {
            (_, Pending::Event(event)) => Some(event),
            _ => None,
        }
    }

    /// Takes out what is to be told, but for what is in other tables.
    pub(crate) fn take_events(&mut self) -> impl Iterator<Item = Event> {
        self.overdue = 0;
        std::mem::take(&mut self.pending).into_iter().filter_map(|(_, pending)| match pending {
            Pending::Event(event) => Some(event),
            Pending::Invoke(_) | Pending::Credit(_) => None,
        })
    }

    /// An event that says nothing the application could not ask for, and that peers can cause in
    /// any number: dropped while too much is waiting.
    pub(crate) fn push_hint(&mut self, event: Event) {
        if self.pending.len() < MAX_HINTS {
            self.push(event);
        }
    }

    /// The application is to take what it was told of links before others are accepted.
    pub(crate) fn is_behind_with_links(&self) -> bool {
        self.of_links >= MAX_LINK_EVENTS
    }

    pub(crate) fn push_invoke(&mut self, call: CallId) {
        let stamp = self.stamp();
        self.pending.push_back((stamp, Pending::Invoke(call)));
    }

    /// An invocation whose turn has come has to wait for the others of its link.
    #[cold]
    pub(crate) fn hold(&mut self, link: LinkId, caller: ProcessNo, call: CallId) {
        self.held.get_or_insert_default().push(link, caller, call);
    }

    /// Those that are held back, if any are.
    #[inline]
    pub(crate) fn held(&self) -> Option<&Held> {
        self.held.as_deref()
    }

    /// Takes out the next of a link that are held back.
    #[cold]
    pub(crate) fn next_held(&mut self, link: LinkId) -> Option<CallId> {
        let call = self.held.as_mut()?.pop(link);
        self.held = self.held.take().filter(|held| !held.is_empty());
        call
    }

    pub(crate) fn push_credit(&mut self, call: CallId) {
        let stamp = self.stamp();
        self.pending.push_back((stamp, Pending::Credit(call)));
    }

    /// An invocation was taken back before the application was told of it. Those for which
    /// `is_wanted` does not hold are removed, since an application that does not listen must not
    /// let them pile up; but only now and then, so that it costs little.
    pub(crate) fn take_back_invoke(&mut self, is_wanted: impl Fn(CallId) -> bool) {
        self.stale += 1;
        let held = self.held.as_ref().map_or(0, |held| held.len());
        let waiting = self.pending.len() + held;
        if self.stale >= MAX_STALE.max(waiting / 2) {
            crate::steps::count(waiting);
            self.pending.retain(|(_, pending)| match pending {
                Pending::Invoke(call) => is_wanted(*call),
                Pending::Event(_) | Pending::Credit(_) => true,
            });
            if let Some(mut held) = self.held.take() {
                held.retain(is_wanted);
                self.held = Some(held).filter(|held| !held.is_empty());
            }
            self.stale = 0;
        }
    }

    /// The source's oldest entry has this stamp, and it has credit.
    pub(crate) fn ready(&mut self, stamp: u64, source: Source) {
        let entry = (stamp, source);
        match self.spare {
            _ if self.spare == Some(entry) => {}
            None if !self.ready.contains(&entry) => self.spare = Some(entry),
            _ => {
                self.ready.insert(entry);
            }
        }
    }

    /// The source's entry with this stamp is gone.
    pub(crate) fn unready(&mut self, stamp: u64, source: Source) {
        if self.spare == Some((stamp, source)) {
            self.spare = None;
        } else {
            self.ready.remove(&(stamp, source));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.spare.is_none() && self.ready.is_empty()
    }

    /// Takes out what came first. A source must be made ready again for its following entry.
    pub(crate) fn next(&mut self) -> Option<Next> {
        self.unheard = 0;
        let pending = self.pending.front().map(|(stamp, _)| *stamp);
        let source = self.spare.into_iter().chain(self.ready.first().copied()).min();
        match (pending, source) {
            (pending, Some((stamp, source))) if pending.is_none_or(|pending| stamp < pending) => {
                self.unready(stamp, source);
                Some(Next::Source(source))
            }
            _ => {
                let (_, pending) = self.pending.pop_front()?;
                self.overdue = self.overdue.saturating_sub(1);
                if let Pending::Event(event) = &pending {
                    self.of_links -= usize::from(event.tells_of_link());
                }
                Some(Next::Pending(pending))
            }
        }
    }
}
