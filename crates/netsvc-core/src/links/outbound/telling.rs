//! What each link is told of the changes of services and processes, and when.
//!
//! A link is told of changes in order with everything else that is sent on it: before anything is,
//! a [`Out::Changes`] goes into its outbox, unless its peer knows of all changes.

use std::collections::VecDeque;

use crate::ids::{LinkId, ProcessNo, ServiceNo};
use crate::links::Links;
use crate::links::connection::Connection;
use crate::links::phase::Phase;
use crate::links::timer::LinkTimer;
use crate::registry::process_table::OWN;
use crate::time::Time;
use crate::wire::{Message, SendBuffer};

use super::changes::{Change, ChangeLog, Entry, Scope};
use super::encode::Sources;
use super::outbox::Out;
use super::{Outbound, Snapshot};

/// What passing over a change counts for that does not concern a link, in bytes.
const LOOK: usize = 8;

/// How far a link has come in the log of changes.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Up to here the peer has been told.
    position: u64,
    /// Up to here it is to be told, behind what is in the outbox.
    queued: u64,
    /// The link follows the log.
    follows: bool,
    /// How far the snapshot had come when changes happened: up to a position, since the one before
    /// it, up to a service. The peer is told of changes of those services alone, as the others are
    /// yet to come, as they are then.
    snapshot: VecDeque<(u64, ServiceNo)>,
}

impl Links {
    /// A service or process has changed: all whom that concerns are to be told, behind what was
    /// sent to them before. `bytes`: what it is charged beyond the change's own. Returns where it
    /// is in the log.
    pub(crate) fn note_change(&mut self, change: Change, scope: Scope, bytes: usize) -> u64 {
        // What was published before is sent before.
        self.end_batch();
        let (cause, limit) = (self.charges.cause, self.bounds.outbox);
        let (position, is_over) = self.changes.push(change, scope, bytes, cause, limit);
        if is_over {
            self.charges.over.push(cause);
        }
        position
    }

    /// Everything that arrived at once is applied.
    pub(crate) fn settle(&mut self, now: Time) {
        self.end_batch();
        self.spread_changes();
        let released = self.changes.take_released();
        if !released.is_empty() {
            self.release(now, released);
        }
    }

    /// Everything that happened is noted: those who are to be told of changes have something to
    /// write. Who need not be told keeps nothing waiting.
    #[inline]
    pub(crate) fn spread_changes(&mut self) {
        if self.changes.take_news() {
            self.spread_news();
        }
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
            let from = out.told.position;
            let is_needless = |entry: &Entry, out: &Outbound| match entry.change {
                // What is queued may still introduce it.
                Change::ProcessGone(process) if out.outbox.is_empty() => {
                    !out.introduced.contains(&process) || !entry.concerns(state.id, exchange)
                }
                _ => !entry.concerns(state.id, exchange),
            };
            while let Some(entry) = changes.get(out.told.position)
                && is_needless(entry, out)
            {
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
                out.queue_changes(end);
                out.overflowed |= is_over;
                if is_over || (holds_up && out.patience.is_none()) {
                    timers.set(LinkTimer::Link(state.id), Time(0));
                }
                out.mark_dirty(*id, phase, dirty);
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
        self.told = Told { position, queued: position, follows: true, ..Told::default() };
    }

    /// Where the peer is in the log of changes, if it is to be told of any.
    pub(in crate::links) fn position(&self) -> Option<u64> {
        self.told.follows.then_some(self.told.position)
    }

    /// What is queued from now on comes behind all changes so far, of which `end` is the end.
    #[inline]
    pub(in crate::links) fn stay_behind(&mut self, end: u64) {
        if self.told.queued != end && self.told.follows {
            self.queue_changes(end);
        }
    }

    #[cold]
    fn queue_changes(&mut self, end: u64) {
        if self.told.position < end && self.told.queued < end {
            self.outbox.push(Out::Changes(end));
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

    /// The peer is to be told of changes before anything else that is queued.
    pub(super) fn is_change_due(&self) -> bool {
        self.outbox.changes_first().is_some_and(|upto| self.told.position < upto)
    }

    /// The snapshot is about to go on, at the end of the log.
    pub(super) fn note_snapshot(&mut self, end: u64) {
        if let Snapshot::Services(cursor) = self.snapshot {
            let last = self.told.snapshot.back().map_or(self.told.position, |(upto, _)| *upto);
            if last < end {
                self.told.snapshot.push_back((end, cursor));
            }
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

    fn has_introduced(&self, process: ProcessNo) -> bool {
        process == OWN || self.introduced.contains(&process)
    }
}

impl Told {
    /// Whether the snapshot had come past a service when something changed. Asked in the order of
    /// changes.
    fn knew(&mut self, position: u64, no: ServiceNo) -> bool {
        while self.snapshot.front().is_some_and(|(upto, _)| *upto <= position) {
            self.snapshot.pop_front();
        }
        self.snapshot.front().is_none_or(|(_, cursor)| no <= *cursor)
    }
}
