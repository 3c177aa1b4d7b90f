//! Subscriptions of this process.

use crate::delivery::event::{Delivered, ServiceInfo};
use crate::delivery::queue::Source;
use crate::error::CommandError;
use crate::ids::{LinkId, ServiceId, ServiceNo, Str, SubscriptionId};
use crate::limits::{MAX_NAME, MAX_SUBJECT};
use crate::links::outbound::outbox::Out;
use crate::registry::table::{OWN, Service};
use crate::reports::interest::Want;
use crate::reports::pattern::Pattern;
use crate::reports::retained::RetainedValue;
use crate::reports::subscription::{Subscription, SubscriptionLimits, SubscriptionTarget};
use crate::time::Time;
use crate::wire::{InterestTarget, Message};

use crate::process::Process;
use crate::process::registry::local_services::check_length;

/// Subscriptions that may share one interest, on average.
const SHARED: usize = 16;

impl Process {
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
        let pattern = pattern.into();
        check_length("pattern", &pattern, MAX_SUBJECT)?;
        if let SubscriptionTarget::Name(text) | SubscriptionTarget::Group(text) = &target {
            check_length("target", text, MAX_NAME)?;
        }
        if limits.reports == 0 || limits.bytes == 0 {
            let why = "a subscription needs room for one report at least".to_owned();
            return Err(CommandError::Invalid { what: "buffer", why });
        }
        let interest = match &target {
            SubscriptionTarget::Name(name) => Some(InterestTarget::Name(name.clone())),
            SubscriptionTarget::Identity(id) => Some(InterestTarget::Identity(*id)),
            SubscriptionTarget::Group(_) => None,
        };
        let limit = self.limits.interests;
        let is_new = interest
            .as_ref()
            .is_none_or(|target| !self.interests.contains(target, &pattern, limits.latest));
        let full = is_new && self.interests.len() >= limit;
        if full || self.subscriptions.len() >= limit.saturating_mul(SHARED) {
            return Err(CommandError::Limit { what: "interests", limit });
        }
        let mut services = match &target {
            SubscriptionTarget::Name(name) => self.registry.named(name).to_vec(),
            SubscriptionTarget::Identity(service) => {
                self.registry.service_no(*service).into_iter().collect()
            }
            SubscriptionTarget::Group(group) => self.registry.members(group).to_vec(),
        };
        services.sort_unstable();
        let subscription = Subscription::new(target, Pattern::new(pattern), limits, self.seed);
        let want = subscription.want();
        let id = self.subscriptions.insert(subscription);
        if let Some(target) = interest {
            self.want(&target, &want);
        }
        for no in services {
            self.attach(now, id, no);
        }
        Ok(id)
    }

    /// Ends a subscription; nothing more is told.
    pub fn unsubscribe(&mut self, id: SubscriptionId) {
        let Some(subscription) = self.subscriptions.remove(id) else { return };
        for replay in subscription.replays() {
            self.end_replay(replay);
        }
        if let Some(stamp) = subscription.head() {
            self.deliveries.unready(stamp, Source::Subscription(id));
        }
        let want = subscription.want();
        match &subscription.target {
            SubscriptionTarget::Name(name) => {
                self.unwant(&InterestTarget::Name(name.clone()), &want);
            }
            SubscriptionTarget::Identity(service) => {
                self.unwant(&InterestTarget::Identity(*service), &want);
            }
            SubscriptionTarget::Group(group) => {
                for no in self.registry.members(group).to_vec() {
                    self.unwant_member(no, &want);
                }
            }
        }
    }

    /// Allows a subscription to tell that many more reports.
    pub fn grant(&mut self, id: SubscriptionId, reports: u32) {
        if let Some(subscription) = self.subscriptions.get_mut(id) {
            subscription.grant(reports);
            if let Some(stamp) = subscription.ready() {
                self.deliveries.ready(stamp, Source::Subscription(id));
            }
        }
    }

    /// Reports that a subscription has dropped, or missed while its link was lost.
    pub fn missed(&self, id: SubscriptionId) -> u64 {
        self.subscriptions.get(id).map_or(0, Subscription::missed)
    }

    /// The services that a subscription concerns now, oldest first.
    pub fn publishers(&self, id: SubscriptionId) -> Vec<ServiceInfo> {
        let concerned = |service: &&Service| self.subscriptions.attached(service.no).contains(&id);
        self.registry.all().filter(concerned).map(|service| self.describe(service)).collect()
    }

    /// A service that a subscription concerns is visible: its kept values, then live reports.
    pub(in crate::process) fn attach(&mut self, now: Time, id: SubscriptionId, no: ServiceNo) {
        let Some(service) = self.registry.service(no) else { return };
        let service_id = service.id;
        self.subscriptions.attach(no, id);
        let Some(subscription) = self.subscriptions.get(id) else { return };
        let (pattern, want) = (subscription.pattern.clone(), subscription.want());
        if matches!(subscription.target, SubscriptionTarget::Group(_))
            && !self.registry.service(no).is_some_and(Service::is_local)
        {
            self.want(&InterestTarget::Identity(service_id), &want);
        }
        match self.registry.service(no).and_then(Service::route) {
            None => {
                let mut after = 0;
                self.update_subscription(id, |subscription, _| {
                    after = subscription.attach(service_id, None);
                });
                self.replay_locally(now, id, no, &pattern, after);
            }
            Some((link, _)) => self.ask_for_replay(id, no, link),
        }
    }

    /// A service is no longer visible, or no longer concerns a subscription.
    pub(in crate::process) fn detach(
        &mut self,
        _now: Time,
        id: SubscriptionId,
        no: ServiceNo,
        lost: bool,
    ) {
        if !self.subscriptions.detach(no, id) {
            return;
        }
        let Some(service_id) = self.registry.service(no).map(|service| service.id) else { return };
        let Some(subscription) = self.subscriptions.get(id) else { return };
        let want = subscription.want();
        let of_group = matches!(subscription.target, SubscriptionTarget::Group(_));
        if let Some(replay) = subscription.replay_of(service_id) {
            self.end_replay(replay);
        }
        self.update_subscription(id, |subscription, stamp| {
            subscription.detach(service_id, lost, stamp);
        });
        if of_group {
            self.unwant_member(no, &want);
        }
    }

    /// A service stays visible, but over another link: what was under way over the old one is
    /// asked for again.
    pub(in crate::process) fn reattach(&mut self, _now: Time, no: ServiceNo) {
        let Some(service) = self.registry.service(no) else { return };
        let id = service.id;
        let Some((link, _)) = service.route() else { return };
        for subscription in self.subscriptions.attached(no).to_vec() {
            let Some(state) = self.subscriptions.get(subscription) else { continue };
            if let Some(replay) = state.replay_of(id) {
                self.end_replay(replay);
            }
            self.update_subscription(subscription, |state, stamp| state.detach(id, true, stamp));
            self.ask_for_replay(subscription, no, link);
        }
    }

    /// Changes a subscription and keeps its place in the order of deliveries right.
    pub(in crate::process) fn update_subscription(
        &mut self,
        id: SubscriptionId,
        change: impl FnOnce(&mut Subscription, u64),
    ) {
        let stamp = self.deliveries.stamp();
        let Some(subscription) = self.subscriptions.get_mut(id) else { return };
        let before = subscription.ready();
        change(subscription, stamp);
        let after = subscription.ready();
        if before != after {
            if let Some(before) = before {
                self.deliveries.unready(before, Source::Subscription(id));
            }
            if let Some(after) = after {
                self.deliveries.ready(after, Source::Subscription(id));
            }
        }
    }

    fn ask_for_replay(&mut self, id: SubscriptionId, no: ServiceNo, link: LinkId) {
        let Some(service) = self.registry.service(no).map(|service| service.id) else { return };
        let replay = self.subscriptions.next_replay(id, service);
        self.update_subscription(id, |subscription, _| {
            subscription.attach(service, Some(replay));
        });
        self.push(link, Out::ReplayQueue(replay.into()));
    }

    /// The rest of a replay of which a page has arrived.
    pub(in crate::process) fn ask_for_more(
        &mut self,
        id: SubscriptionId,
        service: ServiceId,
        replay: u32,
        after: u64,
        upto: u64,
    ) {
        let Some(subscription) = self.subscriptions.get(id) else { return };
        let pattern = subscription.pattern.text().clone();
        let known = self.registry.service_no(service).and_then(|no| self.registry.service(no));
        let Some((link, service)) = known.and_then(Service::route) else { return };
        let process = OWN;
        self.push(link, Out::ReplayRequest { service, process, replay, pattern, after, upto });
    }

    fn replay_locally(
        &mut self,
        now: Time,
        id: SubscriptionId,
        no: ServiceNo,
        pattern: &Pattern,
        after: u64,
    ) {
        let mut cursor = after;
        loop {
            let Some(service) = self.registry.service(no) else { return };
            let Some(publisher) = &service.publisher else { return };
            let upto = publisher.sequence;
            let Some((sequence, value)) = publisher.kept.next(now, pattern, cursor, upto) else {
                return;
            };
            let RetainedValue { subject, content, .. } = value;
            let report = Delivered {
                service: no,
                id: service.id,
                name: service.name.clone(),
                subject: subject.clone(),
                sequence,
                replayed: true,
                resumed: false,
                missed: 0,
                content: content.clone(),
            };
            cursor = sequence;
            self.update_subscription(id, |subscription, stamp| {
                subscription.arrive(report, None, stamp);
            });
        }
    }

    /// This process wants reports: its hubs are told, once however many subscriptions share it.
    fn want(&mut self, target: &InterestTarget, want: &Want) {
        let latest = want.latest;
        let full = self.interests.len() >= self.limits.interests;
        if full && !self.interests.contains(target, want.pattern.text(), latest) {
            // Only a group with very many members gets here: the hub would end the link. The
            // members beyond the limit are not heard.
            return;
        }
        let Some(id) = self.interests.add(target, want) else { return };
        self.wish(OWN, target, want);
        let pattern = want.pattern.text().clone();
        let message = Message::Interest { id, target: target.clone(), pattern, latest };
        self.tell_servers(id, &message);
    }

    fn unwant(&mut self, target: &InterestTarget, want: &Want) {
        let Some(id) = self.interests.remove(target, want) else { return };
        self.unwish(OWN, target, want);
        self.tell_servers(id, &Message::InterestEnd { id });
    }

    fn unwant_member(&mut self, no: ServiceNo, want: &Want) {
        if let Some(service) = self.registry.service(no)
            && !service.is_local()
        {
            let target = InterestTarget::Identity(service.id);
            self.unwant(&target, want);
        }
    }

    fn tell_servers(&mut self, interest: u32, message: &Message) {
        let told: Vec<LinkId> = self
            .links
            .values()
            .filter(|state| {
                state.linked().is_some_and(|connection| {
                    connection.peer_is_server() && connection.has_told_interest(interest)
                })
            })
            .map(|state| state.id)
            .collect();
        for link in told {
            self.push(link, Out::Message(message.clone()));
        }
    }
}
