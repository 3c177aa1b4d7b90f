//! What must hold for a run by itself, once everything has settled.

use std::collections::BTreeSet;
use std::time::Duration;

use netsvc_core::{Delivered, Filter, Lifetime, Outcome, ServiceId};

use super::run::Run;
use super::state::{SUBJECTS, Subscription};
use crate::node::Node;

/// No request takes longer, and no closing connection.
const LONGEST: Duration = Duration::from_secs(6);

impl Run {
    /// Ends a run: everybody recovers, a last report of each subject is published, and everything
    /// is closed. Broken promises are noted.
    pub(super) fn end(&mut self) {
        self.heal();
        self.entitle();
        self.check_registries();
        for service in 0..self.services.len() {
            if self.services[service].open {
                for subject in 0..SUBJECTS.len() {
                    self.publish(service, subject, 3, Lifetime::None);
                    self.settle();
                }
            }
        }
        self.pass(Duration::from_secs(1));
        self.check_reports();
        // Parts and results that nobody asks for any more, and handlers that never ended.
        while let Some(index) = self.invocations.iter().position(|invocation| invocation.open) {
            self.respond(index, 0, 1);
            self.settle();
        }
        self.pass(LONGEST);
        self.check_requests();
        for index in 0..self.subscriptions.len() {
            if self.subscriptions[index].open {
                self.unsubscribe(index);
            }
        }
        for index in 0..self.services.len() {
            if self.services[index].open {
                self.close_service(index);
            }
        }
        self.pass(LONGEST);
        self.check_tables();
    }

    /// Registries, and what watches amount to, are the live visible set.
    fn check_registries(&mut self) {
        for node in 0..self.layout.nodes.len() {
            let visible = self.services.iter().filter(|service| {
                service.open && self.layout.sees(node, service.node, service.audience)
            });
            let expected: BTreeSet<ServiceId> = visible.map(|service| service.id).collect();
            let known = self.world.at(Node(node)).lookup(&Filter::default());
            let known: BTreeSet<ServiceId> = known.iter().map(|service| service.id).collect();
            let watched: BTreeSet<ServiceId> = self.told[node].services.keys().copied().collect();
            let name = self.layout.nodes[node];
            if known != expected {
                self.broken.push(format!("{name} sees {known:?} instead of {expected:?}"));
            }
            if watched != known {
                self.broken.push(format!("{name} sees {known:?} and was told {watched:?}"));
            }
            let member = |id: &ServiceId| {
                self.services.iter().any(|service| service.id == *id && service.member)
            };
            let groups = self.told[node].services.iter();
            let wrong = groups.filter(|(id, groups)| groups.is_empty() == member(id));
            let wrong: Vec<String> = wrong
                .map(|(id, groups)| format!("{name} was told that {id} is in {groups:?}"))
                .collect();
            self.broken.extend(wrong);
        }
    }

    /// Every report that a subscription was entitled to was told or counted, and at no time were
    /// fewer.
    fn check_reports(&mut self) {
        let mut broken = Vec::new();
        for subscription in self.subscriptions.iter().filter(|subscription| subscription.open) {
            let (name, id) = (self.layout.nodes[subscription.node], subscription.id);
            for (number, after) in &subscription.entitled {
                let service = &self.services[*number];
                if !service.open {
                    continue;
                }
                let what = |text: String| {
                    format!("{name}, {id:?} of {}, from {after}: {text}", service.id)
                };
                let wanted: Vec<u64> = (1..)
                    .zip(&service.published)
                    .filter(|(sequence, published)| {
                        sequence > after
                            && subscription.pattern.matches(SUBJECTS[published.subject])
                            && published.to.is_none_or(|to| to == subscription.node)
                    })
                    .map(|(sequence, _)| sequence)
                    .collect();
                let reports: Vec<_> = subscription
                    .reports
                    .iter()
                    .filter(|report| report.id == service.id && report.sequence > *after)
                    .collect();
                let last = reports.iter().map(|report| report.sequence).max();
                if last != wanted.last().copied() {
                    broken.push(what(format!("the last is {last:?} of {:?}", wanted.last())));
                    continue;
                }
                let mut missed = 0;
                for (told, report) in (1..).zip(&reports) {
                    missed += report.missed;
                    let due = wanted.partition_point(|sequence| *sequence <= report.sequence);
                    if told + missed < due as u64
                        && (!subscription.limits.latest || told == reports.len() as u64)
                    {
                        let at = report.sequence;
                        let text = format!("told {told}, missed {missed} of {due} at {at}");
                        broken.push(what(text));
                        break;
                    }
                }
            }
            broken.extend(Self::untold_misses(
                subscription,
                self.world.at(Node(subscription.node)).missed(id),
            ));
        }
        self.broken.extend(broken);
    }

    /// What a subscription has missed in all is what its reports said.
    fn untold_misses(subscription: &Subscription, missed: u64) -> Option<String> {
        let told: u64 = subscription.reports.iter().map(|report| report.missed).sum();
        let id = subscription.id;
        (told > missed).then(|| format!("{id:?} missed {missed}, its reports tell of {told}"))
    }

    /// One outcome for each request, which says the truth about its delivery.
    fn check_requests(&mut self) {
        for (key, request) in self.requests.iter().enumerate() {
            let (ends, invoked) = (request.outcomes.len(), request.invoked);
            if ends != 1 || invoked > 1 {
                self.broken.push(format!("request {key} ended {ends} times, invoked {invoked}"));
            }
            let delivered = request.outcomes.first().map(|outcome| match outcome {
                Outcome::Response(_) | Outcome::Failure(_) => Delivered::Yes,
                Outcome::Error(error) => error.delivered,
            });
            let true_enough = match delivered {
                Some(Delivered::Yes) => invoked == 1,
                Some(Delivered::No) => invoked == 0,
                Some(Delivered::Unknown) | None => true,
            };
            if !true_enough {
                let outcome = &request.outcomes[0];
                self.broken.push(format!("request {key}: {outcome:?}, invoked {invoked} times"));
            }
        }
    }

    /// Every table is as it was before.
    fn check_tables(&mut self) {
        let now = self.table_sizes();
        for (node, (before, after)) in self.tables.iter().zip(&now).enumerate() {
            let changed = before.iter().zip(after).filter(|((table, before), (_, after))| {
                // Who was met is remembered as long as links last.
                !["processes", "timers"].contains(table) && before != after
            });
            let name = self.layout.nodes[node];
            for ((table, before), (_, after)) in changed {
                self.broken.push(format!("{name}: {after} {table} are left, {before} were there"));
            }
        }
    }
}
