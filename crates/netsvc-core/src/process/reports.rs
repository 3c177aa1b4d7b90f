//! Reports, as the application publishes and subscribes to them.

use crate::content::ContentRef;
use crate::delivery::event::ServiceInfo;
use crate::error::CommandError;
use crate::ids::{ServiceNo, Str, SubscriptionId};
use crate::process::Process;
use crate::registry::service::Service;
use crate::reports::options::PublishOptions;
use crate::reports::pattern::Pattern;
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
        self.distributor().subscribe(now, target, Pattern::new(pattern), limits)
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::links::exchange::Heartbeat;
    use crate::links::newcomer::Newcomer;
    use crate::process::Config;
    use crate::reports::destinations::MAX_REMEMBERED;
    use crate::wire::{Hello, InterestTarget, Message, Role};
    use crate::{Content, ContentType, Limits, LinkToken, NewService, ProcessSecret};

    const SUBJECT: usize = 1000;

    /// A publisher chooses how many subjects there are.
    #[test]
    fn where_reports_go_is_remembered_within_a_bound() {
        let now = Time(1_000_000_000);
        let config = |id| Config {
            secret: ProcessSecret::new([id; 32]),
            label: "hub".into(),
            limits: Limits::default(),
            seed: 1,
        };
        let mut hub = Process::new(config(1), now);
        let exchange = hub.create_exchange(Role::Server, "", Heartbeat::default()).unwrap();
        let conn = hub.handle_accepted(now, exchange, Newcomer::from("peer")).unwrap();
        let secret = config(2).secret;
        let hello = Hello {
            features: 0,
            role: Role::Client,
            group: "".into(),
            process: secret.process(),
            secret: Some(secret),
            label: "peer".into(),
            token: LinkToken([2; 16]),
            attempt: 1,
            heartbeat: Duration::from_secs(5),
            max_payload: 1 << 20,
        };
        let interest = Message::Interest {
            id: 1,
            target: InterestTarget::Name("a".into()),
            pattern: "*".into(),
            latest: false,
        };
        let mut messages = vec![Message::Hello(hello), Message::Synced, interest];
        hub.handle_messages(now, conn, &mut messages);
        let service =
            || NewService { name: "a".into(), audience: "*".into(), ..NewService::default() };
        let services: Vec<ServiceNo> =
            (0..12).map(|_| hub.create_service(now, service()).unwrap().0).collect();
        let content = Content { kind: ContentType(0), bytes: bytes::Bytes::new() };
        let mut most = 0;
        for no in services {
            for number in 0..1000 {
                let subject = Str::from(format!("{number:0>SUBJECT$}"));
                let options = PublishOptions::default();
                hub.publish(now, no, &subject, content.by_ref(), options).unwrap();
                let all = hub.registry.services.all().map(|known| known.subscribers.remembered());
                most = most.max(all.sum());
            }
        }
        assert!((MAX_REMEMBERED / 2..=MAX_REMEMBERED).contains(&most), "{most}");
    }
}
