//! Who wants reports of which services, whether or not they exist.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Bound;

use rustc_hash::FxHashMap;

use crate::collections::id_allocator::IdAllocator;
use crate::collections::seeded_map::{SeededMap, SeededState};
use crate::ids::{LinkId, ProcessNo, ServiceId, Str};
use crate::memory::INTEREST;
use crate::wire::InterestTarget;

use super::pattern::Pattern;
use super::subscription_options::SubscriptionTarget;
use super::want::Want;

/// What a process wants, and the link over which it said so; `None`: this process.
pub(crate) type Wish = (ProcessNo, Option<LinkId>, Want);

/// A server's record of what its clients' processes want, whether or not such services exist.
#[derive(Debug)]
pub(crate) struct Wishes {
    by_name: SeededMap<Str, WishesOfOne>,
    by_identity: SeededMap<ServiceId, WishesOfOne>,
    by_group: SeededMap<Str, WishesOfOne>,
    len: usize,
}

/// What is wanted of services of one name, of one service, or of the members of a group.
#[derive(Debug, Default)]
struct WishesOfOne {
    /// With how many interests stand behind each. Sorted by who, pattern and policy.
    wishes: BTreeMap<WishKey, (Pattern, u32)>,
    /// How many interests each has.
    counts: BTreeMap<(ProcessNo, Option<LinkId>), usize>,
}

/// Who wants it, over which link, the pattern, and whether only the newest.
type WishKey = (ProcessNo, Option<LinkId>, Str, bool);

impl Wishes {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            by_name: SeededMap::with_hasher(SeededState(seed)),
            by_identity: SeededMap::with_hasher(SeededState(seed)),
            by_group: SeededMap::with_hasher(SeededState(seed)),
            len: 0,
        }
    }

    pub(crate) fn add(
        &mut self,
        process: ProcessNo,
        link: Option<LinkId>,
        target: &InterestTarget,
        want: &Want,
    ) {
        let of_one = match target {
            InterestTarget::Name(name) => self.by_name.entry(name.clone()).or_default(),
            InterestTarget::Identity(id) => self.by_identity.entry(*id).or_default(),
            InterestTarget::Group(group) => self.by_group.entry(group.clone()).or_default(),
        };
        let key = (process, link, want.pattern.text().clone(), want.latest);
        of_one.wishes.entry(key).or_insert_with(|| (want.pattern.clone(), 0)).1 += 1;
        *of_one.counts.entry((process, link)).or_default() += 1;
        self.len += 1;
    }

    pub(crate) fn remove(
        &mut self,
        process: ProcessNo,
        link: Option<LinkId>,
        target: &InterestTarget,
        want: &Want,
    ) {
        let of_one = match target {
            InterestTarget::Name(name) => self.by_name.get_mut(name),
            InterestTarget::Identity(id) => self.by_identity.get_mut(id),
            InterestTarget::Group(group) => self.by_group.get_mut(group),
        };
        let Some(of_one) = of_one else { return };
        let key = (process, link, want.pattern.text().clone(), want.latest);
        let Entry::Occupied(mut wish) = of_one.wishes.entry(key) else { return };
        self.len -= 1;
        wish.get_mut().1 -= 1;
        if wish.get().1 == 0 {
            wish.remove();
        }
        if let Entry::Occupied(mut count) = of_one.counts.entry((process, link)) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        if of_one.wishes.is_empty() {
            match target {
                InterestTarget::Name(name) => drop(self.by_name.remove(name)),
                InterestTarget::Identity(id) => drop(self.by_identity.remove(id)),
                InterestTarget::Group(group) => drop(self.by_group.remove(group)),
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// What is wanted of a target.
    pub(crate) fn of<'a>(&'a self, target: &InterestTarget) -> impl Iterator<Item = Wish> + 'a {
        let wishes = self.get(target).into_iter().flat_map(|of_one| &of_one.wishes);
        wishes.flat_map(|((process, link, _, latest), (pattern, count))| {
            let want = Want { pattern: pattern.clone(), latest: *latest };
            std::iter::repeat_n((*process, *link, want), *count as usize)
        })
    }

    /// How many interests one has in a target.
    pub(crate) fn count(
        &self,
        process: ProcessNo,
        link: Option<LinkId>,
        target: &InterestTarget,
    ) -> usize {
        let of_one = self.get(target);
        of_one.and_then(|of_one| of_one.counts.get(&(process, link))).copied().unwrap_or(0)
    }

    fn get(&self, target: &InterestTarget) -> Option<&WishesOfOne> {
        match target {
            InterestTarget::Name(name) => self.by_name.get(name),
            InterestTarget::Identity(id) => self.by_identity.get(id),
            InterestTarget::Group(group) => self.by_group.get(group),
        }
    }
}

/// What hubs are told for a subscription.
pub(crate) fn interest_in(target: &SubscriptionTarget) -> InterestTarget {
    match target {
        SubscriptionTarget::Name(name) => InterestTarget::Name(name.clone()),
        SubscriptionTarget::Identity(id) => InterestTarget::Identity(*id),
        SubscriptionTarget::Group(group) => InterestTarget::Group(group.clone()),
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
    weight: usize,
}

impl OwnInterests {
    pub(crate) fn new(seed: u64) -> Self {
        let ids = SeededMap::with_hasher(SeededState(seed));
        Self { by_id: BTreeMap::new(), ids, free: IdAllocator::default(), weight: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// What they count as together: see [`Pattern::weight`].
    pub(crate) fn weight(&self) -> usize {
        self.weight
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
        self.weight += want.pattern.weight();
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
        self.weight -= want.pattern.weight();
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
#[derive(Debug, Default)]
pub(crate) struct PeerInterests {
    by_id: FxHashMap<u32, (InterestTarget, Want)>,
    weight: usize,
    /// Of all texts.
    texts: usize,
}

/// Bytes of the texts of an interest.
fn texts(target: &InterestTarget, want: &Want) -> usize {
    let name = match target {
        InterestTarget::Name(text) | InterestTarget::Group(text) => text.len(),
        InterestTarget::Identity(_) => 0,
    };
    name + want.pattern.text().len()
}

impl PeerInterests {
    /// What they count as together: see [`Pattern::weight`].
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    pub(crate) fn contains(&self, id: u32) -> bool {
        self.by_id.contains_key(&id)
    }

    /// Bytes that they count for.
    pub(crate) fn bytes(&self) -> usize {
        self.by_id.len() * INTEREST + self.texts
    }

    /// An interest under an id that is not in use.
    pub(crate) fn insert(&mut self, id: u32, target: InterestTarget, want: Want) {
        self.weight += want.pattern.weight();
        self.texts += texts(&target, &want);
        self.by_id.insert(id, (target, want));
    }

    pub(crate) fn remove(&mut self, id: u32) -> Option<(InterestTarget, Want)> {
        let (target, want) = self.by_id.remove(&id)?;
        self.weight -= want.pattern.weight();
        self.texts -= texts(&target, &want);
        Some((target, want))
    }

    /// All of them: what is wanted of each target, in order of the ids.
    pub(crate) fn into_targets(self) -> BTreeMap<InterestTarget, Vec<Want>> {
        let mut interests: Vec<_> = self.by_id.into_iter().collect();
        interests.sort_unstable_by_key(|(id, _)| *id);
        let mut targets: BTreeMap<InterestTarget, Vec<Want>> = BTreeMap::new();
        for (_, (target, want)) in interests {
            targets.entry(target).or_default().push(want);
        }
        targets
    }
}
