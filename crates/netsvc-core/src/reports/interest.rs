//! Who wants reports of which services, whether or not they exist.

use std::collections::BTreeMap;
use std::ops::Bound;

use rustc_hash::FxHashMap;

use crate::collections::id_allocator::IdAllocator;
use crate::collections::seeded_map::{SeededMap, SeededState};
use crate::ids::{LinkId, ProcessNo, ServiceId, Str};
use crate::wire::InterestTarget;

use super::subscription_options::SubscriptionTarget;
use super::want::Want;

/// What a process wants, and the link over which it said so; `None`: this process.
pub(crate) type Wish = (ProcessNo, Option<LinkId>, Want);

/// A server's record of what its clients' processes want, whether or not such services exist.
#[derive(Debug)]
pub(crate) struct Wishes {
    by_name: SeededMap<Str, Vec<Wish>>,
    by_identity: SeededMap<ServiceId, Vec<Wish>>,
}

impl Wishes {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            by_name: SeededMap::with_hasher(SeededState(seed)),
            by_identity: SeededMap::with_hasher(SeededState(seed)),
        }
    }

    pub(crate) fn add(
        &mut self,
        process: ProcessNo,
        link: Option<LinkId>,
        target: &InterestTarget,
        want: &Want,
    ) {
        let entry = (process, link, want.clone());
        match target {
            InterestTarget::Name(name) => {
                self.by_name.entry(name.clone()).or_default().push(entry);
            }
            InterestTarget::Identity(id) => self.by_identity.entry(*id).or_default().push(entry),
        }
    }

    pub(crate) fn remove(
        &mut self,
        process: ProcessNo,
        link: Option<LinkId>,
        target: &InterestTarget,
        want: &Want,
    ) {
        match target {
            InterestTarget::Name(name) => {
                remove_wish(&mut self.by_name, name.as_ref(), process, link, want);
            }
            InterestTarget::Identity(id) => {
                remove_wish(&mut self.by_identity, id, process, link, want);
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_name.values().map(Vec::len).sum::<usize>()
            + self.by_identity.values().map(Vec::len).sum::<usize>()
    }

    /// What is wanted of a service of that name and identity.
    pub(crate) fn of(&self, name: &str, id: ServiceId) -> Vec<Wish> {
        let named = self.by_name.get(name).into_iter().flatten();
        named.chain(self.by_identity.get(&id).into_iter().flatten()).cloned().collect()
    }
}

fn remove_wish<K, Q>(
    table: &mut SeededMap<K, Vec<Wish>>,
    key: &Q,
    process: ProcessNo,
    link: Option<LinkId>,
    want: &Want,
) where
    K: std::borrow::Borrow<Q> + std::hash::Hash + Eq,
    Q: std::hash::Hash + Eq + ?Sized,
{
    let Some(entries) = table.get_mut(key) else { return };
    let found = entries
        .iter()
        .position(|(known, over, entry)| *known == process && *over == link && entry.is(want));
    if let Some(entry) = found {
        entries.remove(entry);
    }
    if entries.is_empty() {
        table.remove(key);
    }
}

/// What hubs are told for a subscription; `None`: they are told of each member of its group.
pub(crate) fn interest_in(target: &SubscriptionTarget) -> Option<InterestTarget> {
    match target {
        SubscriptionTarget::Name(name) => Some(InterestTarget::Name(name.clone())),
        SubscriptionTarget::Identity(id) => Some(InterestTarget::Identity(*id)),
        SubscriptionTarget::Group(_) => None,
    }
}

/// An interest as a peer is told of it: whose reports, which subjects, only the newest.
pub(crate) type Interest = (InterestTarget, Str, bool);

/// What this process itself wants: told to every hub, once however many subscriptions share it.
#[derive(Debug)]
pub(crate) struct OwnInterests {
    by_id: BTreeMap<u32, Interest>,
    ids: SeededMap<Interest, (u32, u32)>,
    free: IdAllocator,
}

impl OwnInterests {
    pub(crate) fn new(seed: u64) -> Self {
        let ids = SeededMap::with_hasher(SeededState(seed));
        Self { by_id: BTreeMap::new(), ids, free: IdAllocator::default() }
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
        let by_id = &self.by_id;
        let id = self.free.allocate(|id| by_id.contains_key(&id));
        self.ids.insert(key.clone(), (id, 1));
        self.by_id.insert(id, key);
        Some(id)
    }

    /// For tests: see [`IdAllocator::skip_to_end`].
    pub(crate) fn skip_to_end(&mut self, left: u32) {
        self.free.skip_to_end(left);
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
