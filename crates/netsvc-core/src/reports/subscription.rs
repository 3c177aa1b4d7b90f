//! Subscriptions: what arrives for them, in which order it is told, and what is dropped.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::mem;

use crate::collections::seeded_map::{SeededMap, SeededState};
use crate::collections::service_map::{Place, ServiceMap};
use crate::delivery::event::Delivered;
use crate::ids::{LinkId, ServiceId, Str};
use crate::reports::feed::Feed;
use crate::reports::pattern::Pattern;
use crate::reports::replay_buffer::ReplayBuffer;
use crate::reports::subscription_options::{SubscriptionLimits, SubscriptionTarget};
use crate::reports::want::Want;

mod take;

/// Reports that a new subscription may be told before the application grants more.
pub(crate) const INITIAL_CREDIT: u32 = 2048;
/// Services no longer visible whose last sequence a subscription remembers, in case they return.
const MAX_ABSENT: usize = 1024;

#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) target: SubscriptionTarget,
    pub(crate) pattern: Pattern,
    limits: SubscriptionLimits,
    queue: VecDeque<Waiting>,
    /// Replayed reports that wait, unless `latest`: apart, to be dropped last.
    kept: VecDeque<Waiting>,
    /// Reports that were ever queued.
    queued: u64,
    /// Absolute position of the queue's first entry.
    base: u64,
    /// With `latest`: absolute position of each subject's report.
    newest: SeededMap<(ServiceId, Str), u64>,
    /// Of the queue and of what is held during replays.
    bytes: usize,
    held: usize,
    /// Of those held: reports that wait for others before them on the way in use.
    ahead: usize,
    credit: u32,
    /// Dropped in all, here and on the way.
    missed: u64,
    feeds: ServiceMap<Feed>,
    /// Entries of `dropped` of all feeds.
    untold: usize,
    /// Identities of feeds whose service is absent, by their `departure`.
    absent: BTreeMap<u64, ServiceId>,
    /// Services that have become absent so far.
    departures: u64,
}

/// A report in one of the queues.
#[derive(Debug)]
struct Waiting {
    stamp: u64,
    /// Reports are told in the order of their numbers.
    number: u64,
    report: Delivered,
}

impl Subscription {
    pub(crate) fn new(
        target: SubscriptionTarget,
        pattern: Pattern,
        limits: SubscriptionLimits,
        seed: u64,
    ) -> Self {
        Self {
            target,
            pattern,
            limits,
            queue: VecDeque::new(),
            kept: VecDeque::new(),
            queued: 0,
            base: 0,
            newest: SeededMap::with_hasher(SeededState(seed)),
            bytes: 0,
            held: 0,
            ahead: 0,
            credit: INITIAL_CREDIT,
            missed: 0,
            feeds: ServiceMap::new(seed),
            untold: 0,
            absent: BTreeMap::new(),
            departures: 0,
        }
    }

    /// Reports dropped so far.
    pub(crate) fn missed(&self) -> u64 {
        self.missed
    }

    /// As a hub is told of it.
    pub(crate) fn want(&self) -> Want {
        Want { pattern: self.pattern.clone(), latest: self.limits.latest }
    }

    /// Reports of a service were dropped on their way `via` a link, before the next one that
    /// arrives. Copies that come by another way than the one in use are not told anyway.
    pub(crate) fn lose(&mut self, id: ServiceId, count: u64, via: LinkId) {
        if let Some(feed) = self.feeds.get_mut(id)
            && (feed.replay.is_some() || feed.way == Some(via))
        {
            feed.lost = feed.lost.saturating_add(count);
            self.missed = self.missed.saturating_add(count);
        }
    }

    /// A service is visible; returns the sequence after which its values are wanted. `replay`: live
    /// reports are held until `end_replay` of that id, which is asked for over that link, and from
    /// then on come by that way.
    pub(crate) fn attach(&mut self, id: ServiceId, replay: Option<(u32, LinkId)>) -> u64 {
        let feed = self.feeds.entry(id);
        self.absent.remove(&feed.departure);
        feed.present = true;
        if feed.resumed {
            // Until the mark of the replay says how far.
            feed.unseen = u64::MAX;
        }
        feed.way = replay.map(|(_, link)| link);
        feed.replay = replay.map(|(replay, _)| (replay, ReplayBuffer::default()));
        feed.last
    }

    /// A service is no longer visible, or no longer a target. What was held is queued.
    pub(crate) fn detach(&mut self, id: ServiceId, lost: bool, stamp: u64) {
        let Some(feed) = self.feeds.get_mut(id) else { return };
        let mut held = feed.replay.take().map(|(_, held)| held);
        if let Some((newest, _)) = feed.ahead.last_key_value() {
            // What they waited for never comes.
            feed.unseen = feed.unseen.max(newest - 1);
            self.ahead -= feed.ahead.len();
            let live = mem::take(&mut feed.ahead);
            held = Some(ReplayBuffer { live, ..ReplayBuffer::default() });
        }
        feed.present = false;
        self.release(id, held, u64::MAX, stamp);
        self.departures += 1;
        if let Some(feed) = self.feeds.get_mut(id) {
            feed.resumed |= lost;
            feed.departure = self.departures;
        }
        self.absent.insert(self.departures, id);
        if self.absent.len() > MAX_ABSENT
            && let Some((_, oldest)) = self.absent.pop_first()
        {
            let forgotten = self.feeds.get(oldest).map_or(0, |feed| feed.dropped.len());
            self.untold -= forgotten;
            self.feeds.remove(oldest);
        }
    }

    /// A report arrived `via` a link, live or (`replay`: of that replay) kept.
    pub(crate) fn arrive(
        &mut self,
        mut report: Delivered,
        replay: Option<u32>,
        via: Option<LinkId>,
        stamp: u64,
    ) {
        let Some(place) = self.feeds.place(report.service, report.id) else { return };
        let Some(feed) = self.feeds.at(place) else { return };
        if !feed.present || report.sequence <= feed.last {
            return;
        }
        let astray = feed.is_astray(via, report.sequence);
        match &mut feed.replay {
            Some((under_way, held)) => {
                if replay.is_some_and(|replay| replay != *under_way) {
                    return;
                }
                if replay.is_none() {
                    held.note_way(report.sequence, feed.way == via);
                }
                if !held.has(report.sequence) {
                    self.bytes += report.content.bytes.len();
                    self.held += 1;
                    report.content = report.content.detached();
                    if report.sequence > held.dropped.0 {
                        report.missed = mem::take(&mut held.dropped).1;
                    }
                    if replay.is_none() {
                        let lost = mem::take(&mut feed.lost);
                        report.missed = report.missed.saturating_add(lost);
                        held.live.insert(report.sequence, report);
                    } else {
                        held.kept.insert(report.sequence, report);
                    }
                }
                self.trim();
            }
            None if replay.is_some() => {}
            None if astray => {
                if let Entry::Vacant(entry) = feed.ahead.entry(report.sequence) {
                    self.bytes += report.content.bytes.len();
                    self.held += 1;
                    self.ahead += 1;
                    report.content = report.content.detached();
                    entry.insert(report);
                    self.trim();
                }
            }
            None => {
                while self.ahead > 0
                    && let Some(copy) = self.feeds.at(place).and_then(|it| it.pass(report.sequence))
                {
                    self.forget_ahead(&copy);
                }
                self.queue(report, stamp, place);
            }
        }
    }

    /// A copy is held no more.
    fn forget_ahead(&mut self, copy: &Delivered) {
        self.bytes -= copy.content.bytes.len();
        self.held -= 1;
        self.ahead -= 1;
    }

    /// The replay is complete: what was held is told in the order of its sequence.
    /// `sequence`: of the service when it answered.
    pub(crate) fn end_replay(&mut self, id: ServiceId, replay: u32, sequence: u64, stamp: u64) {
        let Some(feed) = self.feeds.get_mut(id) else { return };
        if feed.replay.as_ref().is_none_or(|(under_way, _)| *under_way != replay) {
            return;
        }
        let held = feed.replay.take().map(|(_, held)| held);
        feed.unseen = feed.unseen.min(sequence);
        self.release(id, held, sequence, stamp);
        // What came before the mark has arrived, so the rest of it never will.
        if let Some(feed) = self.feeds.get_mut(id)
            && sequence > feed.last
        {
            let gap = feed.unseen.saturating_sub(feed.last);
            feed.gap = feed.gap.saturating_add(gap);
            feed.last = sequence;
            self.missed = self.missed.saturating_add(gap);
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

    /// Stamp of the next report, if it may be told.
    pub(crate) fn ready(&self) -> Option<u64> {
        if self.credit == 0 {
            return None;
        }
        self.head()
    }

    /// Stamp of the next report, told or not.
    pub(crate) fn head(&self) -> Option<u64> {
        self.front().map(|waiting| waiting.stamp)
    }

    pub(crate) fn grant(&mut self, reports: u32) {
        self.credit = self.credit.saturating_add(reports);
    }

    /// Takes the next report out.
    pub(crate) fn pop(&mut self) -> Option<Delivered> {
        let number = self.front()?.number;
        let kept_first = self.kept.front().is_some_and(|kept| kept.number == number);
        let Waiting { number, mut report, .. } =
            if kept_first { self.pop_kept()? } else { self.pop_queue()? };
        self.credit = self.credit.saturating_sub(1);
        if self.untold > 0
            && let Some(feed) = self.feeds.find(report.service, report.id)
        {
            // Live reports are dropped before all live ones that are left, kept ones before all.
            let upto = if kept_first { number } else { u64::MAX };
            while let Some(entry) = feed.dropped.first_entry().filter(|entry| *entry.key() <= upto)
            {
                report.missed = report.missed.saturating_add(entry.remove());
                self.untold -= 1;
            }
        }
        Some(report)
    }

    /// The next report to be told.
    fn front(&self) -> Option<&Waiting> {
        if self.kept.is_empty() {
            return self.queue.front();
        }
        self.kept.front().into_iter().chain(self.queue.front()).min_by_key(|next| next.number)
    }

    fn pop_kept(&mut self) -> Option<Waiting> {
        let waiting = self.kept.pop_front()?;
        self.bytes -= waiting.report.content.bytes.len();
        Some(waiting)
    }

    fn pop_queue(&mut self) -> Option<Waiting> {
        let waiting = self.queue.pop_front()?;
        let report = &waiting.report;
        self.bytes -= report.content.bytes.len();
        if self.limits.latest {
            let key = (report.id, report.subject.clone());
            if self.newest.get(&key) == Some(&self.base) {
                self.newest.remove(&key);
            }
        }
        self.base += 1;
        Some(waiting)
    }

    /// `mark`: what the publisher sent after this sequence comes by the way in use. What came by
    /// another comes again, with everything before it.
    fn release(&mut self, id: ServiceId, held: Option<ReplayBuffer>, mark: u64, stamp: u64) {
        let Some(mut held) = held else { return };
        // What is lost and was told by none of those held comes after them.
        let lost = self.feeds.get_mut(id).map_or(0, |feed| mem::take(&mut feed.lost));
        let mut lost = lost.saturating_add(held.dropped.1);
        let astray = mem::take(&mut held.astray);
        for (sequence, report) in held.merged() {
            self.bytes -= report.content.bytes.len();
            self.held -= 1;
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

    fn queue(&mut self, mut report: Delivered, stamp: u64, place: Place) {
        if let Some(feed) = self.feeds.at(place) {
            let (telling, gap) = feed.advance(report.sequence);
            report.resumed = telling.resumed;
            report.missed = report.missed.saturating_add(telling.missed);
            self.missed = self.missed.saturating_add(gap);
        }
        if self.queue.len() + self.kept.len() >= self.credit as usize {
            report.content = report.content.detached();
        }
        self.bytes += report.content.bytes.len();
        self.queued += 1;
        let number = self.queued;
        if self.limits.latest {
            self.queue_newest(report, stamp);
        } else if report.replayed {
            self.kept.push_back(Waiting { stamp, number, report });
        } else {
            self.queue.push_back(Waiting { stamp, number, report });
        }
        self.trim();
    }

    /// In the place of the subject's report that waits, or at the end.
    fn queue_newest(&mut self, mut report: Delivered, stamp: u64) {
        let key = (report.id, report.subject.clone());
        let waiting = self
            .newest
            .get(&key)
            .and_then(|position| usize::try_from(position - self.base).ok())
            .and_then(|index| self.queue.get_mut(index));
        if let Some(Waiting { report: old, .. }) = waiting {
            self.bytes -= old.content.bytes.len();
            self.missed = self.missed.saturating_add(1);
            report.missed = report.missed.saturating_add(old.missed).saturating_add(1);
            report.resumed |= old.resumed;
            *old = report;
        } else {
            self.newest.insert(key, self.base + self.queue.len() as u64);
            self.queue.push_back(Waiting { stamp, number: self.queued, report });
        }
    }

    fn is_over(&self) -> bool {
        let reports = self.queue.len() + self.kept.len() + self.held;
        reports > self.limits.reports || self.bytes > self.limits.bytes
    }

    /// Keeps what waits and what is held within the limits.
    fn trim(&mut self) {
        while self.is_over() {
            let dropped = self.drop_ahead()
                || self.drop_queued(false)
                || self.drop_held(false)
                || self.drop_queued(true)
                || self.drop_held(true);
            if !dropped {
                break;
            }
        }
    }

    /// Drops a report that waits for others. It comes by the way in use, too, or is counted when
    /// that ends.
    fn drop_ahead(&mut self) -> bool {
        if self.ahead == 0 {
            return false;
        }
        let fullest = self.feeds.values_mut().max_by_key(|feed| feed.ahead.len());
        let Some((_, copy)) = fullest.and_then(|feed| feed.ahead.pop_last()) else { return false };
        self.forget_ahead(&copy);
        true
    }

    /// Drops the oldest report that waits, a live or a kept one; what it had to tell of others is
    /// told by one of its service that is still to come.
    fn drop_queued(&mut self, kept: bool) -> bool {
        let oldest = if kept { self.pop_kept() } else { self.pop_queue() };
        let Some(Waiting { number, report, .. }) = oldest else { return false };
        self.missed = self.missed.saturating_add(1);
        let behind = self.kept.partition_point(|kept| kept.number < number);
        let number = self.kept.get(behind).map_or(self.queued + 1, |kept| kept.number);
        if let Some(feed) = self.feeds.find(report.service, report.id) {
            let dropped = feed.dropped.entry(number).or_insert_with(|| {
                self.untold += 1;
                0
            });
            *dropped = dropped.saturating_add(report.missed).saturating_add(1);
        }
        true
    }

    /// Drops the oldest live or kept report of the feed that holds most of them.
    fn drop_held(&mut self, kept: bool) -> bool {
        let holding = self.feeds.values_mut().filter(|feed| feed.replay.is_some());
        let fullest = holding
            .max_by_key(|feed| feed.replay.as_ref().map_or(0, |(_, held)| held.of(kept).len()));
        let Some(feed) = fullest else { return false };
        let Some((_, held)) = &mut feed.replay else { return false };
        let from = if kept { &mut held.kept } else { &mut held.live };
        let Some((_, dropped)) = from.pop_first() else { return false };
        held.astray.remove(&dropped.sequence);
        // Told by the one that follows.
        let kept = held.kept.range_mut(dropped.sequence..).next();
        let live = held.live.range_mut(dropped.sequence..).next();
        let following = kept.into_iter().chain(live).min_by_key(|(sequence, _)| **sequence);
        let missed = if let Some((_, next)) = following {
            &mut next.missed
        } else {
            held.dropped.0 = held.dropped.0.max(dropped.sequence);
            &mut held.dropped.1
        };
        *missed = missed.saturating_add(dropped.missed).saturating_add(1);
        self.bytes -= dropped.content.bytes.len();
        self.held -= 1;
        self.missed = self.missed.saturating_add(1);
        true
    }
}
