//! The asker's side of replays: which page is asked for when, and what becomes of it.
//!
//! A page is asked for when its subscription has room for it (see `pace`). What it brings is told
//! when the page is complete; then the next is asked for, or waits until the application has taken
//! some. Values of services of this process go the same way, without a question.

use crate::ids::{LinkId, ProcessNo, ServiceNo, SubscriptionId};
use crate::links::outbound::outbox::Out;
use crate::registry::Registry;
use crate::registry::process_table::OWN;
use crate::time::Time;
use crate::wire::{Message, ReportRef};

use super::Reports;
use super::distributor::Distributor;
use super::replay_end::ReplayEnd;
use super::replay_queue::ReplayQueue;
use super::retained::RetainedValue;
use super::subscriptions::Replay;

impl Distributor<'_> {
    /// A kept value that this process has asked for.
    pub(super) fn take_replayed(
        &mut self,
        link: LinkId,
        replay: u32,
        no: ServiceNo,
        report: &ReportRef<'_>,
    ) {
        if !self.links.has_asked(link, replay) {
            return self.links.ignore(link);
        }
        let known = self.reports.subscriptions.replays.get(&replay).copied();
        let Some(Replay { subscription, .. }) = known else { return self.links.ignore(link) };
        let state = self.reports.subscriptions.get(subscription);
        if state.is_some_and(|state| state.pattern.matches(report.subject)) {
            self.queue(subscription, no, report, Some(link), Some(replay));
        }
    }

    /// A page that this process has asked for is complete.
    pub(super) fn take_page(&mut self, link: LinkId, end: ReplayEnd) {
        let replay = end.replay;
        if !self.links.has_asked(link, replay) {
            return self.links.ignore(link);
        }
        self.links.end_replay(link, replay);
        let Some(known) = self.reports.subscriptions.replays.get(&replay).copied() else { return };
        if self.end_page(known, &end)
            && let Some(subscription) = self.reports.subscriptions.get_mut(known.subscription)
        {
            subscription.pace.park_first(replay);
        }
        self.resume_replays(known.subscription);
    }

    /// What a page has brought is told; true: there is more.
    fn end_page(&mut self, known: Replay, end: &ReplayEnd) -> bool {
        let Replay { subscription: id, service, .. } = known;
        let mut rest = None;
        self.reports.update(id, self.deliveries, |subscription, stamp| {
            rest = subscription.end_page(service, end, stamp);
        });
        self.reports.note_answered(end.replay);
        match self.reports.subscriptions.replays.get_mut(&end.replay) {
            Some(known) if rest.is_some() => known.rest = rest,
            _ => drop(self.reports.subscriptions.replays.remove(&end.replay)),
        }
        rest.is_some()
    }

    /// A replay is no longer wanted. Its place among those under way is free when it is answered.
    pub(super) fn end_replay(&mut self, replay: u32) {
        self.reports.note_answered(replay);
        let known = self.reports.subscriptions.replays.remove(&replay);
        if let Some(Replay { subscription, .. }) = known {
            self.resume_replays(subscription);
        }
    }

    /// Replays that waited for room in a subscription are asked for, as far as there is any.
    pub(crate) fn resume_replays(&mut self, id: SubscriptionId) {
        while let Some(subscription) = self.reports.subscriptions.get_mut(id)
            && let Some(replay) = subscription.pace.next()
        {
            let known = self.reports.subscriptions.replays.get(&replay).copied();
            // Others may have its number by now.
            let Some(known) = known.filter(|known| known.subscription == id && !known.asked) else {
                continue;
            };
            let services = &self.registry.services;
            let service = services.no_of(known.service).and_then(|no| services.get(no));
            if let Some(route) = service.and_then(crate::registry::service::Service::route) {
                self.reports.note_asked(replay);
                self.links.send(route.link, Out::Replays(replay.into()));
            }
        }
    }

    /// As [`resume_replays`](Self::resume_replays), of services of this process too.
    pub(crate) fn resume_all_replays(&mut self, now: Time, id: SubscriptionId) {
        while let Some(subscription) = self.reports.subscriptions.get_mut(id)
            && let Some(replay) = subscription.pace.next_here()
        {
            let known = self.reports.subscriptions.replays.get(&replay).copied();
            if let Some(known) = known.filter(|known| known.subscription == id) {
                self.replay_here(now, replay, known);
            }
        }
        self.resume_replays(id);
    }

    /// The kept values of a service of this process, as far as there is room.
    pub(super) fn replay_here(&mut self, now: Time, replay: u32, known: Replay) {
        let Replay { subscription: id, service, rest, .. } = known;
        let Some(subscription) = self.reports.subscriptions.get(id) else { return };
        let pattern = subscription.pattern.clone();
        let (mut cursor, upto) = rest.unwrap_or((subscription.wanted_after(service), 0));
        let services = &self.registry.services;
        let Some(no) = services.no_of(service) else { return };
        let Some(publisher) = services.get(no).and_then(|known| known.publisher.as_ref()) else {
            return;
        };
        let upto = if upto == 0 { publisher.sequence } else { upto };
        let mut values = Vec::new();
        let (mut left, mut room) = (subscription.pace.room(), true);
        while room && let Some((sequence, value)) = publisher.kept.next(now, &pattern, cursor, upto)
        {
            // One more than fits says that there is no room for all.
            room = left.take(value.content.bytes.len());
            values.push((sequence, value.clone()));
            cursor = sequence;
        }
        for (sequence, RetainedValue { subject, content, extensions, .. }) in values {
            let (subject, content) = (&subject, content.by_ref());
            let extensions = &extensions[..];
            let report = ReportRef { service: no.0, subject, sequence, content, extensions };
            self.queue(id, no, &report, None, Some(replay));
        }
        let (process, sequence, more_after, complete_after) = (OWN.0, upto, 0, 0);
        let end = ReplayEnd { process, replay, sequence, more_after, complete_after };
        if self.end_page(known, &end)
            && let Some(subscription) = self.reports.subscriptions.get_mut(id)
        {
            subscription.pace.park_here(replay);
        }
    }
}

impl Reports {
    /// The next question for a replay over a link, if any may be sent.
    pub(crate) fn next_question(
        &mut self,
        registry: &Registry,
        link: LinkId,
        queue: &mut ReplayQueue,
    ) -> Option<Message> {
        loop {
            let (id, publisher) = if let Some(waited) = queue.next_waiting() {
                waited
            } else {
                let id = queue.next_incoming()?;
                match self.publisher_of(registry, id) {
                    Some(publisher) if queue.admits(id, publisher) => (id, publisher),
                    _ => continue,
                }
            };
            if let Some(message) = self.question(registry, link, id) {
                queue.begin(id, publisher);
                return Some(message);
            }
            queue.forget_idle(publisher);
        }
    }

    /// Whose values a replay is about; `None`: it has ended.
    fn publisher_of(&self, registry: &Registry, replay: u32) -> Option<ProcessNo> {
        let replay = self.subscriptions.replays.get(&replay)?;
        let no = registry.services.no_of(replay.service)?;
        registry.services.get(no).map(|service| service.process)
    }

    /// The question for a replay; `None`: it is not wanted any more, at least not over that link,
    /// or there is no room for it.
    fn question(&mut self, registry: &Registry, link: LinkId, id: u32) -> Option<Message> {
        let Replay { subscription, service, rest, asked } = *self.subscriptions.replays.get(&id)?;
        let no = registry.services.no_of(service)?;
        let route = registry.services.get(no)?.route().filter(|route| route.link == link)?;
        let subscription = self.subscriptions.get_mut(subscription)?;
        // Those that have begun were asked for because there was room.
        if !asked && !subscription.pace.may_begin() {
            subscription.pace.park(id);
            return None;
        }
        let pattern = subscription.pattern.text().clone();
        let (after, upto) = rest.unwrap_or((subscription.wanted_after(service), 0));
        if !asked {
            self.note_asked(id);
        }
        let (service, process) = (route.peer_no, OWN.0);
        Some(Message::ReplayRequest { service, process, replay: id, pattern, after, upto })
    }

    /// A page of a replay is asked for.
    fn note_asked(&mut self, replay: u32) {
        let Some(known) = self.subscriptions.replays.get_mut(&replay) else { return };
        known.asked = true;
        let subscription = known.subscription;
        if let Some(subscription) = self.subscriptions.get_mut(subscription) {
            subscription.pace.begin();
        }
    }

    /// It is answered, or no longer wanted.
    fn note_answered(&mut self, replay: u32) {
        let Some(known) = self.subscriptions.replays.get_mut(&replay) else { return };
        let (asked, subscription) = (std::mem::take(&mut known.asked), known.subscription);
        if let Some(subscription) = self.subscriptions.get_mut(subscription).filter(|_| asked) {
            subscription.pace.end();
        }
    }
}
