//! What applications do.

use std::collections::BTreeMap;

use netsvc_core::{
    Content, HandlerResult, Lifetime, NewService, Pattern, RequestCode, RequestOptions, Str,
    SubscriptionLimits, SubscriptionTarget,
};

use super::operation::Aim;
use super::run::Run;
use super::state::{
    GROUP, Invocation, NAMES, PATTERNS, Published, ROOM, Request, SUBJECTS, Service, Subscription,
};
use crate::node::Node;
use crate::target::Target;

impl Run {
    pub(super) fn create(&mut self, node: u8, name: u8, audience: &'static str, member: bool) {
        let node = self.layout.providers[usize::from(node) % self.layout.providers.len()];
        let (now, number) = (self.world.now(), usize::from(name) % NAMES.len());
        let described = NewService {
            name: NAMES[number].into(),
            audience: audience.into(),
            groups: if member { vec![GROUP.into()] } else { Vec::new() },
            methods: vec!["run".into()],
        };
        match self.world.at(Node(node)).create_service(now, described) {
            Ok((no, id)) => {
                let published = Vec::new();
                self.services.push(Service {
                    node,
                    name: number,
                    no,
                    id,
                    audience,
                    member,
                    open: true,
                    published,
                });
            }
            Err(error) => self.refused.push((self.done, error.code())),
        }
    }

    pub(super) fn close(&mut self, service: u8) {
        let Some(index) = self.open_service(service) else { return };
        self.close_service(index);
    }

    pub(super) fn close_service(&mut self, index: usize) {
        let Service { node, no, open, .. } = &mut self.services[index];
        *open = false;
        let (now, node, no) = (self.world.now(), *node, *no);
        self.world.at(Node(node)).close_service(now, no);
    }

    pub(super) fn change_member(&mut self, service: u8, joins: bool) {
        let Some(index) = self.open_service(service) else { return };
        let Service { node, no, member, .. } = &mut self.services[index];
        *member = joins;
        let (now, node, no) = (self.world.now(), *node, *no);
        let process = self.world.at(Node(node));
        let result =
            if joins { process.join(now, no, GROUP) } else { process.leave(now, no, GROUP) };
        if let Err(error) = result {
            self.refused.push((self.done, error.code()));
        }
        if !joins {
            for subscription in self.subscriptions.iter_mut().filter(|one| one.of_group) {
                subscription.entitled.remove(&index);
            }
        }
    }

    pub(super) fn publish(&mut self, index: usize, subject: usize, size: u32, lifetime: Lifetime) {
        let now = self.world.now();
        let Service { node, no, published, .. } = &self.services[index];
        let content = self.content(published.len() as u64, size);
        let host = self.world.host(Node(*node));
        match host.publish(now, *no, &self.subjects[subject], &content, lifetime) {
            Ok(_) => {
                let report = Published { subject, content, to: None };
                self.services[index].published.push(report);
            }
            Err(error) => self.refused.push((self.done, error.code())),
        }
    }

    pub(super) fn publish_to(&mut self, service: u8, to: u8, subject: u8, size: u32) {
        let Some(index) = self.open_service(service) else { return };
        let (to, subject) =
            (usize::from(to) % self.layout.nodes.len(), usize::from(subject) % SUBJECTS.len());
        let process = self.world.at(Node(to)).id();
        let Service { node, no, published, .. } = &self.services[index];
        let content = self.content(published.len() as u64, size);
        let now = self.world.now();
        let host = self.world.host(Node(*node));
        match host.publish_to(now, *no, process, &self.subjects[subject], &content) {
            Ok(_) => {
                let report = Published { subject, content, to: Some(to) };
                self.services[index].published.push(report);
            }
            Err(error) => self.refused.push((self.done, error.code())),
        }
    }

    pub(super) fn subscribe(&mut self, node: u8, aim: Aim, pattern: u8, policy: u8) {
        let node = usize::from(node) % self.layout.nodes.len();
        let target = match self.target(aim) {
            Some(Target::Name(name)) if aim != Aim::Group => SubscriptionTarget::Name(name),
            Some(Target::Identity(id)) => SubscriptionTarget::Identity(id),
            _ => SubscriptionTarget::Group(GROUP.into()),
        };
        let pattern = PATTERNS[usize::from(pattern) % PATTERNS.len()];
        let roomy = SubscriptionLimits { reports: ROOM, bytes: ROOM, latest: false };
        // What it may tell without further grants comes last.
        let (limits, credit) = match policy % 6 {
            0 => (roomy, u32::MAX),
            1 => (SubscriptionLimits { latest: true, ..roomy }, u32::MAX),
            2 => (SubscriptionLimits { reports: 3, ..roomy }, 0),
            3 => (SubscriptionLimits { bytes: 450, ..roomy }, u32::MAX),
            4 => (SubscriptionLimits { reports: 20, latest: true, ..roomy }, u32::MAX),
            _ => (SubscriptionLimits { reports: 1, ..roomy }, u32::MAX),
        };
        let now = self.world.now();
        let process = self.world.at(Node(node));
        let of_group = matches!(target, SubscriptionTarget::Group(_));
        match process.subscribe(now, target, pattern, limits) {
            Ok(id) => {
                process.grant(id, credit);
                self.subscriptions.push(Subscription {
                    node,
                    id,
                    pattern: Pattern::new(pattern),
                    limits,
                    of_group,
                    open: true,
                    reports: Vec::new(),
                    entitled: BTreeMap::new(),
                });
            }
            Err(error) => self.refused.push((self.done, error.code())),
        }
    }

    pub(super) fn unsubscribe(&mut self, index: usize) {
        let Subscription { node, id, open, .. } = &mut self.subscriptions[index];
        *open = false;
        let (node, id) = (*node, *id);
        self.world.at(Node(node)).unsubscribe(id);
    }

    pub(super) fn request(
        &mut self,
        node: u8,
        aim: Aim,
        size: u32,
        options: RequestOptions,
        known: bool,
    ) {
        let node = usize::from(node) % self.layout.nodes.len();
        let target = self.target(aim).unwrap_or(Target::Name(NAMES[0].into()));
        let key = self.requests.len() as u64;
        let mut bytes = key.to_le_bytes().to_vec();
        bytes.extend_from_slice(&self.content(key, size).bytes);
        let parts_granted = options.parts;
        self.requests.push(Request {
            node,
            outcomes: Vec::new(),
            invoked: 0,
            parts_granted,
            parts: 0,
            cancelled: false,
        });
        let (now, method) = (self.world.now(), Str::from(if known { "run" } else { "walk" }));
        let host = self.world.host(Node(node));
        host.request(now, key, &target, &method, &Content::raw(bytes), options);
        // What has left can no longer be taken back: on all ways it leaves now, or waits.
        self.world.flush(Node(node));
    }

    pub(super) fn respond(&mut self, index: usize, result: u8, size: u32) {
        let Invocation { node, call, open, .. } = &mut self.invocations[index];
        *open = false;
        let (node, call) = (*node, *call);
        let content = self.content(index as u64, size);
        let result = match result {
            0 => HandlerResult::Response(content),
            1 => HandlerResult::Failure(content),
            _ => HandlerResult::Error(RequestCode::Encoding, "cannot be encoded".into()),
        };
        self.world.host(Node(node)).respond(call, &result);
    }

    pub(super) fn part(&mut self, invocation: u8, size: u32) {
        let Some(index) = self.open_invocation(invocation) else { return };
        let content = self.content(index as u64 + 7, size);
        let Invocation { node, call, parts, .. } = &mut self.invocations[index];
        if *parts == 0 {
            return;
        }
        let now = self.world.now();
        match self.world.at(Node(*node)).send_part(now, *call, content.by_ref()) {
            Ok(left) => *parts = left,
            Err(error) => self.refused.push((self.done, error.code())),
        }
    }

    fn target(&self, aim: Aim) -> Option<Target> {
        match aim {
            Aim::Name(name) => Some(Target::Name(NAMES[usize::from(name) % NAMES.len()].into())),
            Aim::Service(_) if self.services.is_empty() => Some(Target::Name(NAMES[0].into())),
            Aim::Service(service) => {
                let index = usize::from(service) % self.services.len();
                Some(Target::Identity(self.services[index].id))
            }
            Aim::Group => None,
        }
    }

    /// So that no two in a row are alike.
    fn content(&self, number: u64, size: u32) -> Content {
        let start = (number as usize * 13) % 4_096;
        Content::raw(self.filler.slice(start..start + size as usize))
    }
}
