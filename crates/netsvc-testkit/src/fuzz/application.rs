//! The application of a process under a fuzzer: it does anything at any time, and checks what it is
//! told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use netsvc_core::limits::{MAX_NAME, MAX_SUBJECT};
use netsvc_core::{
    CallId, Change, DeliveredReport, Event, Filter, HandlerResult, Lifetime, NewService, Prefer,
    Process, ProcessId, PublishOptions, RequestCode, RequestOptions, ServiceId, ServiceNo, Status,
    Str, SubscriptionId, SubscriptionLimits, SubscriptionTarget, Time, WatchId,
};

use crate::target::Target;
use crate::verbs::Verbs;

use super::messages::content;
use super::source::Source;

/// What one application has begun and not ended, and what it was told.
#[derive(Debug, Default)]
pub(super) struct Application {
    /// Requests without an outcome; true: parts were granted.
    asked: BTreeMap<u64, bool>,
    last_key: u64,
    /// Invocations that were not responded to.
    invoked: BTreeSet<CallId>,
    own: Vec<ServiceNo>,
    subscriptions: Vec<SubscriptionId>,
    /// Watches everything, from the start.
    watch: Option<WatchId>,
    /// What `watch` amounts to.
    services: BTreeMap<ServiceId, BTreeSet<Str>>,
    /// The newest sequence that each subscription was told of each service.
    newest: BTreeMap<(SubscriptionId, ServiceId), u64>,
    latest: BTreeSet<SubscriptionId>,
    /// Processes that keep the rules; others may count as they like.
    honest: BTreeSet<ProcessId>,
}

impl Application {
    /// The application of a new process.
    pub(super) fn new(process: &mut Process) -> Self {
        let watch = process.watch(Filter::default());
        process.grant_watch(watch, u32::MAX);
        let mut application = Self { watch: Some(watch), ..Self::default() };
        application.honest.insert(process.id());
        application
    }

    /// Reports of that process's services come in order.
    pub(super) fn trust(&mut self, process: ProcessId) {
        self.honest.insert(process);
    }

    /// Does one thing.
    pub(super) fn act(&mut self, process: &mut Process, now: Time, source: &mut Source<'_>) {
        match source.below(16) {
            0 => self.create(process, now, source),
            1 => {
                if let Some(no) = pick(&self.own, source) {
                    process.close_service(now, no);
                    self.own.retain(|known| *known != no);
                }
            }
            2 => {
                let (no, group) = (self.service(source), source.text(MAX_NAME));
                let _ = process.join(now, no, group);
            }
            3 => {
                let (no, group) = (self.service(source), source.text(MAX_NAME));
                let _ = process.leave(now, no, &group);
            }
            4..=6 => self.ask(process, now, source),
            7 => {
                let key = self.key(source);
                process.cancel(key);
            }
            8 | 9 => self.handle(process, now, source),
            10 => self.subscribe(process, now, source),
            11 => {
                if let Some(id) = pick(&self.subscriptions, source) {
                    process.unsubscribe(id);
                    self.subscriptions.retain(|known| *known != id);
                }
            }
            12 | 13 => self.publish(process, now, source),
            14 => {
                let key = self.key(source);
                // Whoever grants parts gets them.
                self.asked.entry(key).and_modify(|stream| *stream = true);
                process.grant_parts(now, key, source.number());
            }
            _ => {
                process.track(self.identity(source).process);
                if let Some(id) = pick(&self.subscriptions, source) {
                    process.grant(id, source.number());
                }
            }
        }
    }

    /// Takes note of what it was told.
    ///
    /// # Panics
    /// If that contradicts what it was told before.
    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::Outcome { key, .. } => {
                assert!(self.asked.remove(key).is_some(), "request {key} ended, and not for once");
            }
            Event::Part { key, .. } => {
                assert_eq!(self.asked.get(key), Some(&true), "a part of {key}");
            }
            Event::Invoke(invocation) => {
                assert!(self.invoked.insert(invocation.call), "invoked twice");
            }
            Event::Abort { call, .. } | Event::Credit { call, .. } => {
                // One that was responded to meanwhile may still be named.
                assert!(*call != CallId(u64::MAX));
            }
            Event::Change { watch, change } if Some(*watch) == self.watch => self.change(change),
            Event::Report { subscription, report } => self.report(*subscription, report),
            _ => {}
        }
    }

    /// Ends all invocations.
    pub(super) fn respond_to_all(&mut self, process: &mut Process) {
        for call in std::mem::take(&mut self.invoked) {
            process.answer(call, HandlerResult::Error(RequestCode::Encoding, "enough".into()));
        }
    }

    /// The watch told exactly what is there.
    ///
    /// # Panics
    /// If it did not.
    pub(super) fn check_services(&self, process: &Process) {
        let visible = process.lookup(&Filter::default());
        let visible: BTreeMap<ServiceId, BTreeSet<Str>> = visible
            .iter()
            .map(|service| (service.id, service.groups.iter().cloned().collect()))
            .collect();
        assert_eq!(self.services, visible, "the watch differs from the registry");
    }

    /// Everything that was begun has ended.
    ///
    /// # Panics
    /// If not.
    pub(super) fn check_ended(&self) {
        assert!(self.asked.is_empty(), "requests without outcome: {:?}", self.asked);
        assert!(self.invoked.is_empty(), "invocations without response");
    }

    /// Identities of what it sees.
    pub(super) fn services(&self) -> impl Iterator<Item = ServiceId> {
        self.services.keys().copied()
    }

    fn create(&mut self, process: &mut Process, now: Time, source: &mut Source<'_>) {
        let service = NewService {
            name: source.text(MAX_NAME),
            audience: if source.below(4) == 3 { source.text(MAX_NAME) } else { "*".into() },
            groups: (0..source.below(3)).map(|_| source.text(MAX_NAME)).collect(),
            methods: (0..source.below(3)).map(|_| source.text(MAX_NAME)).collect(),
        };
        if let Ok((no, _)) = process.create_service(now, service) {
            self.own.push(no);
        }
    }

    fn ask(&mut self, process: &mut Process, now: Time, source: &mut Source<'_>) {
        let target = if source.below(4) == 3 {
            Target::Identity(self.identity(source))
        } else {
            Target::Name(source.text(MAX_NAME))
        };
        let method = if source.flag() { "run".into() } else { source.text(MAX_NAME) };
        let parts = if source.flag() { source.number() } else { 0 };
        let timeout = [1, 100, 5_000, 300_000][source.below(4)];
        let timeout = Duration::from_millis(timeout);
        let options = RequestOptions {
            timeout,
            wait: source.below(3) == 2,
            prefer: if parts % 2 == 0 { Prefer::Local } else { Prefer::Any },
            parts,
            extensions: own_extensions(source),
        };
        self.last_key += 1;
        self.asked.insert(self.last_key, parts > 0);
        process.ask(now, self.last_key, target, method, content(source), options);
    }

    /// A handler goes on, or ends.
    fn handle(&mut self, process: &mut Process, now: Time, source: &mut Source<'_>) {
        let known: Vec<CallId> = self.invoked.iter().copied().collect();
        let Some(call) = pick(&known, source) else { return };
        let result = match source.below(8) {
            0..=2 => {
                let _ = process.part(now, call, content(source));
                return;
            }
            3 => HandlerResult::Failure(content(source)),
            4 => HandlerResult::Error(RequestCode::TooLarge, source.text(MAX_SUBJECT)),
            _ => HandlerResult::Response(content(source)),
        };
        self.invoked.remove(&call);
        process.respond(call, result.by_ref(), own_extensions(source));
        // Once more: it must not hit whoever has its place.
        process.answer(call, HandlerResult::Response(content(source)));
    }

    fn subscribe(&mut self, process: &mut Process, now: Time, source: &mut Source<'_>) {
        let text = source.text(MAX_NAME);
        let target = match source.below(4) {
            0 => SubscriptionTarget::Group(text),
            1 => SubscriptionTarget::Identity(self.identity(source)),
            _ => SubscriptionTarget::Name(text),
        };
        let latest = source.below(4) == 3;
        let reports = [1, 3, 1 << 20][source.below(3)];
        let limits = SubscriptionLimits { reports, bytes: reports * 64, latest };
        let pattern = source.text(MAX_SUBJECT);
        let Ok(id) = process.subscribe(now, target, pattern, limits) else { return };
        self.subscriptions.push(id);
        if latest {
            self.latest.insert(id);
        }
        if source.flag() {
            process.grant(id, u32::MAX);
        }
    }

    fn publish(&mut self, process: &mut Process, now: Time, source: &mut Source<'_>) {
        let (no, subject) = (self.service(source), source.text(MAX_SUBJECT));
        let lifetime = match source.below(4) {
            0 => Lifetime::Forever,
            1 => Lifetime::For(Duration::from_millis(source.number().into())),
            2 => {
                let to = self.identity(source).process;
                let _ = process.report_to(no, to, subject, content(source));
                return;
            }
            _ => Lifetime::None,
        };
        let subject = Str::from(subject);
        // As the binding does, which publishes bursts.
        for _ in 0..=source.below(4) {
            let content = content(source);
            let extensions = own_extensions(source);
            let options = PublishOptions { lifetime, extensions, ..PublishOptions::default() };
            let _ = process.publish(now, no, &subject, content.by_ref(), options);
        }
    }

    fn change(&mut self, change: &Change) {
        if change.status == Status::Reset {
            return self.services.clear();
        }
        let Some(service) = &change.service else { return };
        let known = self.services.get_mut(&service.id);
        let fits = match (change.status, known, change.group.clone()) {
            (Status::Available, None, None) => {
                self.services.insert(service.id, BTreeSet::new()).is_none()
            }
            (Status::Withdrawn, Some(groups), None) => {
                groups.is_empty() && self.services.remove(&service.id).is_some()
            }
            (Status::Joined, Some(groups), Some(group)) => groups.insert(group),
            (Status::Left, Some(groups), Some(group)) => groups.remove(&group),
            _ => false,
        };
        assert!(fits, "{change:?} makes no sense");
    }

    fn report(&mut self, subscription: SubscriptionId, report: &DeliveredReport) {
        assert!(self.subscriptions.contains(&subscription), "a report after the end");
        if self.latest.contains(&subscription) || !self.honest.contains(&report.id.process) {
            return;
        }
        let newest = self.newest.entry((subscription, report.id)).or_default();
        assert!(report.sequence > *newest, "sequence {} after {newest}", report.sequence);
        *newest = report.sequence;
    }

    /// Probably one of its own.
    fn service(&self, source: &mut Source<'_>) -> ServiceNo {
        let any = ServiceNo(source.number());
        pick(&self.own, source).unwrap_or(any)
    }

    /// Of a service that it sees, or of one that may come.
    fn identity(&self, source: &mut Source<'_>) -> ServiceId {
        let visible: Vec<ServiceId> = self.services.keys().copied().collect();
        let any = ServiceId { process: source.process(), counter: source.number() };
        pick(&visible, source).unwrap_or(any)
    }

    /// Probably of a request that is pending.
    fn key(&self, source: &mut Source<'_>) -> u64 {
        let pending: Vec<u64> = self.asked.keys().copied().collect();
        pick(&pending, source).unwrap_or(1)
    }
}

fn pick<T: Copy>(from: &[T], source: &mut Source<'_>) -> Option<T> {
    let index = source.below(from.len());
    from.get(index).copied()
}

/// Extension fields, most of the time none; now and then such as no process may send.
fn own_extensions(source: &mut Source<'_>) -> &'static [u8] {
    match source.below(8) {
        6 => &[2, 0, 1, 0, 7],
        7 => &[1, 0, 0],
        _ => &[],
    }
}
