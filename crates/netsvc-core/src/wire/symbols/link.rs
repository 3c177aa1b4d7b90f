//! Symbols: numbers that stand for strings in one direction of a link, so that a data frame
//! carries no names. The sender defines them as it goes; both ends hold the same table.

use std::sync::Arc;

use crate::ids::Str;
use crate::limits::{MAX_NAME, MAX_SUBJECT, MAX_SYMBOLS};

use crate::wire::error::WireError;
use crate::wire::frame::Kind;
use crate::wire::reader::Reader;

use super::ring::{Slot, SymbolRing};
use super::shared::FIRST_SHARED;

/// Stands for "no symbol" in a data frame; never a slot.
pub(in crate::wire) const NO_SYMBOL: u16 = u16::MAX;

/// What a symbol is in the frame that it is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wire) enum Use {
    Subject,
    /// A service's name.
    Name,
    Method,
}

/// How many uses there are.
const USES: usize = 3;

/// The sender's half of the table.
#[derive(Debug)]
pub(in crate::wire) struct SentSymbols {
    /// `None`: nothing that needs one was sent, as over most links of a hub.
    ring: Option<Box<SymbolRing>>,
    seed: u64,
    /// Those asked for last, by what they were: messages about one thing come in bursts.
    last: [Option<(Str, u16)>; USES],
}

impl SentSymbols {
    /// An empty table; `seed` as for [`SymbolRing::new`].
    pub(in crate::wire) fn new(seed: u64) -> Self {
        Self { ring: None, seed, last: [const { None }; USES] }
    }

    /// The slot of `text` if it was the last one to be used so.
    #[inline]
    pub(in crate::wire) fn last(&self, text: &Str, used: Use) -> Option<u16> {
        let (last, slot) = self.last[used as usize].as_ref()?;
        Arc::ptr_eq(last, text).then_some(*slot)
    }

    /// The slot of `text` and whether the peer must be told its definition first. Defining takes
    /// the slot of the oldest definition when all are in use, so a slot is good for one use only.
    pub(in crate::wire) fn slot(&mut self, text: &Str, used: Use) -> (u16, bool) {
        let seed = self.seed;
        let ring = self.ring.get_or_insert_with(|| Box::new(SymbolRing::new(seed)));
        match ring.slot(text) {
            Slot::Known(slot) => {
                self.last[used as usize] = Some((text.clone(), slot));
                (slot, false)
            }
            Slot::Equal(slot) => (slot, false),
            Slot::New(slot) => (slot, true),
            Slot::Taken(slot) => {
                self.last = [const { None }; USES];
                (slot, true)
            }
        }
    }
}

/// Shared symbols that a receiver makes room for together: a KiB of room.
const PAGE: usize = 64;

type Page = [Option<Str>; PAGE];

/// The receiver's half of the table.
#[derive(Debug, Default)]
pub(in crate::wire) struct ReceivedSymbols {
    texts: Vec<Str>,
    /// Those that the sender shares among its links, from [`FIRST_SHARED`] on, by page.
    shared: Vec<Option<Box<Page>>>,
    /// Of all texts.
    bytes: usize,
}

impl ReceivedSymbols {
    /// Reads the body of a SYMBOL.
    ///
    /// New slots of the link's own come in order, so that the table grows with what was received,
    /// not at once to the slot that the peer names. Shared ones come in any order; one of them
    /// makes the table grow by a page and a half at most.
    pub(in crate::wire) fn define(&mut self, body: &[u8]) -> Result<(), WireError> {
        let mut reader = Reader::new(Kind::Symbol.name(), body);
        let slot = reader.u16()?;
        let text = reader.string("symbol", MAX_SUBJECT)?;
        reader.end()?;
        let index = usize::from(slot);
        let bytes = text.len();
        if let Some(old) = self.texts.get_mut(index) {
            self.bytes -= old.len();
            *old = text;
        } else if index == self.texts.len() && index < MAX_SYMBOLS {
            self.texts.push(text);
        } else if let Some(index) = shared(slot).filter(|index| *index < MAX_SYMBOLS) {
            let page = index / PAGE;
            if page >= self.shared.len() {
                self.shared.resize_with(page + 1, || None);
            }
            let page = self.shared[page].get_or_insert_with(|| Box::new([const { None }; PAGE]));
            let old = page[index % PAGE].replace(text);
            self.bytes -= old.map_or(0, |old| old.len());
        } else {
            return Err(WireError::SymbolSlot { slot });
        }
        self.bytes += bytes;
        Ok(())
    }

    /// Bytes of all texts.
    pub(in crate::wire) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What `slot` stands for.
    #[inline]
    pub(in crate::wire) fn get(&self, slot: u16) -> Option<&Str> {
        match shared(slot) {
            None => self.texts.get(usize::from(slot)),
            Some(index) => self.shared.get(index / PAGE)?.as_ref()?[index % PAGE].as_ref(),
        }
    }

    /// What `slot` stands for, as a subject.
    #[inline]
    pub(in crate::wire) fn subject(&self, slot: u16) -> Result<&Str, WireError> {
        self.get(slot).ok_or(WireError::Symbol { slot })
    }

    /// What `slot` stands for, as a name; `field` says which, for errors.
    #[inline]
    pub(in crate::wire) fn name(&self, field: &'static str, slot: u16) -> Result<&Str, WireError> {
        let text = self.subject(slot)?;
        match text.len() {
            bytes if bytes > MAX_NAME => {
                Err(WireError::StringTooLong { field, bytes, limit: MAX_NAME })
            }
            _ => Ok(text),
        }
    }
}

/// The index of a shared slot among them.
fn shared(slot: u16) -> Option<usize> {
    slot.checked_sub(FIRST_SHARED).map(usize::from)
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use super::*;
    use crate::collections::seeded_map::SeededState;

    fn text(number: usize) -> Str {
        format!("subject.{number}").into()
    }

    fn definition(slot: u16, text: &[u8]) -> Vec<u8> {
        let len = u16::try_from(text.len()).unwrap();
        [&slot.to_le_bytes()[..], &len.to_le_bytes()[..], text].concat()
    }

    #[test]
    fn the_ring_forgets_the_oldest_definition() {
        let mut sent = SentSymbols::new(1);
        for number in 0..MAX_SYMBOLS {
            assert_eq!(sent.slot(&text(number), Use::Subject), (number as u16, true));
        }
        assert_eq!(sent.slot(&text(0), Use::Subject), (0, false));
        assert_eq!(sent.slot(&text(MAX_SYMBOLS), Use::Subject), (0, true));
        assert_eq!(sent.slot(&text(1), Use::Subject), (1, false));
        assert_eq!(sent.slot(&text(0), Use::Subject), (1, true));
        assert_eq!(sent.slot(&text(MAX_SYMBOLS), Use::Subject), (0, false));
        assert_eq!(sent.ring.map(|ring| ring.len()), Some(MAX_SYMBOLS));
    }

    #[test]
    fn both_ends_agree_through_several_rounds_of_the_ring() {
        let (mut sent, mut received) = (SentSymbols::new(2), ReceivedSymbols::default());
        // Steps of a prime: texts come back sooner and later than their slot is taken.
        for step in 0..4 * MAX_SYMBOLS {
            let text = text(step * 7 % (MAX_SYMBOLS + step % 1000));
            let (slot, new) = sent.slot(&text, Use::Subject);
            if new {
                received.define(&definition(slot, text.as_bytes())).unwrap();
            }
            assert_eq!(received.subject(slot), Ok(&text));
        }
    }

    #[test]
    fn slots_are_defined_in_order_and_within_the_table() {
        let mut received = ReceivedSymbols::default();
        let beyond = |slot| Err(WireError::SymbolSlot { slot });
        assert_eq!(received.define(&definition(1, b"a")), beyond(1));
        for slot in 0..MAX_SYMBOLS as u16 {
            assert_eq!(received.define(&definition(slot, b"a")), Ok(()));
        }
        assert_eq!(received.define(&definition(5, b"b")), Ok(()));
        assert_eq!(received.subject(5), Ok(&"b".into()));
        assert_eq!(received.subject(NO_SYMBOL), Err(WireError::Symbol { slot: NO_SYMBOL }));
    }

    #[test]
    fn shared_slots_are_defined_in_any_order_and_within_the_table() {
        let mut received = ReceivedSymbols::default();
        for (slot, text) in [(4100, "a"), (4096, "b"), (8191, "c"), (4100, "d")] {
            assert_eq!(received.define(&definition(slot, text.as_bytes())), Ok(()));
        }
        let texts = [4096, 4100, 8191].map(|slot| received.subject(slot).unwrap().to_string());
        assert_eq!(texts, ["b", "d", "c"]);
        for slot in [0, 4097, 8190] {
            assert_eq!(received.subject(slot), Err(WireError::Symbol { slot }));
        }
        for slot in [8192, u16::MAX] {
            let error = Err(WireError::SymbolSlot { slot });
            assert_eq!(received.define(&definition(slot, b"a")), error);
        }
        assert_eq!(received.bytes(), 3);
    }

    #[test]
    fn a_symbol_may_be_longer_than_a_name() {
        let mut received = ReceivedSymbols::default();
        received.define(&definition(0, &[b'x'; MAX_NAME + 1])).unwrap();
        let error = WireError::StringTooLong { field: "method", bytes: 256, limit: 255 };
        assert_eq!(received.name("method", 0), Err(error));
        assert!(received.subject(0).is_ok());
    }

    #[test]
    fn the_seed_decides_the_hash() {
        let hash = |seed| SeededState(seed).hash_one("temperature.kitchen");
        assert_eq!(hash(1), hash(1));
        assert_ne!(hash(1), hash(2));
    }
}
