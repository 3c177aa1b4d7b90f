//! Numbers for strings that are used again and again, as many as there are slots.

use crate::collections::pointer_cache::PointerCache;
use crate::collections::seeded_map::{SeededMap, SeededState};
use crate::ids::Str;
use crate::limits::MAX_SYMBOLS;

/// Slots in the order in which they are given; then the one given longest ago is given again.
#[derive(Debug)]
pub(in crate::wire) struct SymbolRing {
    slots: SeededMap<Str, u16>,
    /// Slots of the strings themselves; right as long as no slot was given to another text.
    known: PointerCache<u16>,
    /// What each slot stands for, by slot.
    texts: Vec<Str>,
    /// The slot to be given next.
    next: u16,
}

/// The slot of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wire) enum Slot {
    /// Found by the string itself.
    Known(u16),
    /// Found by what it says; by the string itself from now on.
    Equal(u16),
    /// It had none.
    New(u16),
    /// It had none, and this one stood for another text.
    Taken(u16),
}

impl SymbolRing {
    /// An empty ring. `seed` keeps the peers, who choose the strings, from aiming at collisions.
    pub(in crate::wire) fn new(seed: u64) -> Self {
        let slots = SeededMap::with_hasher(SeededState(seed));
        Self { slots, known: PointerCache::new(MAX_SYMBOLS), texts: Vec::new(), next: 0 }
    }

    pub(in crate::wire) fn slot(&mut self, text: &Str) -> Slot {
        if let Some(slot) = self.known.get(text) {
            return Slot::Known(*slot);
        }
        if let Some(slot) = self.slots.get(text).copied() {
            self.known.insert(text, slot);
            return Slot::Equal(slot);
        }
        let slot = self.next;
        self.next = (slot + 1) % MAX_SYMBOLS as u16;
        self.slots.insert(text.clone(), slot);
        let Some(old) = self.texts.get_mut(usize::from(slot)) else {
            self.texts.push(text.clone());
            return Slot::New(slot);
        };
        self.slots.remove(old);
        self.known.clear();
        *old = text.clone();
        Slot::Taken(slot)
    }

    /// Texts that have a slot.
    #[cfg(test)]
    pub(in crate::wire) fn len(&self) -> usize {
        debug_assert_eq!(self.slots.len(), self.texts.len());
        self.texts.len()
    }
}
