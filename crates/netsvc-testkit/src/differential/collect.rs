//! What applications are told, noted and held against what was done.

use std::time::Duration;

use netsvc_core::{
    AbortReason, CallId, Change, Delivered, DeliveredReport, Event, HandlerResult, LinkEvent,
    Outcome, ReasonCode, RequestCode, Status, SubscriptionId,
};

use super::run::Run;
use super::state::{Invocation, SUBJECTS};
use crate::node::Node;

impl Run {
    /// Takes what was told.
    pub(super) fn collect(&mut self) {
        for node in 0..self.layout.nodes.len() {
            let mut events = self.world.host(Node(node)).take_events();
            let withdrawn = withdrawn(&events);
            join_credit(&mut events);
            for event in events {
                if withdrawn.is_empty() || !self.is_withdrawn(node, &event, &withdrawn) {
                    let event = self.note(node, event);
                    self.told[node].events.push(event);
                    self.told[node].times.push(self.done);
                }
            }
        }
    }

    /// Whether it is about an invocation that was given up before the application could do
    /// anything: whether it is told of that at all depends on when it looks. It ends the invocation
    /// at once.
    fn is_withdrawn(&mut self, node: usize, event: &Event, withdrawn: &[CallId]) -> bool {
        match event {
            Event::Invoke(invocation) if withdrawn.contains(&invocation.call) => {
                let content = &invocation.content.bytes;
                if let Some(request) = key_of(content).and_then(|key| self.requests.get_mut(key)) {
                    request.invoked += 1;
                }
                // Until it ends it counts as running, and of several who could be asked the one who
                // runs more is asked less.
                let mut services = self.services.iter();
                let asked =
                    services.find(|known| (known.node, known.no) == (node, invocation.service));
                let name = asked.map(|asked| asked.name);
                if self.services.iter().filter(|known| Some(known.name) == name).count() > 1 {
                    self.loose_from = self.loose_from.min(self.done);
                }
                let result = HandlerResult::Error(RequestCode::Encoding, "given up".into());
                self.world.host(Node(node)).respond(invocation.call, &result);
                true
            }
            Event::Abort { call, .. } | Event::Credit { call, .. } => withdrawn.contains(call),
            _ => false,
        }
    }

    /// Subscriptions that are in force everywhere by now are entitled to what is published from now
    /// on.
    pub(super) fn entitle(&mut self) {
        if !self.is_healthy() {
            return;
        }
        for index in 0..self.subscriptions.len() {
            let subscription = &self.subscriptions[index];
            // Of a group, members beyond the limit of interests are not heard.
            if !subscription.open || (subscription.of_group && !self.layout.exact) {
                continue;
            }
            let (node, id) = (Node(subscription.node), subscription.id);
            let concerned: Vec<_> =
                self.world.at(node).publishers(id).iter().map(|service| service.id).collect();
            for (number, service) in self.services.iter().enumerate() {
                if service.open && concerned.contains(&service.id) {
                    let known = &mut self.subscriptions[index].entitled;
                    known.entry(number).or_insert(service.published.len() as u64);
                }
            }
        }
    }

    /// The same event in words that do not depend on the ways.
    fn note(&mut self, node: usize, mut event: Event) -> Event {
        match &mut event {
            Event::Report { subscription, report } => {
                let (subscription, report) = (*subscription, report.clone());
                self.note_report(node, subscription, report);
            }
            Event::Invoke(invocation) => {
                invocation.remaining = Duration::ZERO;
                let call = invocation.call;
                let name = CallId(self.invocations.len() as u64);
                invocation.call = name;
                self.told[node].calls.insert(call, name);
                let key = key_of(&invocation.content.bytes);
                match key.and_then(|key| self.requests.get_mut(key)) {
                    Some(request) => request.invoked += 1,
                    None => self.broken.push(format!("an invocation of no request: {key:?}")),
                }
                let parts = invocation.parts;
                let invocation = Invocation { node, request: key, call, parts, open: true };
                self.invocations.push(invocation);
            }
            Event::Abort { call, reason } => {
                *call = self.name(node, *call);
                if *reason == AbortReason::Cancelled && !self.was_cancelled(*call) {
                    *reason = AbortReason::Deadline;
                }
            }
            Event::Credit { call, parts } => {
                *call = self.name(node, *call);
                if let Some(invocation) = self.invocations.get_mut(call.0 as usize) {
                    invocation.parts += *parts;
                }
            }
            Event::Part { key, .. } => {
                let request = &mut self.requests[*key as usize];
                request.parts += 1;
                if request.parts > request.parts_granted || !request.outcomes.is_empty() {
                    self.broken.push(format!("a part of {key} that is not due"));
                }
            }
            Event::Outcome { key, outcome, .. } => {
                self.note_outcome(node, *key, outcome);
                if let Outcome::Error(error) = outcome
                    && error.delivered == Delivered::No
                    && may_have_left(error.code)
                {
                    error.delivered = Delivered::Unknown;
                }
            }
            Event::Change { change, .. } => self.note_change(node, change),
            Event::LinkActive(about) => self.note_link(node, about, true),
            Event::LinkInactive(about) => self.note_link(node, about, false),
            _ => {}
        }
        event
    }

    fn name(&self, node: usize, call: CallId) -> CallId {
        self.told[node].calls.get(&call).copied().unwrap_or(CallId(u64::MAX))
    }

    /// Whether an application gave up a request that was invoked. Otherwise its caller did when the
    /// deadline passed: whether the handler takes that for one depends on how much of the time its
    /// request was left with.
    fn was_cancelled(&self, call: CallId) -> bool {
        let request = self.invocations.get(call.0 as usize).and_then(|known| known.request);
        request.and_then(|key| self.requests.get(key)).is_none_or(|request| request.cancelled)
    }

    fn note_outcome(&mut self, node: usize, key: u64, outcome: &Outcome) {
        let request = &mut self.requests[key as usize];
        request.outcomes.push(outcome.clone());
        if request.node != node || request.outcomes.len() > 1 {
            self.broken.push(format!("request {key} ended {} times", request.outcomes.len()));
        }
    }

    fn note_report(&mut self, node: usize, id: SubscriptionId, report: DeliveredReport) {
        let services = &self.services;
        let mut wrong = Vec::new();
        let published = services
            .iter()
            .find(|service| service.id == report.id)
            .and_then(|service| service.published.get(report.sequence as usize - 1));
        let subscription =
            self.subscriptions.iter_mut().find(|known| (known.node, known.id) == (node, id));
        let Some(subscription) = subscription else {
            return self.broken.push(format!("a report for nobody: {id:?}"));
        };
        if !subscription.open {
            wrong.push("after the subscription ended");
        }
        match published {
            None => wrong.push("that was never published"),
            Some(published) => {
                if *report.subject != *SUBJECTS[published.subject]
                    || report.content != published.content
                {
                    wrong.push("that is not as it was published");
                }
                if published.to.is_some_and(|to| to != node) {
                    wrong.push("for another process");
                }
            }
        }
        if !subscription.pattern.matches(&report.subject) {
            wrong.push("that does not match");
        }
        let latest = subscription.limits.latest;
        let before =
            subscription.reports.iter().rev().find(|before| {
                before.id == report.id && (!latest || before.subject == report.subject)
            });
        if before.is_some_and(|before| before.sequence >= report.sequence) {
            wrong.push("again, or after a later one");
        }
        for what in wrong {
            let name = self.layout.nodes[node];
            let (service, sequence) = (report.id, report.sequence);
            let text = format!("{name}, {id:?}: report {sequence} of {service} {what}");
            self.broken.push(text);
        }
        subscription.reports.push(report);
    }

    fn note_change(&mut self, node: usize, change: &Change) {
        let services = &mut self.told[node].services;
        if change.status == Status::Reset {
            return services.clear();
        }
        let Some(service) = &change.service else { return };
        let known = services.get_mut(&service.id);
        let fits = match (change.status, known, &change.group) {
            (Status::Available, None, _) => services.insert(service.id, Vec::new()).is_none(),
            (Status::Withdrawn, Some(groups), _) => {
                groups.is_empty() && services.remove(&service.id).is_some()
            }
            (Status::Joined, Some(groups), Some(group)) if !groups.contains(group) => {
                groups.push(group.clone());
                true
            }
            (Status::Left, Some(groups), Some(group)) => {
                let before = groups.len();
                groups.retain(|known| known != group);
                groups.len() < before
            }
            _ => false,
        };
        if !fits {
            let (name, status) = (self.layout.nodes[node], change.status);
            self.broken.push(format!("{name}: {status:?} of {} makes no sense", service.id));
        }
    }

    fn note_link(&mut self, node: usize, about: &LinkEvent, active: bool) {
        if let Some(reason) = &about.reason
            && reason.code == ReasonCode::Protocol
        {
            let name = self.layout.nodes[node];
            self.broken.push(format!("{name}, {:?}: {}", about.link, reason.message));
        }
        if let Some(index) = self.link_of(node, about.link) {
            let link = &mut self.links[index];
            // The next connection is a new one.
            (link.active, link.plugged, link.frozen) = (active, false, false);
            return;
        }
        let Some(peer) = &about.peer else { return };
        let client = (0..self.layout.nodes.len())
            .find(|client| self.world.at(Node(*client)).id() == peer.process);
        if let Some(client) = client {
            let key = (client, node, about.exchange);
            if active {
                self.accepted.insert(key, about.link);
            } else if self.accepted.get(&key) == Some(&about.link) {
                self.accepted.remove(&key);
            }
        }
    }
}

/// The request whose arguments these are.
fn key_of(content: &[u8]) -> Option<usize> {
    content.first_chunk::<8>().map(|key| u64::from_le_bytes(*key) as usize)
}

/// Invocations that were given up before the application could do anything.
fn withdrawn(events: &[Event]) -> Vec<CallId> {
    let aborted = events.iter().filter_map(|event| match event {
        Event::Abort { call, .. } => Some(*call),
        _ => None,
    });
    let mut aborted: Vec<CallId> = aborted.collect();
    aborted.retain(|aborted| {
        let of_it = |event: &Event| {
            matches!(event, Event::Invoke(invocation) if invocation.call == *aborted)
        };
        events.iter().any(of_it)
    });
    aborted
}

/// Credit that comes before the application could do anything may be told with the invocation.
fn join_credit(events: &mut Vec<Event>) {
    let mut index = 0;
    while index < events.len() {
        if let Event::Credit { call, parts } = events[index] {
            let invoked = events[..index].iter_mut().find_map(|event| match event {
                Event::Invoke(invocation) if invocation.call == call => Some(invocation),
                _ => None,
            });
            if let Some(invocation) = invoked {
                invocation.parts = invocation.parts.saturating_add(parts);
                events.remove(index);
                continue;
            }
        }
        index += 1;
    }
}

/// Whether such a request may have left a queue by then, or not, as ways and time have it.
fn may_have_left(code: RequestCode) -> bool {
    matches!(
        code,
        RequestCode::Lost | RequestCode::LinkLost | RequestCode::Deadline | RequestCode::Cancelled
    )
}
