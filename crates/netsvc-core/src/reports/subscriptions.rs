//! All subscriptions of this process, and which of them a service concerns.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::collections::id_allocator::IdAllocator;
use crate::collections::pointer_cache::PointerCache;
use crate::collections::seeded_map::{SeededMap, SeededState};
use crate::ids::{ServiceId, ServiceNo, Str, SubscriptionId};
use crate::registry::service::Service;
use crate::reports::destinations::{ENTRY, MAX_REMEMBERED};
use crate::reports::subscription::Subscription;
use crate::reports::subscription::replaying::Rest;
use crate::reports::subscription_options::SubscriptionTarget;
use crate::steps;

/// Subscriptions by their ids.
pub(crate) type SubscriptionTable = FxHashMap<SubscriptionId, Subscription>;

#[derive(Debug)]
pub(crate) struct Subscriptions {
    table: SubscriptionTable,
    by_name: SeededMap<Str, Vec<SubscriptionId>>,
    by_identity: SeededMap<ServiceId, Vec<SubscriptionId>>,
    by_group: SeededMap<Str, Vec<SubscriptionId>>,
    /// Subscriptions that a visible service concerns.
    attached: FxHashMap<ServiceNo, Attached>,
    /// Bytes that services have remembered of their subjects, since all of it was forgotten.
    remembered: usize,
    /// Replays under way, or to be asked for.
    pub(crate) replays: FxHashMap<u32, Replay>,
    ids: IdAllocator,
    replay_ids: IdAllocator,
}

/// Kept values on their way to a subscription.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replay {
    pub(crate) subscription: SubscriptionId,
    pub(crate) service: ServiceId,
    /// Some of it has come: what has not.
    pub(crate) rest: Option<Rest>,
    /// It was asked for and is not answered.
    pub(crate) asked: bool,
}

/// Subscriptions that one service concerns.
#[derive(Debug)]
struct Attached {
    ids: Vec<SubscriptionId>,
    /// Of them, those whose pattern a subject matches: found out once per subject.
    matching: PointerCache<Arc<[SubscriptionId]>>,
}

/// Subjects of one service whose subscriptions are remembered.
const MAX_MATCHED: usize = 1024;

impl Subscriptions {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            table: FxHashMap::default(),
            by_name: SeededMap::with_hasher(SeededState(seed)),
            by_identity: SeededMap::with_hasher(SeededState(seed)),
            by_group: SeededMap::with_hasher(SeededState(seed)),
            attached: FxHashMap::default(),
            remembered: 0,
            replays: FxHashMap::default(),
            ids: IdAllocator::default(),
            replay_ids: IdAllocator::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn ids(&self) -> Vec<SubscriptionId> {
        self.table.keys().copied().collect()
    }

    pub(crate) fn get(&self, id: SubscriptionId) -> Option<&Subscription> {
        self.table.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: SubscriptionId) -> Option<&mut Subscription> {
        self.table.get_mut(&id)
    }

    pub(crate) fn insert(&mut self, subscription: Subscription) -> SubscriptionId {
        let table = &self.table;
        let in_use = |id| table.contains_key(&SubscriptionId(id));
        let id = SubscriptionId(self.ids.allocate(in_use));
        match &subscription.target {
            SubscriptionTarget::Name(name) => {
                self.by_name.entry(name.clone()).or_default().push(id);
            }
            SubscriptionTarget::Identity(service) => {
                self.by_identity.entry(*service).or_default().push(id);
            }
            SubscriptionTarget::Group(group) => {
                self.by_group.entry(group.clone()).or_default().push(id);
            }
        }
        self.table.insert(id, subscription);
        id
    }

    /// The caller ends its replays.
    pub(crate) fn remove(&mut self, id: SubscriptionId) -> Option<Subscription> {
        let subscription = self.table.remove(&id)?;
        match &subscription.target {
            SubscriptionTarget::Name(name) => unindex(&mut self.by_name, name, id),
            SubscriptionTarget::Identity(service) => unindex(&mut self.by_identity, service, id),
            SubscriptionTarget::Group(group) => unindex(&mut self.by_group, group, id),
        }
        self.attached.retain(|_, attached| {
            steps::count(attached.ids.len());
            attached.matching.clear();
            attached.ids.retain(|known| *known != id);
            !attached.ids.is_empty()
        });
        Some(subscription)
    }

    pub(crate) fn next_replay(&mut self, id: SubscriptionId, service: ServiceId) -> u32 {
        let replays = &self.replays;
        let no = self.replay_ids.allocate(|no| replays.contains_key(&no));
        self.replays.insert(no, Replay { subscription: id, service, rest: None, asked: false });
        no
    }

    /// For tests: see [`IdAllocator::skip_to_end`].
    pub(crate) fn skip_to_end(&mut self, left: u32) {
        self.ids.skip_to_end(left);
        self.replay_ids.skip_to_end(left);
    }

    /// Subscriptions whose target a service is.
    pub(crate) fn concerned(&self, service: &Service) -> Vec<SubscriptionId> {
        let mut found: Vec<SubscriptionId> = Vec::new();
        found.extend(self.by_name.get(&service.name).into_iter().flatten());
        found.extend(self.by_identity.get(&service.id).into_iter().flatten());
        for group in &service.groups {
            found.extend(self.by_group.get(group).into_iter().flatten());
        }
        found
    }

    /// Subscriptions to a group.
    pub(crate) fn of_group(&self, group: &str) -> Vec<SubscriptionId> {
        self.by_group.get(group).cloned().unwrap_or_default()
    }

    pub(crate) fn attach(&mut self, no: ServiceNo, id: SubscriptionId) {
        let attached = self.attached.entry(no).or_insert_with(|| Attached {
            ids: Vec::new(),
            matching: PointerCache::new(MAX_MATCHED),
        });
        attached.matching.clear();
        attached.ids.push(id);
    }

    /// False if it was not attached.
    pub(crate) fn detach(&mut self, no: ServiceNo, id: SubscriptionId) -> bool {
        let Some(attached) = self.attached.get_mut(&no) else { return false };
        attached.matching.clear();
        let before = attached.ids.len();
        steps::count(before);
        attached.ids.retain(|known| *known != id);
        let changed = attached.ids.len() < before;
        if attached.ids.is_empty() {
            self.attached.remove(&no);
        }
        changed
    }

    /// Whether any visible service concerns any of them.
    #[inline]
    pub(crate) fn concern_any(&self) -> bool {
        !self.attached.is_empty()
    }

    /// Subscriptions that a visible service concerns.
    pub(crate) fn attached(&self, no: ServiceNo) -> &[SubscriptionId] {
        self.attached.get(&no).map_or(&[], |attached| attached.ids.as_slice())
    }

    /// Of the subscriptions that a service concerns, those whose pattern `subject` matches, and the
    /// table of all.
    pub(crate) fn matching(
        &mut self,
        no: ServiceNo,
        subject: &Str,
    ) -> Option<(&Arc<[SubscriptionId]>, &mut SubscriptionTable)> {
        // Whatever made it too much was the last.
        if self.remembered > MAX_REMEMBERED {
            self.forget_matching();
        }
        let Attached { ids, matching } = self.attached.get_mut(&no)?;
        let (table, remembered) = (&mut self.table, &mut self.remembered);
        let matches = |id: &SubscriptionId| {
            table.get(id).is_some_and(|subscription| subscription.pattern.matches(subject))
        };
        let found = matching.get_or_insert_with(subject, || {
            steps::count(ids.len());
            let found: Arc<[SubscriptionId]> = ids.iter().copied().filter(matches).collect();
            *remembered += ENTRY + subject.len() + size_of_val(&*found);
            found
        });
        Some((found, table))
    }

    #[cold]
    fn forget_matching(&mut self) {
        self.remembered = 0;
        steps::count(self.attached.len());
        self.attached.values_mut().for_each(|attached| attached.matching.free());
    }
}

fn unindex<K: std::hash::Hash + Eq>(
    index: &mut SeededMap<K, Vec<SubscriptionId>>,
    key: &K,
    id: SubscriptionId,
) {
    if let Some(entries) = index.get_mut(key) {
        steps::count(entries.len());
        entries.retain(|known| *known != id);
        if entries.is_empty() {
            index.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::pattern::Pattern;
    use crate::reports::subscription_options::SubscriptionLimits;

    const SUBJECT: usize = 1000;

    /// Whoever publishes chooses subjects, and strings that nobody has seen; no way by which
    /// reports come does the upkeep.
    #[test]
    fn what_subjects_matched_is_remembered_within_a_bound() {
        let mut subscriptions = Subscriptions::new(1);
        let limits = SubscriptionLimits { reports: 1, bytes: 1, latest: false };
        let target = SubscriptionTarget::Name("a".into());
        let subscription = Subscription::new(target, Pattern::new("*"), limits, 1);
        let id = subscriptions.insert(subscription);
        let services = (1..=12).map(ServiceNo);
        services.clone().for_each(|no| subscriptions.attach(no, id));
        let mut most = 0;
        for no in services {
            for number in 0..MAX_MATCHED {
                let subject = Str::from(format!("{number:0>SUBJECT$}"));
                let (found, _) = subscriptions.matching(no, &subject).unwrap();
                assert_eq!(**found, [id]);
                let of_each = subscriptions.attached.values().map(|one| one.matching.len());
                most = most.max(of_each.sum());
            }
        }
        let entry = ENTRY + SUBJECT + size_of::<SubscriptionId>();
        assert!((MAX_REMEMBERED / entry..=MAX_REMEMBERED / entry + 1).contains(&most), "{most}");
    }
}
