//! Reports: who wants them, where they go, what is kept, and what waits for the application.

mod deliver;
pub(crate) mod destinations;
pub(crate) mod distributor;
pub(crate) mod drop_counts;
mod feed;
mod forward;
mod glob;
pub(crate) mod interest;
mod keep;
pub(crate) mod options;
pub(crate) mod origin;
pub(crate) mod pace;
pub(crate) mod pattern;
pub(crate) mod pattern_map;
mod publish;
pub(crate) mod replay;
pub(crate) mod replay_buffer;
pub(crate) mod replay_end;
mod replay_pages;
pub(crate) mod replay_queue;
pub(crate) mod replays_asked;
pub(crate) mod retained;
mod subscribe;
pub(crate) mod subscribers;
pub(crate) mod subscription;
pub(crate) mod subscription_options;
pub(crate) mod subscriptions;
mod told_subscribers;
pub(crate) mod want;
mod wishes;

use std::collections::BTreeSet;

use crate::delivery::event::Event;
use crate::delivery::queue::{Deliveries, Source};
use crate::ids::{ServiceNo, SubscriptionId};
use crate::time::Time;

use interest::{OwnInterests, Wishes};
use subscription::Subscription;
use subscriptions::Subscriptions;

/// The part of a process that owns subscriptions, interests and the count of what is kept. Who
/// subscribes to a service, and its kept values, lie with the service in the registry.
#[derive(Debug)]
pub(crate) struct Reports {
    pub(crate) subscriptions: Subscriptions,
    /// What this process wants of others.
    pub(crate) interests: OwnInterests,
    /// What clients want, and what this process wants of its clients.
    wishes: Wishes,
    /// Number and bytes of all kept values.
    kept: (usize, usize),
    /// When the first kept value of each service expires, of those that have any that does.
    expiring: BTreeSet<(Time, ServiceNo)>,
    /// When kept values are next looked through for those whose lifetime is over.
    sweep: Time,
    seed: u64,
}

impl Reports {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            subscriptions: Subscriptions::new(seed),
            interests: OwnInterests::new(seed),
            wishes: Wishes::new(seed),
            kept: (0, 0),
            expiring: BTreeSet::new(),
            sweep: Time::NEVER,
            seed,
        }
    }

    /// For tests: numbers that stand for things soon begin again.
    pub(crate) fn skip_to_end(&mut self, left: u32) {
        self.subscriptions.skip_to_end(left);
        self.interests.skip_to_end(left);
    }

    /// When [`Distributor::sweep`](distributor::Distributor::sweep) is due.
    pub(crate) fn next_sweep(&self) -> Time {
        self.sweep
    }

    /// Changes a subscription and keeps its place in the order of deliveries right.
    pub(crate) fn update(
        &mut self,
        id: SubscriptionId,
        deliveries: &mut Deliveries,
        change: impl FnOnce(&mut Subscription, u64),
    ) {
        let stamp = deliveries.stamp();
        let Some(subscription) = self.subscriptions.get_mut(id) else { return };
        let before = subscription.ready();
        change(subscription, stamp);
        let after = subscription.ready();
        if before != after {
            if let Some(before) = before {
                deliveries.unready(before, Source::Subscription(id));
            }
            if let Some(after) = after {
                deliveries.ready(after, Source::Subscription(id));
            }
        }
    }

    /// The next report of a subscription whose turn it is. `parked` becomes whether replays wait
    /// until it has room.
    pub(crate) fn next_report(
        &mut self,
        id: SubscriptionId,
        deliveries: &mut Deliveries,
        parked: &mut bool,
    ) -> Option<Event> {
        let subscription = self.subscriptions.get_mut(id)?;
        let report = subscription.pop();
        if let Some(stamp) = subscription.ready() {
            deliveries.ready(stamp, Source::Subscription(id));
        }
        *parked = subscription.pace.has_parked();
        report.map(|report| Event::Report { subscription: id, report })
    }

    /// Allows a subscription to tell that many more reports.
    pub(crate) fn grant(&mut self, id: SubscriptionId, reports: u32, deliveries: &mut Deliveries) {
        if let Some(subscription) = self.subscriptions.get_mut(id) {
            subscription.grant(reports);
            if let Some(stamp) = subscription.ready() {
                deliveries.ready(stamp, Source::Subscription(id));
            }
        }
    }

    /// Entries of every table, by name.
    pub(crate) fn table_sizes(&self) -> Vec<(&'static str, usize)> {
        vec![
            ("subscriptions", self.subscriptions.len()),
            ("replays", self.subscriptions.replays.len()),
            ("interests", self.interests.len()),
            ("wishes", self.wishes.len()),
            ("kept values", self.kept.0),
            ("timers", usize::from(self.sweep != Time::NEVER)),
        ]
    }
}
