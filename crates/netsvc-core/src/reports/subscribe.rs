//! Subscriptions of this process.

use crate::delivery::queue::Source;
use crate::error::CommandError;
use crate::ids::{LinkId, ServiceNo, SubscriptionId};
use crate::links::outbound::outbox::Out;
use crate::time::Time;
use crate::wire::{InterestTarget, Message};

use super::distributor::Distributor;
use super::interest::interest_in;
use super::pattern::Pattern;
use super::subscription::Subscription;
use super::subscription_options::{SubscriptionLimits, SubscriptionTarget};
use super::want::Want;

impl Distributor<'_> {
    /// See [`Process::subscribe`](crate::Process::subscribe).
    pub(crate) fn subscribe(
        &mut self,
        now: Time,
        target: SubscriptionTarget,
        pattern: Pattern,
        limits: SubscriptionLimits,
    ) -> Result<SubscriptionId, CommandError> {
        self.policy().check_subscription(&target, &pattern, limits, self.reports)?;
        let interest = interest_in(&target);
        let services = &self.registry.services;
        let mut concerned: Vec<ServiceNo> = match &target {
            SubscriptionTarget::Name(name) => services.named(name).iter().copied().collect(),
            SubscriptionTarget::Identity(service) => services.no_of(*service).into_iter().collect(),
            SubscriptionTarget::Group(group) => services.members(group).iter().copied().collect(),
        };
        concerned.sort_unstable();
        let seed = self.reports.seed;
        let subscription = Subscription::new(target, pattern, limits, seed);
        let want = subscription.want();
        let id = self.reports.subscriptions.insert(subscription);
        self.want(&interest, &want);
        for no in concerned {
            self.attach(now, id, no);
        }
        Ok(id)
    }

    /// Ends a subscription; nothing more is told.
    pub(crate) fn unsubscribe(&mut self, id: SubscriptionId) {
        let Some(subscription) = self.reports.subscriptions.remove(id) else { return };
        for replay in subscription.replays() {
            self.end_replay(replay);
        }
        if let Some(stamp) = subscription.head() {
            self.deliveries.unready(stamp, Source::Subscription(id));
        }
        self.unwant(&interest_in(&subscription.target), &subscription.want());
    }

    /// A service that a subscription concerns is visible: its kept values, then live reports.
    pub(crate) fn attach(&mut self, now: Time, id: SubscriptionId, no: ServiceNo) {
        let Some(service) = self.registry.services.get(no) else { return };
        let route = service.route();
        self.reports.subscriptions.attach(no, id);
        match route {
            None => self.attach_here(now, id, no),
            Some(route) => self.ask_for_replay(id, no, route.link),
        }
    }

    /// A service is no longer visible (`lost`: it may come back), or no longer concerns a
    /// subscription.
    pub(crate) fn detach(&mut self, id: SubscriptionId, no: ServiceNo, lost: bool) {
        if !self.reports.subscriptions.detach(no, id) {
            return;
        }
        let Some(service_id) = self.registry.services.get(no).map(|service| service.id) else {
            return;
        };
        let Some(subscription) = self.reports.subscriptions.get(id) else { return };
        if let Some(replay) = subscription.replay_of(service_id) {
            self.end_replay(replay);
        }
        self.reports.update(id, self.deliveries, |subscription, stamp| {
            subscription.detach(service_id, lost, stamp);
        });
    }

    /// A service stays visible, but over another link: what was under way over the old one is
    /// asked for again.
    pub(crate) fn reattach(&mut self, no: ServiceNo) {
        let Some(service) = self.registry.services.get(no) else { return };
        let id = service.id;
        let Some(route) = service.route() else { return };
        for subscription in self.reports.subscriptions.attached(no).to_vec() {
            let Some(state) = self.reports.subscriptions.get(subscription) else { continue };
            if let Some(replay) = state.replay_of(id) {
                self.end_replay(replay);
            }
            self.reports.update(subscription, self.deliveries, |state, stamp| {
                state.detach(id, true, stamp);
            });
            self.ask_for_replay(subscription, no, route.link);
        }
    }

    fn ask_for_replay(&mut self, id: SubscriptionId, no: ServiceNo, link: LinkId) {
        let Some(service) = self.registry.services.get(no).map(|service| service.id) else {
            return;
        };
        let replay = self.reports.subscriptions.next_replay(id, service);
        self.reports.update(id, self.deliveries, |subscription, _| {
            subscription.attach(service, Some((replay, Some(link))));
        });
        self.links.send(link, Out::Replays(replay.into()));
    }

    /// The kept values of a service of this process.
    fn attach_here(&mut self, now: Time, id: SubscriptionId, no: ServiceNo) {
        let Some(service) = self.registry.services.get(no) else { return };
        let keeps = service.publisher.as_ref().is_some_and(|publisher| publisher.kept.len() > 0);
        let service = service.id;
        let replay = keeps.then(|| self.reports.subscriptions.next_replay(id, service));
        self.reports.update(id, self.deliveries, |subscription, _| {
            subscription.attach(service, replay.map(|replay| (replay, None)));
        });
        if let Some(replay) = replay
            && let Some(known) = self.reports.subscriptions.replays.get(&replay).copied()
        {
            self.replay_here(now, replay, known);
        }
    }

    /// This process wants reports: its hubs are told, once however many subscriptions share it.
    fn want(&mut self, target: &InterestTarget, want: &Want) {
        let (pattern, latest) = (want.pattern.text().clone(), want.latest);
        let Some(id) = self.reports.interests.add(target, want) else { return };
        self.wish_own(target, want);
        let message = Message::Interest { id, target: target.clone(), pattern, latest };
        self.tell_hubs(id, &message);
    }

    fn unwant(&mut self, target: &InterestTarget, want: &Want) {
        let Some(id) = self.reports.interests.remove(target, want) else { return };
        self.unwish_own(target, want);
        self.tell_hubs(id, &Message::InterestEnd { id });
    }

    fn tell_hubs(&mut self, interest: u32, message: &Message) {
        let told = self.links.all_linked().filter(|(_, connection)| {
            connection.capabilities().relays_for_us && connection.has_told_interest(interest)
        });
        let links: Vec<LinkId> = told.map(|(link, _)| link.id).collect();
        for link in links {
            self.links.send(link, Out::Message(message.clone()));
        }
    }
}
