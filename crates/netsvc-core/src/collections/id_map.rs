//! Requests by the ids that others chose for them: a peer, or the application.

use rustc_hash::FxHashMap;

use crate::ids::CallId;

/// Ids that are found by their lower half, if that is below this number.
const MAX_SLOTS: usize = 4096;
/// Slots that stay when nothing is in flight.
const KEPT_SLOTS: usize = 512;

/// They may choose any. But netsvc itself, on either side, numbers the slots of a table of its own:
/// the lower half of an id is small, and in use once at a time, so that it says where the id is here.
#[derive(Debug, Default)]
pub(crate) struct IdMap {
    slots: Vec<Option<(u64, CallId)>>,
    /// Ids of which the slot is too high, or taken.
    others: FxHashMap<u64, CallId>,
    len: usize,
}

impl IdMap {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get(&self, id: u64) -> Option<CallId> {
        match self.slots.get(slot(id)) {
            Some(Some((known, call))) if *known == id => Some(*call),
            _ if self.others.is_empty() => None,
            _ => self.others.get(&id).copied(),
        }
    }

    /// Enters a request; the id must not be in use.
    pub(crate) fn insert(&mut self, id: u64, call: CallId) {
        self.len += 1;
        let slot = slot(id);
        if slot >= self.slots.len() && slot < MAX_SLOTS {
            self.slots.resize(slot + 1, None);
        }
        match self.slots.get_mut(slot) {
            Some(free @ None) => *free = Some((id, call)),
            _ => {
                self.others.insert(id, call);
            }
        }
    }

    pub(crate) fn remove(&mut self, id: u64) -> Option<CallId> {
        let removed = match self.slots.get_mut(slot(id)) {
            Some(slot) if slot.is_some_and(|(known, _)| known == id) => {
                slot.take().map(|(_, call)| call)
            }
            _ => self.others.remove(&id),
        };
        if removed.is_some() {
            self.len -= 1;
            if self.len == 0 && self.slots.len() > KEPT_SLOTS {
                *self = Self::default();
            }
        }
        removed
    }

    /// All of them, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, CallId)> {
        let others = self.others.iter().map(|(id, call)| (*id, *call));
        self.slots.iter().copied().flatten().chain(others)
    }
}

fn slot(id: u64) -> usize {
    (id & 0xffff_ffff) as usize
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
            assert_eq!(calls.get(id), model.get(&id).copied());
            if model.contains_key(&id) || number % 1000 > 900 {
                assert_eq!(calls.remove(id), model.remove(&id));
            } else {
                calls.insert(id, CallId(number));
                model.insert(id, CallId(number));
            }
            assert_eq!(calls.len(), model.len());
        }
        assert_eq!(calls.iter().collect::<BTreeMap<_, _>>(), model);
        for id in model.into_keys() {
            calls.remove(id);
        }
        assert_eq!((calls.len(), calls.slots.capacity()), (0, 0));
    }
}
