//! What a subscription knows of each service, found without hashing identities for every report.

use rustc_hash::FxHashMap;

use crate::collections::seeded_map::{SeededMap, SeededState};
use crate::ids::{ServiceId, ServiceNo};

/// A table by identity, in which an entry is found without hashing if the service's number in this
/// process is known as well.
#[derive(Debug)]
pub(crate) struct ServiceMap<F> {
    slots: Vec<(ServiceId, F)>,
    by_id: SeededMap<ServiceId, usize>,
    /// Where a service was found last; only a hint, checked by the identity in the slot.
    hints: FxHashMap<ServiceNo, usize>,
    /// The latest of them, since reports come in bursts.
    newest: (ServiceNo, usize),
}

/// Where an entry is, until the next is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(usize);

/// Hints kept beyond one per service: numbers change when a service returns.
const SPARE_HINTS: usize = 16;

impl<F: Default> ServiceMap<F> {
    pub(crate) fn new(seed: u64) -> Self {
        let by_id = SeededMap::with_hasher(SeededState(seed));
        Self { slots: Vec::new(), by_id, hints: FxHashMap::default(), newest: (ServiceNo(0), 0) }
    }

    pub(crate) fn get(&self, id: ServiceId) -> Option<&F> {
        let slot = *self.by_id.get(&id)?;
        self.slots.get(slot).map(|(_, feed)| feed)
    }

    pub(crate) fn get_mut(&mut self, id: ServiceId) -> Option<&mut F> {
        let slot = *self.by_id.get(&id)?;
        self.slots.get_mut(slot).map(|(_, feed)| feed)
    }

    /// As [`get_mut`](Self::get_mut), but faster, since the service's number here is known too.
    pub(crate) fn find(&mut self, no: ServiceNo, id: ServiceId) -> Option<&mut F> {
        let Place(slot) = self.place(no, id)?;
        self.slots.get_mut(slot).map(|(_, feed)| feed)
    }

    pub(crate) fn at(&mut self, place: Place) -> Option<&mut F> {
        self.slots.get_mut(place.0).map(|(_, feed)| feed)
    }

    /// Where the entry of a service is.
    pub(crate) fn place(&mut self, no: ServiceNo, id: ServiceId) -> Option<Place> {
        let (newest, slot) = self.newest;
        if newest == no && self.slots.get(slot).is_some_and(|(known, _)| *known == id) {
            return Some(Place(slot));
        }
        let hinted = self.hints.get(&no).copied();
        let slot = match hinted {
            Some(slot) if self.slots.get(slot).is_some_and(|(known, _)| *known == id) => slot,
            _ => {
                let slot = *self.by_id.get(&id)?;
                if self.hints.len() > self.slots.len() + SPARE_HINTS {
                    self.hints.clear();
                }
                self.hints.insert(no, slot);
                slot
            }
        };
        self.newest = (no, slot);
        Some(Place(slot))
    }

    pub(crate) fn entry(&mut self, id: ServiceId) -> &mut F {
        let slot = *self.by_id.entry(id).or_insert_with(|| {
            self.slots.push((id, F::default()));
            self.slots.len() - 1
        });
        &mut self.slots[slot].1
    }

    pub(crate) fn remove(&mut self, id: ServiceId) {
        let Some(slot) = self.by_id.remove(&id) else { return };
        self.slots.swap_remove(slot);
        if let Some((moved, _)) = self.slots.get(slot) {
            self.by_id.insert(*moved, slot);
        }
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &F> {
        self.slots.iter().map(|(_, feed)| feed)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut F> {
        self.slots.iter_mut().map(|(_, feed)| feed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ProcessId;

    fn id(counter: u32) -> ServiceId {
        ServiceId { process: ProcessId([7; 16]), counter }
    }

    #[test]
    fn every_way_in_leads_to_the_same_entry_whatever_was_removed() {
        let mut feeds = ServiceMap::<u32>::new(1);
        for counter in 0..100 {
            *feeds.entry(id(counter)) = counter;
            assert_eq!(feeds.find(ServiceNo(counter), id(counter)), Some(&mut counter.clone()));
        }
        for counter in (0..100).step_by(3) {
            feeds.remove(id(counter));
        }
        for counter in 0..100 {
            let kept = (counter % 3 != 0).then_some(counter);
            assert_eq!(feeds.get(id(counter)).copied(), kept);
            assert_eq!(feeds.get_mut(id(counter)).copied(), kept);
            assert_eq!(feeds.find(ServiceNo(counter), id(counter)).copied(), kept);
        }
        assert_eq!(feeds.values().count(), 66);
    }

    #[test]
    fn a_service_that_returns_under_other_numbers_leaves_few_hints() {
        let mut feeds = ServiceMap::<u32>::new(1);
        *feeds.entry(id(1)) = 5;
        for number in 0..1000 {
            assert_eq!(feeds.find(ServiceNo(number), id(1)), Some(&mut 5));
        }
        assert!(feeds.hints.len() <= 2 + SPARE_HINTS);
    }
}
