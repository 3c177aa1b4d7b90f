//! Symbols that mean the same on all links of a process, so that a frame is encoded once for all of
//! them. They lie above those that each link numbers by itself.

use rustc_hash::FxHashMap;

use crate::ids::Str;
use crate::limits::MAX_SYMBOLS;

use super::ring::{Slot, SymbolRing};

/// The first slot of a shared symbol; below are those of the link.
pub(in crate::wire) const FIRST_SHARED: u16 = MAX_SYMBOLS as u16;

/// The numbers of a process's shared symbols.
#[derive(Debug)]
pub(crate) struct SharedSymbols {
    ring: SymbolRing,
    epoch: u64,
}

impl SharedSymbols {
    /// An empty table; `seed` as for [`SymbolRing::new`].
    pub(crate) fn new(seed: u64) -> Self {
        Self { ring: SymbolRing::new(seed), epoch: 0 }
    }

    /// Changes whenever a slot is given to another text.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The slot of `text`. If it is a new one, it may have stood for another text before: whoever
    /// uses it sees to it that the peer knows what it stands for.
    pub(crate) fn slot(&mut self, text: &Str) -> u16 {
        let slot = self.ring.slot(text);
        self.epoch += u64::from(matches!(slot, Slot::Taken(_)));
        let (Slot::Known(slot) | Slot::Equal(slot) | Slot::New(slot) | Slot::Taken(slot)) = slot;
        FIRST_SHARED + slot
    }
}

/// The shared symbols that one peer knows: most of the time none.
#[derive(Debug, Default)]
pub(in crate::wire) struct ToldSymbols(Option<Box<FxHashMap<u16, Str>>>);

impl ToldSymbols {
    /// Whether the peer must be told that `slot` stands for `text`; notes that it is.
    pub(in crate::wire) fn tell(&mut self, slot: u16, text: &Str) -> bool {
        let told = self.0.as_ref().and_then(|known| known.get(&slot));
        if told.is_some_and(|told| told == text) {
            return false;
        }
        self.0.get_or_insert_default().insert(slot, text.clone());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(number: usize) -> Str {
        format!("subject.{number}").into()
    }

    #[test]
    fn a_text_keeps_its_slot_until_as_many_others_came() {
        let mut symbols = SharedSymbols::new(1);
        for number in 0..MAX_SYMBOLS {
            assert_eq!(symbols.slot(&text(number)), FIRST_SHARED + number as u16);
        }
        assert_eq!(symbols.slot(&text(0)), FIRST_SHARED);
        assert_eq!(symbols.slot(&text(MAX_SYMBOLS)), FIRST_SHARED);
        assert_eq!(symbols.slot(&text(1)), FIRST_SHARED + 1);
        assert_eq!(symbols.slot(&text(0)), FIRST_SHARED + 1);
        assert_eq!((symbols.ring.len(), symbols.epoch()), (MAX_SYMBOLS, 2));
    }

    #[test]
    fn a_peer_is_told_once_and_again_when_a_slot_means_something_else() {
        let mut told = ToldSymbols::default();
        let asked = [(4096, 1), (4096, 1), (4097, 1), (4096, 2), (4096, 2), (4096, 1)];
        let answers = asked.map(|(slot, number)| told.tell(slot, &text(number)));
        assert_eq!(answers, [true, false, true, true, false, true]);
    }
}
