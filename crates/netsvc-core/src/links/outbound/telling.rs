//! What each link is told of the changes of services and processes, and when.
//!
//! Whatever is sent comes behind the changes that whoever sends it may know of: those that it has
//! caused, and those that it has been told of. So everybody sees what comes of what in that order.
//! What this process itself says of who is there comes behind all of them. A message overtakes the
//! rest: thousands of services that others announce keep no request waiting. And
//! no change overtakes what was sent before it happened. So unless a peer knows of all changes,
//! there is an [`Out::Changes`] in its outbox before each message, up to what was known by then.

use crate::ids::{LinkId, ProcessNo, ServiceNo};
use crate::links::Links;
use crate::links::charges::NOBODY;
use crate::links::connection::Connection;
use crate::links::phase::Phase;
use crate::links::timer::LinkTimer;
use crate::registry::process_table::OWN;
use crate::steps;
use crate::time::Time;
use crate::wire::{Message, SendBuffer};

use super::changes::{Change, ChangeLog, Entry, Scope};
use super::encode::Sources;
use super::outbox::Out;
use super::overflow::Overflow;
use super::told::Told;
use super::{Outbound, Snapshot};

/// What passing over a change counts for that does not concern a link, in bytes.
const LOOK: usize = 8;
/// Bytes of changes that may be told before other things that wait, beyond as many as those have
/// sent.
const MOST_AHEAD: u32 = 2 << 10;

impl Links {
    /// A service or process has changed: all whom that concerns are to be told, behind what was
    /// sent to them before. `bytes`: what it is charged beyond the change's own. Returns where it
    /// is in the log.
    pub(crate) fn note_change(&mut self, change: Change, scope: Scope, bytes: usize) -> u64 {
        // What was published before is sent before.
        self.end_batch();
        let cause = self.charges.cause;
        let limit = self.bounds.outbox.min(self.charges.budget.left());
        let (position, is_over) = self.changes.push(change, scope, bytes, cause, limit);
        if is_over {
            self.charges.over.push(cause);
        }
        if self.charges.budget.is_exceeded() {
            // It is relieved then, if not before: see `relief.rs`.
            self.timers.set(LinkTimer::Relief, Time(0));
        }
        position
    }

    /// Everything that has arrived at once is applied.
    #[inline]
    pub(crate) fn settle(&mut self, now: Time) {
        self.end_batch();
        self.origin = NOBODY;
        if self.spread_changes() {
            let released = self.changes.take_released();
            self.release(now, released);
        }
    }

    /// What is sent on a link from now on comes behind what whoever is at the other end of `origin`
    /// may know of; of [`NOBODY`]: behind everything.
    #[cold]
    pub(super) fn stay_behind(&mut self, link: LinkId, origin: LinkId) {
        let end = self.changes.end();
        let needed = match self.linked(origin) {
            Some(of) if of.out.snapshot == Snapshot::Done => {
                of.out.told.position.max(of.out.told.after_snapshot)
            }
            _ => end,
        };
        let needed = needed.max(self.changes.last_of(origin)).min(end);
        if let Some(connection) = self.linked_mut(link) {
            connection.out.queue_changes(needed, end);
        }
    }

    /// What is sent on a link next is about who is at the other end of `subject`: it comes behind
    /// the end of that process's last life, which the peer may know by another number.
    pub(crate) fn stay_behind_ends(&mut self, link: LinkId, subject: LinkId) {
        let since = self.linked(subject).map_or(0, |subject| subject.out.told.since);
        let end = self.changes.end();
        if let Some(connection) = self.linked_mut(link) {
            connection.out.queue_changes(since, end);
        }
    }

    /// Everything that happened is noted: those who are to be told of changes have something to
    /// write. Who need not be told keeps nothing waiting. True: there was something new.
    #[inline]
    pub(crate) fn spread_changes(&mut self) -> bool {
        let has_news = self.changes.take_news();
        if has_news {
            self.spread_news();
        }
        has_news
    }

    fn spread_news(&mut self) {
        let Self { table, exchanges, changes, dirty, timers, bounds, .. } = self;
        let (end, holds_up) = (changes.end(), changes.holds_up());
        for state in table.values_mut() {
            let Some(exchange) = exchanges.get(&state.exchange) else { continue };
            let Some(Connection { id, phase, out, .. }) = state.connection.as_deref_mut() else {
                continue;
            };
            if !out.told.follows {
                continue;
            }
            steps::count(1);
            let from = out.told.position;
            let is_needless = |entry: &Entry, out: &Outbound| match entry.change {
                // What is queued may still introduce it.
                Change::ProcessGone(process) if out.outbox.is_empty() => {
                    !out.has_introduced(process) || !entry.concerns(state.id, exchange)
                }
                _ => !entry.concerns(state.id, exchange),
            };
            while let Some(entry) = changes.get(out.told.position)
                && is_needless(entry, out)
            {
                steps::count(1);
                out.told.position += 1;
            }
            let waiting = changes.bytes_from(out.told.position);
            let is_over = waiting > bounds.outbox;
            if matches!(phase, Phase::Closing { .. }) {
                // What came after its end is not for it.
                if out.told.position >= out.told.queued || is_over {
                    (out.told.position, out.told.queued) = (end, end);
                }
            } else if out.told.position < end {
                out.queue_changes(0, end);
                if is_over {
                    out.overflow.get_or_insert(Overflow::Outbox);
                }
                if is_over || (holds_up && out.patience.is_none()) {
                    timers.set(LinkTimer::Link(state.id), Time(0));
                }
                if !out.has_more {
                    out.mark_dirty(*id, phase, dirty);
                }
            } else {
                out.told.queued = end;
            }
            changes.advance(from, out.told.position);
        }
    }

    /// Tells the peer of the next change, if that concerns it.
    pub(super) fn encode_change(
        &self,
        link: LinkId,
        outbound: &mut Outbound,
        out: &mut SendBuffer,
        sources: &Sources<'_>,
    ) {
        let position = outbound.told.position;
        let Some(entry) = self.changes.get(position) else { return };
        steps::count(1);
        let exchange = self.exchange_of(link);
        if !exchange.is_some_and(|exchange| entry.concerns(link, exchange)) {
            outbound.looked += LOOK;
            outbound.told.position += 1;
            return;
        }
        if outbound.encode_lost_before(&entry.change, out) {
            return;
        }
        outbound.told.position += 1;
        let knows = |outbound: &mut Outbound, no| outbound.told.knew(position, no);
        match &entry.change {
            Change::Appeared(no) => {
                if knows(outbound, *no)
                    && let Some(service) = sources.registry.services.get(*no)
                {
                    outbound.encode_service(&service.announcement(), service.process, out, sources);
                }
            }
            Change::Announced(process, announcement) => {
                if knows(outbound, ServiceNo(announcement.service)) {
                    outbound.encode_service(&announcement.by_ref(), *process, out, sources);
                }
            }
            Change::Withdrawn(process, no, revision) => {
                if knows(outbound, *no) && outbound.has_introduced(*process) {
                    let message = Message::Withdrawn { service: no.0, revision: *revision };
                    outbound.encoder.encode(&message, out);
                }
            }
            Change::Member { process, joined, change } => {
                if knows(outbound, ServiceNo(change.service)) && outbound.has_introduced(*process) {
                    let change = (**change).clone();
                    let joined = *joined;
                    let message =
                        if joined { Message::Joined(change) } else { Message::Left(change) };
                    outbound.encoder.encode(&message, out);
                }
            }
            Change::ProcessGone(process) => outbound.encode_process_gone(*process, out),
        }
    }
}

impl Outbound {
    /// The peer is told of what changes from now on.
    pub(in crate::links) fn follow_changes(&mut self, position: u64) {
        let told = Told { since: position, position, queued: position, ..Told::default() };
        self.told = Told { follows: true, ..told };
    }

    /// Where the peer is in the log of changes, if it is to be told of any.
    pub(in crate::links) fn position(&self) -> Option<u64> {
        self.told.follows.then_some(self.told.position)
    }

    /// What is queued from now on comes behind changes up to a position; those up to the `end` of
    /// the log need not come before it.
    pub(in crate::links) fn queue_changes(&mut self, needed: u64, end: u64) {
        let Told { position, queued, needed: before, .. } = self.told;
        let is_needed = needed > before && needed > position;
        if self.told.follows && position < end && (queued < end || is_needed) {
            self.outbox.push(Out::Changes { needed, upto: end });
            self.told.needed = needed.max(before);
        }
        self.told.queued = end;
    }

    /// The peer has been told of changes up to a position.
    pub(super) fn has_come_to(&self, position: u64) -> bool {
        self.told.position >= position
    }

    /// Bytes of the changes that the peer is to be told of.
    pub(in crate::links) fn bytes_of(&self, changes: &ChangeLog) -> usize {
        if self.told.follows { changes.bytes_from(self.told.position) } else { 0 }
    }

    /// Nothing that was noted has yet to be told.
    #[inline]
    pub(super) fn knows_all(&self, end: u64) -> bool {
        self.told.position == end
    }

    /// The peer's turn to be told of a change has come.
    #[inline]
    pub(super) fn is_change_due(&self) -> bool {
        let Some((needed, upto, alone)) = self.outbox.changes_first() else { return false };
        let position = self.told.position;
        position < needed || (position < upto && (alone || self.told.ahead < MOST_AHEAD))
    }

    /// What waits beside changes has sent so many bytes: changes may send as many before the next.
    #[inline]
    pub(super) fn share_with_changes(&mut self, bytes: usize) {
        self.told.ahead = self.told.ahead.saturating_sub(capped(bytes));
    }

    /// Changes have sent so many, and the log ends there. Few go first, however little else is
    /// sent; of very many that others cause all the time, no more than their part.
    pub(super) fn pay_for_changes(&mut self, bytes: usize, end: u64) {
        let ahead = (self.told.ahead + capped(bytes)).min(MOST_AHEAD);
        self.told.ahead = if self.knows_all(end) { 0 } else { ahead };
    }

    /// The turn of changes is over. What is left may come later.
    pub(super) fn postpone_changes(&mut self, upto: u64) {
        if self.told.position < upto {
            self.outbox.push(Out::Changes { needed: 0, upto });
        }
    }

    /// The snapshot has come to the last service.
    pub(super) fn end_services(&mut self, end: u64) {
        self.told.after_snapshot = end;
    }

    /// The snapshot is about to go on, at the end of the log.
    pub(super) fn note_snapshot(&mut self, end: u64) {
        if let Snapshot::Services(cursor) = self.snapshot {
            self.told.note_snapshot(end, cursor);
        }
    }

    /// What was dropped of a service is told before its end.
    fn encode_lost_before(&mut self, change: &Change, out: &mut SendBuffer) -> bool {
        let lost = match change {
            Change::Withdrawn(_, no, _) => self.outbox.lost_of(Some(no.0)),
            Change::ProcessGone(_) => self.outbox.lost_of(None),
            _ => None,
        };
        let Some(Out::Lost { service, subject, count }) = lost else { return false };
        self.encoder.encode(&Message::Lost { service, subject, count }, out);
        true
    }

    fn encode_process_gone(&mut self, process: ProcessNo, out: &mut SendBuffer) {
        if self.introduced.remove(&process) {
            self.last_introduced = OWN;
            self.encoder.encode(&Message::ProcessGone { process: process.0 }, out);
        }
    }

    /// The peer knows a process.
    pub(super) fn has_introduced(&self, process: ProcessNo) -> bool {
        process == OWN || process == self.peer || self.introduced.contains(&process)
    }
}

fn capped(bytes: usize) -> u32 {
    u32::try_from(bytes).map_or(MOST_AHEAD, |bytes| bytes.min(MOST_AHEAD))
}
