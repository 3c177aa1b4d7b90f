//! What is shed when this process holds more for its peers than [`Limits::memory`].
//!
//! The largest consumer is hit first. A link consumes what waits for it, but for control messages;
//! those that it has caused and that wait for others; and what is kept of its peer. In this order:
//! 1. When less than an eighth is left, sources of control messages are held up the sooner
//!    (`shares.rs`): what they may have waiting in an outbox, or in the log of changes, is a part
//!    of what is left.
//! 2. When a sixteenth is left, new requests to links that consume more than a 64th are answered
//!    `overloaded` (`outlet.rs`); and those of this process's application that would wait for a
//!    provider, of which a quarter of the budget may wait at any time (`requests/parked.rs`).
//! 3. When nothing is left, what is remembered of where reports go is forgotten: it will be found
//!    out again, and is a 32nd at most.
//! 4. Then the oldest reports that wait for the largest consumer are dropped and counted, until it
//!    is no longer that, or a 64th is left again.
//! 5. If none wait for it, its link ends; unless all links together consume less than half of the
//!    budget: what is held then is what those have caused that are gone, and is soon read.
//!
//! No link loses anything by this while another consumes a 256th of the budget more, nor one that
//! consumes less than a 1024th.
//!
//! [`Limits::memory`]: crate::Limits::memory

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::ids::LinkId;
use crate::links::Links;
use crate::memory::budget::Budget;
use crate::time::Time;

use super::connection::Connection;
use super::outbound::overflow::Overflow;
use super::timer::LinkTimer;

/// The largest consumer may have such a part of the budget less than the next one when it is no
/// longer looked at: otherwise one report of each would be dropped in turn.
const STEP: usize = 256;
/// A link with less than such a part of the budget is not among those who use it up.
const LEAST: usize = 1024;

impl Links {
    /// Sheds what exceeds the budget, if anything does.
    pub(crate) fn relieve(&mut self) {
        if self.charges.budget.is_exceeded() {
            self.shed();
        }
    }

    /// The budget of this process.
    pub(crate) fn budget(&self) -> &Budget {
        &self.charges.budget
    }

    /// Whether what is remembered was given up, and has yet to be forgotten.
    pub(crate) fn take_forgets(&mut self) -> bool {
        self.charges.budget.take_forgets()
    }

    /// What the peer of a link announces and is interested in.
    pub(crate) fn note_announced(&mut self, link: LinkId, bytes: usize) {
        if let Some(connection) = self.countable(link) {
            connection.count_announced(bytes);
        }
    }

    /// What has arrived of messages of such a peer, and its symbols.
    pub(crate) fn note_arriving(&mut self, link: LinkId, bytes: usize) {
        if let Some(connection) = self.countable(link) {
            connection.count_arriving(bytes);
        }
    }

    /// A connection that this process has accepted, and that is not to end for what it consumes.
    fn countable(&mut self, link: LinkId) -> Option<&mut Connection> {
        let accepts = self.exchange_of(link).is_some_and(super::exchange::Exchange::accepts);
        let connection = self.connection_mut(link)?;
        (accepts && connection.out.overflow().is_none()).then_some(connection)
    }

    #[cold]
    fn shed(&mut self) {
        if !self.charges.budget.take_exceeded() {
            return;
        }
        let budget = Arc::clone(&self.charges.budget);
        if budget.forget() {
            // What has it forgets it then, if not before.
            self.timers.set(LinkTimer::Relief, Time(0));
            if budget.held() <= budget.limit() {
                budget.take_exceeded();
                return;
            }
        }
        let (goal, limit) = (budget.goal(), budget.limit());
        let caused = self.caused();
        while budget.held() > goal {
            let Some(Largest { link, consumption, next, all }) = self.largest_consumer(&caused)
            else {
                break;
            };
            if consumption <= limit / LEAST {
                break;
            }
            let Some(connection) = self.linked_mut(link) else { break };
            let surplus = consumption.saturating_sub(next) + limit / STEP;
            let floor = connection.out.consumption().saturating_sub(surplus);
            let mut dropped = false;
            while budget.held() > goal
                && connection.out.consumption() > floor
                && connection.out.drop_report()
            {
                dropped = true;
            }
            if !dropped && all <= limit / 2 {
                break;
            }
            if !dropped {
                // It ends at its next timer, as nothing may end it in the middle of a change that
                // concerns many links; until then it counts for nothing.
                let waits = connection.out.consumption() > consumption / 2;
                let overflow = if waits { Overflow::MemoryWaits } else { Overflow::MemoryKept };
                connection.uncount(overflow);
                self.timers.set(LinkTimer::Link(link), Time(0));
            }
        }
        // What it was exceeded by meanwhile is less.
        budget.take_exceeded();
    }

    /// What links have caused that waits for others.
    fn caused(&self) -> FxHashMap<LinkId, usize> {
        let mut caused = FxHashMap::default();
        for (_, connection) in self.all_linked() {
            for (source, bytes) in connection.out.charges() {
                *caused.entry(source).or_default() += bytes;
            }
        }
        for (source, bytes) in self.changes.charges() {
            *caused.entry(source).or_default() += bytes;
        }
        caused
    }

    fn largest_consumer(&self, caused: &FxHashMap<LinkId, usize>) -> Option<Largest> {
        let mut largest: Option<Largest> = None;
        let mut all = 0;
        for (link, connection) in self.all_linked() {
            if connection.out.overflow().is_some() {
                continue;
            }
            let (link, kept) = (link.id, connection.announced + connection.arriving);
            let elsewhere = caused.get(&link).copied().unwrap_or(0);
            let consumption = connection.out.consumption() + kept + elsewhere;
            all += consumption;
            match &mut largest {
                Some(most) if consumption <= most.consumption => {
                    most.next = most.next.max(consumption);
                }
                _ => {
                    let next = largest.map_or(0, |most| most.consumption);
                    largest = Some(Largest { link, consumption, next, all });
                }
            }
        }
        largest.map(|largest| Largest { all, ..largest })
    }
}

/// The link that consumes most.
struct Largest {
    link: LinkId,
    consumption: usize,
    /// What the next one consumes.
    next: usize,
    /// What all of them do.
    all: usize,
}
