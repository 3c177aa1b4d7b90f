//! Subscriptions: what arrives for them, in which order it is told, and what is dropped.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use rustc_hash::FxHashMap;

use crate::event::Delivered;
use crate::hash::{SeededMap, SeededState};
use crate::ids::{ServiceId, Str};
use crate::interest::Want;
use crate::pattern::Pattern;

/// Reports that a new subscription may be told before the application grants more.
pub(crate) const INITIAL_CREDIT: u32 = 1024;
/// Services no longer visible whose last sequence a subscription remembers, in case they return.
const MAX_ABSENT: usize = 1024;

/// Whose reports a subscription is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubscriptionTarget {
    /// All services of that name, present and future.
    Name(Str),
    /// One service.
    Identity(ServiceId),
    /// The members of that service group, present and future.
    Group(Str),
}

/// Bounds of one subscription's queue; the oldest report is dropped and counted when it is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscriptionLimits {
    /// Reports.
    pub reports: usize,
    /// Bytes of content.
    pub bytes: usize,
    /// Only the newest report of each subject waits: it takes the place of the one before it, which
    /// is counted, so that no subject starves behind another.
    pub latest: bool,
}

#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) target: SubscriptionTarget,
    pub(crate) pattern: Pattern,
    limits: SubscriptionLimits,
    queue: VecDeque<(u64, Delivered)>,
    /// Absolute position of the queue's first entry.
    base: u64,
    /// With `latest`: absolute position of each subject's report.
    newest: SeededMap<(ServiceId, Str), u64>,
    /// Of the queue and of what is held during replays.
    bytes: usize,
    held: usize,
    credit: u32,
    /// Dropped in all, here and on the way.
    missed: u64,
    feeds: SeededMap<ServiceId, Feed>,
    /// Identities of feeds whose service is absent, the longest absent first.
    absent: VecDeque<ServiceId>,
}

/// What a subscription knows of one service.
#[derive(Debug, Default)]
struct Feed {
    /// Everything up to this sequence was told, dropped, not wanted or missed; nothing at or below
    /// it is told again.
    last: u64,
    /// Under way: its id, and what arrived meanwhile, by sequence.
    replay: Option<(u32, BTreeMap<u64, Delivered>)>,
    /// Its link was lost since the last delivery.
    resumed: bool,
    /// Lost on the way before the next live report to arrive.
    lost: u64,
    /// Dropped here before the next report in the queue.
    dropped: u64,
    /// Holes up to this sequence were published while its link was lost: missed, or not wanted.
    unseen: u64,
    /// Of those, what the next report has to tell.
    gap: u64,
    present: bool,
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
            base: 0,
            newest: SeededMap::with_hasher(SeededState(seed)),
            bytes: 0,
            held: 0,
            credit: INITIAL_CREDIT,
            missed: 0,
            feeds: SeededMap::with_hasher(SeededState(seed)),
            absent: VecDeque::new(),
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

    /// Reports of a service were dropped on their way, before the next one that arrives.
    pub(crate) fn lose(&mut self, id: ServiceId, count: u64) {
        if let Some(feed) = self.feeds.get_mut(&id) {
            feed.lost = feed.lost.saturating_add(count);
            self.missed = self.missed.saturating_add(count);
        }
    }

    /// A service is visible; returns the sequence after which its values are wanted. With
    /// `replay`, live reports are held until `end_replay` of that id.
    pub(crate) fn attach(&mut self, id: ServiceId, replay: Option<u32>) -> u64 {
        self.absent.retain(|absent| *absent != id);
        let feed = self.feeds.entry(id).or_default();
        feed.present = true;
        if feed.resumed {
            // Until the mark of the replay says how far.
            feed.unseen = u64::MAX;
        }
        feed.replay = replay.map(|replay| (replay, BTreeMap::new()));
        feed.last
    }

    /// A service is no longer visible, or no longer a target. What was held is queued.
    pub(crate) fn detach(&mut self, id: ServiceId, lost: bool, stamp: u64) {
        let Some(feed) = self.feeds.get_mut(&id) else { return };
        let held = feed.replay.take();
        feed.present = false;
        self.release(id, held, stamp);
        if let Some(feed) = self.feeds.get_mut(&id) {
            feed.resumed |= lost;
        }
        self.absent.push_back(id);
        if self.absent.len() > MAX_ABSENT
            && let Some(oldest) = self.absent.pop_front()
        {
            self.feeds.remove(&oldest);
        }
    }

    /// A report arrived, live or (`replay`: of that replay) kept.
    pub(crate) fn arrive(&mut self, report: Delivered, replay: Option<u32>, stamp: u64) {
        let Some(feed) = self.feeds.get_mut(&report.id) else { return };
        if !feed.present || report.sequence <= feed.last {
            return;
        }
        match &mut feed.replay {
            Some((under_way, held)) => {
                if replay.is_some_and(|replay| replay != *under_way) {
                    return;
                }
                if let Entry::Vacant(vacant) = held.entry(report.sequence) {
                    self.bytes += report.content.bytes.len();
                    self.held += 1;
                    let mut report = report;
                    if replay.is_none() {
                        report.missed = std::mem::take(&mut feed.lost);
                    }
                    vacant.insert(report);
                }
                self.trim_held();
            }
            None if replay.is_some() => {}
            None => self.queue(report, stamp),
        }
    }

    /// The replay is complete: what was held is told in the order of its sequence.
    /// `sequence`: of the service when it answered.
    pub(crate) fn end_replay(&mut self, id: ServiceId, replay: u32, sequence: u64, stamp: u64) {
        let Some(feed) = self.feeds.get_mut(&id) else { return };
        if feed.replay.as_ref().is_none_or(|(under_way, _)| *under_way != replay) {
            return;
        }
        let held = feed.replay.take();
        feed.unseen = feed.unseen.min(sequence);
        self.release(id, held, stamp);
        // What came before the mark has arrived, so the rest of it never will.
        if let Some(feed) = self.feeds.get_mut(&id)
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
        self.feeds.get(&id)?.replay.as_ref().map(|(replay, _)| *replay)
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
        self.queue.front().map(|(stamp, _)| *stamp)
    }

    pub(crate) fn grant(&mut self, reports: u32) {
        self.credit = self.credit.saturating_add(reports);
    }

    /// Takes the next report out.
    pub(crate) fn pop(&mut self) -> Option<Delivered> {
        let mut report = self.pop_front()?;
        self.credit = self.credit.saturating_sub(1);
        if let Some(feed) = self.feeds.get_mut(&report.id) {
            report.missed = report.missed.saturating_add(std::mem::take(&mut feed.dropped));
        }
        Some(report)
    }

    fn pop_front(&mut self) -> Option<Delivered> {
        let (_, report) = self.queue.pop_front()?;
        self.bytes -= report.content.bytes.len();
        if self.limits.latest {
            let key = (report.id, report.subject.clone());
            if self.newest.get(&key) == Some(&self.base) {
                self.newest.remove(&key);
            }
        }
        self.base += 1;
        Some(report)
    }

    fn release(
        &mut self,
        id: ServiceId,
        held: Option<(u32, BTreeMap<u64, Delivered>)>,
        stamp: u64,
    ) {
        for (sequence, report) in held.into_iter().flat_map(|(_, held)| held) {
            self.bytes -= report.content.bytes.len();
            self.held -= 1;
            if self.feeds.get(&id).is_some_and(|feed| sequence > feed.last) {
                self.queue(report, stamp);
            }
        }
    }

    fn queue(&mut self, mut report: Delivered, stamp: u64) {
        if let Some(feed) = self.feeds.get_mut(&report.id) {
            report.resumed = std::mem::take(&mut feed.resumed);
            // Some of the holes may be other subjects, so this is an upper bound.
            let gap = (report.sequence - 1).min(feed.unseen).saturating_sub(feed.last);
            let told = std::mem::take(&mut feed.gap).saturating_add(std::mem::take(&mut feed.lost));
            report.missed = report.missed.saturating_add(gap).saturating_add(told);
            self.missed = self.missed.saturating_add(gap);
            feed.last = report.sequence;
        }
        self.bytes += report.content.bytes.len();
        if self.limits.latest {
            self.queue_newest(report, stamp);
        } else {
            self.queue.push_back((stamp, report));
        }
        while self.is_over() {
            if !self.drop_oldest() {
                break;
            }
        }
    }

    /// In the place of the subject's report that waits, or at the end.
    fn queue_newest(&mut self, mut report: Delivered, stamp: u64) {
        let key = (report.id, report.subject.clone());
        let waiting = self
            .newest
            .get(&key)
            .and_then(|position| usize::try_from(position - self.base).ok())
            .and_then(|index| self.queue.get_mut(index));
        if let Some((_, old)) = waiting {
            self.bytes -= old.content.bytes.len();
            self.missed = self.missed.saturating_add(1);
            report.missed = report.missed.saturating_add(old.missed).saturating_add(1);
            report.resumed |= old.resumed;
            *old = report;
        } else {
            self.newest.insert(key, self.base + self.queue.len() as u64);
            self.queue.push_back((stamp, report));
        }
    }

    fn is_over(&self) -> bool {
        self.queue.len() + self.held > self.limits.reports || self.bytes > self.limits.bytes
    }

    /// Drops the oldest report of the queue; what it had to tell of others is told by the next of
    /// its service.
    fn drop_oldest(&mut self) -> bool {
        let Some(dropped) = self.pop_front() else { return false };
        self.missed = self.missed.saturating_add(1);
        if let Some(feed) = self.feeds.get_mut(&dropped.id) {
            feed.dropped = feed.dropped.saturating_add(dropped.missed).saturating_add(1);
        }
        true
    }

    /// Keeps what is held within the limits, by dropping the oldest of the fullest feed.
    fn trim_held(&mut self) {
        while self.is_over() {
            if self.drop_oldest() {
                continue;
            }
            let fullest = self
                .feeds
                .values_mut()
                .filter(|feed| feed.replay.is_some())
                .max_by_key(|feed| feed.replay.as_ref().map_or(0, |(_, held)| held.len()));
            let Some(feed) = fullest else { break };
            let Some((_, held)) = &mut feed.replay else { break };
            let Some((_, dropped)) = held.pop_first() else { break };
            // Told by the one that follows.
            let mut following = held.first_entry();
            let missed = match &mut following {
                Some(next) => &mut next.get_mut().missed,
                None => &mut feed.lost,
            };
            *missed = missed.saturating_add(dropped.missed).saturating_add(1);
            self.bytes -= dropped.content.bytes.len();
            self.held -= 1;
            self.missed = self.missed.saturating_add(1);
        }
    }
}

/// Which subscription and service a replay under way belongs to.
pub(crate) type Replays = FxHashMap<u32, (crate::ids::SubscriptionId, ServiceId)>;
