//! Reports, as the application publishes and subscribes to them.

use crate::content::ContentRef;
use crate::delivery::event::ServiceInfo;
use crate::error::CommandError;
use crate::ids::{ServiceNo, Str, SubscriptionId};
use crate::process::Process;
use crate::registry::service::Service;
use crate::reports::options::PublishOptions;
use crate::reports::subscription::Subscription;
use crate::reports::subscription_options::{SubscriptionLimits, SubscriptionTarget};
use crate::time::Time;

impl Process {
    /// Publishes a report of a local service. Never blocks; nothing that is borrowed is needed
    /// afterwards, except with [`PublishOptions::direct`].
    ///
    /// Returns false if more than [`PUBLISH_HIGH_WATER`](crate::limits::PUBLISH_HIGH_WATER) bytes
    /// are queued for some link that it goes to: the publisher should wait for `flush`. An error
    /// says what is wrong with it, or which limit of kept values is reached; it is not published
    /// then.
    #[inline]
    pub fn publish(
        &mut self,
        now: Time,
        service: ServiceNo,
        subject: &Str,
        content: ContentRef<'_>,
        options: PublishOptions<'_>,
    ) -> Result<bool, CommandError> {
        self.distributor().publish(now, service, subject, content, options)
    }

    /// Bytes queued for the link that has most.
    pub fn queued_bytes(&self) -> usize {
        self.links.queued_bytes()
    }

    /// Begins a subscription. It is in force from this call: for services that are visible now,
    /// whose kept values are told first, and for all that come, over all losses of links.
    pub fn subscribe(
        &mut self,
        now: Time,
        target: SubscriptionTarget,
        pattern: impl Into<Str>,
        limits: SubscriptionLimits,
    ) -> Result<SubscriptionId, CommandError> {
        self.check_open()?;
        self.distributor().subscribe(now, target, pattern.into(), limits)
    }

    /// Ends a subscription; nothing more is told.
    pub fn unsubscribe(&mut self, id: SubscriptionId) {
        self.distributor().unsubscribe(id);
    }

    /// Allows a subscription to tell that many more reports.
    pub fn grant(&mut self, id: SubscriptionId, reports: u32) {
        self.reports.grant(id, reports, &mut self.deliveries);
    }

    /// Reports that a subscription has dropped, or missed while its link was lost.
    pub fn missed(&self, id: SubscriptionId) -> u64 {
        self.reports.subscriptions.get(id).map_or(0, Subscription::missed)
    }

    /// The services that a subscription concerns now, oldest first.
    pub fn publishers(&self, id: SubscriptionId) -> Vec<ServiceInfo> {
        let subscriptions = &self.reports.subscriptions;
        let concerned = |service: &&Service| subscriptions.attached(service.no).contains(&id);
        let services = self.registry.services.all().filter(concerned);
        services.map(|service| self.describe(service)).collect()
    }
}
