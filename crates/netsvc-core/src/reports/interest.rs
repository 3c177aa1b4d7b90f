//! Who wants which reports: the wishes of processes, and what follows from them for each service.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::collections::pointer_cache::PointerCache;
use crate::collections::seeded_map::{SeededMap, SeededState};
use crate::ids::{LinkId, ProcessNo, ServiceId, Str};
use crate::reports::pattern::Pattern;
use crate::wire::InterestTarget;

/// Subjects whose receivers a service remembers; beyond it, it starts anew.
const MAX_PLANS: usize = 1024;

/// What somebody wants of a service.
#[derive(Clone, Debug)]
pub(crate) struct Want {
    pub(crate) pattern: Pattern,
    /// Only the newest report of each subject.
    pub(crate) latest: bool,
}

impl Want {
    fn is(&self, pattern: &str, latest: bool) -> bool {
        **self.pattern.text() == *pattern && self.latest == latest
    }
}

/// Processes that want reports of one service, each with what it wants.
#[derive(Debug, Default)]
pub(crate) struct Subscribers {
    /// With how many interests of that process stand behind the entry.
    entries: Vec<(ProcessNo, Want, u32)>,
    plans: DestinationCache,
}

/// Links that a report goes to; true: nobody behind it wants more than the newest.
pub(crate) type Destinations = Arc<[(LinkId, bool)]>;

/// Which links a subject goes to, found out once per subject while nothing changes.
#[derive(Debug)]
struct DestinationCache {
    epoch: u64,
    /// By the text of the subject, with which every new string of it begins.
    links: std::collections::HashMap<Str, Destinations>,
    known: PointerCache<Destinations>,
}

impl Default for DestinationCache {
    fn default() -> Self {
        let links = std::collections::HashMap::default();
        Self { epoch: 0, links, known: PointerCache::new(MAX_PLANS) }
    }
}

impl DestinationCache {
    fn clear(&mut self) {
        self.links.clear();
        self.known.clear();
    }
}

impl Subscribers {
    /// True if the process did not want this before.
    pub(crate) fn add(&mut self, process: ProcessNo, want: &Want) -> bool {
        self.plans.clear();
        if let Some(entry) = self.position(process, want.pattern.text(), want.latest) {
            self.entries[entry].2 += 1;
            return false;
        }
        self.entries.push((process, want.clone(), 1));
        true
    }

    /// True if nothing stands behind it any more.
    pub(crate) fn remove(&mut self, process: ProcessNo, want: &Want) -> bool {
        self.plans.clear();
        let position = self.position(process, want.pattern.text(), want.latest);
        let Some(entry) = position else { return false };
        self.entries[entry].2 -= 1;
        if self.entries[entry].2 > 0 {
            return false;
        }
        self.entries.remove(entry);
        true
    }

    /// Nobody wants anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Every process that wants something.
    pub(crate) fn processes(&self) -> impl Iterator<Item = ProcessNo> {
        self.entries.iter().map(|(process, ..)| *process)
    }

    /// As `links` found them when it was asked last, while nothing has changed.
    pub(crate) fn known_links(&self, subject: &Str, epoch: u64) -> Option<&Destinations> {
        if self.plans.epoch != epoch {
            return None;
        }
        self.plans.known.get(subject)
    }

    /// Whether a link gets everything unasked has changed.
    pub(crate) fn forget_plans(&mut self) {
        self.plans.clear();
    }

    /// The links that a report of this subject goes to, each once; to those `unasked` it goes in
    /// any case. `epoch` changes whenever a
    /// route to any process does; `route` finds the link of a process.
    pub(crate) fn links(
        &mut self,
        subject: &Str,
        epoch: u64,
        unasked: &[LinkId],
        route: impl Fn(ProcessNo) -> Option<LinkId>,
    ) -> Destinations {
        if self.plans.epoch != epoch {
            self.plans.clear();
            self.plans.epoch = epoch;
        }
        if let Some(plan) = self.plans.links.get(subject).cloned() {
            self.plans.known.insert(subject, plan.clone());
            return plan;
        }
        let mut links: Vec<(LinkId, bool)> = self
            .entries
            .iter()
            .filter(|(_, want, _)| want.pattern.matches(subject))
            .filter_map(|(process, want, _)| route(*process).map(|link| (link, want.latest)))
            .chain(unasked.iter().map(|link| (*link, false)))
            .collect();
        // Of one link, those who want every report come first and decide.
        links.sort_unstable();
        links.dedup_by_key(|(link, _)| *link);
        let plan: Destinations = links.into();
        if self.plans.links.len() >= MAX_PLANS {
            self.plans.clear();
        }
        self.plans.links.insert(subject.clone(), plan.clone());
        self.plans.known.insert(subject, plan.clone());
        plan
    }

    fn position(&self, process: ProcessNo, pattern: &str, latest: bool) -> Option<usize> {
        self.entries
            .iter()
            .position(|(known, want, _)| *known == process && want.is(pattern, latest))
    }
}

/// A server's record of what its clients' processes want, whether or not such services exist.
#[derive(Debug)]
pub(crate) struct Wishes {
    by_name: SeededMap<Str, Vec<(ProcessNo, Want)>>,
    by_identity: SeededMap<ServiceId, Vec<(ProcessNo, Want)>>,
}

impl Wishes {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            by_name: SeededMap::with_hasher(SeededState(seed)),
            by_identity: SeededMap::with_hasher(SeededState(seed)),
        }
    }

    pub(crate) fn add(&mut self, process: ProcessNo, target: &InterestTarget, want: &Want) {
        let entry = (process, want.clone());
        match target {
            InterestTarget::Name(name) => {
                self.by_name.entry(name.clone()).or_default().push(entry);
            }
            InterestTarget::Identity(id) => self.by_identity.entry(*id).or_default().push(entry),
        }
    }

    pub(crate) fn remove(&mut self, process: ProcessNo, target: &InterestTarget, want: &Want) {
        match target {
            InterestTarget::Name(name) => {
                remove_wish(&mut self.by_name, name.as_ref(), process, want);
            }
            InterestTarget::Identity(id) => {
                remove_wish(&mut self.by_identity, id, process, want);
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_name.values().map(Vec::len).sum::<usize>()
            + self.by_identity.values().map(Vec::len).sum::<usize>()
    }

    /// What is wanted of a service of that name and identity.
    pub(crate) fn of(&self, name: &str, id: ServiceId) -> Vec<(ProcessNo, Want)> {
        let named = self.by_name.get(name).into_iter().flatten();
        named.chain(self.by_identity.get(&id).into_iter().flatten()).cloned().collect()
    }
}

fn remove_wish<K, Q>(
    table: &mut SeededMap<K, Vec<(ProcessNo, Want)>>,
    key: &Q,
    process: ProcessNo,
    want: &Want,
) where
    K: std::borrow::Borrow<Q> + std::hash::Hash + Eq,
    Q: std::hash::Hash + Eq + ?Sized,
{
    let Some(entries) = table.get_mut(key) else { return };
    let found = entries
        .iter()
        .position(|(known, entry)| *known == process && entry.is(want.pattern.text(), want.latest));
    if let Some(entry) = found {
        entries.remove(entry);
    }
    if entries.is_empty() {
        table.remove(key);
    }
}

/// An interest as a peer is told of it: whose reports, which subjects, only the newest.
pub(crate) type Interest = (InterestTarget, Str, bool);

/// What this process itself wants: told to every hub, once however many subscriptions share it.
#[derive(Debug)]
pub(crate) struct OwnInterests {
    by_id: BTreeMap<u32, Interest>,
    ids: SeededMap<Interest, (u32, u32)>,
    last_id: u32,
}

impl OwnInterests {
    pub(crate) fn new(seed: u64) -> Self {
        let ids = SeededMap::with_hasher(SeededState(seed));
        Self { by_id: BTreeMap::new(), ids, last_id: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn contains(&self, target: &InterestTarget, pattern: &Str, latest: bool) -> bool {
        self.ids.contains_key(&(target.clone(), pattern.clone(), latest))
    }

    /// The id of an interest that is new.
    pub(crate) fn add(&mut self, target: &InterestTarget, want: &Want) -> Option<u32> {
        let key = (target.clone(), want.pattern.text().clone(), want.latest);
        if let Some((_, count)) = self.ids.get_mut(&key) {
            *count += 1;
            return None;
        }
        self.last_id += 1;
        self.ids.insert(key.clone(), (self.last_id, 1));
        self.by_id.insert(self.last_id, key);
        Some(self.last_id)
    }

    /// The id of an interest that has ended.
    pub(crate) fn remove(&mut self, target: &InterestTarget, want: &Want) -> Option<u32> {
        let key = (target.clone(), want.pattern.text().clone(), want.latest);
        let (id, count) = self.ids.get_mut(&key)?;
        *count -= 1;
        if *count > 0 {
            return None;
        }
        let id = *id;
        self.ids.remove(&key);
        self.by_id.remove(&id);
        Some(id)
    }

    /// The first interest with an id above `cursor`.
    pub(crate) fn after(&self, cursor: u32) -> Option<(u32, &Interest)> {
        let range = (Bound::Excluded(cursor), Bound::Unbounded);
        self.by_id.range(range).next().map(|(id, interest)| (*id, interest))
    }
}

/// Interests that one peer declared, by the ids it gave them.
pub(crate) type PeerInterests = FxHashMap<u32, (InterestTarget, Want)>;
