//! Subscriptions: what arrives for them, in which order it is told, and what is dropped.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::mem;

use crate::collections::seeded_map::{SeededMap, SeededState};
use crate::collections::service_map::{Place, ServiceMap};
use crate::delivery::event::Delivered;
use crate::ids::{LinkId, ServiceId, Str};
use crate::reports::feed::Feed;
use crate::reports::pace::Pace;
use crate::reports::pattern::Pattern;
use crate::reports::replay_buffer::ReplayBuffer;
use crate::reports::subscription_options::{SubscriptionLimits, SubscriptionTarget};
use crate::reports::want::Want;

pub(crate) mod replaying;
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
    /// Replayed reports that wait, and those that have taken their places: apart, to be dropped
    /// last.
    kept: VecDeque<Waiting>,
    /// Reports that were ever queued.
    queued: u64,
    /// With `latest`: where each subject's report is.
    newest: SeededMap<(ServiceId, Str), Spot>,
    /// Entries that have left the queue and `kept`.
    left: (u64, u64),
    /// Of the queue and of what is held during replays.
    bytes: usize,
    held: usize,
    /// Of those held: reports that wait for others before them on the way in use.
    ahead: usize,
    credit: u32,
    /// Dropped in all, here and on the way.
    missed: u64,
    feeds: ServiceMap<Feed>,
    /// Of replays.
    pub(super) pace: Pace,
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

/// Absolute position of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spot {
    Queue(u64),
    Kept(u64),
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
            newest: SeededMap::with_hasher(SeededState(seed)),
            left: (0, 0),
            bytes: 0,
            held: 0,
            ahead: 0,
            credit: INITIAL_CREDIT,
            missed: 0,
            feeds: ServiceMap::new(seed),
            pace: Pace::new(limits.reports, limits.bytes),
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
    /// reports are held until `end_replay` of that id, which is asked for over that link, or here,
    /// and from then on come by that way.
    pub(crate) fn attach(&mut self, id: ServiceId, replay: Option<(u32, Option<LinkId>)>) -> u64 {
        let feed = self.feeds.entry(id);
        self.absent.remove(&feed.departure);
        feed.present = true;
        if feed.resumed {
            // Until the mark of the replay says how far.
            feed.unseen = u64::MAX;
        }
        feed.way = replay.and_then(|(_, link)| link);
        feed.replay = replay.map(|(replay, _)| (replay, ReplayBuffer::default()));
        feed.last
    }

    /// A service is no longer visible, or no longer a target. What was held is queued.
    pub(crate) fn detach(&mut self, id: ServiceId, lost: bool, stamp: u64) {
        let Some(feed) = self.feeds.get_mut(id) else { return };
        let mut held = feed.replay.take().map(|(_, held)| held);
        if let Some(held) = held.as_ref().filter(|held| !held.begun && !feed.resumed)
            && let Some((first, (newest, _))) = held.first().zip(held.live.last_key_value())
        {
            // The feed begins with what has come, and nobody says any more how complete that is.
            feed.last = feed.last.max(first - 1);
            feed.unseen = feed.unseen.max(*newest);
        }
        if let Some((newest, _)) = feed.ahead.last_key_value() {
            // What they waited for never comes.
            feed.unseen = feed.unseen.max(newest - 1);
            self.ahead -= feed.ahead.len();
            let live = mem::take(&mut feed.ahead);
            held = Some(ReplayBuffer { live, ..ReplayBuffer::default() });
        }
        feed.present = false;
        if let Some(held) = held {
            self.release(id, held, u64::MAX, stamp);
        }
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
            Some((under_way, _)) => {
                if replay.is_none_or(|replay| replay == *under_way) {
                    self.hold(report, place, via);
                    self.trim();
                }
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
        let queue = if kept_first { &mut self.kept } else { &mut self.queue };
        let Waiting { number, mut report, .. } = queue.pop_front()?;
        self.leave(&report, kept_first);
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
        self.leave(&waiting.report, true);
        Some(waiting)
    }

    fn pop_queue(&mut self) -> Option<Waiting> {
        let waiting = self.queue.pop_front()?;
        self.leave(&waiting.report, false);
        Some(waiting)
    }

    /// The first report of `kept`, or of the queue, has left it.
    #[inline]
    fn leave(&mut self, report: &Delivered, kept: bool) {
        self.bytes -= report.content.bytes.len();
        if kept && report.replayed {
            self.pace.remove(report.content.bytes.len());
        }
        let left = if kept { &mut self.left.1 } else { &mut self.left.0 };
        let position = *left;
        *left += 1;
        if self.limits.latest {
            let spot = if kept { Spot::Kept(position) } else { Spot::Queue(position) };
            self.forget_newest(report, spot);
        }
    }

    #[inline(never)] // Kept out of the way of those that queue.
    fn forget_newest(&mut self, report: &Delivered, spot: Spot) {
        let key = (report.id, report.subject.clone());
        if self.newest.get(&key) == Some(&spot) {
            self.newest.remove(&key);
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
        if report.replayed {
            self.pace.add(report.content.bytes.len());
        }
        self.queued += 1;
        let number = self.queued;
        if !self.limits.latest || !self.replace(&mut report) {
            let queue = if report.replayed { &mut self.kept } else { &mut self.queue };
            queue.push_back(Waiting { stamp, number, report });
        }
        self.trim();
    }

    /// In the place of the subject's report that waits; false: it has to go to the end.
    fn replace(&mut self, report: &mut Delivered) -> bool {
        let (queue, kept) = (&mut self.queue, &mut self.kept);
        let key = (report.id, report.subject.clone());
        let index = |position: u64, left: u64| usize::try_from(position - left).ok();
        let waiting = match self.newest.get(&key) {
            Some(Spot::Queue(at)) => index(*at, self.left.0).and_then(|at| queue.get_mut(at)),
            Some(Spot::Kept(at)) => index(*at, self.left.1).and_then(|at| kept.get_mut(at)),
            None => None,
        };
        let Some(Waiting { report: old, .. }) = waiting else {
            let spot = if report.replayed {
                Spot::Kept(self.left.1 + kept.len() as u64)
            } else {
                Spot::Queue(self.left.0 + queue.len() as u64)
            };
            self.newest.insert(key, spot);
            return false;
        };
        self.bytes -= old.content.bytes.len();
        if old.replayed {
            self.pace.remove(old.content.bytes.len());
        }
        self.missed = self.missed.saturating_add(1);
        report.missed = report.missed.saturating_add(old.missed).saturating_add(1);
        report.resumed |= old.resumed;
        mem::swap(old, report);
        true
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
        if kept {
            self.pace.remove(dropped.content.bytes.len());
        }
        // What was published may be kept, in place of a value that was to come.
        held.refill |= !kept;
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
