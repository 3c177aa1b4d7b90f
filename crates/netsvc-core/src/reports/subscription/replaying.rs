//! Kept values on their way: held until all that comes before them has arrived, page by page.

use std::mem;

use crate::collections::service_map::Place;
use crate::delivery::event::Delivered;
use crate::ids::{LinkId, ServiceId};
use crate::reports::replay_buffer::ReplayBuffer;
use crate::reports::replay_end::ReplayEnd;

use super::Subscription;

/// What is still to be asked for: values above the first sequence and up to the second; 0: up to
/// the newest.
pub(crate) type Rest = (u64, u64);

impl Subscription {
    /// A page of a replay is complete, with the values up to `more_after`, or all. What was held up
    /// to there is told in the order of its sequence. Returns what is to be asked for next, if
    /// anything.
    pub(crate) fn end_page(&mut self, id: ServiceId, end: &ReplayEnd, stamp: u64) -> Option<Rest> {
        let ReplayEnd { replay, sequence, more_after, complete_after, .. } = *end;
        let feed = self.feeds.get_mut(id)?;
        feed.replay.as_ref().filter(|(under_way, _)| *under_way == replay)?;
        self.begin_feed(id, complete_after);
        let feed = self.feeds.get_mut(id)?;
        let (_, held) = feed.replay.as_mut()?;
        let page = mem::take(&mut held.page);
        // What was refused is asked for again, with all that follows.
        let more = held.cut.take().or((more_after > 0).then_some(more_after));
        let rest = match more {
            _ if sequence == 0 => None,
            Some(after) => Some((after, sequence)),
            // Newer values than the answer was about were dropped when they came as live reports.
            None => mem::take(&mut held.refill).then_some((sequence, 0)),
        };
        self.pace.note_page(page, rest.is_none_or(|(after, _)| after > feed.last));
        feed.unseen = feed.unseen.min(sequence);
        let upto = rest.map_or(sequence, |(after, _)| after.min(sequence));
        let held = match rest {
            Some(_) => held.take_upto(upto),
            None => feed.replay.take().map(|(_, held)| held).unwrap_or_default(),
        };
        self.release(id, held, sequence, stamp);
        // What came before the mark has arrived, so the rest of it never will.
        if let Some(feed) = self.feeds.get_mut(id)
            && upto > feed.last
        {
            let gap = feed.unseen.min(upto).saturating_sub(feed.last);
            feed.gap = feed.gap.saturating_add(gap);
            feed.last = upto;
            self.missed = self.missed.saturating_add(gap);
        }
        rest
    }

    /// The publisher has begun to answer. Live reports up to `complete_after` were sent for others,
    /// before it stopped or because they want less: with holes that nobody counts. So a feed that
    /// is new begins behind them. One that goes on tells them, and counts the holes.
    fn begin_feed(&mut self, id: ServiceId, complete_after: u64) {
        let Some(feed) = self.feeds.get_mut(id) else { return };
        let resumed = feed.resumed;
        let Some((_, held)) = &mut feed.replay else { return };
        if mem::replace(&mut held.begun, true) || resumed {
            return;
        }
        for report in held.drop_live_upto(complete_after) {
            self.bytes -= report.content.bytes.len();
            self.held -= 1;
            self.missed = self.missed.saturating_sub(report.missed);
        }
    }

    /// Replays under way, to be forgotten with the subscription.
    pub(crate) fn replays(&self) -> Vec<u32> {
        self.feeds.values().filter_map(|feed| feed.replay.as_ref().map(|(id, _)| *id)).collect()
    }

    /// The replay under way for a service.
    pub(crate) fn replay_of(&self, id: ServiceId) -> Option<u32> {
        self.feeds.get(id)?.replay.as_ref().map(|(replay, _)| *replay)
    }

    /// The sequence after which values of a service are wanted.
    pub(crate) fn wanted_after(&self, id: ServiceId) -> u64 {
        self.feeds.get(id).map_or(0, |feed| feed.last)
    }

    /// A report arrived while a replay of its service is under way.
    pub(super) fn hold(&mut self, mut report: Delivered, place: Place, via: Option<LinkId>) {
        let size = report.content.bytes.len();
        let Some(feed) = self.feeds.at(place) else { return };
        let Some((_, held)) = &mut feed.replay else { return };
        if report.replayed {
            held.page.values += 1;
            held.page.bytes += size;
            if held.cut.is_some() {
                return;
            }
        } else {
            held.note_way(report.sequence, feed.way == via);
        }
        if held.has(report.sequence) {
            if report.replayed && !held.begun {
                held.kept_too.insert(report.sequence);
            }
            return;
        }
        if report.replayed && !self.pace.has_room(size) {
            held.cut = Some(report.sequence - 1);
            return self.pace.refuse(size);
        }
        self.bytes += size;
        self.held += 1;
        report.content = report.content.detached();
        if report.sequence > held.dropped.0 {
            report.missed = mem::take(&mut held.dropped).1;
        }
        if report.replayed {
            self.pace.add(size);
            held.kept.insert(report.sequence, report);
        } else {
            let lost = mem::take(&mut feed.lost);
            report.missed = report.missed.saturating_add(lost);
            held.live.insert(report.sequence, report);
        }
    }

    /// `mark`: what the publisher sent after this sequence comes by the way in use. What came by
    /// another comes again, with everything before it.
    pub(super) fn release(&mut self, id: ServiceId, mut held: ReplayBuffer, mark: u64, stamp: u64) {
        // What is lost and was told by none of those held comes after them.
        let lost = self.feeds.get_mut(id).map_or(0, |feed| mem::take(&mut feed.lost));
        let mut lost = lost.saturating_add(held.dropped.1);
        let astray = mem::take(&mut held.astray);
        for (sequence, report) in held.merged() {
            self.bytes -= report.content.bytes.len();
            self.held -= 1;
            if report.replayed {
                self.pace.remove(report.content.bytes.len());
            }
            if sequence > mark && astray.contains(&sequence) {
                lost = lost.saturating_add(report.missed);
                continue;
            }
            if self.feeds.get(id).is_some_and(|feed| sequence > feed.last)
                && let Some(place) = self.feeds.place(report.service, id)
            {
                self.queue(report, stamp, place);
            }
        }
        if let Some(feed) = self.feeds.get_mut(id) {
            feed.lost = feed.lost.saturating_add(lost);
        }
    }
}
