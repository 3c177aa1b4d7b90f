//! Strings that commands name by slot. JavaScript gives each string a slot once, and gives slots to
//! other strings when it has used all of them.

use netsvc_core::Str;

use crate::numbers::slots;

/// Slots there may be.
const SLOTS: usize = slots::COMMANDS as usize;

/// The strings by slot. Slots are first defined in order, so that all below their count stand for
/// something.
#[derive(Debug, Default)]
pub(crate) struct Strings {
    slots: Vec<Str>,
    /// What all other slots stand for.
    empty: Str,
}

impl Strings {
    /// How many slots are defined.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Gives `slot` a string: a defined one, or the next if there is one. Otherwise without
    /// effect.
    pub(crate) fn define(&mut self, slot: u32, text: &str) {
        let slot = slot as usize;
        if let Some(old) = self.slots.get_mut(slot) {
            *old = text.into();
        } else if slot == self.slots.len() && slot < SLOTS {
            self.slots.push(text.into());
        }
    }

    /// The string of a slot, the same allocation each time; an empty one if it has none.
    pub(crate) fn string(&self, slot: u32) -> &Str {
        self.slots.get(slot as usize).unwrap_or(&self.empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_hands_out_the_same_allocation_until_it_is_defined_again() {
        let mut strings = Strings::default();
        strings.define(0, "a");
        strings.define(1, "b");
        let first = strings.string(0).clone();
        assert!(Str::ptr_eq(&first, strings.string(0)));
        strings.define(0, "c");
        assert_eq!((&*first, &**strings.string(0), &**strings.string(1)), ("a", "c", "b"));
        assert_eq!(strings.len(), 2);
    }

    #[test]
    fn slots_are_defined_in_order_and_bounded() {
        let mut strings = Strings::default();
        strings.define(1, "early");
        assert_eq!((strings.len(), &**strings.string(1)), (0, ""));
        for slot in 0..2 * SLOTS as u32 {
            strings.define(slot, "x");
        }
        assert_eq!(strings.len(), SLOTS);
    }
}
