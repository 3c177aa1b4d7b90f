//! Values by ids that are mostly small numbers dealt out in a row.

use std::hash::Hash;

use rustc_hash::FxHashMap;

use crate::ids::{LinkId, ProcessNo, ServiceNo};

/// Slots of the smallest table that is not empty; always a power of two.
const MIN_SLOTS: usize = 4;
/// Slots that stay when little is left in them.
const KEPT_SLOTS: usize = 512;

/// An id that is a number, or has one in its lower half.
pub(crate) trait Id: Copy + Eq + Hash {
    /// Ids that are in use at once mostly differ in the lowest bits of this.
    fn number(self) -> u32;
}

impl Id for u32 {
    #[inline]
    fn number(self) -> u32 {
        self
    }
}

/// netsvc itself, on either side, numbers the slots of a table of its own in the lower half, and
/// counts in the upper half how often each was used.
impl Id for u64 {
    #[inline]
    fn number(self) -> u32 {
        self as u32
    }
}

macro_rules! numbers {
    ($($id:ident)*) => {
        $(impl Id for $id {
            #[inline]
            fn number(self) -> u32 {
                self.0
            }
        })*
    };
}

numbers!(LinkId ProcessNo ServiceNo);

/// A table that is indexed by the lowest bits of an id: a sixth of what it takes to hash it.
///
/// Peers and applications may choose any ids. Where two want one slot, one of them is found by its
/// hash; a table of at most four slots for each value is all the memory that their choice can cost.
#[derive(Debug)]
pub(crate) struct IdMap<K, V> {
    slots: Vec<Option<(K, V)>>,
    /// Whose slot is taken.
    others: FxHashMap<K, V>,
    len: usize,
}

impl<K, V> Default for IdMap<K, V> {
    fn default() -> Self {
        Self { slots: Vec::new(), others: FxHashMap::default(), len: 0 }
    }
}

impl<K: Id, V> IdMap<K, V> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[allow(clippy::inline_always, reason = "the path of every message")]
    #[inline(always)]
    pub(crate) fn get(&self, id: K) -> Option<&V> {
        match self.slots.get(self.slot(id)) {
            Some(Some((known, value))) if *known == id => Some(value),
            _ if self.others.is_empty() => None,
            _ => self.others.get(&id),
        }
    }

    #[allow(clippy::inline_always, reason = "the path of every message")]
    #[inline(always)]
    pub(crate) fn get_mut(&mut self, id: K) -> Option<&mut V> {
        let slot = self.slot(id);
        match self.slots.get_mut(slot) {
            Some(Some((known, value))) if *known == id => Some(value),
            _ if self.others.is_empty() => None,
            _ => self.others.get_mut(&id),
        }
    }

    pub(crate) fn contains(&self, id: K) -> bool {
        self.get(id).is_some()
    }

    /// Enters a value; returns what was there before.
    #[inline]
    pub(crate) fn insert(&mut self, id: K, value: V) -> Option<V> {
        if let Some(known) = self.get_mut(id) {
            return Some(std::mem::replace(known, value));
        }
        self.insert_new(id, value);
        None
    }

    /// As [`insert`](Self::insert), of an id that is not in use.
    #[inline]
    pub(crate) fn insert_new(&mut self, id: K, value: V) {
        debug_assert!(!self.contains(id), "an id is used twice");
        self.len += 1;
        self.place(id, value);
    }

    #[allow(clippy::inline_always, reason = "the path of every request")]
    #[inline(always)]
    pub(crate) fn remove(&mut self, id: K) -> Option<V> {
        let slot = self.slot(id);
        let removed = match self.slots.get_mut(slot) {
            Some(slot) if slot.as_ref().is_some_and(|(known, _)| *known == id) => {
                slot.take().map(|(_, value)| value)
            }
            _ => self.others.remove(&id),
        };
        if removed.is_some() {
            self.len -= 1;
            if self.slots.len() > KEPT_SLOTS && self.len < self.slots.len() / 8 {
                self.resize(self.len * 2);
            }
        }
        removed
    }

    /// All of them, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        let slots = self.slots.iter().flatten().map(|(id, value)| (*id, value));
        slots.chain(self.others.iter().map(|(id, value)| (*id, value)))
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        let slots = self.slots.iter_mut().flatten().map(|(_, value)| value);
        slots.chain(self.others.values_mut())
    }

    #[inline]
    fn slot(&self, id: K) -> usize {
        id.number() as usize & self.slots.len().wrapping_sub(1)
    }

    #[inline]
    fn place(&mut self, id: K, value: V) {
        let slot = self.slot(id);
        match self.slots.get_mut(slot) {
            Some(free @ None) => *free = Some((id, value)),
            _ => self.make_place(id, value),
        }
    }

    /// Its slot is taken, or there is none.
    #[inline(never)] // Kept out of the way of ids in a row.
    fn make_place(&mut self, id: K, value: V) {
        // They fill every slot before two of them want the same.
        if self.len > self.slots.len() / 2 {
            self.resize(self.slots.len() * 2);
        }
        self.put(id, value);
    }

    fn put(&mut self, id: K, value: V) {
        let slot = self.slot(id);
        match self.slots.get_mut(slot) {
            Some(free @ None) => *free = Some((id, value)),
            _ => {
                self.others.insert(id, value);
            }
        }
    }

    #[cold]
    fn resize(&mut self, slots: usize) {
        let old = std::mem::take(&mut self.slots).into_iter().flatten();
        let others = std::mem::take(&mut self.others);
        let slots = slots.max(MIN_SLOTS).next_power_of_two();
        self.slots.resize_with(slots, || None);
        for (id, value) in old.chain(others) {
            self.put(id, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn as_a_map_would_do_it_whatever_ids_are_chosen() {
        let (mut calls, mut model) = (IdMap::default(), BTreeMap::new());
        let mut state = 1u64;
        for number in 0..50_000u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(number);
            // Few slots, some of them too high, each with several generations.
            let low = [state >> 60, (state >> 50) % 400, 4090 + (state >> 61)][number as usize % 3];
            let id = ((state >> 33) % 3) << 32 | low;
            assert_eq!(calls.get(id), model.get(&id));
            if model.contains_key(&id) || number % 1000 > 900 {
                assert_eq!(calls.remove(id), model.remove(&id));
            } else {
                assert_eq!(calls.insert(id, number), None);
                model.insert(id, number);
            }
            assert_eq!(calls.len(), model.len());
        }
        let known: BTreeMap<u64, u64> = calls.iter().map(|(id, value)| (id, *value)).collect();
        assert_eq!(known, model);
    }

    #[test]
    fn ids_in_a_row_never_meet() {
        let mut map = IdMap::default();
        for number in 1..100_000u32 {
            map.insert(number, number);
            map.remove(number.wrapping_sub(1000));
            assert!(map.others.is_empty() && map.slots.len() <= 2048);
        }
    }

    #[test]
    fn what_peers_choose_costs_no_more_than_it_counts() {
        let mut map = IdMap::default();
        for number in 0..1000u64 {
            map.insert(number << 20, ());
            assert!(map.slots.len() <= MIN_SLOTS.max(map.len() * 4), "{}", map.len());
        }
        assert!((0..1000u64).all(|number| map.contains(number << 20)));
    }

    #[test]
    fn memory_is_freed() {
        let mut map = IdMap::default();
        for number in 0..100_000u32 {
            map.insert(number, [0u64; 4]);
        }
        for number in 0..100_000u32 {
            map.remove(number);
        }
        assert!(map.slots.capacity() <= KEPT_SLOTS && map.others.capacity() == 0);
    }
}
