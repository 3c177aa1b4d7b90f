//! How much a link may bring about before others have their turn.
//!
//! What is read at once is bounded in bytes, and most messages take as long as their size says.
//! Some do not: a service that many wish for appears, or a subject that nobody has seen is tried
//! against the patterns of everybody. Who takes such steps charges them here. When they are as many
//! as a turn has, the rest of what was read has to wait, and so does its sender.
//!
//! That is looked for after control messages, requests and failures, and after reports that are
//! routed anew. Not after results, for whose path a look costs more than it is worth.

use crate::ids::LinkId;
use crate::limits::TURN_STEPS;

use super::Links;
use super::charges::NOBODY;
use super::exchange::Exchange;

impl Links {
    /// What was read at once over a link is about to be applied.
    #[inline]
    pub(crate) fn begin_turn(&mut self, link: Option<LinkId>) {
        self.origin = link.unwrap_or(NOBODY);
        self.waive_work();
    }

    /// What the turn has been charged so far does not count.
    #[inline]
    pub(crate) fn waive_work(&mut self) {
        self.charges.work = 0;
    }

    /// So many steps are taken, whatever the size of the message that causes them.
    #[inline]
    pub(crate) fn charge(&mut self, steps: usize) {
        self.charges.add_work(steps);
    }

    /// Whether no more is to be applied in this turn of a link; `left`: so many bytes are.
    #[inline]
    pub(crate) fn ends_turn(&mut self, link: LinkId, left: usize) -> bool {
        self.charges.work >= TURN_STEPS && self.end_turn(link, left)
    }

    /// Bytes that were not applied in a turn that was over before.
    pub(crate) fn left(&self) -> usize {
        self.charges.left
    }

    /// See [`Process::has_stopped`](crate::Process::has_stopped).
    #[inline]
    pub(crate) fn has_stopped(&self) -> bool {
        self.charges.work >= TURN_STEPS && self.charges.stopped
    }

    /// See [`Process::work`](crate::Process::work).
    pub(crate) fn work(&self) -> usize {
        self.charges.work
    }

    /// Only links that this process has accepted have turns: over those that it makes, its server
    /// speaks for everybody.
    #[cold]
    fn end_turn(&mut self, link: LinkId, left: usize) -> bool {
        let accepted = self.exchange_of(link).is_some_and(Exchange::accepts);
        self.charges.stopped = accepted && left > 0;
        self.charges.left = left;
        self.charges.stopped
    }
}
